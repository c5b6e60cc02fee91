"""LINE's events, replies and pushes; what LINE's own library makes of the same."""

import base64
import hashlib
import hmac
import json
from pathlib import Path
from uuid import UUID

import pytest
from linebot.v3.exceptions import InvalidSignatureError
from linebot.v3.messaging import (
    AsyncApiClient,
    AsyncMessagingApi,
    AsyncMessagingApiBlob,
    Configuration,
    PushMessageRequest,
    ReplyMessageRequest,
    TextMessage,
)
from linebot.v3.webhook import SignatureValidator, WebhookParser
from linebot.v3.webhooks import MessageEvent, TextMessageContent, UnsendEvent

from channels.line import Line, LineSettings
from gateway.domain.channel import Probe, Unsent, Webhook
from gateway.domain.errors import BadSignature, DeliveryError, Failure, SettingsError
from gateway.domain.model import Attachment, Visibility
from gateway.testing.builders import outbound, webhook
from gateway.testing.provider import Answer, FakeProvider, refused_url
from gateway.testing.world import LogLines, LoopbackHttp, build_world

SECRET, ACCESS = "8c570fa6dd201bb328f1c1eac23a96d8", "recorded/access+token="
CUSTOMER = "U4af4980629c1b1ef9b3ff5b2a1f2c3d4"
TOKEN = "0f3779fba3b349968c5d07db31eab56f"
PAYLOADS = Path(__file__).parents[1] / "payloads" / "line"
RECORDED = sorted(PAYLOADS.glob("*.request.json"))
TAKEN = Answer(200, {"sentMessages": [{"id": "461230966842064897", "quoteToken": "q"}]})
INVALID_TOKEN = Answer(400, {"message": "Invalid reply token"})


def channel(url="https://api.line.me", world=None, **settings):
    settings = LineSettings(
        channel_secret=SECRET, access_token=ACCESS, base_url=url, data_url=url, **settings
    )
    return Line.from_account(settings, world or build_world())


def fresh(world, seconds=20.0):
    return {"token": TOKEN, "until": world.clock.now() + seconds}


def to_customer(**changes):
    return outbound(**({"to": CUSTOMER, "text": "您好 🙏"} | changes))


def signature(body, secret=SECRET):
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def call(*events, **changes):
    known = {"mode": "active", "timestamp": 1767225598123, "webhookEventId": "01K",
             "source": {"type": "user", "userId": CUSTOMER}}  # fmt: skip
    entries = [known | {"type": "message"} | event for event in events]
    return webhook(json.dumps({"destination": "U1", "events": entries} | changes).encode())


def said(text, number="9", **changes):
    return {"replyToken": TOKEN, "message": {"type": "text", "id": number, "text": text}} | changes


def sdk(url):
    return AsyncApiClient(Configuration(host=url, access_token=ACCESS))


# ---------------------------------------------------------------- who is believed


def test_it_is_a_webhook_that_can_be_probed():
    assert isinstance(channel(), Webhook)
    assert isinstance(channel(), Probe)


@pytest.mark.parametrize("missing", ["channel_secret", "access_token"])
def test_a_missing_secret_is_a_settings_error(missing):
    settings = {"channel_secret": "s", "access_token": "t"} | {missing: ""}
    with pytest.raises(SettingsError, match=missing):
        Line.from_account(LineSettings(**settings), build_world())


