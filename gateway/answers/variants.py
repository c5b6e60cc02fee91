"""Answers that hold for a time or for versions of the app: which one a question gets.

A topic declares them in its topic.toml; the first that applies is taken, and the topic's own answer
where none does:

    [[variants]]
    name = "new_menu"            # long.new_menu.en.md.j2 …
    valid_from = 2026-12-01      # first day, in the brand's time zone
    valid_to = 2027-01-31        # last day
    app = ">=8.3, <9"            # versions of the app
"""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from gateway.answers.faults import KnowledgeError
from gateway.answers.rendering import Source

if TYPE_CHECKING:
    from gateway.answers.knowledge import Knowledge

Answers = Mapping[tuple[str, str], Source]
"""Templates by (language, form); those of a variant by (language, "form.variant")."""
AppVersion = tuple[int, ...]
"""8.1.2 as (8, 1, 2)."""

#: Where days begin and end while nobody knows which brand it is.
TIME_ZONE = "Asia/Shanghai"
_KEYS = ("name", "valid_from", "valid_to", "app")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_CONDITION = re.compile(r"(>=|<=|==|>|<)\s*(\d+(?:\.\d+)*)")
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}
#: A number with a dot after a word for version; not that of the telephone's own system.
_SAID = re.compile(
    r"(?<![a-z])(?:version|ver|app|v|版本号?|app版本|当前版本)(?:\s+(?:is|number|no))?[\s.:：是为]{0,3}"
    r"v?(\d{1,4}(?:\.\d{1,5}){1,3})(?![\d.]*\d)"
)
_SYSTEM = re.compile(
    r"(?:ios|iphone|ipados|android|安卓|鸿蒙|harmony(?:os)?|miui|系统|system|os)\s*(?:的|系统)?\s*$"
)


@dataclass(frozen=True, slots=True)
class Variant:
    """One variant of a topic's answer and when it holds."""

    name: str
    valid_from: date | None = None
    valid_to: date | None = None
    """The last day."""
    app: tuple[tuple[str, AppVersion], ...] = ()
    """Conditions on the app's version, all of which must hold."""

    def applies(self, today: date | None, app: AppVersion | None) -> bool:
        """Whether it holds on a day for a version of the app; what is not known holds nothing."""
        if self.valid_from and (today is None or today < self.valid_from):
            return False
        if self.valid_to and (today is None or today > self.valid_to):
            return False
        return all(app is not None and _holds(app, sign, than) for sign, than in self.app)


def read_variants(path: Path, raw: Sequence[Any]) -> tuple[Variant, ...]:
    """The `[[variants]]` of the topic.toml at `path`. Raises `KnowledgeError`."""
    variants: list[Variant] = []
    for index, given in enumerate(raw):
        where = f"variants[{index}]"
        if not isinstance(given, dict):
            raise KnowledgeError(path, f"{where} must be a table; write [[variants]]")
        for key in given:
            if key not in _KEYS:
                raise KnowledgeError(
                    path, f"{where}.{key} is not known; use one of {', '.join(_KEYS)}"
                )
        name = given.get("name")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise KnowledgeError(
                path, f"{where}.name must be lower-case letters, digits and _, not {name!r}"
            )
        if any(name == other.name for other in variants):
            raise KnowledgeError(path, f"{where}.name {name!r} stands there twice; rename one")
        first, last = (
            _day(path, f"{where}.{key}", given.get(key)) for key in ("valid_from", "valid_to")
        )
        if first and last and last < first:
            raise KnowledgeError(path, f"{where}.valid_to lies before valid_from; exchange them")
        app = _conditions(path, f"{where}.app", given.get("app", ""))
        if not (first or last or app):
            raise KnowledgeError(
                path,
                f"{where} holds always; give valid_from, valid_to or app, or change the answer",
            )
        variants.append(Variant(name, first, last, app))
    names = {variant.name for variant in variants}
    for file in sorted(path.parent.glob("*.*.*.md.j2")):
        name = file.name.split(".")[1]
        if file.name.count(".") == 4 and name not in names:
            raise KnowledgeError(file, f"is of no variant; add [[variants]] {name!r} to topic.toml")
    return tuple(variants)


def merged(common: Answers, own: Answers, variant: str) -> dict[tuple[str, str], Source]:
    """The templates that hold, by (language, form): of the variant, or with '' of none. `own` are a
    brand's: its own words no variant of the topic changes, only one of the brand does."""
    if not variant:
        return {**common, **own}
    base = {key: source for key, source in own.items() if "." not in key[1]}
    return {**_of_variant(common, variant), **base, **_of_variant(own, variant)}


def app_version(text: str) -> str:
    """The version of the app that a normalised text names, '' where it names none."""
    for found in _SAID.finditer(text):
        if not _SYSTEM.search(text[max(0, found.start() - 12) : found.start()]):
            return found[1]
    return ""


def chosen(variants: Sequence[Variant], asked_at: float, app: str, zone: str = TIME_ZONE) -> str:
    """The name of the variant a question gets, '' for the topic's own answer.

    Args:
        variants: of the topic, in order.
        asked_at: when it was asked, seconds since 1970; 0.0 for unknown.
        app: version of the customer's app, '' for unknown.
        zone: the brand's time zone, as an IANA name.
    """
    if not variants:
        return ""
    today = datetime.fromtimestamp(asked_at, ZoneInfo(zone)).date() if asked_at else None
    numbers = re.fullmatch(r"\d+(\.\d+)*", app.strip().lower().removeprefix("v"))
    version = tuple(map(int, numbers[0].split("."))) if numbers else None
    return next((v.name for v in variants if v.applies(today, version)), "")


@dataclass(frozen=True, slots=True)
class Stale:
    """A variant that can never be used again."""

    topic: str
    variant: str
    ended: date

    def __str__(self) -> str:
        return (
            f"topics/{self.topic}/topic.toml: the variant {self.variant!r} ended on {self.ended}; "
            "take it out, or make it the topic's answer"
        )


def stale(knowledge: "Knowledge", now: float) -> list[Stale]:
    """Variants whose last day is over everywhere on earth at `now` (seconds since 1970)."""
    latest = datetime.fromtimestamp(now, UTC) - timedelta(hours=12)
    return [
        Stale(topic.id, variant.name, variant.valid_to)
        for topic in knowledge.topics.values()
        for variant in topic.variants
        if variant.valid_to and variant.valid_to < latest.date()
    ]


def _of_variant(answers: Answers, variant: str) -> dict[tuple[str, str], Source]:
    return {
        (language, form.partition(".")[0]): source
        for (language, form), source in answers.items()
        if form.partition(".")[2] == variant
    }


def _holds(app: AppVersion, sign: str, than: AppVersion) -> bool:
    """8.2 is 8.2.0."""
    length = max(len(app), len(than))
    return _COMPARE[sign](app + (0,) * (length - len(app)), than + (0,) * (length - len(than)))


def _day(path: Path, key: str, value: Any) -> date | None:
    if value is None:
        return None
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise KnowledgeError(path, f"{key} must be a day without quotes, as 2026-12-01, not {value!r}")


def _conditions(path: Path, key: str, value: Any) -> tuple[tuple[str, AppVersion], ...]:
    if value == "":
        return ()
    conditions = []
    for part in value.split(",") if isinstance(value, str) else [""]:
        found = _CONDITION.fullmatch(part.strip())
        if not found:
            raise KnowledgeError(
                path, f'{key} must be versions as ">=8.2" or ">=8.2, <9", not {value!r}'
            )
        conditions.append((found[1], tuple(map(int, found[2].split(".")))))
    return tuple(conditions)
