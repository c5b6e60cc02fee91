"""`gateway kb eval` on a small file: table, JSON, picture, and what it refuses."""

import json
import random

import pytest

WORDS = {"card": "card lost stolen block", "fee": "fee cost price charge", "pin": "pin code forgot"}


@pytest.fixture
def questions(tmp_path):
    chance = random.Random(0)
    lines = ["text,label"] + [
        f"{' '.join(chance.choices(words.split(), k=3))} {chance.choice('xyz')},{label}"
        for label, words in WORDS.items()
        for _ in range(40)
    ]
    (tmp_path / "questions.csv").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "other.txt").write_text("qqq www\nzzz ppp\n", encoding="utf-8")
    return ["kb", "eval", "--train", "questions.csv", "--shots", "5", "--splits", "20"]


LEXICAL = ["--engine", "lexical", "--seeds", "2"]


def test_the_table_has_a_row_for_each_engine(inside, questions):
    done = inside(*questions, *LEXICAL, "--engine", "lexical", check=True)
    rows = done.stdout.splitlines()
    assert rows[0].split()[:2] == ["engine", "accuracy"]
    assert [row.split()[0] for row in rows[1:3]] == ["lexical", "lexical"]
    assert "of 20" in rows[1]
    assert rows[3].startswith("Means of 2 runs")
    assert "run 2" in done.stderr


def test_the_default_engine_learns_and_answers(inside, questions):
    done = inside(*questions, "--seeds", "1", "--json", check=True)
    (result,) = json.loads(done.stdout)
    assert result["engine"] == "default"
    assert "use " in result["version"]
    assert result["accuracy"]["mean"] > 0.9
    assert 0 < result["ms_median"] <= result["ms_p95"]


def test_json_has_every_figure_and_the_curve(inside, questions):
    done = inside(*questions, *LEXICAL, "--oos", "other.txt", "--json", check=True)
    (result,) = json.loads(done.stdout)
    assert result["runs"] == 2
    assert set(result["oos_auroc"]) == {"mean", "sd"}
    assert result["splits"] == 20
    assert 0 <= result["broken"] <= result["certificates"] <= 20
    assert result["curve"][-1][0] == 1.0


def test_the_picture_is_drawn(inside, questions, tmp_path):
    inside(*questions, *LEXICAL, "--svg", "curve.svg", check=True)
    svg = (tmp_path / "curve.svg").read_text(encoding="utf-8")
    assert svg.startswith("<svg")
    assert "<polyline" in svg


def test_every_fold_is_a_run(inside, questions):
    done = inside(*questions, "--engine", "lexical", "--folds", "4", "--json", check=True)
    assert json.loads(done.stdout)[0]["runs"] == 4


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (["--engine", "best"], "there is no engine 'best'; there are lexical"),
        (["--alpha", "5"], "between 0 and 1"),
        (["--folds", "1"], "at least 2"),
        (["--folds", "3", "--test", "questions.csv"], "leave out --test"),
    ],
)
def test_impossible_wishes_are_refused_before_anything_is_read(inside, questions, more, why):
    done = inside(*questions, *more)
    assert done.returncode == 2
    assert why in done.stderr
    assert done.stdout == ""


def test_a_file_that_is_not_there_is_named(inside):
    done = inside("kb", "eval", "--train", "none.csv")
    assert done.returncode == 1
    assert "none.csv cannot be read" in done.stderr


def test_a_picture_that_cannot_be_written_is_said(inside, questions):
    done = inside(*questions, *LEXICAL, "--svg", "no/such/folder/curve.svg")
    assert done.returncode == 1
    assert "curve.svg cannot be written" in done.stderr
