"""Reply windows and budgets: how long after the customer's last message we may write, and how often. Pure.

What one channel allows is in its capabilities; what is left of it follows from when the customer wrote
and how many of our messages may be out since.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from gateway.domain.channel import Capabilities
from gateway.domain.model import Visibility

#: What automatic messages leave of a budget for people, who may have to ask back.
FOR_PEOPLE = 2
#: Seconds one transmission may take: so long after `begun` a message may still reach the provider.
LONGEST_SEND = 60.0


@dataclass(frozen=True, slots=True)
class Rules:
    """What a channel allows; everything, where nothing is said."""

    window: float | None = None
    """Seconds after the customer's last message in which anything may go out; None: no limit."""
    human_only: float | None = None
    """The same for what a person wrote, where it is longer."""
    budget: int | None = None
    """How many messages may go out until the customer writes again; None: no limit."""
    public: bool = False
    """Public messages open the window and use the budget as private ones do."""
    comments: bool = False
    """Public messages of the customer open it for private ones."""

    @classmethod
    def of(cls, can: Capabilities) -> Self:
        """Those of a channel."""
        return cls(
            can.reply_window,
            can.human_only_window,
            can.reply_budget,
            can.public_in_window,
            can.comments_open_window,
        )

    @property
    def limited(self) -> bool:
        """Whether anything is limited at all."""
        return self.window is not None or self.budget is not None

    def opened_by(self, visibility: str) -> bool:
        """Whether a customer's message of this visibility opens the window."""
        return self.public or self.comments or visibility != Visibility.PUBLIC

    def bind(self, visibility: str) -> bool:
        """Whether a message of this visibility has to keep to them."""
        return self.limited and (self.public or visibility != Visibility.PUBLIC)


UNLIMITED = Rules()


@dataclass(frozen=True, slots=True)
class Window:
    """What is left of the window of one conversation at one moment."""

    rules: Rules
    now: float
    last_in_at: float
    """When the customer wrote last; 0: never."""
    used: int = 0
    """Our messages since then that are out, or may be."""

    @property
    def until(self) -> float | None:
        """When it ends for automatic messages; None: never."""
        return None if self.rules.window is None else self.last_in_at + self.rules.window

    @property
    def human_until(self) -> float | None:
        """When it ends for people; None: never."""
        if self.until is None:
            return None
        return max(self.until, self.last_in_at + (self.rules.human_only or 0.0))

    @property
    def left(self) -> int | None:
        """How many messages of people may go out; None: no limit."""
        return None if self.rules.budget is None else max(0, self.rules.budget - self.used)

    @property
    def left_automatic(self) -> int | None:
        """How many automatic messages may: never the last two."""
        return None if self.left is None else max(0, self.left - FOR_PEOPLE)

    @property
    def beyond(self) -> bool:
        """Whether only people may still write."""
        return self.until is not None and self.until < self.now

    def shut(self, *, automatic: bool, wanted: int = 1) -> str:
        """Why `wanted` more messages may not go out, in words for a person; '' when they may."""
        if self.rules.window is not None and not self.last_in_at:
            return "the customer has not written here yet, and nobody may write first"
        end = self.until if automatic else self.human_until
        if end is not None and end < self.now:
            if automatic and self.human_until is not None and self.human_until >= self.now:
                return f"since {_moment(end)} only a person may write, until {_moment(self.human_until)}"
            return f"the reply window ended at {_moment(end)}"
        left = self.left_automatic if automatic else self.left
        if left is None or wanted <= left:
            return ""
        budget = f"{self.used} of {self.rules.budget} messages since the customer wrote are used"
        if automatic and self.left:
            return f"{budget}, and the last {FOR_PEOPLE} are for people"
        return budget if wanted == 1 else f"{budget}, and {wanted} are needed"


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
