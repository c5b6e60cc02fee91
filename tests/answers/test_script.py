"""Traditional Chinese: who writes it is answered in it, and a brand's own words stay as they are."""

import re
from dataclasses import replace

import pytest

from gateway.answers.answerer import build_answerer
from gateway.answers.case import make_case
from gateway.answers.faults import KnowledgeError
from gateway.answers.length import fits
from gateway.answers.script import Scribe, guarded, in_language, read_words, script_of
from gateway.answers.wording import Wording
from gateway.domain.allowlist import Allowed, refusal
from gateway.domain.asking import asks_for_secret
from gateway.domain.decision import Certificate, Question
from tests.answers.brands import EMPTY, FULL, ROWS
from tests.answers.test_tables import answer
from tests.learnt import MODELS

#: Characters that only simplified Chinese has, as far as our texts use them.
SIMPLIFIED = frozenset(
    "们这个说时为国会来对没还过现应开关见长问间请让给认证账号钱转户银码设录订单费额发项电话机网络线页帮办务员经门车气书学写读词听观视变边远进运连选动"
)


@pytest.mark.parametrize(
    ("text", "stated", "before", "script"),
    [
        ("提現還沒到帳", "", "", "zh-TW"),
        ("提現還沒到帳", "zh-CN", "", "zh-TW"),
        ("提现还没到账", "zh-TW", "zh-TW", ""),
        ("提现还没到账", "", "", ""),
        ("2", "zh-TW", "", "zh-TW"),
        ("2", "zh-Hant-HK", "", "zh-HK"),
        ("2", "zh_MO", "", "zh-HK"),
        ("2", "zh", "zh-TW", "zh-TW"),
        ("2", "zh-CN", "", ""),
        ("提現未到帳", "zh-HK", "", "zh-HK"),
        ("點解啲錢仲未過數，佢哋冇講嘅", "yue", "", "zh-HK"),
        ("錢咗唔見", "", "", "zh-HK"),
        ("", "", "nonsense", ""),
    ],
)
def test_the_script_is_that_of_the_text_then_of_the_tag_then_of_the_dialogue(
    text, stated, before, script
):
    assert script_of(text, stated, before) == script


def at(script: str, form: str = "long", brand=FULL):
    question = Question("x", language=script, form=form, brand=brand.id, number="A-104257")
    return make_case(question, {brand.id: brand}, ("zh-CN", "en"))


def all_texts(knowledge, case):
    """Every text that is sent for a case, as it is framed."""
    wording = Wording(knowledge)
    for topic in knowledge.topics.values():
        yield topic.id, (wording.advice if topic.high_risk else wording.answer)(case, topic)
    for notice in ("acknowledge", "not_solved"):
        yield notice, wording.to_person(case, notice)
    for notice in ("redacted", "way_to_person"):
        yield notice, wording.notice(case, notice)


@pytest.mark.parametrize("script", ["zh-TW", "zh-HK"])
@pytest.mark.parametrize("form", ["long", "short", "voice"])
@pytest.mark.parametrize("brand", [FULL, EMPTY], ids=lambda b: b.id)
def test_every_text_is_traditional_fits_and_passes_the_outbox(knowledge, script, form, brand):
    allowed = Allowed.of_brand(brand)
    for name, text in all_texts(knowledge, at(script, form, brand)):
        left = re.sub(r"“[^”]*”|联合钱包|UPay钱包", "", text)  # what a brand calls its own
        assert not [a for a in left if a in SIMPLIFIED], (name, text)
        assert form != "short" or fits(text), (name, text)
        assert "\ue000" not in text
        assert "\ue001" not in text
        assert refusal(text, allowed) == "", (name, text)
        assert asks_for_secret(text) is None, (name, text)


@pytest.mark.parametrize(
    ("simplified", "taiwan", "hong_kong"),
    [
        ("注销账户", "註銷帳戶", "註銷賬戶"),
        ("绑定银行卡", "綁定銀行卡", "綁定銀行卡"),
        ("并联系发卡银行", "並聯絡發卡銀行", "並聯絡發卡銀行"),
        ("短信验证码", "簡訊驗證碼", "短訊驗證碼"),
        ("请回复数字", "請回覆數字", "請回覆數字"),
        ("刷新余额", "重新整理餘額", "刷新餘額"),
        ("人工审核", "人工審核", "人工審核"),
        ("信息", "資訊", "信息"),
    ],
)
def test_words_of_accounts_and_cards_are_those_of_the_place(
    knowledge, simplified, taiwan, hong_kong
):
    scribe = Scribe(knowledge.words)
    assert scribe.write(simplified, "zh-TW") == taiwan
    assert scribe.write(simplified, "zh-HK") == hong_kong
    assert scribe.write(simplified, "") == simplified


