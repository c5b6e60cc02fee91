"""Telegram's updates, polling and sending; what aiogram, the library of others, makes of the same."""

import asyncio
import json
from pathlib import Path

import pytest
from aiogram import Bot, Dispatcher
from aiogram.exceptions import (
    TelegramBadRequest,
    TelegramConflictError,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramNotFound,
    TelegramRetryAfter,
    TelegramServerError,
    TelegramUnauthorizedError,
)
from aiogram.types import Update
from aiogram.webhook.aiohttp_server import SimpleRequestHandler

from channels._telegram_updates import MessageId
from channels.telegram import Telegram, TelegramSettings
from gateway.domain.channel import Edited, Poller, Probe, Webhook
from gateway.domain.errors import (
    BadSignature,
    DeliveryError,
    Failure,
    ParseError,
    SettingsError,
)
from gateway.domain.model import Attachment, Visibility
from gateway.testing.builders import outbound, webhook
from gateway.testing.provider import Answer, FakeProvider, refused_url
from gateway.testing.world import build_world
from tests.channels.telegram.bot_api import FakeBotApi

TOKEN = "4839574812:AAFD39kkdpWt3ywyRZergyOLMaJhac60qcK"
PAYLOADS = Path(__file__).parents[1] / "payloads" / "telegram"
RECORDED = sorted(PAYLOADS.glob("*.request.json"))
GROUP = -1002000111222
CUSTOMER = {"id": 5938274610, "is_bot": False, "first_name": "Wang"}
PRIVATE = {"id": 5938274610, "type": "private"}


def channel(base_url="https://api.telegram.org", world=None, **settings):
    settings = TelegramSettings(token=TOKEN, base_url=base_url, **settings)
    return Telegram.from_account(settings, world or build_world())


def written(number, text="hi", **message):
    known = {"message_id": number, "date": 1767225600, "chat": PRIVATE, "from": CUSTOMER}
    return {"update_id": 1000 + number, "message": known | {"text": text} | message}


def parse(update, **settings):
    return channel(**settings).parse(webhook(json.dumps(update).encode())).events


def body_of(path):
    return json.loads(path.read_text("utf-8"))["body"]


# ---------------------------------------------------------------- the contract's shape


def test_it_polls_without_any_setting_but_the_token():
    plain = channel()
    assert isinstance(plain, Poller)
    assert isinstance(plain, Webhook)
    assert isinstance(plain, Probe)
    assert plain.poll_interval == 0


async def test_with_a_webhook_it_never_polls():
    # An address that nobody listens at: a poll would fail.
    with refused_url() as nobody:
        hooked = channel(nobody, webhook_secret="s")
        assert hooked.poll_interval < 0
        batch = await hooked.poll(17)
    assert (batch.events, batch.next_cursor, batch.more) == ((), 17, False)


def test_without_a_secret_every_webhook_call_is_refused():
    for headers in ({}, {"X-Telegram-Bot-Api-Secret-Token": ""}):
        with pytest.raises(BadSignature, match="polled"):
            channel().verify(webhook(b"{}", headers=headers))


@pytest.mark.parametrize("secret", ["with blank", "ü", "x" * 257, "a:b"])
def test_a_secret_that_telegram_would_refuse_is_a_settings_error(secret):
    with pytest.raises(SettingsError, match="webhook_secret"):
        channel(webhook_secret=secret)
    with pytest.raises(SettingsError, match="webhook_secret_previous"):
        channel(webhook_secret="ok", webhook_secret_previous=secret)


def test_a_missing_token_is_a_settings_error():
    with pytest.raises(SettingsError, match="token"):
        Telegram.from_account(TelegramSettings(token=""), build_world())


# ---------------------------------------------------------------- agreement with aiogram


