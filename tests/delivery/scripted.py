"""A channel that does what a test says, and writes down what it was given."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, ClassVar

from gateway.domain.channel import Capabilities, Outbound, Sent
from gateway.domain.errors import DeliveryError, Failure, HttpFailure

Step = Sent | Exception | Callable[[Outbound], Awaitable[Sent]]


class Scripted:
    """Blind: its provider can neither be asked nor honours a key."""

    kind: ClassVar[str] = "scripted"
    Settings: ClassVar[type[Any]] = dict

    def __init__(self, *script: Step, **capabilities: Any) -> None:
        self.capabilities = Capabilities("scripted", 1000, **capabilities)
        self.script = deque(script)
        self.given: list[Outbound] = []
        """Every call of `send`, also those that failed."""

    @classmethod
    def from_account(cls, settings: Any, world: Any) -> "Scripted":
        return cls()

    async def send(self, outbound: Outbound) -> Sent:
        self.given.append(outbound)
        if not self.script:
            return Sent(f"ext-{outbound.id}")
        step = self.script.popleft()
        if isinstance(step, Exception):
            raise step
        return step if isinstance(step, Sent) else await step(outbound)

    @property
    def ids(self) -> list[str]:
        return [outbound.id for outbound in self.given]


class Listable(Scripted):
    """Its provider can be asked what it sent."""

    def __init__(self, *script: Step, **capabilities: Any) -> None:
        super().__init__(*script, **{"send_safety": "listable", **capabilities})
        self.list: deque[Sequence[Sent] | Exception] = deque()
        """What the provider answers when it is asked; empty at the end."""
        self.asked: list[tuple[str, float]] = []

    async def find_sent(self, outbound: Outbound, since: float) -> Sequence[Sent]:
        self.asked.append((outbound.id, since))
        answer = self.list.popleft() if self.list else ()
        if isinstance(answer, Exception):
            raise answer
        return answer


class Gate:
    """A send that waits in the middle until the test lets it go on."""

    def __init__(self, after: Step | None = None) -> None:
        self.entered = asyncio.Event()
        self.release = asyncio.Event()
        self.after = after

    async def __call__(self, outbound: Outbound) -> Sent:
        self.entered.set()
        await self.release.wait()
        if isinstance(self.after, Exception):
            raise self.after
        return Sent(f"ext-{outbound.id}")


def fails(failure: Failure, detail: str = "scripted", **more: Any) -> DeliveryError:
    return DeliveryError(failure, detail, **more)


def fault() -> Exception:
    """What no channel may raise."""
    return HttpFailure("a fault of the channel's author", sent=True)
