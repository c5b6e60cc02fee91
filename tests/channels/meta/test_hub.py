"""Who is believed, what every call to Meta carries, and whose events a call holds."""

import hashlib
import hmac
import json
import logging
from contextlib import suppress
from pathlib import Path

import pytest
from pywa import WhatsApp as Peer
from pywa.utils import webhook_updates_validator

from channels.instagram import Instagram
from channels.messenger import Messenger
from channels.whatsapp import WhatsApp
from gateway.domain.channel import Probe, Webhook
from gateway.domain.errors import (
    BadSignature,
    DeliveryError,
    Failure,
    ParseError,
    SettingsError,
)
from gateway.testing.builders import outbound, webhook
from gateway.testing.provider import Answer, FakeProvider, refused_url
from gateway.testing.world import build_world
from tests.channels.meta.accounts import (
    ACCESS,
    ACCOUNT,
    ALL,
    NUMBER,
    PAGE,
    PSID,
    SECRET,
    VERIFY,
    account,
    call,
    graph_error,
    signature,
)

BODY = b'{"object":"page","entry":[]}'
URL = "https://gateway.example/in/meta/main"
SENT = Answer(200, {"messages": [{"id": "wamid.1"}], "message_id": "m_1"})


def trying(query, method="GET"):
    return webhook(b"", url=f"{URL}?{query}", method=method)


@pytest.mark.parametrize("channel", ALL)
def test_it_is_a_webhook_that_can_be_probed(channel):
    assert isinstance(account(channel), Webhook)
    assert isinstance(account(channel), Probe)


@pytest.mark.parametrize("channel", ALL)
@pytest.mark.parametrize("missing", ["app_secret", "verify_token", "access_token"])
def test_a_missing_secret_is_a_settings_error(channel, missing):
    with pytest.raises(SettingsError, match=missing):
        account(channel, **{missing: ""})


@pytest.mark.parametrize(
    ("channel", "name"),
    [(WhatsApp, "phone_number_id"), (Messenger, "page_id"), (Instagram, "instagram_id")],
)
def test_without_an_id_of_its_own_nothing_could_be_told_apart(channel, name):
    with pytest.raises(SettingsError, match=name):
        account(channel, **{name: ""})


# ---------------------------------------------------------------- signatures


@pytest.mark.parametrize("channel", ALL)
@pytest.mark.parametrize(
    "given",
    [
        signature(BODY),
        signature(BODY, "another secret"),
        signature(BODY + b" "),
        signature(BODY)[:-1],
        signature(BODY).upper(),
        "sha256=",
        "=",
        "",
    ],
)
def test_pywa_and_we_accept_the_same_signatures(channel, given):
    try:
        account(channel).verify(webhook(BODY, headers={"X-Hub-Signature-256": given}))
        accepted = True
    except BadSignature:
        accepted = False
    assert accepted == webhook_updates_validator(SECRET, BODY, given)


def test_the_name_of_the_digest_belongs_to_the_signature():
    # pywa takes it without; Meta never sends it so.
    bare = signature(BODY).removeprefix("sha256=")
    with pytest.raises(BadSignature):
        account(WhatsApp).verify(webhook(BODY, headers={"X-Hub-Signature-256": bare}))


@pytest.mark.parametrize("channel", ALL)
def test_two_app_secrets_are_live_while_they_are_rotated(channel):
    both = account(channel, app_secret="new", app_secret_previous="old")
    for secret, name in (("new", "current"), ("old", "previous")):
        assert both.verify(call("page", secret=secret)).key_id == name
    with pytest.raises(BadSignature):
        both.verify(call("page", secret="older"))
    with pytest.raises(BadSignature):
        both.verify(call("page", secret=""))


# ---------------------------------------------------------------- a new address


@pytest.mark.parametrize("channel", ALL)
def test_a_new_address_is_answered_with_the_word_that_came(channel):
    request = trying(
        "hub.mode=subscribe&hub.verify_token=a+word%20of+ours&hub.challenge=1158201444"
    )
    ours = account(channel)
    assert ours.verify(request).scheme == "meta-verify-token"
    parsed = ours.parse(request)
    assert (parsed.events, parsed.reply.status, parsed.reply.body) == ((), 200, b"1158201444")
    assert parsed.reply.content_type.startswith("text/plain")


def test_pywa_answers_a_new_address_alike():
    logging.getLogger("pywa").setLevel(logging.CRITICAL)
    peer = Peer(phone_id=NUMBER, token=ACCESS, verify_token=VERIFY, server=None)
    for token in (VERIFY, "another", "", VERIFY + " "):
        theirs, status = peer.webhook_challenge_handler(token, "77")
        request = trying(
            f"hub.mode=subscribe&hub.verify_token={token.replace(' ', '+')}&hub.challenge=77"
        )
        try:
            account(WhatsApp).verify(request)
            ours = account(WhatsApp).parse(request).reply.body.decode()
        except BadSignature:
            ours = "Forbidden"
        assert (ours, status == 200) == (theirs, ours == "77")