@pytest.mark.parametrize("secret", ["s-1", "s-2", "", "s", "S-1", "s-1 "])
async def test_aiogram_and_we_accept_the_same_secrets(secret):
    bot = Bot(TOKEN)
    theirs = SimpleRequestHandler(Dispatcher(), bot, secret_token="s-1")
    ours = channel(webhook_secret="s-1")
    headers = {"X-Telegram-Bot-Api-Secret-Token": secret}
    try:
        ours.verify(webhook(b"{}", headers=headers))
        accepted = True
    except BadSignature:
        accepted = False
    assert accepted == theirs.verify_secret(secret, bot)


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.name.partition(".")[0])
def test_aiogram_reads_in_the_recorded_updates_what_we_read(path):
    expect = json.loads(path.with_name(path.name.replace("request", "expect")).read_text("utf-8"))
    # aiogram knows no kinds of tomorrow and refuses half an emoji; Telegram's apps send it.
    if "error" in expect or path.name.startswith(("unheard_of", "half_an_emoji")):
        return
    update = Update.model_validate_json(body_of(path))
    for event in parse(json.loads(body_of(path)), groups=True):
        if isinstance(event, Edited):
            now = update.edited_message
            assert event.external_id == f"{now.chat.id}:{now.message_id}"
            assert (event.sender, event.text) == (str(now.from_user.id), now.text)
            assert (event.revision, event.at) == (update.update_id, now.edit_date)
            continue
        if "opt" in event.facts and not event.text:
            assert update.my_chat_member.chat.id == int(event.sender)
            continue
        message = update.message or update.business_message
        assert event.sender == str(message.from_user.id)
        assert event.name == message.from_user.full_name
        assert event.at == message.date.timestamp()
        at = MessageId.parse(event.external_id)
        assert (at.chat, at.number) == (message.chat.id, message.message_id)
        assert at.business == (message.business_connection_id or "")
        if words := message.text or message.caption:
            assert event.text == words
        if message.photo:
            largest = max(message.photo, key=lambda one: one.width)
            assert event.attachments[0].url == f"telegram:{largest.file_id}"


ANSWERS = [
    (Answer(429, {"ok": False, "error_code": 429, "description": "Too Many Requests: retry after 9",
                  "parameters": {"retry_after": 9}}), TelegramRetryAfter, Failure.THROTTLED),
    (Answer(400, {"ok": False, "error_code": 400, "description": "Bad Request: group chat was upgraded",
                  "parameters": {"migrate_to_chat_id": -1009}}), TelegramMigrateToChat, Failure.RETRY),
    (Answer(400, {"ok": False, "error_code": 400, "description": "Bad Request: chat not found"}),
     TelegramBadRequest, Failure.REJECTED),
    (Answer(401, {"ok": False, "error_code": 401, "description": "Unauthorized"}),
     TelegramUnauthorizedError, Failure.MISCONFIGURED),
    (Answer(403, {"ok": False, "error_code": 403, "description": "Forbidden: bot was blocked by the user"}),
     TelegramForbiddenError, Failure.OPTED_OUT),
    (Answer(404, {"ok": False, "error_code": 404, "description": "Not Found"}),
     TelegramNotFound, Failure.MISCONFIGURED),
    (Answer(409, {"ok": False, "error_code": 409, "description": "Conflict: terminated by other getUpdates request"}),
     TelegramConflictError, Failure.MISCONFIGURED),
    (Answer(500, {"ok": False, "error_code": 500, "description": "Internal Server Error"}),
     TelegramServerError, Failure.UNKNOWN),
]  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "theirs", "ours"), ANSWERS, ids=lambda x: getattr(x, "name", "")
)
async def test_aiogram_and_we_take_the_same_answer_for_the_same_trouble(answer, theirs, ours):
    async with FakeProvider(answer, answer) as provider:
        fake = FakeBotApi(TOKEN)
        fake.url = provider.url
        bot = fake.bot()
        with pytest.raises(theirs) as told:
            await bot.send_message(5, "hi")
        await bot.session.close()
        with pytest.raises(DeliveryError) as error:
            await channel(provider.url).send(outbound(to="5"))
        assert error.value.failure is ours
        assert error.value.retry_after == getattr(told.value, "retry_after", None)
        their_call, our_call = provider.calls
        assert (our_call.method, our_call.path) == (their_call.method, their_call.path)


