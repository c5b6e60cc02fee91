"""The visible reply: what a person wrote this time, without the quoted message and the signature.

A table of what mail programs put there, first version. Each row names its programs, so that a row
can be judged and changed alone. Patterns are anchored to a line and bounded in length: their time
is linear in the text.
"""

import re
from dataclasses import dataclass

from gateway.intake.mail.content import QUOTE_MARK, tidy_lines, unmarked

#: Characters looked at. A quote that begins later than this stays.
_WINDOW = 100_000

_M = re.MULTILINE
_MI = re.MULTILINE | re.IGNORECASE
_MIX = re.MULTILINE | re.IGNORECASE | re.VERBOSE


@dataclass(frozen=True, slots=True)
class Cut:
    """Everything from the match on was not written this time."""

    name: str
    pattern: re.Pattern[str]
    needs: tuple[str, ...] = ()
    """One of these stands in every match: a search too cheap to notice, before the costly one."""
    line: bool = False
    """The match is a whole attribution line: the quoted text behind it may be marked with '>', and
    then only what is marked goes."""


#: Mail addresses and dates make an attribution line; the verb alone would cut real sentences.
_WHEN = r"(?:\d{1,4}\s?[年/.:-]\s?\d{1,2}|\d{1,2}[:：]\d{2}|@)"

_WROTE = r"(?:写道|寫道|写入|寫入|來信寫道)"

#: Labels of a copied header block, by what they mean; zh-CN, zh-TW, en, ja, ko, de, fr, es.
_FROM = r"(?:发件人|寄件者|寄件人|发信人|From|差出人|보낸\s?사람|Von|De|Expéditeur)"
_OTHER = (
    r"(?:发送时间|发件时间|日期|时间|寄件日期|傳送日期|发送日期|收件人|收件者|抄送|副本|主题|主旨|主題|"
    r"Sent|Date|To|Cc|Subject|送信日時|日時|宛先|件名|보낸\s?날짜|받는\s?사람|제목|"
    r"Gesendet|Datum|An|Betreff|Envoyé|À|Objet|Enviado(?:\s+el)?|Para|Asunto|Reply-To|答复|回复)"
)
_LABEL_END = r"\**\s?[:：]"

