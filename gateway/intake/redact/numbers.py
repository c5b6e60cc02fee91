"""Cards and ID cards: numbers that give themselves away by their digits alone."""

import re
from collections.abc import Iterator
from datetime import date
from itertools import accumulate

from gateway.intake.redact.sheet import PLACEHOLDERS, Find
from gateway.intake.redact.words import CARD_PREFIXES, NUMBER_LABEL

_RUN = re.compile(r"[0-9](?:[ \t\r\n>._-]{0,4}[0-9]){12,}")
"""Thirteen digits or more, parted by at most a line break with its quote mark."""
_GROUP = re.compile(r"[0-9]+")
_CHECK_X = re.compile(r"[ \t\r\n>._-]{0,4}[Xx](?![A-Za-z0-9])")
_WORD_BEFORE = re.compile(r"[A-Za-z]+$")
_SERIES_BEFORE = re.compile(r"(?:[A-Z]{2,}[-_#]|\+)$")
"""`IMG_`, `UP-`: the start of a serial number. A plus: of a telephone number."""
_LOOK_BACK = 24
_NO_WORD = " \t\r\n>._-0123456789\0"

_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
"""Luhn (ISO/IEC 7812-1, annex B): twice the digit, with the digits of that added up."""

_ID_LENGTH = 18
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
"""GB 11643-1999: 2^(17-i) mod 11 of ISO 7064 MOD 11-2, for the first 17 digits."""
_ID_CHECKS = "10X98765432"
_PROVINCE = re.compile(r"1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]|91")
"""GB/T 2260, and the codes of residence permits (81 to 83, 91)."""

_CENTURIES = ("18", "19", "20")

