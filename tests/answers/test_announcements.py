"""Announcements: in which texts they stand, how they fit, and which ones are refused."""

from dataclasses import replace

import pytest

from gateway.answers.announcing import LONGEST, problems, tidy
from gateway.answers.case import make_case
from gateway.answers.wording import Wording
from gateway.domain.allowlist import Allowed
from gateway.domain.announcement import Announcement, Words, as_row, from_row
from gateway.domain.decision import Question, Verb
from gateway.domain.model import Brand
from gateway.domain.segments import segments
from tests.answers.brands import FULL

ZH, EN = "充值到账有延迟，资金安全，正在抢修。", "Top-ups are delayed; your money is safe."
LONG_ZH = "您好，今天上午起充值到账有延迟。您的资金安全，无需重复充值。"
WORDS = {
    "zh-CN": Words(ZH, LONG_ZH, "充值已恢复正常。"),
    "en": Words(EN),
}
OUTAGE = Announcement("a1", ("topup_not_arrived",), (), WORDS, 0.0, 1000.0)
BRANDS = {FULL.id: FULL}
ALLOWED = {FULL.id: [Allowed.of_brand(FULL)]}
TOPUP = "我的充值没有到账，怎么办"


def ask(text: str = TOPUP, *given: Announcement, **values) -> Question:
    values = {"brand": "full", "number": "260131-004217", **values}
    return Question(text=text, announcements=given or (OUTAGE,), **values)


def at(knowledge, language="zh-CN", form="short", *given: Announcement, **values):
    question = ask("", *given, language=language, form=form, **values)
    return make_case(question, BRANDS, knowledge.languages)


def wrong(knowledge, one: Announcement, *others: Announcement, brands=None) -> list[str]:
    return problems(one, knowledge, brands or BRANDS, ALLOWED, others)


# ---------------------------------------------------------------- where it stands


def test_it_stands_before_the_answer_and_after_the_note_that_it_is_automatic(
    answerer, certificates
):
    decision = answerer.decide(ask(), certificates)
    assert decision.verb is Verb.ANSWER
    assert decision.announced == ("a1",)
    before, said, after = decision.reply.partition(LONG_ZH)
    assert (before, said) == ("这是自动回复。\n\n", LONG_ZH)
    plain = answerer.decide(replace(ask(), announcements=()), certificates)
    assert plain.announced == ()
    assert after.strip() in plain.reply


@pytest.mark.parametrize(("language", "form", "text"), [
    ("zh-CN", "long", LONG_ZH), ("zh-CN", "short", ZH), ("zh-CN", "voice", ZH),
    ("zh-TW", "short", ZH), ("en", "long", EN), ("en", "short", EN), ("en-GB", "voice", EN),
])  # fmt: skip
def test_each_channel_gets_the_form_that_fits_it(language, form, text):
    assert OUTAGE.text(language, form) == text


def test_whoever_is_sent_to_a_person_is_told_as_well_and_so_is_the_agents_draft(answerer):
    decision = answerer.decide(ask(), [])
    assert decision.verb is Verb.SUGGEST
    assert LONG_ZH in decision.reply
    assert decision.suggestion.startswith(LONG_ZH)
    assert decision.announced == ("a1",)


def test_who_wants_a_person_about_the_matter_is_told(answerer, certificates):
    decision = answerer.decide(ask(f"{TOPUP}，转人工"), certificates)
    assert decision.verb is Verb.ROUTE
    assert (decision.announced, LONG_ZH in decision.reply) == (("a1",), True)


def test_advice_in_a_high_risk_matter_carries_it_and_keeps_the_advice(answerer, certificates):
    text = "有一笔交易不是我本人操作的，我要求退款"
    plain = answerer.decide(replace(ask(text), announcements=()), certificates)
    assert plain.verb is Verb.ESCALATE
    about = replace(OUTAGE, topics=(plain.topic,))
    decision = answerer.decide(ask(text, about), certificates)
    assert decision.announced == ("a1",)
    kept = plain.reply.removeprefix("这是自动回复。").strip()
    assert decision.reply == f"这是自动回复。\n\n{LONG_ZH}\n\n{kept}"


@pytest.mark.parametrize("changes", [{"topics": ("bind_card",)}, {"brands": ("other",)}])
def test_what_is_about_something_else_is_not_said(answerer, certificates, changes):
    decision = answerer.decide(ask(TOPUP, replace(OUTAGE, **changes)), certificates)
    assert decision.announced == ()
    assert LONG_ZH not in decision.reply