QUOTES: tuple[Cut, ...] = (
    Cut(
        "Outlook, Foxmail, QQ: a copied header block",
        re.compile(
            rf"^[ \t>*|_\-]*{_FROM}{_LABEL_END}[^\n]{{0,400}}\n(?:[ \t>]*\n){{0,2}}"
            rf"[ \t>*|]*{_OTHER}{_LABEL_END}[^\n]{{0,400}}\n(?:[ \t>]*\n){{0,2}}"
            rf"(?:[^\n:：]{{0,200}}\n)?[ \t>*|]*{_OTHER}{_LABEL_END}",
            _MI,
        ),
    ),
    Cut(
        "Outlook, QQ, Alibaba, Yahoo: a ruled heading",
        re.compile(
            r"""^[ \t>]{0,20}[-_=—]{2,}(?:[ \t\xa0]|&nbsp;){0,20}
            (?:original\s+(?:message|mail|email|appointment)|original|原始邮件|邮件原件|原邮件|
               回复的原邮件|原始郵件|原始信件|原始訊息|replied\s+message|reply\s+message|
               ursprüngliche\s+nachricht|message\s+d['’]origine|mensaje\s+original|
               元のメッセージ|원본\s*메시지|来自[^\n]{0,60}的邮件|在[^\n]{0,200}写道)
            (?:[ \t\xa0]|&nbsp;){0,20}[:：]?[ \t]{0,20}[-_=—]{2,}[ \t]*$""",
            _MIX,
        ),
    ),
    Cut(
        "Alibaba: a ruled line, then the sender",
        re.compile(
            rf"^[ \t]*[-—]{{10,}}[ \t]*\n\s{{0,5}}{_FROM}{_LABEL_END}[^\n]{{0,300}}\n",
            _MI,
        ),
    ),
    Cut(
        "Gmail, Apple Mail, Thunderbird, NetEase in English: On … wrote:",
        re.compile(
            rf"^[ \t>]{{0,20}}(?:On|At)\s(?=[^\n]{{0,300}}(?:\n[^\n]{{1,300}}){{0,2}}?{_WHEN})"
            r"[^\n]{4,300}(?:\n(?!\s*(?:On|At)\s)[^\n]{1,300}){0,2}?"
            r"\b(?:wrote|writes)\s?[:：][ \t]*$",
            _M,
        ),
        needs=("wrote", "writes"),
        line=True,
    ),
    Cut(
        "Gmail, Apple Mail, QQ, NetEase, Foxmail, Outlook for Mac in Chinese: … 写道：",
        re.compile(
            rf"^[ \t>]{{0,20}}(?=[^\n]{{0,300}}{_WHEN})[^\n]{{0,300}}{_WROTE}\s?[:：][ \t]*$",
            _M,
        ),
        needs=("写", "寫"),
        line=True,
    ),
    Cut(
        "the same, wrapped to two lines",
        re.compile(
            r"^[ \t>]{0,20}(?:[在于於]\s?\d|\d{4}\s?[年/.-]|[^\n]{1,80}<[^<>\n]{3,100}>)[^\n]{0,200}\n"
            rf"(?!\s*(?:[在于於]\s?\d|\d{{4}}))[^\n]{{0,200}}{_WROTE}\s?[:：][ \t]*$",
            _M,
        ),
        needs=("写", "寫"),
        line=True,
    ),
    Cut(
        "Gmail and others in German, French, Spanish, Portuguese, Italian, Russian, Dutch",
        re.compile(
            rf"^[ \t>]{{0,20}}(?=[^\n]{{0,300}}(?:\n[^\n]{{1,300}})?{_WHEN})"
            r"(?:Am|Le|El|Em|Il|Op|В|\d{1,2}|[пвсч][а-я])[^\n]{4,300}(?:\n[^\n]{1,300})?"
            r"(?:schrieb(?:[^\n]{0,200})?|a\s+écrit|escribió|escreveu|ha\s+scritto|написал\(?а?\)?"
            r"|schreef[^\n]{0,200})\s?[:：][ \t]*$",
            _MI,
        ),
        needs=("schrieb", "écrit", "escribió", "escreveu", "scritto", "написал", "schreef"),
        line=True,
    ),
    Cut(
        "Gmail in Japanese and Korean: a date, a name, an address, a colon",
        re.compile(
            r"^[ \t>]{0,20}\d{4}\s?[年년/.-]\s?\d{1,2}[^\n]{4,200}<[^<>\n]{3,200}>"
            r"\s?(?:님이\s*작성|のメール|:|：)[^\n]{0,10}$",
            _M,
        ),
        line=True,
    ),
    Cut(
        "NetEase Mail Master: a ruled heading in a table",
        re.compile(r"^[ \t|]*-{2,}\s*(?:回复的原邮件|Replied Message|转发的邮件)\s*-{2,}", _MI),
    ),
    Cut(
        "Outlook: a long rule before a sender",
        re.compile(rf"^[ \t]*_{{20,}}[ \t]*\n\s{{0,5}}\**{_FROM}{_LABEL_END}", _MI),
    ),
)

SIGNATURES: tuple[Cut, ...] = (
    Cut("the delimiter of RFC 3676", re.compile(r"^--[ \t]?$", _M)),
    Cut(
        "a telephone or an app names itself",
        re.compile(
            r"""^[ \t]*(?:
                sent\s+from\s+my\s+(?!account|card|bank|wallet|number)[^\n]{2,40}
              | sent\s+(?:from|via|with)\s+(?:the\s+)?(?:iphone|ipad|android|samsung|huawei|outlook|
                mail|yahoo|gmail|proton|qq|netease|blackberry|spark|foxmail|mobile)[^\n]{0,40}
              | get\s+outlook\s+for\s+[^\n]{2,20}
              | (?:发自|發自|发送自|傳送自)\s?[^\n]{0,20}
                (?:iPhone|iPad|Android|安卓|手机|手機|华为|HUAWEI|荣耀|小米|vivo|OPPO|三星|魅族|
                   邮箱|郵箱|邮件|郵件|mail|网易|網易|outlook|客户端|客戶端)[^\n]{0,30}
              | [来來]自\s?我的\s?(?:iPhone|iPad|Android|安卓|华为|小米|vivo|OPPO|三星)?[^\n]{0,6}
              | 从\s?(?:我的|[^\n]{0,12}版)?[^\n]{0,20}(?:发送|发出|傳送|寄出)
              | 获取\s?(?:适用于[^\n]{2,20}的)?\s?outlook[^\n]{0,40}
              | 取得\s?outlook[^\n]{0,40}
              | (?:iPhone|iPad)から送信 | 나의\s?iPhone에서\s?보냄
              | von\s+meinem\s+\S{2,30}\s+gesendet | envoyé\s+de(?:puis)?\s+mon\s+\S{2,30}
              | enviado\s+desde\s+mi\s+\S{2,30}
            )[.。]?[ \t]*$""",
            _MIX,
        ),
    ),
    Cut(
        "a closing phrase with a few short lines behind it",
        re.compile(
            r"""^[ \t]*(?:
                (?:(?:best|kind|warm|warmest|many)\s+)?regards | best\s+wishes
              | (?:yours\s+)?(?:sincerely|faithfully|truly)(?:\s+yours)? | cheers
              | 此致(?:[ \t]*\n)?[ \t]*敬礼 | 此致 | 祝好 | 顺颂商祺 | 顺祝商祺 | 祝商祺 | 此致敬禮
              | mit\s+freundlichen\s+grüßen | cordialement | saludos(?:\s+cordiales)?
            )[ \t]*[,，.!！。]?[ \t]*(?:\n(?![^\n]*[?？])[^\n]{0,60}){0,7}\Z""",
            _MIX,
        ),
    ),
)

