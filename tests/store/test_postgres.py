"""What is PostgreSQL's own: connections that get lost, transactions that meet, a server that refuses.

Every fault here is a real one, on a server of its own.
"""

import asyncio
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg.rows import dict_row, tuple_row

from gateway.domain.errors import Conflict, Overloaded, StoreAway, StoreError
from gateway.domain.plan import LogEvent
from gateway.domain.store import Tx
from gateway.store import connection, leases, postgres, session
from gateway.store.leader import NAME, seal_batch
from gateway.store.migrate import SCHEMA
from gateway.store.postgres import PostgresStore
from tests.postgres import Server, drop_database, emptied, running_server
from tests.store.engines import PostgresEngine, select, value, verified
from tests.store.rows import raw
from tests.store.units import Held, keys, logged, remember

SECRET = "open%2Dsesame"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_server(durable=True) as server:
        yield server


@pytest.fixture(scope="module")
def database(server: Server) -> str:
    return server.create_database()


@pytest.fixture
def engine(database: str) -> PostgresEngine:
    return PostgresEngine(emptied(database))


@pytest.fixture
def fresh(server: Server) -> Iterator[PostgresEngine]:
    """A database for tests that change more than its rows."""
    url = server.create_database()
    yield PostgresEngine(url)
    drop_database(url)


def ask(url: str, sql: str, *values: object) -> Any:
    """The first value of a statement on a connection of its own."""
    with psycopg.connect(url, autocommit=True) as c:
        done = c.execute(sql, values or None)  # type: ignore[arg-type]  # SQL of this file
        row = done.fetchone() if done.description else None
        return row[0] if row else None


def backend(tx: Any) -> int:
    found: int = tx._connection.info.backend_pid
    return found


# ---------------------------------------------------------------- an answer that gets lost


