"""Parts of an SMS."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.segments import segments


@pytest.mark.parametrize(
    ("text", "encoding", "units", "parts"),
    [
        ("", "GSM-7", 0, 1),
        ("a" * 160, "GSM-7", 160, 1),
        ("a" * 161, "GSM-7", 161, 2),
        ("a" * 306, "GSM-7", 306, 2),
        ("a" * 307, "GSM-7", 307, 3),
        ("à@£ØΔ\r\n", "GSM-7", 7, 1),
        ("€" * 80, "GSM-7", 160, 1),
        ("€" * 81, "GSM-7", 162, 2),
        # 153 is odd: the 77th euro does not fit into the last septet, so a part carries 76.
        ("€" * 152, "GSM-7", 304, 2),
        ("€" * 153, "GSM-7", 306, 3),
        ("{}[]~^|\\\f", "GSM-7", 18, 1),
        ("充" * 70, "UCS-2", 70, 1),
        ("充" * 71, "UCS-2", 71, 2),
        ("充" * 134, "UCS-2", 134, 2),
        ("充" * 135, "UCS-2", 135, 3),
        ("a" * 69 + "充", "UCS-2", 70, 1),
        ("🙏" * 35, "UCS-2", 70, 1),
        ("🙏" * 36, "UCS-2", 72, 2),
        # 67 is odd: 33 emoji a part.
        ("🙏" * 66, "UCS-2", 132, 2),
        ("🙏" * 67, "UCS-2", 134, 3),
        ("it’s", "UCS-2", 4, 1),
        ("`", "UCS-2", 1, 1),
    ],
)
def test_counts_units_and_parts(text, encoding, units, parts):
    found = segments(text)
    assert (found.encoding, found.units, found.parts) == (encoding, units, parts)


@given(st.text(st.characters(codec="utf-8"), max_size=600), st.characters(codec="utf-8"))
def test_more_text_never_takes_fewer_parts(text, more):
    assert segments(text + more).parts >= segments(text).parts


@given(st.text(st.characters(codec="utf-8"), max_size=600))
def test_ucs2_units_are_those_of_utf16(text):
    found = segments(text + "充")
    assert found.units == len((text + "充").encode("utf-16-le")) // 2
