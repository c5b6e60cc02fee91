"""What `/healthz/channels` says of accounts that work, do not, or are broken themselves."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web

from gateway.console import channels as console_channels
from gateway.console.channels import ChannelHealth
from gateway.domain.channel import Health
from gateway.domain.errors import StoreError
from gateway.testing.clock import FakeClock


class Account:
    """One that can be asked."""

    def __init__(self, *found: Health | BaseException) -> None:
        self.found = list(found)
        self.asked = 0

    async def health(self) -> Health:
        self.asked += 1
        found = self.found[min(self.asked, len(self.found)) - 1]
        if isinstance(found, BaseException):
            raise found
        return found


GOOD = Health(ok=True, detail="INBOX: 3 mails stored, none waits")


@asynccontextmanager
async def served(clock: FakeClock, **accounts: Any) -> AsyncIterator[Any]:
    application = web.Application()
    application.add_routes(ChannelHealth(accounts, clock).routes())
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/healthz/channels"
    async with aiohttp.ClientSession() as client:

        async def ask() -> tuple[int, dict[str, Any]]:
            async with client.get(url) as answer:
                return answer.status, await answer.json()

        yield ask
    await runner.cleanup()


async def test_all_well_is_200_and_one_that_is_not_is_503():
    async with served(FakeClock(), box=Account(GOOD), mute=object()) as ask:
        status, told = await ask()
    assert (status, told["ok"]) == (200, True)
    assert told["channels"] == {"box": {"ok": True, "detail": GOOD.detail}}
    bad = Account(Health(ok=False, detail="IMAP: AUTHENTICATE was refused"))
    async with served(FakeClock(), box=Account(GOOD), other=bad) as ask:
        status, told = await ask()
    assert (status, told["ok"]) == (503, False)
    assert told["channels"]["other"]["detail"] == "IMAP: AUTHENTICATE was refused"


async def test_a_channel_that_fails_to_tell_hides_no_other():
    faults = {"a": Account(ValueError("secret")), "b": Account(StoreError("the database is away"))}
    async with served(FakeClock(), **faults, c=Account(GOOD)) as ask:
        _, told = await ask()
    assert told["channels"]["a"]["detail"] == "a fault of the channel: ValueError"
    assert told["channels"]["b"]["detail"] == "the database is away"
    assert told["channels"]["c"]["ok"]


async def test_a_provider_is_asked_at_most_once_a_minute():
    clock, box = FakeClock(), Account(Health(ok=False, detail="no"), GOOD)
    async with served(clock, box=box) as ask:
        assert [(await ask())[0] for _ in range(3)] == [503] * 3
        assert box.asked == 1
        clock.advance(console_channels.KEEP)
        assert (await ask())[0] == 200
        assert box.asked == 2


async def test_one_that_does_not_answer_is_not_waited_for(monkeypatch):
    class Silent:
        async def health(self) -> Health:
            await asyncio.Event().wait()
            raise AssertionError

    monkeypatch.setattr(console_channels, "PATIENCE", 0.05)
    async with served(FakeClock(), box=Silent()) as ask:
        _, told = await ask()
    assert told["channels"]["box"]["detail"] == "no answer within 0.05 s"
