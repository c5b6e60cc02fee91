"""What is told of a wait, in each language and form: units right, fit to be spoken, nothing invented."""

import re
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.answers.every_text import WAITS, case_of
from gateway.answers.how_long import asks_how_long
from gateway.answers.length import fits
from gateway.answers.loading import load
from gateway.answers.waiting import wait_values
from gateway.answers.wording import Wording
from gateway.config import templates_dir
from gateway.domain.allowlist import Allowed, refusal
from gateway.domain.calendar import Calendar
from gateway.domain.waiting import Notice
from tests.answers.brands import FULL

KNOWLEDGE = load(templates_dir())
WORDING = Wording(KNOWLEDGE)
LANGUAGES = ("zh-CN", "en")
FORMS = ("long", "short", "voice")
#: A Monday morning in Shanghai.
NOW = datetime(2026, 9, 21, 10, tzinfo=ZoneInfo("Asia/Shanghai")).timestamp()
HOUR, DAY = 3600.0, 86400.0
RUNGS = [60.0 * m for m in (1, 2, 3, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240)]


def told(kind, **values) -> Notice:
    return Notice(kind, at=NOW, **values)


def text(notice: Notice, language: str, form: str, brand=FULL) -> str:
    """The notice as it stands between the acknowledgement and its closing words."""
    at = case_of(KNOWLEDGE, language, form, brand)
    received = WORDING.to_person(at, "acknowledge")
    whole, said = WORDING.with_wait(at, received, notice)
    assert said == notice, (said, whole)
    return between(at, received, whole)


def between(at, received: str, whole: str) -> str:
    """What was put into a text, before its closing words."""
    closing = WORDING.notice(at, "follow_up")
    head = received.removesuffix(closing)
    assert whole.startswith(head.rstrip()), whole
    assert whole.endswith(closing), whole
    return whole.removeprefix(head).removesuffix(closing).strip()


