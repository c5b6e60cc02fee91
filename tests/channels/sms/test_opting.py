"""STOP, TD, 退订 and START: which texts are orders, and what follows in the gateway."""

from urllib.parse import urlencode

import pytest

from channels._opt_words import OPT_IN_WORDS, OPT_OUT_WORDS, opt_word
from channels._sim_sms import SmsPeer
from channels.sms import SmsSettings, TwilioSms
from gateway.domain.decision import Verb
from gateway.domain.splitting import split
from gateway.testing.builders import outbound, webhook
from gateway.testing.world import build_world
from tests.store.engines import value
from tests.workers.rig import decision

CUSTOMER = "+8613800138000"
FLAG = "SELECT flag FROM handles"
SENT = "SELECT COUNT(*) FROM outbox"


def sms(**settings):
    values = {"account_sid": "AC1", "auth_token": "t"} | settings
    return TwilioSms.from_account(SmsSettings(**values), build_world("sms"))


def opted(text, channel=None, **fields):
    form = {"MessageSid": "SM1", "From": CUSTOMER, "Body": text} | fields
    (event,) = (channel or sms()).parse(webhook(urlencode(form).encode())).events
    return event.facts.get("opt", "")


@pytest.mark.parametrize("word", sorted(OPT_OUT_WORDS | OPT_IN_WORDS))
def test_a_word_is_an_order_however_it_is_written(word):
    wanted = "out" if word in OPT_OUT_WORDS else "in"
    wide = "".join(chr(ord(c) + 0xFEE0) if "a" <= c <= "z" else c for c in word)
    for text in (word, word.upper(), word.title(), wide, f" \u3000{word}\r\n"):
        assert opt_word(text) == wanted


@pytest.mark.parametrize("word", sorted(OPT_OUT_WORDS | OPT_IN_WORDS))
def test_a_word_in_a_sentence_is_none(word):
    for text in (f"{word} texting me", f"please {word}", f"{word}!", f"{word}?", f"{word} {word}"):
        assert opt_word(text) == ""


@pytest.mark.parametrize(
    ("text", "said", "verdict"),
    [
        ("arrêt", "STOP", "out"),
        ("yes", "START", "in"),
        ("yes", "", ""),
        ("HELP", "HELP", ""),
        ("INFO", "", ""),
        ("start", "STOP", "out"),
        ("stop", "unheard of", "out"),
        ("stop", "stop", "out"),
    ],
)
def test_the_verdict_of_advanced_opt_out_comes_first(text, said, verdict):
    assert opted(text, OptOutType=said) == verdict


def test_a_word_of_the_accounts_own_is_an_order_of_that_account_only():
    assert opted("Ｎ ") == ""
    assert opted("Ｎ ", sms(opt_out_words=("N", "R"))) == "out"
    assert opted("no", sms(opt_out_words=("N", "R"))) == ""
    assert opted("", sms(opt_out_words=("",))) == ""


async def test_who_opted_out_hears_nothing_until_they_opt_in(rig):
    rig.answerer.usual = decision(Verb.ANSWER, "Do this.")
    channel, number = sms(), 0

    async def says(text):
        nonlocal number
        number += 1
        form = {"MessageSid": f"SM{number}", "From": CUSTOMER, "To": "+1", "Body": text}
        await rig.intake().events(
            "sms", channel.parse(webhook(urlencode(form).encode())).events, ""
        )
        await rig.drain()
        return await value(rig.store, FLAG), await value(rig.store, SENT)

    assert await says("how do I top up?") == ("", 1)
    assert await says(" td ") == ("opted_out", 1)
    # The order made no inquiry of its own; what they write now waits for a person, unanswered.
    assert await value(rig.store, "SELECT COUNT(*) FROM inquiries") == 1
    await rig.meddle("UPDATE inquiries SET state = 'closed'")
    assert await says("how do I top up?") == ("opted_out", 1)
    states = "SELECT state FROM inquiries ORDER BY created_at DESC, id DESC"
    assert await value(rig.store, states) == "queued"
    # A bounce does not undo it, and asking does not either.
    assert await says("HELP") == ("opted_out", 1)
    assert await says("START") == ("", 1)
    await rig.meddle("UPDATE inquiries SET state = 'closed'")
    assert await says("how do I top up?") == ("", 2)


async def test_a_text_beyond_the_limit_goes_out_whole_in_several_messages():
    text = "您的申请已受理。" * 400
    async with SmsPeer() as twilio:
        channel = TwilioSms.from_account(SmsSettings(**twilio.account_settings()), build_world())
        parts = split(text, channel.capabilities.text)
        for part in parts:
            await channel.send(outbound(text=part))
        bodies = [message.body for message in twilio.messages]
    assert [body[:6] for body in bodies] == ["(1/3) ", "(2/3) ", "(3/3) "]
    assert max(map(len, bodies)) <= 1600
    assert "".join(body[6:] for body in bodies) == text
