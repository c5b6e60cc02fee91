"""Comparing Twilio's list of messages with what came by webhook."""

import json
from datetime import UTC, datetime
from email.utils import formatdate
from urllib.parse import urlencode

import pytest

from channels._sim_sms import SmsPeer
from channels._twilio_history import FATE, OVERLAP, SETTLE
from channels.sms import SmsSettings, TwilioSms
from gateway.domain.channel import Inbound, Poller, Receipt
from gateway.domain.errors import DeliveryError, Failure, SettingsError
from gateway.domain.model import DeliveryState
from gateway.pollers import Polling
from gateway.testing.builders import outbound, webhook
from gateway.testing.clock import FakeClock
from gateway.testing.provider import Answer, FakeProvider
from gateway.testing.world import build_world
from tests.channels.sms.test_send import official
from tests.store.engines import select, value

NUMBER, CUSTOMER = "+14155550100", "+8613800138000"
NOW = 1_767_225_600.0
HERE = "/2010-04-01/Accounts/AC1/Messages.json"


def sms_at(url, clock=None, **changes):
    values = {"account_sid": "AC1", "auth_token": "t", "from_number": NUMBER} | changes
    world = build_world("main", clock=clock or FakeClock(NOW))
    return TwilioSms.from_account(SmsSettings(base_url=url, **values), world)


def listed(sid="SM1", at=NOW - 200, **changes):
    message = {
        "sid": sid,
        "direction": "inbound",
        "status": "received",
        "from": CUSTOMER,
        "to": NUMBER,
        "body": "密码忘了",
        "num_media": "0",
        "date_sent": formatdate(at),
        "date_created": formatdate(at),
    }
    return message | changes


def ours(sid, status, at=NOW - 200, **changes):
    return listed(sid, at, direction="outbound-api", status=status, to=CUSTOMER, **changes) | {
        "from": NUMBER
    }


async def look(channel, cursor):
    """All polls of one look at the lists: events, cursor, number of polls."""
    events, polls, more = [], 0, True
    while more:
        batch = await channel.poll(cursor)
        events += batch.events
        cursor, more, polls = json.loads(json.dumps(batch.next_cursor)), batch.more, polls + 1
        assert polls < 20
    return events, cursor, polls


def pages(*lists):
    return [Answer(200, {"messages": list(found), "next_page_uri": None}) for found in lists]


async def test_the_first_time_nothing_is_asked_and_nothing_taken():
    async with FakeProvider() as provider:
        batch = await sms_at(provider.url).poll(None)
        assert (batch.events, batch.more) == ((), False)
        assert batch.next_cursor["until"] == NOW - SETTLE
        assert provider.calls == []


async def test_what_came_and_what_became_of_ours_is_asked_for_since_the_last_look():
    async with FakeProvider(
        *pages([listed()], [ours("SM2", "delivered"), ours("SM3", "sending")])
    ) as provider:
        events, cursor, polls = await look(sms_at(provider.url), {"until": NOW - 600})
        to, out = (dict(call.query) for call in provider.calls)
    assert polls == 2
    assert (to["To"], out["From"]) == (NUMBER, NUMBER)

    def back(seconds):
        return f"{datetime.fromtimestamp(NOW - 600 - seconds - 60, UTC):%Y-%m-%dT%H:%M:%SZ}"

    assert (to["DateSent>"], out["DateSent>"]) == (back(OVERLAP), back(FATE))
    message, receipt = events
    assert isinstance(message, Inbound)
    assert (message.external_id, message.sender, message.text) == ("SM1", CUSTOMER, "密码忘了")
    assert message.at == NOW - 200
    assert isinstance(receipt, Receipt)
    assert (receipt.external_id, receipt.status) == ("SM2", DeliveryState.DELIVERED)
    assert cursor["until"] == NOW - SETTLE
    assert cursor["upto"] == 0


async def test_the_query_is_the_one_the_official_client_makes():
    async with FakeProvider(default=pages([])[0]) as provider:
        await sms_at(provider.url).poll({"until": NOW - 600})
        start = datetime.fromtimestamp(NOW - 600 - OVERLAP - 60, UTC)
        await official(
            provider.url,
            "AC1",
            "t",
            lambda client: client.messages.list(to=NUMBER, date_sent_after=start, page_size=100),
        )
    mine, theirs = provider.calls
    assert (mine.path, dict(mine.query)) == (theirs.path, dict(theirs.query))


async def test_a_message_that_a_webhook_may_still_bring_is_left_to_it():
    young = listed("SM9", NOW - SETTLE + 1)
    async with FakeProvider(*pages([young], []), *pages([young], [])) as provider:
        clock = FakeClock(NOW)
        channel = sms_at(provider.url, clock)
        events, cursor, _ = await look(channel, {"until": NOW - 600})
        assert events == []
        clock.advance(300)
        events, _, _ = await look(channel, cursor)
    assert [event.external_id for event in events] == ["SM9"]


async def test_what_is_older_than_the_question_is_left_out():
    """Twilio's filter may be as coarse as a day."""
    old = listed("SM0", NOW - 600 - OVERLAP - 1)
    fate = ours("SM5", "delivered", NOW - 600 - FATE - 1)
    async with FakeProvider(*pages([old], [fate])) as provider:
        events, _, _ = await look(sms_at(provider.url), {"until": NOW - 600})
    assert events == []


