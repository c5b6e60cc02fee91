"""A WeChat Official Account (公众号): its webhook, the answer in the webhook's reply, and customer
service messages.

In: `GET` and `POST /in/wechat/{account}`, plain or encrypted. Out: what is decided within seconds goes
back in the reply to the call and costs no quota; everything else through `message/custom/send`, which
has no idempotency key and no list. docs/channels/wechat.md says how to set an account up.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from channels._secret import secret_field
from channels._text import clean
from channels._wechat_api import JSON_TYPE, Api, text_of
from channels._wechat_crypto import Envelope, Opened, Stamp, flat_xml, read_xml
from channels._wechat_errors import OFFICIAL_ACCOUNT
from channels._wechat_messages import read_message
from channels._wechat_nonces import Nonces
from channels._wechat_token import AccessToken
from gateway.domain.channel import (
    Capabilities,
    Health,
    HttpReply,
    HttpRequest,
    Outbound,
    Parsed,
    Sent,
    Verified,
)
from gateway.domain.errors import (
    BadSignature,
    DeliveryError,
    Failure,
    ParseError,
    SettingsError,
)
from gateway.domain.world import HttpResponse, World

#: Bytes of a text in UTF-8. developers.weixin.qq.com/community/develop/doc/00084e2936c340b9015a753405b800
#: measured it; more is refused with 45002.
TEXT_LIMIT = 2048
#: developers.weixin.qq.com/doc/service/api/customer/message/api_sendcustommessage
REPLY_WINDOW, REPLY_BUDGET = 48 * 3600.0, 5
#: WeChat waits five seconds (…/doc/service/en/Message_Management/Passive_user_reply_message.html) and
#: tells the customer that the account is out of order when nothing comes; some of it is the way here.
ANSWERS_WITHIN = 3.5
#: The answer after which WeChat neither repeats the call nor tells the customer anything (same page).
_TAKEN = HttpReply(200, b"success")


@dataclass(frozen=True)
class WeChatSettings:
    """One Official Account."""

    app_id: str = field(
        metadata={"help": "AppID of the account", "example": "wx0000000000000001"},
    )
    app_secret: str = secret_field("AppSecret of the account", "env:WECHAT_APP_SECRET")
    token: str = secret_field("Token of the server configuration", "env:WECHAT_TOKEN")
    token_previous: str = secret_field(
        "The Token before it, accepted while it is changed", "env:WECHAT_TOKEN_OLD"
    )
    encoding_aes_key: str = secret_field(
        "EncodingAESKey; with it every call has to be encrypted", "env:WECHAT_AES_KEY"
    )
    encoding_aes_key_previous: str = secret_field(
        "The EncodingAESKey before it, accepted while it is changed", "env:WECHAT_AES_KEY_OLD"
    )
    original_id: str = field(
        default="",
        metadata={
            "help": "Original id of the account; calls for another one are then passed over",
            "example": "gh_000000000001",
        },
    )
    menu_texts: Mapping[str, str] = field(
        default_factory=dict,
        metadata={
            "help": "What a customer says by choosing a menu entry: its key and the text",
            "example": {"HUMAN": "人工客服"},
        },
    )
    base_url: str = field(
        default="https://api.weixin.qq.com",
        metadata={
            "help": "Address of the API: a region's, or a simulator's",
            "example": "https://sh.api.weixin.qq.com",
        },
    )


class WeChat:
    """The channel of one account: `Channel`, `Webhook`, `Doorkeeper`, `Responder`, `Probe`."""

    kind: ClassVar[str] = "wechat"
    Settings: ClassVar[type[Any]] = WeChatSettings
    capabilities: ClassVar[Capabilities] = Capabilities(
        address_space="wechat",
        form="short",
        text_limit=TEXT_LIMIT,
        text_unit="bytes",
        reply_window=REPLY_WINDOW,
        reply_budget=REPLY_BUDGET,
        answers_within=ANSWERS_WITHIN,
        secrets=(
            "app_secret",
            "token",
            "token_previous",
            "encoding_aes_key",
            "encoding_aes_key_previous",
        ),
    )

    def __init__(self, settings: WeChatSettings, world: World, envelope: Envelope) -> None:
        self._settings = settings
        self._world = world
        self._envelope = envelope
        token = AccessToken(world, self._fetch, (settings.app_id, settings.app_secret))
        self._api = Api(world, settings.base_url, token, OFFICIAL_ACCOUNT, "WeChat")
        self._nonces = Nonces(world)

    @classmethod
    def from_account(cls, settings: WeChatSettings, world: World) -> Self:
        """Raises SettingsError when nothing would prove that a call is genuine."""
        at = f"accounts.{world.account_id}"
        for name in ("app_id", "app_secret", "token"):
            if not getattr(settings, name):
                raise SettingsError("must not be empty", key=f"{at}.{name}")
        if settings.encoding_aes_key_previous and not settings.encoding_aes_key:
            raise SettingsError("is missing beside the one before it", key=f"{at}.encoding_aes_key")
        names = ("encoding_aes_key", "encoding_aes_key_previous")
        envelope = Envelope.of(
            (settings.token, settings.token_previous),
            {f"{at}.{name}": getattr(settings, name) for name in names},
            settings.app_id,
        )
        return cls(settings, world, envelope)

    # ------------------------------------------------------------ in

    def verify(self, request: HttpRequest) -> Verified:
        """The signature in the address; of an encrypted call also that it is for this account."""
        if request.method != "GET" and self._envelope.keys:
            return Verified("wechat-aes", self._opened(request)[0].key_id)
        return Verified("wechat", self._envelope.check(request, "signature").key_id)

    async def admit(self, request: HttpRequest) -> None:
        """Without encryption the signature says nothing of the body, so it is bound to the first one
        that came with it. Raises BadSignature."""
        if request.method != "GET" and not self._envelope.keys:
            await self._nonces.bind(self._envelope.check(request, "signature"), request.body)

    def parse(self, request: HttpRequest) -> Parsed:
        """One message, nothing for an event that is none, or the word a new address is tried with.
        Raises ParseError."""
        if request.path:
            raise ParseError(f"no such webhook of an Official Account: {request.path[:40]!r}")
        if request.method == "GET":
            echo = dict(request.query()).get("echostr", "")
            if not echo:
                raise ParseError("echostr is missing")
            return Parsed((), HttpReply(200, echo.encode("utf-8", "replace")))
        fields = self._fields(request)
        ours = self._settings.original_id
        if ours and fields.get("ToUserName") != ours:
            return Parsed((), _TAKEN)
        message = read_message(fields, self._settings.menu_texts)
        return Parsed((message,) if message else (), _TAKEN)

    async def respond(
        self, request: HttpRequest, outcome: Sequence[Outbound], deadline: float
    ) -> HttpReply:
        """What was decided in time, as one text; encrypted as the call was. The same for a repeated
        call, down to the byte when its address is the same.

        Raises DeliveryError when the texts together are more than a reply takes: they are sent then.
        """
        if not outcome:
            return self.parse(request).reply
        text = clean("\n\n".join(message.text for message in outcome))
        if (size := len(text.encode())) > TEXT_LIMIT:
            raise DeliveryError(Failure.REJECTED, f"{size} bytes, a reply takes {TEXT_LIMIT}")
        fields = self._fields(request)
        stamp = fields.get("CreateTime", "").strip()
        answer = flat_xml(
            {
                "ToUserName": fields.get("FromUserName", ""),
                "FromUserName": fields.get("ToUserName", ""),
                # Not our clock: a repeated call has to get what the first one got.
                "CreateTime": int(stamp) if stamp.isascii() and stamp.isdigit() else int(deadline),
                "MsgType": "text",
                "Content": text,
            }
        )
        if self._envelope.keys:
            signed, opened = self._opened(request)
            answer = self._envelope.seal(answer.decode(), opened, signed)
        return HttpReply(200, answer, "text/xml; charset=utf-8")

    def _opened(self, request: HttpRequest) -> tuple[Stamp, Opened]:
        """An encrypted call, checked and decrypted. Raises BadSignature."""
        if dict(request.query()).get("encrypt_type") != "aes":
            # Nor in the compatible mode, which sends both: what is not encrypted is not signed.
            raise BadSignature("the call is not encrypted, and this account has a key")
        try:
            encrypted = read_xml(request.body).get("Encrypt", "")
        except ParseError as error:
            raise BadSignature(str(error)) from error
        stamp = self._envelope.check(request, "msg_signature", encrypted)
        return stamp, self._envelope.open(encrypted)

    def _fields(self, request: HttpRequest) -> dict[str, str]:
        """The fields of the message, whichever way it came. Raises ParseError."""
        if self._envelope.keys:
            try:
                return read_xml(self._opened(request)[1].text)
            except BadSignature as error:
                raise ParseError(str(error)) from error
        fields = read_xml(request.body)
        if "Encrypt" in fields and "FromUserName" not in fields:
            raise ParseError("the call is encrypted, and encoding_aes_key is not set")
        return fields

    # ------------------------------------------------------------ out

    async def send(self, outbound: Outbound) -> Sent:
        """Send one customer service message. Raises `DeliveryError`; never repeats by itself."""
        text = text_of(outbound, TEXT_LIMIT, "WeChat")
        message = {"touser": outbound.to, "msgtype": "text", "text": {"content": text}}
        await self._api.send("/cgi-bin/message/custom/send", message)
        # WeChat gives such a message no id.
        return Sent(external_id=outbound.id)

    async def health(self) -> Health:
        """Ask for a token and, with it, for the addresses that WeChat calls from."""
        try:
            await self._api.ask("GET", "/cgi-bin/getcallbackip")
        except DeliveryError as error:
            return Health(False, error.detail)
        return Health(True, "WeChat takes our access token")

    async def _fetch(self) -> HttpResponse:
        """A token that every process gets alike until it ends, so none of them has to lead
        (developers.weixin.qq.com/doc/service/api/base/api_getstableaccesstoken)."""
        settings = self._settings
        wanted = {
            "grant_type": "client_credential",
            "appid": settings.app_id,
            "secret": settings.app_secret,
        }
        return await self._world.http.request(
            "POST",
            f"{settings.base_url.rstrip('/')}/cgi-bin/stable_token",
            headers=JSON_TYPE,
            body=json.dumps(wanted).encode(),
        )