@pytest.mark.parametrize(
    ("query", "method"),
    [
        ("hub.mode=subscribe&hub.verify_token=other&hub.challenge=1", "GET"),
        ("hub.mode=unsubscribe&hub.verify_token=a+word+of+ours&hub.challenge=1", "GET"),
        ("hub.verify_token=a+word+of+ours&hub.challenge=1", "GET"),
        ("hub.mode=subscribe&hub.challenge=1", "GET"),
        ("", "GET"),
        # The verify token proves nothing about a body.
        ("hub.mode=subscribe&hub.verify_token=a+word+of+ours&hub.challenge=1", "POST"),
    ],
)
def test_a_stranger_learns_nothing_from_the_address(query, method):
    with pytest.raises(BadSignature) as refused:
        account(Messenger).verify(trying(query, method))
    assert VERIFY not in str(refused.value)


def test_a_try_without_a_word_to_say_is_a_parse_error():
    with pytest.raises(ParseError, match=r"hub\.challenge"):
        account(WhatsApp).parse(trying("hub.mode=subscribe&hub.verify_token=a+word+of+ours"))


# ---------------------------------------------------------------- whose events


def test_of_a_batch_each_number_takes_its_own():
    def change(number, words):
        message = {"id": f"wamid.{words}", "from": "1", "timestamp": "1767225598", "type": "text"}
        message["text"] = {"body": words}
        value = {"metadata": {"phone_number_id": number}, "messages": [message]}
        return {"field": "messages", "value": value}

    both = call(
        "whatsapp_business_account",
        {"id": "1", "changes": [change("2", "b"), change("1", "a")]},
        {"id": "2", "changes": [change("1", "c"), change("3", "d")]},
    )
    for number, words in {"1": ["a", "c"], "2": ["b"], "3": ["d"], "4": []}.items():
        world = build_world()
        found = account(WhatsApp, world=world, phone_number_id=number).parse(both).events
        assert [event.text for event in found] == words
        (line,) = [line for line in world.log.lines if "another account" in line]
        assert f"count={4 - len(words)}" in line


@pytest.mark.parametrize(
    ("channel", "product", "name"),
    [(Messenger, "page", "page_id"), (Instagram, "instagram", "instagram_id")],
)
def test_of_a_batch_each_page_takes_its_own(channel, product, name):
    def entry(page, words):
        event = {"sender": {"id": "9"}, "recipient": {"id": page}, "timestamp": 1767225598123}
        return {"id": page, "messaging": [event | {"message": {"mid": words, "text": words}}]}

    both = call(product, entry("2", "b"), entry("1", "a"), entry("1", "c"))
    for page, words in {"1": ["a", "c"], "2": ["b"], "3": []}.items():
        world = build_world()
        found = account(channel, world=world, **{name: page}).parse(both).events
        assert [event.text for event in found] == words
        assert any("another account" in line for line in world.log.lines)


def test_what_is_passed_over_is_counted_without_a_text():
    world = build_world()
    event = {"sender": {"id": PSID}, "recipient": {"id": PAGE}, "timestamp": 1767225598123}
    echo = event | {"message": {"mid": "m_1", "text": "secret words", "is_echo": True}}
    change = {"field": "mention", "value": {"message": "secret words"}}
    entry = {"id": PAGE, "messaging": [echo, echo, event | {"optin": {}}], "changes": [change]}
    account(Messenger, world=world).parse(call("page", entry))
    (line,) = world.log.lines
    assert "{'message': 2, 'optin': 1, 'mention': 1}" in line


@pytest.mark.parametrize("channel", ALL)
def test_there_is_one_address_for_an_account(channel):
    with pytest.raises(ParseError, match="no such webhook"):
        account(channel).parse(webhook(BODY, path="status"))


# ---------------------------------------------------------------- whatever comes

PAYLOADS = Path(__file__).parents[1] / "payloads"
ODD = (None, True, -1, 10**30, 1.5, "", "x", "\ud800", "\0", "9" * 400, [], [None], {}, {"id": 1})


def places(node, at=()):
    """Every place in a body."""
    yield at
    inner = (
        node.items()
        if isinstance(node, dict)
        else enumerate(node)
        if isinstance(node, list)
        else ()
    )
    for key, found in list(inner):
        yield from places(found, (*at, key))


def put(node, at, odd):
    if not at:
        return odd
    copy = dict(node) if isinstance(node, dict) else list(node)
    copy[at[0]] = put(node[at[0]], at[1:], odd)
    return copy


