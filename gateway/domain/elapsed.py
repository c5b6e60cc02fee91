"""A timer that has fired and whose effect has to be decided: planned like a message, in its lane."""

from dataclasses import dataclass

from gateway.domain.announcement import AnnouncementOver
from gateway.domain.channel import ChannelEvent

#: The name under which such an event is stored.
STORED_AS = "timer"


@dataclass(frozen=True, slots=True)
class Elapsed:
    """What was waited for is due."""

    kind: str
    """Of the timer."""
    inquiry_id: str
    conversation_id: str
    """Where it was promised."""


#: What may lie in the intake: what channels brought, and what the gateway's own timers did.
StoredEvent = ChannelEvent | Elapsed | AnnouncementOver
