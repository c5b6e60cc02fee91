"""What holds for every text: places are true, redacting twice is redacting once, time is linear."""

import json
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.errors import ParseError
from gateway.intake.redact import Policy, redact, redact_json, redact_name
from tests.intake.marked import AMEX, ID, ID_X, MASTER, UNION_19, VISA, VISA_13, grouped
from tests.intake.test_redact_lookalikes import AROUND_CODES, AROUND_PASSWORDS, NUMBERS
from tests.intake.test_redact_words import CODES, CVVS, PASSWORDS
from tests.scan.planted import Maker
from tests.scan.search import digits_only

PLACEHOLDER = re.compile(r"\[(?:card \*{4}(\d{4})|id-card|code|password|cvv|phone|mail)\]")

WORDS = [
    *(
        "验证码",
        "驗證碼",
        "安全码",
        "密码",
        "支付密码",
        "口令",
        "code",
        "otp",
        "cvv",
        "password",
        "pin",
    ),
    *(
        "pwd",
        "error",
        "order",
        "订单号",
        "尾号",
        "is",
        "was",
        "是",
        "为",
        "没收到",
        "and",
        "和",
        "to",
    ),
    *(
        "the",
        "my",
        "G-",
        "card",
        "有效期",
        "12/28",
        "reset",
        "忘记",
        "元",
        "次",
        "位",
        "背面三位",
        "İ",
        "credentials: ",
        "token",
        "to verify",
        "use ",
        "短信显示",
        "这个码",
        "@x.example",
        "+86 ",
    ),
]
NUMBERS_OF_ALL_KINDS = [
    *(VISA, VISA_13, MASTER, AMEX, UNION_19, ID, ID_X, grouped(VISA, 4), grouped(UNION_19, 4)),
    *("123456", "1234", "123", "654321", "88776655", "261122-483920", "13800138000", "0366"),
    *("abc123", "hunter2", "Zhang@2020", "１２３４", "٤٥٦", "①", "²"),
]
MARKS = [
    *(
        " ",
        "  ",
        "\n",
        "\n> ",
        "-",
        ".",
        ",",
        "，",
        "。",
        ":",
        "：",
        "=",
        "(",
        ")",
        "[",
        "]",
        "/",
        "_",
    ),
    *(
        "*",
        "****",
        "\0",
        "　",
        "\u200b",
        "[code]",
        "[card ****1234]",
        "[password]",
        "x",
        "X",
        '"',
        "“",
    ),
]
mixtures = st.lists(
    st.one_of(
        st.sampled_from(WORDS),
        st.sampled_from(NUMBERS_OF_ALL_KINDS),
        st.sampled_from(MARKS),
        st.from_regex(r"[0-9]{1,20}", fullmatch=True),
        st.text(max_size=4),
    ),
    max_size=14,
).map("".join)
contexts = st.sampled_from(
    ["", "请回复验证码", "请提供订单号，不要发验证码", "the password?", "CVV?", "error code?"]
)


policies = st.builds(Policy, st.booleans(), st.booleans(), st.booleans())


@settings(max_examples=800, deadline=None)
@given(mixtures, contexts, policies, st.booleans())
def test_redacting_twice_is_redacting_once(text, context, policy, alone):
    once = redact(text, context, policy, alone=alone)
    twice = redact(once.text, context, policy, alone=alone)
    assert twice.text == once.text
    assert twice.redactions == ()


@settings(max_examples=800, deadline=None)
@given(mixtures, contexts)
def test_the_places_are_those_of_what_was_removed(text, context):
    result = redact(text, context)
    kept, at, rest = [], 0, result.text
    for taken in result.redactions:
        assert at <= taken.start < taken.end <= len(text)
        kept.append(text[at : taken.start])
        at = taken.end
    kept.append(text[at:])
    for piece, taken in zip(kept, result.redactions, strict=False):
        assert rest.startswith(piece)
        placeholder = PLACEHOLDER.match(rest, len(piece))
        assert placeholder
        if taken.kind == "card":
            digits = [c for c in text[taken.start : taken.end] if c.isdigit()]
            assert placeholder[1] == "".join(str(_digit(c)) for c in digits[-4:])
        else:
            assert placeholder[0] == {"id_card": "[id-card]"}.get(taken.kind, f"[{taken.kind}]")
        rest = rest[placeholder.end() :]
    assert rest == kept[-1]


