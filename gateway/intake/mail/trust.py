"""Whether a mail's From address is proved or only claimed: reads Authentication-Results (RFC 8601).

Anybody can write such a header. One counts only under the name of a server that the account trusts,
and of those only the topmost: each server adds its own above what came, so whatever a sender put into
the mail stands below. The server must take forged ones of its own name out (RFC 8601 §5).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.intake.mail import headers as h
from gateway.intake.mail.charset import decode_text
from gateway.intake.mail.headers import Headers

#: Bytes of one header and number of them that are looked at.
_MAX_BYTES = 8 * 1024
_MAX_HEADERS = 50
_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"|[()]|\\.|[^"()\\]+|["\\]', re.DOTALL)
_METHOD = re.compile(r"\s*([a-z0-9-]+)\s*(?:/\s*\d+\s*)?=\s*([a-z]+)", re.IGNORECASE)
_PROPERTY = re.compile(r"\b([a-z]+)\s*\.\s*([a-z0-9-]+)\s*=\s*([^\s;]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Authentication:
    """What the trusted server found."""

    verified: bool = False
    """The domain of From is proved: DMARC passed, or a DKIM signature or SPF of that very domain."""
    failed: bool = False
    """The domain says how its mail is proved, and this one is not: DMARC failed."""
    by: str = ""
    """The method that decided, for the record: 'dmarc=pass', 'dkim=pass' …; '' without a verdict."""


_NOTHING = Authentication()


def authenticate(headers: Headers, trusted: Sequence[str], sender: str) -> Authentication:
    """What is known about `sender`, the address of From.

    Args:
        headers: of the whole mail, each name's values from the top down.
        trusted: authserv-ids of servers whose word counts.
        sender: the address that is to be proved.

    Several From lines or addresses prove nothing: readers differ in which one they show.
    """
    names = {name.strip().lower() for name in trusted if name.strip()}
    domain = sender.rpartition("@")[2].lower()
    if not names or not domain or not _one_author(headers):
        return _NOTHING
    for raw in headers.get("authentication-results", ())[:_MAX_HEADERS]:
        server, *results = _results(raw)
        if server in names:
            return _judged(results, domain)
    return _NOTHING


def _one_author(headers: Headers) -> bool:
    return len(headers.get("from", ())) == 1 and len(h.addresses(headers, "from")) == 1


def _judged(results: Sequence[str], domain: str) -> Authentication:
    passed = {"dkim": False, "spf": False}
    for text in results:
        found = _METHOD.match(text)
        if found is None:
            continue
        method, result = found[1].lower(), found[2].lower()
        properties = {
            f"{kind}.{name}".lower(): value.lower()
            for kind, name, value in _PROPERTY.findall(text, found.end())
        }
        match method:
            case "dmarc" if properties.get("header.from", domain) == domain:
                # The domain's own rule: it outweighs everything else that was found.
                if result == "pass":
                    return Authentication(verified=True, by="dmarc=pass")
                if result == "fail":
                    return Authentication(failed=True, by="dmarc=fail")
            case "dkim" if result == "pass":
                signer = properties.get("header.d") or _domain(properties.get("header.i", ""))
                passed["dkim"] = passed["dkim"] or aligned(signer, domain)
            case "spf" if result == "pass":
                passed["spf"] = aligned(_domain(properties.get("smtp.mailfrom", "")), domain)
    method = next((name for name, ok in passed.items() if ok), "")
    return Authentication(verified=True, by=f"{method}=pass") if method else _NOTHING


def aligned(proved: str, domain: str) -> bool:
    """Whether proof for one domain speaks for another: the same, or the one above it.

    Narrower than DMARC's relaxed alignment, which needs the list of public suffixes: what a customer
    of a host proves for `shop.host.example` says nothing about `host.example`.
    """
    proved = proved.strip().rstrip(".")
    return bool(proved) and (proved == domain or ("." in proved and domain.endswith(f".{proved}")))


def _domain(address: str) -> str:
    return address.rpartition("@")[2]


def _results(raw: bytes) -> list[str]:
    """The server's name in lower case and its results, one text each, without comments and without
    what stands in quotes: a sender chooses parts of both, as in `smtp.mailfrom="x@bank.example"@y`.
    """
    line = decode_text(raw[:_MAX_BYTES]).replace("\r", " ").replace("\n", " ")
    parts, depth = [""], 0
    for piece in _PIECE.findall(line):
        if piece == "(":
            depth += 1
        elif piece == ")":
            depth = max(0, depth - 1)
        elif depth:
            continue
        elif piece.startswith('"'):
            parts[-1] += '""'
        else:
            first, *rest = piece.split(";")
            parts[-1] += first
            parts += rest
    words = parts[0].split()
    return [words[0].lower() if words else "", *parts[1:]]
