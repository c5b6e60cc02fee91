"""Finds channels and simulators by entry point and builds them from checked account settings.

Only the kinds that are asked for are imported: an installed channel that nobody uses costs nothing
and can break nothing.
"""

import base64
import hashlib
import importlib.util
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Self

from pydantic import TypeAdapter, ValidationError

from gateway.config import Account, Config
from gateway.domain.channel import Channel
from gateway.domain.errors import GatewayError, SettingsError
from gateway.domain.world import World
from gateway.problems import Problem, explain, nearest, raise_for
from gateway.sample import account_sample

CHANNELS = "gateway.channels"
SIMULATORS = "gateway.simulators"
_DISTRIBUTION = "contact-routing-gateway"
#: What every account has; no channel may call a setting of its own like that.
RESERVED = frozenset(Account.model_fields)


@dataclass(frozen=True, slots=True)
class ReadyAccount:
    """An account whose settings its channel accepts."""

    id: str
    kind: str
    brand: str
    queue: str
    channel: type[Channel]
    settings: Any = field(repr=False)  # there are passwords in it
    """An instance of the channel's `Settings`."""
    allow_private: bool = False

    @property
    def secrets(self) -> tuple[str, ...]:
        """The values that must appear in no log line."""
        return secret_values(self.settings)


class Registry:
    """What is installed, by kind."""

    def __init__(
        self,
        channels: Iterable[metadata.EntryPoint],
        simulators: Iterable[metadata.EntryPoint] = (),
    ) -> None:
        """Raises `SettingsError` when two distributions offer the same kind."""
        self._channels = _by_name(channels)
        self._simulators = _by_name(simulators)

    @classmethod
    def installed(cls) -> Self:
        """Everything that entry points of this environment offer."""
        return cls(metadata.entry_points(group=CHANNELS), metadata.entry_points(group=SIMULATORS))

    @property
    def kinds(self) -> list[str]:
        """The kinds that an account may have."""
        return sorted(self._channels)

    def channel(self, kind: str, key: str = "kind") -> type[Channel]:
        """Import the channel of this kind.

        Args:
            kind: the name of the entry point.
            key: where the name stands, for the message.

        Raises:
            SettingsError: there is none, or it cannot be imported, or it is no channel.
        """
        found = _load(self._channels, kind, key)
        settings = getattr(found, "Settings", None)
        if not isinstance(found, type) or not is_dataclass(settings):
            raise SettingsError(f"{kind!r} is no channel: it lacks a Settings dataclass", key=key)
        if taken := RESERVED & {field.name for field in fields(settings)}:
            raise SettingsError(
                f"{kind!r} calls a setting {min(taken)!r}, which every account has", key=key
            )
        return found

    def simulator(self, kind: str) -> Any:
        """Import what plays the other side of this kind. Raises `SettingsError`."""
        return _load(self._simulators, kind, "simulator")

    def settings(self, kind: str, values: Mapping[str, Any], key: str) -> Any:
        """Check one account's own settings.

        Args:
            kind: the channel.
            values: what stands in the account beside the keys every account has.
            key: the account's path, for messages.

        Returns:
            An instance of the channel's `Settings`.

        Raises:
            SettingsError: with every mistake.
        """
        problems: list[Problem] = []
        checked = self._checked(kind, values, key, problems)
        raise_for(problems)
        return checked

    def accounts(self, config: Config) -> dict[str, ReadyAccount]:
        """Check every account. Raises `SettingsError` with every mistake of all of them."""
        problems: list[Problem] = []
        ready = {}
        for name, account in config.accounts.items():
            key = f"accounts.{name}"
            settings = self._checked(account.kind, account.settings, key, problems)
            if settings is not None:
                ready[name] = ReadyAccount(
                    id=name,
                    kind=account.kind,
                    brand=config.brand_of(account),
                    queue=account.queue,
                    channel=self.channel(account.kind),
                    settings=settings,
                    allow_private=config.server.allow_private or account.allow_private,
                )
        raise_for(problems)
        return ready

    def build(
        self, accounts: Mapping[str, ReadyAccount], world: Callable[[ReadyAccount], World]
    ) -> dict[str, Channel]:
        """A channel for every account, each with the world that `world` makes for it.

        Raises:
            SettingsError: a channel refuses its settings.
        """
        return {
            name: account.channel.from_account(account.settings, world(account))
            for name, account in accounts.items()
        }

    def sample(self) -> str:
        """A commented example of an account for every installed kind, for the first settings file."""
        parts = []
        for kind in self.kinds:
            try:
                parts.append(account_sample(kind, self.channel(kind).Settings))
            except SettingsError as error:  # somebody's broken channel must not stop `gateway init`
                parts.append(f"# {error}\n")
        return "\n".join(parts)

    def _checked(
        self, kind: str, values: Mapping[str, Any], key: str, problems: list[Problem]
    ) -> Any:
        """The settings, or None with what is wrong added to `problems`."""
        try:
            wanted = self.channel(kind, f"{key}.kind").Settings
        except SettingsError as error:
            text = str(error).removeprefix(f"{error.key}: ")
            problems.append(Problem(error.key, text))
            return None
        known = [field.name for field in fields(wanted)]
        unknown = [name for name in values if name not in known]
        for name in unknown:
            close = nearest(name, [*known, *RESERVED])
            problems.append(
                Problem(f"{key}.{name}", "there is no such setting", close and f"{key}.{close}")
            )
        given = {name: value for name, value in values.items() if name in known}
        try:
            return TypeAdapter(wanted).validate_python(given)
        except ValidationError as error:
            problems += [
                problem
                for problem in explain(error, key, lambda _: known)
                # A misspelt required key is one mistake, not two.
                if problem.detail != "is missing"
                or problem.key not in {p.nearest for p in problems}
            ]
        except GatewayError as error:
            problems.append(Problem(key, str(error)))
        return None


