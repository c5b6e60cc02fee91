"""What follows when a customer changes a message or takes it back: plans for edits and unsends.

Neither is answered, and neither moves the inquiry: who has it, or takes it next, sees what changed.
"""

from gateway.domain.channel import Edited, Unsent
from gateway.domain.plan import EraseMessage, ForgetEvent, Plan, ReviseMessage
from gateway.domain.snapshot import Snapshot
from gateway.domain.states import WITH_PEOPLE
from gateway.workers.draft import Draft

#: Seconds that a change waits for the message it speaks of. Past it the message was none of ours: an
#: order such as STOP, or one that came before the account did.
PATIENCE = 3600.0


def change(draft: Draft, event: Edited | Unsent, seen: Snapshot) -> Plan:
    """The plan for either."""
    edited = isinstance(event, Edited)
    if seen.target is None:
        if seen.now - draft.received_at <= PATIENCE:
            return draft.later(seen.attempt)
        draft.add(_without_message(draft, event, seen))
        draft.log("message.change_dropped", external_id=event.external_id, edit=edited)
        return draft.plan()
    target = seen.target
    draft.inquiry_id = target.inquiry_id
    if isinstance(event, Unsent):
        if not target.unsent:
            draft.add(EraseMessage(target.id, draft.received_at))
            draft.log("message.unsent", message=target.id, by="customer")
            _tell(draft, seen, target.id, "unsent")
        return draft.plan()
    if target.unsent:
        # It came late, and says again what was taken back.
        draft.add(ForgetEvent(event_id=draft.event_id))
        return draft.plan()
    draft.add(
        ReviseMessage(
            revision_id=draft.id("r"),
            event_id=draft.event_id,
            message_id=target.id,
            text=event.text,
            written_at=event.at,
            number=event.revision,
            received_at=draft.received_at,
        )
    )
    draft.log("message.edited", message=target.id, revision=event.revision)
    _tell(draft, seen, target.id, "edited")
    return draft.plan()


def _without_message(draft: Draft, event: Edited | Unsent, seen: Snapshot) -> ForgetEvent:
    """Of a dropped change nothing is kept; of one that takes back, nor what it takes back: that may lie
    in the quarantine, or was an order and no message."""
    if isinstance(event, Edited):
        return ForgetEvent(event_id=draft.event_id)
    account = seen.account.id
    return ForgetEvent(
        account=account, dedup_key=f"m:{event.external_id}", lane=f"{account}|{event.sender}"
    )


def _tell(draft: Draft, seen: Snapshot, message: str, what: str) -> None:
    """People who have the inquiry, or are about to, read something else than was said before."""
    if seen.inquiry is not None and seen.inquiry.state in WITH_PEOPLE:
        draft.log(
            "inquiry.message_changed",
            message=message,
            change=what,
            state=seen.inquiry.state.value,
            agent=seen.inquiry.assigned_to,
        )
