"""Lookup tables: who names a row is told what it says, and nothing else is."""

import itertools
from dataclasses import replace

import pytest

from gateway.answers.answerer import build_answerer
from gateway.answers.case import make_case
from gateway.answers.cells import unknown_cells
from gateway.answers.faults import KnowledgeError
from gateway.answers.length import fits
from gateway.answers.rendering import inspect
from gateway.answers.table_files import with_files
from gateway.answers.tables import Declared, compiled
from gateway.answers.wording import Wording
from gateway.domain.allowlist import Allowed, refusal
from gateway.domain.decision import Certificate, Question, Verb
from gateway.domain.model import Brand
from tests.answers.brands import EMPTY, FULL, ROWS
from tests.learnt import MODELS

CODES = {"error_codes": Declared("error_codes", ("meaning",))}
#: The topics that look something up, with a message that names a row.
LOOKED_UP = {
    "payment_failed": ("付款失败，提示E1001", "payment failed with E1001", "E1001"),
    "withdraw_failed": ("提现失败 e1001", "my withdrawal failed: error 51", None),
    "intl_payment": ("在日本能用吗", "can I pay in Japan", None),
    "fee_query": ("提现要手续费吗", "what does it cost to withdraw", None),
    "withdraw_not_arrived": ("提现到招行还没到账", "withdrew to China Merchants Bank", None),
    "topup_not_arrived": ("招商银行充值没到", "top-up from CMB is missing", None),
}


def words(knowledge, *brands: Brand) -> Wording:
    return Wording(knowledge, compiled(knowledge.tables, {b.id: b for b in brands}))


def answer(knowledge, topic: str, text: str, *, brand: Brand = ROWS, **values) -> str:
    question = Question(text, brand=brand.id, **values)
    case = make_case(question, {brand.id: brand}, knowledge.languages)
    return words(knowledge, brand).answer(case, knowledge.topics[topic])


def found(text: str, rows: dict, declared: Declared = CODES["error_codes"]) -> list[str]:
    brand = Brand("b", "B", tables={declared.name: rows})
    table = compiled({declared.name: declared}, {"b": brand}).by_brand["b"][declared.name]
    return [row.key for row, _ in table.find(text)]


# ---------------------------------------------------------------- what is stated


@pytest.mark.parametrize("topic", LOOKED_UP)
@pytest.mark.parametrize("form", ["long", "short", "voice"])
@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_a_row_that_is_named_stands_in_the_answer_in_every_form(knowledge, topic, form, language):
    text = LOOKED_UP[topic][language == "en"]
    plain = answer(knowledge, topic, text, brand=FULL, form=form, language=language)
    told = answer(knowledge, topic, text, form=form, language=language)
    row = {
        "payment_failed": ("银行卡余额不足", "too little money"),
        "withdraw_failed": ("银行卡余额不足", "not enough money"),
        "intl_payment": ("日本：支持，门店扫码付款", "Japan: supported, by code"),
        "fee_query": ("提现：每笔 0.2%，最低 2 元", "withdraw: 0.2 %, at least 2"),
        "withdraw_not_arrived": ("招商银行：通常 2 小时", "China Merchants Bank: usually within 2"),
        "topup_not_arrived": ("招商银行：通常几分钟", "China Merchants Bank: usually within min"),
    }[topic][language == "en"]
    assert row in told
    assert row not in plain
    assert "{" not in told
    assert "  " not in told
    assert form != "short" or fits(told)


def test_without_a_row_that_is_named_the_answer_is_the_general_one(knowledge):
    for topic, form in itertools.product(LOOKED_UP, ["long", "short", "voice"]):
        general = answer(knowledge, topic, "付款失败，提示E9999，在火星", brand=FULL, form=form)
        assert answer(knowledge, topic, "付款失败，提示E9999，在火星", form=form) == general


def test_at_most_three_rows_are_stated_in_their_order(knowledge):
    text = answer(knowledge, "payment_failed", "E4004 然后 E3003，E2002，又 E1001")
    stated = [line for line in text.splitlines() if line.startswith("- E")]
    assert [line[:7].strip("- ：") for line in stated] == ["E4004", "E3003", "E-200"]


def test_a_short_form_states_as_many_rows_as_fit_into_two_messages(knowledge):
    rows = {key: {"zh-CN": f"{key}的说明" * 5} for key in ("E1001", "E2002", "E3003")}
    brand = replace(ROWS, tables={"error_codes": rows})
    text = answer(knowledge, "payment_failed", "失败 E1001 E2002 E3003", form="short", brand=brand)
    assert fits(text)
    assert "E1001" in text
    assert "E3003" not in text


def test_a_row_too_long_for_a_message_leaves_the_general_text(knowledge):
    long = replace(ROWS, tables={"error_codes": {"E1001": {"zh-CN": "很" * 120}}})
    text = answer(knowledge, "payment_failed", "失败 E1001", brand=long, form="short")
    assert fits(text)
    assert "很很" not in text
    assert "①网络" in text


