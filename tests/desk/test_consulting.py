"""Advice is asked for and given while the inquiry stays with who has it."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import pytest

from gateway.desk.consulting import Consulting, asked_by, asked_of
from gateway.desk.floor import NobodyKnown
from gateway.desk.standing import Standing
from gateway.desk.trail import trail
from gateway.domain.errors import Conflict, NotAllowed, NotFound
from gateway.domain.store import Reader
from gateway.routing.model import Presence
from tests.desk.test_floor import AGENTS, floor_on, wait
from tests.store.engines import AnyStore, Engine, one, sealed, select, value
from tests.workers.rig import Rig


async def there(rig: Rig, *agents: str) -> None:
    for agent in agents:
        await floor_on(rig).be(agent, Presence.BUSY)


@pytest.fixture
async def consulting(rig: Rig) -> Consulting:
    """ann has n1; bo and chen are there."""
    await there(rig, "ann", "bo", "chen")
    await wait(rig, "n1")
    await floor_on(rig).take("n1", "ann")
    return Consulting(floor_on(rig))


async def asked(rig: Rig, agent: str) -> list[tuple[str, str]]:
    rows = await rig.store.read(lambda reader: asked_of(reader, AGENTS[agent]))
    return [(row["asked_by"], row["question"]) for row in rows]


async def loads(rig: Rig) -> dict[str, int]:
    now = rig.clock.now()
    return await rig.store.read(
        lambda reader: {a.id: a.load for a in Standing(reader, AGENTS, now).agents()}
    )


async def notes(rig: Rig) -> list[tuple[str, str]]:
    rows = await select(
        rig.store, "SELECT author, text FROM messages WHERE visibility = 'note' ORDER BY id"
    )
    return [(row["author"], row["text"]) for row in rows]


async def owner(rig: Rig) -> dict[str, Any]:
    return await one(rig.store, "SELECT state, assigned_to, version FROM inquiries")


async def test_a_colleague_reads_the_question_and_answers_and_the_inquiry_stays(
    rig: Rig, consulting: Consulting
) -> None:
    before = await owner(rig)
    assert await consulting.ask("n1", "ann", "Ours? 6222021234567890128", colleague="bo") == "n1"
    assert await asked(rig, "bo") == [("ann", "Ours? [card ****0128]")]
    assert await asked(rig, "chen") == await asked(rig, "ann") == []
    assert await loads(rig) == {"ann": 1, "bo": 0, "chen": 0}, "to be asked takes no room"
    rig.clock.advance(5.0)
    await consulting.answer("n1", "bo", "Yes, since May.")
    assert await asked(rig, "bo") == []
    assert sorted(await notes(rig)) == [("ann", "Ours? [card ****0128]"), ("bo", "Yes, since May.")]
    assert await owner(rig) == before
    assert await value(rig.store, "SELECT COUNT(*) FROM outbox") == 0
    (asking,), (answer,) = await rig.events("consult.asked"), await rig.events("consult.answered")
    assert (asking["agent"], asking["to"]) == ("ann", "bo")
    assert (answer["agent"], answer["to"]) == ("bo", "ann")
    with pytest.raises(NotAllowed, match="bo has answered it already"):
        await consulting.answer("n1", "bo", "And another thing")


async def test_what_is_asked_of_a_queue_is_answered_by_the_first(
    rig: Rig, consulting: Consulting
) -> None:
    await consulting.ask("n1", "ann", "Whose card?", queue="cards")
    for agent in ("bo", "chen"):
        assert await asked(rig, agent) == [("ann", "Whose card?")]
    assert await asked(rig, "ann") == [], "who asks is not asked"
    with pytest.raises(NotAllowed, match="nobody waits for advice of ann about n1"):
        await consulting.answer("n1", "ann", "I know it myself")
    await consulting.answer("n1", "chen", "The bank's")
    with pytest.raises(NotAllowed, match="chen has answered"):
        await consulting.answer("n1", "bo", "Ours")
    assert [author for author, _ in await notes(rig)].count("bo") == 0


async def test_of_two_who_answer_at_once_one_is_heard_and_the_other_told(
    rig: Rig, store: AnyStore, engine: Engine, consulting: Consulting
) -> None:
    async with engine.plain() as other:
        mine, theirs = Consulting(floor_on(rig, store)), Consulting(floor_on(rig, other))
        for turn in range(20):
            await consulting.ask("n1", "ann", f"turn {turn}", queue="cards")
            outcomes = await asyncio.gather(
                mine.answer("n1", "bo", "a"), theirs.answer("n1", "chen", "b"),
                return_exceptions=True,
            )  # fmt: skip
            (lost,) = [outcome for outcome in outcomes if outcome != "n1"]
            assert isinstance(lost, NotAllowed | Conflict), lost
            answers = await value(store, "SELECT COUNT(*) FROM messages WHERE author <> 'ann'")
            assert answers - 1 == turn + 1, "the customer's message, and an answer a turn"


async def test_a_question_is_withdrawn_for_one_or_for_all(rig: Rig, consulting: Consulting) -> None:
    await consulting.ask("n1", "ann", "?", colleague="bo")
    await consulting.ask("n1", "ann", "?", colleague="chen")
    await consulting.ask("n1", "ann", "?", queue="cards")
    await consulting.withdraw("n1", "ann", asked="chen")
    assert len(await asked(rig, "bo")) == 2
    await consulting.withdraw("n1", "ann")
    assert await asked(rig, "bo") == []
    gone = [data["to"] for data in await rig.events("consult.withdrawn")]
    assert gone == ["chen", "bo", "cards"]
    with pytest.raises(NotAllowed, match="it was withdrawn"):
        await consulting.answer("n1", "bo", "Yes")
    with pytest.raises(NotAllowed, match="ann waits for no advice"):
        await consulting.withdraw("n1", "ann")


@pytest.mark.parametrize(
    ("how", "why"), [("resolve", "done"), ("transfer", "left"), ("vanish", "left")]
)
async def test_it_ends_with_the_inquiry_in_the_hands_of_who_asked(
    rig: Rig, consulting: Consulting, how: str, why: str
) -> None:
    floor = consulting.floor
    await consulting.ask("n1", "ann", "?", colleague="bo")
    match how:
        case "resolve":
            await rig.desk(finished=floor.finished).resolve("n1", "ann")
        case "transfer":
            await floor.transfer("n1", "ann", "cards")
        case _:
            rig.clock.advance(50.0)
            await floor.alive("bo")
            rig.clock.advance(20.0)
            await floor.look()
    assert await asked(rig, "bo") == [], "at once, whoever looks"
    with pytest.raises(NotAllowed, match="nobody waits for advice of bo about n1"):
        await consulting.answer("n1", "bo", "Yes")
    await floor.look()
    await floor.look()
    (ended,) = await rig.events("consult.closed")
    assert ended == {"agent": "ann", "to": "bo", "why": why}


async def test_a_reply_meanwhile_leaves_the_question_standing(
    rig: Rig, consulting: Consulting
) -> None:
    await consulting.ask("n1", "ann", "?", colleague="bo")
    await rig.desk(finished=consulting.floor.finished).reply("n1", "ann", "One moment please.")
    await consulting.floor.look()
    assert await asked(rig, "bo") == [("ann", "?")]


async def test_who_takes_over_may_ask_the_same_colleague_at_once(
    rig: Rig, consulting: Consulting
) -> None:
    await consulting.ask("n1", "ann", "?", colleague="bo")
    await consulting.floor.take("n1", "chen", by="chief")
    await consulting.ask("n1", "chen", "??", colleague="bo")
    assert await asked(rig, "bo") == [("chen", "??")]
    rows = await rig.store.read(lambda reader: asked_by(reader, "chen"))
    assert [(row["number"], row["agent"], row["queue"]) for row in rows] == [("n1", "bo", "")]
    assert await rig.store.read(lambda reader: asked_by(reader, "ann")) == []


async def test_to_be_asked_takes_as_much_room_as_the_settings_say(
    rig: Rig, consulting: Consulting
) -> None:
    weighty = Consulting(consulting.floor, weight=2)
    await weighty.ask("n1", "ann", "?", colleague="bo")
    await weighty.ask("n1", "ann", "?", queue="cards")
    assert await loads(rig) == {"ann": 1, "bo": 2, "chen": 0}
    await consulting.floor.be("bo", Presence.ONLINE)
    await wait(rig, "n2")
    assert await consulting.floor.look() == 0, "bo has no room"
    await weighty.answer("n1", "bo", "Yes")
    assert await consulting.floor.look() == 1


@pytest.mark.parametrize(
    ("words", "error", "why"),
    [
        ({"agent": "bo", "colleague": "chen"}, NotAllowed, "bo does not have inquiry n1"),
        ({"colleague": "ann"}, NotAllowed, "ask yourself"),
        ({"colleague": "bob"}, NobodyKnown, "no agent 'bob' in the settings .did you mean 'bo'"),
        ({"queue": "card"}, NotFound, "no queue 'card' .did you mean 'cards'"),
        ({"colleague": "bo", "queue": "cards"}, NotAllowed, "one colleague or one queue"),
        ({}, NotAllowed, "one colleague or one queue"),
        ({"colleague": "bo", "question": "  "}, NotAllowed, "the question is empty"),
    ],
)
async def test_what_cannot_be_asked_is_refused_with_the_reason(
    consulting: Consulting, words: dict[str, str], error: type[Exception], why: str
) -> None:
    given = {"agent": "ann", "question": "?", **words}
    with pytest.raises(error, match=why):
        await consulting.ask("n1", **given)


async def test_who_is_offline_or_asked_already_is_not_asked(
    rig: Rig, consulting: Consulting
) -> None:
    await consulting.floor.be("bo", Presence.OFFLINE)
    with pytest.raises(NotAllowed, match="bo is offline"):
        await consulting.ask("n1", "ann", "?", colleague="bo")
    await consulting.ask("n1", "ann", "?", colleague="chen")
    with pytest.raises(NotAllowed, match="chen was asked about it already"):
        await consulting.ask("n1", "ann", "?", colleague="chen")
    assert await value(rig.store, "SELECT COUNT(*) FROM consults") == 1


async def test_the_trail_tells_of_it_in_both_languages(rig: Rig, consulting: Consulting) -> None:
    await consulting.ask("n1", "ann", "?", colleague="bo")
    await consulting.answer("n1", "bo", "Yes")
    told = {}
    await sealed(rig.store)
    for language in ("en", "zh-CN"):
        _, entries = await rig.store.read(lambda reader, to=language: trail(reader, "n1", to))
        told[language] = [entry.text for entry in entries if entry.kind.startswith("consult")]
    assert told == {
        "en": ["ann asks bo for advice", "bo gives ann advice"],
        "zh-CN": ["ann 向 bo 请教", "bo 答复 ann 的请教"],
    }


# ---------------------------------------------------------------- whatever happens


class Story:
    """A floor on which anything may happen, with questions in between."""

    def __init__(self, rig: Rig, seed: int) -> None:
        self.rig, self.draw, self.floor = rig, Random(seed), floor_on(rig)
        self.consulting = Consulting(self.floor)
        self.number, self.refused, self.heard = 0, 0, 0

    async def step(self) -> None:
        await self.passes()
        held = await self.holders()
        agent, other = self.draw.sample([*AGENTS], 2)
        if not held:
            self.number += 1
            await wait(self.rig, f"n{self.number:03}")
            await self.floor.take(f"n{self.number:03}", agent, by="chief")
            held = await self.holders()
        inquiry, (holder,) = self.draw.choice(sorted(held.items()))
        number = inquiry.removesuffix(".q")
        if self.draw.random() < 0.8:  # else most of it is refused
            agent, other = holder, self.draw.choice([name for name in AGENTS if name != holder])
        about: dict[str, str] = self.draw.choice([{"colleague": other}, {"queue": "cards"}])
        desk = self.rig.desk(finished=self.floor.finished, here=self.floor.here)
        asks: list[Callable[[], Awaitable[Any]]] = [
            lambda: self.consulting.ask(number, agent, "?", **about),
            lambda: self.consulting.ask(number, agent, "?", **about),
            lambda: self.consulting.answer(number, other, "!"),
            lambda: self.consulting.answer(number, other, "!"),
            lambda: self.consulting.withdraw(number, agent),
        ]
        moves: list[Callable[[], Awaitable[Any]]] = [
            lambda: self.floor.be(agent, Presence.OFFLINE),
            lambda: self.floor.take(number, other, by="chief"),
            lambda: self.floor.transfer(number, agent, "cards"),
            lambda: desk.resolve(number, agent),
            lambda: desk.reply(number, agent, "Hello."),
            self.floor.look,
        ]
        asking = self.draw.random() < 0.75
        try:
            await self.draw.choice(asks if asking else moves)()
            self.heard += asking
        except (NotAllowed, NotFound):
            self.refused += 1
        after = await self.holders()
        if asking:
            assert after == held, "no question moves anything"

    async def passes(self) -> None:
        """Time; everybody is there again, unless nobody was heard of for too long."""
        self.rig.clock.advance(self.draw.choice([0.0, 3.0, 20.0]))
        if self.draw.random() < 0.05:
            self.rig.clock.advance(70.0)
            await self.floor.look()
        for name in AGENTS:
            await self.floor.be(name, Presence.BUSY)

    async def holders(self) -> dict[str, list[str]]:
        """Of each inquiry in hand who has it, once a question stands only where its asker does."""

        def look(reader: Reader) -> dict[str, list[str]]:
            floor = Standing(reader, AGENTS, self.rig.clock.now())
            held: dict[str, list[str]] = {}
            for name in AGENTS:
                for hold in floor.held(name):
                    if hold.accepted:
                        held.setdefault(hold.waiting.id, []).append(name)
            assert all(len(names) == 1 for names in held.values())
            for row in asked_by(reader):
                mine = reader.one("inquiries.by_id", id=row["inquiry_id"])
                assert mine is not None
                assert mine["assigned_to"] == row["asked_by"]
                assert row["agent"] != row["asked_by"]
            return held

        return await self.rig.store.read(look)


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_is_asked_no_inquiry_is_with_two(rig: Rig, seed: int) -> None:
    story = Story(rig, seed)
    for _ in range(80):
        await story.step()
    assert min(story.heard, story.refused) > 5
    states = await select(rig.store, "SELECT DISTINCT state FROM consults")
    assert {"answered", "withdrawn", "closed"} <= {row["state"] for row in states}
