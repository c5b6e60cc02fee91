"""The life of a callback: what a customer wished, when it may be called, and what each try led to.

Pure: moments are seconds since 1970 and passed in. A callback that is not over always has `moment`,
at which `advance` says what time alone does to it, so none is forgotten; its place (`rank`,
`waiting_since`) is the one it had when it was asked for and is written nowhere else. Dialling is the
telephony's; it asks here whether it may.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers
from phonenumbers import PhoneNumberType as Type
from phonenumbers import ValidationResult as Length
from phonenumbers.timezone import time_zones_for_number

from gateway.domain.errors import NotAllowed
from gateway.domain.model import JSON


class State(StrEnum):
    """Where a callback stands."""

    REQUESTED = "requested"
    """The customer has not said when yet, or where they are."""
    SCHEDULED = "scheduled"
    DUE = "due"
    OFFERED = "offered"
    """An agent is asked first (mode 'agent_first')."""
    DIALLING = "dialling"
    TALKING = "talking"
    DONE = "done"
    RETRY = "retry"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    """Its window passed before it was reached, or the customer never said when."""


S = State
_PENDING = (S.REQUESTED, S.SCHEDULED, S.DUE, S.RETRY)
#: (state, verb) → next state. A verb that is not here is not allowed in that state.
TRANSITIONS: dict[tuple[S, str], S] = {
    **{(state, "schedule"): S.SCHEDULED for state in _PENDING},
    **{(state, "expire"): S.EXPIRED for state in _PENDING},
    **{(state, "cancel"): S.CANCELLED for state in (*_PENDING, S.OFFERED)},
    (S.SCHEDULED, "fall_due"): S.DUE,
    (S.RETRY, "fall_due"): S.DUE,
    # Quiet hours have begun before anybody was free.
    (S.DUE, "postpone"): S.SCHEDULED,
    (S.DUE, "offer"): S.OFFERED,
    (S.OFFERED, "return"): S.DUE,
    (S.OFFERED, "dial"): S.DIALLING,
    (S.DUE, "dial"): S.DIALLING,
    (S.DIALLING, "answer"): S.TALKING,
    (S.DIALLING, "miss"): S.RETRY,
    (S.DIALLING, "fail"): S.FAILED,
    (S.DIALLING, "decline"): S.CANCELLED,
    # The line broke, or no agent came to a customer who was called first.
    (S.TALKING, "drop"): S.RETRY,
    (S.TALKING, "fail"): S.FAILED,
    (S.TALKING, "finish"): S.DONE,
}
OVER = frozenset({S.DONE, S.FAILED, S.CANCELLED, S.EXPIRED})

Outcome = Literal[
    "answered", "busy", "no_answer", "voicemail", "wrong_number", "declined", "lost", "dropped"
]
"""What a try led to. 'declined': the customer no longer wants the call (a ring that is pushed away is
'busy'). 'lost': nobody told within the time, as after a crash; the telephone may have rung.
'dropped': answered, but not talked to the end."""
#: The verb of each outcome. 'miss' and 'drop' become 'fail' where no try is left.
LEADS_TO: dict[Outcome, str] = {
    "answered": "answer",
    "busy": "miss",
    "no_answer": "miss",
    "voicemail": "miss",
    "lost": "miss",
    "wrong_number": "fail",
    "declined": "decline",
    "dropped": "drop",
}
Mode = Literal["agent_first", "customer_first"]


def move(state: State, verb: str) -> State:
    """The state after `verb`. Raises `NotAllowed` and says which verbs are allowed instead."""
    try:
        return TRANSITIONS[state, verb]
    except KeyError:
        allowed = ", ".join(sorted(v for at, v in TRANSITIONS if at is state)) or "nothing"
        msg = f"cannot {verb} a callback that is {state}; allowed: {allowed}"
        raise NotAllowed(msg) from None


# ---------------------------------------------------------------- values


@dataclass(frozen=True, slots=True)
class Window:
    """When the customer wants to be called."""

    start: float
    end: float
    """Not part of it."""
    zone: str
    """Where the customer is: IANA name."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hours of the day, by the customer's clock, in which a brand calls nobody. May go over midnight;
    equal times: none."""

    start: time = time(21)
    end: time = time(9)

    def over_at(self, at: float, zone: str) -> float:
        """`at` where it is not quiet then, else the end of the quiet hours."""
        local = datetime.fromtimestamp(at, ZoneInfo(zone))
        clock = local.time()
        if self.start <= self.end:
            quiet = self.start <= clock < self.end
        else:
            quiet = clock >= self.start or clock < self.end
        if not quiet:
            return at
        if clock < self.end:  # the same day: keeps which of two equal hours it is
            local = datetime.combine(local, self.end, local.tzinfo).replace(fold=local.fold)
        else:
            local = datetime.combine(local + timedelta(days=1), self.end, local.tzinfo)
        # Again: an end that a change of clocks leaves out lands later.
        return self.over_at(local.timestamp(), zone)


@dataclass(frozen=True, slots=True)
class Policy:
    """How a brand calls back; times in seconds."""

    attempts: int = 3
    pause: float = 900.0
    """Between two tries."""
    offer: float = 30.0
    """For how long an agent is asked."""
    ring: float = 90.0
    """After which a try that nobody told of is lost; longer than the telephony lets it ring."""
    talk: float = 4 * 3600.0
    """After which a conversation that nobody ended is taken as ended."""
    patience: float = 24 * 3600.0
    """For how long the customer may take to say when."""
    quiet: Quiet = Quiet()


@dataclass(frozen=True, slots=True)
class Attempt:
    """One dialling; counted from its beginning, so that a crash does not make it free."""

    at: float
    agent: str
    outcome: Outcome | None = None
    ended: float | None = None


@dataclass(frozen=True, slots=True)
class Callback:
    """A wish to be called. Changed by the functions below only."""

    id: str
    inquiry_id: str
    number: str
    """E.164."""
    brand: str
    channel: str
    """From which it was asked for."""
    waiting_since: float
    rank: float
    """With `waiting_since` the place of the inquiry when it was asked for; never changes."""
    moment: float
    """When `advance` has something to say, unless it is over."""
    mode: Mode = "agent_first"
    state: State = State.REQUESTED
    window: Window | None = None
    agent: str = ""
    """To whom it is offered, or who calls."""
    attempts: tuple[Attempt, ...] = ()
    reason: str = ""
    """Why it was cancelled, failed or expired."""
    seen_by: str = ""
    """Who took note that it failed or expired."""

    @property
    def order(self) -> tuple[float, float, str]:
        """Sorts what is due, as `Waiting.order` does what waits."""
        return self.rank, self.waiting_since, self.id

    def to_json(self) -> dict[str, JSON]:
        """As JSON; `of_json` reads it."""
        return {**asdict(self), "attempts": [asdict(attempt) for attempt in self.attempts]}

    @classmethod
    def of_json(cls, body: Mapping[str, Any]) -> Self:
        """What `to_json` wrote."""
        return cls(
            **{
                **body,
                "state": State(body["state"]),
                "window": Window(**body["window"]) if body["window"] else None,
                "attempts": tuple(Attempt(**attempt) for attempt in body["attempts"]),
            }
        )


# ---------------------------------------------------------------- what happens to one


def next_allowed(callback: Callback, now: float, quiet: Quiet) -> float | None:
    """The first moment from `now` on at which it may be dialled: in its window, by the customer's clock
    not in the quiet hours. None where there is none, or no window yet."""
    if (window := callback.window) is None:
        return None
    at = quiet.over_at(max(now, window.start), window.zone)
    return at if at < window.end else None


def schedule(callback: Callback, window: Window, now: float, policy: Policy) -> Callback:
    """The customer said when, for the first time or anew. Raises `NotAllowed` where no call is allowed
    in that window, so that another can be asked for."""
    state = move(callback.state, "schedule")
    callback = replace(callback, state=state, window=window)
    if (at := next_allowed(callback, now, policy.quiet)) is None:
        raise NotAllowed("the window has passed or lies in the quiet hours")
    return replace(callback, moment=at)


def offer(callback: Callback, agent: str, now: float, policy: Policy) -> Callback:
    """An agent is asked. Raises `NotAllowed` where it may not be dialled now, or the mode is not
    'agent_first'."""
    _check(callback, now, policy, "agent_first")
    state = move(callback.state, "offer")
    return replace(callback, state=state, agent=agent, moment=now + policy.offer)


def give_back(callback: Callback, now: float) -> Callback:
    """The agent does not take it: it is due again, at its place."""
    return replace(callback, state=move(callback.state, "return"), agent="", moment=now)


def dial(callback: Callback, now: float, policy: Policy, agent: str = "") -> Callback:
    """The telephony begins to dial: for the agent to whom it was offered, or the customer first.

    Raises `NotAllowed` in quiet hours, outside the window, while another try is on, and where an agent
    should be asked first; then nothing may be dialled. `advance` tells what becomes of it.
    """
    state = move(callback.state, "dial")
    mode: Mode = "agent_first" if callback.state is S.OFFERED else "customer_first"
    _check(callback, now, policy, mode)
    agent = callback.agent or agent
    attempts = (*callback.attempts, Attempt(now, agent))
    return replace(callback, state=state, agent=agent, attempts=attempts, moment=now + policy.ring)


def ended(
    callback: Callback, attempt: int, outcome: Outcome, now: float, policy: Policy, agent: str = ""
) -> Callback:
    """What try number `attempt` (1 is the first) led to; `agent` is who came to a customer called
    first. Raises `NotAllowed` for a try that is not on: a report may come late."""
    if attempt != len(callback.attempts):
        msg = f"try {attempt} is over; {len(callback.attempts)} were made"
        raise NotAllowed(msg)
    verb, again = LEADS_TO[outcome], None
    if verb in ("miss", "drop"):
        if len(callback.attempts) < policy.attempts:
            again = next_allowed(callback, now + policy.pause, policy.quiet)
        if again is None:
            move(callback.state, verb)
            verb = "fail"
    state = move(callback.state, verb)
    talking = state is S.TALKING
    last = callback.attempts[-1]
    last = replace(last, outcome=outcome, ended=None if talking else now, agent=agent or last.agent)
    return replace(
        callback,
        state=state,
        agent=last.agent if talking else "",
        attempts=(*callback.attempts[:-1], last),
        reason=outcome if state in OVER else "",
        moment=now + policy.talk if talking else again or now,
    )


def finish(callback: Callback, now: float) -> Callback:
    """The conversation is over."""
    state = move(callback.state, "finish")
    *before, last = callback.attempts
    attempts = (*before, replace(last, ended=now))
    return replace(callback, state=state, agent="", attempts=attempts, moment=now)


def cancel(callback: Callback, now: float, reason: str) -> Callback:
    """Nobody needs it any more: the customer said so, or the inquiry was resolved. Raises `NotAllowed`
    where it is over already, or the telephone rings."""
    state = move(callback.state, "cancel")
    return replace(callback, state=state, agent="", reason=reason, moment=now)


def see(callback: Callback, agent: str) -> Callback:
    """Somebody took note of one that was missed. Raises `NotAllowed` for one that was not."""
    if not missed([callback]):
        raise NotAllowed(f"nothing was missed in a callback that is {callback.state}")
    return replace(callback, seen_by=agent)


def advance(callback: Callback, now: float, policy: Policy) -> Callback:
    """What time alone has done to it until `now`; itself where nothing has, so it may be called at any
    time and again."""
    if callback.state in OVER or (now < callback.moment and callback.state is not S.DUE):
        return callback
    match callback.state:
        case S.OFFERED:
            return advance(give_back(callback, now), now, policy)
        case S.DIALLING:
            return ended(callback, len(callback.attempts), "lost", now, policy)
        case S.TALKING:
            return finish(callback, now)
        case _:
            at = next_allowed(callback, now, policy.quiet)
    if at is None:
        reason = "window passed" if callback.window else "no time was said"
        state = move(callback.state, "expire")
        return replace(callback, state=state, reason=reason, moment=now)
    if at > now:
        state = move(S.DUE, "postpone") if callback.state is S.DUE else callback.state
        return replace(callback, state=state, moment=at)
    if callback.state is S.DUE and now < callback.moment:
        return callback
    state = S.DUE if callback.state is S.DUE else move(callback.state, "fall_due")
    # While it is due it is looked at now and then: quiet hours begin, its window ends.
    return replace(callback, state=state, moment=now + policy.pause)


def due(callbacks: Iterable[Callback], now: float, policy: Policy) -> list[Callback]:
    """Those that may be offered or dialled now, advanced to `now`, by their places; of several to one
    number only the first, and none to a number that is being called."""
    advanced = sorted((advance(one, now, policy) for one in callbacks), key=lambda one: one.order)
    taken = {one.number for one in advanced if one.state in (S.OFFERED, S.DIALLING, S.TALKING)}
    chosen: list[Callback] = []
    for one in advanced:
        if one.state is S.DUE and one.number not in taken:
            taken.add(one.number)
            chosen.append(one)
    return chosen


def missed(callbacks: Iterable[Callback]) -> list[Callback]:
    """Those that nobody reached and nobody took note of yet, by their places."""
    lost = (one for one in callbacks if one.state in (S.FAILED, S.EXPIRED) and not one.seen_by)
    return sorted(lost, key=lambda one: one.order)


def _check(callback: Callback, now: float, policy: Policy, mode: Mode) -> None:
    if callback.mode != mode:
        raise NotAllowed(f"this callback is {callback.mode}")
    if next_allowed(callback, now, policy.quiet) != now:
        raise NotAllowed("it is outside the customer's window or in the quiet hours")


# ---------------------------------------------------------------- the number that a customer gives


class BadNumber(StrEnum):
    """Why a number is not taken."""

    UNREADABLE = "unreadable"
    SEVERAL = "several"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    UNKNOWN = "unknown"
    """The length is right, but the country gives out no such number."""
    EXTENSION = "extension"
    COUNTRY = "country"
    """Not on the list of countries that are called."""
    PREMIUM = "premium"
    """Calling it costs more than a call."""
    SERVICE = "service"
    """A hotline, a pager, a mailbox: nobody's own telephone."""


