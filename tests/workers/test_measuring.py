"""How quickly a queue moves is measured by whoever takes from it, and told only where it is known."""

from gateway.domain.calendar import ALWAYS
from gateway.store.apply import apply
from gateway.workers.measuring import Measuring, rates_of
from tests.desk.test_floor import floor_on, wait
from tests.workers.rig import Rig

MEASURING = Measuring(apply, {"pay": ALWAYS})


async def expected(rig: Rig, waiting: int) -> tuple[float, float] | None:
    found = await rig.store.read(
        lambda reader: MEASURING.expected(reader, "pay", waiting, None, rig.clock.now())
    )
    return (found.low, found.high) if found else None


async def one_leaves(rig: Rig, name: str, after: float) -> None:
    await wait(rig, name)
    rig.clock.advance(after)
    await rig.desk().claim(name, "ann")


async def test_no_number_is_given_before_enough_was_measured(rig: Rig) -> None:
    rig.write = MEASURING.apply
    for n in range(9):
        await one_leaves(rig, f"n{n}", 60.0)
    assert await expected(rig, 0) is None
    for n in range(9, 16):
        await one_leaves(rig, f"n{n}", 60.0)
    low, high = await expected(rig, 0) or (0.0, 0.0)
    assert 0 < low < 60.0 < high
    behind = await expected(rig, 5)
    assert behind is not None
    assert behind[0] > low
    assert behind[1] > high


async def test_whoever_takes_it_is_counted_once_and_by_whichever_way(rig: Rig) -> None:
    rig.write = MEASURING.apply
    floor = floor_on(rig, write=rig.write)
    await wait(rig, "taken")
    await wait(rig, "claimed")
    rig.clock.advance(30.0)
    await floor.take("taken", "ann")
    await floor.take("taken", "bo", by="boss")
    await rig.desk().claim("claimed", "ann")
    rates = await rig.store.read(lambda reader: rates_of(reader, "pay"))
    assert sum(count for count, _ in rates.buckets.values()) == 2
