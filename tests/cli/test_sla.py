"""Targets of the settings at work in a running gateway, also in one that was killed."""

import json
import signal

import pytest

from tests.cli.processes import until

TARGETS = """
[[sla]]
kind = "first_response"
minutes = 0.1
calendar = "24x7"
ladder = [{ at = 1, queue = "complaints" }, { at = 1.1, tell = "boss" }]

[[sla]]
kind = "resolution"
hours = 4
calendar = "24x7"
"""


@pytest.mark.proof
def test_a_gateway_that_was_killed_moves_what_is_overdue_and_once(inside, home, serving):
    with (home / "gateway.toml").open("a", encoding="utf-8") as file:
        file.write(TARGETS)

    def shown(*words):
        done = inside(*words, "--json", "--data-dir", home, check=True)
        return json.loads(done.stdout)

    with serving("--data-dir", home) as gateway:
        body = {"id": "m1", "sender": "u7", "text": "Someone I do not know paid with my account"}
        assert gateway.post("app", json.dumps(body).encode())[0] == 200
        first, resolution = until(lambda: shown("sla"))
        assert first["target"] == "first_response"
        assert resolution["state"] == "running"
        assert 3 * 3600 < resolution["left_seconds"] <= 4 * 3600
        gateway.stop(signal.SIGKILL)

    def inquiry():
        return shown("inquiries", "show", first["number"])

    def escalated():
        return [e["data"] for e in inquiry()["events"] if e["kind"] == "sla.escalated"]

    for _ in range(2):
        with serving("--data-dir", home) as gateway:
            until(lambda: len(escalated()) == 2)
    assert [step["to"] for step in escalated()] == ["complaints", "boss"]
    assert inquiry()["queue"] == "complaints"
    kinds = [event["kind"] for event in inquiry()["events"]]
    assert kinds.count("sla.breached") == 1
    assert (
        inside("sla", "--queue", "security", "--data-dir", home).stdout == "nothing is measured\n"
    )
    lines = inside("sla", "--data-dir", home, check=True).stdout
    assert "too late" in lines
    text = inside("inquiries", "show", first["number"], "--data-dir", home, check=True).stdout
    assert "target   first_response breached" in text
    assert "sla.escalated  first_response, tell, boss" in text
