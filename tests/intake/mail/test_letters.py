"""Every mail of the collection is read as it must be."""

import pytest

from gateway.domain.channel import RawMail
from gateway.intake.mail import read_mail
from gateway.intake.mail.visible import visible_reply
from tests.intake.mail.letters import (
    ANSWER,
    BOUNCES,
    CHARSETS,
    CLASSES,
    MARK,
    OWN,
    REPLIES,
    STRUCTURE,
    Letter,
    mail,
)

ALL = [*CHARSETS, *STRUCTURE, *CLASSES, *BOUNCES]


@pytest.mark.parametrize("letter", ALL, ids=lambda letter: letter.name)
def test_a_letter_is_read_as_expected(letter: Letter) -> None:
    envelope = "anna@mail.example" if letter.envelope is None else letter.envelope
    raw = RawMail(letter.raw, envelope, ("support@pay.example",), 0.0)
    read = read_mail(raw, own_addresses=OWN, loop_marks=frozenset({MARK}))
    assert (read.mail_class, read.sender) == (letter.kind, letter.sender)
    if letter.reason:
        assert read.class_reason == letter.reason
    if letter.visible is not None:
        assert read.visible == letter.visible
    if letter.subject is not None:
        assert read.subject == letter.subject
    if letter.sender_name is not None:
        assert read.name == letter.sender_name
    if letter.visible is not None or letter.files:
        assert tuple((f.name, f.content_type, f.size) for f in read.attachments) == letter.files
        assert all(f.data is not None and len(f.data) == f.size for f in read.attachments)
    for piece in letter.has:
        assert piece in read.text
    report = read.bounce or read.receipt
    if letter.recipients is not None:
        assert report is not None
        assert report.recipients == letter.recipients
    if report is not None:
        assert report.message_id == letter.about
    if read.bounce is not None:
        assert (read.bounce.status, read.bounce.permanent) == (letter.status, letter.permanent)


@pytest.mark.parametrize(("name", "text"), REPLIES, ids=[name for name, _ in REPLIES])
def test_the_visible_reply_is_what_was_written_this_time(name: str, text: str) -> None:
    shown = visible_reply(text, "Re: Top-up")
    if name == "NetEase Mail Master":  # its card of name and address is a table, not a signature
        assert shown.startswith(ANSWER)
        assert "旧的" not in shown
    elif name == "Foxmail":  # the address line above the header block is the person's own
        assert shown == f"{ANSWER}\n\nanna@mail.example"
    else:
        assert shown == ANSWER


@pytest.mark.parametrize(
    "text",
    [
        "从昨天开始手机收不到验证码",
        "来自手机银行的扣款是怎么回事？",
        "On Monday I paid 300.\nI wrote: nothing arrived.",
        "发件人是谁？\n收件人是我。",
        "我3月5日 12:30 给你们写道歉信了吗？没有。",
        "-----\n订单号 12345\n-----",
        "Sent from my bank account: 300 USD",
        "Regards to the refund: when does it come?",
        "From: where does this charge come?\nPlease tell me.",
        "Thanks,\nmy order is 123",
        "在 2026-01-05 12:00 我充值了 100 元，没到账",
    ],
)
def test_a_sentence_that_looks_like_a_quote_is_kept(text: str) -> None:
    assert visible_reply(text) == text


def test_answers_between_the_quoted_lines_are_kept() -> None:
    text = (
        "Hello,\n\nOn Mon, 5 Jan 2026 at 10:00, PAY <support@pay.example> wrote:\n"
        "> Which card?\n\nThe blue one.\n\n> When?\n\nYesterday.\n"
    )
    assert visible_reply(text) == "Hello,\n\nThe blue one.\n\nYesterday."


def test_a_first_line_with_a_date_is_not_taken_for_the_attribution() -> None:
    text = '我2026年1月5日充值没有到账\n在 2026-01-06 10:00:05，"PAY" <support@pay.example> 写道：\n旧的\n'
    assert visible_reply(text) == "我2026年1月5日充值没有到账"


def test_a_forwarded_message_is_what_the_customer_wants_to_show() -> None:
    text = "请看\n\n---------- Forwarded message ---------\nFrom: Bank <b@bank.example>\nDate: Mon\nSubject: Charge\nTo: anna\n\nYou were charged.\n"
    assert "You were charged." in visible_reply(text)
    assert "charged" in visible_reply(
        "发件人: 银行\n发送时间: 1\n收件人: a\n主题: b\n\ncharged", "转发: 扣款"
    )


def test_a_mail_that_is_nothing_but_a_quote_is_not_made_empty() -> None:
    assert visible_reply("> only\n> quoted") == "> only\n> quoted"


def test_an_html_quote_without_an_answer_before_it_keeps_what_follows() -> None:
    html = f'<blockquote type="cite">old</blockquote><p>{ANSWER}</p>'
    read = read_mail(RawMail(mail(html, kind="text/html"), "a@b.c", (), 0.0))
    assert ANSWER in read.visible
