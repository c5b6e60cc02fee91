"""Decisions: who gets an answer, who gets a person, and what the gateway says meanwhile."""

import time
from dataclasses import replace

import pytest

from gateway.answers.answerer import build_answerer, in_scope
from gateway.domain.decision import Question, Verb
from tests.answers.brands import FULL
from tests.answers.small import small_base


def ask(text: str, **values) -> Question:
    return Question(text=text, brand=values.pop("brand", "full"), number="A-1042", **values)


def after(answerer, certificates, first: str, reply: str, **values):
    """The decision on `reply` to the automatic reply to `first`."""
    start = answerer.decide(ask(first, **values), certificates)
    return answerer.decide(ask(reply, first=False, dialogue=start.dialogue, **values), certificates)


# ---------------------------------------------------------------- certificates


def test_inside_the_certificate_the_question_is_answered(answerer, certificates):
    decision = answerer.decide(ask("我忘记密码了，怎么办？"), certificates)
    assert (decision.verb, decision.topic, decision.queue) == (
        Verb.ANSWER,
        "password_reset",
        "accounts",
    )
    assert decision.reply.startswith("这是自动回复。")
    assert "忘记密码" in decision.reply
    assert decision.evidence["certificate"] == "c-test"
    assert decision.evidence["knowledge"] == answerer.version
    assert decision.dialogue["pending"] == "solved?"


def test_without_a_certificate_it_is_suggested_to_an_agent(answerer):
    decision = answerer.decide(ask("我忘记密码了，怎么办？"), [])
    assert decision.verb is Verb.SUGGEST
    assert decision.reason == "no_certificate"
    assert "A-1042" in decision.reply
    assert "忘记密码" not in decision.reply
    assert "点“忘记密码”" in decision.suggestion
    assert "自动回复" not in decision.suggestion
    assert "pending" not in decision.dialogue


@pytest.mark.parametrize(
    "change",
    [
        {"knowledge": "another version"},
        {"scope": "upay/*/normal"},
        {"scope": "*/en/normal"},
        {"scope": "*/*/high"},
        {"scope": "*"},
    ],
)
def test_a_certificate_counts_only_for_its_version_and_scope(answerer, certificates, change):
    narrowed = [replace(c, **change) for c in certificates]
    assert answerer.decide(ask("我忘记密码了，怎么办？"), narrowed).verb is Verb.SUGGEST


def test_the_more_specific_certificate_decides(answerer, certificates):
    strict = replace(certificates[0], id="strict", scope="full/zh-CN/normal", threshold=1.001)
    decision = answerer.decide(ask("我忘记密码了，怎么办？"), [*certificates, strict])
    assert decision.verb is not Verb.ANSWER
    assert decision.evidence.get("certificate", "strict") == "strict"


@pytest.mark.parametrize(
    ("scope", "covers"),
    [("*/*/normal", True), ("u/zh-CN/normal", True), ("u/en/normal", False), ("u/zh-CN", False)],
)
def test_scopes_match_with_wildcards(scope, covers):
    assert in_scope(scope, "u", "zh-CN", "normal") is covers


def test_below_the_threshold_a_person_gets_the_draft(answerer, certificates):
    strict = [replace(certificates[0], threshold=1.001)]
    decision = answerer.decide(ask("我忘记密码了，怎么办？"), strict)
    assert decision.verb is Verb.SUGGEST
    assert decision.reason.startswith("threshold 1.001 > ")


# ---------------------------------------------------------------- abstaining


@pytest.mark.parametrize(
    "text",
    [
        "请问你们招聘吗",
        "what is the weather like on Mars",
        "密码",
        "card",
        "你好，在吗",
        "asdf ghjk",
        "？",
    ],
)
def test_what_no_topic_answers_is_routed_with_an_acknowledgement(answerer, certificates, text):
    decision = answerer.decide(ask(text), certificates)
    assert decision.verb is Verb.ROUTE
    assert (decision.topic, decision.queue) == ("", "")
    assert "A-1042" in decision.reply
    assert decision.suggestion == ""


def test_an_empty_message_goes_to_a_person(answerer, certificates):
    decision = answerer.decide(ask("", language="en"), certificates)
    assert (decision.verb, decision.reason) == (Verb.ROUTE, "empty")


