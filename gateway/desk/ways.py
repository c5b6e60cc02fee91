"""By which ways the customer of an inquiry can be written to, and what is left of each.

The way of an inquiry is the conversation it came by. The others are conversations of addresses that are
proved to be the same person's, by accounts of the same brand: a text for this customer goes to no address
that somebody merely says is theirs.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.delivery import windows
from gateway.domain.errors import NotAllowed, NotFound
from gateway.domain.model import JSON
from gateway.domain.snapshot import AccountView
from gateway.domain.splitting import split
from gateway.domain.store import Reader, Row
from gateway.domain.window import Window

#: What of a conversation's context belongs to the matter that was talked of there last.
_OF_THE_MATTER = frozenset({"message_id", "references", "subject"})
#: `Way.as_values` where there is no way.
_NOTHING: Mapping[str, JSON] = {
    "account": "", "handle": "", "open": False, "window_until": None, "human_until": None,
    "budget": None, "budget_left": None, "budget_left_automatic": None,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Way:
    """One conversation to write in."""

    conversation_id: str
    account: AccountView
    space: str
    address: str
    context: Mapping[str, Any]
    """`Inbound.reply_to` of its last message."""
    window: Window

    @property
    def handle(self) -> str:
        """As a person names it: 'email:li@example.org'."""
        return f"{self.space}:{self.address}"

    @property
    def recipient(self) -> str:
        """Where the customer's last message asked to be answered (a mail's Reply-To)."""
        return str(self.context.get("reply_address") or self.address)

    def refusal(self, text: str) -> str:
        """Why a person's text may not go this way now; '' when it may."""
        wanted = len(split(text, self.account.text))
        return self.window.shut(automatic=False, wanted=wanted)

    def as_values(self) -> dict[str, JSON]:
        """What is left, for a page, a program or the command line. Times in seconds since 1970; None where
        nothing is limited."""
        window = self.window
        return {
            "account": self.account.id,
            "handle": self.handle,
            "open": not window.shut(automatic=False),
            "why_not": window.shut(automatic=False),
            "window_until": window.until,
            "human_until": window.human_until,
            "budget": window.rules.budget,
            "budget_left": window.left,
            "budget_left_automatic": window.left_automatic,
        }


def home(reader: Reader, inquiry: Row, accounts: Mapping[str, AccountView], now: float) -> Way:
    """The way that the inquiry came by.

    Raises:
        NotFound: it has no conversation.
        NotAllowed: its account is not configured any more, or the customer wants no messages there.
    """
    conversation = reader.one("contacts.conversation_by_id", id=inquiry["conversation_id"])
    handle = reader.one("contacts.handle_of_conversation", id=inquiry["conversation_id"])
    if conversation is None or handle is None:
        msg = f"inquiry {inquiry['number']} has no conversation to reply in"
        raise NotFound(msg)
    if handle["flag"] == "opted_out":
        msg = "the customer does not want messages here (STOP); use another channel"
        raise NotAllowed(msg)
    account = accounts.get(conversation["account"])
    if account is None:
        msg = f"account {conversation['account']!r} is not configured any more; it cannot send"
        raise NotAllowed(msg)
    context = json.loads(conversation["reply_to"])
    window = windows.look(reader, conversation["id"], account.rules, now)
    return Way(conversation["id"], account, handle["space"], handle["address"], context, window)


def others(
    reader: Reader, inquiry: Row, accounts: Mapping[str, AccountView], now: float
) -> list[Way]:
    """All other ways that are open, the one that the customer used last first."""
    found: list[Way] = []
    for row in reader.all("contacts.ways", contact_id=inquiry["contact_id"]):
        account = accounts.get(row["account"])
        if row["id"] == inquiry["conversation_id"] or account is None:
            continue
        if account.brand != inquiry["brand"] or account.form == "voice":
            continue
        window = windows.look(reader, row["id"], account.rules, now)
        if window.shut(automatic=False):
            continue
        context = json.loads(row["reply_to"])
        if reader.value("messages.last_inquiry", conversation_id=row["id"]) != inquiry["id"]:
            context = {key: value for key, value in context.items() if key not in _OF_THE_MATTER}
        found.append(Way(row["id"], account, row["space"], row["address"], context, window))
    return found


def other(
    reader: Reader,
    inquiry: Row,
    accounts: Mapping[str, AccountView],
    now: float,
    handle: str,
) -> Way:
    """The open way to a handle: its address, or 'email:…' with its kind. Raises `NotAllowed` where there is
    none, and names those that there are."""
    ways = others(reader, inquiry, accounts, now)
    for way in ways:
        if handle in (way.handle, way.address):
            return way
    named = ", ".join(way.handle for way in ways) or "none"
    msg = f"{handle!r} is no proved address of this customer that can be written to now; there are: {named}"
    raise NotAllowed(msg)


def left(
    reader: Reader, inquiry: Row, accounts: Mapping[str, AccountView], now: float
) -> dict[str, JSON]:
    """What is left of the inquiry's own way (`Way.as_values`), with the `other_ways`; also where nothing
    can go out by it at all."""
    elsewhere: list[JSON] = [way.as_values() for way in others(reader, inquiry, accounts, now)]
    try:
        own = home(reader, inquiry, accounts, now).as_values()
    except (NotAllowed, NotFound) as error:
        own = {**_NOTHING, "why_not": str(error)}
    return {**own, "other_ways": elsewhere}


def refused(
    reader: Reader,
    inquiry: Row,
    accounts: Mapping[str, AccountView],
    now: float,
    why: str,
) -> NotAllowed:
    """The error for a reply that cannot go out where the inquiry came by, with what can be done instead."""
    named = [f"--to {way.handle}" for way in others(reader, inquiry, accounts, now)]
    instead = " or ".join(
        [*named, "a callback (gateway callbacks request)", "wait until the customer writes again"]
    )
    return NotAllowed(f"the reply was not sent: {why}. Instead: {instead}")
