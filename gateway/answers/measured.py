"""Keeps the certificates of the shipped questions in a file beside the trained engine: measuring takes
ten seconds of a processor, and gives the same again for the same engine, questions and brands."""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path

from gateway.answers.shelved import shelve, used
from gateway.domain.decision import Certificate

#: Changes with every change of what is measured, or how.
_FORM = 1
#: Files that are kept; those that were not used for longest go.
_KEPT = 32


def measured(
    folder: Path | None, basis: Iterable[object], measure: Callable[[], list[Certificate]]
) -> list[Certificate]:
    """What `measure` finds, or found before on the same `basis`: everything it depends on, as values
    whose `repr` says all of them. Without a folder, or with one that cannot be written, it is always
    measured; so it is when the file is damaged."""
    if folder is None:
        return measure()
    whole = hashlib.sha256(repr((_FORM, *basis)).encode("utf-8", "surrogatepass"))
    path = folder / f"{whole.hexdigest()[:32]}.certificates.json"
    if (known := _read(path)) is not None:
        used(path)
        return known
    found = measure()
    shelve(path, _sealed(json.dumps([asdict(one) for one in found]).encode()), _KEPT)
    return found


def _read(path: Path) -> list[Certificate] | None:
    """None where there is nothing whole: a changed digit would still be a certificate."""
    try:
        content = path.read_bytes()
        body = content.partition(b"\n")[2]
        if content != _sealed(body):
            return None
        return [Certificate(**one) for one in json.loads(body)]
    except (OSError, ValueError, TypeError):
        return None


def _sealed(body: bytes) -> bytes:
    """Behind its digest."""
    return hashlib.sha256(body).hexdigest().encode() + b"\n" + body
