"""Blobs: durable and encrypted before anything names them, found again by content."""

import asyncio
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gateway.domain.errors import NotFound, StoreError, StoreFull
from gateway.keys import Keys
from gateway.store.blobs import FileBlobs

ROOT = Path(__file__).parents[2]
CARD = b"card 4111 1111 1111 1111 on a photograph"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "blobs"


@pytest.fixture
def keys() -> Keys:
    return Keys(bytes(range(32)))


@pytest.fixture
def blobs(folder: Path, keys: Keys) -> FileBlobs:
    return FileBlobs(folder, keys)


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("data", [CARD, b"", bytes(256) * 4096], ids=["text", "empty", "1 MiB"])
async def test_what_was_put_comes_back(blobs: FileBlobs, data: bytes) -> None:
    address = await blobs.put(data)
    assert len(address) == 64
    assert await blobs.get(address) == data


async def test_the_same_bytes_have_the_same_address_and_one_file(
    blobs: FileBlobs, folder: Path
) -> None:
    addresses = await asyncio.gather(*(blobs.put(CARD) for _ in range(8)))
    assert len(set(addresses)) == 1
    assert await blobs.put(CARD + b".") != addresses[0]
    assert len(files(folder)) == 2


async def test_the_file_holds_no_plain_byte_and_its_name_no_plain_digest(
    blobs: FileBlobs, folder: Path
) -> None:
    from hashlib import sha256

    address = await blobs.put(CARD)
    (file,) = files(folder)
    assert b"4111" not in file.read_bytes()
    assert sha256(CARD).hexdigest() != address, "a known document could be looked for by its name"


async def test_another_key_gives_another_address_and_opens_nothing(
    blobs: FileBlobs, folder: Path
) -> None:
    address = await blobs.put(CARD)
    stranger = FileBlobs(folder, Keys(bytes(32)))
    assert await stranger.put(CARD) != address
    with pytest.raises(Exception, match="another one, or is damaged"):
        await stranger.get(address)


@pytest.mark.parametrize("address", ["0" * 64, "", "short", "../../etc/passwd", "." * 64, "é" * 64])
async def test_what_is_not_there_is_not_found(blobs: FileBlobs, address: str) -> None:
    with pytest.raises(NotFound):
        await blobs.get(address)


async def test_a_half_written_file_of_a_dead_process_is_ignored(
    blobs: FileBlobs, folder: Path
) -> None:
    program = (
        "import asyncio, pathlib\n"
        "from gateway.keys import Keys\n"
        "from gateway.store.blobs import FileBlobs\n"
        f"blobs = FileBlobs(pathlib.Path({str(folder)!r}), Keys(bytes(range(32))))\n"
        f"asyncio.run(blobs.put({CARD!r}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "GATEWAY_KILL_AT": "blob.written"},
        timeout=30,
        check=False,
    )
    assert done.returncode == -9
    (partial,) = files(folder)
    assert partial.suffix == ".partial"
    address = await blobs.put(CARD)
    assert await blobs.get(address) == CARD
    with pytest.raises(NotFound):
        await blobs.get(partial.parent.name + partial.name)


async def test_file_and_directories_are_synced_before_put_returns(
    blobs: FileBlobs, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    address = await blobs.put(CARD)
    shelf = folder / address[:2]
    assert {str(folder), str(folder.parent)} <= set(synced), "the new directory's own entry"
    assert synced[-2].endswith(".partial")
    assert synced[-1] == str(shelf)
    synced.clear()
    await blobs.put(CARD)
    assert synced == [str(shelf)], "whoever wrote it may have died before the sync"


async def test_a_place_that_cannot_be_written_is_told_as_no_room(
    tmp_path: Path, keys: Keys
) -> None:
    (tmp_path / "blobs").write_text("a file where the folder should be")
    with pytest.raises(StoreFull, match="cannot write an attachment"):
        await FileBlobs(tmp_path / "blobs", keys).put(CARD)


async def test_a_place_that_cannot_be_read_is_a_store_error(blobs: FileBlobs, folder: Path) -> None:
    address = await blobs.put(CARD)
    (file,) = files(folder)
    file.unlink()
    file.mkdir()
    with pytest.raises(StoreError, match="cannot read blob"):
        await blobs.get(address)


async def test_what_is_put_again_while_it_is_deleted_is_there_afterwards(
    blobs: FileBlobs, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the two one waits for the other: `put` returns only what stays."""
    address = await blobs.put(CARD)
    (file,) = files(folder)
    os.utime(file, (0, 0))
    again = threading.Thread(target=lambda: asyncio.run(blobs.put(CARD)))
    delete = Path.unlink

    def unlink(path: Path, *args: bool, **kwargs: bool) -> None:
        if path == file:
            again.start()
            again.join(0.5)
        delete(path, *args, **kwargs)

    monkeypatch.setattr(Path, "unlink", unlink)
    await blobs.remove(address)
    again.join()
    assert await blobs.get(address) == CARD
