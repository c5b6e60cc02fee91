"""A hotline without a gateway behind it: what a call brings is kept, and a test says what is decided."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from channels.voice import Voice, VoiceSettings
from gateway.domain.channel import Inbound, Outbound
from gateway.domain.errors import BadSignature, ParseError
from gateway.testing.builders import outbound, webhook
from gateway.testing.phone import Act, Phone, PhoneCall
from gateway.testing.world import build_world

SID, TOKEN = "AC5e000000000000000000000000000001", "token-of-the-hotline"
PUBLIC = "https://gateway.example"
BASE = f"{PUBLIC}/in/voice/main"
CALLER, HOTLINE = "+8613800138000", "+14155550100"
NUMBER = "260131-004217"
MENU = {"menu_zh": {"1": "充值没有到账"}, "menu_en": {"1": "a top-up that has not arrived"}}


def build(world=None, **changes) -> Voice:
    values = {"account_sid": SID, "auth_token": TOKEN, "from_number": HOTLINE} | MENU | changes
    return Voice.from_account(VoiceSettings(**values), world or build_world())


def said(text: str, state: str, number: str = NUMBER) -> list[Outbound]:
    return [replace(outbound(text=text, number=number), state=state)]


def nothing(_event: Inbound) -> list[Outbound]:
    """No decision in time."""
    return []


@dataclass
class Bench:
    """Verifies, keeps once and answers, as the gateway's webhook route does."""

    decide: Callable[[Inbound], list[Outbound]] = nothing
    settings: Mapping[str, object] = field(default_factory=lambda: {"language": "en"})
    inbox: dict[str, Inbound] = field(default_factory=dict)
    repeated: int = 0
    """How often a message came again."""
    broken: set[str] = field(default_factory=set)
    """Steps at which the gateway cannot be reached."""
    twice: bool = False
    """Each request is repeated, and has to be answered alike."""

    def __post_init__(self) -> None:
        self.channel = build(**self.settings)

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        first = await self._post(url, headers, body)
        if self.twice:
            inbox = dict(self.inbox)
            assert await self._post(url, headers, body) == first
            assert self.inbox == inbox
        return first

    async def _post(self, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        step = urlsplit(url).path.removeprefix("/in/voice/main").lstrip("/")
        if step in self.broken:
            return 503, b""
        request = webhook(body, headers=headers, url=url, path=step)
        try:
            self.channel.verify(request)
            parsed = self.channel.parse(request)
        except BadSignature:
            return 403, b""
        except ParseError as error:
            return 400, str(error).encode()
        for event in parsed.events:
            assert isinstance(event, Inbound)
            self.repeated += event.external_id in self.inbox
            self.inbox.setdefault(event.external_id, event)
        keys = [event.external_id for event in parsed.events]
        keys = keys if parsed.awaits is None else list(parsed.awaits)
        if not keys:
            return parsed.reply.status, parsed.reply.body
        decided = [message for key in keys for message in self.decided(key)]
        reply = await self.channel.respond(request, decided, 0.0)
        return reply.status, reply.body

    def decided(self, key: str) -> list[Outbound]:
        return self.decide(self.inbox[key]) if key in self.inbox else []

    def phone(self, **changes) -> Phone:
        values = {
            "url": BASE,
            "token": TOKEN,
            "account_sid": SID,
            "number": CALLER,
            "hotline": HOTLINE,
            "status_url": f"{BASE}/ended",
            "fallback_url": f"{BASE}/fallback",
            "post": self.post,
        }
        return Phone(**(values | changes))

    async def call(self, *acts: Act, **changes) -> PhoneCall:
        return await self.phone(**changes).call(*acts)

    @property
    def texts(self) -> list[str]:
        return [event.text for event in self.inbox.values()]