_FORWARDED_SUBJECT = re.compile(r"^\s*(?:fwd?|wg|tr|rv|转发|轉寄|转寄|轉發)\s*[:：]", re.IGNORECASE)
_FORWARDED_HEAD = re.compile(
    r"^[ \t]*(?:-{3,}\s*(?:forwarded\s+message|转发的?邮件(?:信息)?|轉寄的?郵件|轉寄訊息)\s*-{3,}"
    r"|begin\s+forwarded\s+message\s?[:：]|开始转发的邮件\s?[:：])",
    _MI,
)
_QUOTED_LINE = re.compile(r"^[ \t]*[>＞]", _M)
_QUOTED_NEXT = re.compile(r"\s*\n[ \t]*[>＞]")


def visible_reply(marked: str, subject: str = "") -> str:
    """What was written this time. `marked` may hold `QUOTE_MARK`.

    A message is never made empty: when nothing would be left, the whole text stays.
    """
    whole = unmarked(marked).strip()
    text, rest = marked[:_WINDOW], marked[_WINDOW:]
    if not (_FORWARDED_SUBJECT.match(subject) or _forward_comes_first(text)):
        kept = _before_quote(text)
        if not kept.strip():  # the answer stands below the quoted message
            kept = _without_attribution(text)
        text, rest = kept, rest if kept == text else ""
    reply = _without_signature(_without_quoted_lines(text + rest)).strip()
    return tidy_lines(reply) if reply else whole


def _forward_comes_first(text: str) -> bool:
    """A forwarded message is what the customer wants to show us; a quote above it is not likely."""
    forward = _FORWARDED_HEAD.search(text)
    return forward is not None and len(_before_quote(text)) >= forward.start()


def _before_quote(text: str) -> str:
    mark = text.find(QUOTE_MARK)
    if mark >= 0 and text[:mark].strip():
        text = text[:mark]
    while True:
        first = _first_quote(text)
        if first is None:
            return text
        cut, found = first
        if not (cut.line and _QUOTED_NEXT.match(text, found.end())):
            return text[: found.start()]
        # Marked with '>' line by line: what stands between or below them is an answer.
        text = text[: found.start()] + text[found.end() :]


def _first_quote(text: str) -> tuple[Cut, re.Match[str]] | None:
    hits = [(cut, found) for cut in QUOTES if (found := _search(cut, text))]
    return min(hits, key=lambda hit: hit[1].start(), default=None)


def _search(cut: Cut, text: str) -> re.Match[str] | None:
    if cut.needs and not any(word in text for word in cut.needs):
        return None
    return cut.pattern.search(text)


def _without_attribution(text: str) -> str:
    for cut in QUOTES:
        found = _search(cut, text) if cut.line else None
        if found:
            text = text[: found.start()] + text[found.end() :]
    return text


def _without_quoted_lines(text: str) -> str:
    text = unmarked(text)
    if not _QUOTED_LINE.search(text):
        return text
    return "\n".join(line for line in text.split("\n") if not _QUOTED_LINE.match(line))


def _without_signature(text: str) -> str:
    for cut in SIGNATURES:
        found = cut.pattern.search(text)
        if found and text[: found.start()].strip():
            text = text[: found.start()]
    return text
