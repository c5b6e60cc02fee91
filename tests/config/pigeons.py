"""Channels for the registry's tests: one that is right, and some that are not."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from gateway.domain.channel import Capabilities, Outbound, Sent
from gateway.domain.errors import SettingsError
from gateway.domain.world import World


@dataclass(frozen=True, slots=True)
class PigeonSettings:
    loft: str = field(metadata={"help": "Where they live", "example": "Tower 4"})
    token: str = field(metadata={"help": "Proof", "example": "env:TOKEN", "secret": True})
    old_tokens: tuple[str, ...] = field(
        default=(), metadata={"help": "Still valid", "example": ("a", "b"), "secret": True}
    )
    keys: Mapping[str, str] = field(
        default_factory=dict,
        metadata={"help": "By name", "example": {"k-1": "env:TOKEN"}, "secret": True},
    )
    birds: int = field(default=2, metadata={"help": "How many", "example": 2})
    night: bool = field(default=False, metadata={"help": "Fly at night", "example": False})

    def __post_init__(self) -> None:
        if self.birds < 1:
            raise ValueError("needs at least one bird")
        if self.loft == "cellar":
            raise SettingsError("pigeons do not live in a cellar")


class Pigeon:
    kind: ClassVar[str] = "pigeon"
    capabilities: ClassVar[Capabilities] = Capabilities(address_space="loft", text_limit=20)
    Settings: ClassVar[type[Any]] = PigeonSettings

    def __init__(self, settings: PigeonSettings, world: World) -> None:
        self.settings = settings
        self.world = world

    @classmethod
    def from_account(cls, settings: Any, world: World) -> Self:
        return cls(settings, world)

    async def send(self, outbound: Outbound) -> Sent:
        return Sent(outbound.id)


class NoSettings:
    """Lacks the settings dataclass."""


@dataclass(frozen=True)
class GreedySettings:
    queue: str = ""


class Greedy(Pigeon):
    Settings: ClassVar[type[Any]] = GreedySettings