Ask = Literal["again", "country_code", "direct_number", "other_number"]
ASKS: dict[BadNumber, Ask] = {
    BadNumber.UNREADABLE: "again",
    BadNumber.SEVERAL: "again",
    BadNumber.TOO_SHORT: "country_code",
    BadNumber.TOO_LONG: "country_code",
    BadNumber.UNKNOWN: "country_code",
    BadNumber.EXTENSION: "direct_number",
    BadNumber.COUNTRY: "other_number",
    BadNumber.PREMIUM: "other_number",
    BadNumber.SERVICE: "other_number",
}
"""What to ask for; 'country_code' is to write it again with the code of the country in front."""
_OWN = frozenset({Type.FIXED_LINE, Type.MOBILE, Type.FIXED_LINE_OR_MOBILE, Type.VOIP})
_SHORT = frozenset({Length.TOO_SHORT, Length.IS_POSSIBLE_LOCAL_ONLY})


def read_number(text: str, region: str, countries: frozenset[str]) -> str | BadNumber:
    """The one number in `text` as E.164, or why it is not taken (`ASKS` says what to ask).

    Args:
        text: as the customer wrote it.
        region: the country of a number without a country code: 'CN'.
        countries: the regions that may be called; of numbers with one code (+1) each by itself.
    """
    text = re.sub("转|分机", " ext. ", text)
    found = phonenumbers.PhoneNumberMatcher(text, region, phonenumbers.Leniency.POSSIBLE)
    numbers = {str(match.number): match.number for match in found}
    if len(numbers) > 1:
        return BadNumber.SEVERAL
    if not numbers and re.search("[A-Za-z]", text):
        return BadNumber.UNREADABLE  # `parse` would take letters for the digits on their keys
    try:
        number = next(iter(numbers.values())) if numbers else phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException as error:
        long = error.error_type == error.TOO_LONG
        return BadNumber.TOO_LONG if long else BadNumber.UNREADABLE
    length = phonenumbers.is_possible_number_with_reason(number)
    if length in _SHORT:
        return BadNumber.TOO_SHORT
    if length == Length.TOO_LONG:
        return BadNumber.TOO_LONG
    if not phonenumbers.is_valid_number(number):
        return BadNumber.UNKNOWN
    if number.extension:
        return BadNumber.EXTENSION
    kind = phonenumbers.number_type(number)
    if kind in (Type.PREMIUM_RATE, Type.PERSONAL_NUMBER):
        return BadNumber.PREMIUM
    if phonenumbers.region_code_for_number(number) not in countries:
        return BadNumber.COUNTRY
    if kind not in _OWN:
        return BadNumber.SERVICE
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def zone_of(number: str, now: float) -> str | None:
    """The time zone of an E.164 number; None where it may be one of several whose clocks differ within
    the year after `now`: then the customer is asked."""
    names = time_zones_for_number(phonenumbers.parse(number))
    try:
        zones = [ZoneInfo(name) for name in names]
    except (ZoneInfoNotFoundError, ValueError):
        return None  # 'Etc/Unknown', or a name that this machine's table lacks
    months = [now + month * 30 * 86400 for month in range(13)]
    clocks = {tuple(datetime.fromtimestamp(at, z).utcoffset() for at in months) for z in zones}
    return names[0] if len(clocks) == 1 else None


