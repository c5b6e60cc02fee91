"""What an agent sees of reply windows on the command line, and moving what is stuck."""

import asyncio
import json

import pytest

from gateway.commands.inquiries import _left
from gateway.config import load
from gateway.domain.model import Trust
from gateway.domain.plan import (
    CreateContact,
    MergeContacts,
    OpenConversation,
    Plan,
    TouchConversation,
    VerifyHandle,
)
from gateway.office import desk_only
from gateway.store.apply import apply
from tests.store.rows import arrival, moved, outgoing

OPEN = {
    "why_not": "", "window_until": None, "human_until": None, "budget": None, "budget_left": None,
    "other_ways": [],
}  # fmt: skip


@pytest.fixture
def stuck(made):
    """A message of the chat that waits for its customer, whose mail address is proved as well."""
    plans = (
        arrival(),
        moved(),
        outgoing(text="good news"),
        Plan(
            "m",
            (
                CreateContact("m.c", "m.h", "email", "li@example.org", "Li", Trust.CLAIMED, "en"),
                OpenConversation("m.v", "mail", "m.h"),
                VerifyHandle("m.h"),
                TouchConversation("m.v", 5.0),
                MergeContacts("ev1.c", "m.c"),
            ),
        ),
    )

    async def fill():
        async with desk_only(load(None, made)) as office:
            for plan in plans:
                await office.store.write(lambda tx, plan=plan: apply(tx, plan, 10.0))
            await office.store.write(
                lambda tx: tx.one("outbox.lease", id="ev1.out", owner="d", until=99.0)
            )
            await office.store.write(
                lambda tx: tx.run(
                    "outbox.stop", id="ev1.out", owner="d", attempts=1, state="parked",
                    failure="window_closed", detail="the reply window ended",
                )
            )  # fmt: skip

    asyncio.run(fill())
    return made


def test_what_is_stuck_is_offered_another_way_and_goes_there(inside, stuck):
    listed = inside("outbox", "list", "--data-dir", stuck, check=True).stdout
    assert "window_closed" in listed
    assert "email:li@example.org" in listed
    shown = inside("inquiries", "show", "260101-000001", "--data-dir", stuck, check=True).stdout
    assert "[parked, window_closed: the reply window ended]" in shown
    words = ["--to", "email:li@example.org", "--agent", "lin", "--data-dir", stuck]
    done = inside("outbox", "move", "ev1.out", *words, check=True)
    assert "ev1.out does not any more" in done.stdout
    rows = json.loads(inside("outbox", "list", "--json", "--data-dir", stuck, check=True).stdout)
    assert sorted((row["account"], row["state"]) for row in rows) == [
        ("app", "moved"), ("mail", "ready"),
    ]  # fmt: skip
    again = inside("outbox", "move", "ev1.out", *words)
    assert (again.returncode, "is moved" in again.stderr) == (1, True)


def test_a_reply_goes_to_another_address_by_name(inside, stuck):
    words = ["260101-000001", "hello", "--agent", "lin", "--data-dir", stuck]
    wrong = inside("reply", *words, "--to", "li@example.com")
    assert wrong.returncode == 1
    assert "there are: email:li@example.org" in wrong.stderr
    inside("reply", *words, "--to", "li@example.org", check=True)
    shown = json.loads(
        inside("inquiries", "show", "260101-000001", "--json", "--data-dir", stuck).stdout
    )
    assert {row["account"] for row in shown["outbox"]} == {"app", "mail"}
    assert shown["reply"]["open"]
    assert [way["handle"] for way in shown["reply"]["other_ways"]] == ["email:li@example.org"]


def test_what_is_left_is_one_line():
    assert _left(OPEN) == ""
    limited = {
        **OPEN, "window_until": 0.0, "human_until": 86400.0, "budget": 5, "budget_left": 2,
        "other_ways": [{"handle": "email:li@example.org"}],
    }  # fmt: skip
    said = _left(limited)
    assert said.startswith("until 1970-01-0")
    assert "; people until 1970-01-0" in said
    assert said.endswith("; 2 of 5 messages left; other ways: email:li@example.org")
    assert _left({**OPEN, "why_not": "it ended"}) == "closed: it ended"
