"""The knowledge base is checked while it is read, and every complaint names the file and the cure."""

import shutil
import tomllib
from pathlib import Path

import pytest

from gateway.answers.faults import KnowledgeError
from gateway.answers.loading import Trusting, load

REQUIRED_TOPICS = {
    "withdraw_not_arrived",
    "topup_not_arrived",
    "payment_failed",
    "password_reset",
    "bind_card",
    "code_not_received",
    "account_security",
    "account_closing",
    "unknown_transaction",
    "talk_to_human",
}
#: DESIGN §7 rule 8, and what is no matter for a machine at all.
HIGH_RISK = {
    "unknown_transaction",
    "account_freeze_request",
    "account_frozen",
    "account_closing",
    "refund",
    "balance_abnormal",
    "dispute",
    "complaint",
    "complaint_appeal",
    "contact_info_outdated",
    "danger",
    "protected_request",
    "reprocess",
}


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "templates"))


def test_the_promised_topics_are_there(knowledge):
    assert set(knowledge.topics) >= REQUIRED_TOPICS


def test_high_risk_topics_are_marked(knowledge):
    assert {t.id for t in knowledge.topics.values() if t.high_risk} == HIGH_RISK


def test_urgent_matters_go_to_security(knowledge):
    urgent = {t.id: t.queue for t in knowledge.topics.values() if t.urgent}
    assert urgent == {
        "unknown_transaction": "security",
        "account_freeze_request": "security",
        "danger": "security",
    }


def test_every_matched_topic_has_enough_examples_in_every_language(knowledge):
    for topic in knowledge.topics.values():
        if topic.control in ("", "safety", "danger"):
            for language in knowledge.languages:
                assert len(topic.examples[language]) >= 14, (topic.id, language)


def test_no_slot_asks_for_a_secret(knowledge):
    slots = {slot for topic in knowledge.topics.values() for slot in topic.slots}
    assert not [s for s in slots if any(w in s for w in ("password", "otp", "cvv", "card_number"))]


def test_version_changes_with_any_byte_and_only_then(copy):
    before = load(copy).version
    assert load(copy).version == before
    answer = copy / "topics/bind_card/short.en.md.j2"
    answer.write_text(answer.read_text() + "Good luck.\n")
    assert load(copy).version != before


def test_what_was_checked_before_reads_the_same_unchecked(folder, knowledge):
    trusted = load(folder, Trusting(folder))
    assert trusted == knowledge
    assert trusted.version == knowledge.version


def test_what_was_checked_before_is_not_looked_at_again(copy):
    answer = copy / "topics" / "bind_card" / "long.en.md.j2"
    answer.write_text("Call 400-123-4567.", "utf-8")
    assert load(copy, Trusting(copy)).answer("bind_card", "", "en", "long").text.startswith("Call")
    with pytest.raises(KnowledgeError, match="contains a number"):
        load(copy)


def test_files_outside_the_knowledge_base_do_not_change_the_version(copy):
    before = load(copy).version
    (copy / "elsewhere").mkdir()
    (copy / "elsewhere/base.html").write_text("<html>")
    assert load(copy).version == before


def test_brand_overrides_answer_for_that_brand_only(copy):
    own = copy / "brands/upay/topics/bind_card"
    own.mkdir(parents=True)
    (own / "long.en.md.j2").write_text("Open Wallet, then Cards.\n")
    knowledge = load(copy)
    assert knowledge.answer("bind_card", "upay", "en", "long").text == "Open Wallet, then Cards.\n"
    assert "Add bank card" in knowledge.answer("bind_card", "other", "en", "long").text
    assert "Add bank card" in knowledge.answer("bind_card", "upay", "en", "short").text


def test_voice_falls_back_to_the_short_form(copy):
    (copy / "topics" / "bind_card" / "voice.en.md.j2").unlink()
    knowledge = load(copy)
    source = knowledge.answer("bind_card", "", "en", "voice")
    assert source.path == "topics/bind_card/short.en.md.j2"
    assert knowledge.answer("bind_card", "", "en", "poster").path.endswith("long.en.md.j2")


def damage_toml(root: Path, old: str, new: str) -> None:
    path = root / "topics/bind_card/topic.toml"
    path.write_text(path.read_text().replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('queue = "accounts"', "queue = 3", "queue must be a str"),
        ('queue = "accounts"', 'qeue = "accounts"', "did you mean 'queue'"),
        ('queue = "accounts"', 'risk = "hihg"', "did you mean 'high'"),
        ('queue = "accounts"', 'promises = ["widraw_days"]', "did you mean 'withdraw_days'"),
        ("[title]", "[titel]", "did you mean 'title'"),
        ('en = "Add a bank card"', "", "title in en is missing"),
        ("[title]", "[title", "is not valid TOML"),
    ],
)
def test_a_wrong_topic_file_is_named_with_the_cure(copy, old, new, complaint):
    damage_toml(copy, old, new)
    with pytest.raises(KnowledgeError, match=complaint) as caught:
        load(copy)
    assert "topics/bind_card/topic.toml" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{% if brand.hotline %}", "does not parse"),
        ("{{ customer }}", "unknown variable 'customer'"),
        ("{{ brand.hotlin }}", "unknown brand fact 'hotlin'"),
        ("{{ brand['hotlin'] }}", "unknown brand fact 'hotlin'"),
        ("{{ brand[options] }}", "unknown brand fact"),
        ("Call 400-123-4567.", "contains a number"),
        ("Please send us your password.", "asks for a code, password or card number"),
        ("See https://example.com", "contains a link"),
        ("Write to help@wallet.example", "contains a link"),
        ("Within three working days.", "contains a time promise"),
        ("三个工作日内到账", "contains a time promise"),
    ],
)
def test_a_template_that_could_mislead_is_refused(copy, text, complaint):
    (copy / "topics/bind_card/long.en.md.j2").write_text(text)
    with pytest.raises(KnowledgeError, match=complaint) as caught:
        load(copy)
    assert "topics/bind_card/long.en.md.j2" in str(caught.value)


