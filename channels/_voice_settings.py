"""The settings of a hotline."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from channels._secret import secret_field
from channels._voice_call import e164
from channels._voice_prompts import CHINESE, ENGLISH, LANGUAGES, PROMPTS
from channels._voice_twiml import RECORD_LEAST
from gateway.domain.errors import SettingsError

#: Keys of the menu; zero is a person, star says it again.
_KEYS = frozenset("123456789")
#: Twilio's own limit of a <Record> is four hours; nobody listens to that.
_RECORD_MOST = 600


@dataclass(frozen=True)
class VoiceSettings:
    """One Twilio account and how its hotline speaks."""

    account_sid: str = field(
        metadata={
            "help": "Account SID from the Twilio console",
            "example": "AC00000000000000000000000000000001",
        }
    )
    auth_token: str = field(
        repr=False,
        metadata={
            "help": "Primary auth token: signs webhooks, and signs in to the API without an API key",
            "example": "env:TWILIO_AUTH_TOKEN",
            "secret": True,
        },
    )
    auth_token_previous: str = secret_field(
        "The auth token before it, accepted on webhooks while tokens are rotated",
        "env:TWILIO_AUTH_TOKEN_OLD",
    )
    shared_keys: Mapping[str, str] = field(
        repr=False,
        default_factory=dict,
        metadata={
            "help": "SharedKey webhook secrets by key id; name the old and the new one to rotate",
            "example": {"webhooks_sharedkey_01": "env:TWILIO_SHARED_KEY"},
            "secret": True,
        },
    )
    api_key: str = field(
        default="",
        metadata={
            "help": "API key SID for calls and recordings, so that the auth token need not be used",
            "example": "SK00000000000000000000000000000001",
        },
    )
    api_secret: str = secret_field("Secret of the API key", "env:TWILIO_API_SECRET")
    from_number: str = field(
        default="",
        metadata={"help": "Number that callbacks show, in E.164", "example": "+14155550100"},
    )
    base_url: str = field(
        default="https://api.twilio.com",
        metadata={
            "help": "Address of the REST API: a region's, or a simulator's",
            "example": "https://api.dublin.ie1.twilio.com",
        },
    )
    public_url: str = field(
        default="",
        metadata={
            "help": "Address under which Twilio reaches us, where it is not the gateway's public_url",
            "example": "https://voice.pay.example",
        },
    )
    language: str = field(
        default="",
        metadata={
            "help": "zh-CN or en for every call; number: by the caller's country; empty: ask",
            "example": "number",
        },
    )
    region: str = field(
        default="CN",
        metadata={"help": "Country of numbers that are keyed in without a code", "example": "CN"},
    )
    menu_zh: Mapping[str, str] = field(
        default_factory=dict,
        metadata={
            "help": "The menu in Chinese: key, and what a caller says by it",
            "example": {"1": "充值没有到账", "2": "提现没有到账"},
        },
    )
    menu_en: Mapping[str, str] = field(
        default_factory=dict,
        metadata={
            "help": "The menu in English: key, and what a caller says by it",
            "example": {"1": "a top-up that has not arrived"},
        },
    )
    prompts_zh: Mapping[str, str] = field(
        default_factory=dict,
        metadata={
            "help": "Texts in Chinese that replace the hotline's own, by name",
            "example": {"greeting": "您好，这里是派支付客服热线的自动语音系统。"},
        },
    )
    prompts_en: Mapping[str, str] = field(
        default_factory=dict,
        metadata={
            "help": "Texts in English that replace the hotline's own, by name",
            "example": {"greeting": "Hello, you have reached the automatic system of Pay."},
        },
    )
    voices: Mapping[str, str] = field(
        default_factory=dict,
        metadata={
            "help": "Twilio's voice by language (zh-CN, en)",
            "example": {"zh-CN": "Polly.Zhiyu-Neural"},
        },
    )
    speech_languages: Mapping[str, str] = field(
        default_factory=dict,
        metadata={
            "help": "The name by which Twilio's speech recognition knows a language (zh-CN, en)",
            "example": {"zh-CN": "cmn-Hans-CN", "en": "en-GB"},
        },
    )
    hints: Mapping[str, str] = field(
        default_factory=dict,
        metadata={
            "help": "Words that callers are likely to say, by language, with commas between",
            "example": {"zh-CN": "充值,提现,验证码"},
        },
    )
    record_seconds: int = field(
        default=110,
        metadata={
            "help": "Longest voice message in seconds; Twilio transcribes none over 120",
            "example": 110,
        },
    )
    ring_seconds: int = field(
        default=25,
        metadata={
            "help": "Seconds for which a callback rings, below callbacks.ring_seconds",
            "example": 25,
        },
    )
    machine_detection: bool = field(
        default=True,
        metadata={
            "help": "Have Twilio tell whether a person or a machine answers a callback",
            "example": True,
        },
    )

    @property
    def own_prompts(self) -> Mapping[str, Mapping[str, str]]:
        """The account's own texts by language."""
        return {CHINESE: self.prompts_zh, ENGLISH: self.prompts_en}

    @property
    def menus(self) -> Mapping[str, Mapping[str, str]]:
        """The menus by language."""
        return {CHINESE: self.menu_zh, ENGLISH: self.menu_en}

    def check(self, at: str) -> None:
        """Raise `SettingsError` for a combination that cannot work; `at` is where the account stands
        in the file."""
        if not self.auth_token:
            raise SettingsError("must not be empty", key=f"{at}.auth_token")
        if bool(self.api_key) != bool(self.api_secret):
            raise SettingsError("api_key and api_secret go together", key=f"{at}.api_key")
        if self.from_number and not e164(self.from_number):
            raise SettingsError("is no number in E.164", key=f"{at}.from_number")
        if self.language not in ("", "number", *LANGUAGES):
            raise SettingsError("is zh-CN, en, number or empty", key=f"{at}.language")
        if not RECORD_LEAST <= self.record_seconds <= _RECORD_MOST:
            raise SettingsError(
                f"is {RECORD_LEAST} to {_RECORD_MOST} seconds", key=f"{at}.record_seconds"
            )
        if not 5 <= self.ring_seconds <= 600:
            raise SettingsError("is 5 to 600 seconds", key=f"{at}.ring_seconds")
        for name, menu in (("menu_zh", self.menu_zh), ("menu_en", self.menu_en)):
            if unknown := sorted(set(menu) - _KEYS):
                raise SettingsError(f"has keys 1 to 9, not {unknown[0]!r}", key=f"{at}.{name}")
        for name, own in (("prompts_zh", self.prompts_zh), ("prompts_en", self.prompts_en)):
            if unknown := sorted(set(own) - set(PROMPTS[ENGLISH])):
                raise SettingsError(f"there is no text {unknown[0]!r}", key=f"{at}.{name}")
        for name in ("voices", "speech_languages", "hints"):
            if unknown := sorted(set(getattr(self, name)) - set(LANGUAGES)):
                raise SettingsError(f"knows zh-CN and en, not {unknown[0]!r}", key=f"{at}.{name}")