def secret_fields(settings: type[Any]) -> tuple[str, ...]:
    """Names of the settings that are marked secret."""
    return tuple(field.name for field in fields(settings) if field.metadata.get("secret"))


def secret_values(settings: Any) -> tuple[str, ...]:
    """The secret texts of one account's settings; several live ones (to rotate) taken apart."""
    found: list[Any] = []
    for name in secret_fields(type(settings)):
        match getattr(settings, name):
            case Mapping() as by_key:
                found += by_key.values()
            case str() as one:
                found.append(one)
            case several:
                found += several or ()
    return tuple(str(value) for value in found if value)


def check_ours() -> None:
    """Make sure that `channels` is ours: Django Channels installs the same name, and the one that
    is installed later replaces files of the other without a word.

    Raises:
        SettingsError: it is not, with what to do.
    """
    spec = importlib.util.find_spec("channels")
    home = Path(__file__).parent.parent
    advice = (
        "install the gateway into an environment of its own (Django Channels uses the same name)"
    )
    if spec is None:
        raise SettingsError(f"the package 'channels' is missing: {advice}")
    if spec.origin is None or Path(spec.origin).parent.parent != home:
        raise SettingsError(f"the package 'channels' is not the gateway's: {advice}")
    if not _as_installed("channels/__init__.py"):
        raise SettingsError(f"another package has overwritten the gateway's 'channels': {advice}")


def _as_installed(name: str) -> bool:
    """False when a file is not what the installer wrote; True when it did not write it (checkout)."""
    try:
        installed = metadata.distribution(_DISTRIBUTION).files or ()
    except metadata.PackageNotFoundError:
        return True
    for file in installed:
        if str(file) == name and file.hash is not None:
            digest = hashlib.new(file.hash.mode, Path(file.locate()).read_bytes()).digest()
            return base64.urlsafe_b64encode(digest).decode().rstrip("=") == file.hash.value
    return True


def _by_name(points: Iterable[metadata.EntryPoint]) -> dict[str, metadata.EntryPoint]:
    found: dict[str, metadata.EntryPoint] = {}
    for point in points:
        other = found.setdefault(point.name, point)
        if other.value != point.value:
            raise SettingsError(
                f"two packages offer {point.name!r}: {other.value} and {point.value}; remove one"
            )
    return found


def _load(points: Mapping[str, metadata.EntryPoint], kind: str, key: str) -> Any:
    if kind not in points:
        known = ", ".join(sorted(points)) or "none"
        raise SettingsError(
            f"there is no {kind!r}; installed: {known}", key=key, nearest=nearest(kind, points)
        )
    try:
        return points[kind].load()
    except (ImportError, AttributeError) as error:
        raise SettingsError(f"{points[kind].value} cannot be loaded: {error}", key=key) from error