def test_it_is_not_said_in_public_unless_it_is_meant_for_the_public(answerer, certificates):
    decision = answerer.decide(ask(public=True), certificates)
    assert (decision.announced, LONG_ZH in decision.reply) == ((), False)
    loud = replace(OUTAGE, public=True)
    decision = answerer.decide(ask(TOPUP, loud, public=True), certificates)
    assert (decision.announced, LONG_ZH in decision.reply) == (("a1",), True)
    assert "260131-004217" not in decision.reply


def test_thanks_are_answered_without_it(answerer, certificates):
    start = answerer.decide(ask(), certificates)
    reply = Question(
        "1", brand="full", first=False, dialogue=start.dialogue, announcements=(OUTAGE,)
    )
    decision = answerer.decide(reply, certificates)
    assert decision.evidence["solved"] is True
    assert (decision.announced, ZH in decision.reply) == ((), False)


@pytest.mark.parametrize("text", [
    TOPUP, "充值没到账，转人工", "怎么绑定银行卡", "谢谢", "hello there", "My top-up has not arrived",
    "我要投诉", "充值没到账，另外验证码收不到",
])  # fmt: skip
@pytest.mark.parametrize("form", ["long", "short", "voice"])
@pytest.mark.parametrize("permitted", [True, False])
def test_what_a_decision_names_is_what_stands_in_its_text(
    answerer, certificates, text, form, permitted
):
    matters = [name for name, t in answerer.knowledge.topics.items() if not t.control]
    every = replace(OUTAGE, topics=tuple(matters), public=True)
    for public in (False, True):
        question = ask(text, every, form=form, public=public)
        decision = answerer.decide(question, certificates if permitted else [])
        said = every.text(decision.language, form) in decision.reply
        assert said == (decision.announced == ("a1",))


# ---------------------------------------------------------------- SMS


def test_in_an_sms_it_stands_in_place_of_an_answer_that_leaves_no_room(knowledge):
    wording = Wording(knowledge)
    room = "延迟" * 22
    long = replace(OUTAGE, words={"zh-CN": Words(f"{room}。"), "en": Words(EN)})
    for topic in knowledge.topics.values():
        if topic.control or topic.high_risk:
            continue
        every = replace(long, topics=(topic.id,))
        text = wording.answer(at(knowledge, "zh-CN", "short", every), topic)
        assert segments(text).parts <= 2, topic.id
        assert room in text
        assert "人工" in text, "the way to a person is never given up"
    mail = wording.answer(at(knowledge, "zh-CN", "long", long), knowledge.topics["bind_card"])
    assert "银行卡" in mail


def test_a_short_text_leaves_the_answer_in_the_sms(knowledge):
    text = Wording(knowledge).answer(at(knowledge), knowledge.topics["topup_not_arrived"])
    bare = Wording(knowledge).answer(
        make_case(replace(ask(""), form="short", language="zh-CN", announcements=()),
                  BRANDS, knowledge.languages),
        knowledge.topics["topup_not_arrived"],
    )  # fmt: skip
    assert text == bare.replace("这是自动回复。", f"这是自动回复。{ZH}")


@pytest.mark.parametrize(("language", "sign", "signs"), [("zh-CN", "字", 90), ("en", "x", 260)])
def test_one_that_makes_an_sms_longer_is_refused_with_the_number_of_characters(
    knowledge, language, sign, signs
):
    one = replace(OUTAGE, words={**WORDS, language: replace(WORDS[language], short=sign * signs)})
    (said,) = wrong(knowledge, one)
    assert said.startswith(
        f"the short text in {language} makes an SMS of more than 2 parts; make it "
    )
    surplus = int(said.split("make it ")[1].split()[0])
    fits = replace(WORDS[language], short=sign * (signs - surplus))
    assert wrong(knowledge, replace(one, words={**WORDS, language: fits})) == []
    almost = replace(WORDS[language], short=sign * (signs - surplus + 1))
    assert wrong(knowledge, replace(one, words={**WORDS, language: almost})) != []


def test_safety_advice_never_gives_way_so_less_room_is_left(knowledge):
    words = {**WORDS, "zh-CN": Words("字" * 50)}
    assert wrong(knowledge, replace(OUTAGE, words=words)) == []
    (said,) = wrong(knowledge, replace(OUTAGE, words=words, topics=("dispute",)))
    assert "the short text in zh-CN makes an SMS" in said


