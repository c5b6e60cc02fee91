"""Several processes at the same rows: each row is one's own, and what others make of it changes
nothing. The exception is a transmission that surely happened."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from gateway.delivery import deliver, outbox
from gateway.delivery.deliver import LEASE_SECONDS, Delivery
from gateway.domain.channel import Outbound, Sent
from gateway.domain.errors import Conflict, Failure, StoreAway
from gateway.testing.clock import NEW_YEAR
from tests.delivery.at_work import FIRST, STATE, row, waiting
from tests.delivery.scripted import Gate, Listable, Scripted, fails
from tests.store.engines import select, value
from tests.store.rows import outgoing, put
from tests.workers.rig import Rig, Slow

EVENTS = "SELECT COUNT(*) FROM events WHERE kind = 'message.sent'"
#: As many rounds as it takes to meet each other in every place.
ROUNDS = 200


class Frozen:
    """A process that freezes in the middle of a transmission, until its lease has run out."""

    def __init__(self, rig: Rig, after: Any = None) -> None:
        self.rig, self.gate = rig, Gate(after)
        self.channel = Scripted(self.gate)
        self.delivery = rig.delivery({"app": self.channel}, owner="frozen")
        self.row: Any = None

    async def freezes(self) -> None:
        (self.row,) = await self.delivery._lease("app", 1)
        self.sending = asyncio.create_task(self.delivery._deliver(self.row, self.channel))
        await self.gate.entered.wait()
        self.rig.clock.advance(LEASE_SECONDS)

    async def wakes(self) -> None:
        self.gate.release.set()
        await self.sending


async def parks(rig: Rig) -> Delivery:
    """Another process that takes the row over and leaves it to a person."""
    other = rig.delivery({"app": Scripted()}, owner="other")
    await other.recover(alone=False)
    assert await value(rig.store, STATE) == "parked"
    return other


async def releases(rig: Rig) -> Delivery:
    """… and lets it go out again, because the provider drops repeats."""
    other = rig.delivery({"app": Scripted(send_safety="key")}, owner="other")
    await other.recover(alone=False)
    assert await value(rig.store, STATE) == "ready"
    return other


async def wonders(rig: Rig) -> Delivery:
    """… and will ask the provider."""
    other = rig.delivery({"app": Listable()}, owner="other")
    await other.recover(alone=False)
    assert await value(rig.store, STATE) == "unknown"
    return other


async def leases(rig: Rig) -> Delivery:
    """… and takes it to send it again."""
    other = await releases(rig)
    rig.clock.advance(60)
    assert await other._lease("app", 1)
    return other


TAKEN_OVER = [parks, releases, wonders, leases]
Other = Callable[[Rig], Awaitable[Delivery]]


async def written(rig: Rig) -> list[Any]:
    """What stands where an outcome could have written."""
    tables = ("outbox", "messages", "pauses", "raw_events", "handles", "event_contents")
    return [await select(rig.store, f"SELECT * FROM {table} ORDER BY 1") for table in tables]


# ---------------------------------------------------------------- one wins, the other sees it


async def test_of_two_processes_that_reach_for_the_same_row_one_gets_it(store: Any) -> None:
    rig = Rig(store)
    crowd = [rig.delivery({}, owner=owner) for owner in ("a", "b")]
    won: Counter[str] = Counter()
    for number in range(ROUNDS):
        await waiting(rig, events=(f"ev{number}",))
        # Each is first every second time.
        taken = await asyncio.gather(*(one._lease("app", 1) for one in crowd[:: (-1) ** number]))
        (found,) = [found for rows in taken for found in rows]
        won[found["owner"]] += 1
        (loser,) = {"a", "b"} - {found["owner"]}
        with pytest.raises(Conflict):
            await store.write(
                lambda tx, f=found, o=loser: outbox.begun(tx, {**f, "owner": o}, NEW_YEAR, 2e9)
            )
    assert sum(won.values()) == ROUNDS
    assert len(won) == 2, "one of them never had its turn"


async def test_of_two_processes_that_sweep_one_settles_a_row(store: Any) -> None:
    rig = Rig(store)
    dead = rig.delivery({}, owner="dead")
    crowd = [rig.delivery({"app": Scripted()}, owner=owner) for owner in ("a", "b")]
    for number in range(20):
        await waiting(rig, events=(f"ev{number}",))
        (left,) = await dead._lease("app", 1)
        await store.write(
            lambda tx, left=left: outbox.begun(tx, left, rig.clock.now(), rig.clock.now() + 1)
        )
        rig.clock.advance(LEASE_SECONDS)
        await asyncio.gather(*(one.recover(alone=False) for one in crowd))
    parked = await value(store, "SELECT COUNT(*) FROM events WHERE kind = 'message.parked'")
    assert parked == 20
    assert sum(one.counts["app", "parked"] for one in crowd) == 20


async def test_of_two_processes_that_want_to_ask_the_provider_one_asks(store: Any) -> None:
    rig, channel = Rig(store), Listable(*[fails(Failure.UNKNOWN)] * 20)
    crowd = [rig.delivery({"app": channel}, owner=owner, settle=0.0) for owner in ("a", "b")]
    for number in range(20):
        await waiting(rig, events=(f"ev{number}",))
        (found,) = await crowd[0]._lease("app", 1)
        await crowd[0]._deliver(found, channel)
        channel.list.append([Sent(f"SM{number}")])
        await asyncio.gather(*(one._ask_provider("app", channel) for one in crowd))
    assert len(channel.asked) == 20
    assert await value(store, "SELECT COUNT(*) FROM outbox WHERE state = 'sent'") == 20
    assert await value(store, EVENTS) == 20


async def test_one_entry_of_the_providers_list_proves_one_message_only(store: Any) -> None:
    """Two equal texts of one conversation, asked about by two processes at the same moment."""
    rig = Rig(store)
    for number in range(20):
        await waiting(rig, events=(f"ev{number}",))
        await put(store, outgoing(f"ev{number}", part="out2"), now=NEW_YEAR + 1)
        both = f"FROM outbox WHERE conversation_id = 'ev{number}.v'"
        unsure = both.replace(
            "FROM outbox", "UPDATE outbox SET state = 'unknown', owner = 'a', attempts = 1"
        )
        await store.write(lambda tx, sql=unsure: tx._connection.execute(sql))
        channel = Listable()
        channel.list.extend([[Sent(f"SM{number}")]] * 2)
        await asyncio.gather(
            *(
                rig.delivery({}, owner="a")._look_up(found, channel, outbox.outbound(found))
                for found in await select(store, f"SELECT * {both}")
            )
        )
        states = await select(store, f"SELECT state {both} ORDER BY state")
        assert [found["state"] for found in states] == ["ready", "sent"]


# ---------------------------------------------------------------- a process that wakes too late


@pytest.mark.parametrize("other", TAKEN_OVER)
@pytest.mark.parametrize("failure", list(Failure))
async def test_what_became_of_a_row_that_was_taken_over_is_no_longer_said(
    rig: Rig, failure: Failure, other: Other
) -> None:
    await waiting(rig)
    frozen = Frozen(rig, fails(failure, retry_after=9.0))
    await frozen.freezes()
    await other(rig)
    before = await written(rig)
    await frozen.wakes()
    assert await written(rig) == before


@pytest.mark.parametrize("other", TAKEN_OVER)
async def test_what_went_out_is_sent_whoever_has_the_row_by_now(rig: Rig, other: Other) -> None:
    await waiting(rig)
    frozen = Frozen(rig)
    await frozen.freezes()
    elsewhere = await other(rig)
    await frozen.wakes()
    found = await row(rig)
    assert (found["state"], found["external_id"], found["owner"]) == ("sent", f"ext-{FIRST}", "")
    assert await value(rig.store, EVENTS) == 1
    # Neither what the other one holds nor a look at the table lets it out again.
    rig.clock.advance(10 * LEASE_SECONDS)
    (channel,) = elsewhere.channels.values()
    assert isinstance(channel, Scripted)
    await elsewhere._ask_provider("app", channel)
    await elsewhere.recover(alone=False)
    assert await elsewhere._lease("app", 1) == []
    await elsewhere._deliver({**frozen.row, "owner": "other", "attempts": 2}, channel)
    assert channel.given == []
    assert await value(rig.store, STATE) == "sent"


@pytest.mark.parametrize("end", [Sent("again"), *(fails(failure) for failure in Failure)])
async def test_a_repeat_under_way_when_the_first_try_proves_sent_has_nothing_more_to_say(
    rig: Rig, end: Any
) -> None:
    await waiting(rig)
    first = Frozen(rig)
    await first.freezes()
    await releases(rig)
    rig.clock.advance(60)
    repeat = Frozen(rig, end if isinstance(end, Exception) else None)
    await repeat.freezes()
    await first.wakes()
    before = await written(rig)
    await repeat.wakes()
    assert await written(rig) == before
    assert await value(rig.store, STATE) == "sent"
    assert await value(rig.store, EVENTS) == 1


async def test_a_record_that_runs_again_after_its_commit_changes_nothing(rig: Rig) -> None:
    await waiting(rig)
    (found,) = await rig.delivery({}, owner="a")._lease("app", 1)
    for now in (NEW_YEAR, NEW_YEAR + 5):
        await rig.work(lambda tx, now=now: outbox.record(tx, found, Sent("SM1"), "e1", now))
    assert (await row(rig))["sent_at"] == NEW_YEAR
    assert await value(rig.store, EVENTS) == 1


async def test_a_row_we_took_a_second_time_is_not_that_of_our_first_try(rig: Rig) -> None:
    """The owner is the same; the attempt tells them apart."""
    await waiting(rig)
    frozen = Frozen(rig, fails(Failure.REJECTED))
    await frozen.freezes()
    await releases(rig)
    rig.clock.advance(60)
    (second,) = await frozen.delivery._lease("app", 1)
    assert second["owner"] == frozen.row["owner"]
    await frozen.wakes()
    assert await value(rig.store, STATE) == "leased"


# ---------------------------------------------------------------- before anything goes out


async def test_a_lease_that_ran_out_before_the_message_was_begun_lets_nothing_out(
    rig: Rig,
) -> None:
    await waiting(rig)
    channel = Scripted()
    delivery = rig.delivery({"app": channel})
    (found,) = await delivery._lease("app", 1)
    rig.clock.advance(LEASE_SECONDS)
    await delivery._deliver(found, channel)
    assert channel.given == []
    assert await value(rig.store, STATE) == "ready", "nobody has to wait for the lease"


async def test_a_process_frozen_right_behind_begun_does_not_send_any_more(rig: Rig) -> None:
    await waiting(rig)
    channel = Scripted()
    delivery = rig.delivery({"app": channel})
    (found,) = await delivery._lease("app", 1)
    write = rig.store.write

    async def freezing(work: Any) -> Any:
        result = await write(work)
        if "_begin" in work.__qualname__:
            assert await value(rig.store, STATE) == "begun"
            rig.clock.advance(LEASE_SECONDS)
        return result

    rig.store.write = freezing  # type: ignore[method-assign]
    await delivery._deliver(found, channel)
    assert channel.given == []
    assert await value(rig.store, STATE) == "ready"


async def test_with_begun_the_lease_is_whole_again(rig: Rig) -> None:
    await waiting(rig)
    frozen = Frozen(rig)
    (found,) = await frozen.delivery._lease("app", 1)
    rig.clock.advance(LEASE_SECONDS - 1)
    sending = asyncio.create_task(frozen.delivery._deliver(found, frozen.channel))
    await frozen.gate.entered.wait()
    rig.clock.advance(LEASE_SECONDS - 1)
    await rig.delivery({"app": Scripted()}, owner="other").recover(alone=False)
    assert await value(rig.store, STATE) == "begun"
    frozen.gate.release.set()
    await sending
    assert await value(rig.store, STATE) == "sent"


@pytest.mark.parametrize("itself", [False, True])
async def test_a_database_that_is_away_when_it_should_begin_is_no_failure_of_the_message(
    rig: Rig, itself: bool
) -> None:
    async def begins(outbound: Outbound) -> Sent:
        await outbound.begin()
        return Sent("SM1")

    await waiting(rig)
    channel = Scripted(begins, begins_itself=itself)
    delivery = rig.delivery({"app": channel}, attempts=1)
    (found,) = await delivery._lease("app", 1)
    write = rig.store.write

    async def away(work: Any) -> Any:
        if "_begin" in work.__qualname__:
            raise StoreAway("the server does not answer")
        return await write(work)

    rig.store.write = away  # type: ignore[method-assign]
    await delivery._deliver(found, channel)
    assert await value(rig.store, STATE) == "ready", "not parked, although it was the last attempt"
    assert delivery.counts["app", "retry"] == 0


# ---------------------------------------------------------------- looking up


class Asked(Listable):
    """Its provider answers when the test says so."""

    def __init__(self, answer: list[Sent]) -> None:
        super().__init__()
        self.gate, self.answer = Gate(), answer

    async def find_sent(self, outbound: Outbound, since: float) -> list[Sent]:
        await self.gate(outbound)
        return self.answer


@pytest.mark.parametrize(
    ("slow", "quick", "state"),
    [([], [Sent("SM1")], "sent"), ([Sent("SM1")], [], "ready"), ([], [], "ready")],
)
async def test_an_answer_of_the_provider_that_comes_after_another_process_asked_counts_for_nothing(
    rig: Rig, slow: list[Sent], quick: list[Sent], state: str
) -> None:
    await waiting(rig)
    unsure = Listable(fails(Failure.UNKNOWN))
    first = rig.delivery({"app": unsure}, owner="first", settle=0.0)
    (found,) = await first._lease("app", 1)
    await first._deliver(found, unsure)
    channel = Asked(slow)
    asking = asyncio.create_task(first._ask_provider("app", channel))
    await channel.gate.entered.wait()
    other, answer = rig.delivery({}, owner="other"), Listable()
    answer.list.append(quick)
    await other._ask_provider("app", answer)
    assert answer.asked == [], "one asks at a time"
    rig.clock.advance(LEASE_SECONDS)
    await other._ask_provider("app", answer)
    assert await value(rig.store, STATE) == state
    before = await written(rig)
    channel.gate.release.set()
    await asking
    assert await written(rig) == before


# ---------------------------------------------------------------- stopping


async def test_what_was_taken_and_not_begun_is_there_for_others_at_once(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliver, "LAST_SECONDS", 0.01)
    await waiting(rig)
    gate = Gate()
    running = asyncio.create_task(
        rig.delivery({"app": Scripted(gate, begins_itself=True)}, owner="ends").run()
    )
    await gate.entered.wait()
    running.cancel()
    await asyncio.wait([running])
    assert await value(rig.store, STATE) == "ready"
    assert await rig.delivery({}, owner="other")._lease("app", 1)


async def test_nothing_is_begun_any_more_while_stopping(rig: Rig) -> None:
    await waiting(rig)
    connecting = Gate()

    async def connects(outbound: Outbound) -> Sent:
        await connecting(outbound)
        await outbound.begin()
        raise AssertionError("it would have gone out")

    delivery = rig.delivery({"app": Scripted(connects, begins_itself=True)})
    running = asyncio.create_task(delivery.run())
    await connecting.entered.wait()
    running.cancel()
    while not delivery._stopping:
        await asyncio.sleep(0)
    connecting.release.set()
    await asyncio.wait([running])
    found = await row(rig)
    assert (found["state"], found["due_at"]) == ("ready", NEW_YEAR)


async def test_what_was_broken_off_is_settled_by_others_without_waiting_for_the_lease(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliver, "LAST_SECONDS", 0.01)
    await waiting(rig)
    gate = Gate()
    running = asyncio.create_task(rig.delivery({"app": Scripted(gate)}, owner="ends").run())
    await gate.entered.wait()
    running.cancel()
    await asyncio.wait([running])
    assert await value(rig.store, STATE) == "begun"
    await parks(rig)


async def test_rows_that_are_being_leased_when_the_stop_comes_are_given_back(rig: Rig) -> None:
    await waiting(rig)
    delivery = rig.delivery({"app": Scripted()}, owner="ends")
    leases = Slow(rig, "_lease")
    running = asyncio.create_task(delivery.run())
    await leases.handed_in.wait()
    running.cancel()
    await asyncio.wait([running])
    await leases.unit
    found = await row(rig)
    assert (found["state"], found["attempts"]) == ("ready", 1)


# ---------------------------------------------------------------- accounts


async def test_a_shorter_pause_does_not_end_a_longer_one(rig: Rig) -> None:
    for until, why in ((NEW_YEAR + 300, "401"), (NEW_YEAR + 2, "429"), (NEW_YEAR + 400, "403")):
        await rig.work(
            lambda tx, until=until, why=why: tx.run(
                "outbox.pause", account="app", until=until, why=why
            )
        )
        (pause,) = await select(rig.store, "SELECT until, why FROM pauses")
        assert pause["why"] == ("403" if why == "403" else "401")


async def test_a_hint_for_all_accounts_wakes_each(rig: Rig) -> None:
    sms, app = Scripted(), Scripted()
    delivery = rig.delivery({"app": app, "sms": sms}, poll=60.0)
    running = asyncio.create_task(delivery.run())
    while len(delivery._wake) < 2 or any(news.is_set() for news in delivery._wake.values()):
        await asyncio.sleep(0)
    await waiting(rig)
    await waiting(rig, account="sms", events=("ev2",))
    delivery.wake_all()
    await rig.store.until("SELECT COUNT(*) FROM outbox WHERE state = 'sent'", 2)
    running.cancel()
    await asyncio.wait([running])