@pytest.mark.parametrize(
    ("notice", "language", "form", "says"),
    [
        (told("position", position=3), "en", "long", "You are number 3 in line at the moment."),
        (told("position", position=1), "en", "long", "You are next in line at the moment."),
        (told("position", position=3), "en", "short", "You are number 3 in line."),
        (told("position", position=21), "en", "voice", "You are number twenty-one in line."),
        (told("position", position=3), "zh-CN", "long", "您目前排在第 3 位。"),
        (told("position", position=2), "zh-CN", "short", "您排第2位。"),
        (told("position", position=2), "zh-CN", "voice", "您目前排在第二位。"),
        (told("position", position=12), "zh-CN", "voice", "您目前排在第十二位。"),
        (told("position", position=40), "zh-CN", "voice", "您目前排在第四十位。"),
        (told("wait", form="about", low=600.0, high=600.0), "en", "long",
         "The wait is probably about 10 minutes."),
        (told("wait", form="under", low=0.0, high=60.0), "en", "long",
         "The wait is probably less than 1 minute."),
        (told("wait", form="over", low=7200.0), "en", "long",
         "The wait is probably more than 2 hours."),
        (told("wait", position=4, form="range", low=300.0, high=600.0), "en", "long",
         "You are number 4 in line at the moment, and the wait is probably 5 to 10 minutes."),
        (told("wait", position=4, form="range", low=3600.0, high=5400.0), "en", "short",
         "You are number 4 in line, probably 60 to 90 minutes."),
        (told("wait", position=4, form="range", low=2700.0, high=7200.0), "en", "voice",
         "You are number four in line, and the wait is probably forty-five minutes to two hours."),
        (told("wait", position=1, form="range", low=3600.0, high=7200.0), "en", "voice",
         "You are next in line, and the wait is probably one to two hours."),
        (told("wait", form="about", low=600.0, high=600.0), "zh-CN", "long",
         "预计还需等候约 10 分钟。"),
        (told("wait", form="under", low=0.0, high=120.0), "zh-CN", "voice",
         "预计还需等候不到两分钟。"),
        (told("wait", form="over", low=7200.0), "zh-CN", "voice", "预计还需等候超过两小时。"),
        (told("wait", position=4, form="range", low=2700.0, high=7200.0), "zh-CN", "long",
         "您目前排在第 4 位，预计还需等候 45 分钟到 2 小时。"),
        (told("wait", position=4, form="range", low=3600.0, high=7200.0), "zh-CN", "voice",
         "您目前排在第四位，预计还需等候一到两小时。"),
        (told("wait", form="range", low=300.0, high=600.0), "zh-CN", "short",
         "预计等候5到10分钟。"),
        (told("busy"), "en", "long", "An answer may take longer than usual at the moment."),
        (told("busy", position=30), "en", "short",
         "It may take longer than usual. You are number 30 in line."),
        (told("busy"), "zh-CN", "short", "目前回复较慢，请您谅解。"),
        (told("busy", position=30), "zh-CN", "short", "目前回复较慢，您排第30位。"),
        (told("closed", opens_at=NOW + 23 * HOUR), "en", "long",
         ("Our team is away at the moment and is back tomorrow at 9:00 am."
         " Your question keeps its place until then.")),
        (told("closed", opens_at=NOW + 3.5 * HOUR), "en", "short",
         "We are away now and back today at 1:30 pm. You keep your place."),
        (told("closed", opens_at=NOW + 7 * DAY - HOUR), "en", "long",
         ("Our team is away at the moment and is back on Monday 28 September at 9:00 am."
         " Your question keeps its place until then.")),
        (told("closed", opens_at=NOW + 3.5 * HOUR), "en", "voice",
         ("Our team is away at the moment and is back today at one thirty in the afternoon."
         " You keep your place until then.")),
        (told("closed", opens_at=NOW + 23 * HOUR), "zh-CN", "long",
         "现在不在人工客服的工作时间，我们会在明天 9:00 恢复服务，您的位置会一直保留。"),
        (told("closed", opens_at=NOW + 7 * DAY - HOUR), "zh-CN", "short",
         "现在非工作时间，9月28日9:00恢复服务，位置保留。"),
        (told("closed", opens_at=NOW + 3.5 * HOUR), "zh-CN", "voice",
         "现在不在人工客服的工作时间，我们会在今天下午一点半恢复服务，您的位置会一直保留。"),
        (told("wait", form="range", low=600.0, high=1200.0, opens_at=NOW + 23 * HOUR), "en", "long",
         ("The wait is probably 10 to 20 minutes."
         " If we close before it is your turn, we go on tomorrow at 9:00 am.")),
        (told("position", position=5, offers=("callback",)), "en", "long",
         ("You are number 5 in line at the moment."
         ' If you would rather be called, reply "call me": you keep your place in line.')),
        (told("position", position=5, offers=("callback", "chat")), "en", "voice",
         ("You are number five in line. If you would rather be called back, just say call me, and you"
         " keep your place in line. You can also hang up and write to us in the chat of the app.")),
        (told("position", position=5, offers=("callback", "chat")), "zh-CN", "voice",
         ("您目前排在第五位。如果您希望我们打电话给您，请直接说回电，您的位置不变。"
         "您也可以挂断电话，改用App里的在线客服。")),
    ],
)  # fmt: skip
def test_the_words_of_a_wait(notice, language, form, says):
    assert text(notice, language, form) == says


def test_it_opens_by_the_clock_of_the_brand():
    abroad = replace(FULL, calendar=Calendar("America/New_York"))
    # Ten in Shanghai is ten in the evening of the day before there.
    notice = told("closed", opens_at=NOW + 11 * HOUR)
    assert "back tomorrow at 9:00 am" in text(notice, "en", "short", abroad)
    assert "back today at 9:00 pm" in text(notice, "en", "short")


def notices():
    steps = st.sampled_from(RUNGS)
    times = st.one_of(
        st.just((None, None, None)),
        st.tuples(st.just("under"), st.just(0.0), steps),
        steps.map(lambda low: ("about", low, low)),
        steps.map(lambda low: ("over", low, None)),
        st.tuples(st.just("range"), steps, steps).filter(lambda one: one[1] < one[2]),
    )
    waits = st.builds(
        lambda kind, place, time, opens, offers: Notice(
            kind, place, *time, opens and NOW + opens, offers, NOW
        ),
        st.sampled_from(["position", "wait", "busy"]),
        st.integers(0, 300),
        times,
        st.one_of(st.none(), st.integers(1, 10 * 24 * 60).map(lambda m: m * 60.0)),
        st.sampled_from([(), ("callback",), ("callback", "chat")]),
    )
    shut = st.integers(1, 20 * 24 * 12).map(
        lambda n: Notice("closed", opens_at=NOW + n * 300, at=NOW)
    )
    return st.one_of(waits, shut)


