"""Cards and ID cards are taken out however they are written."""

import pytest

from gateway.intake.redact import redact
from tests.intake.marked import (
    AMEX,
    DINERS,
    DISCOVER,
    ID,
    ID_X,
    JCB,
    MASTER,
    UNION_16,
    UNION_17,
    UNION_18,
    UNION_19,
    VISA,
    VISA_13,
    VISA_19,
    check,
    grouped,
    id_card,
    luhn,
)

FULL_WIDTH = str.maketrans("0123456789Xx-. ", "０１２３４５６７８９Ｘｘ－．　")
ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
BOLD = str.maketrans("0123456789", "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗")
SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
CIRCLED = str.maketrans("123456789", "①②③④⑤⑥⑦⑧⑨")
KEYCAP = {ord(digit): digit + "\ufe0f\u20e3" for digit in "0123456789"}

SEPARATORS = [
    *(" ", "-", ".", "_", "  ", " - ", "\t", "\u3000", "\u00a0", "\u2009", "\u200b", "\u2060"),
    *("－", "–", "—", "·", "．", "−"),
]

CARDS = [
    f"⟦{VISA}⟧",
    f"⟦{VISA_13}⟧",
    f"⟦{VISA_19}⟧",
    f"⟦{MASTER}⟧",
    f"⟦{luhn('222100000000000')}⟧",
    f"⟦{luhn('272099999999999')}⟧",
    f"⟦{AMEX}⟧",
    f"⟦{luhn('34343434343434')}⟧",
    f"⟦{UNION_16}⟧",
    f"⟦{UNION_17}⟧",
    f"⟦{UNION_18}⟧",
    f"⟦{UNION_19}⟧",
    f"⟦{luhn('810123456789012')}⟧",
    f"⟦{DINERS}⟧",
    f"⟦{luhn('3852000002323')}⟧",
    f"⟦{JCB}⟧",
    f"⟦{DISCOVER}⟧",
    f"⟦{luhn('675941111111111')}⟧",
    f"⟦{luhn('955880020010123456')}⟧",
    f"⟦{luhn('955990200101234567')}⟧",
    f"⟦{luhn('436742123456789012')}⟧",
    f"⟦{luhn('601382123456789012')}⟧",
    f"我的卡号是⟦{UNION_19}⟧，请帮我查一下",
    f"我的卡號是⟦{UNION_19}⟧，請幫我查一下",
    f"银行卡⟦{UNION_16}⟧绑不上",
    f"充值的卡：⟦{VISA}⟧。没到账",
    f"my card ⟦{VISA}⟧ was charged twice",
    f"Card number:⟦{MASTER}⟧",
    f"card#⟦{MASTER}⟧!",
    f"Visa⟦{VISA}⟧",
    f"MyCard⟦{VISA}⟧exp",
    f"卡号：⟦{grouped(VISA, 4)}⟧",
    *(f"卡号：⟦{grouped(VISA, 4, by=by)}⟧" for by in SEPARATORS),
    f"卡号：⟦{grouped(VISA, 1)}⟧",
    f"卡号：⟦{grouped(VISA, 1, by='-')}⟧",
    f"卡号：⟦{grouped(VISA, 2)}⟧",
    f"卡号：⟦{grouped(VISA, 8)}⟧",
    f"卡号：⟦{grouped(UNION_19, 4)}⟧",
    f"卡号：⟦{grouped(UNION_19, 6, 13)}⟧",
    f"卡号：⟦{grouped(UNION_19, 5)}⟧",
    f"卡号：⟦{grouped(UNION_19, 4, 5, 6, 4)}⟧",
    f"Amex ⟦{grouped(AMEX, 4, 6, 5)}⟧",
    f"Diners ⟦{grouped(DINERS, 4, 6, 4)}⟧",
    f"⟦{VISA[:4]} {VISA[4:8]}-{VISA[8:12]}.{VISA[12:]}⟧",
    f"⟦{VISA[:4]}－{VISA[4:8]}　{VISA[8:12]}·{VISA[12:]}⟧",
    f"my card is ⟦{VISA[:8]}\n{VISA[8:]}⟧",
    f"my card is ⟦{VISA[:7]}\r\n{VISA[7:]}⟧",
    f"> my card is ⟦{VISA[:4]} {VISA[4:8]}\n> {VISA[8:12]} {VISA[12:]}⟧",
    f"卡号⟦{UNION_19[:4]} {UNION_19[4:8]} {UNION_19[8:12]}\n{UNION_19[12:16]} {UNION_19[16:]}⟧",
    f"⟦{VISA.translate(FULL_WIDTH)}⟧",
    f"⟦{grouped(VISA, 4).translate(FULL_WIDTH)}⟧",
    f"⟦{grouped(UNION_19, 4, by='-').translate(FULL_WIDTH)}⟧",
    f"⟦{VISA[:8]}{VISA[8:].translate(FULL_WIDTH)}⟧",
    f"⟦{VISA.translate(ARABIC)}⟧",
    f"⟦{VISA.translate(BOLD)}⟧",
    f"⟦{VISA.translate(SUPERSCRIPT)}⟧",
    f"⟦{VISA.translate(CIRCLED)}⟧",
    f"⟦{VISA}⟧和⟦{MASTER}⟧",
    f"⟦{VISA}⟧, ⟦{MASTER}⟧; ⟦{UNION_19}⟧",
    f"⟦{VISA}⟧/⟦{MASTER}⟧",
    f"订单号12345678，卡号⟦{UNION_19}⟧，金额500元",
    f"ordered on 2026-11-22 with ⟦{VISA}⟧, paid 300.00",
    f"卡⟦{UNION_19}⟧尾号{UNION_19[-4:]}",
    f'{{"pan":"⟦{VISA}⟧"}}',
    f"https://pay.example.invalid/?pan=⟦{VISA}⟧&x=1",
    f"订单 12345678 的卡 ⟦{grouped(VISA, 4)}⟧",
    f"order paid by card ⟦{VISA}⟧",
    f"订单号：⟦{grouped(VISA, 4)}⟧",
    f"😀⟦{VISA}⟧😀",
    f"номер карты ⟦{VISA}⟧",
    f"カード番号は⟦{JCB}⟧です",
    f"카드번호 ⟦{VISA}⟧",
    f"หมายเลขบัตร ⟦{VISA}⟧",
]

