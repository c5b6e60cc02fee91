"""Answers on Messenger and Instagram: at a comment for everybody to see, or in private.

In private means to the customer, within a window; or once to a comment, which opens none. The gateway has
one outgoing message for each of the two parts of an answer to a comment, and each is one request here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from channels._meta_account import sendable
from channels._meta_graph import Graph
from gateway.domain.channel import Outbound, Sent
from gateway.domain.errors import DeliveryError, Failure
from gateway.domain.model import Visibility
from gateway.domain.splitting import TextLimit
from gateway.domain.world import World

#: developers.facebook.com/documentation/business-messaging/messenger-platform/send-messages
REPLY_WINDOW = 24 * 3600.0
#: Same page, HUMAN_AGENT: for what a person wrote, and only that.
HUMAN_WINDOW = 7 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Replies:
    """How one account answers."""

    graph: Graph
    world: World
    name: str
    """Of the network, for a person."""
    sender: str
    """Whose messages they are, as the address of the Send API has it."""
    limit: TextLimit
    comments: str
    """What answers to a comment are called in its address."""
    threads: bool = False
    """Answers stand only under the first comment of a thread."""

    async def send(self, outbound: Outbound) -> Sent:
        """Send one message. Raises `DeliveryError`; never repeats by itself."""
        text = sendable(outbound, self.limit, self.name)
        if outbound.visibility is Visibility.PUBLIC:
            return await self._publish(outbound, text)
        comment = await self._unanswered(outbound)
        if not comment:
            return await self._message(self._to_customer(outbound, text))
        # So that a crash or an unknown outcome leaves no second one; and the same one may be tried again.
        await self.world.remember(_note(outbound), {"comment": comment, "by": outbound.id})
        recipient = {"comment_id": comment}
        try:
            return await self._message({"recipient": recipient, "message": {"text": text}})
        except DeliveryError as error:
            if error.failure is Failure.WINDOW_CLOSED:
                # Somebody was faster, or it is too late: the customer has to write now.
                await self.world.remember(_note(outbound), {"comment": comment, "by": ""})
            elif error.failure is not Failure.UNKNOWN:
                await self.world.remember(_note(outbound), None)
            raise

    async def _publish(self, outbound: Outbound, text: str) -> Sent:
        place = outbound.reply_to.get("thread" if self.threads else "comment")
        if not isinstance(place, str) or not place:
            raise DeliveryError(Failure.REJECTED, "no comment is known to answer")
        path = f"{quote(place, safe='')}/{self.comments}"
        return self._sent(await self.graph.send(path, {"message": text}), "id")

    async def _unanswered(self, outbound: Outbound) -> str:
        """The comment to which this may be the one private reply; ''  where it is an ordinary message."""
        comment, until = outbound.reply_to.get("comment"), outbound.reply_to.get("until")
        if not isinstance(comment, str) or not isinstance(until, int | float):
            return ""
        if self.world.clock.now() >= until:
            return ""
        used = await self.world.memo(_note(outbound))
        if (
            isinstance(used, dict)
            and used.get("comment") == comment
            and used.get("by") != outbound.id
        ):
            return ""
        return comment

    def _to_customer(self, outbound: Outbound, text: str) -> Mapping[str, Any]:
        form = {"recipient": {"id": outbound.to}, "message": {"text": text}}
        if not outbound.beyond_window:
            return {**form, "messaging_type": "RESPONSE"}
        if outbound.automatic:
            # Meta's rule, whatever the gateway's own windows say.
            why = "after 24 hours only a person may write, until the customer does"
            raise DeliveryError(Failure.WINDOW_CLOSED, why)
        return {**form, "messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}

    async def _message(self, form: Mapping[str, Any]) -> Sent:
        return self._sent(await self.graph.send(f"{self.sender}/messages", form), "message_id")

    def _sent(self, answer: Mapping[str, Any], field: str) -> Sent:
        number = answer.get(field)
        if isinstance(number, str) and number:
            return Sent(number)
        # Something took the request and answered 200; whether a message came of it is open.
        raise DeliveryError(Failure.UNKNOWN, f"{self.name} answers 200 without a message")


def _note(outbound: Outbound) -> str:
    """One for each customer is enough: it tells of the comment that was answered in private last."""
    return f"private:{outbound.to}"
