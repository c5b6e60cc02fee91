"""The clocks that measure how long a customer waits, and what follows when one runs out. Pure.

A clock is a plain value. Whenever it starts, or goes on after a pause, it works out the moments at which
something will have to happen (at risk, due, a step of the ladder); what it says later follows from these
moments alone, so that a timer, a report and a replay need no calendar to read it.

What meets a target is said by the caller (`Happening`): an agent's message and an automatic answer are
responses, an acknowledgement is none, and neither is an automatic question, after which the clock pauses
because it is the customer's turn.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Self

from gateway.domain.calendar import Calendar
from gateway.routing.targets import DUE, Kind, Ladder, Step, Term


class State(StrEnum):
    """Where a clock stands."""

    RUNNING = "running"
    PAUSED = "paused"
    """The customer's turn; not yet used up."""
    AT_RISK = "at_risk"
    BREACHED = "breached"
    """Used up, whether it still runs, pauses or was met too late."""
    MET = "met"


# ---------------------------------------------------------------- clocks


@dataclass(frozen=True, slots=True)
class Clock:
    """One running target of an inquiry. Moments are seconds since 1970, the rest business seconds."""

    kind: Kind
    seconds: float
    """The target."""
    started: float
    since: float
    """When it began to run last."""
    at_risk: float
    """The share of the target from which on it is at risk."""
    moments: tuple[tuple[float, float], ...]
    """For each share of the target that matters the moment at which it will be used, or was."""
    spent: float = 0.0
    """What was used before `since`; of a clock that pauses or has stopped, all of it."""
    paused_since: float | None = None
    stopped: float | None = None
    done: tuple[str, ...] = ()
    """Steps of the ladder that were carried out."""

    @classmethod
    def start(cls, term: Term, at: float) -> "Clock":
        """A clock that runs from `at`. Raises NeverOpen where the calendar does not open."""
        target = term.target
        return _timed(cls(target.kind, term.seconds, at, at, target.at_risk, ()), term)

    @property
    def due(self) -> float:
        """When it is used up, if it does not pause before. A response at this moment is too late."""
        return self.moment(DUE)

    def moment(self, share: float) -> float:
        """When so much of the target is used, or was. Raises KeyError for a share that matters to
        nothing."""
        return dict(self.moments)[share]

    def passed(self, now: float) -> frozenset[float]:
        """The shares of the target that are used by now. Time stands still in a pause and at the end."""
        held = self.stopped if self.stopped is not None else self.paused_since
        until = now if held is None else min(now, held)
        return frozenset(share for share, moment in self.moments if moment <= until)

    @property
    def running(self) -> bool:
        """Neither paused nor stopped."""
        return self.paused_since is None and self.stopped is None

    def pause(self, at: float, calendar: Calendar) -> "Clock":
        """It is the customer's turn: time does not count. Of a clock that does not run, itself."""
        if not self.running:
            return self
        return replace(self, spent=self.used(at, calendar), paused_since=at)

    def resume(self, at: float, term: Term) -> "Clock":
        """Time counts again; all that is still to come moves by the business time of the pause. A
        moment before the pause is its beginning: what was used until then is counted."""
        if self.paused_since is None or self.stopped is not None:
            return self
        at = max(at, self.paused_since)
        past = {share: self.moment(share) for share in self.passed(at)}
        return _timed(replace(self, since=at, paused_since=None), term, past)

    def stop(self, at: float, calendar: Calendar) -> "Clock":
        """What was waited for has come. What happened in a pause counts from its beginning."""
        if self.stopped is not None:
            return self
        ended = at if self.paused_since is None else self.paused_since
        return replace(self, spent=self.used(at, calendar), paused_since=None, stopped=ended)

    def renew(self, at: float, before: Calendar, term: Term) -> "Clock":
        """The same clock under another target or calendar, as after a move to another queue. What was
        used counts on; a breach stays one.

        Args:
            at: now.
            before: the calendar that counted until now.
            term: what holds from now on.
        """
        if self.stopped is not None:
            return self
        changed = replace(
            self,
            spent=self.used(at, before),
            since=at,
            seconds=term.seconds,
            at_risk=term.target.at_risk,
        )
        return _timed(changed, term, {DUE: self.due} if DUE in self.passed(at) else None)

    def used(self, now: float, calendar: Calendar) -> float:
        """Business seconds used until now."""
        if not self.running:
            return self.spent
        return self.spent + calendar.open_seconds(self.since, now)

    def state(self, now: float) -> State:
        """Where it stands."""
        passed = self.passed(now)
        if DUE in passed:
            return State.BREACHED
        if self.stopped is not None:
            return State.MET
        if self.paused_since is not None:
            return State.PAUSED
        return State.AT_RISK if self.at_risk in passed else State.RUNNING

    def next_moment(self, now: float) -> float | None:
        """When to look at it again: at risk, due, or the next step of the ladder; None while nothing is
        to come by itself. At that moment `state` and `escalations` say what has become due."""
        if not self.running:
            return None
        return min((moment for _, moment in self.moments if moment > now), default=None)

    def carried_out(self, steps: Iterable[Step]) -> "Clock":
        """With these steps of its ladder done."""
        new = tuple(step.key for step in steps if step.key not in self.done)
        return replace(self, done=self.done + new)

    def as_json(self) -> dict[str, Any]:
        """What JSON can hold; `due` stands in it for those who only read."""
        return {
            "kind": self.kind.value,
            "seconds": self.seconds,
            "started": self.started,
            "since": self.since,
            "at_risk": self.at_risk,
            "moments": [list(pair) for pair in self.moments],
            "due": self.due,
            "spent": self.spent,
            "paused_since": self.paused_since,
            "stopped": self.stopped,
            "done": list(self.done),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The clock of `as_json`."""
        fields = {name: given for name, given in value.items() if name != "due"}
        return cls(
            **{
                **fields,
                "kind": Kind(value["kind"]),
                "moments": tuple((share, moment) for share, moment in value["moments"]),
                "done": tuple(value["done"]),
            }
        )


def _timed(clock: Clock, term: Term, past: Mapping[float, float] | None = None) -> Clock:
    """The clock with its moments: `past` ones stay, the others follow from what is left of each share
    from `since` on."""
    known = dict(past or {})
    shares = {clock.at_risk, DUE, *(step.share for step in term.target.ladder)}
    for share in shares - known.keys():
        left = max(0.0, share * clock.seconds - clock.spent)
        known[share] = term.calendar.after_open(clock.since, left)
    return replace(clock, moments=tuple(sorted(known.items())))


def escalations(ladder: Ladder, clock: Clock, now: float) -> Ladder:
    """The steps that are due and not done, in order. None once what was waited for has come; while the
    clock pauses, those that were due before. A step whose share the clock does not know, because the
    ladder was changed since, is due after the next `resume` or `renew`."""
    if clock.stopped is not None:
        return ()
    passed = clock.passed(now)
    return tuple(
        step
        for step in sorted(ladder, key=lambda step: step.share)
        if step.share in passed and step.key not in clock.done
    )


# ---------------------------------------------------------------- what happens to an inquiry


class Happening(StrEnum):
    """What clocks react to."""

    CUSTOMER_WROTE = "customer_wrote"
    AGENT_WROTE = "agent_wrote"
    """To the customer; a note is nothing."""
    ANSWERED = "answered"
    """An automatic answer was sent."""
    ACKNOWLEDGED = "acknowledged"
    """'Received, number …', a place in the queue, a notice: an automatic text that answers nothing."""
    WAITS = "waits"
    """It is the customer's turn: a question was asked, or an answer sent that may have been enough."""
    OUR_TURN = "our_turn"
    """It is ours again without a word of the customer: what was sent did not arrive, what was promised
    has not happened. Where it was ours anyway, nothing."""
    RESOLVED = "resolved"


_RESPONSES = frozenset({Happening.AGENT_WROTE, Happening.ANSWERED})
_TO_RESPOND = (Kind.FIRST_RESPONSE, Kind.NEXT_RESPONSE)


def follow(
    clocks: Mapping[Kind, Clock], held: Mapping[Kind, Term], happening: Happening, at: float
) -> dict[Kind, Clock]:
    """The clocks of an inquiry after something has happened.

    The customer's first message starts the first response and the resolution; a later one goes on with
    what paused, opens the resolution again that was stopped, and starts the next response where no
    response is waited for. A response stops what waits for one. `WAITS` pauses, `OUR_TURN` goes on with
    what paused, and with a resolution that was stopped; `RESOLVED` stops all.

    Args:
        clocks: those it has; a kind that `held` has no term for is left as it is.
        held: the terms that hold for it, as from `terms`.
        happening: what it was. An answer after which the customer is waited for is two: `ANSWERED`,
            then `WAITS`.
        at: when.
    """
    after = dict(clocks)
    if happening is Happening.CUSTOMER_WROTE:
        return _wrote(after, held, at)
    for kind, clock in clocks.items():
        if kind not in held:
            continue
        calendar = held[kind].calendar
        if happening is Happening.RESOLVED or (happening in _RESPONSES and kind in _TO_RESPOND):
            after[kind] = clock.stop(at, calendar)
        elif happening is Happening.WAITS:
            after[kind] = clock.pause(at, calendar)
        elif happening is Happening.OUR_TURN:
            after[kind] = _again(clock, held[kind], at)
    return after


def _again(clock: Clock, term: Term, at: float) -> Clock:
    """Goes on with what paused; a resolution also after its end."""
    if clock.stopped is None:
        return clock.resume(at, term)
    if clock.kind is not Kind.RESOLUTION:
        return clock
    return replace(clock, stopped=None, paused_since=clock.stopped).resume(at, term)


def _wrote(clocks: dict[Kind, Clock], held: Mapping[Kind, Term], at: float) -> dict[Kind, Clock]:
    for kind, term in held.items():
        clock = clocks.get(kind)
        if clock is None:
            if kind is not Kind.NEXT_RESPONSE:
                clocks[kind] = Clock.start(term, at)
        else:
            clocks[kind] = _again(clock, term, at)
    first, following = (clocks.get(kind) for kind in _TO_RESPOND)
    waited_for = any(clock and clock.stopped is None for clock in (first, following))
    responded = first is None or first.stopped is not None
    if Kind.NEXT_RESPONSE in held and responded and not waited_for:
        clocks[Kind.NEXT_RESPONSE] = Clock.start(held[Kind.NEXT_RESPONSE], at)
    return clocks
