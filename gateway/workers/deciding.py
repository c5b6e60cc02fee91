"""What follows from a decision: an answer with its timer, a question, or a place in a queue.

One automatic text at most for one message, and none where nobody may speak; why there is none is said
in the log, in words for a person.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from gateway.answers.answerer import Answerer
from gateway.domain.calendar import Calendar
from gateway.domain.channel import Inbound
from gateway.domain.decision import Decision, Question, Verb
from gateway.domain.model import JSON, InquiryState, Visibility
from gateway.domain.plan import (
    CLOSE_TIMER,
    AddMessage,
    CancelTimer,
    ChangeInquiry,
    RequestCallback,
    Send,
    SetTimer,
)
from gateway.domain.reply import Reply, outgoing
from gateway.domain.snapshot import SAFETY_MARK, InquiryView, Snapshot
from gateway.domain.states import move
from gateway.domain.waiting import Notice
from gateway.routing.callbacks import Policy
from gateway.routing.wishes import Reach
from gateway.workers import auditing
from gateway.workers.announcing import link
from gateway.workers.calling import AWAITED, wished
from gateway.workers.draft import Draft
from gateway.workers.placing import Placed, Places
from gateway.workers.promises import remembered, with_missed
from gateway.workers.room import in_room
from gateway.workers.waits import NOTHING, Waits, with_place, with_standing

DAY = 24 * 3600.0
#: Why an automatic reply was not sent, where nothing else forbade it.
USED_UP = "automatic replies of the day are used up"
#: Why a matter was not answered, whatever is certified.
SUGGEST_ONLY = "suggest_mode"


@dataclass(frozen=True, slots=True)
class PlannerSettings:
    """What planning needs of the configuration."""

    places: Places
    """Where an inquiry waits for people."""
    automatic_per_day: int = 5
    close_after: float = 72 * 3600.0
    """Seconds of silence after an answer until the inquiry is closed."""
    calendars: Mapping[str, Calendar] = field(default_factory=dict)
    """By brand: when the gateway may write first."""
    audit_share: float = 0.0
    """Of all decided questions, drawn for a person to judge."""
    suggest_only: bool = False
    """No matter is answered by itself, whatever is certified."""
    reach: Reach = field(default_factory=Reach)
    """Whose telephones are called back."""
    calling: Policy = field(default_factory=Policy)
    """How, and when not."""
    stale_after: float = 7 * DAY
    """Seconds after which what waits for an open reply window does not go out by itself any more."""
    waits: Waits = field(default_factory=Waits)
    """What customers are told of their wait."""


@dataclass(frozen=True, slots=True)
class Deciding:
    """Asks the answering side and puts what it says into the plan."""

    answerer: Answerer
    settings: PlannerSettings

    def decide(
        self,
        draft: Draft,
        event: Inbound,
        seen: Snapshot,
        inquiry: InquiryView,
        conversation: str,
        *,
        silent: str,
    ) -> None:
        """Decide about a message and plan what follows.

        `silent`: why no automatic text may go out, whatever is decided; '' when it may.
        """
        question = self.question_of(event, seen, inquiry)
        started = time.perf_counter()
        permits = () if self.settings.suggest_only else seen.certificates

        def decided(asked: Question) -> Decision:
            return with_missed(inquiry, self.answerer.decide(asked, permits))

        decision, cramped = in_room(question, decided(question), seen, decided)
        if self.settings.suggest_only and decision.reason == "no_certificate":
            decision = replace(decision, reason=SUGGEST_ONLY)
        draft.evidence["decided_in_ms"] = round(1000 * (time.perf_counter() - started), 2)
        limited = seen.automatic_today >= self.settings.automatic_per_day
        speak = not silent and not limited and not cramped and bool(decision.reply)
        draft.log(
            "decision.made",
            verb=decision.verb.value,
            topic=decision.topic,
            confidence=round(decision.confidence, 4),
            top=[[topic, round(score, 4)] for topic, score in decision.top],
            reason=decision.reason,
            evidence=dict(decision.evidence),
            suppressed=silent or (USED_UP if limited else cramped),
        )
        decision = remembered(draft, inquiry, conversation, decision, said=speak)
        draft.add(CancelTimer(CLOSE_TIMER, inquiry.id))
        if decision.verb is Verb.ANSWER and speak:
            self._answered(draft, inquiry, decision, seen)
        elif decision.verb is Verb.ASK and speak:
            state = move(inquiry.state, "ask")
            draft.add(_change(inquiry, state, decision))
        elif decision.verb is Verb.ANSWER and decision.evidence.get("solved"):
            self._answered(draft, inquiry, decision, seen)
        else:
            said = decision if speak else _unsaid(decision, inquiry)
            wish: RequestCallback | None = None
            if decision.evidence.get("rule") == "callback":
                believed = not silent and event.visibility is not Visibility.PUBLIC
                reach, policy = self.settings.reach, self.settings.calling
                wish = wished(draft, event, seen, inquiry, reach, policy, believed=believed)
                if wish is None and speak:
                    said = replace(said, dialogue={**said.dialogue, **AWAITED})
            placed = self.queue(
                draft, inquiry, seen, topic_queue=decision.queue, urgent=decision.urgent,
                why=decision.reason, decision=said,
            )  # fmt: skip
            if wish is not None:
                draft.add(wish)
            if speak:
                told = self._wait_of(event, seen, inquiry, placed)
                decision = with_place(draft, self.answerer, seen, question, decision, told)
        if speak:
            decision = self.with_standing(draft, event, seen, question, decision)
            self.speak(draft, event, seen, inquiry, conversation, decision, question)
        elif not silent:
            self.warn(draft, event, seen, inquiry, conversation)
        if not silent:
            auditing.keep(draft, inquiry, decision, self.settings.audit_share)

    def _wait_of(
        self, event: Inbound, seen: Snapshot, inquiry: InquiryView, placed: Placed
    ) -> Notice:
        """What is known of the wait at the place that was just found. A first step that may be skipped is
        none yet."""
        change, waits = placed.change, self.settings.waits
        if placed.placement.steps[0].skip_if:
            return NOTHING
        return waits.joining(
            event, seen, inquiry.brand, change["queue"], change["lane"], change["handicap"]
        )

    def with_standing(
        self, draft: Draft, event: Inbound, seen: Snapshot, question: Question, decision: Decision
    ) -> Decision:
        """A status with the place of what waits (`waits.with_standing`)."""
        waits = self.settings.waits
        return with_standing(draft, self.answerer, waits, event, seen, question, decision)

    def question_of(self, event: Inbound, seen: Snapshot, inquiry: InquiryView) -> Question:
        """What the answering side is asked about a message."""
        most = 2 if seen.account.form == "short" else 3
        queues = self.settings.places.queues
        cases = [
            replace(case, queue=queues[case.queue].title if case.queue in queues else "")
            for case in seen.cases
            # What is being decided now is no news to the customer; what people have is.
            if case.number != inquiry.number or case.with_people
        ]
        return Question(
            text=event.text,
            subject=event.subject if inquiry.state is InquiryState.NEW else "",
            language=str(event.facts.get("language", "")) or inquiry.language,
            brand=inquiry.brand,
            app_version=str(event.facts.get("app_version", "")),
            form=seen.account.form,
            first=not seen.greeted,
            dialogue=inquiry.dialogue,
            public=event.visibility is Visibility.PUBLIC,
            number=inquiry.number,
            asked_at=_asked_at(event, seen.now),
            cases=tuple(cases[:most]),
            announcements=seen.announcements,
        )

    def warn(
        self,
        draft: Draft,
        event: Inbound,
        seen: Snapshot,
        inquiry: InquiryView,
        conversation: str,
    ) -> None:
        """The safety note by itself, where no answer goes out that it could stand in: whoever sent a
        secret hears at once what to do, also when a person has the inquiry."""
        limited = seen.automatic_today >= self.settings.automatic_per_day
        if limited or not _to_warn(event, seen):
            return
        language = str(event.facts.get("language", "")) or inquiry.language
        question = Question(
            text="",
            language=language,
            brand=inquiry.brand,
            form=seen.account.form,
            public=event.visibility is Visibility.PUBLIC,
        )
        text = self.answerer.notice("redacted", question)
        meta: dict[str, JSON] = {SAFETY_MARK: True}
        draft.add(*_outgoing(draft, event, seen, inquiry, conversation, text, language, meta))

    def _answered(
        self, draft: Draft, inquiry: InquiryView, decision: Decision, seen: Snapshot
    ) -> None:
        """An automatic answer. With the customer's own "solved" it is done; a machine's opinion
        alone leaves it open until the timer."""
        draft.knowledge = self.answerer.version
        draft.certificate = str(decision.evidence.get("certificate", ""))
        solved = bool(decision.evidence.get("solved"))
        state = InquiryState.RESOLVED
        # Resolved already: the timer was faster than the customer's word.
        if not (solved and inquiry.state is InquiryState.RESOLVED):
            ending = solved and inquiry.state is not InquiryState.NEW
            state = move(inquiry.state, "resolve" if ending else "answer")
        draft.add(_change(inquiry, state, decision))
        draft.add(SetTimer(CLOSE_TIMER, inquiry.id, seen.now + self.settings.close_after))
        draft.log(
            "inquiry.resolved" if solved else "inquiry.answered", topic=_matter(inquiry, decision)
        )

    def queue(
        self,
        draft: Draft,
        inquiry: InquiryView,
        seen: Snapshot,
        *,
        topic_queue: str,
        urgent: bool,
        why: str,
        decision: Decision | None = None,
        dialogue: dict[str, JSON] | None = None,
    ) -> Placed:
        """To the people of a queue, at the place of its priority, which is returned. `dialogue`: where no
        decision has one."""
        places = self.settings.places
        placed = places.place(
            inquiry, seen, topic_queue=topic_queue, urgent=urgent, why=why, decision=decision
        )
        draft.add(
            ChangeInquiry(
                inquiry.id,
                inquiry.version,
                move(inquiry.state, "queue"),
                topic=_matter(inquiry, decision) if decision else None,
                language=decision.language if decision else None,
                urgent=urgent if decision else None,
                dialogue=auditing.offered(draft, inquiry, decision) if decision else dialogue,
                assigned_to="",
                routing=placed.routing,
                **placed.change,
            )
        )
        if places.rules.filters or places.rules.default:
            draft.add(placed.timer(inquiry.id, seen.now))
        draft.log(
            "inquiry.queued",
            queue=placed.change["queue"],
            lane=placed.change["lane"],
            priority=placed.change["priority"],
            by=placed.by,
            why=why,
            trail=placed.trail,
        )
        return placed

    def speak(
        self,
        draft: Draft,
        event: Inbound,
        seen: Snapshot,
        inquiry: InquiryView,
        conversation: str,
        decision: Decision,
        question: Question,
    ) -> None:
        text = decision.reply
        meta: dict[str, JSON] = {"verb": decision.verb.value, "topic": decision.topic}
        if _to_warn(event, seen):
            meta[SAFETY_MARK] = True
            warning = self.answerer.notice("redacted", question)
            text = f"{text}\n\n{warning}" if seen.account.form == "long" else f"{text} {warning}"
        draft.add(
            *_outgoing(draft, event, seen, inquiry, conversation, text, decision.language, meta)
        )
        link(draft, decision.announced, draft.id("out"))


def _asked_at(event: Inbound, now: float) -> float:
    """When the customer wrote, as the provider says; now where that is long ago or yet to come: a
    date that follows from it must not have passed."""
    return event.at if event.at is not None and now - DAY <= event.at <= now else now


def _unsaid(decision: Decision, inquiry: InquiryView) -> Decision:
    """A decision whose text does not go out: nothing was asked by it, and no step was sent."""
    before = inquiry.dialogue
    dialogue = {
        key: value
        for key, value in decision.dialogue.items()
        if key not in {"pending", "options", "answered", "given"}
    }
    dialogue |= {key: before[key] for key in ("answered", "given") if key in before}
    return replace(decision, dialogue=dialogue)


def _to_warn(event: Inbound, seen: Snapshot) -> bool:
    """Once in a conversation and day, who sent a secret is told not to."""
    return bool(event.facts.get("redactions")) and not seen.warned


def _outgoing(
    draft: Draft,
    event: Inbound,
    seen: Snapshot,
    inquiry: InquiryView,
    conversation: str,
    text: str,
    language: str,
    meta: Mapping[str, JSON],
) -> tuple[AddMessage | Send, ...]:
    """An automatic text to whoever wrote."""
    answer = Reply(
        id=draft.id("out"),
        conversation_id=conversation,
        inquiry_id=inquiry.id,
        number=inquiry.number,
        recipient=str(event.facts.get("reply_address") or event.sender),
        text=text,
        author="gateway",
        automatic=True,
        language=language,
        subject=event.subject or inquiry.subject,
        visibility=event.visibility,
        context=event.reply_to,
        meta=meta,
    )
    due = seen.now + seen.account.hold
    ops = outgoing(answer, seen.account, seen.now)
    return tuple(replace(op, due_at=due) if isinstance(op, Send) else op for op in ops)


def _change(inquiry: InquiryView, state: InquiryState, decision: Decision) -> ChangeInquiry:
    return ChangeInquiry(
        inquiry.id,
        inquiry.version,
        state,
        topic=_matter(inquiry, decision),
        language=decision.language,
        urgent=decision.urgent,
        dialogue=decision.dialogue,
    )


def _matter(inquiry: InquiryView, decision: Decision) -> str:
    """What the inquiry is about: thanks, "solved", the wish for a person or a call and the question how
    far it is say something about a matter, they do not become it. Safety and complaint do."""
    said = decision.evidence.get("rule") in ("thanks", "person", "callback", "status")
    keeps = inquiry.topic and (said or decision.evidence.get("solved"))
    return inquiry.topic if keeps else decision.topic
