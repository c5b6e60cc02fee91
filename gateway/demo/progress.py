"""How far the story is, as the screen, the page and the headless lines show it."""

from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from gateway.demo.cast import Words

ActState = Literal["waiting", "playing", "seen", "failed"]


class NotSeen(Exception):
    """What a scene had to show did not happen."""

    def __init__(self, what: Words) -> None:
        super().__init__(what.en)
        self.what = what


@dataclass(frozen=True, slots=True)
class Line:
    """One line of what happens now: the narrator's, or somebody's own words."""

    words: Words
    speaker: str = ""
    """'' for the narrator."""


@dataclass(slots=True)
class Act:
    """One scene and what was seen of it."""

    title: Words
    state: ActState = "waiting"
    seen: list[Words] = field(default_factory=list)
    failure: Words | None = None
    seconds: float = 0.0

    def summary(self, language: str) -> str:
        """What was seen; behind it, what was not."""
        stop = "；" if language.startswith("zh") else "; "
        parts = [words.of(language) for words in self.seen]
        if self.failure is not None:
            missing = Words("没有看到：", "NOT SEEN: ").of(language)
            parts.append(missing + self.failure.of(language))
        return stop.join(parts)


@dataclass(slots=True)
class Progress:
    """The whole story. Written by the story alone."""

    acts: list[Act]
    now: int = -1
    """Which act is playing; -1 before the first."""
    lines: deque[Line] = field(default_factory=lambda: deque(maxlen=40))
    ended: bool = False

    @property
    def act(self) -> Act:
        """The one that is playing, or was last."""
        return self.acts[max(0, self.now)]

    @property
    def failed(self) -> list[Act]:
        """Acts that did not show what they had to."""
        return [act for act in self.acts if act.state == "failed"]

    @property
    def complete(self) -> bool:
        """Every act was seen."""
        return all(act.state == "seen" for act in self.acts)
