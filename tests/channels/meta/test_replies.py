"""Answers on Messenger and Instagram: at the comment, once in private, and within windows."""

import pytest

from channels.instagram import Instagram
from channels.messenger import Messenger
from gateway.domain.errors import DeliveryError, Failure
from gateway.domain.model import Attachment, Visibility
from gateway.domain.window import Rules
from gateway.testing.builders import outbound
from gateway.testing.provider import Answer, FakeProvider
from gateway.testing.world import build_world
from tests.channels.meta.accounts import (
    ACCOUNT,
    COMMENT,
    IGSID,
    PAGE,
    PSID,
    account,
    call,
    graph_error,
)

PAGES = (Messenger, Instagram)
SENT = Answer(200, {"recipient_id": PSID, "message_id": "m_1"})
PUBLISHED = Answer(200, {"id": "880011223344_7002"})
DAY = 24 * 3600.0


def to(channel, **changes):
    return outbound(**({"to": PSID if channel is Messenger else IGSID} | changes))


def at_comment(world, channel=Messenger, comment=COMMENT, left=7 * DAY, **changes):
    """An answer to a comment, `left` seconds before its time is over."""
    place = {"comment": comment, "until": world.clock.now() + left, "thread": comment}
    return to(channel, reply_to=place, **changes)


def where(channel):
    return f"/v25.0/{PAGE}/messages" if channel is Messenger else "/v25.0/me/messages"


async def failing(channel, provider, message, world=None):
    with pytest.raises(DeliveryError) as failed:
        await account(channel, provider.url, world, human_agent=True).send(message)
    return failed.value


# ---------------------------------------------------------------- within the window, and behind it


@pytest.mark.parametrize("channel", PAGES)
@pytest.mark.parametrize("automatic", [True, False])
async def test_within_a_day_it_is_a_response(channel, automatic):
    async with FakeProvider(SENT) as provider:
        message = to(channel, text="您好 🙏", automatic=automatic)
        assert (await account(channel, provider.url).send(message)).external_id == "m_1"
    (sent,) = provider.calls
    assert sent.path == where(channel)
    assert sent.json() == {
        "recipient": {"id": message.to},
        "message": {"text": "您好 🙏"},
        "messaging_type": "RESPONSE",
    }


@pytest.mark.parametrize("channel", PAGES)
async def test_what_a_person_writes_later_is_marked_as_such(channel):
    async with FakeProvider(SENT) as provider:
        message = to(channel, automatic=False, beyond_window=True)
        await account(channel, provider.url, human_agent=True).send(message)
    sent = provider.calls[0].json()
    assert (sent["messaging_type"], sent["tag"]) == ("MESSAGE_TAG", "HUMAN_AGENT")


@pytest.mark.parametrize("channel", PAGES)
async def test_an_automatic_text_never_passes_for_a_persons(channel):
    async with FakeProvider() as provider:
        error = await failing(channel, provider, to(channel, automatic=True, beyond_window=True))
    assert error.failure is Failure.WINDOW_CLOSED
    assert not provider.calls


@pytest.mark.parametrize("channel", PAGES)
def test_people_have_seven_days_where_meta_has_granted_it(channel):
    plain, granted = account(channel), account(channel, human_agent=True)
    assert Rules.of(plain.capabilities) == Rules(window=DAY, comments=True)
    assert Rules.of(granted.capabilities) == Rules(window=DAY, human_only=7 * DAY, comments=True)
    assert granted.kind == channel.kind


# ---------------------------------------------------------------- at the comment


async def test_a_public_answer_on_facebook_stands_under_the_comment():
    async with FakeProvider(PUBLISHED) as provider:
        world = build_world()
        message = at_comment(world, text="请私信我们。", visibility=Visibility.PUBLIC)
        sent = await account(Messenger, provider.url, world).send(message)
    (asked,) = provider.calls
    assert (asked.path, asked.json()) == (f"/v25.0/{COMMENT}/comments", {"message": "请私信我们。"})
    assert sent.external_id == "880011223344_7002"


async def test_a_public_answer_on_instagram_stands_under_the_first_comment_of_the_thread():
    comment = {"id": "21", "parent_id": "20", "text": "hi", "from": {"id": IGSID, "username": "w"}}
    entry = {
        "id": ACCOUNT,
        "time": 1767225598,
        "changes": [{"field": "comments", "value": comment}],
    }
    async with FakeProvider(PUBLISHED) as provider:
        ours = account(Instagram, provider.url)
        (event,) = ours.parse(call("instagram", entry)).events
        assert event.visibility is Visibility.PUBLIC
        await ours.send(to(Instagram, visibility=Visibility.PUBLIC, reply_to=event.reply_to))
    assert provider.calls[0].path == "/v25.0/20/replies"


async def test_an_id_of_a_comment_stays_within_its_part_of_the_address():
    async with FakeProvider(PUBLISHED) as provider:
        world = build_world()
        message = at_comment(world, comment="../me?a=b", visibility=Visibility.PUBLIC)
        await account(Messenger, provider.url, world).send(message)
    assert dict(provider.calls[0].query).keys() == {"appsecret_proof"}


@pytest.mark.parametrize("channel", PAGES)
async def test_without_a_comment_there_is_no_place_for_a_public_answer(channel):
    async with FakeProvider() as provider:
        error = await failing(channel, provider, to(channel, visibility=Visibility.PUBLIC))
    assert error.failure is Failure.REJECTED
    assert not provider.calls


# ---------------------------------------------------------------- in private, once


