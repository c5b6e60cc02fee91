"""What works beside a running gateway on the same data directory: a store and a desk, without the
lock, the worker processes and the channels. The part of the composition root that the command line
shares with `gateway.app`.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

import structlog

from gateway.config import Config
from gateway.desk.commands import Desk
from gateway.domain.channel import Capabilities
from gateway.domain.errors import SettingsError
from gateway.domain.snapshot import AccountView
from gateway.intake.accept import Accept, MailIdentity
from gateway.keys import Keys
from gateway.registry import ReadyAccount, Registry
from gateway.store.apply import apply
from gateway.store.blobs import FileBlobs
from gateway.store.sqlite import SqliteStore
from gateway.world import MonotonicIds, SystemClock

T = TypeVar("T")


class SameProcess:
    """Stands in for the pool of worker processes where nobody waits for an acknowledgement."""

    async def run(self, function: Callable[..., T], *args: object, timeout: float) -> T:  # noqa: ARG002, ASYNC109 - the pool's signature; whoever waits here can interrupt
        """Run it on the spot."""
        return function(*args)


@dataclass(frozen=True, slots=True)
class Office:
    """What a command beside a running gateway works with."""

    config: Config
    registry: Registry
    accounts: Mapping[str, ReadyAccount]
    keys: Keys
    store: SqliteStore
    blobs: FileBlobs
    desk: Desk
    intake: Accept
    clock: SystemClock
    ids: MonotonicIds


@asynccontextmanager
async def desk_only(config: Config, registry: Registry | None = None) -> AsyncIterator[Office]:
    """Open the store of a data directory, whether a gateway runs on it or not.

    Raises:
        SettingsError: there is no database or no key; nothing is created here.
        StoreError: the database cannot be opened.
    """
    if not config.database_path.is_file():
        msg = (
            f"there is no gateway database {config.database_path}; name the right folder with "
            "--data-dir, or let `gateway serve` make one"
        )
        raise SettingsError(msg)
    registry = registry or Registry.installed()
    accounts = registry.accounts(config)
    keys = Keys.load(config.data_dir)
    clock, ids = SystemClock(), MonotonicIds()
    store = SqliteStore(config.database_path)
    await store.open()
    try:
        blobs = FileBlobs(config.data_dir / "blobs", keys)
        yield Office(
            config=config,
            registry=registry,
            accounts=accounts,
            keys=keys,
            store=store,
            blobs=blobs,
            desk=Desk(
                store,
                {name: account_view(a, a.channel.capabilities) for name, a in accounts.items()},
                apply,
                clock,
                ids,
                config.answers.close_after_hours * 3600,
            ),
            intake=Accept(
                store, blobs, keys, SameProcess(), clock, ids, structlog.get_logger("gateway"),
                identity=mail_identity(accounts, keys),
            ),
            clock=clock,
            ids=ids,
        )  # fmt: skip
    finally:
        await store.close()


def account_view(account: ReadyAccount, can: Capabilities) -> AccountView:
    """An account as planning and the desk see it. `can` is the built channel's where there is one:
    an instance may know more than its class."""
    domain = mail_address(account).rpartition("@")[2]
    return AccountView(
        id=account.id,
        kind=account.kind,
        brand=account.brand,
        space=can.address_space,
        form=can.form,
        queue=account.queue,
        domain=domain if can.threading == "headers" else "",
        subject=can.subject,
    )


def mail_identity(accounts: Mapping[str, ReadyAccount], keys: Keys | None) -> MailIdentity:
    """Our own addresses, and the marks by which our own mail is known when it comes back."""
    return MailIdentity(
        own_addresses=frozenset(filter(None, map(mail_address, accounts.values()))),
        loop_marks=frozenset(keys.sign("loop", name) for name in accounts) if keys else frozenset(),
    )


def mail_address(account: ReadyAccount) -> str:
    """The mail address of an account, where its channel has such a setting."""
    return str(getattr(account.settings, "address", ""))
