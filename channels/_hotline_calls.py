"""From the events of a hotline operator to the gateway's."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from channels._json_fields import inner, name, size, text
from channels._phone_fields import moment, phone
from gateway.domain.channel import Inbound
from gateway.domain.errors import ParseError
from gateway.domain.model import JSON, Attachment

CHINESE, ENGLISH = "zh-CN", "en"
#: What a caller who reached nobody is taken to say: words that ask for a call, in the gateway's own sense.
MISSED = {
    CHINESE: "我打了客服热线，没有人接听，请给我回电话。",
    ENGLISH: "I called the hotline and nobody answered. Please call me back.",
}
#: The same for a voice message that nobody has written down.
LEFT_A_MESSAGE = {
    CHINESE: "我在客服热线留了言，请听录音，然后给我回电话。",
    ENGLISH: "I left a voice message on the hotline. Please listen to it and call me back.",
}
_CHINESE_SPOKEN = re.compile(r"\+(86|852|853|886)").match
_EXTENSIONS = {
    "audio/mpeg": ".mp3",
    "audio/wav": ".wav",
    "audio/x-wav": ".wav",
    "audio/amr": ".amr",
}


@dataclass(frozen=True, slots=True)
class Calls:
    """How one account's events are read."""

    language: str
    """Of every caller; '' to go by the number."""
    written_to: bool
    """Whether a caller can be sent a text. Where not, nothing automatic is said; a call is noted all the
    same."""

    def read(self, item: Mapping[str, Any], at: str) -> Inbound | None:
        """One event; None for what nobody has to do anything about. Raises `ParseError`."""
        match text(item, "event", at):
            case "missed":
                return self._missed(item, at)
            case "voicemail":
                return self._voicemail(item, at)
            case "":
                raise ParseError(f"{at}event is missing")
        return None

    def _missed(self, item: Mapping[str, Any], at: str) -> Inbound | None:
        caller = phone(item, "caller", at)
        # Nobody can call back who is not known.
        return self._inbound(item, at, caller, MISSED[self._spoken(caller)]) if caller else None

    def _voicemail(self, item: Mapping[str, Any], at: str) -> Inbound:
        recording = inner(item, "recording", at)
        url = text(recording, "url", f"{at}recording.")
        if not url.startswith("https://"):
            raise ParseError(f"{at}recording.url is no https address")
        kind = text(recording, "content_type", f"{at}recording.") or "audio/mpeg"
        sound = Attachment(
            f"voicemail{_EXTENSIONS.get(kind, '')}", kind, size(recording, "size"), url=url
        )
        # A message is heard even when its caller is not known.
        caller = phone(item, "caller", at) or f"withheld:{name(item, 'call', at)}"
        said = text(item, "transcript", at).strip() or LEFT_A_MESSAGE[self._spoken(caller)]
        return self._inbound(item, at, caller, said, (sound,))

    def _inbound(
        self,
        item: Mapping[str, Any],
        at: str,
        caller: str,
        said: str,
        files: tuple[Attachment, ...] = (),
    ) -> Inbound:
        facts: dict[str, JSON] = {
            "call": text(item, "event", at),
            "language": self._spoken(caller),
        }
        if not self.written_to or not caller.startswith("+"):
            facts["auto"] = True
        called = text(item, "called", at)
        return Inbound(
            # One of a kind for each call, under whatever number the operator repeats it.
            external_id=f"{name(item, 'call', at)}:{facts['call']}",
            sender=caller,
            text=said,
            at=moment(item, "at", at),
            attachments=files,
            reply_to={"called": called} if called else {},
            facts=facts,
        )

    def _spoken(self, caller: str) -> str:
        if self.language:
            return self.language
        return CHINESE if _CHINESE_SPOKEN(caller) or not caller.startswith("+") else ENGLISH
