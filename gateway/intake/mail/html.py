"""HTML of a stranger to text a person would have seen, and to HTML that may be stored.

Text that the sender hid is in neither: nobody reads it but a machine, and it is planted for one.
"""

import re

import nh3
from inscriptis import Inscriptis  # type: ignore[import-untyped]  # publishes no types
from inscriptis.css_profiles import CSS_PROFILES  # type: ignore[import-untyped]  # as above
from inscriptis.model.config import ParserConfig  # type: ignore[import-untyped]  # as above
from lxml.etree import LxmlError  # type: ignore[import-untyped]  # as above
from lxml.html import (  # type: ignore[import-untyped]  # as above
    Element,
    HtmlElement,
    HTMLParser,
    document_fromstring,
    tostring,
)

from gateway.intake.mail.charset import clean

#: Characters. What a mail program writes for a long thread stays below.
MAX_HTML = 1_000_000
#: Tags. To lay out more takes seconds; a thread of a hundred answers has a third of that.
MAX_TAGS = 12_000
_MAX_STYLE = 20_000
_MAY_LAY_OUT = re.compile(r"<table", re.IGNORECASE)
#: Tables inside tables, and characters that one may cover.
_MAX_TABLES, _MAX_AREA = 8, 4_000_000
#: Private-use characters that stand in a text where the HTML told: the quoted message begins here
#: and goes on to the end; a quotation begins; it ends.
QUOTE_MARK, QUOTE_BEGIN, QUOTE_END = "\ue0f1", "\ue0f2", "\ue0f3"
_MARKS = re.compile(f"[{QUOTE_MARK}-{QUOTE_END}]")
_MARK_LINE = re.compile(rf"\n? {{0,40}}[{QUOTE_MARK}-{QUOTE_END}](?=\n|$)")

#: What mail programs put the answered message into: Gmail, Thunderbird, Apple Mail, Yahoo, Proton.
#: What stands behind such an element was written this time.
_QUOTATION = re.compile(
    r"\b(?:gmail_quote|moz-cite-prefix|yahoo_quoted|protonmail_quote)\b", re.IGNORECASE
)
#: What they write above it: Outlook on the web, for Windows and Mac, QQ, NetEase, Alibaba and
#: DingTalk, Zoho. All that follows is the answered message.
_FROM_HERE_ID = re.compile(
    r"(?:x_)?(?:appendonsend|divRplyFwdMsg|mail-editor-reference-message|isReplyContent|"
    r"OLK_SRC_BODY_SECTION|original-content|origbody|ntes-pcmail-quote)",
    re.IGNORECASE,
)
_FROM_HERE_CLASS = re.compile(r"\b(?:alimail-quote|zmail_extra|ntes-mailmaster-quote)\b")
_FROM_HERE_STYLE = re.compile(
    r"border:\s?none;\s?border-top:\s?solid\s#(?:B5C4DF|E1E1E1)", re.IGNORECASE
)
#: Something of that stands in the source; else the tree need not be walked.
_MAY_QUOTE = re.compile(
    r"gmail_quote|moz-cite|yahoo_quoted|protonmail_quote|type=[\"']?cite|appendonsend|divRplyFwdMsg"
    r"|mail-editor-ref|isReplyContent|OLK_SRC_BODY|original-content|origbody|ntes-|alimail-quote"
    r"|zmail_extra|border-top|includetail",
    re.IGNORECASE,
)
_PROLOGUE = re.compile(r"^\s*<\?xml[^<>]{0,200}\?>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
_UNSEEN = re.compile(r"<(script|style|title)\b[^<>]*>[^<]*(?:<(?!/\1)[^<]*)*", re.IGNORECASE)
_BLANK_LINES = re.compile(r"\n{3,}")

_HIDES = re.compile(
    r"""(?<![\w-])(?:display\s*:\s*none | visibility\s*:\s*(?:hidden|collapse) | mso-hide\s*:\s*all
      | color\s*:\s*transparent
      | (?:opacity|max-height|max-width)\s*:\s*0*\.?0+(?:px|pt|em|%)?\s*(?:[;!]|\Z)
      | (?:text-indent|left|top)\s*:\s*-\d{4,})""",
    re.IGNORECASE | re.VERBOSE,
)
_NO_SIZE = re.compile(
    r"(?<![\w-])font-size\s*:\s*0*\.?0+(?:px|pt|em|%)?\s*(?:[;!]|\Z)", re.IGNORECASE
)
_SIZED = re.compile(r"(?<![\w-])font(?:-size)?\s*:\s*[^;]{0,60}?[1-9]", re.IGNORECASE)
#: Something of that stands in the source; else the tree need not be walked.
_MAY_HIDE = re.compile(
    r"none|hidden|collapse|mso-hide|transparent|:\s*-\d{4}|opacity|max-(?:height|width)"
    r"|font-size\s*:\s*0*\.?0+\D",
    re.IGNORECASE,
)
_MEDIA = re.compile(
    r"@[a-z-]{3,20}[^{};]{0,200}\{(?:[^{}]{0,4000}\{[^{}]{0,4000}\}){0,200}[^{}]*\}"
)
_RULE = re.compile(r"([^{}]{1,400})\{([^{}]{0,2000})\}")
_CLASS = re.compile(r"^\s*(?:[a-z0-9]{1,12})?\.([\w-]{1,60})\s*$", re.IGNORECASE)

#: The strict profile: the other one indents every `div` and puts a blank between any two `span`,
#: which tears Chinese words.
_TEXT_CONFIG = ParserConfig(css=CSS_PROFILES["strict"], display_images=False, display_links=False)
_TAGS = {
    *("p", "div", "br", "hr", "span", "a", "b", "strong", "i", "em", "u", "s", "del", "ins"),
    *("sub", "sup", "small", "code", "pre", "blockquote", "ul", "ol", "li", "dl", "dt", "dd"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "font", "center"),
    *("table", "caption", "thead", "tbody", "tfoot", "tr", "td", "th"),
}
_ATTRIBUTES = {"a": {"href", "title"}, "td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan"}}
_WITH_CONTENT = {"script", "style", "title", "template", "noscript", "iframe", "object", "svg"}
_SCHEMES = {"http", "https", "mailto", "tel"}


