"""The folder of recorded payloads that the channel contract is checked with (docs/develop/channels.md
describes its files)."""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, Self

from gateway.domain.channel import HttpRequest, Parsed
from gateway.domain.world import Http, World
from gateway.testing.builders import webhook
from gateway.testing.clock import NEW_YEAR, FakeClock
from gateway.testing.world import TestWorld, build_world


class ContractBroken(AssertionError):
    """The channel does not keep a promise of the contract."""


def promise(kept: bool, what: str) -> None:
    """Raise `ContractBroken` unless `kept`; `what` says what was promised, or what came instead."""
    if not kept:
        raise ContractBroken(what)


#: What `account.json` says in `sends` where no HTTP call is a send.
_NOT_HTTP = ("smtp", "never")


@dataclass(frozen=True, slots=True)
class Recorded:
    """One recorded webhook call, and what `parse` must make of it."""

    name: str
    request: HttpRequest
    expect: Mapping[str, Any]
    signed_by: tuple[str, ...] = ()
    """Where the proof is in the body and not in a header: its values, as they stand there."""

    @property
    def readable(self) -> bool:
        """Whether it holds events, and not an example of what cannot be read."""
        return "error" not in self.expect


@dataclass(frozen=True, slots=True)
class ChannelContract:
    """A channel with its folder of payloads and its page of documentation."""

    channel: type[Any]
    account: Mapping[str, Any]
    recorded: tuple[Recorded, ...]
    sends: tuple[Mapping[str, Any], ...]
    page: Path

    @classmethod
    def load(cls, channel: type[Any], payloads: Path, page: Path) -> Self:
        """Read the folder. Raises `ContractBroken` when it lacks something."""
        promise((payloads / "account.json").is_file(), f"{payloads}/account.json does not exist")
        account = _read(payloads / "account.json")
        recorded = tuple(
            _recorded(path, channel.kind, account)
            for path in sorted(payloads.glob("*.request.json"))
        )
        promise(bool(recorded), f"there is no *.request.json in {payloads}")
        sends = () if account.get("sends") in _NOT_HTTP else tuple(_read(payloads / "sends.json"))
        return cls(channel, account, recorded, sends, page)

    @property
    def sends_by_http(self) -> bool:
        """Whether the checks of sending apply: they play a provider's HTTP API. A channel that sends
        by SMTP is tested against a mail server instead; one that only answers calls sends nothing."""
        return self.account.get("sends") not in _NOT_HTTP

    def world(self, http: Http | None = None) -> TestWorld:
        """A fresh world for the account."""
        return build_world(
            self.account.get("account_id", "main"),
            http=http,
            clock=FakeClock(self.account.get("now", NEW_YEAR)),
            public_url=_public_url(self.account),
        )

    def settings(self, provider: str = "") -> Any:
        """The recorded settings, with the provider's address replaced by `provider`."""
        values = dict(self.account["settings"])
        if provider:
            base = self.account["base_url"]
            values[base["setting"]] = provider + base.get("path", "")
        return self.channel.Settings(**values)

    def build(self, world: World, provider: str = "") -> Any:
        """The channel with the recorded settings, talking to `provider`."""
        return self.channel.from_account(self.settings(provider), world)

    def secrets(self) -> list[str]:
        """Every secret value of the recorded settings."""
        names = [f.name for f in fields(self.channel.Settings) if f.metadata.get("secret")]
        return [text for name in names for text in _leaves(self.account["settings"].get(name))]


def as_json(parsed: Parsed) -> dict[str, Any]:
    """`Parsed` as an `.expect.json` has it: fields that are at their default are left out."""
    found: dict[str, Any] = {
        "events": [{"type": type(event).__name__, **_changed(event)} for event in parsed.events],
        "reply": _changed(parsed.reply),
    }
    return found | ({"mails": [_changed(mail) for mail in parsed.mails]} if parsed.mails else {})


def _recorded(path: Path, kind: str, account: Mapping[str, Any]) -> Recorded:
    name = path.name.removesuffix(".request.json")
    call = _read(path)
    expected = path.with_name(f"{name}.expect.json")
    promise(expected.is_file(), f"{expected} does not exist")
    tail = call.get("path", "")
    route = f"/in/{kind}/{account.get('account_id', 'main')}" + (f"/{tail}" if tail else "")
    query = f"?{call['query']}" if call.get("query") else ""
    request = webhook(
        base64.b64decode(call["body_base64"]) if "body_base64" in call else call["body"].encode(),
        headers=call["headers"],
        url=_public_url(account) + route + query,
        path=tail,
        received_at=call.get("received_at", account.get("now", NEW_YEAR)),
    )
    return Recorded(name, request, _read(expected), tuple(call.get("signed_by", ())))


def _public_url(account: Mapping[str, Any]) -> str:
    return str(account.get("public_url", "https://gateway.example"))


def _read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def _leaves(value: Any) -> Iterator[str]:
    match value:
        case str():
            if value:
                yield value
        case Mapping():
            for inner in value.values():
                yield from _leaves(inner)
        case list() | tuple():
            for inner in value:
                yield from _leaves(inner)


def _changed(item: Any) -> dict[str, Any]:
    return {
        field.name: _plain(getattr(item, field.name))
        for field in fields(item)
        if getattr(item, field.name) != _default(field)
    }


def _default(field: Field[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return _changed(value)
    match value:
        case bytes():
            return value.decode("utf-8", "backslashreplace")
        case Mapping():
            return {name: _plain(inner) for name, inner in value.items()}
        case list() | tuple():
            return [_plain(inner) for inner in value]
        case _:
            return value
