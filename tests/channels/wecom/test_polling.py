"""Fetching messages from a server that pages, fails and repeats as WeCom does."""

import json

import pytest

from gateway.domain.channel import Inbound, Receipt
from gateway.domain.errors import DeliveryError, Failure, ParseError
from gateway.domain.model import DeliveryState
from gateway.testing.provider import Answer, FakeProvider
from gateway.testing.world import build_world
from tests.channels.wecom.fake import CUSTOMER, HINT, KFID, NOW, OTHER_KFID, FakeWeCom


@pytest.fixture
async def wecom():
    async with FakeWeCom() as server:
        yield server


async def all_of(channel, cursor=None, hint=""):
    """Poll as the core does, with a cursor that has been through a database."""
    events = []
    for _ in range(100):
        batch = await channel.poll(cursor, hint)
        cursor = json.loads(json.dumps(batch.next_cursor))
        events += batch.events
        if not batch.more:
            return events, cursor
    raise AssertionError("no end")


def asked(wecom):
    return [body for path, body in wecom.calls if path == "kf/sync_msg"]


# ---------------------------------------------------------------- the cursor


async def test_messages_come_once_in_their_order_and_the_next_poll_goes_on(wecom):
    numbers = [wecom.writes(f"text {n}", at=NOW + n) for n in range(3)]
    channel = wecom.account()
    events, cursor = await all_of(channel)
    assert [event.external_id for event in events] == numbers
    first = events[0]
    assert (first.sender, first.text, first.at) == (CUSTOMER, "text 0", float(NOW))
    assert first.reply_to == {"open_kfid": KFID}
    assert not first.verified
    assert await all_of(wecom.account(), cursor) == ([], cursor)
    late = wecom.writes("one more")
    events, _ = await all_of(wecom.account(), cursor)
    assert [event.external_id for event in events] == [late]


async def test_a_poll_that_was_not_committed_is_simply_repeated(wecom):
    wecom.writes()
    channel = wecom.account()
    assert await channel.poll(None) == await channel.poll(None)


async def test_pages_are_read_to_the_last_and_has_more_decides(wecom):
    wecom.page_size = 2
    for n in range(5):
        wecom.writes(f"text {n}")
    events, _ = await all_of(wecom.account())
    assert [event.text for event in events] == [f"text {n}" for n in range(5)]
    assert all(1 <= body["limit"] <= 1000 and body["voice_format"] == 0 for body in asked(wecom))


async def test_an_empty_page_is_not_the_end():
    pages = [
        Answer(body={"access_token": "AT", "expires_in": 7200}),
        Answer(body={"errcode": 0, "msg_list": [], "next_cursor": "a", "has_more": 1}),
        Answer(body={"errcode": 0, "msg_list": [], "next_cursor": "b", "has_more": 0}),
        Answer(body={"errcode": 0, "msg_list": [], "next_cursor": "b", "has_more": 0}),
    ]
    async with FakeProvider(*pages) as provider:
        channel = FakeWeCom(url=provider.url).account()
        _, cursor = await all_of(channel)
        assert [call.json()["cursor"] for call in provider.calls[1:]] == ["", "a", "b"]
    assert cursor["cursors"] == {KFID: "b"}


@pytest.mark.parametrize(
    "page",
    [
        {"errcode": 0, "msg_list": [], "has_more": 1},
        {"errcode": 0, "msg_list": "none", "next_cursor": "a"},
        {"errcode": 0, "msg_list": [], "next_cursor": 7},
    ],
)
async def test_a_page_that_leads_nowhere_is_told(page):
    token = Answer(body={"access_token": "AT", "expires_in": 7200})
    async with FakeProvider(token, Answer(body=page)) as provider:
        with pytest.raises(ParseError):
            await FakeWeCom(url=provider.url).account().poll(None)


# ---------------------------------------------------------------- the hint


async def test_the_hint_is_handed_on_for_its_account_only(wecom):
    channel = wecom.account(open_kfids=(KFID, OTHER_KFID))
    await channel.poll(None, f"{OTHER_KFID}:{HINT}")
    assert [(body["open_kfid"], body.get("token")) for body in asked(wecom)] == [
        (KFID, None),
        (OTHER_KFID, HINT),
    ]
    wecom.calls.clear()
    await channel.poll(None, f":{HINT}")
    assert [body.get("token") for body in asked(wecom)] == [HINT, HINT]
    wecom.calls.clear()
    await channel.poll(None)
    assert [body.get("token") for body in asked(wecom)] == [None, None]


