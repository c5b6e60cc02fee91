"""Damages mails the way gateways, lists, broken programs and attackers do. The same seed gives the
same mails."""

import random
import re
from collections.abc import Callable, Sequence

_HEADERS = [
    b"Content-Type: text/plain; charset=%s",
    b"Content-Type: multipart/mixed; boundary=%s",
    b"Content-Type: message/rfc822; x=%s",
    b"Content-Type: message/delivery-status; x=%s",
    b"Content-Type: application/ms-tnef; name=%s",
    b"Content-Type: text/html; charset=%s",
    b"Content-Type: text/plain; format=flowed; delsp=yes; charset=%s",
    b"Content-Disposition: attachment; filename*=utf-8''%s",
    b"Content-Disposition: attachment; filename*0*=gbk''%s; filename*1=x; filename*9*=%%ff",
    b"Content-Transfer-Encoding: %s",
    b"Subject: =?%s?B?zcu/7g?= =?%s?Q?=E9=80?=",
    b'From: %s <a@b.example>, "x',
    b"Message-ID: <%s>",
    b"References: <%s> <<x> <>",
    b"Auto-Submitted: %s",
    b"Date: %s",
]
_WORDS = [
    *(b"utf-8", b"utf-7", b"utf-16", b"gb2312", b"big5", b"hz", b"iso-2022-jp", b"shift_jis"),
    *(b"x-none", b"idna", b"\xff\xfe", b"base64", b"quoted-printable", b"x-uuencode", b"b", b""),
    *(b"=_b1", b"a" * 3000, b"%00%ff", b"\0", b"'", b'"', b"../../x", b"Mon, 5 Jan 99999 1:1:1"),
]
_SNIPPETS = [
    *(b"\0", b"\r", b"\n", b"\r\n\r\n", b"\xed\xa0\x80", b"\xff\xfe", b"\x1b$B", b"~{", b"~}"),
    *(b"+2AA-", b"=", b"=ZZ", b"=\r\n", b"=?gbk?Q?", b"?=", b"--", b"> ", b">>>>>>", b"<div>"),
    *(b"<style>@media x{", b"<!--", b"]]>", b"&#xD800;", b"&#0;", b"</blockquote>", b"<table><tr>"),
    *(
        "\ue0f1\ue0f2\ue0f3".encode(),
        "\u202e\u2066".encode(),
        "写道：".encode(),
        b"wrote:",
        b"From: ",
    ),
    *("发件人：".encode("gbk"), b"On 1/1/26 10:00 ", b"-- \r\n", b"{\\rtf1\\fromhtml1 \\u-1 \\'ff"),
]
_BASE64 = re.compile(rb"(?:[A-Za-z0-9+/]{60,76}\r?\n){1,}[A-Za-z0-9+/=]*|[A-Za-z0-9+/]{24,}={0,2}")
_BOUNDARY = re.compile(rb"^--[^\r\n]{1,80}\r?$", re.MULTILINE)
_CHARSET = re.compile(rb"charset=\"?([A-Za-z0-9_-]+)", re.IGNORECASE)

#: Bytes. A blown-up mail stays below it, so that a run is made of many mails.
LARGEST = 1_500_000


