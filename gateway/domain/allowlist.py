"""The allow-list of outgoing texts: only the brand's own numbers, links and addresses may pass.

Customers dial the number and open the link that customer service gives them; that is what a swindler
wants to put there. So a text of ours may name none that the brand's settings do not (DESIGN §7.9),
whoever wrote it. What the customer is written at may be named as well.

Whatever looks like a link, a mail address or a telephone number is looked at; a number also where
nothing but a word before it ("call", "热线") says that it is one. Amounts, dates, the numbers of
orders and cases are none.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gateway.domain.model import JSON, Brand

_ZERO_WIDTH = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_NUMERALS = str.maketrans(
    "〇零○一二三四五六七八九壹贰叁肆伍陆柒捌玖幺", "000" + "123456789" * 2 + "1"
)
#: A number written out; fewer are words ("一二").
_SPELT = re.compile(
    r"[〇零○一二三四五六七八九壹贰叁肆伍陆柒捌玖幺][〇零○一二三四五六七八九壹贰叁肆伍陆柒捌玖幺\s-]{4,}"
)
_DOT = re.compile(
    r"(?<=[a-z0-9])\s?(?:。|\[\.\]|\(\.\)|\s(?:dot|点)\s|点)\s?(?=[a-z]{2})|(?<=[\u3400-\u9fff])。(?=(?:com|cn|net|org)(?![a-z]))"
)
#: Endings that are taken for a link without anything before them. With a scheme, `www.` or a path
#: any ending is one.
_ENDINGS = (
    "com|cn|net|org|io|co|me|info|biz|app|xyz|top|vip|shop|site|online|cc|tv|hk|tw|sg|us|uk|eu|de|fr|"
    "jp|kr|ru|in|link|club|live|work|ltd|group|pro|mobi|tech|store|gov|edu|ly|gl|gg|tk|ml|ga|cf|icu"
)
_HOST = r"(?:[a-z0-9][a-z0-9-]{0,62}\.)+"
_MAIL = re.compile(rf"[a-z0-9._%+-]{{1,64}}@(?P<host>{_HOST}[a-z]{{2,24}})")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{1,12}://(?P<host>[^\s/?#，。；、）)】」”\"'<>]+)")
_LINK = re.compile(
    rf"(?:(?<![a-z0-9.@-])(?P<www>www\.{_HOST}?[a-z0-9-]+(?:\.[a-z]{{2,24}})?)"
    rf"|(?<![a-z0-9.@-])(?P<path>(?:[a-z0-9-]{{1,63}}\.)+[a-z]{{2,24}})(?=/[a-z0-9?#])"
    rf"|(?P<own>[\u3400-\u9fff]{{2,20}}\.(?:{_ENDINGS}))(?![a-z0-9])"
    rf"|(?<![a-z0-9.@-])(?P<bare>(?:[a-z0-9-]{{1,63}}\.)+(?:{_ENDINGS}))(?![a-z0-9.-]*[a-z0-9]))"
)
_HANDLE = re.compile(
    r"(?:微信号?|weixin|wechat|vx|威信|薇信|qq群?|telegram|whatsapp|line id)"
    r"[ :：是为（(加]{0,4}(?P<id>[a-z0-9_-]{5,20})(?![a-z0-9_-])"
)

_DIGITS = re.compile(r"(?<![\d.,#*])\+?\(?\d[\d\s().\-–—/]{3,22}\d(?![\d*%])")
_CALL = re.compile(
    r"(?:电话|電話|热线|熱線|专线|拨打|撥打|致电|致電|拨|来电|回电|客服号码|手机号?|短信至|发送至|座机|"
    r"call(?:ing)?|dial|ring|phone|tel|telephone|hotline|helpline|mobile|number is|text|sms)"
    r"(?: (?:us|me|them|our|the|number|hotline|line|at|on|to|is|no\.?))*[\s:：.是为（(\"“]{0,4}$"
)
#: What telephone numbers look like without any word: with a plus, 400 and 800 lines, mobiles of the
#: mainland, area codes, freephone abroad.
_SHAPE = re.compile(
    r"\+\d{7,15}|[48]00\d{7}|1[3-9]\d{9}|0[1-9]\d{8,10}|1?8(?:00|33|44|55|66|77|88)\d{7}"
)
_OTHER_SHAPE = (
    re.compile(r"\d{6}-\d{6}"),  # our own numbers of inquiries
    re.compile(r"(?:19|20)\d\d[-/.\s]?\d{1,2}[-/.\s]?\d{1,2}(?:[-\s]+\d{1,2})?"),  # dates
    re.compile(r"\d{1,2}[./-]\d{1,2}[./-](?:19|20)\d\d"),
    re.compile(r"(?:19|20)\d\d\s*[-–—]\s*(?:19|20)\d\d"),
)


@dataclass(frozen=True, slots=True)
class Allowed:
    """What may be named: digits of numbers, hosts of links, addresses, and ids elsewhere."""

    numbers: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()
    ids: frozenset[str] = frozenset()

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Allowed":
        """All that stands in texts that are trusted: the facts of a brand."""
        seen: dict[str, set[str]] = {kind: set() for kind in ("number", "link", "address", "id")}
        for text in texts:
            for kind, found, _ in _seen(_plain(text), bold=True):
                seen[kind].add(found)
        hosts = seen["link"] | {host.removeprefix("www.") for host in seen["link"]}
        return cls(
            frozenset(seen["number"]),
            frozenset(hosts),
            frozenset(seen["address"]),
            frozenset(seen["id"]),
        )

    @classmethod
    def of_brand(cls, brand: Brand | None, addresses: Iterable[str] = ()) -> "Allowed":
        """What a brand's facts and the rows of its tables name, and the addresses of one of its
        accounts."""
        facts = _texts(dict(brand.facts)) if brand else ()
        rows = [row for table in brand.tables.values() for row in table.items()] if brand else ()
        return cls.of([*facts, *(text for row in rows for text in _texts([*row])), *addresses])

    def names(self, kind: str, found: str) -> bool:
        """Whether this one may pass. A link may lead anywhere below a host of the brand."""
        match kind:
            case "number":
                return any(
                    found in {own, own.lstrip("0")} or _abroad(found, own) for own in self.numbers
                )
            case "link":
                return any(found == host or found.endswith(f".{host}") for host in self.hosts)
            case "address":
                return found in self.addresses
            case _:
                return found in self.ids or self.names("number", found)


def stopped(text: str, allowed: Allowed, recipient: str = "") -> tuple[str, str] | None:
    """The first number, link, address or id of `text` that may not pass, as (kind, as written).

    Args:
        text: what is to go out.
        allowed: what the brand names.
        recipient: where it goes: the customer's own address or number may be repeated.
    """
    own = Allowed.of([recipient]) if recipient else Allowed()
    for kind, found, written in _seen(_plain(text), bold=False):
        if not allowed.names(kind, found) and not own.names(kind, found):
            return kind, written.strip()
    return None


def refusal(text: str, allowed: Allowed, recipient: str = "") -> str:
    """Why a text may not go out, as a sentence that says what to do; '' when it may."""
    found = stopped(text, allowed, recipient)
    if found is None:
        return ""
    kind, written = found
    return (
        f"the {kind} {written!r} is not among the brand's; take it out, or add it to the brand's "
        "facts in the settings"
    )


def _texts(value: JSON) -> Iterator[str]:
    match value:
        case dict():
            for inner in value.values():
                yield from _texts(inner)
        case list():
            for inner in value:
                yield from _texts(inner)
        case None | bool():
            return
        case _:
            yield str(value)


def _plain(text: str) -> str:
    """As a reader would take it: one width, no invisible characters, spelt digits as digits."""
    folded = _ZERO_WIDTH.sub("", unicodedata.normalize("NFKC", text)).lower()
    spelt = _SPELT.sub(lambda found: found[0].translate(_NUMERALS), folded)
    return _DOT.sub(".", spelt)


def _seen(text: str, *, bold: bool) -> Iterator[tuple[str, str, str]]:
    """(kind, as compared, as written). `bold`: take any row of digits for a number."""
    for match in _SCHEME.finditer(text):
        # What stands before an @ is no host: https://ours.example@theirs.example
        yield "link", match["host"].rpartition("@")[2].partition(":")[0].strip("."), match[0]
    rest = _without(_SCHEME, text)
    for match in _MAIL.finditer(rest):
        yield "address", match[0], match[0]
    rest = _MAIL.sub(_blank, rest)
    for match in _LINK.finditer(rest):
        yield "link", match["www"] or match["path"] or match["own"] or match["bare"], match[0]
    rest = _without(_LINK, rest)
    for match in _HANDLE.finditer(rest):
        if any(char.isdigit() for char in match["id"]) or "_" in match["id"]:
            yield "id", match["id"], match["id"]
    for match in _DIGITS.finditer(rest):
        written = match[0]
        digits = ("+" if written.startswith("+") else "") + re.sub(r"\D", "", written)
        before = rest[max(0, match.start() - 24) : match.start()]
        if bold or _is_number(written.strip(), digits, before):
            yield "number", digits.removeprefix("+"), written


def _without(links: re.Pattern[str], text: str) -> str:
    """The text with blanks in the place of links, up to where each ends: digits in a path are part
    of it. A link is ASCII (RFC 3986): Chinese that follows it at once is no part of it."""
    return re.sub(rf"(?:{links.pattern})[!-(*-~]*", _blank, text)


def _blank(found: re.Match[str]) -> str:
    return " " * len(found[0])


def _is_number(written: str, digits: str, before: str) -> bool:
    if any(shape.fullmatch(written) for shape in _OTHER_SHAPE):
        return False
    if _CALL.search(before):
        return 5 <= len(digits.removeprefix("+")) <= 15
    return bool(_SHAPE.fullmatch(digits))


def _abroad(found: str, own: str) -> bool:
    """The same number with or without the country's code: one ends in the other."""
    longer, shorter = (found, own) if len(found) > len(own) else (own, found)
    shorter = shorter.lstrip("0")
    return len(shorter) >= 7 and longer.endswith(shorter) and len(longer) - len(shorter) <= 3