def test_two_at_once_are_measured_together(knowledge):
    words = {**WORDS, "zh-CN": Words("字" * 50)}
    first, second = (replace(OUTAGE, id=name, words=words) for name in ("a1", "a2"))
    (said,) = wrong(knowledge, second, first)
    assert "beside the others in force" in said
    assert wrong(knowledge, replace(second, starts_at=1000.0, ends_at=2000.0), first) == []
    assert wrong(knowledge, replace(second, topics=("bind_card",)), first) == []


def test_its_own_words_for_the_end_are_measured_too(knowledge):
    words = {**WORDS, "zh-CN": Words(ZH, over="好" * 120)}
    (said,) = wrong(knowledge, replace(OUTAGE, words=words))
    assert said.startswith("the over text in zh-CN makes an SMS")


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(("changes", "said"), [
    ({"topics": ("topup_not_arived",)}, "did you mean 'topup_not_arrived'?"),
    ({"topics": ()}, "belongs to no topic"),
    ({"topics": ("thanks",)}, "topic 'thanks' is not known"),
    ({"brands": ("ful",)}, "did you mean 'full'?"),
    ({"words": {"en": Words(EN)}}, "zh-CN has no short text"),
    ({"words": {**WORDS, "fr": Words("Bonjour.")}}, "language 'fr' is not known"),
    ({"ends_at": 0.0}, "ends before it begins"),
    ({"words": {**WORDS, "en": Words(EN, long="x" * (LONGEST + 7))}}, "7 characters too long"),
])  # fmt: skip
def test_what_is_wrong_is_said_with_the_cure(knowledge, changes, said):
    assert any(said in text for text in wrong(knowledge, replace(OUTAGE, **changes)))
    assert wrong(knowledge, OUTAGE) == []


@pytest.mark.parametrize("form", ["short", "long", "over"])
@pytest.mark.parametrize(("text", "said"), [
    ("详情请拨打 010-12345678。", "the number '010-12345678' is not among the brand's"),
    ("Look at https://swindle.example/now.", "link"),
    ("请提供您的验证码。", "asks for a code"),
])  # fmt: skip
def test_a_strange_number_or_link_or_a_request_for_a_secret_is_refused(knowledge, form, text, said):
    one = replace(OUTAGE, words={**WORDS, "zh-CN": replace(WORDS["zh-CN"], **{form: text})})
    assert any(said in problem for problem in wrong(knowledge, one))


def test_the_brands_own_number_may_be_named_but_not_for_every_brand(knowledge):
    words = {**WORDS, "zh-CN": Words("请拨400-618-0081。")}
    assert wrong(knowledge, replace(OUTAGE, words=words)) == []
    brands = {**BRANDS, "other": Brand("other", "Other")}
    allowed = {**ALLOWED, "other": [Allowed()]}
    assert problems(replace(OUTAGE, words=words), knowledge, brands, allowed)
    mine = replace(OUTAGE, words=words, brands=("full",))
    assert problems(mine, knowledge, brands, allowed) == []


def test_texts_end_with_a_full_stop_and_the_short_one_is_one_line():
    assert tidy("zh-CN", Words("充值\n延迟", "第一行\n第二行", "已恢复")) == Words(
        "充值 延迟。", "第一行\n第二行。", "已恢复。"
    )
    assert tidy("en", Words("Delayed!", "")) == Words("Delayed!", "")
    assert tidy("en", Words("It is late")).short == "It is late."


def test_the_database_gives_back_what_it_got():
    one = replace(OUTAGE, brands=("full",), public=True)
    assert from_row(as_row(one)) == one


# ---------------------------------------------------------------- when it is over


@pytest.mark.parametrize("form", ["long", "short", "voice"])
@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_its_end_is_told_with_the_question_whether_it_is_solved(answerer, language, form):
    question = Question("", language=language, brand="full", form=form, number="260131-004217")
    text, spoken = answerer.over(question, OUTAGE)
    assert spoken == language
    own = {"zh-CN": "充值已恢复正常。", "en": "solved"}[language]
    assert own in text
    assert {"zh-CN": "解决", "en": "olved?" if form == "short" else "solve it?"}[language] in text
    assert "人工" in text or "person" in text
    if form == "short":
        assert segments(text).parts <= 2


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize(("reply", "solved"), [("1", True), ("2", False)])
def test_the_reply_to_it_is_understood(answerer, certificates, language, reply, solved):
    dialogue = {"pending": "solved?", "topic": "topup_not_arrived", "language": language}
    decision = answerer.decide(
        Question(reply, brand="full", first=False, dialogue=dialogue), certificates
    )
    assert decision.evidence["solved"] is solved
    assert decision.language == language


