"""Which rows of a brand's tables a template uses, found in its syntax tree.

Rows are used in one way only, so that it can be checked before anything is rendered:

    {% if rows.error_codes %}{% for row in rows.error_codes %}{{ row.key }}: {{ row.meaning }}{% endfor %}{% endif %}
"""

from collections.abc import Iterable, Iterator, Mapping

from jinja2 import nodes

from gateway.answers.tables import OF_A_ROW, Declared


def cells_used(tree: nodes.Template) -> Iterator[tuple[str, str]]:
    """(table, column) for every use; the column is '' where only the table is named."""
    for wanted in asked_of(tree, "rows"):
        yield wanted, ""
    for loop in tree.find_all(nodes.For):
        if isinstance(loop.iter, nodes.Getattr) and _is_named(loop.iter.node, "rows"):
            row = loop.target.name if isinstance(loop.target, nodes.Name) else ""
            for column in asked_of(loop, row):
                yield loop.iter.attr, column


def unknown_cells(
    cells: Iterable[tuple[str, str]], tables: Mapping[str, Declared]
) -> Iterator[str]:
    """A sentence for every table or column that is not declared."""
    for table, column in sorted(cells):
        if table not in tables:
            yield f"unknown table {table!r}; add it to [tables] of knowledge.toml or correct the name"
        elif column and column not in OF_A_ROW and column not in tables[table].columns:
            known = ", ".join([*tables[table].columns, *sorted(OF_A_ROW)])
            yield f"the table {table!r} has no column {column!r}; use one of {known}"


def _is_named(node: nodes.Node, name: str) -> bool:
    return isinstance(node, nodes.Name) and node.name == name


def asked_of(tree: nodes.Node, name: str) -> Iterator[str]:
    """What is asked of a variable, by attribute or by subscript."""
    for attribute in tree.find_all(nodes.Getattr):
        if _is_named(attribute.node, name):
            yield attribute.attr
    for item in tree.find_all(nodes.Getitem):
        if _is_named(item.node, name):
            yield str(item.arg.value) if isinstance(item.arg, nodes.Const) else "[computed]"
