"""The default engine: views agree with themselves, posteriors multiply, nothing fails in silence."""

import random

import numpy as np
import pytest

from gateway.answers.engine import TrainingError
from gateway.answers.kernel import KernelClassifier
from gateway.answers.mixture import MixedClassifier
from gateway.answers.ngrams import NgramClassifier
from gateway.answers.vectors import VectorClassifier
from gateway.answers.views import NgramView, VectorView
from tests.answers.toys import LABELS, TEXTS, ToyEncoder


def engine():
    return KernelClassifier(NgramView(), VectorView(ToyEncoder()))


@pytest.mark.parametrize("view", [NgramView(), VectorView(ToyEncoder())], ids=["ngrams", "vectors"])
def test_an_example_compares_to_the_examples_as_it_did_in_training(view):
    texts = [*TEXTS, "where is my money", "where is the money", "密码"]
    view, learnt = view.learn(texts)
    assert view.compare(texts) == pytest.approx(learnt, abs=1e-5)
    assert learnt == pytest.approx(learnt.T, abs=1e-6)
    assert np.linalg.eigvalsh(learnt.astype(float)).min() > -1e-5


def test_common_and_rare_ngrams_together_give_the_whole_similarity():
    """Common ones are compared by a matrix, rare ones by lists: the seam must not show."""
    texts = [f"the card of {chr(97 + n // 2)}{chr(122 - n // 2)} is blocked" for n in range(40)]
    view, learnt = NgramView().learn(texts)
    assert len(view.common) > 0
    assert len(view.owners) > 0
    assert view.compare(texts[:4]) == pytest.approx(learnt[:4], abs=1e-5)


def test_posteriors_are_probabilities_and_right():
    model = engine().fit(TEXTS, LABELS)
    posterior = model.posterior(["提现还没到账", "我把密码忘记了", ""])
    assert model.labels == ("password", "withdraw")
    assert posterior.sum(axis=1) == pytest.approx([1, 1, 1], abs=1e-5)
    assert [model.labels[i] for i in posterior[:2].argmax(axis=1)] == ["withdraw", "password"]
    assert model.posterior([]).shape == (0, 2)


def some(knowledge):
    """Every third example of the topics: the backgrounds hold a bit of everything."""
    pairs = [p for p in zip(*knowledge.training(), strict=True) if p[1] in knowledge.topics]
    return zip(*pairs[::3], strict=True)


def test_training_twice_gives_the_same_posterior_bit_for_bit(knowledge):
    texts, labels = some(knowledge)
    one, two = (KernelClassifier(NgramView()).fit(texts, labels) for _ in range(2))
    asked = ["充值没到账", "where is my money", ""]
    assert np.array_equal(one.posterior(asked), two.posterior(asked))


def test_strange_text_gets_a_lower_score_than_a_known_question(knowledge):
    texts, labels = some(knowledge)
    model = KernelClassifier(NgramView()).fit(texts, labels)
    known, strange = model.posterior([texts[0], "qwxz vbnm kjhg"]).max(axis=1)
    assert known > 0.8 > strange


def test_held_out_accuracy_is_near_that_of_real_folds(knowledge):
    texts, labels = map(np.array, some(knowledge))
    model = KernelClassifier(NgramView()).fit(list(texts), list(labels))
    order = np.random.default_rng(0).permutation(len(texts))
    right = 0
    for fold in range(5):
        held, rest = order[fold::5], np.delete(order, np.s_[fold::5])
        part = KernelClassifier(NgramView()).fit(list(texts[rest]), list(labels[rest]))
        guesses = part.posterior(list(texts[held])).argmax(axis=1)
        right += int(np.sum(np.array(part.labels)[guesses] == labels[held]))
    assert model.held_out_accuracy == pytest.approx(right / len(texts), abs=0.06)


def test_labels_drawn_by_lot_make_training_fail_loudly():
    chance = random.Random(2)
    words = ["".join(chance.choices("abcdefgh", k=12)) for _ in range(120)]
    labels = [f"l{chance.randrange(8)}" for _ in words]
    with pytest.raises(TrainingError, match="recognises only"):
        KernelClassifier(NgramView()).fit(words, labels)


def test_contradictory_examples_make_training_fail_loudly():
    with pytest.raises(TrainingError, match="knows only"):
        engine().fit(["一样的话"] * 10, ["a", "b"] * 5)


@pytest.mark.parametrize("make", [engine, lambda: MixedClassifier(NgramClassifier())])
def test_one_label_and_unequal_lengths_are_refused(make):
    with pytest.raises(TrainingError, match="at least two labels"):
        make().fit(["a", "b"], ["x", "x"])
    with pytest.raises(TrainingError, match="2 texts but 1 labels"):
        make().fit(["a", "b"], ["x"])


def test_a_failed_training_leaves_the_model_in_force():
    model = engine().fit(TEXTS, LABELS)
    before = model.posterior(TEXTS)
    with pytest.raises(TrainingError):
        model.fit(["一样的话"] * 10, ["a", "b"] * 5)
    assert model.labels == ("password", "withdraw")
    assert np.array_equal(model.posterior(TEXTS), before)


def test_a_mixture_is_the_geometric_mean_of_its_parts():
    parts = NgramClassifier(), VectorClassifier(ToyEncoder())
    mixed = MixedClassifier(*parts).fit(TEXTS, LABELS)
    asked = ["提现密码", "忘记"]
    product = np.sqrt(parts[0].posterior(asked) * parts[1].posterior(asked))
    expected = product / product.sum(axis=1, keepdims=True)
    assert mixed.posterior(asked) == pytest.approx(expected, abs=1e-4)
    assert mixed.version == "mixture-1(ngrams-2, vectors-1(toy 1))"