@pytest.mark.parametrize("channel", ALL)
def test_a_field_of_another_kind_makes_events_or_a_parse_error(channel):
    recorded = sorted((PAYLOADS / channel.kind).glob("*.request.json"))
    bodies = [json.loads(path.read_text("utf-8"))["body"] for path in recorded]
    ours, tried = account(channel, world=build_world()), 0
    for body in (json.loads(body) for body in bodies if body.startswith("{")):
        for at in places(body):
            for odd in ODD:
                request = webhook(json.dumps(put(body, at, odd)).encode())
                with suppress(ParseError):
                    for event in ours.parse(request).events:
                        # What no database takes has been replaced.
                        assert "\0" not in event.external_id
                        event.external_id.encode()
                tried += 1
    assert tried > 2000


# ---------------------------------------------------------------- what every call carries


@pytest.mark.parametrize("channel", ALL)
async def test_every_call_proves_that_it_knows_the_app_secret(channel):
    async with FakeProvider(SENT, Answer(404)) as provider:
        world = build_world()
        ours = account(channel, provider.url, world, app_secret_previous="old")
        await ours.send(outbound(to=PSID))
        await ours.health()
    for sent in provider.calls:
        proof = hmac.new(SECRET.encode(), ACCESS.encode(), hashlib.sha256).hexdigest()
        assert dict(sent.query)["appsecret_proof"] == proof
        assert sent.headers["authorization"] == f"Bearer {ACCESS}"
        assert sent.path.startswith("/v25.0/")
    told = "".join(world.log.lines)
    assert proof not in told
    assert ACCESS not in told


async def test_the_version_of_the_api_is_a_setting():
    async with FakeProvider(SENT) as provider:
        await account(WhatsApp, provider.url, api_version="v26.0").send(outbound())
    assert provider.calls[0].path == f"/v26.0/{NUMBER}/messages"


@pytest.mark.parametrize(
    ("usage", "patience"),
    [
        (
            '{"1":[{"estimated_time_to_regain_access":2}],"2":[{"estimated_time_to_regain_access":5}]}',
            300.0,
        ),
        ('{"1":[{"estimated_time_to_regain_access":0}]}', None),
        ('{"1":{"estimated_time_to_regain_access":2}}', None),
        ('[{"1":2}]', None),
        ("soon", None),
    ],
)
async def test_a_throttled_account_rests_until_meta_takes_calls_again(usage, patience):
    headers = {"X-Business-Use-Case-Usage": usage}
    async with FakeProvider(Answer(400, graph_error(80006), headers)) as provider:
        with pytest.raises(DeliveryError) as failed:
            await account(Messenger, provider.url).send(outbound(to=PSID))
    assert failed.value.failure is Failure.THROTTLED
    assert failed.value.retry_after == patience


# ---------------------------------------------------------------- health


def settled(**answer):
    return Answer(200, answer)


@pytest.mark.parametrize(
    ("channel", "answer", "ok", "words"),
    [
        (WhatsApp, settled(quality_rating="GREEN", webhook_configuration={"application": "https://gateway.example/in/whatsapp/main"}), True, "green"),
        (WhatsApp, settled(webhook_configuration={"phone_number": "https://gateway.example/in/whatsapp/main", "application": "https://other.example"}), True, "quality"),
        (WhatsApp, settled(webhook_configuration={"whatsapp_business_account": "https://other.example", "application": "https://gateway.example/in/whatsapp/main"}), False, "webhook is not"),
        (WhatsApp, settled(quality_rating="GREEN"), False, "webhook is not"),
        (Messenger, settled(data=[{"subscribed_fields": ["feed", "messages"]}]), True, "feed, messages"),
        (Messenger, settled(data=[{"subscribed_fields": ["feed"]}]), False, "messages"),
        (Messenger, settled(data=[]), False, "messages"),
        (Instagram, settled(id=ACCOUNT, username="pay"), True, "token"),
        (Instagram, settled(id=ACCOUNT), False, "by this id"),
        (WhatsApp, Answer(401, graph_error(190, 463)), False, "expired"),
        (Messenger, Answer(500), False, "HTTP 500"),
        (Instagram, Answer(429), False, "HTTP 429"),
    ],
)  # fmt: skip
async def test_a_probe_tells_what_is_wrong(channel, answer, ok, words):
    async with FakeProvider(answer) as provider:
        health = await account(channel, provider.url).health()
    assert health.ok is ok
    assert words in health.detail
    (asked,) = provider.calls
    assert asked.method == "GET"


@pytest.mark.parametrize("channel", ALL)
async def test_a_probe_that_reaches_nobody_says_so(channel):
    with refused_url() as nobody:
        health = await account(channel, nobody).health()
    assert not health.ok
    assert "no answer" in health.detail
