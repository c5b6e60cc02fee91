"""Which inquiry a message goes on with. Every way asks first whether the sender takes part in it.

What a message says of itself is a claim: a number can be guessed, an id quoted, an address forwarded.
So a reference alone joins nothing; it chooses among the inquiries that this sender has a part in.
"""

import json
import re
from typing import Any

from gateway.domain.channel import Inbound
from gateway.domain.model import InquiryState
from gateway.domain.snapshot import AccountView, HandleView, InquiryView
from gateway.domain.store import Reader, Row
from gateway.workers.identity import is_forged

#: An inquiry's number as our subjects carry it.
_SUBJECT_TOKEN = re.compile(r"\[#(\d{6}-\d{6})\]")
#: Characters of a Message-ID with its brackets. Shorter ones (`<1@a>`) are no proof of anything.
SHORTEST_ID = 10
#: Tokens of one subject that are looked at: forwarded mail collects them.
_MOST_TOKENS = 3
#: Mergers that are followed from one inquiry.
_LONGEST_CHAIN = 10


def thread(
    reader: Reader,
    event: Inbound,
    account: AccountView,
    handle: HandleView,
    conversation_id: str,
    now: float,
) -> tuple[InquiryView | None, str]:
    """The inquiry, and by what it was found: 'token', 'reference', 'subject', 'open'; or None and ''.

    In this order: the signed token of the reply address, the messages it answers, the number in the
    subject, and what is open in this very conversation. A letter proved to be forged has only the
    first way: whoever has the token has had our answer.
    """
    part = _Part(reader, event, account, handle)
    if event.thread.token and (row := part.numbered(event.thread.token)):
        return inquiry_view(row), "token"
    if is_forged(event):
        return None, ""
    for external_id in event.thread.message_ids:
        if row := part.answered(external_id):
            return inquiry_view(row), "reference"
    if account.subject:
        for number in _SUBJECT_TOKEN.findall(event.subject)[:_MOST_TOKENS]:
            if row := part.numbered(number):
                return inquiry_view(row), "subject"
    # A machine's letter belongs to what it speaks of, not to what happens to be open.
    if not conversation_id or event.facts.get("mail_class", "person") != "person":
        return None, ""
    row = reader.one(
        "inquiries.latest_open", conversation_id=conversation_id, since=now - account.window
    )
    return (inquiry_view(row), "open") if row else (None, "")


class _Part:
    """The inquiries that one sender takes part in."""

    def __init__(
        self, reader: Reader, event: Inbound, account: AccountView, handle: HandleView
    ) -> None:
        self._reader = reader
        self._account = account
        self._handle = handle
        # Another address of the same person counts only when this one is proved to be the sender's.
        self._contact = handle.contact_id if event.verified else ""

    def numbered(self, number: str) -> Row | None:
        return self._joins(self._reader.one("inquiries.by_number", number=number))

    def answered(self, external_id: str) -> Row | None:
        if not external_id or (self._account.domain and len(external_id) < SHORTEST_ID):
            return None
        found = self._reader.one(
            "messages.of_handle",
            account=self._account.id,
            external_id=external_id,
            handle_id=self._handle.id,
        )
        if found is None:
            return None
        return self._joins(self._reader.one("inquiries.by_id", id=found["inquiry_id"]))

    def _joins(self, row: Row | None) -> Row | None:
        """`row`, or the one it was merged into, when it may still be joined by this sender."""
        if row is None or not self._takes_part(row):
            return None
        for _ in range(_LONGEST_CHAIN):
            if row is None or not row["merged_into"]:
                break
            row = self._reader.one("inquiries.by_id", id=row["merged_into"])
        if row is None or row["state"] == InquiryState.CLOSED:
            return None
        return row if row["brand"] == self._account.brand else None

    def _takes_part(self, row: Row) -> bool:
        # The messages of a merged inquiry are in another one: there, its conversation speaks for it.
        own = self._reader.one("contacts.handle_of_conversation", id=row["conversation_id"])
        if own is not None and own["id"] == self._handle.id:
            return True
        return bool(
            self._reader.value(
                "inquiries.takes_part",
                inquiry_id=row["id"],
                handle_id=self._handle.id,
                contact_id=self._contact,
            )
        )


def inquiry_view(row: Any) -> InquiryView:
    """A row of `inquiries` as planning sees it."""
    return InquiryView(
        id=row["id"],
        number=row["number"],
        conversation_id=row["conversation_id"],
        state=InquiryState(row["state"]),
        version=row["version"],
        topic=row["topic"],
        queue=row["queue"],
        language=row["language"],
        subject=row["subject"],
        brand=row["brand"],
        assigned_to=row["assigned_to"],
        dialogue=json.loads(row["dialogue"]),
    )
