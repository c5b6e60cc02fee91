"""Files that lie at the provider: fetched after the message was stored, redacted, kept, or given up."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from gateway.domain.errors import DeliveryError, Failure, StoreFull
from gateway.domain.model import Attachment
from gateway.workers.fetching import FIRST_PAUSE, LEASE_SECONDS, LONGEST_PAUSE, Fetching
from tests.store.engines import one, select, value
from tests.workers.rig import ACCOUNTS, Rig

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
PICTURE = Attachment("photo.jpg", "image/jpeg", 0, url="far:photo")
CARD = "4111 1111 1111 1111"


class Provider:
    """A channel whose files a test lays down; writes down what it was asked for."""

    def __init__(self, *answers: bytes | Exception) -> None:
        self.answers = [*answers]
        self.asked: list[str] = []
        self.under_way = asyncio.Event()
        self.may_end = asyncio.Event()
        self.may_end.set()

    async def fetch(self, attachment: Attachment) -> bytes:
        self.asked.append(attachment.url)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self.under_way.set()
        await self.may_end.wait()
        if isinstance(answer, Exception):
            raise answer
        return answer


def fetching(rig: Rig, provider: Provider, owner: str = "f1", **changes: Any) -> Fetching:
    values: dict[str, Any] = {"attempts": 3, "poll": 0.01, **changes}
    return Fetching(
        "app", provider, rig.store, rig.blobs, rig.workers, rig.clock, rig.log, owner, **values
    )


@pytest.fixture
def fetched_rig(rig: Rig) -> Rig:
    rig.accounts = {**ACCOUNTS, "app": replace(ACCOUNTS["app"], fetches=True)}
    return rig


async def files(rig: Rig) -> list[dict[str, Any]]:
    row = await one(rig.store, "SELECT meta FROM messages WHERE direction = 'in'")
    found: list[dict[str, Any]] = json.loads(row["meta"])["attachments"]
    return found


async def waiting(rig: Rig) -> int:
    number: int = await value(rig.store, "SELECT COUNT(*) FROM fetches")
    return number


async def test_a_file_is_fetched_after_the_message_and_named_by_it(fetched_rig: Rig) -> None:
    rig, provider = fetched_rig, Provider(PNG)
    await rig.say("see the picture", attachments=(PICTURE,))
    assert provider.asked == []
    assert await waiting(rig) == 1
    assert await fetching(rig, provider).once() == 1
    (file,) = await files(rig)
    # By what it is, and not by what it was called.
    assert (file["type"], file["size"], file["name"]) == ("image/png", len(PNG), "photo.jpg")
    assert await rig.blobs.get(file["blob"]) == PNG
    message = await value(rig.store, "SELECT id FROM messages WHERE direction = 'in'")
    owners = await select(
        rig.store, f"SELECT owner FROM blob_refs WHERE address = '{file['blob']}'"
    )
    assert owners == [{"owner": message}]
    (told,) = await rig.events("attachment.fetched")
    assert (told["message"], told["place"], told["blob"]) == (message, 0, file["blob"])
    assert await waiting(rig) == 0
    assert await fetching(rig, provider).once() == 0


async def test_secrets_are_taken_out_of_a_text_whatever_it_is_called(fetched_rig: Rig) -> None:
    rig = fetched_rig
    provider = Provider(f"my card is {CARD}".encode())
    await rig.say("see", attachments=(replace(PICTURE, name="x.jpg"),))
    await fetching(rig, provider).once()
    (file,) = await files(rig)
    kept = await rig.blobs.get(file["blob"])
    assert b"4111 1111" not in kept
    assert b"[card ****1111]" in kept
    assert file["type"] == "text/plain"
    assert file["size"] == len(kept)
    (told,) = await rig.events("attachment.fetched")
    assert told["redactions"] == ["card"]
    meta = json.loads(await value(rig.store, "SELECT meta FROM messages WHERE direction = 'in'"))
    assert meta["redactions"] == ["card"]


async def test_what_fails_is_tried_again_with_growing_pauses_and_given_up_with_the_reason(
    fetched_rig: Rig,
) -> None:
    rig = fetched_rig
    provider = Provider(DeliveryError(Failure.RETRY, "no answer from afar"))
    await rig.say("see", attachments=(PICTURE,))
    loop = fetching(rig, provider)
    for pause in (FIRST_PAUSE, 3 * FIRST_PAUSE):
        assert await loop.once() == 1
        due = await value(rig.store, "SELECT due_at FROM fetches")
        assert due == rig.clock.now() + pause
        rig.clock.advance(pause - 0.5)
        assert await loop.once() == 0
        rig.clock.advance(0.5)
    assert await loop.once() == 1
    (file,) = await files(rig)
    assert (file["lost"], file["blob"]) == ("no answer from afar", "")
    assert await rig.events("attachment.lost") == [
        {"message": await value(rig.store, "SELECT id FROM messages WHERE direction = 'in'"),
         "place": 0, "why": "no answer from afar", "attempts": 3}
    ]  # fmt: skip
    assert await waiting(rig) == 0
    assert len(provider.asked) == 3


@pytest.mark.parametrize(
    ("said", "answer", "why", "asked"),
    [
        (0, DeliveryError(Failure.REJECTED, "it is gone"), "it is gone", 1),
        (0, b"123456", "larger than 5 bytes", 1),
        (6, b"123456", "larger than 5 bytes", 0),
    ],
)
async def test_what_no_second_try_would_bring_is_lost_at_once(
    fetched_rig: Rig, said: int, answer: Any, why: str, asked: int
) -> None:
    rig, provider = fetched_rig, Provider(answer)
    await rig.say("see", attachments=(replace(PICTURE, size=said),))
    await fetching(rig, provider, limit=5).once()
    assert [file["lost"] for file in await files(rig)] == [why]
    assert len(provider.asked) == asked


async def test_a_provider_that_asks_for_patience_gets_it(fetched_rig: Rig) -> None:
    rig = fetched_rig
    slow = DeliveryError(Failure.THROTTLED, "slow down", retry_after=600)
    await rig.say("see", attachments=(PICTURE,))
    await fetching(rig, Provider(slow)).once()
    assert await value(rig.store, "SELECT due_at FROM fetches") == rig.clock.now() + 600
    assert LONGEST_PAUSE > 600


async def test_a_full_disk_is_no_fault_of_the_file(fetched_rig: Rig) -> None:
    rig, provider = fetched_rig, Provider(PNG)
    put = rig.blobs.put

    async def full(data: bytes) -> str:
        raise StoreFull("no room")

    rig.blobs.put = full  # type: ignore[method-assign]
    await rig.say("see", attachments=(PICTURE,))
    loop = fetching(rig, provider)
    for _ in range(5):  # more often than it may fail
        await loop.once()
        rig.clock.advance(FIRST_PAUSE)
    assert await value(rig.store, "SELECT attempts FROM fetches") == 0
    rig.blobs.put = put  # type: ignore[method-assign]
    await loop.once()
    assert (await files(rig))[0]["blob"]


async def test_a_fault_of_the_channel_concerns_its_file_alone(fetched_rig: Rig) -> None:
    rig, provider = fetched_rig, Provider(ZeroDivisionError("x"), PNG)
    await rig.say("two", attachments=(PICTURE, replace(PICTURE, url="far:other")))
    await fetching(rig, provider).once()
    assert sorted(bool(file["blob"]) for file in await files(rig)) == [False, True]
    assert await waiting(rig) == 1


async def test_several_files_of_one_message_are_all_named(fetched_rig: Rig) -> None:
    """Both are written into the same row."""
    rig, provider = fetched_rig, Provider(PNG)
    await rig.say("two", attachments=(PICTURE, replace(PICTURE, url="far:other")))
    await asyncio.gather(fetching(rig, provider, "f1").once(), fetching(rig, provider, "f2").once())
    assert [bool(file["blob"]) for file in await files(rig)] == [True, True]
    assert sorted(provider.asked) == ["far:other", "far:photo"]


async def test_a_file_is_taken_by_one_process_at_a_time(fetched_rig: Rig) -> None:
    rig, provider = fetched_rig, Provider(PNG)
    await rig.say("see", attachments=(PICTURE,))
    provider.may_end.clear()
    first = asyncio.create_task(fetching(rig, provider, "f1").once())
    async with asyncio.timeout(10):
        await provider.under_way.wait()
    assert await fetching(rig, provider, "f2").once() == 0
    provider.may_end.set()
    assert await first == 1
    assert provider.asked == ["far:photo"]


async def test_who_was_slower_than_the_lease_writes_nothing(fetched_rig: Rig) -> None:
    rig, slow, other = fetched_rig, Provider(PNG), Provider(PNG + b"2")
    await rig.say("see", attachments=(PICTURE,))
    slow.may_end.clear()
    late = asyncio.create_task(fetching(rig, slow, "f1").once())
    async with asyncio.timeout(10):
        await slow.under_way.wait()
    rig.clock.advance(LEASE_SECONDS)
    assert await fetching(rig, other, "f2").once() == 1
    slow.may_end.set()
    await late
    (file,) = await files(rig)
    assert await rig.blobs.get(file["blob"]) == PNG + b"2"
    assert len(await rig.events("attachment.fetched")) == 1
    # What it put down is looked at: nothing names it.
    assert await value(rig.store, "SELECT COUNT(*) FROM unnamed_blobs") == 1


async def test_a_process_that_died_with_it_leaves_it_to_the_next(fetched_rig: Rig) -> None:
    rig, provider = fetched_rig, Provider(PNG)
    await rig.say("see", attachments=(PICTURE,))
    provider.may_end.clear()
    dead = asyncio.create_task(fetching(rig, provider, "dead").once())
    async with asyncio.timeout(10):
        await provider.under_way.wait()
    dead.cancel()
    provider.may_end.set()
    next_one = asyncio.create_task(fetching(rig, provider, "next").run())
    if rig.store.shared:
        rig.clock.advance(LEASE_SECONDS)  # others may live: only their time tells
    await rig.store.until("SELECT COUNT(*) FROM fetches", 0)
    next_one.cancel()
    assert (await files(rig))[0]["blob"]
    assert provider.asked == ["far:photo", "far:photo"]


async def test_nothing_is_wanted_of_a_channel_that_fetches_nothing(rig: Rig) -> None:
    await rig.say("see", attachments=(PICTURE,))
    assert await waiting(rig) == 0


async def test_the_loop_ends_its_wait_when_there_is_news(fetched_rig: Rig) -> None:
    rig, provider = fetched_rig, Provider(PNG)
    loop = fetching(rig, provider, poll=3600.0)
    task = asyncio.create_task(loop.run())
    await asyncio.sleep(0)
    await rig.say("see", attachments=(PICTURE,))
    loop.arrived.set()
    await rig.store.until("SELECT COUNT(*) FROM fetches", 0)
    task.cancel()
    assert (await files(rig))[0]["blob"]
