"""Which version of the knowledge base a running gateway answers from, and how another takes its place.

It answers from a copy in the data directory. When the configured folder differs from the version in
force, it is learnt and judged in a worker process of its own, while the old one answers. When
`current` names another version, because it passed, or because somebody rolled back, new workers are
started with it and take over; nothing is restarted and no message waits.
"""

import asyncio
import time
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from gateway import __version__
from gateway.answers import gate, versions
from gateway.answers.faults import KnowledgeError
from gateway.answers.loading import load
from gateway.answers.versions import Entry, Versions
from gateway.compute import Compute, Relay
from gateway.config import Config, templates_dir
from gateway.domain.errors import Conflict, GatewayError
from gateway.domain.plan import Plan
from gateway.domain.store import Tx
from gateway.office import brands_of, models_dir, versions_dir
from gateway.roles import Role
from gateway.workers import brain
from gateway.workers.planner import PlannerSettings

if TYPE_CHECKING:
    from gateway.app import Gateway

#: Bytes of data a worker process may hold: a 35 MiB mail, read, is far below, and so is training.
WORKER_MEMORY = 1 << 30
#: Seconds a worker may take to start: on a machine that is busy, learning thousands of examples alone
#: took two minutes and a half.
LEARNING = 600.0
#: How often `current` is looked at, in seconds.
GLANCE = 1.0
#: Seconds that learning and measuring may take, on a machine that is busy.
JUDGING = 1800.0
#: Seconds until a version whose workers could not start is tried again.
AGAIN = 60.0


def hired(config: Config, settings: PlannerSettings, roles: AbstractSet[str]) -> tuple[Relay, Path]:
    """The worker processes, not yet started, and the folder that they will answer from. Where
    nothing is planned they read mail, and need not learn how to answer it.

    Raises `KnowledgeError`, `VersionError`, `SettingsError`.
    """
    first = folder_at_start(config) if Role.WORKER in roles else None

    def pool(folder: Path | None) -> Compute:
        known = (
            folder, brands_of(config), settings, config.answers.engine, models_dir(config),
        )  # fmt: skip
        checked = folder is not None and (folder == first or _checked(folder))
        return Compute(
            workers=config.workers.processes,
            memory_limit=WORKER_MEMORY,
            initializer=partial(brain.start, checked=checked) if folder else None,
            initargs=known if folder else (),
            queue_limit=256,
            start_timeout=LEARNING,
        )

    return Relay(pool, first), first or Path()


def _checked(folder: Path) -> bool:
    """Whether this release has read a kept version before; another may see no fault where this one does."""
    record = Versions(folder.parent).record(folder.name)
    return record is not None and record.release == __version__


def only_of(
    knowledge: Callable[[], str], apply: Callable[[Tx, Plan, float], None]
) -> Callable[[Tx, Plan, float], None]:
    """`apply` for plans whose answer is taken from the knowledge of this moment; others raise
    `Conflict` and are made anew: what was planned before a roll-back is not sent after it."""

    def checked(tx: Tx, plan: Plan, now: float) -> None:
        if plan.knowledge and knowledge() not in {"", plan.knowledge}:
            msg = "another version of the knowledge base answers now"
            raise Conflict(msg)
        apply(tx, plan, now)

    return checked


def folder_at_start(config: Config) -> Path:
    """What the first workers learn: the version in force, else a copy of the configured folder,
    which `Succession` puts in force once they know it.

    Raises `KnowledgeError`, `VersionError`, `SettingsError`.
    """
    kept = Versions(versions_dir(config))
    if (current := kept.current) and _usable(kept, current):
        return kept.path(current)
    source = templates_dir(config.templates)
    digest = versions.content(source)
    version = load(source).version
    with kept.lock():
        return kept.keep(source, version, __version__, digest)


