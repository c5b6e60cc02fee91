"""Character n-grams of a text, weighted by rarity: the features that need nothing but the text.

Character n-grams need no word list and no segmenter, work for Chinese and English alike, and
forgive typing errors (ANSWERING §1.2). Only numpy; no download. `NgramClassifier` is the engine for
machines where no sentence encoder runs.
"""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import chain, repeat
from operator import add
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from gateway.answers.engine import Matrix, TrainingError
from gateway.answers.regression import class_indices, fit_softmax, softmax

_MAX_LENGTH = 4
#: Letters and digits stay; a placeholder such as [card] left by redaction must not act as a word.
_PLACEHOLDER = re.compile(r"\[[^\[\]\n]{1,24}\]|<[^<>\n]{1,24}>")
_NOT_WORD = re.compile(r"[\W_]+")
_DIGIT = re.compile(r"\d")
#: Examples up to which an n-gram counts as rare when the examples are compared with each other.
_FEW = 48

Row = tuple[NDArray[np.intp], NDArray[np.float32]]
"""Columns and values of one text."""


class Entries(NamedTuple):
    """What texts have of a vocabulary, one text after the other."""

    columns: NDArray[np.intp]
    values: NDArray[np.float32]
    owners: NDArray[np.intp]
    """The text of each, counted from 0."""

    def where(self, chosen: NDArray[np.bool_]) -> "Entries":
        """Some of them."""
        return Entries(self.columns[chosen], self.values[chosen], self.owners[chosen])


def grams(text: str) -> Counter[str]:
    """N-grams of 1 to 4 characters of normalised text; any digit counts as 0."""
    plain = _NOT_WORD.sub(" ", _DIGIT.sub("0", _PLACEHOLDER.sub(" ", text))).strip()
    padded = f" {plain} "
    longest: list[str] = [*padded]
    counts = Counter(longest)
    for size in range(1, _MAX_LENGTH):
        longest = [*map(add, longest, padded[size:])]
        counts.update(longest)
    counts.pop(" ", None)
    return counts


class Vocabulary:
    """The n-grams of a set of examples, and texts as rows over them.

    A text's unknown n-grams count in its length: a question about something the knowledge base has
    never heard of gets short known parts and so low scores, which is what abstaining relies on.
    """

    def __init__(self, texts: Sequence[str], unknown: float = 1.0) -> None:
        counted = [grams(text) for text in texts]
        seen: Counter[str] = Counter()
        for counts in counted:
            seen.update(counts.keys())
        # An n-gram of one example only cannot generalise and would double the memory.
        known = sorted(gram for gram, n in seen.items() if n > 1)
        self._index = {gram: i for i, gram in enumerate(known)}
        documents = np.array([seen[gram] for gram in known], dtype=np.float32)
        self._rarity: NDArray[np.float32] = np.log((1 + len(texts)) / (1 + documents)) + 1
        self._strange = (unknown * float(self._rarity.max(initial=1.0))) ** 2
        self.rows = [self.row(text) for text in texts]
        """The examples."""

    def __len__(self) -> int:
        return len(self._index)

    def row(self, text: str) -> Row:
        """Columns and values of one text; the values' length is at most one."""
        found = self.entries([text])
        return found.columns, found.values

    def entries(self, texts: Sequence[str]) -> Entries:
        """The same for several texts."""
        counted = [grams(text) for text in texts]
        sizes = np.array([len(counts) for counts in counted])
        found = map(self._index.get, chain.from_iterable(counted), repeat(-1))
        counts = chain.from_iterable(counts.values() for counts in counted)
        columns = np.fromiter(found, np.intp, sizes.sum())
        numbers = np.fromiter(counts, np.float32, sizes.sum())
        owners = np.repeat(np.arange(len(texts)), sizes)
        known = columns >= 0
        columns, owners = columns[known], owners[known]
        values = (1 + np.log(numbers[known])) * self._rarity[columns]
        squares = np.bincount(owners, values * values, len(texts))
        strange = sizes - np.bincount(owners, minlength=len(texts))
        lengths = np.sqrt(squares + strange * self._strange)
        lengths[lengths == 0] = 1.0
        return Entries(columns, values / lengths.astype(np.float32)[owners], owners)

    def by_column(self) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
        """Every entry of the examples' rows, ordered by column: columns, examples, values."""
        columns = np.concatenate([columns for columns, _ in self.rows])
        owners = np.repeat(np.arange(len(self.rows)), [len(row) for row, _ in self.rows])
        values = np.concatenate([values for _, values in self.rows])
        order = np.argsort(columns, kind="stable")
        return columns[order], owners[order], values[order]

    def gram(self) -> Matrix:
        """Inner products of the examples, [n, n]."""
        n = len(self.rows)
        columns, owners, values = self.by_column()
        counts = np.bincount(columns, minlength=len(self))
        starts = np.cumsum(counts) - counts
        # N-grams of many examples as one product of matrices, those of few as their pairs.
        often = np.flatnonzero(counts > _FEW)
        rank = np.full(len(self), -1)
        rank[often] = np.arange(len(often))
        dense = rank[columns] >= 0
        common = np.zeros((len(often), n), dtype=np.float32)
        common[rank[columns[dense]], owners[dense]] = values[dense]
        total = np.asarray(common.T @ common, dtype=np.float32)
        flat = total.reshape(-1)
        for count in range(1, _FEW + 1):
            entries = starts[counts == count][:, None] + np.arange(count)
            who, weight = owners[entries], values[entries]
            pairs = who[:, :, None] * n + who[:, None, :]
            np.add.at(flat, pairs, weight[:, :, None] * weight[:, None, :])
        return total


class NgramClassifier:
    """A `Classifier` over n-grams, without a bias: where nothing is known, all labels are equal."""

    version = "ngrams-2"

    def __init__(self, penalty: float = 1e-5, unknown: float = 1.0) -> None:
        self._penalty = penalty
        self._unknown = unknown
        self._labels: tuple[str, ...] = ()
        self._vocabulary = Vocabulary(())
        self._weights: Matrix = np.zeros((0, 0), dtype=np.float32)

    @property
    def labels(self) -> tuple[str, ...]:
        return self._labels

    def fit(self, texts: Sequence[str], labels: Sequence[str]) -> Self:
        """Learn from normalised texts. Raises `TrainingError` (see `fit_softmax`)."""
        if len(texts) != len(labels):
            raise TrainingError(f"{len(texts)} texts but {len(labels)} labels")
        self._labels, target = class_indices(labels)
        vocabulary = Vocabulary(texts, self._unknown)
        coefficients = fit_softmax(
            vocabulary.gram(), target, len(self._labels), penalty=self._penalty
        )
        weights = np.zeros((len(vocabulary), len(self._labels)), dtype=np.float32)
        for (columns, values), row in zip(vocabulary.rows, coefficients, strict=True):
            weights[columns] += values[:, None] * row
        vocabulary.rows = []  # nothing but the weights is needed from here on
        self._vocabulary, self._weights = vocabulary, weights
        return self

    def posterior(self, texts: Sequence[str]) -> Matrix:
        """Probabilities, shape [len(texts), len(labels)]."""
        scores = np.zeros((len(texts), len(self._labels)), dtype=np.float32)
        for i, text in enumerate(texts):
            columns, values = self._vocabulary.row(text)
            scores[i] = values @ self._weights[columns]
        return softmax(scores)
