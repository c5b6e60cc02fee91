"""What customers change or take back: revisions, and nothing left of what is gone."""

import asyncio
import itertools
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.domain.channel import ChannelEvent, Edited, Inbound, Unsent
from gateway.domain.errors import NotAllowed, NotFound
from gateway.domain.model import Attachment, InquiryState, Note
from gateway.store import sealer
from gateway.workers.changing import PATIENCE
from gateway.workers.pipeline import Pipeline
from gateway.workers.sweeping import Sweeping
from tests.store.engines import Engine, Twice, one, sealed, select, value
from tests.workers.rig import ACCOUNTS, Rig

FIRST, SECOND, THIRD = "the first wording ONE", "the second wording TWO", "the third wording THREE"


async def texts(rig: Rig) -> list[str]:
    rows = await select(rig.store, "SELECT text FROM revisions ORDER BY written_at, number")
    return [row["text"] for row in rows]


async def said(rig: Rig) -> str:
    text: str = await value(rig.store, "SELECT text FROM messages WHERE direction = 'in'")
    return text


async def wait_and_drain(rig: Rig, seconds: float = 61.0) -> None:
    """Whatever waits for its message is looked at again."""
    rig.clock.advance(seconds)
    await rig.drain()


# ---------------------------------------------------------------- edits


async def test_an_edit_is_a_revision_and_earlier_texts_are_kept(rig: Rig) -> None:
    await rig.say(FIRST, external_id="m1")
    answered = await value(rig.store, "SELECT COUNT(*) FROM outbox")
    asked = len(rig.answerer.asked)
    before = await one(rig.store, "SELECT state, version, queue FROM inquiries")
    await rig.take("app", Edited("m1", "user-1", SECOND, 1, 10.0))
    await rig.drain()
    assert await said(rig) == SECOND
    assert await texts(rig) == [FIRST, SECOND]
    # It is not answered, and nothing is routed by it.
    assert len(rig.answerer.asked) == asked
    assert await value(rig.store, "SELECT COUNT(*) FROM outbox") == answered
    assert await one(rig.store, "SELECT state, version, queue FROM inquiries") == before
    assert [line["revision"] for line in await rig.events("message.edited")] == [1]


async def test_the_latest_edit_is_what_the_message_says_however_late_it_comes(rig: Rig) -> None:
    await rig.say(FIRST, external_id="m1")
    await rig.take("app", Edited("m1", "user-1", THIRD, 2, 20.0))
    await rig.take("app", Edited("m1", "user-1", SECOND, 1, 10.0))
    await rig.drain()
    assert await said(rig) == THIRD
    assert await texts(rig) == [FIRST, SECOND, THIRD]


async def test_people_who_have_the_inquiry_are_told_by_an_event(rig: Rig) -> None:
    await rig.say(FIRST, external_id="m1")
    assert await value(rig.store, "SELECT state FROM inquiries") == InquiryState.QUEUED
    await rig.take("app", Edited("m1", "user-1", SECOND, 1, 10.0))
    await rig.drain()
    (told,) = await rig.events("inquiry.message_changed")
    assert (told["change"], told["state"]) == ("edited", "queued")


async def test_secrets_are_taken_out_of_an_edit(rig: Rig) -> None:
    await rig.say(FIRST, external_id="m1")
    await rig.take("app", Edited("m1", "user-1", "card 4111 1111 1111 1111", 1, 10.0))
    await rig.drain()
    assert await said(rig) == "card [card ****1111]"
    bodies = await select(rig.store, "SELECT body FROM raw_events WHERE type = 'edit'")
    assert "4111 1111" not in bodies[0]["body"]


async def test_a_change_before_its_message_waits_and_holds_up_nobody(rig: Rig) -> None:
    await rig.take("app", Edited("m1", "user-1", SECOND, 1, 10.0))
    await rig.drain()
    await rig.say("something else", external_id="m0")
    assert await value(rig.store, "SELECT COUNT(*) FROM messages WHERE direction = 'in'") == 1
    await rig.say(FIRST, external_id="m1")
    await wait_and_drain(rig)
    assert await texts(rig) == [FIRST, SECOND]


