"""What a customer who waits is told of it: decides from what is known of the line. Pure.

A place is told only where it is one, a time only where it was measured, opening hours only where
somebody has set them. Where nothing is known, nothing is said.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace

from gateway.answers.answerer import Answerer
from gateway.answers.decisions import HANDED_OVER
from gateway.desk.asked import PHONE
from gateway.domain.calendar import Calendar
from gateway.domain.channel import Inbound
from gateway.domain.decision import Decision, OpenCase, Question, Verb
from gateway.domain.model import JSON, InquiryState
from gateway.domain.snapshot import Snapshot
from gateway.domain.waiting import LineView, Notice, Offer
from gateway.routing.lines import place_of
from gateway.routing.overflow import Cause
from gateway.routing.waiting import LIMITS, Estimate, Limits, Rates, estimate, notice
from gateway.routing.wishes import BadNumber, Reach
from gateway.workers.draft import Draft
from gateway.workers.room import has_room

#: Seconds after which what is known of a line is not told any more.
FRESH = 15.0
#: Offered to who waits on the telephone; elsewhere it is what they do already.
VOICE = "voice"
NOTHING = Notice("none")
_WAITING = (InquiryState.QUEUED, InquiryState.OFFERED)
#: Rules after which no wait is told: a call comes when it comes, and danger is no queue's matter.
_UNTOLD = ("callback", "danger")


@dataclass(frozen=True, slots=True)
class Telling:
    """What is told to those who wait in one queue."""

    limits: Limits = LIMITS
    offers: tuple[Offer, ...] = ("callback", "chat")
    calendar: Calendar | None = None
    """Its own, where it has one; else that of the customer's brand counts."""
    leaves: frozenset[Cause] = frozenset()
    """When what waits goes to another queue by itself: there it waits for something else."""


@dataclass(frozen=True, slots=True)
class Waits:
    """Who is told what."""

    queues: Mapping[str, Telling] = field(default_factory=dict)
    """By queue; in the others nothing is told."""
    hours: Mapping[str, Calendar] = field(default_factory=dict)
    """By brand."""
    stated: frozenset[str] = frozenset()
    """Brands whose opening hours were set; those of the others are an assumption, and told to nobody."""
    timed: frozenset[str] = frozenset()
    """Brands by whose hours departures are counted, where a queue has none of its own."""
    chats: frozenset[str] = frozenset()
    """Brands that have a chat."""
    reach: Reach = field(default_factory=Reach)
    """Whose telephones are called back."""

    def joining(
        self, event: Inbound, seen: Snapshot, brand: str, queue: str, lane: str, handicap: float
    ) -> Notice:
        """For one who begins to wait now.

        Args:
            event: what they wrote.
            seen: what is known.
            brand: of the inquiry.
            queue: where it waits.
            lane: key of the lane there.
            handicap: seconds between now and its rank.
        """
        number = seen.inquiry.number if seen.inquiry else ""
        called = any(case.called for case in seen.cases if case.number == number)
        told = self._told(event, seen, brand, queue, lane, seen.now + handicap, inside=False)
        return _without_call(told) if called else told

    def standing(self, event: Inbound, seen: Snapshot, brand: str, case: OpenCase) -> Notice:
        """For one who waits already, and asks. `case`: with the id of its queue."""
        told = self._told(event, seen, brand, case.queue, case.lane, case.rank, inside=True)
        return _without_call(told) if case.called else told

    def _told(
        self,
        event: Inbound,
        seen: Snapshot,
        brand: str,
        queue: str,
        lane: str,
        rank: float,
        *,
        inside: bool,
    ) -> Notice:
        telling = self.queues.get(queue)
        if telling is None:
            return NOTHING
        calendar = telling.calendar or self.hours.get(brand, Calendar())
        stated = telling.calendar is not None or brand in self.stated
        line, closed = seen.lines.get(queue), not calendar.is_open(seen.now)
        if closed and (not stated or Cause.CLOSED in telling.leaves):
            return NOTHING
        if line is None or seen.now - line.at > FRESH:
            if not closed:
                return NOTHING
            line = LineView(seen.now)
        view = line.lanes.get(lane)
        staff = 1 if view is None or view.staff is None else view.staff
        if staff < 1 and Cause.STAFF in telling.leaves:
            return NOTHING
        # Who is decided on at this moment may come in front of this one, or not wait at all.
        beside = 0 if inside else seen.beside
        place = place_of(line, lane, rank, inside=inside)
        timed = telling.calendar is not None or brand in self.timed
        wait = _wait(line, place, beside, seen.now, calendar) if place and timed else None
        if wait is not None and wait.past_closing and not stated:
            wait = None
        return notice(
            None if place and beside else place,
            wait,
            waiting=line.waiting,
            staff=staff,
            now=seen.now,
            calendar=calendar,
            calling=seen.account.form == VOICE or seen.account.space == PHONE,
            possible=tuple(one for one in telling.offers if self._can(one, event, seen, brand)),
            limits=telling.limits,
        )

    def _can(self, offer: Offer, event: Inbound, seen: Snapshot, brand: str) -> bool:
        if offer == "chat":
            return seen.account.form == VOICE and brand in self.chats
        return self._can_call(event, seen, brand)

    def _can_call(self, event: Inbound, seen: Snapshot, brand: str) -> bool:
        """Whether who wrote this can be called back where it came from."""
        if seen.account.space != PHONE:
            return False
        return not isinstance(self.reach.read(event.sender, brand), BadNumber)


