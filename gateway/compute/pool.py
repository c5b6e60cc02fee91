"""Which task gets which worker process, who waits, and what follows a worker's end."""

import asyncio
import contextlib
import pickle
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, TypeVar

from gateway.compute.process import RAISED, nothing
from gateway.compute.worker import Worker, WorkerDied, frames
from gateway.domain.errors import GatewayError, Overloaded

T = TypeVar("T")

_GRACE = 1.0
"""Seconds that running tasks get to finish when the pool closes; half of what closing may take."""


class Compute:
    """A bounded pool of worker processes, as an async context manager.

    Args:
        workers: how many processes.
        memory_limit: bytes of data one worker may hold (RLIMIT_DATA); None: no limit.
        initializer: run once in each worker before its first task; importable, as tasks are.
        initargs: its arguments.
        queue_limit: how many tasks may wait for a worker before `run` raises `Overloaded`.
        start_timeout: seconds a worker may take to start and run the initializer.

    Enter it on the main thread's loop: the kernel kills a worker when the *thread* that started
    it ends, which is how no worker outlives the gateway.
    """

    def __init__(
        self,
        workers: int = 1,
        *,
        memory_limit: int | None = None,
        initializer: Callable[..., object] | None = None,
        initargs: tuple[object, ...] = (),
        queue_limit: int = 64,
        start_timeout: float = 60.0,
    ) -> None:
        self._size = workers
        self._memory_limit = memory_limit or 0
        self._first = frames(initializer or nothing, initargs)
        self._queue_limit = queue_limit
        self._start_timeout = start_timeout
        self._open = False
        self._starts: dict[Worker, asyncio.Task[Exception | None]] = {}
        self._lives: set[asyncio.Task[None]] = set()
        self._idle: list[Worker] = []
        self._waiting: deque[asyncio.Future[Worker]] = deque()

    async def __aenter__(self) -> Self:
        self._open = True
        self._fill()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    @property
    def waiting(self) -> int:
        """Tasks that wait for a worker."""
        return len(self._waiting)

    @property
    def pids(self) -> list[int]:
        """The worker processes, starting ones among them."""
        return [worker.process.pid for worker in self._starts]

    async def warm(self) -> None:
        """Wait until every worker has run the initializer. Raises `WorkerDied`, from what the
        initializer raised, when one could not start."""
        self._fill()
        for error in await asyncio.gather(*map(asyncio.shield, self._starts.values())):
            if error:
                raise WorkerDied(f"a worker could not start: {error}") from error

    async def run(
        self,
        function: Callable[..., T],
        *args: object,
        timeout: float,  # noqa: ASYNC109 - it bounds the work, not the wait for a worker
    ) -> T:
        """Run `function(*args)` in a worker and return its result; first come, first served.

        Cancelling forgets the answer; the worker still finishes the task or is killed for its
        time.

        Args:
            function: importable by name (no lambda, nothing defined inside a function).
            args: picklable. Bytes given directly may be large; inside other objects the loop
                copies them (about 1 ms a megabyte).
            timeout: seconds the task may run, not counting the wait for a worker.

        Raises:
            Overloaded: too many tasks wait, or the pool is closed.
            TaskTimeout: it ran too long; its worker was killed.
            WorkerDied: the worker died under it. Repeating it may kill the next one.
            TaskFailed: it raised what cannot be carried over; all else is raised as it was.
        """
        request = frames(function, args)
        worker = await self._take()
        kind, payload = await worker.ask(request, timeout)
        value: Any = pickle.loads(payload)  # noqa: S301 - written by our own worker
        if kind == RAISED:
            raise value
        result: T = value
        return result

    async def close(self) -> None:
        """Give running tasks a second, then end every worker. Waiting tasks get `Overloaded`."""
        self._open = False
        self._refuse(Overloaded("the worker pool is closing"))
        running = [worker.answer for worker in self._starts if worker.ready and worker.answer]
        try:
            if running:
                await asyncio.wait(running, timeout=_GRACE)
        finally:
            for worker in self._starts:
                worker.process.kill()
        if self._lives:
            await asyncio.wait(self._lives)

    # ------------------------------------------------------------ who works, who waits

    async def _take(self) -> Worker:
        if not self._open:
            raise Overloaded("the worker pool is closed")
        self._fill()
        while self._idle:
            worker = self._idle.pop()
            if not worker.lost.is_set():
                return worker
        if self.waiting >= self._queue_limit:
            raise Overloaded(f"{self._queue_limit} tasks wait for a worker process")
        turn: asyncio.Future[Worker] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                with contextlib.suppress(ValueError):  # passed over by `_give` already
                    self._waiting.remove(turn)
            elif not turn.exception():
                # It was our turn in the very moment somebody cancelled.
                self._give(turn.result())
            raise

    def _give(self, worker: Worker) -> None:
        """A worker is free: to who waits longest, or to the idle ones."""
        if not worker.ready or worker.lost.is_set():
            return
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(worker)
                return
        self._idle.append(worker)

    def _refuse(self, error: GatewayError) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_exception(error)

    # ------------------------------------------------------------ from start to end of a worker

    def _fill(self) -> None:
        """Start the workers that are missing."""
        while self._open and len(self._starts) < self._size:
            try:
                worker = Worker(self._memory_limit, self._give)
            except OSError as error:
                if self._starts:
                    return
                raise WorkerDied(f"cannot start a worker process: {error}") from error
            self._starts[worker] = asyncio.create_task(self._start(worker))
            life = asyncio.create_task(self._live(worker))
            self._lives.add(life)
            life.add_done_callback(self._lives.discard)

    async def _start(self, worker: Worker) -> Exception | None:
        """Run the initializer; what went wrong, if something did."""
        try:
            kind, payload = await worker.ask(self._first, self._start_timeout)
        except GatewayError as error:
            return error
        if kind == RAISED:
            worker.process.kill()
            raised: Exception = pickle.loads(payload)  # noqa: S301 - written by our own worker
            return raised
        worker.ready = True
        self._give(worker)
        return None

    async def _live(self, worker: Worker) -> None:
        """Wait for a worker's end, then see to its succession."""
        await worker.end()
        error = await self._starts.pop(worker)
        if worker in self._idle:
            self._idle.remove(worker)
        if error is None:
            # When the process cannot be started now, the next task tries again and says so.
            with contextlib.suppress(WorkerDied):
                self._fill()
        # One that could not start is not replaced before somebody asks: it would fail for ever.
        if not self._starts:
            died = WorkerDied(f"no worker could be started: {error or 'the system refused'}")
            died.__cause__ = error
            self._refuse(died)
