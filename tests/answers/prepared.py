"""The knowledge base with the topics that are written and not live yet laid over it."""

import shutil
import tempfile
from functools import cache
from pathlib import Path

from gateway.answers.knowledge import Knowledge, load
from gateway.config import templates_dir

PREPARED = "prepared"


@cache
def whole_knowledge() -> Knowledge:
    """All topics, loaded and checked as one knowledge base."""
    live = templates_dir()
    with tempfile.TemporaryDirectory(prefix="templates-") as name:
        folder = Path(name) / "templates"
        shutil.copytree(live, folder, ignore=shutil.ignore_patterns(PREPARED))
        shutil.copytree(live / PREPARED, folder, dirs_exist_ok=True)
        return load(folder)