@pytest.mark.parametrize(
    "given",
    [
        signature(b'{"events":[]}'),
        signature(b'{"events":[]}', "another secret"),
        signature(b'{"events": []}'),
        signature(b'{"events":[]}').rstrip("="),
        signature(b'{"events":[]}').lower(),
        "",
        "=",
    ],
)
def test_lines_library_and_we_accept_the_same_signatures(given):
    body = b'{"events":[]}'
    try:
        channel().verify(webhook(body, headers={"X-Line-Signature": given}))
        accepted = True
    except BadSignature:
        accepted = False
    assert accepted == SignatureValidator(SECRET).validate(body.decode(), given)


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.name.partition(".")[0])
def test_lines_library_reads_in_the_recorded_calls_what_we_read(path):
    recorded = json.loads(path.read_text("utf-8"))
    expect = json.loads(path.with_name(path.name.replace("request", "expect")).read_text("utf-8"))
    account = json.loads((PAYLOADS / "account.json").read_text("utf-8"))["settings"]
    signed = recorded["headers"]["X-Line-Signature"]
    previous = "previous" in path.name
    secret = account["channel_secret_previous" if previous else "channel_secret"]
    with pytest.raises(InvalidSignatureError):
        WebhookParser("another secret").parse(recorded["body"], signed)
    if "error" in expect:
        return
    read = WebhookParser(secret).parse(recorded["body"], signed)
    theirs = [e for e in read if isinstance(e, MessageEvent) and e.mode == "active"]
    taken_back = [e.unsend.message_id for e in read if isinstance(e, UnsendEvent)]
    unsent = [event["external_id"] for event in expect["events"] if event["type"] == "Unsent"]
    assert taken_back == unsent
    ours = {
        event["external_id"]: event
        for event in expect["events"]
        if event["type"] == "Inbound" and "facts" not in event
    }
    told = {event.message.id: event for event in theirs if event.source.type == "user"}
    if "another_account" in path.name:
        assert not expect["events"]
        return
    for number, event in told.items():
        if number not in ours:
            assert event.message.type == "image", "an album has a fact"
            continue
        assert ours[number]["sender"] == event.source.user_id
        assert ours[number]["at"] == event.timestamp / 1000
        assert ours[number].get("reply_to", {}).get("token") == event.reply_token
        if isinstance(event.message, TextMessageContent):
            assert ours[number]["text"] == event.message.text
            quoted = ours[number].get("thread", {}).get("message_ids", [None])[0]
            assert quoted == event.message.quoted_message_id
    assert ours.keys() <= told.keys() | {"9"}  # the hologram, which the library cannot know


# ---------------------------------------------------------------- in


def test_a_reply_token_is_good_for_25_seconds_from_our_receipt():
    (event,) = channel().parse(call(said("hi"))).events
    assert event.reply_to == {"token": TOKEN, "until": call().received_at + 25}


def test_events_of_another_account_are_passed_over_only_where_ours_is_known():
    world = build_world()
    assert channel(world=world, bot_user_id="U2").parse(call(said("hi"))).events == ()
    (line,) = [line for line in world.log.lines if "another account" in line]
    assert "count=1" in line
    assert "hi" not in line.split("skipped")[1]
    assert len(channel(bot_user_id="U1").parse(call(said("hi"))).events) == 1
    assert len(channel().parse(call(said("hi"))).events) == 1


def test_in_standby_nothing_is_taken_and_so_nothing_is_answered():
    both = call(said("a", "1", mode="standby"), said("b", "2"))
    assert [event.external_id for event in channel().parse(both).events] == ["2"]


def test_what_is_skipped_is_counted_without_a_text():
    world = build_world()
    channel(world=world).parse(call({"type": "beacon"}, {"type": "beacon"}, {"type": "postback"}))
    (line,) = [line for line in world.log.lines if "skipped" in line]
    assert "{'beacon': 2, 'postback': 1}" in line


# ---------------------------------------------------------------- reply or push


async def test_a_fresh_message_is_answered_by_reply_as_lines_library_would():
    async with FakeProvider(TAKEN, TAKEN) as provider:
        async with sdk(provider.url) as client:
            theirs = ReplyMessageRequest(replyToken=TOKEN, messages=[TextMessage(text="您好 🙏")])
            answer = await AsyncMessagingApi(client).reply_message(theirs)
        world = build_world()
        sent = await channel(provider.url, world).send(to_customer(reply_to=fresh(world)))
    by_sdk, by_us = provider.calls
    assert (by_us.method, by_us.path) == (by_sdk.method, by_sdk.path)
    assert by_us.headers["authorization"] == by_sdk.headers["authorization"]
    assert "x-line-retry-key" not in by_us.headers
    read = ReplyMessageRequest.from_dict(by_us.json())
    assert read.reply_token == TOKEN
    assert read.messages[0].text == "您好 🙏"
    assert sent.external_id == answer.sent_messages[0].id


