"""What an agent does with an inquiry: claim, reply, note, resolve. Each is one unit of work.

Every surface (command line, pages, API) calls these; the state machine decides what is allowed, and
the version of the inquiry shows when somebody else was faster.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.desk import merging, verdicts, ways
from gateway.desk.announcements import carried
from gateway.desk.dispositions import Dispositions
from gateway.domain.allowlist import Allowed, refusal
from gateway.domain.asking import asks_for_secret
from gateway.domain.errors import Conflict, NotAllowed, NotFound
from gateway.domain.model import InquiryState, Note
from gateway.domain.plan import (
    CLOSE_TIMER,
    PROMISE_TIMER,
    AddMessage,
    CancelTimer,
    ChangeInquiry,
    EraseMessage,
    Log,
    LogEvent,
    Op,
    Plan,
    SetTimer,
    derived_id,
)
from gateway.domain.reply import Reply, outgoing
from gateway.domain.snapshot import AccountView
from gateway.domain.states import move
from gateway.domain.store import Reader, Row, Store, Tx
from gateway.domain.world import Clock, Ids
from gateway.intake.redact import redact


@dataclass(frozen=True, slots=True)
class Desk:
    """The commands. `apply` is the store's only writer of plans."""

    store: Store
    accounts: Mapping[str, AccountView]
    apply: Callable[[Tx, Plan, float], None]
    clock: Clock
    ids: Ids
    close_after: float
    allowed: Mapping[str, Allowed] = field(default_factory=dict)
    """What the messages of an account may name."""
    finished: Callable[[Tx, Row, str, str, float], None] = lambda *_: None
    """Told, in the same unit, that an agent is done with an inquiry (`Floor.finished`)."""
    here: Callable[[Tx, str, float], None] = lambda *_: None
    """Asked, in the same unit, whether somebody can take something: raises `NotAllowed` for an agent who is
    offline (`Floor.here`)."""
    dispositions: Dispositions = field(default_factory=Dispositions)
    """What can come of a matter."""

    async def claim(self, reference: str, agent: str) -> str:
        """Take a waiting inquiry. Raises `NotAllowed` when another agent has it, or the agent is offline,
        `Conflict` when another agent was faster at this very moment. Returns its number."""

        def steps(tx: Tx, inquiry: Row, command: str, now: float) -> tuple[Op, ...]:
            self.here(tx, agent, now)
            if inquiry["state"] == InquiryState.ASSIGNED and inquiry["assigned_to"] == agent:
                return ()
            merging.not_anothers(inquiry, agent)
            return _claimed(inquiry, command, now, agent)

        return await self._do(reference, steps)

    async def claim_next(self, queue: str, agent: str) -> str | None:
        """Take the first that waits in a queue; its number, None when nobody waits. Agents who ask
        at the same moment get one each. Raises `NotAllowed` for an agent who is offline."""
        command, now = self.ids.new(), self.clock.now()

        def work(tx: Tx) -> str | None:
            tx.one("routing.lock")
            self.here(tx, agent, now)
            head = tx.one("inquiries.head", queue=queue)
            if head is None:
                return None
            inquiry = find(tx, head["id"])
            self.apply(tx, Plan(command, _claimed(inquiry, command, now, agent)), now)
            number: str = inquiry["number"]
            return number

        return await self.store.write(work)

    async def reply(
        self,
        reference: str,
        agent: str,
        text: str,
        *,
        version: int | None = None,
        topic: str = "",
        suggestion: bool = False,
        to: str = "",
    ) -> str:
        """Send an agent's answer; a waiting inquiry is claimed by it. Returns the message's id. Raises
        `NotAllowed` also for an agent who is offline: the customer's next words would find nobody; and
        where the reply window is closed or its budget used up, with what can be done instead.

        Args:
            reference: number or id of the inquiry.
            agent: who answers.
            text: what the customer gets.
            version: what the agent has seen; another one raises `Conflict` (the thread changed).
            topic: what it was about, for the review of what was suggested or answered.
            suggestion: it came of the suggested draft, which is sent itself without a text.
            to: another proved address of the customer, as `ways.other` reads it; '': where they wrote.
        """
        draft = suggestion and not text.strip()
        if not draft:
            _fit_to_send(text)

        def steps(tx: Tx, inquiry: Row, command: str, now: float) -> tuple[Op, ...]:
            self.here(tx, agent, now)
            if version is not None and inquiry["version"] != version:
                msg = "the thread has changed since it was read"
                raise Conflict(msg)
            words = verdicts.suggestion(inquiry) if draft else text
            ops = self._reply(tx, inquiry, command, now, agent, words, to)
            verdicts.replied(
                tx, inquiry, command, now, agent, text=words, topic=topic, used=suggestion
            )
            return ops

        message = await self._do(reference, steps, result="out", done_by=agent)
        self.store.tell("outbox")
        return message

    async def note(self, note: Note) -> str:
        """Keep an internal remark. There is no way from here to a channel. Returns the message's id."""

        def steps(tx: Tx, inquiry: Row, command: str, now: float) -> tuple[Op, ...]:  # noqa: ARG001 - one signature for all
            return (
                remark(inquiry, derived_id(command, "note"), note.author, note.text),
                _log(command, "inquiry.noted", inquiry, now, agent=note.author),
            )

        return await self._do(note.inquiry_id, steps, result="note")

    async def resolve(
        self, reference: str, agent: str, disposition: str = "", comment: str = ""
    ) -> str:
        """Say that it is done, and what came of it. Returns the inquiry's number. Raises `NotAllowed`, also
        as `Dispositions.said`."""

        def steps(tx: Tx, inquiry: Row, command: str, now: float) -> tuple[Op, ...]:  # noqa: ARG001 - one signature for all
            merging.not_anothers(inquiry, agent)
            how = self.dispositions.said(inquiry["queue"], disposition, comment)
            about = {"queue": inquiry["queue"], "topic": inquiry["topic"]}
            return (
                _move(inquiry, "resolve", assigned_to=""),
                CancelTimer(CLOSE_TIMER, inquiry["id"]),
                CancelTimer(PROMISE_TIMER, inquiry["id"]),
                SetTimer(CLOSE_TIMER, inquiry["id"], now + self.close_after),
                _log(command, "inquiry.resolved", inquiry, now, agent=agent, **about, **how),
            )

        return await self._do(reference, steps, done_by=agent)

    async def erase_message(self, message: str, agent: str) -> str:
        """Take all that a customer's message or a note says out of everything that is stored; that it was
        there, and who erased it, stays. Returns the inquiry's number. Raises `NotFound`, and `NotAllowed`
        for what was sent: the customer has it."""
        command, now = self.ids.new(), self.clock.now()

        def work(tx: Tx) -> str:
            row = tx.one("messages.content", id=message)
            if row is None:
                raise NotFound(f"no message {message!r}; `gateway inquiries show` names them")
            if row["unsent_at"] is not None:
                raise NotAllowed(f"message {message} is erased already")
            if row["direction"] != "in" and row["visibility"] != "note":
                raise NotAllowed("what was sent to a customer is not erased here: they have it")
            inquiry = find(tx, row["inquiry_id"])
            erased = _log(command, "message.erased", inquiry, now, agent=agent, message=message)
            self.apply(tx, Plan(command, (EraseMessage(message, now), erased)), now)
            number: str = inquiry["number"]
            return number

        return await self.store.write(work)

    # ------------------------------------------------------------ together and apart

    async def merge(self, into: str, source: str, agent: str) -> str:
        """Put all of inquiry `source` into `into` and close it; its number leads there from now on.
        Returns the number of `into`. Raises `NotAllowed` as `merging.merged`."""

        def steps(tx: Tx, inquiry: Row, command: str, now: float) -> tuple[Op, ...]:
            return merging.merged(find(tx, source), inquiry, command, now, agent)

        return await self._do(into, steps)

    async def split(self, reference: str, agent: str) -> str:
        """Make one message an inquiry of its own, with `agent`. Returns the new number.
        Raises `NotFound`, and `NotAllowed` as `merging.split_off` or for an agent who is offline."""
        command, now = self.ids.new(), self.clock.now()

        def work(tx: Tx) -> str:
            self.here(tx, agent, now)
            row = tx.one("messages.in_conversation", id=reference)
            if row is None:
                raise NotFound(f"no message {reference!r}; `gateway inquiries show` names them")
            inquiry = find(tx, row["inquiry_id"])
            # One inquiry may hold messages of several accounts, of several kinds.
            came = self.accounts.get(row["account"])
            message = {**row, "channel": came.kind if came else inquiry["channel"]}
            number, ops = merging.split_off(tx, inquiry, message, command, now, agent)
            self.apply(tx, Plan(command, ops), now)
            return number

        return await self.store.write(work)

    async def merge_contacts(self, into: str, other: str, agent: str) -> None:
        """Two addresses are one person's. Raises `NotFound`, `NotAllowed`."""
        command, now = self.ids.new(), self.clock.now()

        def work(tx: Tx) -> None:
            rows = self._handle(tx, other), self._handle(tx, into)
            self.apply(tx, Plan(command, merging.contacts_merged(*rows, command, now, agent)), now)

        await self.store.write(work)

    async def split_contact(self, address: str, agent: str) -> None:
        """An address is another person's after all. Raises `NotFound`, `NotAllowed`."""
        command, now = self.ids.new(), self.clock.now()

        def work(tx: Tx) -> None:
            ops = merging.contact_split(tx, self._handle(tx, address), command, now, agent)
            self.apply(tx, Plan(command, ops), now)

        await self.store.write(work)

    def allowed_by_brand(self) -> dict[str, list[Allowed]]:
        """What a text may name to go out by every account of a brand."""
        found: dict[str, list[Allowed]] = {}
        for name, account in self.accounts.items():
            found.setdefault(account.brand, []).append(self.allowed.get(name, Allowed()))
        return found

    def _handle(self, reader: Reader, address: str) -> Row:
        """The handle written so. Raises `NotAllowed` when it is one in several address spaces."""
        space, colon, bare = address.partition(":")
        spaces = {account.space for account in self.accounts.values()}
        if colon and space in spaces:
            spaces, address = {space}, bare
        found = [reader.one("contacts.handle", space=s, address=address) for s in sorted(spaces)]
        rows = [row for row in found if row is not None]
        if not rows:
            raise NotFound(f"nobody has written from {address!r}")
        if len(rows) > 1:
            raise NotAllowed(f"{address!r} is several addresses; say which with its kind: email:…")
        return rows[0]

    # ------------------------------------------------------------ parts

    async def _do(
        self,
        reference: str,
        steps: Callable[[Tx, Row, str, float], tuple[Op, ...]],
        result: str = "",
        done_by: str = "",
    ) -> str:
        command, now = self.ids.new(), self.clock.now()

        def work(tx: Tx) -> str:
            inquiry = find(tx, reference)
            self.apply(tx, Plan(command, steps(tx, inquiry, command, now)), now)
            if done_by:
                self.finished(tx, inquiry, done_by, command, now)
            number: str = inquiry["number"]
            return derived_id(command, result) if result else number

        return await self.store.write(work)

    def _reply(
        self, tx: Tx, inquiry: Row, command: str, now: float, agent: str, text: str, to: str
    ) -> tuple[Op, ...]:
        ops: list[Op] = []
        merging.not_anothers(inquiry, agent)
        state, version = InquiryState(inquiry["state"]), inquiry["version"]
        if state is not InquiryState.ASSIGNED:
            state = move(state, "assign")
            ops.append(ChangeInquiry(inquiry["id"], version, state, assigned_to=agent))
            version += 1
        ops.append(ChangeInquiry(inquiry["id"], version, move(state, "await_customer")))
        if to:
            way = ways.other(tx, inquiry, self.accounts, now, to)
        else:
            way = ways.home(tx, inquiry, self.accounts, now)
        allowed = self.allowed.get(way.account.id, Allowed())
        if why := refusal(text, allowed, way.recipient):
            msg = f"the reply was not sent: {why}"
            raise NotAllowed(msg)
        if why := way.refusal(text):
            raise ways.refused(tx, inquiry, self.accounts, now, why)
        answer = Reply(
            id=derived_id(command, "out"),
            conversation_id=way.conversation_id,
            inquiry_id=inquiry["id"],
            number=inquiry["number"],
            recipient=way.recipient,
            text=text,
            author=agent,
            automatic=False,
            language=inquiry["language"],
            subject=way.context.get("subject") or inquiry["subject"],
            context=way.context,
        )
        ops += [
            *outgoing(answer, way.account, now),
            *carried(tx, inquiry, text, answer.id, now),
            _log(command, "inquiry.replied", inquiry, now, agent=agent),
        ]
        return tuple(ops)


