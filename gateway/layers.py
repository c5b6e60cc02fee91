"""Lays the settings file, the environment and the places of secrets into one mapping.

Nothing here knows which settings exist beyond the names it is told; `gateway.config` checks them.
"""

import json
import tomllib
from collections.abc import Container, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gateway.domain.errors import SettingsError
from gateway.problems import Problem, nearest

ENV_PREFIX = "GATEWAY_"
_ENV_NESTING = "__"


def read(file: Path) -> dict[str, Any]:
    """The file as it is written. Raises `SettingsError` when it is no TOML or cannot be read."""
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file} is not valid TOML: {error}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{file} is not UTF-8 text") from error
    except OSError as error:
        raise SettingsError(f"{file} cannot be read: {error.strerror}") from error


def override(
    layers: dict[str, Any],
    environ: Mapping[str, str],
    scalars: Container[str],
    tables: Iterable[str],
) -> list[Problem]:
    """Lay the environment over the file: GATEWAY_SERVER__PORT is server.port.

    Variables without `__` that are no top-level setting belong to somebody else: Kubernetes gives
    every container GATEWAY_PORT and the like for a service called gateway.
    """
    problems: list[Problem] = []
    tables = set(tables)
    for variable, text in sorted(environ.items()):
        if not variable.startswith(ENV_PREFIX):
            continue
        path = variable.removeprefix(ENV_PREFIX).lower().split(_ENV_NESTING)
        if len(path) == 1 and path[0] not in scalars:
            continue
        if len(path) > 1 and path[0] not in tables:
            close = nearest(path[0], tables)
            hint = _ENV_NESTING.join([close, *path[1:]]).upper() if close else ""
            problems.append(
                Problem(variable, "there is no such setting", hint and ENV_PREFIX + hint)
            )
            continue
        try:
            _place(layers, path, json.loads(text) if text[:1] in {"[", "{"} else text)
        except ValueError:
            problems.append(Problem(variable, "begins like JSON but is none"))
    return problems


def _place(layers: dict[str, Any], path: Sequence[str], value: Any) -> None:
    table = layers
    for part in path[:-1]:
        inner = table.setdefault(part, {})
        if not isinstance(inner, dict):  # the file has a plain value there; the check will say so
            return
        table = inner
    table[path[-1]] = value


def resolved(
    value: Any, key: str, home: Path, environ: Mapping[str, str], problems: list[Problem]
) -> Any:
    """The value with "env:NAME" and "file:PATH" replaced by what they point to."""
    if isinstance(value, dict):
        return {
            name: resolved(inner, f"{key}.{name}".lstrip("."), home, environ, problems)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [resolved(inner, key, home, environ, problems) for inner in value]
    if not isinstance(value, str):
        return value
    source, _, name = value.partition(":")
    if source == "env" and name:
        if not environ.get(name):
            problems.append(Problem(key, f"the environment variable {name} is not set"))
        return environ.get(name, "")
    if source == "file" and name:
        try:
            return (home / name).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            problems.append(Problem(key, f"the file {home / name} cannot be read"))
            return ""
    return value
