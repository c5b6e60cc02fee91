"""(event, snapshot) → plan: understands, decides and routes one event. Pure; runs in a worker process.

The same code serves live traffic, `gateway try`, tests and replay: only what is done with the plan
differs.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256

from gateway.answers.answerer import Answerer
from gateway.domain.channel import ChannelEvent, Inbound, Receipt
from gateway.domain.decision import Decision, Question, Verb
from gateway.domain.model import DeliveryState, InquiryState, Queue, Trust, Visibility
from gateway.domain.plan import (
    CancelTimer,
    ChangeInquiry,
    CreateContact,
    CreateInquiry,
    FlagHandle,
    MarkDelivery,
    OpenConversation,
    Plan,
    SetTimer,
    TouchConversation,
)
from gateway.domain.reply import Reply, incoming, outgoing
from gateway.domain.snapshot import InquiryView, Snapshot
from gateway.domain.states import WITH_PEOPLE, move
from gateway.intake.filters import Verdict, judge
from gateway.intake.language import detect
from gateway.routing.placing import place
from gateway.workers.draft import Draft

#: Seconds a receipt may wait for the send it speaks of to be recorded. Past it, it is of a message
#: that is not ours (sent by another system with the same account).
RECEIPT_PATIENCE = 3600.0
CLOSE_TIMER = "close"


@dataclass(frozen=True, slots=True)
class PlannerSettings:
    """What planning needs of the configuration."""

    queues: Mapping[str, Queue]
    default_queue: str
    automatic_per_day: int = 5
    close_after: float = 72 * 3600.0
    """Seconds of silence after an answer until the inquiry is closed."""


@dataclass(frozen=True, slots=True)
class Planner:
    """Holds the knowledge, nothing else; never remembers an event."""

    answerer: Answerer
    settings: PlannerSettings

    def plan(self, event_id: str, received_at: float, event: ChannelEvent, seen: Snapshot) -> Plan:
        """What to write for `event`, seen against the snapshot."""
        draft = Draft(event_id, seen.now)
        if isinstance(event, Receipt):
            return self._receipt(draft, event, seen, received_at)
        event = _with_language(event)
        verdict = judge(event, seen)
        draft.evidence["verdict"] = verdict.reason
        if verdict is Verdict.OPT_OUT or verdict is Verdict.OPT_IN:
            return self._opt(draft, event, seen, "opted_out" if verdict is Verdict.OPT_OUT else "")
        if verdict is Verdict.STORE_ONLY:
            return self._store_only(draft, event, seen)
        return self._message(draft, event, seen, silent=verdict is Verdict.SILENT)

    # ------------------------------------------------------------ news of our own messages

    def _receipt(self, draft: Draft, event: Receipt, seen: Snapshot, received_at: float) -> Plan:
        target = seen.target
        if target is None:
            if seen.now - received_at > RECEIPT_PATIENCE:
                draft.log("receipt.orphaned", external_id=event.external_id)
                return draft.plan()
            wait = min(60.0, 0.5 * 2 ** min(seen.attempt, 10))
            return replace(draft.plan(), postpone_until=seen.now + wait)
        draft.inquiry_id = target.inquiry_id
        present = target.delivery.rank if target.delivery else -1
        if event.status.rank <= present:
            return draft.plan()
        draft.add(MarkDelivery(target.id, event.status, event.detail or event.code))
        draft.log(
            f"message.{event.status}", message=target.id, code=event.code, detail=event.detail[:200]
        )
        if event.status in (DeliveryState.BOUNCED, DeliveryState.FAILED):
            self._not_reached(draft, event, seen)
        return draft.plan()

    def _not_reached(self, draft: Draft, event: Receipt, seen: Snapshot) -> None:
        """The customer did not get it: flag the address, and let a person look."""
        assert seen.target is not None  # noqa: S101 - told apart by the caller
        # An opt-out is the customer's word and outlasts every bounce.
        if seen.handle is None or seen.handle.flag != "opted_out":
            draft.add(FlagHandle(seen.target.handle_id, str(event.status)))
        inquiry = seen.inquiry
        if inquiry is None or inquiry.state in WITH_PEOPLE or inquiry.state is InquiryState.CLOSED:
            return
        self._queue(
            draft, inquiry, seen, topic_queue=inquiry.queue, urgent=False, why="not delivered"
        )

    def _opt(self, draft: Draft, event: Inbound, seen: Snapshot, flag: str) -> Plan:
        """STOP and START are orders, not inquiries; the provider confirms them itself."""
        if seen.handle is not None:
            draft.add(FlagHandle(seen.handle.id, flag))
        else:
            contact = self._contact(draft, event, seen)
            if flag:
                draft.add(FlagHandle(contact, flag))
        draft.log("contact.opted", flag=flag or "in", word=event.text[:20])
        return draft.plan()

    def _store_only(self, draft: Draft, event: Inbound, seen: Snapshot) -> Plan:
        """Automatic mail: kept with the inquiry it belongs to, answered by nobody."""
        if seen.inquiry is not None and seen.conversation_id:
            draft.inquiry_id = seen.inquiry.id
            draft.add(incoming(draft.id("in"), event, seen.conversation_id, seen.inquiry.id))
        draft.log(
            "message.suppressed",
            reason=str(draft.evidence["verdict"]),
            detail=str(event.facts.get("class_reason", ""))[:200],
        )
        return draft.plan()

    # ------------------------------------------------------------ a customer's message

    def _message(self, draft: Draft, event: Inbound, seen: Snapshot, *, silent: bool) -> Plan:
        conversation = self._conversation(draft, event, seen)
        inquiry = seen.inquiry or self._new_inquiry(draft, event, seen, conversation)
        draft.inquiry_id = inquiry.id
        draft.add(
            TouchConversation(conversation, event.at or seen.now, event.reply_to),
            incoming(draft.id("in"), event, conversation, inquiry.id),
        )
        draft.log(
            "message.received",
            message=draft.id("in"),
            channel=seen.account.kind,
            redactions=event.facts.get("redactions", []),
        )
        if inquiry.state in WITH_PEOPLE:
            self._for_agent(draft, inquiry)
        elif inquiry.state is InquiryState.WAITING_CUSTOMER and inquiry.assigned_to:
            draft.add(ChangeInquiry(inquiry.id, inquiry.version, move(inquiry.state, "assign")))
            draft.log("inquiry.customer_replied", agent=inquiry.assigned_to)
        else:
            self._decide(draft, event, seen, inquiry, conversation, silent=silent)
        return draft.plan()

    def _contact(self, draft: Draft, event: Inbound, seen: Snapshot) -> str:
        """The handle's id; makes the contact when we have not met."""
        if seen.handle is not None:
            return seen.handle.id
        draft.add(
            CreateContact(
                contact_id=draft.id("c"),
                handle_id=draft.id("h"),
                space=seen.account.space,
                address=event.sender,
                name=event.name,
                trust=Trust.VERIFIED if event.verified else Trust.CLAIMED,
                language=str(event.facts.get("language", "")),
            )
        )
        return draft.id("h")

    def _conversation(self, draft: Draft, event: Inbound, seen: Snapshot) -> str:
        handle = self._contact(draft, event, seen)
        if seen.conversation_id:
            return seen.conversation_id
        draft.add(OpenConversation(draft.id("v"), seen.account.id, handle))
        return draft.id("v")

    def _new_inquiry(
        self, draft: Draft, event: Inbound, seen: Snapshot, conversation: str
    ) -> InquiryView:
        language = str(event.facts.get("language", "")) or (
            seen.handle.language if seen.handle else ""
        )
        inquiry = InquiryView(
            id=draft.id("q"),
            number=number(draft.event_id, seen.now, seen.attempt),
            conversation_id=conversation,
            state=InquiryState.NEW,
            version=1,
            language=language,
            subject=event.subject or event.text[:60].replace("\n", " "),
            brand=seen.account.brand,
        )
        draft.inquiry_id = inquiry.id
        draft.add(
            CreateInquiry(
                inquiry_id=inquiry.id,
                number=inquiry.number,
                conversation_id=conversation,
                contact_id=seen.handle.contact_id if seen.handle else draft.id("c"),
                brand=inquiry.brand,
                account=seen.account.id,
                channel=seen.account.kind,
                subject=inquiry.subject,
                language=language,
            )
        )
        draft.log("inquiry.created", number=inquiry.number)
        return inquiry

    def _for_agent(self, draft: Draft, inquiry: InquiryView) -> None:
        """A person has it already: no machine speaks in between; the version shows what is new."""
        state = inquiry.state
        if state is InquiryState.SNOOZED:
            state = move(state, "queue")
        draft.add(ChangeInquiry(inquiry.id, inquiry.version, state))
        draft.log("inquiry.customer_wrote", state=state.value)

    # ------------------------------------------------------------ the decision

    def _decide(
        self,
        draft: Draft,
        event: Inbound,
        seen: Snapshot,
        inquiry: InquiryView,
        conversation: str,
        *,
        silent: bool,
    ) -> None:
        question = Question(
            text=event.text,
            subject=event.subject if inquiry.state is InquiryState.NEW else "",
            language=inquiry.language,
            brand=inquiry.brand,
            form=seen.account.form,
            first=not seen.greeted,
            dialogue=inquiry.dialogue,
            public=event.visibility is Visibility.PUBLIC,
            number=inquiry.number,
        )
        started = time.perf_counter()
        decision = self.answerer.decide(question, seen.certificates)
        draft.evidence["decided_in_ms"] = round(1000 * (time.perf_counter() - started), 2)
        limited = seen.automatic_today >= self.settings.automatic_per_day
        speak = not silent and not limited and bool(decision.reply)
        draft.log(
            "decision.made",
            verb=decision.verb.value,
            topic=decision.topic,
            confidence=round(decision.confidence, 4),
            top=[[topic, round(score, 4)] for topic, score in decision.top],
            reason=decision.reason,
            evidence=dict(decision.evidence),
            suppressed=self._why_silent(draft, silent=silent, limited=limited),
        )
        draft.add(CancelTimer(CLOSE_TIMER, inquiry.id))
        if decision.verb is Verb.ANSWER and speak:
            self._answered(draft, inquiry, decision, seen)
        elif decision.verb is Verb.ASK and speak:
            state = move(inquiry.state, "ask")
            draft.add(_change(inquiry, state, decision))
        elif decision.verb is Verb.ANSWER and decision.evidence.get("solved"):
            self._answered(draft, inquiry, decision, seen)
        else:
            self._queue(
                draft, inquiry, seen, topic_queue=decision.queue, urgent=decision.urgent,
                why=decision.reason, decision=decision,
            )  # fmt: skip
        if speak:
            self._speak(draft, event, seen, inquiry, conversation, decision, question)

    @staticmethod
    def _why_silent(draft: Draft, *, silent: bool, limited: bool) -> str:
        if silent:
            return str(draft.evidence["verdict"])
        return "automatic replies of the day are used up" if limited else ""

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

    def _queue(
        self,
        draft: Draft,
        inquiry: InquiryView,
        seen: Snapshot,
        *,
        topic_queue: str,
        urgent: bool,
        why: str,
        decision: Decision | None = None,
    ) -> None:
        chosen = place(
            self.settings.queues,
            self.settings.default_queue,
            topic=topic_queue,
            account=seen.account.queue,
            urgent=urgent,
        )
        dialogue = dict(decision.dialogue) if decision else None
        if dialogue is not None and decision and decision.suggestion:
            dialogue["suggestion"] = decision.suggestion
        draft.add(
            ChangeInquiry(
                inquiry.id,
                inquiry.version,
                move(inquiry.state, "queue"),
                topic=_matter(inquiry, decision) if decision else None,
                language=decision.language if decision else None,
                queue=chosen.queue,
                priority=chosen.priority,
                urgent=urgent if decision else None,
                dialogue=dialogue,
                assigned_to="",
            )
        )
        draft.log(
            "inquiry.queued",
            queue=chosen.queue,
            priority=chosen.priority,
            by=chosen.reason,
            why=why,
        )

    def _speak(
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
        if event.facts.get("redactions"):
            warning = self.answerer.notice(
                "redacted", replace(question, language=decision.language)
            )
            text = f"{text}\n\n{warning}" if seen.account.form == "long" else f"{text} {warning}"
        answer = Reply(
            id=draft.id("out"),
            conversation_id=conversation,
            inquiry_id=inquiry.id,
            number=inquiry.number,
            recipient=str(event.facts.get("reply_address") or event.sender),
            text=text,
            author="gateway",
            automatic=True,
            language=decision.language,
            subject=event.subject or inquiry.subject,
            visibility=event.visibility,
            context=event.reply_to,
            meta={"verb": decision.verb.value, "topic": decision.topic},
        )
        draft.add(*outgoing(answer, seen.account, seen.now))


def _with_language(event: Inbound) -> Inbound:
    """The language the channel knows, else the one the text is in. Found here and not at the door:
    it costs more than everything else that happens before the acknowledgement."""
    if event.facts.get("language") or not (language := detect(event.text or event.subject)):
        return event
    return replace(event, facts={**event.facts, "language": language})


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
    """What the inquiry is about: thanks, "solved" and the wish for a person or a call say something
    about a matter, they do not become it. Safety and complaint do."""
    said = decision.evidence.get("rule") in ("thanks", "person", "callback")
    keeps = inquiry.topic and (said or decision.evidence.get("solved"))
    return inquiry.topic if keeps else decision.topic


def number(event_id: str, now: float, attempt: int = 1) -> str:
    """What people call an inquiry by: the day and six digits, 'yymmdd-nnnnnn' in UTC.

    It follows from the event, so that the same event planned again has the same number; a
    collision (two inquiries of one day) shows as a conflict and the next attempt takes another.
    """
    digits = int.from_bytes(sha256(f"{event_id}/{attempt}".encode()).digest()[:8]) % 1_000_000
    return f"{time.strftime('%y%m%d', time.gmtime(now))}-{digits:06d}"
