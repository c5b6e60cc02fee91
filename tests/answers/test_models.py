"""Trained engines are kept in files, are loaded by the next process, and are never out of date."""

import hashlib
import io
import pickle

import numpy as np
import pytest

from gateway.answers.cache import CachedEncoder
from gateway.answers.engines import ENGINES
from gateway.answers.models import _Reader, trained
from tests.answers.toys import LABELS, TEXTS, ToyEncoder


class World:
    """Engines whose trainings are counted."""

    def __init__(self, folder, monkeypatch, version="1"):
        self.folder, self.fits = folder, 0
        toy = ToyEncoder()
        toy.version = version
        self.encoder = CachedEncoder(toy)
        for kind in {type(self.engine(name)) for name in ENGINES}:
            fit = kind.fit
            monkeypatch.setattr(kind, "fit", self._counted(fit))

    def _counted(self, fit):
        def counting(model, texts, labels):
            self.fits += 1
            return fit(model, texts, labels)

        return counting

    def engine(self, name="default"):
        return ENGINES[name](self.encoders)

    def encoders(self, name):
        return self.encoder

    def trained(self, name="default", texts=TEXTS, labels=LABELS):
        return trained(self.engine(name), texts, labels, self.encoders, self.folder)


@pytest.fixture
def world(tmp_path, monkeypatch):
    return World(tmp_path / "models", monkeypatch)


ASKED = ["提现还没到账", "密码", "something else"]


@pytest.mark.parametrize("name", ENGINES)
def test_what_one_process_learnt_the_next_one_loads(world, name):
    first = world.trained(name)
    learnt = world.fits
    second = world.trained(name)
    assert world.fits == learnt
    assert second is not first
    assert second.labels == first.labels
    assert np.array_equal(second.posterior(ASKED), first.posterior(ASKED))


def test_a_loaded_engine_uses_the_encoder_of_its_process(world):
    world.trained()
    second = world.trained()
    world.encoder.forget()
    second.posterior(["新的问题"])
    assert len(world.encoder) == 1


@pytest.mark.parametrize(
    ("texts", "labels"),
    [
        ([*TEXTS[:-1], "改密码"], LABELS),
        (TEXTS, [*LABELS[:-1], "other"]),
        (TEXTS[:-1], LABELS[:-1]),
    ],
)
def test_other_examples_are_learnt_anew(world, texts, labels):
    world.trained()
    changed = world.trained(texts=texts, labels=labels)
    assert world.fits == 2
    assert set(changed.labels) == set(labels)


def test_another_version_of_the_encoder_is_learnt_anew(tmp_path, monkeypatch):
    World(tmp_path, monkeypatch).trained()
    later = World(tmp_path, monkeypatch, version="2")
    later.trained()
    assert later.fits == 1


@pytest.mark.parametrize("damage", [b"", b"x" * 10, None], ids=["empty", "rubbish", "one bit"])
def test_a_damaged_file_is_learnt_anew_and_mended(world, damage):
    world.trained()
    (path,) = world.folder.glob("*.model")
    whole = path.read_bytes()
    path.write_bytes(
        damage if damage is not None else whole[:-5] + bytes([whole[-5] ^ 1]) + whole[-4:]
    )
    world.trained()
    assert world.fits == 2
    world.trained()
    assert world.fits == 2


class Trap:
    def __reduce__(self):
        return (pytest.fail, ("a file made something that is no engine",))


def named(module: str, name: str) -> bytes:
    """A pickle of what a module calls so, and of nothing else."""
    return (
        pickle.PROTO
        + b"\x04"
        + b"".join(
            pickle.SHORT_BINUNICODE + bytes([len(text)]) + text.encode() for text in (module, name)
        )
        + pickle.STACK_GLOBAL
        + pickle.STOP
    )


@pytest.mark.parametrize(
    "body",
    [
        pickle.dumps(Trap()),
        named("gateway.answers.models", "io.open"),
        named("gateway.answers.models", "io"),
        named("gateway.answers.models", "trained"),
        named("gateway.answers.models", "Path"),
        named("numpy", "load"),
    ],
    ids=["a call", "through a module", "a module", "a function", "another's class", "numpy's own"],
)
def test_a_file_cannot_make_anything_but_an_engine(world, body):
    with pytest.raises(pickle.UnpicklingError, match="no place in a trained engine"):
        _Reader(io.BytesIO(body), world.encoders).load()
    world.trained()
    (path,) = world.folder.glob("*.model")
    path.write_bytes(hashlib.sha256(body).digest() + body)
    world.trained()
    assert world.fits == 2


def test_a_folder_that_cannot_be_written_is_no_reason_not_to_answer(world, tmp_path):
    (tmp_path / "models").write_text("a file is in the way")
    model = world.trained()
    assert model.posterior(ASKED).shape == (3, 2)


def test_what_was_not_used_for_longest_goes(world):
    world.trained()
    for n in range(12):
        world.trained(texts=[*TEXTS[:-1], f"改密码 {n}"])
        world.trained()
    assert len(list(world.folder.glob("*.model"))) == 8
    assert world.fits == 13


def test_without_a_folder_nothing_is_kept(world):
    world.folder = None
    world.trained()
    world.trained()
    assert world.fits == 2