def html_to_text(html: str, tags: int = MAX_TAGS) -> str:
    """Readable text of an HTML body, with `QUOTE_MARK` where a known mail program begins the quoted
    message. Takes time in proportion to the length; with more than `tags` tags it is not laid out,
    only freed of them. Never raises."""
    html = _PROLOGUE.sub("", _MARKS.sub("", html[:MAX_HTML]))
    if not html.strip():
        return ""
    plain = _laid_out(html) if html.count("<") <= tags else None
    return tidy_lines(clean(_TAG.sub(" ", _UNSEEN.sub(" ", html)) if plain is None else plain))


def unmarked(text: str) -> str:
    """`text` without the marks and the lines that hold nothing else."""
    # Asked several times of every mail; a pattern would take ten times as long to say no.
    if QUOTE_MARK not in text and QUOTE_BEGIN not in text and QUOTE_END not in text:
        return text
    return _BLANK_LINES.sub("\n\n", _MARKS.sub("", _MARK_LINE.sub("", text)))


def storable_html(html: str) -> str:
    """`html` with nothing in it that acts, loads or hides: no script, style, picture, form, event
    or foreign scheme. Secrets are still in it. Empty when it is no sensible HTML."""
    html = _PROLOGUE.sub("", html[:MAX_HTML])
    if not html.strip() or html.count("<") > MAX_TAGS:
        return ""
    try:
        # Always through this parser, which cuts at a depth for which the next one would take long.
        tree = _tree(html)
    except (LxmlError, ValueError):
        return ""
    safe = nh3.clean(
        tostring(tree, encoding="unicode"),
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        clean_content_tags=_WITH_CONTENT,
        url_schemes=_SCHEMES,
        link_rel="noopener noreferrer nofollow",
    )
    return clean(safe).strip()


def tidy_lines(text: str) -> str:
    """No blanks at line ends, no more than one empty line, none at either end."""
    lines = "\n".join(line.rstrip() for line in text.split("\n"))
    return _BLANK_LINES.sub("\n\n", lines).strip("\n")


