"""A running gateway between three simulators, for tests of what goes wrong on its doorstep."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import aiosmtplib
import pytest

from channels._sim_email import MailPeer
from channels._sim_http import HttpPeer
from channels._sim_sms import SmsPeer
from tests.crash.ledger import DATABASE
from tests.crash.programs import Program, gateway
from tests.crash.settings import MAIL_ADDRESS, Outside, free_port, write_config


@dataclass(slots=True)
class Office:
    """A gateway, and the people around it."""

    config: Path
    mail: MailPeer
    sms: SmsPeer
    app: HttpPeer
    session: aiohttp.ClientSession
    process: Program | None = None
    addresses: dict[str, str] | None = None

    @property
    def data_dir(self) -> Path:
        return self.config.parent / "data"

    def url(self, kind: str, account: str) -> str:
        """Where providers call it."""
        assert self.addresses is not None
        return f"{self.addresses['web']}/in/{kind}/{account}"

    @property
    def mail_port(self) -> int:
        assert self.addresses is not None
        return int(self.addresses["mail"].rpartition(":")[2])

    @asynccontextmanager
    async def open(self, prefix: tuple[str, ...] = ()) -> AsyncIterator[Program]:
        """Run the gateway for the length of the block."""
        async with gateway(self.config, prefix=prefix) as process:
            self.addresses = await process.addresses()
            self.process = process
            yield process

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask the database, whether the gateway runs or not."""
        address = f"file:{self.data_dir / DATABASE}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=10)) as connection:
            return connection.execute(query, values).fetchall()

    async def until(self, query: str, wanted: object, seconds: float = 20.0) -> None:
        """Wait until the first figure of a query is `wanted`."""
        async with asyncio.timeout(seconds):
            while (found := self.rows(query)[0][0]) != wanted:
                del found
                await asyncio.sleep(0.05)

    async def at_rest(self, seconds: float = 30.0) -> None:
        """Wait until nothing is left to do."""
        await self.until("SELECT COUNT(*) FROM raw_events WHERE state = 'pending'", 0, seconds)
        await self.until(
            "SELECT COUNT(*) FROM outbox WHERE state IN ('ready', 'leased', 'begun', 'unknown')",
            0,
            seconds,
        )

    async def write_mail(self, data: bytes, sender: str = "anna@mail.example") -> None:
        """Deliver one mail on a connection of its own. Raises aiosmtplib's exceptions."""
        client = aiosmtplib.SMTP(
            hostname="127.0.0.1",
            port=self.mail_port,
            local_hostname="mail.example",
            start_tls=False,
            timeout=60,
        )
        try:
            await client.connect()
            await client.sendmail(sender, [MAIL_ADDRESS], data)
        finally:
            client.close()

    async def metrics(self) -> str:
        """What Prometheus would read."""
        assert self.addresses is not None
        async with self.session.get(f"{self.addresses['web']}/metrics") as response:
            return await response.text()


Furnish = Callable[..., Office]


@pytest.fixture
async def furnish(tmp_path: Path) -> AsyncIterator[Furnish]:
    """Makes an office; `folder` is where it keeps everything, `options` go to `write_config`."""
    async with AsyncExitStack() as stack:
        mail = await stack.enter_async_context(MailPeer())
        sms = await stack.enter_async_context(SmsPeer())
        app = await stack.enter_async_context(HttpPeer())
        session = await stack.enter_async_context(aiohttp.ClientSession())
        outside = Outside(mail.port, sms.url, app.url)

        def make(folder: Path = tmp_path, **options: Any) -> Office:
            options = {"processes": 1, **options}  # one starts sooner than two
            config = write_config(folder, outside, web_port=free_port(), **options)
            return Office(config, mail, sms, app, session)

        yield make
