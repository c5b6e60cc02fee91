"""Texts with their secrets marked ⟦like this⟧, and valid numbers to fill them with.

Every number here is made up: built from a plausible head with the right check digit.
"""

import re

from gateway.intake.redact import redact

_MARKED = re.compile(r"⟦([^⟧]*)⟧")


def luhn(head):
    """`head` with its check digit."""
    total = 0
    for place, digit in enumerate(reversed([int(char) for char in head])):
        doubled = digit * 2 if place % 2 == 0 else digit
        total += doubled - 9 if doubled > 9 else doubled
    return head + str(-total % 10)


def id_card(region="110101", born="19900307", order="851"):
    """A well-formed 18-character ID-card number."""
    head = region + born + order
    total = sum(int(digit) * (2 ** (17 - place) % 11) for place, digit in enumerate(head))
    return head + "10X98765432"[total % 11]


def grouped(number, *sizes, by=" "):
    """`number` in groups of these sizes, the last of which repeats."""
    parts, at = [], 0
    while at < len(number):
        size = sizes[min(len(parts), len(sizes) - 1)]
        parts.append(number[at : at + size])
        at += size
    return by.join(parts)


def unmark(marked):
    """The plain text, and the spans that were marked in it."""
    spans, plain, last = [], "", 0
    for match in _MARKED.finditer(marked):
        plain += marked[last : match.start()]
        spans.append((len(plain), len(plain) + len(match[1])))
        plain += match[1]
        last = match.end()
    return plain + marked[last:], spans


def check(marked, kind, context=""):
    """Exactly the marked parts are taken out, all of this kind."""
    text, spans = unmark(marked)
    result = redact(text, context)
    taken = [text[r.start : r.end] for r in result.redactions]
    assert taken == [text[a:b] for a, b in spans], result.text
    assert [(r.start, r.end) for r in result.redactions] == spans
    assert {r.kind for r in result.redactions} == {kind}
    assert not any(secret in result.text for secret in taken)
    assert redact(result.text, context).text == result.text


VISA = "4111111111111111"
VISA_13 = luhn("422222222222")
VISA_19 = luhn("456351080000012345")
MASTER = "5555555555554444"
AMEX = "378282246310005"
UNION_16 = luhn("622588011234567")
UNION_17 = luhn("6225880112345678")
UNION_18 = luhn("62258801123456789")
UNION_19 = luhn("622202020011234567")
DINERS = "30569309025904"
JCB = "3530111333300000"
DISCOVER = "6011111111111117"
ID = id_card()
ID_X = next(
    number for order in range(1000) if (number := id_card(order=f"{order:03}")).endswith("X")
)
