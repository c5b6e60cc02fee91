"""Calls of Meta's webhooks: who made them, and whose they are.

One app has one address for each of its products, and a call may hold what happened on several of its
numbers or pages: each channel takes its own and counts the rest.
developers.facebook.com/docs/graph-api/webhooks/getting-started
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from channels._json_fields import inner, objects, read_object, text
from channels._meta_account import MetaSettings
from channels._signing import LiveSecrets, as_bytes, digest
from gateway.domain.channel import ChannelEvent, HttpReply, HttpRequest, Parsed, Verified
from gateway.domain.errors import BadSignature, ParseError
from gateway.domain.world import Log

_HEADER = "X-Hub-Signature-256"
#: As seconds in the year 5138, as milliseconds in 1973.
_MILLISECONDS = 1e11
#: Beyond this a number is no time, whichever it is.
_NEVER = 1e15


@dataclass(frozen=True, slots=True)
class Hub:
    """What proves that a call is Meta's."""

    app_secrets: LiveSecrets
    verify_tokens: LiveSecrets

    @classmethod
    def of(cls, settings: MetaSettings) -> Self:
        """With two live app secrets, where the account has two."""
        return cls(
            LiveSecrets.rotating(settings.app_secret, settings.app_secret_previous),
            LiveSecrets.rotating(settings.verify_token),
        )

    def verify(self, request: HttpRequest) -> Verified:
        """The hexadecimal HMAC-SHA256 of the body's bytes with the app secret; a new address is tried
        with a GET that carries the verify token. Raises `BadSignature`."""
        if request.method == "GET":
            return self._subscribing(dict(request.query()))
        given = as_bytes(request.headers.get(_HEADER.lower(), ""))
        name = self.app_secrets.matching(
            [given], lambda secret: (f"sha256={digest(secret, request.body).hex()}".encode(),)
        )
        if not name:
            raise BadSignature(f"{_HEADER} does not fit the body" if given else f"no {_HEADER}")
        return Verified("meta-hmac-sha256", name)

    def _subscribing(self, query: Mapping[str, str]) -> Verified:
        token = as_bytes(query.get("hub.verify_token", ""))
        name = self.verify_tokens.matching([token], lambda secret: (secret,))
        if not name or query.get("hub.mode") != "subscribe":
            raise BadSignature("hub.verify_token is not the one that was set")
        return Verified("meta-verify-token", name)


@dataclass(slots=True)
class Taken:
    """What was found in one call."""

    events: list[ChannelEvent] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    """Kind → number of those that are nothing for us."""
    elsewhere: int = 0
    """Of other numbers and pages."""

    def add(self, event: ChannelEvent | None, kind: str) -> None:
        """One event, or one more of a kind that is none for us."""
        if event is None:
            self.skipped[kind] += 1
        else:
            self.events.append(event)

    def parsed(self, log: Log) -> Parsed:
        """For the gateway; what was passed over is told without a word of what it said."""
        if self.elsewhere:
            log.warning("events of another account skipped", count=self.elsewhere)
        if self.skipped:
            log.info("events skipped", kinds=dict(self.skipped))
        return Parsed(tuple(self.events))


def challenge(request: HttpRequest) -> Parsed | None:
    """The answer to a call that only tries the address; None for any other. Raises `ParseError`."""
    if request.path:
        raise ParseError(f"no such webhook of an account at Meta: {request.path[:40]!r}")
    if request.method != "GET":
        return None
    word = dict(request.query()).get("hub.challenge", "")
    if not word:
        raise ParseError("hub.challenge is missing")
    return Parsed((), HttpReply(200, as_bytes(word)))


def entries(request: HttpRequest, product: str, taken: Taken) -> list[tuple[str, dict[str, Any]]]:
    """The elements of a call, each with where it stands; none of a call for another product.

    Args:
        request: a verified call.
        product: whose events are wanted, the call's `object`.
        taken: where a call for another product is counted.

    Raises `ParseError`.
    """
    body = read_object(request.body)
    if (kind := text(body, "object")) != product:
        taken.skipped[f"object {kind[:20]}"] += 1
        return []
    return [(f"entry[{number}].", entry) for number, entry in enumerate(objects(body, "entry"))]


def changes(
    entry: Mapping[str, Any], field: str, at: str, taken: Taken
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The values of one field's changes in an entry, each with where it stands; those of other fields are
    counted. Raises `ParseError`."""
    for number, change in enumerate(objects(entry, "changes", at)):
        within = f"{at}changes[{number}]."
        if (kind := text(change, "field", within)) == field:
            yield f"{within}value.", inner(change, "value", within)
        else:
            taken.skipped[kind[:20]] += 1


def told_at(entry: Mapping[str, Any], request: HttpRequest) -> float:
    """When Meta tells what an entry holds, seconds since 1970; of the call itself, where it says nothing."""
    when = entry.get("time")
    if not isinstance(when, int) or isinstance(when, bool) or not 0 < when < _NEVER:
        return request.received_at
    return seconds(when)


def seconds(when: float) -> float:
    """A time in seconds since 1970, which Meta tells in milliseconds now and then."""
    return when / 1000 if when >= _MILLISECONDS else float(when)
