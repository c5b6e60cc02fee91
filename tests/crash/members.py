"""The processes of a cluster: each is `gateway serve --role …`, and is started again when it dies."""

import asyncio
import re
import signal
import sysconfig
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.crash.load import Load
from tests.crash.programs import Program, StartFailed, addresses_of
from tests.crash.settings import free_port
from tests.crash.watch import Times

GATEWAY = str(Path(sysconfig.get_path("scripts")) / "gateway")
#: Seconds until a process that could not start is started again, as a service manager does.
AGAIN = 0.3
#: What a process says that the database did not let in. While the server was away that is no fault
#: of the process; a fault of the gateway's own is one at any time.
DATABASE = re.compile(r"postgresql://|database|server|connection")
OWN_FAULT = "a fault of the gateway's own"
#: The same of a server that is there and does not answer within the seconds a start allows, because
#: the machine of a test is that late; and so many such starts of one place in a row are a fault.
LATE, STARTS = "connection timeout expired", 3


@dataclass(frozen=True, slots=True)
class Place:
    """One process of the cluster, whichever holds it at the moment."""

    name: str
    role: str
    port: int = 0
    """Of a web process."""
    also: str = ""
    """A second role."""

    @property
    def roles(self) -> str:
        """As the command line wants them."""
        return ",".join(filter(None, (self.role, self.also)))

    @property
    def variables(self) -> Mapping[str, str]:
        """What of its settings is its own."""
        if self.role != "web":
            return {}
        url = f"http://127.0.0.1:{self.port}"
        return {"GATEWAY_SERVER__PORT": str(self.port), "GATEWAY_SERVER__PUBLIC_URL": url}


def places(also: Mapping[str, str] | None = None, /, **numbers: int) -> list[Place]:
    """So many of each role; `also` gives those of a role a second one."""
    second = also or {}
    return [
        Place(
            f"{role}{number + 1}",
            role,
            port=free_port() if role == "web" else 0,
            also=second.get(role, ""),
        )
        for role, count in numbers.items()
        for number in range(count)
    ]


@dataclass(slots=True, eq=False)
class Member:
    """Holds a place: starts its process, and the next one when that died.

    Args:
        place: which.
        config: the settings that all share; the log lies beside it.
        load: told where it can deliver.
        times: told how long a start takes.
        away: whether the database was away since a moment of the monotonic clock; a process may
            then fail to start, and only to start, and has to say why.
        hasty, fault: see `tests.crash.member`; without them it is the installed command.
    """

    place: Place
    config: Path
    load: Load
    times: Times
    away: Callable[[float], bool]
    hasty: bool = False
    fault: str = ""
    program: Program | None = None
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    faults: list[str] = field(default_factory=list)
    excused: list[str] = field(default_factory=list)
    """Starts that failed without a kill and are no faults, each with what the process said."""
    killed_at: float = 0.0
    """When the place was last ready, on the monotonic clock; 0 while it is, and at the first start."""
    began: float = 0.0
    """When the present life began."""
    _late: int = 0
    _log_read: int = 0
    """Where in the log the present life begins."""
    _killed: bool = False
    _stopping: bool = False

    @property
    def alive(self) -> bool:
        """Whether there is a process to kill, ready or not."""
        return self.program is not None and self.program.alive

    async def run(self) -> None:
        """Until `stop` or a fault."""
        try:
            while not self._stopping and not self.faults:
                await self._life()
        finally:
            self._rest()

    async def _life(self) -> None:
        began = self.began = time.monotonic()
        self._killed = False
        self._log_read = self._log.stat().st_size if self._log.exists() else 0
        self.program = program = await self._start()
        if self._stopping:
            program.signal(signal.SIGTERM)
        try:
            said = await program.ready()
            self.times.add(f"start of a {self.place.role} process", self._since())
            self._late = 0
            self._work(said)
            await program.process.wait()
        except StartFailed as failed:
            if not (self._killed or self._stopping):
                self._judge(failed, began)
            if not self._killed:
                await asyncio.sleep(AGAIN)
        else:
            if not (self._killed or self._stopping):
                code = program.process.returncode
                words = self._last_words()
                self.faults.append(f"{self.place.name} ended by itself, with {code}: {words}")
        finally:
            self._rest()
            await program.kill()
            await program.close()

    def _judge(self, failed: StartFailed, began: float) -> None:
        """A start that nobody killed and that failed is a fault; excused, and counted, are those
        that blame a database which was away, or late, by their own words."""
        words = self._last_words()
        blamed = words.startswith("gateway: ") and DATABASE.search(words) and OWN_FAULT not in words
        if blamed and self.away(began):
            self._excuse("away", words)
        elif blamed and LATE in words and self._late + 1 < STARTS:
            self._late += 1
            self._excuse("late", words)
        else:
            self.faults.append(f"{self.place.name}: {failed}: {words}")

    def _excuse(self, why: str, words: str) -> None:
        self.excused.append(f"{self.place.name}, the database was {why}: {words}")
        self.times.add(f"start that failed while the database was {why}", self._since())

    def _work(self, said: str) -> None:
        if self.killed_at:
            what = f"from a kill until a {self.place.role} process is ready in its place"
            self.times.add(what, time.monotonic() - self.killed_at)
            self.killed_at = 0.0
        if self.place.role == "web":
            self.load.aim(addresses_of(said), self.place.name)
        self.ready.set()

    def _rest(self) -> None:
        self.ready.clear()
        self.load.hold(self.place.name)

    def _since(self) -> float:
        return time.monotonic() - self.began

    @property
    def _log(self) -> Path:
        return self.config.with_name(f"{self.place.name}.log")

    def _last_words(self) -> str:
        """What it wrote last in the present life: what it says to a person goes before its log."""
        with self._log.open("rb") as log:
            log.seek(self._log_read)
            lines = log.read().decode(errors="replace").splitlines()
        said = [line for line in lines if line.startswith("gateway: ")]
        return (said or lines or [""])[-1][:400]

    async def _start(self) -> Program:
        if not (self.hasty or self.fault):
            command = [GATEWAY, "serve", "--role", self.place.roles, "--config", str(self.config)]
        else:
            options = ["--hasty"] if self.hasty else []
            options += ["--fault", self.fault] if self.fault else []
            member = ["-m", "tests.crash.member", *options]
            command = [*member, self.place.roles, str(self.config)]
        return await Program.start(*command, log=self._log, **self.place.variables)

    def kill(self) -> None:
        """SIGKILL, wherever it is."""
        assert self.program is not None
        self._killed = True
        self.killed_at = self.killed_at or time.monotonic()
        self.program.signal(signal.SIGKILL)

    async def stop(self, seconds: float) -> None:
        """SIGTERM; a fault when it does not end in order within so many seconds."""
        self._stopping = True
        assert self.program is not None
        try:
            took = await self.program.stop(2 * seconds)
        except TimeoutError as error:
            self.faults.append(f"{self.place.name}: {error}")
            return
        self.times.add("a graceful stop", took)
        if self.program.process.returncode != 0:
            code = self.program.process.returncode
            self.faults.append(f"{self.place.name}: SIGTERM ended it with {code}")
        if took > seconds:
            self.faults.append(f"{self.place.name}: the graceful stop took {took:.1f} s")