_LONG = (16, 17, 18, 19)
_ISSUERS: tuple[tuple[str, tuple[int, ...]], ...] = (
    (r"4", (13, 16, 19)),  # Visa
    (r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720|220[0-4]", (16,)),  # Mastercard, Mir
    (r"3[47]", (15,)),  # American Express
    (r"30[0-59]|3[689]", (14, 16)),  # Diners
    (r"352[89]|35[3-8]", _LONG),  # JCB
    (r"62|81[0-7]", _LONG),  # UnionPay
    (r"6011|64[4-9]|65", _LONG),  # Discover
    (r"60|63[0-9]{2}|67|685800|690755", (16, 18, 19)),  # Maestro, RuPay, Chinese bank cards
    (r"50[0-9]{2}|5[6-8]", (16, 18, 19)),  # Maestro
    (r"955[0-9]|940|966|968|984|998", (16, 18, 19)),  # Chinese bank cards before UnionPay's 62
)
"""First digits and the lengths issued under them (ISO/IEC 7812 ranges as the schemes publish)."""
_ISSUER = re.compile("|".join(f"({heads})" for heads, _ in _ISSUERS))


def find(sheet: str) -> list[Find]:
    """Every card and ID card on the sheet, in order, none overlapping another."""
    finds: list[Find] = []
    for run in _RUN.finditer(sheet):
        finds += _Run(sheet, run.start(), run.end()).finds()
    return finds


class _Run:
    """Groups of digits with little between them. A secret begins and ends where groups do: a
    valid number in the middle of a longer one is chance. Digits written one by one or two by two
    are one group."""

    def __init__(self, sheet: str, start: int, end: int) -> None:
        self._sheet = sheet
        self._spans = [match.span() for match in _GROUP.finditer(sheet, start, end)]
        groups = [sheet[a:b] for a, b in self._spans]
        sizes = [len(group) for group in groups]
        if 1 in sizes or 2 in sizes:
            self._spans, sizes = _joined(self._spans, sizes)
        self._digits = "".join(groups)
        self._begins = [0, *accumulate(sizes)]
        self._group_at = {digit: group for group, digit in enumerate(self._begins)}
        self._x = _CHECK_X.match(sheet, end)

    def finds(self) -> list[Find]:
        """The secrets, overlapping candidates as one: it is safer to take too much."""
        merged: list[Find] = []
        for found in self._candidates():
            if merged and found.start < merged[-1].end:
                last = merged[-1]
                if found.end > last.end:
                    merged[-1] = found._replace(start=last.start)
            else:
                merged.append(found)
        return merged

    def _candidates(self) -> Iterator[Find]:
        """In the order of their starts; at the same start an ID card before a card."""
        digits, group_at, sums = self._digits, self._group_at, _luhn_sums(self._digits)
        for group, begin in enumerate(self._begins[:-1]):
            start = self._spans[group][0]
            if digits[begin + 6 : begin + 8] in _CENTURIES and (end := self._id_end(begin)):
                yield Find(start, end, "id_card", PLACEHOLDERS["id_card"])
            issuer = _ISSUER.match(digits, begin)
            if issuer is None or issuer.lastindex is None:
                continue
            for length in _ISSUERS[issuer.lastindex - 1][1]:
                stop = begin + length
                last = group_at.get(stop)
                if last is None:
                    continue
                total = sums[(stop - 1) % 2]
                if (total[stop] - total[begin]) % 10 == 0 and self._looks_like_card(group, last):
                    end = self._spans[last - 1][1]
                    yield Find(start, end, "card", f"[card ****{digits[stop - 4 : stop]}]")

    def _id_end(self, begin: int) -> int:
        """Where an ID card that begins at this digit ends on the sheet; 0 when there is none."""
        if not _PROVINCE.match(self._digits, begin):
            return 0
        number = self._digits[begin : begin + _ID_LENGTH]
        last = self._group_at.get(begin + _ID_LENGTH)
        if last is not None:
            end = self._spans[last - 1][1]
        elif self._x and begin + _ID_LENGTH - 1 == len(self._digits):
            number += "X"
            end = self._x.end()
        else:
            return 0
        try:
            date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
        except ValueError:
            return 0
        weighed = sum(w * int(d) for w, d in zip(_ID_WEIGHTS, number, strict=False))
        return end if _ID_CHECKS[weighed % 11] == number[-1] else 0

    def _looks_like_card(self, first: int, last: int) -> bool:
        """Whether a person would part a card number like this, and calls it nothing else.
        Amounts, dates and telephone numbers in a row are parted otherwise."""
        if last - first == 1:
            # Nobody parts an order number by spaces, so only a number in one piece may be one.
            return not self._is_labelled(first, NUMBER_LABEL)
        sizes = [self._begins[first + 1] - self._begins[first]]
        for group in range(first + 1, last):
            size = self._begins[group + 1] - self._begins[group]
            if "\n" in self._sheet[self._spans[group - 1][1] : self._spans[group][0]]:
                sizes[-1] += size
            else:
                sizes.append(size)
        *body, tail = sizes
        usual = not body or (len(set(body)) == 1 and tail <= body[0]) or sizes == [4, 6, 4]
        odd = sum(sizes) >= 15 and sizes[0] >= 4 and min(sizes[:-1], default=0) >= 3
        return (usual or odd) and not self._is_labelled(first, None)

    def _is_labelled(self, first: int, label: re.Pattern[str] | None) -> bool:
        """Whether what stands before says that it is another kind of number."""
        start = self._spans[first][0]
        before = self._sheet[max(0, start - _LOOK_BACK) : start]
        if not before.strip(_NO_WORD):
            return False
        if before[-1].isascii() and before[-1].isalpha():
            word = _WORD_BEFORE.search(before)
            return word is None or not word[0].lower().endswith(CARD_PREFIXES)
        if before[-1] in "-_#+" and _SERIES_BEFORE.search(before):
            return True
        return label is not None and label.search(before) is not None


def _joined(
    spans: list[tuple[int, int]], sizes: list[int]
) -> tuple[list[tuple[int, int]], list[int]]:
    """Neighbours of one digit each, or of two each, as one group."""
    new_spans: list[tuple[int, int]] = []
    new_sizes: list[int] = []
    before = 0
    for span, size in zip(spans, sizes, strict=True):
        if size == before and size <= 2:
            new_spans[-1] = (new_spans[-1][0], span[1])
            new_sizes[-1] += size
        else:
            new_spans.append(span)
            new_sizes.append(size)
        before = size
    return new_spans, new_sizes


def _luhn_sums(digits: str) -> tuple[list[int], list[int]]:
    """Running sums of the digits with every second one doubled: those at odd places, those at even
    places. Luhn's sum of any part is then one difference."""
    plain = [int(digit) for digit in digits]
    even, odd = plain[:], plain
    even[1::2] = [_DOUBLED[digit] for digit in even[1::2]]
    odd[0::2] = [_DOUBLED[digit] for digit in odd[0::2]]
    return list(accumulate(even, initial=0)), list(accumulate(odd, initial=0))