def test_a_language_nobody_serves_is_never_answered_by_itself(answerer, certificates):
    decision = answerer.decide(
        ask("I forgot my password, mot de passe oublié", language="fr"), certificates
    )
    assert decision.verb in (Verb.SUGGEST, Verb.ROUTE)
    assert decision.language == "en"


def test_the_matter_is_found_inside_a_long_mail(answerer, certificates):
    text = """您好，

我是你们的老用户了，一直用得很好。
昨天下午我从钱包提现2000元到银行卡，到今天还没有收到。
麻烦帮忙看看。

谢谢！
王小明
市场部 经理
发自我的iPhone"""
    decision = answerer.decide(ask(text, subject="请帮忙"), certificates)
    assert (decision.verb, decision.topic) == (Verb.ANSWER, "withdraw_not_arrived")


def test_the_subject_of_a_reply_is_old_news(answerer, certificates):
    fresh = answerer.decide(ask("thanks, bye", subject="I forgot my password"), certificates)
    old = answerer.decide(ask("thanks, bye", subject="Re: I forgot my password"), certificates)
    assert fresh.topic == "password_reset"
    assert old.topic != "password_reset"


# ---------------------------------------------------------------- risk and rules


@pytest.mark.parametrize(
    ("text", "topic", "queue", "urgent"),
    [
        ("我的账户被盗刷了3000元", "unknown_transaction", "security", True),
        ("there is a payment I did not make", "unknown_transaction", "security", True),
        ("请马上冻结我的账户", "account_freeze_request", "security", True),
        ("怎么注销账户", "account_closing", "accounts", False),
        ("How do I close my account?", "account_closing", "accounts", False),
        ("我要投诉你们", "complaint", "complaints", False),
        ("I want to file a complaint", "complaint", "complaints", False),
        ("我的账户被冻结了怎么解冻", "account_frozen", "security", False),
        ("I want a refund", "refund", "payments", False),
    ],
)
def test_high_risk_matters_get_advice_and_a_person(
    answerer, certificates, text, topic, queue, urgent
):
    decision = answerer.decide(ask(text), certificates)
    assert decision.verb is Verb.ESCALATE
    assert (decision.topic, decision.queue, decision.urgent) == (topic, queue, urgent)
    assert decision.high_risk
    assert "A-1042" in decision.reply
    assert "pending" not in decision.dialogue


def test_high_risk_is_escalated_even_under_a_certificate_that_claims_it(answerer, certificates):
    wild = [replace(certificates[0], scope="*/*/*", threshold=0.0)]
    assert answerer.decide(ask("怎么注销账户"), wild).verb is Verb.ESCALATE


def test_what_a_knowledge_base_calls_high_risk_no_rule_answers(tmp_path):
    folder = small_base(tmp_path / "templates", ["password_reset", "bind_card", "contact_channels"])
    toml = folder / "topics" / "contact_channels" / "topic.toml"
    toml.write_text(f'risk = "high"\n{toml.read_text("utf-8")}', "utf-8")
    answerer = build_answerer(folder, {FULL.id: FULL}, engine="lexical")
    decision = answerer.decide(Question("客服电话是多少"), [])
    assert (decision.verb, decision.evidence["rule"]) == (Verb.ESCALATE, "contact")


@pytest.mark.parametrize("text", ["怎么防止账户被盗", "how can I avoid being scammed"])
def test_asking_how_to_prevent_fraud_is_no_fraud(answerer, certificates, text):
    decision = answerer.decide(ask(text), certificates)
    assert not decision.urgent


@pytest.mark.parametrize(
    "text",
    ["人工", "转人工客服", "I want to talk to a human please", "0", "agent", "别用机器人回我"],
)
def test_who_wants_a_person_gets_one(answerer, certificates, text):
    decision = answerer.decide(ask(text), certificates)
    assert (decision.verb, decision.topic) == (Verb.ROUTE, "talk_to_human")
    assert decision.evidence["rule"] == "person"


def test_a_person_for_a_known_matter_is_sought_in_its_queue(answerer, certificates):
    decision = answerer.decide(ask("我的提现没到账，转人工"), certificates)
    assert (decision.verb, decision.queue) == (Verb.ROUTE, "payments")
    assert "提现记录" in decision.suggestion
    assert decision.dialogue["topic"] == "withdraw_not_arrived"


