"""Makes the recorded requests of the mail webhooks anew: `python tests/channels/record_mail_payloads.py`.

The forms are put together by aiohttp's client, as a provider's would be, and signed with code of this
file after the providers' descriptions, not with the code under test. What `parse` must make of them
(`.expect.json`) is written here, from the parts that went in.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

HERE = Path(__file__).parent
PAYLOADS = HERE / "payloads"
NOW = 1_767_225_600

ADDRESS = "support@pay.example"
TAGGED = "support+k3.abcdefghij@pay.example"
MAIL = (
    b"Return-Path: <anna@mail.example>\r\n"
    b"From: Anna <anna@mail.example>\r\n"
    b"To: support@pay.example\r\n"
    b"Subject: =?gb2312?B?s+TWtQ==?=\r\n"
    b"Message-ID: <m-1@mail.example>\r\n"
    b"Date: Thu, 01 Jan 2026 08:00:00 +0800\r\n"
    b"Content-Type: text/plain; charset=gb2312\r\n"
    b"Content-Transfer-Encoding: 8bit\r\n"
    b"\r\n"
) + "充值两个小时还没到账。\r\n--这不是分隔线\r\n".encode("gb18030")
PLAIN = MAIL.partition(b"Subject")[0] + b"Subject: hello\r\n\r\nWhere is my money?\r\n"


def write(kind: str, name: str, call: dict[str, Any], expect: dict[str, Any]) -> None:
    for what, content in (("request", call), ("expect", expect)):
        text = json.dumps(content, ensure_ascii=False, indent=2) + "\n"
        (PAYLOADS / kind / f"{name}.{what}.json").write_text(text, "utf-8")


def mail(data: bytes, sender: str, *recipients: str) -> dict[str, Any]:
    """What a call becomes; the bytes as the contract suite shows them."""
    return {
        "events": [],
        "reply": {"body": "taken\n"},
        "mails": [
            {
                "data": data.decode("utf-8", "backslashreplace"),
                "sender": sender,
                "recipients": list(recipients),
                "received_at": float(NOW),
            }
        ],
    }


def multipart(fields: dict[str, bytes]) -> tuple[str, bytes]:
    """Content-Type and body of a posted form."""
    form = aiohttp.MultipartWriter("form-data", boundary="xYzZY")
    for name, value in fields.items():
        part = form.append(value, {"Content-Type": "text/plain"})
        part.set_content_disposition("form-data", name=name)
        part.headers.pop("Content-Length", None)
    return form.content_type, asyncio.run(form.as_bytes())


def request(content_type: str, body: bytes, **more: Any) -> dict[str, Any]:
    headers = {"Content-Type": content_type, **more.pop("headers", {})}
    return {"headers": headers, "body_base64": base64.b64encode(body).decode(), **more}


def account(kind: str, settings: dict[str, Any], **more: Any) -> None:
    (PAYLOADS / kind).mkdir(exist_ok=True)
    values = {
        "settings": {"address": ADDRESS, "smtp_host": "127.0.0.1", **settings},
        "sends": "smtp",
        "now": NOW,
        "recipient": "anna@mail.example",
        **more,
    }
    text = json.dumps(values, indent=2) + "\n"
    (PAYLOADS / kind / "account.json").write_text(text, "utf-8")


# ---------------------------------------------------------------- SendGrid

_KEYS = [ec.derive_private_key(number, ec.SECP256R1()) for number in (20260101, 20250101)]


def public(key: ec.EllipticCurvePrivateKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    der = key.public_key().public_bytes(serialization.Encoding.DER, form)
    return base64.b64encode(der).decode()


def sendgrid_headers(body: bytes, key: ec.EllipticCurvePrivateKey) -> dict[str, str]:
    """As the security policy of Inbound Parse signs: over the timestamp and the whole body."""
    timestamp = str(NOW - 3)
    signature = key.sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
    return {
        "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
        "X-Twilio-Email-Event-Webhook-Timestamp": timestamp,
        "Authorization": basic("gateway", "recorded-webhook-password"),
    }


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def sendgrid_fields(data: bytes, envelope: Any) -> dict[str, bytes]:
    return {
        "to": b"support@pay.example",
        "from": b"Anna <anna@mail.example>",
        "subject": "充值".encode(),
        "charsets": b'{"to":"UTF-8","subject":"UTF-8","from":"UTF-8"}',
        "envelope": envelope if isinstance(envelope, bytes) else json.dumps(envelope).encode(),
        "sender_ip": b"192.0.2.1",
        "email": data,
    }


def sendgrid() -> None:
    keys = {"public_key": public(_KEYS[0]), "public_key_previous": public(_KEYS[1])}
    account(
        "sendgrid",
        {**keys, "webhook_password": "recorded-webhook-password"},
        signature_headers=[
            "X-Twilio-Email-Event-Webhook-Signature",
            "X-Twilio-Email-Event-Webhook-Timestamp",
            "Authorization",
        ],
    )

    def call(name: str, fields: dict[str, bytes], expect: dict[str, Any], key: int = 0) -> None:
        content_type, body = multipart(fields)
        headers = sendgrid_headers(body, _KEYS[key])
        write("sendgrid", name, request(content_type, body, headers=headers), expect)

    envelope = {"to": [TAGGED], "from": "anna@mail.example"}
    call("mail", sendgrid_fields(MAIL, envelope), mail(MAIL, "anna@mail.example", TAGGED))
    call("older_key", sendgrid_fields(PLAIN, envelope), mail(PLAIN, "anna@mail.example", TAGGED), 1)
    two = {"to": [ADDRESS, "help@pay.example"], "from": ""}
    call("bounce_to_two", sendgrid_fields(PLAIN, two), mail(PLAIN, "", *two["to"]))
    parsed = sendgrid_fields(b"", envelope) | {"text": b"hello"}
    del parsed["email"]
    call("not_raw", parsed, {"error": "POST the raw, full MIME message"})
    call("empty", sendgrid_fields(b" ", envelope), {"error": "the mail is empty"})
    call("bad_envelope", sendgrid_fields(PLAIN, b"{"), {"error": "envelope is not JSON"})
    call("odd_envelope", sendgrid_fields(PLAIN, [1]), {"error": "envelope is not a JSON object"})


# ---------------------------------------------------------------- Mailgun

SIGNING_KEYS = {"signing_key": "recorded-signing-key", "signing_key_previous": "recorded-older-key"}


def mailgun_fields(
    data: bytes, token: str, key: str = "signing_key", **more: str
) -> dict[str, Any]:
    timestamp = str(NOW - 3)
    signed = hmac.new(SIGNING_KEYS[key].encode(), (timestamp + token).encode(), hashlib.sha256)
    fields = {
        "recipient": TAGGED,
        "sender": "anna@mail.example",
        "subject": "充值",
        "from": "Anna <anna@mail.example>",
        "timestamp": timestamp,
        "token": token,
        "signature": signed.hexdigest(),
        "domain": "pay.example",
        **more,
    }
    return {name: text.encode() for name, text in fields.items()} | {"body-mime": data}


def mailgun() -> None:
    account("mailgun", SIGNING_KEYS, signature_headers=[], signature_covers_body=False)

    def call(
        name: str, fields: dict[str, Any], expect: dict[str, Any], *, url: bool = False
    ) -> None:
        content_type, body = multipart(fields)
        if url:
            content_type, body = "application/x-www-form-urlencoded", urlencode(fields).encode()
        proof = [fields[n].decode() for n in ("timestamp", "token", "signature")]
        recorded = request(content_type, body, path="mime", signed_by=proof)
        write("mailgun", name, recorded, expect)

    token = "a" * 48
    call("mail", mailgun_fields(MAIL, token + "01"), mail(MAIL, "anna@mail.example", TAGGED))
    call(
        "urlencoded",
        mailgun_fields(MAIL, token + "02", "signing_key_previous"),
        mail(MAIL, "anna@mail.example", TAGGED),
        url=True,
    )
    call("bounce", mailgun_fields(PLAIN, token + "03", sender=""), mail(PLAIN, "", TAGGED))
    parsed = mailgun_fields(b"", token + "04", **{"body-plain": "hello"})
    del parsed["body-mime"]
    call("not_mime", parsed, {"error": "end in /mime"})


# ---------------------------------------------------------------- Postmark


def postmark() -> None:
    account(
        "postmark",
        {
            "webhook_password": "recorded-webhook-password",
            "webhook_password_previous": "recorded-older-password",
        },
        signature_headers=["Authorization"],
        signature_covers_body=False,
    )

    def call(name: str, document: Any, expect: dict[str, Any], password: str = "webhook") -> None:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        headers = {"Authorization": basic("gateway", f"recorded-{password}-password")}
        write("postmark", name, request("application/json", body, headers=headers), expect)

    document = {
        "FromName": "Anna",
        "MessageStream": "inbound",
        "From": "anna@mail.example",
        "FromFull": {"Email": "anna@mail.example", "Name": "Anna", "MailboxHash": ""},
        "To": TAGGED,
        "OriginalRecipient": TAGGED,
        "Subject": "充值",
        "MessageID": "73e6d360-66eb-11e1-8e72-a8904824019b",
        "MailboxHash": "k3.abcdefghij",
        "TextBody": "hello",
        "Headers": [{"Name": "Return-Path", "Value": "<anna@mail.example>"}],
        "RawEmail": PLAIN.decode(),
    }
    wide = MAIL.replace(b"charset=gb2312", b"charset=utf-8").decode("gb18030")
    call("mail", document, mail(PLAIN, "anna@mail.example", TAGGED))
    call(
        "utf8",
        document | {"RawEmail": wide},
        mail(wide.encode(), "anna@mail.example", TAGGED),
        "older",
    )
    bounce = document | {"Headers": [{"Name": "Return-Path", "Value": "<>"}]}
    call("bounce", bounce, mail(PLAIN, "", TAGGED))
    bare = {"RawEmail": PLAIN.decode(), "From": "anna@mail.example"}
    call("least", bare, mail(PLAIN, "anna@mail.example", ADDRESS))
    call("not_raw", document | {"RawEmail": None}, {"error": "Include raw email content"})
    call("not_json", b"RawEmail=x", {"error": "the body is not JSON"})
    call("a_list", [document], {"error": "the body is not a JSON object"})


if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parent.parent))
    sendgrid()
    mailgun()
    postmark()
