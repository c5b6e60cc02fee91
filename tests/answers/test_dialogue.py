"""The dialogue over several turns: check-lists, two matters at once, the way back to a person."""

import itertools
import json
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.answers.answerer import build_answerer
from gateway.answers.length import fits
from gateway.answers.review import ReviewedQuestion, review
from gateway.domain.decision import Certificate, Decision, OpenCase, Question, Verb
from gateway.domain.model import InquiryState
from tests.answers.brands import FULL
from tests.answers.small import small_base

PAY = "付款失败了，怎么付都不成功"
PAY_EN = "my payment failed, it does not go through"


@pytest.fixture(scope="module")
def permits(certificates):
    """Loose: these tests are about what follows, not about confidences."""
    return [replace(certificates[0], threshold=0.3)]


class Talk:
    """A customer who writes one message after the other."""

    def __init__(self, answerer, permits, **values):
        self.answerer, self.permits, self.values = answerer, permits, values
        self.dialogue: dict = {}
        self.first = True

    def __call__(self, text: str, **values) -> Decision:
        values = {"brand": "full", "number": "A-1042", **self.values, **values}
        question = Question(text, first=self.first, dialogue=self.dialogue, **values)
        decision = self.answerer.decide(question, self.permits)
        self.dialogue, self.first = dict(decision.dialogue), False
        return decision


@pytest.fixture
def mail(answerer, permits):
    return Talk(answerer, permits, form="long")


@pytest.fixture
def sms(answerer, permits):
    return Talk(answerer, permits, form="short")


# ---------------------------------------------------------------- check-lists by mail


def test_a_mail_gets_the_whole_list(mail):
    decision = mail(PAY)
    assert (decision.verb, decision.topic) == (Verb.ANSWER, "payment_failed")
    assert [f"{n}. " in decision.reply for n in range(1, 7)] == [True] * 5 + [False]
    assert decision.dialogue["given"] == [
        "check_network", "check_balance", "check_card", "check_payee", "update_and_restart",
    ]  # fmt: skip
    assert decision.dialogue["done"] == []


@pytest.mark.parametrize(
    ("text", "done", "gone", "left_out"),
    [
        (
            f"{PAY}。余额够的，也换过卡了",
            ["check_balance", "check_card"],
            ["余额：", "银行卡："],
            "查看余额、检查或换一张银行卡",
        ),
        (
            f"{PAY}。餘額夠的，也換過卡了",
            ["check_balance", "check_card"],
            ["餘額：", "銀行卡："],
            "查看餘額、檢查或換一張銀行卡",
        ),
        (
            f"{PAY_EN}. I already restarted the network and have enough balance",
            ["check_network", "check_balance"],
            ["Network:", "Balance:"],
            "check the network; check the balance",
        ),
    ],
)
def test_what_the_customer_has_done_is_left_out(mail, text, done, gone, left_out):
    decision = mail(text)
    assert decision.verb is Verb.ANSWER
    assert decision.dialogue["done"] == done
    assert not any(line in decision.reply for line in gone)
    assert left_out in decision.reply
    assert "3. " in decision.reply
    assert "4. " not in decision.reply


@pytest.mark.parametrize(
    "text",
    [
        f"{PAY}。还没换过卡，要不要更新到最新版？",
        f"{PAY_EN}. I have not restarted the app. Should I have another card?",
        "付款失败，余额不够吗",
    ],
)
def test_what_is_denied_or_asked_is_not_done(mail, text):
    assert mail(text).dialogue["done"] == []


def test_who_has_done_everything_gets_a_person_at_once(mail):
    decision = mail(f"{PAY}。网络没问题，余额够，换过卡了，收款方没错，app也更新到最新了")
    assert (decision.verb, decision.queue) == (Verb.ROUTE, "payments")
    assert decision.note.startswith("客户已经做过：检查网络；查看余额；")


