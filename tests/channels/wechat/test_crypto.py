"""The envelope against wechatpy, in both directions, and what is not taken for XML."""

import base64
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wechatpy.crypto import WeChatCrypto
from wechatpy.enterprise.crypto import WeChatCrypto as WeComCrypto

from channels._wechat_crypto import Envelope, Opened, Stamp, _crypt, flat_xml, read_xml
from gateway.domain.errors import BadSignature, ParseError, SettingsError
from gateway.testing.builders import webhook
from tests.channels.wechat.kit import APP_ID, KEY, NOW, OLD_KEY, TOKEN, signature

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


def envelope(*keys, receive_id=APP_ID, tokens=(TOKEN, "")):
    named = {f"key{n}": key for n, key in enumerate(keys or (KEY,))}
    return Envelope.of(tokens, named, receive_id)


def sealed_by_them(text, crypto=WeChatCrypto, key=KEY, receive_id=APP_ID):
    sealed = crypto(TOKEN, key, receive_id).encrypt_message(text, "nonce", str(NOW))
    return sealed.partition("<Encrypt><![CDATA[")[2].partition("]]>")[0]


@given(TEXTS.filter(bool))
@pytest.mark.parametrize("crypto", [WeChatCrypto, WeComCrypto])
def test_we_open_what_wechatpy_seals(crypto, text):
    assert envelope().open(sealed_by_them(text, crypto)).text.decode() == text


@given(TEXTS)
@pytest.mark.parametrize("crypto", [WeChatCrypto, WeComCrypto])
def test_wechatpy_opens_what_we_seal(crypto, text):
    ours = envelope()
    opened = Opened(b"", ours.keys[0])
    answer = ours.seal(text, opened, Stamp("current", str(NOW), "a nonce")).decode()
    fields = read_xml(answer.encode())
    theirs = crypto(TOKEN, KEY, APP_ID).decrypt_message(
        answer, fields["MsgSignature"], fields["TimeStamp"], fields["Nonce"]
    )
    assert theirs == text
    assert fields["TimeStamp"] == str(NOW)


def test_the_same_answer_to_the_same_call_is_the_same_in_every_byte():
    ours = envelope()
    opened = Opened(b"", ours.keys[0])
    one, other = Stamp("current", "1", "n"), Stamp("current", "1", "m")
    assert ours.seal("hello", opened, one) == ours.seal("hello", opened, one)
    ciphers = {
        read_xml(ours.seal(text, opened, stamp))["Encrypt"]
        for text in ("hello", "hellp")
        for stamp in (one, other)
    }
    assert len({cipher[:22] for cipher in ciphers}) == 4, "the first block differs as salt makes it"


def test_what_stands_for_randomness_depends_on_the_key():
    """Else whoever knows call and answer could tell the first block from any other."""
    ours = envelope(KEY, OLD_KEY)
    salts = set()
    for key in ours.keys:
        sealed = read_xml(ours.seal("hello", Opened(b"", key), Stamp("current", "1", "n")))
        salts.add(_crypt(key, base64.b64decode(sealed["Encrypt"]), encrypt=False)[:16])
    assert len(salts) == 2


def test_the_key_before_opens_too_and_is_told():
    ours = envelope(KEY, OLD_KEY)
    opened = ours.open(sealed_by_them("hi", key=OLD_KEY))
    assert (opened.text, opened.key) == (b"hi", ours.keys[1])
    assert ours.open(sealed_by_them("hi")).key == ours.keys[0]


@pytest.mark.parametrize("receive_id", ["wx0000000000000002", "wx000000000000000", ""])
def test_a_text_for_another_account_is_refused(receive_id):
    with pytest.raises(BadSignature):
        envelope().open(sealed_by_them("hi", receive_id=receive_id))


def test_another_key_is_refused():
    with pytest.raises(BadSignature):
        envelope().open(sealed_by_them("hi", key=OLD_KEY))


@pytest.mark.parametrize("cipher", ["", "=", "AAAA", "*" * 64, "A" * 43, "é" * 64, "\udcff" * 8])
def test_what_is_no_cipher_is_refused(cipher):
    with pytest.raises(BadSignature):
        envelope().open(cipher)


