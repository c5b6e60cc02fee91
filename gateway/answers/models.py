"""Keeps trained engines in files, so that a process that starts loads what another one learnt.

A file is named by everything the training depends on: the examples, their labels, the engine's
version (with the encoder's in it) and the form of the file. So it is never out of date; one that is
damaged or of no use is learnt anew and written over. Encoders are not in it.
"""

import fcntl
import hashlib
import io
import pickle
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from gateway.answers.cache import CachedEncoder
from gateway.answers.engine import Classifier
from gateway.answers.engines import Encoders
from gateway.answers.shelved import shelve, used

#: Changes with every change of the classes that are kept.
_FORM = "3"
#: Files that are kept; those that were not used for longest go.
_KEPT = 8
#: What may be named in a file: our own classes, and how numpy makes its arrays.
_OURS = ("gateway.answers.",)
_NUMPY = {"_reconstruct", "ndarray", "dtype", "scalar", "_frombuffer"}


def trained(
    classifier: Classifier,
    texts: Sequence[str],
    labels: Sequence[str],
    encoders: Encoders,
    folder: Path | None,
    *,
    keep: bool = True,
) -> Classifier:
    """`classifier`, or its equal from a file, knowing these examples.

    `encoders` gives the encoders that the classifier was made with. Without a folder it is trained; with
    `keep=False` nothing is written to the folder.
    A folder that cannot be written is no reason not to answer: then nothing is kept.

    Raises `TrainingError` (see `Classifier.fit`).
    """
    if folder is None:
        return classifier.fit(texts, labels)
    path = folder / f"{_digest(classifier.version, texts, labels)}.model"
    if (kept := _known(path, classifier, encoders)) is not None:
        return kept
    if not keep:
        return classifier.fit(texts, labels)
    with _alone(folder):
        # Whoever waited for another one's training finds it here.
        if (kept := _known(path, classifier, encoders)) is not None:
            return kept
        classifier.fit(texts, labels)
        _save(path, classifier)
    return classifier


def _known(path: Path, classifier: Classifier, encoders: Encoders) -> Classifier | None:
    kept = _load(path, encoders)
    if isinstance(kept, type(classifier)) and kept.version == classifier.version:
        used(path)
        return kept
    return None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process trains at a time. The lock ends with the process; a folder that cannot be written
    has none, as nothing is kept there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("a")
    except OSError:
        yield
        return
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _digest(version: str, texts: Sequence[str], labels: Sequence[str]) -> str:
    whole = hashlib.sha256(f"{_FORM}\0{np.__version__}\0{version}\0".encode())
    for text, label in zip(texts, labels, strict=True):
        whole.update(f"{len(text)} {len(label)} {text}{label}".encode("utf-8", "surrogatepass"))
    return whole.hexdigest()[:32]


def _load(path: Path, encoders: Encoders) -> Any:
    """What a file holds; None when there is none that can be used."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    seal, body = content[:32], content[32:]
    if hashlib.sha256(body).digest() != seal:
        return None
    try:
        return _Reader(io.BytesIO(body), encoders).load()
    except (pickle.UnpicklingError, AttributeError, EOFError, ImportError, IndexError):
        return None


def _save(path: Path, classifier: Classifier) -> None:
    body = io.BytesIO()
    _Writer(body, protocol=5).dump(classifier)
    content = body.getvalue()
    shelve(path, hashlib.sha256(content).digest() + content, _KEPT)


class _Writer(pickle.Pickler):
    """Writes an encoder as its name and version."""

    def persistent_id(self, obj: Any) -> tuple[str, str] | None:
        return (obj.name, obj.version) if isinstance(obj, CachedEncoder) else None


class _Reader(pickle.Unpickler):
    """Makes nothing but what a trained engine consists of."""

    def __init__(self, file: io.BytesIO, encoders: Encoders) -> None:
        super().__init__(file)
        self._encoders = encoders

    def persistent_load(self, pid: tuple[str, str]) -> Any:
        name, version = pid
        encoder = self._encoders(name)
        if encoder.version != version:
            raise pickle.UnpicklingError(f"made with {name} {version}")
        return encoder

    def find_class(self, module: str, name: str) -> Any:
        # No dotted name: it would reach through a module into whatever that imports.
        if "." not in name:
            if module.startswith("numpy") and name in _NUMPY:
                return super().find_class(module, name)
            if module.startswith(_OURS):
                found = super().find_class(module, name)
                if isinstance(found, type) and found.__module__ == module:
                    return found
        raise pickle.UnpicklingError(f"{module}.{name} has no place in a trained engine")