ID_CARDS = [
    f"⟦{ID}⟧",
    f"⟦{ID_X}⟧",
    f"⟦{ID_X.lower()}⟧",
    f"⟦{ID_X.translate(FULL_WIDTH)}⟧",
    f"⟦{ID.translate(FULL_WIDTH)}⟧",
    f"身份证号：⟦{ID}⟧",
    f"身份证⟦{ID_X}⟧，姓名张三",
    f"身分證號碼⟦{ID}⟧",
    f"My ID card number is ⟦{ID}⟧.",
    f"ID⟦{ID}⟧",
    f"⟦{grouped(ID, 6, 8, 4)}⟧",
    f"⟦{grouped(ID_X, 6, 8, 4)}⟧",
    f"⟦{grouped(ID, 3, 3, 4, 4, 4)}⟧",
    f"⟦{grouped(ID, 6, 8, 4, by='-')}⟧",
    f"⟦{grouped(ID, 6, 8, 4, by='　')}⟧",
    f"⟦{grouped(ID, 1)}⟧",
    f"⟦{grouped(ID_X, 1)}⟧",
    f"身份证⟦{ID[:10]}\n{ID[10:]}⟧",
    f"⟦{id_card('620102', '19851231', '003')}⟧",
    f"⟦{id_card('440305', '20011112', '120')}⟧",
    f"⟦{id_card('510107', '19560229', '441')}⟧",
    f"⟦{id_card('810000', '19990909', '001')}⟧",
    f"⟦{id_card('830000', '19990909', '002')}⟧",
    f"⟦{ID}⟧和⟦{ID_X}⟧",
    f"⟦{ID}⟧ 13800138000",
    f"张三 ⟦{ID_X}⟧ 13800138000",
]


@pytest.mark.parametrize("marked", CARDS)
def test_a_card_is_taken_out(marked):
    check(marked, "card")


@pytest.mark.parametrize("marked", ID_CARDS)
def test_an_id_card_is_taken_out(marked):
    check(marked, "id_card")


def test_a_keycap_card_is_taken_out():
    assert "[card ****1111]" in redact(VISA.translate(KEYCAP)).text


def test_a_card_keeps_its_last_four_digits_as_plain_ones():
    assert redact(f"卡 {VISA_19.translate(FULL_WIDTH)}。").text == f"卡 [card ****{VISA_19[-4:]}]。"
    assert redact(f"卡 {ID}。").text == "卡 [id-card]。"


def test_a_card_and_an_id_card_side_by_side_are_told_apart():
    result = redact(f"{UNION_19} {ID} {ID_X}\n{VISA}")
    assert result.text == f"[card ****{UNION_19[-4:]}] [id-card] [id-card]\n[card ****1111]"


@pytest.mark.parametrize("text", ["", " ", "您好", "hello", "\0", "[card ****1234]", "［code］"])
def test_a_text_without_secrets_is_returned_as_it_is(text):
    assert redact(text).text == text
    assert redact(text).redactions == ()
