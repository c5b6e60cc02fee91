"""What a customer's message holds after it was stored: files to be fetched, revisions, and the erasing
of all that it said.

Erased is what the message, its revisions and their stored events say, whatever names their files, and
what others keep of it: subject and dialogue of the inquiry, subjects of replies, contents of log events.
What people wrote about it, and what was sent to the customer, is not its text and stays.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from gateway.domain.errors import Conflict
from gateway.domain.model import JSON
from gateway.domain.plan import (
    AddMessage,
    EraseMessage,
    FetchAttachment,
    ForgetEvent,
    ReviseMessage,
    derived_id,
)
from gateway.domain.store import ERASED, Row, Tx

#: Characters in a row that two texts do not share by chance.
_TELLING = 6


def name_files(tx: Tx, op: AddMessage) -> None:
    """The blobs of a new message are named by it."""
    for attachment in op.meta.get("attachments") or ():  # type: ignore[union-attr]  # JSON list by construction
        if isinstance(attachment, dict) and attachment.get("blob"):
            tx.run("meta.add_blob_ref", address=attachment["blob"], owner=op.message_id)


def want(tx: Tx, op: FetchAttachment, now: float) -> None:
    """Have a file fetched."""
    values = {"message_id": op.message_id, "place": op.place, "account": op.account}
    tx.run("attachments.want", **values, due_at=now)


def revise(tx: Tx, op: ReviseMessage, now: float) -> None:  # noqa: ARG001 - one signature for all
    """Keep a text; the newest of all becomes the message's. Raises `Conflict`."""
    row = tx.one("messages.content", id=op.message_id)
    if row is None or row["unsent_at"] is not None:
        msg = f"message {op.message_id} says nothing any more"
        raise Conflict(msg)
    if tx.one("messages.newest", message_id=op.message_id) is None:
        tx.run(
            "messages.add_revision",
            id=derived_id(op.message_id, "r"),
            message_id=op.message_id,
            event_id="",
            written_at=0.0,
            number=-1,
            text=row["text"],
            received_at=row["at"],
        )
    tx.run(
        "messages.add_revision",
        id=op.revision_id,
        message_id=op.message_id,
        event_id=op.event_id,
        written_at=op.written_at,
        number=op.number,
        text=op.text,
        received_at=op.received_at,
    )
    newest = tx.one("messages.newest", message_id=op.message_id)
    assert newest is not None  # noqa: S101 - there are two by now
    tx.run("messages.advance", id=op.message_id)
    tx.run("messages.set_text", id=op.message_id, text=newest["text"])


def erase(tx: Tx, op: EraseMessage, now: float) -> None:
    """Take out all that a message said. Raises `Conflict` when there is no such message."""
    row = tx.one("messages.content", id=op.message_id)
    if row is None:
        msg = f"message {op.message_id} is gone"
        raise Conflict(msg)
    if row["unsent_at"] is not None:
        return
    revisions = tx.all("messages.revisions", message_id=op.message_id)
    said = Said(_texts(row, revisions))
    tx.run("messages.advance", id=op.message_id)
    tx.run("messages.unsend", id=op.message_id, at=op.at)
    tx.run("meta.remember", **ERASED, value=op.message_id)
    tx.run("messages.drop_revisions", message_id=op.message_id)
    tx.run("attachments.forget", message_id=op.message_id)
    _unname(tx, op.message_id, now)
    # A customer's message has its id from the event that brought it.
    for event_id in (op.message_id.removesuffix(".in"), *(r["event_id"] for r in revisions)):
        if event_id:
            _forget(tx, event_id, now)
            _forget_log(tx, event_id, said)
    _erase_from_inquiry(tx, row, said)


def forget(tx: Tx, op: ForgetEvent, now: float) -> None:
    """Take out what a stored event said; nothing happens where there is none."""
    event_id = op.event_id
    if not event_id:
        found = tx.one("intake.in_lane", account=op.account, dedup_key=op.dedup_key, lane=op.lane)
        if found is None:
            return
        event_id = found["id"]
        body = json.loads(found["body"] or "{}")
        _forget_log(tx, event_id, Said([str(body.get("text", "")), str(body.get("subject", ""))]))
    _forget(tx, event_id, now)


