"""The tag of a reply address names an inquiry, and only the one we signed it for."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels._sim_email import MailPeer
from channels.email import Email
from channels.email.tags import number_in, tagged, written_to
from gateway.domain.channel import RawMail
from gateway.keys import Keys
from gateway.testing.builders import outbound as build
from gateway.testing.world import TestWorld

SIGN = Keys(bytes(32)).sign
NUMBER = "260131-004217"
ADDRESS = tagged("support@pay.example", NUMBER, SIGN)


def test_a_tag_is_short_and_leads_back_whatever_case_it_comes_in() -> None:
    local, _, domain = ADDRESS.partition("@")
    assert local.startswith("support+")
    assert (len(local), domain) == (len("support+") + 18, "pay.example")
    for written in (ADDRESS, ADDRESS.upper(), ADDRESS.title()):
        assert number_in(["anna@mail.example", written], SIGN) == NUMBER


@given(st.integers(0, 999_999), st.integers(0, 999_999))
def test_every_number_survives_the_way(day: int, count: int) -> None:
    number = f"{day:06d}-{count:06d}"
    assert number_in([tagged("a+b@c.example", number, SIGN)], SIGN) == number


def test_a_changed_letter_makes_it_no_tag() -> None:
    local, _, domain = ADDRESS.rpartition("@")
    start = len("support+")
    for at in range(start, len(local)):
        other = "b" if local[at] == "a" else "a"
        changed = f"{local[:at]}{other}{local[at + 1 :]}@{domain}"
        assert number_in([changed], SIGN) == "", changed


def test_what_another_installation_signed_is_no_tag() -> None:
    other = Keys(bytes(31) + b"x").sign
    assert number_in([tagged("support@pay.example", NUMBER, other)], SIGN) == ""


def test_other_tags_and_addresses_are_none() -> None:
    others = [
        "",
        "@",
        "+@",
        "support@pay.example",
        "support+shop@pay.example",
        f"support+{'a' * 18}@x",
    ]
    assert number_in(others, SIGN) == ""
    assert number_in([ADDRESS.partition("@")[0]], SIGN) == "", "no address at all"


def test_a_number_or_an_address_without_room_for_a_tag_gets_none() -> None:
    assert tagged("support@pay.example", "", SIGN) == ""
    assert tagged("support@pay.example", "260131-4217", SIGN) == ""
    assert tagged(f"{'s' * 46}@pay.example", NUMBER, SIGN) == ""


def test_a_mailbox_without_an_envelope_finds_the_tag_in_to_and_cc() -> None:
    head = f'Subject: x\r\nCC: other@x,\r\n "Support" <{ADDRESS}>\r\n\r\n'.encode()
    assert number_in(written_to(head), SIGN) == NUMBER
    assert written_to(b"Subject: x\r\n\r\nTo: " + ADDRESS.encode()) == [], "quoted in the text"
    assert written_to(b"X-To: <" + ADDRESS.encode() + b">\r\n\r\n") == []


# ---------------------------------------------------------------- in the channel


@pytest.mark.parametrize("plus", [True, False])
async def test_an_answer_asks_for_replies_to_the_tag_where_the_mailbox_has_tags(
    peer: MailPeer, mailbox: Callable[..., Email], plus: bool
) -> None:
    channel = mailbox(plus_addresses=plus)
    await channel.send(build(to="anna@mail.example", number=NUMBER, message_id="<m1@pay.example>"))
    (answer,) = await peer.wait_for("anna@mail.example")
    wanted = answer.headers.get("reply-to", "")
    assert bool(wanted) is plus
    mail = RawMail(b"To: nobody\r\n\r\n", "anna@mail.example", (wanted,), 0.0)
    assert channel.placed(mail).token == (NUMBER if plus else "")


def test_a_tag_in_to_counts_and_without_the_setting_none_does(
    mailbox: Callable[..., Email], world: TestWorld
) -> None:
    written = f"To: {tagged('support@pay.example', NUMBER, world.sign)}\r\n\r\n".encode()
    mail = RawMail(written, "anna@mail.example", ("support@pay.example",), 0.0)
    assert mailbox(plus_addresses=True).placed(mail).token == NUMBER
    assert mailbox().placed(mail).token == ""


def test_each_letter_carries_whose_word_on_its_sender_counts(mailbox: Callable[..., Email]) -> None:
    mail = RawMail(b"x", "anna@mail.example", (), 0.0)
    assert mailbox(trusted_authserv=("mx.a",)).placed(mail).trusted_authserv == ("mx.a",)
    assert mailbox().placed(mail) == mail
