"""Who wrote, in which conversation, and in which language, as operations of a plan."""

from dataclasses import replace

from gateway.domain.channel import Inbound
from gateway.domain.model import Trust
from gateway.domain.plan import CreateContact, OpenConversation, UpdateContact, VerifyHandle
from gateway.domain.snapshot import Snapshot
from gateway.intake.language import detect
from gateway.workers.draft import Draft


def contact(draft: Draft, event: Inbound, seen: Snapshot) -> str:
    """The handle's id. Makes the contact when we have not met, and keeps what is new of one we know."""
    handle = seen.handle
    language = str(event.facts.get("language", ""))
    if handle is None:
        draft.add(
            CreateContact(
                contact_id=draft.id("c"),
                handle_id=draft.id("h"),
                space=seen.account.space,
                address=event.sender,
                name=event.name,
                trust=Trust.VERIFIED if event.verified else Trust.CLAIMED,
                language=language,
            )
        )
        return draft.id("h")
    if event.verified and handle.trust != Trust.VERIFIED:
        draft.add(VerifyHandle(handle.id))
    if language and language != handle.language:
        draft.add(UpdateContact(handle.contact_id, language))
    return handle.id


def conversation(draft: Draft, event: Inbound, seen: Snapshot) -> str:
    """The conversation's id; opens it when this handle has not written to this account."""
    handle = contact(draft, event, seen)
    if seen.conversation_id:
        return seen.conversation_id
    draft.add(OpenConversation(draft.id("v"), seen.account.id, handle))
    return draft.id("v")


def is_forged(event: Inbound) -> bool:
    """The domain of From says how its mail is proved, and a server we trust found that it is not."""
    return event.facts.get("authentication") == "dmarc=fail"


def with_language(event: Inbound, seen: Snapshot) -> Inbound:
    """The event with its language: the one the channel knows, else the one its text is in, else the
    one the contact wrote before. Found here and not at the door: it costs more than everything else
    that happens before the acknowledgement."""
    if event.facts.get("language"):
        return event
    spoken = seen.handle.language if seen.handle else ""
    language = detect(event.text or event.subject, fallback=spoken)
    return replace(event, facts={**event.facts, "language": language}) if language else event
