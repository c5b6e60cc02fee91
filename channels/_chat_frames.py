"""What the chat shows of a message, the same in every answer, event and frame."""

import json
from collections.abc import Sequence
from typing import Any

from channels._chat_refusal import Refusal
from gateway.domain.frontage import Said

#: A revision is a number of at most this many digits.
_DIGITS = 15


def own_id(handle: str, client_msg_id: str) -> str:
    """`Inbound.external_id`: an id is unique for who made it, and not beyond."""
    return f"{handle}/{client_msg_id}"


def shown(said: Said, handle: str) -> dict[str, Any]:
    """A message as JSON has it. What is empty is left out."""
    message: dict[str, Any] = {
        "id": said.id,
        "author": said.author,
        "text": said.text,
        "at": round(said.at, 3),
    }
    if said.author == "customer":
        message["client_msg_id"] = said.external_id.removeprefix(f"{handle}/")
    if said.delivery is not None:
        message["delivery"] = said.delivery.value
    if said.unsent:
        message["unsent"] = True
    if said.attachments:
        message["files"] = [
            {"name": one.name, "type": one.content_type, "size": one.size}
            for one in said.attachments
        ]
    return message


def frame(said: Said, handle: str) -> dict[str, Any]:
    """The frame that brings it."""
    return {"type": "message", "cursor": str(said.revision), "message": shown(said, handle)}


def page(found: Sequence[Said], handle: str, after: int, *, more: bool) -> dict[str, Any]:
    """Several of them, with the cursor from which to go on."""
    last = found[-1].revision if found else after
    return {
        "messages": [shown(said, handle) for said in found],
        "cursor": str(last),
        "more": more,
    }


def written(values: dict[str, Any]) -> str:
    """As JSON on one line."""
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def revision(cursor: str) -> int:
    """The revision that a cursor stands for; '' is the beginning. Raises `Refusal`."""
    if not cursor:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= _DIGITS):
        raise Refusal(400, "bad_cursor", "a cursor is what an earlier answer called one")
    return int(cursor)