# ---------------------------------------------------------------- lists of steps, two matters, scripts


def tight(topic: str) -> Announcement:
    """One that leaves no step any room in an SMS."""
    words = {"zh-CN": Words("延迟" * 45 + "。"), "en": Words("Payments are late. " * 9)}
    return replace(OUTAGE, topics=(topic,), words=words)


@pytest.mark.parametrize(
    "text", ["付款失败了，怎么付都不成功", "my payment failed, it does not go through"]
)
def test_no_step_counts_as_sent_where_it_stands_in_place_of_them(answerer, certificates, text):
    permits = [replace(certificates[0], threshold=0.3)]
    one = tight("payment_failed")
    first = answerer.decide(ask(text, one, form="short"), permits)
    assert (first.verb, first.announced) == (Verb.ANSWER, ("a1",))
    assert segments(first.reply).parts <= 2
    assert first.dialogue.get("given", []) == []
    then = Question(
        "2",
        brand="full",
        form="short",
        first=False,
        dialogue=first.dialogue,
        number="260131-004217",
    )
    second = answerer.decide(then, permits)
    assert second.verb is Verb.ANSWER, "the steps come when it has not helped"
    assert second.dialogue["given"]
    assert one.text(second.language, "short") not in second.reply


@pytest.mark.parametrize(
    "text", ["付款失败了，怎么付都不成功", "my payment failed, it does not go through"]
)
def test_a_short_one_stands_before_the_steps(answerer, certificates, text):
    permits = [replace(certificates[0], threshold=0.3)]
    one = replace(
        OUTAGE,
        topics=("payment_failed",),
        words={"zh-CN": Words("付款延迟。"), "en": Words("Late.")},
    )
    decision = answerer.decide(ask(text, one, form="short"), permits)
    said = one.text(decision.language, "short")
    assert (decision.announced, decision.reply.count(said)) == (("a1",), 1)
    assert decision.dialogue["given"]
    assert segments(decision.reply).parts <= 2


def test_of_two_matters_both_are_announced(answerer, certificates):
    permits = [replace(certificates[0], threshold=0.3)]
    other = Announcement("a2", ("password_reset",), (), {"en": Words("Codes are late.")}, 0.0, 9.0)
    text = "I forgot my password. My top up has not arrived."
    decision = answerer.decide(ask(text, OUTAGE, other), permits)
    assert (decision.verb, set(decision.announced)) == (Verb.ANSWER, {"a1", "a2"})
    assert decision.reply.index(EN) < decision.reply.index("■")
    assert "Codes are late." in decision.reply
    to_person = answerer.decide(ask(text, OUTAGE, other), [])
    assert set(to_person.announced) == {"a1", "a2"}


def test_where_an_sms_has_no_room_for_both_the_first_matters_is_said(knowledge):
    topics = [knowledge.topics[name] for name in ("topup_not_arrived", "password_reset")]
    both = [
        replace(OUTAGE, id=topic.id, topics=(topic.id,), words={"en": Words(f"{topic.id} " * 8)})
        for topic in topics
    ]
    case = at(knowledge, "en", "short", *both)
    wording = Wording(knowledge)
    text = wording.to_person(case, "acknowledge", topics[0], topics)
    assert segments(text).parts <= 2
    assert wording.announced(case, topics, text) == ("topup_not_arrived",)


@pytest.mark.parametrize("form", ["long", "short", "voice"])
def test_who_writes_traditional_characters_reads_it_in_them(answerer, certificates, form):
    words = {"zh-CN": Words("充值延迟，请看“账单”。", over="充值恢复，请看“账单”。")}
    one = replace(OUTAGE, words=words)
    decision = answerer.decide(
        ask("儲值還沒有到帳，怎麼辦", one, form=form, language="zh-TW"), certificates
    )
    assert decision.announced == ("a1",)
    assert "請看“账单”。" in decision.reply, "what is quoted is as it is called in the app"
    assert "请看" not in decision.reply
    question = Question("", language="zh-TW", brand="full", form=form)
    over, _ = answerer.over(question, one)
    assert "恢復" in over
