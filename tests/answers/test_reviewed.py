"""The questions that come with the knowledge base are honest, and enough for a certificate."""

from dataclasses import replace

import pytest

from gateway.answers.certify import missing
from gateway.answers.faults import KnowledgeError
from gateway.answers.review import (
    ReviewedQuestion,
    certify_knowledge,
    load_reviewed,
    missing_cases,
    review,
)
from gateway.answers.text import normalise
from gateway.domain.decision import Question, Verb


def test_no_reviewed_case_was_seen_in_training(knowledge, reviewed):
    seen = set(knowledge.training()[0])
    assert not [case.text for case in reviewed if normalise(case.text) in seen]


def test_no_case_is_counted_twice(reviewed):
    assert len({normalise(case.text) for case in reviewed}) == len(reviewed) >= 600


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_a_fifth_of_the_cases_is_out_of_scope(reviewed, language):
    own = [case for case in reviewed if case.language == language]
    assert sum(not case.topic for case in own) >= len(own) / 5


def test_labels_are_topics(knowledge, reviewed):
    assert {case.topic for case in reviewed} - set(knowledge.topics) == {""}


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_the_engine_finds_the_topic_of_four_in_five(answerer, reviewed, language):
    own = [c for c in reviewed if c.language == language and c.topic]
    answerer.foresee(c.question() for c in own)
    decisions = [answerer.decide(Question(c.text, language=language), []) for c in own]
    found = [d.topic or (d.top[0][0] if d.top else "") for d in decisions]
    assert sum(f == c.topic for f, c in zip(found, own, strict=True)) / len(own) >= 0.8


@pytest.mark.parametrize("scope", ["*/zh-CN/normal", "*/en/normal", "*/*/normal"])
def test_the_demo_can_certify_five_percent(answerer, reviewed, scope):
    certificate = certify_knowledge(answerer, reviewed, 0.05, 0.1, scope, origin="bootstrap")
    assert certificate is not None
    assert certificate.origin == "bootstrap"
    assert certificate.knowledge == answerer.version
    assert certificate.answered >= 86


def test_a_certified_answerer_answers_reviewed_questions_in_both_languages(answerer, reviewed):
    scopes = ("*/zh-CN/normal", "*/en/normal")
    made = [certify_knowledge(answerer, reviewed, 0.05, 0.1, s, origin="bootstrap") for s in scopes]
    certificates = [c for c in made if c is not None]
    for text in ("我把钱包密码忘了，应该怎么弄？", "My top-up hasn't arrived"):
        assert answerer.decide(Question(text), certificates).verb is Verb.ANSWER


def test_certificates_are_the_same_each_time(answerer, reviewed):
    one, two = (
        certify_knowledge(answerer, reviewed, 0.05, 0.1, "*/*/normal", origin="bootstrap")
        for _ in range(2)
    )
    assert one == two


def test_one_percent_cannot_be_certified_on_day_one(answerer, reviewed):
    assert (
        certify_knowledge(answerer, reviewed, 0.01, 0.1, "*/*/normal", origin="bootstrap") is None
    )
    assert missing_cases(answerer, reviewed, 0.01, 0.1, "*/*/normal") > 100


def test_high_risk_never_gets_a_certificate(answerer, reviewed):
    assert certify_knowledge(answerer, reviewed, 0.5, 0.5, "*/*/high", origin="bootstrap") is None


def test_wrong_labels_cost_the_certificate(answerer, reviewed):
    mislabelled = [replace(c, topic="bind_card") for c in reviewed]
    assert (
        certify_knowledge(answerer, mislabelled, 0.05, 0.1, "*/*/normal", origin="bootstrap")
        is None
    )


def test_cases_that_go_to_a_person_anyway_are_not_counted(answerer):
    cases = [
        ReviewedQuestion("我要投诉", "complaint", "zh-CN"),
        ReviewedQuestion("怎么注销账户", "account_closing", "zh-CN"),
        ReviewedQuestion("转人工", "talk_to_human", "zh-CN"),
        ReviewedQuestion("忘记密码了怎么弄", "password_reset", "zh-CN"),
        ReviewedQuestion("forgot my password", "password_reset", "en"),
    ]
    verdicts = review(answerer, cases, "*/zh-CN/normal")
    assert [v.correct for v in verdicts] == [True]
    assert missing(verdicts, 0.05, 0.1) == 94


def test_a_broken_line_is_named(tmp_path):
    path = tmp_path / "reviewed.jsonl"
    path.write_text('{"text": "a", "topic": "", "language": "en"}\n\n{"txt": "b"}\n')
    with pytest.raises(KnowledgeError, match=r"reviewed\.jsonl:3"):
        load_reviewed(path)
