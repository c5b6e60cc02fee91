"""`gateway init`: the first settings file explains every key and is itself valid."""

import re
import stat
import tomllib

import pytest

from gateway.config import Config, keys_at, load
from gateway.domain.errors import SettingsError
from gateway.keys import Keys
from gateway.sample import sample, write_sample


def test_the_written_file_loads_and_equals_the_defaults_but_for_its_examples(tmp_path):
    file, key = write_sample(tmp_path / "new" / "place")
    config = load(file, environ={})
    usual = Config()
    assert (config.server, config.limits, config.workers, config.answers, config.log) == (
        usual.server,
        usual.limits,
        usual.workers,
        usual.answers,
        usual.log,
    )
    assert set(config.queues) == set(usual.queues)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    Keys.load(tmp_path / "new" / "place", environ={})


def test_every_line_that_is_commented_out_is_valid_once_its_mark_is_removed(tmp_path):
    opened = re.sub(r"(?m)^# (\w+ = )", r"\1", sample())
    opened = opened.replace('templates = ""', "")
    (tmp_path / "gateway.toml").write_text(opened, "utf-8")
    config = load(tmp_path / "gateway.toml", environ={})
    assert config.server.port == Config().server.port
    assert tomllib.loads(opened)["answers"]["close_after_hours"] == 72


def test_every_key_of_every_section_stands_in_it():
    text = sample()
    for name in keys_at([]):
        inner = keys_at([name]) or keys_at([name, "*"])
        for key in inner or [name]:
            assert re.search(rf"(?m)^# (  {key}: |{key} = )", text), f"{name}.{key}"


def test_nothing_is_overwritten(tmp_path):
    write_sample(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(SettingsError, match="left as it is"):
        write_sample(tmp_path)
    (tmp_path / "gateway.toml").unlink()
    with pytest.raises(SettingsError, match=r"installation\.key is there already"):
        write_sample(tmp_path)
    assert (tmp_path / "installation.key").read_bytes() == before[tmp_path / "installation.key"]


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="cannot be written"):
        write_sample(tmp_path / "file" / "below")
