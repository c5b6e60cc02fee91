"""Which version of the knowledge base is in force, and copies of those that were.

    <folder>/current            the version in force: one line, replaced in one step
    <folder>/<version>/         its files, as they were when it came into force
    <folder>/<version>.json     the digest of these files, and what was measured
    <folder>/history.jsonl      when what came into force or was refused, why, by whom

Processes answer from the copy, so that a file that is edited half changes nothing. A copy is made
aside and renamed, `current` is replaced in one step: a death at any moment leaves the old or the new.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from gateway.domain.errors import GatewayError
from gateway.domain.model import JSON

#: Versions that are kept, the one in force among them.
KEPT = 10
#: Lines of the history that are kept.
_HISTORY = 1000
#: What lies in a templates folder and is no knowledge.
_NO_KNOWLEDGE = frozenset({"pages", "prepared", "__pycache__"})

IN_FORCE, REFUSED, ROLLED_BACK = "in_force", "refused", "rolled_back"


class VersionError(GatewayError):
    """A version cannot be taken into force; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the history."""

    at: float
    """Seconds since 1970."""
    event: str
    version: str
    """Which came into force, or was refused; '' for files that cannot be read."""
    instead_of: str
    """Which was in force before, or stayed so."""
    why: str
    content: str = ""
    """The digest of the files that are meant: of a roll-back, of those that were left."""
    engine: str = ""
    by: str = ""
    measures: Mapping[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of a kept version."""

    content: str
    release: str
    """The gateway's, when it was copied."""
    measures: Mapping[str, Mapping[str, JSON]] = field(default_factory=dict)
    """By what they depend on (`gate.basis`)."""


