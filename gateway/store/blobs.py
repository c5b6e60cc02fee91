"""Attachments and unreadable input as encrypted files, addressed by content.

A file and its directory are synced before `put` returns, and `put` returns before any row names the
address: a crash leaves at most a file that nothing refers to.
"""

import asyncio
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from gateway import steps
from gateway.domain.errors import NotFound, StoreError, StoreFull
from gateway.store.migrate import file_lock

#: Seconds in which bytes are not deleted after they were put.
_JUST_PUT = 3600.0


class Cipher(Protocol):
    """The part of the installation key that blobs need."""

    def seal(self, data: bytes) -> bytes: ...
    def open(self, data: bytes) -> bytes: ...
    def digest(self, purpose: str, data: bytes) -> str: ...


class FileBlobs:
    """Implements `gateway.domain.store.Blobs` with one file per blob under `root`."""

    def __init__(self, root: Path, cipher: Cipher) -> None:
        self._root = root
        self._cipher = cipher
        self._synced: set[Path] = set()
        # Whether bytes are young enough to stay is asked and acted on by one process at a time.
        self._lock = root.with_name(f"{root.name}.lock")

    async def put(self, data: bytes) -> str:
        return await asyncio.to_thread(self._put, data)

    async def get(self, address: str) -> bytes:
        return await asyncio.to_thread(self._get, address)

    async def remove(self, address: str) -> bool:
        """Delete what nothing names any more; whether it is gone. Bytes that were put again within the
        last hour stay: whoever put them is about to name them."""
        return await asyncio.to_thread(self._remove, address)

    def _remove(self, address: str) -> bool:
        path = self._path(address)
        try:
            with file_lock(self._lock):
                if time.time() - path.stat().st_mtime <= _JUST_PUT:
                    return False
                path.unlink()
                _sync_directory(path.parent)
        except FileNotFoundError:
            return True
        except OSError as error:
            msg = f"cannot delete blob {address[:12]}…: {error.strerror}"
            raise StoreError(msg) from error
        return True

    def _path(self, address: str) -> Path:
        return self._root / address[:2] / address[2:]

    def _put(self, data: bytes) -> str:
        # A keyed digest: the address does not reveal whether a known document was sent to us.
        address = self._cipher.digest("blob", data)
        path = self._path(address)
        partial = path.with_name(f"{path.name}.{os.urandom(6).hex()}.partial")
        try:
            self._make(path.parent)
            if not self._there(path):
                with partial.open("wb") as file:
                    file.write(self._cipher.seal(data))
                    steps.reach("blob.written")
                    file.flush()
                    os.fsync(file.fileno())
                partial.rename(path)
            # Also for a file that was there: whoever wrote it may have died before this line.
            _sync_directory(path.parent)
        except OSError as error:
            with suppress(OSError):  # the same disk; what stays behind is named by nothing
                partial.unlink()
            msg = f"cannot write an attachment to {self._root}: {error.strerror}"
            raise StoreFull(msg) from error
        steps.reach("blob.synced")
        return address

    def _there(self, path: Path) -> bool:
        """Whether it was put before; if so, it counts as put now (see `remove`)."""
        if not path.exists():
            return False
        with file_lock(self._lock):
            if there := path.exists():
                os.utime(path)
        return there

    def _make(self, directory: Path) -> None:
        """A directory whose own entry is durable; once a process, since whoever made it, here or in
        a process that died, may not have come as far as the sync."""
        if directory in self._synced:
            return
        directory.mkdir(parents=True, exist_ok=True)
        for parent in (directory.parent, directory.parent.parent):
            _sync_directory(parent)
        self._synced.add(directory)

    def _get(self, address: str) -> bytes:
        if not (len(address) == 64 and address.isalnum()):
            msg = f"{address!r} is no blob address"
            raise NotFound(msg)
        try:
            return self._cipher.open(self._path(address).read_bytes())
        except FileNotFoundError as error:
            msg = f"no blob {address[:12]}…"
            raise NotFound(msg) from error
        except OSError as error:
            msg = f"cannot read blob {address[:12]}…: {error.strerror}"
            raise StoreError(msg) from error


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
