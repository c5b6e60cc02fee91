"""(event, snapshot) → plan: understands, decides and routes one event. Pure; runs in a worker process.

The same code serves live traffic, `gateway try`, tests and replay: only what is done with the plan
differs.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from gateway.answers.answerer import Answerer
from gateway.domain.announcement import AnnouncementOver
from gateway.domain.channel import Edited, Inbound, Receipt, Unsent
from gateway.domain.decision import Question
from gateway.domain.elapsed import Elapsed, StoredEvent
from gateway.domain.model import DeliveryState, InquiryState
from gateway.domain.numbers import inquiry_number
from gateway.domain.plan import (
    ChangeInquiry,
    CreateInquiry,
    FetchAttachment,
    FlagHandle,
    MarkDelivery,
    Plan,
    TouchConversation,
)
from gateway.domain.reply import incoming
from gateway.domain.snapshot import InquiryView, Snapshot
from gateway.domain.states import OPEN, WITH_PEOPLE, move
from gateway.intake.filters import Verdict, judge
from gateway.workers.announcing import tell
from gateway.workers.changing import change
from gateway.workers.deciding import Deciding, PlannerSettings
from gateway.workers.draft import Draft
from gateway.workers.identity import contact, conversation, is_forged, with_language
from gateway.workers.lapse import Lapse
from gateway.workers.meanwhile import Meanwhile

__all__ = ["RECEIPT_PATIENCE", "Planner", "PlannerSettings"]

#: Seconds a receipt may wait for the send it speaks of to be recorded. Past it, it is of a message
#: that is not ours (sent by another system with the same account).
RECEIPT_PATIENCE = 3600.0

#: A person will take it, and nobody talks to the customer yet.
_UNATTENDED = frozenset({InquiryState.QUEUED, InquiryState.OFFERED, InquiryState.SNOOZED})


@dataclass(frozen=True, slots=True)
class Planner:
    """Holds the knowledge, nothing else; never remembers an event."""

    answerer: Answerer
    settings: PlannerSettings

    @property
    def _deciding(self) -> Deciding:
        return Deciding(self.answerer, self.settings)

    @property
    def _meanwhile(self) -> Meanwhile:
        return Meanwhile(self._deciding)

    def foresee(self, events: Iterable[tuple[StoredEvent, Snapshot]]) -> None:
        """Have what these events say understood in one go, before they are planned one by one. As
        little as `Answerer.foresee` says, confidences depend on what is in it."""
        self.answerer.foresee(
            Question(
                text=event.text,
                subject=event.subject,
                dialogue=seen.inquiry.dialogue if seen.inquiry else {},
            )
            for event, seen in events
            if isinstance(event, Inbound)
        )

    def plan(self, event_id: str, received_at: float, event: StoredEvent, seen: Snapshot) -> Plan:
        """What to write for `event`, seen against the snapshot."""
        draft = Draft(event_id, seen.now, received_at)
        if isinstance(event, Receipt):
            return self._receipt(draft, event, seen, received_at)
        if isinstance(event, Edited | Unsent):
            return change(draft, event, seen)
        if isinstance(event, Elapsed):
            return Lapse(self._deciding).plan(draft, event, seen)
        if isinstance(event, AnnouncementOver):
            return tell(draft, seen, self.answerer, self.settings.close_after)
        event = with_language(event, seen)
        verdict = judge(event, seen)
        draft.evidence["verdict"] = verdict.reason
        if verdict is Verdict.OPT_OUT or verdict is Verdict.OPT_IN:
            return self._opt(draft, event, seen, "opted_out" if verdict is Verdict.OPT_OUT else "")
        if verdict is Verdict.STORE_ONLY:
            return self._store_only(draft, event, seen)
        silent = why_silent(event, seen) if verdict is Verdict.SILENT else forged(event)
        return self._message(draft, event, seen, silent)

    # ------------------------------------------------------------ news of our own messages

    def _receipt(self, draft: Draft, event: Receipt, seen: Snapshot, received_at: float) -> Plan:
        target = seen.target
        if target is None:
            if seen.now - received_at > RECEIPT_PATIENCE:
                draft.log("receipt.orphaned", external_id=event.external_id)
                return draft.plan()
            return draft.later(seen.attempt)
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
        self._deciding.queue(
            draft, inquiry, seen, topic_queue=inquiry.queue, urgent=False, why="not delivered"
        )

    def _opt(self, draft: Draft, event: Inbound, seen: Snapshot, flag: str) -> Plan:
        """STOP and START are orders, not inquiries; the provider confirms them itself."""
        if seen.handle is not None:
            draft.add(FlagHandle(seen.handle.id, flag))
        else:
            handle = contact(draft, event, seen)
            if flag:
                draft.add(FlagHandle(handle, flag))
        draft.log("contact.opted", flag=flag or "in", word=event.text[:20])
        return draft.plan()

    def _store_only(self, draft: Draft, event: Inbound, seen: Snapshot) -> Plan:
        """Automatic mail: kept with the inquiry it belongs to, answered by nobody."""
        if seen.inquiry is not None and seen.conversation_id:
            draft.inquiry_id = seen.inquiry.id
            draft.add(
                incoming(
                    draft.id("in"), event, seen.conversation_id, seen.inquiry.id, draft.received_at
                ),
                *self._to_fetch(draft, event, seen),
            )
        draft.log(
            "message.suppressed",
            reason=str(event.facts.get("mail_class", "")),
            detail=str(event.facts.get("class_reason", ""))[:200],
            joined_by=seen.joined_by,
        )
        return draft.plan()

    # ------------------------------------------------------------ a customer's message

    def _message(self, draft: Draft, event: Inbound, seen: Snapshot, silent: str) -> Plan:
        conversation_id = conversation(draft, event, seen)
        inquiry = seen.inquiry or self._new_inquiry(draft, event, seen, conversation_id)
        draft.inquiry_id = inquiry.id
        draft.add(
            self._touch(draft, event, seen, conversation_id),
            incoming(draft.id("in"), event, conversation_id, inquiry.id, draft.received_at),
            *self._to_fetch(draft, event, seen),
        )
        draft.log(
            "message.received",
            message=draft.id("in"),
            channel=seen.account.kind,
            redactions=event.facts.get("redactions", []),
            joined_by=seen.joined_by,
            sender="proved" if event.verified else "claimed",
            authentication=event.facts.get("authentication", ""),
        )
        about = (draft, event, seen, inquiry, conversation_id)
        to_be_called = seen.callback is not None and not silent and inquiry.state in OPEN
        if to_be_called and self._meanwhile.take_time(*about):
            # The inquiry stays where it is until then.
            draft.add(ChangeInquiry(inquiry.id, inquiry.version, inquiry.state))
            draft.log("inquiry.customer_wrote", state=inquiry.state.value)
            return draft.plan()
        with_person = inquiry.state in WITH_PEOPLE
        if with_person and not silent and self._meanwhile.helped(event, seen, inquiry):
            # It was told that the problem is over, and says so itself: nobody needs to look at it.
            with_person = False
        told = False
        if with_person:
            self._for_agent(draft, inquiry)
            if inquiry.state in _UNATTENDED and not silent:
                self._meanwhile.take_number(draft, event, seen, inquiry)
                told = self._meanwhile.tell_status(*about) or self._meanwhile.take_wish(*about)
        elif inquiry.state is InquiryState.WAITING_CUSTOMER and inquiry.assigned_to:
            draft.add(ChangeInquiry(inquiry.id, inquiry.version, move(inquiry.state, "assign")))
            draft.log("inquiry.customer_replied", agent=inquiry.assigned_to)
            with_person = True
        else:
            self._deciding.decide(draft, event, seen, inquiry, conversation_id, silent=silent)
        if with_person and not silent and not told:
            self._deciding.warn(draft, event, seen, inquiry, conversation_id)
        return draft.plan()

    def _to_fetch(
        self, draft: Draft, event: Inbound, seen: Snapshot
    ) -> tuple[FetchAttachment, ...]:
        """The files that still lie at the provider."""
        if not seen.account.fetches:
            return ()
        return tuple(
            FetchAttachment(draft.id("in"), place, seen.account.id)
            for place, file in enumerate(event.attachments)
            if file.url and not file.blob
        )

    def _touch(
        self, draft: Draft, event: Inbound, seen: Snapshot, conversation_id: str
    ) -> TouchConversation:
        """The reply window opens when the customer wrote: not later than we got it, however late it is
        taken up."""
        return TouchConversation(
            conversation_id,
            min(event.at or draft.received_at, draft.received_at),
            event.reply_to,
            opens_window=seen.account.rules.opened_by(event.visibility),
            resume_since=seen.now - self.settings.stale_after,
        )

    def _new_inquiry(
        self, draft: Draft, event: Inbound, seen: Snapshot, conversation: str
    ) -> InquiryView:
        language = str(event.facts.get("language", "")) or (
            seen.handle.language if seen.handle else ""
        )
        inquiry = InquiryView(
            id=draft.id("q"),
            number=inquiry_number(draft.event_id, seen.now, seen.attempt),
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
        """A person has it already: no machine speaks in between, except to warn whoever sent a
        secret and to tell who asks how far it is; the version shows what is new."""
        state = inquiry.state
        if state is InquiryState.SNOOZED:
            state = move(state, "queue")
        draft.add(ChangeInquiry(inquiry.id, inquiry.version, state))
        draft.log("inquiry.customer_wrote", state=state.value)


def why_silent(event: Inbound, seen: Snapshot) -> str:
    """Why a person's message, or one for people to read, gets no automatic text: one line."""
    if seen.handle is not None and seen.handle.flag == "opted_out":
        return "the customer wants no messages here (STOP)"
    if event.facts.get("mail_class", "person") != "person":
        kind, reason = event.facts["mail_class"], event.facts.get("class_reason")
        return f"{kind} ({reason})"[:200] if reason else str(kind)
    if event.facts.get("addressed") is False:
        return "our address is not in To or Cc"
    return "marked as automatic"


def forged(event: Inbound) -> str:
    """Why a mail that is proved not to be its sender's gets no automatic text, '' for every other:
    the text would go to somebody who has asked nothing."""
    return "the sender is forged: DMARC failed" if is_forged(event) else ""