async def test_everything_else_is_pushed_as_lines_library_would():
    async with FakeProvider(TAKEN, TAKEN) as provider:
        async with sdk(provider.url) as client:
            theirs = PushMessageRequest(to=CUSTOMER, messages=[TextMessage(text="您好 🙏")])
            await AsyncMessagingApi(client).push_message(
                theirs, x_line_retry_key="7f0e2f52-9c1e-4c1f-8a55-0f1f6f1c2a77"
            )
        await channel(provider.url).send(to_customer())
    by_sdk, by_us = provider.calls
    assert (by_us.method, by_us.path) == (by_sdk.method, by_sdk.path)
    assert by_us.headers["authorization"] == by_sdk.headers["authorization"]
    assert str(UUID(by_us.headers["x-line-retry-key"])) == by_us.headers["x-line-retry-key"]
    read = PushMessageRequest.from_dict(by_us.json())
    assert (read.to, read.messages[0].text) == (CUSTOMER, "您好 🙏")


@pytest.mark.parametrize(
    ("changes", "age"),
    [
        ({}, 25.0),
        ({"attempt": 2}, 0.0),
        ({"reply_to": {}}, 0.0),
        ({"reply_to": {"token": TOKEN}}, 0.0),
    ],
    ids=["too old", "a later try", "no token", "no time"],
)
async def test_without_a_fresh_token_at_the_first_try_it_is_a_push(changes, age):
    world = build_world()
    message = {"reply_to": fresh(world, 25.0)} | changes
    world.clock.advance(age)
    async with FakeProvider(TAKEN) as provider:
        await channel(provider.url, world).send(to_customer(**message))
    assert provider.calls[0].path == "/v2/bot/message/push"


async def test_the_retry_key_is_the_same_at_every_try_and_another_for_another_message():
    async with FakeProvider(default=TAKEN) as provider:
        for changes in ({"attempt": 1}, {"attempt": 2}, {"id": "another"}):
            await channel(provider.url).send(to_customer(**changes))
    first, second, other = (call.headers["x-line-retry-key"] for call in provider.calls)
    assert first == second != other


async def test_only_a_reply_is_marked_begun_and_before_it_goes_out():
    world, marks = build_world(), []
    async with FakeProvider(default=TAKEN) as provider:

        async def begin():
            marks.append(len(provider.calls))

        ours = channel(provider.url, world)
        await ours.send(to_customer(begin=begin, reply_to=fresh(world)))
        assert marks == [0]
        await ours.send(to_customer(begin=begin))
        assert marks == [0]
    assert [call.path.rpartition("/")[2] for call in provider.calls] == ["reply", "push"]


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (INVALID_TOKEN, Failure.RETRY),
        (Answer(500, {"message": "Internal server error"}), Failure.UNKNOWN),
        (Answer(200, b"welcome"), Failure.UNKNOWN),
        (Answer(429, {"message": "The API rate limit has been exceeded. Try again later."}), Failure.THROTTLED),
        (Answer(401, {"message": "Authentication failed"}), Failure.MISCONFIGURED),
        (Answer(400, {"message": "The request body has 1 error(s)"}), Failure.REJECTED),
        (Answer(disconnect="before"), Failure.UNKNOWN),
        (Answer(hold=True), Failure.UNKNOWN),
    ],
)  # fmt: skip
async def test_what_becomes_of_a_reply(answer, failure):
    log = LogLines()
    world = build_world(http=LoopbackHttp(log, patience=0.3))
    async with FakeProvider(answer) as provider:
        with pytest.raises(DeliveryError) as error:
            await channel(provider.url, world).send(to_customer(reply_to=fresh(world)))
        assert [call.path for call in provider.calls] == ["/v2/bot/message/reply"]
    assert error.value.failure is failure
    assert not any(secret in str(error.value) for secret in (TOKEN, ACCESS, SECRET, CUSTOMER))


async def test_a_reply_that_surely_did_not_leave_is_tried_again():
    world = build_world()
    with refused_url() as nobody, pytest.raises(DeliveryError) as error:
        await channel(nobody, world).send(to_customer(reply_to=fresh(world)))
    assert error.value.failure is Failure.RETRY


