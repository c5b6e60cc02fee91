"""The generic JSON webhook and its callback."""

import hashlib
import hmac
import json
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels._sim_http import CallbackFault, HttpPeer, signature, signed
from channels.http import WINDOW, GenericHttp, HttpSettings
from gateway.domain.channel import Lookup, Webhook
from gateway.domain.errors import BadSignature, DeliveryError, Failure, ParseError, SettingsError
from gateway.testing.builders import outbound, webhook
from gateway.testing.clock import NEW_YEAR
from gateway.testing.provider import Answer, FakeProvider
from gateway.testing.world import build_world

SECRET, OLD = "webhook-secret-in-use", "webhook-secret-before"
BODY = b'{"id":"m-1","sender":"user-7","text":"hello"}'


def channel(**settings):
    values = {"secret": SECRET, "secret_previous": OLD} | settings
    return GenericHttp.from_account(HttpSettings(**values), build_world())


def call(header, body=BODY, **changes):
    return webhook(body, headers={"X-Gateway-Signature": header}, **changes)


def mac(secret, body=BODY, at=int(NEW_YEAR)):
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


NOW = int(NEW_YEAR)


@pytest.mark.parametrize(("secret", "name"), [(SECRET, "current"), (OLD, "previous")])
def test_either_live_secret_signs(secret, name):
    verdict = channel().verify(call(f"t={NOW},v1={mac(secret)}"))
    assert (verdict.scheme, verdict.key_id) == ("gateway-hmac-sha256", name)


@pytest.mark.parametrize(
    "header",
    [
        f"v1={mac(SECRET)},t={NOW}",
        f" t={NOW} , v1={mac(SECRET)}",
        f"t={NOW},v1={mac('x')},v1={mac(SECRET)}",
        f"t={NOW},v1={mac(SECRET).upper()}",
        f"t={NOW},v0=old,v2=new,v1={mac(SECRET)}",
    ],
)
def test_the_header_may_be_spelt_so(header):
    channel().verify(call(header))


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=,v1=",
        f"v1={mac(SECRET)}",
        f"t={NOW}",
        f"t={NOW},v1=",
        f"t={NOW + 1},v1={mac(SECRET)}",
        f"t={NOW},t={NOW},v1={mac(SECRET)}",
        f"t={NOW}.0,v1={mac(SECRET)}",
        f"t=-{NOW},v1={mac(SECRET)}",
        f"t=+{NOW},v1={mac(SECRET)}",
        "t=１７６７２２５６００,v1=" + mac(SECRET),
        "t=" + "9" * 5000 + ",v1=" + mac(SECRET),
        f"t={NOW},v1={mac('')}",
        f"t={NOW},v2={mac(SECRET)}",
        f"t={NOW}" + f",v1={mac(SECRET)}" * 5,
        f"t={NOW},v1={mac(SECRET)[:-1]}",
        f"t={NOW},v1=\udcff\udcfe",
    ],
)
def test_anything_else_is_refused(header):
    with pytest.raises(BadSignature):
        channel(secret_previous="").verify(call(header))


@pytest.mark.parametrize(
    ("age", "good"), [(0, True), (WINDOW, True), (-WINDOW, True), (WINDOW + 1, False)]
)
def test_a_signature_is_good_for_five_minutes(age, good):
    request = call(f"t={NOW},v1={mac(SECRET)}", received_at=NEW_YEAR + age)
    if good:
        channel().verify(request)
    else:
        with pytest.raises(BadSignature, match="300 s"):
            channel().verify(request)
        with pytest.raises(BadSignature, match="300 s"):
            channel().verify(call(f"t={NOW},v1={mac(SECRET)}", received_at=NEW_YEAR - age))


# ---------------------------------------------------------------- parse


def parse(document):
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return channel().parse(webhook(body)).events


