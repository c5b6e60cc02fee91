"""When a date that we named has passed and nothing was heard: the gateway writes first. Pure.

Whoever has the inquiry already is told instead, and where nobody can be written to it goes to a person.
"""

from dataclasses import asdict, dataclass

from gateway.answers.dialogue import MISSED
from gateway.domain.calendar import Calendar
from gateway.domain.decision import Promise, Question
from gateway.domain.elapsed import Elapsed
from gateway.domain.model import JSON
from gateway.domain.plan import (
    CLOSE_TIMER,
    PROMISE_TIMER,
    CancelTimer,
    ChangeInquiry,
    Plan,
    SetTimer,
)
from gateway.domain.reply import Reply, outgoing
from gateway.domain.snapshot import InquiryView, Snapshot
from gateway.domain.states import WITH_PEOPLE, move
from gateway.routing.placement import URGENT_PRIORITY
from gateway.workers.deciding import Deciding
from gateway.workers.draft import Draft
from gateway.workers.promises import OVER, PROMISED, standing_of, timer


@dataclass(frozen=True, slots=True)
class Lapse:
    """Plans what follows when a date has passed. Pure."""

    deciding: Deciding

    def plan(self, draft: Draft, event: Elapsed, seen: Snapshot) -> Plan:
        """Ask the customer, or tell the people who have the inquiry; nothing where it is done."""
        inquiry = seen.inquiry
        if inquiry is None or inquiry.state in OVER:
            return draft.plan()
        draft.inquiry_id = inquiry.id
        standing = standing_of(inquiry)
        passed = [promise for promise in standing.values() if promise.ask_at <= seen.now]
        rest = [promise for promise in standing.values() if promise.ask_at > seen.now]
        if passed:
            self._passed(draft, event, seen, inquiry, passed, rest)
        elif rest:
            draft.add(timer(inquiry.id, event.conversation_id, rest))
        return draft.plan()

    def _passed(
        self,
        draft: Draft,
        event: Elapsed,
        seen: Snapshot,
        inquiry: InquiryView,
        passed: list[Promise],
        rest: list[Promise],
    ) -> None:
        dialogue: dict[str, JSON] = {
            **inquiry.dialogue,
            PROMISED: [asdict(promise) for promise in rest],
        }
        people = inquiry.state in WITH_PEOPLE or bool(inquiry.assigned_to)
        why = "" if people else self._silent(seen, passed[0])
        later = 0.0 if people or why else self._not_before(seen, inquiry)
        if later > seen.now:
            draft.add(
                SetTimer(PROMISE_TIMER, inquiry.id, later, {"conversation": event.conversation_id})
            )
            return
        for promise in passed:
            told = "agent" if people or why else "customer"
            draft.log("promise.passed", fact=promise.fact, by=promise.by, told=told, why=why)
        if rest:
            draft.add(timer(inquiry.id, event.conversation_id, rest))
        if people:
            draft.add(
                ChangeInquiry(
                    inquiry.id, inquiry.version, inquiry.state,
                    priority=URGENT_PRIORITY, urgent=True, dialogue=dialogue,
                )
            )  # fmt: skip
        elif why:
            draft.add(CancelTimer(CLOSE_TIMER, inquiry.id))
            self.deciding.queue(
                draft, inquiry, seen, topic_queue=self._queue(inquiry, passed[0]), urgent=False,
                why=f"promise missed: {_named(passed[0])}; {why}", dialogue=dialogue,
            )  # fmt: skip
        else:
            self._ask(draft, seen, inquiry, passed[0], dialogue)

    def _silent(self, seen: Snapshot, promise: Promise) -> str:
        """Why the gateway may not or can not write to the customer by itself; '' when it may."""
        if promise.topic not in self.deciding.answerer.knowledge.topics:
            return f"the topic {promise.topic} is not known any more"
        return _unreachable(seen)

    def _not_before(self, seen: Snapshot, inquiry: InquiryView) -> float:
        """Nobody is written to at night, nor once the automatic texts of a day are used up."""
        calendar = self.deciding.settings.calendars.get(inquiry.brand, Calendar())
        if seen.automatic_today >= self.deciding.settings.automatic_per_day:
            return calendar.opening_after(calendar.day_of(seen.now))
        return calendar.opening(seen.now)

    def _queue(self, inquiry: InquiryView, promise: Promise) -> str:
        topic = self.deciding.answerer.knowledge.topics.get(promise.topic)
        return topic.queue if topic else inquiry.queue

    def _ask(
        self,
        draft: Draft,
        seen: Snapshot,
        inquiry: InquiryView,
        promise: Promise,
        dialogue: dict[str, JSON],
    ) -> None:
        """A question of ours; what the customer replies is read as after an answer."""
        reach = seen.reach
        assert reach is not None  # noqa: S101 - told apart by `_unreachable`
        question = Question(
            text="",
            language=inquiry.language,
            brand=inquiry.brand,
            form=seen.account.form,
            first=not seen.greeted,
            dialogue=inquiry.dialogue,
            number=inquiry.number,
            asked_at=seen.now,
        )
        text = self.deciding.answerer.promise_passed(question, promise.topic, promise.by)
        dialogue |= {"pending": "solved?", "topic": promise.topic, MISSED: _named(promise)}
        draft.add(
            ChangeInquiry(
                inquiry.id, inquiry.version, move(inquiry.state, "answer"), dialogue=dialogue
            ),
            SetTimer(CLOSE_TIMER, inquiry.id, seen.now + self.deciding.settings.close_after),
        )
        letter = Reply(
            id=draft.id("out"),
            conversation_id=seen.conversation_id,
            inquiry_id=inquiry.id,
            number=inquiry.number,
            recipient=str(reach.context.get("reply_address") or reach.address),
            text=text,
            author="gateway",
            automatic=True,
            language=inquiry.language,
            subject=str(reach.context.get("subject") or inquiry.subject),
            context=reach.context,
            meta={"verb": "promise_passed", "topic": promise.topic},
        )
        draft.add(*outgoing(letter, seen.account, seen.now))


def _named(promise: Promise) -> str:
    return f"{promise.fact} by {promise.by}"


def _unreachable(seen: Snapshot) -> str:
    if not seen.account.kind:
        return "the account is not configured any more"
    if seen.handle is None or seen.reach is None:
        return "nobody is known to write to"
    if seen.handle.flag == "opted_out":
        return "the customer wants no messages here (STOP)"
    if seen.handle.flag:
        return f"the address does not work ({seen.handle.flag})"
    if seen.shut:
        return seen.shut
    return "the customer wrote in public" if seen.reach.public else ""
