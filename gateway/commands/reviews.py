"""`gateway reviews`: what people say about answers and suggestions."""
# ruff: noqa: PLC0415 - heavy parts are imported by the command that needs them: --help stays fast

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from gateway.commands.options import (
    Agent,
    AsJson,
    ConfigFile,
    DataDir,
    Limit,
    example,
    in_office,
    who,
)
from gateway.commands.screen import as_json, moment, say, table, warn
from gateway.domain.errors import GatewayError, SettingsError

if TYPE_CHECKING:
    from gateway.config import Config
    from gateway.desk.reviewing import Judged
    from gateway.office import Office

LIST_EXAMPLE = example("gateway reviews list --pending", "gateway reviews list --json")
JUDGE_EXAMPLE = example(
    "gateway reviews judge 01kf3q….r right --agent lin",
    "gateway reviews judge 01kf3q….r wrong --topic refund --agent lin",
)
WRONG_EXAMPLE = example("gateway reviews wrong 260131-004217 --topic refund --agent lin")
EXPORT_EXAMPLE = example("gateway reviews export reviewed.jsonl")

#: What `--topic` says of a question that no topic answers.
NONE = "none"

Topic = Annotated[
    str,
    typer.Option("--topic", metavar="TOPIC", help="What it was about; none: no topic answers it."),
]


def list_reviews(
    pending: Annotated[
        bool, typer.Option("--pending", help="Those that wait for a verdict, the oldest first.")
    ] = False,
    limit: Limit = 50,
    as_data: AsJson = False,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """List the questions that were drawn for review, and what was said of them."""
    query = "reviews.pending" if pending else "reviews.listed"

    async def work(office: "Office") -> list[dict[str, Any]]:
        return [dict(row) for row in await office.store.read(lambda r: r.all(query, n=limit))]

    rows = in_office(config, data_dir, work)
    if as_data:
        as_json(rows)
        return
    table(
        ("id", "inquiry", "source", "answered", "topic", "sure", "verdict", "right topic", "by",
         "since", "question"),
        (
            (
                row["id"], row["number"], row["source"], "yes" if row["certificate"] else "no",
                row["topic"], f"{row['confidence']:.2f}", row["verdict"], row["right_topic"],
                row["judged_by"], moment(row["created_at"]), row["text"],
            )
            for row in rows
        ),
        empty="nothing waits for a verdict" if pending else "no reviews",
    )  # fmt: skip


def judge(
    review: Annotated[str, typer.Argument(metavar="ID", help="As `reviews list` shows it.")],
    verdict: Annotated[Literal["right", "wrong"], typer.Argument(help="Of the topic found.")],
    topic: Topic = "",
    agent: Agent = "",
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Say whether the topic that was found for a question is the right one."""
    from gateway.domain.reviews import Verdict

    name = who(agent)

    async def work(office: "Office") -> "Judged":
        from gateway.desk.reviewing import judge as judged

        said = known_topic(office.config, topic)
        return await judged(
            office.store, office.clock, office.ids, review, Verdict(verdict), said, name
        )

    _tell(in_office(config, data_dir, work), verdict)


def wrong(
    reference: Annotated[str, typer.Argument(metavar="NUMBER", help="The inquiry's number or id.")],
    topic: Topic = "",
    agent: Agent = "",
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """The last automatic answer of an inquiry was wrong."""
    name = who(agent)

    async def work(office: "Office") -> "Judged":
        from gateway.desk.reviewing import wrong_answer

        said = known_topic(office.config, topic)
        return await wrong_answer(office.store, office.clock, office.ids, reference, said, name)

    _tell(in_office(config, data_dir, work), "wrong")


def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file, JSON Lines.")],
    source: Annotated[
        Literal["audit", "agent", "customer"],
        typer.Option("--source", help="Whose; certificates can be made of audit alone."),
    ] = "audit",
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Write judged questions in the form of calibration questions. They hold customers' words."""
    rows = in_office(
        config,
        data_dir,
        lambda office: office.store.read(lambda r: r.all("reviews.cases", source=source)),
    )
    judged = [row for row in rows if row["verdict"] != "pending"]
    named = [row for row in judged if row["right_topic"]]
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise GatewayError(f"{file} cannot be written: {error.strerror}") from error
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        out.writelines(f"{json.dumps(_case(row), ensure_ascii=False)}\n" for row in named)
    say(f"{len(named)} question(s) in {file}")
    if waiting := len(rows) - len(judged):
        warn(f"{waiting} wait for a verdict and are left out")
    if unnamed := len(judged) - len(named):
        warn(f"{unnamed} were wrong, and nobody said what they were about: left out")


def _case(row: Any) -> dict[str, str]:
    fields = {"text": row["text"], "topic": row["right_topic"], "language": row["language"]}
    return fields | {key: row[key] for key in ("brand", "subject", "channel") if row[key]}


def known_topic(config: "Config", topic: str) -> str:
    """A topic's id as reviews keep it. Raises `SettingsError` when there is none of that name."""
    from gateway.config import templates_dir
    from gateway.domain.reviews import NO_TOPIC
    from gateway.problems import nearest

    if topic in ("", NO_TOPIC):
        return topic
    if topic == NONE:
        return NO_TOPIC
    known = [path.name for path in (templates_dir(config.templates) / "topics").iterdir()]
    if topic not in known:
        raise SettingsError(f"there is no topic {topic!r}", nearest=nearest(topic, known))
    return topic


def _tell(judged: "Judged", verdict: str) -> None:
    for review in judged.reviews:
        say(f"{review} is {verdict}")
    if judged.stopped:
        warn(f"automatic answers are stopped for {judged.stopped}")