async def test_a_spent_token_is_followed_by_a_push():
    world = build_world()
    async with FakeProvider(INVALID_TOKEN, TAKEN) as provider:
        ours, message = channel(provider.url, world), {"reply_to": fresh(world)}
        with pytest.raises(DeliveryError) as error:
            await ours.send(to_customer(**message))
        assert error.value.failure is Failure.RETRY
        await ours.send(to_customer(attempt=2, **message))
    assert [call.path.rpartition("/")[2] for call in provider.calls] == ["reply", "push"]


# ---------------------------------------------------------------- the key's end


async def test_a_push_older_than_its_key_waits_for_a_person_and_goes_when_they_say_so():
    world = build_world()
    old = to_customer(attempt=3)
    world.clock.advance(24 * 3600)
    async with FakeProvider(default=TAKEN) as provider:
        ours = channel(provider.url, world)
        with pytest.raises(DeliveryError) as error:
            await ours.send(old)
        assert error.value.failure is Failure.UNKNOWN
        assert provider.calls == []
        # UNKNOWN is parked, so the next try is a person's.
        assert (await ours.send(to_customer(attempt=4))).external_id
    assert len(provider.calls) == 1


async def test_a_person_s_word_for_one_old_message_is_none_for_another():
    world = build_world()
    world.clock.advance(24 * 3600)
    async with FakeProvider(default=TAKEN) as provider:
        ours = channel(provider.url, world)
        for number in ("one", "two"):
            with pytest.raises(DeliveryError):
                await ours.send(to_customer(id=number, attempt=2))
    assert provider.calls == []


LIMIT = Answer(429, {"message": "You have reached your monthly limit."})
REFUSED = Answer(401, {"message": "Authentication failed"})


@pytest.mark.parametrize("refusal", [LIMIT, REFUSED], ids=["quota", "token"])
async def test_what_line_surely_never_took_goes_out_whenever_it_is_let(refusal):
    world = build_world()
    async with FakeProvider(refusal, refusal, TAKEN) as provider:
        ours = channel(provider.url, world)
        for attempt in (1, 2):
            with pytest.raises(DeliveryError):
                await ours.send(to_customer(attempt=attempt))
            world.clock.advance(48 * 3600)
        await ours.send(to_customer(attempt=3))
    assert len(provider.calls) == 3


async def test_a_refusal_proves_nothing_of_a_try_before_it():
    world = build_world()
    async with FakeProvider(LIMIT, Answer(500), REFUSED) as provider:
        ours = channel(provider.url, world)
        for attempt in (1, 2, 3):
            with pytest.raises(DeliveryError):
                await ours.send(to_customer(attempt=attempt))
        world.clock.advance(48 * 3600)
        with pytest.raises(DeliveryError, match="too old") as error:
            await ours.send(to_customer(attempt=4))
    assert error.value.failure is Failure.UNKNOWN
    assert len(provider.calls) == 3


@pytest.mark.parametrize(("attempt", "hours"), [(1, 100), (5, 22.9)])
async def test_a_push_at_its_first_try_or_within_its_key_goes_out(attempt, hours):
    world = build_world()
    world.clock.advance(hours * 3600)
    async with FakeProvider(TAKEN) as provider:
        await channel(provider.url, world).send(to_customer(attempt=attempt))
    assert len(provider.calls) == 1


# ---------------------------------------------------------------- limits


@pytest.mark.parametrize(("text", "fits"), [("🙏" * 2500, True), ("🙏" * 2500 + "x", False)])
async def test_the_limit_counts_utf16(text, fits):
    async with FakeProvider(default=TAKEN) as provider:
        if fits:
            await channel(provider.url).send(to_customer(text=text))
        else:
            with pytest.raises(DeliveryError, match="5001 UTF-16"):
                await channel(provider.url).send(to_customer(text=text))
    assert len(provider.calls) == fits


@pytest.mark.parametrize(
    "changes",
    [
        {"attachments": (Attachment("a.txt", "text/plain", 1, b"a"),)},
        {"visibility": Visibility.PUBLIC},
    ],
    ids=["attachments", "public"],
)
async def test_what_line_cannot_carry_is_refused_before_anything_goes_out(changes):
    async with FakeProvider(default=TAKEN) as provider:
        with pytest.raises(DeliveryError) as error:
            await channel(provider.url).send(to_customer(**changes))
    assert error.value.failure is Failure.REJECTED
    assert provider.calls == []


