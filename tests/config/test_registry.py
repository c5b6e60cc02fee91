"""Channels by entry point: only what is used is imported, every wrong account setting is named."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace

import pytest

from gateway import registry as module
from gateway.config import Config, load
from gateway.domain.errors import SettingsError
from gateway.registry import Registry, check_ours, secret_values

REPOSITORY = Path(__file__).parents[2]


def point(name: str, value: str, group: str = "gateway.channels") -> EntryPoint:
    return EntryPoint(name, value, group)


PIGEON = point("pigeon", "tests.config.pigeons:Pigeon")
BROKEN = point("broken", "tests.config.no_such_module:Channel")


@pytest.fixture
def registry() -> Registry:
    return Registry(
        [PIGEON, BROKEN, point("bare", "tests.config.pigeons:NoSettings")],
        [point("pigeon", "tests.config.pigeons:NoSettings", "gateway.simulators")],
    )


def configured(**accounts: dict) -> Config:
    return Config.model_validate({"accounts": accounts})


def said(registry: Registry, **accounts: dict) -> str:
    with pytest.raises(SettingsError) as caught:
        registry.accounts(configured(**accounts))
    return str(caught.value)


GOOD = {"kind": "pigeon", "loft": "Tower", "token": "tok-1", "old_tokens": ["tok-0"]}


def test_an_account_becomes_a_channel_with_checked_settings_and_its_own_world(registry):
    ready = registry.accounts(configured(post=GOOD | {"birds": "3"}))
    account = ready["post"]
    assert (account.brand, account.settings.birds, account.allow_private) == ("demo", 3, False)
    assert account.secrets == ("tok-1", "tok-0")
    worlds = []
    built = registry.build(ready, lambda one: worlds.append(one.id) or SimpleNamespace())
    assert built["post"].settings.loft == "Tower"
    assert worlds == ["post"]


def test_printing_settings_shows_no_password(registry):
    config = configured(post=GOOD)
    assert "tok-1" not in repr(config) + repr(registry.accounts(config))


def test_installed_kinds_that_no_account_names_are_not_imported(registry):
    assert registry.kinds == ["bare", "broken", "pigeon"]
    registry.accounts(configured(post=GOOD))  # `broken` would raise


@pytest.mark.parametrize(
    ("account", "expected"),
    [
        (GOOD | {"kind": "pigon"}, "accounts.post.kind: there is no 'pigon'"),
        (GOOD | {"kind": "pigon"}, "did you mean 'pigeon'"),
        (GOOD | {"brids": 2}, "accounts.post.brids: there is no such setting"),
        (GOOD | {"brids": 2}, "did you mean 'accounts.post.birds'"),
        (GOOD | {"que": "x"}, "did you mean 'accounts.post.queue'"),
        (GOOD | {"birds": "two"}, "accounts.post.birds: expects a whole number"),
        (GOOD | {"night": []}, "accounts.post.night: expects true or false"),
        (GOOD | {"birds": 0}, "accounts.post: needs at least one bird"),
        (GOOD | {"loft": "cellar"}, "accounts.post: pigeons do not live in a cellar"),
        (GOOD | {"old_tokens": "tok"}, "accounts.post.old_tokens: expects a list"),
        ({"kind": "pigeon", "loft": "x"}, "accounts.post.token: is missing"),
        ({"kind": "pigeon", "loft": "x", "tokn": "y"}, "did you mean 'accounts.post.token'"),
        ({"kind": "broken"}, "tests.config.no_such_module:Channel cannot be loaded"),
        ({"kind": "bare"}, "it lacks a Settings dataclass"),
    ],
)
def test_each_mistake_is_one_line_with_its_full_path(registry, account, expected):
    text = said(registry, post=account)
    assert expected in text
    assert "\n" not in text
    assert "tok-1" not in text


def test_the_mistakes_of_all_accounts_are_shown_together(registry):
    text = said(registry, a=GOOD | {"birds": "x"}, b={"kind": "pigeon"}, c={"kind": "dove"})
    assert text.splitlines()[0] == "4 settings are wrong:"


def test_a_channel_must_not_take_a_name_that_every_account_has():
    greedy = Registry([point("greedy", "tests.config.pigeons:Greedy")])
    with pytest.raises(SettingsError, match="calls a setting 'queue'"):
        greedy.channel("greedy")


def test_settings_can_be_checked_without_a_file(registry):
    values = {"loft": "x", "token": "y", "keys": {"k1": "z"}}
    assert secret_values(registry.settings("pigeon", values, "account")) == ("y", "z")
    with pytest.raises(SettingsError, match=r"account\.token: is missing"):
        registry.settings("pigeon", {"loft": "x"}, "account")


def test_private_addresses_are_allowed_per_account_or_for_all(registry):
    config = configured(post=GOOD | {"allow_private": True})
    assert registry.accounts(config)["post"].allow_private
    everywhere = Config.model_validate(
        {"server": {"allow_private": True}, "accounts": {"post": GOOD}}
    )
    assert registry.accounts(everywhere)["post"].allow_private


def test_two_packages_offering_one_kind_is_an_error():
    with pytest.raises(SettingsError, match="two packages offer 'pigeon'"):
        Registry([PIGEON, point("pigeon", "elsewhere:Pigeon")])


def test_a_simulator_is_found_by_kind(registry):
    assert registry.simulator("pigeon").__name__ == "NoSettings"
    with pytest.raises(SettingsError, match="did you mean 'pigeon'"):
        registry.simulator("pigeom")


def test_the_sample_account_is_accepted_once_its_marks_are_removed(tmp_path):
    only = Registry([PIGEON])
    required = re.sub(r"(?m)^# ", "", only.sample())
    everything = re.sub(r"(?m)^# (?=\w+ = )", "", required)
    assert set(tomllib.loads(required)["accounts"]["my-pigeon"]) == {"kind", "loft", "token"}
    assert tomllib.loads(everything)["accounts"]["my-pigeon"]["old_tokens"] == ["a", "b"]
    for text in (required, everything):
        (tmp_path / "gateway.toml").write_text(text)
        config = load(tmp_path / "gateway.toml", environ={"TOKEN": "t"})
        assert only.accounts(config)["my-pigeon"].settings.loft == "Tower 4"


def test_a_broken_channel_does_not_keep_the_others_out_of_the_sample():
    text = Registry([PIGEON, BROKEN]).sample()
    assert "no_such_module" in text
    assert "[accounts.my-pigeon]" in text
    assert all(line.startswith("#") for line in text.splitlines() if line)


# ---------------------------------------------------------------- whose `channels` it is


def test_the_package_of_this_checkout_is_ours():
    check_ours()


def test_a_foreign_package_of_the_same_name_is_noticed(tmp_path):
    (tmp_path / "channels").mkdir()
    (tmp_path / "channels" / "__init__.py").write_text("")
    code = f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(REPOSITORY)!r}]\n"
    code += "from gateway.registry import check_ours; check_ours()"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert run.returncode == 1
    assert "the package 'channels' is not the gateway's" in run.stderr


def test_a_file_that_another_package_has_overwritten_is_noticed(monkeypatch, tmp_path):
    class Overwritten:
        hash = SimpleNamespace(mode="sha256", value="not-what-is-there")

        def __str__(self) -> str:
            return "channels/__init__.py"

        def locate(self) -> Path:
            return REPOSITORY / "channels" / "__init__.py"

    monkeypatch.setattr(
        module.metadata, "distribution", lambda _: SimpleNamespace(files=[Overwritten()])
    )
    with pytest.raises(SettingsError, match="has overwritten"):
        check_ours()
