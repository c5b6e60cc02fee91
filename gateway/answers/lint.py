"""Looks for everything that is wrong with a knowledge base, in one pass (`gateway kb check`).

A rule is a function that looks at the `Material` and yields findings; `RULES` is the list of them.
None of them stops at the first, and none stops the others.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from gateway.answers import lint_brands, lint_examples, lint_texts
from gateway.answers.engines import Shelf, best_engine
from gateway.answers.knowledge import Knowledge
from gateway.answers.lint_reading import Finding, Material, Severity, read
from gateway.answers.models import trained
from gateway.answers.unseen import Unseen, unseen
from gateway.domain.errors import GatewayError
from gateway.domain.model import Brand


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that is looked for."""

    name: str
    """As findings and the documentation call it."""
    what: str
    look: Callable[[Material], Iterator[Finding]]


def _while_reading(material: Material) -> Iterator[Finding]:
    return iter(material.found)


#: What is looked for without an engine, in this order.
RULES = (
    Rule("file, missing, variable, literal", "files can be read and are whole", _while_reading),
    Rule("unsafe", "no advice that harms, no request for a secret", lint_texts.unsafe_advice),
    Rule("literal", "no number, link or address but the brand's", lint_texts.foreign_numbers),
    Rule("sms", "short forms within two SMS, as sent", lint_texts.long_sms),
    Rule("voice", "a spoken form that can be spoken", lint_texts.spoken),
    Rule("fact", "brands set facts that there are", lint_brands.unknown_facts),
    Rule("days", "promises of working days are numbers", lint_brands.working_days),
    Rule("hours", "opening hours are times", lint_brands.hours),
    Rule("contradiction", "the languages of a fact agree", lint_brands.languages_agree),
    Rule("contradiction, link", "the facts of a brand agree", lint_brands.facts_agree),
    Rule("contradiction", "brands do not contradict each other", lint_brands.brands_agree),
    Rule("few", "enough examples", lint_examples.too_few),
    Rule("duplicate", "every example once", lint_examples.duplicates),
    Rule("calibration", "no calibration question is an example", lint_examples.calibrated),
    Rule("phrase", "rules leave other topics' examples alone", lint_examples.phrases),
)


def check(material: Material) -> list[Finding]:
    """What is wrong, errors first, then by place; without what only an engine can see."""
    return in_order(chain.from_iterable(rule.look(material) for rule in RULES))


def confusions(
    material: Material, engine: str, models: Path | None = None
) -> tuple[list[Finding], float]:
    """Topics that the engine takes for each other, and its accuracy on examples it has not learnt.

    Takes as long as training does where no trained engine is on file. Raises `TrainingError`.
    """
    held_out = held_out_by(material.knowledge, engine, models)
    return list(lint_examples.overlaps(material, held_out)), held_out.accuracy


def held_out_by(knowledge: Knowledge, engine: str, models: Path | None) -> Unseen:
    """The held-out posteriors of a knowledge base's examples. Raises `TrainingError`."""
    texts, labels = knowledge.training()
    encoders = Shelf()
    untrained, _ = best_engine(engine, encoders)
    if hasattr(untrained, "held_out"):
        untrained = trained(untrained, texts, labels, encoders, models, keep=False)
    return unseen(untrained, texts, labels)


def in_order(findings: Iterator[Finding] | Sequence[Finding]) -> list[Finding]:
    """Each finding once, errors first; overlaps stay as they are ranked."""
    return sorted(
        dict.fromkeys(findings),
        key=lambda one: (one.severity is not Severity.ERROR, one.path, one.line),
    )


def open_material(folder: Path, brands: Mapping[str, Brand], settings: tuple[str, str]) -> Material:
    """What the rules look at. Raises `GatewayError` when the folder is not there."""
    if not folder.is_dir():
        raise GatewayError(f"there is no folder {folder}")
    return read(folder, brands, settings)
