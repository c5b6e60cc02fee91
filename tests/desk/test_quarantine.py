"""What could not be read is opened only on the record, and deleted in time."""

import os
import time

import pytest
import structlog

from gateway.desk.quarantine import Expiry, view
from gateway.domain.errors import NotAllowed, NotFound, StoreError
from gateway.intake.accept import Accept
from gateway.keys import Keys
from gateway.office import SameProcess
from gateway.store.blobs import FileBlobs
from gateway.world import MonotonicIds, SystemClock
from tests.intake.marked import VISA

BODY = f'{{"card": "{VISA}"'.encode()
DAY = 86400.0


class Moved:
    """A clock that stands some days ahead."""

    def __init__(self, days: float) -> None:
        self.days = days

    def now(self) -> float:
        return time.time() + self.days * DAY


@pytest.fixture
def blobs(tmp_path):
    return FileBlobs(tmp_path / "blobs", Keys(bytes(32)))


@pytest.fixture
async def kept(store, blobs):
    """The id of an entry, its address sealed beside it."""
    intake = Accept(
        store, blobs, Keys(bytes(32)), SameProcess(), SystemClock(), MonotonicIds(),
        structlog.get_logger("test"),
    )  # fmt: skip
    return await intake.quarantine("app", BODY, "no JSON", {"method": "POST"}, {"url": "/x?a=1"})


def aged(tmp_path):
    """The files as they are once an hour has passed."""
    for path in (tmp_path / "blobs").rglob("*"):
        if path.is_file():
            os.utime(path, (0, 0))


def files(tmp_path):
    return [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]


async def events(store, kind):
    rows = await store.read(lambda r: r.all("events.unsealed", n=100)) if store.shared else []
    rows = rows or await store.read(lambda r: r.all("events.after", seq=0, n=100))
    return [row for row in rows if row["kind"] == kind]


async def test_who_opens_an_entry_and_why_is_recorded_before_it_is_shown(store, blobs, kept):
    opened = await view(store, blobs, SystemClock(), MonotonicIds(), kept, "lin", "bug 42")
    assert opened.data == BODY
    assert opened.meta == {"method": "POST", "url": "/x?a=1"}
    (event,) = await events(store, "quarantine.viewed")
    if "data" in dict(event):
        assert '"lin"' in event["data"]
        assert '"bug 42"' in event["data"]


@pytest.mark.parametrize(("agent", "reason"), [("lin", ""), ("lin", " a "), ("", "bug 42")])
async def test_nobody_opens_it_without_a_name_and_a_reason(store, blobs, kept, agent, reason):
    with pytest.raises(NotAllowed):
        await view(store, blobs, SystemClock(), MonotonicIds(), kept, agent, reason)
    assert await events(store, "quarantine.viewed") == []


async def test_a_secret_in_the_reason_is_not_recorded(store, blobs, kept):
    await view(store, blobs, SystemClock(), MonotonicIds(), kept, "lin", f"card {VISA}")
    (event,) = await events(store, "quarantine.viewed")
    assert VISA not in str(dict(event))


async def test_past_its_days_the_bytes_are_gone_and_the_entry_stays(store, blobs, kept, tmp_path):
    log = structlog.get_logger("test")
    aged(tmp_path)
    assert await Expiry(store, blobs, Moved(29), log, 30 * DAY).once() == 0
    assert len(files(tmp_path)) == 2
    assert await Expiry(store, blobs, Moved(31), log, 30 * DAY).once() == 1
    assert files(tmp_path) == []
    row = await store.read(lambda r: r.one("intake.quarantined_one", id=kept))
    assert (row["state"], row["blob"], row["meta"]) == ("expired", "", "{}")
    assert len(await events(store, "quarantine.expired")) == 1
    with pytest.raises(NotFound):
        await view(store, blobs, SystemClock(), MonotonicIds(), kept, "lin", "bug 42")
    assert await Expiry(store, blobs, Moved(31), log, 30 * DAY).once() == 0


async def test_bytes_that_something_else_names_stay(store, blobs, kept, tmp_path):
    address = await blobs.put(BODY)
    await store.write(lambda tx: tx.run("meta.add_blob_ref", address=address, owner="a message"))
    aged(tmp_path)
    assert await Expiry(store, blobs, Moved(31), structlog.get_logger("test"), 30 * DAY).once() == 1
    assert len(files(tmp_path)) == 1
    assert await blobs.get(address) == BODY
    assert await store.read(lambda r: r.value("meta.blob_named", address=address)) == 1


async def test_of_two_entries_with_the_same_bytes_the_last_takes_them_away(
    store, blobs, kept, tmp_path
):
    intake = Accept(
        store, blobs, Keys(bytes(32)), SameProcess(), SystemClock(), MonotonicIds(),
        structlog.get_logger("test"),
    )  # fmt: skip
    await intake.quarantine("app", BODY, "no JSON", {"method": "POST"}, {"url": "/x?a=2"})
    assert len(files(tmp_path)) == 3
    aged(tmp_path)
    assert await Expiry(store, blobs, Moved(31), structlog.get_logger("test"), 30 * DAY).once() == 2
    assert files(tmp_path) == []


class Interrupted:
    """A bin whose process ends before the first piece is thrown away."""

    async def remove(self, address):
        raise StoreError("the disk is gone")


async def test_what_ended_in_the_middle_of_emptying_is_done_again(store, blobs, kept, tmp_path):
    log = structlog.get_logger("test")
    aged(tmp_path)
    with pytest.raises(StoreError):
        await Expiry(store, Interrupted(), Moved(31), log, 30 * DAY).once()
    assert len(files(tmp_path)) == 2
    assert await Expiry(store, blobs, Moved(31), log, 30 * DAY).once() == 1
    assert files(tmp_path) == []


async def test_bytes_that_were_just_put_again_are_not_deleted(blobs, tmp_path):
    address = await blobs.put(BODY)
    aged(tmp_path)
    assert await blobs.put(BODY) == address
    await blobs.remove(address)
    assert await blobs.get(address) == BODY
    aged(tmp_path)
    await blobs.remove(address)
    await blobs.remove(address)
    with pytest.raises(NotFound):
        await blobs.get(address)
