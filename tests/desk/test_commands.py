"""What an agent does: one unit of work each, and whoever is second is told so."""

import asyncio
import json
from typing import Any

import pytest

from gateway.domain.decision import Verb
from gateway.domain.errors import Conflict, NotAllowed, NotFound
from gateway.domain.model import InquiryState, Note
from gateway.domain.plan import FlagHandle, Plan, TouchConversation
from gateway.testing.clock import NEW_YEAR
from tests.store.engines import AnyStore, Engine, one, select, value, verified
from tests.store.rows import arrival, moved, put
from tests.workers.rig import CLOSE_AFTER, Rig, decision

NUMBER = "260101-000001"
S = InquiryState


async def inquiry(rig: Rig) -> dict[str, Any]:
    return await one(rig.store, "SELECT state, assigned_to, version FROM inquiries")


@pytest.fixture
async def waiting(rig: Rig) -> Rig:
    """One inquiry in the queue, at version 2."""
    await put(rig.store, arrival(), moved())
    return rig


# ---------------------------------------------------------------- claim


async def test_a_waiting_inquiry_is_claimed_by_number_or_id(waiting: Rig) -> None:
    assert await waiting.desk().claim(NUMBER, "ann") == NUMBER
    assert await inquiry(waiting) == {"state": "assigned", "assigned_to": "ann", "version": 3}
    assert await waiting.desk().claim("ev1.q", "ann") == NUMBER, "twice by the same agent is fine"
    assert (await inquiry(waiting))["version"] == 3
    assert await waiting.log_kinds() == ["message.received", "inquiry.claimed"]


async def test_what_another_agent_has_cannot_be_taken(waiting: Rig) -> None:
    desk = waiting.desk()
    await desk.claim(NUMBER, "ann")
    for attempt in (
        desk.claim(NUMBER, "bob"),
        desk.reply(NUMBER, "bob", "hello"),
        desk.resolve(NUMBER, "bob"),
    ):
        with pytest.raises(NotAllowed, match="is with ann"):
            await attempt
    assert (await inquiry(waiting))["assigned_to"] == "ann"


async def test_of_agents_that_claim_at_once_one_wins_and_the_others_are_told(
    rig: Rig, store: AnyStore, engine: Engine
) -> None:
    """200 rounds, at two stores as of two processes; on plain ones, since what runs twice cannot
    race."""
    async with engine.plain() as other:
        agents = ["ann", "bob", "cyd"]
        desks = {"ann": rig.desk(store), "bob": rig.desk(other), "cyd": rig.desk(store)}
        for turn in range(200):
            name = f"ev{turn}"
            await put(store, arrival(name, sender=name, number=name), moved(name))
            outcomes = await asyncio.gather(
                *(desks[agent].claim(name, agent) for agent in agents), return_exceptions=True
            )
            won = [agent for agent, o in zip(agents, outcomes, strict=True) if o == name]
            assert len(won) == 1, outcomes
            for outcome in outcomes:
                if outcome != name:
                    assert isinstance(outcome, NotAllowed | Conflict), outcome
                    assert won[0] in str(outcome) or "no longer at version" in str(outcome)
            found = await value(store, f"SELECT assigned_to FROM inquiries WHERE number = '{name}'")
            assert [found] == won
            agents.append(agents.pop(0))
    claims = await value(store, "SELECT COUNT(*) FROM events WHERE kind = 'inquiry.claimed'")
    assert claims == 200
    assert await verified(store) == 400


@pytest.mark.parametrize("state", [S.RESOLVED, S.CLOSED, S.ANSWERED, S.NEW])
async def test_the_state_machine_decides_what_can_be_claimed(rig: Rig, state: InquiryState) -> None:
    await put(rig.store, arrival(), moved(state=state))
    with pytest.raises(NotAllowed, match=f"cannot assign an inquiry that is {state}"):
        await rig.desk().claim(NUMBER, "ann")


async def test_what_is_not_there_is_named_with_the_way_to_find_it(rig: Rig) -> None:
    with pytest.raises(NotFound, match="gateway inquiries list"):
        await rig.desk().claim("nonsense", "ann")


# ---------------------------------------------------------------- reply


