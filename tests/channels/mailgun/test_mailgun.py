"""Mailgun's signature covers a token and not the mail: what follows from that."""

import asyncio
import hashlib
import hmac
import time
from urllib.parse import urlencode

import pytest

from channels.mailgun import Mailgun
from gateway.domain.errors import BadSignature, ParseError, SettingsError
from gateway.testing.builders import webhook
from gateway.testing.clock import NEW_YEAR
from gateway.testing.world import build_world

KEY = "key-of-this-test"
HOUR = 3600.0


def call(token="t" * 50, mail=b"Subject: a\r\n\r\nb", *, at=NEW_YEAR, now=NEW_YEAR, **changes):
    timestamp = str(int(at))
    signature = hmac.new(KEY.encode(), f"{timestamp}{token}".encode(), hashlib.sha256).hexdigest()
    fields = {"timestamp": timestamp, "token": token, "signature": signature}
    fields |= {"sender": "anna@mail.example", "recipient": "support@pay.example"}
    body = urlencode({**fields, "body-mime": mail, **changes}).encode()
    return webhook(body, received_at=now)


def channel(world=None, **settings):
    values = {"address": "support@pay.example", "signing_key": KEY, **settings}
    return Mailgun.from_account(Mailgun.Settings(**values), world or build_world())


async def enter(gate, request):
    gate.verify(request)
    await gate.admit(request)


async def test_the_same_call_again_is_let_in():
    gate = channel()
    for _ in range(3):
        await enter(gate, call())


@pytest.mark.parametrize(
    "changes",
    [{"mail": b"Subject: other\r\n\r\nb"}, {"recipient": "x@pay.example"}, {"sender": ""}],
)
async def test_a_token_that_was_seen_brings_in_no_other_mail(changes):
    gate = channel()
    await enter(gate, call())
    with pytest.raises(BadSignature, match="another mail before"):
        await enter(gate, call(**changes))
    await enter(gate, call())
    await enter(gate, call("u" * 50, **changes))


async def test_a_restart_forgets_no_token():
    world = build_world()
    await enter(channel(world), call())
    with pytest.raises(BadSignature, match="another mail before"):
        await enter(channel(world), call(mail=b"Subject: other\r\n\r\n"))


async def test_of_many_that_come_at_once_with_one_token_one_mail_gets_in():
    gate = channel()
    calls = [call(mail=b"Subject: %d\r\n\r\n" % number) for number in range(20)]
    came = await asyncio.gather(*(enter(gate, one) for one in calls), return_exceptions=True)
    assert sum(error is None for error in came) == 1


async def test_what_is_remembered_stays_bounded_and_outlives_the_window():
    world = build_world()
    gate = channel(world, window=HOUR)
    for minute in range(1000):
        at = NEW_YEAR + minute * 60
        await enter(gate, call(f"token-{minute}", at=at, now=at))
        # The oldest signature that would still be let in is still known.
        old = max(0, minute - 59)
        late = call(f"token-{old}", b"other", at=NEW_YEAR + old * 60, now=at)
        with pytest.raises(BadSignature, match="another mail before"):
            await enter(gate, late)
    assert len(world.memos) <= 70
    kept = str(world.memos)
    assert "token-" not in kept
    assert "anna" not in kept


@pytest.mark.parametrize(
    ("ahead", "good"), [(-9 * HOUR + 1, True), (-9 * HOUR - 1, False), (290, True), (310, False)]
)
def test_a_signature_has_its_time(ahead, good):
    request = call(at=NEW_YEAR + ahead)
    if good:
        assert channel().verify(request).key_id == "current"
    else:
        with pytest.raises(BadSignature, match="too old, or from the future"):
            channel().verify(request)


@pytest.mark.parametrize(
    "changes",
    [
        {"timestamp": "1767225600.5"},
        {"timestamp": "-1"},
        {"timestamp": "9" * 13},
        {"timestamp": "١٧٦٧٢٢٥٦٠٠"},
        {"token": ""},
        {"token": "t" * 201},
        {"signature": ""},
    ],
)
def test_odd_proofs_are_refused(changes):
    with pytest.raises(BadSignature):
        channel().verify(call(**changes) if "token" not in changes else call(changes["token"]))


@pytest.mark.parametrize("name", [b'name*="x"; name*0="y"', b"name*" + b"9" * 5000 + b"=x"])
def test_a_strangers_form_that_cannot_be_read_is_refused(name):
    body = b"--b\r\nContent-Disposition: form-data; %s\r\n\r\nv\r\n--b--\r\n" % name
    with pytest.raises(BadSignature, match="no name that can be read"):
        channel().verify(webhook(body))


def test_a_refusal_is_406_so_that_mailgun_gives_up():
    assert Mailgun.capabilities.bad_signature_status == 406


def test_settings_that_cannot_work_are_named():
    with pytest.raises(SettingsError, match="signing_key"):
        channel(signing_key="")
    with pytest.raises(SettingsError, match="window"):
        channel(window=1.0)


def test_a_mail_larger_than_allowed_is_kept_apart():
    with pytest.raises(ParseError, match="larger than 100 bytes"):
        channel(max_size=100).parse(call(mail=b"x" * 101))


@pytest.mark.parametrize(
    "body", [b"%41" * 5_000_000, b"body-mime=" + b"%41" * 5_000_000, b"&a=" * 499]
)
def test_a_strangers_large_body_costs_next_to_nothing(body):
    started = time.process_time()
    with pytest.raises(BadSignature):
        channel().verify(webhook(body))
    assert time.process_time() - started < 0.5