# ---------------------------------------------------------------- the time that a customer wishes

AT_ONCE_FOR = 24 * 3600.0
"""How long a wish to be called now stands, in seconds: until its place comes, over a night too."""
AT_FOR = 3600.0
"""'At three' is three to four."""
LEAST_LEFT = 900.0
"""A window that has fewer seconds left is not meant."""

_NOW = re.compile(
    "now|asap|right now|right away|immediately|as soon as possible|现在|马上|立刻|立即|尽快|越快越好"
)
_WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
#: Chinese to the words of the one grammar, in this order.
_CHINESE: tuple[tuple[str, str], ...] = (
    ("后天", "overmorrow"), ("今晚", "today evening"), ("明晚", "tomorrow evening"),
    ("明早", "tomorrow morning"), ("今天|今日", "today"), ("明天|明日", "tomorrow"),
    ("早上|早晨|上午", "morning"), ("下午", "afternoon"), ("晚上", "evening"), ("中午", "noon"),
    ("(?:以|之)后", "after"), ("(?:以|之)前", "before"), ("到|至|~|–|—", "-"),
    ("点一刻", "点15分"), ("点三刻", "点45分"), ("点半", "点30分"),
)  # fmt: skip
_DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"两": 2}
_FILLERS = re.compile(
    r"\b(?:please|can you|could you|you can|call(?: me)?(?: back)?|me|back|at|on|in the|around|about)\b"
    "|请|(?<!现)在|麻烦|给我|打给我|打电话|回电话|回电|回我|联系我|左右|[.,!。,!]$"
)
_TOKEN = re.compile(
    rf"(?P<d>today|tomorrow|overmorrow|\+?(?:{'|'.join(_WEEK)}))"
    r"|(?P<c>(?:(?:morning|afternoon|evening|noon)\ *)?\d{1,2}(?::\d{2}|h)?\ *(?:am\b|pm\b)?)"
    r"|(?P<p>morning|afternoon|evening|noon)"
    r"|(?P<a>after)|(?P<b>before)|(?P<f>from|between)|(?P<t>-|to|until|and)"
)
_PHRASE = re.compile(r"(?:d?p?|p?d)(?:c|ac|fc|ca|bc|cb|f?ctc)?(?:p?d?)")
#: The hours of a part of the day, and those that may be said of it by a clock of twelve.
_PARTS = {"morning": (8, 12), "noon": (12, 14), "afternoon": (12, 18), "evening": (18, 22)}
_SAID = {"morning": (5, 11), "noon": (11, 13), "afternoon": (12, 18), "evening": (17, 23)}


