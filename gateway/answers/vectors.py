"""A classifier over an encoder's sentence vectors: the second engine plugs in here."""

from collections.abc import Sequence
from typing import Self

import numpy as np

from gateway.answers.engine import Encoder, Matrix, TrainingError
from gateway.answers.regression import class_indices, fit_softmax, softmax


class VectorClassifier:
    """A `Classifier` over any `Encoder`; the weights depend on the encoder's version."""

    def __init__(self, encoder: Encoder, penalty: float = 1e-5) -> None:
        self._encoder = encoder
        self._penalty = penalty
        self._labels: tuple[str, ...] = ()
        self._weights: Matrix = np.zeros((encoder.dimension, 0), dtype=np.float32)
        self._bias: Matrix = np.zeros((1, 0), dtype=np.float32)

    @property
    def version(self) -> str:
        return f"vectors-1({self._encoder.name} {self._encoder.version})"

    @property
    def labels(self) -> tuple[str, ...]:
        return self._labels

    def fit(self, texts: Sequence[str], labels: Sequence[str]) -> Self:
        """Learn from normalised texts. Raises `TrainingError` (see `fit_softmax`)."""
        if len(texts) != len(labels):
            raise TrainingError(f"{len(texts)} texts but {len(labels)} labels")
        self._labels, target = class_indices(labels)
        vectors = self._encoder.encode(texts)
        coefficients = fit_softmax(
            vectors @ vectors.T + 1.0, target, len(self._labels), penalty=self._penalty
        )
        self._weights = vectors.T @ coefficients
        self._bias = coefficients.sum(axis=0, keepdims=True)
        return self

    def posterior(self, texts: Sequence[str]) -> Matrix:
        """Probabilities, shape [len(texts), len(labels)]."""
        return softmax(self._encoder.encode(texts) @ self._weights + self._bias)