@pytest.mark.parametrize("event", [Edited("m1", "user-1", SECOND, 1, 10.0), Unsent("m1", "user-1")])
async def test_past_its_patience_a_change_is_dropped_and_its_text_with_it(
    rig: Rig, event: ChannelEvent
) -> None:
    await rig.take("app", event)
    await rig.drain()
    await wait_and_drain(rig, PATIENCE + 1)
    assert await rig.log_kinds() == ["message.change_dropped"]
    row = await one(rig.store, "SELECT state, body FROM raw_events")
    assert row["state"] == "done"
    assert SECOND not in (row["body"] or "")


async def test_nobody_changes_what_somebody_else_wrote(rig: Rig) -> None:
    await rig.say(FIRST, external_id="m1")
    await rig.take("app", Edited("m1", "user-2", SECOND, 1, 10.0))
    await rig.take("app", Unsent("m1", "user-2"))
    await rig.drain()
    await wait_and_drain(rig, PATIENCE + 1)
    assert await said(rig) == FIRST
    assert await value(rig.store, "SELECT body FROM raw_events WHERE type = 'message'")


# ---------------------------------------------------------------- taken back


async def test_an_unsend_hides_and_erases_all_that_the_message_said(rig: Rig) -> None:
    file = Attachment("secret plan.pdf", "application/pdf", 3, data=b"abc")
    await rig.say(FIRST, external_id="m1", attachments=(file,))
    await rig.take("app", Edited("m1", "user-1", SECOND, 1, 10.0))
    await rig.drain()
    address = await value(rig.store, "SELECT address FROM blob_refs")
    await rig.take("app", Unsent("m1", "user-1", 30.0))
    await rig.drain()
    row = await one(rig.store, "SELECT * FROM messages WHERE direction = 'in'")
    assert (row["text"], row["subject"], row["meta"], row["external_id"]) == ("", "", "{}", "m1")
    assert row["unsent_at"] == rig.clock.now()
    assert await value(rig.store, "SELECT subject FROM inquiries") == ""
    assert await texts(rig) == []
    assert await value(rig.store, "SELECT COUNT(*) FROM blob_refs") == 0
    bodies = await select(rig.store, "SELECT dedup_key, body FROM raw_events ORDER BY id")
    assert {row["dedup_key"]: row["body"] for row in bodies[:2]} == {"m:m1": None, "e:m1:1": None}
    assert await rig.events("message.unsent") == [{"message": row["id"], "by": "customer"}]
    # The file goes as well, once nothing names it.
    sweeping = Sweeping(rig.store, rig.store.store, rig.blobs, rig.clock, rig.log)  # type: ignore[arg-type]
    await sweeping.once()
    assert address not in rig.blobs._blobs
    assert await value(rig.store, "SELECT COUNT(*) FROM unnamed_blobs") == 0


async def test_what_was_taken_back_does_not_come_again(rig: Rig) -> None:
    await rig.say(FIRST, external_id="m1")
    await rig.take("app", Unsent("m1", "user-1"))
    await rig.drain()
    await rig.say(FIRST, external_id="m1")
    await rig.take("app", Edited("m1", "user-1", SECOND, 1, 10.0))
    await rig.drain()
    await wait_and_drain(rig)
    assert await said(rig) == ""
    everything = await rig.store.read(
        lambda r: [
            row["body"] or "" for row in r._connection.execute("SELECT body FROM raw_events")
        ]
    )  # type: ignore[attr-defined]
    assert not [body for body in everything if FIRST in body or SECOND in body]


