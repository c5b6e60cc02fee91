"""The composition root: the only module that names concrete parts and puts them together."""

import asyncio
import fcntl
import gc
import random
import socket
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

import structlog
from aiohttp import web

from gateway.bootstrap import Bootstrap
from gateway.compute import Relay
from gateway.config import Config
from gateway.delivery.deliver import Delivery
from gateway.desk.commands import Desk
from gateway.desk.floor import Floor
from gateway.desk.quarantine import Expiry
from gateway.domain.channel import Channel, Closable, Poller
from gateway.domain.decision import Certificate
from gateway.domain.errors import SettingsError
from gateway.domain.snapshot import AccountView
from gateway.domain.world import World
from gateway.doors import fronted, web_server
from gateway.filing import fetching_of, sweeping_of
from gateway.installation import key_at_hand, own_key
from gateway.intake.accept import Accept
from gateway.keys import Keys
from gateway.listeners import listening
from gateway.memos import load_memo, save_memo
from gateway.news import News
from gateway.office import account_view, allowed_of, mail_identity, redaction_policy
from gateway.outgoing import AiohttpHttp
from gateway.planning import planning_of, watching_of
from gateway.pollers import Polling
from gateway.registry import ReadyAccount, Registry, check_ours
from gateway.roles import ALL, COMPUTING, SEALING, SERVING, Role, only_together
from gateway.staff import (
    callbacks_of,
    clocking_of,
    dispositions_of,
    floor_of,
    overflowing_of,
    places_of,
)
from gateway.store.blobs import FileBlobs
from gateway.store.choose import Engine, store_for
from gateway.store.leader import Sealer
from gateway.succession import Succession, hired, only_of
from gateway.turns import end
from gateway.workers import brain
from gateway.workers.alarm import Alarm
from gateway.workers.offering import Offering
from gateway.workers.pipeline import Pipeline
from gateway.workers.placing import Stepping
from gateway.workers.timers import Timers
from gateway.world import AccountWorld, MonotonicIds, SystemClock

#: Seconds until a part that failed runs again.
RESTART_SECONDS = 1.0
#: Webhook calls under way from which on planning gives way to acknowledging.
PRESSED_CALLS = 16


@dataclass(slots=True)
class Gateway:
    """The parts of a running gateway, for the command line, the demo, tests and benchmarks."""

    config: Config
    keys: Keys
    store: Engine
    blobs: FileBlobs
    compute: Relay
    """Its processes are started by `running`, where a role needs them."""
    channels: dict[str, Channel]
    accounts: dict[str, AccountView]
    intake: Accept
    pipelines: list[Pipeline]
    delivery: Delivery
    timers: Timers
    desk: Desk
    floor: Floor
    offering: Offering
    news: News
    clock: SystemClock
    ids: MonotonicIds
    owner: str
    """Whose leases are this process's."""
    roles: AbstractSet[str] = ALL
    """What this process does."""
    addresses: dict[str, str] = field(default_factory=dict)
    """Where the listeners are bound, by account; 'web' for the webhooks."""
    knowledge: str = ""
    """The version of what the worker processes know; empty where they plan nothing."""
    templates: Path = field(default_factory=Path)
    """The folder that they learnt it from."""
    renewed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set whenever another version has taken over."""
    refused: str = ""
    """Why the configured folder is not what answers; '' when it is."""

    async def certify(self, *certificates: Certificate) -> None:
        """Put certificates in force. One that was there already stays as it is, also revoked."""
        rows = [{**asdict(one), "created_at": self.clock.now()} for one in certificates]
        await self.store.write(lambda tx: tx.run_many("certificates.add", rows))


@contextmanager
def lock_data(data_dir: Path, *, shared: bool = False) -> Iterator[None]:
    """Only one gateway may work on a data directory, unless a server holds its database. The kernel
    frees the lock when it dies. Raises `SettingsError`, also when nothing can be written there."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        handle = (data_dir / "serve.lock").open("a")
    except OSError as error:
        msg = f"cannot write to it ({error.strerror}); give the gateway a folder of its own"
        raise SettingsError(msg, key=f"data_dir = {str(data_dir)!r}") from error
    with handle:
        try:
            if not shared:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            msg = "another gateway is running on it; stop that one or choose another data_dir"
            raise SettingsError(msg, key=f"data_dir = {str(data_dir)!r}") from error
        yield