async def test_a_reply_claims_goes_to_the_outbox_and_waits_for_the_customer(waiting: Rig) -> None:
    message = await waiting.desk().reply(NUMBER, "ann", "It is there now.")
    assert await inquiry(waiting) == {
        "state": "waiting_customer", "assigned_to": "ann", "version": 4,
    }  # fmt: skip
    row = await one(waiting.store, "SELECT * FROM outbox")
    assert (row["id"], row["recipient"], row["state"]) == (message, "user-1", "ready")
    payload = json.loads(row["payload"])
    assert (payload["text"], payload["automatic"]) == ("It is there now.", False)
    stored = await one(waiting.store, "SELECT * FROM messages WHERE direction = 'out'")
    assert (stored["author"], stored["automatic"], stored["visibility"]) == ("ann", 0, "private")
    assert await value(waiting.store, "SELECT first_response_at FROM inquiries") == NEW_YEAR


async def test_whoever_delivers_is_told_of_a_reply(waiting: Rig) -> None:
    desk = waiting.desk()
    await desk.claim(NUMBER, "ann")
    assert waiting.store.told == []
    await desk.reply(NUMBER, "ann", "It is on its way.")
    assert waiting.store.told == ["outbox"]


async def test_a_mail_is_answered_in_its_thread(rig: Rig) -> None:
    context = {"subject": "Top-up", "message_id": "<m1@x>", "references": ["<m0@x>", "<m1@x>"]}
    await put(
        rig.store,
        arrival(account="box", sender="li@x.example", space="email"),
        Plan("t", (TouchConversation("ev1.v", NEW_YEAR, context),)),
        moved(),
    )
    message = await rig.desk().reply(NUMBER, "ann", "It is there now.")
    payload = json.loads(await value(rig.store, "SELECT payload FROM outbox"))
    assert payload["subject"] == "Top-up"
    assert payload["message_id"] == f"<{message}@pay.example>"
    assert payload["in_reply_to"] == "<m1@x>"
    assert payload["references"] == ["<m0@x>", "<m1@x>"]
    assert await value(
        rig.store, "SELECT external_id FROM messages WHERE direction = 'out'"
    ) == f"<{message}@pay.example>"  # fmt: skip


async def test_a_reply_goes_where_the_customer_asked_to_be_answered(waiting: Rig) -> None:
    asked = TouchConversation("ev1.v", NEW_YEAR, {"reply_address": "office@example.org"})
    await put(waiting.store, Plan("ev2", (asked,)))
    await waiting.desk().reply(NUMBER, "ann", "hello")
    assert await value(waiting.store, "SELECT recipient FROM outbox") == "office@example.org"


async def test_a_customer_who_opted_out_gets_no_reply(waiting: Rig) -> None:
    await put(waiting.store, Plan("ev2", (FlagHandle("ev1.h", "opted_out"),)))
    with pytest.raises(NotAllowed, match="STOP"):
        await waiting.desk().reply(NUMBER, "ann", "hello")
    assert await value(waiting.store, "SELECT COUNT(*) FROM outbox") == 0


async def test_a_reply_to_a_thread_that_has_changed_is_stopped(waiting: Rig) -> None:
    desk = waiting.desk()
    await put(waiting.store, moved(version=2))
    with pytest.raises(Conflict, match="changed since it was read"):
        await desk.reply(NUMBER, "ann", "hello", version=2)
    assert await select(waiting.store, "SELECT * FROM outbox") == []
    assert (await inquiry(waiting))["state"] == "queued"
    await desk.reply(NUMBER, "ann", "hello", version=3)
    assert len(await select(waiting.store, "SELECT * FROM outbox")) == 1


async def test_the_customers_new_message_changes_the_thread(waiting: Rig) -> None:
    read = (await inquiry(waiting))["version"]
    await waiting.say("and another thing")
    with pytest.raises(Conflict):
        await waiting.desk().reply(NUMBER, "ann", "hello", version=read)


async def test_two_replies_at_once_to_one_version_are_one(waiting: Rig) -> None:
    desk = waiting.desk()
    outcomes = await asyncio.gather(
        *(desk.reply(NUMBER, "ann", f"{n}", version=2) for n in range(5)), return_exceptions=True
    )
    assert sum(isinstance(outcome, str) for outcome in outcomes) == 1
    assert len(await select(waiting.store, "SELECT * FROM outbox")) == 1


@pytest.mark.parametrize("text", ["", " ", "\n\t"])
async def test_an_empty_reply_is_refused(waiting: Rig, text: str) -> None:
    with pytest.raises(NotAllowed, match="empty"):
        await waiting.desk().reply(NUMBER, "ann", text)
    assert (await inquiry(waiting))["version"] == 2


