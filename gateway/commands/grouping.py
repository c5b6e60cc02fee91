"""What belongs together and what has to go, on the command line: inquiries of one matter, addresses of one
person, a message that must not stay."""

from typing import Annotated

import typer

from gateway.commands.options import Agent, ConfigFile, DataDir, example, in_office, who
from gateway.commands.screen import say

MERGE_EXAMPLE = example("gateway inquiries merge 260131-004217 260131-771203 --agent lin")
SPLIT_EXAMPLE = example("gateway inquiries split 019ab3c4d5e6f7a8b9c0d1e2.in --agent lin")
ERASE_EXAMPLE = example("gateway inquiries erase-message 019ab3c4d5e6f7a8b9c0d1e2.in --agent lin")
CONTACTS_MERGE_EXAMPLE = example(
    "gateway contacts merge anna@mail.example +8613800138000 --agent lin"
)
CONTACTS_SPLIT_EXAMPLE = example("gateway contacts split +8613800138000 --agent lin")

_ADDRESS = "As the customer writes from it; with its kind where several are spelt so: email:…"


def merge_inquiries(
    into: Annotated[str, typer.Argument(metavar="INTO", help="The inquiry that stays.")],
    other: Annotated[str, typer.Argument(metavar="OTHER", help="The one that goes into it.")],
    agent: Agent = "",
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Put two inquiries of one customer together. Nothing is sent anywhere else by it."""
    name = who(agent)
    number = in_office(config, data_dir, lambda office: office.desk.merge(into, other, name))
    say(f"{other} is part of {number} now")


def split_inquiry(
    message: Annotated[
        str, typer.Argument(metavar="MESSAGE", help="Its id, as `inquiries show` prints it.")
    ],
    agent: Agent = "",
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Make a customer's message an inquiry of its own; it is yours then."""
    name = who(agent)
    number = in_office(config, data_dir, lambda office: office.desk.split(message, name))
    say(f"{number} is with {name}")


def erase_message(
    message: Annotated[
        str, typer.Argument(metavar="MESSAGE", help="Its id, as `inquiries show` prints it.")
    ],
    agent: Agent = "",
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Erase what a customer's message or a note says, with its files. It cannot be undone."""
    name = who(agent)
    number = in_office(config, data_dir, lambda office: office.desk.erase_message(message, name))
    say(f"the message of {number} is erased")


def merge_contacts(
    into: Annotated[str, typer.Argument(metavar="ADDRESS", help=_ADDRESS)],
    other: Annotated[str, typer.Argument(metavar="OTHER", help="The other address.")],
    agent: Agent = "",
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Say that two addresses are one person's. Each is answered where it wrote."""
    name = who(agent)
    in_office(config, data_dir, lambda office: office.desk.merge_contacts(into, other, name))
    say(f"{other} and {into} are one contact now")


def split_contact(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help=_ADDRESS)],
    agent: Agent = "",
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Say that an address is another person's after all."""
    name = who(agent)
    in_office(config, data_dir, lambda office: office.desk.split_contact(address, name))
    say(f"{address} is a contact of its own now")
