"""What a channel gets, and gives, whose customers talk to the gateway itself: a chat in an app or on a
page. Nobody's provider stands between; who calls is checked by the channel, on pages of its own.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from gateway.domain.channel import Sink
from gateway.domain.model import Attachment, DeliveryState


@dataclass(frozen=True, slots=True)
class Said:
    """One message of a conversation as its customer may see it now."""

    id: str
    """Ours; of a message to the customer the one that `Outbound.id` had."""
    revision: int
    """Grows within the conversation with every message that is added or changed."""
    author: Literal["customer", "agent", "gateway"]
    text: str
    at: float
    external_id: str = ""
    """As the channel gave it, for what the customer wrote."""
    delivery: DeliveryState | None = None
    """How far it got, for what was written to the customer."""
    attachments: tuple[Attachment, ...] = ()
    unsent: bool = False
    """Taken back: nothing is left of what it said."""


class Timeline(Protocol):
    """What was said between one account and the customers who wrote to it. Read only. Never a note, and
    of what we write nothing before it went out."""

    async def since(self, handle: str, revision: int, limit: int) -> Sequence[Said]:
        """Messages to and from a handle, as they are now, that were added or changed after a revision
        (0: all), in the order of their revisions. None is missed by who goes on from the last revision
        he has. Raises `StoreError`."""
        ...

    async def one(self, handle: str, reference: str) -> Said | None:
        """One message by its id, if it is the handle's. Raises `StoreError`."""
        ...

    async def revisions(self, handles: Sequence[str]) -> Mapping[str, int]:
        """The last revision of each handle that has a conversation. Raises `StoreError`."""
        ...

    def watch(self, callback: Callable[[], None]) -> None:
        """Have it called, on the event loop, whenever something may have been said anywhere. Only a
        hint: it may get lost, so who waits looks by himself now and then."""
        ...


Page = tuple[str, str, Callable[[Any], Awaitable[Any]]]
"""Method, path below the account's own, and what answers: a handler of aiohttp's web server."""


@runtime_checkable
class Frontage(Protocol):
    """A channel whose customers talk to the gateway itself: it has pages of its own below
    `/{kind}/{account}` on the web server, and checks by itself who calls them."""

    def pages(self, sink: Sink, timeline: Timeline) -> Sequence[Page]:
        """Called once, before the server is bound. No I/O here.

        Args:
            sink: where what customers say is put; on return it is durable.
            timeline: what was said.
        """
        ...

    async def leave(self) -> None:
        """The server stops: end what is open, within a second."""
        ...
