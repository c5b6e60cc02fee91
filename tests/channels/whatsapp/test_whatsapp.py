"""WhatsApp's messages and receipts, texts and templates; what pywa, the library of others, makes of the same."""

import json
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from pywa import WhatsApp as Reader
from pywa.errors import (
    AuthorizationError,
    IntegrityError,
    SendMessageError,
    ThrottlingError,
)
from pywa.types import (
    CallbackButton,
    CallbackSelection,
    DeletedMessage,
    EditedMessage,
    Message,
    MessageStatus,
)
from pywa.types.base_update import RawUpdate
from pywa_async import WhatsApp as Peer
from pywa_async.errors import ReEngagementMessage, TooManyMessages
from pywa_async.types.templates import BodyText, TemplateLanguage

from channels._whatsapp_errors import WHATSAPP
from channels.whatsapp import WhatsApp
from gateway.domain.errors import DeliveryError, Failure, SettingsError
from gateway.domain.model import Attachment, Visibility
from gateway.domain.window import Rules
from gateway.testing.builders import outbound
from gateway.testing.provider import Answer, FakeProvider
from gateway.testing.world import build_world
from tests.channels.meta.accounts import ACCESS, NUMBER, account, call, graph_error

PAYLOADS = Path(__file__).parents[1] / "payloads" / "whatsapp"
RECORDED = sorted(PAYLOADS.glob("*.request.json"))
PHONE, USER = "8613800138000", "HK.2258340975641385"
TAKEN = Answer(
    200,
    {
        "messaging_product": "whatsapp",
        "contacts": [{"input": PHONE, "wa_id": PHONE, "user_id": USER}],
        "messages": [{"id": "wamid.OURS001"}],
    },
)
TEMPLATES = {"en": "news_on_inquiry:en_US", "zh-CN": "news_zh:zh_CN"}


@asynccontextmanager
async def peer(url):
    async with httpx.AsyncClient() as session:
        client = Peer(phone_id=NUMBER, token=ACCESS, session=session)
        session.base_url = f"{url}/v25.0"
        yield client


def late(**changes):
    """A message that a person wrote behind the window."""
    return outbound(**({"to": PHONE, "automatic": False, "beyond_window": True} | changes))


# ---------------------------------------------------------------- what comes in


def single(path):
    """The calls that pywa reads: one message, and its sender's profile."""
    body = json.loads(path.read_text("utf-8"))["body"]
    return (
        "revoke" not in body
        and body.count('"timestamp"') == 1
        and '"messages":' in body
        and '"user_id"' in body
    )


@pytest.mark.parametrize(
    "path",
    [path for path in RECORDED if single(path)],
    ids=lambda path: path.name.partition(".")[0],
)
def test_pywa_reads_in_the_recorded_calls_what_we_read(path):
    body = json.loads(path.read_text("utf-8"))["body"].encode()
    expect = json.loads(path.with_name(path.name.replace("request", "expect")).read_text("utf-8"))
    client = Reader(phone_id=NUMBER, token=ACCESS, server=None, verify_token="v")
    raw = RawUpdate(body, hmac_header=None, update_hash="")
    said = raw.value["messages"][0]
    kind = {"button": CallbackButton, "interactive": CallbackButton}.get(said["type"], Message)
    if said.get("interactive", {}).get("type") == "list_reply":
        kind = CallbackSelection
    theirs = kind.from_update(client, raw)
    (ours,) = expect["events"]
    assert ours["external_id"] == theirs.id
    assert ours["sender"] == (theirs.from_user.wa_id or theirs.from_user.bsuid)
    assert ours["name"] == theirs.from_user.name
    assert ours["at"] == theirs.timestamp.timestamp()
    assert ours["facts"]["user_id"] == theirs.from_user.bsuid
    assert ours["facts"].get("username") == theirs.from_user.username
    if isinstance(theirs, Message):
        assert ours["text"] == (theirs.text or theirs.caption)
    else:
        assert (ours["text"], ours["facts"]["choice"]) == (theirs.title, theirs.data)
    quoted = ours.get("thread", {}).get("message_ids", [])
    assert quoted == ([theirs.reply_to_message.id] if theirs.reply_to_message else [])


def test_pywa_reads_the_recorded_receipts_as_we_do():
    recorded = json.loads((PAYLOADS / "receipts.request.json").read_text("utf-8"))["body"]
    expect = json.loads((PAYLOADS / "receipts.expect.json").read_text("utf-8"))["events"]
    client = Reader(phone_id=NUMBER, token=ACCESS, server=None, verify_token="v")
    raw = RawUpdate(recorded.encode(), hmac_header=None, update_hash="")
    for number, ours in enumerate(expect):
        theirs = MessageStatus.from_update(client, raw, status_idx=number)
        state = str(theirs.status).replace("played", "read")
        assert (ours["external_id"], ours["status"]) == (theirs.id, state)
        assert ours["at"] == theirs.timestamp.timestamp()