def test_a_row_without_a_text_in_the_language_is_not_stated(knowledge):
    text = "withdrew to 工商银行 三天没到"
    assert "工商银行：次日到账" in answer(knowledge, "withdraw_not_arrived", text)
    english = answer(knowledge, "withdraw_not_arrived", "not arrived at ICBC", language="en")
    assert "ICBC" not in english


def test_a_row_names_nothing_that_the_outbox_would_stop(knowledge):
    tables = {"error_codes": {"E1001": {"zh-CN": "请拨打 400-123-4567，或看 https://a.example/x"}}}
    brand = replace(FULL, tables=tables)
    text = answer(knowledge, "payment_failed", "失败 E1001", brand=brand)
    assert "400-123-4567" in text
    assert refusal(text, Allowed.of_brand(brand)) == ""
    assert refusal(text, Allowed.of_brand(FULL)) != ""


def test_what_a_row_says_is_never_run_as_a_template(knowledge):
    tables = {"error_codes": {"E1001": "{{ brand.hotline }} {% if x %}"}}
    text = answer(knowledge, "payment_failed", "失败 E1001", brand=replace(FULL, tables=tables))
    assert "{{ brand.hotline }} {% if x %}" in text


# ---------------------------------------------------------------- what names a row


@pytest.mark.parametrize(
    "text", ["E1001", "报错e1001了", "error E-1001", "e 1001!", "（Ｅ１００１）", "code E1001."]
)
def test_a_code_is_found_however_it_is_written(text):
    assert found(text, {"E1001": "x"}) == ["E1001"]


@pytest.mark.parametrize("text", ["E10011", "SE1001", "E1001a", "1001", "E1 001 001"])
def test_another_code_is_not_taken_for_it(text):
    assert found(text, {"E1001": "x"}) == []


@pytest.mark.parametrize(
    "text", ["错误51", "提示 51", "error code: 51", "错误代码为51。", "code 51"]
)
def test_a_bare_number_is_found_after_a_word_for_error(text):
    assert found(text, {"51": "x"}) == ["51"]


@pytest.mark.parametrize(
    "text", ["我付了51元", "51", "error after 51 minutes", "code 5.1", "code 518"]
)
def test_any_other_number_is_not(text):
    assert found(text, {"51": "x"}) == []


COUNTRIES = {"IN": {"names": ["印度", "India"]}, "JP": {"names": ["日本"]}}


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("IN and JP", ["IN", "JP"]),
        ("can I pay in Japan", []),
        ("PLEASE HELP ME PAY IN A SHOP", []),
        ("在JP能用嗎", ["JP"]),
        ("印度和日本", ["IN", "JP"]),
        ("印度尼西亚能用吗", []),
        ("印度尼西亞", []),
        ("Indiana", []),
    ],
)
def test_words_of_the_sentence_are_not_taken_for_a_country(text, keys):
    declared = Declared("countries", ("payment",), ("印度尼西亚",))
    rows = {key: {**row, "payment": "x"} for key, row in COUNTRIES.items()}
    assert found(text, rows, declared) == keys


def test_the_longer_name_wins():
    rows = {"GN": {"names": ["几内亚"]}, "GQ": {"names": ["赤道几内亚"]}}
    assert found("赤道几内亚", rows) == ["GQ"]


def test_traditional_names_are_found_as_simplified_ones(knowledge):
    assert "招商銀行：通常 2 小時內到帳" in answer(
        knowledge, "withdraw_not_arrived", "提現到招商銀行還沒到帳"
    )


# ---------------------------------------------------------------- which brand


def permits(answerer):
    return [Certificate("c", "*/*/normal", 0.05, 0.1, 0.1, 100, 0, knowledge=answerer.version)]


@pytest.fixture(scope="module")
def three(folder):
    other = replace(EMPTY, id="other", tables={"error_codes": {"E1001": "另一个意思"}})
    return build_answerer(folder, {b.id: b for b in (ROWS, other, EMPTY)}, models=MODELS)


def test_what_is_named_is_remembered_while_the_brand_is_asked_for(three):
    first = three.decide(Question("付款失败，错误码E1001怎么办", form="short"), permits(three))
    assert (first.verb, first.reason) == (Verb.ASK, "brand unknown")
    assert first.dialogue["named"] == ["e1001"]
    reply = Question("2", form="short", dialogue=first.dialogue, first=False)
    second = three.decide(reply, permits(three))
    assert second.verb is Verb.ANSWER
    assert "另一个意思" in second.reply
    assert "余额不足" not in second.reply
    assert "named" not in second.dialogue


