"""The questions that answers are measured on are honest: none is learnt, none is counted twice, and
each names a topic that there is."""

import json
from collections import Counter
from pathlib import Path

import pytest

from gateway.answers.loading import load
from gateway.answers.text import normalise
from gateway.config import templates_dir

HERE = Path(__file__).parent / "questions"
FILES = {
    "calibration": templates_dir() / "calibration" / "questions.jsonl",
    "heldout": HERE / "heldout.jsonl",
}
NONE = "~none"
#: What is in no sample of questions: the safety set holds it.
NEVER = {"danger", "protected_request"}


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("name", FILES)
def test_labels_are_topics_and_all_topics_occur(name):
    topics = set(load(templates_dir()).topics)
    cases = lines(FILES[name])
    assert {case["topic"] for case in cases} == (topics - NEVER) | {NONE}
    assert {also for case in cases for also in case.get("also", ())} <= topics


@pytest.mark.parametrize("name", FILES)
def test_no_question_is_counted_twice(name):
    texts = Counter(normalise(case["text"]) for case in lines(FILES[name]))
    assert [text for text, n in texts.items() if n > 1] == []


@pytest.mark.parametrize("name", FILES)
def test_a_fifth_is_out_of_scope(name):
    cases = lines(FILES[name])
    assert sum(case["topic"] == NONE for case in cases) >= len(cases) / 5


@pytest.mark.parametrize("name", FILES)
def test_no_question_is_learnt(name):
    learnt = set(load(templates_dir()).training()[0])
    assert [c["text"] for c in lines(FILES[name]) if normalise(c["text"]) in learnt] == []


def test_what_is_held_out_was_not_calibrated_on():
    calibrated = {normalise(case["text"]) for case in lines(FILES["calibration"])}
    assert [c for c in lines(FILES["heldout"]) if normalise(c["text"]) in calibrated] == []


def test_there_are_enough_of_each():
    assert len(lines(FILES["calibration"])) >= 600
    assert len(lines(FILES["heldout"])) >= 400
    assert len(lines(HERE / "wrappers.jsonl")) >= 40
    assert len(lines(HERE / "safety.jsonl")) >= 100


def test_wrappers_share_no_line_with_what_the_background_learnt():
    known = {normalise(line) for part in load(templates_dir()).background.values() for line in part}
    for wrapper in lines(HERE / "wrappers.jsonl"):
        own = {normalise(line) for line in f"{wrapper['before']}\n{wrapper['after']}".splitlines()}
        assert own & known - {""} == set(), wrapper