async def test_the_customers_answer_comes_back_to_the_agent_and_not_to_the_machine(
    waiting: Rig,
) -> None:
    waiting.answerer.usual = decision(Verb.ANSWER, "I am a machine.")
    await waiting.desk().reply(NUMBER, "ann", "Is it there now?")
    await waiting.say("no")
    found = await inquiry(waiting)
    assert (found["state"], found["assigned_to"]) == ("assigned", "ann")
    assert waiting.answerer.asked == []
    assert len(await select(waiting.store, "SELECT * FROM outbox")) == 1


# ---------------------------------------------------------------- note, resolve


async def test_a_note_is_kept_and_has_no_way_out(waiting: Rig) -> None:
    await waiting.desk().note(Note("ev1.q", "ann", "sounds angry"))
    found = await one(waiting.store, "SELECT * FROM messages WHERE visibility = 'note'")
    assert (found["text"], found["author"], found["delivery"]) == ("sounds angry", "ann", "")
    assert await select(waiting.store, "SELECT * FROM outbox") == []
    assert await value(waiting.store, "SELECT first_response_at FROM inquiries") is None
    assert (await inquiry(waiting))["version"] == 2, "a note does not disturb a reply"


async def test_resolving_frees_the_agent_and_starts_the_closing_timer(waiting: Rig) -> None:
    desk = waiting.desk()
    await desk.claim(NUMBER, "ann")
    assert await desk.resolve(NUMBER, "ann", "refunded") == NUMBER
    found = await inquiry(waiting)
    assert (found["state"], found["assigned_to"]) == ("resolved", "")
    (timer,) = await select(waiting.store, "SELECT kind, subject, due_at FROM timers")
    assert timer == {"kind": "close", "subject": "ev1.q", "due_at": NEW_YEAR + CLOSE_AFTER}
    with pytest.raises(NotAllowed, match="resolved; allowed"):
        await desk.resolve(NUMBER, "ann")
    waiting.clock.advance(CLOSE_AFTER)
    await waiting.timers().once()
    assert (await inquiry(waiting))["state"] == "closed"


async def test_resolving_moves_the_timer_that_an_answer_set(rig: Rig) -> None:
    rig.answerer.usual = decision(Verb.ANSWER, "Do this.")
    await rig.say("hello")
    rig.clock.advance(100)
    await rig.desk().resolve(await value(rig.store, "SELECT number FROM inquiries"), "ann")
    (timer,) = await select(rig.store, "SELECT due_at FROM timers")
    assert timer["due_at"] == rig.clock.now() + CLOSE_AFTER


async def test_a_customer_who_writes_after_the_end_begins_anew(waiting: Rig) -> None:
    await waiting.desk().resolve(NUMBER, "ann")
    await waiting.say("something else")
    assert await value(waiting.store, "SELECT COUNT(*) FROM inquiries") == 2


# ---------------------------------------------------------------- secrets

CARD = "4111 1111 1111 1111"


async def test_a_reply_with_a_secret_is_refused_and_nothing_of_it_is_written(
    waiting: Rig, engine: Engine
) -> None:
    with pytest.raises(NotAllowed, match="contains a card") as refused:
        await waiting.desk().reply(NUMBER, "ann", f"Your card {CARD} is fine.")
    assert CARD not in str(refused.value)
    assert (await inquiry(waiting))["version"] == 2
    assert CARD.encode() not in engine.written_bytes()


@pytest.mark.parametrize("text", ["Please send us the code you received.", "请把密码发给我们"])
async def test_a_reply_that_asks_for_a_secret_is_refused(waiting: Rig, text: str) -> None:
    with pytest.raises(NotAllowed, match="asks for a code, password or card number"):
        await waiting.desk().reply(NUMBER, "ann", text)
    assert (await inquiry(waiting))["version"] == 2


async def test_a_reply_that_warns_of_those_who_ask_goes_out(waiting: Rig) -> None:
    await waiting.desk().reply(
        NUMBER, "ann", "We never ask for your password. 请勿把验证码告诉任何人。"
    )
    assert (await inquiry(waiting))["version"] > 2


async def test_a_secret_in_a_note_is_taken_out(waiting: Rig, engine: Engine) -> None:
    await waiting.desk().note(Note("ev1.q", "ann", f"reads {CARD} aloud"))
    found = await value(waiting.store, "SELECT text FROM messages WHERE visibility = 'note'")
    assert found.startswith("reads [card")
    assert CARD.encode() not in engine.written_bytes()
