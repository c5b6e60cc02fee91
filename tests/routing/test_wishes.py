"""Numbers and wishes are understood as they were meant, or it is said what to ask."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.routing.callbacks import Window
from gateway.routing.wishes import (
    ASKS,
    BadNumber,
    agreed,
    beside_number,
    read_number,
    window_of,
    zone_of,
)

SHANGHAI = "Asia/Shanghai"


def at(clock: str, zone: str = SHANGHAI) -> float:
    """A moment: '25 15:30' is in November 2026; the 25th is a Wednesday."""
    day, hour = clock.split()
    text = f"{day if '-' in day else '2026-11-' + day}T{hour}"
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


NOW = at("25 10:30")


# ---------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("13800138000", "+8613800138000"),
        ("+86 138-0013-8000", "+8613800138000"),
        ("0086 138 0013 8000", "+8613800138000"),
        ("１３８００１３８０００", "+8613800138000"),
        ("my number is 138 0013 8000 thanks", "+8613800138000"),
        ("010-62345678", "+861062345678"),
        ("+1 202 555 0123", "+12025550123"),
        ("no", BadNumber.UNREADABLE),
        ("", BadNumber.UNREADABLE),
        ("1-800-FLOWERS", BadNumber.UNREADABLE),
        ("13800138000 or 13900139000", BadNumber.SEVERAL),
        ("110", BadNumber.TOO_SHORT),
        ("95588", BadNumber.TOO_SHORT),
        ("6222021234567890123", BadNumber.TOO_LONG),
        ("1380013800", BadNumber.UNKNOWN),
        ("010-62345678 转 5", BadNumber.EXTENSION),
        ("010-62345678 ext. 5", BadNumber.EXTENSION),
        ("+33 1 23 45 67 89", BadNumber.COUNTRY),
        ("+1 876 555 0123", BadNumber.COUNTRY),
        ("+881 612 345 678", BadNumber.COUNTRY),
        ("+1 900 555 0123", BadNumber.PREMIUM),
        ("+44 70 1234 5678", BadNumber.PREMIUM),
        ("400 123 4567", BadNumber.SERVICE),
        ("+1 800 555 1234", BadNumber.SERVICE),
    ],
)
def test_a_number_is_read_or_it_is_said_why_not(text, expected):
    read = read_number(text, "CN", frozenset({"CN", "US", "GB"}))
    assert read == expected
    assert isinstance(read, BadNumber) == isinstance(expected, BadNumber)


def test_each_reason_has_something_to_ask():
    assert set(ASKS) == set(BadNumber)


@pytest.mark.parametrize(
    ("number", "zone"),
    [
        ("+8613800138000", SHANGHAI),
        ("+12025550123", "America/New_York"),
        ("+15005550006", None),
        ("+61412345678", None),
        ("+34612345678", None),
        ("+881612345678", None),
    ],
)
def test_the_zone_of_a_number_is_known_or_asked(number, zone):
    assert zone_of(number, NOW) == zone


# ---------------------------------------------------------------- wishes


@pytest.mark.parametrize(
    ("wish", "start", "end"),
    [
        ("now", "25 10:30", "26 10:30"),
        ("As soon as possible!", "25 10:30", "26 10:30"),
        ("尽快", "25 10:30", "26 10:30"),
        ("tomorrow 3pm", "26 15:00", "26 16:00"),
        ("please call me back tomorrow at 3:15 p.m.", "26 15:15", "26 16:15"),
        ("明天下午三点", "26 15:00", "26 16:00"),
        ("明天下午3点半", "26 15:30", "26 16:30"),
        ("请在后天上午十点一刻打给我", "27 10:15", "27 11:15"),
        ("15点20分", "25 15:20", "25 16:20"),
        ("after 18:00", "25 18:00", "26 00:00"),
        ("18：00以后", "25 18:00", "26 00:00"),
        ("下午五点以前", "25 10:30", "25 17:00"),
        ("tomorrow after 3pm", "26 15:00", "27 00:00"),
        ("from 3 to 5 pm", "25 15:00", "25 17:00"),
        ("11am-1pm", "25 11:00", "25 13:00"),
        ("明天 15:00–16:30", "26 15:00", "26 16:30"),
        ("下午3点到下午5点", "25 15:00", "25 17:00"),
        ("tomorrow morning", "26 08:00", "26 12:00"),
        ("今晚八点", "25 20:00", "25 21:00"),
        ("tonight", "25 18:00", "25 22:00"),
        ("周五上午", "27 08:00", "27 12:00"),
        ("下周一上午十点", "30 10:00", "30 11:00"),
        ("星期天晚上八点", "29 20:00", "29 21:00"),
        ("Friday 09:30", "27 09:30", "27 10:30"),
        ("the day after tomorrow", "27 00:00", "28 00:00"),
    ],
)
def test_a_simple_wish_is_understood(wish, start, end):
    assert window_of(wish, SHANGHAI, NOW) == Window(at(start), at(end), SHANGHAI)


@pytest.mark.parametrize(
    "wish",
    [
        "",
        "hello",
        "3",
        "at 3",
        "3点",
        "10 o'clock",
        "9:30",
        "10:00",
        "25:00",
        "13pm",
        "3 in the night",
        "evening 3",
        "周三",
        "wednesday",
        "next monday",
        "after tomorrow",
        "tomorrow tomorrow",
        "3pm 4pm",
        "5pm to 3pm",
        "don't call me tomorrow",
        "不要明天打",
        "tomorrow 3pm or friday",
        "any time but tomorrow",
    ],
)
def test_what_is_not_sure_is_asked(wish):
    assert window_of(wish, SHANGHAI, NOW) is None


def test_a_wish_is_read_by_the_clock_of_the_customer():
    window = window_of("3pm", "America/New_York", at("25 08:00", "America/New_York"))
    assert window.start == at("25 15:00", "America/New_York")


def test_a_time_that_a_change_of_clocks_leaves_out_is_asked():
    now = at("2026-03-07 12:00", "America/New_York")
    assert window_of("tomorrow 02:30", "America/New_York", now) is None
    assert window_of("tomorrow 03:30", "America/New_York", now) is not None


_WORDS = "now tomorrow 明天 后天 周一 monday 下午 上午 3 三点 15:00 3pm after before 到 - to and 半 点 请 me"


@given(st.lists(st.sampled_from(_WORDS.split()), max_size=6).map("".join) | st.text(max_size=20))
@settings(deadline=None)
def test_whatever_is_wished_a_window_lies_ahead_or_is_none(wish):
    if (window := window_of(wish, SHANGHAI, NOW)) is not None:
        assert NOW <= window.start < window.end <= NOW + 15 * 86400


# ---------------------------------------------------------------- what stands beside a number


@pytest.mark.parametrize(
    ("text", "beside"),
    [
        ("please call me on 138 0013 8000, tomorrow 3pm", ("please tomorrow 3pm", True)),
        ("请打13800138000 明天下午三点", ("明天下午三点", True)),
        ("明天下午三点给我打电话 13800138000", ("明天下午三点", True)),
        ("我的手机号是13800138000。", ("", True)),
        ("My number: 13800138000", ("", True)),
        ("13800138000", ("", False)),
        ("I sent it to 13800138000", ("I sent it to", False)),
        ("我打13800138000没人接", ("我打 没人接", False)),
        ("对方电话13800138000", ("对方电话", False)),
        ("call me on 13800138000 or 13800138001", None),
        ("call me at three", None),
    ],
)
def test_a_number_is_the_one_to_call_only_where_the_words_before_it_say_so(text, beside):
    assert beside_number(text, "CN") == beside


# ---------------------------------------------------------------- what the customer is told


@pytest.mark.parametrize(
    ("wish", "first", "chinese", "english"),
    [
        ("明天下午三点", "26 15:00", "11月26日15:00到16:00之间", "on 26 November, between 15:00 and 16:00"),
        ("after 18:00", "25 18:00", "11月25日18:00以后", "on 25 November, from 18:00 on"),
        ("tomorrow", "26 09:00", "11月26日09:00以后", "on 26 November, from 09:00 on"),
        ("now", "25 10:30", "尽快", "as soon as we can"),
        ("now", "26 09:00", "11月26日09:00到10:30之间", "between 09:00 and 10:30"),
    ],
)  # fmt: skip
def test_what_was_understood_is_told_by_the_customers_clock(wish, first, chinese, english):
    window = window_of(wish, SHANGHAI, NOW)
    assert chinese in agreed(window, at(first), NOW, "zh-TW")
    assert english in agreed(window, at(first), NOW, "en-GB")
