"""WeChat customer service of WeCom (微信客服, "kf"): customers write in WeChat, the company answers by API.

In: `POST /in/wecom/{account}` says no more than that there is news; the messages are fetched with
`kf/sync_msg`, whose cursor is committed with them, and WeCom keeps them for three days. Out:
`kf/send_msg` under an id of ours, which WeCom takes once. docs/channels/wecom.md says how to set an
account up.
"""

import re
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, ClassVar, Self
from urllib.parse import urlencode

from channels._secret import secret_field
from channels._signing import LiveSecrets
from channels._wechat_api import Api, text_of
from channels._wechat_crypto import Envelope, read_xml
from channels._wechat_errors import TOKEN_REFUSED, WECOM
from channels._wechat_token import AccessToken
from channels._wecom_place import Place
from channels._wecom_session import WRONG_STATE, of_session
from channels._wecom_sync import Reading, read_page
from gateway.domain.channel import (
    Batch,
    Capabilities,
    ChannelEvent,
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
    GatewayError,
    ParseError,
    SettingsError,
)
from gateway.domain.model import JSON
from gateway.domain.world import HttpResponse, World

#: Bytes of a text in UTF-8 (developer.work.weixin.qq.com/document/path/96427, text.content).
TEXT_LIMIT = 2048
#: Same page: within 48 hours of the customer's message, at most five.
REPLY_WINDOW, REPLY_BUDGET = 48 * 3600.0, 5
#: Same page: what a msgid of ours may look like.
_OWN_ID = re.compile(r"[0-9a-zA-Z_-]{1,32}").fullmatch
#: Codes that surely do not say "this id was there before"; '' is an answer without one.
_KNOWN_CODES = frozenset({"", *map(str, WECOM), *map(str, TOKEN_REFUSED)})


@dataclass(frozen=True)
class WeComSettings:
    """One app of a company, and the customer service accounts it answers for."""

    corp_id: str = field(
        metadata={"help": "CorpID of the company", "example": "ww0000000000000001"},
    )
    open_kfids: tuple[str, ...] = field(
        metadata={
            "help": "Customer service accounts to answer for; the first writes where none is known",
            "example": ["wk0000000000000000000000000001"],
        },
    )
    secret: str = secret_field("Secret of the app that may call the API", "env:WECOM_SECRET")
    token: str = secret_field("Token of the app's callback", "env:WECOM_TOKEN")
    token_previous: str = secret_field(
        "The Token before it, accepted while it is changed", "env:WECOM_TOKEN_OLD"
    )
    encoding_aes_key: str = secret_field("EncodingAESKey of the callback", "env:WECOM_AES_KEY")
    encoding_aes_key_previous: str = secret_field(
        "The EncodingAESKey before it, accepted while it is changed", "env:WECOM_AES_KEY_OLD"
    )
    identity_secret: str = secret_field(
        "Secret with which your app signs who opens the chat; without it nobody is proved",
        "env:WECOM_IDENTITY_SECRET",
    )
    identity_secret_previous: str = secret_field(
        "The secret before it, accepted while it is changed", "env:WECOM_IDENTITY_SECRET_OLD"
    )
    backlog: float = field(
        default=3600.0,
        metadata={
            "help": "Seconds before the very first poll from which messages are still taken",
            "example": 3600.0,
        },
    )
    poll_interval: float = field(
        default=300.0,
        metadata={
            "help": "Seconds between polls that no callback asked for",
            "example": 300.0,
        },
    )
    base_url: str = field(
        default="https://qyapi.weixin.qq.com",
        metadata={
            "help": "Address of the API; change it for a simulator",
            "example": "https://qyapi.weixin.qq.com",
        },
    )


