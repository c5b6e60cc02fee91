"""Sending to a server that keeps sessions, budgets and message ids as WeCom does."""

import pytest

from gateway.domain.errors import DeliveryError, Failure
from gateway.testing.builders import outbound
from gateway.testing.provider import Answer, FakeProvider, refused_url
from gateway.testing.world import build_world
from tests.channels.wecom.fake import CUSTOMER, KFID, OTHER_KFID, FakeWeCom


@pytest.fixture
async def wecom():
    async with FakeWeCom() as server:
        yield server


async def failure_of(awaitable):
    with pytest.raises(DeliveryError) as caught:
        await awaitable
    return caught.value


def message(number=1, **changes):
    return outbound(**({"id": f"id{number:022d}", "to": CUSTOMER, "text": "您好 🙏"} | changes))


async def test_a_message_goes_out_under_our_id_from_the_account_that_was_written_to(wecom):
    wecom.writes()
    channel = wecom.account(open_kfids=(KFID, OTHER_KFID))
    sent = await channel.send(message(reply_to={"open_kfid": OTHER_KFID}))
    assert sent.external_id == f"id{1:022d}"
    assert wecom.sent[sent.external_id] == {
        "touser": CUSTOMER,
        "open_kfid": OTHER_KFID,
        "msgid": f"id{1:022d}",
        "msgtype": "text",
        "text": {"content": "您好 🙏"},
    }
    other = await channel.send(message(2))
    assert wecom.sent[other.external_id]["open_kfid"] == KFID


@pytest.mark.parametrize("ours", ["x" * 33, "with a blank", "字", "a.b"])
async def test_an_id_that_wecom_does_not_take_becomes_one_that_it_takes(wecom, ours):
    wecom.writes()
    first = await wecom.account().send(message(id=ours))
    assert first.external_id in wecom.sent
    again = await failure_of(wecom.account().send(message(id=ours, attempt=2)))
    assert again.provider_code == "95999", "the same id at every try"


async def test_five_messages_and_then_the_customer_has_to_write(wecom):
    wecom.writes()
    channel = wecom.account()
    for number in range(5):
        await channel.send(message(number))
    failure = await failure_of(channel.send(message(5)))
    assert (failure.failure, failure.provider_code) == (Failure.WINDOW_CLOSED, "95001")
    wecom.writes()
    await channel.send(message(5))
    assert len(wecom.sent) == 6


async def test_a_second_try_under_the_same_id_is_not_a_second_message(wecom):
    """The first one arrived and its answer was lost; whatever code WeCom then has for it."""
    wecom.writes()
    channel = wecom.account()
    await channel.send(message())
    failure = await failure_of(channel.send(message(attempt=2)))
    assert failure.failure is Failure.UNKNOWN
    assert len(wecom.sent) == 1
    # At a first try no message of ours can have been there.
    failure = await failure_of(channel.send(message(attempt=1)))
    assert failure.failure is Failure.REJECTED


@pytest.mark.parametrize(
    ("state", "failure"),
    [
        (2, Failure.REJECTED),
        (3, Failure.REJECTED),
        (4, Failure.WINDOW_CLOSED),
        (9, Failure.REJECTED),
    ],
)
async def test_in_another_state_nothing_is_sent_and_the_state_decides(wecom, state, failure):
    wecom.states[CUSTOMER] = state
    found = await failure_of(wecom.account().send(message()))
    assert (found.failure, found.provider_code) == (failure, "95018")
    assert [path for path, _ in wecom.calls] == ["gettoken", "kf/send_msg", "kf/service_state/get"]
    assert wecom.calls[-1][1] == {"open_kfid": KFID, "external_userid": CUSTOMER}
    assert CUSTOMER not in str(found)
    assert wecom.sent == {}


@pytest.mark.parametrize("state", [0, 1])
async def test_a_session_that_is_ours_again_is_tried_again(wecom, state):
    wecom.writes()
    wecom.states[CUSTOMER] = state
    wecom.errors["kf/send_msg"] = [95018]
    assert (await failure_of(wecom.account().send(message()))).failure is Failure.RETRY
    await wecom.account().send(message(attempt=2))


async def test_a_state_that_cannot_be_read_is_tried_again(wecom):
    wecom.states[CUSTOMER] = 3
    wecom.errors["kf/service_state/get"] = [48002]
    found = await failure_of(wecom.account().send(message()))
    assert (found.failure, found.provider_code) == (Failure.RETRY, "95018")


async def test_the_probe_says_what_is_wrong(wecom):
    channel = wecom.account(open_kfids=(KFID, OTHER_KFID))
    assert (await channel.health()).ok
    wecom.broken.add(OTHER_KFID)
    health = await channel.health()
    assert (health.ok, health.detail) == (False, f"the app may not manage {OTHER_KFID}")
    health = await wecom.account(build_world("b"), secret="another").health()
    assert not health.ok
    assert "secret is refused" in health.detail
    with refused_url() as nobody:
        health = await wecom.account(build_world("c"), base_url=nobody).health()
        assert not health.ok
    good = Answer(body={"access_token": "AT", "expires_in": 7200, "errcode": 0})
    async with FakeProvider(good, Answer(body={"errcode": 0, "account_list": "?"})) as provider:
        health = await wecom.account(build_world("d"), base_url=provider.url).health()
        assert not health.ok
