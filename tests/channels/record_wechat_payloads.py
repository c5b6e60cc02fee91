"""Makes the recorded calls of tests/channels/payloads/{wechat,wecom} anew:
`python tests/channels/record_wechat_payloads.py`.

wechatpy encrypts and signs them, so the recordings prove that the channels agree with somebody else.
What `parse` must make of them (`.expect.json`) is written by hand.
"""

import json
import random
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from wechatpy.crypto import WeChatCrypto
from wechatpy.enterprise.crypto import WeChatCrypto as WeComCrypto
from wechatpy.utils import WeChatSigner

PAYLOADS = Path(__file__).parent / "payloads"
NOW = 1_767_225_600
NONCE = "1320562132"
OPENID, ORIGINAL_ID = "oRecordedOpenid0000000000001", "gh_000000000001"
CORP_ID, OPEN_KFID = "ww0000000000000001", "wkRecordedKfid00000000000001"


def settings(kind: str) -> dict[str, Any]:
    text = (PAYLOADS / kind / "account.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(text)["settings"]
    return found


WECHAT, WECOM = settings("wechat"), settings("wecom")


def signature(*words: str) -> str:
    signer = WeChatSigner()
    signer.add_data(*words)
    return str(signer.signature)


def write(
    kind: str, name: str, crypto: Any, text: str, *, outer: str = "", plain: str = ""
) -> None:
    """One encrypted call. `outer` stands before Encrypt, unsigned; `plain` beside it."""
    sealed = crypto.encrypt_message(text, NONCE, str(NOW - 2))
    encrypted = sealed.partition("<Encrypt><![CDATA[")[2].partition("]]>")[0]
    signed = sealed.partition("<MsgSignature><![CDATA[")[2].partition("]]>")[0]
    query = {"timestamp": NOW - 2, "nonce": NONCE}
    if kind == "wechat":
        query = {
            "signature": signature(crypto.token, str(NOW - 2), NONCE),
            **query,
            "openid": OPENID,
            "encrypt_type": "aes",
        }
    call = {
        "query": urlencode({**query, "msg_signature": signed}),
        "headers": {"Content-Type": "text/xml"},
        "body": f"<xml>{outer}{plain}<Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>",
        "signed_by": [encrypted],
    }
    written = json.dumps(call, ensure_ascii=False, indent=2) + "\n"
    (PAYLOADS / kind / f"{name}.request.json").write_text(written, "utf-8")


def xml(fields: dict[str, Any]) -> str:
    """As the provider writes it: numbers plain, everything else in CDATA."""
    inner = "".join(
        f"<{name}>{value}</{name}>"
        if isinstance(value, int)
        else f"<{name}><![CDATA[{value}]]></{name}>"
        for name, value in fields.items()
    )
    return f"<xml>{inner}</xml>"


# ---------------------------------------------------------------- Official Account

MESSAGE: dict[str, Any] = {
    "ToUserName": ORIGINAL_ID,
    "FromUserName": OPENID,
    "CreateTime": NOW - 3,
}
TEXT = MESSAGE | {"MsgType": "text", "Content": "你好", "MsgId": 22876340532172986}


def official(
    name: str, fields: dict[str, Any] | str, *, previous: bool = False, compatible: bool = False
) -> None:
    secrets = ("token_previous", "encoding_aes_key_previous")
    names = secrets if previous else ("token", "encoding_aes_key")
    crypto = WeChatCrypto(WECHAT[names[0]], WECHAT[names[1]], WECHAT["app_id"])
    text = fields if isinstance(fields, str) else xml(fields)
    # In the compatible mode the text stands beside the envelope as well, for anybody to change.
    plain = "<Content><![CDATA[not what was encrypted]]></Content>" if compatible else ""
    outer = f"<ToUserName><![CDATA[{ORIGINAL_ID}]]></ToUserName>"
    write("wechat", name, crypto, text, outer=outer, plain=plain)


def wechat() -> None:
    official("question_zh", TEXT | {"Content": "充值了两个小时还没到账，怎么办？"})
    official("question_previous_secrets", TEXT | {"Content": "a < b & c"}, previous=True)
    official("compatible_mode", TEXT | {"Content": "hello 🙏"}, compatible=True)
    official("chosen_in_a_message", TEXT | {"Content": "满意", "bizmsgmenuid": "101"})
    media = {"MediaId": "media-id-1", "MsgId": 22876340532172987}
    picture = {"MsgType": "image", "PicUrl": "http://mmbiz.qpic.cn/mmbiz_jpg/1/0"}
    official("picture", MESSAGE | picture | media)
    voice = {"MsgType": "voice", "Format": "amr"}
    official("voice", MESSAGE | voice | media)
    official("voice_recognised", MESSAGE | voice | media | {"Recognition": "怎么提现"})
    official("video", MESSAGE | {"MsgType": "video", "ThumbMediaId": "thumb"} | media)
    place = {
        "MsgType": "location",
        "Location_X": "23.134521",
        "Location_Y": "113.358803",
        "Scale": 20,
        "Label": "天河路",
        "MsgId": 22876340532172988,
    }
    official("location", MESSAGE | place)
    link = {
        "MsgType": "link",
        "Title": "公告",
        "Description": "维护通知",
        "Url": "https://pay.example/notice",
        "MsgId": 22876340532172989,
    }
    official("link", MESSAGE | link)
    unheard = {"MsgType": "hologram", "MsgId": 22876340532172990}
    official("kind_unheard_of", MESSAGE | unheard)
    event = MESSAGE | {"MsgType": "event", "Event": "subscribe", "EventKey": ""}
    official("subscribed", event)
    official("menu_that_speaks", event | {"Event": "CLICK", "EventKey": "HUMAN"})
    official("menu_that_does_not", event | {"Event": "CLICK", "EventKey": "NEWS"})
    official("another_account", TEXT | {"ToUserName": "gh_000000000002"})
    official("no_sender", {k: v for k, v in TEXT.items() if k != "FromUserName"})
    official("no_id", {k: v for k, v in TEXT.items() if k != "MsgId"})
    official("not_xml", "{}")
    bomb = '<!DOCTYPE xml [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    official("document_type", bomb + xml(TEXT | {"MsgType": "text"}))


# ---------------------------------------------------------------- WeCom

NEWS: dict[str, Any] = {
    "ToUserName": CORP_ID,
    "CreateTime": NOW - 3,
    "MsgType": "event",
    "Event": "kf_msg_or_event",
    "Token": "ENCApHxnGDNAVNY4AaSJKj4Tb5mwsEMzxhFmHVGcra996NR",
    "OpenKfId": OPEN_KFID,
}


def company(name: str, fields: dict[str, Any] | str, *, previous: bool = False) -> None:
    secrets = ("token_previous", "encoding_aes_key_previous")
    names = secrets if previous else ("token", "encoding_aes_key")
    crypto = WeComCrypto(WECOM[names[0]], WECOM[names[1]], WECOM["corp_id"])
    outer = f"<ToUserName><![CDATA[{CORP_ID}]]></ToUserName><AgentID><![CDATA[1000002]]></AgentID>"
    text = fields if isinstance(fields, str) else xml(fields)
    write("wecom", name, crypto, text, outer=outer)


def wecom() -> None:
    company("news", NEWS)
    company("news_previous_secrets", NEWS, previous=True)
    company("news_without_account", {k: v for k, v in NEWS.items() if k != "OpenKfId"})
    company("news_of_another_account", NEWS | {"OpenKfId": "wkSomebodyElses"})
    company("event_unheard_of", NEWS | {"Event": "change_contact"})
    company("not_xml", "OK")


if __name__ == "__main__":
    random.seed(20260101)  # wechatpy salts with `random`: the recordings stay the same
    wechat()
    wecom()
