"""A folder with a settings file in it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.config import Config, load


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Config]:
    """Write this text as gateway.toml and load it with this environment."""

    def write_and_load(text: str, **environ: str) -> Config:
        (tmp_path / "gateway.toml").write_text(text, "utf-8")
        return load(tmp_path / "gateway.toml", environ=environ)

    return write_and_load
