"""Reads the reply to a question that the gateway asked: solved or not, or one of several choices."""

import re
from collections.abc import Sequence

from gateway.answers.assess import THANKS_REST
from gateway.answers.knowledge import Knowledge
from gateway.answers.phrases import Phrases
from gateway.answers.text import bare, normalise

#: A "yes" with more words than this brings something new; a "no" may be followed by the story.
_MAX_YES = 40
_MAX_NO = 300
_NUMBER = re.compile(r"^\W*(\d)(?!\d)\W*(.*)$", re.DOTALL)
_QUESTION = re.compile(r"[?？]|(吗|呢|怎么办)\W*$")


def read_solved(text: str, knowledge: Knowledge, thanks: Phrases | None) -> bool | None:
    """Whether the customer says that the answer helped; None when that is not what they say."""
    clean = normalise(text)
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


def read_choice(text: str, names: Sequence[Sequence[str]]) -> int | None:
    """Index of the option the customer chose, by its number or by one of its names; else None."""
    clean = normalise(text)
    numbered = _NUMBER.match(clean)
    if numbered and len(bare(numbered.group(2))) <= _MAX_YES:
        chosen = int(numbered.group(1)) - 1
        if 0 <= chosen < len(names):
            return chosen
    named = [i for i, each in enumerate(names) if any(normalise(n) in clean for n in each if n)]
    return named[0] if len(named) == 1 else None


def _said(clean: str, knowledge: Knowledge, thanks: Phrases | None) -> bool | None:
    """'No' is looked for first: "not solved" contains "solved"."""
    if len(clean) <= _MAX_NO and knowledge.no.find(clean):
        return False
    if len(clean) > _MAX_YES or _QUESTION.search(clean):
        return None
    if knowledge.yes.find(clean) or (thanks is not None and thanks.fill(clean, THANKS_REST)):
        return True
    return None