async def test_our_message_is_what_aiogram_would_have_sent():
    async with FakeBotApi(TOKEN) as api:
        bot = api.bot()
        theirs = await bot.send_message(
            5938274610, "您好 🙏", link_preview_options={"is_disabled": True}
        )
        await bot.session.close()
        sent = await channel(api.url).send(outbound(to="5938274610", text="您好 🙏"))
    by_aiogram, by_us = api.asked
    wanted = by_aiogram.model_dump(exclude_none=True, exclude_defaults=True)
    assert by_us.model_dump(exclude_unset=True) == wanted
    assert sent.external_id == f"{theirs.chat.id}:{theirs.message_id + 1}"
    assert sent.at == theirs.date.timestamp()


# ---------------------------------------------------------------- polling


async def test_the_next_offset_is_asked_for_only_with_the_cursor_of_a_committed_batch():
    async with FakeBotApi(TOKEN) as api:
        api.arrive(written(1), written(2))
        ours = channel(api.url)
        first = await ours.poll(None)
        assert [event.external_id for event in first.events] == ["5938274610:1", "5938274610:2"]
        assert first.next_cursor == 1003
        # Not committed, perhaps: the same cursor brings the same again.
        again = await ours.poll(None)
        assert again == first
        api.arrive(written(3))
        next_one = await ours.poll(first.next_cursor)
        assert [event.external_id for event in next_one.events] == ["5938274610:3"]
        # Only now has Telegram forgotten them.
        assert [update["update_id"] for update in api.updates] == [1003]
    assert [asked.offset for asked in api.asked] == [None, None, 1003]
    assert all(asked.timeout == 50 and asked.limit == 100 for asked in api.asked)
    assert set(api.asked[0].allowed_updates) == {
        "message",
        "edited_message",
        "business_message",
        "edited_business_message",
        "my_chat_member",
    }


async def test_a_poll_waits_for_news():
    async with FakeBotApi(TOKEN) as api:
        poll = asyncio.create_task(channel(api.url).poll(900))
        while not api.asked:
            await asyncio.sleep(0)
        assert not poll.done()
        api.arrive(written(5))
        batch = await poll
    assert [event.text for event in batch.events] == ["hi"]


async def test_aiogram_fetches_the_same_updates_from_the_same_server():
    async with FakeBotApi(TOKEN) as api:
        api.arrive(written(1, "one"), written(2, "two"))
        bot = api.bot()
        theirs = await bot.get_updates(timeout=0)
        await bot.session.close()
        batch = await channel(api.url).poll(None)
    assert [update.message.text for update in theirs] == [event.text for event in batch.events]
    assert batch.next_cursor == theirs[-1].update_id + 1


async def test_numbers_that_begin_anew_after_a_quiet_week_are_followed():
    async with FakeProvider(
        Answer(200, {"ok": True, "result": [written(7) | {"update_id": 40}]})
    ) as api:
        batch = await channel(api.url).poll(900_000)
    assert batch.next_cursor == 41


async def test_an_empty_answer_leaves_the_cursor():
    async with FakeProvider(default=Answer(200, {"ok": True, "result": []})) as api:
        for cursor in (None, 77):
            batch = await channel(api.url).poll(cursor)
            assert (batch.events, batch.next_cursor, batch.more) == ((), cursor, False)


async def test_a_full_answer_says_that_there_is_more():
    full = [written(number) for number in range(100)]
    async with FakeProvider(Answer(200, {"ok": True, "result": full})) as api:
        batch = await channel(api.url).poll(None)
    assert batch.more
    assert len(batch.events) == 100


