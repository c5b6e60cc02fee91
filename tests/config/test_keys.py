"""The installation key: made once, kept private, and of no use to the wrong hands."""

import base64
import re
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import SettingsError
from gateway.keys import Keys, WrongKey

MASTER = bytes(range(32))
KEYS = Keys(MASTER)


@given(st.binary(max_size=4096))
def test_what_is_sealed_opens_to_the_same_bytes(data):
    assert KEYS.open(KEYS.seal(data)) == data


def test_sealing_twice_gives_different_bytes_that_do_not_show_the_content():
    first, second = KEYS.seal(b"customer photo"), KEYS.seal(b"customer photo")
    assert first != second
    assert b"photo" not in first


@given(st.integers(min_value=0, max_value=40), st.integers(min_value=1, max_value=255))
def test_any_changed_byte_is_noticed(place, change):
    sealed = bytearray(KEYS.seal(b"some content"))
    sealed[place % len(sealed)] ^= change
    with pytest.raises(WrongKey):
        KEYS.open(bytes(sealed))


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x01short", b"\x02" + bytes(40)])
def test_what_was_never_sealed_is_refused(sealed):
    with pytest.raises(WrongKey):
        KEYS.open(sealed)


def test_the_wrong_key_says_what_to_do():
    with pytest.raises(WrongKey, match="put the key of this data directory back"):
        Keys(bytes(32)).open(KEYS.seal(b"x"))


def test_digests_and_signatures_differ_by_purpose_and_by_key_and_stay_the_same_otherwise():
    assert KEYS.digest("dedup", b"a") == Keys(MASTER).digest("dedup", b"a")
    results = {
        KEYS.digest("dedup", b"a"),
        KEYS.digest("blob", b"a"),
        KEYS.digest("dedup", b"b"),
        Keys(bytes(32)).digest("dedup", b"a"),
    }
    assert len(results) == 4
    assert all(re.fullmatch(r"[0-9a-f]{64}", result) for result in results)


@given(st.text())
def test_a_signature_has_twenty_characters_that_survive_a_mail_address(text):
    assert re.fullmatch(r"[a-z2-7]{20}", KEYS.sign("reply", text))
    assert KEYS.sign("reply", text) != KEYS.sign("other", text)


def test_signatures_made_yesterday_are_good_tomorrow():
    # Changing the derivation would orphan every sealed blob and every reply token in the field.
    assert KEYS.sign("reply", "A-1") == "yqh2ifsw5fpndviv2z2s"
    assert KEYS.fingerprint == "24d211e38bc22efa"


def test_a_new_key_is_private_and_can_be_loaded(tmp_path):
    made = Keys.create(tmp_path)
    file = tmp_path / "installation.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert Keys.load(tmp_path, environ={}).fingerprint == made.fingerprint
    assert len(base64.b64decode(file.read_text())) == 32


def test_an_existing_key_is_never_overwritten(tmp_path):
    made = Keys.create(tmp_path)
    with pytest.raises(SettingsError, match="left as it is"):
        Keys.create(tmp_path)
    assert Keys.load(tmp_path, environ={}).fingerprint == made.fingerprint


@pytest.mark.parametrize(
    "text",
    [
        MASTER.hex(),
        MASTER.hex().upper(),
        base64.b64encode(MASTER).decode() + "\n",
        base64.urlsafe_b64encode(MASTER).decode(),
    ],
)
def test_the_environment_may_hold_the_key_in_hex_or_base64_and_wins(tmp_path, text):
    Keys.create(tmp_path)
    loaded = Keys.load(tmp_path, environ={"GATEWAY_INSTALLATION_KEY": text})
    assert loaded.fingerprint == KEYS.fingerprint


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty: if `gateway init` was interrupted"),
        ("not base 64!", "not a key in base64 or hex"),
        ("AAAA", "holds 3 bytes"),
        ("ключ", "not a key in base64 or hex"),
    ],
)
def test_a_damaged_key_file_is_named_with_what_is_wrong(tmp_path, text, said):
    (tmp_path / "installation.key").write_text(text, "utf-8")
    with pytest.raises(SettingsError, match=said) as caught:
        Keys.load(tmp_path, environ={})
    assert "installation.key" in str(caught.value)


def test_a_missing_key_leads_to_init(tmp_path):
    with pytest.raises(SettingsError, match="gateway init"):
        Keys.load(tmp_path, environ={})


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(SettingsError, match="cannot be written"):
        Keys.create(tmp_path / "none")


def test_printing_keys_shows_no_key():
    assert MASTER.hex() not in repr(KEYS)
    assert base64.b64encode(MASTER).decode() not in repr(KEYS)
