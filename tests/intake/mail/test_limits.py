"""Hostile and broken mail: refused with one line or read, quickly, and never anything else."""

import dataclasses
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.channel import RawMail
from gateway.domain.errors import ParseError
from gateway.intake.mail import Mail, read_mail, to_event, without_envelope
from gateway.intake.mail import reading as module
from gateway.intake.mail.tnef import read_tnef
from tests.intake.mail import tnef_file as made
from tests.intake.mail.letters import BOUNCES, CHARSETS, CLASSES, STRUCTURE, mail, parts, text

HEAD = b"From: a@b.cn\nSubject: x\n"
HTML = HEAD + b"Content-Type: text/html\n\n"
MIXED = HEAD + b'Content-Type: multipart/mixed; boundary="b"\n\n'


def read(data: bytes) -> Mail:
    return read_mail(RawMail(data, "a@b.cn", ("support@pay.example",), 0.0))


def nested(depth: int) -> bytes:
    opened = b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (n, n) for n in range(depth)
    )
    return HEAD + opened + b"Content-Type: text/plain\n\nhi\n"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (nested(2000), "nested deeper than 30"),
        (HEAD + b"Content-Type: message/rfc822\n\n" * 2000, "nested deeper than 30"),
        (MIXED + b"--b\n\nhi\n" * 2000 + b"--b--\n", "more than 500 parts"),
        (b"a: b\n" * 3000 + b"\nhi", "more than 2000 header fields"),
        (b"a: b\n" + b" c\n" * 600_000 + b"\nhi", "a header of more than 1024 kB"),
        (b"", "no header and no text"),
        (b"\r\n\r\n", "no header and no text"),
        (b"\0\0", "no header and no text"),
    ],
    ids=[
        "2,000 deep",
        "2,000 mails in mails",
        "2,000 parts",
        "fields",
        "folds",
        "empty",
        "blank",
        "NUL",
    ],
)
def test_what_passes_a_limit_is_refused_with_one_line(data: bytes, says: str) -> None:
    started = time.perf_counter()
    with pytest.raises(ParseError, match=says) as refused:
        read(data)
    assert "\n" not in str(refused.value)
    assert time.perf_counter() - started < 2


def test_the_limits_themselves_are_allowed() -> None:
    assert read(nested(30)).text == "hi"
    many = read(MIXED + b"--b\n\nhi\n" * 499 + b"--b--\n")
    assert many.text.count("hi") == 499


def test_a_mail_larger_than_any_listener_takes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_MAIL", 100)
    with pytest.raises(ParseError, match="larger than"):
        read(mail("x" * 200))


HOSTILE: dict[str, bytes] = {
    "quotes in From": b"From: " + b'"' * 500_000 + b"\n\nx",
    "commas in From": b"From: " + b"a," * 300_000 + b"\n\nx",
    "brackets in From": b"From: " + b"(<" * 300_000 + b"\n\nx",
    "parameters": b"Content-Type: text/plain" + b';a="' * 200_000 + b"\n\nx",
    "sections": b"Content-Type: text/plain" + b"; a*0*=%41" * 20_000 + b"\n\nx",
    "encoded words": b"Subject: " + b"=?gbk?Q?" * 90_000 + b"\n\nx",
    "blanks": HEAD + b"\n" + b" " * 3_000_000,
    "line ends": HEAD + b"\nx" + b"\n" * 3_000_000 + b"x",
    "angle marks": HEAD + b"\n" + b">" * 3_000_000,
    "dashes": HEAD + b"\n" + b"-" * 3_000_000,
    "On …": HEAD + b"\n" + b"On 1:11 \n" * 300_000 + b"wrote",
    "On … one line": HEAD + b"\n" + b"On 1:11 " * 300_000 + b"wrote",
    "写": HEAD + "\n在 2026-01-05 写\n".encode() * 100_000,
    "schrieb": HEAD + b"\n" + b"Am 1:11\n" * 100_000 + b"schrieb",
    "header blocks": HEAD + b"\n" + b"From: x\nTo: x\n\n" * 100_000,
    "closings": HEAD + b"\nhi\n" + b"regards\n" * 100_000 + b"x?",
    "divs": HTML + b"<div>" * 100_000,
    "tables": HTML + b"<table><tr><td>" * 30_000,
    "lists": HTML + b"<ul><li>x" * 50_000,
    "open tags": HTML + b"<div " * 200_000,
    "quote divs": HTML + b"<div class=gmail_quote>" * 30_000,
    "high bytes": HEAD + b"\n" + bytes(range(128, 256)) * 10_000,
    "broken utf-8": HEAD + b"Content-Type: text/plain; charset=utf-8\n\n" + b"\xff\xc3" * 500_000,
    "boundary-like": MIXED + b"--bx" * 1_000_000,
    "addresses": b"From: postmaster@x\nSubject: undeliverable\n\n" + b"to a@b.c " * 100_000,
    "long address": b"From: postmaster@x\nSubject: undeliverable\n\n" + b"a" * 9**5 + b"@" + b"a.-" * 999,
    "ids": HEAD + b"References: " + b"<" * 500_000 + b"\n\nx",
    "date": b"Date: " + b"1 " * 200_000 + b"\n\nx",
    "long words in From": b"From: " + b"a" * 800_000 + b"\n\nx",
    "lines of 300": HEAD + b"\n" + (b"1:1 " * 74 + b"\n") * 2000 + b"schrieb wrote",
    "signatures": HEAD + b"\nhi\n" + b"--\n" * 100_000,
    "parts of other charsets": MIXED + (b"--b\n\n" + bytes(range(160, 256)) * 10 + b"\n") * 490,
    "status": MIXED + b"--b\nContent-Type: message/delivery-status\n\n" + b"a: b\n\n" * 100_000,
}  # fmt: skip


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_no_input_makes_reading_slow(data: bytes) -> None:
    """Each is a case of catastrophic backtracking or copying somewhere, were it written carelessly:
    then it takes minutes, not parts of a second."""
    started = time.process_time()
    read(data)
    assert time.process_time() - started < 2