class Said:
    """Texts, and whether another text holds anything of them."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = [text for text in dict.fromkeys(map(str.strip, texts)) if text]
        self._pieces = {
            text[at : at + _TELLING]
            for text in self._texts
            for at in range(len(text) - _TELLING + 1)
        }
        short = [text for text in self._texts if len(text) < _TELLING]
        # As a word of its own where words have spaces between them.
        words = (rf"(?<![A-Za-z0-9]){re.escape(t)}(?![A-Za-z0-9])" for t in short)
        self._short = re.compile("|".join(words)) if short else None

    def in_text(self, text: str) -> bool:
        """Whether the text holds a telling piece of them, or all of a short one."""
        if self._short is not None and self._short.search(text):
            return True
        return any(text[at : at + _TELLING] in self._pieces for at in range(len(text)))

    def in_value(self, value: JSON) -> bool:
        """The same for any text in it."""
        match value:
            case str():
                return self.in_text(value)
            case dict():
                return any(map(self.in_value, value.values()))
            case list():
                return any(map(self.in_value, value))
            case _:
                return False


def _texts(row: Row, revisions: Iterable[Row]) -> list[str]:
    meta: dict[str, Any] = json.loads(row["meta"])
    names = [str(file.get("name", "")) for file in meta.get("attachments") or ()]
    whole = [str(meta.get(key, "")) for key in ("full_text", "page")]
    return [row["text"], row["subject"], *whole, *names, *(r["text"] for r in revisions)]


def _unname(tx: Tx, owner: str, now: float) -> None:
    for row in tx.all("attachments.names_of", owner=owner):
        tx.run("attachments.may_go", address=row["address"], due_at=now)
    tx.run("attachments.unname", owner=owner)


def _forget(tx: Tx, event_id: str, now: float) -> None:
    if tx.run("intake.forget", id=event_id):
        tx.run("meta.remember", **ERASED, value=event_id)
    _unname(tx, event_id, now)


def _forget_log(tx: Tx, event_id: str, said: Said) -> None:
    """What the log says of a stored event: its plan numbered its lines from 0 on."""
    number = 0
    while (line := tx.one("events.contents", id=derived_id(event_id, f"e{number}"))) is not None:
        if said.in_value(json.loads(line["data"])):
            tx.run("events.erase", id=line["event_id"])
        number += 1


def _erase_from_inquiry(tx: Tx, message: Row, said: Said) -> None:
    inquiry = tx.one("inquiries.by_id", id=message["inquiry_id"])
    if inquiry is None:
        return
    kept: dict[str, Any] = json.loads(inquiry["dialogue"])
    dialogue = {key: value for key, value in kept.items() if not said.in_value(value)}
    subject = "" if said.in_text(inquiry["subject"]) else inquiry["subject"]
    if (subject, dialogue) != (inquiry["subject"], kept):
        # With a new version: a decision that was made of the old dialogue would write it again.
        tx.run("inquiries.forget", id=inquiry["id"], subject=subject, dialogue=_json(dialogue))
    for line in tx.all("events.contents_of", inquiry_id=inquiry["id"]):
        if said.in_value(json.loads(line["data"])):
            tx.run("events.erase", id=line["event_id"])
    for sent in tx.all("outbox.payloads_of", inquiry_id=inquiry["id"]):
        payload = json.loads(sent["payload"])
        if (fresh := _without_subject(payload, said)) != payload:
            tx.run("outbox.carry", id=sent["id"], payload=_json(fresh))
            tx.run("messages.set_subject", id=sent["id"], subject=fresh.get("subject", ""))
    place = tx.one("contacts.conversation_by_id", id=message["conversation_id"])
    context = json.loads(place["reply_to"]) if place else {}
    if (fresh := _without_subject(context, said)) != context:
        tx.run("contacts.set_context", id=message["conversation_id"], reply_to=_json(fresh))


def _without_subject(value: Any, said: Said) -> Any:
    """Replies carry the subject of what they answer, and nothing else of it."""
    if not isinstance(value, dict):
        return value
    return {
        key: "" if key == "subject" and said.in_value(inner) else _without_subject(inner, said)
        for key, inner in value.items()
    }


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(dict(value), ensure_ascii=False, separators=(",", ":"))