def with_place(
    draft: Draft,
    answerer: Answerer,
    seen: Snapshot,
    question: Question,
    decision: Decision,
    told: Notice,
) -> Decision:
    """A decision that hands over, with the wait in its text where the customer waits for an answer and the
    channel has room for it; what was told stands in the log.

    Args:
        draft: the plan in the making.
        answerer: has the words.
        seen: what is known of the conversation.
        question: what was decided on.
        decision: what came of it.
        told: what is known of the wait.
    """
    untold = decision.evidence.get("rule") in _UNTOLD or decision.reason == HANDED_OVER
    if told.kind == "none" or untold or question.public:
        return decision
    # The brand may have been found out by the decision alone.
    brand = question.brand or str(decision.dialogue.get("brand", ""))
    text, said = answerer.with_wait(replace(question, brand=brand), decision.reply, told)
    longer = replace(decision, reply=text)
    if said is None or not has_room(question, longer, seen):
        return decision
    values: dict[str, JSON] = {**asdict(said), "offers": [*said.offers]}
    draft.log("waiting.told", what=values.pop("kind"), **values)
    return longer


def with_standing(
    draft: Draft,
    answerer: Answerer,
    waits: Waits,
    event: Inbound,
    seen: Snapshot,
    question: Question,
    decision: Decision,
) -> Decision:
    """The answer to the question how far it is, with the place of the one matter that waits; of several
    nobody would know which one has it. Any other decision as it is."""
    if decision.verb is not Verb.ANSWER or decision.evidence.get("rule") != "status":
        return decision
    listed = {case.number for case in question.cases}
    waiting = [case for case in seen.cases if case.number in listed and case.state in _WAITING]
    if len(waiting) != 1:
        return decision
    told = waits.standing(event, seen, question.brand, waiting[0])
    return with_place(draft, answerer, seen, question, decision, told)


def _wait(
    line: LineView, place: int, beside: int, now: float, calendar: Calendar
) -> Estimate | None:
    """As long as it takes at this place at least, and with all that may come in front at most."""
    rates = Rates(line.rates)
    wait = estimate(rates, place, now, calendar, oldest=line.oldest)
    if wait is None or not beside:
        return wait
    later = estimate(rates, place + beside, now, calendar, oldest=line.oldest)
    return replace(later, low=wait.low) if later else None


def _without_call(told: Notice) -> Notice:
    """A call that was asked for is not offered again."""
    return replace(told, offers=tuple(one for one in told.offers if one != "callback"))
