"""Where we are in a folder: a small value that outlives the process.

A place moves on only after the mail before it is durable, never by what the server has flagged; a
place that is behind costs nothing but a second look, since a mail that comes again is one mail.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Self

from gateway.domain.model import JSON


@dataclass(frozen=True, slots=True)
class Place:
    """How far one folder has been taken in."""

    validity: int
    """UIDVALIDITY under which `uid` means anything."""
    uid: int
    """Every mail up to this one is stored."""
    first: int
    """The UID from which on mails are ours to take, under this UIDVALIDITY."""
    taken: int = 0
    """Mails stored under this UIDVALIDITY."""
    since: float = 0.0
    """When we first saw the folder; what lay there before is not taken. 0: everything is."""
    again_below: int = 0
    """UIDs below this one are seen for the second time: the server has numbered anew."""
    last_mail: float = 0.0
    """When the last mail was stored."""

    @classmethod
    def read(cls, memo: JSON) -> Self | None:
        """From what `remember` kept; None when there is nothing that can be read."""
        if not isinstance(memo, Mapping):
            return None
        try:
            return cls(
                validity=int(str(memo["validity"])),
                uid=int(str(memo["uid"])),
                first=int(str(memo["first"])),
                taken=int(str(memo["taken"])),
                since=float(str(memo["since"])),
                again_below=int(str(memo["again_below"])),
                last_mail=float(str(memo["last_mail"])),
            )
        except (KeyError, ValueError):
            return None

    def as_memo(self) -> JSON:
        """For `remember`."""
        return asdict(self)

    def after(self, uid: int, *, at: float) -> Self:
        """One more mail is stored."""
        return replace(self, uid=max(uid, self.uid), taken=self.taken + 1, last_mail=at)

    def renumbered(self, validity: int, next_uid: int) -> Self:
        """From the start of a folder whose UIDs are new ones."""
        return replace(
            self, validity=validity, uid=0, first=1, taken=0, again_below=max(next_uid, 1)
        )

    def caught_up(self) -> Self:
        """The renumbered folder has been gone through; from here on it is counted again."""
        uid = max(self.uid, self.again_below - 1)
        return replace(self, uid=uid, first=uid + 1, taken=0, again_below=0)

    def again(self) -> Self:
        """From the start once more, under the same UIDVALIDITY."""
        return replace(self, uid=self.first - 1, taken=0)
