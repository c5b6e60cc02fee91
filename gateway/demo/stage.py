"""Where the story plays: a real gateway on embedded SQLite, and simulators at the other ends."""

import asyncio
import importlib
import os
import socket
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import web

from gateway.app import Gateway, assemble, lock_data, running
from gateway.config import Config
from gateway.demo.cast import BRAND, MAILBOX, Words
from gateway.demo.progress import Line, NotSeen, Progress
from gateway.domain.decision import Certificate
from gateway.domain.store import Reader, Row
from gateway.registry import Registry
from gateway.workers.snapshots import certificates_in_force

T = TypeVar("T")

#: The accounts of the story, by the kind of channel each of them is.
MAIL, SMS, APP = "email", "sms", "http"
#: Seconds something may take before it counts as not happening.
PATIENCE = 10.0
#: How often the database is asked whether it has happened.
GLANCE = 0.02
#: Seconds for rating every question that comes with the knowledge base.
CERTIFY_SECONDS = 60.0
HOST = "127.0.0.1"


@dataclass(slots=True)
class Stage:
    """What scenes act on and look at."""

    gateway: Gateway
    registry: Registry
    mail: Any
    """The mail server of the outside world. Simulators come by entry point: their types are not
    known here."""
    sms: Any
    app: Any
    letters: Any
    """The module beside the mail simulator that writes customers' mail and bounces."""
    progress: Progress
    pace: float
    """1 for people who read along, 0 for checks."""

    # ------------------------------------------------------------ telling

    async def tell(self, zh: str, en: str, pause: float = 2.0) -> None:
        """The narrator says what comes now, and leaves time to read it."""
        self.progress.lines.append(Line(Words(zh, en)))
        await self.pause(pause)

    async def quote(self, speaker: str, text: str, pause: float = 2.0) -> None:
        """Somebody's own words."""
        self.progress.lines.append(Line(Words(text, text), speaker))
        await self.pause(pause)

    async def pause(self, seconds: float) -> None:
        """Time to read; none when nobody reads along."""
        if self.pace:
            await asyncio.sleep(seconds * self.pace)

    def show(self, seen: object, zh: str, en: str) -> None:
        """A check: what was seen. Raises `NotSeen`."""
        if not seen:
            raise NotSeen(Words(zh, en))
        self.progress.act.seen.append(Words(zh, en))

    # ------------------------------------------------------------ looking

    async def read(self, query: Callable[[Reader], T]) -> T:
        """One consistent look at the database."""
        return await self.gateway.store.read(query)

    async def until(
        self, query: Callable[[Reader], T], zh: str, en: str, *, seconds: float = PATIENCE
    ) -> T:
        """Look until there is something; return it. Raises `NotSeen` with the sentence that was
        waited for."""
        deadline = time.monotonic() + seconds
        while not (found := await self.read(query)):
            if time.monotonic() > deadline:
                raise NotSeen(Words(zh, en))
            await asyncio.sleep(GLANCE)
        return found

    def inquiry(self, reader: Reader, account: str, address: str) -> Row | None:
        """The open inquiry of an address."""
        conversation = self.conversation(reader, account, address)
        if conversation is None:
            return None
        return reader.one("inquiries.latest_open", conversation_id=conversation["id"], since=0.0)

    def conversation(self, reader: Reader, account: str, address: str) -> Row | None:
        """The conversation of an address with one account."""
        handle = self.handle(reader, account, address)
        if handle is None:
            return None
        return reader.one("contacts.conversation", account=account, handle_id=handle["id"])

    def handle(self, reader: Reader, account: str, address: str) -> Row | None:
        """An address as the gateway knows it."""
        space = self.gateway.accounts[account].space
        return reader.one("contacts.handle", space=space, address=address)

    async def reached(self, account: str, address: str, state: str) -> Row:
        """Wait until the inquiry of an address is in a state; return it."""

        def query(reader: Reader) -> Row | None:
            row = self.inquiry(reader, account, address)
            return row if row is not None and row["state"] == state else None

        row = await self.until(query, f"咨询进入状态 {state}", f"the inquiry is {state}")
        assert row is not None  # noqa: S101 - `until` returns nothing empty
        return row

    async def messages(self, inquiry: Row) -> list[Row]:
        """Everything said in an inquiry, notes too."""
        return await self.read(lambda r: r.all("messages.of_inquiry", inquiry_id=inquiry["id"]))

    async def logged(self, inquiry: Row, kind: str) -> list[Row]:
        """The events of one kind in the log of an inquiry."""
        rows = await self.read(lambda r: r.all("events.of_inquiry", inquiry_id=inquiry["id"]))
        return [row for row in rows if row["kind"] == kind]

    # ------------------------------------------------------------ the outside world

    @property
    def listener(self) -> tuple[str, int]:
        """Where the gateway takes mail."""
        host, _, port = self.gateway.addresses[MAIL].rpartition(":")
        return host, int(port)

    def webhook(self, account: str) -> str:
        """The address that providers call."""
        return f"{self.gateway.addresses['web']}/in/{account}/{account}"

    async def post(self, data: bytes, **envelope: Any) -> str:
        """A mail arrives at our listener; its last words."""
        words: str = await self.mail.send(*self.listener, data, **envelope)
        return words

    async def letters_to(self, address: str, count: int = 1) -> Any:
        """Wait for our `count`-th mail to an address; return it. Raises `NotSeen`."""
        try:
            return (await self.mail.wait_for(address, count, PATIENCE))[-1]
        except TimeoutError as error:
            raise NotSeen(Words(f"{address} 收到回信", f"a mail reaches {address}")) from error

    async def texts_to(self, number: str, count: int = 1) -> Any:
        """Wait for our `count`-th SMS to a number; return it. Raises `NotSeen`."""
        deadline = time.monotonic() + PATIENCE
        while len(found := [m for m in self.sms.messages if m.to == number]) < count:
            if time.monotonic() > deadline:
                raise NotSeen(Words(f"{number} 收到短信", f"an SMS reaches {number}"))
            await asyncio.sleep(GLANCE)
        return found[count - 1]

    async def answers_to(self, user: str, count: int = 1) -> Any:
        """Wait for our `count`-th answer to a user of the app; return it. Raises `NotSeen`."""
        deadline = time.monotonic() + PATIENCE
        while len(found := [a for a in self.app.answers if a["to"] == user]) < count:
            if time.monotonic() > deadline:
                raise NotSeen(Words(f"{user} 在应用内收到回复", f"an answer reaches {user}"))
            await asyncio.sleep(GLANCE)
        return found[count - 1]

    async def certified(self) -> list[Certificate]:
        """Wait until the certificates of the shipped questions are in force; those."""
        await self.until(
            lambda r: bool(r.all("certificates.in_force")),
            "证书已生效",
            "certificates are in force",
            seconds=CERTIFY_SECONDS,
        )
        return list(await self.read(certificates_in_force))


