"""`gateway db`: what is there, bringing it up to date with a word about a backup, and the move."""

import json
import shlex
import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from gateway.store import look as looking
from gateway.store import migrate
from gateway.store.migrate import SCHEMA
from gateway.store.sqlite import SqliteStore
from tests.cli.processes import SETTINGS
from tests.store.filled import fill_made


def status(inside, home):
    return json.loads(inside("db", "status", "--json", "--data-dir", home, check=True).stdout)


@pytest.fixture
async def old(home, monkeypatch):
    """A data directory whose database has the first schema, with a row in it."""
    with monkeypatch.context() as patch:
        first = migrate.files()[:1]
        patch.setattr(migrate, "files", lambda: first)
        store = SqliteStore(home / "gateway.sqlite")
        await store.open()
        await store.close()
    with closing(sqlite3.connect(home / "gateway.sqlite")) as connection:
        connection.execute("INSERT INTO contacts VALUES ('c1', 'Lin', 'en', 1.0)")
        connection.commit()
    return home


def test_status_says_what_is_in_it(inside, made):
    fill_made(made / "gateway.sqlite", 40)
    found = status(inside, made)
    assert found["database"] == f"sqlite:{made / 'gateway.sqlite'}"
    assert found["engine"].startswith("SQLite 3.")
    assert (found["schema"], found["migrations_pending"]) == (SCHEMA, [])
    assert (found["events_sealed"], found["events_unsealed"]) == (40, 0)
    assert (found["events_waiting"], found["leader"]) == (0, None)
    assert found["tables"]["messages"] == 40
    shown = inside("db", "status", "--data-dir", made, check=True).stdout
    assert "40 events sealed, 0 to be sealed" in shown


def test_status_of_a_database_on_a_server(inside, shared, serving):
    empty = status(inside, shared)
    assert (empty["schema"], empty["tables"]) == (0, {})
    with serving("--data-dir", shared):
        found = status(inside, shared)
    assert found["engine"].startswith("PostgreSQL ")
    assert found["schema"] == SCHEMA
    assert found["tables"]["contacts"] == 0


def test_status_changes_nothing(inside, old):
    before = sorted((path.name, path.stat().st_mtime_ns) for path in old.iterdir())
    found = status(inside, old)
    assert found["schema"] == 1
    assert found["migrations_pending"][0].startswith("0002_")
    assert "0002_" in inside("db", "status", "--data-dir", old, check=True).stdout
    assert sorted((path.name, path.stat().st_mtime_ns) for path in old.iterdir()) == before


@pytest.mark.parametrize("command", ["status", "migrate"])
def test_where_there_is_no_database_none_is_made(inside, home, command):
    done = inside("db", command, "--data-dir", home)
    assert done.returncode == 2
    assert "there is no database" in done.stderr
    assert not (home / "gateway.sqlite").exists()


def test_migrate_shows_a_backup_that_works_and_then_migrates(inside, old, tmp_path):
    said = inside("db", "migrate", "--data-dir", old, check=True).stdout.splitlines()
    (hint,) = [line.strip() for line in said if "sqlite3 " in line]
    assert said.index(f"  {hint}") < next(n for n, line in enumerate(said) if "0002_" in line)
    assert hint.startswith(f"sqlite3 {old / 'gateway.sqlite'} '.backup {old}/gateway-before-")
    assert status(inside, old)["schema"] == SCHEMA
    assert "is up to date" in inside("db", "migrate", "--data-dir", old, check=True).stdout


def test_a_backup_is_one_file_also_in_a_folder_with_a_blank_in_its_name(tmp_path):
    folder = tmp_path / "my gateway"
    words = shlex.split(looking.backup_hint("sqlite:gateway.sqlite", folder, 1))
    assert words[:2] == ["sqlite3", str(folder / "gateway.sqlite")]
    # sqlite3 takes its own commands apart as a shell does.
    command, copy = shlex.split(words[2])
    assert (command, Path(copy).parent) == (".backup", folder)


def test_serve_logs_the_backup_before_it_migrates(old, serving):
    with serving("--data-dir", old) as gateway:
        gateway.stop()
        said = "".join(gateway.errors)
    assert "the database is brought up to date now" in said
    assert ".backup" in said


def test_serve_says_nothing_of_a_backup_at_its_first_start(home, serving):
    with serving("--data-dir", home) as gateway:
        gateway.stop()
        assert "backup" not in "".join(gateway.errors)


def test_on_a_server_the_backup_is_pg_dump_without_the_password(tmp_path):
    hint = looking.backup_hint("postgresql://lin:secret@db:5433/gateway", tmp_path, 1)
    assert hint.startswith("pg_dump ")
    assert hint.endswith("--dbname=postgresql://lin@db:5433/gateway")


def test_copy_moves_everything_and_the_gateway_goes_on_there(
    inside, made, database, serving, monkeypatch
):
    fill_made(made / "gateway.sqlite", 200)
    monkeypatch.setenv("NEW_ONE", database)
    done = inside("db", "copy", "--to", "env:NEW_ONE", "--data-dir", made, check=True)
    assert "verified: equal counts in every table, and the chain of 200 events holds" in done.stdout
    assert status(inside, made)["engine"].startswith("SQLite")

    with psycopg.connect(database) as connection:
        connection.execute("DELETE FROM meta")  # the filler's key is nobody's
    (made / "gateway.toml").write_text(f'database = "{database}"\n{SETTINGS}', "utf-8")
    assert status(inside, made)["engine"].startswith("PostgreSQL")
    with serving("--data-dir", made):
        listed = inside("inquiries", "list", "--json", "--data-dir", made, check=True).stdout
    assert len(json.loads(listed)) == 50


def test_copy_into_what_is_not_empty_is_refused(inside, made, database):
    fill_made(made / "gateway.sqlite", 8)
    inside("db", "copy", "--to", database, "--data-dir", made, check=True)
    again = inside("db", "copy", "--to", database, "--data-dir", made)
    assert again.returncode == 1
    assert "is not empty" in again.stderr
    assert again.stderr.count("\n") == 1


def test_copy_beside_a_running_gateway_is_refused(inside, home, database, serving):
    with serving("--data-dir", home):
        done = inside("db", "copy", "--to", database, "--data-dir", home)
    assert done.returncode == 2
    assert "another gateway is running on it" in done.stderr


@pytest.mark.parametrize("to", ["sqlite:x", "postgresql://u:hunter2@host", "env:NOT_THERE", "x"])
def test_copy_to_what_is_no_address_is_refused_without_repeating_it(inside, made, to):
    done = inside("db", "copy", "--to", to, "--data-dir", made)
    assert done.returncode == 2
    assert "--to" in done.stderr
    assert "hunter2" not in done.stderr
