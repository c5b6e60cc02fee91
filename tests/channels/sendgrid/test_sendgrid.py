"""SendGrid's way to prove itself, and the answers that go out behind its mail."""

import base64
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from channels._sim_email import MailPeer
from channels.sendgrid import SendGrid
from gateway.domain.errors import BadSignature, ParseError, SettingsError
from gateway.testing.builders import outbound, webhook
from gateway.testing.clock import NEW_YEAR
from gateway.testing.world import build_world

BODY = (
    b'--b\r\nContent-Disposition: form-data; name="email"\r\n\r\nSubject: a\r\n\r\nb\r\n--b--\r\n'
)
_NAMED = b"--b\r\nContent-Disposition: form-data; %s\r\n\r\nv\r\n--b--\r\n"


def public(key):
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return base64.b64encode(
        key.public_key().public_bytes(serialization.Encoding.DER, form)
    ).decode()


#: prime239v3, of which the library knows no more than its name.
_STRANGE_CURVE = base64.b64encode(
    base64.b64decode(public(ec.generate_private_key(ec.SECP256R1()))).replace(
        bytes.fromhex("2A8648CE3D030107"), bytes.fromhex("2A8648CE3D030106")
    )
).decode()


def signed(key, body=BODY, at=NEW_YEAR, user="", password=""):
    timestamp = str(int(at))
    signature = key.sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
    headers = {
        "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
        "X-Twilio-Email-Event-Webhook-Timestamp": timestamp,
    }
    if password:
        given = base64.b64encode(f"{user}:{password}".encode()).decode()
        headers["Authorization"] = f"Basic {given}"
    return webhook(body, headers=headers)


def channel(**settings):
    values = {"address": "support@pay.example", **settings}
    return SendGrid.from_account(SendGrid.Settings(**values), build_world())


def test_a_call_signed_with_the_key_is_let_in_whenever_it_was_signed():
    key = ec.generate_private_key(ec.SECP256R1())
    gate = channel(public_key=public(key))
    for at in (NEW_YEAR, NEW_YEAR - 3 * 86_400):
        assert gate.verify(signed(key, at=at)).scheme == "sendgrid-ecdsa"


def test_the_key_before_it_is_let_in_and_named():
    old, new = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    gate = channel(public_key=public(new), public_key_previous=public(old))
    assert gate.verify(signed(old)).key_id == "public_key_previous"
    with pytest.raises(BadSignature, match="does not fit"):
        channel(public_key=public(new)).verify(signed(old))


def test_where_both_are_set_both_have_to_fit():
    key = ec.generate_private_key(ec.SECP256R1())
    gate = channel(public_key=public(key), webhook_password="secret")
    gate.verify(signed(key, user="gateway", password="secret"))
    with pytest.raises(BadSignature, match="no user and password"):
        gate.verify(signed(key))
    with pytest.raises(BadSignature, match="is wrong"):
        gate.verify(signed(key, user="gateway", password="Secret"))
    with pytest.raises(BadSignature, match="does not fit"):
        gate.verify(
            replace(signed(key, user="gateway", password="secret"), body=BODY.replace(b"b", b"c"))
        )


def test_a_password_alone_is_enough_where_no_key_is_set():
    key = ec.generate_private_key(ec.SECP256R1())
    gate = channel(webhook_password="secret")
    assert gate.verify(signed(key, user="gateway", password="secret")).scheme == "basic"


def test_without_any_proof_there_is_no_account():
    with pytest.raises(SettingsError, match="public_key"):
        channel()


@pytest.mark.parametrize(
    "text",
    [
        "no base64!",
        base64.b64encode(b"short").decode(),
        public(ed25519.Ed25519PrivateKey.generate()),
        _STRANGE_CURVE,
    ],
    ids=["no base64", "too short", "Ed25519", "another curve"],
)
def test_a_key_that_is_none_is_named(text):
    with pytest.raises(SettingsError, match="public_key"):
        channel(public_key=text)


def test_a_form_that_breaks_off_or_overflows_is_a_parse_error():
    gate = channel(webhook_password="secret")
    field = b'--b\r\nContent-Disposition: form-data; name="x%d"\r\n\r\ny\r\n'
    many = b"".join(field % number for number in range(600)) + b"--b--\r\n"
    for body, why in {
        BODY[:-6]: "breaks off",
        many: "more than 500 fields",
        b"--\r\n": "no boundary",
        b"--" + b"b" * 300 + b"\r\n": "no boundary",
        b"--b\r\nno header\r\n--b--": "no header",
        b"--b\r\nX-Y: z\r\n\r\nv\r\n--b--": "no name",
        _NAMED % b'name*="x"; name*0="y"': "no name that can be read",
        _NAMED % (b"name*" + b"9" * 5000 + b"=x"): "no name that can be read",
        BODY: "envelope is not JSON",
    }.items():
        with pytest.raises(ParseError, match=why):
            gate.parse(webhook(body))


async def test_an_answer_goes_out_by_smtp_and_threads():
    async with MailPeer() as peer:
        gate = channel(
            webhook_password="secret",
            smtp_host=peer.host,
            smtp_port=peer.port,
            aliases=("a@b.example",),
        )
        sent = await gate.send(
            outbound(to="anna@mail.example", reply_to={"message_id": "<m-1@mail.example>"})
        )
        answer = (await peer.wait_for("anna@mail.example"))[0]
        health = await gate.health()
        await gate.close()
    assert (answer.message_id, answer.in_reply_to) == (sent.external_id, "<m-1@mail.example>")
    assert answer.headers["x-gateway-loop"] == gate.loop_mark
    assert gate.addresses == ("support@pay.example", "a@b.example")
    assert health.ok
