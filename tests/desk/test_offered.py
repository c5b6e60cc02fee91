"""What is offered and is moved by something else: the offer is void, and nobody waits for it."""

from typing import Any

import pytest

from gateway.desk.floor import Floor
from gateway.desk.standing import Standing
from gateway.domain.errors import NotAllowed
from gateway.domain.model import InquiryState, Queue
from gateway.domain.plan import EndMerged, Plan
from gateway.routing.core import Queueing, Routing
from gateway.routing.model import Agent, Presence
from gateway.workers.handing import handed_over
from tests.store.engines import one, select, value
from tests.store.rows import put
from tests.workers.rig import QUEUES, Rig

AGENTS = {
    name: Agent(name, Presence.OFFLINE, {"payments": 1, "general": 2}) for name in ("ann", "bo")
}
S = InquiryState


@pytest.fixture
def floor(rig: Rig) -> Floor:
    return Floor(
        rig.store, Routing({"payments": Queueing(), "general": Queueing()}), AGENTS, rig.write,
        rig.clock, rig.ids, QUEUES, lease=600.0,
    )  # fmt: skip


@pytest.fixture
async def offered(rig: Rig, floor: Floor) -> str:
    """The number of an inquiry that came in, waits and is offered to ann; bo is not there yet."""
    await rig.say("where is my money", account="sms")
    await floor.be("ann", Presence.ONLINE)
    number = str(await value(rig.store, "SELECT number FROM inquiries"))
    assert await floor.alive("ann") == [number]
    return number


async def inquiry(rig: Rig, number: str) -> dict[str, Any]:
    return await one(
        rig.store,
        "SELECT id, version, state, queue, assigned_to, waiting_since, rank FROM inquiries"
        f" WHERE number = '{number}'",
    )


async def load(rig: Rig, name: str) -> int:
    """What counts against an agent's capacity."""
    agent = await rig.store.read(
        lambda reader: Standing(reader, AGENTS, rig.clock.now()).agent(name)
    )
    assert agent is not None
    return agent.load


async def over(floor: Floor, number: str, agent: str = "ann") -> None:
    """The offer can neither be taken nor refused, and is not shown."""
    assert number not in await floor.alive(agent)
    for answer in (floor.accept(number, agent), floor.decline(number, agent)):
        with pytest.raises(NotAllowed, match="this offer is over"):
            await answer


async def test_the_customer_writes_again_and_the_offer_stands(
    rig: Rig, floor: Floor, offered: str
) -> None:
    await rig.say("still nothing", account="sms")
    assert (await inquiry(rig, offered))["state"] == "offered"
    assert await floor.alive("ann") == [offered]
    assert await floor.accept(offered, "ann") == offered
    assert await value(rig.store, "SELECT COUNT(*) FROM offers") == 0


async def test_another_agent_takes_it_by_hand(rig: Rig, floor: Floor, offered: str) -> None:
    await floor.be("bo", Presence.ONLINE)
    await rig.desk().claim(offered, "bo")
    with pytest.raises(NotAllowed, match="this offer is over; bo has it"):
        await floor.accept(offered, "ann")
    assert (await load(rig, "ann"), await load(rig, "bo")) == (0, 1)
    await rig.say("another matter", account="sms", sender="user-2")
    await floor.look()
    assert len(await floor.alive("ann")) == 1, "whose room is free"


async def test_somebody_answers_it_and_it_comes_back_to_them(
    rig: Rig, floor: Floor, offered: str
) -> None:
    await floor.be("bo", Presence.ONLINE)
    await rig.desk(finished=floor.finished).reply(offered, "bo", "It is there now.")
    await over(floor, offered)
    await rig.say("no, it is not", account="sms")
    assert (await inquiry(rig, offered))["assigned_to"] == "bo"
    assert (await load(rig, "ann"), await load(rig, "bo")) == (0, 1)


