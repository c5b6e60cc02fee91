"""The knowledge base as it is in memory: topics, their answers, and what the engine learns from.
How it is read: `loading.py`."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.answers.checklist import Step
from gateway.answers.phrases import Phrases
from gateway.answers.rendering import Source
from gateway.answers.slots import Slot
from gateway.answers.tables import Declared
from gateway.answers.text import normalise
from gateway.answers.variants import Answers, Variant, merged

#: Labels of the classifier that are no topic begin with this.
BACKGROUND = "~"


@dataclass(frozen=True, slots=True)
class Topic:
    """One matter that customers write about."""

    id: str
    titles: Mapping[str, str]
    queue: str
    high_risk: bool = False
    """Never closed by an automatic answer alone: it gets advice, then a person."""
    urgent: bool = False
    control: str = ""
    slots: tuple[str, ...] = ()
    """What an agent will need to know; asked of the customer by the guided intake."""
    checklist: tuple[str, ...] = ()
    """Names of the steps of the answer, in order."""
    stepwise: bool = False
    """The steps are causes to rule out: those that are done are left out, and short channels get one
    or two at a time. The numbered lines of the long form are the steps."""
    hand_over: bool = False
    """A person reads it in any case; the answer is a word of thanks meanwhile."""
    promises: tuple[str, ...] = ()
    """Brand facts in the answer that are promises of time."""
    examples: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    phrases: Phrases | None = None
    answers: Answers = field(default_factory=dict)
    variants: tuple[Variant, ...] = ()
    """Answers that hold for a time or some versions of the app; the first that applies is taken."""

    @property
    def steers(self) -> bool:
        """It says how the customer wants to be served, not what the matter is."""
        return self.control not in ("", "contact")


@dataclass(frozen=True, slots=True)
class Knowledge:
    """The whole knowledge base, immutable. `version` changes with any byte of it."""

    version: str
    languages: tuple[str, ...]
    facts: frozenset[str]
    working_days: frozenset[str]
    """Facts that promise something within so many working days: a date follows from them."""
    topics: Mapping[str, Topic]
    notices: Mapping[str, Answers]
    overrides: Mapping[str, Mapping[str, Answers]]
    """Answers of one brand, by brand and topic."""
    background: Mapping[str, tuple[str, ...]]
    yes: Phrases
    no: Phrases
    choices: Mapping[str, Phrases]
    """How customers name an option by its place: 'first' … 'fourth', 'last', and 'neither'."""
    steps: Mapping[str, Step]
    """The steps of all check-lists, by id."""
    tables: Mapping[str, Declared] = field(default_factory=dict)
    """Lookup tables that templates may use; the rows are the brand's."""
    slots: Mapping[str, Slot] = field(default_factory=dict)
    """What agents need to know, by the names that topics list."""
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Chinese words as another script writes them, by script, where a conversion gets them wrong."""

    def answer(self, topic: str, brand: str, language: str, form: str, variant: str = "") -> Source:
        """The template that answers `topic`, the brand's own where it has one.

        `variant` is the one that holds, '' for the topic's own answer. What a brand says in its own
        words, no variant of the topic changes; only one of the brand does.
        """
        own = self.overrides.get(brand, {}).get(topic, {})
        return _pick(merged(self.topics[topic].answers, own, variant), language, form)

    def notice(self, name: str, language: str, form: str) -> Source:
        """The template of a notice."""
        return _pick(self.notices[name], language, form)

    def differs_by_brand(self, topic: str) -> bool:
        """Whether the answer depends on which brand the customer uses."""
        if any(topic in own for own in self.overrides.values()):
            return True
        return any(source.facts or source.dues for source in self.topics[topic].answers.values())

    def training(self) -> tuple[list[str], list[str]]:
        """Normalised example texts and their labels: topics, and background labels with '~'."""
        pairs = [
            (normalise(example), topic.id)
            for topic in self.topics.values()
            for examples in topic.examples.values()
            for example in examples
        ]
        pairs += [
            (normalise(line), label) for label, lines in self.background.items() for line in lines
        ]
        return [text for text, _ in pairs], [label for _, label in pairs]


def _pick(answers: Answers, language: str, form: str) -> Source:
    """The form asked for, else the next longer one."""
    for candidate in {"voice": ("voice", "short"), "short": ("short",)}.get(form, ()):
        if (language, candidate) in answers:
            return answers[language, candidate]
    return answers[language, "long"]