def _digit(char):
    import unicodedata

    return unicodedata.digit(char)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_bearable(text):
    once = redact(text).text
    assert redact(once).text == once


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([VISA, MASTER, AMEX, UNION_19, ID, ID_X]),
    st.sampled_from(["", " ", "卡号", "：", "card ", "\n", "。", "（"]),
    st.sampled_from(["", " ", "，谢谢", ".", "\n", " thanks", "）", "!"]),
    st.text(alphabet=st.characters(categories=["Lo", "Po"]), max_size=20),
)
def test_a_valid_number_never_survives_in_any_surroundings(number, before, after, around):
    assert number not in redact(around + before + number + after + around).text


PARTED_BY = [
    "",
    " ",
    "  ",
    "-",
    ".",
    "_",
    " - ",
    "\u00a0",
    "\u2009",
    "\u200b",
    "–",
    "－",
    "·",
    "\n",
    "\n> ",
]
SCRIPTS = ["0123456789", "０１２３４５６７８９", "٠١٢٣٤٥٦٧٨٩", "०१२३४५६७८९", "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗"]


@settings(max_examples=1000, deadline=None)
@given(
    st.integers(0, 10**6),
    st.sampled_from(["card", "id_card"]),
    st.sampled_from([1, 2, 4, 8]),
    st.sampled_from(PARTED_BY),
    st.sampled_from(SCRIPTS),
    st.sampled_from(["", "卡号", "my card: ", "（", "\n"]),
    st.sampled_from(["", "。", " thanks", "）", "\n"]),
)
def test_a_valid_number_never_survives_however_it_is_parted(
    seed, kind, size, by, digits, before, after
):
    number = getattr(Maker(seed), kind)()
    written = grouped(number, size, by=by).translate(str.maketrans("0123456789", digits))
    clean = redact(before + written + after).text
    assert number not in digits_only(clean)
    assert written not in clean


# ---------------------------------------------------------------- time

DIGITS = [
    *(
        "1",
        "4",
        "0",
        "62",
        "4 ",
        "6 ",
        "1 9 ",
        "41 ",
        "411 ",
        "4-",
        "4111 ",
        "4111-",
        "41111 ",
        "4\n",
    ),
    *("4    ", VISA[:-1] + " ", VISA + " ", VISA, UNION_19 + "\n", ID + " ", ID[:-1] + "x"),
    *("1" * 12 + " ", "1 " * 12 + "a", "1999 0101 ", "110101 19900307 ", "6222 123 ", "1２", "٤ "),
    *("① ", "123456 ", "1234 "),
]
WORDY = [
    *(
        "password a1b2c3 ",
        "a1b2c3d4 password ",
        "credentials a/",
        "use 1234 to ",
        "1234 to verify ",
    ),
    *(
        "exp 12/28 123 ",
        "背面数字",
        "密码a1b2c3",
        "收到的码",
        "number on the back of my ",
        "123 cvv ",
    ),
    *("验证码", "验证码1234567890 ", "验证码 没 123456", "code ", "code is ", "123456是", "背面"),
    *(
        "密码",
        "密码是",
        "password ",
        "password is ",
        "pwd=",
        ".pwd.",
        "pass:pass:",
        "is is is ",
        "cvv ",
    ),
    *("[card ****1234]", "[", "\0", " ", "\n", "a", "a1", "码", "12/28 123 "),
]


