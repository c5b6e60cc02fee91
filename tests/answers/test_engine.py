"""The classifier learns, is deterministic, abstains on strange texts, and says when it failed."""

import pickle

import numpy as np
import pytest

from gateway.answers.engine import TrainingError
from gateway.answers.ngrams import NgramClassifier, grams
from gateway.answers.vectors import VectorClassifier
from tests.answers.toys import LABELS, TEXTS, ToyEncoder


def test_posterior_rows_are_probabilities_over_the_sorted_labels():
    model = NgramClassifier().fit(TEXTS, LABELS)
    posterior = model.posterior(["提现还没到账", "我把密码忘记了"])
    assert model.labels == ("password", "withdraw")
    assert posterior.shape == (2, 2)
    assert posterior.sum(axis=1) == pytest.approx([1, 1], abs=1e-5)
    assert [model.labels[i] for i in posterior.argmax(axis=1)] == ["withdraw", "password"]


def test_training_twice_gives_the_same_posterior_bit_for_bit(knowledge):
    texts, labels = (part[::4] for part in knowledge.training())
    one, two = (NgramClassifier().fit(texts, labels) for _ in range(2))
    asked = ["充值没到账", "where is my money", ""]
    assert np.array_equal(one.posterior(asked), two.posterior(asked))


def test_order_of_examples_changes_no_decision(knowledge):
    texts, labels = (part[::4] for part in knowledge.training())
    forth = NgramClassifier().fit(texts, labels)
    back = NgramClassifier().fit(texts[::-1], labels[::-1])
    asked = ["充值没到账", "I forgot my password", "提现多久"]
    assert forth.posterior(asked) == pytest.approx(back.posterior(asked), abs=0.02)


def test_strange_text_gets_a_lower_score_than_a_known_question():
    model = NgramClassifier().fit(TEXTS, LABELS)
    known, strange = model.posterior(["提现没到账", "qwxz vbnm kjhg"]).max(axis=1)
    assert known > 0.9 > strange


def test_empty_text_is_no_error():
    assert NgramClassifier().fit(TEXTS, LABELS).posterior(["", "…！"]).shape == (2, 2)
    assert NgramClassifier().fit(TEXTS, LABELS).posterior([]).shape == (0, 2)


def test_digits_and_redaction_marks_are_no_evidence():
    assert grams("充值500没到") == grams("充值731没到")
    assert grams("卡号 [card] 充值") == grams("卡号 充值")


def test_contradictory_examples_make_training_fail_loudly():
    with pytest.raises(TrainingError, match="knows only"):
        NgramClassifier().fit(["一样的话"] * 10, ["a", "b"] * 5)


def test_one_label_is_nothing_to_tell_apart():
    with pytest.raises(TrainingError, match="at least two labels"):
        NgramClassifier().fit(["a", "b"], ["x", "x"])


def test_unequal_numbers_of_texts_and_labels_are_refused():
    with pytest.raises(TrainingError, match="2 texts but 1 labels"):
        NgramClassifier().fit(["a", "b"], ["x"])


def test_a_trained_model_travels_to_worker_processes():
    model = NgramClassifier().fit(TEXTS, LABELS)
    copy = pickle.loads(pickle.dumps(model))
    assert np.array_equal(copy.posterior(TEXTS), model.posterior(TEXTS))


def test_another_encoder_plugs_into_the_same_regression():
    model = VectorClassifier(ToyEncoder()).fit(TEXTS, LABELS)
    assert model.version == "vectors-1(toy 1)"
    posterior = model.posterior(["提提", "密"])
    assert [model.labels[i] for i in posterior.argmax(axis=1)] == ["withdraw", "password"]


def test_out_of_fold_the_engine_finds_most_topics(knowledge):
    """A floor against a broken feature or trainer, on a third of the topics' examples."""
    pairs = [
        pair for pair in zip(*knowledge.training(), strict=True) if pair[1] in knowledge.topics
    ]
    texts, labels = (np.array(part) for part in zip(*pairs[::3], strict=True))
    order = np.random.default_rng(0).permutation(len(texts))
    held, rest = order[::5], np.delete(order, np.s_[::5])
    model = NgramClassifier().fit(list(texts[rest]), list(labels[rest]))
    guesses = model.posterior(list(texts[held])).argmax(axis=1)
    right = sum(model.labels[g] == label for g, label in zip(guesses, labels[held], strict=True))
    assert right / len(held) > 0.4
