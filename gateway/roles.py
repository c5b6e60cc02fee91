"""What one process of the gateway does, where several share the work."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from enum import StrEnum

from gateway.domain.errors import SettingsError
from gateway.problems import nearest


class Role(StrEnum):
    """A part of the work that a process may have."""

    WEB = "web"
    """Takes in: webhooks, listeners, worker processes that read mail; health pages."""
    WORKER = "worker"
    """Understands and decides: pipelines and their worker processes."""
    DELIVERY = "delivery"
    """Sends what is in the outbox."""
    TIMERS = "timers"
    """Does what is due."""
    CONSOLE = "console"
    """Pages for people; so far the health pages."""


ALL = frozenset(Role)
#: Who reads mail or plans, and so needs worker processes.
COMPUTING = frozenset({Role.WEB, Role.WORKER})
#: Who has pages.
SERVING = frozenset({Role.WEB, Role.CONSOLE})
#: Who may number the log of events; one of them at a time does.
SEALING = frozenset({Role.WORKER, Role.TIMERS})

_OPTION = "--role"


def roles_named(words: Iterable[str]) -> frozenset[Role]:
    """The roles of a command line: `all`, or some of them, each its own word or with commas.

    Raises:
        SettingsError: there is no such role, or none was named.
    """
    names = [name.strip() for word in words for name in word.split(",")]
    known = ["all", *(role.value for role in Role)]
    for name in names:
        if name not in known:
            listed = ", ".join(known)
            raise SettingsError(
                f"there is no role {name!r}; there are {listed}",
                key=_OPTION,
                nearest=nearest(name, known),
            )
    return ALL if "all" in names else frozenset(Role(name) for name in names)


def only_together(roles: AbstractSet[str], *, shared: bool) -> None:
    """Raises `SettingsError` when the work is split on a database that only one process may use."""
    if roles != ALL and not shared:
        raise SettingsError(
            "one process does everything on SQLite; several need a server: set "
            'database = "postgresql://…"',
            key=_OPTION,
        )
