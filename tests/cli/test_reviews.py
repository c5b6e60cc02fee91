"""Reviews and certificates of one's own on the command line, on a database with live traffic in it."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.answers.answerer import Answerer, build_answerer
from gateway.answers.review import CALIBRATION, load_reviewed
from gateway.config import load, templates_dir
from gateway.domain.decision import Certificate, Question
from gateway.domain.model import Brand
from gateway.domain.plan import AddMessage, Plan
from gateway.domain.reviews import AddReview, Finding, KeepAnswer, Source, Verdict
from gateway.office import desk_only
from gateway.store.apply import apply
from tests.cli.processes import SETTINGS
from tests.store.rows import arrival

QUESTION = "怎么绑定银行卡"
PERMIT = Certificate("cert-1", "*/zh-CN/normal", 0.05, 0.1, 0.5, 100, 0, "k1")
NUMBER = "260101-000001"


@pytest.fixture(scope="module")
def answerer() -> Answerer:
    brand = Brand(id="demo", name="Demo Wallet", facts={}, names={"zh-CN": "演示钱包"})
    return build_answerer(templates_dir(), {"demo": brand}, engine="lexical")


@pytest.fixture
def lexical(made: Path) -> Path:
    """A data directory whose engine is the quick one."""
    settings = f'[answers]\nengine = "lexical"\n{SETTINGS}'
    (made / "gateway.toml").write_text(settings, "utf-8")
    return made


def write(home: Path, *plans: Plan, permits: tuple[Certificate, ...] = ()) -> None:
    async def work() -> None:
        async with desk_only(load(None, home)) as office:
            rows = [
                {**{n: getattr(p, n) for n in p.__dataclass_fields__}, "created_at": 1.0}
                for p in permits
            ]
            await office.store.write(lambda tx: tx.run_many("certificates.add", rows))
            await office.store.write(lambda tx: [apply(tx, plan, 1.0) for plan in plans])

    asyncio.run(work())


def found(message: str, topic: str, **more: Any) -> Finding:
    return Finding(message, topic, 0.9, "demo", more.pop("language", "zh-CN"), "k1", **more)


@pytest.fixture
def answered(lexical: Path) -> Path:
    """One question that was answered under a certificate and drawn."""
    finding = found("ev1.in", "bind_card", certificate="cert-1")
    review = AddReview("ev1.r", Source.AUDIT, finding)
    plans = arrival(text=QUESTION), Plan("a", (KeepAnswer(finding), review))
    write(lexical, *plans, permits=(PERMIT,))
    return lexical


def test_what_was_drawn_is_listed_judged_and_exported(inside, answered, tmp_path):
    def run(*words: str, **more: Any) -> Any:
        return inside("reviews", *words, "--data-dir", answered, **more)

    (row,) = json.loads(run("list", "--pending", "--json", check=True).stdout)
    assert (row["id"], row["text"], row["topic"]) == ("ev1.r", QUESTION, "bind_card")
    assert QUESTION in run("list", check=True).stdout
    assert "is right" in run("judge", "ev1.r", "right", "--agent", "lin", check=True).stdout
    assert "nothing waits" in run("list", "--pending", check=True).stdout
    file = tmp_path / "reviewed.jsonl"
    run("export", str(file), check=True)
    assert [json.loads(line) for line in file.read_text("utf-8").splitlines()] == [
        {"text": QUESTION, "topic": "bind_card", "language": "zh-CN", "brand": "demo",
         "channel": "http"},
    ]  # fmt: skip
    assert [case.text for case in load_reviewed(file)] == [QUESTION]
    assert file.stat().st_mode & 0o077 == 0
    again = run("export", str(file))
    assert (again.returncode, "cannot be written" in again.stderr) == (1, True)


def test_a_wrong_answer_is_named_by_its_inquiry_and_a_topic_that_is_there(inside, answered):
    at = ("--data-dir", answered, "--agent", "lin")
    wrong = inside("reviews", "wrong", NUMBER, "--topic", "bind_crd", *at)
    assert (wrong.returncode, "bind_card" in wrong.stderr) == (2, True)
    inside("reviews", "wrong", NUMBER, "--topic", "none", *at, check=True)
    shown = inside("reviews", "list", "--json", "--data-dir", answered, check=True)
    (row,) = json.loads(shown.stdout)
    assert (row["verdict"], row["right_topic"]) == ("wrong", "~none")


def test_whoever_stops_a_certificate_is_told_and_the_list_says_why(inside, lexical):
    plans = []
    for number in range(1, 5):
        event = f"ev{number}"
        finding = found(f"{event}.in", "bind_card", certificate="cert-1")
        ops = KeepAnswer(finding), AddReview(f"{event}.r", Source.AUDIT, finding)
        plans += [
            arrival(event, sender=f"user-{number}", number=f"260101-00000{number}"),
            Plan(f"a{number}", ops),
        ]
    write(lexical, *plans, permits=(PERMIT,))
    at = ("--data-dir", lexical)
    told = [
        inside("reviews", "judge", f"ev{number}.r", "wrong", "--agent", "lin", *at, check=True)
        for number in range(1, 5)
    ]
    why = "3 of 3 answers drawn for review were wrong"
    assert [why in done.stderr for done in told] == [False, False, True, False]
    assert "no certificate is in force" in inside("certificates", "list", *at, check=True).stdout
    (row,) = json.loads(inside("certificates", "list", "--all", "--json", *at, check=True).stdout)
    assert (row["ended"], why in row["ended_because"]) == ("stopped", True)
    assert "stopped" in inside("certificates", "list", "--all", *at, check=True).stdout


# ---------------------------------------------------------------- kb certify


def traffic(answerer: Answerer, verdict: Callable[[int], Verdict]) -> list[Plan]:
    """Chinese questions as they would have come and been drawn; the engine is right by definition."""
    plans = [arrival()]
    cases = [c for c in load_reviewed(templates_dir() / CALIBRATION) if c.language == "zh-CN"]
    cases = cases[:400]
    for number, case in enumerate(cases):
        seen = answerer.assess(Question(case.text, language=case.language))
        if seen is None:
            continue
        said, message = verdict(number), f"m{number}"
        review = AddReview(
            f"r{number:04}", Source.AUDIT, found(message, seen.topic), said,
            seen.topic if said is Verdict.RIGHT else "",
        )  # fmt: skip
        into = ("ev1.v", "ev1.q", "in", "private", "customer", False)
        plans.append(Plan(message, (AddMessage(message, *into, case.text), review)))
    return plans


def certify(inside: Any, home: Path, *words: str) -> tuple[int, dict[str, Any]]:
    done = inside("kb", "certify", "--data-dir", home, "--agent", "lin", "--json", *words)
    return done.returncode, json.loads(done.stdout)


def test_judged_traffic_becomes_a_certificate_in_place_of_the_shipped_one(
    inside, lexical, answerer
):
    shipped = Certificate(
        "shipped", "*/zh-CN/normal", 0.05, 0.1, 0.99, 90, 0, answerer.version, "bootstrap"
    )
    write(lexical, *traffic(answerer, lambda _: Verdict.RIGHT), permits=(shipped,))
    code, dry = certify(inside, lexical, "--dry-run")
    assert (code, dry["replaced"]) == (0, [])
    code, made = certify(inside, lexical)
    assert (code, made["replaced"]) == (0, ["shipped"])
    assert made["scopes"] == dry["scopes"]
    chinese, english = made["scopes"]
    permit = chinese["certificate"]
    assert (permit["origin"], permit["wrong"], permit["knowledge"]) == (
        "reviewed", 0, answerer.version,
    )  # fmt: skip
    assert (english["certificate"], english["missing"]) == (None, 95)
    listed = inside("certificates", "list", "--json", "--data-dir", lexical, check=True)
    assert [row["id"] for row in json.loads(listed.stdout)] == [permit["id"]]
    table = inside("kb", "certify", "--data-dir", lexical, "--agent", "lin", check=True).stdout
    assert permit["id"] in table
    assert "95 more, if all turn out right" in table


@pytest.mark.proof
def test_questions_that_were_passed_over_cost_the_certificate(inside, lexical, answerer):
    skipped = traffic(answerer, lambda n: Verdict.PENDING if n % 5 == 1 else Verdict.RIGHT)
    write(lexical, *skipped)
    code, refused = certify(inside, lexical)
    assert (code, refused["passed_over"] > 20) == (1, True)
    assert refused["scopes"][0]["missing"] > 95
    table = inside("kb", "certify", "--data-dir", lexical, "--agent", "lin")
    assert (table.returncode, "passed over" in table.stderr) == (1, True)
    assert "refused" in table.stdout


def test_a_file_takes_the_place_of_the_reviews(inside, lexical, answerer, tmp_path):
    cases = load_reviewed(templates_dir() / CALIBRATION)
    texts = [case.text for case in cases if case.language == "en"][:400]
    lines = [
        {"text": text, "topic": seen.topic, "language": "en", "brand": "demo"}
        for text in texts
        if (seen := answerer.assess(Question(text, language="en")))
    ]
    file = tmp_path / "judged.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)), "utf-8")
    code, made = certify(inside, lexical, "--from", str(file), "--scope", "demo/en/normal")
    (scope,) = made["scopes"]
    assert (code, scope["scope"], scope["cases"]) == (0, "demo/en/normal", len(lines))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--scope", "demo/en/high"], "never gets one"),
        (["--scope", "bank/en/normal"], "is no scope"),
        (["--alpha", "0"], "between 0 and 1"),
        (["--from", "nowhere.jsonl"], "there is no file"),
    ],
)
def test_what_cannot_be_certified_is_said(inside, lexical, words, said):
    done = inside("kb", "certify", "--data-dir", lexical, *words)
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
