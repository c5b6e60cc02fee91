"""What an agent needs to know: asked for once, in the right measure, and never a secret."""

import shutil
from pathlib import Path

import pytest

from gateway.answers.case import make_case
from gateway.answers.faults import KnowledgeError
from gateway.answers.length import fits
from gateway.answers.loading import load
from gateway.answers.slots import missing
from gateway.answers.wording import Wording
from gateway.domain.asking import asks_for_secret
from gateway.domain.decision import Question, Verb
from tests.answers.brands import FULL

SECRET = ("password", "密码", "验证码", "cvv", "安全码", "完整", "full card", "身份证")


def left(knowledge, topic: str, text: str) -> list[str]:
    slots = [knowledge.slots[name] for name in knowledge.topics[topic].slots]
    return [slot.name for slot in missing(slots, text)]


def acknowledged(knowledge, topic: str, text: str, **values) -> str:
    question = Question(text, brand="full", number="A-104257", **values)
    case = make_case(question, {"full": FULL}, knowledge.languages)
    return Wording(knowledge).to_person(case, "acknowledge", knowledge.topics[topic])


def test_every_slot_of_every_topic_has_a_title_in_every_language(knowledge):
    for topic in knowledge.topics.values():
        for name in topic.slots:
            assert set(knowledge.slots[name].titles) >= {"zh-CN", "en"}, (topic.id, name)


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("form", ["long", "short", "voice"])
def test_no_acknowledgement_asks_for_a_secret_and_short_ones_fit(knowledge, language, form):
    for topic in knowledge.topics.values():
        text = acknowledged(knowledge, topic.id, "?", language=language, form=form)
        assert asks_for_secret(text) is None, (topic.id, text)
        assert form != "short" or fits(text), (topic.id, text)
        assert "{" not in text
    for slot in knowledge.slots.values():
        assert not [w for w in SECRET if w in slot.titles[language].lower()], slot.name


def test_mail_gets_one_list_and_a_short_channel_the_first_question(knowledge):
    mail = acknowledged(knowledge, "withdraw_not_arrived", "my money is gone", language="en")
    assert "- the time of the withdrawal\n- the amount\n- the name of the bank\n" in mail
    short = acknowledged(
        knowledge, "withdraw_not_arrived", "my money is gone", language="en", form="short"
    )
    assert "Please reply with the time of the withdrawal." in short
    assert "the amount" not in short


def test_what_was_said_is_not_asked_again(knowledge):
    text = "昨天提现500元到招商银行，显示处理中，还没到"
    assert left(knowledge, "withdraw_not_arrived", text) == ["balance_reduced?", "evidence"]
    short = acknowledged(knowledge, "withdraw_not_arrived", text, form="short")
    assert "请回复余额有没有扣掉。" in short


@pytest.mark.parametrize(
    ("slot", "text"),
    [
        ("amount", "充了200块"),
        ("amount", "I paid $35.50"),
        ("amount", "一百元没了"),
        ("txn_time", "3月5日"),
        ("txn_time", "two days ago"),
        ("txn_time", "昨晚"),
        ("txn_time", "已经三天了"),
        ("txn_time", "on Monday"),
        ("txn_id", "单号 20260305123456789"),
        ("txn_id", "order AB12345678"),
        ("bank_name", "建行"),
        ("bank_name", "my HSBC account"),
        ("error_text", "页面提示：系统繁忙"),
        ("error_text", 'it says "try again later"'),
        ("error_code", "错误代码 51"),
        ("app_version", "版本8.1"),
        ("country", "在日本付款"),
        ("case_number", "A-104257"),
        ("case_number", "260305-000123"),
        ("registered_email", "me@mail.example"),
        ("event_story", "很长的经过" * 20),
    ],
)
def test_what_is_recognised_as_given(knowledge, slot, text):
    assert missing([knowledge.slots[slot]], text) == []


@pytest.mark.parametrize(
    ("slot", "text"),
    [
        ("amount", "没到账"),
        ("amount", "A-104257"),
        ("txn_time", "提现没到账"),
        ("txn_id", "昨天充了200元"),
        ("bank_name", "绑定银行卡"),
        ("error_code", "没有收到验证码"),
        ("app_version", "更新App"),
        ("event_story", "有人盗用"),
    ],
)
def test_what_is_not_said_is_missing(knowledge, slot, text):
    assert [found.name for found in missing([knowledge.slots[slot]], text)] == [slot]


def test_a_matter_that_nobody_knows_asks_nothing(answerer):
    decision = answerer.decide(Question("量子力学是什么", brand="full", language="zh-CN"), [])
    assert decision.verb is Verb.ROUTE
    assert "请直接回复本消息，补充您知道的情况" not in decision.reply


def test_a_suggestion_asks_the_customer_for_what_is_missing(answerer):
    decision = answerer.decide(
        Question("我忘记密码了，怎么办？", brand="full", language="zh-CN"), []
    )
    assert decision.verb is Verb.SUGGEST
    assert "- 账户登记的手机号后四位\n" in decision.reply


def test_in_public_nothing_is_asked(knowledge):
    text = acknowledged(knowledge, "refund", "退款", public=True)
    assert "交易单号" not in text


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "templates"))


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("[remark]", "[remarks]", "did you mean 'remark'"),
        (', en = "the note you added"', "", "remark.title in en is missing"),
        ("[remark]\n", "[remark]\nask = 1\n", "remark.ask is not known"),
        ("[remark]\n", "[remark]\ngiven = ['(']\n", "remark.given is no regular expression"),
        ("the note you added", "your password", "remark.title asks for a secret"),
        ("转账时写的备注", "短信验证码", "remark.title asks for a secret"),
    ],
)
def test_a_wrong_slot_stops_the_start_with_the_cure(copy, old, new, complaint):
    path = copy / "slots.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(KnowledgeError) as caught:
        load(copy)
    assert complaint in str(caught.value)
    assert "slots.toml" in str(caught.value)


def test_a_slot_of_a_topic_that_is_not_described_is_named(copy):
    path = copy / "topics/bind_card/topic.toml"
    path.write_text(path.read_text().replace("slots = [", 'slots = ["shoe_size", '))
    with pytest.raises(KnowledgeError, match="the slot 'shoe_size' of a topic is missing"):
        load(copy)
