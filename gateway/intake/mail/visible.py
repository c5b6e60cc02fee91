"""The visible reply: what a person wrote this time, without the quoted message and the signature."""

import re

from gateway.intake.mail.clients import (
    FORWARDED_HEAD,
    FORWARDED_SUBJECT,
    QUOTED_LINE,
    QUOTED_NEXT,
    QUOTES,
    SIGNATURES,
    Cut,
)
from gateway.intake.mail.html import QUOTE_BEGIN, QUOTE_END, QUOTE_MARK, tidy_lines, unmarked

#: Characters looked at. A quote that begins later than this stays.
_WINDOW = 100_000


def visible_reply(marked: str, subject: str = "") -> str:
    """What was written this time. `marked` may hold the marks of `gateway.intake.mail.html`.

    A message is never made empty: when nothing would be left, the whole text stays.
    """
    whole = unmarked(marked).strip()
    if FORWARDED_SUBJECT.match(subject) or _forward_comes_first(whole[:_WINDOW]):
        reply = _without_signature(whole).strip()
        return tidy_lines(reply) if reply else whole
    outside = _outside_quotes(marked)
    text, rest = outside[:_WINDOW], outside[_WINDOW:]
    kept = _before_quote(text)
    if not kept.strip():  # the answer stands below the quoted message
        kept = _without_attribution(text)
    rest = rest if kept == text else ""
    reply = _without_signature(_without_quoted_lines(kept + rest)).strip()
    return tidy_lines(reply) if reply else whole


def _forward_comes_first(text: str) -> bool:
    """A forwarded message is what the customer wants to show us; a quote above it is not likely."""
    if not any(word in text for word in ("---", "orwarded", "转发")):
        return False
    forward = FORWARDED_HEAD.search(text)
    return forward is not None and _first_quote(text[: forward.start()]) is None


def _outside_quotes(marked: str) -> str:
    """`marked` without what stands between begin and end of quotations, unless that is all."""
    if QUOTE_BEGIN not in marked:
        return marked
    pieces, depth = [], 0
    for piece in _MARKS.split(marked):
        if piece == QUOTE_BEGIN:
            depth += 1
        elif piece == QUOTE_END:
            depth = max(0, depth - 1)
        elif depth == 0:
            pieces.append(piece)
    outside = "".join(pieces)
    return outside if unmarked(outside).strip() else unmarked(marked)


_MARKS = re.compile(f"([{QUOTE_BEGIN}{QUOTE_END}])")


def _before_quote(text: str) -> str:
    mark = text.find(QUOTE_MARK)
    if mark >= 0 and text[:mark].strip():
        text = text[:mark]
    begin = 0
    for _ in range(_MOST_ATTRIBUTIONS):
        first = _first_quote(text, begin)
        if first is None:
            return text
        cut, found = first
        if not (cut.line and QUOTED_NEXT.match(text, found.end())):
            return text[: found.start()]
        # Marked with '>' line by line: what stands between or below them is an answer.
        begin = found.start()
        text = text[:begin] + text[found.end() :]
    return text


#: Attribution lines with marked text behind them that are taken out one by one.
_MOST_ATTRIBUTIONS = 30


def _first_quote(text: str, begin: int = 0) -> tuple[Cut, re.Match[str]] | None:
    hits = [(cut, found) for cut in QUOTES if (found := _search(cut, text, begin))]
    return min(hits, key=lambda hit: hit[1].start(), default=None)


def _search(cut: Cut, text: str, begin: int = 0) -> re.Match[str] | None:
    if cut.needs and not any(word in text for word in cut.needs):
        return None
    return cut.pattern.search(text, begin)


def _without_attribution(text: str) -> str:
    for cut in QUOTES:
        found = _search(cut, text) if cut.line else None
        if found:
            text = text[: found.start()] + text[found.end() :]
    return text


def _without_quoted_lines(text: str) -> str:
    text = unmarked(text)
    if (">" not in text and "＞" not in text) or not QUOTED_LINE.search(text):
        return text
    return "\n".join(line for line in text.split("\n") if not QUOTED_LINE.match(line))


def _without_signature(text: str) -> str:
    if len(text) > _WINDOW:
        return text  # no letter has a signature that far down
    for cut in SIGNATURES:
        found = _search(cut, text)
        if found and text[: found.start()].strip():
            text = text[: found.start()]
    return text
