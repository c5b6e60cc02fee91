"""A knowledge base of a few of the shipped topics: quick to copy, to break and to learn."""

import shutil
from pathlib import Path

from gateway.config import templates_dir

TOPICS = ("password_reset", "bind_card", "withdraw_not_arrived", "complaint", "thanks")


def small_base(target: Path, topics: tuple[str, ...] = TOPICS) -> Path:
    """Copy the shipped one with these topics only, and without calibration questions."""
    source = templates_dir()
    for name in ("background", "dialogue", "notices"):
        shutil.copytree(source / name, target / name)
    shutil.copy(source / "knowledge.toml", target)
    for topic in topics:
        shutil.copytree(source / "topics" / topic, target / "topics" / topic)
    return target
