"""What was measured once is found again on the same basis, and on no other."""

import pytest

from gateway.answers.measured import measured
from gateway.answers.shelved import used
from gateway.domain.decision import Certificate

PERMIT = Certificate("c1", "*/en/normal", 0.05, 0.1, 0.9, 100, 1, "k1", origin="bootstrap")


@pytest.fixture
def counted():
    """Something to measure, that knows how often it was."""
    times = []

    def measure():
        times.append(1)
        return [PERMIT]

    measure.times = times
    return measure


def test_the_same_basis_is_measured_once(tmp_path, counted):
    found = [measured(tmp_path / "models", ("k1", 0.05), counted) for _ in range(3)]
    assert found == [[PERMIT]] * 3
    assert len(counted.times) == 1


@pytest.mark.parametrize("other", [("k2", 0.05), ("k1", 0.03), ("k1", 0.05, "more")])
def test_another_basis_is_measured_anew(tmp_path, counted, other):
    measured(tmp_path, ("k1", 0.05), counted)
    measured(tmp_path, other, counted)
    assert len(counted.times) == 2


def test_that_nothing_is_permitted_is_kept_as_well(tmp_path, counted):
    assert measured(tmp_path, ("k1",), list) == []
    assert measured(tmp_path, ("k1",), counted) == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: "",
        lambda _: "[{",
        lambda _: '[{"id": "c1"}]',
        lambda _: "7",
        lambda _: "{}",
        lambda text: text[:-1],
        lambda text: text.replace('"threshold": 0.9', '"threshold": 0.1'),
    ],
)
def test_a_damaged_file_is_measured_anew_and_mended(tmp_path, counted, damage):
    measured(tmp_path, ("k1",), counted)
    (file,) = tmp_path.iterdir()
    whole = file.read_text()
    file.write_text(damage(whole))
    assert file.read_text() != whole
    assert measured(tmp_path, ("k1",), counted) == [PERMIT]
    assert measured(tmp_path, ("k1",), counted) == [PERMIT]
    assert len(counted.times) == 2


def test_a_file_that_is_gone_meanwhile_is_not_made_again_by_its_use(tmp_path):
    used(tmp_path / "gone.model")
    assert list(tmp_path.iterdir()) == []


def test_without_a_folder_nothing_is_kept(counted):
    assert measured(None, ("k1",), counted) == measured(None, ("k1",), counted) == [PERMIT]
    assert len(counted.times) == 2


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path, counted):
    (tmp_path / "file").write_text("in the way")
    assert measured(tmp_path / "file" / "models", ("k1",), counted) == [PERMIT]
