"""What is said about a wait holds: simulated queues, and the rules of what is said when."""

import heapq
import json
import math
import random
from collections import deque
from collections.abc import Callable
from datetime import datetime, time
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.calendar import Calendar, Hours, Year
from gateway.routing.waiting import (
    Estimate,
    Measure,
    Rates,
    _at_least,
    estimate,
    notice,
    said,
)


def _no_day_off(_year: int) -> Year:
    return Year(weekend=frozenset())


ALWAYS = Calendar("UTC", _no_day_off, hours=(Hours(time(0), time(0)),))
OFFICE = Calendar("Asia/Shanghai")
#: A Wednesday.
NOON = datetime(2026, 11, 25, 12, tzinfo=ZoneInfo("Asia/Shanghai")).timestamp()


class Always:
    """A calendar that never closes, quick enough for a simulation."""

    def opening(self, at: float) -> float:
        return at

    def open_seconds(self, start: float, end: float) -> float:
        return max(0.0, end - start)

    def after_open(self, start: float, seconds: float) -> float:
        return start + seconds


def simulate(
    seed: int, customers: int, per_second: float, talk: float, staff: Callable[[float], int]
) -> tuple[list[tuple[Estimate, float]], list[bool]]:
    """A queue with Poisson arrivals and exponential conversations, the oldest first.

    Returns (estimate, real wait) of every fourth who had to wait, and whether each of those asked got
    a number, in order.
    """
    chance, calendar = random.Random(seed), Always()
    rates, queue, talking = Rates(), deque[tuple[float, int]](), list[float]()
    asked: dict[int, Estimate] = {}
    held: list[tuple[Estimate, float]] = []
    numbers: list[bool] = []
    came, next_comes = 0, chance.expovariate(per_second)
    while came < customers or queue:
        if came < customers and (not talking or next_comes <= talking[0]):
            now, came = next_comes, came + 1
            next_comes = now + chance.expovariate(per_second)
            queue.append((now, came))
            if len(talking) >= staff(now) and came % 4 == 0:
                guess = estimate(rates, len(queue), now, calendar, oldest=queue[0][0])
                numbers.append(guess is not None)
                if guess is not None:
                    asked[came] = guess
        else:
            now = heapq.heappop(talking)
        while queue and len(talking) < staff(now):
            since, customer = queue.popleft()
            rates = rates.left(since, now, calendar)
            if customer in asked:
                held.append((asked[customer], now - since))
            heapq.heappush(talking, now + chance.expovariate(1 / talk))
    return held, numbers


