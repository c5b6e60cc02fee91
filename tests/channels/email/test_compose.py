"""The bytes of an outgoing message, read back with the standard library."""

import email
from email.message import Message
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels._sim_letters import read
from channels.email.compose import compose, own_message_id, subject_of
from channels.email.settings import EmailSettings
from gateway.domain.model import Attachment
from gateway.testing.builders import outbound as build

SETTINGS = EmailSettings(
    address="support@pay.example", from_name="PAY Support", from_name_zh="PAY 客服"
)


def message(files: tuple[bytes, ...] = (), **changes: Any) -> bytes:
    values = {"to": "anna@mail.example", "message_id": "<m1@pay.example>", "number": ""} | changes
    return compose(build(**values), SETTINGS, files, loop_mark="mark", now=1_767_225_600.0)


def parsed(**changes: Any) -> Message:
    return email.message_from_bytes(message(**changes))


def test_a_chinese_answer_reads_as_it_was_written() -> None:
    answer = read(
        message(text="您好，\n您的充值将在 2 小时内到账。", subject="充值没到账", language="zh-CN")
    )
    assert answer.text == "您好，\n您的充值将在 2 小时内到账。"
    assert answer.subject == "充值没到账"
    assert answer.sender == "PAY 客服 <support@pay.example>"


def test_an_ascii_answer_goes_as_it_is() -> None:
    raw = message(text="Your request\nhas been received.", subject="Hello")
    assert b"\r\n\r\nYour request\r\nhas been received." in raw
    assert b'charset="us-ascii"' in raw


def test_every_try_makes_the_same_bytes() -> None:
    assert message(text="您好", attempt=1) == message(text="您好", attempt=2)


def test_automatic_mail_says_so_and_carries_our_mark() -> None:
    headers = parsed(automatic=True)
    assert headers["Auto-Submitted"] == "auto-replied"
    assert headers["X-Auto-Response-Suppress"] == "All"
    assert headers["X-Gateway-Loop"] == "mark"
    assert headers["Precedence"] is None


def test_an_agents_mail_does_not() -> None:
    headers = parsed(automatic=False)
    assert headers["Auto-Submitted"] is None
    assert headers["X-Gateway-Loop"] is None


def test_an_answer_stands_in_the_customers_thread() -> None:
    headers = parsed(
        reply_to={"message_id": "<c2@x>", "references": ["<c1@x>", "<m0@pay.example>", "<c2@x>"]}
    )
    assert headers["In-Reply-To"] == "<c2@x>"
    assert headers["References"].split() == ["<c1@x>", "<m0@pay.example>", "<c2@x>"]


def test_what_the_core_says_of_the_thread_goes_before_what_the_mail_said() -> None:
    headers = parsed(
        in_reply_to="c9@x", references=("<c1@x>", "<c8@x>"), reply_to={"message_id": "<other@x>"}
    )
    assert headers["In-Reply-To"] == "<c9@x>"
    assert headers["References"].split() == ["<c1@x>", "<c8@x>", "<c9@x>"]


def test_long_references_keep_the_first_and_the_last_and_are_folded() -> None:
    ids = tuple(f"<{n:03}-{'x' * 100}@mail.example>" for n in range(100))
    raw = message(references=ids, in_reply_to=ids[-1])
    kept = email.message_from_bytes(raw)["References"].split()
    assert kept[0] == ids[0]
    assert kept[1:] == list(ids[-20:])
    assert max(len(line) for line in raw.split(b"\r\n")) < 998


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"subject": "Hello", "reply_to": {"message_id": "<a@b>"}}, "Re: Hello"),
        ({"subject": "Re: Hello", "reply_to": {"message_id": "<a@b>"}}, "Re: Hello"),
        ({"subject": "RE：Hello", "in_reply_to": "<a@b>"}, "RE：Hello"),
        ({"subject": "回复：充值", "in_reply_to": "<a@b>"}, "回复：充值"),
        ({"subject": "Hello"}, "Hello"),
        ({"reply_to": {"subject": "充值", "message_id": ""}}, "Re: 充值"),
        ({"subject": "Hello", "number": "R-7"}, "Hello [#R-7]"),
        (
            {"subject": "Re: Hello [#R-7]", "number": "R-7", "in_reply_to": "<a@b>"},
            "Re: Hello [#R-7]",
        ),
        ({"in_reply_to": "<a@b>", "language": "zh-CN"}, "Re: 您的来信"),
        ({"in_reply_to": "<a@b>"}, "Re: Your message"),
    ],
)
def test_the_subject_has_re_and_the_number_once(changes: dict[str, Any], expected: str) -> None:
    assert subject_of(build(**({"number": ""} | changes))) == expected


def test_a_long_chinese_subject_is_folded_between_characters() -> None:
    subject = "充值没有到账，请尽快帮我处理一下，非常着急。" * 6
    raw = message(subject=subject)
    head = raw.split(b"\r\n\r\n")[0]
    assert max(len(line) for line in head.split(b"\r\n")) <= 78
    assert read(raw).subject == subject


def test_without_a_stored_id_one_follows_from_our_own() -> None:
    assert own_message_id(build(id="o-1", message_id=""), SETTINGS) == "<o-1@pay.example>"
    assert own_message_id(build(message_id="a@b"), SETTINGS) == "<a@b>"


def test_a_files_name_cannot_leave_its_place() -> None:
    files = (
        Attachment('../../e"vil\r\nX: y.exe', "text/x\r\nBcc: z", 1),
        Attachment("", "image/png", 1),
    )
    message_ = email.message_from_bytes(message((b"a", b"b"), attachments=files))
    _, first, second = message_.get_payload()  # type: ignore[misc]  # it is a multipart
    assert first.get_filename() == ".._.._e'vil X: y.exe"
    assert first.get_content_type() == "application/octet-stream"
    assert first["X"] is None
    assert first["Bcc"] is None
    assert second.get_filename() == "file"
    assert second.get_payload(decode=True) == b"b"


_WICKED = st.text(st.characters(codec=None), max_size=60) | st.sampled_from(
    [
        "x\r\nBcc: evil@x.example",
        "x\nBcc: evil@x.example\n\nbody",
        "\u2028Bcc: e@x",
        "=?utf-8?q?a=0D=0AB:_c?=",
    ]
)


@given(subject=_WICKED, number=_WICKED, reference=_WICKED, text=_WICKED, language=_WICKED)
def test_nothing_a_customer_writes_becomes_a_header(
    subject: str, number: str, reference: str, text: str, language: str
) -> None:
    raw = message(
        subject=subject,
        number=number,
        in_reply_to=reference,
        references=(reference, "<ok@x>"),
        text=text,
        language=language,
        message_id=reference,
        reply_to={"subject": subject, "references": [reference], "message_id": reference},
    )
    allowed = {
        *("from", "to", "subject", "date", "message-id", "in-reply-to", "references"),
        *("auto-submitted", "x-auto-response-suppress", "x-gateway-loop"),
        *("mime-version", "content-type", "content-transfer-encoding"),
    }
    names = [name.lower() for name, _ in email.message_from_bytes(raw).items()]
    assert set(names) <= allowed
    assert len(names) == len(set(names))
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert all(len(line) < 998 for line in raw.split(b"\r\n"))
