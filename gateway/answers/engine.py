"""What a matcher must offer, so that engines can be exchanged without touching the decision."""

from collections.abc import Sequence
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from gateway.domain.errors import GatewayError

Matrix = NDArray[np.float32]


class TrainingError(GatewayError):
    """Training went wrong: the model in force must stay in force."""


class Encoder(Protocol):
    """Turns texts into vectors; a fixed model, nothing is learnt from the knowledge base."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str:
        """Changes whenever the same text may get another vector."""
        ...

    @property
    def dimension(self) -> int: ...
    @property
    def languages(self) -> frozenset[str]: ...

    def encode(self, texts: Sequence[str]) -> Matrix:
        """One row of length 1 per text, shape [n, dimension]."""
        ...


class Classifier(Protocol):
    """Says how likely each label is for a text."""

    @property
    def version(self) -> str:
        """Changes whenever the same training data may give other posteriors."""
        ...

    @property
    def labels(self) -> tuple[str, ...]:
        """The columns of `posterior`, in order; empty before `fit`."""
        ...

    def fit(self, texts: Sequence[str], labels: Sequence[str]) -> Self:
        """Learn from normalised texts. Raises `TrainingError` when the result is no good."""
        ...

    def posterior(self, texts: Sequence[str]) -> Matrix:
        """Probabilities, shape [len(texts), len(labels)]; each row sums to one."""
        ...