def window_of(wish: str, zone: str, now: float) -> Window | None:
    """The window that a simple wish in Chinese or English means: "now", "tomorrow 3pm", "明天下午三点",
    "after 18:00", "周五上午", "from 3 to 5 pm".

    Conservative: None where a word is not known, an hour may be morning or afternoon ("at 3", "3点"),
    the time has passed, a day is not sure ("Monday" on a Monday), or a change of clocks leaves the
    time out. Then the customer is asked with choices; their texts are read here too.

    Args:
        wish: what the customer wrote or chose.
        zone: where the customer is: IANA name.
        now: seconds since 1970.
    """
    text = (
        unicodedata.normalize("NFKC", wish).casefold().replace("a.m.", "am").replace("p.m.", "pm")
    )
    text = " ".join(_FILLERS.sub(" ", text).split())
    if _NOW.fullmatch(text):
        return Window(now, now + AT_ONCE_FOR, zone)
    tokens = _tokens(text)
    if not tokens:
        return None
    kinds = "".join(kind for kind, _ in tokens)
    if not _PHRASE.fullmatch(kinds) or kinds.count("d") > 1 or kinds.count("p") > 1:
        return None
    said = {kind: value for kind, value in tokens if kind in "dp"}
    clocks = [value for kind, value in tokens if kind == "c"]
    today = datetime.fromtimestamp(now, ZoneInfo(zone)).date()
    day = _day(said.get("d", "today"), today)
    hours = _hours(kinds, clocks, said.get("p", ""))
    if day is None or hours is None:
        return None
    start, end = (_moment(day, minutes, zone) for minutes in hours)
    if start is None or end is None:
        return None
    if len(clocks) == 1 and not set(kinds) & set("abf"):
        end = start + AT_FOR
        return Window(start, end, zone) if start >= now else None
    start = max(start, now)
    return Window(start, end, zone) if end - start >= LEAST_LEFT else None


