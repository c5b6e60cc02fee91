"""What cannot be coped with moves on once, to somewhere better, and says why."""

import pytest

from gateway.routing.overflow import Cause, Course, Line, Overflow, Verdict, overflow

LINES = {
    "calls": Line(staff=3, length=10),
    "chat": Line(staff=2),
    "empty": Line(),
    "night": Line(is_open=False, staff=1),
}
TO_CHAT = {"course": Course.OVERFLOW, "to": "chat"}


def decided(*rules: Overflow, waited: float = 60, been=(), **line) -> Verdict:
    lines = {**LINES, "calls": Line(**{"staff": 3, "length": 10, **line})}
    return overflow(rules, "calls", lines, waited=waited, been=been)


@pytest.mark.parametrize(
    ("rule", "line", "waited", "reason"),
    [
        (Overflow(Cause.WAITED, beyond=60, **TO_CHAT), {}, 60, "waited 60 >= 60 s"),
        (Overflow(Cause.WAITED, beyond=60, **TO_CHAT), {}, 59, ""),
        (Overflow(Cause.LENGTH, beyond=9, **TO_CHAT), {}, 0, "length 10 > 9"),
        (Overflow(Cause.LENGTH, beyond=10, **TO_CHAT), {}, 0, ""),
        (Overflow(Cause.STAFF, **TO_CHAT), {"staff": 0}, 0, "staff 0 <= 0"),
        (Overflow(Cause.STAFF, **TO_CHAT), {"staff": 1}, 0, ""),
        (Overflow(Cause.CLOSED, **TO_CHAT), {"is_open": False}, 0, "closed"),
        (Overflow(Cause.CLOSED, **TO_CHAT), {}, 0, ""),
    ],
)
def test_what_makes_a_rule_apply(rule, line, waited, reason):
    verdict = decided(rule, waited=waited, **line)
    expected = Verdict(Course.OVERFLOW, reason, "chat")
    assert verdict == (expected if reason else Verdict(Course.WAIT, "no rule applies"))


def test_out_of_hours_a_queue_that_says_so_keeps_what_it_has():
    verdict = decided(
        Overflow(Cause.CLOSED, Course.WAIT), Overflow(Cause.WAITED, **TO_CHAT), is_open=False
    )
    assert verdict == Verdict(Course.WAIT, "closed")


@pytest.mark.parametrize(
    ("to", "been", "obstacle"),
    [
        ("empty", (), "nobody is there for empty"),
        ("night", (), "night is closed"),
        ("chat", ("chat",), "it has been in chat"),
        ("calls", (), "it has been in calls"),
        ("gone", (), "there is no queue gone"),
    ],
)
def test_nothing_moves_from_bad_to_worse_or_in_a_circle(to, been, obstacle):
    rule = Overflow(Cause.WAITED, Course.OVERFLOW, 30, to)
    reason = f"waited 60 >= 30 s, but {obstacle}"
    assert decided(rule, been=been) == Verdict(Course.WAIT, f"{reason}; no rule applies")
    better = Overflow(Cause.LENGTH, Course.OVERFLOW, 5, "other")
    lines = {**LINES, "other": Line(staff=1)}
    verdict = overflow((rule, better), "calls", lines, waited=60, been=been)
    assert verdict == Verdict(Course.OVERFLOW, f"{reason}; length 10 > 5", "other")


@pytest.mark.parametrize(("course", "to"), [(Course.OVERFLOW, ""), (Course.WAIT, "chat")])
def test_an_overflow_and_nothing_else_names_a_queue(course, to):
    with pytest.raises(ValueError, match="names the queue"):
        Overflow(Cause.CLOSED, course, to=to)
