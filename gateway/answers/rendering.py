"""Turns templates into text: sandboxed, strict, and unable to promise what no brand has set.

What a customer wrote reaches a template only as a value, never as template source, so it cannot
run anything. Numbers, links and addresses may not stand in a template at all: they are facts of
the brand, and a fact that is not set makes its sentence disappear (`{% if brand.hotline %}`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from jinja2 import StrictUndefined, Template, TemplateError, meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from gateway.answers.cells import asked_of, cells_used, handed_on, unknown_cells
from gateway.answers.script import guarded, in_language
from gateway.answers.tables import Declared
from gateway.domain.asking import asks_for_secret
from gateway.domain.errors import GatewayError
from gateway.domain.model import JSON, Brand

#: All that a template may name. `options` are the choices of a question back, or steps; `cases` are
#: the customer's own open inquiries, `rows` the rows of the brand's tables that the customer names,
#: `due` the dates by which promises of the topic are kept.
VARIABLES = frozenset({"brand", "due", "number", "options", "cases", "rows"})
#: Variables that tell something of the customer: not for texts that everybody can read.
PERSONAL = frozenset({"number", "cases"})

_LITERALS = {
    "a link or address": re.compile(
        r"https?:|www\.|\b[\w-]+\.(com|cn|net|org|io)\b|\S@\S", re.IGNORECASE
    ),
    "a number": re.compile(r"\d{2,}|\d\s*%"),
    "a time promise": re.compile(
        r"[\d一二两三四五六七八九十半]\s*个?(工作日|小时|分钟|天|周|月)"
        r"|\b(\d+|an?|one|two|three|four|five|six|seven|ten)\s+"
        r"((business|working)\s+)?(days?|hours?|minutes?|weeks?|months?)\b",
        re.IGNORECASE,
    ),
}
#: GSM-7 has none of these; one of them would more than halve what fits into an SMS segment.
_PLAIN = str.maketrans({"–": "-", "—": "-", "’": "'", "‘": "'", "“": '"', "”": '"', "…": "..."})
_BLANK_LINES = re.compile(r"\n{3,}")


class RenderError(GatewayError):
    """A template cannot be rendered: it names something that it was not given."""


@dataclass(frozen=True, slots=True)
class Source:
    """A template as loaded: `path` is relative to the templates folder."""

    path: str
    text: str

    @property
    def personal(self) -> bool:
        """It uses a personal variable, so it must not be rendered for the public."""
        return bool(_look(self.text).variables & PERSONAL)

    @property
    def facts(self) -> frozenset[str]:
        """The brand facts it uses."""
        return _look(self.text).facts - {"name"}

    @property
    def cells(self) -> frozenset[tuple[str, str]]:
        """The columns it uses of the rows of tables, as (table, column)."""
        return _look(self.text).cells

    @property
    def dues(self) -> frozenset[str]:
        """The promises whose date it names."""
        return _look(self.text).dues


def environment() -> ImmutableSandboxedEnvironment:
    """No globals, no filter but `join`: templates have nothing to reach for."""
    env = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        autoescape=False,  # plain text; what becomes HTML is escaped where it does
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.globals.clear()
    env.filters = {"join": env.filters["join"]}
    env.tests = {}
    return env


_NO_TABLES: Mapping[str, Declared] = MappingProxyType({})
#: Only parses; each `Renderer` has its own to render with.
_PARSER = environment()
_PULLING = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)
#: Of these a template is given what it asks for by name, and nothing else.
_BY_NAME = ("brand", "due", "rows")


def inspect(
    path: str,
    text: str,
    facts: frozenset[str],
    tables: Mapping[str, Declared] = _NO_TABLES,
    known: frozenset[str] = VARIABLES,
) -> tuple[Source, list[str]]:
    """The template and everything that is wrong with it, each as a sentence that says what to do.
    `known` are the variables it is given."""
    seen = _look(text)
    source = Source(path, text)
    problems = [
        f"unknown variable {name!r}; use one of {', '.join(sorted(known))}"
        for name in sorted(seen.variables - known)
    ]
    problems += [
        f"unknown brand fact {name!r}; add it to [facts] of knowledge.toml or correct the name"
        for name in sorted(source.facts - facts)
    ]
    problems += unknown_cells(seen.cells, tables)
    return source, problems + list(seen.problems)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a template says and asks for, whoever's it is."""

    problems: tuple[str, ...]
    variables: frozenset[str] = frozenset()
    facts: frozenset[str] = frozenset()
    cells: frozenset[tuple[str, str]] = frozenset()
    dues: frozenset[str] = frozenset()


@lru_cache(maxsize=2048)
def _look(text: str) -> _Seen:
    """Remembered: a knowledge base is read again whenever one file of it has changed."""
    try:
        tree = _PARSER.parse(text)
    except TemplateError as error:
        return _Seen((f"does not parse as a template: {error}",))
    every = list(tree.find_all(nodes.Node))
    problems = []
    if any(isinstance(node, _PULLING) for node in every):
        problems.append("pulls in another template; write the text out")
    problems += [
        f"hands on {name!r} as a whole; write {name}.<name> wherever something of it is meant"
        for name in handed_on(every, _BY_NAME)
    ]
    literal = " ".join(node.data for node in every if isinstance(node, nodes.TemplateData))
    problems += [
        f"contains {what} ({found.group(0).strip()!r}); make it a brand fact"
        for what, pattern in _LITERALS.items()
        for found in pattern.finditer(literal)
    ]
    if asked := asks_for_secret(literal):
        problems.append(
            f"asks for a code, password or card number ({asked!r}); no message of ours may do that"
        )
    return _Seen(
        tuple(problems),
        frozenset(meta.find_undeclared_variables(tree)),
        frozenset(asked_of(every, "brand")),
        frozenset(cells_used(every)),
        frozenset(asked_of(every, "due")),
    )


def brand_values(
    brand: Brand | None, language: str, facts: frozenset[str], script: str = ""
) -> dict[str, JSON]:
    """What a template sees as `brand`: its name and the `facts` it uses, '' where the brand does not set
    one.

    A fact may be one value or a table by language ('zh-CN', 'en', '*' for any other); `script` is
    what Chinese is written in where it is not the language's own.
    """
    given = brand.facts if brand else {}
    values: dict[str, JSON] = {
        fact: in_language(given.get(fact), language, script) for fact in facts
    }
    values["name"] = brand_name(brand, language, script) if brand else ""
    return values


def brand_name(brand: Brand, language: str, script: str = "") -> str:
    """The app's name; no conversion may touch it."""
    name = brand.names.get(script) or brand.names.get(language, brand.name)
    return guarded(name) if script else name


class Renderer:
    """Renders the sources of one knowledge base, compiling each once. Raises `RenderError` and names the file."""

    def __init__(self) -> None:
        self._environment = environment()
        self._compiled: dict[str, Template] = {}

    def render(self, source: Source, values: Mapping[str, object]) -> str:
        """The text, without surrounding blank lines."""
        try:
            template = self._compiled.get(source.path)
            if template is None:
                template = self._environment.from_string(source.text)
                self._compiled[source.path] = template
            text = template.render(values)
        except TemplateError as error:
            raise RenderError(f"{source.path}: {error}") from error
        lines = "\n".join(line.rstrip() for line in text.splitlines())
        return _BLANK_LINES.sub("\n\n", lines).strip()


def sms_plain(text: str) -> str:
    """Typographic characters that a brand fact may carry, as plain ones of the SMS alphabet."""
    return text.translate(_PLAIN)