def _usable(kept: Versions, version: str) -> bool:
    """Whether the copy is whole and this release can read it."""
    log = structlog.get_logger("gateway")
    if not kept.whole(version):
        log.error("the copy of the knowledge base in force is damaged or gone", version=version)
        return False
    if _checked(kept.path(version)):
        return True
    try:
        load(kept.path(version))
    except KnowledgeError as error:
        log.error(  # noqa: TRY400 - the text says it all
            "this release cannot read the knowledge base in force", version=version, why=str(error)
        )
        return False
    return True


def trial_of(config: Config, kept: Versions) -> gate.Trial:
    """The configured folder against the version in force."""
    current = kept.current if kept.whole(kept.current) else ""
    record = kept.record(current) if current else None
    return gate.Trial(
        candidate=templates_dir(config.templates),
        current=kept.path(current) if current else None,
        known=record.measures if record else {},
        brands=brands_of(config),
        engine=config.answers.engine,
        models=models_dir(config),
        alpha=config.answers.alpha,
        delta=config.answers.delta,
    )


def conclude(
    kept: Versions,
    verdict: gate.Verdict,
    source: Path,
    now: float,
    *,
    by: str = "",
    force: bool = False,
) -> Entry:
    """Write down what follows from a verdict, and put the candidate in force when it passed, or when
    somebody wants it (`force`) and it can be learnt.

    Raises:
        VersionError: the folder changed while it was judged, or another version came into force.
    """
    with kept.lock():
        return _conclude(kept, verdict, source, now, by, force=force)


def _conclude(
    kept: Versions, verdict: gate.Verdict, source: Path, now: float, by: str, *, force: bool
) -> Entry:
    current = kept.current if kept.whole(kept.current) else ""
    if current != verdict.against:
        msg = f"version {current} came into force meanwhile; compare with that one: try once more"
        raise versions.VersionError(msg)
    measures = verdict.measures
    if verdict.before is not None and verdict.before_basis and current:
        kept.measured(current, verdict.before_basis, verdict.before.plain())
    taken = measures is not None and (verdict.passes or force)
    why = "; ".join(verdict.fallen)
    if taken:
        why = f"anyway, though {why}" if why else _why(verdict, current)
    entry = Entry(
        at=now,
        event=versions.IN_FORCE if taken else versions.REFUSED,
        version=verdict.version,
        instead_of=current,
        why=why,
        content=verdict.content,
        engine=measures.engine if measures else "",
        by=by,
        measures=measures.plain() if measures else {},
    )
    if not taken or measures is None:
        kept.note(entry)
        return entry
    kept.keep(source, verdict.version, __version__, verdict.content)
    kept.measured(verdict.version, verdict.basis, measures.plain())
    kept.promote(entry)
    return entry


def _why(verdict: gate.Verdict, current: str) -> str:
    if not current:
        return "the first version"
    return "only its wording has changed" if verdict.wording_only else "passed the gate"


def standing(config: Config, kept: Versions) -> Entry | None:
    """Why the configured folder is not in force and is not judged again by itself: it was refused
    in the place of this same version, or rolled back. None where nothing speaks against it."""
    entry = kept.verdict(versions.content(templates_dir(config.templates)))
    if entry is None or entry.event == versions.IN_FORCE:
        return None
    return (
        entry if entry.event == versions.ROLLED_BACK or entry.instead_of == kept.current else None
    )


