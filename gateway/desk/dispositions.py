"""What came of a matter, from the list that the settings have."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gateway.domain.errors import NotAllowed
from gateway.domain.model import JSON
from gateway.intake.redact import redact
from gateway.problems import nearest


@dataclass(frozen=True, slots=True)
class Disposition:
    """One thing that can come of a matter."""

    id: str
    labels: Mapping[str, str] = field(default_factory=dict)
    """What people read, by language."""
    queues: Sequence[str] = ()
    """Of whose inquiries it can be said; (): of all."""
    comment: bool = False
    """It has to be said in words, too."""


@dataclass(frozen=True, slots=True)
class Dispositions:
    """The list."""

    known: Sequence[Disposition] = ()
    required: bool = False
    """Where there is a list, nothing is resolved without one of it."""

    def of(self, queue: str) -> list[Disposition]:
        """What can be said of an inquiry of a queue; [] where anything can."""
        return [one for one in self.known if not one.queues or queue in one.queues]

    def said(self, queue: str, word: str, comment: str = "") -> dict[str, JSON]:
        """What the event keeps: `disposition`, `comment`, and `labels` as they are now, so that it can be
        read when the list is another one.

        Args:
            queue: the inquiry's.
            word: the id or a label in any language; any text where the queue has no list.
            comment: in more words.

        Raises:
            NotAllowed: it is not in the list, which is named with the one most like it; a comment is missing;
                or nothing was said where something has to be.
        """
        word, words = redact(word.strip()).text, redact(comment.strip()).text
        kept: dict[str, JSON] = {"disposition": word, **({"comment": words} if words else {})}
        if not (found := self.of(queue)):
            return kept
        names = {name.casefold(): one for one in found for name in (*one.labels.values(), one.id)}
        if not word:
            if self.required:
                raise NotAllowed(f"say what came of it: {_listed(found)}")
            return kept
        if (one := names.get(word.casefold())) is None:
            near = names.get(nearest(word.casefold(), names))
            hint = f" (did you mean {near.id!r}?)" if near else ""
            raise NotAllowed(f"there is no disposition {word!r}{hint}; there are {_listed(found)}")
        if one.comment and not words:
            raise NotAllowed(f"the disposition {one.id!r} needs a comment")
        return {**kept, "disposition": one.id, "labels": dict(one.labels)}


def _listed(found: Sequence[Disposition]) -> str:
    return ", ".join(
        f"{one.id} ({' / '.join(one.labels.values())})" if one.labels else one.id for one in found
    )