def test_not_solved_hands_over_with_the_steps_done_and_repeats_nothing(mail):
    mail(f"{PAY}，余额够的")
    decision = mail("还是不行")
    assert (decision.verb, decision.topic, decision.queue) == (
        Verb.ROUTE, "payment_failed", "payments",
    )  # fmt: skip
    assert decision.dialogue["done"] == [
        "check_balance", "check_network", "check_card", "check_payee", "update_and_restart",
    ]  # fmt: skip
    for title in ("检查网络", "查看余额", "更新 App 后重新登录"):
        assert title in decision.note
    assert "1. " not in decision.reply
    assert "不需要重复" in decision.reply
    assert decision.suggestion == "", "a note for the agent is no draft for the customer"
    again = mail(PAY)
    assert again.verb is Verb.ROUTE


def test_a_list_that_is_a_way_and_no_search_is_never_cut(mail):
    whole = mail("忘记密码了，点过忘记密码，手机号填了，怎么重置")
    assert whole.topic == "password_reset"
    assert "5. " in whole.reply


# ---------------------------------------------------------------- check-lists by SMS


def test_an_sms_gets_the_steps_one_or_two_at_a_time_and_then_a_person(sms):
    first = sms(PAY)
    texts, given = [first.reply], [list(first.dialogue["given"])]
    decision = first
    while (decision := sms("2")).verb is Verb.ANSWER:
        assert decision.evidence["continued"] is True
        assert decision.evidence["certificate"] == "c-test"
        texts.append(decision.reply)
        given.append(decision.dialogue["given"])
    assert len(given[0]) in (1, 2)
    assert given[-1] == list(sms.answerer.knowledge.topics["payment_failed"].checklist)
    assert all(0 < len(b) - len(a) <= 2 for a, b in itertools.pairwise(given))
    assert all(fits(text) for text in texts)
    assert all("回2" in text and "人工回0" in text for text in texts)
    assert len(set(texts)) == len(texts), "no step is said twice"
    assert (decision.verb, decision.topic, decision.queue) == (
        Verb.ROUTE, "payment_failed", "payments",
    )  # fmt: skip
    assert decision.dialogue["done"] == given[-1]
    assert "pending" not in decision.dialogue


def test_steps_that_the_customer_reports_on_the_way_are_passed_over(sms):
    sms(PAY)
    decision = sms("没用，余额够的，也换过卡了")
    assert decision.verb is Verb.ANSWER
    assert set(decision.dialogue["given"]) & {"check_payee", "update_and_restart"}
    assert {"check_balance", "check_card"} <= set(decision.dialogue["done"])
    assert "银行卡" not in decision.reply


@pytest.mark.parametrize("reply", ["都试过了，还是不行", "不行，转人工", "还是不行，我要投诉"])
def test_who_has_had_enough_gets_a_person_and_no_further_step(sms, reply):
    sms(PAY)
    assert sms(reply).verb in (Verb.ROUTE, Verb.ESCALATE)


def test_a_risk_told_on_the_way_outranks_the_next_step(sms):
    sms(PAY)
    assert sms("没有，而且我的账户被冻结了").verb is Verb.ESCALATE


def test_solved_on_the_way_ends_it(sms):
    sms(PAY)
    sms("2")
    decision = sms("1")
    assert (decision.verb, decision.evidence["solved"]) == (Verb.ANSWER, True)


def test_the_steps_travel_from_sms_to_mail(answerer, permits):
    sms = Talk(answerer, permits, form="short")
    told = sms(PAY).dialogue["given"]
    mail = Talk(answerer, permits, form="long")
    mail.dialogue = sms.dialogue
    decision = mail("还是不行")
    assert decision.verb is Verb.ANSWER
    checklist = answerer.knowledge.topics["payment_failed"].checklist
    assert decision.dialogue["given"] == list(checklist)
    assert f"{len(checklist) - len(told)}. " in decision.reply
    assert f"{len(checklist) - len(told) + 1}. " not in decision.reply
    assert mail("还是不行").verb is Verb.ROUTE


