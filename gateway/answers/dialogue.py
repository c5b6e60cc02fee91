"""Reads the reply to a question that the gateway asked: solved or not, or one of several choices."""

import re
from collections.abc import Mapping, Sequence

from gateway.answers.assess import THANKS_REST
from gateway.answers.knowledge import Knowledge
from gateway.answers.phrases import Phrases
from gateway.answers.text import bare, normalise

#: In the dialogue: the promise that was asked about when its date had passed.
MISSED = "missed"
#: A "yes" with more words than this brings something new; a "no" may be followed by the story.
_MAX_YES = 40
_MAX_NO = 300
_NUMBER = re.compile(
    r"^(?:按|回复?|选|选择|press|reply|option|number|no\.?)?\W*(\d)(?!\d)\W*(.*)$", re.DOTALL
)
#: "doesnt", "did'nt": what people leave out on a telephone.
_CONTRACTION = re.compile(
    r"\b(does|did|do|has|have|had|is|was|are|were|ca|could|wo|would)(?:'?nt|n't)\b"
)
#: The options by their place, as `Knowledge.choices` names them.
_PLACES = ("first", "second", "third", "fourth")
_DENIAL = re.compile(r"\b(?:not|isn't|neither|nor)\b|不是|并非|不想问")
_HAN = re.compile(r"[\u3400-\u9fff]+")
_LATIN = re.compile(r"[a-z]{3,}")
#: Words of titles that name no matter.
_SMALL_WORDS = frozenset({"the", "has", "have", "not", "for", "and", "how", "with", "does", "your"})
#: Letters from which the beginning of a longer word counts as that word.
_STEM = 5
_QUESTION = re.compile(r"[?？]|(吗|呢|怎么办)\W*$")
#: A story that begins with "no".
_OPENS_WITH_NO = re.compile(r"^(?:no|nope|nah|not yet|没有?|不|否)\s*[,.;!。]")
#: What follows takes something back.
_HEDGE = re.compile(r"\bbut\b|\bexcept\b|但|可是|不过|只是|除了")


def read_solved(text: str, knowledge: Knowledge, thanks: Phrases | None) -> bool | None:
    """Whether the customer says that the answer helped; None when that is not what they say."""
    clean = _CONTRACTION.sub(r"\1n't", normalise(text))
    if not clean:
        return None
    numbered = _NUMBER.match(clean)
    if numbered and (digit := numbered.group(1)) in "12":
        rest = numbered.group(2)
        said = _said(rest, knowledge, thanks) if bare(rest) else None
        if not bare(rest) or said is not None:
            return said if said is not None else digit == "1"
        # "2 days have passed …" is no choice; it is read like any other text below.
    return _said(clean, knowledge, thanks)


def read_choice(
    text: str, names: Sequence[Sequence[str]], choices: Mapping[str, Phrases]
) -> int | None:
    """Index of the option the customer chose: by its number, its place ("the second one"), one of
    its names, or a word that only this one has. None where it is none of these, or denied."""
    clean = normalise(text)
    numbered = _NUMBER.match(clean)
    if numbered and len(bare(numbered.group(2))) <= _MAX_YES:
        chosen = int(numbered.group(1)) - 1
        if 0 <= chosen < len(names):
            return chosen
    named = [i for i, each in enumerate(names) if any(normalise(n) in clean for n in each if n)]
    rest = clean
    for name in sorted((normalise(n) for each in names for n in each if n), key=len, reverse=True):
        rest = rest.replace(name, " ")
    if not bare(clean) or choices["neither"].find(rest) or _DENIAL.search(rest):
        return None
    if not named and len(clean) <= _MAX_YES:
        placed = {i for i, key in enumerate(_PLACES[: len(names)]) if choices[key].find(clean)}
        if not placed and choices["last"].find(clean):
            placed = {len(names) - 1}
        named = sorted(placed) or _by_own_words(clean, names)
    return named[0] if len(named) == 1 else None


def read_neither(text: str, choices: Mapping[str, Phrases]) -> bool:
    """Whether the customer says that none of the options is meant."""
    return len(text) <= _MAX_YES and bool(choices["neither"].find(text))


def _by_own_words(clean: str, names: Sequence[Sequence[str]]) -> list[int]:
    """The options that have a word (or pair of Chinese characters) of the text which no other has."""
    words = [{word for name in each for word in _words(normalise(name))} for each in names]
    said = _words(clean)
    return [
        i
        for i, own in enumerate(words)
        if any(
            not any(_alike(word, other) for j, more in enumerate(words) if j != i for other in more)
            and any(_alike(word, told) for told in said)
            for word in own
        )
    ]


def _words(clean: str) -> set[str]:
    """Latin words of three letters or more, and pairs of neighbouring Chinese characters."""
    pairs = {run[i : i + 2] for run in _HAN.findall(clean) for i in range(len(run) - 1)}
    return pairs | {word for word in _LATIN.findall(clean) if word not in _SMALL_WORDS}


def _alike(one: str, other: str) -> bool:
    """The same word, or one is a longer form of the other: withdraw, withdrawal."""
    short, long = sorted((one, other), key=len)
    return one == other or (len(short) >= _STEM and long.startswith(short))


def _said(clean: str, knowledge: Knowledge, thanks: Phrases | None) -> bool | None:
    """'No' is looked for first: "not solved" contains "solved"."""
    if len(clean) <= _MAX_NO and (_OPENS_WITH_NO.match(clean) or knowledge.no.find(clean)):
        return False
    if len(clean) > _MAX_YES or _QUESTION.search(clean) or _HEDGE.search(clean):
        return None
    if knowledge.choices["trying"].find(clean):
        return None
    if knowledge.yes.find(clean) or (thanks is not None and thanks.fill(clean, THANKS_REST)):
        return True
    return None
