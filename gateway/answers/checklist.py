"""The steps of an answer: what each is called, which of them the customer has done already.

The numbered lines of an answer's long form are the steps of its topic's check-list, in order. So the
steps are written once: mail gets the whole list, a short channel the same lines one or two at a time.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from gateway.answers.faults import KnowledgeError
from gateway.answers.phrases import Phrases
from gateway.answers.rendering import Source
from gateway.answers.text import normalise

#: Ways to choose among numbered options without their number; 'everything' and 'trying' are said of
#: steps, 'another' begins another matter.
CHOICES = (
    "first", "second", "third", "fourth", "last", "neither", "both", "everything", "trying",
    "another",
)  # fmt: skip

_NUMBERED = re.compile(r"^\d+\. +(.*)$", re.MULTILINE)
#: What ends the clause that a phrase stands in: what is denied before it is another matter.
_CLAUSE_END = re.compile(r"[,.;:!?，。；：！？、\n]|\b(?:but|and)\b|但|而且")
_DENIED = re.compile(
    r"\b(?:not|never|no|cannot|without|should|shall|must|need|if)\b|n't\b"
    r"|(?:没有?|沒有?|未|不用|不想|不会|不能|要不要|要|需要|如果)[^\w]*(?:再|去|能|过|来)?$"
)


Toml = Callable[[str, Mapping[str, type]], Mapping[str, Any]]
"""Reads a file of the knowledge base; takes its name and the type of each key that may be in it."""


class Listed(Protocol):
    """A topic, as far as its check-list goes."""

    @property
    def id(self) -> str: ...
    @property
    def checklist(self) -> tuple[str, ...]: ...
    @property
    def stepwise(self) -> bool: ...
    @property
    def answers(self) -> Mapping[tuple[str, str], Source]: ...


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a check-list."""

    id: str
    titles: Mapping[str, str]
    """By language; two to six words, for "you have done this already" and for the agent."""
    done: Phrases
    """How customers say that they have done it, in all languages."""

    def said_done(self, text: str) -> bool:
        """Whether `text` says so, in a clause that does not deny it."""
        clean = normalise(text)
        return any(not _denied(clean[:start]) for start in self.done.starts(clean))


def read_choices(toml: Toml, languages: Iterable[str]) -> dict[str, Phrases]:
    """`dialogue/choices.<lang>.toml` of all languages together."""
    keys = dict.fromkeys(CHOICES, list)
    files = [toml(f"dialogue/choices.{language}.toml", keys) for language in languages]
    return {key: Phrases.of(p for raw in files for p in raw.get(key, ())) for key in CHOICES}


def read_steps(toml: Toml, languages: Sequence[str], topics: Iterable[Listed]) -> dict[str, Step]:
    """`dialogue/steps.<lang>.toml`, checked against the check-lists of the topics. Raises
    `KnowledgeError`."""
    topics = list(topics)
    wanted = {step: topic.id for topic in topics for step in topic.checklist}
    files = {}
    for language in languages:
        name = f"dialogue/steps.{language}.toml"
        files[language] = raw = toml(name, dict.fromkeys(wanted, dict))
        for step, topic in wanted.items():
            if not isinstance(raw.get(step, {}).get("title"), str):
                raise KnowledgeError(
                    name, f"title of {step!r}, a step of {topic}, is missing; add it"
                )
    for one in topics:
        _check_lines(one, languages)
    return {
        step: Step(
            step,
            {language: raw[step]["title"] for language, raw in files.items()},
            Phrases.of(p for raw in files.values() for p in raw[step].get("done", ())),
        )
        for step in wanted
    }


def _check_lines(topic: Listed, languages: Iterable[str]) -> None:
    """Steps that are sent one by one are the numbered lines of the long form, one each."""
    for language in languages if topic.stepwise else ():
        source = topic.answers[language, "long"]
        if (lines := len(numbered(source.text))) != len(topic.checklist):
            raise KnowledgeError(
                source.path,
                f"has {lines} numbered lines, and the check-list {len(topic.checklist)} steps; "
                "give each step one line",
            )


def said_done(steps: Mapping[str, Step], names: Iterable[str], text: str) -> list[str]:
    """Those of the steps `names` that the customer says are done, in their order."""
    return [name for name in names if steps[name].said_done(text)]


def numbered(text: str) -> list[str]:
    """The numbered lines of an answer, in order, without their numbers."""
    return [found.group(1) for found in _NUMBERED.finditer(text)]


def keep(text: str, indexes: Sequence[int]) -> str:
    """The answer with only these of its numbered lines (from 0), numbered anew."""
    kept: list[str] = []
    at = number = 0
    for line in text.split("\n"):
        found = _NUMBERED.match(line)
        if found is None:
            kept.append(line)
            continue
        if at in indexes:
            number += 1
            kept.append(f"{number}. {found.group(1)}")
        at += 1
    return "\n".join(kept)


def _denied(before: str) -> bool:
    """Whether the clause says "not" before the phrase: "I have not restarted", 还没重启过."""
    clause = _CLAUSE_END.split(before)[-1]
    return bool(_DENIED.search(clause))