async def test_one_update_that_cannot_be_read_holds_up_none_behind_it():
    world = build_world()
    broken = written(2)
    broken["message"]["text"] = {"secret": "4111111111111111"}
    result = [written(1), broken, written(3)]
    async with FakeProvider(Answer(200, {"ok": True, "result": result})) as api:
        batch = await channel(api.url, world).poll(None)
    assert [event.external_id for event in batch.events] == ["5938274610:1", "5938274610:3"]
    assert batch.next_cursor == 1004
    (line,) = [line for line in world.log.lines if "skipped" in line]
    assert "1002" in line
    assert "text is not a text" in line
    assert "4111" not in line


@pytest.mark.parametrize(
    "result", [{"a": 1}, [1], [{"update_id": "1"}], None, [{"message": {}}]], ids=str
)
async def test_an_answer_that_is_no_list_of_updates_moves_nothing(result):
    async with FakeProvider(Answer(200, {"ok": True, "result": result})) as api:
        with pytest.raises(ParseError):
            await channel(api.url).poll(5)


async def test_a_webhook_in_the_way_of_polling_is_told():
    async with FakeBotApi(TOKEN) as api:
        api.webhook["url"] = "https://old.example/"
        with pytest.raises(DeliveryError, match="has a webhook") as error:
            await channel(api.url).poll(None)
    assert error.value.failure is Failure.MISCONFIGURED


async def test_a_second_poller_is_told():
    conflict = {
        "ok": False,
        "error_code": 409,
        "description": "Conflict: terminated by other getUpdates request",
    }
    async with FakeProvider(Answer(409, conflict)) as api:
        with pytest.raises(DeliveryError, match="somebody else") as error:
            await channel(api.url).poll(None)
    assert error.value.failure is Failure.MISCONFIGURED


async def test_trouble_while_polling_tells_no_token():
    world = build_world()
    with refused_url() as nobody, pytest.raises(DeliveryError) as error:
        await channel(nobody, world).poll(None)
    assert error.value.failure is Failure.RETRY
    told = [str(error.value), str(error.value.__cause__), *world.log.lines]
    assert not any(TOKEN in line for line in told)


# ---------------------------------------------------------------- groups


def in_group(number=9, **message):
    chat = {"id": GROUP, "type": "supergroup", "title": "Pay users"}
    return written(number, chat=chat, **message)


def test_groups_are_passed_over_unless_wanted():
    assert parse(in_group()) == ()
    (event,) = parse(in_group(), groups=True)
    assert event.visibility is Visibility.PUBLIC
    assert event.sender == "5938274610"


@pytest.mark.parametrize(
    "who",
    [
        {"from": {"id": 9, "is_bot": True, "first_name": "B"}},
        {"sender_chat": {"id": GROUP, "type": "supergroup", "title": "Pay users"}},
        {"from": None},
    ],
    ids=["a bot", "an anonymous administrator", "nobody"],
)
def test_in_a_group_only_people_are_heard(who):
    assert parse(in_group(**who), groups=True) == ()


async def test_a_public_answer_goes_to_the_group_and_shows_whom_it_answers():
    (event,) = parse(in_group(message_thread_id=7, is_topic_message=True), groups=True)
    answer = outbound(to=event.sender, visibility=Visibility.PUBLIC, reply_to=event.reply_to)
    async with FakeBotApi(TOKEN) as api:
        sent = await channel(api.url, groups=True).send(answer)
    (asked,) = api.asked
    assert asked.chat_id == GROUP
    assert asked.message_thread_id == 7
    assert asked.reply_parameters.message_id == 9
    assert asked.reply_parameters.allow_sending_without_reply is True
    assert sent.external_id.startswith(f"{GROUP}:")


