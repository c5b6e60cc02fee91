"""By which ways a customer can be written to: what is left, what is refused, and moving what is stuck."""

import asyncio
from typing import Any

import pytest

from gateway.desk import moving, ways
from gateway.desk.commands import Desk, find
from gateway.domain.allowlist import Allowed
from gateway.domain.errors import NotAllowed, NotFound
from gateway.domain.model import Trust
from gateway.domain.plan import (
    CreateContact,
    MergeContacts,
    OpenConversation,
    Plan,
    TouchConversation,
    VerifyHandle,
)
from gateway.domain.snapshot import AccountView
from gateway.domain.splitting import TextLimit
from gateway.domain.window import Rules
from tests.delivery.scripted import Scripted
from tests.delivery.windowed import HUMAN_ONLY, WINDOW, conversation, say, writes
from tests.store.engines import AnyStore, Engine, one, select, value
from tests.store.rows import moved, put
from tests.workers.rig import ACCOUNTS, Rig

NUMBER, MAIL = "ev1", "email:li@example.org"
RULES = Rules(WINDOW, HUMAN_ONLY, 5)
CHAT = AccountView("app", "chat", "demo", "http", "long", rules=RULES, text=TextLimit(30))


@pytest.fixture
async def chatting(rig: Rig) -> Rig:
    """A customer of a chat with a window, whose mail address is proved as well."""
    rig.accounts = {**ACCOUNTS, "app": CHAT}
    await conversation(rig)
    await put(rig.store, moved())
    known = (
        CreateContact("m.c", "m.h", "email", "li@example.org", "Li", Trust.CLAIMED, "zh-CN"),
        OpenConversation("m.v", "box", "m.h"),
        VerifyHandle("m.h"),
        TouchConversation("m.v", rig.clock.now(), {"message_id": "<old@x>", "subject": "Old"}),
        MergeContacts("ev1.c", "m.c"),
    )
    await put(rig.store, Plan("m", known))
    return rig


async def left(rig: Rig) -> dict[str, Any]:
    now = rig.clock.now()
    return await rig.store.read(
        lambda reader: ways.left(reader, find(reader, NUMBER), rig.accounts, now)
    )


async def stuck(rig: Rig, part: str = "h0") -> str:
    """An agent's message that waits for the customer to write."""
    await say(rig, part, automatic=False, text=f"<{part}>")
    provider = Scripted(reply_window=WINDOW, human_only_window=HUMAN_ONLY, reply_budget=5)
    delivery = rig.delivery({"app": provider})
    while rows := await delivery._lease("app", 9):
        for row in rows:
            await delivery._deliver(row, provider)
    assert await value(rig.store, f"SELECT state FROM outbox WHERE id = 'ev1.{part}'") == "parked"
    return f"ev1.{part}"


# ---------------------------------------------------------------- what is left


async def test_an_agent_sees_until_when_and_how_often(chatting: Rig) -> None:
    wrote = chatting.clock.now()
    await chatting.desk().reply(NUMBER, "ann", "hello")
    found = await left(chatting)
    assert found.pop("other_ways")[0]["handle"] == MAIL
    assert found == {
        "account": "app", "handle": "http:ev1", "open": True, "why_not": "",
        "window_until": wrote + WINDOW, "human_until": wrote + HUMAN_ONLY,
        "budget": 5, "budget_left": 4, "budget_left_automatic": 2,
    }  # fmt: skip


async def test_where_nothing_is_limited_nothing_is_said(rig: Rig) -> None:
    await conversation(rig)
    found = await left(rig)
    assert found["open"]
    assert {found[key] for key in ("window_until", "human_until", "budget", "budget_left")} == {
        None
    }


async def test_an_account_that_is_gone_is_said(chatting: Rig) -> None:
    chatting.accounts = {"box": ACCOUNTS["box"]}
    found = await left(chatting)
    assert not found["open"]
    assert "not configured any more" in found["why_not"]
    assert [way["handle"] for way in found["other_ways"]] == [MAIL]


# ---------------------------------------------------------------- a reply


async def test_a_reply_into_a_closed_window_is_refused_and_says_what_to_do(chatting: Rig) -> None:
    chatting.clock.advance(HUMAN_ONLY + 1)
    with pytest.raises(NotAllowed) as refused:
        await chatting.desk().reply(NUMBER, "ann", "hello")
    said = str(refused.value)
    assert "the reply window ended at 2026-01-01 02:00 UTC" in said
    assert f"--to {MAIL}" in said
    assert "callback" in said
    assert await select(chatting.store, "SELECT * FROM outbox") == []
    assert await value(chatting.store, "SELECT state FROM inquiries") == "queued"


async def test_a_reply_between_the_windows_is_a_persons_and_goes(chatting: Rig) -> None:
    chatting.clock.advance(WINDOW + 1)
    await chatting.desk().reply(NUMBER, "ann", "hello")
    assert len(await select(chatting.store, "SELECT * FROM outbox")) == 1


async def test_replies_that_are_on_their_way_count_and_long_ones_count_for_several(
    chatting: Rig,
) -> None:
    desk = chatting.desk()
    await desk.reply(NUMBER, "ann", "word " * 12)
    parts = await select(
        chatting.store, "SELECT id, text FROM messages WHERE direction = 'out' ORDER BY id"
    )
    assert [row["text"][:6] for row in parts] == ["(1/3) ", "(2/3) ", "(3/3) "]
    rows = await select(chatting.store, "SELECT id FROM outbox ORDER BY created_at, id")
    assert [row["id"] for row in rows] == [row["id"] for row in parts]
    with pytest.raises(NotAllowed, match=r"3 of 5 messages .* are used, and 3 are needed"):
        await desk.reply(NUMBER, "ann", "word " * 12)
    await desk.reply(NUMBER, "ann", "short")
    await desk.reply(NUMBER, "ann", "short")
    with pytest.raises(NotAllowed, match="5 of 5 messages"):
        await desk.reply(NUMBER, "ann", "short")


