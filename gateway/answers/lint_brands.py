"""Rules about the facts of the configured brands: well formed, and free of contradiction."""

import difflib
import re
from collections.abc import Iterator, Mapping
from itertools import combinations
from urllib.parse import urlsplit

from gateway.answers.lint_reading import Finding, Material, Severity, line_of
from gateway.answers.stated import DAY, figures, opening
from gateway.domain.allowlist import Allowed
from gateway.domain.model import JSON, Brand

_RANGE = re.compile(r"(\d+)(?:\s*[-–—~至到]\s*(\d+))?")
_PERIOD = re.compile(
    r"(\d{1,2})[:：](\d{2})\s*(?:[-–—~至到]|to|till|until)\s*(\d{1,2})[:：](\d{2})"
)
#: A fact that speaks of the hotline or the mailbox, in another fact's words.
_OF_HOTLINE = re.compile(r"热线|客服电话|致电|拨打|hotline|helpline|call (?:us|our)", re.IGNORECASE)
_MAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+\w")


def texts_of(value: JSON) -> dict[str, str]:
    """A fact by language; '*' for one that is the same in all."""
    if isinstance(value, dict):
        return {str(language): str(text) for language, text in value.items()}
    return {} if value is None or isinstance(value, list) else {"*": str(value)}


def unknown_facts(material: Material) -> Iterator[Finding]:
    """A fact that no template can name: it is misspelt, or forgotten in knowledge.toml."""
    known = material.knowledge.facts
    for brand in material.brands.values():
        for fact in sorted(set(brand.facts) - known):
            near = difflib.get_close_matches(fact, sorted(known), 1)
            advice = f"did you mean {near[0]!r}?" if near else "add it to [facts] or take it out"
            yield _finding(
                material, brand, fact, "is not a fact of knowledge.toml", advice, "fact",
                Severity.WARNING,
            )  # fmt: skip


def working_days(material: Material) -> Iterator[Finding]:
    """A fact whose name ends in _days is a number of working days or a range: dates are reckoned
    from it."""
    for brand, fact, language, text in _all(material):
        if not fact.endswith("_days"):
            continue
        read = _RANGE.fullmatch(text.strip())
        if read is None:
            yield _finding(
                material, brand, fact, f"is no number of working days: {text!r}{_in(language)}",
                'write a number or a range, such as "3" or "1-3"', "days",
            )  # fmt: skip
        elif read[2] and int(read[1]) > int(read[2]):
            yield _finding(
                material, brand, fact, f"is a range that ends before it begins: {text!r}",
                "write the smaller number first", "days",
            )  # fmt: skip


def hours(material: Material) -> Iterator[Finding]:
    """Opening hours name times of day that exist, each period before its end."""
    for brand, fact, language, text in _all(material):
        if fact != "hours":
            continue
        wrong = ""
        if opening(text) is None:
            wrong = "names no time"
        for first, last in _periods(text):
            if first is None or last is None:
                wrong = "names a time of day that there is not"
            elif first >= last:
                wrong = "ends before it begins"
        if wrong:
            yield _finding(
                material, brand, fact, f"{wrong}: {text!r}{_in(language)}",
                'write periods such as "9:00-21:00", or "24/7"', "hours",
            )  # fmt: skip


def languages_agree(material: Material) -> Iterator[Finding]:
    """What a fact says in one language it says in the others: the same figures."""
    for brand_id, brand in material.all_brands().items():
        for fact, value in brand.facts.items():
            texts = texts_of(value)
            for (one, text), (other, second) in combinations(texts.items(), 2):
                here, there = figures(text), figures(second)
                if here == there or (opening(text) == opening(second) == {"all day": 1}):
                    continue
                if not here or not there:
                    continue  # one says it without figures ("soon")
                yield _finding(
                    material, brand, fact,
                    f"says {text!r} in {one} but {second!r} in {other}", "make them say the same",
                    "contradiction", where=None if brand_id in material.brands else "knowledge.toml",
                )  # fmt: skip


def facts_agree(material: Material) -> Iterator[Finding]:
    """Within a brand: one hotline, one mailbox, links of one house, wherever they are stated."""
    for brand, fact, language, text in _all(material):
        own = brand.facts
        mailbox, hotline = texts_of(own.get("mailbox")), texts_of(own.get("hotline"))
        if fact != "mailbox" and mailbox:
            for address in set(_MAIL.findall(text)) - set(mailbox.values()):
                yield _finding(
                    material, brand, fact,
                    f"names the address {address!r}{_in(language)}, but mailbox is"
                    f" {next(iter(mailbox.values()))!r}",
                    "use one address", "contradiction",
                )  # fmt: skip
        if fact != "hotline" and hotline and _OF_HOTLINE.search(text):
            known = Allowed.of(hotline.values())
            for number in sorted(Allowed.of([text]).numbers):
                if len(number) >= 5 and not known.names("number", number):
                    yield _finding(
                        material, brand, fact,
                        f"names the hotline {number}{_in(language)}, but hotline is"
                        f" {next(iter(hotline.values()))!r}",
                        "use one number", "contradiction",
                    )  # fmt: skip
    for brand in material.brands.values():
        yield from _strange_links(material, brand)


