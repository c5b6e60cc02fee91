"""A knowledge base of a few of the shipped topics: quick to copy, to break and to learn."""

import json
import re
import shutil
import tomllib
from collections.abc import Iterable
from pathlib import Path

from gateway.answers.review import CALIBRATION
from gateway.config import templates_dir

TOPICS = ("password_reset", "bind_card", "withdraw_not_arrived", "complaint", "thanks")
#: Lines of each background file: enough to be something else than a topic.
BACKGROUND = 20


def small_base(target: Path, topics: Iterable[str] = TOPICS, *, calibration: bool = False) -> Path:
    """Copy the shipped one with these topics only; with their calibration questions if wanted."""
    source = templates_dir()
    for name in ("dialogue", "notices", "pages", "traditional"):
        shutil.copytree(source / name, target / name)
    (target / "background").mkdir()
    for path in (source / "background").iterdir():
        lines = path.read_text("utf-8").splitlines()[:BACKGROUND]
        (target / "background" / path.name).write_text("\n".join(lines) + "\n", "utf-8")
    for name in ("knowledge.toml", "slots.toml"):
        shutil.copy(source / name, target)
    for topic in topics:
        shutil.copytree(source / "topics" / topic, target / "topics" / topic)
    _leave_used(target)
    if calibration:
        lines = (source / CALIBRATION).read_text("utf-8").splitlines()
        own = [line for line in lines if line and json.loads(line)["topic"] in topics]
        (target / CALIBRATION).parent.mkdir()
        (target / CALIBRATION).write_text("\n".join(own) + "\n", "utf-8")
    return target


def _leave_used(folder: Path) -> None:
    """Take out the steps and slots of no topic: a reader calls them mistakes."""
    steps, slots = set(), set()
    for path in folder.glob("topics/*/topic.toml"):
        raw = tomllib.loads(path.read_text("utf-8"))
        steps |= set(raw.get("checklist", ()))
        slots |= set(raw.get("slots", ()))
    for path in folder.glob("dialogue/steps.*.toml"):
        _keep_tables(path, steps)
    _keep_tables(folder / "slots.toml", slots)


def _keep_tables(path: Path, names: set[str]) -> None:
    """Only these tables of a TOML file, with what belongs to them."""
    head, *parts = re.split(r"(?m)^(?=\[)", path.read_text("utf-8"))
    kept = [
        part for part in parts if re.split(r"[.\]]", part[1:], maxsplit=1)[0].strip('"') in names
    ]
    path.write_text(head + "".join(kept), "utf-8")


def spoil(folder: Path, topic: str = "bind_card", other: str = "password_reset") -> None:
    """Give one topic the examples of another, barely changed: neither can be recognised."""
    for language in ("zh-CN", "en"):
        lines = (folder / "topics" / other / f"examples.{language}.txt").read_text("utf-8")
        path = folder / "topics" / topic / f"examples.{language}.txt"
        taken = "\n".join(f"{line}~" for line in lines.splitlines() if not line.startswith("#"))
        path.write_text(taken.replace("~", " q") + "\n", "utf-8")
