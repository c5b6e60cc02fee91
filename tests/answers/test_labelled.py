"""Labelled texts are read from the usual forms, and what is wrong is named with its place."""

import json

import pytest

from gateway.answers.labelled import DataError, Labelled, read_labelled

BOTH = Labelled(("where, please?", "密码"), ("card", "pin"))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", 'text,category\n"where, please?",card\n密码,pin\n'),
        ("a.csv", '\ufefftext,label\r\n"where, please?",card\r\n密码,pin\r\n'),
        ("a.tsv", "intent\tquestion\ncard\twhere, please?\npin\t密码\n"),
        ("a.jsonl", '{"text": "where, please?", "topic": "card"}\n\n["密码", "pin"]\n'),
        ("a.json", '[["where, please?", "card"], {"utterance": "密码", "label": "pin"}]'),
    ],
)
def test_the_usual_forms_are_read(tmp_path, name, content):
    (tmp_path / name).write_text(content, encoding="utf-8", newline="")
    assert read_labelled(str(tmp_path / name)) == BOTH


def test_columns_may_have_other_names(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("frage,text,thema\nwo?,x,karte\n", encoding="utf-8")
    assert read_labelled(str(path), text="frage", label="thema") == Labelled(("wo?",), ("karte",))


def test_lists_of_an_object_are_chosen_by_name(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"train": [["a", "x"]], "val": [["b", "y"]], "size": 2}))
    assert read_labelled(f"{path}#train,val") == Labelled(("a", "b"), ("x", "y"))
    with pytest.raises(DataError, match=r"say which lists of it are meant: a\.json#train,val"):
        read_labelled(str(path))
    with pytest.raises(DataError, match="say which lists"):
        read_labelled(f"{path}#test")


def test_texts_without_labels_are_read_where_none_are_needed(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("one\n\n two \n", encoding="utf-8")
    assert read_labelled(str(path), labels_needed=False) == Labelled(("one", "two"), ("", ""))
    with pytest.raises(DataError, match="line 1: there is no label"):
        read_labelled(str(path))


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.csv", "text,label\na,x\n,y\n", "row 3: there is no text"),
        ("a.csv", "text,label\na,\n", "row 2: there is no label"),
        ("a.csv", "frage,label\na,x\n", "none of text, question.* is there; it has frage, label"),
        ("a.jsonl", '{"text": "a", "label": "x"}\n{"text"\n', "line 2: is not JSON"),
        ("a.jsonl", "17\n", "line 1: is neither an object nor a pair"),
        ("a.jsonl", '{"text": 5, "label": "x"}\n', "line 1: text and label must be texts"),
        ("a.json", "[]", "has no texts"),
        ("a.json", '"a"', "say which lists"),
        ("a.xml", "<a/>", "is none of csv, tsv, jsonl, json, txt"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path, name, content, why):
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=why):
        read_labelled(str(tmp_path / name))


def test_files_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(DataError, match=r"none\.csv cannot be read"):
        read_labelled(str(tmp_path / "none.csv"))
    (tmp_path / "a.csv").write_bytes(b"text,label\n\xff,x\n")
    with pytest.raises(DataError, match="not UTF-8"):
        read_labelled(str(tmp_path / "a.csv"))


def test_a_column_that_is_not_there_is_named(tmp_path):
    (tmp_path / "a.csv").write_text("text,label\na,x\n")
    with pytest.raises(DataError, match="thema is not there; it has text, label"):
        read_labelled(str(tmp_path / "a.csv"), label="thema")