@asynccontextmanager
async def staged(
    data_dir: Path,
    port: int,
    progress: Progress,
    pace: float = 0.0,
    routes: Callable[[Gateway], Sequence[web.RouteDef]] = lambda _: (),
) -> AsyncIterator[Stage]:
    """Start simulators and gateway, each on a port of its own on this machine; stop them in
    reverse.

    Args:
        data_dir: where the gateway keeps everything; an absolute path.
        port: of the web server; another one when it is used.
        progress: what scenes write to.
        pace: how long they pause.
        routes: more routes of the web server.

    Raises:
        GatewayError: the gateway cannot start; the text says why.
    """
    registry = Registry.installed()
    pen = registry.simulator(MAIL)
    async with AsyncExitStack() as stack:
        stack.enter_context(lock_data(data_dir))
        mail = await stack.enter_async_context(pen())
        sms = await stack.enter_async_context(registry.simulator(SMS)(receipts=True))
        app = await stack.enter_async_context(registry.simulator(APP)())
        config = Config.model_validate(
            {
                "data_dir": data_dir,
                "server": {"host": HOST, "port": free_port(port), "allow_private": True},
                "brands": {"demo": BRAND},
                # A demo's folder is new every time; what was learnt may lie elsewhere.
                "answers": {"models": os.environ.get("GATEWAY_ANSWERS__MODELS", "models")},
                "workers": {"poll_seconds": 0.2},
                "accounts": {
                    MAIL: {"kind": MAIL, **mail.account_settings(MAILBOX)},
                    SMS: {"kind": SMS, **sms.account_settings()},
                    APP: {"kind": APP, **app.account_settings()},
                },
            }
        )
        gateway = await stack.enter_async_context(assemble(config, registry))
        await stack.enter_async_context(running(gateway, extra_routes=routes(gateway)))
        letters = importlib.import_module(pen.__module__)
        yield Stage(gateway, registry, mail, sms, app, letters, progress, pace)


def free_port(wanted: int) -> int:
    """`wanted` when it can be had, else one that is free. The number has to be known before the
    gateway binds it: providers are told it for their receipts."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            number: int = probe.getsockname()[1]
            return number
    return 0