async def test_a_private_answer_to_who_wrote_in_a_group_goes_to_them_alone():
    (event,) = parse(in_group(message_thread_id=7, is_topic_message=True), groups=True)
    async with FakeBotApi(TOKEN) as api:
        await channel(api.url).send(outbound(to=event.sender, reply_to=event.reply_to))
    (asked,) = api.asked
    assert asked.chat_id == 5938274610
    assert asked.message_thread_id is None
    assert asked.reply_parameters is None


async def test_a_public_text_without_a_group_is_refused_and_not_sent_in_private():
    async with FakeBotApi(TOKEN) as api:
        with pytest.raises(DeliveryError) as error:
            await channel(api.url).send(outbound(to="5", visibility=Visibility.PUBLIC))
    assert error.value.failure is Failure.REJECTED
    assert api.asked == []


async def test_a_group_that_moved_is_followed_from_the_next_try_on():
    world = build_world()
    moved = {
        "ok": False,
        "error_code": 400,
        "description": "Bad Request: group chat was upgraded to a supergroup chat",
        "parameters": {"migrate_to_chat_id": -1002000111333},
    }
    answer = outbound(to="5", visibility=Visibility.PUBLIC, reply_to={"message": f"{GROUP}:9"})
    async with FakeProvider(Answer(400, moved)) as provider:
        with pytest.raises(DeliveryError) as error:
            await channel(provider.url, world).send(answer)
    assert error.value.failure is Failure.RETRY
    async with FakeBotApi(TOKEN) as api:
        sent = await channel(api.url, world).send(answer)
    (asked,) = api.asked
    assert asked.chat_id == -1002000111333
    # The same number is another message there.
    assert asked.reply_parameters is None
    assert sent.external_id.startswith("-1002000111333:")


# ---------------------------------------------------------------- business accounts, replies


async def test_who_wrote_to_a_business_account_is_answered_by_it():
    (event,) = parse({"update_id": 1, "business_message": written(9)["message"] | {
        "business_connection_id": "mGXqHBCx"}})  # fmt: skip
    async with FakeBotApi(TOKEN) as api:
        sent = await channel(api.url).send(outbound(to=event.sender, reply_to=event.reply_to))
    (asked,) = api.asked
    assert asked.business_connection_id == "mGXqHBCx"
    assert asked.chat_id == 5938274610
    assert sent.external_id == "mGXqHBCx:5938274610:101"


async def test_an_answer_to_our_message_names_it_as_the_send_did():
    async with FakeBotApi(TOKEN) as api:
        sent = await channel(api.url).send(outbound(to="5938274610"))
    number = MessageId.parse(sent.external_id).number
    (event,) = parse(written(12, reply_to_message={"message_id": number}))
    assert event.thread.message_ids == (sent.external_id,)


@pytest.mark.parametrize("text", ["1", "a:b", "1:", ":1", "1:x", "c:1", "1:2:3:4", "-1:-2"])
def test_what_is_no_message_id_is_none(text):
    assert MessageId.parse(text) is None


@pytest.mark.parametrize("at", [MessageId(5, 7), MessageId(-100, 7), MessageId(5, 7, "mGXq-H_")])
def test_a_message_id_is_read_as_it_is_written(at):
    assert MessageId.parse(str(at)) == at


# ---------------------------------------------------------------- sending


@pytest.mark.parametrize(("text", "fits"), [("🙏" * 2048, True), ("🙏" * 2048 + "x", False)])
async def test_the_limit_counts_utf16(text, fits):
    async with FakeBotApi(TOKEN) as api:
        ours = channel(api.url)
        if fits:
            await ours.send(outbound(to="5", text=text))
        else:
            with pytest.raises(DeliveryError, match="4097 UTF-16"):
                await ours.send(outbound(to="5", text=text))
    assert len(api.asked) == fits


async def test_markup_in_a_text_stays_text():
    async with FakeBotApi(TOKEN) as api:
        await channel(api.url).send(outbound(to="5", text="1 < 2 & *b* _i_ [x](y)"))
    (asked,) = api.asked
    assert asked.text == "1 < 2 & *b* _i_ [x](y)"
    assert "parse_mode" not in asked.model_fields_set