def _fit_to_send(text: str) -> None:
    """Raises `NotAllowed` for what an agent must not write."""
    if not text.strip():
        msg = "the reply is empty"
        raise NotAllowed(msg)
    if found := redact(text).redactions:
        msg = f"the reply contains a {found[0].kind}; take it out, it must not be stored or sent"
        raise NotAllowed(msg)
    if asked := asks_for_secret(text):
        msg = (
            f"the reply asks for a code, password or card number ({asked!r}); we never do: "
            "let the customer enter it in the app, or ask for something else"
        )
        raise NotAllowed(msg)


def find(reader: Reader, reference: str) -> Row:
    """An inquiry by number or id. Raises `NotFound`."""
    row = reader.one("inquiries.by_number", number=reference) or reader.one(
        "inquiries.by_id", id=reference
    )
    if row is None:
        msg = f"no inquiry {reference!r}; `gateway inquiries list` shows them"
        raise NotFound(msg)
    return row


def remark(inquiry: Row, message_id: str, author: str, text: str) -> AddMessage:
    """An internal remark, redacted."""
    return AddMessage(
        message_id=message_id,
        conversation_id=inquiry["conversation_id"],
        inquiry_id=inquiry["id"],
        direction="out",
        visibility="note",
        author=author,
        automatic=False,
        text=redact(text).text,
    )


def _claimed(inquiry: Row, command: str, now: float, agent: str) -> tuple[Op, ...]:
    return (
        _move(inquiry, "assign", assigned_to=agent),
        _log(command, "inquiry.claimed", inquiry, now, agent=agent),
    )


def _move(inquiry: Row, verb: str, assigned_to: str | None = None) -> ChangeInquiry:
    return ChangeInquiry(
        inquiry["id"],
        inquiry["version"],
        move(InquiryState(inquiry["state"]), verb),
        assigned_to=assigned_to,
    )


def _log(command: str, kind: str, inquiry: Row, now: float, **data: Any) -> Log:
    return Log(LogEvent(derived_id(command, "e"), kind, now, inquiry["id"], data))
