"""Redacts HTML and XML where it stands: a number parted by tags is one number to whoever reads it.

The text is taken out of the markup with the place of every character, read by the redactor, and what
it finds is taken out of the source. Tags, comments and scripts are read as the text they are.
"""

import re
from html import unescape

from gateway.intake.redact import STANDARD, Policy, Redacted, find, without
from gateway.intake.redact.sheet import Find

_PART = re.compile(
    r"(?P<other><!--.*?(?:-->|\Z)|<(?P<raw>script|style)\b.*?(?:</(?P=raw)\s*>|\Z)|<!\[CDATA\[.*?(?:\]\]>|\Z))"
    r"|(?P<tag></?[a-zA-Z!?](?:[^<>\"']|\"[^\"]*\"|'[^']*')*>)|(?P<entity>&(?:#[0-9]{1,8}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,8});)",
    re.DOTALL | re.IGNORECASE,
)
_BREAK = re.compile(
    r"</?(?:p|div|br|hr|li|ul|ol|tr|table|h[1-6]|section|article|title|body|head|html)\b",
    re.IGNORECASE,
)
_CELL = re.compile(r"</?(?:td|th)\b", re.IGNORECASE)


def redact_markup(source: str, policy: Policy = STANDARD) -> Redacted:
    """The source without secrets; the markup around them stays. Places are those of the source."""
    cuts: list[Find] = []
    text, places = _text(source)
    for found in find(text, policy=policy):
        cuts += _cuts(places, found)
    for match in _PART.finditer(source):
        if match["entity"] is None:
            at = match.start()
            cuts += [
                one._replace(start=at + one.start, end=at + one.end)
                for one in find(match[0], policy=policy)
            ]
    kept: list[Find] = []
    for cut in sorted(cuts):
        if not kept or cut.start >= kept[-1].end:
            kept.append(cut)
    return without(source, kept)


def _text(source: str) -> tuple[str, list[tuple[int, int]]]:
    """What a reader sees, and where in the source each character of it stands."""
    texts: list[str] = []
    places: list[tuple[int, int]] = []
    at = 0
    for match in _PART.finditer(source):
        texts.append(source[at : match.start()])
        places += [(place, place + 1) for place in range(at, match.start())]
        at = match.end()
        if match["entity"] is not None:
            texts.append(unescape(match[0])[:1])
            places.append(match.span())
        elif apart := ("\n" if _BREAK.match(match[0]) else " " if _CELL.match(match[0]) else ""):
            texts.append(apart)
            places.append((match.start(), match.start()))
    texts.append(source[at:])
    places += [(place, place + 1) for place in range(at, len(source))]
    return "".join(texts), places


def _cuts(places: list[tuple[int, int]], found: Find) -> list[Find]:
    """The runs of source that make up a find, with the placeholder at the first: between them stand
    tags, which stay."""
    runs: list[Find] = []
    for start, end in places[found.start : found.end]:
        if start == end:
            continue
        if runs and runs[-1].end == start:
            runs[-1] = runs[-1]._replace(end=end)
        elif runs:
            runs.append(Find(start, end, "", ""))
        else:
            runs.append(found._replace(start=start, end=end))
    return runs