# ---------------------------------------------------------------- files


async def test_a_file_is_fetched_from_where_lines_library_fetches_it():
    picture = Answer(200, b"\xff\xd8\xff", headers={"Content-Type": "image/jpeg"})
    message = {"message": {"type": "image", "id": "110101199003074514"}}
    (event,) = channel().parse(call(message)).events
    async with FakeProvider(picture, picture) as provider:
        async with sdk(provider.url) as client:
            theirs = await AsyncMessagingApiBlob(client).get_message_content("110101199003074514")
        ours = await channel(provider.url).fetch(event.attachments[0])
    assert ours == bytes(theirs) == b"\xff\xd8\xff"
    by_sdk, by_us = provider.calls
    assert (by_us.method, by_us.path) == (by_sdk.method, by_sdk.path)
    assert by_us.headers["authorization"] == by_sdk.headers["authorization"]


@pytest.mark.parametrize(
    ("status", "failure"),
    [(202, Failure.RETRY), (404, Failure.REJECTED), (410, Failure.REJECTED), (401, Failure.MISCONFIGURED)],
)  # fmt: skip
async def test_a_file_that_cannot_be_had_says_why(status, failure):
    async with FakeProvider(Answer(status, {"message": "x"})) as provider:
        with pytest.raises(DeliveryError) as error:
            await channel(provider.url).fetch(Attachment("a", "b", 0, url="line:5"))
    assert error.value.failure is failure


async def test_an_id_cannot_lead_to_another_address():
    async with FakeProvider(default=Answer(404)) as provider:
        with pytest.raises(DeliveryError):
            await channel(provider.url).fetch(Attachment("a", "b", 0, url="line:../../info?x="))
    assert provider.calls[0].query == ()
    assert provider.calls[0].path.endswith("/content")


# ---------------------------------------------------------------- health

OURS = {"endpoint": "https://gateway.example/in/line/main", "active": True}
LIMITED, USED = {"type": "limited", "value": 500}, {"totalUsage": 120}


@pytest.mark.parametrize(
    ("answers", "ok", "says"),
    [
        ((OURS, LIMITED, USED), True, "120 push messages this month, of 500"),
        ((OURS, {"type": "none"}, USED), True, "any number"),
        ((OURS, LIMITED, {"totalUsage": 500}), False, "used up"),
        ((OURS | {"active": False}, LIMITED, USED), False, "switched off"),
        ((OURS | {"endpoint": "https://old.example/"}, LIMITED, USED), False, "the webhook is not"),
    ],
)
async def test_health(answers, ok, says):
    async with FakeProvider(*(Answer(200, answer) for answer in answers)) as provider:
        health = await channel(provider.url).health()
    assert health.ok is ok
    assert says in health.detail


async def test_health_asks_what_lines_library_asks():
    async with FakeProvider(
        *(Answer(200, answer) for answer in (OURS, LIMITED, USED) * 2)
    ) as provider:
        async with sdk(provider.url) as client:
            api = AsyncMessagingApi(client)
            await api.get_webhook_endpoint()
            await api.get_message_quota()
            await api.get_message_quota_consumption()
        await channel(provider.url).health()
    asked = [(call.method, call.path) for call in provider.calls]
    assert asked[:3] == asked[3:]


async def test_health_with_a_refused_token_or_nobody_there():
    async with FakeProvider(default=Answer(401, {"message": "no"})) as provider:
        health = await channel(provider.url).health()
    assert not health.ok
    assert ACCESS not in health.detail
    with refused_url() as nobody:
        assert not (await channel(nobody).health()).ok


def test_an_unsend_counts_whoever_has_the_chat_and_not_in_groups():
    user = {"type": "user", "userId": "U1"}
    gone = {"type": "unsend", "timestamp": 5000, "unsend": {"messageId": "77"}, "mode": "standby"}
    parsed = channel().parse(
        call({**gone, "source": user}, {**gone, "source": {"type": "group", "groupId": "C1"}})
    )
    assert parsed.events == (Unsent("77", "U1", 5.0),)
