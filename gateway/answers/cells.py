"""Which rows of a brand's tables a template uses, found in its syntax tree.

Rows are used in one way only, so that it can be checked before anything is rendered:

    {% if rows.error_codes %}{% for row in rows.error_codes %}{{ row.key }}: {{ row.meaning }}{% endfor %}{% endif %}
"""

from collections.abc import Iterable, Iterator, Mapping

from jinja2 import nodes

from gateway.answers.tables import OF_A_ROW, Declared


def cells_used(tree: Iterable[nodes.Node]) -> Iterator[tuple[str, str]]:
    """(table, column) for every use in these nodes; the column is '' where only the table is named."""
    for node in tree:
        if (wanted := _asked(node, "rows")) is not None:
            yield wanted, ""
        if not isinstance(node, nodes.For):
            continue
        if isinstance(node.iter, nodes.Getattr) and _is_named(node.iter.node, "rows"):
            row = node.target.name if isinstance(node.target, nodes.Name) else ""
            for column in asked_of(node.find_all(nodes.Node), row):
                yield node.iter.attr, column


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


def asked_of(tree: Iterable[nodes.Node], name: str) -> Iterator[str]:
    """What these nodes ask of a variable, by attribute or by subscript."""
    return (asked for node in tree if (asked := _asked(node, name)) is not None)


def handed_on(tree: Iterable[nodes.Node], names: Iterable[str]) -> list[str]:
    """Those of the variables that are used as a whole somewhere in these nodes: what is asked of
    another name for them is not seen by `asked_of`."""
    tree = list(tree)
    parents = (node for node in tree if isinstance(node, nodes.Getattr | nodes.Getitem))
    asked = {id(parent.node) for parent in parents}
    whole = {
        node.name
        for node in tree
        if isinstance(node, nodes.Name) and node.ctx == "load" and id(node) not in asked
    }
    return [name for name in names if name in whole]


def _asked(node: nodes.Node, name: str) -> str | None:
    if isinstance(node, nodes.Getattr) and _is_named(node.node, name):
        return node.attr
    if isinstance(node, nodes.Getitem) and _is_named(node.node, name):
        return str(node.arg.value) if isinstance(node.arg, nodes.Const) else "[computed]"
    return None
