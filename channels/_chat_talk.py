"""What a customer can do in a chat, whether by HTTP or on a WebSocket."""

import asyncio
import re
from collections.abc import Sequence

from channels._chat_frames import own_id
from channels._chat_hub import Hub, Listener
from channels._chat_rates import Rate
from channels._chat_refusal import Refusal
from channels._chat_tokens import Visitor
from gateway.domain.channel import Inbound, Receipt, Sink
from gateway.domain.errors import Overloaded, ParseError, StoreError
from gateway.domain.frontage import Said, Timeline
from gateway.domain.model import Attachment, DeliveryState, ThreadRefs
from gateway.domain.world import Clock

#: Characters of one message.
LONGEST_TEXT = 10_000
#: Messages that one receipt may name.
MOST_RECEIPTS = 50
#: Times that somebody may say that they are typing, in a minute.
_TYPING = 60.0
#: Seconds that somebody counts as typing.
TYPING_SECONDS = 6.0
_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}").fullmatch
_RECEIPTS = {"delivered": DeliveryState.DELIVERED, "read": DeliveryState.READ}


class Talk:
    """The doing of one account's chat.

    Args:
        sink: where messages and receipts are put.
        timeline: what was said.
        hub: who is connected.
        clock: for rates and times.
        per_minute: messages that one customer may write in a minute.
    """

    def __init__(
        self, sink: Sink, timeline: Timeline, hub: Hub, clock: Clock, per_minute: float
    ) -> None:
        self._sink = sink
        self._timeline = timeline
        self._hub = hub
        self._clock = clock
        self._messages = Rate(per_minute)
        self._receipts = Rate(per_minute * 4)
        self._typing = Rate(_TYPING)

    async def say(
        self,
        visitor: Visitor,
        client_msg_id: object,
        text: object,
        files: Sequence[Attachment] = (),
        reply_to: object = "",
    ) -> dict[str, object]:
        """Take a message in; the answer once it is durable. The same id again is the same message and
        gets the same answer. Raises `Refusal`."""
        if not isinstance(client_msg_id, str) or not _ID(client_msg_id):
            raise Refusal(
                400, "bad_id", "client_msg_id has 1 to 64 letters, digits, '.', '_', ':' or '-'"
            )
        if not isinstance(text, str) or not (text.strip() or files):
            raise Refusal(400, "no_text", "there is neither a text nor a file")
        if len(text) > LONGEST_TEXT:
            raise Refusal(413, "too_long", f"a text has at most {LONGEST_TEXT} characters")
        quoted = await self._quoted(visitor, reply_to)
        self._count(self._messages, visitor)
        event = Inbound(
            external_id=own_id(visitor.handle, client_msg_id),
            sender=visitor.handle,
            text=text.encode("utf-8", "replace").decode(),
            name=visitor.name,
            at=self._clock.now(),
            attachments=tuple(files),
            thread=ThreadRefs(message_ids=quoted),
            verified=visitor.verified,
            facts={"visitor": visitor.before} if visitor.before else {},
        )
        await self._put(event)
        self._hub.hint()
        return {"client_msg_id": client_msg_id, "status": "accepted"}

    async def receipts(self, visitor: Visitor, status: object, ids: object) -> dict[str, object]:
        """Messages of ours reached the customer, or were read. Those that are not the customer's, and
        those that got as far before, change nothing. Raises `Refusal`."""
        state = _RECEIPTS.get(status) if isinstance(status, str) else None
        if state is None or not isinstance(ids, list) or not 0 < len(ids) <= MOST_RECEIPTS:
            raise Refusal(
                400, "bad_receipt", f"status is delivered or read, ids has 1 to {MOST_RECEIPTS}"
            )
        self._count(self._receipts, visitor)
        for reference in dict.fromkeys(one for one in ids if isinstance(one, str)):
            said = await self._one(visitor.handle, reference)
            if said is not None and said.delivery and said.delivery.rank < state.rank:
                await self._put(Receipt(reference, state, self._clock.now()))
        return {"status": "accepted"}

    def typing(self, visitor: Visitor, by: Listener | None = None) -> dict[str, object]:
        """Whoever is connected with the same handle is shown that the customer types. Nothing is
        stored. Raises `Refusal`."""
        self._count(self._typing, visitor)
        frame = {"type": "typing", "author": "customer", "seconds": TYPING_SECONDS}
        self._hub.say(visitor.handle, frame, but=by)
        return {"status": "accepted"}

    async def _quoted(self, visitor: Visitor, reply_to: object) -> tuple[str, ...]:
        """The id, as threading knows it, of a message of this very conversation."""
        if not reply_to:
            return ()
        said = await self._one(visitor.handle, str(reply_to)[:64])
        if said is None:
            raise Refusal(400, "bad_reply_to", "reply_to names no message of this conversation")
        return (said.external_id or said.id,)

    async def _one(self, handle: str, reference: str) -> Said | None:
        try:
            return await self._timeline.one(handle, reference)
        except StoreError as error:
            raise Refusal(503, "busy", "cannot look now, try again", retry_after=2) from error

    async def _put(self, event: Inbound | Receipt) -> None:
        # Shielded: who hangs up does not leave a message half taken.
        try:
            await asyncio.shield(asyncio.ensure_future(self._sink.accept(event)))
        except ParseError as error:
            raise Refusal(400, "unreadable", "the message cannot be read") from error
        except (Overloaded, StoreError) as error:
            raise Refusal(503, "busy", "not stored, try again", retry_after=5) from error

    def _count(self, rate: Rate, visitor: Visitor) -> None:
        if wait := rate.take(visitor.handle, self._clock.now()):
            raise Refusal(429, "too_many", "slow down", retry_after=wait)