def test_guarded_words_links_and_names_are_not_altered(knowledge):
    scribe = Scribe(knowledge.words)
    assert scribe.write(
        f"打开{guarded('联合钱包')}的链接 https://a.example/信息", "zh-TW"
    ).startswith("開啟联合钱包的連結 https://a.example/")


def test_a_fact_of_the_script_wins_and_quoted_menus_stay_as_set():
    scribe = Scribe({})
    fact = {"zh-CN": "“我的”→“在线客服”，信息", "zh-TW": "「我的」→「在線客服」信息"}
    assert scribe.write(str(in_language(fact, "zh-CN", "zh-TW")), "zh-TW") == fact["zh-TW"]
    assert (
        scribe.write(str(in_language(fact, "zh-CN", "zh-HK")), "zh-HK") == "“我的”→“在线客服”，信息"
    )
    assert scribe.write(str(in_language(fact, "zh-CN", "zh-TW")), "") == fact["zh-TW"]
    del fact["zh-TW"]
    assert (
        scribe.write(str(in_language(fact, "zh-CN", "zh-TW")), "zh-TW") == "“我的”→“在线客服”，資訊"
    )


def test_links_and_the_brands_name_survive_in_answers(knowledge):
    wording = Wording(knowledge)
    brand = replace(FULL, names={"en": "Union", "zh-HK": "聯合HK"}, facts={**FULL.facts})
    bind = knowledge.topics["bind_card"]
    assert "联合钱包" in wording.answer(at("zh-TW", brand=brand), bind)
    assert "聯合HK" in wording.answer(at("zh-HK", brand=brand), bind)
    assert "https://example.com/help" in wording.answer(
        at("zh-TW"), knowledge.topics["topup_howto"]
    )


def test_drafts_and_notices_are_traditional_too(answerer):
    decision = answerer.decide(Question("我忘記密碼了，怎麼辦？", brand="full", number="A-1"), [])
    assert decision.language == "zh-CN"
    assert "這是自動回覆" in decision.reply
    assert "忘記密碼" in decision.suggestion
    notice = answerer.notice("redacted", Question("", language="zh-TW", brand="full"))
    assert "請" in notice
    assert answerer.language(Question("我忘記密碼了")) == "zh-CN"


def test_a_reply_without_characters_keeps_the_script_of_its_dialogue(answerer, certificates):
    first = answerer.decide(Question("我忘記密碼了，怎麼辦？", brand="full"), certificates)
    assert first.dialogue["script"] == "zh-TW"
    reply = Question("2", brand="full", dialogue=first.dialogue, first=False)
    assert "轉" in answerer.decide(reply, certificates).reply


def test_the_names_of_brands_to_choose_from_are_not_converted(folder):
    answerer = build_answerer(folder, {b.id: b for b in (FULL, EMPTY)}, models=MODELS)
    permit = Certificate("c", "*/*/normal", 0.05, 0.1, 0.05, 100, 0, knowledge=answerer.version)
    decision = answerer.decide(Question("請問充值的錢多久會到帳"), [permit])
    assert decision.reason == "brand unknown"
    assert "联合钱包" in decision.reply
    assert "UPay钱包" in decision.reply
    assert "請" in decision.reply


def test_rows_of_tables_are_converted_and_those_of_the_script_win(knowledge):
    text = answer(knowledge, "intl_payment", "在泰國和日本能用嗎，請問", brand=ROWS)
    assert "泰國：支持·在地" in text
    assert "日本：支援，門店掃碼付款" in text


def test_a_wrong_line_of_corrections_is_named(tmp_path):
    with pytest.raises(KnowledgeError, match="'注销' is no pair; write `simplified traditional`"):
        read_words(tmp_path, lambda _: ["绑定 綁定", "注销"])
