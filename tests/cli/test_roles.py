"""Several processes on one PostgreSQL, each with a part of the work; and what is refused, in a line."""

import errno
import json
import os
import signal
import socket
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from gateway import keys
from gateway.app import assemble, running
from gateway.config import load
from gateway.domain.channel import RawMail
from gateway.domain.errors import SettingsError
from gateway.intake.reading import read_and_redact
from gateway.keys import KEY_FILE, Keys
from gateway.roles import Role
from gateway.store import connection
from gateway.workers import brain
from tests.cli.processes import SETTINGS, until, with_callback
from tests.postgres import running_server

ROLES = ("web", "worker", "delivery", "timers")
QUESTION = {"id": "m1", "sender": "u7", "name": "Lin", "text": "Someone I do not know paid with it"}


def listed(inside, home, *words):
    return json.loads(inside(*words, "--json", "--data-dir", home, check=True).stdout)


def one_line(done) -> str:
    assert done.returncode not in {0, None}
    assert done.stderr.startswith("gateway: ")
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


# ---------------------------------------------------------------- work


def test_four_processes_with_a_role_each_answer_a_webhook(inside, shared, serving, callback):
    url, taken = callback
    with_callback(shared, url)
    with ExitStack() as stack:
        running = {
            role: stack.enter_context(serving("--role", role, "--data-dir", shared))
            for role in ROLES
        }
        assert set(running["web"].addresses) == {"web", "mail"}
        for role in ROLES[1:]:
            assert running[role].addresses == {"role": role}
        assert running["web"].post("app", json.dumps(QUESTION).encode())[0] == 200
        answer = taken.get(timeout=30)
        assert (answer["to"], answer["automatic"]) == ("u7", True)
        (inquiry,) = listed(inside, shared, "inquiries", "list")

        inside("reply", inquiry["number"], "We look.", "--agent", "lin", "--data-dir", shared)
        assert taken.get(timeout=30)["text"] == "We look."
        sealed = until(lambda: _all_sealed(inside, shared))
        assert sealed["leader"] is not None
        kinds = [
            e["kind"]
            for e in listed(inside, shared, "inquiries", "show", inquiry["number"])["events"]
        ]
        assert "inquiry.replied" in kinds

        done = inside("health", "--url", running["web"].addresses["web"], check=True)
        assert done.stdout.startswith("ok")
        for gateway in running.values():
            assert gateway.stop() < 5
            assert gateway.process.returncode == 0
            assert "Traceback" not in "".join(gateway.errors)


def _all_sealed(inside, home):
    found = listed(inside, home, "db", "status")
    return found if found["events_sealed"] and not found["events_unsealed"] else None


@pytest.mark.proof
def test_the_others_go_on_when_one_is_killed(inside, shared, serving, callback):
    url, taken = callback
    with_callback(shared, url)
    with serving("--data-dir", shared) as whole, serving("--role", "worker", "--data-dir", shared):
        with serving("--role", "delivery,timers", "--data-dir", shared) as other:
            assert other.addresses == {"role": "delivery,timers"}
            other.stop(signal.SIGKILL)
        assert whole.post("app", json.dumps(QUESTION).encode())[0] == 200
        assert taken.get(timeout=30)["to"] == "u7"


@pytest.mark.proof
def test_while_the_server_is_away_it_says_so_and_goes_on_when_it_is_back(
    inside, home, serving, callback
):
    url, taken = callback
    with running_server(durable=False) as server:
        on(home, server.create_database())
        with_callback(home, url)
        with serving("--data-dir", home) as gateway:
            web = gateway.addresses["web"]
            server.stop("immediate")
            refused, why = gateway.post("app", json.dumps(QUESTION).encode())
            assert (refused, "away" in why or "cannot" in why) == (503, True)
            said = one_line(inside("health", "--url", web))
            assert "not healthy" in said
            server.start()
            until(lambda: inside("health", "--url", web).returncode == 0)
            assert gateway.post("app", json.dumps(QUESTION).encode())[0] == 200
            assert taken.get(timeout=30)["to"] == "u7"
            server.stop("immediate")
            assert gateway.stop() < 5
            assert "Traceback" not in "".join(gateway.errors)


def test_a_console_has_the_health_pages_and_no_webhooks(inside, shared, serving):
    with serving("--role", "console", "--data-dir", shared) as gateway:
        assert set(gateway.addresses) == {"web"}
        inside("health", "--url", gateway.addresses["web"], check=True)
        assert gateway.post("app", b"{}")[0] == 404


async def test_who_only_takes_in_reads_mail_and_learns_no_answers(shared):
    async with assemble(load(data_dir=shared), roles={Role.WEB}) as gateway, running(gateway):
        assert gateway.knowledge == ""
        with pytest.raises(IndexError):
            await gateway.compute.run(brain.version, timeout=5.0)
        mail = RawMail(b"From: a@b.example\r\n\r\nhello", "a@b.example", ("c@d.example",), 0.0)
        read = await gateway.compute.run(
            read_and_redact, mail, frozenset(), frozenset(), timeout=5.0
        )
        assert [event.text for event in read.events] == ["hello"]