async def test_a_reply_may_go_to_another_proved_address(chatting: Rig) -> None:
    chatting.clock.advance(HUMAN_ONLY + 1)
    await chatting.desk().reply(NUMBER, "ann", "hello", to="li@example.org")
    row = await one(
        chatting.store, "SELECT account, recipient, conversation_id, payload FROM outbox"
    )
    assert (row["account"], row["recipient"]) == ("box", "li@example.org")
    assert row["conversation_id"] == "m.v"
    # It belongs to another matter than what that mail was about.
    assert "<old@x>" not in row["payload"]
    assert "Old" not in row["payload"]


@pytest.mark.parametrize("trouble", ["claimed", "bounced", "other brand", "its window is closed"])
async def test_an_address_that_is_not_sure_to_be_theirs_and_open_is_no_way(
    chatting: Rig, trouble: str
) -> None:
    if trouble == "claimed":
        await chatting.meddle("UPDATE handles SET trust = 'claimed' WHERE id = 'm.h'")
    if trouble == "bounced":
        await chatting.meddle("UPDATE handles SET flag = 'bounced' WHERE id = 'm.h'")
    if trouble == "other brand":
        box = AccountView("box", "email", "other", "email", "long")
        chatting.accounts = {**chatting.accounts, "box": box}
    if trouble == "its window is closed":
        box = AccountView("box", "email", "demo", "email", "long", rules=Rules(1.0))
        chatting.accounts = {**chatting.accounts, "box": box}
        chatting.clock.advance(2.0)
    with pytest.raises(NotAllowed, match="there are: none"):
        await chatting.desk().reply(NUMBER, "ann", "hello", to=MAIL)
    assert (await left(chatting))["other_ways"] == []


# ---------------------------------------------------------------- moving


async def test_what_is_stuck_goes_to_another_proved_address_instead(chatting: Rig) -> None:
    chatting.clock.advance(HUMAN_ONLY + 1)
    reference = await stuck(chatting)
    offered = await chatting.store.read(
        lambda r: moving.offers(r, reference, chatting.accounts, chatting.clock.now())
    )
    assert [way.handle for way in offered] == [MAIL]
    message = await moving.move(chatting.desk(), reference, MAIL, "ann")
    rows = await select(chatting.store, "SELECT id, account, state, detail FROM outbox ORDER BY id")
    found = {row["id"]: row for row in rows}
    assert found[reference]["state"] == "moved"
    assert message in found[reference]["detail"]
    assert (found[message]["account"], found[message]["state"]) == ("box", "ready")
    copy = await one(chatting.store, f"SELECT * FROM messages WHERE id = '{message}'")
    assert (copy["text"], copy["author"], copy["inquiry_id"]) == ("<h0>", "ann", "ev1.q")
    assert (await chatting.events("message.moved"))[0]["to"] == "box"
    # The customer writes: nothing goes out a second time.
    await writes(chatting)
    assert (
        await value(chatting.store, f"SELECT state FROM outbox WHERE id = '{reference}'") == "moved"
    )
    with pytest.raises(NotAllowed, match="is moved"):
        await moving.move(chatting.desk(), reference, MAIL, "ann")


async def test_what_may_have_gone_out_is_not_moved(chatting: Rig) -> None:
    chatting.clock.advance(HUMAN_ONLY + 1)
    reference = await stuck(chatting)
    await chatting.meddle("UPDATE outbox SET failure = 'unknown'")
    with pytest.raises(NotAllowed, match="nobody knows whether it went out"):
        await moving.move(chatting.desk(), reference, MAIL, "ann")
    assert (
        await chatting.store.read(
            lambda r: moving.offers(r, reference, chatting.accounts, chatting.clock.now())
        )
        == []
    )
    with pytest.raises(NotFound):
        await moving.move(chatting.desk(), "nothing", MAIL, "ann")


async def test_a_text_that_may_not_go_by_the_other_account_stays_where_it_is(chatting: Rig) -> None:
    chatting.clock.advance(HUMAN_ONLY + 1)
    reference = await stuck(chatting)
    await chatting.meddle("""UPDATE outbox SET payload =
        '{"text": "call 400-123-4567", "visibility": "private", "automatic": false}'""")
    desk = chatting.desk(allowed={"box": Allowed()})
    with pytest.raises(NotAllowed, match="it cannot go to"):
        await moving.move(desk, reference, MAIL, "ann")
    assert await value(chatting.store, "SELECT state FROM outbox") == "parked"


async def test_moving_while_the_customer_writes_sends_it_once(
    chatting: Rig, store: AnyStore, engine: Engine
) -> None:
    async with engine.plain() as other:
        for turn in range(10):
            chatting.clock.advance(HUMAN_ONLY + 1)
            reference = await stuck(chatting, f"h{turn:02}")
            rival = Rig(other)  # type: ignore[arg-type]
            rival.clock = chatting.clock
            plain: Desk = chatting.desk(store)
            moved_it, _ = await asyncio.gather(
                moving.move(plain, reference, MAIL, "ann"), writes(rival), return_exceptions=True
            )
            state = await value(store, f"SELECT state FROM outbox WHERE id = '{reference}'")
            copies = await value(
                store, f"SELECT COUNT(*) FROM messages WHERE meta LIKE '%\"{reference}\"%'"
            )
            assert (state, copies) == (
                ("ready", 0) if isinstance(moved_it, NotAllowed) else ("moved", 1)
            )