GOOD = {"id": "m-1", "sender": "u", "text": "t"}


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (b"", "not JSON"),
        (b"[]", "not a JSON object"),
        (b"3", "not a JSON object"),
        (b'{"id":"1","sender":"u","text":"a","at":NaN}', "NaN is not JSON"),
        (b'{"id":"1","sender":"u","text":"a","at":1e999}', "^at is not in seconds"),
        ({}, "^id is missing"),
        ({"id": "1"}, "^sender is missing"),
        ({"id": "1", "sender": "u"}, "^text is empty"),
        (GOOD | {"id": ""}, "^id needs 1 to 200"),
        (GOOD | {"id": "x" * 201}, "^id needs 1 to 200"),
        (GOOD | {"id": True}, "^id is not a text"),
        (GOOD | {"id": "a\nb"}, "^id holds characters"),
        (GOOD | {"id": "a\ud83d"}, "^id holds characters"),
        (GOOD | {"sender": ["u"]}, "^sender is not a text"),
        (GOOD | {"sender": "  "}, "^sender needs 1 to 320"),
        (GOOD | {"text": 5}, "^text is not a text"),
        (GOOD | {"subject": {}}, "^subject is not a text"),
        (GOOD | {"name": 1}, "^name is not a text"),
        (GOOD | {"language": []}, "^language is not a text"),
        (GOOD | {"app_version": 8.2}, "^app_version is not a text"),
        (GOOD | {"verified_user": 1}, "^verified_user is not true or false"),
        (GOOD | {"verified_user": "true"}, "^verified_user is not true or false"),
        (GOOD | {"verified_user": None}, "^verified_user is not true or false"),
        (GOOD | {"at": True}, "^at is neither"),
        (GOOD | {"at": []}, "^at is neither"),
        (GOOD | {"at": -1}, "^at is not in seconds"),
        (GOOD | {"at": 1767225600000}, "^at is not in seconds"),
        (GOOD | {"at": "yesterday"}, "^at is not a date"),
        (GOOD | {"at": "2026-01-01T08:00:00"}, "^at has no time zone"),
        (GOOD | {"at": "0001-01-01T00:00:00+23:59"}, "^at is not in seconds"),
        (GOOD | {"attachments": {}}, "^attachments is not a list"),
        (GOOD | {"attachments": ["x"]}, r"^attachments\[0\] is not an object"),
        (GOOD | {"attachments": [{}]}, r"^attachments\[0\].url or attachments\[0\].data_base64"),
        (GOOD | {"attachments": [{"url": "https://a", "data_base64": ""}]}, "and not both"),
        (GOOD | {"attachments": [{"url": "file:///etc/passwd"}]}, r"\[0\].url is not an http"),
        (GOOD | {"attachments": [{"data_base64": "a b"}]}, r"\[0\].data_base64 is not base64"),
        (GOOD | {"attachments": [{"data_base64": "é"}]}, "is not base64"),
        (GOOD | {"attachments": [{"data_base64": 7}]}, "is not base64"),
        (GOOD | {"attachments": [{"url": "https://a"}] * 21}, "more than 20"),
        ({"messages": 5}, "^messages is not a list"),
        ({"messages": [GOOD, 5]}, r"^messages\[1\] is not an object"),
        ({"messages": [GOOD, GOOD | {"at": []}]}, r"^messages\[1\].at is neither"),
        ({"messages": [GOOD] * 501}, "more than 500"),
        ({"receipts": [{"id": "x", "status": "vaporised"}]}, r"^receipts\[0\].status is not one"),
        ({"receipts": [{"status": "sent"}]}, r"^receipts\[0\].id is missing"),
    ],
)
def test_what_cannot_be_read_names_the_field(document, says):
    with pytest.raises(ParseError, match=says):
        parse(document)


def test_the_version_of_the_app_comes_with_the_message():
    (event,) = parse(GOOD | {"app_version": "8.2.0"})
    assert event.facts["app_version"] == "8.2.0"


def test_null_fields_are_absent_ones():
    document = GOOD | dict.fromkeys(("name", "subject", "at", "attachments", "language"))
    assert parse(document) == parse(GOOD)


@pytest.mark.parametrize(
    "at", [1767225600, 1767225600.0, "2026-01-01T00:00:00Z", "2026-01-01T08:00:00+08:00"]
)
def test_times_may_be_seconds_or_dates(at):
    assert parse(GOOD | {"at": at})[0].at == 1767225600.0


def test_a_message_may_be_a_file_without_text():
    (event,) = parse({"id": 1, "sender": 2, "attachments": [{"data_base64": ""}]})
    assert (event.external_id, event.sender, event.attachments[0].size) == ("1", "2", 0)


def test_a_sender_is_verified_only_on_the_other_systems_word():
    assert parse(GOOD)[0].verified is False
    assert parse(GOOD | {"verified_user": True})[0].verified is True


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
FIELDS = st.sampled_from(
    "id sender text at attachments verified_user url data_base64 messages receipts status".split()  # noqa: SIM905 - a list of as many lines reads worse
)
OBJECTS = st.dictionaries(FIELDS, SCALARS | st.lists(SCALARS, max_size=2), max_size=5)


@given(st.dictionaries(FIELDS, SCALARS | OBJECTS | st.lists(OBJECTS, max_size=3), max_size=6))
@settings(max_examples=200, deadline=None)
def test_any_document_is_events_or_a_parse_error(document):
    try:
        parse(json.dumps(document).encode())
    except ParseError:
        return


# ---------------------------------------------------------------- send


