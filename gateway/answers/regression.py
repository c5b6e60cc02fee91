"""Multinomial logistic regression on similarities, with numpy alone.

Support teams have hundreds of example questions but tens of thousands of text features, so the
weights are sought as combinations of the examples: one step costs examples² and not examples ×
features, and any kind of feature (sparse n-grams, dense vectors) takes part through its matrix of
inner products. There is nothing random in it: the same input gives the same weights.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gateway.answers.engine import Matrix, TrainingError

#: Below this share of right labels on its own training data a model has not learnt at all.
ACCURACY_FLOOR = 0.85
#: Steps after which a run that has not settled is given up; normal runs need 60 to 300.
MAX_STEPS = 2000


def softmax(scores: NDArray[np.floating]) -> Matrix:
    """Row-wise probabilities, safe against large scores."""
    shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True), dtype=np.float32)


def class_indices(labels: Sequence[str]) -> tuple[tuple[str, ...], NDArray[np.intp]]:
    """The labels in alphabetical order and each example's index among them.

    Raises `TrainingError` when there are fewer than two labels: nothing could be told apart.
    """
    names = tuple(sorted(set(labels)))
    if len(names) < 2:
        raise TrainingError(f"need at least two labels to tell apart, got {list(names)}")
    at = {name: i for i, name in enumerate(names)}
    return names, np.array([at[label] for label in labels], dtype=np.intp)


def fit_softmax(
    gram: NDArray[np.floating],
    target: NDArray[np.intp],
    classes: int,
    *,
    penalty: float,
    tolerance: float = 5e-4,
) -> Matrix:
    """Coefficients [n, classes]; scores of new texts are `their_inner_products @ coefficients`.

    Every class weighs the same, however many examples it has. Accelerated gradient descent with the
    step that the curvature bound allows; one matrix product a step.

    Args:
        gram: inner products of the examples, [n, n].
        target: class index of each example.
        classes: number of classes.
        penalty: weight of the squared norm; larger is smoother.
        tolerance: norm of the gradient (in weight space) at which to stop.

    Raises:
        TrainingError: it did not settle, or does not even know its own examples.
    """
    n = len(target)
    kernel = np.asarray(gram, dtype=np.float32)
    counts = np.bincount(target, minlength=classes)
    weight = (n / (classes * counts[target])).astype(np.float32)[:, None] / n
    truth = np.zeros((n, classes), dtype=np.float32)
    truth[np.arange(n), target] = 1.0
    # The curvature of the softmax loss is at most 1/2 of the weighted kernel's.
    curvature = 0.5 * _largest_eigenvalue(kernel * np.sqrt(weight) * np.sqrt(weight).T) + penalty
    ratio = float(np.sqrt(penalty / curvature))
    momentum = (1 - ratio) / (1 + ratio)
    now = np.zeros((n, classes), dtype=np.float32)
    ahead, scores_now, scores = now, now, now
    for _ in range(MAX_STEPS):
        gradient = weight * (softmax(scores) - truth) + penalty * ahead
        spread = kernel @ gradient
        if float(np.sqrt(max(0.0, float(np.sum(gradient * spread))))) <= tolerance:
            break
        moved, scores_moved = ahead - gradient / curvature, scores - spread / curvature
        step, scores_step = moved - now, scores_moved - scores_now
        # Momentum is dropped for a step where it points uphill.
        push = 0.0 if float(np.sum(spread * step)) > 0 else momentum
        now, scores_now = moved, scores_moved
        ahead, scores = moved + push * step, scores_moved + push * scores_step
    else:
        raise TrainingError(f"training did not settle within {MAX_STEPS} steps")
    accuracy = float(np.mean(scores.argmax(axis=1) == target))
    if accuracy < ACCURACY_FLOOR:
        raise TrainingError(
            f"the trained model knows only {accuracy:.0%} of its own examples"
            f" (at least {ACCURACY_FLOOR:.0%} are needed): look for examples that stand under two"
            " topics"
        )
    return ahead


def _largest_eigenvalue(matrix: NDArray[np.floating]) -> float:
    """By power iteration from a fixed start, with 5 % added because it approaches from below."""
    vector: NDArray[np.floating] = np.ones(len(matrix), dtype=np.float32)
    size = 1.0
    for _ in range(30):
        vector = matrix @ vector
        size = float(np.linalg.norm(vector))
        if size == 0.0:
            return 1e-12
        vector /= size
    return size * 1.05
