"""Text of any charset under any name: the matrix of truths, lies and silence."""

import pytest

from gateway.intake.mail.charset import decode_header, decode_text

WRITTEN = {
    "gb18030": "我的充值还没有到账，请帮我查一下",
    "cp950": "您好，儲值沒有到帳，請幫我查詢。",
    "utf-8": "我的充值还没有到账，请帮我查一下",
    "cp932": "入金がまだ届いていません。確認してください。",
    "euc_jp": "入金がまだ届いていません。確認してください。",
    "cp949": "안녕하세요. 충전이 되지 않았어요.",
    "cp1251": "Здравствуйте, деньги не пришли на счёт.",
    "koi8_r": "Здравствуйте, деньги не пришли на счёт.",
    "cp1253": "Καλημέρα, δεν έλαβα τα χρήματα",
}
DECLARED = [
    "",
    "us-ascii",
    "utf-8",
    "gb2312",
    "big5",
    "euc-kr",
    "shift_jis",
    "iso-8859-1",
    "x-none",
]

#: Everyday characters in both: nobody could tell, and nobody declares that.
UNTOLD = {("euc_jp", "big5")}


@pytest.mark.parametrize("codec", WRITTEN)
@pytest.mark.parametrize("declared", DECLARED)
def test_a_sentence_is_read_whatever_is_declared(codec: str, declared: str) -> None:
    if (codec, declared) in UNTOLD:
        return
    text = WRITTEN[codec]
    assert decode_text(text.encode(codec), declared) == text


@pytest.mark.parametrize(
    ("codec", "text"),
    [
        ("cp1252", "Bonjour, je n’ai pas reçu mon dépôt à temps"),
        ("cp1252", "Größe, hätte gern eine Auskunft über das Guthaben"),
        ("cp1250", "Nie otrzymałem przelewu, proszę o pomoc. Dziękuję, żółć"),
        ("cp1250", "Dobrý den, peníze nepřišly na účet, děkuji"),
        ("cp1254", "Paramı alamadım, lütfen yardım edin. Teşekkürler, çok sağ olun"),
    ],
)
def test_accented_text_without_a_declaration_is_told_by_its_letters(codec: str, text: str) -> None:
    assert decode_text(text.encode(codec)) == text


def test_short_chinese_is_not_taken_for_another_alphabet() -> None:
    for text in ("退款", "王芳", "您好", "朱镕基㛃"):
        assert decode_text(text.encode("gb18030")) == text


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"=?gb2312?B?1tC5+g", "中国"),
        (b"=?utf-8?Q?a?b=20c?=", "a?b c"),
        (b"=?utf-8?B?5Lit5?= =?utf-8?B?Zu9?=", "中国"),
        (b"=?utf-8?Q?=E4=BD=A0=E5=A5?= =?utf-8?Q?=BD?=", "你好"),
        (b"=?gbk?Q?=D6=D0?==?gbk?Q?=B9=FA?=", "中国"),
        (b"=?x?B?????=", "=?x?B?????="),
        (b"Re: =?utf-8?B?5Zue5aSN?=\r\n\t=?utf-8?B?5Zue5aSN?= abc =?", "Re: 回复回复 abc =?"),
        (b"=?utf-8*zh-cn?B?5Lit5Zu9?=", "中国"),
    ],
)
def test_encoded_words_are_read_as_meant(raw: bytes, text: str) -> None:
    assert decode_header(raw) == text
