"""Texts that are too long go out as parts that fit, divided where a reader expects it, with nothing lost."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.domain.splitting import TextLimit, TextUnit, split

MARK = re.compile(r"^\((\d+)/(\d+)\) ")
FAMILY = "👨‍👩‍👧‍👦"
UNITS: list[TextUnit] = ["chars", "utf16", "bytes"]


def bare(part: str) -> str:
    return MARK.sub("", part)


def without_space(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize(("unit", "length"), [("chars", 4), ("utf16", 5), ("bytes", 1 + 2 + 3 + 4)])
def test_a_text_is_measured_as_the_provider_counts(unit: TextUnit, length: int) -> None:
    text = "aé中😀"
    limit = TextLimit(length, unit)
    assert limit.measure(text) == length
    assert limit.fits(text)
    assert not TextLimit(length - 1, unit).fits(text)
    encodings = {"chars": len(text), "utf16": len(text.encode("utf-16-le")) // 2}
    assert limit.measure(text) == encodings.get(unit, len(text.encode()))


def test_what_fits_stays_as_it_is() -> None:
    assert split("  as it is \n", TextLimit(20)) == ("  as it is \n",)
    assert split("x" * 10_000, TextLimit()) == ("x" * 10_000,)


@pytest.mark.parametrize(
    ("text", "size", "parts"),
    [
        ("First paragraph.\n\nSecond one.", 24, ("First paragraph.", "Second one.")),
        ("您的提现正在处理。预计三天到账！请耐心等待。", 19, ("您的提现正在处理。", "预计三天到账！请耐心等待。")),
        ("It is done now. Please wait for it.", 26, ("It is done now.", "Please wait for it.")),
        ("他说：“好的。”然后就走了，没有再回来。", 18, ("他说：“好的。”", "然后就走了，没有再回来。")),
        ("one two three four", 16, ("one two", "three four")),
        ("线路繁忙，请稍后再试，谢谢合作", 14, ("线路繁忙，", "请稍后再试，", "谢谢合作")),
        ("Fee: 3.50 per 1,000 paid", 22, ("Fee: 3.50 per", "1,000 paid")),
    ],
)  # fmt: skip
def test_a_text_is_divided_where_a_reader_expects_it(
    text: str, size: int, parts: tuple[str, ...]
) -> None:
    found = split(text, TextLimit(size))
    assert tuple(map(bare, found)) == parts
    assert [MARK.match(part)[0] for part in found] == [  # type: ignore[index]
        f"({n}/{len(parts)}) " for n in range(1, len(parts) + 1)
    ]


def test_a_division_that_leaves_a_part_nearly_empty_is_passed_over() -> None:
    text = "Hi.\n\n" + "word " * 40
    first, *_ = split(text, TextLimit(60))
    assert len(first) > 50


@pytest.mark.parametrize(
    "character", [FAMILY, "🇨🇳", "👍🏽", "e\u0301\u0323", "\u1100\u1161\u11a8", "नि", "✌️", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"]
)
def test_a_character_as_readers_see_it_is_never_divided(character: str) -> None:
    limit = TextLimit(6 + 3 * len(character) + 1)
    parts = split(character * 20, limit)
    assert len(parts) > 3
    for part in parts:
        assert bare(part) == character * (len(bare(part)) // len(character))


def test_a_chinese_text_is_counted_in_bytes_where_the_provider_does_so() -> None:
    parts = split("您好，" * 400, TextLimit(2048, "bytes"))
    assert len(parts) == 2
    assert all(len(part.encode()) <= 2048 for part in parts)


def test_ten_parts_need_longer_marks() -> None:
    parts = split("x" * 300, TextLimit(30))
    assert [MARK.match(part)[0] for part in parts][8:10] == ["(9/14) ", "(10/14) "]  # type: ignore[index]
    assert all(len(part) <= 30 for part in parts)


@pytest.mark.parametrize("limit", [TextLimit(5), TextLimit(6), TextLimit(8, "bytes")])
def test_a_limit_that_leaves_no_room_is_said(limit: TextLimit) -> None:
    with pytest.raises(ValueError, match=r"longer than|no text can be divided"):
        split("中" * 20, limit)


TEXT = st.text(
    st.one_of(
        st.sampled_from("a。. ，\n!字😀\u200d\u0301🇨🇳"), st.characters(exclude_categories=["Cs"])
    ),
    max_size=400,
)


@given(text=TEXT, size=st.integers(30, 120), unit=st.sampled_from(UNITS))
@example(text="\u0301" * 200, size=40, unit="bytes")
@example(text=" \n " * 60, size=30, unit="chars")
def test_every_part_fits_and_together_they_are_the_text(
    text: str, size: int, unit: TextUnit
) -> None:
    limit = TextLimit(size, unit)
    parts = split(text, limit)
    assert parts
    assert all(limit.fits(part) for part in parts)
    if len(parts) > 1:
        assert without_space("".join(map(bare, parts))) == without_space(text)
        assert all(int(MARK.match(part)[2]) == len(parts) for part in parts)  # type: ignore[index]
