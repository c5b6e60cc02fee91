"""Plays a flow: a TOML file of steps, each with what happens and what must follow from it.

A step has one action (a table named after one of the `_…` methods of `Play`) and `[step.expect]`:

    status      what a webhook was answered
    sent        what reached the other side in this step: to, automatic, subject, has, lacks
    inquiries   those of this flow, oldest first; only the named fields are compared
    events      the kinds of the log's new events, in order
    delivery    states of our messages, oldest first
    handle      the flag of the customer's address
    timers      kinds of the timers that wait
    counts      what the intake counted in this step, by account.outcome
    absent      texts that stand nowhere in the data directory, and nowhere in the database
"""

import asyncio
import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from channels._sim_email import MailPeer, bounce, compose, out_of_office
from channels._sim_http import HttpPeer
from channels._sim_sms import SmsPeer
from gateway.app import Gateway
from gateway.domain.model import Note
from tests.store.engines import PostgresEngine, select, value

MAILBOX = "support@pay.example"
#: Nothing is under way: every event is planned, what is due has been sent, and the log is numbered.
_BUSY = (
    "SELECT (SELECT COUNT(*) FROM raw_events WHERE state = 'pending')"
    " + (SELECT COUNT(*) FROM outbox WHERE state IN ('ready', 'leased', 'begun', 'unknown'))"
    " + (SELECT COUNT(*) FROM events WHERE seq IS NULL)"
)
_INQUIRIES = (
    "SELECT i.*, h.address, h.flag FROM inquiries i"
    " JOIN conversations v ON v.id = i.conversation_id JOIN handles h ON h.id = v.handle_id"
    " WHERE h.address = '{}' ORDER BY i.created_at, i.id"
)
_DELIVERY = (
    "SELECT m.delivery FROM messages m JOIN conversations v ON v.id = m.conversation_id"
    " JOIN handles h ON h.id = v.handle_id"
    " WHERE h.address = '{}' AND m.direction = 'out' AND m.visibility <> 'note' ORDER BY m.at, m.id"
)


@dataclass
class Town:
    """A running gateway and the simulators at the other ends."""

    gateway: Gateway
    app: HttpPeer
    sms: SmsPeer
    mail: MailPeer

    def url(self, path: str) -> str:
        return f"{self.gateway.addresses['web']}/in/{path}"

    async def quiet(self, seconds: float = 15.0) -> None:
        """Wait until nothing is under way. Three loops and three servers share no event to wait
        for, so the database is asked."""
        async with asyncio.timeout(seconds):
            while await value(self.gateway.store, _BUSY):
                await asyncio.sleep(0.005)


