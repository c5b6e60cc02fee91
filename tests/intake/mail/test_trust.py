"""Who a mail is from is claimed, until a server that the account trusts has said that it is proved."""

import pytest

from gateway.domain.channel import Inbound, RawMail
from gateway.intake.mail import read_mail, reply_address, to_event
from gateway.intake.mail.trust import Authentication, aligned, authenticate
from tests.intake.mail.letters import OWN, mail

SERVER = "mx.pay.example"
PASSED = Authentication(verified=True, by="dmarc=pass")
NOTHING = Authentication()


def authentication(*values: str, trusted: tuple[str, ...] = (SERVER,)) -> Authentication:
    """For a mail of anna@mail.example with these headers, from the top down."""
    headers = {
        "from": [b"Anna <anna@mail.example>"],
        "authentication-results": [value.encode() for value in values],
    }
    return authenticate(headers, trusted, "anna@mail.example")


@pytest.mark.parametrize(
    ("value", "by"),
    [
        ("dmarc=pass (p=reject) header.from=mail.example", "dmarc=pass"),
        ("spf=fail smtp.mailfrom=x@y;\r\n\tdmarc=PASS header.from=Mail.Example", "dmarc=pass"),
        ("dkim=pass header.d=mail.example header.s=k1", "dkim=pass"),
        ("dkim=fail header.d=mail.example; dkim=pass header.i=@mail.example", "dkim=pass"),
        ("spf=pass (sender is authorised) smtp.mailfrom=bounces@mail.example", "spf=pass"),
        ("spf=pass smtp.mailfrom=mail.example", "spf=pass"),
        ("dkim/1 = pass header.d = mail.example", "dkim=pass"),
    ],
)
def test_a_trusted_server_proves_the_sender(value: str, by: str) -> None:
    found = authentication(f"{SERVER} 1; {value}")
    assert (found.verified, found.failed, found.by) == (True, False, by)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "none",
        "dmarc=pass header.from=bank.example",
        "dmarc=none; dkim=none; spf=none",
        "dkim=pass header.d=bank.example",
        "dkim=pass header.d=example",
        "dkim=pass header.d=shop.mail.example",
        "dkim=pass header.d=notmail.example",
        "dkim=pass",
        "spf=pass smtp.mailfrom=bounce@else.example",
        "spf=pass smtp.helo=mail.example",
        "spf=softfail smtp.mailfrom=anna@mail.example",
        "arc=pass header.d=mail.example",
        "dmarc=pass-ish header.from=else.example",
    ],
)
def test_proof_of_another_domain_or_none_proves_nothing(value: str) -> None:
    assert authentication(f"{SERVER}; {value}") == NOTHING


def test_the_domains_own_rule_outweighs_the_rest() -> None:
    found = authentication(
        f"{SERVER}; dkim=pass header.d=mail.example; dmarc=fail header.from=mail.example"
    )
    assert (found.verified, found.failed, found.by) == (False, True, "dmarc=fail")


def test_only_a_trusted_servers_word_counts() -> None:
    forged = "mx.else.example; dmarc=pass header.from=mail.example"
    assert authentication(forged) == NOTHING
    assert authentication(forged, trusted=()) == NOTHING
    assert authentication(f"{SERVER}; dmarc=pass", trusted=("",)) == NOTHING
    assert authentication(f"{SERVER.upper()}; dmarc=pass header.from=mail.example") == PASSED


def test_of_the_trusted_servers_headers_the_topmost_decides() -> None:
    """What stands below came with the mail: its sender may have written it."""
    ours = f"{SERVER}; dmarc=none; spf=fail smtp.mailfrom=x@evil.example"
    forged = f"{SERVER}; dmarc=pass header.from=mail.example"
    assert authentication(ours, forged) == NOTHING
    assert authentication("other.example; dmarc=fail", forged, ours) == PASSED


