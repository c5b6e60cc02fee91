"""What an agent needs to know of a matter, and which of it the customer has not said yet.

`slots.toml` has a title for every slot that a topic lists, and how a message shows that it was given.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.answers.faults import KnowledgeError
from gateway.answers.text import normalise
from gateway.domain.asking import asks_for_secret

#: A request with the title in it must not ask for a secret.
_REQUESTS = ("请回复{}。", "Please reply with {}.")
_KEYS = ("title", "given", "same", "longer_than")

Toml = Callable[[str, Mapping[str, type]], Mapping[str, Any]]
"""Reads a file of the knowledge base; takes its name and the type of each key that may be in it."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One thing to know."""

    name: str
    titles: Mapping[str, str]
    """What the customer is asked for, by language."""
    given: re.Pattern[str] | None = None
    longer_than: int = 0
    """Characters of a message that tells it in any case; 0: no length does."""

    def is_given(self, clean: str) -> bool:
        """Whether a normalised text tells it."""
        if self.longer_than and len(clean) > self.longer_than:
            return True
        return bool(self.given and self.given.search(clean))


def read_slots(
    path: Path, toml: Toml, languages: Sequence[str], wanted: Iterable[str]
) -> dict[str, Slot]:
    """The slots of `slots.toml` at `path`, which has all that are `wanted` by topics. Raises
    `KnowledgeError`."""
    wanted = sorted(set(wanted))
    if not wanted:
        return {}
    raw = toml(path.name, dict.fromkeys(wanted, dict))
    for name in wanted:
        if name not in raw:
            raise KnowledgeError(path, f"the slot {name!r} of a topic is missing; add [{name}]")
    return {name: _slot(path, name, raw, languages) for name in wanted}


def missing(slots: Iterable[Slot], text: str) -> list[Slot]:
    """The slots, in order, that a message does not tell."""
    clean = normalise(text)
    return [slot for slot in slots if not slot.is_given(clean)]


def _slot(path: Path, name: str, raw: Mapping[str, Any], languages: Sequence[str]) -> Slot:
    given = raw[name]
    for key in given:
        if key not in _KEYS:
            raise KnowledgeError(path, f"{name}.{key} is not known; use one of {', '.join(_KEYS)}")
    titles = given.get("title", {})
    for language in languages:
        title = titles.get(language) if isinstance(titles, dict) else None
        if not isinstance(title, str) or not title:
            raise KnowledgeError(path, f'{name}.title in {language} is missing; add "{language}"')
        if asked := next((r for r in _REQUESTS if asks_for_secret(r.format(title))), None):
            raise KnowledgeError(
                path, f"{name}.title asks for a secret ({asked.format(title)!r}); no text may"
            )
    patterns = raw.get(given["same"], {}).get("given", []) if "same" in given else []
    patterns = [*patterns, *given.get("given", [])]
    try:
        pattern = re.compile("|".join(f"(?:{part})" for part in patterns)) if patterns else None
    except (re.error, TypeError) as error:
        raise KnowledgeError(path, f"{name}.given is no regular expression: {error}") from error
    return Slot(name, titles, pattern, int(given.get("longer_than", 0)))