async def test_a_file_that_another_message_has_too_stays(rig: Rig) -> None:
    file = Attachment("logo.png", "image/png", 3, data=b"abc")
    await rig.say(FIRST, external_id="m1", attachments=(file,))
    await rig.say(SECOND, external_id="m2", attachments=(file,))
    await rig.take("app", Unsent("m1", "user-1"))
    await rig.drain()
    address = await value(rig.store, "SELECT DISTINCT address FROM blob_refs")
    await Sweeping(rig.store, rig.store.store, rig.blobs, rig.clock, rig.log).once()  # type: ignore[arg-type]
    assert address in rig.blobs._blobs


async def test_a_young_file_is_looked_at_again_until_it_is_gone(rig: Rig) -> None:
    class Young:
        asked = 0

        async def remove(self, address: str) -> bool:
            self.asked += 1
            return self.asked > 2

    file = Attachment("logo.png", "image/png", 3, data=b"abc")
    await rig.say(FIRST, external_id="m1", attachments=(file,))
    await rig.take("app", Unsent("m1", "user-1"))
    await rig.drain()
    bin_ = Young()
    sweeping = Sweeping(rig.store, rig.store.store, bin_, rig.clock, rig.log)  # type: ignore[arg-type]
    for _ in range(3):
        await sweeping.once()
        rig.clock.advance(3600)
    assert bin_.asked == 3
    assert await value(rig.store, "SELECT COUNT(*) FROM unnamed_blobs") == 0


async def test_what_lies_at_the_provider_is_not_fetched_any_more(rig: Rig) -> None:
    rig.accounts = {**ACCOUNTS, "app": replace(ACCOUNTS["app"], fetches=True)}
    file = Attachment("photo.jpg", "image/jpeg", 0, url="far:1")
    await rig.say(FIRST, external_id="m1", attachments=(file,))
    await rig.take("app", Unsent("m1", "user-1"))
    await rig.drain()
    assert await value(rig.store, "SELECT COUNT(*) FROM fetches") == 0


async def test_erasing_leaves_the_chain_of_events_whole(rig: Rig) -> None:
    await rig.say("stop it now", external_id="m1")
    await rig.take("app", Unsent("m1", "user-1"))
    await rig.drain()
    if not rig.store.shared:
        assert await rig.store.read(sealer.verify) == len(await rig.log_kinds())


async def test_a_decision_made_of_what_was_erased_is_made_anew(rig: Rig) -> None:
    await rig.say(FIRST, external_id="m1")
    await rig.meddle(
        'UPDATE inquiries SET dialogue = \'{"note": "they said: the first wording", "topic": "topup"}\''
    )
    version = await value(rig.store, "SELECT version FROM inquiries")
    await rig.take("app", Unsent("m1", "user-1"))
    await rig.drain()
    row = await one(rig.store, "SELECT dialogue, version FROM inquiries")
    assert json.loads(row["dialogue"]) == {"topic": "topup"}
    assert row["version"] == version + 1


# ---------------------------------------------------------------- by an agent


async def test_an_agent_erases_a_message_and_the_log_says_who(rig: Rig) -> None:
    await rig.say(FIRST, external_id="m1", subject="about ONE and more")
    message = await value(rig.store, "SELECT id FROM messages WHERE direction = 'in'")
    await rig.desk().erase_message(message, "lin")
    assert await said(rig) == ""
    assert await rig.events("message.erased") == [{"agent": "lin", "message": message}]
    rows = await select(rig.store, "SELECT body FROM raw_events")
    assert [row["body"] for row in rows] == [None]
    with pytest.raises(NotAllowed, match="erased already"):
        await rig.desk().erase_message(message, "lin")


async def test_a_note_can_be_erased_and_a_reply_cannot(rig: Rig) -> None:
    await rig.say(FIRST, external_id="m1")
    number = await value(rig.store, "SELECT number FROM inquiries")
    note = await rig.desk().note(Note(number, "lin", "their PIN is on file"))
    await rig.desk().erase_message(note, "ann")
    assert await value(rig.store, f"SELECT text FROM messages WHERE id = '{note}'") == ""
    reply = await rig.desk().reply(number, "lin", "We look into it.")
    with pytest.raises(NotAllowed, match="they have it"):
        await rig.desk().erase_message(reply, "lin")
    with pytest.raises(NotFound):
        await rig.desk().erase_message("nothing", "lin")