class Succession:
    """A part of the gateway: judges the configured folder once, then follows `current`."""

    def __init__(self, gateway: "Gateway") -> None:
        self._gateway = gateway
        self._config = gateway.config
        self._kept = Versions(versions_dir(gateway.config))
        self._failed = ("", 0.0)
        self._judged = False
        self._told = self._kept.told
        self._log = structlog.get_logger("gateway")

    async def run(self) -> None:
        """Until it is cancelled."""
        await asyncio.to_thread(self._first)
        while True:
            if not self._judged:
                self._judged = True
                try:
                    await self._judge()
                except GatewayError as error:
                    self._gateway.refused = f"the configured folder could not be judged: {error}"
                    self._log.error("the knowledge base was not taken", why=self._gateway.refused)
            await self._follow()
            try:
                await self._listen()
            except GatewayError as error:
                self._log.warning("the configured knowledge base is not there", why=str(error))
            await asyncio.sleep(GLANCE)

    def _first(self) -> None:
        """What the workers have learnt at the start is in force when nothing was."""
        used = self._gateway.templates.name
        if self._kept.whole(self._kept.current):
            return
        why = "the first version" if not self._kept.current else "the one before cannot be read"
        with self._kept.lock():
            record = self._kept.record(used)
            digest = record.content if record else ""
            entry = Entry(time.time(), versions.IN_FORCE, used, "", why, digest)
            self._kept.promote(entry)

    async def _judge(self) -> None:
        """Look at the configured folder once: an operator who edits it says when it is ready."""
        config, kept = self._config, self._kept
        source = templates_dir(config.templates)
        digest = await asyncio.to_thread(versions.content, source)
        record = kept.record(kept.current)
        if record is not None and record.content == digest:
            return
        if (entry := await asyncio.to_thread(standing, config, kept)) is not None:
            self._tell(entry)
            return
        with kept.lock("judging", wait=False) as ours:
            if not ours:
                return  # another process of this data directory does it
            self._log.info("the knowledge base has changed: it is learnt and compared")
            trial = trial_of(config, kept)
            async with Compute(workers=1, memory_limit=WORKER_MEMORY) as shadow:
                verdict = await shadow.run(gate.judge, trial, timeout=JUDGING)
            entry = await asyncio.to_thread(lambda: conclude(kept, verdict, source, time.time()))
        self._tell(entry)

    def _tell(self, entry: Entry) -> None:
        if entry.event == versions.IN_FORCE:
            self._log.info("the knowledge base passed", version=entry.version, why=entry.why)
            return
        self._gateway.refused = refusal(entry)
        self._log.error("the knowledge base was not taken", why=self._gateway.refused)

    async def _follow(self) -> None:
        """Take over the version that `current` names."""
        gateway, wanted = self._gateway, self._kept.current
        failed, at = self._failed
        if wanted in {"", gateway.templates.name} or (
            wanted == failed and time.time() < at + AGAIN
        ):
            return
        try:
            if not await asyncio.to_thread(self._kept.whole, wanted):
                msg = f"the copy of version {wanted} is damaged or gone"
                raise versions.VersionError(msg)
            await self._take_over(self._kept.path(wanted))
        except GatewayError as error:
            self._failed = (wanted, time.time())
            self._log.error(
                "a version of the knowledge base could not take over",
                version=wanted,
                why=str(error),
            )
            return
        self._log.info("another version of the knowledge base answers now", version=wanted)

    async def _listen(self) -> None:
        """Hear what a command has refused, taken or rolled back meanwhile."""
        if (told := self._kept.told) == self._told:
            return
        self._told = told
        entry = await asyncio.to_thread(standing, self._config, self._kept)
        self._gateway.refused = refusal(entry) if entry else ""

    async def _take_over(self, folder: Path) -> None:
        """Raises `GatewayError` when its workers cannot start; then the old ones go on."""
        gateway = self._gateway
        pool = await gateway.compute.prepared(folder)
        try:
            version = await pool.run(brain.version, timeout=5.0)
        except BaseException:
            await pool.close()
            raise
        # All of it at once: what the old workers planned and nobody has written is made anew.
        before = gateway.compute.switch(pool)
        gateway.knowledge, gateway.templates = version, folder
        gateway.renewed.set()
        await gateway.compute.retire(before)


def refusal(entry: Entry) -> str:
    """For people, what stands against the configured folder and what to do."""
    if entry.event == versions.ROLLED_BACK:
        return (
            f"version {entry.instead_of} was rolled back to {entry.version}; it is not taken again until"
            " its files change, or by `gateway kb train --anyway`"
        )
    return (
        f"version {entry.version or 'unread'} was refused, {entry.instead_of} stays in force:"
        f" {entry.why}. Mend it, or take it by `gateway kb train --anyway`"
    )
