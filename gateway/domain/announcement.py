"""Announcements: what staff say for a while to everybody who asks about certain topics.

An outage, a delay, a change: a few sentences with a beginning and an end. They go out in front of the
answer; the inquiries they touched are remembered, and told when it is over. A `notice`, in contrast, is
one of the gateway's own standing texts (`templates/notices`).
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from gateway.domain.model import JSON

ANNOUNCEMENT_TIMER = "announcement"
"""The timer of an announcement: it ends at its time, and those it touched are told in batches."""

OVER = "announcement_over"
"""The kind under which the event is stored by which one inquiry is told."""


@dataclass(frozen=True, slots=True)
class Words:
    """One language of an announcement."""

    short: str
    """For SMS and voice, and for mail where there is no longer one."""
    long: str = ""
    over: str = ""
    """Said when it is over; '': the gateway's own words."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """What is said, about what, and from when to when (seconds since 1970)."""

    id: str
    topics: tuple[str, ...]
    brands: tuple[str, ...]
    """() for every brand."""
    words: Mapping[str, Words]
    """By language."""
    starts_at: float
    ends_at: float
    public: bool = False
    """Whether it may be said where everybody can read it."""

    def covers(self, topic: str, brand: str) -> bool:
        """Whether it is for who asks this of that brand; '' is a brand that is not known yet."""
        return topic in self.topics and (not self.brands or brand in self.brands)

    def text(self, language: str, form: str) -> str:
        """The words for a language and form of answer; '' where it has none in that language."""
        words = self._words(language)
        return (words.long if form == "long" else "") or words.short

    def over(self, language: str) -> str:
        """What it says itself when it is over; '' where that is left to the gateway."""
        return self._words(language).over

    def _words(self, language: str) -> Words:
        base = language.partition("-")[0]
        near = (words for name, words in self.words.items() if name.partition("-")[0] == base)
        return self.words.get(language) or next(near, Words(""))


def as_row(one: Announcement) -> dict[str, Any]:
    """The columns of `announcements` that it fills."""
    return {
        "id": one.id,
        "topics": _json(one.topics),
        "brands": _json(one.brands),
        "words": _json({language: asdict(words) for language, words in one.words.items()}),
        "public": int(one.public),
        "starts_at": one.starts_at,
        "ends_at": one.ends_at,
    }


def from_row(row: Mapping[str, Any]) -> Announcement:
    """What `as_row` gave."""
    return Announcement(
        id=row["id"],
        topics=tuple(json.loads(row["topics"])),
        brands=tuple(json.loads(row["brands"])),
        words={language: Words(**one) for language, one in json.loads(row["words"]).items()},
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        public=bool(row["public"]),
    )


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class AnnouncementOver:
    """An event of the gateway's own, in the lane of the customer: one inquiry is to be told."""

    announcement_id: str
    inquiry_id: str


@dataclass(frozen=True, slots=True)
class ToTell:
    """What telling one inquiry needs to know besides the inquiry: a part of the snapshot."""

    announcement: Announcement
    settled: bool
    """It was told, or there was a reason not to."""
    public: bool
    """It was said where everybody can read."""
    recipient: str
    context: Mapping[str, JSON] = field(default_factory=dict)
    """`Inbound.reply_to` of the last message of the conversation."""
