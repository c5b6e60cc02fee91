"""WeCom's customer service API as its pages describe it: a real HTTP server that keeps customers'
messages, sessions and budgets, and refuses what WeCom refuses."""

import re
from dataclasses import dataclass, field

from aiohttp import web
from wechatpy.enterprise.crypto import WeChatCrypto
from wechatpy.utils import WeChatSigner

from channels.wecom import WeCom, WeComSettings
from gateway.testing.builders import webhook
from gateway.testing.clock import NEW_YEAR
from gateway.testing.world import build_world

CORP_ID, SECRET, TOKEN = "ww0000000000000001", "app-secret", "tokenfortests"
KEY = "cmVjb3JkZWRDdXJyZW50QWVzS2V5MDEyMzQ1Njc4OTA"
KFID, OTHER_KFID = "wkFirst00000000000000000000001", "wkSecond0000000000000000000002"
CUSTOMER = "wmCustomer00000000000000000001"
HINT = "ENCApHxnGDNAVNY4AaSJKj4Tb5mwsEMzxhFmHVGcra996NR"
NOW = int(NEW_YEAR)
URL = "https://gateway.example/in/wecom/main"
OWN_ID = re.compile(r"[0-9a-zA-Z_-]{1,32}")


@dataclass
class FakeWeCom:
    """Use as an asynchronous context manager. What it holds is there to be looked at and changed."""

    items: dict[str, list] = field(default_factory=lambda: {KFID: [], OTHER_KFID: []})
    states: dict[str, int] = field(default_factory=dict)
    """By customer; 4, not begun, until they write."""
    left: dict[str, int] = field(default_factory=dict)
    sent: dict[str, dict] = field(default_factory=dict)
    """By msgid."""
    errors: dict[str, list[int]] = field(default_factory=dict)
    """By path: codes to answer with, in order, instead of doing it."""
    broken: set = field(default_factory=set)
    """Customer service accounts whose pages cannot be had."""
    page_size: int = 1000
    calls: list = field(default_factory=list)
    url: str = ""

    async def __aenter__(self):
        app = web.Application()
        app.router.add_route("*", "/cgi-bin/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_):
        await self._runner.cleanup()

    def account(self, world=None, **changes):
        values = {
            "corp_id": CORP_ID,
            "open_kfids": (KFID,),
            "secret": SECRET,
            "token": TOKEN,
            "encoding_aes_key": KEY,
            "base_url": self.url,
        } | changes
        return WeCom.from_account(WeComSettings(**values), world or build_world())

    # ------------------------------------------------------------ what customers do

    def writes(self, text="你好", *, kfid=KFID, customer=CUSTOMER, at=NOW, **changes):
        """A text of a customer's; opens the session and the budget. Returns its msgid."""
        self.states[customer] = self.states.get(customer, 0) % 4
        self.left[customer] = 5
        return self.item(
            {"msgtype": "text", "text": {"content": text}} | changes,
            kfid=kfid,
            customer=customer,
            at=at,
        )

    def item(self, values, *, kfid=KFID, customer=CUSTOMER, at=NOW, origin=3):
        number = f"msg-{kfid[:8]}-{len(self.items[kfid])}-{'x' * 30}"
        whole = {
            "msgid": number,
            "open_kfid": kfid,
            "external_userid": customer,
            "send_time": at,
            "origin": origin,
        } | values
        self.items[kfid].append({name: value for name, value in whole.items() if value is not None})
        return number

    def event(self, event_type, *, kfid=KFID, customer=CUSTOMER, at=NOW, **values):
        inside = {
            "event_type": event_type,
            "open_kfid": kfid,
            "external_userid": customer,
            **values,
        }
        # As WeCom sends them: without open_kfid and external_userid outside.
        outside = {"open_kfid": None, "external_userid": None, "msgtype": "event", "event": inside}
        return self.item(outside, kfid=kfid, at=at, origin=4)

    # ------------------------------------------------------------ the API

    async def _handle(self, request):
        path = request.match_info["path"]
        if path == "gettoken":
            good = request.query == {"corpid": CORP_ID, "corpsecret": SECRET}
            self.calls.append((path, {}))
            return web.json_response(
                {"errcode": 0, "access_token": "AT", "expires_in": 7200}
                if good
                else {"errcode": 40001, "errmsg": "invalid credential"}
            )
        raw = await request.text()
        body = await request.json()
        self.calls.append((path, body))
        if request.query.get("access_token") != "AT":
            return web.json_response({"errcode": 40014})
        if "\\u" in raw:
            return web.json_response({"errcode": 40033})
        if self.errors.get(path):
            return web.json_response({"errcode": self.errors[path].pop(0), "errmsg": "told to"})
        answer = getattr(self, "_" + path.replace("/", "_"))(body)
        return web.json_response({"errcode": 0, "errmsg": "ok"} | answer)

    def _kf_sync_msg(self, body):
        kfid = body["open_kfid"]
        if kfid not in self.items:
            return {"errcode": 95000}
        if kfid in self.broken:
            return {"errcode": -1}
        if body.get("token", HINT) != HINT or not 1 <= body["limit"] <= 1000:
            return {"errcode": 95007}
        start = int(body["cursor"].removeprefix("at-") or 0)
        end = min(start + min(body["limit"], self.page_size), len(self.items[kfid]))
        return {
            "next_cursor": f"at-{end}",
            "has_more": int(end < len(self.items[kfid])),
            "msg_list": self.items[kfid][start:end],
        }

    def _kf_send_msg(self, body):
        customer = body["touser"]
        if body["open_kfid"] not in self.items:
            return {"errcode": 95000}
        if not OWN_ID.fullmatch(body["msgid"]):
            return {"errcode": 40058}
        if body["msgid"] in self.sent:
            return {"errcode": 95999}  # the page says "an error" and names no code
        if self.states.get(customer, 4) not in {0, 1}:
            return {"errcode": 95018}
        if not self.left.get(customer):
            return {"errcode": 95001}
        if len(body["text"]["content"].encode()) > 2048:
            return {"errcode": 45002}
        self.left[customer] -= 1
        self.sent[body["msgid"]] = body
        return {"msgid": body["msgid"]}

    def _kf_service_state_get(self, body):
        return {"service_state": self.states.get(body["external_userid"], 4)}

    def _kf_account_list(self, body):
        assert body == {"offset": 0, "limit": 100}
        accounts = [
            {"open_kfid": kfid, "name": "客服", "manage_privilege": kfid not in self.broken}
            for kfid in self.items
        ]
        return {"account_list": accounts}


# ---------------------------------------------------------------- the callback


def signature(*words):
    signer = WeChatSigner()
    signer.add_data(*words)
    return signer.signature


def callback(
    *, kfid=KFID, hint=HINT, token=TOKEN, key=KEY, corp_id=CORP_ID, at=NOW, event="kf_msg_or_event"
):
    """WeCom's call, made by wechatpy."""
    text = (
        f"<xml><ToUserName><![CDATA[{CORP_ID}]]></ToUserName><CreateTime>{at}</CreateTime>"
        f"<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[{event}]]></Event>"
        f"<Token><![CDATA[{hint}]]></Token><OpenKfId><![CDATA[{kfid}]]></OpenKfId></xml>"
    )
    sealed = WeChatCrypto(token, key, corp_id).encrypt_message(text, "n1", str(at))
    cipher = sealed.partition("<Encrypt><![CDATA[")[2].partition("]]>")[0]
    body = f"<xml><ToUserName>{CORP_ID}</ToUserName><Encrypt><![CDATA[{cipher}]]></Encrypt></xml>"
    signed = signature(token, str(at), "n1", cipher)
    query = f"msg_signature={signed}&timestamp={at}&nonce=n1"
    return webhook(body.encode(), url=f"{URL}?{query}")
