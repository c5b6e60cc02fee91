"""What works beside a running gateway on the same data directory: a store and a desk, without the
lock, the worker processes and the network. The part of the composition root that the command line
shares with `gateway.app`.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import structlog

from gateway.answers.table_files import with_files
from gateway.answers.versions import Versions
from gateway.config import Config, templates_dir
from gateway.desk.commands import Desk
from gateway.desk.floor import Floor
from gateway.domain.allowlist import Allowed
from gateway.domain.announcement import Announcement
from gateway.domain.channel import Channel, Correspondent, Fetcher
from gateway.domain.decision import Certificate
from gateway.domain.errors import SettingsError
from gateway.domain.model import Brand
from gateway.domain.snapshot import AccountView
from gateway.domain.window import Rules
from gateway.installation import own_key
from gateway.intake.accept import Accept, MailIdentity
from gateway.intake.redact import Policy
from gateway.keys import Keys
from gateway.offline import offline_world
from gateway.registry import ReadyAccount, Registry
from gateway.staff import clocking_of, dispositions_of, floor_of
from gateway.store.blobs import FileBlobs
from gateway.store.choose import Engine, store_for
from gateway.store.look import look
from gateway.workers.announcing import announcements_in_force
from gateway.workers.snapshots import certificates_in_force
from gateway.world import MonotonicIds, SystemClock

T = TypeVar("T")

#: Seconds more than a call waits for its answer: what is late goes another way, and never both.
HOLD_SLACK = 1.0


class SameProcess:
    """Stands in for the pool of worker processes where nobody waits for an acknowledgement."""

    async def run(self, function: Callable[..., T], *args: object, timeout: float) -> T:  # noqa: ARG002, ASYNC109 - the pool's signature; who waits here can interrupt
        """Run it on the spot."""
        return function(*args)


@dataclass(frozen=True, slots=True)
class Office:
    """What a command beside a running gateway works with."""

    config: Config
    channels: Mapping[str, Channel]
    """By account; they can read what came, and reach nobody."""
    keys: Keys
    store: Engine
    blobs: FileBlobs
    desk: Desk
    floor: Floor
    intake: Accept
    clock: SystemClock
    ids: MonotonicIds


@asynccontextmanager
async def desk_only(config: Config, registry: Registry | None = None) -> AsyncIterator[Office]:
    """Open the store of a data directory, whether a gateway runs on it or not.

    Raises:
        SettingsError: there is no database or no key, and none is made here.
        StoreError: the database cannot be opened.
    """
    _there_already(config)
    keys = Keys.load(config.data_dir)
    clock, ids = SystemClock(), MonotonicIds()
    accounts = (registry or Registry.installed()).accounts(config)
    channels = {
        name: account.channel.from_account(
            account.settings,
            offline_world(
                name,
                brand=account.brand,
                public_url=config.public_url,
                clock=clock,
                sign=keys.sign,
            ),
        )
        for name, account in accounts.items()
    }
    store = store_for(config.database, config.data_dir)
    await store.open()
    try:
        await own_key(config, store, keys)
        blobs = FileBlobs(config.data_dir / "blobs", keys)
        views = {name: account_view(accounts[name], built) for name, built in channels.items()}
        floor = floor_of(config, store, clock, ids)
        desk = Desk(
            store, views, clocking_of(config).apply, clock, ids,
            config.answers.close_after_hours * 3600,
            allowed_of(config, accounts, channels), floor.finished, floor.here,
            dispositions_of(config),
        )  # fmt: skip
        intake = Accept(
            store, blobs, keys, SameProcess(), clock, ids, structlog.get_logger("gateway"),
            identity=mail_identity(channels.values()),
            policy=redaction_policy(config),
        )  # fmt: skip
        yield Office(config, channels, keys, store, blobs, desk, floor, intake, clock, ids)
    finally:
        await store.close()


def _there_already(config: Config) -> None:
    """Raises `SettingsError` when opening the store would make a database."""
    if (file := config.database_path) is not None:
        if not file.is_file():
            msg = (
                f"there is no database {file}; name the gateway's folder with "
                "--data-dir, or let `gateway serve` make one"
            )
            raise SettingsError(msg)
        return
    with look(config.database, config.data_dir) as seen:
        if seen is None or not seen.schema():
            msg = f"nothing is in {config.database_shown} yet; let `gateway serve` begin"
            raise SettingsError(msg)


def certificates_on_file(config: Config) -> tuple[Certificate, ...]:
    """Those in force in a database, read without writing to it; () where there is none.

    Raises `StoreError` when it cannot be read.
    """
    with look(config.database, config.data_dir) as seen:
        if seen is None or not seen.schema():
            return ()
        return certificates_in_force(seen.reader)


def announcements_on_file(config: Config, now: float) -> tuple[Announcement, ...]:
    """Those in force in a database, read without writing to it; () where there is none, or it is of
    an older release that had no announcements.

    Raises `StoreError` when it cannot be read.
    """
    with look(config.database, config.data_dir) as seen:
        if seen is None or "announcements" not in seen.tables():
            return ()
        return announcements_in_force(seen.reader, now)


def models_dir(config: Config) -> Path:
    """Where trained engines are kept: what they were learnt from is found there again, or learnt
    anew. It can be deleted."""
    return config.data_dir / config.answers.models


def brands_of(config: Config) -> dict[str, Brand]:
    """The brand profiles with the tables that lie in files of the knowledge base.

    Raises `KnowledgeError` or `SettingsError`.
    """
    return with_files(config.domain_brands(), templates_dir(config.templates))


def templates_in_force(config: Config) -> Path:
    """What a gateway on this data directory answers from: the copy of the version in force, else the
    configured folder. Raises `SettingsError`."""
    kept = Versions(versions_dir(config))
    current = kept.current
    return kept.path(current) if kept.whole(current) else templates_dir(config.templates)


def versions_dir(config: Config) -> Path:
    """Where the versions of the knowledge base are kept, with the one in force."""
    return config.data_dir / "knowledge"


def allowed_of(
    config: Config, accounts: Mapping[str, ReadyAccount], channels: Mapping[str, Channel]
) -> dict[str, Allowed]:
    """What the messages of each account may name: its brand's facts and its own addresses."""
    brands = brands_of(config)
    return {
        name: Allowed.of_brand(
            brands.get(account.brand),
            channel.addresses if isinstance(channel := channels[name], Correspondent) else (),
        )
        for name, account in accounts.items()
    }


def account_view(account: ReadyAccount, channel: Channel) -> AccountView:
    """An account as planning and the desk see it."""
    can = channel.capabilities
    address = channel.addresses[0] if isinstance(channel, Correspondent) else ""
    return AccountView(
        id=account.id,
        kind=account.kind,
        brand=account.brand,
        space=can.address_space,
        form=can.form,
        queue=account.queue,
        domain=address.rpartition("@")[2],
        subject=can.subject,
        hold=0.0 if can.answers_within is None else can.answers_within + HOLD_SLACK,
        rules=Rules.of(can),
        text=can.text,
        fetches=isinstance(channel, Fetcher),
    )


def redaction_policy(config: Config) -> Policy:
    """What this installation has taken out of messages."""
    privacy = config.privacy
    return Policy(privacy.phones, privacy.mail_addresses, privacy.lone_codes)


def mail_identity(channels: Iterable[Channel]) -> MailIdentity:
    """The addresses and marks by which our own letters are known when they come back."""
    writers = [channel for channel in channels if isinstance(channel, Correspondent)]
    return MailIdentity(
        own_addresses=frozenset(a for letters in writers for a in letters.addresses),
        loop_marks=frozenset(letters.loop_mark for letters in writers),
    )
