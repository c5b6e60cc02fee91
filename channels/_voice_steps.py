"""The steps of a call: what a key or a word means at each, and what is asked next.

Nothing is kept between two steps but the `Place` in the address. Whoever is not understood twice, or says
nothing, comes to the offer of a callback or a voice message; whoever says nothing there either is noted,
so that a person calls back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from channels._voice_call import Call, keyed_number
from channels._voice_place import Had, Place
from channels._voice_prompts import CHINESE, ENGLISH, spoken
from channels._voice_twiml import Script, Voices
from gateway.domain.channel import ChannelEvent, HttpReply, Inbound, Outbound, Parsed
from gateway.domain.errors import ParseError
from gateway.domain.model import JSON, Attachment, InquiryState
from gateway.domain.states import WITH_PEOPLE

#: Misses after which a caller is not asked a third time.
MISSES = 2
#: How often a caller is asked to hold the line for one answer.
WAITS = 2
#: Where Chinese is spoken, for callers whose language is taken from their number.
_CHINESE_SPOKEN = frozenset({"CN", "HK", "MO", "TW"})
#: What a caller says instead of pressing a key; the longest first where one is within another.
_LANGUAGES = {
    CHINESE: ("中文", "汉语", "普通话", "国语", "chinese", "mandarin"),
    ENGLISH: ("英文", "英语", "english"),
}
_VOICEMAIL = ("留言", "message", "voicemail", "voice mail")
_OTHER_NUMBER = ("其他号码", "别的号码", "另一个", "换一个", "another", "other number", "different")
_CALLBACK = ("回电", "回拨", "打给我", "打回来", "call")
_PERSON = "0"
_REPEAT = "*"
_ENDED = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})


@dataclass(frozen=True, slots=True)
class Steps:
    """The hotline of one account."""

    voices: Voices
    menus: Mapping[str, Mapping[str, str]]
    """By language and key: what a caller says by it."""
    language: str
    """Of every call; '' to ask, 'number' to go by the caller's number."""
    region: str

    # ------------------------------------------------------------ what a step brings

    def parse(self, call: Call, place: Place) -> Parsed:
        """The message of a step, or what is said next where it is none. Raises `ParseError`."""
        match place.step:
            case "":
                return self._start(call)
            case "language":
                return self._language(call, place)
            case "topic" | "helped" | "reply":
                return self._answer(call, place)
            case "wait":
                return Parsed((), awaits=(_reference(call, place.told),))
            case "late":
                return self._late(call, place)
            case "person":
                return self._choice(call, place)
            case "number":
                return self._number(call, place)
            case "recorded" | "recording" | "unrecorded":
                return self._recording(call, place)
            case "ended":
                return self._over(call)
            case "fallback":
                return self._fallback(call)
            case step:
                raise ParseError(f"no such step of a call: {step[:40]!r}")

    def _start(self, call: Call) -> Parsed:
        place = Place("topic", lang=self.guess(call))
        if self.language:
            script = self._script(place)
            script.prompt("greeting")
            return Parsed((), self._topic(place, script))
        script = Script(self.voices, place.lang)
        for language in (CHINESE, ENGLISH):
            script.prompt("greeting", language)
        return Parsed((), self._languages(place, script))

    def guess(self, call: Call) -> str:
        """The language that is spoken unless the caller says otherwise."""
        if self.language in (CHINESE, ENGLISH):
            return self.language
        return CHINESE if (call.country or self.region) in _CHINESE_SPOKEN else ENGLISH

    def _language(self, call: Call, place: Place) -> Parsed:
        said = call.speech.casefold()
        language = {"1": CHINESE, "2": ENGLISH}.get(call.digits[:1], "")
        for known, words in _LANGUAGES.items():
            if not language and any(word in said for word in words):
                language = known
        if call.digits[:1] == _PERSON:
            return self._says(call, place, self._text(place, "words_person"))
        if not language and place.miss + 1 < MISSES:
            place = replace(place, miss=place.miss + 1)
            return Parsed((), self._languages(place, Script(self.voices, place.lang)))
        place = replace(place, lang=language or place.lang, miss=0)
        return Parsed((), self._topic(place, self._script(place)))

    def _answer(self, call: Call, place: Place) -> Parsed:
        """A matter, an answer to "did this help", or to a question of the gateway's."""
        key = call.digits[:1]
        if key == _REPEAT:
            if place.told:
                return Parsed((), awaits=(_reference(call, place.told),))
            return Parsed((), self._topic(place, self._script(place)))
        if words := self._words(place, key) or call.speech:
            return self._says(call, place, words)
        place = replace(place, miss=place.miss + 1)
        if place.miss >= MISSES:
            return Parsed((), self._offer(call, place))
        script = self._script(place)
        script.prompt("again")
        if place.step == "topic":
            return Parsed((), self._topic(place, script))
        script.prompt(place.step, inside=script.listen(place))
        return Parsed((), script.reply)

    def _words(self, place: Place, key: str) -> str:
        """What a key says at this step; '' for one that says nothing."""
        if key == _PERSON:
            return self._text(place, "words_person")
        match place.step:
            case "topic":
                return self.menus.get(place.lang, {}).get(key, "")
            case "helped":
                name = {"1": "words_yes", "2": "words_no"}.get(key, "")
                return self._text(place, name) if name else ""
            case _:
                return key if key.isdigit() else ""  # the gateway numbers its own choices

    def _late(self, call: Call, place: Place) -> Parsed:
        """No decision in time: a person has it, whatever is decided yet."""
        event = self._message(call, place, self._text(place, "words_person"), auto=True)
        script = self._script(place)
        script.prompt("passed")
        return Parsed((event,), self._offer(call, self._after(place, "queue"), script), awaits=())

    def _choice(self, call: Call, place: Place) -> Parsed:
        """Callback, voice message, or a person after all."""
        match wish(call):
            case "person":
                if place.had == "queue":
                    return Parsed((), self._offer(call, place))
                return self._says(call, place, self._text(place, "words_person"))
            case "again":
                return Parsed((), self._offer(call, place))
            case "callback" if call.number:
                return self._says(call, place, self._text(place, "words_callback"))
            case "callback" | "number":
                # Noted now: whoever hangs up while keying is not lost.
                events: tuple[ChannelEvent, ...] = ()
                if place.had != "queue":
                    note = self._message(
                        call, place, self._text(place, "words_callback"), auto=True
                    )
                    events, place = (note,), self._after(place, "queue")
                return Parsed(events, self._key_number(place), awaits=())
            case "voicemail":
                return Parsed((), self._voicemail(call, place))
        if call.speech and place.had != "queue":
            return self._says(call, place, call.speech)
        if call.speech:
            more = self._message(call, place, call.speech, auto=True)
            place = replace(self._after(place, "queue"), miss=place.miss)
            return Parsed((more,), self._offer(call, place), awaits=())
        place = replace(place, miss=place.miss + 1)
        if place.miss < MISSES:
            script = self._script(place)
            script.prompt("again")
            return Parsed((), self._offer(call, place, script))
        if place.had:
            return Parsed((), self._goodbye(place))
        return Parsed((), self._voicemail(call, place))

    def _number(self, call: Call, place: Place) -> Parsed:
        number = keyed_number(call.digits, call.country, self.region)
        if number:
            text = self._text(place, "words_callback_to", telephone=number)
            return self._says(call, place, text)
        place = replace(place, miss=place.miss + 1)
        script = self._script(place)
        script.prompt("bad_number")
        if place.miss < MISSES:
            return Parsed((), self._key_number(place, script))
        return Parsed((), self._voicemail(call, place, script))

    def _recording(self, call: Call, place: Place) -> Parsed:
        """A voice message, told of by the step and by the news of its file: one message. Or none."""
        if call.recording and call.recorded in ("", "completed"):
            seconds = int(call.seconds) if call.seconds.isdigit() else 0
            text = self._text(place, "note_recording", seconds=seconds)
            sound = Attachment("message.wav", "audio/x-wav", size=0, url=call.recording)
            event = self._message(call, place, text, auto=True, sound=sound)
            return Parsed((event,), self._script(place).end("recorded", "goodbye").reply, awaits=())
        if place.had == "queue":
            return Parsed((), self._goodbye(place))
        event = self._message(call, place, self._text(place, "note_silent"), auto=True)
        reply = self._goodbye(replace(place, had="queue"))
        return Parsed((event,) if call.number else (), reply, awaits=())

    def _over(self, call: Call) -> Parsed:
        """The call is over. It takes the id of a call's first message: whoever said anything has sent
        that one already, and this is a repetition of it."""
        if not (call.inbound and call.number and call.status in _ENDED):
            return Parsed(())
        place = Place(lang=self.guess(call))
        event = self._message(call, place, self._text(place, "note_missed"), auto=True)
        return Parsed((event,), awaits=())

    def _fallback(self, call: Call) -> Parsed:
        """Twilio did not get, or could not read, our last answer. What was said may be stored or not, so
        the message takes an id of its own."""
        before = Place.of_url(call.failed_url)
        place = replace(before, lang=before.lang or self.guess(call), turn=before.turn + 1)
        script = self._script(place)
        script.prompt("sorry")
        return Parsed((), self._voicemail(call, place, script))

    # ------------------------------------------------------------ what came of it

    def respond(self, call: Call, place: Place, outcome: Sequence[Outbound]) -> HttpReply:
        """What is said when the gateway has decided, or has not in time."""
        parsed = self.parse(call, place)
        # A call back was asked for: the last thing in this call.
        called = place.step == "person" and wish(call) == "callback"
        last = bool(parsed.events) and (called or place.step == "number")
        if parsed.events:
            place = self._after(place, place.had)
        script = self._script(place)
        if not outcome:
            return self._later(place, script, last=last)
        text = " ".join(message.text for message in outcome)
        number, state = outcome[-1].number, InquiryState(outcome[-1].state or InquiryState.QUEUED)
        if number:
            text = text.replace(number, spoken(number))
        if state is InquiryState.WAITING_CUSTOMER:
            script.say(text, inside=script.listen(replace(place, step="reply")))
            return script.reply
        if state is InquiryState.ANSWERED and not last:
            script.say(text, inside=script.listen(replace(place, step="helped", had="answer")))
            return script.reply
        script.say(text)
        if last or state not in WITH_PEOPLE:
            return script.end("goodbye").reply
        place = replace(place, had="queue", no=number)
        if number and spoken(number) not in text:
            script.prompt("number", number=spoken(number))
        return self._offer(call, place, script)

    def _later(self, place: Place, script: Script, *, last: bool) -> HttpReply:
        if last:
            return script.end("called_back", "goodbye").reply
        if place.wait >= WAITS:
            script.go(replace(place, step="late", wait=0))
            return script.reply
        script.prompt("still" if place.wait else "moment")
        script.go(replace(place, step="wait", wait=place.wait + 1))
        return script.reply

    # ------------------------------------------------------------ questions

    def _languages(self, place: Place, script: Script) -> HttpReply:
        heard = script.listen(replace(place, step="language"))
        for language in (CHINESE, ENGLISH):
            script.prompt("language", language, inside=heard)
        return script.reply

    def _topic(self, place: Place, script: Script) -> HttpReply:
        heard = script.listen(replace(place, step="topic"))
        script.prompt("topic", inside=heard)
        for key, text in self.menus.get(place.lang, {}).items():
            script.prompt("entry", inside=heard, key=key, text=text)
        script.prompt("person", inside=heard)
        return script.reply

    def _offer(self, call: Call, place: Place, script: Script | None = None) -> HttpReply:
        """Callback or voice message."""
        script = script or self._script(place)
        if place.step != "person":
            place = replace(place, step="person", miss=0, wait=0)
        elif place.no:
            script.prompt("number", number=spoken(place.no))
        heard = script.listen(place)
        script.prompt("offer" if call.number else "offer_withheld", inside=heard)
        if place.had == "queue":
            script.prompt("may_go", inside=heard)
        return script.reply

    def _key_number(self, place: Place, script: Script | None = None) -> HttpReply:
        script = script or self._script(place)
        if place.step != "number":
            place = replace(place, step="number", miss=0)
        script.prompt("key_number", inside=script.listen(place, keys=0, speech=False))
        return script.reply

    def _voicemail(self, call: Call, place: Place, script: Script | None = None) -> HttpReply:
        script = script or self._script(place)
        script.prompt("voicemail")
        # Who wants to leave a message after an answer still needs something.
        had: Had = "queue" if place.had == "queue" else ""
        place = replace(place, miss=0, wait=0, had=had)
        news = replace(place, step="recording", who=call.number.removeprefix("+"))
        script.record(replace(place, step="recorded"), news, replace(place, step="unrecorded"))
        return script.reply

    def _goodbye(self, place: Place) -> HttpReply:
        kept = ("kept",) if place.had == "queue" else ()
        return self._script(place).end(*kept, "goodbye").reply

    # ------------------------------------------------------------ parts

    def _script(self, place: Place) -> Script:
        return Script(self.voices, place.lang or ENGLISH)

    def _text(self, place: Place, name: str, **values: object) -> str:
        return self.voices.prompts(place.lang, name, **values)

    def _says(self, call: Call, place: Place, text: str) -> Parsed:
        return Parsed((self._message(call, place, text),))

    def _after(self, place: Place, had: Had) -> Place:
        """Behind a message."""
        return replace(place, turn=place.turn + 1, told=place.turn, had=had, miss=0, wait=0)

    def _message(
        self,
        call: Call,
        place: Place,
        text: str,
        *,
        auto: bool = False,
        sound: Attachment | None = None,
    ) -> Inbound:
        """`auto`: nobody hears what would be said to it, so nothing is; a person looks."""
        facts: dict[str, JSON] = {"language": place.lang or ENGLISH, "step": place.step or "start"}
        if auto:
            facts["auto"] = True
        if call.speech and not call.digits:
            facts["confidence"] = call.confidence
        if not call.number:
            facts["withheld"] = True
        return Inbound(
            external_id=_reference(call, place.turn),
            sender=call.handle,
            text=text,
            attachments=(sound,) if sound else (),
            reply_to={"call": call.sid, "to": call.ours},
            facts=facts,
        )


def _reference(call: Call, turn: int) -> str:
    return f"{call.sid}:{turn}"


def wish(call: Call) -> str:
    """What is chosen of the offer: 'callback', 'number', 'voicemail', 'person', 'again', or ''."""
    keys = {"1": "callback", "2": "number", "3": "voicemail", _PERSON: "person", _REPEAT: "again"}
    if call.digits:
        return keys.get(call.digits[:1], "")
    said = call.speech.casefold()
    for meant, words in (
        ("voicemail", _VOICEMAIL), ("number", _OTHER_NUMBER), ("callback", _CALLBACK),
    ):  # fmt: skip
        if any(word in said for word in words):
            return meant
    return ""
