"""What the rooms above may ask of a database, whichever it is (DESIGN §5, Unit of work)."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, TypeVar

from gateway.domain.plan import LogEvent

T = TypeVar("T")
Row = Mapping[str, Any]

#: The memo that notes that something was erased whose old pages may still lie on the disk.
ERASED = {"account": "", "key": "erased"}


class Reader(Protocol):
    """Named queries of `gateway/store/queries/*.sql`: `reader.one("inquiries.by_number", number=n)`.

    The part before the dot is the file, the part behind it the query's name in that file.
    """

    def one(self, query: str, /, **values: Any) -> Row | None: ...
    def all(self, query: str, /, **values: Any) -> list[Row]: ...
    def value(self, query: str, /, **values: Any) -> Any: ...


class Tx(Reader, Protocol):
    """A transaction that writes. Everything done through it is stored, or nothing."""

    def run(self, query: str, /, **values: Any) -> int:
        """Execute; the number of rows changed."""
        ...

    def run_many(self, query: str, rows: Iterable[Mapping[str, Any]], /) -> int:
        """Execute once for each row; the number of rows changed."""
        ...

    def log(self, event: LogEvent) -> None:
        """Append to the event log in this transaction."""
        ...


class Store(Protocol):
    """Durable state. Units of work are plain, re-runnable functions: no side effects, ids and time
    are passed in."""

    async def write(self, work: Callable[[Tx], T]) -> T:
        """Run `work` in one transaction and return its result after the commit. Cancelling the
        awaiting task neither undoes nor repeats it. Raises what `work` raises, or `StoreError`."""
        ...

    async def insert(self, query: str, rows: Iterable[Mapping[str, Any]]) -> int:
        """Plain inserts without a result: the fast path of acknowledgement. Returns the number of
        rows that were new, after the commit. The id of a row must be made anew for this call: by
        it the new ones are told from those that were there."""
        ...

    async def read(self, query: Callable[[Reader], T]) -> T:
        """Run `query` against a consistent snapshot beside the writer."""
        ...

    @property
    def shared(self) -> bool:
        """Whether other processes may work on the same database."""
        ...

    def tell(self, topic: str) -> None:
        """Tell the other processes that there is something new: 'intake', 'outbox', 'timers' or
        'routing'. Only a hint: it may get lost, and whoever waits for it looks by itself now and then."""
        ...

    def hear(self, callback: Callable[[str], None]) -> None:
        """Have the callback told, on the event loop, what any process tells."""
        ...


class Blobs(Protocol):
    """Bytes by content. `put` returns once they are durable, before any row names them."""

    async def put(self, data: bytes) -> str:
        """Store encrypted; returns the address. The same bytes have the same address."""
        ...

    async def get(self, address: str) -> bytes:
        """Raises `NotFound`."""
        ...
