"""What a section of the proof hands back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Say = Callable[[str], None]


@dataclass(slots=True)
class Outcome:
    """Figures for the table, and what speaks against the promise."""

    figures: dict[str, object] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not self.problems

    def expect(self, promise: str, *, kept: bool) -> None:
        """Note a promise that was not kept."""
        if not kept:
            self.problems.append(promise)


Section = Callable[[Say], Outcome]
Sections = Mapping[str, Section]