def test_without_a_certificate_no_further_step_is_sent(answerer, permits):
    sms = Talk(answerer, permits, form="short")
    sms(PAY)
    sms.permits = []
    assert sms("2").verb is Verb.ROUTE


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("form", ["short", "voice"])
def test_every_step_of_every_list_goes_out_within_two_segments(
    answerer, two_brands, permits, language, form
):
    """First and later turns, of the brand with every fact and the one with none."""
    stepwise = [t for t in answerer.knowledge.topics.values() if t.stepwise]
    assert len(stepwise) >= 9
    for brand in ("full", "empty"):
        for topic in stepwise:
            talk = Talk(two_brands, permits, form=form, brand=brand, language=language)
            talk.permits = [replace(permits[0], knowledge=two_brands.version)]
            talk.dialogue = {"pending": "topic?", "options": [topic.id], "language": language}
            decision = talk("1")
            seen: list[str] = []
            while decision.verb is Verb.ANSWER:
                new = [s for s in decision.dialogue["given"] if s not in seen]
                assert 1 <= len(new) <= 2, (topic.id, new)
                seen += new
                assert form == "voice" or fits(decision.reply), (topic.id, decision.reply)
                assert any(w in decision.reply for w in ("人工", "person")), decision.reply
                decision = talk("2")
            assert seen == list(topic.checklist), topic.id
            assert decision.verb is Verb.ROUTE


# ---------------------------------------------------------------- two matters


BOTH_EN = "I forgot my password. My top up has not arrived."


@pytest.mark.parametrize("text", [BOTH_EN])
def test_two_clear_matters_are_both_answered_by_mail(mail, text):
    decision = mail(text)
    assert decision.verb is Verb.ANSWER
    assert {decision.topic, decision.evidence["also"]} == {"password_reset", "topup_not_arrived"}
    assert "■ Forgotten password" in decision.reply or "■ " in decision.reply
    assert decision.reply.count("■ ") == 2
    assert set(decision.dialogue["answered"]) == {"password_reset", "topup_not_arrived"}
    assert decision.confidence <= min(1.0, decision.top[0][1])
    no = mail("no")
    assert no.verb is Verb.ROUTE
    assert "also asks about" in no.note


def test_both_must_be_inside_the_certificate(answerer, permits):
    seen = answerer.assess(Question(BOTH_EN, brand="full"))
    assert seen is not None
    assert seen.also
    assert seen.confidence == seen.also_confidence or seen.confidence < seen.also_confidence
    strict = [replace(permits[0], threshold=seen.confidence + 1e-6)]
    decision = answerer.decide(Question(BOTH_EN, brand="full"), strict)
    assert (decision.verb, decision.reason) == (Verb.SUGGEST, "two_topics")
    assert "also asks about" in decision.note
    exact = [replace(permits[0], threshold=seen.confidence)]
    assert answerer.decide(Question(BOTH_EN, brand="full"), exact).verb is Verb.ANSWER


def test_by_sms_it_is_asked_which_comes_first_and_the_other_follows(sms):
    asked = sms(BOTH_EN)
    assert asked.verb is Verb.ASK
    assert fits(asked.reply)
    assert "0" in asked.reply
    first, second = asked.dialogue["options"]
    answered = sms("2")
    assert (answered.verb, answered.topic, answered.dialogue["later"]) == (
        Verb.ANSWER, second, first,
    )  # fmt: skip
    then = sms("yes, solved")
    assert (then.verb, then.topic) == (Verb.ANSWER, first)
    assert then.evidence["solved_topic"] == second
    assert "later" not in then.dialogue
    assert sms("1").evidence["solved"] is True


@pytest.mark.parametrize("reply", ["both", "both please"])
def test_both_means_one_after_the_other(sms, reply):
    first = sms(BOTH_EN).dialogue["options"][0]
    assert sms(reply).topic == first


def test_a_person_who_takes_over_hears_of_the_matter_that_was_to_come_later(sms):
    sms(BOTH_EN)
    sms("1")
    decision = sms("agent")
    while decision.verb is Verb.ANSWER:
        decision = sms("no")
    assert "also asks about" in decision.note