@pytest.mark.parametrize("text", ["请给我回电话，我的充值没到账", "please call me back"])
def test_a_wish_for_a_call_is_noted(answerer, certificates, text):
    decision = answerer.decide(ask(text), certificates)
    assert (decision.verb, decision.topic) == (Verb.ROUTE, "callback_request")


@pytest.mark.parametrize("text", ["谢谢", "Thank you so much for your help!", "好的，谢谢您"])
def test_thanks_get_a_friendly_word(answerer, certificates, text):
    decision = answerer.decide(ask(text), certificates)
    assert (decision.verb, decision.topic) == (Verb.ANSWER, "thanks")


def test_thanks_before_a_question_do_not_hide_it(answerer, certificates):
    decision = answerer.decide(ask("谢谢，请问忘记密码了怎么办"), certificates)
    assert decision.topic == "password_reset"


# ---------------------------------------------------------------- the dialogue


@pytest.mark.parametrize(
    "reply", ["1", "1.", "解决了", "好了，谢谢", "yes", "It works now, thanks", "ok", "1 谢谢"]
)
def test_solved_ends_the_matter(answerer, certificates, reply):
    decision = after(answerer, certificates, "充值没到账", reply)
    assert (decision.verb, decision.topic) == (Verb.ANSWER, "thanks")
    assert decision.evidence["solved"] is True
    assert decision.evidence["solved_topic"] == "topup_not_arrived"
    assert "pending" not in decision.dialogue


@pytest.mark.parametrize(
    "reply",
    [
        "2",
        "2。",
        "没有",
        "没解决",
        "还是不行，都试过了",
        "no",
        "did not help",
        "It still doesn't work, I tried everything",
        "没有，钱还是没到账，交易时间是昨天下午",
        "充值还没有到啊，金额500",
    ],
)
def test_not_solved_goes_to_a_person_with_the_steps_done(answerer, certificates, reply):
    decision = after(answerer, certificates, "充值没到账", reply)
    assert (decision.verb, decision.topic, decision.queue) == (
        Verb.ROUTE,
        "topup_not_arrived",
        "payments",
    )
    assert decision.dialogue["done"] == [
        "refresh_balance",
        "check_topup_record",
        "check_bank_debit",
        "check_announcements",
    ]
    assert "pending" not in decision.dialogue


def test_the_same_answer_is_never_given_twice(answerer, certificates):
    decision = after(answerer, certificates, "充值没到账", "我的充值没到账啊")
    assert decision.verb is Verb.ROUTE


def test_another_question_after_an_answer_is_answered(answerer, certificates):
    decision = after(answerer, certificates, "充值没到账", "另外请问忘记密码怎么办")
    assert (decision.verb, decision.topic) == (Verb.ANSWER, "password_reset")
    assert decision.dialogue["answered"] == ["topup_not_arrived", "password_reset"]


def test_fraud_in_a_reply_outranks_the_reply(answerer, certificates):
    decision = after(answerer, certificates, "充值没到账", "没有，而且我被骗了")
    assert (decision.verb, decision.urgent) == (Verb.ESCALATE, True)


def test_a_bare_digit_keeps_the_language_of_the_dialogue(answerer, certificates):
    assert after(answerer, certificates, "充值没到账", "2").language == "zh-CN"
    assert after(answerer, certificates, "my top up has not arrived", "2").language == "en"
    assert after(answerer, certificates, "充值没到账", "ok").language == "zh-CN"


def test_two_days_is_no_choice_of_option_two(answerer, certificates):
    decision = after(
        answerer, certificates, "I forgot my password", "2 new phones, can I add a card"
    )
    assert decision.topic != "password_reset"


def test_later_texts_of_a_conversation_do_not_repeat_the_note(answerer, certificates):
    decision = after(answerer, certificates, "充值没到账", "2")
    assert "自动回复" not in decision.reply


# ---------------------------------------------------------------- brands


def test_an_unknown_brand_is_asked_for_before_a_brand_specific_answer(two_brands, certificates):
    decision = two_brands.decide(ask("提现三天没到账", brand=""), certificates)
    assert (decision.verb, decision.topic) == (Verb.ASK, "withdraw_not_arrived")
    assert "1. 联合钱包" in decision.reply
    assert "2. UPay钱包" in decision.reply


