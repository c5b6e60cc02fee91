"""Attached text files lose their secrets in the charset and form they came in."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.channel import Inbound, RawMail
from gateway.domain.model import Attachment
from gateway.domain.reply import incoming
from gateway.intake.files import LARGEST, clean_file, clean_files, is_text
from gateway.intake.reading import clean, read_and_redact
from gateway.intake.redact import Policy
from gateway.intake.redact.markup import redact_markup
from tests.intake.marked import ID, UNION_19, VISA


def file(data, name="a.txt", kind="text/plain"):
    return Attachment(name, kind, len(data), data)


def cleaned(data, name="a.txt", kind="text/plain"):
    return clean_file(file(data, name, kind), Policy()).attachment.data


@pytest.mark.parametrize(
    "charset", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "utf-16-be"]
)
def test_a_text_is_redacted_in_its_own_charset(charset):
    text = f"卡号 {VISA}，验证码是482913\r\n谢谢"
    assert cleaned(text.encode(charset)).decode(charset) == (
        "卡号 [card ****1111]，验证码是[code]\r\n谢谢"
    )


def test_what_holds_no_secret_keeps_every_byte():
    data = "订单号 2026112200123456\r\n\tété\n".encode("gb18030") + b"\xff\x00"
    assert clean_file(file(data), Policy()).attachment.data is data


@pytest.mark.parametrize("name", ["a.pdf", "a.docx", "a.xlsx", "a.zip", "a.png"])
def test_a_file_that_is_no_text_is_left_alone(name):
    data = f"%PDF {VISA}".encode()
    attachment = file(data, name, "application/octet-stream")
    assert not is_text(attachment)
    assert clean_file(attachment, Policy()).attachment is attachment


def test_a_column_named_after_a_secret_holds_nothing_but_secrets():
    data = b"name;password;CVV\r\npeter;sunshine;123\r\nanna;;\r\n"
    assert cleaned(data, "a.csv", "text/csv") == (
        b"name;password;CVV\r\npeter;[password];[cvv]\r\nanna;;\r\n"
    )


def test_a_table_is_redacted_cell_by_cell_also_without_headings():
    data = f'1,"{VISA}",Peter\n2,{UNION_19},Anna\n'.encode()
    assert cleaned(data, "a.csv", "text/csv") == (
        f'1,"[card ****1111]",Peter\n2,[card ****{UNION_19[-4:]}],Anna\n'.encode()
    )


def test_escapes_hide_nothing_in_json():
    escaped = "".join(f"\\u{ord(char):04x}" for char in VISA)
    data = f'{{"a": "{escaped}", "password": "sunshine", "n": {VISA}}}'.encode()
    assert json.loads(cleaned(data, "a.json", "application/json")) == {
        "a": "[card ****1111]",
        "password": "[password]",
        "n": "[card ****1111]",
    }


def test_half_a_character_in_json_stays_what_it_is():
    data = b'{"a": "\\ud800 x", "password": "sunshine"}'
    assert cleaned(data, "a.json") == b'{"a": "\\ud800 x", "password": "[password]"}'


def test_broken_json_is_read_as_text():
    assert cleaned(f'{{"a": "{VISA}"'.encode(), "a.json") == b'{"a": "[card ****1111]"'


@pytest.mark.parametrize(
    ("source", "clean_source"),
    [
        ("<b>4111</b> <i>1111</i><u>1111</u>1111", "<b>[card ****1111]</b><i></i><u></u>"),
        ("<td>4111&nbsp;1111&#32;1111&#x20;1111</td>", "<td>[card ****1111]</td>"),
        (f"<!-- {VISA} -->", "<!-- [card ****1111] -->"),
        (f"<a href='?card={VISA}'>x</a>", "<a href='?card=[card ****1111]'>x</a>"),
        ("<tr><td>密码</td><td>abc12345</td></tr>", "<tr><td>密码</td><td>[password]</td></tr>"),
        (f"<script>var a = '{VISA}'</script>", "<script>var a = '[card ****1111]'</script>"),
        (f"a < b &amp; {VISA}", "a < b &amp; [card ****1111]"),
        ("<p>1 &lt; 2</p>", "<p>1 &lt; 2</p>"),
        # A character that no page may hold is nothing: what stands behind it is found all the same.
        (f"{'&#1;' * 20}<p>card {VISA}</p>", f"{'&#1;' * 20}<p>card [card ****1111]</p>"),
        ("a<br>4111<td>&#49;111<b>&nbsp;1111</b>1111", "a<br>[card ****1111]<td><b></b>"),
    ],
)
def test_html_is_redacted_where_it_stands(source, clean_source):
    assert redact_markup(source).text == clean_source
    assert redact_markup(clean_source).text == clean_source


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(["<b>", "</b>", "&nbsp;", "<i x='1'>", "", " ", "<!-- -->"]), min_size=3
    )
)
def test_no_tags_hide_a_card(between):
    pieces = [VISA[at : at + 4] for at in (0, 4, 8, 12)]
    source = pieces[0] + "".join(
        gap + piece for gap, piece in zip(between, pieces[1:], strict=False)
    )
    shown = redact_markup(source).text
    assert not all(piece in shown for piece in pieces[:3])


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["a.txt", "a.html", "a.csv", "a.json", "a.jsonl"]))
def test_no_bytes_are_unbearable_and_all_others_come_back(data, name):
    around = data + b"\n" + VISA.encode() + b"\n"
    once = cleaned(around, name)
    assert cleaned(once, name) == once


@pytest.mark.parametrize(
    "part", ["<a ", "<", "&", "<!--", "<a b='", "<script>", "&#1", "<td>1", "1<b>"]
)
def test_markup_made_to_be_slow_takes_time_in_proportion(part):
    def seconds(length):
        begun = time.process_time()
        redact_markup((part * length)[:length])
        return time.process_time() - begun

    assert any(seconds(80_000) < 10 * max(seconds(20_000), 0.005) for _ in range(3))


def test_only_so_much_text_of_one_message_is_read():
    small, large = file(VISA.encode()), file(VISA.encode() + b" " * LARGEST)
    first, second, third = clean_files([large, small, small], Policy())
    assert first.attachment is large
    assert second.attachment.data == third.attachment.data == b"[card ****1111]"


def test_a_message_tells_what_its_files_held():
    event = Inbound(
        "1", "a", "see file", attachments=(file(f"身份证{ID}".encode(), f"{VISA}.txt"),)
    )
    safe = clean(event)
    assert safe.facts["redactions"] == ["id_card"]
    assert safe.attachments[0].data == "身份证[id-card]".encode()
    assert safe.attachments[0].size == len(safe.attachments[0].data)
    assert safe.attachments[0].name == "[card 1111].txt"


# ---------------------------------------------------------------- by policy, and alone


def test_telephones_and_mail_addresses_stay_unless_the_installation_says_otherwise():
    text = "call 13800138000 or write to peter@example.com, the hotline is 400-820-8820"
    assert clean(Inbound("1", "a", text)).text == text
    assert clean(Inbound("1", "a", text), Policy(phones=True, mail_addresses=True)).text == (
        "call [phone] or write to [mail], the hotline is 400-820-8820"
    )


@pytest.mark.parametrize(
    "text",
    ["13800138000", "+86 138-0013-8000", "010-12345678", "+1 (415) 555-2671", "+44 20 7946 0958"],
)
def test_a_telephone_number_is_taken_out_by_policy(text):
    assert clean(Inbound("1", "a", f"打{text}找我"), Policy(phones=True)).text == "打[phone]找我"


@pytest.mark.parametrize(
    "text",
    ["400-618-0081", "95588", "12315", "2026112200123456", "2026-11-22 10:30", "261122-483920"],
)
def test_what_is_no_telephone_number_of_a_person_stays(text):
    assert clean(Inbound("1", "a", text), Policy(phones=True, mail_addresses=True)).text == text


def test_where_an_answer_goes_stays_whatever_the_policy():
    raw = RawMail(b"From: p@x.example\r\n\r\nme: p@x.example", "p@x.example", ("s@y.example",), 0.0)
    (event,) = read_and_redact(raw, frozenset(), frozenset(), Policy(mail_addresses=True)).events
    assert event.text == "me: [mail]"
    assert event.sender == event.reply_to["reply_address"] == "p@x.example"


@pytest.mark.parametrize("text", ["482913", " 482 913。", "好的，482913，谢谢", "ok 482913 thanks"])
def test_six_digits_alone_are_a_code(text):
    assert "[code]" in clean(Inbound("1", "a", text)).text
    assert clean(Inbound("1", "a", text), Policy(lone_codes=False)).text == text


@pytest.mark.parametrize(
    "text",
    [
        "4829",
        "48291",
        "12345678",
        "518000",
        "100000",
        "482913元",
        "订单482913",
        "充值了482913",
        "482913 482914",
    ],
)
def test_other_numbers_alone_are_orders_amounts_and_postcodes(text):
    assert clean(Inbound("1", "a", text)).text == text


def test_a_code_alone_is_taken_out_of_the_quoted_text_around_it_too():
    safe = clean(
        Inbound("1", "a", "482913", facts={"full_text": "482913\n\n> Hello, how are you?"})
    )
    assert safe.facts["full_text"] == "[code]\n\n> Hello, how are you?"


def test_a_code_alone_is_taken_out_of_the_whole_text_where_that_is_the_same():
    safe = clean(Inbound("1", "a", "482913", facts={"full_text": "482913"}))
    assert (safe.text, safe.facts["full_text"]) == ("[code]", "[code]")


# ---------------------------------------------------------------- the page of a mail


def page_of(html: str) -> Inbound:
    letter = f"From: a@b.cn\r\nSubject: hi\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{html}"
    read = read_and_redact(
        RawMail(letter.encode(), "a@b.cn", (), 0.0), frozenset(), frozenset(), Policy()
    )
    (event,) = read.events
    assert isinstance(event, Inbound)
    return event


def test_the_page_of_a_mail_is_kept_without_what_acts_and_without_its_secrets():
    spread = f"{VISA[:4]}</b> <i>{VISA[4:8]}</i> {VISA[8:12]} {VISA[12:]}"
    event = page_of(f"<script>x()</script><p onclick=x>My card is <b>{spread}</p>")
    assert event.facts["page"] == "<p>My card is <b>[card ****1111]</b><i></i></p>"
    assert event.facts["redactions"] == ["card"]


def test_a_code_that_is_all_a_mail_says_does_not_stay_in_its_page():
    event = page_of("<p><b>482913</b></p>")
    assert event.text == "[code]"
    assert "482913" not in event.facts["page"]


def test_a_page_that_is_too_long_to_keep_is_left_out_and_its_text_is_there():
    event = page_of("<p>" + "word " * 20_000 + "</p>")
    assert "page" not in event.facts
    assert event.text.startswith("word word")


def test_a_page_comes_to_its_message():
    event = page_of("<p>Where is <b>my</b> money?</p>")
    assert incoming("m", event, "v", "q").meta["page"] == "<p>Where is <b>my</b> money?</p>"