async def test_a_hint_that_is_too_old_is_left_out(wecom):
    wecom.writes()
    batch = await wecom.account().poll(None, f"{KFID}:expired")
    assert len(batch.events) == 1
    assert [body.get("token") for body in asked(wecom)] == ["expired", None]


# ---------------------------------------------------------------- several accounts


async def test_every_account_has_a_cursor_of_its_own(wecom):
    wecom.page_size = 2
    for n in range(3):
        wecom.writes(f"a{n}", kfid=KFID)
    wecom.writes("b0", kfid=OTHER_KFID)
    channel = wecom.account(open_kfids=(KFID, OTHER_KFID))
    events, cursor = await all_of(channel)
    assert [event.text for event in events] == ["a0", "a1", "b0", "a2"]
    assert cursor["cursors"] == {KFID: "at-3", OTHER_KFID: "at-1"}
    assert events[2].reply_to == {"open_kfid": OTHER_KFID}


async def test_news_of_one_account_while_another_is_read_is_not_lost(wecom):
    """The callback for the second account comes while only the first one is asked for more."""
    wecom.page_size = 1
    wecom.writes("a0", kfid=KFID)
    wecom.writes("a1", kfid=KFID)
    channel = wecom.account(open_kfids=(KFID, OTHER_KFID))
    first = await channel.poll(None)
    assert first.more
    wecom.writes("b0", kfid=OTHER_KFID)
    second = await channel.poll(first.next_cursor, f"{OTHER_KFID}:{HINT}")
    assert ([event.text for event in second.events], second.more) == (["a1"], True)
    third = await channel.poll(second.next_cursor)
    assert ([event.text for event in third.events], third.more) == (["b0"], False)


async def test_an_account_that_fails_does_not_hold_up_the_others(wecom):
    world = build_world()
    wecom.broken.add(KFID)
    wecom.writes("a0", kfid=KFID)
    wecom.writes("b0", kfid=OTHER_KFID)
    channel = wecom.account(world, open_kfids=(KFID, OTHER_KFID))
    events, cursor = await all_of(channel)
    assert [event.text for event in events] == ["b0"]
    assert any("not read" in line and "code -1" in line for line in world.log.lines)
    wecom.broken.clear()
    events, _ = await all_of(channel, cursor)
    assert [event.text for event in events] == ["a0"]


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        (-1, Failure.RETRY),
        (45009, Failure.THROTTLED),
        (48002, Failure.MISCONFIGURED),
        (95000, Failure.MISCONFIGURED),
        (42001, Failure.RETRY),
    ],
)
async def test_when_none_can_be_read_the_core_is_told_why(wecom, code, failure):
    wecom.errors["kf/sync_msg"] = [code]
    with pytest.raises(DeliveryError) as caught:
        await wecom.account().poll(None)
    assert caught.value.failure is failure
    assert (await wecom.account().poll(None)).events == ()


async def test_items_of_other_accounts_and_broken_ones_are_passed_over_and_counted(wecom):
    world = build_world()
    wecom.writes("good")
    wecom.item({"msgtype": "text", "text": {"content": "not ours"}, "open_kfid": OTHER_KFID})
    wecom.item({"msgtype": "text", "text": {"content": "who?"}, "external_userid": ""})
    wecom.item({"msgtype": "text", "send_time": "now"})
    wecom.item({"msgtype": None})
    wecom.item({"msgtype": "event", "event": {"event_type": "msg_send_fail", "open_kfid": KFID}})
    wecom.items[KFID].append("garbage")
    wecom.writes("good too")
    events, _ = await all_of(wecom.account(world))
    assert [event.text for event in events] == ["good", "good too"]
    (line,) = [line for line in world.log.lines if "passed over" in line]
    assert "of_other_accounts=1" in line
    assert "unreadable=5" in line
    assert "not ours" not in line
    assert CUSTOMER not in line


