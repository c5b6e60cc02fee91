"""Rules about example questions: enough of them, each once, and each nearest to its own topic."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.answers.assess import Rules
from gateway.answers.knowledge import BACKGROUND
from gateway.answers.lint_reading import Finding, Material, Severity
from gateway.answers.ngrams import grams
from gateway.answers.text import normalise
from gateway.answers.unseen import Unseen

#: Examples a topic needs in each language: with fewer it is rarely recognised.
ENOUGH = 12
#: Two topics overlap when this share of the examples of one, and at least so many, are taken for the
#: other by an engine that has not learnt them.
OVERLAP_SHARE, OVERLAP_LEAST = 0.1, 3
#: Pairs of topics that are shown, and examples of each.
PAIRS, SHOWN = 20, 3


@dataclass(frozen=True, slots=True)
class Example:
    """One line of an example file."""

    topic: str
    language: str
    path: str
    line: int
    text: str


def examples(material: Material) -> list[Example]:
    """All example questions, in the order of topics and languages."""
    return [
        Example(topic, language, path, number, text)
        for topic in material.knowledge.topics
        for language in material.knowledge.languages
        for path in [f"topics/{topic}/examples.{language}.txt"]
        for number, text in material.lines(path)
    ]


def too_few(material: Material) -> Iterator[Finding]:
    """A topic that is matched by its examples has some in every language."""
    count = Counter((one.topic, one.language) for one in examples(material))
    for topic in material.knowledge.topics.values():
        for language in material.knowledge.languages:
            path, have = f"topics/{topic.id}/examples.{language}.txt", count[topic.id, language]
            if topic.control and not have:
                continue  # its rule listens for phrases
            if have < ENOUGH and path in material.files:
                yield Finding(
                    path, 0, "few", Severity.ERROR,
                    f"has {have} examples; {ENOUGH} are needed",
                    "add questions in the customers' own words",
                )  # fmt: skip


def duplicates(material: Material) -> Iterator[Finding]:
    """The same question twice: within a topic it counts double, under two it can be answered by
    neither."""
    seen: dict[str, Example] = {}
    for one in examples(material):
        other = seen.setdefault(normalise(one.text), one)
        if other is one:
            continue
        same = other.topic == one.topic
        yield Finding(
            one.path, one.line, "duplicate", Severity.WARNING if same else Severity.ERROR,
            f"{one.text!r} stands at {other.path}:{other.line} as well", "keep it in one place",
        )  # fmt: skip


def calibrated(material: Material) -> Iterator[Finding]:
    """A question that certificates are made from must not be learnt: it would say nothing."""
    path = material.folder / "calibration" / "questions.jsonl"
    if not path.is_file():
        return
    known = {normalise(one.text): one for one in examples(material)}
    for number, text in _questions(path.read_text("utf-8")):
        if one := known.get(normalise(text)):
            yield Finding(
                one.path, one.line, "calibration", Severity.ERROR,
                f"{one.text!r} is also a calibration question (line {number})",
                "take it out of the examples: what was learnt proves nothing",
            )  # fmt: skip


def _questions(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            yield number, str(json.loads(line).get("text", ""))


def phrases(material: Material) -> Iterator[Finding]:
    """The rule of one topic listens to phrases that customers of another one use."""
    rules = Rules(material.knowledge)
    for one in examples(material):
        heard = rules.hear(one.text)
        if heard is not None and heard.topic.id != one.topic:
            yield Finding(
                one.path, one.line, "phrase", Severity.WARNING,
                f"the rule of {heard.topic.id} hears {heard.phrase!r} in {one.text!r}",
                f"narrow the phrase in topics/{heard.topic.id}/phrases.*.txt, or move the example",
            )  # fmt: skip


def overlaps(material: Material, held_out: Unseen) -> Iterator[Finding]:
    """Pairs of topics that the engine takes for each other, the worst first; a confident answer to
    either is then impossible."""
    taken = _taken(material, held_out)
    total = Counter(one.topic for one in examples(material))
    ranked = sorted(taken.items(), key=lambda item: (-len(item[1]), item[0]))
    shown = 0
    for (topic, other), cases in ranked:
        share = len(cases) / max(1, total[topic])
        if len(cases) < OVERLAP_LEAST or share < OVERLAP_SHARE or shown == PAIRS:
            continue
        shown += 1
        worst = sorted(cases, key=lambda case: -case[1])[:SHOWN]
        yield Finding(
            worst[0][0].path, worst[0][0].line, "overlap", Severity.WARNING,
            f"{len(cases)} of {total[topic]} examples ({share:.0%}) are taken for {other}: "
            + "; ".join(_shown(material, one, sure, other) for one, sure in worst),
            f"say in other words what sets {topic} and {other} apart, move examples, or make one"
            " topic of them",
        )  # fmt: skip


def _taken(
    material: Material, held_out: Unseen
) -> dict[tuple[str, str], list[tuple[Example, float]]]:
    """Examples that are taken for another topic, by (topic, other), with how sure that was."""
    # `Knowledge.training` gives the examples in the order of topics and languages as well.
    taken: dict[tuple[str, str], list[tuple[Example, float]]] = defaultdict(list)
    best = held_out.posterior.argmax(axis=1)
    for i, one in enumerate(examples(material)):
        label = held_out.labels[best[i]]
        if label != one.topic and not label.startswith(BACKGROUND):
            taken[one.topic, label].append((one, float(held_out.posterior[i, best[i]])))
    return taken


def _shown(material: Material, one: Example, sure: float, other: str) -> str:
    """An example and the one of the other topic that is most like it."""
    mine = grams(normalise(one.text))
    near = max(
        (rival for rival in examples(material) if rival.topic == other),
        key=lambda rival: _alike(mine, grams(normalise(rival.text))),
        default=None,
    )
    like = f" like {near.text!r}" if near else ""
    return f"{one.text!r} ({sure:.2f}){like}"


def _alike(one: Counter[str], other: Counter[str]) -> float:
    both = (one & other).total()
    return both / max(1, (one | other).total())
