"""What a plan means for the clocks of the inquiries it touches, and what a clock has to say. Pure.

The operations of a plan tell all that clocks react to, whoever made it: intake, an agent, a timer, the
floor. So nothing that changes an inquiry has to think of them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from gateway.domain.model import InquiryState
from gateway.domain.plan import AddMessage, ChangeInquiry, CreateInquiry, Op, TouchConversation
from gateway.domain.states import WITH_PEOPLE
from gateway.routing.sla import Clock, Happening, State, escalations
from gateway.routing.targets import DUE, Kind, Term

ANSWER = "answer"
"""What an automatic message says of itself (`verb` of its `meta`) that answers something."""

#: The customer has been answered, or was helped.
_ANSWERED = frozenset({InquiryState.ANSWERED, InquiryState.RESOLVED})
_CUSTOMERS_TURN = frozenset({InquiryState.ANSWERED, InquiryState.WAITING_CUSTOMER})
_OVER = frozenset({InquiryState.RESOLVED, InquiryState.CLOSED})


# ---------------------------------------------------------------- what happened


def happenings(ops: Iterable[Op]) -> dict[str, tuple[Happening, ...]]:
    """What the operations of a plan mean, by inquiry and in order; an empty tuple for one that only
    changed.

    A message counts as the customer's where the plan renews the conversation by it: mail of machines is
    kept without that. An automatic text is an answer where it says so and its inquiry is answered by it;
    all others (received, a place in the queue, a warning) answer nothing.
    """
    ops = tuple(ops)
    states = {op.inquiry_id: op.state for op in ops if isinstance(op, ChangeInquiry)}
    renewed = {op.conversation_id for op in ops if isinstance(op, TouchConversation)}
    found: dict[str, list[Happening]] = {inquiry: [] for inquiry in states}
    for op in ops:
        if isinstance(op, CreateInquiry):
            found.setdefault(op.inquiry_id, []).insert(0, Happening.CUSTOMER_WROTE)
        elif isinstance(op, AddMessage) and op.visibility != "note":
            happened = found.setdefault(op.inquiry_id, [])
            if op.direction == "out":
                happened.append(_said(op, states.get(op.inquiry_id)))
            elif op.conversation_id in renewed and Happening.CUSTOMER_WROTE not in happened:
                happened.append(Happening.CUSTOMER_WROTE)
    for inquiry, state in states.items():
        found[inquiry] += _turn(state, found[inquiry])
    return {inquiry: tuple(happened) for inquiry, happened in found.items()}


def received(ops: Iterable[Op]) -> dict[str, float]:
    """When the customer's message of each inquiry came in, for those that a plan adds: from then on
    somebody waits, however late it was taken up."""
    return {
        op.inquiry_id: op.at
        for op in ops
        if isinstance(op, AddMessage) and op.direction == "in" and op.at is not None
    }


def _said(message: AddMessage, state: InquiryState | None) -> Happening:
    if not message.automatic:
        return Happening.AGENT_WROTE
    answers = message.meta.get("verb") == ANSWER and state in _ANSWERED
    return Happening.ANSWERED if answers else Happening.ACKNOWLEDGED


def _turn(state: InquiryState, happened: Iterable[Happening]) -> tuple[Happening, ...]:
    """Whose turn it is in the state in which a plan leaves an inquiry."""
    if state in _CUSTOMERS_TURN:
        return (Happening.WAITS,)
    if state in _OVER:
        return (Happening.RESOLVED,)
    if state in WITH_PEOPLE and Happening.CUSTOMER_WROTE not in happened:
        return (Happening.OUR_TURN,)
    return ()


# ---------------------------------------------------------------- where it leaves the clocks


def renewed(
    clocks: Mapping[Kind, Clock],
    before: Mapping[Kind, Term],
    held: Mapping[Kind, Term],
    at: float,
) -> dict[Kind, Clock]:
    """The clocks of an inquiry under the terms that hold for it now, as after a move to another queue.

    What was used counts on. A clock that runs and has no target any more is left out; one that has
    stopped stays as it is.

    Args:
        clocks: those it has.
        before: the terms that they ran under, as far as they are known.
        held: the terms that hold.
        at: now.
    """
    after: dict[Kind, Clock] = {}
    for kind, clock in clocks.items():
        if clock.stopped is not None:
            after[kind] = clock
        elif (term := held.get(kind)) is not None:
            old = before.get(kind, term)
            same = old == term and _made_for(clock, term)
            after[kind] = clock if same else clock.renew(at, old.calendar, term)
    return after


def _made_for(clock: Clock, term: Term) -> bool:
    """False where the settings of the target were changed since."""
    shares = {term.target.at_risk, DUE, *(step.share for step in term.target.ladder)}
    return clock.seconds == term.seconds and {share for share, _ in clock.moments} == shares


def begun(
    clocks: Mapping[Kind, Clock], held: Mapping[Kind, Term], at: float, *, answered: bool
) -> dict[Kind, Clock]:
    """With a clock for each target that came to hold while people have the inquiry: it counts from now.

    Args:
        clocks: those it has.
        held: the terms that hold.
        at: now.
        answered: whether an agent has written before: then no first response is waited for.
    """
    wanted = [Kind.RESOLUTION] if answered else [Kind.RESOLUTION, Kind.FIRST_RESPONSE]
    # Whoever waits for the next response has had the first one.
    if (following := clocks.get(Kind.NEXT_RESPONSE)) is not None and following.stopped is None:
        wanted = [Kind.RESOLUTION]
    new = {
        kind: Clock.start(held[kind], at) for kind in wanted if kind in held.keys() - clocks.keys()
    }
    return {**clocks, **new}


def joined(into: Mapping[Kind, Clock], other: Mapping[Kind, Clock]) -> dict[Kind, Clock]:
    """The clocks of an inquiry that takes over another one: of two that are open, the one that is due
    first. Merging gives nobody more time."""
    after = dict(into)
    for kind, clock in other.items():
        held = into.get(kind)
        if clock.stopped is None and (
            held is None or held.stopped is not None or clock.due < held.due
        ):
            after[kind] = clock
    return after


# ---------------------------------------------------------------- what a clock has to say


def told(clock: Clock, now: float) -> tuple[Clock, State | None]:
    """What is to be said of a clock and was not yet, with the clock that has said it: that it is at
    risk, or breached. Each once, however often it pauses."""
    state = clock.state(now)
    if state not in (State.AT_RISK, State.BREACHED) or state.value in clock.done:
        return clock, None
    return replace(clock, done=(*clock.done, state.value)), state


def look_again(clock: Clock, term: Term | None, now: float) -> float | None:
    """When a timer has to look at a clock: at once where a step of its ladder is due, else at its next
    moment; None while nothing is to come by itself."""
    if term is not None and escalations(term.target.ladder, clock, now):
        return now
    return clock.next_moment(now)
