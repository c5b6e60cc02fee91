"""Postmark proves itself by a password only."""

import base64
import json

import pytest

from channels.postmark import Postmark
from gateway.domain.errors import BadSignature, SettingsError
from gateway.testing.builders import webhook
from gateway.testing.world import build_world

RAW = "From: anna@mail.example\r\nSubject: 充值\r\n\r\n没到账\r\n"


def channel(**settings):
    values = {"address": "support@pay.example", "webhook_password": "pass:word", **settings}
    return Postmark.from_account(Postmark.Settings(**values), build_world())


def call(document, credentials="gateway:pass:word", scheme="Basic"):
    given = base64.b64encode(credentials.encode()).decode()
    body = json.dumps(document).encode()
    return webhook(body, headers={"Authorization": f"{scheme} {given}"})


def test_the_password_of_the_address_is_wanted():
    gate = channel(webhook_password_previous="older")
    assert gate.verify(call({})).key_id == "current"
    assert gate.verify(call({}, "gateway:older", "basic")).key_id == "previous"
    for request in (
        call({}, "gateway:"),
        call({}, "other:pass:word"),
        call({}, "gateway:pass:word", "Bearer"),
        webhook(b"{}"),
    ):
        with pytest.raises(BadSignature):
            gate.verify(request)


def test_an_empty_password_is_no_proof():
    with pytest.raises(SettingsError, match="webhook_password"):
        channel(webhook_password="")


def test_the_raw_mail_and_its_envelope_are_taken():
    gate = channel()
    document = {"RawEmail": RAW, "From": "anna@mail.example"}
    [mail] = gate.parse(call(document)).mails
    assert (mail.data, mail.sender) == (RAW.encode(), "anna@mail.example")
    assert mail.recipients == ("support@pay.example",)
    bounced = {**document, "Headers": [{"Name": "Return-path", "Value": "<>"}]}
    assert gate.parse(call(bounced)).mails[0].sender == ""


@pytest.mark.parametrize(
    "odd",
    [
        {"Headers": "x", "FromFull": 7},
        {"Headers": [7, {"Name": 7}, {"Value": "x"}], "From": None},
        {"OriginalRecipient": ["a"]},
        {"RawEmail": "half an emoji \ud83d"},
    ],
)
def test_odd_fields_lose_no_mail(odd):
    assert len(channel().parse(call({"RawEmail": RAW, **odd})).mails) == 1


def test_an_envelope_comes_as_every_database_takes_it():
    odd = {"From": "anna\ud83d@mail.example\0", "OriginalRecipient": "support+\udc00@pay.example"}
    [mail] = channel().parse(call({"RawEmail": RAW, **odd})).mails
    assert mail.sender == "anna?@mail.example\N{REPLACEMENT CHARACTER}"
    assert mail.recipients == ("support+?@pay.example",)
