"""Who may use the API: tokens that are shown once and kept as digests.

A token is 32 random bytes, so that its plain SHA-256 tells nothing of it; what people choose
themselves would need more.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Any

from gateway.domain.errors import NotAllowed, NotFound
from gateway.domain.plan import LogEvent, derived_id
from gateway.domain.store import Reader, Store, Tx
from gateway.domain.world import Clock, Ids

_PREFIX = "gw_"


class Scope(StrEnum):
    """What a token is good for."""

    AGENT = "agent"
    """Doing an agent's work, as the agent of the token."""
    READ = "read"
    """Looking."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose token it is."""

    token: str
    """Its id, not itself."""
    agent: str
    scopes: frozenset[str]


class Unknown(NotAllowed):
    """No such token, or not any more."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """Makes, knows and revokes them."""

    store: Store
    clock: Clock
    ids: Ids

    async def create(self, agent: str, scopes: Iterable[Scope], label: str = "") -> tuple[str, str]:
        """A new token and its id; nobody can read the token later."""
        token, reference = _PREFIX + secrets.token_urlsafe(32), self.ids.new()
        row: dict[str, Any] = {
            "id": reference,
            "digest": _digest(token),
            "agent": agent,
            "scopes": " ".join(sorted(scope.value for scope in scopes)),
            "label": label,
            "created_at": self.clock.now(),
        }
        data: dict[str, Any] = {"token": reference, "agent": agent, "scopes": row["scopes"]}

        def work(tx: Tx) -> None:
            tx.run("tokens.add", **row)
            event = derived_id(reference, "created")
            tx.log(LogEvent(event, "token.created", row["created_at"], data=data))

        await self.store.write(work)
        return token, reference

    async def caller(self, token: str) -> Caller:
        """Who calls with this token. Raises `Unknown`."""
        digest = _digest(token)
        row = await self.store.read(lambda r: r.one("tokens.by_digest", digest=digest))
        if row is None:
            raise Unknown("no such token, or it was revoked; `gateway token create` makes one")
        return Caller(row["id"], row["agent"], frozenset(row["scopes"].split()))

    async def revoke(self, reference: str) -> None:
        """From now on it opens nothing. Raises `NotFound`."""
        now = self.clock.now()

        def work(tx: Tx) -> None:
            if not tx.run("tokens.revoke", id=reference, at=now):
                raise NotFound(f"no token that is in force has the id {reference!r}")
            event = derived_id(reference, "revoked")
            tx.log(LogEvent(event, "token.revoked", now, data={"token": reference}))

        await self.store.write(work)


def listed(reader: Reader) -> list[dict[str, Any]]:
    """All that there were, the oldest first."""
    return [dict(row) for row in reader.all("tokens.listed")]


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()