class WeCom:
    """The channel of one app: `Channel`, `Webhook`, `Poller`, `Probe`."""

    kind: ClassVar[str] = "wecom"
    Settings: ClassVar[type[Any]] = WeComSettings
    capabilities: ClassVar[Capabilities] = Capabilities(
        address_space="wecom",
        form="short",
        text_limit=TEXT_LIMIT,
        text_unit="bytes",
        # A second message under the same id is refused (…/document/path/96427, msgid).
        send_safety="key",
        receipts=True,
        reply_window=REPLY_WINDOW,
        reply_budget=REPLY_BUDGET,
        secrets=(
            "secret",
            "token",
            "token_previous",
            "encoding_aes_key",
            "encoding_aes_key_previous",
            "identity_secret",
            "identity_secret_previous",
        ),
    )

    def __init__(self, settings: WeComSettings, world: World, envelope: Envelope) -> None:
        self._settings = settings
        self._world = world
        self._envelope = envelope
        token = AccessToken(world, self._fetch, (settings.corp_id, settings.secret))
        self._api = Api(world, settings.base_url, token, WECOM, "WeCom")
        self._identity = LiveSecrets.rotating(
            settings.identity_secret, settings.identity_secret_previous
        )
        self.poll_interval = settings.poll_interval

    @classmethod
    def from_account(cls, settings: WeComSettings, world: World) -> Self:
        """Raises SettingsError for what is missing."""
        at = f"accounts.{world.account_id}"
        for name in ("corp_id", "open_kfids", "secret", "token", "encoding_aes_key"):
            if not getattr(settings, name):
                raise SettingsError("must not be empty", key=f"{at}.{name}")
        if not 10 <= settings.poll_interval <= 86_400:
            raise SettingsError("must be between ten seconds and a day", key=f"{at}.poll_interval")
        names = ("encoding_aes_key", "encoding_aes_key_previous")
        envelope = Envelope.of(
            (settings.token, settings.token_previous),
            {f"{at}.{name}": getattr(settings, name) for name in names},
            settings.corp_id,
        )
        return cls(settings, world, envelope)

    # ------------------------------------------------------------ in

    def verify(self, request: HttpRequest) -> Verified:
        """The signature in the address, and that the call is for this company. Raises BadSignature."""
        return Verified("wecom-aes", self._opened(request)[0])

    def parse(self, request: HttpRequest) -> Parsed:
        """That there is news; or the word a new address is tried with. Raises ParseError."""
        if request.path:
            raise ParseError(f"no such webhook of a WeCom account: {request.path[:40]!r}")
        try:
            text = self._opened(request)[1]
        except BadSignature as error:
            raise ParseError(str(error)) from error
        if request.method == "GET":
            return Parsed((), HttpReply(200, text))
        fields = read_xml(text)
        kfid = fields.get("OpenKfId", "")
        if fields.get("Event") != "kf_msg_or_event":
            return Parsed(())
        if kfid and kfid not in self._settings.open_kfids:
            return Parsed(())
        return Parsed((), poll=f"{kfid}:{fields.get('Token', '')}")

    def _opened(self, request: HttpRequest) -> tuple[str, bytes]:
        """The name of the secret it was signed with, and what was in it. Raises BadSignature."""
        if request.method == "GET":
            # The base64 has been through an address, where a plus sign may have become a blank.
            encrypted = dict(request.query()).get("echostr", "").replace(" ", "+")
        else:
            try:
                encrypted = read_xml(request.body).get("Encrypt", "")
            except ParseError as error:
                raise BadSignature(str(error)) from error
        stamp = self._envelope.check(request, "msg_signature", encrypted)
        return stamp.key_id, self._envelope.open(encrypted).text

    async def poll(self, cursor: JSON, hint: str = "") -> Batch:
        """One page of every customer service account, or of those whose last page was not the last.

        One that fails does not hold up the others: it is asked again the next time. Raises what the
        last of them failed with, DeliveryError or ParseError, when nothing came from any.
        """
        now, ours = self._world.clock.now(), self._settings.open_kfids
        place = Place.of(cursor)
        hinted, _, word = hint.partition(":")
        reading = Reading(place, ours, self._identity)
        events: list[ChannelEvent] = []
        unread: list[str] = []
        failures: list[GatewayError] = []
        asked = [kfid for kfid in place.unread if kfid in ours] or list(ours)
        for kfid in asked:
            token = word if hinted in {"", kfid} else ""
            begin = place.begin(kfid, now - self._settings.backlog)
            try:
                page = await read_page(self._api, kfid, begin, token)
            except (DeliveryError, ParseError) as failure:
                failures.append(failure)
                continue
            events += reading.events(page.items)
            place.cursors[kfid] = page.next_cursor
            unread += [kfid] if page.more else []
        if len(failures) == len(asked):
            raise failures[-1]
        for error in failures:
            self._world.log.warning("an account's messages were not read", why=str(error))
        if reading.skipped:
            self._world.log.info("items passed over", **reading.skipped)
        # When only some were asked, the others have not been, whatever the callback was about.
        more = bool(unread or place.unread)
        place.unread = tuple(unread)
        place.forget(now)
        return Batch(tuple(events), place.as_json(), more)

    # ------------------------------------------------------------ out

    async def send(self, outbound: Outbound) -> Sent:
        """Send one message. Raises `DeliveryError`; never repeats by itself."""
        text = text_of(outbound, TEXT_LIMIT, "WeCom")
        kfid = str(outbound.reply_to.get("open_kfid") or self._settings.open_kfids[0])
        own_id = _own_id(outbound.id)
        message = {
            "touser": outbound.to,
            "open_kfid": kfid,
            "msgid": own_id,
            "msgtype": "text",
            "text": {"content": text},
        }
        try:
            answer = await self._api.send("/cgi-bin/kf/send_msg", message)
        except DeliveryError as error:
            if error.provider_code == WRONG_STATE:
                raise await of_session(self._api, outbound.to, kfid) from error
            if outbound.attempt > 1 and error.provider_code not in _KNOWN_CODES:
                # What WeCom says to an id it has had is not documented; this may be it.
                raise _unsure(error) from error
            raise
        theirs = answer.get("msgid")
        return Sent(external_id=theirs if isinstance(theirs, str) and theirs else own_id)

    async def health(self) -> Health:
        """Ask for a token and, with it, which customer service accounts the app may manage."""
        try:
            answer = await self._api.ask(
                "POST", "/cgi-bin/kf/account/list", {"offset": 0, "limit": 100}
            )
        except DeliveryError as error:
            return Health(False, error.detail)
        listed = answer.get("account_list")
        managed = {
            account.get("open_kfid")
            for account in (listed if isinstance(listed, list) else ())
            if isinstance(account, dict) and account.get("manage_privilege", True)
        }
        missing = [kfid for kfid in self._settings.open_kfids if kfid not in managed]
        # A company with more than a hundred has them on the next page.
        if missing and len(managed) < 100:
            return Health(False, f"the app may not manage {', '.join(missing)}")
        return Health(True, "WeCom takes our access token")

    async def _fetch(self) -> HttpResponse:
        """WeCom wants the secret in the address (…/document/path/91039)."""
        settings = self._settings
        query = urlencode({"corpid": settings.corp_id, "corpsecret": settings.secret})
        url = f"{settings.base_url.rstrip('/')}/cgi-bin/gettoken?{query}"
        return await self._world.http.request("GET", url)


def _own_id(outbound_id: str) -> str:
    """Ours where WeCom takes it, else a digest of it: the same for every try."""
    return outbound_id if _OWN_ID(outbound_id) else sha256(outbound_id.encode()).hexdigest()[:32]


def _unsure(error: DeliveryError) -> DeliveryError:
    return DeliveryError(
        Failure.UNKNOWN, f"{error.detail}, at a repeated try", provider_code=error.provider_code
    )
