"""Which charset bytes are in, when their declaration is missing or false.

Judged by whether the text that comes out is one that people write: its characters have to be the
everyday ones of a language. General detectors are made for pages; on a sentence of Chinese, Japanese
or Korean they guess wrong.
"""

import codecs
import re
import string
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from charset_normalizer import from_bytes

#: Bytes looked at; the answer does not improve with more, the time grows.
_SAMPLE = 1200
_FOREIGN = re.compile(rb"[\x80-\xff]")
_ASCII_LETTERS = string.ascii_letters.encode()
#: From here on a reading is believed.
PLAUSIBLE = 0.55

#: The characters that make up most of what customers write, simplified, then those that differ in
#: traditional script.
_HANS = (
    "的一是不了在有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里"
    "用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实"
    "日月请问您好充值账户号码银行卡款退提转支付密登录订单客服帮查询手机短信验证收件谢已经为什么怎办金额元"
    "次今昨天早晚点钟人名申处理未无法失败成功系统显示操作使更改换新注册绑解冻结安全身份电话邮箱联系回复写"
    "长等快再给让被把吗呢吧啊很想快速总共张图片附件见如何时间情况原因麻烦需要知悉感急终于几百千万零二三四五六七八九十"
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭林罗郑梁宋唐许韩冯邓曹彭曾肖芳伟娜敏静丽强磊军洋勇艳杰娟涛超霞平刚英"
)
_HANT = (
    "這個們來為國說時會對過發後裡種經學現當沒動還進樣開實請問帳號碼銀轉錄訂單幫詢機簡訊驗證儲值謝辦額處理"
    "無敗統顯換註冊綁凍結電話郵聯繫復寫長給讓嗎總張圖見間麻煩終於幾萬點鐘應該與務戶貨買賣費網頁謝您好我的"
    "已經失誤錯誤線關係數"
)
_HANGUL = (
    "이다는에의을가하고지로한사기도은들서를그니나해시인어자아있과수리것정대일보만게부라주안원습요오세까면여전"
    "저했니제확인입금출계좌송환불결충카드비밀번호않되안녕하세요문감합드립돈거래조회못받았언내등록처거신청음"
)
_CYRILLIC = "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфёієїґ"
_GREEK = "αβγδεζηθικλμνξοπρστυφχψωςάέήίόύώ"
_WESTERN = "éèàçêôûîùâëïüöäßñóíáúãõœøåæÉÀÇÖÜÄÑ¿¡«»°€£“”‘’–—…·"
_CENTRAL = "ąęłńóśźżčřšžýáíéěůňťďőűúôäöüßăâîșțćđŁŚŻČŠŽ„”“’–—…"
_TURKISH = "ğışçöüİâîûÇÖÜĞŞ“”‘’–—…"


class _Reading(NamedTuple):
    """One charset, and what its text must look like."""

    codec: str
    share: Callable[[str, int], float]
    """How much of the non-ASCII characters of a text belongs in it, 0 to 1, and the number of its
    Latin letters."""


class Guess(NamedTuple):
    """A codec and how plausible its text is, 0 to 1."""

    codec: str
    score: float


def guess(raw: bytes) -> Guess:
    """The likeliest reading of bytes that are neither ASCII nor UTF-8; ('', 0) when none is."""
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff") and _is_utf_16(raw):
        return Guess("utf-16", 1.0)
    sample, best = _telling(raw), Guess("", 0.0)
    latin = len(sample) - len(sample.translate(None, _ASCII_LETTERS))
    for reading in _readings():
        text = _text(sample, reading.codec)
        if text is not None:
            score = reading.share(text, latin)
            if score > best.score + 0.01:  # the order breaks ties
                best = Guess(reading.codec, score)
    return best


def _is_utf_16(raw: bytes) -> bool:
    """Nearly any bytes can be read as UTF-16, and two of them may look like its mark: real text has a
    space, a digit or a line end in it, or is of everyday characters throughout."""
    text = _text(raw, "utf-16")
    return text is not None and (b"\0" in raw or plausibility(text, "gb18030") > 0.9)


def last_resort(raw: bytes) -> str:
    """A codec for what no reading fits; costs milliseconds."""
    rare = _text(raw[:_SAMPLE], "gb18030")
    if rare is not None and all("\u3400" <= c <= "\u9fff" or c <= "\x7f" for c in rare):
        return "gb18030"  # names of rare characters
    best = from_bytes(raw[:_SAMPLE], cp_isolation=_REST, steps=3).best()
    return best.encoding if best else "gb18030"


def plausibility(text: str, codec: str) -> float:
    """How much `text`, decoded by `codec`, looks like what people write in that charset, 0 to 1.
    1 for a charset that says nothing about the language."""
    name = _FAMILY.get(codec, codec)
    return next((r.share(text[:_SAMPLE], 0) for r in _readings() if r.codec == name), 1.0)