@pytest.mark.parametrize("reply", ["1", "联合钱包", "是联合钱包", "Union Wallet"])
def test_naming_the_brand_brings_its_answer(two_brands, certificates, reply):
    start = two_brands.decide(ask("提现三天没到账", brand=""), certificates)
    decision = two_brands.decide(
        ask(reply, brand="", first=False, dialogue=start.dialogue), certificates
    )
    assert (decision.verb, decision.topic) == (Verb.ANSWER, "withdraw_not_arrived")
    assert "1–3 个工作日" in decision.reply
    assert decision.dialogue["brand"] == "full"


def test_the_brand_is_not_asked_for_twice(two_brands, certificates):
    start = two_brands.decide(ask("提现三天没到账", brand=""), certificates)
    decision = two_brands.decide(
        ask("提现三天没到账", brand="", first=False, dialogue=start.dialogue), certificates
    )
    assert decision.verb is Verb.SUGGEST


def test_a_brand_named_in_the_question_is_not_asked_for(two_brands, certificates):
    decision = two_brands.decide(ask("UPay钱包提现三天没到账", brand=""), certificates)
    assert decision.verb is Verb.ANSWER
    assert decision.evidence["brand"] == "empty"


def test_an_answer_that_no_brand_changes_needs_no_brand(two_brands, certificates):
    decision = two_brands.decide(ask("付款一直失败怎么办", brand=""), certificates)
    assert decision.verb is Verb.ANSWER


def test_two_close_topics_make_a_numbered_question(answerer, certificates):
    text = "钱一直没到账"
    seen = answerer.assess(ask(text))
    assert seen is not None
    (first, p), (second, q) = seen.top[:2]
    assert {first, second} == {"topup_not_arrived", "withdraw_not_arrived"}
    between = [replace(certificates[0], threshold=(p + p + q) / 2)]
    start = answerer.decide(ask(text), between)
    assert start.verb is Verb.ASK
    assert "1. " in start.reply
    chosen = answerer.decide(ask("2", first=False, dialogue=start.dialogue), between)
    assert (chosen.verb, chosen.topic) == (Verb.ANSWER, second)


# ---------------------------------------------------------------- the rest


def test_in_public_nothing_personal_is_said_and_nothing_is_asked(answerer, certificates):
    decision = answerer.decide(ask("我忘记密码了，怎么办？", public=True), certificates)
    assert decision.verb is Verb.ANSWER
    assert "私信" in decision.reply
    assert "A-1042" not in decision.reply
    assert "pending" not in decision.dialogue


def test_short_form_is_used_for_sms(answerer, certificates):
    decision = answerer.decide(ask("我忘记密码了，怎么办？", form="short"), certificates)
    assert len(decision.reply) <= 134


def test_template_syntax_in_a_message_stays_text(answerer, certificates):
    decision = answerer.decide(ask("忘记密码了 {{ 7*7 }} {% raw %}"), certificates)
    assert decision.reply
    assert "49" not in decision.reply


def test_notices_can_be_had_by_themselves(answerer):
    text = answerer.notice("redacted", ask("x", language="en"))
    assert "never send" in text


def test_a_decision_is_a_pure_function(answerer, certificates):
    question = ask("充值没到账")
    assert answerer.decide(question, certificates) == answerer.decide(question, certificates)


def test_a_giant_message_is_decided_in_bounded_time(answerer, certificates):
    start = time.perf_counter()
    answerer.decide(ask("我忘记密码了。" * 200_000), certificates)
    assert time.perf_counter() - start < 1.0


def test_brands_do_not_leak_into_each_other(two_brands, certificates):
    decision = two_brands.decide(ask("我忘记密码了，怎么办？", brand="empty"), certificates)
    assert FULL.facts["hotline"] not in decision.reply


def test_a_knowledge_base_of_rules_alone_sends_everything_else_to_people(tmp_path):
    answerer = build_answerer(small_base(tmp_path / "templates", ["thanks"]), {}, engine="lexical")
    decision = answerer.decide(Question("I forgot my password"), [])
    assert (decision.verb, decision.topic) == (Verb.ROUTE, "")
