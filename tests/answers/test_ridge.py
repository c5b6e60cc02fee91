"""The closed solution is what it claims: held-out scores, class balance, weights of the views."""

import numpy as np
import pytest

from gateway.answers import ridge
from gateway.answers.engine import TrainingError
from gateway.answers.ridge import class_weights, fit_ridge, fit_weights, loss


def points(n=40, classes=4, seed=0):
    """Noisy points around `classes` centres, and the kernel between them."""
    chance = np.random.default_rng(seed)
    target = np.arange(n) % classes
    where = chance.normal(size=(classes, 6))[target] + 0.6 * chance.normal(size=(n, 6))
    distance = ((where[:, None] - where[None]) ** 2).sum(axis=2)
    return np.exp(-distance / 12).astype(np.float32), target


def test_held_out_scores_are_those_of_a_model_trained_without_the_example(monkeypatch):
    monkeypatch.setattr(ridge, "PENALTIES", (0.1,))
    kernel, target = points()
    solution = fit_ridge(kernel.copy(), target, 4)
    damping = 0.1 / class_weights(target, 4)
    truth = np.eye(4, dtype=np.float32)[target]
    for i in (0, 7, 39):
        rest = np.delete(np.arange(40), i)
        inner = kernel[np.ix_(rest, rest)] + np.diag(damping[rest])
        alone = kernel[i, rest] @ np.linalg.solve(inner, truth[rest])
        assert solution.held_out[i] == pytest.approx(alone, abs=1e-3)


def test_examples_of_a_small_class_weigh_more():
    weight = class_weights(np.array([0, 0, 0, 1]), 2)
    assert weight == pytest.approx([2 / 3, 2 / 3, 2 / 3, 2])
    assert weight.sum() == pytest.approx(4)


def test_a_penalty_is_chosen_by_what_the_model_says_of_texts_it_does_not_know(monkeypatch):
    kernel, target = points(seed=3)
    weight = class_weights(target, 4)

    def held_out_loss(penalties):
        monkeypatch.setattr(ridge, "PENALTIES", penalties)
        held_out = fit_ridge(kernel.copy(), target, 4).held_out
        return loss(fit_weights([held_out], target, weight)[0] * held_out, target, weight)

    chosen = held_out_loss((1e-4, 0.1, 10.0))
    assert chosen == pytest.approx(min(held_out_loss((one,)) for one in (1e-4, 0.1, 10.0)))


def test_a_view_that_knows_nothing_gets_no_weight():
    chance = np.random.default_rng(1)
    target = np.arange(300) % 3
    good = np.eye(3, dtype=np.float32)[target] + 0.5 * chance.normal(size=(300, 3))
    noise = chance.normal(size=(300, 3))
    weight = class_weights(target, 3)
    of_good, of_noise = fit_weights([good, noise], target, weight)
    assert of_good > 1
    assert of_noise < 0.1 * of_good


def test_no_other_weights_are_likelier():
    kernel, target = points(seed=5)
    other, _ = points(seed=6)
    scores = [fit_ridge(k, target, 4).held_out for k in (kernel, 0.5 * kernel + 0.5 * other)]
    weight = class_weights(target, 4)
    found = fit_weights(scores, target, weight)
    reached = loss(found[0] * scores[0] + found[1] * scores[1], target, weight)
    for a in np.linspace(0, 30, 16):
        for b in np.linspace(0, 30, 16):
            assert reached <= loss(a * scores[0] + b * scores[1], target, weight) + 1e-4


def test_what_is_no_kernel_is_refused():
    with pytest.raises(TrainingError, match="similarities"):
        fit_ridge(np.full((4, 4), np.nan, dtype=np.float32), np.array([0, 0, 1, 1]), 2)
