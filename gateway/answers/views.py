"""Ways to compare a text with the examples: each view gives a matrix of similarities."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gateway.answers.engine import Encoder, Matrix
from gateway.answers.ngrams import Entries, Vocabulary
from gateway.answers.products import in_blocks, inner, times

#: Texts that are looked up together: more cost memory and save no time.
_TOGETHER = 4


class Comparison(Protocol):
    """A view that knows its examples."""

    def compare(self, texts: Sequence[str]) -> Matrix:
        """Similarities of texts to the examples, [m, n], from near 0 to 1."""
        ...


class View(Protocol):
    """One way to compare texts."""

    @property
    def version(self) -> str:
        """Changes whenever the same two texts may get another similarity."""
        ...

    def learn(self, texts: Sequence[str]) -> tuple[Comparison, Matrix]:
        """The comparison with these examples, and their similarities to each other, [n, n],
        positive semidefinite."""
        ...


class VectorView:
    """Texts are alike when their sentence vectors point the same way, seen from the examples' mean.

    The similarity is exp(width * (cosine - 1)): bell-shaped, so that an example speaks for what is
    near it and is silent about what is far.
    """

    def __init__(self, encoder: Encoder, width: float = 1.0) -> None:
        self._encoder = encoder
        self._width = width

    @property
    def version(self) -> str:
        return f"{self._encoder.name} {self._encoder.version} {self._width:g}"

    def learn(self, texts: Sequence[str]) -> tuple["ByVector", Matrix]:
        """Encode the examples."""
        vectors = self._encoder.encode(texts)
        mean = vectors.mean(axis=0, keepdims=True)
        examples = _unit(vectors - mean)
        known = ByVector(self._encoder, self._width, mean, in_blocks(examples), len(texts))
        return known, _bell(examples @ examples.T, self._width)


@dataclass(frozen=True, slots=True)
class ByVector:
    """Compares by sentence vectors."""

    encoder: Encoder
    width: float
    mean: Matrix
    examples: Matrix
    """In blocks."""
    count: int

    def compare(self, texts: Sequence[str]) -> Matrix:
        """Similarities of texts to the examples, [m, n]."""
        vectors = _unit(self.encoder.encode(texts) - self.mean)
        return _bell(inner(vectors, self.examples)[:, : self.count], self.width)


class NgramView:
    """Texts are alike when they share rare character n-grams; bell-shaped like `VectorView`."""

    def __init__(self, width: float = 3.0) -> None:
        self._width = width

    @property
    def version(self) -> str:
        return f"ngrams-1 {self._width:g}"

    def learn(self, texts: Sequence[str]) -> tuple["ByNgrams", Matrix]:
        """Find the n-grams of the examples."""
        vocabulary = Vocabulary(texts)
        gram = vocabulary.gram()
        known = _by_column(vocabulary, self._width)
        vocabulary.rows = []  # kept by column now
        return known, _bell(gram, self._width)


@dataclass(frozen=True, slots=True)
class ByNgrams:
    """Compares by n-grams. Those of every eighth example or more lie in a matrix, so that the long
    lists are left to one product; the others are lists of the examples that have them."""

    vocabulary: Vocabulary
    width: float
    common: Matrix
    """[common n-grams, examples]."""
    rank: NDArray[np.intp]
    """Row of `common` for each n-gram, -1 for rare ones."""
    starts: NDArray[np.intp]
    """Where the list of each n-gram begins, and where the last one ends."""
    owners: NDArray[np.intp]
    values: NDArray[np.float32]

    def compare(self, texts: Sequence[str]) -> Matrix:
        """Similarities of texts to the examples, [m, n]."""
        rows, examples = self.common.shape
        found = np.empty((len(texts), examples), dtype=np.float32)
        known = np.zeros((len(texts), rows), dtype=np.float32)
        for at in range(0, len(texts), _TOGETHER):
            some = slice(at, at + _TOGETHER)
            entries = self.vocabulary.entries(texts[some])
            is_common = self.rank[entries.columns] >= 0
            often = entries.where(is_common)
            known[some][often.owners, self.rank[often.columns]] = often.values
            found[some] = self._rare(entries.where(~is_common), found[some].shape)
        used = np.flatnonzero(known.any(axis=0))
        found += times(known[:, used], self.common[used])
        return _bell(found, self.width)

    def _rare(self, entries: Entries, shape: tuple[int, ...]) -> Matrix:
        """Inner products with all examples over rare n-grams, [texts, n]."""
        begin = self.starts[entries.columns]
        lengths = self.starts[entries.columns + 1] - begin
        at = np.arange(int(lengths.sum()))
        at += np.repeat(begin - (np.cumsum(lengths) - lengths), lengths)
        weights = self.values.take(at)
        weights *= np.repeat(entries.values, lengths)
        places = self.owners.take(at)
        places += np.repeat(entries.owners * shape[1], lengths)
        found = np.bincount(places, weights, minlength=shape[0] * shape[1])
        return np.asarray(found, dtype=np.float32).reshape(shape)


def _by_column(vocabulary: Vocabulary, width: float) -> ByNgrams:
    n = len(vocabulary.rows)
    columns, owners, values = vocabulary.by_column()
    counts = np.bincount(columns, minlength=len(vocabulary))
    often = np.flatnonzero(counts * 8 >= n)
    rank = np.full(len(vocabulary), -1, dtype=np.intp)
    rank[often] = np.arange(len(often))
    dense = rank[columns] >= 0
    common = np.zeros((len(often), n), dtype=np.float32)
    common[rank[columns[dense]], owners[dense]] = values[dense]
    counts[often] = 0
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.intp)
    return ByNgrams(vocabulary, width, common, rank, starts, owners[~dense], values[~dense])


def _bell(cosine: Matrix, width: float) -> Matrix:
    """Made of the cosines in their place."""
    cosine -= np.float32(1.0)
    cosine *= np.float32(width)
    return np.exp(cosine, out=cosine)


def _unit(vectors: Matrix) -> Matrix:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-6), dtype=np.float32)
