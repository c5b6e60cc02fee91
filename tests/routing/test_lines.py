"""A place in line is told where it is one, and is then the true one."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.waiting import LaneView, LineView
from gateway.routing.events import Enqueue, Remove
from gateway.routing.lines import lane_views, place_of, with_another
from gateway.routing.matching import best
from gateway.routing.memory import Floor
from gateway.routing.model import Agent, Lane, Presence, Waiting, rank

PLAIN, ENGLISH, HEAVY = Lane("pay"), Lane.of("pay", {"en": 2}), Lane.of("pay", {}, 3)
ANN = Agent("ann", queues={"pay": 1}, skills={"en": 3}, capacity=4)
BO = Agent("bo", queues={"pay": 2}, capacity=4)


def views(*agents: Agent, waiting=(PLAIN,)) -> dict[str, LaneView]:
    return lane_views([PLAIN, ENGLISH, HEAVY], set(waiting), agents)


def test_who_is_there_and_knows_what_is_needed_counts():
    found = views(ANN, BO)
    assert (found[PLAIN.key].staff, found[ENGLISH.key].staff) == (2, 1)
    busy = replace(ANN, presence=Presence.BUSY)
    assert views(busy)[PLAIN.key] == LaneView(1, free=False, ordered=True)
    for gone in (Presence.AWAY, Presence.OFFLINE):
        assert views(replace(ANN, presence=gone))[PLAIN.key].staff == 0
    assert views(replace(ANN, off=True))[PLAIN.key].staff == 0
    assert views(replace(ANN, queues={"cards": 1}))[PLAIN.key].staff == 0
    assert views(replace(BO, capacity=2))[HEAVY.key].staff == 0


def test_an_agent_with_room_is_free():
    assert views(ANN)[PLAIN.key].free
    assert not views(replace(ANN, load=4))[PLAIN.key].free
    assert not views(replace(ANN, load=2))[HEAVY.key].free


@pytest.mark.parametrize(
    ("agents", "waiting", "lane", "ordered"),
    [
        ((ANN, BO), (PLAIN,), PLAIN, True),
        ((ANN, BO), (), PLAIN, True),
        # Bo takes only what needs no English: behind an English one others go first.
        ((ANN, BO), (PLAIN, ENGLISH), PLAIN, False),
        ((ANN, BO), (PLAIN, ENGLISH), ENGLISH, False),
        ((ANN, BO), (PLAIN,), ENGLISH, False),
        ((ANN,), (PLAIN, ENGLISH), PLAIN, True),
        ((ANN,), (PLAIN, ENGLISH), ENGLISH, True),
        # With little room somebody takes the chat behind the call.
        ((ANN,), (PLAIN, HEAVY), PLAIN, False),
        ((ANN,), (HEAVY,), HEAVY, True),
    ],
)
def test_the_order_holds_where_everybody_can_take_everything(agents, waiting, lane, ordered):
    assert views(*agents, waiting=waiting)[lane.key].ordered is ordered


def test_where_people_pick_for_themselves_nobody_has_a_place():
    assert lane_views([PLAIN], {PLAIN}, None) == {PLAIN.key: LaneView(None, ordered=False)}


LINE = LineView(0.0, 3, 10.0, (10.0, 20.0, 30.0), 30.0, {PLAIN.key: LaneView(2, ordered=True)})


@pytest.mark.parametrize(
    ("rank_", "inside", "place"),
    [(40.0, False, 4), (25.0, False, 3), (5.0, False, 1), (30.0, False, 4),
     (10.0, True, 1), (30.0, True, 3), (40.0, True, 4), (25.0, True, 3)],
)  # fmt: skip
def test_the_place_follows_from_the_rank(rank_, inside, place):
    assert place_of(LINE, PLAIN.key, rank_, inside=inside) == place


def test_of_a_long_line_the_end_is_known_and_the_middle_is_not():
    long = replace(LINE, waiting=500, last=900.0)
    assert place_of(long, PLAIN.key, 20.0, inside=True) == 2
    assert place_of(long, PLAIN.key, 100.0, inside=False) is None
    assert place_of(long, PLAIN.key, 900.0, inside=True) == 500
    assert place_of(long, PLAIN.key, 901.0, inside=False) == 501
    assert place_of(replace(long, last=float("inf")), PLAIN.key, 901.0, inside=False) is None


def test_nobody_waits_where_an_agent_is_free():
    free = {PLAIN.key: LaneView(1, free=True, ordered=True)}
    assert place_of(LineView(0.0, lanes=free), PLAIN.key, 5.0, inside=False) == 0
    assert place_of(replace(LINE, lanes=free), PLAIN.key, 50.0, inside=False) == 4


def test_without_an_order_or_in_an_unknown_lane_there_is_no_place():
    loose = replace(LINE, lanes={PLAIN.key: LaneView(2)})
    assert place_of(loose, PLAIN.key, 40.0, inside=False) is None
    assert place_of(LINE, ENGLISH.key, 40.0, inside=False) is None


def test_who_comes_meanwhile_stands_in_line():
    line = with_another(with_another(LINE, 25.0, 9.0), 50.0, 50.0)
    assert (line.waiting, line.oldest, line.last) == (5, 9.0, 50.0)
    assert line.ranks == (10.0, 20.0, 25.0, 30.0, 50.0)
    long = with_another(replace(LINE, waiting=500, last=900.0), 901.0, 901.0)
    assert (long.waiting, long.ranks, long.last) == (501, LINE.ranks, 901.0)
    first = with_another(LineView(0.0), 7.0, 7.0)
    assert (first.waiting, first.oldest, first.ranks, first.last) == (1, 7.0, (7.0,), 7.0)


@given(
    priorities=st.lists(st.integers(0, 9), min_size=1, max_size=12),
    ageing=st.sampled_from([None, 60.0]),
    newcomer=st.integers(0, 9),
)
def test_who_is_told_a_place_is_taken_at_it(priorities, ageing, newcomer):
    """The floor in memory takes them one by one, and the newcomer comes out at the place told."""
    floor = Floor([replace(ANN, capacity=1)])
    ranks = [rank(100.0 * n, p, ageing) for n, p in enumerate(priorities)]
    for n, one in enumerate(ranks):
        floor.apply(Enqueue(Waiting(f"q{n:02}", PLAIN, one, 100.0 * n)), 100.0 * n)
    now = 100.0 * len(priorities)
    own = rank(now, newcomer, ageing)
    line = LineView(
        now, len(ranks), 0.0, tuple(sorted(ranks)), max(ranks),
        {PLAIN.key: LaneView(1, ordered=True)},
    )  # fmt: skip
    place = place_of(line, PLAIN.key, own, inside=False)
    floor.apply(Enqueue(Waiting("new", PLAIN, own, now)), now)
    taken = []
    while (head := best(floor, replace(ANN, capacity=1))) is not None:
        taken.append(head.id)
        floor.apply(Remove(head.id, "taken"), now)
    assert taken.index("new") + 1 == place