_FAMILY = {
    "big5": "cp950",
    "big5hkscs": "cp950",
    "shift_jis": "cp932",
    "shift_jisx0213": "cp932",
    "euc_kr": "cp949",
    "euc_jis_2004": "euc_jp",
}
_REST = ["cp1255", "cp1256", "cp1257", "cp1258", "utf_16", "cp1252", "gb18030", "cp874"]


def _telling(raw: bytes) -> bytes:
    """The part that tells: from a little before the first byte that is not ASCII."""
    first = _FOREIGN.search(raw)
    begin = max(0, first.start() - 100) if first else 0
    return raw[begin : begin + _SAMPLE]


def _text(raw: bytes, codec: str) -> str | None:
    """`raw` decoded strictly, but for a character torn at its end."""
    try:
        return codecs.getincrementaldecoder(codec)().decode(raw)
    except UnicodeError:
        return None


def _in_script(common: frozenset[str], known: frozenset[str]) -> Callable[[str, int], float]:
    """A script of thousands of characters: half the mark for those that are taught, half for the
    few that make up most of what is written (of those, one in three is what a text has)."""

    def share(text: str, _latin: int) -> float:
        foreign = [c for c in text if c > "\x7f" and c not in _SHARED]
        if not foreign:
            return 0.0
        often = sum(c in common for c in foreign) / len(foreign)
        return (sum(c in known for c in foreign) / len(foreign) + min(1.0, 3 * often)) / 2

    return share


def _japanese(text: str, _latin: int) -> float:
    """Kana carry the grammar: a sentence without them is none. Half-width ones do not count."""
    foreign = [c for c in text if c > "\x7f" and c not in _SHARED]
    if not foreign:
        return 0.0
    kana = sum("\u3041" <= c <= "\u30fc" for c in foreign) / len(foreign)
    taught = _taught("euc_jp", 0xB0, 0xD0)
    kanji = sum(c in taught for c in foreign) / len(foreign)
    return (kana + kanji + min(1.0, 4 * kana)) / 2


def _alphabet(letters: str) -> Callable[[str, int], float]:
    """A script of one byte a letter that is not Latin: its words are not mixed with Latin letters."""
    known = frozenset(letters)

    def share(text: str, latin: int) -> float:
        foreign = [c for c in text if c > "\x7f"]
        if len(foreign) < max(3, latin):
            return 0.0
        return sum(c in known or c.lower() in known for c in foreign) / len(foreign) * 0.5 + (
            0.5 * sum(c in known for c in foreign) / len(foreign)
        )

    return share


def _latin(letters: str) -> Callable[[str, int], float]:
    """Accented letters among plain ones, most of them of the languages it is used for."""
    known = frozenset(letters)

    def share(text: str, latin: int) -> float:
        foreign = [c for c in text if c > "\x7f"]
        if not foreign or latin < len(foreign):
            return 0.0
        return 0.98 * sum(c in known for c in foreign) / len(foreign)

    return share


def _thai(text: str, _latin: int) -> float:
    """Nearly every byte is a Thai letter in its charset: of a short text that says nothing."""
    foreign = [c for c in text if c > "\x7f"]
    if len(foreign) < 8:
        return 0.0
    return 0.99 * sum("\u0e01" <= c <= "\u0e4e" for c in foreign) / len(foreign)


#: Punctuation that all the East Asian charsets have at other places tells nothing by itself.
_SHARED = frozenset("，。、；：？！“”‘’（）《》「」『』【】…—～·　")


@lru_cache(maxsize=8)
def _taught(codec: str, first: int, last: int) -> frozenset[str]:
    """The characters of the rows with these lead bytes, which hold the usual ones."""
    cells = (bytes((row, cell)) for row in range(first, last) for cell in range(0x40, 0xFF))
    return frozenset(c for cell in cells if len(c := cell.decode(codec, "ignore")) == 1)


@lru_cache(maxsize=1)
def _readings() -> tuple[_Reading, ...]:
    hangul = _in_script(frozenset(_HANGUL), _taught("euc_kr", 0xB0, 0xC9))
    return (
        _Reading("gb18030", _in_script(frozenset(_HANS), _taught("gb2312", 0xB0, 0xD8))),
        _Reading("cp950", _in_script(frozenset(_HANS + _HANT), _taught("big5", 0xA4, 0xC7))),
        _Reading("euc_jp", _japanese),
        _Reading("cp932", _japanese),
        _Reading("cp949", hangul),
        _Reading("cp1251", _alphabet(_CYRILLIC)),
        _Reading("koi8_r", _alphabet(_CYRILLIC)),
        _Reading("cp1253", _alphabet(_GREEK)),
        _Reading("cp874", _thai),
        _Reading("cp1252", _latin(_WESTERN)),
        _Reading("cp1250", _latin(_CENTRAL)),
        _Reading("cp1254", _latin(_TURKISH)),
    )
