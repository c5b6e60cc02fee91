"""Secrets made up by a seeded generator, and the texts that hold them.

Every number is distinct, valid where its kind has a check digit, and nobody's: the ranges are real,
because the redactor looks at them, the rest is drawn.
"""

import random
import string
from dataclasses import dataclass
from pathlib import Path

from tests.intake.marked import id_card, luhn

HERE = Path(__file__).parent
CHECKSUM = frozenset({"card", "id_card"})
_HEADS = (
    ("4", 16), ("51", 16), ("55", 16), ("2221", 16), ("34", 15), ("37", 15), ("36", 14),
    ("3528", 16), ("6222", 16), ("621700", 19), ("622848", 19), ("6228", 18), ("6011", 16),
    ("65", 16), ("8107", 16), ("6304", 16), ("4563", 19),
)  # fmt: skip
_REGIONS = ("110101", "310115", "440305", "510107", "650102", "830000", "320583")
_SIGNS = "!@#$%&_+"


@dataclass(frozen=True, slots=True)
class Secret:
    """One planted secret."""

    kind: str
    value: str
    """As it is looked for: without anything between its characters."""
    text: str
    """What the customer writes, the secret in it."""


class Maker:
    """Draws secrets, none twice."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self._drawn: set[str] = set()

    def card(self) -> str:
        head, length = self.random.choice(_HEADS)
        return self._new(lambda: luhn(head + self._digits(length - len(head) - 1)))

    def id_card(self) -> str:
        def one() -> str:
            year, month = self.random.randrange(1940, 2010), self.random.randrange(1, 13)
            born = f"{year}{month:02}{self.random.randrange(1, 29):02}"
            return id_card(self.random.choice(_REGIONS), born, self._digits(3))

        return self._new(one)

    def code(self) -> str:
        length = self.random.choice((4, 5, 6, 6, 6, 6, 6, 6, 8))
        return self._new(lambda: self._digits(length))

    def cvv(self) -> str:
        return self._new(lambda: self._digits(self.random.choice((3, 3, 3, 4))))

    def password(self) -> str:
        """Letters and digits, now and then a sign: what sites ask for."""

        def one() -> str:
            letters = self.random.choices(string.ascii_letters, k=self.random.randrange(4, 8))
            digits = self.random.choices(string.digits, k=self.random.randrange(2, 5))
            signs = self.random.choices(_SIGNS, k=self.random.randrange(0, 2))
            rest = letters[1:] + digits + signs
            self.random.shuffle(rest)
            return letters[0] + "".join(rest)

        return self._new(one)

    def _digits(self, count: int) -> str:
        # No zero in front and no digit only: a scan for 0000 would find it everywhere.
        return str(self.random.randrange(10 ** (count - 1), 10**count))

    def _new(self, draw) -> str:
        while (value := draw()) in self._drawn:
            pass
        self._drawn.add(value)
        return value


def phrasings() -> list[tuple[str, str, str]]:
    """(kind, language, phrase with {s} for the secret) of phrasings.txt."""
    lines = (HERE / "phrasings.txt").read_text("utf-8").splitlines()
    rows = (line.split("\t") for line in lines if line and not line.startswith("#"))
    return [(kind, language, phrase.replace("\\n", "\n")) for kind, language, phrase in rows]


def lookalikes(seed: int, count: int) -> list[str]:
    """Texts that hold no secret, from lookalikes.txt, its blanks filled with drawn numbers."""
    maker = Maker(seed)
    lines = (HERE / "lookalikes.txt").read_text("utf-8").splitlines()
    forms = [line.split("\t")[1] for line in lines if line and not line.startswith("#")]
    return [_filled(forms[at % len(forms)], maker) for at in range(count)]


def _filled(form: str, maker: Maker) -> str:
    while "{n" in form:
        start = form.index("{n")
        end = form.index("}", start)
        length, kind = form[start + 2 : end].removesuffix("x"), form[end - 1]
        number = str(maker.random.randrange(10 ** (int(length) - 1), 10 ** int(length)))
        # x: a number a bank's system gives out, which must not pass for a card by chance.
        number = "9" + number[1:] if kind == "x" else number
        form = form[:start] + number + form[end + 1 :]
    return form
