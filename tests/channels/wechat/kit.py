"""An Official Account for tests: its settings, and calls that wechatpy signs and encrypts."""

from urllib.parse import urlencode

from wechatpy.crypto import WeChatCrypto
from wechatpy.utils import WeChatSigner

from channels.wechat import WeChat, WeChatSettings
from gateway.testing.builders import webhook
from gateway.testing.clock import NEW_YEAR
from gateway.testing.world import build_world

APP_ID, TOKEN = "wx0000000000000001", "tokenfortests"
KEY = "cmVjb3JkZWRDdXJyZW50QWVzS2V5MDEyMzQ1Njc4OTA"
OLD_KEY = "cmVjb3JkZWRQcmV2aW91c0Flc0tleTEyMzQ1Njc4OTA"
OPENID, ORIGINAL_ID = "oCustomer0000000000000000001", "gh_000000000001"
NOW = int(NEW_YEAR)
URL = "https://gateway.example/in/wechat/main"


def build(world=None, **changes):
    values = {"app_id": APP_ID, "app_secret": "app-secret", "token": TOKEN} | changes
    return WeChat.from_account(WeChatSettings(**values), world or build_world())


def encrypted(**changes):
    """An account that takes encrypted calls only."""
    return build(**({"encoding_aes_key": KEY} | changes))


def message(text="你好", number=1001, **changes):
    fields = {
        "ToUserName": ORIGINAL_ID,
        "FromUserName": OPENID,
        "CreateTime": NOW - 1,
        "MsgType": "text",
        "Content": text,
        "MsgId": number,
    } | changes
    inner = "".join(f"<{name}><![CDATA[{value}]]></{name}>" for name, value in fields.items())
    return f"<xml>{inner}</xml>"


def signature(*words):
    signer = WeChatSigner()
    signer.add_data(*words)
    return signer.signature


def plain_call(body, *, token=TOKEN, at=NOW, nonce="n1", query=None, method="POST"):
    signed = {"signature": signature(token, str(at), nonce), "timestamp": at, "nonce": nonce}
    address = f"{URL}?{urlencode({**signed, **(query or {})})}"
    return webhook(body.encode(), url=address, method=method)


def encrypted_call(
    body, *, token=TOKEN, key=KEY, app_id=APP_ID, at=NOW, nonce="n1", plain="", **query
):
    sealed = WeChatCrypto(token, key, app_id).encrypt_message(body, nonce, str(at))
    cipher = sealed.partition("<Encrypt><![CDATA[")[2].partition("]]>")[0]
    signed = sealed.partition("<MsgSignature><![CDATA[")[2].partition("]]>")[0]
    outer = f"<xml><ToUserName><![CDATA[gh]]></ToUserName>{plain}<Encrypt><![CDATA[{cipher}]]></Encrypt></xml>"
    parameters = {
        "signature": signature(token, str(at), nonce),
        "timestamp": at,
        "nonce": nonce,
        "encrypt_type": "aes",
        "msg_signature": signed,
    } | query
    return webhook(outer.encode(), url=f"{URL}?{urlencode(parameters)}")
