"""Puts together what Twilio is to do next, with the official library's TwiML."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from twilio.twiml.voice_response import Gather, VoiceResponse

from channels._voice_place import Place
from channels._voice_prompts import CHINESE, ENGLISH, Prompts
from gateway.domain.channel import HttpReply

#: twilio.com/docs/voice/twiml/say: more in one <Say> is refused.
SAY_LIMIT = 4096
#: Seconds of silence after which Twilio goes on (twilio.com/docs/voice/twiml/gather#timeout).
PATIENCE = 6
#: Seconds of silence that end a sentence. A number: 'auto' is refused for some speech models (13335).
SPEECH_END = 2
#: twilio.com/docs/voice/twiml/record: what is longer than 120 s is not transcribed; at least 2.
RECORD_LEAST = 2

#: Twilio wants a region with its languages: 'en' alone is refused (twilio.com/docs/api/errors/13512).
TAGS: Mapping[str, str] = {CHINESE: "zh-CN", ENGLISH: "en-US"}

TWIML = "text/xml; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Voices:
    """How an account speaks and listens."""

    base: str
    """Address of the account's webhook, without a closing slash."""
    prompts: Prompts
    voices: Mapping[str, str] = field(default_factory=dict)
    """Twilio's voice by language; where there is none, the one Twilio takes for the language."""
    speech: Mapping[str, str] = field(default_factory=dict)
    """The language in which Twilio listens, where it is not the one spoken."""
    hints: Mapping[str, str] = field(default_factory=dict)
    record_seconds: int = 110


class Script:
    """One document, built line by line."""

    def __init__(self, voices: Voices, language: str) -> None:
        self._voices = voices
        self._language = language
        self.response = VoiceResponse()

    def say(self, text: str, language: str = "", inside: Any = None) -> None:
        """Speak a text; a long one in several pieces."""
        language = language or self._language
        spoken: dict[str, str] = {"language": TAGS[language]}
        if voice := self._voices.voices.get(language):
            spoken["voice"] = voice
        left = _xml(text).strip()
        while left:
            cut = len(left) if len(left) <= SAY_LIMIT else _pause(left[:SAY_LIMIT])
            (inside or self.response).say(left[:cut], **spoken)
            left = left[cut:].strip()

    def prompt(self, name: str, language: str = "", inside: Any = None, **values: object) -> None:
        """Speak one of the account's own texts."""
        language = language or self._language
        self.say(self._voices.prompts(language, name, **values), language, inside)

    def listen(self, place: Place, *, keys: int = 1, speech: bool = True) -> Gather:
        """Ask, for a key or words; the answer, also none, goes to `place`. `keys` 0: any number of
        them, up to '#'."""
        told: dict[str, Any] = {"num_digits": keys} if keys else {"finish_on_key": "#"}
        if keys:
            told["finish_on_key"] = ""  # the star is a key like any other
        if speech:
            told["language"] = self._voices.speech.get(self._language) or TAGS[self._language]
            told["speech_timeout"] = SPEECH_END
            if hints := self._voices.hints.get(self._language, ""):
                told["hints"] = hints
        return self.response.gather(
            input="dtmf speech" if speech else "dtmf",
            action=place.url(self._voices.base),
            method="POST",
            timeout=PATIENCE,
            action_on_empty_result=True,
            **told,
        )

    def record(self, done: Place, news: Place, empty: Place) -> None:
        """Record a message: `done` is where the call goes on, `news` is told of the file, `empty` is
        where a call without a word goes on."""
        base = self._voices.base
        self.response.record(
            action=done.url(base),
            method="POST",
            max_length=max(RECORD_LEAST, self._voices.record_seconds),
            timeout=PATIENCE,
            finish_on_key="#",
            play_beep=True,
            recording_status_callback=news.url(base),
            recording_status_callback_event="completed absent",
        )
        self.go(empty)

    def go(self, place: Place) -> None:
        """On with another step."""
        self.response.redirect(place.url(self._voices.base), method="POST")

    def end(self, *prompts: str) -> "Script":
        """Say these and hang up."""
        for name in prompts:
            self.prompt(name)
        self.response.hangup()
        return self

    @property
    def reply(self) -> HttpReply:
        """The document."""
        return HttpReply(200, str(self.response).encode(), TWIML)


def _xml(text: str) -> str:
    """Without the characters that no XML may hold."""
    kept = (char for char in text if char in "\t\n\r" or char >= " ")
    return "".join(char for char in kept if char not in "\ufffe\uffff")


def _pause(text: str) -> int:
    """Behind the last sentence, else the last word of a text that has to be cut somewhere."""
    for ends in ("。！？.!?", "，、,; "):
        if (at := max(text.rfind(end) for end in ends)) > 0:
            return at + 1
    return len(text)