def seconds(part, length):
    text = (part * (length // len(part) + 1))[:length]
    begun = time.process_time()
    redact(text, "请回复验证码", Policy(phones=True, mail_addresses=True))
    return time.process_time() - begun


def read_in_time(part):
    """Whether a text four times as long takes about four times as long, and no text takes more than
    three times what the slowest one needs on an idle machine; by processor time."""
    took = seconds(part, 100_000)
    return took < 2.0 and took < 10 * max(seconds(part, 25_000), 0.005)


@pytest.mark.parametrize("part", DIGITS + WORDY)
def test_a_text_made_to_be_slow_takes_time_in_proportion_to_its_length(part):
    # Four times when linear, sixteen when quadratic; other work on the machine only adds, so one
    # good measurement of three is proof.
    assert any(read_in_time(part) for _ in range(3))


def test_ordinary_messages_are_fast():
    """Small bodies are redacted in the process that acknowledges."""
    ordinary = (
        "您好，昨天提现的一笔钱到现在还没有到账，银行说没有收到，请帮忙查一下是怎么回事。" * 7
    )
    numbered = ordinary[:260] + "订单261122-483920，金额500元，热线95188。"
    for text, idle in ((ordinary, 5e-6), (numbered, 45e-6)):
        best = min(_seconds(text) for _ in range(50))
        assert best < idle * 5, f"{best * 1e6:.1f} µs"


def _seconds(text):
    begun = time.process_time()
    for _ in range(20):
        redact(text)
    return (time.process_time() - begun) / 20


# ---------------------------------------------------------------- structures and names


def test_every_text_key_and_number_of_a_structure_is_redacted():
    value = {
        "text": f"卡号 {VISA}",
        "list": [f"{ID}", {"deep": "验证码 123456"}, 5, 1.5, None, True],
        f"key {VISA}": "x",
        "number": int(VISA),
        "float": float(MASTER),
        "id": 1745678901234567890,
        "amount": 4111111111111111.5,
        "small": 123456,
    }
    clean = redact_json(value)
    assert clean == {
        "text": "卡号 [card ****1111]",
        "list": ["[id-card]", {"deep": "验证码 [code]"}, 5, 1.5, None, True],
        "key [card ****1111]": "x",
        "number": "[card ****1111]",
        "float": "[card ****4444]",
        "id": 1745678901234567890,
        "amount": 4111111111111111.5,
        "small": 123456,
    }
    assert redact_json(clean) == clean


def test_a_field_named_after_a_secret_is_redacted_whatever_it_holds():
    value = {
        "password": "x",
        "payment_password": 123456,
        "CVV": "123",
        "验证码": "9",
        "otp": {"value": "kept, it is no text"},
        "code": "HTTP_200",
        "pwd": "",
        "passcode": None,
    }
    assert redact_json(value) == {
        "password": "[password]",
        "payment_password": "[password]",
        "CVV": "[cvv]",
        "验证码": "[code]",
        "otp": {"value": "kept, it is no text"},
        "code": "HTTP_200",
        "pwd": "",
        "passcode": None,
    }


def test_two_keys_that_become_alike_keep_both_values():
    other = VISA[:6] + VISA[6:]
    clean = redact_json({VISA: 1, grouped(other, 4): 2})
    assert sorted(clean.values()) == [1, 2]
    assert not any(VISA in key for key in clean)


def test_a_text_in_a_structure_is_read_with_the_question_before_it():
    assert redact_json({"text": "482913"}, "请回复验证码") == {"text": "[code]"}
    assert redact_json({"text": "482913"}) == {"text": "482913"}


def test_a_structure_nested_beyond_reason_is_refused():
    deep = "x"
    for _ in range(150):
        deep = [deep]
    with pytest.raises(ParseError, match="nested"):
        redact_json(deep)


@settings(max_examples=300, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | mixtures,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(mixtures, inner, max_size=3),
        max_leaves=12,
    )
)
def test_any_structure_stays_json_and_is_redacted_once(value):
    once = redact_json(value)
    json.dumps(once)
    assert redact_json(once) == once


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("photo.jpg", "photo.jpg"),
        ("IMG_20261122_103055.jpg", "IMG_20261122_103055.jpg"),
        ("微信图片_20261122103055.png", "微信图片_20261122103055.png"),
        (f"{UNION_19}.jpg", f"[card {UNION_19[-4:]}].jpg"),
        (f"{grouped(VISA, 4, by='_')}.pdf", "[card 1111].pdf"),
        (f"身份证{ID}正面.jpg", "身份证[id-card]正面.jpg"),
        (f"{ID_X}.jpeg", "[id-card].jpeg"),
        ("密码123456.txt", "密码[password].txt"),
        (f"bankcard{VISA}", "bankcard[card 1111]"),
        (f"a.{VISA}", "a.[card 1111]"),
        ("", ""),
        (".", "."),
        (".profile", ".profile"),
    ],
)
def test_a_file_name_loses_its_secrets_and_keeps_its_type(name, clean):
    assert redact_name(name) == clean
    assert redact_name(clean) == clean


def test_the_tables_are_large_enough_to_mean_something():
    assert len(CODES + PASSWORDS + CVVS) > 100
    assert len(NUMBERS + AROUND_CODES + AROUND_PASSWORDS) > 150