def test_pywa_reads_edits_and_what_is_taken_back_as_we_do():
    client = Reader(phone_id=NUMBER, token=ACCESS, server=None, verify_token="v")

    def recorded(name):
        body = json.loads((PAYLOADS / f"{name}.request.json").read_text("utf-8"))["body"]
        expect = json.loads((PAYLOADS / f"{name}.expect.json").read_text("utf-8"))["events"]
        return RawUpdate(body.encode(), hmac_header=None, update_hash=""), expect[0]

    raw, ours = recorded("changed")
    edit = EditedMessage.from_update(client, raw)
    assert (ours["external_id"], ours["text"]) == (edit.original_message_id, edit.message.text)
    assert ours["at"] == edit.timestamp.timestamp()
    raw, ours = recorded("taken_back")
    gone = DeletedMessage.from_update(client, raw)
    assert (ours["external_id"], ours["sender"]) == (gone.original_message_id, gone.from_user.wa_id)


def text_message(**changes):
    known = {"id": "wamid.1", "timestamp": "1767225598", "type": "text", "text": {"body": "hi"}}
    value = {"metadata": {"phone_number_id": NUMBER}, "messages": [known | changes]}
    return call("whatsapp_business_account", {"changes": [{"field": "messages", "value": value}]})


def test_who_has_a_number_is_known_by_it_and_who_has_none_by_the_user_id():
    ours = account(WhatsApp)
    (both,) = ours.parse(text_message(**{"from": PHONE, "from_user_id": USER})).events
    (one,) = ours.parse(text_message(from_user_id=USER)).events
    assert (both.sender, both.facts) == (PHONE, {"wa_id": PHONE, "user_id": USER})
    assert (one.sender, one.facts) == (USER, {"user_id": USER})


def test_a_time_in_milliseconds_is_the_same_time():
    (event,) = (
        account(WhatsApp).parse(text_message(**{"from": "1", "timestamp": "1767225598123"})).events
    )
    assert event.at == 1767225598.123


# ---------------------------------------------------------------- what goes out


@pytest.mark.parametrize("to", [PHONE, USER])
async def test_a_text_goes_out_as_pywa_sends_it(to):
    async with FakeProvider(TAKEN, TAKEN) as provider:
        async with peer(provider.url) as theirs:
            await theirs.send_message(to, "您好 🙏")
        sent = await account(WhatsApp, provider.url).send(outbound(to=to, text="您好 🙏"))
    by_pywa, by_us = provider.calls
    assert (by_us.method, by_us.path) == (by_pywa.method, by_pywa.path)
    assert by_us.headers["authorization"] == by_pywa.headers["authorization"]
    assert by_us.json() == by_pywa.json()
    assert sent.external_id == "wamid.OURS001"


async def test_behind_the_window_a_persons_text_goes_into_a_template_as_pywa_sends_it():
    async with FakeProvider(TAKEN, TAKEN) as provider:
        async with peer(provider.url) as client:
            await client.send_template(
                PHONE,
                "news_on_inquiry",
                TemplateLanguage.ENGLISH_US,
                [BodyText.params("It has been paid. Thank you.")],
            )
        ours = account(WhatsApp, provider.url, window_template=TEMPLATES)
        await ours.send(late(text="It has been paid.\n\n\tThank you. "))
    by_pywa, by_us = provider.calls
    theirs = by_pywa.json()
    theirs["template"]["components"][0]["type"] = "body"  # they write it in capitals
    assert by_us.json() == theirs


@pytest.mark.parametrize(
    ("language", "name"),
    [("zh-CN", "news_zh"), ("en", "news_on_inquiry"), ("en-GB", "news_on_inquiry")],
)
async def test_the_template_is_that_of_the_customers_language(language, name):
    async with FakeProvider(TAKEN) as provider:
        ours = account(WhatsApp, provider.url, window_template=TEMPLATES)
        await ours.send(late(language=language))
    assert provider.calls[0].json()["template"]["name"] == name


@pytest.mark.parametrize(
    ("templates", "language"),
    [(TEMPLATES, "ja"), (TEMPLATES, ""), ({}, "en"), (TEMPLATES, "zh-TW")],
)
async def test_without_a_template_the_message_waits_and_nothing_is_asked(templates, language):
    async with FakeProvider() as provider:
        ours = account(WhatsApp, provider.url, window_template=templates)
        with pytest.raises(DeliveryError) as failed:
            await ours.send(late(language=language))
    assert failed.value.failure is Failure.WINDOW_CLOSED
    assert not provider.calls


async def test_within_the_window_no_template_is_used():
    async with FakeProvider(TAKEN) as provider:
        ours = account(WhatsApp, provider.url, window_template=TEMPLATES)
        await ours.send(outbound(to=PHONE, automatic=False))
    assert provider.calls[0].json()["type"] == "text"


def test_only_with_templates_people_may_write_behind_the_window():
    day = 24 * 3600.0
    plain, with_templates = account(WhatsApp), account(WhatsApp, window_template=TEMPLATES)
    assert Rules.of(plain.capabilities) == Rules(window=day)
    assert Rules.of(with_templates.capabilities) == Rules(window=day, human_only=365 * day)
    assert with_templates.kind == "whatsapp"


