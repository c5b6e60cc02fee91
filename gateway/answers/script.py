"""Traditional Chinese: who writes it is answered in it, from the one Chinese text there is.

Taiwan's and Hong Kong's words come from opencc and, where these are wrong for a wallet (注销 is
closing an account there, not logging out), from `templates/traditional/<script>.txt`. What a brand
calls its own stays as it is: its name, its links and its quoted menu names; a fact that it sets
for the script is used as set.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from gateway.answers.faults import KnowledgeError
from gateway.answers.text import converter
from gateway.domain.model import JSON

#: What a customer's tag or script may ask for, and how opencc writes it.
CONVERSIONS: Mapping[str, str] = {"zh-TW": "s2twp", "zh-HK": "s2hk"}
#: Characters of a message that are looked at.
_ENOUGH = 1_000
#: Only Cantonese writes these.
_CANTONESE = re.compile("[嘅咗喺嚟啲嗰冇嘢佢]")
#: Private characters around what no conversion may touch.
_OPEN, _CLOSE = "\ue000", "\ue001"
_GUARDED = re.compile(f"({_OPEN}[^{_CLOSE}]*{_CLOSE})")
_QUOTED = re.compile("“[^”]*”|「[^」]*」|『[^』]*』")
#: An account is 帳戶 in Taiwan and 賬戶 in Hong Kong; opencc writes 賬戶 and 賬户.
_AFTERWARDS: Mapping[str, Mapping[int, str]] = {
    "zh-TW": str.maketrans({"賬": "帳"}),
    "zh-HK": str.maketrans({"户": "戶"}),
}


def script_of(text: str, stated: str, before: str) -> str:
    """How a Chinese text is written: 'zh-TW', 'zh-HK', or '' for simplified.

    Args:
        text: the message; it decides where it tells.
        stated: the customer's language tag, from the channel, a detector or the contact.
        before: what this returned in the same dialogue.
    """
    tag = stated.replace("_", "-").lower()
    spoken = {"tw": "zh-TW", "hant": "zh-TW", "hk": "zh-HK", "mo": "zh-HK"}
    named = next((spoken[part] for part in reversed(tag.split("-")) if part in spoken), "")
    known = named or (before if before in CONVERSIONS else "")
    sample = text[:_ENOUGH]
    traditional = _changed(sample, "t2s")
    simplified = _changed(sample, "s2t") if traditional or known else 0
    if traditional > simplified:
        cantonese = tag == "yue" or _CANTONESE.search(sample)
        return "zh-HK" if cantonese or "zh-HK" in (named, before) else "zh-TW"
    return "" if simplified > traditional else known


class Scribe:
    """Writes simplified text in another script. `words`: by script, corrections word for word."""

    def __init__(self, words: Mapping[str, Mapping[str, str]]) -> None:
        self._words = words
        self._patterns = {
            script: re.compile("|".join(sorted(map(re.escape, own), key=lambda w: (-len(w), w))))
            for script, own in words.items()
            if own
        }

    def write(self, text: str, script: str) -> str:
        """`text` as rendered, in `script` ('' : as it is), without the guards."""
        if script in CONVERSIONS:
            text = "".join(
                part if part.startswith(_OPEN) else self._converted(part, script)
                for part in _GUARDED.split(text)
            )
        return text.replace(_OPEN, "").replace(_CLOSE, "")

    def _converted(self, text: str, script: str) -> str:
        if pattern := self._patterns.get(script):
            own = self._words[script]
            text = pattern.sub(lambda found: guarded(own[found[0]]), text)
        convert = converter(CONVERSIONS[script]).convert
        afterwards = _AFTERWARDS.get(script, {})
        return "".join(
            part if part.startswith(_OPEN) else convert(part).translate(afterwards)
            for part in _GUARDED.split(text)
        )


def guarded(text: str) -> str:
    """`text`, marked so that no conversion touches it; `Scribe.write` takes the marks out."""
    return f"{_OPEN}{text}{_CLOSE}"


def in_language(value: JSON, language: str, script: str = "") -> JSON:
    """A fact in a language: one value, or the entry of a table by language ('*' for any other).

    For another script its own entry is taken where there is one and kept as set; else quoted names
    within the text are.
    """
    if isinstance(value, dict):
        if script and script in value:
            own = value[script]
            return guarded(own) if isinstance(own, str) and own else own
        value = value.get(language, value.get("*", ""))
    if value is None:
        return ""
    if script and isinstance(value, str):
        return _QUOTED.sub(lambda found: guarded(found[0]), value)
    return value


def read_words(folder: Path, lines: Callable[[str], Iterable[str]]) -> dict[str, dict[str, str]]:
    """Corrections by script, from `traditional/<script>.txt`: `simplified traditional` on each line.

    Args:
        folder: the knowledge base, for messages.
        lines: gives the lines of one of its files; none where it is not there.

    Raises `KnowledgeError`.
    """
    words: dict[str, dict[str, str]] = {script: {} for script in CONVERSIONS}
    for script, own in words.items():
        name = f"traditional/{script}.txt"
        for line in lines(name):
            pair = line.split()
            if len(pair) != 2:
                detail = f"{line!r} is no pair; write `simplified traditional`"
                raise KnowledgeError(folder / name, detail)
            own[pair[0]] = pair[1]
    return words


def _changed(text: str, direction: str) -> int:
    """Characters that a conversion writes differently."""
    return sum(a != b for a, b in zip(text, converter(direction).convert(text), strict=False))