@pytest.mark.proof
def test_commands_work_with_a_database_on_a_server(inside, shared, serving):
    before = inside("inquiries", "list", "--data-dir", shared)
    assert "nothing is in postgresql://" in one_line(before)
    with serving("--data-dir", shared):
        pass
    assert listed(inside, shared, "inquiries", "list") == []
    assert len(listed(inside, shared, "queues")) == 5
    assert inside("check", "--data-dir", shared, check=True).stdout.endswith("ok\n")
    inside("try", "text", "hello", "--data-dir", shared, check=True)


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize("role", ["web", "worker,timers", "console"])
def test_a_part_of_the_work_is_refused_on_sqlite(inside, home, role):
    done = inside("serve", "--role", role, "--data-dir", home)
    assert done.returncode == 2
    assert 'set database = "postgresql://…"' in one_line(done)
    assert not (home / "gateway.sqlite").exists()


def test_a_role_that_is_not_there_is_named_with_the_nearest_one(inside, home):
    done = inside("serve", "--role", "deliver", "--data-dir", home)
    assert done.returncode == 2
    assert "did you mean 'delivery'?" in one_line(done)


def test_a_machine_with_another_key_is_told_to_copy_the_right_one(
    inside, shared, serving, tmp_path
):
    with serving("--data-dir", shared):
        pass
    right = Keys.load(shared, {}).fingerprint
    second = tmp_path / "second"
    second.mkdir()
    (second / "gateway.toml").write_text((shared / "gateway.toml").read_text("utf-8"), "utf-8")

    said = one_line(inside("serve", "--role", "worker", "--data-dir", second))
    assert right in said
    assert f"copy {KEY_FILE} of its first machine into {second}" in said
    assert not (second / KEY_FILE).exists()

    Keys.create(second)
    assert right in one_line(inside("serve", "--role", "worker", "--data-dir", second))
    assert right in one_line(inside("queues", "--data-dir", second))
    (second / KEY_FILE).write_bytes((shared / KEY_FILE).read_bytes())
    with serving("--role", "worker", "--data-dir", second):
        pass


@pytest.fixture(scope="module")
def guarded():
    """A server that wants a password."""
    with running_server(durable=False) as server:
        with psycopg.connect(server.url(), autocommit=True) as admin:
            admin.execute("CREATE ROLE careful LOGIN PASSWORD 'correct-horse'")
            admin.execute("CREATE DATABASE guarded OWNER careful")
            admin.execute("CREATE DATABASE bare")
            rules = server.data / "pg_hba.conf"
            line = "host all careful 127.0.0.1/32 scram-sha-256\n"
            rules.write_text(line + rules.read_text("utf-8"), "utf-8")
            admin.execute("SELECT pg_reload_conf()")
        yield server


def on(home: Path, url: str) -> Path:
    (home / "gateway.toml").write_text(f'database = "{url}"\n{SETTINGS}', "utf-8")
    return home


@pytest.fixture
def unused_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


WORDS = [["serve"], ["queues"], ["db", "status"], ["db", "migrate"], ["try", "text", "hello"]]


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_a_wrong_password_is_one_line_without_it(inside, home, guarded, words):
    url = guarded.url("guarded", "careful", "battery-staple")
    done = inside(*words, "--data-dir", on(home, url))
    said = one_line(done)
    assert "refuses user or password" in said
    assert "battery-staple" not in done.stdout + done.stderr


def test_the_right_password_comes_from_the_environment(inside, home, guarded, monkeypatch):
    monkeypatch.setenv("WHERE_IT_IS", guarded.url("guarded", "careful", "correct-horse"))
    inside("db", "migrate", "--data-dir", on(home, "env:WHERE_IT_IS"), check=True)
    shown = inside("db", "status", "--data-dir", home, check=True).stdout
    assert f"postgresql://careful@127.0.0.1:{guarded.port}/guarded" in shown
    assert "correct-horse" not in shown
    assert "correct-horse" not in inside("check", "--data-dir", home, check=True).stdout


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_a_wrong_address_is_one_line(inside, home, unused_port, words):
    url = f"postgresql://u:secret-word@127.0.0.1:{unused_port}/gateway"
    said = one_line(inside(*words, "--data-dir", on(home, url)))
    assert "cannot be reached" in said
    assert f"127.0.0.1:{unused_port}" in said
    assert "secret-word" not in said


def test_a_database_that_is_not_there_is_one_line(inside, home, guarded):
    said = one_line(inside("serve", "--data-dir", on(home, guarded.url("nowhere"))))
    assert "does not exist; make it with `createdb`" in said


def test_a_user_without_the_right_to_make_tables_is_told_so(inside, home, guarded):
    url = guarded.url("bare", "careful", "correct-horse")
    assert "lacks a right" in one_line(inside("serve", "--data-dir", on(home, url)))


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_a_server_that_is_too_old_is_one_line(inside, shared, monkeypatch, words):
    monkeypatch.setattr(connection, "OLDEST_SERVER", 99)
    assert "99 or newer is needed" in one_line(inside(*words, "--data-dir", shared))


async def test_a_key_that_cannot_be_written_is_told_as_that(shared, monkeypatch):
    """As on a folder that may only be read; of root nothing is refused."""

    def refused(file, content):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    (shared / KEY_FILE).unlink()
    monkeypatch.setattr(keys, "_write_new", refused)
    with pytest.raises(SettingsError, match=r"installation\.key cannot be written: Permission"):
        async with assemble(load(data_dir=shared)):
            pass


def test_two_first_starts_at_once_agree_on_one_key(inside, database, tmp_path, starting):
    folder = tmp_path / "new"
    folder.mkdir()
    on(folder, database)
    both = [starting("--role", role, "--data-dir", folder) for role in ("timers", "delivery")]
    for gateway in both:
        gateway.ready()
    known = listed(inside, folder, "db", "status")
    assert known["tables"]["meta"] == 1
    assert inside("queues", "--data-dir", folder, check=True)
