"""A bounded sample of the damaged mails; all of them: `python -m tests.fuzz mails --count 5000`."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.intake.mail.charset import decode_header, decode_text
from gateway.intake.mail.html import QUOTE_BEGIN, QUOTE_END, QUOTE_MARK, html_to_text, storable_html
from gateway.intake.mail.rtf import decompress, rtf_text
from gateway.intake.mail.tnef import read_tnef
from gateway.intake.mail.visible import visible_reply
from tests.fuzz.mails import GROWTH, SECONDS, must_hold, run, samples
from tests.fuzz.mutate import Mutator
from tests.intake.mail.collected import FILES

CHARSETS = [
    "",
    "utf-8",
    "gb2312",
    "big5",
    "hz",
    "utf-7",
    "utf-16",
    "iso-2022-jp",
    "iso-8859-1",
    "x",
]
LINES = st.sampled_from(
    [
        *("On Mon, 5 Jan 2026 at 10:00, PAY <a@b.example> wrote:", "> quoted", "answer", ""),
        *(
            "在 2026-01-05 10:00，PAY <a@b.example> 写道：",
            "发件人: PAY",
            "收件人: anna",
            "主题: x",
        ),
        *(
            "-- ",
            "--",
            "发自我的iPhone",
            "From: PAY",
            "Sent: Monday",
            "Subject: x",
            "-----原始邮件-----",
        ),
        *(QUOTE_MARK, QUOTE_BEGIN, QUOTE_END, "| |", "---- 回复的原邮件 ----", "此致", "敬礼", " "),
        "---------- Forwarded message ---------",
    ]
)


@pytest.mark.timeout(180)
def test_damaged_mails_are_read_or_refused_quickly_and_in_bounded_memory() -> None:
    found = run(count=150, seed=7)
    assert found.failures == []
    assert found.mails == 150
    assert found.slowest <= SECONDS, f"mail {found.slowest_index}"
    assert found.growth <= GROWTH


def test_the_same_seed_gives_the_same_mails() -> None:
    one, other = Mutator(samples(), 3), Mutator(samples(), 3)
    other.mail(1)
    assert one.mail(5) == other.mail(5)
    assert one.mail(5) != Mutator(samples(), 4).mail(5)


def test_what_must_hold_notices_a_mail_that_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.intake.mail.reading.visible_reply", lambda *_: "")
    with pytest.raises(AssertionError, match="visible reply lost"):
        must_hold(samples()[0])


@settings(max_examples=300, deadline=None)
@given(st.lists(LINES | st.text(max_size=30), max_size=25).map("\n".join), st.text(max_size=20))
def test_a_visible_reply_is_never_empty_and_adds_nothing(text: str, subject: str) -> None:
    shown = visible_reply(text, subject)
    bare = "".join(text.split()).translate(
        {ord(c): None for c in QUOTE_MARK + QUOTE_BEGIN + QUOTE_END}
    )
    assert bool(shown.strip()) == bool(bare)
    left = iter(bare)
    assert all(char in left for char in "".join(shown.split())), "in another order, or new"


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(CHARSETS))
def test_bytes_of_any_declared_charset_become_clean_text(raw: bytes, declared: str) -> None:
    for text in (
        decode_text(raw, declared),
        decode_header(b"=?%s?q?%s?=" % (declared.encode(), raw)),
    ):
        text.encode()
        assert not {"\0", "\r", "\x1b"} & {*text}


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["<div hidden>", "</div>", "<a href=javascript:x>", "<script>", "<style>", ".a{display:none}", "x", "<table>", "<td>", "&lt;script&gt;", "<!--", "-->", "<blockquote type=cite>", "<p style='font-size:0'>"])
    | st.text(max_size=8), max_size=20).map("".join))  # fmt: skip
def test_any_html_becomes_text_and_harmless_html(html: str) -> None:
    html_to_text(html).encode("utf-8", "replace")
    safe = storable_html(html).lower()
    assert "<script" not in safe
    assert 'href="javascript' not in safe
    assert "style=" not in safe.replace("&lt;", "")


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(sorted(FILES)),
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=8),
    st.integers(0, 2000),
)
def test_a_damaged_winmail_dat_is_read_as_far_as_it_goes(
    name: str, changes: list[tuple[int, int]], length: int
) -> None:
    data = bytearray(FILES[name]())
    for at, byte in changes:
        data[at % len(data)] = byte
    found = read_tnef(bytes(data[:length]))
    rtf_text(decompress(found.rtf))
    rtf_text(bytes(data))
