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


def decided(
    *rules: Overflow, waited: float = 60, been=(), callback: bool = True, **line
) -> Verdict:
    lines = {**LINES, "calls": Line(**{"staff": 3, "length": 10, **line})}
    return overflow(rules, "calls", lines, waited=waited, been=been, callback=callback)


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


@pytest.mark.parametrize("course", [Course.WAIT, Course.CALLBACK])
def test_out_of_hours_a_queue_does_as_it_says(course):
    verdict = decided(
        Overflow(Cause.CLOSED, course), Overflow(Cause.WAITED, **TO_CHAT), is_open=False
    )
    assert verdict == Verdict(course, "closed")


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
    offer = Overflow(Cause.LENGTH, Course.CALLBACK, 5)
    assert decided(rule, offer, been=been) == Verdict(Course.CALLBACK, f"{reason}; length 10 > 5")


def test_a_callback_is_offered_only_to_those_who_can_be_called():
    rule = Overflow(Cause.WAITED, Course.CALLBACK)
    assert decided(rule).course is Course.CALLBACK
    verdict = decided(rule, callback=False)
    assert verdict.course is Course.WAIT
    assert "no callback is possible" in verdict.reason


@pytest.mark.parametrize(("course", "to"), [(Course.OVERFLOW, ""), (Course.WAIT, "chat")])
def test_an_overflow_and_nothing_else_names_a_queue(course, to):
    with pytest.raises(ValueError, match="names the queue"):
        Overflow(Cause.CLOSED, course, to=to)