class Versions:
    """The versions of one data directory. Whoever changes something holds `lock`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    # ------------------------------------------------------------ looking

    @property
    def current(self) -> str:
        """The version in force; '' before the first."""
        try:
            return (self.folder / "current").read_text("utf-8").strip()
        except OSError:
            return ""

    def path(self, version: str) -> Path:
        """Where the copy of a version lies."""
        return self.folder / version

    def record(self, version: str) -> Record | None:
        """None where nothing, or nothing readable, is known of it."""
        try:
            raw = json.loads((self.folder / f"{version}.json").read_text("utf-8"))
            return Record(**raw)
        except (OSError, ValueError, TypeError):
            return None

    def whole(self, version: str) -> bool:
        """Whether the copy is there as it was made."""
        record = self.record(version) if version else None
        return record is not None and content(self.path(version)) == record.content

    def kept(self) -> list[str]:
        """The versions that can be taken back, the latest in force first."""
        known = [path.stem for path in self.folder.glob("*.json") if path.with_suffix("").is_dir()]
        last = {
            entry.version: i for i, entry in enumerate(self.history()) if entry.event != REFUSED
        }
        return sorted(known, key=lambda version: -last.get(version, -1))

    @property
    def told(self) -> int:
        """Another number whenever the history has changed."""
        try:
            return (self.folder / "history.jsonl").stat().st_mtime_ns
        except OSError:
            return 0

    def history(self) -> list[Entry]:
        """From the first to the last. A line that a death cut short is left out."""
        try:
            lines = (self.folder / "history.jsonl").read_text("utf-8", "replace").splitlines()
        except OSError:
            return []
        found = []
        for line in lines:
            with contextlib.suppress(ValueError, TypeError):
                found.append(Entry(**json.loads(line)))
        return found

    def before(self, version: str) -> str:
        """Which version a roll-back from this one leads to; '' for none that is kept.

        Raises nothing; a version that was itself rolled back is passed over."""
        came = {e.version: e.instead_of for e in self.history() if e.event == IN_FORCE}
        seen = {version}
        while (version := came.get(version, "")) and version not in seen:
            if self.whole(version) and not self.left(version):
                return version
            seen.add(version)
        return ""

    def left(self, version: str) -> bool:
        """Whether it was rolled back, and has not come into force since."""
        entry = self.verdict(record.content) if (record := self.record(version)) else None
        return entry is not None and entry.event == ROLLED_BACK

    def verdict(self, digest: str) -> Entry | None:
        """The last thing that the history says of files with this digest."""
        return next((entry for entry in reversed(self.history()) if entry.content == digest), None)

    # ------------------------------------------------------------ changing

    @contextmanager
    def lock(self, what: str = "changing", *, wait: bool = True) -> Iterator[bool]:
        """Whether it is ours: one process at a time changes something, one at a time judges. The
        kernel frees it when that one dies. Raises `VersionError` when nothing can be written there."""
        with self._writing():
            self.folder.mkdir(parents=True, exist_ok=True)
            handle = (self.folder / f"{what}.lock").open("a")
        with handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
            else:
                yield True

    def keep(self, source: Path, version: str, release: str, digest: str) -> Path:
        """A copy of `source`, which is this version; the one that is there when it is whole.

        Args:
            source: the folder.
            version: of the knowledge base in it.
            release: of the gateway that read it.
            digest: `content` of the folder when its version was found out.

        Raises:
            VersionError: the files have changed since, or cannot be written.
        """
        target = self.path(version)
        if self.whole(version) and (record := self.record(version)) and record.content == digest:
            return target
        aside = self.folder / f".{version}.{os.getpid()}"
        with self._writing():
            shutil.rmtree(aside, ignore_errors=True)
            shutil.copytree(source, aside, ignore=_ignored)
            if content(aside) != digest:
                shutil.rmtree(aside, ignore_errors=True)
                msg = f"{source} has changed meanwhile; try once more"
                raise VersionError(msg)
            shutil.rmtree(target, ignore_errors=True)
            aside.rename(target)
            self._note(version, Record(digest, release))
        return target

    def measured(self, version: str, basis: str, measures: Mapping[str, JSON]) -> None:
        """Remember what was measured of a kept version."""
        record = self.record(version)
        if record is not None:
            with self._writing():
                self._note(version, Record(record.content, record.release, {basis: measures}))

    def promote(self, entry: Entry) -> None:
        """Put a kept version in force; older copies go. Raises `VersionError`."""
        with self._writing():
            _write(self.folder / "current", f"{entry.version}\n")
            self.note(entry)
            for version in self.kept()[KEPT:]:
                if version not in (entry.version, entry.instead_of):
                    shutil.rmtree(self.path(version), ignore_errors=True)
                    (self.folder / f"{version}.json").unlink(missing_ok=True)

    def roll_back(self, entry: Entry) -> None:
        """Put an earlier version in force again. Raises `VersionError` when it is not kept whole."""
        if not self.whole(entry.version):
            msg = (
                f"version {entry.version} is not kept here any more; `gateway kb status` lists those"
                " that are"
            )
            raise VersionError(msg)
        with self._writing():
            # The history first: what is rolled back must not come back by itself at the next start.
            self.note(entry)
            _write(self.folder / "current", f"{entry.version}\n")

    def note(self, entry: Entry) -> None:
        """Add a line to the history. Raises `VersionError`."""
        lines = [json.dumps(asdict(one), ensure_ascii=False) for one in [*self.history(), entry]]
        with self._writing():
            _write(self.folder / "history.jsonl", "\n".join(lines[-_HISTORY:]) + "\n")

    def _note(self, version: str, record: Record) -> None:
        _write(self.folder / f"{version}.json", json.dumps(asdict(record), ensure_ascii=False))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            msg = f"cannot write to {self.folder}: {error.strerror}"
            raise VersionError(msg) from error


def content(folder: Path) -> str:
    """A digest of the names and bytes of everything that would be copied; '' where nothing is."""
    whole = hashlib.sha256()
    count = 0
    for name, path in files(folder):
        data = path.read_bytes()
        whole.update(f"{name}\0{len(data)}\0".encode())
        whole.update(data)
        count += 1
    return whole.hexdigest()[:32] if count else ""


def files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Name and path of every file of a knowledge base, in order."""
    for where, folders, names in os.walk(folder, followlinks=True):
        folders[:] = sorted(set(folders) - _ignored(where, folders))
        for name in sorted(set(names) - _ignored(where, names)):
            path = Path(where) / name
            yield path.relative_to(folder).as_posix(), path


def _ignored(_: str, names: list[str]) -> set[str]:
    return {name for name in names if name.startswith(".") or name in _NO_KNOWLEDGE}


def _write(path: Path, text: str) -> None:
    """Replace a file in one step that a loss of power does not undo by half."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    with aside.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
