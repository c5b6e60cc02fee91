"""Brings customer text into the one shape that rules and classifiers see."""

import re
import unicodedata
from functools import cache, lru_cache
from itertools import pairwise

from opencc import OpenCC

#: 帐 and 帳 are common misspellings of 账 (account), which the conversion to simplified characters
#: leaves as they are; the typographic apostrophes come from phones.
_FOLD = str.maketrans({"帐": "账", "帳": "账", "‘": "'", "’": "'", "`": "'", "“": '"', "”": '"'})
_SPACES = re.compile(r"[^\S\n]+")
_SENTENCE = re.compile(r"[^。！？!?；;\n.]+(?:[.](?=\S)[^。！？!?；;\n.]*)*[。！？!?；;.]*")
_COMMA = re.compile(r"[,，]")
_EDGES = re.compile(r"^[\W_]+|[\W_]+$")
_REPLY_PREFIX = re.compile(r"^\s*(re|fw|fwd|aw|回复|答复|转发)\s*[:：]", re.IGNORECASE)
_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_LATIN = re.compile(r"[A-Za-z]")
_OTHER_LETTER = re.compile(
    r"[\u0370-\u1fff\u3040-\u30ff\uac00-\ud7af\u1100-\u11ff]"  # Greek to Thai and beyond, kana, hangul
)

#: Texts whose normal form is remembered: every rule and every step asks for that of the same message.
_REMEMBERED = 256
MAX_SEGMENTS = 30
MAX_SEGMENT_LENGTH = 200


@lru_cache(_REMEMBERED)
def normalise(text: str) -> str:
    """Compatibility forms, lower case, simplified Chinese, one kind of apostrophe, single spaces;
    lines are kept."""
    # Half of a surrogate pair can be written in JSON, but not in any encoding.
    whole = text.encode("utf-8", "replace").decode("utf-8")
    folded = simplified(unicodedata.normalize("NFKC", whole).lower()).translate(_FOLD)
    return "\n".join(_SPACES.sub(" ", line).strip() for line in folded.splitlines())


def simplified(text: str) -> str:
    """Traditional Chinese in simplified characters, and in the words that are used with them.

    Only a text that has traditional characters gets the words of Taiwan replaced as well (簡訊 →
    短信): some of them mean something else in a simplified text (程序).
    """
    if not _HAN.search(text) or converter("t2s").convert(text) == text:
        return text
    # 甚 is rightly kept in 甚至, and wrongly in 甚么.
    return str(converter("tw2sp").convert(text)).replace("甚么", "什么")


@cache
def converter(direction: str) -> OpenCC:
    """A conversion between ways to write Chinese (t2s, s2twp …): one a process and direction; reading its dictionaries takes about 20 ms."""
    return OpenCC(direction)


@lru_cache(_REMEMBERED)
def bare(text: str) -> str:
    """Normalised, on one line, without what is neither letter nor digit at both ends."""
    return _EDGES.sub("", " ".join(normalise(text).split()))


def segments(text: str, subject: str = "", courtesies: frozenset[str] = frozenset()) -> list[str]:
    """What may carry the matter: subject, sentences, and pairs of neighbouring sentences.

    One sentence alone ("I withdrew 500 yesterday. Nothing came.") often says half of it, hence the
    pairs. At most 30 pieces of at most 200 characters, normalised; sentences come before pairs, so
    that a long mail loses pairs first. Clauses among `courtesies` (normalised, without marks at the
    ends) are taken out of a sentence that says more.
    """
    lines = [line for line in normalise(text).splitlines() if line]
    sentences = [
        piece
        for line in lines
        for found in _SENTENCE.findall(line)
        if (piece := _without(courtesies, found)[:MAX_SEGMENT_LENGTH].strip())
    ]
    pairs = [f"{a} {b}" for a, b in pairwise(sentences)]
    head = normalise(subject).replace("\n", " ")[:MAX_SEGMENT_LENGTH]
    pieces = [head, *sentences, *(p for p in pairs if len(p) <= MAX_SEGMENT_LENGTH)]
    return list(dict.fromkeys(p for p in pieces if p))[:MAX_SEGMENTS]


def _without(courtesies: frozenset[str], sentence: str) -> str:
    """The sentence without its courteous clauses; a merely courteous one stays as it is."""
    clauses = _COMMA.split(sentence.strip())
    kept = [clause for clause in clauses if bare(clause) not in courtesies]
    return ",".join(kept or clauses).strip()


def is_reply_subject(subject: str) -> bool:
    """Whether a subject repeats an earlier one, and so says nothing about this message."""
    return bool(_REPLY_PREFIX.match(subject))


def script_language(text: str) -> str:
    """'zh-CN' or 'en' by the letters; 'other' for another script, '' for no letters at all.

    Kana beside Chinese characters is Japanese, so any noticeable share of it counts as neither.
    """
    han = len(_HAN.findall(text))
    latin = len(_LATIN.findall(text))
    other = len(_OTHER_LETTER.findall(text))
    if other > (han + latin) / 4:
        return "other"
    if not han and not latin:
        return ""
    # One Chinese character says about as much as three Latin letters; app names are Latin anyway.
    return "zh-CN" if han and han * 3 >= latin else "en"
