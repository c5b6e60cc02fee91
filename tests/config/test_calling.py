"""`[callbacks]`: wrong hours and countries stop the start; right ones reach whoever calls."""

from datetime import time
from pathlib import Path

import pytest

from gateway.config import load
from gateway.domain.errors import SettingsError
from gateway.routing.callbacks import Policy
from gateway.staff import calling_of, modes_of, reach_of


def settings(folder: Path, text: str) -> Path:
    file = folder / "gateway.toml"
    file.write_text(text, "utf-8")
    return file


def test_without_settings_they_are_those_of_the_policy(tmp_path):
    config = load(settings(tmp_path, ""), environ={})
    assert calling_of(config) == Policy()
    assert reach_of(config).countries == {"CN"}


def test_what_is_set_is_what_counts(tmp_path):
    text = """
        [callbacks]
        attempts = 5
        pause_minutes = 2
        quiet_hours = "20:30-08:00"
        countries = ["SG", "CN"]
        regions = { demo = "SG" }
    """
    config = load(settings(tmp_path, text), environ={})
    policy = calling_of(config)
    assert (policy.attempts, policy.pause) == (5, 120)
    assert (policy.quiet.start, policy.quiet.end) == (time(20, 30), time(8))
    reach = reach_of(config)
    assert reach.read("9123 4567", "demo") == "+6591234567"
    assert reach.read("13800138000", "other") == "+8613800138000"


def test_no_quiet_hours_are_none(tmp_path):
    config = load(settings(tmp_path, '[callbacks]\nquiet_hours = ""\n'), environ={})
    assert calling_of(config).quiet.over_at(0.0, "Asia/Shanghai") == 0.0


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('quiet_hours = "21-9"', "callbacks.quiet_hours: expects two times, as 21:00-09:00"),
        ('quiet_hours = "24:00-09:00"', "callbacks.quiet_hours: expects two times"),
        ('countries = ["UK"]', "expects a country with telephone numbers"),
        ('region = "cn"', "callbacks.region: expects a country with telephone numbers"),
        ('regions = { nobody = "SG" }', "callbacks.regions.nobody: there is no brand 'nobody'"),
        ("attempts = 0", "callbacks.attempts"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, line, said):
    with pytest.raises(SettingsError) as wrong:
        load(settings(tmp_path, f"[callbacks]\n{line}\n"), environ={})
    assert said in str(wrong.value)


def test_each_queue_says_whom_to_call_first(tmp_path):
    text = """
        [queues.general]
        title = "General"
        [queues.cards]
        title = "Cards"
        callback_first = "customer"
    """
    config = load(settings(tmp_path, text), environ={})
    assert modes_of(config) == {"general": "agent_first", "cards": "customer_first"}
    with pytest.raises(SettingsError, match=r"queues\.cards\.callback_first"):
        load(settings(tmp_path, text.replace('"customer"', '"nobody"')), environ={})