async def test_the_callback_carries_the_answer_signed_and_keyed():
    async with FakeProvider(default=Answer(200, {"id": "cb-9"})) as provider:
        world = build_world()
        ch = GenericHttp.from_account(
            HttpSettings(
                secret=SECRET, callback_url=f"{provider.url}/cb?x=1", callback_secret="callback"
            ),
            world,
        )
        sent = await ch.send(
            outbound(to="user-7", text="您好 🙏", subject="提现", reply_to={"room": 3})
        )
    (got,) = provider.calls
    assert (got.method, got.path, got.query) == ("POST", "/cb", (("x", "1"),))
    assert got.json() == {
        "id": "id0000000000000000000001",
        "to": "user-7",
        "text": "您好 🙏",
        "subject": "提现",
        "number": "R-1001",
        "automatic": True,
        "language": "en",
        "reply_to": {"room": 3},
    }
    assert got.headers["idempotency-key"] == "id0000000000000000000001"
    assert got.headers["content-type"] == "application/json"
    assert got.headers["x-gateway-signature"] == signature("callback", got.body, NEW_YEAR)
    assert sent.external_id == "cb-9"


async def test_a_lost_answer_repeated_with_its_key_is_one_message():
    async with HttpPeer() as app:
        ch = GenericHttp.from_account(HttpSettings(**app.account_settings()), build_world())
        app.script(CallbackFault(drop=True), CallbackFault(503))
        failures = []
        for _ in range(2):
            with pytest.raises(DeliveryError) as caught:
                await ch.send(outbound(to="user-7"))
            failures.append(caught.value.failure)
        sent = await ch.send(outbound(to="user-7"))
        assert failures == [Failure.UNKNOWN, Failure.RETRY]
        assert len(app.answers) == 1
        assert app.repeated == 1
        assert sent.external_id == "cb-id0000000000000000000001"


async def test_a_callback_with_another_secret_is_refused_by_the_peer():
    async with HttpPeer() as app:
        settings = app.account_settings() | {"callback_secret": "another"}
        ch = GenericHttp.from_account(HttpSettings(**settings), build_world())
        with pytest.raises(DeliveryError) as caught:
            await ch.send(outbound())
        assert caught.value.failure is Failure.MISCONFIGURED
        assert (app.refused, app.answers) == (1, [])


async def test_an_account_without_callback_only_receives():
    with pytest.raises(DeliveryError) as caught:
        await channel().send(outbound())
    assert caught.value.failure is Failure.MISCONFIGURED


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"secret": ""}, "accounts.main.secret"),
        ({"callback_url": "https://a.example"}, "accounts.main.callback_secret"),
    ],
)
def test_settings_that_cannot_work_are_refused(values, key):
    with pytest.raises(SettingsError) as caught:
        channel(**values)
    assert caught.value.key == key


def test_the_address_space_belongs_to_the_account():
    assert channel(address_space="wallet").capabilities.address_space == "wallet"
    assert channel().capabilities.address_space == "http"
    assert GenericHttp.capabilities.address_space == "http"


def test_the_optional_protocols_are_as_its_send_safety_says():
    assert isinstance(channel(), Webhook)
    assert not isinstance(channel(), Lookup)
    assert channel().capabilities.send_safety == "key"


# ---------------------------------------------------------------- the peer, the speed


def test_the_peer_signs_what_the_channel_accepts():
    peer = HttpPeer(secret=SECRET)
    headers = peer.sign(BODY, NEW_YEAR)
    channel().verify(webhook(BODY, headers=headers))


def test_the_peer_checks_the_age_when_told_the_time():
    header = signature("s", b"x", 1000)
    assert signed("s", b"x", header)
    assert signed("s", b"x", header, now=1300)
    assert not signed("s", b"x", header, now=1301)
    assert not signed("s", b"y", header)
    assert not signed("s", b"x", "nonsense")


async def test_the_peer_posts_signed_messages_and_receipts():
    async with (
        FakeProvider(default=Answer(200, {"status": "accepted"})) as gateway,
        HttpPeer(secret=SECRET) as app,
    ):
        posted = await app.post_message(f"{gateway.url}/in/http/app", "你好", sender="u-1")
        await app.post_receipt(f"{gateway.url}/in/http/app", "cb-1", "read")
    assert posted.status == 200
    one, other = gateway.calls
    for got in gateway.calls:
        assert signed(SECRET, got.body, got.headers["x-gateway-signature"])
    assert parse(one.body)[0].external_id == posted.id
    assert parse(other.body)[0].status == "read"


def test_verify_and_parse_stay_within_a_fraction_of_a_millisecond():
    body = json.dumps(GOOD | {"text": "z" * 430, "language": "en"}).encode()
    ch, request = channel(), call(f"t={NOW},v1={mac(SECRET, body)}", body)
    best = min(_seconds(ch, request) for _ in range(50))
    # About 25 µs when nothing else runs; the bound is ten times that, for a busy machine.
    assert best < 250e-6


def _seconds(ch, request):
    started = perf_counter()
    ch.verify(request)
    ch.parse(request)
    return perf_counter() - started
