"""One inquiry's messages as `inquiries show` prints them: what each says and said before, its files."""

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from gateway.commands.screen import moment, printable

if TYPE_CHECKING:
    from gateway.domain.store import Reader


def messages_of(reader: "Reader", inquiry_id: str) -> list[dict[str, Any]]:
    """Its messages, the oldest first; `earlier` are the texts that an edited one had before."""
    texts: dict[str, list[dict[str, Any]]] = {}
    for row in reader.all("messages.revisions_of", inquiry_id=inquiry_id):
        texts.setdefault(row["message_id"], []).append(
            {"at": row["written_at"], "text": row["text"]}
        )
    return [
        {
            **row,
            "meta": json.loads(row["meta"]),
            # The newest one is the message's text.
            "earlier": texts.get(row["id"], [])[:-1],
        }
        for row in reader.all("messages.of_inquiry", inquiry_id=inquiry_id)
    ]


def lines_of(message: Mapping[str, Any], row: Mapping[str, Any] | None) -> Iterator[str]:
    """A message for a screen. `row`: its own in the outbox, where it has one."""
    who_wrote = "note by " if message["visibility"] == "note" else ""
    marks = [
        _delivery(message, row),
        "(sender proved)" if message["meta"].get("verified") else "",
        "(edited)" if message["earlier"] else "",
        "(taken back or erased)" if message["unsent_at"] else "",
    ]
    said = "".join(f"  {mark}" for mark in marks if mark)
    yield f"\n{moment(message['at'])}  {who_wrote}{message['author']}{said}  {message['id']}"
    yield "\n".join(f"  {line}" for line in printable(message["text"]).splitlines())
    for attachment in message["meta"].get("attachments") or ():
        yield f"  + {attachment['name']} ({_size(attachment)})"


def _delivery(message: Mapping[str, Any], row: Mapping[str, Any] | None) -> str:
    """How far a message got, or why it waits."""
    if row is not None and row["state"] == "parked":
        return f"[parked, {row['failure']}: {row['detail']}]"
    return f"[{message['delivery']}]" if message["delivery"] else ""


def _size(attachment: Mapping[str, Any]) -> str:
    """How large it is, or why it is not there."""
    if lost := attachment.get("lost"):
        return f"lost: {printable(lost)}"
    there = attachment["blob"] or not attachment["url"]
    return f"{attachment['size']} bytes" if there else "at the provider"