async def test_the_very_first_poll_takes_no_history(wecom):
    wecom.writes("yesterday", at=NOW - 86_400)
    wecom.writes("just now", at=NOW - 60)
    events, cursor = await all_of(wecom.account(backlog=3600.0))
    assert [event.text for event in events] == ["just now"]
    # After an outage, everything since is taken, however old it is by now.
    wecom.writes("while we were away", at=NOW + 60)
    world = build_world()
    world.clock.advance(2 * 86_400)
    wecom.items[OTHER_KFID] = []
    wecom.writes("history of a new account", kfid=OTHER_KFID, at=NOW + 60)
    events, _ = await all_of(wecom.account(world, open_kfids=(KFID, OTHER_KFID)), cursor)
    assert [event.text for event in events] == ["while we were away"]


# ---------------------------------------------------------------- kinds


@pytest.mark.parametrize(
    ("values", "text", "file", "facts"),
    [
        (
            {"msgtype": "text", "text": {"content": "a", "menu_id": "101"}},
            "a",
            "",
            {"menu_id": "101"},
        ),
        ({"msgtype": "image", "image": {"media_id": "M"}}, "", "image.jpg", {"media_id": "M"}),
        ({"msgtype": "voice", "voice": {"media_id": "M"}}, "", "voice.amr", {"media_id": "M"}),
        ({"msgtype": "video", "video": {"media_id": "M"}}, "", "video.mp4", {"media_id": "M"}),
        ({"msgtype": "file", "file": {"media_id": "M"}}, "", "file", {"media_id": "M"}),
        (
            {
                "msgtype": "location",
                "location": {"name": "A", "address": "B", "latitude": 23.1, "longitude": 113.3},
            },
            "A B 23.1 113.3",
            "",
            {},
        ),
        (
            {"msgtype": "link", "link": {"title": "A", "desc": "B", "url": "https://c.example"}},
            "A\nB\nhttps://c.example",
            "",
            {},
        ),
        ({"msgtype": "miniprogram", "miniprogram": {"title": "A"}}, "A", "", {}),
        ({"msgtype": "business_card", "business_card": {"userid": "U"}}, "[business_card]", "", {}),
        ({"msgtype": "hologram"}, "[hologram]", "", {}),
        ({"msgtype": "text", "text": "not an object"}, "[text]", "", {}),
        (
            {"msgtype": "text", "text": {"content": "half \ud83d and \0"}},
            "half \ufffd and \ufffd",
            "",
            {},
        ),
    ],
)
async def test_each_kind_of_message_reaches_a_person(wecom, values, text, file, facts):
    wecom.item(values)
    (event,), _ = await all_of(wecom.account())
    assert isinstance(event, Inbound)
    assert (event.text, event.facts) == (text, facts)
    assert [attachment.name for attachment in event.attachments] == ([file] if file else [])


async def test_a_message_that_was_not_delivered_is_a_receipt(wecom):
    wecom.event("msg_send_fail", fail_msgid="ours-1", fail_type=10, at=NOW + 5)
    wecom.event("msg_send_fail", fail_msgid="ours-2", fail_type=99)
    (refused, unknown), _ = await all_of(wecom.account())
    assert refused == Receipt(
        "ours-1",
        DeliveryState.FAILED,
        at=float(NOW + 5),
        code="10",
        detail="the customer refuses messages",
        recipient=CUSTOMER,
    )
    assert (unknown.code, unknown.detail) == ("99", "a reason that is not known")


@pytest.mark.parametrize(
    "event", ["session_status_change", "servicer_status_change", "user_recall_msg", "brand_new"]
)
async def test_other_events_lead_to_nothing(wecom, event):
    wecom.event(event, recall_msgid="m")
    assert (await all_of(wecom.account()))[0] == []


async def test_what_a_colleague_writes_in_wecoms_client_is_no_customers_message(wecom):
    wecom.item({"msgtype": "text", "text": {"content": "hi"}, "servicer_userid": "Li"}, origin=5)
    assert (await all_of(wecom.account()))[0] == []


async def test_the_same_item_twice_has_the_same_id(wecom):
    wecom.writes("once")
    wecom.items[KFID].append(wecom.items[KFID][0])
    events, _ = await all_of(wecom.account())
    assert len({event.external_id for event in events}) == 1