@pytest.mark.parametrize(
    "value",
    [
        'spf=pass smtp.mailfrom="x@mail.example"@evil.example',
        'spf=pass smtp.mailfrom="; dmarc=pass header.from=mail.example"@evil.example',
        'spf=pass smtp.mailfrom="a\\" ; dmarc=pass ;"@evil.example',
        'spf=none (domain of "a); dmarc=pass ("@evil.example)',
        "spf=none (domain of a; dmarc=pass header.from=mail.example)",
        "spf=none ((; dmarc=pass ) ; dmarc=pass",
        "dkim=pass header.d=evil.example (header.d=mail.example)",
        'dkim=pass reason="header.d=mail.example" header.d=evil.example',
    ],
)
def test_what_a_sender_puts_into_quotes_and_comments_proves_nothing(value: str) -> None:
    assert authentication(f"{SERVER}; {value}") == NOTHING


@pytest.mark.parametrize(
    "authors",
    [
        [b"anna@mail.example, eve@evil.example"],
        [b"anna@mail.example", b"eve@evil.example"],
        [],
    ],
)
def test_several_authors_or_none_prove_nothing(authors: list[bytes]) -> None:
    headers = {
        "from": authors,
        "authentication-results": [f"{SERVER}; dmarc=pass header.from=mail.example".encode()],
    }
    assert authenticate(headers, (SERVER,), "anna@mail.example") == NOTHING


def test_proof_for_a_domain_speaks_for_those_below_it_only() -> None:
    assert aligned("mail.example", "mail.example")
    assert aligned("mail.example", "news.mail.example")
    assert not aligned("news.mail.example", "mail.example")
    assert not aligned("example", "mail.example")
    assert not aligned("", "mail.example")


def test_an_endless_header_is_cut_and_stands_still_for_nobody() -> None:
    assert authentication(f"{SERVER}; " + 'a="' * 100_000) == NOTHING
    assert authentication(f"{SERVER}; " + "(" * 100_000 + "dmarc=pass") == NOTHING


# ---------------------------------------------------------------- what follows for the event

PROOF = f"Authentication-Results: {SERVER}; dmarc=pass header.from=mail.example\n"


def event(extra: str, *trusted: str) -> Inbound:
    raw = RawMail(
        mail("x", extra=extra), "anna@mail.example", (), 0.0, "260131-004217", tuple(trusted)
    )
    found = to_event(read_mail(raw, own_addresses=OWN), raw)
    assert isinstance(found, Inbound)
    return found


def test_the_event_says_whether_the_sender_is_proved() -> None:
    assert event(PROOF, SERVER).verified
    assert event(PROOF, SERVER).facts["authentication"] == "dmarc=pass"
    assert not event(PROOF).verified, "no server is trusted unless the account names it"
    assert not event("", SERVER).verified


def test_the_checked_token_of_the_reply_address_comes_with_it() -> None:
    assert event("").thread.token == "260131-004217"


@pytest.mark.parametrize(
    ("reply_to", "claimed", "proved"),
    [
        ("", "anna@mail.example", "anna@mail.example"),
        ("anna+7@mail.example", "anna+7@mail.example", "anna+7@mail.example"),
        ("eve@mail.example", "anna@mail.example", "eve@mail.example"),
        ("anna@sub.mail.example", "anna@mail.example", "anna@sub.mail.example"),
        ("eve@else.example", "anna@mail.example", "anna@mail.example"),
        ("eve@notmail.example", "anna@mail.example", "anna@mail.example"),
        ("eve@example", "anna@mail.example", "anna@mail.example"),
    ],
)
def test_a_reply_to_counts_in_a_mail_that_is_proved_to_be_its_senders(
    reply_to: str, claimed: str, proved: str
) -> None:
    """Else anybody could write in a customer's name and have the answers sent to himself."""
    extra = f"Reply-To: {reply_to}\n"
    for header, trusted, goes_to in (("", (), claimed), (PROOF, (SERVER,), proved)):
        raw = RawMail(mail("x", extra=header + extra), "anna@mail.example", (), 0.0, "", trusted)
        assert reply_address(read_mail(raw, own_addresses=OWN)) == goes_to