@asynccontextmanager
async def assemble(
    config: Config, registry: Registry | None = None, *, roles: AbstractSet[str] = ALL
) -> AsyncIterator[Gateway]:
    """Build everything and open the store; nothing is listening or working yet.

    Args:
        config: the settings.
        registry: the channels; None: those that are installed.
        roles: the parts of the work that `running` will start.

    Raises `SettingsError` or `StoreError` with one line that says what to do.
    """
    check_ours()
    registry = registry or Registry.installed()
    config = _with_port(config)
    ready = registry.accounts(config)
    async with AsyncExitStack() as stack:
        yield await _build(config, registry, ready, roles, stack)


def _with_port(config: Config) -> Config:
    """With port 0, the free port that will be taken: accounts have to know their public address."""
    if config.server.port:
        return config
    with socket.socket() as free:
        free.bind((config.server.host, 0))
        server = config.server.model_copy(update={"port": free.getsockname()[1]})
    return config.model_copy(update={"server": server})


async def _build(
    config: Config,
    registry: Registry,
    ready: Mapping[str, ReadyAccount],
    roles: AbstractSet[str],
    stack: AsyncExitStack,
) -> Gateway:
    clock, ids, log = SystemClock(), MonotonicIds(), structlog.get_logger("gateway")
    at_hand = key_at_hand(config)
    store = store_for(config.database, config.data_dir, max_waiting=config.limits.waiting_units)
    await store.open()
    stack.push_async_callback(store.close)
    keys = await own_key(config, store, at_hand)
    blobs = FileBlobs(config.data_dir / "blobs", keys)
    channels = await _channels(config, registry, ready, store, keys, blobs, clock, ids, stack)
    accounts = {name: account_view(account, channels[name]) for name, account in ready.items()}
    allowed = allowed_of(config, ready, channels)
    places = places_of(config)
    settings = planning_of(config, places)
    compute, templates = hired(config, settings, roles)
    clocking = clocking_of(config)
    apply_current = only_of(lambda: gateway.knowledge, clocking.apply)
    owner = ids.new()
    delivery = Delivery(
        store, channels, clock, ids, log, owner, _spread,
        attempts=config.limits.attempts,
        concurrency=config.workers.delivery_concurrency,
        poll=config.workers.poll_seconds,
        allowed=allowed,
    )  # fmt: skip
    floor = floor_of(config, store, clock, ids)
    news = News(store, delivery)
    delivery.sent = news.spoken
    offering = Offering(floor, log, poll=config.workers.poll_seconds, changed=news.routing)
    timers = Timers(
        store, clocking.apply, clock, ids, log, settings.close_after,
        poll=config.workers.poll_seconds,
        fired=news.fired,
        applied=news.applied,
        stepping=Stepping(places, floor.agents),
        callbacks=callbacks_of(config, floor),
        clocking=clocking,
        changed=news.timers,
    )  # fmt: skip
    pipelines = [
        Pipeline(
            store, compute, accounts, apply_current, clock, log, f"{owner}.{number}",
            batch=config.workers.lane_batch,
            attempts=config.limits.attempts,
            poll=config.workers.poll_seconds,
            arrived=news.intake,
            applied=news.applied,
            pressed=lambda: intake.calls >= PRESSED_CALLS,
            lines=news.lines,
        )
        for number in range(config.workers.processes)
    ]  # fmt: skip
    intake = Accept(
        store, blobs, keys, compute, clock, ids, log,
        identity=mail_identity(channels.values()),
        policy=redaction_policy(config),
        arrived=news.accepted,
    )  # fmt: skip
    for name, channel in channels.items():
        if isinstance(channel, Poller):
            news.polls[name] = Polling(name, channel, intake, store, clock, log, owner)
    news.fetches |= fetching_of(config, channels, store, blobs, compute, clock, log, owner)
    desk = Desk(
        store, accounts, clocking.apply, clock, ids, settings.close_after, allowed,
        floor.finished, floor.here, dispositions_of(config),
    )  # fmt: skip
    gateway = Gateway(
        config, keys, store, blobs, compute, channels, accounts, intake, pipelines, delivery,
        timers, desk, floor, offering, news, clock, ids, owner, roles, templates=templates,
    )  # fmt: skip
    return gateway