def strings(value: Any) -> Iterator[str]:
    """Every string in a result, however deep."""
    if isinstance(value, str):
        yield value
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from strings(getattr(value, field.name))
    elif isinstance(value, dict):
        yield from strings(list(value.keys()))
        yield from strings(list(value.values()))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from strings(item)


def must_be_clean(data: bytes) -> None:
    raw = RawMail(data, "a@b.cn", ("support@pay.example",), 0.0)
    try:
        letter = read_mail(raw, own_addresses=frozenset({"support@pay.example"}))
        event = to_event(letter, without_envelope(data))
    except ParseError:
        return
    for found in strings([letter, event]):
        found.encode()  # raises for a lone surrogate
        assert "\0" not in found
        assert "\r" not in found


SAMPLES = [letter.raw for letter in (*CHARSETS, *STRUCTURE, *CLASSES, *BOUNCES)]
PIECES = st.sampled_from(
    [
        *(
            b"\n",
            b"\r\n",
            b"\n\n",
            b"--b",
            b"--b--",
            b": ",
            b";",
            b"=",
            b'"',
            b"<",
            b">",
            b"@",
            b"\0",
        ),
        *(
            b"From",
            b"Subject: =?utf-7?B?",
            b"=?gbk?Q?=ff?=",
            b"+2AA-",
            b"\xed\xa0\x80",
            b"\xff\xfe",
        ),
        b'Content-Type: multipart/mixed; boundary="b"\n\n',
        b"Content-Type: text/plain; charset=utf-7\n\n+2ADYAA-",
        b"Content-Type: text/plain; charset=utf-16\n\n",
        b"Content-Type: text/html\n\n<p>&#xD800;&#0;",
        b"Content-Type: message/delivery-status\n\n",
        b"Content-Disposition: attachment; filename*=utf-8''%ff%fe%00",
        b"Content-Transfer-Encoding: base64\n\n",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.binary(max_size=40) | PIECES, max_size=30).map(b"".join))
def test_arbitrary_bytes_are_read_or_refused_and_never_unclean(data: bytes) -> None:
    must_be_clean(data)


DAMAGE: list[Callable[[bytes, int], bytes]] = [
    lambda raw, at: raw[:at] + b"\xff" + raw[at + 1 :],
    lambda raw, at: raw[:at] + raw[at + 7 :],
    lambda raw, at: raw[:at] + raw[:50] + raw[at:],
    lambda raw, at: raw[:at] + b"\xed\xa0\x80\0" + raw[at:],
]


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(SAMPLES),
    st.lists(st.tuples(st.sampled_from(DAMAGE), st.integers(0, 2000)), min_size=1, max_size=8),
)
def test_a_damaged_mail_is_read_or_refused_and_never_unclean(
    raw: bytes, damages: list[tuple[Callable[[bytes, int], bytes], int]]
) -> None:
    for damage, at in damages:
        raw = damage(raw, at % (len(raw) + 1))
    must_be_clean(raw)


def test_an_attached_mail_is_kept_as_it_came() -> None:
    inner = b"Subject: Hello\r\n\r\nold\r\n"
    letter = read(parts(text("x"), b"Content-Type: message/rfc822\r\n\r\n" + inner))
    assert letter.attachments[0].data == inner.removesuffix(b"\r\n") + b"\r\n"


def test_half_a_character_in_a_forwarded_outlook_letter_loses_nothing() -> None:
    inner = made.tnef(made.message((0x102, 0x1009, made.rtf(rb"{\rtf1 half: \u-10179?}"))))
    carried = made.properties((0x0D, 0x3701, b"\0" * 16 + inner))
    found = read_tnef(
        made.tnef(made.attribute(2, 0x69002, b""), made.attribute(2, 0x69005, carried))
    )
    assert [file.data.decode() for file in found.files] == ["half: \N{REPLACEMENT CHARACTER}"]
