"""Accounts of all three of Meta's channels, and calls that Meta could have made to them."""

import hashlib
import hmac
import json
from typing import Any

from channels.instagram import Instagram, InstagramSettings
from channels.messenger import Messenger, MessengerSettings
from channels.whatsapp import WhatsApp, WhatsAppSettings
from gateway.testing.builders import webhook
from gateway.testing.world import TestWorld, build_world

SECRET, VERIFY, ACCESS = (
    "8c570fa6dd201bb328f1c1eac23a96d8",
    "a word of ours",
    "EAAJB/recorded+token=",
)
NUMBER, PAGE, ACCOUNT = "106540352242922", "102290129340398", "17841405309211844"
PSID, IGSID = "5938274610948372", "2105722729836161"
COMMENT = "880011223344_7001"

_OWN: dict[Any, tuple[Any, dict[str, str]]] = {
    WhatsApp: (WhatsAppSettings, {"phone_number_id": NUMBER}),
    Messenger: (MessengerSettings, {"page_id": PAGE}),
    Instagram: (InstagramSettings, {"instagram_id": ACCOUNT}),
}
ALL = tuple(_OWN)


def account(
    channel: Any,
    url: str = "https://graph.facebook.com",
    world: TestWorld | None = None,
    **more: Any,
) -> Any:
    """A channel with settings that work, `more` applied."""
    settings, own = _OWN[channel]
    values = {"app_secret": SECRET, "verify_token": VERIFY, "access_token": ACCESS, "base_url": url}
    return channel.from_account(settings(**(values | own | more)), world or build_world())


def call(product: str, *entries: dict[str, Any], secret: str = SECRET) -> Any:
    """A signed call."""
    body = json.dumps({"object": product, "entry": list(entries)}).encode()
    return webhook(body, headers={"X-Hub-Signature-256": signature(body, secret)})


def signature(body: bytes, secret: str = SECRET) -> str:
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def graph_error(code: int, subcode: int | None = None, message: str = "(#1) no") -> dict[str, Any]:
    """The body of an answer that refuses."""
    error = {"message": message, "type": "OAuthException", "code": code, "fbtrace_id": "A"}
    return {"error": error | ({"error_subcode": subcode} if subcode else {})}