def brands_agree(material: Material) -> Iterator[Finding]:
    """Between brands: what one states is not what another one states differently."""
    for one, other in combinations(material.brands.values(), 2):
        for name in sorted(_names(one) & _names(other)):
            yield Finding(
                material.settings[0], _line(material, other, "name"), "contradiction",
                Severity.ERROR, f"brands {one.id} and {other.id} are both called {name!r}",
                "customers are asked which one they use: give them different names",
            )  # fmt: skip
        for fact in ("hotline", "mailbox"):
            shared = _same(one, other, fact)
            if shared and not _same_hours(one, other):
                yield _finding(
                    material, other, "hours",
                    f"is not what brand {one.id} says, but both have the {fact} {shared}",
                    "the same line is open at the same hours: make them agree", "contradiction",
                )  # fmt: skip
        for owner, user in ((one, other), (other, one)):
            yield from _borrowed(material, owner, user)


# ---------------------------------------------------------------- inside the rules


def _borrowed(material: Material, owner: Brand, user: Brand) -> Iterator[Finding]:
    """A hotline or mailbox of another brand among this brand's facts: copied and not changed."""
    for fact in ("hotline", "mailbox"):
        theirs = set(texts_of(owner.facts.get(fact)).values())
        ours = set(texts_of(user.facts.get(fact)).values())
        if not theirs or not ours or theirs & ours:
            continue
        for name, value in user.facts.items():
            for text in texts_of(value).values():
                if named := next((one for one in theirs if one and one in text), ""):
                    yield _finding(
                        material, user, name,
                        f"names {named}, the {fact} of brand {owner.id}", "name this brand's own",
                        "contradiction",
                    )  # fmt: skip


def _strange_links(material: Material, brand: Brand) -> Iterator[Finding]:
    """Links of one brand lead to one house; another one may be right, or a slip, or a trap."""
    houses: dict[str, str] = {}
    for fact, value in brand.facts.items():
        for text in texts_of(value).values():
            if host := urlsplit(text.strip()).hostname:
                house = ".".join(host.split(".")[-2:])
                first = houses.setdefault(house, fact)
                other = next(iter(houses.items()))
                if first == fact and other[0] != house:
                    yield _finding(
                        material, brand, fact,
                        f"leads to {house}, but {other[1]} leads to {other[0]}",
                        "make sure that it is yours and spelt right", "link", Severity.WARNING,
                    )  # fmt: skip


def _all(material: Material) -> Iterator[tuple[Brand, str, str, str]]:
    """(brand, fact, language, text) of all configured brands."""
    for brand in material.brands.values():
        for fact, value in brand.facts.items():
            for language, text in texts_of(value).items():
                yield brand, fact, language, text


def _periods(text: str) -> Iterator[tuple[int | None, int | None]]:
    for found in _PERIOD.finditer(text):
        first, last = (int(h) * 60 + int(m) for h, m in (found.groups()[:2], found.groups()[2:]))
        yield (
            first if first <= DAY and int(found[2]) < 60 else None,
            last if last <= DAY and int(found[4]) < 60 else None,
        )


def _names(brand: Brand) -> set[str]:
    return {name.casefold() for name in (brand.name, *brand.names.values()) if name}


def _same(one: Brand, other: Brand, fact: str) -> str:
    """What two brands share of a fact; '' for nothing."""
    mine, theirs = (
        {re.sub(r"\D", "", t) or t.casefold(): t for t in texts_of(b.facts.get(fact)).values()}
        if fact == "hotline"
        else {t.casefold(): t for t in texts_of(b.facts.get(fact)).values()}
        for b in (one, other)
    )
    return next((text for key, text in mine.items() if key in theirs), "")


def _same_hours(one: Brand, other: Brand) -> bool:
    stated: list[Mapping[str, int] | None] = []
    for brand in (one, other):
        texts = list(texts_of(brand.facts.get("hours")).values())
        stated.append(opening(texts[0]) if texts else None)
    return None in stated or stated[0] == stated[1]


def _finding(
    material: Material,
    brand: Brand,
    fact: str,
    text: str,
    cure: str,
    rule: str,
    severity: Severity = Severity.ERROR,
    where: str | None = None,
) -> Finding:
    if where is not None:  # an example of knowledge.toml itself
        line = line_of(material.files.get(where, ""), f"[facts.{fact}]")
        return Finding(where, line, rule, severity, f"the example of {fact} {text}", cure)
    said = f"brand {brand.id}: {fact} {text}"
    return Finding(material.settings[0], _line(material, brand, fact), rule, severity, said, cure)


def _line(material: Material, brand: Brand, fact: str) -> int:
    """The line of the settings where a brand's fact stands; 0 where it does not stand there."""
    inside = False
    for number, line in enumerate(material.settings[1].splitlines(), 1):
        if header := re.match(r"\s*\[([^\]]+)\]", line):
            inside = header[1].split(".")[:2] == ["brands", brand.id]
        elif inside and re.match(rf'\s*"?{re.escape(fact)}"?\s*=', line):
            return number
    return 0


def _in(language: str) -> str:
    return "" if language == "*" else f" in {language}"
