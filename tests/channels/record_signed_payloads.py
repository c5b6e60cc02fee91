"""Makes the recorded requests of the template SMS gateway and of the hotline's events anew:
`python tests/channels/record_signed_payloads.py`.

Signed here with the standard library, after the words of the pages and without any code of the channels.
What `parse` must make of them (`.expect.json`) is written by hand.
"""

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

PAYLOADS = Path(__file__).parent / "payloads"
NOW = 1_767_225_600


def record(kind: str, name: str, document: Any, *, secret: str, age: int = 20) -> None:
    """One call: the time, a line feed, the nonce, a line feed and the body are signed."""
    account = json.loads((PAYLOADS / kind / "account.json").read_text("utf-8"))
    body = document
    if not isinstance(document, bytes):
        body = json.dumps(document, ensure_ascii=False).encode()
    stamp, nonce = str(NOW - age), hashlib.sha256(name.encode()).hexdigest()[:24]
    mac = hmac.new(account["settings"][secret].encode(), digestmod=hashlib.sha256)
    for piece in (stamp.encode(), b"\n", nonce.encode(), b"\n", body):
        mac.update(piece)
    headers = {
        "Content-Type": "application/json",
        "X-Timestamp": stamp,
        "X-Nonce": nonce,
        "X-Signature": mac.hexdigest(),
    }
    call: dict[str, Any] = {"headers": headers}
    try:
        call["body"] = body.decode()
    except UnicodeDecodeError:
        call["body_base64"] = base64.b64encode(body).decode()
    text = json.dumps(call, ensure_ascii=False, indent=2) + "\n"
    (PAYLOADS / kind / f"{name}.request.json").write_text(text, "utf-8")


def sms(name: str, document: Any, *, secret: str = "webhook_secret", age: int = 20) -> None:
    record("sms_template", name, document, secret=secret, age=age)


def sms_template() -> None:
    sms(
        "question",
        {
            "messages": [
                {
                    "id": "mo-1",
                    "phone": "13800138000",
                    "extension": "01",
                    "text": "充值两个小时了还没到账",
                    "at": NOW - 25,
                }
            ]
        },
    )
    sms(
        "batch",
        {
            "messages": [
                {"id": "mo-2", "phone": "+8613800138000", "text": " ｔｄ\u3000"},
                {"id": "mo-3", "phone": "86-139 0013 9000", "text": "N"},
                {"id": "mo-4", "phone": "+442071838750", "text": "START", "later": {"x": 1}},
            ],
            "reports": [
                {"id": "gw-1", "status": "delivered", "phone": "13800138000", "at": NOW - 3},
                {"id": "gw-2", "status": "failed", "code": "BLACKLISTED"},
                {"id": "gw-3", "status": "failed", "code": "MK:0001"},
                {"id": "gw-4", "status": "queued"},
            ],
        },
        secret="webhook_secret_previous",
    )
    sms("nothing", {"messages": [], "reports": []}, age=-299)
    sms("short_code", {"messages": [{"id": "mo-5", "phone": "10086", "text": "hello"}]})
    sms("no_number", {"messages": [{"id": "mo-6", "text": "hello"}]})
    sms("no_id", {"messages": [{"phone": "13800138000", "text": "hello"}]})
    sms("milliseconds", {"messages": [{"id": "m", "phone": "13800138000", "at": NOW * 1000}]})
    sms("not_utf8", b'{"messages":[{"id":"mo-7","phone":"13800138000","text":"\xb3\xe4"}]}')
    sms("a_list", [])


def call(name: str, document: Any, *, secret: str = "secret", age: int = 20) -> None:
    record("hotline_events", name, document, secret=secret, age=age)


def hotline_events() -> None:
    told = {"call": "c-1", "caller": "13800138000", "called": "4006180081", "at": NOW - 21}
    call("missed", {"event": "missed", **told})
    call("missed_abroad", {"event": "missed", "call": "c-2", "caller": "+442071838750"})
    call(
        "voicemail",
        {
            "event": "voicemail",
            **told,
            "recording": {
                "url": "https://recordings.operator.example/c-1.mp3",
                "content_type": "audio/mpeg",
                "size": 48000,
            },
        },
    )
    call(
        "batch",
        {
            "events": [
                {"event": "ringing", "call": "c-3", "caller": "13800138000"},
                {"event": "missed", "call": "c-3", "caller": "13800138000", "at": NOW - 30},
                {"event": "missed", "call": "c-3", "caller": "13800138000", "at": NOW - 29},
                {"event": "answered", "call": "c-4", "caller": "13900139000", "agent": "8001"},
                {"event": "ended", "call": "c-4", "caller": "13900139000", "seconds": 93},
                {"event": "missed", "call": "c-5", "caller": "anonymous"},
                {"event": "transferred", "call": "c-4"},
                {
                    "event": "voicemail",
                    "call": "c-6",
                    "caller": "",
                    "transcript": " 密码忘了怎么办 ",
                    "recording": {"url": "https://recordings.operator.example/c-6"},
                },
            ]
        },
        secret="secret_previous",
    )
    call("nothing", {"events": []}, age=-299)
    call("no_event", {"call": "c-7", "caller": "13800138000"})
    call("no_call", {"event": "missed", "caller": "13800138000"})
    call(
        "recording_elsewhere",
        {"event": "voicemail", "call": "c", "recording": {"url": "file:///etc/passwd"}},
    )
    call("not_json", b"event=missed&call=c-8")


if __name__ == "__main__":
    sms_template()
    hotline_events()
