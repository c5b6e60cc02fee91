"""`gateway consult`: ask a colleague about an inquiry and keep it; say what one knows."""
# ruff: noqa: PLC0415 - heavy parts are imported by the command that needs them: --help stays fast

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.commands.inquiries import Words, words_of
from gateway.commands.options import Agent, AsJson, ConfigFile, DataDir, example, in_office, who
from gateway.commands.screen import as_json, say, span, table
from gateway.domain.errors import SettingsError

if TYPE_CHECKING:
    from gateway.desk.consulting import Consulting
    from gateway.office import Office

ASK_EXAMPLE = example(
    "gateway consult ask 260131-004217 'Is this card one of ours?' --of bo --agent lin",
    "gateway consult ask 260131-004217 --queue security --agent lin < question.txt",
)
LIST_EXAMPLE = example("gateway consult list --agent bo", "gateway consult list --all --json")
ANSWER_EXAMPLE = example("gateway consult answer 260131-004217 'Yes, since May.' --agent bo")
WITHDRAW_EXAMPLE = example(
    "gateway consult withdraw 260131-004217 --agent lin",
    "gateway consult withdraw 260131-004217 --of bo --agent lin",
)

Reference = Annotated[str, typer.Argument(metavar="NUMBER", help="The inquiry's number or id.")]
Colleague = Annotated[str, typer.Option("--of", metavar="NAME", help="One colleague.")]
Queue = Annotated[str, typer.Option("--queue", metavar="QUEUE", help="Those who take from it.")]


def ask(
    reference: Reference,
    text: Words = None,
    colleague: Colleague = "",
    queue: Queue = "",
    agent: Agent = "",
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Ask a colleague, or those of a queue, about an inquiry that you have. It stays yours."""
    if bool(colleague) == bool(queue):
        raise SettingsError("name a colleague with --of, or a queue with --queue")
    name, question = who(agent), words_of(text)
    number = _consulting(
        config, data_dir,
        lambda desk: desk.ask(reference, name, question, colleague=colleague, queue=queue),
    )  # fmt: skip
    say(f"{colleague or queue} is asked about {number}")


def list_consults(
    everybody: Annotated[
        bool, typer.Option("--all", help="What anybody is asked, not only you.")
    ] = False,
    agent: Agent = "",
    as_data: AsJson = False,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """List what you are asked, and what you ask, the oldest first."""
    name = "" if everybody else who(agent)

    async def work(office: "Office") -> tuple[list[dict[str, Any]], float]:
        from gateway.desk.consulting import asked_by, asked_of

        known, now = office.floor.agents.get(name), office.clock.now()
        mine = await office.store.read(lambda reader: asked_by(reader, name))
        if known is None:
            return mine, now
        return [*await office.store.read(lambda reader: asked_of(reader, known)), *mine], now

    rows, now = in_office(config, data_dir, work)
    if as_data:
        as_json(rows)
        return
    table(
        ("number", "asks", "whom", "since", "question"),
        (
            (
                row["number"], row["asked_by"], row["agent"] or f"queue {row['queue']}",
                span(now - row["asked_at"]), row["question"],
            )
            for row in rows
        ),
        empty="nobody waits for advice" if everybody else f"{name} is asked nothing, and asks nothing",
    )  # fmt: skip


def answer(
    reference: Reference,
    text: Words = None,
    agent: Agent = "",
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Give the advice that you were asked for. It is kept as a note, and never sent."""
    name, words = who(agent), words_of(text)
    number = _consulting(config, data_dir, lambda desk: desk.answer(reference, name, words))
    say(f"your advice about {number} is kept")


def withdraw(
    reference: Reference,
    colleague: Colleague = "",
    queue: Queue = "",
    agent: Agent = "",
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Wait for advice no more: of one, else of all whom you asked about the inquiry."""
    name = who(agent)
    number = _consulting(
        config, data_dir,
        lambda desk: desk.withdraw(reference, name, asked=colleague or queue),
    )  # fmt: skip
    say(f"nobody is asked about {number} any more" if not (colleague or queue) else
        f"{colleague or queue} is not asked about {number} any more")  # fmt: skip


def _consulting(
    config: Path | None, data_dir: Path | None, work: Callable[["Consulting"], Awaitable[str]]
) -> str:
    async def run(office: "Office") -> str:
        from gateway.staff import consulting_of

        return await work(consulting_of(office.config, office.floor))

    return in_office(config, data_dir, run)
