"""`gateway rules` and `gateway simulate`: what the routing rules say, and what routing would do."""
# ruff: noqa: PLC0415 - heavy parts are imported by the command that needs them: --help stays fast

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.commands.options import AsJson, ConfigFile, DataDir, example, in_office, settings
from gateway.commands.screen import as_json, line, say, table
from gateway.commands.working import working
from gateway.domain.errors import NotFound, SettingsError

if TYPE_CHECKING:
    from gateway.config import Config
    from gateway.desk.trail import Entry
    from gateway.domain.store import Row
    from gateway.office import Office
    from gateway.routing.rulecases import Checked
    from gateway.routing.rules import Rules

CHECK_EXAMPLE = example("gateway rules check", "gateway rules check new-rules.toml")
EXPLAIN_EXAMPLE = example(
    "gateway rules explain 260131-004217", "gateway rules explain 260131-004217 --lang zh-CN"
)
TEST_EXAMPLE = example(
    "gateway rules test cases.toml", "gateway rules test cases.toml new-rules.toml --json"
)
SIMULATE_EXAMPLE = example(
    "gateway simulate", "gateway simulate --inquiries 5000 --agents 25 --queues 4 --seed 7 --json"
)

File = Annotated[
    Path | None,
    typer.Argument(metavar="FILE", help="Rules; else those that the settings name."),
]


