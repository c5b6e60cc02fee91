"""What is left of a reply window, for people and for machines."""

import pytest

from gateway.domain.channel import Capabilities
from gateway.domain.window import FOR_PEOPLE, UNLIMITED, Rules, Window

HOUR = 3600.0
DAY_WEEK = Rules(24 * HOUR, 7 * 24 * HOUR)
FIVE = Rules(48 * HOUR, budget=5)
WROTE = 1_000_000.0


def test_rules_are_those_of_the_channel() -> None:
    can = Capabilities(
        "x", 9, reply_window=1.0, reply_budget=2, human_only_window=3.0, public_in_window=True
    )
    assert Rules.of(can) == Rules(1.0, 3.0, 2, public=True)
    assert not Rules.of(Capabilities("x", 9)).limited


def test_without_rules_everything_is_open() -> None:
    window = Window(UNLIMITED, WROTE, 0.0, used=99)
    assert (window.until, window.human_until, window.left, window.left_automatic) == (None,) * 4
    assert not window.shut(automatic=True, wanted=50)


@pytest.mark.parametrize(
    ("hours", "automatic", "human", "beyond"),
    [(0, True, True, False), (24, True, True, False), (25, False, True, True),
     (168, False, True, True), (169, False, False, True)],
)  # fmt: skip
def test_people_may_write_longer_than_machines(
    hours: int, automatic: bool, human: bool, beyond: bool
) -> None:
    window = Window(DAY_WEEK, WROTE + hours * HOUR, WROTE)
    assert (not window.shut(automatic=True)) is automatic
    assert (not window.shut(automatic=False)) is human
    assert window.beyond is beyond


@pytest.mark.parametrize(
    ("used", "left", "left_automatic"), [(0, 5, 3), (2, 3, 1), (3, 2, 0), (5, 0, 0), (7, 0, 0)]
)
def test_machines_leave_the_last_two_to_people(used: int, left: int, left_automatic: int) -> None:
    window = Window(FIVE, WROTE, WROTE, used)
    assert (window.left, window.left_automatic) == (left, left_automatic)
    assert bool(window.shut(automatic=False)) is (left == 0)
    assert bool(window.shut(automatic=True)) is (left_automatic == 0)


def test_several_at_once_have_to_fit() -> None:
    window = Window(FIVE, WROTE, WROTE, used=2)
    assert not window.shut(automatic=False, wanted=3)
    assert window.shut(automatic=False, wanted=4).endswith("and 4 are needed")
    assert str(FOR_PEOPLE) in window.shut(automatic=True, wanted=2)


def test_whoever_never_wrote_is_not_written_to() -> None:
    assert "has not written here yet" in Window(FIVE, WROTE, 0.0).shut(automatic=False)
    assert not Window(Rules(budget=3), WROTE, 0.0).shut(automatic=False)


@pytest.mark.parametrize(
    ("rules", "private", "public"),
    [(UNLIMITED, False, False), (FIVE, True, False), (Rules(1.0, public=True), True, True)],
)
def test_public_messages_keep_to_a_window_only_where_the_channel_says_so(
    rules: Rules, private: bool, public: bool
) -> None:
    assert (rules.bind("private"), rules.bind("public")) == (private, public)


@pytest.mark.parametrize(
    ("rules", "opens"),
    [(FIVE, False), (Rules(1.0, public=True), True), (Rules(1.0, comments=True), True)],
)
def test_a_comment_opens_the_window_only_where_the_channel_says_so(
    rules: Rules, opens: bool
) -> None:
    assert rules.opened_by("private")
    assert rules.opened_by("public") is opens