def _steps(now: float) -> int:
    return (5, 7, 4, 6, 3, 6)[int(now // 5400) % 6]


def _tide(now: float) -> int:
    return round(20 + 5 * math.sin(now / 6000))


@pytest.mark.parametrize(
    ("seed", "per_second", "talk", "staff"),
    [
        pytest.param(0, 4.85 / 240, 240, lambda _: 5, id="five agents"),
        pytest.param(4, 29.3 / 300, 300, lambda _: 30, id="thirty agents"),
        pytest.param(5, 1 / 130, 120, lambda _: 1, id="one agent"),
        pytest.param(7, 5 / 240, 240, _steps, id="staff changes every ninety minutes"),
        pytest.param(8, 19.4 / 240, 240, _tide, id="staff rises and falls"),
    ],
)
def test_the_interval_holds_about_as_often_as_it_says(seed, per_second, talk, staff):
    held, numbers = simulate(seed, 6000, per_second, talk, staff)

    inside = sum(guess.low <= wait <= guess.high for guess, wait in held) / len(held)
    words = [(said(guess.low, guess.high), wait) for guess, wait in held]
    true = sum(spoken.holds(wait) for spoken, wait in words if spoken is not None)

    print(
        f"{len(held)} of {len(numbers)} get a number: {inside:.1%} of the waits lie inside, "
        f"{true / len(words):.1%} of the words are true"
    )
    assert len(held) > 900
    assert not numbers[0], "nothing was measured yet"
    # After a pause, what was measured has grown old: a few get no number then.
    assert sum(numbers) >= 0.9 * len(numbers)
    assert 0.75 <= inside <= 0.95
    assert true >= 0.8 * sum(spoken is not None for spoken, _ in words)
    # Honest by saying nothing would be no use: a long queue at a steady rate has a narrow interval.
    if seed == 4:
        ratios = sorted(guess.high / guess.low for guess, _ in held if guess.expected > 300)
        assert ratios[len(ratios) // 2] < 2.5


def _served(gap: float, count: int, start: float = NOON) -> Rates:
    """`count` departures, one every `gap` seconds, of a queue that never is empty."""
    rates = Rates()
    for number in range(1, count + 1):
        rates = rates.left(start, start + number * gap, OFFICE)
    return rates


def test_without_enough_departures_there_is_no_number_and_it_is_known_how_many_lack():
    now = NOON + 9 * 30
    rates = _served(30, 9)

    assert estimate(Rates(), 1, NOON, OFFICE) is None
    assert Rates().missing(NOON) == 10
    assert estimate(rates, 1, now, OFFICE) is None
    assert rates.missing(now) == 1
    assert estimate(_served(30, 10), 1, NOON + 300, OFFICE) is not None
    assert _served(30, 10).missing(NOON + 300) == 0


def test_what_is_long_ago_counts_no_longer():
    rates = _served(30, 60)

    assert estimate(rates, 3, NOON + 1800, OFFICE) is not None
    assert estimate(rates, 3, NOON + 3 * 3600, OFFICE) is None
    later = rates.left(NOON + 5.5 * 3600, NOON + 5.6 * 3600, OFFICE)
    assert len(later.buckets) <= 4 * 3600 / 300 + 1


def test_the_further_back_the_longer_and_the_wait_is_about_position_times_gap():
    rates, now = _served(30, 60), NOON + 1800
    waits = [estimate(rates, position, now, OFFICE) for position in range(1, 60)]

    assert all(one.low < one.expected < one.high for one in waits)
    assert all(a.expected < b.expected for a, b in pairwise(waits))
    assert waits[39].expected == pytest.approx(40 * 30, rel=0.05)
    with pytest.raises(ValueError, match="position 0"):
        estimate(rates, 0, now, OFFICE)


def test_an_empty_queue_slows_nothing_and_a_free_agent_speeds_nothing():
    busy, now = _served(30, 60), NOON + 1800
    idle = busy
    for second in range(0, 1800, 10):
        idle = idle.left(NOON + second, NOON + second + 0.5, OFFICE)
    assert idle == busy

    # The same departures, with an hour between the first and the second half: nobody waited in it.
    parted = _served(30, 30)
    for number in range(1, 31):
        parted = parted.left(NOON + 4500, NOON + 4500 + number * 30, OFFICE)
    assert estimate(parted, 20, NOON + 5400, OFFICE).expected == pytest.approx(
        estimate(busy, 20, now, OFFICE).expected, rel=0.1
    )


def test_a_queue_that_stands_still_is_seen_before_anybody_leaves_it():
    rates, now = _served(30, 60), NOON + 1800
    moving = estimate(rates, 5, now, OFFICE, oldest=now - 30)
    standing = estimate(rates, 5, now + 1200, OFFICE, oldest=now - 30)

    assert standing.expected > 1.5 * moving.expected


def test_a_rate_that_changes_gives_a_wider_interval_than_a_steady_one():
    steady, changing = Rates(), Rates()
    at = NOON
    for half_hour in range(8):
        begins = at + half_hour * 1800
        for number in range(60):
            steady = steady.left(begins, begins + number * 30 + 15, ALWAYS)
        count = (20, 100)[half_hour % 2]
        for number in range(count):
            gap = 1800 / count
            changing = changing.left(begins, begins + (number + 0.5) * gap, ALWAYS)
    now = at + 8 * 1800
    narrow = estimate(steady, 30, now, ALWAYS)
    wide = estimate(changing, 30, now, ALWAYS)

    assert steady.unsteady() == 0
    assert wide.high / wide.low > 2 * narrow.high / narrow.low


def test_a_wait_goes_on_when_the_brand_opens_again():
    closes = NOON + 6 * 3600
    rates = _served(60, 60, closes - 4200)
    now = closes - 600
    short, long = estimate(rates, 1, now, OFFICE), estimate(rates, 40, now, OFFICE)

    assert not short.past_closing
    assert short.high < 600
    assert long.past_closing
    assert long.low > 15 * 3600, "all of them wait over the night"
    night = estimate(rates, 1, closes + 60, OFFICE)
    assert night is not None
    assert night.low > 14 * 3600


def test_a_night_of_waiting_is_not_taken_for_slowness():
    opens = NOON - 3 * 3600
    rates = Rates()
    for number in range(1, 21):
        rates = rates.left(opens - 14 * 3600, opens + number * 30, OFFICE)

    assert estimate(rates, 10, opens + 600, OFFICE).expected == pytest.approx(300, rel=0.1)


def test_two_processes_together_measure_what_one_would():
    both, one, other = Rates(), Rates(), Rates()
    for number in range(1, 41):
        at = NOON + 30 * number
        both = both.left(at - 200, at, OFFICE)
        if number % 2:
            one = one.left(at - 200, at, OFFICE)
        else:
            other = other.left(at - 200, at, OFFICE)

    assert one.merged(other) == other.merged(one) == both
    assert Rates.of_json(json.loads(json.dumps(both.to_json()))) == both
    assert len(json.dumps(both.to_json())) < 1000


def test_the_binomial_tail_is_exact():
    def plain(least: int, tries: int, chance: float) -> float:
        return sum(
            math.comb(tries, hits) * chance**hits * (1 - chance) ** (tries - hits)
            for hits in range(least, tries + 1)
        )

    for least, tries in [(1, 1), (1, 10), (10, 19), (19, 19), (3, 200), (150, 200), (500, 900)]:
        for chance in (0.001, 0.1, 0.3, 0.5, 0.77, 0.999):
            assert _at_least(least, tries, chance) == pytest.approx(
                plain(least, tries, chance), rel=1e-9, abs=1e-12
            )


@given(st.floats(0, 20_000), st.floats(0, 20_000))
@settings(max_examples=300)
def test_words_never_claim_more_than_the_interval(one, two):
    low, high = sorted((one, two))
    if (spoken := said(low, high)) is None:
        assert low < 60
        assert high > 4 * 3600
    else:
        assert spoken.holds(low)
        assert spoken.holds(high)


@pytest.mark.parametrize(
    ("low", "high", "form", "says"),
    [
        (10, 50, "under", (0, 60)),
        (10, 200, "under", (0, 300)),
        (270, 340, "about", (300, 300)),
        (700, 1100, "about", (900, 900)),
        (700, 1500, "range", (600, 1800)),
        (560, 640, "about", (600, 600)),
        (3700, 8000, "over", (3600, None)),
        (1300, 20_000, "over", (1200, None)),
    ],
)
def test_the_words_of_an_interval(low, high, form, says):
    spoken = said(low, high)
    assert (spoken.form, (spoken.low, spoken.high)) == (form, says)


def _tell(position=3, wait=None, **changed):
    given = {"waiting": position, "staff": 4, "now": NOON, "calendar": OFFICE, "calling": True}
    return notice(position, wait, **{**given, **changed})


def _wait(expected: float, low: float, high: float) -> Estimate:
    return Estimate(expected, low, high, 40, past_closing=False)


def test_what_is_told_follows_from_what_is_known():
    short, middle, long = _wait(20, 5, 50), _wait(400, 250, 600), _wait(1000, 800, 1500)

    assert _tell(0).kind == "none"
    assert _tell(wait=short).kind == "none"
    assert (_tell().kind, _tell().low, _tell().high, _tell().form) == ("position", None, None, None)
    told = _tell(wait=middle)
    assert (told.kind, told.form, told.low, told.high) == ("wait", "range", 180, 600)
    assert _tell(wait=long).kind == "busy"
    assert _tell(wait=middle, waiting=25).kind == "busy"
    assert _tell(waiting=25).kind == "busy"
    vague = _tell(wait=_wait(300, 30, 20_000))
    assert (vague.kind, vague.form, vague.low) == ("position", None, None)


def test_without_staff_no_number_is_told_whatever_was_measured():
    told = _tell(wait=_wait(400, 250, 600), staff=0)
    assert (told.kind, told.low, told.high, told.offers) == ("busy", None, None, ("callback",))


def test_closed_says_when_it_opens():
    told = _tell(wait=_wait(400, 250, 600), now=NOON + 8 * 3600)
    assert (told.kind, told.low, told.offers) == ("closed", None, ("callback",))
    assert told.opens_at == NOON + 21 * 3600


def test_a_wait_past_closing_time_says_when_it_goes_on():
    now = NOON + 5.9 * 3600
    wait = Estimate(1200, 60, 54_500, 40, past_closing=True)
    assert _tell(wait=wait, now=now).opens_at == pytest.approx(NOON + 21 * 3600)


def test_other_ways_are_offered_to_callers_who_wait_and_to_nobody_else():
    middle = _wait(400, 250, 600)
    assert _tell(wait=middle).offers == ("callback", "chat")
    assert _tell().offers == ("callback", "chat")
    assert _tell(wait=middle, possible=("chat",)).offers == ("chat",)
    assert _tell(wait=_wait(60, 40, 100)).offers == ()
    assert _tell(0).offers == ()
    for situation in ({}, {"wait": middle}, {"staff": 0}, {"now": NOON + 8 * 3600}):
        assert _tell(**situation, calling=False).offers == ()


def test_a_queue_of_its_own_pace_may_be_measured_otherwise():
    slow = Measure(needed=5, half_life=8 * 3600, window=48 * 3600)
    rates = Rates()
    for number in range(1, 9):
        rates = rates.left(NOON - 1800, NOON + number * 1800, OFFICE, slow)
    now = NOON + 4 * 3600
    assert estimate(rates, 2, now, OFFICE) is None
    assert estimate(rates, 2, now, OFFICE, measure=slow) is not None