def test_a_missing_answer_is_named(copy):
    (copy / "topics/bind_card/short.zh-CN.md.j2").unlink()
    with pytest.raises(KnowledgeError, match=r"short\.zh-CN\.md\.j2: is missing; add it"):
        load(copy)


def test_a_file_that_is_not_utf8_is_named(copy):
    (copy / "topics/bind_card/examples.zh-CN.txt").write_bytes("绑卡".encode("gb18030"))
    with pytest.raises(KnowledgeError, match="is not UTF-8"):
        load(copy)


def test_the_same_question_under_two_topics_is_refused(copy):
    path = copy / "topics/bind_card/examples.en.txt"
    path.write_text(path.read_text() + "I FORGOT my password\n")
    with pytest.raises(KnowledgeError, match="also stands under"):
        load(copy)


def test_an_override_of_an_unknown_topic_is_refused(copy):
    (copy / "brands/upay/topics/bind_cards").mkdir(parents=True)
    with pytest.raises(KnowledgeError, match="did you mean 'bind_card'"):
        load(copy)


def test_a_brand_cannot_change_risk_or_queue(copy):
    own = copy / "brands/upay/topics/account_closing"
    own.mkdir(parents=True)
    (own / "topic.toml").write_text('risk = "normal"\n')
    with pytest.raises(KnowledgeError, match="a brand can change answers only"):
        load(copy)


def test_a_fact_may_not_be_called_like_a_method(copy):
    path = copy / "knowledge.toml"
    path.write_text(path.read_text() + '\n[facts.items]\nhelp = "x"\n')
    with pytest.raises(KnowledgeError, match="cannot be called 'items'"):
        load(copy)


def test_a_folder_without_a_knowledge_base_is_named(tmp_path):
    with pytest.raises(KnowledgeError, match=r"knowledge\.toml: is missing"):
        load(tmp_path)


# ---------------------------------------------------------------- check-lists


def test_a_step_without_a_title_is_named(copy):
    path = copy / "dialogue" / "steps.en.toml"
    text = path.read_text("utf-8").replace("[check_network]\ntitle", "[check_network]\ntitel")
    path.write_text(text, "utf-8")
    with pytest.raises(KnowledgeError, match=r"steps\.en\.toml: title of 'check_network'"):
        load(copy)


def test_a_step_that_no_check_list_has_is_named(copy):
    path = copy / "dialogue" / "steps.en.toml"
    path.write_text(path.read_text("utf-8") + '\n[chek_network]\ntitle = "x"\n', "utf-8")
    with pytest.raises(KnowledgeError, match="did you mean 'check_network'"):
        load(copy)


def test_steps_that_go_out_one_by_one_have_one_numbered_line_each(copy):
    path = copy / "topics" / "payment_failed" / "long.en.md.j2"
    lines = path.read_text("utf-8").splitlines()
    path.write_text("\n".join(line for line in lines if not line.startswith("3. ")), "utf-8")
    with pytest.raises(KnowledgeError, match="4 numbered lines, and the check-list 5 steps"):
        load(copy)


def test_every_step_of_a_search_can_be_said_to_be_done_in_both_languages(folder, knowledge):
    """Elsewhere the steps are a way to go, and nothing is left out."""
    for language in knowledge.languages:
        raw = tomllib.loads((folder / "dialogue" / f"steps.{language}.toml").read_text("utf-8"))
        for topic in knowledge.topics.values():
            for step in topic.checklist if topic.stepwise else ():
                assert len(raw[step].get("done", [])) >= 3, (topic.id, step, language)


def test_no_step_is_called_longer_than_a_few_words(knowledge):
    for step in knowledge.steps.values():
        assert len(step.titles["zh-CN"]) <= 16, step.id
        assert len(step.titles["en"].split()) <= 10, step.id


@pytest.mark.parametrize(
    ("text", "done"),
    [
        ("网络没问题", True),
        ("換過網路了", True),
        ("My Wi-Fi is fine", True),
        ("wifi is fine", True),
        ("没换过网络", False),
        ("还没重启过路由器", False),
        ("要不要换了网络再试", False),
        ("I have restarted the router", True),
        ("I haven't restarted the router", False),
        ("I did not do much, but I restarted the router", True),
        ("should I say that I restarted the router", False),
        ("the network card", False),
    ],
)
def test_a_step_is_done_when_said_and_not_denied(knowledge, text, done):
    assert knowledge.steps["check_network"].said_done(text) is done