def test_a_risk_beside_another_matter_escalates_and_tells_the_agent_of_it(mail):
    decision = mail("I forgot my password. Please close my account for good.")
    assert (decision.verb, decision.topic) == (Verb.ESCALATE, "account_closing")
    assert "also asks about" in decision.note


# ---------------------------------------------------------------- choices


@pytest.mark.parametrize("reply", ["neither", "none of these", "都不是"])
def test_none_of_the_topics_offered_brings_a_person(sms, reply):
    sms(BOTH_EN)
    assert sms(reply).verb in (Verb.ROUTE, Verb.SUGGEST)


@pytest.mark.parametrize("reply", ["the second one", "第二个", "2", "后面那个"])
def test_the_topic_is_chosen_in_any_wording(sms, reply):
    second = sms(BOTH_EN).dialogue["options"][1]
    assert sms(reply).topic == second


# ---------------------------------------------------------------- the wish to be served otherwise


CASES = (
    OpenCase("261122-000001", InquiryState.QUEUED, "Payments"),
    OpenCase("261121-000007", InquiryState.ASSIGNED, "Accounts"),
    OpenCase("261120-000009", InquiryState.WAITING_CUSTOMER),
)


@pytest.mark.parametrize(("text", "words"), [
    ("处理进度怎么样了", ["261122-000001", "Payments", "等候", "正在处理", "等您的回复"]),
    ("what is the status of my case", ["261122-000001", "Payments", "working", "your reply"]),
])  # fmt: skip
def test_who_asks_how_far_it_is_hears_number_state_and_queue(mail, text, words):
    decision = mail(text, cases=CASES)
    assert (decision.verb, decision.topic) == (Verb.ANSWER, "case_status")
    for word in words:
        assert word in decision.reply
    assert "pending" not in decision.dialogue


@pytest.mark.parametrize("text", ["处理进度怎么样了", "what is the status of my case"])
def test_by_sms_the_status_of_two_cases_fits(sms, text):
    decision = sms(text, cases=CASES[:2])
    assert decision.verb is Verb.ANSWER
    assert fits(decision.reply), decision.reply


def test_without_a_case_at_hand_the_question_goes_to_a_person(mail):
    decision = mail("what is the status of my case", cases=CASES[2:])
    assert decision.verb is Verb.ROUTE
    assert mail("what is the status of my case").verb is Verb.ROUTE


def test_in_public_no_number_and_no_state_is_told(answerer, permits):
    talk = Talk(answerer, permits, public=True)
    decision = talk("what is the status of my case", cases=CASES)
    assert "2611" not in decision.reply
    assert "Payments" not in decision.reply


@pytest.mark.parametrize("text", ["客服电话是多少", "how can I contact you", "联系方式"])
def test_the_ways_to_reach_us_are_told_and_nothing_is_asked(mail, text):
    decision = mail(text)
    assert (decision.verb, decision.topic) == (Verb.ANSWER, "contact_channels")
    assert "400-618-0081" in decision.reply
    assert "pending" not in decision.dialogue
    assert not any(word in decision.reply for word in ("solve it?", "解决了吗"))


def test_the_ways_to_reach_us_found_by_the_classifier_need_the_certificate(answerer, permits):
    question = Question("我在国外，用什么联系方式找到你们呀", brand="full")
    assert answerer.decide(question, []).verb is not Verb.ANSWER
    decision = answerer.decide(question, permits)
    if decision.topic == "contact_channels":
        assert "pending" not in decision.dialogue


@pytest.mark.parametrize(
    "text", ["给你们提个建议，建议增加夜间模式", "I have a suggestion: please add a night mode"]
)
def test_feedback_gets_thanks_and_a_person_reads_it(mail, text):
    decision = mail(text)
    assert (decision.verb, decision.topic, decision.queue) == (
        Verb.ROUTE, "feedback_suggestion", "general",
    )  # fmt: skip
    assert any(word in decision.reply for word in ("感谢", "hank you"))
    assert "pending" not in decision.dialogue