@given(notice=notices(), language=st.sampled_from(LANGUAGES), form=st.sampled_from(FORMS))
def test_every_notice_is_clean_fits_its_channel_and_says_no_number_without_data(
    notice, language, form
):
    at = case_of(KNOWLEDGE, language, form, FULL)
    received = WORDING.to_person(at, "acknowledge")
    whole, said = WORDING.with_wait(at, received, notice)
    assert not re.search(r"\{[{%]|None|  +|\n\n\n| \n", whole), whole
    assert not re.search(r"[，。；：]{2}|（）|\(\)| [,.;]", whole), whole
    assert refusal(whole, Allowed.of_brand(FULL)) == ""
    if form == "short":
        assert fits(whole), whole
    if said is None:
        assert whole == received
        return
    values, ours = wait_values(at, said), between(at, received, whole)
    if said.kind == "closed":
        values |= {"place": "", "time": ""}
    for name in ("opens", "time", "place"):
        known = str(values[name]).strip()
        assert known in ours or (name == "place" and values["first"]), (name, ours)
        if form == "voice" and name != "opens" and said.position < 100:
            assert not re.search(r"\d", known)
        ours = ours.replace(known, "", 1) if known else ours
    assert not re.search(r"\d", ours), whole
    units = r"minute|hour|分钟|小时|今天|明天|today|tomorrow"
    assert not re.search(units, ours), whole


@given(language=st.sampled_from(LANGUAGES), form=st.sampled_from(FORMS), offered=st.booleans())
def test_where_nothing_was_measured_there_is_no_digit_and_no_unit(language, form, offered):
    said = text(told("busy", offers=("callback",) if offered else ()), language, form)
    assert not re.search(r"\d|minute|hour|分钟|小时|number|第", said)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("notice", WAITS)
def test_with_the_acknowledgement_the_longest_fit_two_sms(language, notice):
    at = case_of(KNOWLEDGE, language, "short", FULL)
    whole, said = WORDING.with_wait(at, WORDING.to_person(at, "acknowledge"), notice)
    assert said == notice
    assert fits(whole)


@pytest.mark.parametrize("language", LANGUAGES)
def test_where_an_sms_has_no_room_less_is_told_and_in_the_end_nothing(language):
    at = case_of(KNOWLEDGE, language, "short", FULL)
    received = WORDING.to_person(at, "acknowledge")
    most = WAITS[1]
    filler = "x" if language == "en" else "长"
    seen, whole = [], received
    for room in range(200):
        long = received.replace(".", f"{filler * room}.", 1).replace("。", f"{filler * room}。", 1)
        whole, said = WORDING.with_wait(at, long, most)
        if said not in seen:
            seen.append(said)
        if said is None:
            assert whole == long
            break
        assert fits(whole)
    assert seen[0] == most
    assert seen[1] == replace(most, offers=())
    assert seen[-1] is None


def test_another_script_writes_it_as_well():
    at = replace(case_of(KNOWLEDGE, "zh-CN", "long", FULL), script="zh-TW")
    whole, _ = WORDING.with_wait(at, WORDING.to_person(at, "acknowledge"), WAITS[1])
    assert "預計" in whole
    assert "预" not in whole


@pytest.mark.parametrize(
    "words",
    [
        "how long still?", "How much longer?", "How long do I have to wait?", "when is it my turn",
        "what is my position in the queue?", "how many people are ahead of me", "Am I next?",
        "how long until somebody answers me", "还要等多久", "请问大概要等多久？", "我排第几", "前面还有多少人",
        "什么时候轮到我", "人工还要等多久", "還要等多久", "要等到什么时候才有人",
    ],
)  # fmt: skip
def test_the_question_how_long_still_is_heard(words):
    assert asks_how_long(words)


@pytest.mark.parametrize(
    "words",
    [
        "how long does a refund take", "how long is my account frozen", "when is my refund coming",
        "提现要等多久", "退款多久到账", "多久到账", "第几次了还没到", "", "how long " * 400,
    ],
)  # fmt: skip
def test_a_question_about_a_matter_is_none_of_these(words):
    assert not asks_how_long(words)