# ---------------------------------------------------------------- in any order

#: Unlike everything else that is written, so that a piece of it is found.
WORDS = [f"QZX{n}wording{n * 7919}of{n * 104729}QZX" for n in range(6)]


def story(taken_back: bool) -> list[ChannelEvent]:
    file = Attachment(f"{WORDS[5]}.png", "image/png", 40, data=f"PNG {WORDS[4]}".encode())
    events: list[ChannelEvent] = [
        Inbound("m1", "user-1", WORDS[0], at=1.0, attachments=(file,)),
        Edited("m1", "user-1", WORDS[1], 1, 10.0),
        Edited("m1", "user-1", WORDS[2], 2, 10.0),
        Edited("m1", "user-1", WORDS[3], 3, 20.0),
        Inbound("m2", "user-1", "and another one that stays", at=2.0),
    ]
    return [*events, Unsent("m1", "user-1", 30.0)] if taken_back else events


async def told(rig: Rig, events: list[ChannelEvent], pipeline: Pipeline) -> None:
    for event in events:
        await rig.take("app", event)
        await rig.drain(pipeline)
        rig.clock.advance(1.0)
    for _ in range(3):
        rig.clock.advance(61.0)
        await rig.drain(pipeline)


async def state(rig: Rig) -> Any:
    return (
        await select(
            rig.store,
            "SELECT external_id, text, meta = '{}' AS bare, unsent_at IS NULL AS there FROM messages"
            " WHERE direction = 'in' ORDER BY external_id",
        ),
        await select(
            rig.store,
            "SELECT written_at, number, text FROM revisions ORDER BY written_at, number",
        ),
    )


orders = st.booleans().flatmap(
    lambda back: st.tuples(
        st.just(back),
        st.permutations(range(len(story(back)))),
        st.lists(st.integers(0, len(story(back)) - 1), max_size=5),
    )
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(order=orders)
def test_any_order_and_repetition_ends_in_the_same_state_and_leaves_nothing(
    tmp_path_factory: pytest.TempPathFactory, same_brain: None, order: Any
) -> None:
    """On SQLite, whose files are looked through, log file included."""
    taken_back, first, again = order
    events = story(taken_back)

    async def run() -> None:
        from tests.store.engines import SqliteEngine

        engine = SqliteEngine(tmp_path_factory.mktemp("lane"))
        await ends_the_same(engine, [events[at] for at in (*first, *again)], taken_back)

    asyncio.run(run())


async def ends_the_same(engine: Engine, events: list[ChannelEvent], taken_back: bool) -> None:
    async with engine.opened() as store:
        rig = Rig(Twice(store))
        rig.think()
        await told(rig, events, rig.pipeline())
        messages, revisions = await state(rig)
        assert [row["external_id"] for row in messages] == ["m1", "m2"]
        (mine, other) = messages
        assert other["text"] == "and another one that stays"
        if taken_back:
            assert (mine["text"], bool(mine["bare"]), bool(mine["there"])) == ("", True, False)
            assert revisions == []
            await Sweeping(rig.store, store, rig.blobs, rig.clock, rig.log).once()  # type: ignore[arg-type]
            written = engine.written_bytes() + b"".join(rig.blobs._blobs.values())
            assert not [word for word in WORDS if word.encode() in written]
            # The search is able to find.
            assert b"and another one that stays" in written
        else:
            assert (mine["text"], bool(mine["there"])) == (WORDS[3], True)
            assert [row["text"] for row in revisions] == WORDS[:4]
        await sealed(store)


@pytest.mark.parametrize("order", [*itertools.islice(itertools.permutations(range(6)), 0, 720, 97)])
async def test_so_it_does_on_every_engine(
    engine: Engine, same_brain: None, order: tuple[int, ...]
) -> None:
    events = story(taken_back=True)
    await ends_the_same(engine, [*(events[at] for at in order), *events[:2]], taken_back=True)
