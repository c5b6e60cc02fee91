"""The proof says what failed, and by its exit status as well."""

import sys

import pytest

from tests.proof import __main__ as proof
from tests.proof.outcome import Outcome
from tests.proof.programs import program


def _kept(say):
    say("at work")
    return Outcome({"kills": 200})


def _broken(_):
    outcome = Outcome()
    outcome.expect("every promise", kept=False)
    return outcome


def run(monkeypatch, *sections):
    monkeypatch.setattr(proof, "SECTIONS", {"kept": _kept, "broken": _broken})
    monkeypatch.setattr(sys, "argv", ["proof", *sections])
    with pytest.raises(SystemExit) as ended:
        proof.main()
    return ended.value.code


def test_it_names_the_commit_the_progress_and_the_figures(monkeypatch, capsys):
    assert run(monkeypatch, "kept") == 0
    said = capsys.readouterr().out
    assert said.startswith(f"commit {proof.commit()}")
    assert "at work" in said
    assert "200" in said


def test_one_promise_that_is_not_kept_makes_it_fail(monkeypatch, capsys):
    assert run(monkeypatch) == 1
    assert "every promise" in capsys.readouterr().out


def test_a_section_that_does_not_exist_is_named(monkeypatch, capsys):
    assert run(monkeypatch, "other") == 2
    assert "'other'" in capsys.readouterr().err


def test_an_engine_chooses_its_sections():
    assert proof.on_engine(["crash"], "postgres") == ["crash-postgres"]
    assert proof.on_engine(["crash", "demo"], "sqlite") == ["crash", "demo"]
    both = [*proof.SECTIONS]
    assert {"crash-postgres", "cluster"} <= {*proof.on_engine(both, "postgres")}
    assert "crash" not in proof.on_engine(both, "postgres")


@pytest.mark.parametrize(("code", "holds"), [(0, True), (3, False)])
def test_a_program_holds_when_it_ends_with_0(code, holds):
    lines = []
    outcome = program(sys.executable, "-c", f"print('done'); raise SystemExit({code})")(
        lines.append
    )
    assert outcome.holds is holds
    assert outcome.figures["last line"] == "done"
    assert lines == ["done"]