def _tokens(text: str) -> list[tuple[str, str]]:
    """The words of a wish as (kind, word), [] where one is not known."""
    for name, day in zip((*"一二三四五六", "[日天]"), _WEEK, strict=True):
        text = re.sub(f"下(?:周|星期|礼拜){name}", f"+{day} ", text)
        text = re.sub(f"(?:周|星期|礼拜){name}", f"{day} ", text)
    for chinese, word in _CHINESE:
        text = (
            re.sub(chinese, f" {word} ", text) if "点" not in word else text.replace(chinese, word)
        )
    text = re.sub("[零一二两三四五六七八九十]+(?=[点时分])", lambda m: str(_number(m[0])), text)
    text = re.sub(r"(\d+)[点时](\d{1,2})分?", lambda m: f"{m[1]}:{int(m[2]):02}", text)
    text = re.sub(r"(\d+)[点时]钟?", r"\1h", text).replace("tonight", "today evening")
    text = text.replace("the day after tomorrow", "overmorrow")
    text = text.replace("day after tomorrow", "overmorrow")
    tokens, at = [], 0
    for match in re.finditer(r"\S+", text):
        at = max(at, match.start())
        while at < match.end():
            if (token := _TOKEN.match(text, at)) is None:
                return []
            tokens.append((token.lastgroup or "", token[0].strip()))
            at = token.end()
    return tokens