async def test_pages_are_committed_one_by_one():
    after = f"{HERE}?To=x&Page=1&PageToken=PAIN1"
    first = Answer(200, {"messages": [listed("SM1")], "next_page_uri": after})
    async with FakeProvider(first, *pages([listed("SM2")], [])) as provider:
        channel = sms_at(provider.url)
        one = await channel.poll({"until": NOW - 600})
        assert ([e.external_id for e in one.events], one.more) == (["SM1"], True)
        # A process that starts again here goes on with the second page.
        events, _, _ = await look(sms_at(provider.url), one.next_cursor)
        assert dict(provider.calls[1].query)["PageToken"] == "PAIN1"
    assert [event.external_id for event in events] == ["SM2"]


async def test_every_number_is_looked_at():
    numbers = ("+1", "+2")
    async with FakeProvider(default=pages([])[0]) as provider:
        _, _, polls = await look(sms_at(provider.url, numbers=numbers), {"until": NOW - 600})
        asked = [(q.get("To"), q.get("From")) for q in (dict(c.query) for c in provider.calls)]
    assert polls == 4
    assert asked == [("+1", None), (None, "+1"), ("+2", None), (None, "+2")]


async def test_with_fewer_numbers_than_before_a_look_begins_anew():
    async with FakeProvider(default=pages([])[0]) as provider:
        left = {"until": NOW - 600, "upto": NOW - 300, "step": 3, "page": "/gone"}
        await sms_at(provider.url).poll(left)
        assert dict(provider.calls[0].query)["To"] == NUMBER


@pytest.mark.parametrize(
    "changes",
    [
        {"direction": "outbound-reply"},
        {"status": "receiving"},
        {"sid": ""},
        {"from": ""},
        {"from": "whatsapp:+86"},
        {"from": None},
    ],
)
async def test_what_is_no_message_is_skipped_and_the_rest_is_taken(changes):
    async with FakeProvider(*pages([listed(**changes), listed("SM2")], [])) as provider:
        events, _, _ = await look(sms_at(provider.url), {"until": NOW - 600})
    assert [event.external_id for event in events] == ["SM2"]


async def test_an_order_is_an_order_in_the_list_as_well():
    async with FakeProvider(*pages([listed(body=" Ｔ "), listed("SM2", body="N")], [])) as provider:
        channel = sms_at(provider.url, opt_out_words=("N",))
        events, _, _ = await look(channel, {"until": NOW - 600})
    assert [event.facts["opt"] for event in events] == ["out", "out"]


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (Answer(500), Failure.RETRY),
        (Answer(200, {"messages": 3}), Failure.RETRY),
        (Answer(429, headers={"Retry-After": "9"}), Failure.THROTTLED),
        (Answer(401, {"code": 20003}), Failure.MISCONFIGURED),
    ],
)
async def test_a_list_that_cannot_be_had_moves_nothing(answer, failure):
    async with FakeProvider(answer) as provider:
        with pytest.raises(DeliveryError) as caught:
            await sms_at(provider.url).poll({"until": NOW - 600})
    assert caught.value.failure is failure


@pytest.mark.parametrize("changes", [{"reconcile_seconds": 0}, {"from_number": ""}])
async def test_it_can_be_off(changes):
    async with FakeProvider() as provider:
        channel = sms_at(provider.url, **changes)
        assert isinstance(channel, Poller)
        assert channel.poll_interval < 0
        batch = await channel.poll({"until": 1.0})
        assert (batch.events, batch.next_cursor, provider.calls) == ((), {"until": 1.0}, [])


@pytest.mark.parametrize("seconds", [-1, 1, float("nan")])
def test_a_look_every_second_is_refused(seconds):
    with pytest.raises(SettingsError) as caught:
        sms_at("http://x", reconcile_seconds=seconds)
    assert caught.value.key == "accounts.main.reconcile_seconds"


# ---------------------------------------------------------------- in the gateway


async def test_what_the_webhook_brought_and_what_it_missed_is_one_message_each(rig):
    async with SmsPeer() as twilio:
        world = build_world("sms", clock=rig.clock, public_url="https://gateway.example")
        channel = TwilioSms.from_account(SmsSettings(**twilio.account_settings()), world)
        polling = Polling("sms", channel, rig.intake(), rig.store, rig.clock, rig.log, "a")
        assert await polling.once() == 300.0

        # One message comes by webhook, one while nobody was there, one has a picture.
        start = rig.clock.now()
        known = twilio.receive("充值没到账", sender=CUSTOMER, at=start + 1)
        form = {"MessageSid": known.sid, "From": CUSTOMER, "To": twilio.number, "NumMedia": "0"}
        call = webhook(urlencode(form | {"Body": known.body}).encode())
        await rig.intake().events("sms", channel.parse(call).events, "test")
        missed = twilio.receive("退订", sender="+8613900139000", at=start + 2)
        twilio.receive("看图", sender=CUSTOMER, at=start + 3, media=("image/jpeg",))
        sent = await channel.send(outbound())
        twilio.messages[0].status = "delivered"
        twilio.messages[0].created = start + 4

        rig.clock.advance(600)
        while await polling.once() == 0.0:
            pass
        rows = await select(rig.store, "SELECT type, dedup_key, body FROM raw_events ORDER BY id")
        keys = [row["dedup_key"] for row in rows]
        assert keys.count(f"m:{known.sid}") == keys.count(f"m:{missed.sid}") == 1
        assert f"r:{sent.external_id}:delivered:{outbound().to}" in keys
        assert len(rows) == 4
        (picture,) = [
            file for row in rows for file in json.loads(row["body"]).get("attachments", [])
        ]
        assert picture["name"] == "media-0.jpg"
        assert picture["url"].startswith(f"{twilio.url}/2010-04-01/Accounts/")

        # The next look finds the same and stores nothing.
        rig.clock.advance(60)
        while await polling.once() == 0.0:
            pass
        assert await value(rig.store, "SELECT COUNT(*) FROM raw_events") == 4
