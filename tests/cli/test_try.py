"""`try`: one JSON answer a line, in order, whatever the lines are; nothing is stored."""

import asyncio
import base64
import json
import subprocess
from email.message import EmailMessage
from importlib import metadata
from urllib.parse import urlencode

import pytest
from twilio.request_validator import RequestValidator

from gateway.answers.answerer import build_answerer
from gateway.config import load, templates_dir
from gateway.office import desk_only
from tests.cli.processes import COMMAND, SECRET, answers, environment, signature
from tests.learnt import MODELS

NOW = 1_750_000_000
INSTALLED = ", ".join(sorted(metadata.entry_points(group="gateway.channels").names))
TEXT_FIELDS = {
    "id", "decision", "topic", "confidence", "top", "queue", "urgent", "language", "redactions",
    "text", "reply", "suggestion", "reason",
}  # fmt: skip
MAIL_FIELDS = {
    "id", "from", "from_name", "subject", "text", "visible_reply", "attachments", "is_auto_reply",
    "is_bounce", "class", "bounce", "language",
}  # fmt: skip


def batch(inside, what, lines, *words):
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    return answers(inside("try", what, "--jsonl", *words, stdin=f"{text}\n", check=True))


# ---------------------------------------------------------------- text


def test_texts_are_answered_in_order_and_bad_lines_hold_up_none(inside, tmp_path):
    lines = [
        {"id": "a", "text": "我忘记登录密码了，怎么办？"},
        "no json",
        "",
        '["a list"]',
        '{"text": "without an id"}',
        {"id": "b", "text": "Please close my account", "channel": "sms"},
        {"id": "c", "text": "x", "channel": "pigeon"},
        {"id": "d", "text": 5},
        {"id": "e"},
        {"id": 7, "text": "half a pair \ud83d and \u0000"},
    ]
    got = batch(inside, "text", lines)
    assert [one["id"] for one in got] == ["a", None, None, None, None, "b", "c", "d", "e", 7]
    assert [one["id"] for one in got if "error" in one] == [None, None, None, None, "c", "d", "e"]
    assert all(set(one) == {"id", "error"} for one in got if "error" in one)
    assert all(set(one) == TEXT_FIELDS for one in got if "error" not in one)
    assert f"installed: {INSTALLED}" in got[6]["error"]
    assert list(tmp_path.iterdir()) == []


def test_a_text_has_its_plan(inside):
    (got,) = batch(inside, "text", [{"id": 1, "text": "Someone unknown paid with my account!"}])
    assert got["decision"] == "escalate"
    assert (got["topic"], got["queue"], got["urgent"]) == ("unknown_transaction", "security", True)
    assert got["top"][0][0] == "unknown_transaction"
    assert got["language"] == "en"
    assert got["reply"]


def test_without_a_certificate_an_answer_is_only_suggested(inside):
    (got,) = batch(inside, "text", [{"id": 1, "text": "I forgot my login password"}])
    assert (got["decision"], got["reason"]) == ("suggest", "no_certificate")
    assert got["suggestion"]
    assert got["queue"]


def test_redactions_are_places_in_the_given_text(inside):
    text = "😀 我的卡号是 6222021234567890128，密码忘了"
    (got,) = batch(inside, "text", [{"id": 1, "text": text}])
    assert got["language"] == "zh-CN"
    found = [one for one in got["redactions"] if one["kind"] == "card"]
    assert [text[one["start"] : one["end"]] for one in found] == ["6222021234567890128"]
    assert "6222021234567890128" not in json.dumps(got)
    assert "****0128" in got["text"]


def test_the_channel_chooses_the_form_of_the_reply(inside):
    text = "I forgot my login password"
    long, short = batch(
        inside, "text", [{"id": 1, "text": text}, {"id": 2, "text": text, "channel": "sms"}]
    )
    assert "\n" in long["reply"]
    assert "\n" not in short["reply"]
    assert len(short["suggestion"]) < len(long["suggestion"])