def test_a_row_comes_before_the_steps_on_a_short_channel(three):
    ask = Question("付款失败，错误码E1001怎么办", brand="full", form="short")
    first = three.decide(ask, permits(three))
    assert "E1001：银行卡余额不足" in first.reply
    no = Question("2", brand="full", form="short", dialogue=first.dialogue, first=False)
    second = three.decide(no, permits(three))
    assert second.verb is Verb.ANSWER
    assert "网络" in second.reply


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("tables", "complaint"),
    [
        (
            {"eror_codes": {}},
            "tables.eror_codes: there is no such table; did you mean 'error_codes'",
        ),
        ({"error_codes": {"E1": {"meaning": "x", "menaing": "y"}}}, "did you mean 'meaning'"),
        ({"error_codes": {"E1": True}}, "E1.meaning: must be a text"),
        ({"error_codes": {"E1": ["x"]}}, "is neither a text nor a table"),
        ({"error_codes": {"E1": {"en": ["x"]}}}, "must be a text, or a table by language"),
        ({"error_codes": {"E1": {"names": [3], "meaning": "x"}}}, "E1.names: must be names"),
        ({"error_codes": {"E1": "a", "e-1": "b"}}, "stands for two rows"),
        ({"error_codes": {"日": "a"}}, "is too short to be found"),
        ({"error_codes": {"E1": {"en": "reply with your password"}}}, "no text of ours may"),
    ],
)
def test_a_wrong_table_names_the_place_and_the_cure(tables, complaint):
    with pytest.raises(KnowledgeError) as caught:
        compiled(CODES, {"pay": Brand("pay", "Pay", tables=tables)})
    assert complaint in str(caught.value)
    assert str(caught.value).startswith("brands.pay.tables.")


@pytest.mark.parametrize(
    ("template", "complaint"),
    [
        ("{% for row in rows.codes %}{% endfor %}", "unknown table 'codes'"),
        ("{% for r in rows.error_codes %}{{ r.what }}{% endfor %}", "has no column 'what'"),
        ("{% for r in rows.error_codes %}{{ r['what'] }}{% endfor %}", "has no column 'what'"),
    ],
)
def test_a_template_can_use_only_what_is_declared(template, complaint):
    _, problems = inspect("x.j2", template, frozenset(), CODES)
    assert any(complaint in problem for problem in problems)


def test_a_template_may_use_key_name_and_columns():
    text = "{% for r in rows.error_codes %}{{ r.key }}{{ r.name }}{{ r.meaning }}{% endfor %}"
    source, problems = inspect("x.j2", text, frozenset(), CODES)
    assert problems == []
    assert ("error_codes", "meaning") in source.cells
    assert not list(unknown_cells(source.cells, CODES))


# ---------------------------------------------------------------- files


@pytest.fixture
def tables(tmp_path):
    folder = tmp_path / "brands/pay/tables"
    folder.mkdir(parents=True)
    return folder


def test_rows_may_lie_in_files_and_those_of_the_settings_are_stronger(tables, tmp_path):
    (tables / "error_codes.toml").write_text('E1 = "file"\nE2 = { en = "two" }\n')
    (tables / "countries.csv").write_text(
        "\ufeffkey,names.zh-CN,names.en,payment.zh-CN,payment.en\n"
        'JP,日本|东瀛,Japan,"支持，扫码",supported\n'
    )
    brand = Brand("pay", "Pay", tables={"error_codes": {"E1": "settings"}})
    (merged,) = with_files({"pay": brand}, tmp_path).values()
    assert merged.tables == {
        "error_codes": {"E1": "settings", "E2": {"en": "two"}},
        "countries": {
            "JP": {
                "names": {"zh-CN": ["日本", "东瀛"], "en": ["Japan"]},
                "payment": {"zh-CN": "支持，扫码", "en": "supported"},
            }
        },
    }


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("error_codes.csv", b"code,meaning\nE1,x\n", "has no column 'key'"),
        ("error_codes.csv", b"key,meaning\nE1,x\nE1,y\n", "csv:3: the key 'E1' stands there twice"),
        ("error_codes.csv", b"key,meaning\nE1,x,y\n", "csv:2: has more cells"),
        ("error_codes.csv", b"key,meaning,meaning.en\nE1,x,y\n", "with and without a language"),
        ("error_codes.csv", b'key,meaning\nE1,"x"y\n', "is not valid CSV"),
        ("error_codes.toml", b"E1 =", "is not valid TOML"),
        ("error_codes.toml", b'E1 = "\xff"', "is not UTF-8"),
    ],
)
def test_a_wrong_file_is_named(tables, tmp_path, name, content, complaint):
    (tables / name).write_bytes(content)
    with pytest.raises(KnowledgeError) as caught:
        with_files({"pay": Brand("pay", "Pay")}, tmp_path)
    assert complaint in str(caught.value)
    assert name.removesuffix(".csv") in str(caught.value)


def test_one_table_in_two_files_is_refused(tables, tmp_path):
    (tables / "fees.csv").write_text("key,fee\nx1,y\n")
    (tables / "fees.toml").write_text('x1 = "y"\n')
    with pytest.raises(KnowledgeError, match=r"fees\.csv is there too"):
        with_files({"pay": Brand("pay", "Pay")}, tmp_path)