class Proxy:
    """Stands before the server, and breaks the connection when a COMMIT passes.

    Args:
        url: of the server.
        passes: whether the COMMIT reaches it; its answer is never heard.
    """

    def __init__(self, url: str, *, passes: bool) -> None:
        self._server = urlsplit(url)
        self._passes = passes
        self._door = socket.create_server(("127.0.0.1", 0))
        self.url = urlunsplit(
            self._server._replace(netloc=f"postgres@127.0.0.1:{self._door.getsockname()[1]}")
        )
        self.armed = False
        self.cut = 0
        self.meanwhile = lambda: None
        """Called when the connection is broken, before anybody can connect again."""

    def __enter__(self) -> Self:
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._door.close()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._door.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError), client:
            server = socket.create_connection((self._server.hostname, self._server.port))
            threading.Thread(target=self._copy, args=(server, client), daemon=True).start()
            with server:
                while data := client.recv(65536):
                    if self.armed and b"COMMIT" in data:
                        self.armed = False
                        self._break(client, server, data)
                        return
                    server.sendall(data)

    def _break(self, client: socket.socket, server: socket.socket, data: bytes) -> None:
        self.cut += 1
        client.shutdown(socket.SHUT_WR)
        if self._passes:
            server.sendall(data)
            time.sleep(0.2)
        self.meanwhile()
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)

    @staticmethod
    def _copy(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        with suppress(OSError):
            # A server that ended has to be noticed on this side as well.
            target.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("passes", [True, False], ids=["committed", "never arrived"])
async def test_a_commit_without_an_answer_is_looked_up(
    engine: PostgresEngine, passes: bool
) -> None:
    """A unit that only counts up would show a second run."""
    runs: list[int] = []

    def counts(tx: Tx) -> int:
        runs.append(1)
        before = int(tx.value("meta.memo", account="a", key="n") or 0)
        tx.run("meta.remember", account="a", key="n", value=str(before + 1))
        return before + 1

    with Proxy(engine.url, passes=passes) as proxy:
        async with PostgresEngine(proxy.url).plain() as store:
            await store.write(counts)
            proxy.armed = True
            assert await store.write(counts) == 2
            assert proxy.cut == 1
            assert await value(store, "SELECT value FROM memos") == "2"
    assert len(runs) == (2 if passes else 3)


async def test_inserts_without_an_answer_are_counted_as_new(engine: PostgresEngine) -> None:
    """More than one statement takes, so that there is a COMMIT to lose."""
    with Proxy(engine.url, passes=True) as proxy:
        async with PostgresEngine(proxy.url).plain() as store:
            await store.insert("intake.accept", [raw(0)])
            rows = [raw(n, id=f"again{n}") for n in range(100)]
            proxy.armed = True
            assert await store.insert("intake.accept", rows) == 99
            assert proxy.cut == 1
            assert await value(store, "SELECT COUNT(*) FROM raw_events") == 100


async def test_a_unit_whose_number_was_given_out_again_after_a_crash_is_not_taken_for_stored(
    server: Server, engine: PostgresEngine
) -> None:
    """A server that crashes before it wrote a transaction down gives its number to the next one."""

    def crash() -> None:
        server.restart("immediate")
        with psycopg.connect(engine.url, autocommit=True) as other:
            for number in range(20):
                other.execute("INSERT INTO meta (key, value) VALUES (%s, '')", [str(number)])

    with Proxy(engine.url, passes=False) as proxy:
        proxy.meanwhile = crash
        async with PostgresEngine(proxy.url).plain() as store:
            await store.write(remember("before"))
            proxy.armed = True
            try:
                told = [await store.write(remember("unit"))]
            except StoreAway:
                told = []
            assert proxy.cut == 1
            assert await keys(store) == ["before", *told]


async def test_a_commit_that_is_still_on_its_way_cannot_succeed_after_the_look(
    engine: PostgresEngine,
) -> None:
    async with engine.plain() as store:
        await store.write(remember("before"))
        assert await store.write(lambda _tx: store._sessions.stored("unit-1")) is False
        with psycopg.connect(engine.url, autocommit=True) as late:
            late.execute("BEGIN")
            late.execute("INSERT INTO memos (account, key, value) VALUES ('a', 'late', '')")
            with pytest.raises(psycopg.IntegrityError):
                late.execute(session._COMMIT.format(unit="unit-1"))  # type: ignore[arg-type]
        assert await keys(store) == ["before"]


async def test_marks_are_removed_in_time_and_idle_units_leave_none(
    engine: PostgresEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with engine.plain() as store:
        await store.write(lambda tx: tx.value("meta.memo", account="a", key="none"))
        assert await value(store, "SELECT COUNT(*) FROM units") == 0
        await store.write(remember("a"))
        await store.write(remember("b"))
        assert await value(store, "SELECT COUNT(*) FROM units") == 2
        monkeypatch.setattr(session, "MARKS_KEPT", -5)
        store._sessions._next_sweep = 0.0
        await store.write(remember("c"))
        assert await value(store, "SELECT COUNT(*) FROM units") == 0


# ---------------------------------------------------------------- connections that are ended


@pytest.mark.parametrize("when", ["before", "in", "at the end"])
async def test_a_unit_whose_connection_is_ended_runs_again_on_another(
    engine: PostgresEngine, when: str
) -> None:
    ended: list[int] = []

    def end(tx: Tx) -> None:
        if not ended:
            ended.append(backend(tx))
            ask(engine.url, "SELECT pg_terminate_backend(%s, 5000)", ended[0])

    def work(tx: Tx) -> None:
        if when == "before":
            end(tx)
        remember("half")(tx)
        if when == "in":
            end(tx)
        remember("whole")(tx)
        tx.log(LogEvent("e1", "test.happened", 1.0))
        if when == "at the end":
            end(tx)

    async with engine.opened() as store:
        await store.write(work)
        assert len(ended) == 1
        assert await keys(store) == ["half", "whole"]
        assert await verified(store) == 1
        assert store.stats["reconnects"] == 1


async def test_connections_that_died_while_idle_are_noticed_by_nobody(
    engine: PostgresEngine,
) -> None:
    async with engine.plain() as store:
        await asyncio.gather(*(store.write(remember(f"a{n}")) for n in range(8)))
        await store.insert("intake.accept", [raw(0)])
        ask(
            engine.url,
            "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        await asyncio.gather(*(store.write(remember(f"b{n}")) for n in range(8)))
        assert await store.insert("intake.accept", [raw(0, id="x0"), raw(1)]) == 1
        assert len(await keys(store)) == 16


@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_a_server_restarted_under_units_of_work_neither_loses_nor_doubles_any(
    server: Server, engine: PostgresEngine, mode: str
) -> None:
    """Each unit counts up and names its turn: what is counted is what was answered, or was refused
    with an error that says that it may be tried again."""

    def turn(name: str) -> Any:
        def work(tx: Tx) -> None:
            tx.run("contacts.add_contact", id=name, name="", language="", created_at=1.0)
            before = int(tx.value("meta.memo", account="a", key=name[0]) or 0)
            tx.run("meta.remember", account="a", key=name[0], value=str(before + 1))
            tx.log(LogEvent(name, "test.happened", 1.0))

        return work

    async def client(store: PostgresStore, name: str, done: list[str], stop: asyncio.Event) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            row = raw(number, id=f"{name}{number}", dedup_key=f"{name}{number}")
            while True:
                try:
                    assert await store.insert("intake.accept", [row]) == 1
                    await store.write(turn(f"{name}{number}"))
                except StoreAway:
                    row["id"] += "x"
                    continue
                break
            done.append(f"{name}{number}")

    async with engine.opened() as store:
        stop, done = asyncio.Event(), list[str]()
        clients = [asyncio.create_task(client(store, name, done, stop)) for name in "abcd"]
        await asyncio.sleep(0.3)
        before = len(done)
        await asyncio.to_thread(server.restart, mode)
        async with asyncio.timeout(10):
            while len(done) < before + 40:
                await asyncio.sleep(0.02)
        stop.set()
        await asyncio.gather(*clients)
        stored = [row["id"] for row in await select(store, "SELECT id FROM contacts")]
        assert sorted(stored) == sorted(done)
        counted = await select(store, "SELECT value FROM memos")
        assert sum(int(row["value"]) for row in counted) == len(done)
        assert await value(store, "SELECT COUNT(*) FROM raw_events") == len(done)
        assert await verified(store) == len(done)


async def test_a_store_that_is_closed_does_not_wait_for_a_server_that_is_away(
    server: Server, engine: PostgresEngine
) -> None:
    async with engine.plain() as store:
        await store.write(remember("before"))
        server.stop("immediate")
        try:
            late = asyncio.create_task(store.write(remember("late")))
            await asyncio.sleep(0.3)
            assert not late.done(), "an open store waits for it"
            began = time.monotonic()
            await store.close()
            assert time.monotonic() - began < session.PATIENCE / 2
            with pytest.raises(StoreAway):
                await late
        finally:
            server.start()


async def test_a_server_that_stays_away_is_told_so_within_seconds(
    server: Server, engine: PostgresEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "PATIENCE", 0.5)
    async with engine.plain() as store:
        await store.write(remember("before"))
        server.stop("immediate")
        try:
            began = time.monotonic()
            results = await asyncio.gather(
                store.write(remember("a")),
                store.insert("intake.accept", [raw(1)]),
                store.read(lambda reader: reader.value("meta.memo", account="a", key="a")),
                return_exceptions=True,
            )
            assert [type(result) for result in results] == [StoreAway] * 3
            assert isinstance(results[0], Overloaded), "the sender is told to come again"
            assert time.monotonic() - began < 5
        finally:
            server.start()
        assert await store.write(remember("after")) == "after"
        assert await keys(store) == ["after", "before"]
        assert await value(store, "SELECT COUNT(*) FROM raw_events") == 0


# ---------------------------------------------------------------- transactions that meet


async def test_two_units_that_wait_for_each_other_both_succeed(engine: PostgresEngine) -> None:
    both = threading.Barrier(2, timeout=10)
    runs: list[str] = []

    def crossing(first: str, second: str) -> Any:
        def work(tx: Tx) -> None:
            runs.append(first)
            remember(first, first)(tx)
            if len(runs) <= 2:
                both.wait()
            remember(second, first)(tx)

        return work

    async with engine.plain() as store:
        await asyncio.gather(store.write(remember("a")), store.write(remember("b")))
        await asyncio.gather(store.write(crossing("a", "b")), store.write(crossing("b", "a")))
        assert len(runs) > 2
        assert store.stats["reruns"] >= 1
        found = await select(store, "SELECT value FROM memos")
        assert found[0] == found[1], "the later one overwrote both"


async def test_a_unit_that_met_another_runs_again_on_what_that_one_left(
    engine: PostgresEngine,
) -> None:
    def count_up(tx: Tx) -> int:
        number = int(tx.value("meta.memo", account="a", key="n") or 0) + 1
        time.sleep(0.002)
        tx.run("meta.remember", account="a", key="n", value=str(number))
        return number

    async with engine.plain() as store, engine.plain() as other:
        await store.write(remember("n", "0"))
        given = await asyncio.gather(*(s.write(count_up) for s in (store, other) * 10))
        assert sorted(given) == [*range(1, 21)], "each saw what the one before it had left"
        assert store.stats["reruns"] + other.stats["reruns"] > 0


async def test_a_unit_that_meets_others_again_and_again_is_given_up_with_a_word(
    engine: PostgresEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "RERUNS", 2)

    def always(tx: Any) -> None:
        tx._connection.execute("DO $$ BEGIN RAISE serialization_failure; END $$")

    async with engine.plain() as store:
        with pytest.raises(StoreAway, match="too many others"):
            await store.write(always)
        assert store.stats["reruns"] == 3


# ---------------------------------------------------------------- statements that fail


async def test_a_statement_that_takes_too_long_is_ended_and_can_be_tried_again(
    engine: PostgresEngine,
) -> None:
    def slow(tx: Any) -> None:
        remember("half")(tx)
        tx._connection.execute("SET LOCAL statement_timeout = 50")
        tx._connection.execute("SELECT pg_sleep(10)")

    async with engine.plain() as store:
        with pytest.raises(StoreAway, match="statement timeout"):
            await store.write(slow)
        assert await keys(store) == []
        assert await store.write(remember("after")) == "after"


async def test_a_process_that_stops_inside_a_unit_loses_its_locks(
    engine: PostgresEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connection._BOUNDS, "idle_in_transaction_session_timeout", 300)
    async with engine.plain() as stopped, engine.plain() as store:
        await store.write(remember("a"))
        held, runs = Held(), []

        def stops(tx: Tx) -> None:
            runs.append(1)
            remember("a", "late")(tx)
            if len(runs) == 1:
                held(tx)

        writing = asyncio.create_task(stopped.write(stops))
        await asyncio.to_thread(held.entered.wait, 10)
        async with asyncio.timeout(5):
            await store.write(remember("a", "2"))
        held.release.set()
        await writing
        assert len(runs) == 2, "what it had done before was gone"


async def test_a_unit_that_swallows_a_failed_statement_stores_nothing(
    engine: PostgresEngine,
) -> None:
    def swallows(tx: Any) -> None:
        remember("half")(tx)
        with suppress(psycopg.Error):
            tx._connection.execute("SELECT nonsense")

    def swallows_and_logs(tx: Any) -> None:
        swallows(tx)
        logged("e1")(tx)

    async with engine.opened() as store:
        with pytest.raises(StoreError, match="did not say so"):
            await store.write(swallows)
        with pytest.raises(StoreError):
            await store.write(swallows_and_logs)
        assert await keys(store) == []
        assert await verified(store) == 0


async def test_a_nul_character_becomes_a_mark_that_something_was_there(
    engine: PostgresEngine,
) -> None:
    async with engine.plain() as store:
        await store.write(remember("nul", "a\0b"))
        assert await store.insert("intake.accept", [raw(1, body="\0")]) == 1
        assert await value(store, "SELECT body FROM raw_events") == "\ufffd"
        assert await value(store, "SELECT value FROM memos") == "a\ufffdb"


async def test_an_event_may_hold_nul_characters(engine: PostgresEngine) -> None:
    async with engine.opened() as store:
        await store.write(logged("e1", text="a\0b"))
        assert await verified(store) == 1


async def test_a_reference_to_nothing_is_a_conflict(engine: PostgresEngine) -> None:
    async with engine.plain() as store:
        with pytest.raises(Conflict):
            await store.write(
                lambda tx: tx._connection.execute(  # type: ignore[attr-defined]
                    "INSERT INTO conversations (id, account, handle_id, created_at) "
                    "VALUES ('v', 'app', 'nobody', 1)"
                )
            )


# ---------------------------------------------------------------- a server that refuses


async def told(url: str) -> str:
    """The one line with which opening the store fails."""
    store = PostgresStore(url)
    with pytest.raises(StoreError) as refused:
        await store.open()
    with pytest.raises(StoreError, match="not open"):
        await store.write(lambda _tx: None)
    await store.close()
    text = str(refused.value)
    assert "\n" not in text
    assert SECRET not in text
    assert "sesame" not in text
    return text


@pytest.fixture
def secretive(server: Server, fresh: PostgresEngine) -> Iterator[PostgresEngine]:
    """The user `secretive` has to give its password, and has no rights."""
    rules = server.data / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text(f"host all secretive 127.0.0.1/32 scram-sha-256\n{before}")
    ask(fresh.url, "CREATE ROLE secretive LOGIN PASSWORD 'open-sesame'; SELECT pg_reload_conf()")
    yield fresh
    rules.write_text(before)
    ask(fresh.url, "DROP OWNED BY secretive; DROP ROLE secretive; SELECT pg_reload_conf()")


def as_user(url: str, user: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{user}@{parts.netloc.rpartition('@')[2]}"))


async def test_a_wrong_password_says_so(secretive: PostgresEngine) -> None:
    for password in (f"{SECRET}wrong", "", "%C3%A9sesame"):
        line = await told(as_user(secretive.url, f"secretive:{password}"))
        assert "refuses user or password" in line
        assert "secretive@127.0.0.1" in line


async def test_a_user_that_does_not_exist_says_so(server: Server) -> None:
    assert "refuses user or password" in await told(server.url(user="nobody_knows"))


async def test_a_user_that_may_make_no_tables_is_told_what_to_grant(
    secretive: PostgresEngine,
) -> None:
    url = as_user(secretive.url, f"secretive:{SECRET}")
    line = await told(url)
    assert re.search(r"lacks a right.*permission denied for schema public", line)
    assert "GRANT" in line
    ask(secretive.url, "GRANT CREATE ON SCHEMA public TO secretive")
    async with PostgresEngine(url).plain() as store:
        assert await store.write(remember("mine")) == "mine"


async def test_an_unknown_database_says_so(server: Server) -> None:
    line = await told(server.url("not_made"))
    assert "not_made does not exist" in line
    assert "createdb" in line


async def test_what_the_url_says_of_the_connection_stands(fresh: PostgresEngine) -> None:
    """Beside our own bounds, which stay as far as it says nothing else."""
    ask(fresh.url, "CREATE SCHEMA apart")
    options = "-c%20search_path%3Dapart%20-c%20lock_timeout%3D777"
    async with PostgresEngine(f"{fresh.url}?options={options}&application_name=mine").plain() as s:
        found = await select(
            s,
            "SELECT current_setting('application_name') AS name,"
            " current_setting('lock_timeout') AS lock,"
            " current_setting('statement_timeout') AS statement",
        )
    assert found == [{"name": "mine", "lock": "777ms", "statement": "30s"}]
    made = "SELECT count(*) FROM pg_tables WHERE tablename = 'outbox' AND schemaname = 'apart'"
    assert ask(fresh.url, made) == 1


async def test_whatever_is_asked_of_the_server_each_commit_is_durable(
    fresh: PostgresEngine,
) -> None:
    url = f"{fresh.url}?options=-c%20synchronous_commit%3Doff"
    for factory in (dict_row, tuple_row):
        with connection.connect(url, row_factory=factory) as c:
            (found,) = c.execute("SHOW synchronous_commit").fetchall()
            assert "on" in (found.values() if isinstance(found, dict) else found)


async def test_a_connection_that_ends_as_it_is_made_is_tried_again(
    engine: PostgresEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare, made = connection._prepare, []

    def ended(fresh: psycopg.Connection[Any], url: str) -> None:
        made.append(fresh)
        if len(made) == 1:
            ask(engine.url, "SELECT pg_terminate_backend(%s, 5000)", fresh.info.backend_pid)
        prepare(fresh, url)

    async with engine.plain() as store:
        monkeypatch.setattr(connection, "_prepare", ended)
        assert await store.write(remember("kept")) == "kept"
        assert len(made) == 2
        assert made[0].closed


async def test_nobody_at_the_address_says_so() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        line = await told(f"postgresql://me:{SECRET}@127.0.0.1:{free.getsockname()[1]}/gateway")
    assert "cannot be reached" in line
    assert "is the server running" in line


async def test_an_old_server_says_so(
    engine: PostgresEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "OLDEST_SERVER", 99)
    assert re.search(r"is PostgreSQL \d+; 99 or newer is needed", await told(engine.url))


async def test_a_name_that_leads_nowhere_says_so() -> None:
    line = await told(f"postgresql://me:{SECRET}@nowhere.invalid:5432/gateway")
    assert "cannot be reached" in line


async def test_a_newer_schema_is_refused_whatever_else_works(fresh: PostgresEngine) -> None:
    async with fresh.plain():
        pass
    newest = SCHEMA + 2
    ask(fresh.url, f"INSERT INTO schema_version VALUES ({newest}, {newest - 1})")
    assert f"needs release {newest - 1} or newer" in await told(fresh.url)


# ---------------------------------------------------------------- migrations


async def test_a_migration_waits_for_the_one_that_is_under_way(fresh: PostgresEngine) -> None:
    with psycopg.connect(fresh.url, autocommit=True) as holder:
        holder.execute("SELECT pg_advisory_lock(%s)", [postgres._MIGRATION_LOCK])
        store = fresh.build()
        opening = asyncio.create_task(store.open())
        done, _ = await asyncio.wait([opening], timeout=0.3)
        assert not done
    async with asyncio.timeout(5):
        await opening
    assert await store.write(remember("a")) == "a"
    await store.close()


# ---------------------------------------------------------------- leases


async def test_of_many_that_take_a_lease_at_once_one_has_it(engine: PostgresEngine) -> None:
    async with engine.plain() as store, engine.plain() as other:
        for turn in range(20):
            taken = await asyncio.gather(
                *(
                    s.write(lambda tx, n=n: leases.take(tx, f"l{turn}", f"p{n}", 100.0, 5.0))  # noqa: B023 - awaited in this turn
                    for n, s in enumerate((store, other) * 3)
                )
            )
            assert sorted(taken, key=str) == [1, *[None] * 5]


async def test_whoever_lost_a_lease_seals_nothing(engine: PostgresEngine) -> None:
    async with engine.plain() as store:
        await store.write(logged("e1"))
        first = await store.write(lambda tx: leases.take(tx, NAME, "old", 100.0, 5.0))
        assert await store.write(lambda tx: leases.take(tx, NAME, "new", 104.0, 5.0)) is None
        second = await store.write(lambda tx: leases.take(tx, NAME, "new", 105.0, 5.0))
        assert (first, second) == (1, 2)
        with pytest.raises(leases.LeaseLost):
            await store.write(lambda tx: seal_batch(tx, "old", 1))
        assert await value(store, "SELECT COUNT(*) FROM events WHERE seq IS NOT NULL") == 0
        assert await store.write(lambda tx: seal_batch(tx, "new", 2)) == 1
        await store.write(lambda tx: leases.drop(tx, NAME, "old"))
        assert await store.write(lambda tx: leases.take(tx, NAME, "old", 106.0, 5.0)) is None
        await store.write(lambda tx: leases.drop(tx, NAME, "new"))
        assert await store.write(lambda tx: leases.take(tx, NAME, "old", 106.0, 5.0)) == 3


# ---------------------------------------------------------------- hints


@contextmanager
def listening(store: PostgresStore) -> Iterator[asyncio.Queue[str]]:
    heard: asyncio.Queue[str] = asyncio.Queue()
    store.hear(heard.put_nowait)
    yield heard


async def until_heard(store: PostgresStore, heard: asyncio.Queue[str], topic: str) -> None:
    """Tell until it arrives: whoever has just begun to listen misses the first."""
    async with asyncio.timeout(10):
        while True:
            store.tell(topic)
            with suppress(TimeoutError):
                async with asyncio.timeout(0.2):
                    while await heard.get() != topic:
                        pass
                    return


async def test_what_one_store_tells_the_others_hear(engine: PostgresEngine) -> None:
    async with engine.plain() as store, engine.plain() as other:
        with listening(other) as theirs, listening(store) as ours:
            await until_heard(store, theirs, "intake")
            await until_heard(other, ours, "outbox")
            await until_heard(store, ours, "timers")


async def test_what_was_told_right_before_the_end_is_heard(engine: PostgresEngine) -> None:
    """A command writes, tells and ends."""
    async with engine.plain() as other:
        with listening(other) as heard:
            async with engine.plain() as store:
                await until_heard(store, heard, "begin")
            async with engine.plain() as command:
                command.tell("outbox")
            async with asyncio.timeout(5):
                while await heard.get() != "outbox":
                    pass


async def test_what_is_told_after_the_end_opens_no_connection(engine: PostgresEngine) -> None:
    async with engine.plain() as store:
        pass
    store.tell("outbox")
    assert store._hints is not None
    assert store._hints._telling is None


async def test_many_hints_of_a_moment_become_few(engine: PostgresEngine) -> None:
    async with engine.plain() as store, engine.plain() as other:
        with listening(other) as heard:
            await until_heard(store, heard, "begin")
            for _ in range(500):
                store.tell("intake")
            await until_heard(store, heard, "end")
            assert store._hints is not None
            assert heard.qsize() < 50


async def test_a_listener_whose_connection_was_ended_listens_again(engine: PostgresEngine) -> None:
    async with engine.plain() as store, engine.plain() as other:
        with listening(other) as heard:
            await until_heard(store, heard, "intake")
            ended = ask(
                engine.url,
                "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()",
            )
            assert ended >= 2
            await until_heard(store, heard, "outbox")
