"""What mail programs write around an answer, as data: attributions, header blocks, signatures.

Each row names its programs, so that a row can be judged and changed alone. Patterns are anchored to a
line and bounded in length: their time is linear in the text.
"""

import re
from dataclasses import dataclass

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

_WROTE = r"(?:写道|寫道|写入|寫入|來信寫道|写到|寫到)"

#: The same in other languages, at the end of the line or before the writer's name.
_WROTE_ABROAD = (
    r"(?:schrieb|a\s+écrit|escribió|escreveu|ha\s+scritto|написал\(?а?\)?|пишет|schreef|skrev|"
    r"napisał\(?a?\)?|napsal\(?a?\)?|yazdı|đã\s+viết|menulis|kirjoitti|ezt\s+írta)"
)

#: Labels of a copied header block, by what they mean: zh-CN, zh-TW, en, ja, ko, de, fr, es, it, pt,
#: nl, pl, ru, sv, da, tr, cs.
_FROM = (
    r"(?:发\s?件\s?人|寄件者|寄件人|发信人|發件人|From|差出人|送信者|보낸\s?사람|Von|De|Expéditeur|Da|Van|Od|От|"
    r"Från|Fra|Kimden)"
)
_OTHER = (
    r"(?:发送时间|发送日期|发件时间|发送|日\s?期|时\s?间|寄件日期|傳送日期|傳送時間|發送時間|收\s?件\s?人|收件者|"
    r"抄\s?送|副本|密送|主\s?题|主旨|主題|标题|答复|回复|"
    r"Sent|Date|To|Cc|Subject|Reply-To|Importance|送信日時|日時|宛先|件名|"
    r"보낸\s?날짜|날짜|받는\s?사람|제목|참조|Gesendet|Datum|An|Betreff|Envoyé|Date|À|Objet|"
    r"Enviado(?:\s+el)?|Fecha|Para|Asunto|Inviato|Data|A|Oggetto|Enviad[ao](?:\s+em)?|Assunto|"
    r"Verzonden|Aan|Onderwerp|Wysłano|Wysłane|Do|Temat|Отправлено|Дата|Кому|Тема|"
    r"Skickat|Till|Ämne|Sendt|Til|Emne|Gönderilen|Gönderildi|Tarih|Kime|Konu|Odesláno|Komu|Předmět)"
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
        needs=(":", "："),
    ),
    Cut(
        "Outlook, QQ, Sina, Alibaba, Yahoo: a ruled heading",
        re.compile(
            r"""^[ \t>]{0,20}[-_=—]{2,}(?:[ \t\xa0]|&nbsp;){0,20}
            (?:original\s+(?:message|mail|email|appointment)|original|原始邮件|邮件原件|原邮件|原邮件内容|
               回复的原邮件|原始郵件|原始信件|原始訊息|replied\s+message|reply\s+message|
               ursprüngliche\s+nachricht|originalnachricht|message\s+d['’]origine|
               mensaje\s+original|messaggio\s+originale|mensagem\s+original|oorspronkelijk\s+bericht|
               исходное\s+сообщение|元のメッセージ|원본\s*메시지|
               来自[^\n]{0,60}的邮件|在[^\n]{0,200}写道)
            (?:[ \t\xa0]|&nbsp;){0,20}[:：]?[ \t]{0,20}[-_=—]{2,}[ \t]*$""",
            _MIX,
        ),
        needs=("--", "__", "==", "—"),
    ),
    Cut(
        "Alibaba, DingTalk: a ruled line, then the sender",
        re.compile(
            rf"^[ \t]*[-—]{{10,}}[ \t]*\n\s{{0,5}}{_FROM}{_LABEL_END}[^\n]{{0,300}}\n",
            _MI,
        ),
        needs=("----------", "——"),
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
        "Gmail and others in European languages, one line",
        re.compile(
            rf"^[ \t>]{{0,20}}(?=[^\n]{{0,300}}{_WHEN})[^\n]{{4,300}}\b{_WROTE_ABROAD}"
            r"(?:[^\n:：]{0,200}|[^\n]{0,200}>)\s?[:：][ \t]*$",
            _MI,
        ),
        needs=(
            *("schrieb", "écrit", "escribió", "escreveu", "scritto", "написал", "пишет", "schreef"),
            *("skrev", "napisa", "napsal", "yazdı", "viết", "menulis", "kirjoitti", "írta"),
        ),
        line=True,
    ),
    Cut(
        "the same in German, French, Spanish, Portuguese, Italian, Russian, Dutch, wrapped",
        re.compile(
            r"^[ \t>]{0,20}(?:Am|Le|El|Em|Il|Op|Den|В|[пвсч][а-я])\s"
            rf"(?=[^\n]{{0,300}}(?:\n[^\n]{{0,300}})?{_WHEN})[^\n]{{4,300}}\n[^\n]{{1,300}}"
            rf"\b{_WROTE_ABROAD}[^\n]{{0,200}}\s?[:：][ \t]*$",
            _MI,
        ),
        needs=(
            *("schrieb", "écrit", "escribió", "escreveu", "scritto", "написал", "schreef", "skrev"),
        ),
        line=True,
    ),
    Cut(
        "the same, wrapped inside the address",
        re.compile(
            r"^[ \t>]{0,20}(?:Am|Le|El|Em|Il|Op|Den|В)\s[^\n]{4,300}<\n?[^<>\n]{3,200}>"
            rf"[ \t]?(?:\n)?[ \t]?(?:{_WROTE_ABROAD})?\s?[:：][ \t]*$",
            _M,
        ),
        needs=("<",),
        line=True,
    ),
    Cut(
        "Gmail in Japanese, Korean, Russian: a date, a name, an address, a colon",
        re.compile(
            r"^[ \t>]{0,20}(?:[пвсч][а-я],\s\d{1,2}\s[^\n]{2,12})?\d{4}\s?(?:[年년/.-]\s?\d{1,2}|г)"
            r"[^\n]{4,200}<[^<>\n]{3,200}>\s?(?:님이\s*작성|のメール|:|：)[^\n]{0,10}$",
            _M,
        ),
        needs=("<",),
        line=True,
    ),
    Cut(
        "NetEase Mail Master: a card, then a ruled heading in a table",
        re.compile(
            r"^(?:[ \t]*\|[ \t]*\|[ \t]*\n(?:[^\n]{0,80}\n){0,12}?)?"
            r"[ \t|]*-{2,}\s*(?:回复的原邮件|Replied Message|转发的邮件)\s*-{2,}",
            _MI,
        ),
        needs=("--",),
    ),
    Cut(
        "Outlook: a long rule before a sender",
        re.compile(rf"^[ \t]*_{{20,}}[ \t]*\n\s{{0,5}}\**{_FROM}{_LABEL_END}", _MI),
        needs=("____",),
    ),
)

