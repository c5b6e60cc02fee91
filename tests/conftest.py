"""What holds for every test: nothing but loopback is reached, no setting leaks in from outside."""

import ipaddress
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import learnt
from tests import postgres as postgres_servers
from tests.missing import missing

#: Folders whose tests start programs of the gateway, or kill them. They take longest for their number,
#: so they come first: of the two processes that `make test` spreads the files over, none ends late.
PROGRAMS = (
    "cli",
    "faults",
    "crash",
    "demo",
    "scan",
    "compute",
    "proof",
    "channels/imap",
    "channels/mta",
)

_CONNECT = socket.socket.connect
_CONNECT_EX = socket.socket.connect_ex
_RESOLVE = socket.getaddrinfo


class OutsideReached(BaseException):
    """A test tried to leave this machine."""


def _is_here(host: Any) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    # None and '' are this machine; names under .invalid never exist (RFC 2606), so asking is safe.
    if name is None or name in {"", "localhost"} or name.endswith(".invalid"):
        return True
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return name == socket.gethostname()
    return address.is_loopback or address.is_unspecified


def _allow(family: int, address: Any) -> None:
    if family in {socket.AF_INET, socket.AF_INET6} and not _is_here(address[0]):
        raise OutsideReached(f"a test tried to connect to {address!r}")


def _connect(sock: socket.socket, address: Any) -> None:
    _allow(sock.family, address)
    _CONNECT(sock, address)


def _connect_ex(sock: socket.socket, address: Any) -> int:
    _allow(sock.family, address)
    return _CONNECT_EX(sock, address)


def _resolve(host: Any, *rest: Any, **options: Any) -> Any:
    if isinstance(host, str) and host.endswith(".invalid"):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    if not _is_here(host):
        raise OutsideReached(f"a test tried to look up {host!r}")
    return _RESOLVE(host, *rest, **options)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that start programs first; otherwise the order stays."""
    here = Path(__file__).parent
    programs = tuple(f"{folder}/" for folder in PROGRAMS)
    items.sort(key=lambda item: not item.path.relative_to(here).as_posix().startswith(programs))


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test reach beyond this machine."""
    monkeypatch.setattr(socket.socket, "connect", _connect)
    monkeypatch.setattr(socket.socket, "connect_ex", _connect_ex)
    monkeypatch.setattr(socket, "getaddrinfo", _resolve)


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """The developer's own GATEWAY_ variables change no test; neither do proxy settings."""
    for name in list(os.environ):
        if name.startswith("GATEWAY_") or name.lower() in {"http_proxy", "https_proxy"}:
            monkeypatch.delenv(name)
    for name, value in learnt.SETTING.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def postgres() -> Iterator[postgres_servers.Server | postgres_servers.Given]:
    """A PostgreSQL server; tests make databases of their own on it."""
    with postgres_servers.any_server() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_database(postgres: postgres_servers.Server | postgres_servers.Given) -> Iterator[str]:
    """One database for all tests that need no more than an empty one: they empty it first."""
    url = postgres.create_database()
    yield url
    postgres_servers.drop_database(url)


@pytest.fixture
def needs_tool() -> Callable[[str], str]:
    """The path of a system program. Where it is missing the test is skipped by name; in CI, which
    has `make tools` before it, it fails."""

    def find(name: str) -> str:
        return shutil.which(name) or missing(f"{name} (try `make tools`)")

    return find
