"""Text reaches rules and classifier in one shape, in bounded pieces."""

import pytest

from gateway.answers.phrases import Phrases
from gateway.answers.text import bare, is_reply_subject, normalise, script_language, segments


def test_width_case_and_common_misspellings_are_folded():
    assert normalise("充值没到帐 ＡＰＰ　Can’t") == "充值没到账 app can't"


@pytest.mark.parametrize(
    ("traditional", "simple"),
    [
        ("提領的款項還沒到帳", "提领的款项还没到账"),
        ("帳號、帐号、賬號、账号", "账号、账号、账号、账号"),
        ("簡訊驗證碼收不到", "短信验证码收不到"),
        ("網路連線不穩\n甚麼時候好", "网络连接不稳\n什么时候好"),
    ],
)
def test_traditional_chinese_reads_as_simplified(traditional, simple):
    assert normalise(traditional) == simple


def test_words_that_mean_something_else_in_taiwan_stay_in_simplified_texts():
    assert normalise("程序错误，信息没有了") == "程序错误,信息没有了"


def test_half_a_surrogate_pair_is_no_error():
    assert normalise("提現\ud800沒到") == "提现?没到"


def test_texts_without_chinese_are_not_converted():
    assert normalise("キャンセル … ok") == "キャンセル ... ok"


def test_sentences_pairs_and_subject_become_segments():
    assert segments("昨天提现了。今天没到！", "提现") == [
        "提现",
        "昨天提现了。",
        "今天没到!",
        "昨天提现了。 今天没到!",
    ]


def test_a_full_stop_inside_a_number_does_not_split():
    assert segments("I paid 3.50 twice") == ["i paid 3.50 twice"]


def test_courtesies_are_taken_out_of_a_sentence_that_says_more():
    polite = frozenset({"hi", "thanks"})
    assert segments("Hi, I forgot it, thanks!", courtesies=polite) == ["i forgot it"]
    assert segments("Hi, thanks!", courtesies=polite) == ["hi, thanks!"]


def test_a_giant_message_stays_within_the_bounds():
    pieces = segments("字" * 5000 + "\n" + "很长的一句话。" * 400)
    assert len(pieces) <= 30
    assert max(map(len, pieces)) <= 200


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("你好", "zh-CN"),
        ("UPay app 提现没到账", "zh-CN"),
        ("hello", "en"),
        ("my name is 王 and I live in Shanghai", "en"),
        ("パスワードを忘れました", "other"),
        ("не могу войти", "other"),
        ("비밀번호를 잊었어요", "other"),
        ("123 !?", ""),
        ("", ""),
    ],
)
def test_language_follows_the_script(text, language):
    assert script_language(text) == language


@pytest.mark.parametrize("subject", ["Re: hello", "回复：提现", "答复: x", "FW: y", " re : z"])
def test_reply_subjects_are_recognised(subject):
    assert is_reply_subject(subject)


def test_a_fresh_subject_is_no_reply():
    assert not is_reply_subject("Refund please")


def test_phrases_match_words_and_not_parts_of_words():
    phrases = Phrases.of(["fraud", "人工"])
    assert phrases.find("This is FRAUD!") == "fraud"
    assert phrases.find("defrauded") == ""
    assert phrases.find("请转人工处理") == "人工"


def test_whole_message_phrases_do_not_match_inside():
    phrases = Phrases.of(["=0"])
    assert phrases.find(" 0。") == "0"
    assert phrases.find("0 yuan arrived") == ""


def test_exceptions_and_gaps_keep_harmless_texts_out():
    phrases = Phrases.of(["被骗", "!防止*骗"])
    assert phrases.find("我被骗了") == "被骗"
    assert phrases.find("怎么防止上网被骗") == ""


def test_special_characters_in_phrases_are_plain_text():
    assert Phrases.of(["a.b("]).find("acb(") == ""


def test_bare_text_has_no_marks_at_its_ends():
    assert bare("  “谢谢！” ") == "谢谢"