async def _channels(
    config: Config,
    registry: Registry,
    ready: Mapping[str, ReadyAccount],
    store: Engine,
    keys: Keys,
    blobs: FileBlobs,
    clock: SystemClock,
    ids: MonotonicIds,
    stack: AsyncExitStack,
) -> dict[str, Channel]:
    """The channel of each account, with the world it sees; closed with the stack."""
    http = {
        private: await stack.enter_async_context(
            AiohttpHttp(allow_private=private, file_limit=config.limits.attachment_bytes)
        )
        for private in (False, True)
    }

    def world_for(account: ReadyAccount) -> World:
        return AccountWorld(
            account_id=account.id,
            brand_id=account.brand,
            public_url=config.public_url,
            clock=clock,
            ids=ids,
            http=http[account.allow_private or config.server.allow_private],
            log=structlog.get_logger(f"channel.{account.kind}").bind(account=account.id),
            signer=keys.sign,
            blob=blobs.get,
            load_memo=lambda name, key: load_memo(store, name, key),
            save_memo=lambda name, key, value: save_memo(store, name, key, value),
        )

    channels = dict(registry.build(ready, world_for))
    for channel in channels.values():
        if isinstance(channel, Closable):
            stack.push_async_callback(channel.close)
    return channels


@asynccontextmanager
async def running(
    gateway: Gateway,
    *,
    serve_web: bool = True,
    extra_routes: Sequence[web.RouteDef] = (),
) -> AsyncIterator[Gateway]:
    """Bind, recover what a dead process left, and work until the block ends; then stop in order:
    no new input, what is under way comes to its end, everything closed within seconds.

    Only the parts of its roles are started. `extra_routes` join the webhooks and health pages on the
    web server (the demo's page).

    Raises:
        SettingsError: the work is split on a database that only one process may use.
    """
    roles = gateway.roles
    only_together(roles, shared=gateway.store.shared)
    async with AsyncExitStack() as work, AsyncExitStack() as doors:
        if roles & COMPUTING:
            await work.enter_async_context(gateway.compute)
            await gateway.compute.warm()
        if Role.WORKER in roles:
            gateway.knowledge = await gateway.compute.run(brain.version, timeout=5.0)
        if not gateway.store.shared:
            # Nobody else lives: what others held, dead ones held.
            await gateway.store.write(
                lambda tx: [
                    tx.run("intake.free_lanes_of_others", owner=p.owner) for p in gateway.pipelines
                ]
            )
        if roles - SERVING or fronted(gateway):
            gateway.store.hear(gateway.news.heard)
        if Role.DELIVERY in roles:
            await gateway.delivery.recover(alone=not gateway.store.shared)
        if serve_web and roles & SERVING:
            server = web_server(gateway, extra_routes, webhooks=Role.WEB in roles)
            gateway.addresses["web"] = await doors.enter_async_context(server)
        if Role.WEB in roles:
            doors.push_async_callback(end, await listening(gateway))
        loops = [
            asyncio.create_task(_supervised(part), name=_name(part)) for part in _parts(gateway)
        ]
        work.push_async_callback(end, loops)
        _calm_collector()
        yield gateway


def _parts(gateway: Gateway) -> list["Part"]:
    """The loops of its roles."""
    roles, log = gateway.roles, structlog.get_logger("gateway")
    parts: list[Part] = []
    if Role.WEB in roles:
        parts += gateway.news.polls.values()
    if Role.WORKER in roles:
        parts += [*gateway.pipelines, Alarm(gateway.store, log), Succession(gateway)]
        parts += gateway.news.fetches.values()
        parts.append(watching_of(gateway.config, gateway.floor, gateway.news.lines, log))
        if gateway.config.answers.bootstrap:
            parts.append(Bootstrap(gateway))
    if Role.DELIVERY in roles:
        parts.append(gateway.delivery)
    if Role.TIMERS in roles:
        keep = gateway.config.privacy.quarantine_days * 86400
        parts += [
            gateway.timers,
            gateway.offering,
            overflowing_of(gateway.config, gateway.floor, log),
            Expiry(gateway.store, gateway.blobs, gateway.clock, log, keep),
            sweeping_of(gateway.store, gateway.blobs, gateway.clock, log),
        ]
    if gateway.store.shared and roles & SEALING:
        parts.append(Sealer(gateway.store, gateway.owner, gateway.clock, log))
    return parts


class Part(Protocol):
    """A loop that runs as long as the gateway does."""

    async def run(self) -> None: ...


async def _supervised(part: Part) -> None:
    """Run one part; a fault that nobody foresaw is logged, and the part goes on after a breath:
    everything it does is durable and repeatable."""
    log = structlog.get_logger("gateway")
    while True:
        try:
            await part.run()
        except Exception as error:
            log.exception("a part of the gateway failed", part=_name(part), why=str(error))
        await asyncio.sleep(RESTART_SECONDS)


def _name(part: Part) -> str:
    return type(part).__name__.lower()


def _calm_collector() -> None:
    """What exists now lives as long as the process: keep the garbage collector from walking through
    it again and again. Measured: a tenth more acknowledgements a second."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _spread() -> float:
    return random.uniform(0.8, 1.2)  # noqa: S311 - spreads load, protects nothing
