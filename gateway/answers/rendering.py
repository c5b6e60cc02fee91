"""Turns templates into text: sandboxed, strict, and unable to promise what no brand has set.

What a customer wrote reaches a template only as a value, never as template source, so it cannot
run anything. Numbers, links and addresses may not stand in a template at all: they are facts of
the brand, and a fact that is not set makes its sentence disappear (`{% if brand.hotline %}`).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from jinja2 import StrictUndefined, Template, TemplateError, meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from gateway.domain.asking import asks_for_secret
from gateway.domain.errors import GatewayError
from gateway.domain.model import JSON, Brand

#: All that a template may name. `options` are the choices of a question back.
VARIABLES = frozenset({"brand", "number", "options"})
#: Variables that tell something of the customer: not for texts that everybody can read.
PERSONAL = frozenset({"number"})

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
    personal: bool
    """It uses a personal variable, so it must not be rendered for the public."""
    facts: frozenset[str]
    """The brand facts it uses."""


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


#: Only parses; each `Renderer` has its own to render with.
_PARSER = environment()


def inspect(path: str, text: str, facts: frozenset[str]) -> tuple[Source, list[str]]:
    """The template and everything that is wrong with it, each as a sentence that says what to do."""
    try:
        tree = _PARSER.parse(text)
    except TemplateError as error:
        source = Source(path, text, personal=False, facts=frozenset())
        return source, [f"does not parse as a template: {error}"]
    variables = meta.find_undeclared_variables(tree)
    problems = [
        f"unknown variable {name!r}; use one of {', '.join(sorted(VARIABLES))}"
        for name in sorted(variables - VARIABLES)
    ]
    used = frozenset(_brand_facts(tree))
    problems += [
        f"unknown brand fact {name!r}; add it to [facts] of knowledge.toml or correct the name"
        for name in sorted(used - facts)
    ]
    if any(tree.find_all((nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends))):
        problems.append("pulls in another template; write the text out")
    literal = " ".join(node.data for node in tree.find_all(nodes.TemplateData))
    problems += [
        f"contains {what} ({found.group(0).strip()!r}); make it a brand fact"
        for what, pattern in _LITERALS.items()
        for found in pattern.finditer(literal)
    ]
    if asked := asks_for_secret(literal):
        problems.append(
            f"asks for a code, password or card number ({asked!r}); no message of ours may do that"
        )
    return Source(path, text, bool(variables & PERSONAL), used), problems


def brand_values(brand: Brand | None, language: str, facts: frozenset[str]) -> dict[str, JSON]:
    """What templates see as `brand`: every known fact, '' where the brand does not set it.

    A fact may be one value or a table by language ('zh-CN', 'en', '*' for any other).
    """
    given = brand.facts if brand else {}
    values: dict[str, JSON] = {fact: _in_language(given.get(fact), language) for fact in facts}
    values["name"] = brand.names.get(language, brand.name) if brand else ""
    return values


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


def _in_language(value: JSON, language: str) -> JSON:
    if isinstance(value, dict):
        return value.get(language, value.get("*", ""))
    return "" if value is None else value


def _brand_facts(tree: nodes.Template) -> Iterator[str]:
    """The facts a template asks of `brand`, by attribute or by subscript; 'name' is no fact."""
    for node in tree.find_all(nodes.Getattr):
        if isinstance(node.node, nodes.Name) and node.node.name == "brand" and node.attr != "name":
            yield node.attr
    for item in tree.find_all(nodes.Getitem):
        if isinstance(item.node, nodes.Name) and item.node.name == "brand":
            yield item.arg.value if isinstance(item.arg, nodes.Const) else "[computed]"
