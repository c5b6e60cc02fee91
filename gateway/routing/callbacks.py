"""The life of a callback: when the customer may be called, and what each try led to.

Pure: moments are seconds since 1970 and passed in. A callback that is not over always has `moment`,
at which `advance` says what time alone does to it, so none is forgotten; its place (`rank`,
`waiting_since`) is the one it had when it was asked for and is written nowhere else. Dialling is the
telephony's; it asks here whether it may.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo

from gateway.domain.errors import NotAllowed
from gateway.domain.model import JSON


class State(StrEnum):
    """Where a callback stands."""

    REQUESTED = "requested"
    """The customer has not said when yet, or where they are."""
    SCHEDULED = "scheduled"
    DUE = "due"
    OFFERED = "offered"
    """An agent is asked first (mode 'agent_first')."""
    DIALLING = "dialling"
    TALKING = "talking"
    DONE = "done"
    RETRY = "retry"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    """Its window passed before it was reached, or the customer never said when."""


S = State
PENDING = (S.REQUESTED, S.SCHEDULED, S.DUE, S.RETRY)
#: (state, verb) → next state. A verb that is not here is not allowed in that state.
TRANSITIONS: dict[tuple[S, str], S] = {
    **{(state, "schedule"): S.SCHEDULED for state in PENDING},
    **{(state, "expire"): S.EXPIRED for state in PENDING},
    **{(state, "cancel"): S.CANCELLED for state in (*PENDING, S.OFFERED)},
    (S.SCHEDULED, "fall_due"): S.DUE,
    (S.RETRY, "fall_due"): S.DUE,
    # Quiet hours have begun before anybody was free.
    (S.DUE, "postpone"): S.SCHEDULED,
    (S.DUE, "offer"): S.OFFERED,
    (S.OFFERED, "return"): S.DUE,
    (S.OFFERED, "dial"): S.DIALLING,
    (S.DUE, "dial"): S.DIALLING,
    (S.DIALLING, "answer"): S.TALKING,
    (S.DIALLING, "miss"): S.RETRY,
    (S.DIALLING, "fail"): S.FAILED,
    (S.DIALLING, "decline"): S.CANCELLED,
    # The line broke, or no agent came to a customer who was called first.
    (S.TALKING, "drop"): S.RETRY,
    (S.TALKING, "fail"): S.FAILED,
    (S.TALKING, "finish"): S.DONE,
}
OVER = frozenset({S.DONE, S.FAILED, S.CANCELLED, S.EXPIRED})

Outcome = Literal[
    "answered", "busy", "no_answer", "voicemail", "wrong_number", "declined", "lost", "dropped"
]
"""What a try led to. 'declined': the customer no longer wants the call (a ring that is pushed away is
'busy'). 'lost': nobody told within the time, as after a crash; the telephone may have rung.
'dropped': answered, but not talked to the end."""
#: The verb of each outcome. 'miss' and 'drop' become 'fail' where no try is left.
LEADS_TO: dict[Outcome, str] = {
    "answered": "answer",
    "busy": "miss",
    "no_answer": "miss",
    "voicemail": "miss",
    "lost": "miss",
    "wrong_number": "fail",
    "declined": "decline",
    "dropped": "drop",
}
Mode = Literal["agent_first", "customer_first"]
"""Who is there before it rings: the agent, who hears it ring; or the customer, who waits for an agent."""
Miss = Literal["attempts", "window", "no_time", "number"]
"""Why a callback reached nobody: no try was left, the time that the customer wished passed, nobody
learnt when to call, the number is not theirs."""


def move(state: State, verb: str) -> State:
    """The state after `verb`. Raises `NotAllowed` and says which verbs are allowed instead."""
    try:
        return TRANSITIONS[state, verb]
    except KeyError:
        allowed = ", ".join(sorted(v for at, v in TRANSITIONS if at is state)) or "nothing"
        msg = f"cannot {verb} a callback that is {state}; allowed: {allowed}"
        raise NotAllowed(msg) from None


# ---------------------------------------------------------------- values


@dataclass(frozen=True, slots=True)
class Window:
    """When the customer wants to be called."""

    start: float
    end: float
    """Not part of it."""
    zone: str
    """Where the customer is: IANA name."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hours of the day, by the customer's clock, in which a brand calls nobody. May go over midnight;
    equal times: none."""

    start: time = time(21)
    end: time = time(9)

    def over_at(self, at: float, zone: str) -> float:
        """`at` where it is not quiet then, else the end of the quiet hours."""
        local = datetime.fromtimestamp(at, ZoneInfo(zone))
        clock = local.time()
        if self.start <= self.end:
            quiet = self.start <= clock < self.end
        else:
            quiet = clock >= self.start or clock < self.end
        if not quiet:
            return at
        if clock < self.end:  # the same day: keeps which of two equal hours it is
            local = datetime.combine(local, self.end, local.tzinfo).replace(fold=local.fold)
        else:
            local = datetime.combine(local + timedelta(days=1), self.end, local.tzinfo)
        # Again: an end that a change of clocks leaves out lands later.
        return self.over_at(local.timestamp(), zone)


@dataclass(frozen=True, slots=True)
class Policy:
    """How a brand calls back; times in seconds."""

    attempts: int = 3
    pause: float = 900.0
    """Between two tries."""
    offer: float = 30.0
    """For how long an agent is asked."""
    ring: float = 90.0
    """After which a try that nobody told of is lost; longer than the telephony lets it ring."""
    talk: float = 4 * 3600.0
    """After which a conversation that nobody ended is taken as ended."""
    patience: float = 24 * 3600.0
    """For how long the customer may take to say when."""
    quiet: Quiet = Quiet()


@dataclass(frozen=True, slots=True)
class Attempt:
    """One dialling; counted from its beginning, so that a crash does not make it free."""

    at: float
    agent: str
    outcome: Outcome | None = None
    ended: float | None = None


@dataclass(frozen=True, slots=True)
class Callback:
    """A wish to be called. Changed by the functions below only."""

    id: str
    inquiry_id: str
    number: str
    """E.164."""
    brand: str
    channel: str
    """From which it was asked for."""
    waiting_since: float
    rank: float
    """With `waiting_since` the place of the inquiry when it was asked for; never changes."""
    moment: float
    """When `advance` has something to say, unless it is over."""
    mode: Mode = "agent_first"
    state: State = State.REQUESTED
    window: Window | None = None
    agent: str = ""
    """To whom it is offered, or who calls."""
    attempts: tuple[Attempt, ...] = ()
    reason: str = ""
    """Why it was cancelled, failed or expired."""
    seen_by: str = ""
    """Who took note that it failed or expired."""

    @property
    def order(self) -> tuple[float, float, str]:
        """Sorts what is due, as `Waiting.order` does what waits."""
        return self.rank, self.waiting_since, self.id

    def to_json(self) -> dict[str, JSON]:
        """As JSON; `of_json` reads it."""
        return {**asdict(self), "attempts": [asdict(attempt) for attempt in self.attempts]}

    @classmethod
    def of_json(cls, body: Mapping[str, Any]) -> Self:
        """What `to_json` wrote."""
        return cls(
            **{
                **body,
                "state": State(body["state"]),
                "window": Window(**body["window"]) if body["window"] else None,
                "attempts": tuple(Attempt(**attempt) for attempt in body["attempts"]),
            }
        )


# ---------------------------------------------------------------- what happens to one


def next_allowed(callback: Callback, now: float, quiet: Quiet) -> float | None:
    """The first moment from `now` on at which it may be dialled: in its window, by the customer's clock
    not in the quiet hours. None where there is none, or no window yet."""
    if (window := callback.window) is None:
        return None
    at = quiet.over_at(max(now, window.start), window.zone)
    return at if at < window.end else None


def schedule(callback: Callback, window: Window, now: float, policy: Policy) -> Callback:
    """The customer said when, for the first time or anew. Raises `NotAllowed` where no call is allowed
    in that window, so that another can be asked for."""
    state = move(callback.state, "schedule")
    callback = replace(callback, state=state, window=window)
    if (at := next_allowed(callback, now, policy.quiet)) is None:
        raise NotAllowed("the window has passed or lies in the quiet hours")
    return replace(callback, moment=at)


def offer(callback: Callback, agent: str, now: float, policy: Policy) -> Callback:
    """An agent is asked. Raises `NotAllowed` where it may not be dialled now, or the mode is not
    'agent_first'."""
    _check(callback, now, policy, "agent_first")
    state = move(callback.state, "offer")
    return replace(callback, state=state, agent=agent, moment=now + policy.offer)


def give_back(callback: Callback, now: float) -> Callback:
    """The agent does not take it: it is due again, at its place."""
    return replace(callback, state=move(callback.state, "return"), agent="", moment=now)


def dial(callback: Callback, now: float, policy: Policy) -> Callback:
    """The telephony begins to dial: for the agent to whom it was offered, or the customer first.

    Raises `NotAllowed` in quiet hours, outside the window, while another try is on, and where an agent
    should be asked first; then nothing may be dialled. `advance` tells what becomes of it.
    """
    state = move(callback.state, "dial")
    mode: Mode = "agent_first" if callback.state is S.OFFERED else "customer_first"
    _check(callback, now, policy, mode)
    attempts = (*callback.attempts, Attempt(now, callback.agent))
    return replace(callback, state=state, attempts=attempts, moment=now + policy.ring)


def ended(
    callback: Callback, attempt: int, outcome: Outcome, now: float, policy: Policy, agent: str = ""
) -> Callback:
    """What try number `attempt` (1 is the first) led to; `agent` is who came to a customer called
    first. Raises `NotAllowed` for a try that is not on: a report may come late."""
    if attempt != len(callback.attempts):
        msg = f"try {attempt} is over; {len(callback.attempts)} were made"
        raise NotAllowed(msg)
    verb, again = LEADS_TO[outcome], None
    if verb in ("miss", "drop"):
        if len(callback.attempts) < policy.attempts:
            again = next_allowed(callback, now + policy.pause, policy.quiet)
        if again is None:
            move(callback.state, verb)
            verb = "fail"
    state = move(callback.state, verb)
    talking = state is S.TALKING
    last = callback.attempts[-1]
    last = replace(last, outcome=outcome, ended=None if talking else now, agent=agent or last.agent)
    return replace(
        callback,
        state=state,
        agent=last.agent if talking else "",
        attempts=(*callback.attempts[:-1], last),
        reason=outcome if state in OVER else "",
        moment=now + policy.talk if talking else again or now,
    )


def finish(callback: Callback, now: float) -> Callback:
    """The conversation is over."""
    state = move(callback.state, "finish")
    *before, last = callback.attempts
    attempts = (*before, replace(last, ended=now))
    return replace(callback, state=state, agent="", attempts=attempts, moment=now)


def cancel(callback: Callback, now: float, reason: str) -> Callback:
    """Nobody needs it any more: the customer said so, or the inquiry was resolved. Raises `NotAllowed`
    where it is over already, or the telephone rings."""
    state = move(callback.state, "cancel")
    return replace(callback, state=state, agent="", reason=reason, moment=now)


def see(callback: Callback, agent: str) -> Callback:
    """Somebody took note of one that was missed. Raises `NotAllowed` for one that was not."""
    if not missed([callback]):
        raise NotAllowed(f"nothing was missed in a callback that is {callback.state}")
    return replace(callback, seen_by=agent)


def advance(callback: Callback, now: float, policy: Policy) -> Callback:
    """What time alone has done to it until `now`; itself where nothing has, so it may be called at any
    time and again."""
    if callback.state in OVER or (now < callback.moment and callback.state is not S.DUE):
        return callback
    match callback.state:
        case S.OFFERED:
            return advance(give_back(callback, now), now, policy)
        case S.DIALLING:
            return ended(callback, len(callback.attempts), "lost", now, policy)
        case S.TALKING:
            return finish(callback, now)
        case _:
            at = next_allowed(callback, now, policy.quiet)
    if at is None:
        reason = "window passed" if callback.window else "no time was said"
        state = move(callback.state, "expire")
        return replace(callback, state=state, reason=reason, moment=now)
    if at > now:
        state = move(S.DUE, "postpone") if callback.state is S.DUE else callback.state
        return replace(callback, state=state, moment=at)
    if callback.state is S.DUE and now < callback.moment:
        return callback
    state = S.DUE if callback.state is S.DUE else move(callback.state, "fall_due")
    # While it is due it is looked at now and then: quiet hours begin, its window ends.
    return replace(callback, state=state, moment=now + policy.pause)


def due(callbacks: Iterable[Callback], now: float, policy: Policy) -> list[Callback]:
    """Those that may be offered or dialled now, advanced to `now`, by their places; of several to one
    number only the first, and none to a number that is being called."""
    advanced = sorted((advance(one, now, policy) for one in callbacks), key=lambda one: one.order)
    taken = {one.number for one in advanced if one.state in (S.OFFERED, S.DIALLING, S.TALKING)}
    chosen: list[Callback] = []
    for one in advanced:
        if one.state is S.DUE and one.number not in taken:
            taken.add(one.number)
            chosen.append(one)
    return chosen


def why_missed(callback: Callback, policy: Policy) -> Miss | None:
    """Why it reached nobody; None for one that did, or may still."""
    if callback.state is S.EXPIRED:
        return "window" if callback.window else "no_time"
    if callback.state is not S.FAILED:
        return None
    if callback.reason == "wrong_number":
        return "number"
    return "attempts" if len(callback.attempts) >= policy.attempts else "window"


def missed(callbacks: Iterable[Callback]) -> list[Callback]:
    """Those that nobody reached and nobody took note of yet, by their places."""
    lost = (one for one in callbacks if one.state in (S.FAILED, S.EXPIRED) and not one.seen_by)
    return sorted(lost, key=lambda one: one.order)


def _check(callback: Callback, now: float, policy: Policy, mode: Mode) -> None:
    if callback.mode != mode:
        raise NotAllowed(f"this callback is {callback.mode}")
    if next_allowed(callback, now, policy.quiet) != now:
        raise NotAllowed("it is outside the customer's window or in the quiet hours")