# ---------------------------------------------------------------- an open way to a person


@pytest.mark.parametrize("form", ["long", "short", "voice"])
@pytest.mark.parametrize("public", [False, True])
@pytest.mark.parametrize(
    "turns",
    [
        [PAY], [PAY_EN], [PAY, "2"], [PAY, "1"], [PAY, "2", "2", "2", "2"], [BOTH_EN],
        [BOTH_EN, "2"], [BOTH_EN, "neither"], ["谢谢"], ["thanks"], ["转人工"], ["call me back"],
        ["客服电话是多少"], ["how can I contact you"], ["处理进度怎么样了"], ["提个建议，增加夜间模式"],
        ["怎么注销账户"], ["我被骗了"], ["asdf ghjk"], ["I want a refund"], ["PIN forgotten"],
    ],
    ids=" / ".join,
)  # fmt: skip
def test_every_text_of_every_decision_and_form_shows_the_way_to_a_person(
    answerer, permits, turns, form, public
):
    talk = Talk(answerer, permits, form=form, public=public, cases=CASES[:2])
    for turn in turns:
        decision = talk(turn)
        # Once a person has it, whatever is replied reaches that person.
        ways = ["人工", "person", "agent"]
        if decision.verb in (Verb.ROUTE, Verb.ESCALATE, Verb.SUGGEST):
            ways += ["回复", "eply"]
        assert any(way in decision.reply for way in ways), (turn, decision.verb, decision.reply)


# ---------------------------------------------------------------- a matter that became another


@pytest.mark.parametrize("now", ['risk = "high"', "hand_over = true"])
def test_no_further_step_is_sent_once_the_matter_is_one_for_people(tmp_path, now):
    topics = ["password_reset", "bind_card", "withdraw_not_arrived", "thanks"]
    folder = small_base(tmp_path / "templates", topics)
    toml = folder / "topics" / "withdraw_not_arrived" / "topic.toml"

    def after_a_no() -> Decision:
        answerer = build_answerer(folder, {FULL.id: FULL}, engine="lexical")
        permit = Certificate("c", "*/*/normal", 0.05, 0.1, 0.5, 100, 0, answerer.version)
        dialogue = {
            "pending": "solved?", "topic": "withdraw_not_arrived", "confidence": 0.9,
            "answered": ["withdraw_not_arrived"], "given": ["check_withdraw_record"],
        }  # fmt: skip
        return answerer.decide(Question("2", form="short", dialogue=dialogue), [permit])

    assert after_a_no().verb is Verb.ANSWER
    toml.write_text(f"{now}\n{toml.read_text('utf-8')}", "utf-8")
    assert after_a_no().verb is Verb.ROUTE


# ---------------------------------------------------------------- many messages with two matters


def test_two_matters_are_answered_together_and_never_a_third(answerer, permits):
    """Each of these asks for two things. What is answered by itself is asked for, in every one."""
    lines = (Path(__file__).parent / "questions" / "two_matters.jsonl").read_text("utf-8")
    cases = [json.loads(line) for line in lines.splitlines()]
    assert len(cases) >= 40
    sure = [replace(permits[0], threshold=0.6)]
    both = 0
    for case in cases:
        question = Question(case["text"], language=case["language"], brand="full")
        decision = answerer.decide(question, sure)
        if decision.verb is not Verb.ANSWER:
            continue
        told = {decision.topic, str(decision.evidence.get("also", decision.topic))}
        assert told <= set(case["topics"]), (case["text"], told)
        both += len(told) == 2
    assert both >= len(cases) // 2


def test_an_answer_to_two_matters_counts_as_right_only_if_both_are(answerer):
    def verdict(topic: str, also: tuple[str, ...] = ()) -> bool:
        case = ReviewedQuestion(BOTH_EN, topic, "en", also=also)
        (found,) = review(answerer, [case], "*/en/normal")
        return found.correct

    assert verdict("password_reset", ("topup_not_arrived",))
    assert not verdict("password_reset")
    assert not verdict("topup_not_arrived")
