"""How often somebody may call, in bounded memory."""

from collections import OrderedDict
from dataclasses import dataclass, field

#: Callers that are remembered; of more, the one that was quiet longest is forgotten. A forgotten one
#: begins anew, which lets through a burst and no more.
REMEMBERED = 10_000


@dataclass(slots=True)
class Rate:
    """So many calls a minute for each caller, as many of them at once."""

    per_minute: float
    size: int = REMEMBERED
    _left: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)
    """Caller → (calls left, when that was)."""

    def take(self, caller: str, now: float) -> float:
        """Count a call; 0 when it is allowed, else the seconds until the next one is."""
        left, at = self._left.pop(caller, (self.per_minute, now))
        left = min(self.per_minute, left + max(0.0, now - at) * self.per_minute / 60)
        allowed = left >= 1
        self._left[caller] = (left - allowed, now)
        if len(self._left) > self.size:
            self._left.popitem(last=False)
        return 0.0 if allowed else (1 - left) * 60 / self.per_minute

    def __len__(self) -> int:
        return len(self._left)