@given(st.integers(0, 127), st.integers(0, 7))
def test_a_changed_bit_is_refused_or_changes_the_text_only(place, bit):
    """The envelope has no integrity of its own (the signature has): whatever is changed, opening ends
    with BadSignature or a text, never otherwise."""
    data = bytearray(base64.b64decode(sealed_by_them("x" * 60)))
    data[place % len(data)] ^= 1 << bit
    try:
        opened = envelope().open(base64.b64encode(bytes(data)).decode())
    except BadSignature:
        return
    assert len(opened.text) <= len(data)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(data):
    with pytest.raises(BadSignature):
        envelope().open(base64.b64encode(data).decode())


@pytest.mark.parametrize("key", ["short", KEY + "A", KEY[:-1] + "*", "", "é" * 43])
def test_what_is_no_key_is_a_wrong_setting(key):
    if not key:
        assert envelope("").keys == ()
        return
    with pytest.raises(SettingsError, match="key0"):
        envelope(key)


# ---------------------------------------------------------------- the signature


def call(query):
    return webhook(b"", url=f"https://gateway.example/in/wechat/main?{query}")


def query(at=NOW, nonce="n", token=TOKEN, words=(), **changes):
    signed = signature(token, str(at), nonce, *words)
    return urlencode({"signature": signed, "timestamp": at, "nonce": nonce} | changes)


def test_a_signature_of_wechatpys_is_good_with_both_tokens():
    ours = envelope(tokens=("new", "old"))
    assert ours.check(call(query(token="new")), "signature").key_id == "current"
    assert ours.check(call(query(token="old")), "signature").key_id == "previous"
    stamp = ours.check(call(query(token="new", words=("cipher",))), "signature", "cipher")
    assert stamp == Stamp("current", str(NOW), "n")


@pytest.mark.parametrize(
    "bad",
    [
        "",
        query(token="another"),
        query(words=("cipher",)),
        query(signature=""),
        query(signature="é\udcff".encode("utf-8", "replace")),
        query(nonce=""),
        query() + "&nonce=n",
        query() + "&signature=" + signature(TOKEN, str(NOW), "n"),
        query(timestamp="now"),
        query(timestamp="１７６７２２５６００"),
        query(timestamp="1" * 5000),
        query(at=NOW - 301),
        query(at=NOW + 301),
        query().replace("timestamp", "time"),
    ],
)
def test_anything_else_is_refused(bad):
    with pytest.raises(BadSignature):
        envelope().check(call(bad), "signature")


def test_a_signature_without_any_token_is_worth_nothing():
    with pytest.raises(BadSignature):
        envelope(tokens=("", "")).check(call(query(token="")), "signature")


# ---------------------------------------------------------------- XML


@given(st.dictionaries(st.sampled_from(["A", "B", "Content"]), st.text(max_size=50)))
def test_what_is_written_can_be_read(fields):
    read = read_xml(flat_xml(fields))
    assert read.keys() == fields.keys()
    for name, text in fields.items():
        if text.isprintable():
            assert read[name] == text


def test_an_end_of_cdata_in_a_text_is_no_end():
    assert read_xml(flat_xml({"A": "a]]>b]]]>", "N": 5})) == {"A": "a]]>b]]]>", "N": "5"}


def test_the_first_of_repeated_fields_counts_and_nested_ones_do_not():
    assert read_xml(b"<xml><A>1</A><A>2</A><!-- c --><?p i?><B>t<C>3</C></B></xml>") == {
        "A": "1",
        "B": "t",
    }


BOMBS = {
    "laughs": '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1 if n else str()};" * 10}">' for n in range(9))
    + "]><xml><A>&a8;</A></xml>",
    "in an attribute": '<!DOCTYPE x [<!ENTITY a "aa">]><xml><A b="&a;">t</A></xml>',
    "a file": '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]><xml><A>&a;</A></xml>',
    "another host": '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd"><xml><A>t</A></xml>',
    "a bare type": "<!DOCTYPE xml><xml><A>t</A></xml>",
    "an unknown entity": "<xml><A>&a;</A></xml>",
    "deep": "<a>" * 100_000,
    "nothing": "",
    "text": "success",
    "two roots": "<xml/><xml/>",
    "null": "<xml>\0</xml>",
}


@pytest.mark.parametrize("document", BOMBS.values(), ids=BOMBS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_these_are_not_read(document, encoding):
    with pytest.raises(ParseError):
        read_xml(document.encode(encoding))


def test_a_customer_may_write_what_looks_like_a_document_type():
    assert (
        read_xml(flat_xml({"Content": "<!DOCTYPE html>&amp;"}))["Content"] == "<!DOCTYPE html>&amp;"
    )
