"""The default engine: several views of a text, each with its own posterior, multiplied.

Each view (character n-grams, sentence vectors) learns by itself (`ridge.py`). The posterior is the
geometric mean of theirs, each raised to a weight and renormalised; the weights are those under which
the held-out examples are likeliest, but no view is silenced: examples are written with care, and what
they do not show, such as typing errors, is what n-grams are there for.
"""

from collections.abc import Sequence
from typing import Self

import numpy as np

from gateway.answers.engine import Matrix, TrainingError
from gateway.answers.products import times
from gateway.answers.regression import ACCURACY_FLOOR, class_indices, softmax
from gateway.answers.ridge import class_weights, fit_ridge, fit_weights
from gateway.answers.views import Comparison, View

#: What a view counts at least, as a share of what it would count in a mean of equals.
LEAST_SHARE = 0.5
#: Below this share of right labels on held-out examples an engine is worth nothing to anybody.
HELD_OUT_FLOOR = 0.4
#: Held-out examples from which that share means something, counted over labels with some others.
_ENOUGH, _OTHERS = 40, 3


class KernelClassifier:
    """A `Classifier` over any `View`s; training takes seconds for thousands of examples."""

    def __init__(self, *views: View) -> None:
        self._views = views
        self._known: tuple[Comparison, ...] = ()
        self._labels: tuple[str, ...] = ()
        self._coefficients: list[Matrix] = []
        self.held_out_accuracy = 0.0
        """Share of its own examples that a model without them gets right."""
        self.held_out: Matrix = np.zeros((0, 0), dtype=np.float32)
        """Posteriors of its examples by a model without each, [examples, labels]."""
        self.weights: tuple[float, ...] = ()
        """How much each view counts."""

    @property
    def version(self) -> str:
        return f"kernel-1({', '.join(view.version for view in self._views)})"

    @property
    def labels(self) -> tuple[str, ...]:
        return self._labels

    def fit(self, texts: Sequence[str], labels: Sequence[str]) -> Self:
        """Learn from normalised texts.

        Raises:
            TrainingError: nothing to tell apart, or the result does not know its own examples or
                does not recognise held-out ones.
        """
        if len(texts) != len(labels):
            raise TrainingError(f"{len(texts)} texts but {len(labels)} labels")
        names, target = class_indices(labels)
        known, learnt = [], []
        for view in self._views:
            # One kernel at a time: of thousands of examples each takes hundreds of megabytes.
            compared, kernel = view.learn(texts)
            one = fit_ridge(kernel, target, len(names))
            known.append(compared)
            learnt.append(one)
            del kernel
        held_out = [one.held_out for one in learnt]
        least = [LEAST_SHARE / len(learnt) * one.scale for one in learnt]
        weights = fit_weights(held_out, target, class_weights(target, len(names)), least)
        right = _weighted(weights, [one.fitted for one in learnt]).argmax(axis=1) == target
        together = _weighted(weights, held_out)
        accuracy = _check(right, together.argmax(axis=1) == target, target)
        # Column by column: long lines are read quicker than many short ones.
        coefficients = [
            np.asfortranarray(np.float32(factor) * one.coefficients)
            for factor, one in zip(weights, learnt, strict=True)
        ]
        # Nothing of a training that failed stays behind.
        self._known, self._labels, self._coefficients = tuple(known), names, coefficients
        self.weights, self.held_out_accuracy = tuple(weights), accuracy
        self.held_out = softmax(together)
        return self

    def posterior(self, texts: Sequence[str]) -> Matrix:
        """Probabilities, shape [len(texts), len(labels)]."""
        return softmax(_sum([known.compare(texts) for known in self._known], self._coefficients))


def _sum(kernels: Sequence[Matrix], coefficients: Sequence[Matrix]) -> Matrix:
    parts = [times(kernel, one) for kernel, one in zip(kernels, coefficients, strict=True)]
    return np.asarray(np.sum(parts, axis=0), dtype=np.float32)


def _weighted(weights: Sequence[float], scores: Sequence[Matrix]) -> Matrix:
    parts = [np.float32(factor) * one for factor, one in zip(weights, scores, strict=True)]
    return np.asarray(np.sum(parts, axis=0), dtype=np.float32)


def _check(
    known: np.ndarray[tuple[int], np.dtype[np.bool_]],
    recognised: np.ndarray[tuple[int], np.dtype[np.bool_]],
    target: np.ndarray[tuple[int], np.dtype[np.intp]],
) -> float:
    """The held-out accuracy. Raises `TrainingError` when it or the training accuracy is too low."""
    fair = np.bincount(target)[target] > _OTHERS
    if fair.sum() >= _ENOUGH and recognised[fair].mean() < HELD_OUT_FLOOR:
        raise TrainingError(
            f"the trained model recognises only {recognised[fair].mean():.0%} of the examples it has"
            f" not seen (at least {HELD_OUT_FLOOR:.0%} are needed): the topics overlap, or the"
            " examples do not belong to them"
        )
    if known.mean() < ACCURACY_FLOOR:
        raise TrainingError(
            f"the trained model knows only {known.mean():.0%} of its own examples"
            f" (at least {ACCURACY_FLOOR:.0%} are needed): look for examples that stand under two"
            " topics"
        )
    return float(recognised.mean())