class Mutator:
    """Makes mail number `index` of a seed out of samples."""

    def __init__(self, samples: Sequence[bytes], seed: int) -> None:
        self._samples = samples
        self._seed = seed
        self.rng = random.Random(seed)

    def mail(self, index: int) -> bytes:
        """The same for the same seed and index, whatever was made before."""
        self.rng = random.Random(f"{self._seed}:{index}")
        raw = self.rng.choice(self._samples)
        for _ in range(self.rng.choice((1, 1, 2, 3, 5, 8))):
            raw = self.rng.choice(self._ways())(raw)[:LARGEST]
        return raw

    def _ways(self) -> list[Callable[[bytes], bytes]]:
        rare = [self.nested, self.huge_line, self.repeated, self.wrapped, self.many_parts]
        often = [
            *(self.flipped, self.flipped, self.swapped_headers, self.header_added, self.cut),
            *(self.torn_base64, self.damaged_boundary, self.charset_lie, self.charset_lie),
            *(self.nul, self.snippet, self.snippet, self.line_ends, self.spliced, self.deleted),
            *(self.header_doubled, self.recoded),
        ]
        return [*often, *often, *rare]

    def _at(self, raw: bytes) -> int:
        return self.rng.randrange(len(raw) + 1)

    def _head(self, raw: bytes) -> tuple[list[bytes], bytes]:
        head, _, body = raw.partition(b"\r\n\r\n")
        return head.split(b"\r\n"), body

    def flipped(self, raw: bytes) -> bytes:
        """Some bytes are others."""
        data = bytearray(raw)
        for _ in range(self.rng.randrange(1, 20)):
            if data:
                data[self.rng.randrange(len(data))] ^= 1 << self.rng.randrange(8)
        return bytes(data)

    def swapped_headers(self, raw: bytes) -> bytes:
        lines, body = self._head(raw)
        self.rng.shuffle(lines)  # folded lines lose their field, which is wanted
        return b"\r\n".join(lines) + b"\r\n\r\n" + body

    def header_added(self, raw: bytes) -> bytes:
        template = self.rng.choice(_HEADERS)
        words = tuple(
            self.rng.choice(_WORDS) for _ in range(template.replace(b"%%", b"").count(b"%s"))
        )
        field = template % words + b"\r\n"
        places = [0, *(found.end() for found in re.finditer(rb"\r\n", raw))]
        at = self.rng.choice(places)
        return raw[:at] + field + raw[at:]

    def header_doubled(self, raw: bytes) -> bytes:
        lines, body = self._head(raw)
        line = self.rng.choice(lines)
        return b"\r\n".join([line * self.rng.randrange(1, 4), *lines]) + b"\r\n\r\n" + body

    def cut(self, raw: bytes) -> bytes:
        return raw[: self._at(raw)]

    def deleted(self, raw: bytes) -> bytes:
        at = self._at(raw)
        return raw[:at] + raw[at + self.rng.randrange(1, 200) :]

    def torn_base64(self, raw: bytes) -> bytes:
        runs = list(_BASE64.finditer(raw))
        if not runs:
            return self.cut(raw)
        run = self.rng.choice(runs)
        at = self.rng.randrange(run.start(), run.end())
        junk = self.rng.choice((b"", b"*", b"=", b"\r\n \r\n", b"\0\0", b"===="))
        return raw[:at] + junk + raw[at + self.rng.randrange(4) :]

    def damaged_boundary(self, raw: bytes) -> bytes:
        lines = list(_BOUNDARY.finditer(raw))
        if not lines:
            return self.snippet(raw)
        line = self.rng.choice(lines)
        new = self.rng.choice(
            (b"", b"--", line[0][:-2], line[0] + b"x", b" " + line[0], line[0] * 2)
        )
        return raw[: line.start()] + new + raw[line.end() :]

    def charset_lie(self, raw: bytes) -> bytes:
        names = list(_CHARSET.finditer(raw))
        if not names:
            return self.header_added(raw)
        name = self.rng.choice(names)
        return raw[: name.start(1)] + self.rng.choice(_WORDS) + raw[name.end(1) :]

    def recoded(self, raw: bytes) -> bytes:
        """A gateway turned the text into another charset, or twice into UTF-8."""
        how = self.rng.choice(("utf-16", "gb18030", "latin-1"))
        text = raw.decode("latin-1") if how == "latin-1" else raw.decode("utf-8", "replace")
        return text.encode("utf-8" if how == "latin-1" else how, "replace")

    def nul(self, raw: bytes) -> bytes:
        at = self._at(raw)
        return raw[:at] + b"\0" * self.rng.choice((1, 3, 5000)) + raw[at:]

    def snippet(self, raw: bytes) -> bytes:
        at = self._at(raw)
        return raw[:at] + self.rng.choice(_SNIPPETS) * self.rng.choice((1, 1, 2, 40)) + raw[at:]

    def line_ends(self, raw: bytes) -> bytes:
        return raw.replace(b"\r\n", self.rng.choice((b"\n", b"\r", b"\r\r\n", b"\n\r")))

    def spliced(self, raw: bytes) -> bytes:
        other = self.rng.choice(self._samples)
        return raw[: self._at(raw)] + other[self._at(other) :]

    def repeated(self, raw: bytes) -> bytes:
        """A snippet a hundred thousand times: what careless patterns choke on."""
        piece = self.rng.choice(_SNIPPETS) + self.rng.choice((b"", b"\n", b" ", b"1:1"))
        at = self._at(raw)
        return raw[:at] + piece * (self.rng.randrange(1, LARGEST) // len(piece) // 2) + raw[at:]

    def huge_line(self, raw: bytes) -> bytes:
        at = self._at(raw)
        return raw[:at] + bytes([self.rng.randrange(256)]) * self.rng.randrange(LARGEST) + raw[at:]

    def nested(self, raw: bytes) -> bytes:
        """In multiparts, mails in mails, or markup, up to far beyond the limits."""
        depth = self.rng.choice((3, 20, 29, 35, 400))
        how = self.rng.randrange(3)
        if how == 0:
            opening = b"".join(
                b"Content-Type: multipart/mixed; boundary=n%d\r\n\r\n--n%d\r\n" % (n, n)
                for n in range(depth)
            )
            return opening + raw
        if how == 1:
            return b"Content-Type: message/rfc822\r\n\r\n" * depth + raw
        tag = self.rng.choice((b"<div>", b"<blockquote type=cite>", b"<table><tr><td>", b"<b><p>"))
        return b"Content-Type: text/html\r\n\r\n" + tag * depth * 60 + raw

    def wrapped(self, raw: bytes) -> bytes:
        """Forwarded as a file, with its header fields repeated outside."""
        head = b"\r\n".join(self._head(raw)[0][:6])
        return head + b"\r\nContent-Type: message/rfc822\r\n\r\n" + raw

    def many_parts(self, raw: bytes) -> bytes:
        count = self.rng.choice((50, 490, 600))
        part = b"--m\r\nContent-Type: text/html; charset=gbk\r\n\r\n" + raw[-2000:] + b"\r\n"
        return (
            b"From: a@b.example\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n" + part * count
        )