async def test_it_is_resolved_and_a_new_question_is_offered_anew(
    rig: Rig, floor: Floor, offered: str
) -> None:
    await rig.desk(finished=floor.finished).resolve(offered, "bo")
    await over(floor, offered)
    assert await load(rig, "ann") == 0
    rig.clock.advance(100.0)  # the old offer would have run out
    await rig.say("and again", account="sms")
    await floor.look()
    (row,) = await select(
        rig.store, "SELECT i.number FROM offers o JOIN inquiries i ON i.id = o.inquiry_id"
        " WHERE i.state = 'offered'",
    )  # fmt: skip
    assert await floor.alive("ann") == [row["number"]]
    assert await load(rig, "ann") == 1


async def test_it_is_resolved_opened_again_and_offered_to_another(
    rig: Rig, floor: Floor, offered: str
) -> None:
    """What is left of the old offer neither shows nor ends the new one."""
    await rig.desk().resolve(offered, "bo")
    row = await inquiry(rig, offered)
    queue = Queue("payments", "Payments")
    await put(rig.store, Plan("again", handed_over({**row, "urgent": 0, "lane": ""}, queue, 3, {})))
    await floor.be("ann", Presence.AWAY)
    rig.clock.advance(30.0)
    await floor.be("bo", Presence.ONLINE)
    rig.clock.advance(40.0)  # the old one's time is over, the new one's is not
    await floor.look()
    assert await floor.alive("bo") == [offered]
    await over(floor, offered)


async def test_who_has_only_an_offer_hands_nothing_on(floor: Floor, offered: str) -> None:
    with pytest.raises(NotAllowed, match="ann does not have it"):
        await floor.transfer(offered, "ann", "general")
    assert await floor.alive("ann") == [offered]


async def test_it_goes_to_another_queue(rig: Rig, floor: Floor, offered: str) -> None:
    row = {**await inquiry(rig, offered), "urgent": 0, "lane": ""}
    await floor.be("ann", Presence.BUSY)
    await put(rig.store, Plan("flow", handed_over(row, QUEUES["general"], 7, {})))
    await over(floor, offered)
    await floor.be("bo", Presence.ONLINE)
    assert await floor.alive("bo") == [offered]
    assert await load(rig, "ann") == 0


async def test_it_is_merged_into_another(rig: Rig, floor: Floor, offered: str) -> None:
    await floor.be("ann", Presence.BUSY)
    await rig.say("a second question", account="sms", sender="user-2")
    other = str(await value(rig.store, f"SELECT number FROM inquiries WHERE number <> '{offered}'"))
    row = await inquiry(rig, offered)
    into = (await inquiry(rig, other))["id"]
    await put(rig.store, Plan("merge", (EndMerged(row["id"], row["version"], into),)))
    await over(floor, offered)
    assert await load(rig, "ann") == 0
    kept = await inquiry(rig, other)
    assert kept["waiting_since"] == row["waiting_since"], "at the older place"
    await floor.be("ann", Presence.ONLINE)
    assert await floor.alive("ann") == [other]


async def test_another_is_merged_into_it_and_the_offer_stands(
    rig: Rig, floor: Floor, offered: str
) -> None:
    row = await inquiry(rig, offered)
    await rig.say("a second question", account="sms", sender="user-2")
    other = await one(rig.store, f"SELECT id, version FROM inquiries WHERE number <> '{offered}'")
    await put(rig.store, Plan("merge", (EndMerged(other["id"], other["version"], row["id"]),)))
    assert await floor.accept(offered, "ann") == offered
    assert await load(rig, "ann") == 1


async def test_what_was_answered_once_comes_back_to_its_old_place_all_the_same(
    rig: Rig, floor: Floor, offered: str
) -> None:
    """The customer wrote again, and then the agent is not heard of any more."""
    before = (await inquiry(rig, offered))["rank"]
    await floor.accept(offered, "ann")
    await rig.desk(finished=floor.finished).reply(offered, "ann", "Is it there now?")
    rig.clock.advance(1.0)
    await rig.say("a second question", account="sms", sender="user-2")
    rig.clock.advance(300.0)
    await rig.say("no", account="sms")
    rig.clock.advance(301.0)
    await floor.look()
    back = await inquiry(rig, offered)
    assert (back["state"], back["assigned_to"]) == ("queued", "")
    assert back["rank"] == pytest.approx(before, abs=0.001)
    await floor.be("bo", Presence.ONLINE)
    assert await floor.alive("bo") == [offered], "before what came later"
