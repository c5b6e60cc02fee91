"""Redacts HTML and XML where it stands: a number parted by tags is one number to whoever reads it.

The text is taken out of the markup with the place of every character, read by the redactor, and what
it finds is taken out of the source. Tags, comments and scripts are read as the text they are.
"""

import re
from bisect import bisect_left, bisect_right
from html import unescape
from operator import attrgetter
from typing import NamedTuple

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
    text, runs = _text(source)
    for found in find(text, policy=policy):
        cuts += _cuts(runs, found)
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


class _Run(NamedTuple):
    """Characters of the text that stand together in the source."""

    at: int
    """The first of them in the text."""
    start: int
    end: int
    """Where they stand in the source."""
    entity: bool = False
    """All of the source is one character."""


_AT = attrgetter("at")


def _text(source: str) -> tuple[str, list[_Run]]:
    """What a reader sees, and where in the source it stands. A gap between two runs is a line end or
    a blank that stands for a tag."""
    texts: list[str] = []
    runs: list[_Run] = []
    at = length = 0
    for match in _PART.finditer(source):
        if match.start() > at:
            runs.append(_Run(length, at, match.start()))
            texts.append(source[at : match.start()])
            length += match.start() - at
        at = match.end()
        if match["entity"] is not None:
            # Of a character that no page may hold nothing is left.
            if shown := unescape(match[0])[:1]:
                runs.append(_Run(length, *match.span(), entity=True))
        else:
            shown = "\n" if _BREAK.match(match[0]) else " " if _CELL.match(match[0]) else ""
        texts.append(shown)
        length += len(shown)
    if at < len(source):
        runs.append(_Run(length, at, len(source)))
        texts.append(source[at:])
    return "".join(texts), runs


def _cuts(runs: list[_Run], found: Find) -> list[Find]:
    """The pieces of source that make up a find, with the placeholder at the first: between them stand
    tags, which stay."""
    pieces: list[Find] = []
    first = max(0, bisect_right(runs, found.start, key=_AT) - 1)
    for index in range(first, bisect_left(runs, found.end, key=_AT)):
        run = runs[index]
        start, end = run.start, run.end
        if not run.entity:
            start += max(0, found.start - run.at)
            end = min(end, run.start + found.end - run.at)
        elif run.at < found.start:
            continue
        if start >= end:  # the run before the gap in which it begins
            continue
        if pieces and pieces[-1].end == start:
            pieces[-1] = pieces[-1]._replace(end=end)
        elif pieces:
            pieces.append(Find(start, end, "", ""))
        else:
            pieces.append(found._replace(start=start, end=end))
    return pieces