@pytest.mark.parametrize("template", ["news", "News:en", "news:english", "news:en_us", ":en", ""])
def test_a_template_that_cannot_be_one_is_a_settings_error(template):
    with pytest.raises(SettingsError, match=r"window_template\.en"):
        account(WhatsApp, window_template={"en": template})


async def test_what_whatsapp_cannot_send_is_refused_before_it_is_asked():
    async with FakeProvider() as provider:
        ours = account(WhatsApp, provider.url)
        for changes in (
            {"visibility": Visibility.PUBLIC},
            {"attachments": (Attachment("a", "b", 1),)},
            {"text": "🙏" * 2049},
        ):
            with pytest.raises(DeliveryError) as failed:
                await ours.send(outbound(**changes))
            assert failed.value.failure is Failure.REJECTED
    assert not provider.calls


# ---------------------------------------------------------------- codes


def test_every_code_that_pywa_knows_of_sending_is_described():
    families = (AuthorizationError, IntegrityError, SendMessageError, ThrottlingError)
    codes = {
        code
        for family in families
        for kind in family.__subclasses__()
        for code in kind.__error_codes__
    }
    assert len(codes) > 140
    unknown = sorted(code for code in codes if WHATSAPP.meaning(code) is None)
    assert not unknown, f"no meaning for {unknown}"


@pytest.mark.parametrize("family", [AuthorizationError, ThrottlingError])
def test_what_is_a_matter_of_the_account_for_pywa_is_one_for_us(family):
    wanted = {AuthorizationError: Failure.MISCONFIGURED, ThrottlingError: Failure.THROTTLED}[family]
    for kind in family.__subclasses__():
        for code in kind.__error_codes__:
            assert WHATSAPP.meaning(code).failure is wanted, code


@pytest.mark.parametrize(
    ("code", "theirs", "failure"),
    [
        (131047, ReEngagementMessage, Failure.WINDOW_CLOSED),
        (131056, TooManyMessages, Failure.THROTTLED),
    ],
)
async def test_pywa_and_we_take_an_answer_for_the_same(code, theirs, failure):
    refusal = Answer(400, graph_error(code))
    async with FakeProvider(refusal, refusal) as provider:
        async with peer(provider.url) as client:
            with pytest.raises(theirs):
                await client.send_message(PHONE, "hi")
        with pytest.raises(DeliveryError) as failed:
            await account(WhatsApp, provider.url).send(outbound(to=PHONE))
    assert (failed.value.failure, failed.value.provider_code) == (failure, str(code))


# ---------------------------------------------------------------- files


def kept(url):
    return Attachment("a.jpg", "image/jpeg", size=0, url=url)


async def test_a_file_is_fetched_by_its_id_through_an_address_that_is_asked_for():
    async with FakeProvider() as provider:
        provider.play(
            Answer(200, {"url": f"{provider.url}/files/1?hash=x"}), Answer(200, b"\xff\xd8")
        )
        assert await account(WhatsApp, provider.url).fetch(kept("whatsapp:100338")) == b"\xff\xd8"
        asked, fetched = provider.calls
    assert asked.path == "/v25.0/100338"
    assert (fetched.path, fetched.headers["authorization"]) == ("/files/1", f"Bearer {ACCESS}")


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/fbsbx.com",
        "https://fbsbx.com.evil.example/",
        "http://lookaside.fbsbx.com/",
        "ftp:",
        7,
    ],
)
async def test_the_token_goes_to_nobody_but_meta(url):
    async with FakeProvider(Answer(200, {"url": url})) as provider:
        with pytest.raises(DeliveryError) as failed:
            await account(WhatsApp, provider.url).fetch(kept("whatsapp:100338"))
    assert failed.value.failure is Failure.REJECTED
    assert len(provider.calls) == 1


async def test_a_file_that_is_not_kept_any_more_is_not_asked_for_again():
    async with FakeProvider(Answer(400, graph_error(100, 33))) as provider:
        with pytest.raises(DeliveryError) as failed:
            await account(WhatsApp, provider.url).fetch(kept("whatsapp:1"))
    assert failed.value.failure is Failure.REJECTED


async def test_a_file_that_cannot_be_had_now_is_asked_for_again():
    async with FakeProvider(Answer(500)) as provider:
        with pytest.raises(DeliveryError) as failed:
            await account(WhatsApp, provider.url).fetch(kept("whatsapp:1"))
    assert failed.value.failure is Failure.RETRY
    with pytest.raises(DeliveryError):
        await account(WhatsApp).fetch(kept("https://elsewhere.example/a.jpg"))


def test_a_receipt_of_a_failure_says_why_in_our_words():
    trouble = {
        "code": 131047,
        "title": "Re-engagement message",
        "message": "customer wrote long ago",
    }
    status = {"id": "wamid.1", "status": "failed", "timestamp": "1", "recipient_id": PHONE}
    value = {"metadata": {"phone_number_id": NUMBER}, "statuses": [status | {"errors": [trouble]}]}
    request = call(
        "whatsapp_business_account", {"changes": [{"field": "messages", "value": value}]}
    )
    (receipt,) = account(WhatsApp, world=build_world()).parse(request).events
    assert receipt.code == "131047"
    assert "24 hours" in receipt.detail