def check(
    file: File = None,
    as_data: AsJson = False,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """List all that is wrong with the routing rules, each with its line. Exit code 1 when there is
    something. Warns of targets that no agent could ever serve. Stores nothing."""
    from gateway.routing.rules import RulesError, load

    loaded = settings(config, data_dir)
    path = _path(loaded, file)
    if path is None and not as_data:
        say("no rules: [routing] rules names no file")
        return
    warnings: list[str] = []
    problems = []
    filters = 0
    if path is not None:
        try:
            rules = load(_read(path), loaded.queues, path.name)
            filters, warnings = len(rules.filters), list(_unserved(rules, loaded))
        except RulesError as error:
            problems = list(error.problems)
    if as_data:
        found = [{"line": p.line, "where": p.where, "reason": p.reason} for p in problems]
        name = str(path) if path else ""
        as_json({"ok": not problems, "file": name, "problems": found, "warnings": warnings})
    else:
        for problem in problems:
            say(f"{path}: {problem}")
        for text in warnings:
            say(f"{path}: warning: {text}")
        say(_count(len(problems), "mistake") if problems else f"ok, {_count(filters, 'filter')}")
    if problems:
        raise typer.Exit(1)


def run(
    cases: Annotated[Path, typer.Argument(metavar="CASES", help="A file of [[case]] tables.")],
    file: File = None,
    as_data: AsJson = False,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Place the inquiries of a file by the rules, and say which go elsewhere than expected. Exit code
    1 when one does."""
    from gateway.answers.loading import load as load_knowledge
    from gateway.office import templates_in_force
    from gateway.routing.rulecases import run_cases

    loaded = settings(config, data_dir)
    rules = _rules(loaded, _path(loaded, file))
    knowledge = load_knowledge(templates_in_force(loaded))
    done = run_cases(
        rules,
        loaded.domain_queues(),
        loaded.default_queue,
        _read(cases),
        topics={name: topic.queue for name, topic in knowledge.topics.items()},
        accounts={name: account.queue for name, account in loaded.accounts.items()},
        name=cases.name,
    )
    failed = [one for one in done if not one.ok]
    if as_data:
        as_json([_plain(one) for one in done])
    else:
        _show(done)
        say(f"{len(done) - len(failed)} of {len(done)} as expected")
    if failed:
        raise typer.Exit(1)


def explain(
    reference: Annotated[str, typer.Argument(metavar="NUMBER", help="The inquiry's number or id.")],
    lang: Annotated[
        str, typer.Option("--lang", metavar="LANG", help="en or zh-CN.", show_default="en")
    ] = "en",
    as_data: AsJson = False,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Say why an inquiry is where it is: which rules were tried, whom it was offered to, who was
    passed over and why, and what came of it."""

    async def work(office: "Office") -> "tuple[Row, list[Entry]]":
        from gateway.desk.trail import trail

        return await office.store.read(lambda reader: trail(reader, reference, lang))

    inquiry, entries = in_office(config, data_dir, work)
    head = {name: inquiry[name] for name in ("number", "state", "queue", "assigned_to")}
    if as_data:
        as_json({**head, "trail": [entry.as_values() for entry in entries]})
        return
    say(
        "  ".join(
            filter(
                None,
                (inquiry["number"], inquiry["state"], inquiry["queue"], inquiry["assigned_to"]),
            )
        )
    )
    for entry in entries:
        say(f"{_clock(entry.at)}  {line(entry.text)}")
        for detail in entry.details:
            say(f"{' ' * 21}- {line(detail)}")


def simulate(
    inquiries: Annotated[int, typer.Option("--inquiries", min=1, help="So many arrive.")] = 50_000,
    agents: Annotated[int, typer.Option("--agents", min=1, help="So many work, in shifts.")] = 200,
    queues: Annotated[int, typer.Option("--queues", min=1, help="So many lines.")] = 20,
    seed: Annotated[int, typer.Option("--seed", help="Another one draws another day.")] = 1,
    as_data: AsJson = False,
) -> None:
    """Play a day of a contact centre on the routing that runs live, faster than time. The same seed
    gives the same day; the digest is over every decision. Reads no settings, stores nothing."""
    from gateway.routing.simulate import Day, Simulation

    day = Day(inquiries, agents, queues, seed)
    with working(f"a day of {inquiries} inquiries and {agents} agents") as doing:
        every = max(1, inquiries // 10)

        def tell(arrived: int) -> None:
            if arrived % every == 0:
                doing(f"{arrived} have arrived")

        report = Simulation(day, tell).run().as_values(day.target)
    if as_data:
        as_json(report)
    else:
        _show_day(report, day.target)


# ---------------------------------------------------------------- what is read


def _path(config: "Config", file: Path | None) -> Path | None:
    """The file of rules: the one that was given, else that of the settings."""
    from gateway.staff import rules_file

    return file or rules_file(config)


def _rules(config: "Config", path: Path | None) -> "Rules":
    from gateway.routing.rules import Rules, load

    return load(_read(path), config.queues, path.name) if path else Rules()


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is no text in UTF-8") from error


def _unserved(rules: "Rules", config: "Config") -> Iterator[str]:
    """Targets whose needs no agent of their queue meets. Nothing where no agent is set at all."""
    from dataclasses import replace

    from gateway.routing.model import Lane, Presence
    from gateway.staff import agents_of

    agents = [replace(agent, presence=Presence.ONLINE) for agent in agents_of(config).values()]
    queues = config.domain_queues()
    named = [(f"filter {each.name}", each.targets) for each in rules.filters]
    for where, targets in [*named, ("default", rules.default)]:
        for number, target in enumerate(targets, 1):
            if target.queue not in queues or not agents:
                continue
            skills = queues[target.queue].skills
            needs = target.needs if target.needs is not None else skills
            lane = Lane.of(target.queue, dict(needs))
            if all(agent.lacks(lane) for agent in agents):
                wanted = ", ".join(f"{name} {level}" for name, level in lane.needs) or "nothing"
                yield (
                    f"{where}, target {number}: no agent of {target.queue} can take it (needs {wanted})"
                )


# ---------------------------------------------------------------- what is shown


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _clock(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def _plain(one: "Checked") -> dict[str, Any]:
    from gateway.routing.placement import explain as told

    return {
        "case": one.name,
        "ok": one.ok,
        "filter": one.placement.filter,
        "expected": dict(one.expected),
        "got": dict(one.got),
        "trail": told(one.placement),
    }


def _show(done: "list[Checked]") -> None:
    """A line each; what failed with what was expected, what came, and why."""
    from gateway.routing.placement import explain as told

    table(
        ("case", "", "filter", "expected", "got"),
        (
            (
                one.name, "ok" if one.ok else "FAILED", one.placement.filter, _pairs(one.expected),
                "" if one.ok else _pairs(one.got),
            )
            for one in done
        ),
        empty="no cases",
    )  # fmt: skip
    for one in done:
        if not one.ok:
            say(f"\n{one.name}")
            for detail in told(one.placement):
                say(f"  - {line(detail)}")


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _show_day(report: Mapping[str, Any], target: float) -> None:
    rows = [*report["queues"].items(), ("all", report["all"])]
    table(
        ("queue", "taken", "mean s", "median s", "95 % s", "longest s", f"within {target:.0f} s"),
        (
            (
                name, one["n"], one["mean"], one["median"], one["p95"], one["longest"],
                f"{one['in_target']:.1%}",
            )
            for name, one in rows
            if one["n"]
        ),
        empty="nobody was served",
    )  # fmt: skip
    say(f"occupancy {report['occupancy']:.1%}, still waiting at the end {report['still_waiting']}")
    say(", ".join(f"{name} {n}" for name, n in report["counts"].items()))
    say(f"digest {report['digest']}")
