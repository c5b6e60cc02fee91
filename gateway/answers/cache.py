"""Remembers the vectors of texts, so that nothing is encoded twice: greetings, quotes, a batch."""

import hashlib
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from gateway.answers.engine import Encoder, Matrix

#: Vectors that are kept: 4,096 of 512 floats are 8 MB.
CAPACITY = 4096


class CachedEncoder:
    """An `Encoder` that asks another one for new texts only, in one batch, and forgets the vectors
    that were not used for longest. Keys are hashes of the texts; the texts are not kept.

    One object holds the vectors of one encoder, so of one version. Not for use by several threads.
    """

    def __init__(self, encoder: Encoder, capacity: int = CAPACITY) -> None:
        self._encoder = encoder
        self._capacity = capacity
        self._kept: OrderedDict[bytes, Matrix] = OrderedDict()

    @property
    def name(self) -> str:
        return self._encoder.name

    @property
    def version(self) -> str:
        return self._encoder.version

    @property
    def dimension(self) -> int:
        return self._encoder.dimension

    @property
    def languages(self) -> frozenset[str]:
        return self._encoder.languages

    def __len__(self) -> int:
        """Vectors that are remembered now."""
        return len(self._kept)

    def forget(self) -> None:
        """Drop all vectors."""
        self._kept.clear()

    def encode(self, texts: Sequence[str]) -> Matrix:
        """One row of length 1 per text, shape [n, dimension]."""
        keys = [_key(text) for text in texts]
        found = {key: self._kept[key] for key in keys if key in self._kept}
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        if new:
            found |= zip(new, self._encoder.encode(list(new.values())), strict=True)
        self._remember(found)
        if not keys:
            return np.zeros((0, self.dimension), dtype=np.float32)
        return np.stack([found[key] for key in keys])

    def _remember(self, found: dict[bytes, Matrix]) -> None:
        for key, vector in found.items():
            # A row of a batch would keep the whole batch alive.
            self._kept[key] = vector if vector.base is None else vector.copy()
            self._kept.move_to_end(key)
        while len(self._kept) > self._capacity:
            self._kept.popitem(last=False)


def _key(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
