"""The way in: redacted, committed once, and only then acknowledged."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from gateway.domain.channel import Inbound, RawMail, Receipt
from gateway.domain.errors import NotFound, Overloaded, ParseError, StoreFull, WorkLost
from gateway.domain.model import Attachment, DeliveryState, ThreadRefs
from gateway.intake.accept import INLINE_TEXT, Accept, AccountSink
from gateway.keys import Keys
from tests.store.engines import Engine, one, select, value
from tests.store.rows import raw
from tests.workers.rig import Rig

CARD = "4111 1111 1111 1111"
COUNT = "SELECT COUNT(*) FROM raw_events"


def letter(text: str = "my top-up is missing", message_id: str = "m1", **more: Any) -> RawMail:
    head = {
        "From": "Li <li@home.example>",
        "To": "support@pay.example",
        "Subject": "Top-up",
        "Date": "Thu, 01 Jan 2026 00:00:00 +0000",
        "Message-ID": f"<{message_id}@home.example>",
        "Content-Type": "text/plain; charset=utf-8",
        **more,
    }
    lines = "".join(f"{name}: {text}\r\n" for name, text in head.items())
    return RawMail(
        f"{lines}\r\n{text}\r\n".encode(), "li@home.example", ("support@pay.example",), 1.0
    )


async def body(rig: Rig) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(await value(rig.store, "SELECT body FROM raw_events"))
    return found


# ---------------------------------------------------------------- what is stored


async def test_a_message_is_stored_with_its_proof_its_lane_and_its_moment(rig: Rig) -> None:
    told: list[int] = []
    intake = rig.intake()
    intake.arrived = lambda: told.append(1)
    await intake.events("app", [Inbound("m1", "user-1", "hello", name="Li")], "hmac:current")
    row = await one(rig.store, "SELECT * FROM raw_events")
    assert (row["account"], row["dedup_key"], row["lane"]) == ("app", "m:m1", "app|user-1")
    assert (row["verified"], row["state"], row["attempts"]) == ("hmac:current", "pending", 0)
    assert row["received_at"] == rig.clock.now()
    assert json.loads(row["body"])["text"] == "hello"
    assert told == [1]
    assert intake.counts == {("app", "accepted"): 1}


async def test_secrets_are_gone_before_anything_is_written(rig: Rig, engine: Engine) -> None:
    event = Inbound(
        "m1", "user-1", f"my card is {CARD}", subject=f"card {CARD}", name=f"Li {CARD}",
        attachments=(Attachment(f"{CARD}.png", "image/png", 3, url="https://x.example/a"),),
        reply_to={"quote": f"card {CARD}"}, facts={"full_text": f"card {CARD}"},
    )  # fmt: skip
    await rig.intake().events("app", [event], "test")
    stored = await body(rig)
    assert "****1111" in stored["text"]
    assert stored["facts"]["redactions"] == ["card"]
    written = engine.written_bytes()
    for form in (CARD, CARD.replace(" ", ""), CARD.replace(" ", "-")):
        assert form.encode() not in written


async def test_a_long_text_is_redacted_by_a_worker_with_the_same_result(rig: Rig) -> None:
    text = "x " * INLINE_TEXT + CARD
    calls = rig.workers.calls
    await rig.intake().events("app", [Inbound("m1", "user-1", text)], "test")
    assert rig.workers.calls == calls + 1
    assert CARD not in (await body(rig))["text"]


async def test_a_worker_that_is_killed_under_a_long_text_is_tried_once_more(rig: Rig) -> None:
    class Killed:
        def __init__(self) -> None:
            self.calls = 0

        async def run(self, *args: Any, timeout: float) -> Any:
            self.calls += 1
            if self.calls == 1:
                raise WorkLost("the worker was killed")
            return await rig.workers.run(*args, timeout=timeout)

    intake = rig.intake()
    intake.workers = Killed()  # type: ignore[assignment]
    await intake.events("app", [Inbound("m1", "user-1", "x " * INLINE_TEXT + CARD)], "test")
    assert "[card ****" in (await body(rig))["text"]


async def test_files_are_durable_before_the_row_that_names_them(rig: Rig) -> None:
    order: list[str] = []
    put, insert = rig.blobs.put, rig.store.write

    async def blob(data: bytes) -> str:
        order.append("blob")
        return await put(data)

    async def row(work: Callable[[Any], Any]) -> Any:
        order.append("row")
        return await insert(work)

    rig.blobs.put, rig.store.write = blob, row  # type: ignore[method-assign]
    files = (
        Attachment("a", "image/png", 1, data=b"a"),
        Attachment("b", "image/png", 1, data=b"b"),
        Attachment("c", "image/png", 0, url="https://x.example/c"),
    )
    await rig.intake().events("app", [Inbound("m1", "user-1", "", attachments=files)], "test")
    assert order == ["blob", "blob", "row"]
    stored = (await body(rig))["attachments"]
    assert [await rig.blobs.get(item["blob"]) for item in stored[:2]] == [b"a", b"b"]
    assert (stored[2]["blob"], stored[2]["url"]) == ("", "https://x.example/c")
    assert "data" not in stored[0]
    assert await value(rig.store, "SELECT COUNT(*) FROM blob_refs") == 2


async def test_a_call_without_events_stores_nothing_and_wakes_nobody(rig: Rig) -> None:
    intake = rig.intake()
    intake.arrived = lambda: pytest.fail("nothing arrived")
    await intake.events("app", [], "test")
    assert await value(rig.store, COUNT) == 0


async def test_the_events_of_one_call_are_stored_all_or_not_at_all(rig: Rig) -> None:
    intake = rig.intake()
    events = [Inbound("m1", "user-1", "a"), Inbound("m2", "user-1", "b", facts={"x": [[]]})]
    deep: Any = "end"
    for _ in range(200):
        deep = [deep]
    with pytest.raises(ParseError):
        await intake.events("app", [*events, Inbound("m3", "u", "c", facts={"x": deep})], "test")
    assert await value(rig.store, COUNT) == 0
    await intake.events("app", events, "test")
    assert await value(rig.store, COUNT) == 2


# ---------------------------------------------------------------- what is the same


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        (Inbound("m1", "u", "a"), Inbound("m1", "u", "a"), True),
        (Inbound("m1", "u", "a"), Inbound("m1", "u", "edited"), True),
        (Inbound("m1", "u", "a"), Inbound("m2", "u", "a"), False),
        (Inbound("", "u", "a", at=1.0), Inbound("", "u", "a", at=1.0), True),
        (Inbound("", "u", "a", at=1.0), Inbound("", "u", "a", at=2.0), False),
        (Inbound("", "u", "a", at=1.0), Inbound("", "v", "a", at=1.0), False),
        # Equal once the card is gone, but two messages.
        (Inbound("", "u", "4111111111111111"), Inbound("", "u", "4222220000021111"), False),
        (Receipt("s1", DeliveryState.SENT), Receipt("s1", DeliveryState.SENT, at=2.0), True),
        (Receipt("s1", DeliveryState.SENT), Receipt("s1", DeliveryState.DELIVERED), False),
        (Receipt("s1", DeliveryState.SENT), Inbound("s1", "u", "a"), False),
    ],
)
async def test_the_providers_id_makes_the_same_event_the_same(
    rig: Rig, first: Any, second: Any, same: bool
) -> None:
    intake = rig.intake()
    await intake.events("app", [first], "test")
    await intake.events("app", [second], "test")
    assert await value(rig.store, COUNT) == (1 if same else 2)
    assert intake.counts["app", "duplicate"] == (1 if same else 0)


async def test_the_same_id_on_another_account_is_another_event(rig: Rig) -> None:
    for account in ("app", "sms"):
        await rig.intake().events(account, [Inbound("m1", "user-1", "a")], "test")
    assert await value(rig.store, COUNT) == 2


async def test_the_key_of_a_message_without_an_id_tells_nothing_of_its_text(rig: Rig) -> None:
    event = Inbound("", "user-1", CARD)
    key = rig.intake().dedup_key(event)
    other = Accept(
        rig.store, rig.blobs, Keys(bytes(range(32))), rig.workers, rig.clock, rig.ids, rig.log
    )
    assert other.dedup_key(event) != key, "it needs the installation key"


async def test_a_redelivered_file_is_not_named_by_a_row_that_is_not_there(rig: Rig) -> None:
    event = Inbound("m1", "u", "", attachments=(Attachment("a", "x/y", 1, data=b"a"),))
    for _ in range(3):
        await rig.intake().events("app", [event], "test")
    rows = await select(
        rig.store, "SELECT owner FROM blob_refs WHERE owner NOT IN (SELECT id FROM raw_events)"
    )
    assert rows == []
    assert await value(rig.store, "SELECT COUNT(*) FROM blob_refs") == 1


# ---------------------------------------------------------------- mail


async def test_a_mail_is_read_redacted_and_stored_once_however_often_it_comes(rig: Rig) -> None:
    intake = rig.intake()
    for _ in range(3):
        await intake.mail("box", letter(f"my card {CARD}"))
    stored = await body(rig)
    assert stored["sender"] == "li@home.example"
    assert CARD not in json.dumps(stored)
    assert await value(rig.store, COUNT) == 1
    assert intake.counts["box", "duplicate"] == 2


async def test_a_mail_that_names_no_id_is_known_by_what_it_says(rig: Rig) -> None:
    intake = rig.intake()
    anonymous = {"Message-ID": ""}
    await intake.mail("box", letter("one", **anonymous))
    await intake.mail("box", letter("one", **anonymous))
    await intake.mail("box", letter("two", **anonymous))
    assert await value(rig.store, COUNT) == 2


@pytest.mark.parametrize(
    "error", [ParseError("2,000 parts"), ValueError("a fault of ours"), RecursionError("deep")]
)
async def test_a_mail_that_cannot_be_read_is_kept_encrypted_and_acknowledged(
    rig: Rig, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(*_args: Any) -> None:
        raise error

    monkeypatch.setattr("gateway.intake.accept.read_and_redact", unreadable)
    intake, mail = rig.intake(), letter()
    await intake.mail("box", mail)
    kept = await one(rig.store, "SELECT * FROM quarantine")
    assert (kept["account"], kept["stage"], kept["state"]) == ("box", "read", "kept")
    assert str(error) in kept["reason"]
    assert await rig.blobs.get(kept["blob"]) == mail.data
    assert json.loads(kept["meta"]) == {
        "mail_from": "li@home.example",
        "recipients": ["support@pay.example"],
    }
    assert intake.counts == {("box", "quarantined"): 1}
    monkeypatch.undo()
    await intake.mail("box", letter("the next one", "m2"))
    assert await value(rig.store, COUNT) == 1


async def test_what_comes_again_unreadable_is_kept_once(rig: Rig) -> None:
    intake = rig.intake()
    ids = [await intake.quarantine("app", b"{broken", "webhook: no JSON") for _ in range(3)]
    assert ids == [await value(rig.store, "SELECT id FROM quarantine")] * 3
    assert await value(rig.store, "SELECT COUNT(*) FROM blob_refs") == 1
    assert intake.counts == {("app", "quarantined"): 1, ("app", "duplicate"): 2}


async def test_of_what_expired_no_bytes_are_written_when_it_comes_again(rig: Rig) -> None:
    intake, sealed = rig.intake(), {"headers": "X-Secret: 1"}
    first = await intake.quarantine("app", b"{broken", "no JSON", sealed=sealed)
    blobs = [row["address"] for row in await select(rig.store, "SELECT address FROM blob_refs")]
    assert len(blobs) == 2
    await rig.work(lambda tx: tx.run("intake.quarantine_erase", id=first))
    for address in blobs:
        await rig.blobs.remove(address)
    assert await intake.quarantine("app", b"{broken", "no JSON", sealed=sealed) == first
    for address in blobs:
        with pytest.raises(NotFound):
            await rig.blobs.get(address)


async def test_a_reason_that_quotes_the_input_is_redacted_too(rig: Rig, engine: Engine) -> None:
    await rig.intake().quarantine("app", b"x", f"status is not known: '{CARD}'")
    assert CARD.encode() not in engine.written_bytes()
    assert CARD not in "\n".join(rig.log.lines)


async def test_no_free_worker_means_try_later_and_nothing_stored(rig: Rig) -> None:
    class Busy:
        async def run(self, *_args: Any, timeout: float) -> Any:
            raise Overloaded("no worker is free")

    intake = rig.intake()
    intake.workers = Busy()  # type: ignore[assignment]
    with pytest.raises(Overloaded):
        await intake.mail("box", letter())
    assert intake.counts == {("box", "overloaded"): 1}
    assert await value(rig.store, COUNT) == 0
    assert await value(rig.store, "SELECT COUNT(*) FROM quarantine") == 0


# ---------------------------------------------------------------- when there is no room


async def test_a_full_queue_is_told_at_once_and_nothing_is_stored(engine: Engine) -> None:
    from gateway.testing.clock import FakeClock
    from gateway.testing.world import LogLines, MemoryBlobs, SequentialIds
    from tests.workers.rig import SameProcess

    async with engine.opened() as other, engine.opened(max_waiting=0) as store:
        intake = Accept(
            store, MemoryBlobs(), Keys(bytes(32)), SameProcess(), FakeClock(), SequentialIds(),
            LogLines(),
        )  # fmt: skip
        with pytest.raises(Overloaded):
            await intake.events("app", [Inbound("m1", "user-1", "a")], "test")
        assert intake.counts == {("app", "overloaded"): 1}
        assert await value(other, COUNT) == 0


async def test_a_full_disk_for_files_leaves_no_row(rig: Rig) -> None:
    async def full(_data: bytes) -> str:
        raise StoreFull("no room")

    rig.blobs.put = full  # type: ignore[method-assign]
    event = Inbound("m1", "u", "", attachments=(Attachment("a", "x/y", 1, data=b"a"),))
    with pytest.raises(Overloaded):
        await rig.intake().events("app", [event], "test")
    assert await value(rig.store, COUNT) == 0


async def test_a_mail_with_nul_characters_becomes_a_message(rig: Rig) -> None:
    await rig.intake().mail(
        "box", letter("before\0after", Subject="Top\0up", **{"In-Reply-To": "<a\0b@x.example>"})
    )
    await rig.drain()
    message = await one(rig.store, "SELECT text, subject FROM messages WHERE direction = 'in'")
    assert "before" in message["text"]
    assert "after" in message["text"]
    assert "\0" not in "".join(message.values())


async def test_nul_characters_in_ids_and_in_what_a_channel_adds_can_be_stored(rig: Rig) -> None:
    nul = "a\0b"
    event = Inbound(
        nul, nul, nul, thread=ThreadRefs(nul, (nul,)), reply_to={nul: nul}, facts={nul: [nul]},
        attachments=(Attachment(nul, "x/y", 1, url="https://x.example/a"),),
    )  # fmt: skip
    for _ in range(2):
        await rig.intake().events("app", [event], "test")
    row = await one(rig.store, "SELECT dedup_key, lane, body FROM raw_events")
    assert (row["dedup_key"], row["lane"]) == ("m:a\ufffdb", "app|a\ufffdb")
    assert "\\u0000" not in row["body"]
    await rig.drain()
    assert (
        await value(rig.store, "SELECT external_id FROM messages WHERE direction = 'in'")
        == "a\ufffdb"
    )
    assert await value(rig.store, "SELECT address FROM handles") == "a\ufffdb"


async def test_a_receipt_and_a_reason_with_nul_characters_are_stored(rig: Rig) -> None:
    receipt = Receipt("SM\0", DeliveryState.FAILED, code="1\0", detail="no\0route")
    await rig.intake().events("sms", [receipt], "test")
    await rig.intake().quarantine("app", b"\0", "no\0JSON", {"path": "\0"})
    assert (await body(rig))["detail"] == "no\ufffdroute"
    assert await value(rig.store, "SELECT lane FROM raw_events") == "sms|receipt:SM\ufffd"
    assert await value(rig.store, "SELECT reason FROM quarantine") == "no\ufffdJSON"
    await rig.drain()
    assert await value(rig.store, "SELECT state FROM raw_events") == "pending"


# ---------------------------------------------------------------- listeners and pollers


async def test_a_sink_returns_after_the_commit(rig: Rig) -> None:
    sink = AccountSink(rig.intake(), "box")
    await sink.accept(Inbound("m1", "u", "a", thread=ThreadRefs(message_ids=("<x@y>",))))
    await sink.accept(letter())
    rows = await select(rig.store, "SELECT verified FROM raw_events ORDER BY id")
    assert [row["verified"] for row in rows] == ["listener", "smtp"]


async def test_a_session_that_breaks_off_leaves_its_mail_stored_whole(rig: Rig) -> None:
    entered, release = asyncio.Event(), asyncio.Event()

    class Slow:
        async def run(self, function: Callable[..., Any], *args: Any, timeout: float) -> Any:
            entered.set()
            await release.wait()
            return function(*args)

    intake = rig.intake()
    intake.workers = Slow()  # type: ignore[assignment]
    session = asyncio.create_task(AccountSink(intake, "box").accept(letter()))
    await entered.wait()
    session.cancel()
    with pytest.raises(asyncio.CancelledError):
        await session
    release.set()
    await rig.store.until(COUNT, 1)


async def test_retention_may_clear_a_body_and_the_event_is_still_known(rig: Rig) -> None:
    await rig.store.insert("intake.accept", [raw(1)])
    await rig.meddle("UPDATE raw_events SET body = NULL, state = 'done'")
    assert await rig.store.insert("intake.accept", [raw(2, dedup_key="m:1")]) == 0
