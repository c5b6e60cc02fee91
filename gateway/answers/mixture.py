"""Several classifiers as one: the geometric mean of their posteriors."""

from collections.abc import Sequence
from typing import Self

import numpy as np

from gateway.answers.engine import Classifier, Matrix, TrainingError
from gateway.answers.regression import softmax

#: A label that one part finds impossible is still weighed by the others.
_LEAST = 1e-7


class MixedClassifier:
    """A `Classifier` of others that learn the same examples; all count the same."""

    def __init__(self, *parts: Classifier) -> None:
        self._parts = parts

    @property
    def version(self) -> str:
        return f"mixture-1({', '.join(part.version for part in self._parts)})"

    @property
    def labels(self) -> tuple[str, ...]:
        return self._parts[0].labels

    def fit(self, texts: Sequence[str], labels: Sequence[str]) -> Self:
        """Let every part learn. Raises `TrainingError` when one of them does."""
        for part in self._parts:
            part.fit(texts, labels)
        if any(part.labels != self.labels for part in self._parts):
            raise TrainingError("the parts of the engine learnt different labels")
        return self

    def posterior(self, texts: Sequence[str]) -> Matrix:
        """Probabilities, shape [len(texts), len(labels)]."""
        logs = [np.log(np.maximum(part.posterior(texts), _LEAST)) for part in self._parts]
        return softmax(np.mean(logs, axis=0))
