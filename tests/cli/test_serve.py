"""`serve`: starts, says where it listens, stops in time, and refuses clearly."""

import http.client
import signal
import smtplib
import socket
import sqlite3
from urllib.parse import urlsplit

import pytest

from tests.cli.processes import until


def address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


def test_it_says_where_it_listens_and_is_healthy(inside, home, serving):
    with serving("--data-dir", home) as gateway:
        assert set(gateway.addresses) == {"web", "mail"}
        assert any(line.startswith("data ") and str(home) in line for line in gateway.said)
        assert any("no certificate is in force" in line for line in gateway.said)
        done = inside("health", "--url", gateway.addresses["web"], check=True)
        assert done.stdout.startswith("ok")


def test_sigterm_ends_it_within_five_seconds_with_open_connections(home, serving):
    with serving("--data-dir", home) as gateway:
        web = urlsplit(gateway.addresses["web"])
        kept = http.client.HTTPConnection(web.hostname, web.port, timeout=10)
        kept.request("GET", "/healthz")
        assert kept.getresponse().read()
        half = socket.create_connection((web.hostname, web.port), timeout=10)
        half.sendall(b"POST /in/http/app HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
        with smtplib.SMTP(*address(gateway.addresses["mail"]), timeout=10) as idle:
            idle.ehlo()
            with smtplib.SMTP(*address(gateway.addresses["mail"]), timeout=10) as busy:
                busy.ehlo()
                busy.mail("lin@example.com")
                busy.rcpt("support@pay.example")
                busy.putcmd("DATA")
                assert busy.getreply()[0] == 354
                assert gateway.stop() < 5
                for session in (idle, busy):
                    session.close()
        kept.close()
        half.close()
        assert gateway.process.returncode == 0
        assert "Traceback" not in "".join(gateway.errors)


def test_ctrl_c_ends_it_too(home, serving):
    with serving("--data-dir", home) as gateway:
        assert gateway.stop(signal.SIGINT) < 5
        assert gateway.process.returncode == 0


def test_a_signal_during_the_start_ends_it(home, starting):
    gateway = starting("--data-dir", home)
    path = home / "gateway.sqlite"
    until(path.exists)
    assert gateway.stop() < 5
    assert gateway.process.returncode == 0
    assert not any(line and line.startswith("ready") for line in list(gateway.lines.queue))


def refused(cli, home, *words) -> str:
    done = cli("serve", "--data-dir", home, *words)
    assert done.returncode not in {0, None}
    assert not any(line.startswith("ready") for line in done.stdout.splitlines())
    assert done.stderr.count("gateway: ") == 1
    return done.stderr


def test_a_second_gateway_on_the_same_data_is_refused(cli, home, serving):
    with serving("--data-dir", home):
        assert "another gateway is running on it" in refused(cli, home)


@pytest.mark.parametrize("setting", ["server.port", "listen"])
def test_a_used_port_is_named_with_its_setting(cli, home, setting):
    with socket.create_server(("127.0.0.1", 0)) as used:
        port = used.getsockname()[1]
        file = home / "gateway.toml"
        text = file.read_text("utf-8")
        if setting == "listen":
            text = text.replace("127.0.0.1:0", f"127.0.0.1:{port}")
        else:
            text = text.replace("port = 0", f"port = {port}")
        file.write_text(text, "utf-8")
        said = refused(cli, home)
    assert setting in said
    assert str(port) in said


def test_a_data_directory_that_cannot_be_written_is_named(cli, home, tmp_path):
    (tmp_path / "file").write_text("no folder")
    (tmp_path / "gateway.toml").write_text((home / "gateway.toml").read_text("utf-8"), "utf-8")
    done = cli("serve", "--config", "gateway.toml", "--data-dir", tmp_path / "file/below")
    assert done.returncode == 2
    assert "cannot write to it" in done.stderr
    assert "file/below" in done.stderr


def test_a_wrong_key_stops_it_before_anything_is_made(cli, home):
    with (home / "gateway.toml").open("a", encoding="utf-8") as file:
        file.write("[worker]\nprocesses = 3\n")
    assert "did you mean 'workers'?" in refused(cli, home)
    assert not (home / "gateway.sqlite").exists()


def test_a_certificate_of_shipped_questions_is_told_apart_and_can_be_revoked(inside, made):
    row = ("c1", "*/*/normal", 0.05, 0.1, 0.5, 100, 0, "k1", "bootstrap", 1.0)
    with sqlite3.connect(made / "gateway.sqlite") as database:
        database.execute(
            "INSERT INTO certificates (id, scope, alpha, delta, threshold, answered, wrong,"
            " knowledge, origin, created_at) VALUES (?,?,?,?,?,?,?,?,?,?)",
            row,
        )
    database.close()
    listed = inside("certificates", "list", "--data-dir", made, check=True).stdout
    assert "c1" in listed
    assert "bootstrap" in listed
    inside("certificates", "revoke", "c1", "--agent", "lin", "--data-dir", made, check=True)
    assert inside("certificates", "revoke", "c1", "--data-dir", made).returncode == 1