_PHONES = (
    r"(?:iPhone|iPad|Android|安卓|华为|華為|HUAWEI|荣耀|小米|红米|Redmi|vivo|OPPO|一加|三星|Samsung|魅族|"
    r"HTC|手机|手機|平板|电脑)"
)
_MAILERS = (
    r"(?:邮箱大师|郵箱|邮箱|邮件|郵件|mail|网易|網易|新浪|搜狐|阿里邮箱|钉邮|outlook|foxmail|客户端|客戶端|"
    r"windows)"
)

SIGNATURES: tuple[Cut, ...] = (
    Cut("the delimiter of RFC 3676", re.compile(r"^-- $", _M), ("\n-- ",)),
    Cut(
        "the same without its blank, before a few short lines",
        re.compile(r"^--[ \t]*$(?:\n(?![^\n]*[?？])[^\n]{0,80}){0,8}\Z", _M),
        ("\n--",),
    ),
    Cut(
        "a telephone or an app names itself",
        re.compile(
            rf"""^[ \t]*(?:
                sent\s+from\s+my\s+(?!account|card|bank|wallet|number)[^\n]{{2,40}}
              | sent\s+(?:from|via|with)\s+(?:the\s+)?(?:iphone|ipad|android|samsung|huawei|outlook|
                mail|yahoo|gmail|proton|qq|netease|blackberry|spark|foxmail|mobile|dingtalk|xiaomi)
                [^\n]{{0,40}}
              | get\s+outlook\s+for\s+[^\n]{{2,80}}
              | (?:发自|發自|发送自|發送自|傳送自)\s?[^\n]{{0,20}}(?:{_PHONES}|{_MAILERS})[^\n]{{0,30}}
              | [来來]自\s?(?:我的\s?)?[^\n]{{0,8}}{_PHONES}(?:手机|手機|客户端)?(?:\s?[A-Z0-9][\w ]{{0,12}})?
              | [来來]自\s?(?:我的\s?)?(?:阿里邮箱|钉钉[^\n]{{0,8}}邮箱|钉邮|网易邮箱|QQ邮箱|新浪邮箱|
                139邮箱|189邮箱|企业微信)[^\n]{{0,20}}
              | (?:通过|由)\s?[^\n]{{0,10}}{_MAILERS}\s?(?:发送|发出)
              | 从\s?(?:我的\s?[^\n]{{0,6}}{_PHONES}|[^\n]{{0,20}}(?:版邮件|版\s?Outlook|Outlook[^\n]{{0,12}}))
                [^\n]{{0,6}}(?:发送|发出|傳送|寄出)
              | (?:获取|獲取|取得|下载)\s?(?:适用于[^\n]{{2,20}}的)?\s?outlook[^\n]{{0,80}}
              | [^\n]{{0,12}}(?:iPhone|iPad|Android|スマートフォン)から送信
              | outlook\s+for\s+\S{{2,10}}\s?を入手
              | (?:나의|내)\s?iPhone에서\s?보냄
              | (?:von\s+meine[mr]|gesendet\s+von|gesendet\s+mit)\s[^\n]{{2,50}}
              | (?:holen\s+sie\s+sich\s+|téléchargez\s+|télécharger\s+|obtenir\s+|obtener\s+|scarica\s+|
                 ottieni\s+|obter\s+o\s+)outlook\s[^\n]{{2,80}} | outlook\s+für\s+\S+\s+beziehen
              | envoyé\s+(?:de(?:puis)?\s+mon|à\s+partir\s+d)[^\n]{{2,50}}
              | enviado\s+(?:desde|do\s+meu|a\s+partir\s+do)\s[^\n]{{2,50}}
              | inviato\s+da(?:l\s+mio)?\s+(?:iphone|ipad|cellulare|outlook|posta|smartphone|samsung|
                android|yahoo|telefono)[^\n]{{0,30}}
              | отправлено\s+(?:с|из)\s[^\n]{{2,40}} | wysłane?\s+z\s[^\n]{{2,40}}
              | verzonden\s+vanaf\s[^\n]{{2,40}} | skickat\s+från\s[^\n]{{2,40}}
              | sendt\s+fra\s[^\n]{{2,40}}
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
              | 此致(?:[ \t]*\n)?[ \t]*敬礼 | 此致 | 祝好 | 顺颂商祺 | 顺祝商祺 | 祝商祺 | 此致敬禮 | 順頌商祺
              | mit\s+freundlichen\s+grüßen | (?:viele|beste|liebe)\s+grüße | cordialement
              | bien\s+à\s+vous | (?:un\s+)?saludos?(?:\s+cordial(?:es)?)? | cordiali\s+saluti
              | distinti\s+saluti | atenciosamente | cumprimentos | met\s+vriendelijke\s+groet(?:en)?
              | с\s+уважением
            )[ \t]*[,，.!！。]?[ \t]*(?:\n(?![^\n]*[?？])[^\n]{0,60}){0,7}\Z""",
            _MIX,
        ),
    ),
)

FORWARDED_SUBJECT = re.compile(
    r"^\s*(?:fwd?|wg|tr|rv|i|enc|转发|轉寄|转寄|轉發)\s*[:：]", re.IGNORECASE
)
FORWARDED_HEAD = re.compile(
    r"^[ \t>]*(?:-{3,}\s*(?:forwarded\s+message|转发的?邮件(?:信息)?|轉寄的?郵件|轉寄訊息|weitergeleitete\s+nachricht|"
    r"message\s+transféré)\s*-{3,}"
    r"|begin\s+forwarded\s+message\s?[:：]|开始转发的邮件\s?[:：]|以下是转发的邮件\s?[:：])",
    _MI,
)
QUOTED_LINE = re.compile(r"^[ \t]*[>＞]", _M)
QUOTED_NEXT = re.compile(r"\s*\n[ \t]*[>＞]")
