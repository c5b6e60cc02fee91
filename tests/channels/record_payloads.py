"""Makes the recorded requests of tests/channels/payloads anew: `python tests/channels/record_payloads.py`.

Twilio's are signed by the official library, the generic ones by the simulator's own code, so the
recordings prove that the channels agree with somebody else. What `parse` must make of them
(`.expect.json`) is written by hand.
"""

import base64
import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

from twilio.request_validator import RequestValidator

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent.parent))

from channels._sim_http import signature  # noqa: E402 - the path to it is set above

PAYLOADS = HERE / "payloads"
NOW = 1_767_225_600


def write(kind: str, name: str, call: dict[str, Any]) -> None:
    text = json.dumps(call, ensure_ascii=False, indent=2) + "\n"
    (PAYLOADS / kind / f"{name}.request.json").write_text(text, "utf-8")


# ---------------------------------------------------------------- Twilio

SMS_ACCOUNT = json.loads((PAYLOADS / "sms" / "account.json").read_text("utf-8"))
TOKEN = SMS_ACCOUNT["settings"]["auth_token"]
KEY_ID, SHARED_SECRET = next(iter(SMS_ACCOUNT["settings"]["shared_keys"].items()))
URL = "https://gateway.example/in/sms/main"

COMMON = {
    "ToCountry": "US",
    "ToState": "",
    "SmsMessageSid": "SM5e00000000000000000000000000a001",
    "NumMedia": "0",
    "ToCity": "",
    "FromZip": "",
    "SmsSid": "SM5e00000000000000000000000000a001",
    "FromState": "",
    "SmsStatus": "received",
    "FromCity": "",
    "Body": "",
    "FromCountry": "CN",
    "To": "+14155550100",
    "ToZip": "",
    "NumSegments": "1",
    "MessageSid": "SM5e00000000000000000000000000a001",
    "AccountSid": SMS_ACCOUNT["settings"]["account_sid"],
    "From": "+8613800138000",
    "ApiVersion": "2010-04-01",
}


def twilio(name: str, form: dict[str, str], *, path: str = "", algorithm: str = "") -> None:
    url = f"{URL}/{path}" if path else URL
    body = urlencode(form)
    # Signed over what a server would decode, blank values included.
    decoded = dict(parse_qsl(body, keep_blank_values=True))
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
    if algorithm:
        headers["X-Twilio-Webhooks-Signature-Settings"] = f"key={KEY_ID},algorithm={algorithm}"
        signed = RequestValidator(SHARED_SECRET).compute_signature(url, decoded, algorithm)
    else:
        signed = RequestValidator(TOKEN).compute_signature(url, decoded)
    headers["X-Twilio-Signature"] = signed
    write("sms", name, {"path": path, "headers": headers, "body": body})


def sms() -> None:
    twilio("question_zh", COMMON | {"Body": "充值了两个小时还没到账，怎么办？"})
    twilio(
        "question_en_shared_key",
        COMMON | {"Body": "  I forgot my password + PIN & can't log in\n", "FromCountry": "GB"},
        algorithm="HMAC_SHA256",
    )
    twilio("shared_key_sha1", COMMON | {"Body": "hello"}, algorithm="HMAC_SHA1")
    twilio(
        "picture",
        COMMON
        | {
            "Body": "",
            "NumMedia": "2",
            "MediaUrl0": "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages/MM1/Media/ME1",
            "MediaContentType0": "image/jpeg",
            "MediaUrl1": "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages/MM1/Media/ME2",
            "MediaContentType1": "application/x-unheard-of",
        },
    )
    twilio("stop", COMMON | {"Body": " Stop ", "OptOutType": "STOP"})
    twilio("stop_full_width", COMMON | {"Body": "\u3000ＴＤ "})
    twilio("start_by_twilio", COMMON | {"Body": "Yes", "OptOutType": "START"})
    twilio("whatsapp", COMMON | {"Body": "hi", "From": "whatsapp:+8613800138000"})
    twilio("no_sid", {k: v for k, v in COMMON.items() if k != "MessageSid"})
    status = {
        "SmsSid": "SM5e00000000000000000000000000b001",
        "MessageSid": "SM5e00000000000000000000000000b001",
        "AccountSid": COMMON["AccountSid"],
        "From": "+14155550100",
        "To": "+8613800138000",
        "ApiVersion": "2010-04-01",
    }
    for name in ("sent", "delivered", "queued"):
        twilio(
            f"status_{name}",
            status | {"SmsStatus": name, "MessageStatus": name},
            path="status",
            algorithm="HMAC_SHA256" if name == "sent" else "",
        )
    twilio(
        "status_undelivered",
        status | {"SmsStatus": "undelivered", "MessageStatus": "undelivered", "ErrorCode": "30005"},
        path="status",
    )
    twilio("status_unheard_of", status | {"MessageStatus": "vaporised"}, path="status")


# ---------------------------------------------------------------- generic HTTP

HTTP_ACCOUNT = json.loads((PAYLOADS / "http" / "account.json").read_text("utf-8"))


def generic(name: str, document: Any, *, secret: str = "secret") -> None:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    headers = {
        "Content-Type": "application/json",
        "X-Gateway-Signature": signature(HTTP_ACCOUNT["settings"][secret], body, NOW - 20),
    }
    try:
        write("http", name, {"headers": headers, "body": body.decode()})
    except UnicodeDecodeError:
        encoded = base64.b64encode(body).decode()
        write("http", name, {"headers": headers, "body_base64": encoded})


def http() -> None:
    generic("one_message", {"id": "m-1", "sender": "user-7", "text": "How do I bind a card?"})
    generic(
        "full_message",
        {
            "id": 100200,
            "sender": "user-8",
            "name": "王芳",
            "subject": "提现",
            "text": "提现三天还没到账 🙏",
            "at": "2026-01-01T07:59:30+08:00",
            "language": "zh-CN",
            "verified_user": True,
            "attachments": [
                {"name": "bill.txt", "content_type": "text/plain", "data_base64": "bm8gbW9uZXk="},
                {"url": "https://files.pay.example/a.png", "content_type": "image/png"},
            ],
            "unheard_of": {"is": ["ignored"]},
        },
        secret="secret_previous",
    )
    generic(
        "batch",
        {
            "messages": [
                {"id": "m-2", "sender": "user-7", "text": "hello", "at": 1767225590.5},
                {"id": "m-3", "sender": "user-9", "text": "half an emoji: \ud83d and NUL \u0000"},
            ],
            "receipts": [
                {"id": "cb-1", "status": "delivered", "at": 1767225595},
                {"id": "cb-2", "status": "failed", "code": "no_device", "detail": "app removed"},
            ],
        },
    )
    generic("empty_batch", {"messages": []})
    generic("no_sender", {"messages": [{"id": "m-4", "sender": "u", "text": "a"}, {"id": "m-5"}]})
    generic("time_in_milliseconds", {"id": "m-6", "sender": "u", "text": "a", "at": 1767225600000})
    generic("not_utf8", b'{"id":"m-7","sender":"u","text":"\xb3\xe4\xd6\xb5"}')
    generic("not_json", b"id=m-8&sender=u&text=hello")


if __name__ == "__main__":
    sms()
    http()