def _number(chinese: str) -> int:
    """'二十三' → 23."""
    tens, ten, ones = chinese.rpartition("十")
    return (_DIGITS.get(tens, 1) * 10 if ten else 0) + _DIGITS.get(ones, 0)


def _day(word: str, today: date) -> date | None:
    if word in (near := ("today", "tomorrow", "overmorrow")):
        return today + timedelta(days=near.index(word))
    weekday = _WEEK.index(word.lstrip("+"))
    if word.startswith("+"):  # of the week after this one, which begins on a Monday
        return today + timedelta(days=7 - today.weekday() + weekday)
    ahead = (weekday - today.weekday()) % 7
    return today + timedelta(days=ahead) if ahead else None


def _hours(kinds: str, clocks: list[str], part: str) -> tuple[int, int] | None:
    """The start and the end in minutes of the day; None where they are not sure."""
    if not clocks:
        opens, shuts = _PARTS.get(part, (0, 24))
        return opens * 60, shuts * 60
    parts = [found[0] if (found := re.search("[a-z]{2,}", one)) else part for one in clocks]
    if len(clocks) == 2:  # "3 to 5 pm", "下午3点到5点"
        parts = [parts[0] or parts[1], parts[1] or parts[0]]
    first = _minutes(clocks[0], parts[0])
    last = _minutes(clocks[-1], parts[-1])
    if first is None or last is None:
        return None
    if len(clocks) == 2:
        return (first, last) if first < last else None
    return (0, first) if "b" in kinds else (first, 24 * 60)


def _minutes(clock: str, part: str) -> int | None:
    """A clock in minutes of the day; `part` is of the day, 'am', 'pm' or ''."""
    digits = re.findall(r"\d+", clock)
    hour, minute = int(digits[0]), int(digits[1]) if digits[1:] else 0
    if hour > 23 or minute > 59:
        return None
    if part in ("am", "pm"):
        return (hour % 12 + 12 * (part == "pm")) * 60 + minute if 1 <= hour <= 12 else None
    if part:
        first, last = _SAID[part]
        for meant in (hour, hour + 12):
            if first <= meant <= last:
                return meant * 60 + minute
        return None
    # By a clock of 24: nothing else has 13 hours, or writes 09:30.
    sure = hour > 12 or (len(digits) == 2 and len(digits[0]) == 2)
    return hour * 60 + minute if sure else None


def _moment(day: date, minutes: int, zone: str) -> float | None:
    """When it is that time there; None where the clocks are changed over it."""
    clock = datetime.combine(day, time.min) + timedelta(minutes=minutes)
    at = clock.replace(tzinfo=ZoneInfo(zone)).timestamp()
    return at if datetime.fromtimestamp(at, ZoneInfo(zone)).replace(tzinfo=None) == clock else None