def test_every_answer_is_flushed_before_the_next_line_is_read(tmp_path):
    with subprocess.Popen(
        [*COMMAND, "try", "text", "--jsonl"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=tmp_path, env=environment(),
    ) as process:  # fmt: skip
        for number in range(3):
            process.stdin.write(json.dumps({"id": number, "text": "hello"}).encode() + b"\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["id"] == number
        process.stdin.close()
        assert process.wait(10) == 0


def test_lines_that_are_not_utf8_get_their_error(inside):
    got = answers(inside("try", "text", "--jsonl", stdin=b'{"id":1,"text":"\xff"}\n', check=True))
    assert got == [{"id": None, "error": "the line is not UTF-8"}]


@pytest.mark.parametrize("words", [["hello there"], ["-"], []])
def test_one_text_comes_as_argument_or_on_standard_input(inside, words):
    done = inside("try", "text", *words, stdin="hello there", check=True)
    assert json.loads(done.stdout)["text"] == "hello there"


def test_an_unknown_channel_of_one_text_is_a_wrong_setting(inside):
    done = inside("try", "text", "hello", "--channel", "pigeon")
    assert done.returncode == 2
    assert f"installed: {INSTALLED}" in done.stderr


def test_certificates_of_a_data_directory_are_used_and_nothing_is_written_there(inside, made):
    config = load(None, made)
    row = {
        "id": "c1", "scope": "*/*/normal", "alpha": 0.05, "delta": 0.1, "threshold": 0.5,
        "answered": 100, "wrong": 0, "origin": "reviewed", "created_at": 1.0,
        "knowledge": build_answerer(
            templates_dir(), config.domain_brands(), models=MODELS
        ).version,
    }  # fmt: skip

    async def certify():
        async with desk_only(config) as office:
            await office.store.write(lambda tx: tx.run_many("certificates.add", [row]))

    asyncio.run(certify())
    before = {path.name: path.stat().st_mtime_ns for path in made.iterdir()}
    text = "I forgot my login password"
    (got,) = batch(inside, "text", [{"id": 1, "text": text}], "--data-dir", made)
    assert (got["decision"], got["topic"], got["queue"]) == ("answer", "password_reset", "")
    assert got["confidence"] >= 0.5
    assert {path.name: path.stat().st_mtime_ns for path in made.iterdir()} == before


# ---------------------------------------------------------------- mail


def letter(**headers) -> EmailMessage:
    mail = EmailMessage()
    given = {
        "From": "林 6222021234567890128 <lin@example.com>",
        "To": "support@pay.example",
        "Subject": "card 6222021234567890128",
        **headers,
    }
    for name, value in given.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(
        "My card is refused.\n\nOn Mon, Jan 5, 2026 at 10:00 AM Support <support@pay.example> wrote:\n> 6222021234567890128\n"
    )
    return mail


def line(number, mail: EmailMessage):
    return {"id": number, "raw_base64": base64.b64encode(mail.as_bytes()).decode()}


def test_mails_are_read_in_order_and_bad_ones_hold_up_none(inside, tmp_path):
    with_file = letter()
    with_file.add_attachment(b"12345", maintype="image", subtype="png", filename="shot.png")
    got = batch(
        inside,
        "mail",
        [
            line(1, with_file),
            {"id": 2, "raw_base64": "!"},
            {"id": 3},
            "x",
            line(4, letter(Auto_Submitted="auto-replied")),
        ],
    )
    assert [one["id"] for one in got] == [1, 2, 3, None, 4]
    assert [("error" in one) for one in got] == [False, True, True, True, False]
    first, last = got[0], got[-1]
    assert set(first) == set(last) == MAIL_FIELDS
    assert (first["from"], first["class"], first["language"]) == ("lin@example.com", "person", "en")
    assert first["visible_reply"] == "My card is refused."
    assert first["attachments"] == [{"name": "shot.png", "size": 5, "type": "image/png"}]
    assert (first["is_auto_reply"], first["is_bounce"], first["bounce"]) == (False, False, None)
    assert (last["is_auto_reply"], last["class"]) == (True, "auto_reply")
    assert "6222021234567890128" not in json.dumps(got)
    assert list(tmp_path.iterdir()) == []


def test_one_mail_comes_from_a_file(inside, tmp_path):
    (tmp_path / "letter.eml").write_bytes(letter().as_bytes())
    assert json.loads(inside("try", "mail", "letter.eml", check=True).stdout)["class"] == "person"
    missing = inside("try", "mail", "nowhere.eml")
    assert (missing.returncode, missing.stderr.count("\n")) == (1, 1)


def test_our_own_mail_is_a_loop_once_the_settings_say_who_we_are(inside, home):
    (got,) = batch(
        inside, "mail", [line(1, letter(From="support@pay.example"))], "--data-dir", home
    )
    assert got["class"] == "loop"


# ---------------------------------------------------------------- webhook


def http_call(number, body: bytes, **other):
    return {
        "id": number,
        "now": NOW,
        "kind": "http",
        "account": {"kind": "http", "brand": "demo", "secret": SECRET},
        "method": "POST",
        "url": "https://gateway.example/in/http/app",
        "headers": {"X-Gateway-Signature": signature(body, NOW)},
        "body_base64": base64.b64encode(body).decode(),
        **other,
    }


def sms_call(number, path, form):
    url = f"https://gateway.example/in/sms/main{path}"
    body = urlencode(form)
    return {
        "id": number,
        "now": NOW,
        "kind": "sms",
        "account": {"account_sid": "AC1", "auth_token": "t0ken", "from_number": "+14155550100"},
        "method": "POST",
        "url": url,
        "headers": {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Twilio-Signature": RequestValidator("t0ken").compute_signature(url, form),
        },
        "body_base64": base64.b64encode(body.encode()).decode(),
    }


MESSAGE = {
    "SmsMessageSid": "SM00000000000000000000000000000001", "NumMedia": "0",
    "MessageSid": "SM00000000000000000000000000000001", "AccountSid": "AC1",
    "From": "+14155550123", "To": "+14155550100",
    "Body": "card 6222021234567890128",
}  # fmt: skip


def test_calls_are_answered_as_the_route_would(inside, tmp_path):
    good = json.dumps(
        {"id": "m1", "sender": "u7", "name": "Lin", "text": "hello", "at": 5}
    ).encode()
    got = batch(
        inside,
        "webhook",
        [
            http_call(1, good),
            http_call(2, good, now=NOW + 3600),
            http_call(3, b"{"),
            http_call(4, good, kind="pigeon"),
            http_call(5, good, account={"secrt": "x"}),
            http_call(6, good, kind="email", account={"address": "support@pay.example"}),
            "x",
            http_call(7, good, body_base64="!"),
            http_call(8, good, headers=["x"]),
        ],
    )
    assert [one["id"] for one in got] == [1, 2, 3, 4, 5, 6, None, 7, 8]
    assert [one.get("status") for one in got] == [200, 403, 400, None, None, 405, None, None, None]
    assert got[0]["events"] == [
        {
            "type": "message", "external_id": "m1", "sender": "u7", "name": "Lin",
            "text": "hello", "attachments": [], "at": 5.0, "status": None,
        }
    ]  # fmt: skip
    assert got[1]["events"] == got[2]["events"] == []
    assert "did you mean" in got[4]["error"]
    assert list(tmp_path.iterdir()) == []


def test_a_twilio_message_and_its_receipt_are_understood(inside):
    receipt = {
        "MessageSid": "SM00000000000000000000000000000002", "MessageStatus": "delivered",
        "AccountSid": "AC1", "To": "+14155550123",
    }  # fmt: skip
    message, status, forged = batch(
        inside,
        "webhook",
        [
            sms_call(1, "", MESSAGE),
            sms_call(2, "/status", receipt),
            {**sms_call(3, "", MESSAGE), "body_base64": base64.b64encode(b"Body=x").decode()},
        ],
    )
    assert message["status"] == 200
    (event,) = message["events"]
    assert (event["type"], event["sender"]) == ("message", "+14155550123")
    assert event["text"] == "card [card ****0128]"
    (event,) = status["events"]
    assert (event["type"], event["status"]) == ("receipt", "delivered")
    assert event["external_id"] == "SM00000000000000000000000000000002"
    assert (forged["status"], forged["events"]) == (403, [])


def test_one_call_comes_from_a_file_and_says_why_it_is_refused(inside, tmp_path):
    call = http_call(1, b"{}", headers={})
    (tmp_path / "call.json").write_text(json.dumps(call), "utf-8")
    done = inside("try", "webhook", "call.json", check=True)
    assert json.loads(done.stdout) == {"id": 1, "status": 403, "events": []}
    assert "X-Gateway-Signature" in done.stderr
