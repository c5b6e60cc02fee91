"""Which keys a table of the settings may have, read off their schema."""

from collections.abc import Sequence
from types import NoneType, UnionType
from typing import Any

from pydantic import BaseModel


def keys_of(root: type[BaseModel], where: Sequence[str | int]) -> list[str]:
    """The valid keys of the table at a path below `root`; [] for a table of free names."""
    table: Any = root
    for part in where:
        if not (isinstance(table, type) and issubclass(table, BaseModel)):
            table = _free(table, part)
            continue
        field = _by_key(table).get(str(part))
        table = _given(field.annotation) if field else None
    if isinstance(table, type) and issubclass(table, BaseModel):
        return list(_by_key(table))
    return []


def _free(table: Any, part: str | int) -> Any:
    """What the values of a mapping with free names are: dict[Name, X] → X; of a list, by number:
    tuple[X, ...] → X."""
    arguments: tuple[Any, ...] = getattr(table, "__args__", ())
    if isinstance(part, int):
        return arguments[0] if arguments else None
    return arguments[1] if len(arguments) == 2 else None


def _given(kind: Any) -> Any:
    """What is there where it is: X | None → X."""
    inner = [one for one in getattr(kind, "__args__", ()) if one is not NoneType]
    return inner[0] if isinstance(kind, UnionType) and len(inner) == 1 else kind


def _by_key(table: type[BaseModel]) -> dict[str, Any]:
    return {field.alias or name: field for name, field in table.model_fields.items()}