def _laid_out(html: str) -> str | None:
    try:
        tree = _tree(html, deep=True)
        if _MAY_QUOTE.search(html):
            _mark_quotes(tree)
        if _MAY_LAY_OUT.search(html):
            _flatten_tables(tree)
        return str(Inscriptis(tree, _TEXT_CONFIG).get_text())
    except (LxmlError, ValueError, RecursionError):
        return None


def _tree(html: str, *, deep: bool = False) -> HtmlElement:
    """The tree of what is to be seen; unless `deep`, without what lies below 256 levels. Raises
    LxmlError or ValueError."""
    # A parser of its own each time: a shared one keeps every name it ever met.
    parser = HTMLParser(remove_comments=True, huge_tree=deep)
    tree = document_fromstring(html, parser=parser, ensure_head_body=False)
    if _MAY_HIDE.search(html):
        _drop_hidden(tree)
    return tree


def _mark_quotes(tree: HtmlElement) -> None:
    for element in list(tree.iter("div", "blockquote", "span", "includetail")):
        if element.getparent() is None:
            continue
        names, known_as = element.get("class") or "", element.get("id") or ""
        if _QUOTATION.search(names) or element.get("type") == "cite":
            end = _marker(QUOTE_END)
            end.tail, element.tail = element.tail, None
            element.addnext(end)
            element.addprevious(_marker(QUOTE_BEGIN))
        elif (
            element.tag == "includetail"
            or _FROM_HERE_ID.fullmatch(known_as)
            or _FROM_HERE_CLASS.search(names)
            or _FROM_HERE_STYLE.search(element.get("style") or "")
        ):
            element.addprevious(_marker(QUOTE_MARK))


def _flatten_tables(tree: HtmlElement) -> None:
    """Make plain blocks of tables that nobody lays out by hand: each level copies all that stands in
    it once more, and each row is filled with blanks to the width of the widest."""
    levels: dict[HtmlElement, int] = {}
    for table in list(tree.iter("table")):
        if table.tag != "table":
            continue  # inside one that was flattened
        outer = next(table.iterancestors("table"), None)
        levels[table] = 1 if outer is None else levels[outer] + 1
        if levels[table] > _MAX_TABLES or _area(table) > _MAX_AREA:
            for element in table.iter("table", "thead", "tbody", "tfoot", "tr", "td", "th"):
                element.tag = "div"


def _area(table: HtmlElement) -> int:
    """Characters that the table covers when it is laid out, blanks included."""
    rows = [row for row in table if row.tag == "tr"]
    for group in table:
        if group.tag in ("thead", "tbody", "tfoot"):
            rows += [row for row in group if row.tag == "tr"]
    widths: dict[int, int] = {}
    for row in rows:
        for column, cell in enumerate(row):
            length = sum(map(len, cell.itertext()))
            widths[column] = max(widths.get(column, 0), length)
    return len(rows) * sum(widths.values())


def _marker(mark: str) -> HtmlElement:
    line = Element("div")
    line.text = mark
    return line


def _drop_hidden(tree: HtmlElement) -> None:
    classes = _hidden_classes(tree)
    hidden: list[HtmlElement] = []
    sized: set[HtmlElement] = set()
    for element in reversed(list(tree.iter())):  # what stands inside comes first
        if not isinstance(element.tag, str) or element.getparent() is None:
            continue
        style = element.get("style") or ""
        if element.tag != "body" and (
            element.get("hidden") is not None
            or (classes and not classes.isdisjoint((element.get("class") or "").split()))
            or _HIDES.search(style)
            # Layouts set 0 on a row to close its gaps, and a real size on what stands in it.
            or (_NO_SIZE.search(style) and element not in sized)
        ):
            hidden.append(element)
        elif element in sized or element.get("size") or _SIZED.search(style):
            sized.add(element.getparent())
    for element in reversed(hidden):
        element.drop_tree()


def _hidden_classes(tree: HtmlElement) -> frozenset[str]:
    """Classes that a style sheet hides always, not on small screens only."""
    found: set[str] = set()
    for sheet in tree.iter("style"):
        rules = _MEDIA.sub("", (sheet.text or "")[:_MAX_STYLE])
        for rule in _RULE.finditer(rules):
            if _HIDES.search(rule[2]):
                names = (_CLASS.match(selector) for selector in rule[1].split(","))
                found.update(name[1] for name in names if name)
    return frozenset(found)