async def test_attachments_are_refused_before_anything_goes_out():
    file = Attachment("a.txt", "text/plain", 1, b"a")
    async with FakeBotApi(TOKEN) as api:
        with pytest.raises(DeliveryError) as error:
            await channel(api.url).send(outbound(to="5", attachments=(file,)))
    assert error.value.failure is Failure.REJECTED
    assert api.asked == []


# ---------------------------------------------------------------- files


async def test_a_file_is_fetched_by_the_address_that_its_message_brought():
    (event,) = parse(written(3, text="", document={"file_id": "BQAC-1", "file_unique_id": "u"}))
    async with FakeBotApi(TOKEN) as api:
        api.files["BQAC-1"] = ("documents/file 0.pdf", b"%PDF")
        ours = channel(api.url)
        assert await ours.fetch(event.attachments[0]) == b"%PDF"
        bot = api.bot()
        theirs = await bot.download(await bot.get_file("BQAC-1"))
        await bot.session.close()
    assert theirs.read() == b"%PDF"


@pytest.mark.parametrize("path", ["/etc/passwd", "../secret", "", "a/../../b"])
async def test_a_path_that_leads_out_of_the_files_is_refused(path):
    async with FakeBotApi(TOKEN) as api:
        api.files["f"] = (path, b"x")
        with pytest.raises(DeliveryError, match="no link"):
            await channel(api.url).fetch(Attachment("a", "b", 0, url="telegram:f"))


async def test_a_file_of_another_channel_is_refused():
    with pytest.raises(DeliveryError, match="not a file of Telegram"):
        await channel().fetch(Attachment("a", "b", 0, url="https://files.example/a"))


# ---------------------------------------------------------------- health


async def test_health_when_polling():
    async with FakeBotApi(TOKEN) as api:
        assert (await channel(api.url).health()).ok
        api.webhook["url"] = "https://elsewhere.example/"
        health = await channel(api.url).health()
    assert not health.ok
    assert "delete it" in health.detail


async def test_health_with_a_webhook():
    async with FakeBotApi(TOKEN) as api:
        ours = channel(api.url, webhook_secret="s")
        assert (await ours.health()).detail == "no webhook is set"
        api.webhook["url"] = "https://gateway.example/in/telegram/other"
        assert not (await ours.health()).ok
        api.webhook["url"] = "https://gateway.example/in/telegram/main"
        assert (await ours.health()).ok
        api.webhook |= {"pending_update_count": 4, "last_error_date": 1767225600}
        health = await ours.health()
    assert not health.ok
    assert "4 updates wait" in health.detail


async def test_health_with_a_token_that_is_refused():
    async with FakeProvider(default=Answer(401, {"ok": False, "error_code": 401})) as api:
        health = await channel(api.url).health()
    assert not health.ok
    assert "token is refused" in health.detail
    assert TOKEN not in health.detail


async def test_health_when_nobody_answers():
    with refused_url() as nobody:
        assert not (await channel(nobody).health()).ok


def test_a_place_that_is_shared_live_is_edited_all_the_time_and_says_nothing():
    moved = {"location": {"latitude": 1.5, "longitude": 2.5}, "edit_date": 1767225700}
    message = {
        "message_id": 4,
        "date": 1767225600,
        "chat": {"id": 7, "type": "private"},
        "from": {"id": 7, "is_bot": False, "first_name": "A"},
    }
    assert parse({"update_id": 1, "edited_message": message | moved}) == ()
    (edited,) = parse({"update_id": 2, "edited_business_message": {
        **message, "business_connection_id": "b", "edit_date": 1767225700, "caption": "now",
    }})  # fmt: skip
    assert edited == Edited("b:7:4", "7", "now", 2, 1767225700.0)