@pytest.mark.parametrize("channel", PAGES)
async def test_the_private_answer_to_a_comment_is_a_private_reply(channel):
    async with FakeProvider(SENT) as provider:
        world = build_world()
        message = at_comment(world, channel, text="您好")
        assert (await account(channel, provider.url, world).send(message)).external_id == "m_1"
    (sent,) = provider.calls
    assert sent.path == where(channel)
    assert sent.json() == {"recipient": {"comment_id": COMMENT}, "message": {"text": "您好"}}


async def test_both_parts_of_an_answer_are_one_request_each():
    async with FakeProvider(PUBLISHED, SENT) as provider:
        world = build_world()
        ours = account(Messenger, provider.url, world)
        await ours.send(at_comment(world, id="a", visibility=Visibility.PUBLIC))
        await ours.send(at_comment(world, id="b"))
    assert [sent.path.rpartition("/")[2] for sent in provider.calls] == ["comments", "messages"]


async def test_a_second_private_message_is_an_ordinary_one_which_meta_may_refuse():
    refused = Answer(400, graph_error(10, 2018278))
    async with FakeProvider(SENT, refused) as provider:
        world = build_world()
        await account(Messenger, provider.url, world).send(at_comment(world, id="a"))
        error = await failing(Messenger, provider, at_comment(world, id="b"), world)
    assert error.failure is Failure.WINDOW_CLOSED
    assert provider.calls[1].json()["recipient"] == {"id": PSID}


async def test_every_comment_has_a_private_reply_of_its_own():
    async with FakeProvider(SENT, SENT) as provider:
        world = build_world()
        ours = account(Messenger, provider.url, world)
        await ours.send(at_comment(world, comment="c_1", id="a"))
        await ours.send(at_comment(world, comment="c_2", id="b"))
    replied = [sent.json()["recipient"]["comment_id"] for sent in provider.calls]
    assert replied == ["c_1", "c_2"]


async def test_the_same_message_is_tried_again_at_the_same_comment():
    async with FakeProvider(Answer(500, graph_error(2)), SENT) as provider:
        world = build_world()
        error = await failing(Messenger, provider, at_comment(world, id="a"), world)
        assert error.failure is Failure.RETRY
        await account(Messenger, provider.url, world).send(at_comment(world, id="a", attempt=2))
    assert provider.calls[1].json()["recipient"] == {"comment_id": COMMENT}


async def test_a_refused_text_leaves_the_comment_to_another():
    async with FakeProvider(Answer(400, graph_error(100)), SENT) as provider:
        world = build_world()
        error = await failing(Messenger, provider, at_comment(world, id="a"), world)
        assert error.failure is Failure.REJECTED
        await account(Messenger, provider.url, world).send(at_comment(world, id="b"))
    assert provider.calls[1].json()["recipient"] == {"comment_id": COMMENT}


async def test_after_an_unknown_outcome_no_other_message_takes_the_comment():
    async with FakeProvider(Answer(500), SENT) as provider:
        world = build_world()
        error = await failing(Messenger, provider, at_comment(world, id="a"), world)
        assert error.failure is Failure.UNKNOWN
        await account(Messenger, provider.url, world).send(at_comment(world, id="b"))
    assert provider.calls[1].json()["recipient"] == {"id": PSID}


@pytest.mark.parametrize("code", [(10900, None), (10903, None), (100, 2534025)])
async def test_where_somebody_was_faster_it_waits_and_then_goes_to_the_customer(code):
    async with FakeProvider(Answer(400, graph_error(*code)), SENT) as provider:
        world = build_world()
        error = await failing(Messenger, provider, at_comment(world, id="a"), world)
        assert error.failure is Failure.WINDOW_CLOSED
        # The customer has written, so the gateway lets the same message go.
        await account(Messenger, provider.url, world).send(at_comment(world, id="a", attempt=2))
    assert provider.calls[1].json()["recipient"] == {"id": PSID}


async def test_after_seven_days_there_is_no_private_reply():
    async with FakeProvider(SENT) as provider:
        world = build_world()
        await account(Messenger, provider.url, world).send(at_comment(world, left=0.0))
    assert provider.calls[0].json()["recipient"] == {"id": PSID}


async def test_a_private_reply_of_a_person_needs_no_mark():
    async with FakeProvider(SENT) as provider:
        world = build_world()
        message = at_comment(world, left=2 * DAY, automatic=False, beyond_window=True)
        await account(Messenger, provider.url, world, human_agent=True).send(message)
    assert provider.calls[0].json().keys() == {"recipient", "message"}


# ---------------------------------------------------------------- limits


@pytest.mark.parametrize(
    ("channel", "fits", "too_long"),
    [
        (Messenger, "x" * 2000, "x" * 2001),
        (Messenger, "🙏" * 1000, "🙏" * 1001),
        (Instagram, "x" * 1000, "x" * 1001),
        (Instagram, "钱" * 333, "钱" * 334),
    ],
)
async def test_the_limit_is_in_the_networks_own_unit(channel, fits, too_long):
    async with FakeProvider(SENT) as provider:
        await account(channel, provider.url).send(to(channel, text=fits))
        error = await failing(channel, provider, to(channel, text=too_long))
    assert error.failure is Failure.REJECTED
    (sent,) = provider.calls
    assert sent.json()["message"]["text"] == fits
    # Instagram counts bytes: no letter is written as an escape.
    assert fits.encode() in sent.body


@pytest.mark.parametrize("channel", PAGES)
async def test_attachments_are_refused_before_meta_is_asked(channel):
    async with FakeProvider() as provider:
        file = Attachment("a.png", "image/png", 1)
        error = await failing(channel, provider, to(channel, attachments=(file,)))
    assert error.failure is Failure.REJECTED
    assert not provider.calls