@dataclass
class Play:
    """One flow on the town's stage."""

    town: Town
    customer: str
    """The address whose inquiries the flow is about."""
    status: int = 0

    async def run(self, step: Mapping[str, Any]) -> dict[str, Any]:
        """Do what the step says; what followed, in the words of its expectation."""
        expect = step["expect"]
        (action,) = (name for name in step if name not in {"title", "expect"})
        seq = await value(self.town.gateway.store, "SELECT COALESCE(MAX(seq), 0) FROM events")
        counts = Counter(self.town.gateway.intake.counts)
        before = {name: len(found) for name, found in self._reached().items()}
        await getattr(self, f"_{action}")(**step[action])
        await self.town.quiet()
        return {
            name: await getattr(self, f"_see_{name}")(expect[name], seq, counts, before)
            for name in expect
        }

    def _reached(self) -> dict[str, list[Any]]:
        """Everything that reached this customer, by account."""
        town = self.town
        return {
            "app": [a for a in town.app.answers if a["to"] == self.customer],
            "sms": [m for m in town.sms.messages if m.to == self.customer],
            "box": [*town.mail.mailboxes[self.customer.lower()]],
        }

    # ------------------------------------------------------------ what happens

    async def _app(self, text: str, times: int = 1, **more: Any) -> None:
        for _ in range(times):
            posted = await self.town.app.post_message(
                self.town.url("http/app"), text, sender=self.customer, **more
            )
            self.status = posted.status

    async def _app_receipt(self, of: int, status: str) -> None:
        answer = self._reached()["app"][of]
        posted = await self.town.app.post_receipt(
            self.town.url("http/app"), f"cb-{answer['id']}", status
        )
        self.status = posted.status

    async def _sms(self, text: str, times: int = 1, **more: Any) -> None:
        for _ in range(times):
            answer = await self.town.sms.send_sms(
                self.town.url("sms/sms"), text, sender=self.customer, **more
            )
            self.status = answer.status

    async def _sms_status(self, of: int, status: str, error_code: str = "") -> None:
        message = self._reached()["sms"][of]
        answer = await self.town.sms.report(
            self.town.url("sms/sms/status"), message.sid, status, error_code=error_code
        )
        self.status = answer.status

    async def _mail(
        self, text: str, subject: str = "", answers: int | None = None, **more: Any
    ) -> None:
        original = None if answers is None else self._reached()["box"][answers]
        subject = subject or (f"Re: {original.subject}" if original else "")
        await self._post(compose(self.customer, MAILBOX, subject, text, answers=original, **more))

    async def _mail_bounced(self, of: int, sender: str = "") -> None:
        ours = self._reached()["box"][of]
        await self._post(bounce(ours), sender=sender, recipients=[ours.envelope_from or MAILBOX])

    async def _mail_holiday(self, of: int) -> None:
        await self._post(out_of_office(self._reached()["box"][of]))

    async def _post(self, data: bytes, **how: Any) -> None:
        host, _, port = self.town.gateway.addresses["box"].rpartition(":")
        await self.town.mail.send(host.rpartition("/")[2], int(port), data, **how)

    async def _agent(self, does: str, name: str = "ann", text: str = "") -> None:
        desk = self.town.gateway.desk
        number = (await self._inquiries())[-1]["number"]
        match does:
            case "claim":
                await desk.claim(number, name)
            case "reply":
                await desk.reply(number, name, text)
            case "note":
                await desk.note(Note(number, name, text))
            case "resolve":
                await desk.resolve(number, name)

    # ------------------------------------------------------------ what follows

    async def _inquiries(self) -> list[dict[str, Any]]:
        return await select(self.town.gateway.store, _INQUIRIES.format(self.customer))

    async def _see_status(self, *_: Any) -> int:
        return self.status

    async def _see_inquiries(self, wanted: list[dict[str, Any]], *_: Any) -> list[dict[str, Any]]:
        found = await self._inquiries()
        return [
            {name: row[name] for name in (wanted[n] if n < len(wanted) else row)}
            for n, row in enumerate(found)
        ]

    async def _see_events(self, _wanted: Any, seq: int, *_: Any) -> list[str]:
        rows = await select(
            self.town.gateway.store, f"SELECT kind FROM events WHERE seq > {seq} ORDER BY seq"
        )
        return [row["kind"] for row in rows]

    async def _see_sent(
        self, wanted: list[dict[str, Any]], _seq: int, _counts: Any, before: dict[str, int]
    ) -> list[dict[str, Any]]:
        new = [
            _seen(account, message)
            for account, found in self._reached().items()
            for message in found[before[account] :]
        ]
        return [
            _as_wanted(message, wanted[n] if n < len(wanted) else {"account": "", "has": [""]})
            for n, message in enumerate(new)
        ]

    async def _see_delivery(self, *_: Any) -> list[str]:
        rows = await select(self.town.gateway.store, _DELIVERY.format(self.customer))
        return [row["delivery"] for row in rows]

    async def _see_handle(self, *_: Any) -> str:
        flag: str = await value(
            self.town.gateway.store, f"SELECT flag FROM handles WHERE address = '{self.customer}'"
        )
        return flag

    async def _see_timers(self, *_: Any) -> list[str]:
        ids = [row["id"] for row in await self._inquiries()]
        rows = await select(self.town.gateway.store, "SELECT kind, subject FROM timers")
        return sorted(row["kind"] for row in rows if row["subject"] in ids)

    async def _see_counts(
        self, _wanted: Any, _seq: int, before: Counter[Any], *_: Any
    ) -> dict[str, int]:
        now = Counter(self.town.gateway.intake.counts)
        now.subtract(before)
        return {f"{account}.{what}": number for (account, what), number in now.items() if number}

    async def _see_absent(self, wanted: list[str], *_: Any) -> list[str]:
        config = self.town.gateway.config
        files = sorted(config.data_dir.rglob("*"))
        written = b"".join(path.read_bytes() for path in files if path.is_file())
        if config.shared:
            written += await asyncio.to_thread(PostgresEngine(config.database).written_bytes)
        return [text for text in wanted if text.encode() not in written]


def _seen(account: str, message: Any) -> dict[str, Any]:
    match account:
        case "app":
            keep = ("text", "subject", "automatic")
            return {"account": account, **{name: message[name] for name in keep}}
        case "sms":
            return {"account": account, "text": message.body}
        case _:
            return {
                "account": account,
                "text": message.text,
                "subject": message.subject,
                "threaded": bool(message.in_reply_to) and message.in_reply_to in message.references,
                "automatic": message.headers.get("auto-submitted", "no") != "no",
            }


def _as_wanted(message: dict[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The message in the words of the expectation; the whole text where a word of it fails."""
    text = message["text"]
    found: dict[str, Any] = {}
    for name, expected in wanted.items():
        match name:
            case "has":
                found[name] = [word if word in text else f"NOT IN: {text}" for word in expected]
            case "lacks":
                found[name] = [word if word not in text else f"IN: {text}" for word in expected]
            case _:
                found[name] = message.get(name)
    return found


def flows() -> list[Path]:
    """The files beside this module."""
    return sorted(Path(__file__).parent.glob("*.toml"))


def read(path: Path) -> dict[str, Any]:
    """A flow. Raises AssertionError for a word that `Play` does not know."""
    flow = tomllib.loads(path.read_text("utf-8"))
    for step in flow["step"]:
        actions = [name for name in step if name not in {"title", "expect"}]
        assert len(actions) == 1, f"{path.name}: {actions}"
        for name in (f"_{actions[0]}", *(f"_see_{name}" for name in step["expect"])):
            assert hasattr(Play, name), f"{path.name}: {name}"
    return flow
