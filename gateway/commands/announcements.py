"""`gateway announcements`: what is said for a while to everybody who asks about certain topics."""
# ruff: noqa: PLC0415 - heavy parts are imported by the command that needs them: --help stays fast

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

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
from gateway.commands.screen import as_json, moment, say, table

if TYPE_CHECKING:
    from gateway.domain.announcement import Announcement
    from gateway.office import Office

ADD_EXAMPLE = example(
    "gateway announcements add --topic topup_not_arrived --until '2026-01-31 18:00' \\",
    "    --short zh-CN='充值到账有延迟，资金安全，正在抢修。' \\",
    "    --short en='Top-ups are delayed; your money is safe.' --agent lin",
)
LIST_EXAMPLE = example("gateway announcements list", "gateway announcements list --all --json")
SHOW_EXAMPLE = example("gateway announcements show 01kf3q…")
END_EXAMPLE = example("gateway announcements end 01kf3q… --agent lin")

Reference = Annotated[str, typer.Argument(metavar="ID", help="As the list shows it.")]
_TEXT = "LANG=TEXT"


def add(
    topics: Annotated[
        list[str], typer.Option("--topic", metavar="TOPIC", help="About what; repeat it.")
    ],
    until: Annotated[
        str, typer.Option("--until", metavar="TIME", help="When it ends: '2026-01-31 18:00'.")
    ],
    short: Annotated[
        list[str],
        typer.Option("--short", metavar=_TEXT, help="For SMS, voice and chat; one a language."),
    ],
    long: Annotated[
        list[str] | None,
        typer.Option("--long", metavar=_TEXT, help="For mail; else the short one."),
    ] = None,
    over: Annotated[
        list[str] | None,
        typer.Option("--over", metavar=_TEXT, help="Said when it is over; else a standing text."),
    ] = None,
    begins: Annotated[
        str, typer.Option("--from", metavar="TIME", help="When it begins; else now.")
    ] = "",
    brands: Annotated[
        list[str] | None,
        typer.Option("--brand", metavar="BRAND", help="Only for these; else for all."),
    ] = None,
    public: Annotated[
        bool, typer.Option("--public", help="Also where everybody can read it.")
    ] = False,
    agent: Agent = "",
    as_data: AsJson = False,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Say something in front of every matching answer until a time, on every channel at once."""
    from gateway.desk.announcements import add as make

    name = who(agent)
    starts, ends = _time("--from", begins), _time("--until", until)
    texts = _texts(short, long or (), over or ())

    async def work(office: "Office") -> "Announcement":
        from gateway.answers.announcing import problems, tidy
        from gateway.answers.loading import load
        from gateway.domain.announcement import Announcement, Words
        from gateway.office import templates_in_force

        one = Announcement(
            id=office.ids.new(),
            topics=tuple(dict.fromkeys(topics)),
            brands=tuple(dict.fromkeys(brands or ())),
            words={lang: tidy(lang, Words(**words)) for lang, words in texts.items()},
            starts_at=office.clock.now() if starts is None else starts,
            ends_at=ends or 0.0,
            public=public,
        )
        knowledge = load(templates_in_force(office.config))
        known, allowed = office.config.domain_brands(), office.desk.allowed_by_brand()

        def check(others: "Sequence[Announcement]") -> list[str]:
            return problems(one, knowledge, known, allowed, others)

        await make(office.store, office.clock, office.ids, one, name, check)
        return one

    made = in_office(config, data_dir, work)
    if as_data:
        as_json({"id": made.id, "starts_at": made.starts_at, "ends_at": made.ends_at})
        return
    say(
        f"{made.id} is said until {moment(made.ends_at)}; `gateway announcements end` ends it before"
    )


def list_announcements(
    everything: Annotated[bool, typer.Option("--all", help="Also what is over.")] = False,
    limit: Limit = 50,
    as_data: AsJson = False,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """List the announcements in force and to come, the newest first."""
    from gateway.desk.announcements import listed

    async def work(office: "Office") -> tuple[list[dict[str, Any]], float]:
        rows = await listed(office.store, office.clock, limit, past=everything)
        return [_plain(row) for row in rows], office.clock.now()

    rows, now = in_office(config, data_dir, work)
    if as_data:
        as_json([{**row, "state": _state(row, now)} for row in rows])
        return
    table(
        ("id", "state", "topics", "brands", "from", "until", "inquiries", "told", "by", "text"),
        (
            (
                row["id"], _state(row, now), ", ".join(row["topics"]),
                ", ".join(row["brands"]) or "all", moment(row["starts_at"]),
                moment(row["ends_at"]), row["inquiries"], row["told"], row["created_by"],
                next(iter(row["words"].values()))["short"],
            )
            for row in rows
        ),
        empty="no announcement" + ("" if everything else " is in force or to come"),
    )  # fmt: skip


def show(
    reference: Reference,
    limit: Limit = 20,
    as_data: AsJson = False,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Show one announcement, the inquiries it touched, and who has been told that it is over."""
    from gateway.desk.announcements import show as look

    async def work(office: "Office") -> tuple[dict[str, Any], float]:
        found = await look(office.store, reference, limit)
        whole = {
            **_plain(found.row),
            "outcomes": {name or "open": n for name, n in found.outcomes.items()},
            "touched": [dict(row) for row in found.touched],
        }
        return whole, office.clock.now()

    found, now = in_office(config, data_dir, work)
    found["state"] = _state(found, now)
    if as_data:
        as_json(found)
    else:
        _print(found)


def end(
    reference: Reference,
    agent: Agent = "",
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """End an announcement now. Those who got it are told by the running gateway, a few at a time."""
    from gateway.desk.announcements import end as finish

    name = who(agent)
    touched = in_office(
        config,
        data_dir,
        lambda office: finish(office.store, office.clock, office.ids, reference, name),
    )
    said = f"; inquiries that are told so now: {touched}" if touched else "; nobody got it"
    say(f"{reference} is over{said}")


# ---------------------------------------------------------------- what was typed


def _time(option: str, text: str) -> float | None:
    """Seconds since 1970, None for ''. Without a zone it is the time of this machine."""
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError) as error:
        hint = "is no time; write it as '2026-01-31 18:00' or with a zone, 2026-01-31T18:00+08:00"
        raise typer.BadParameter(f"{text!r} {hint}", param_hint=option) from error


def _texts(
    short: Sequence[str], long: Sequence[str], over: Sequence[str]
) -> dict[str, dict[str, str]]:
    """By language and form. Raises `typer.BadParameter`."""
    found: dict[str, dict[str, str]] = {}
    for form, given in (("short", short), ("long", long), ("over", over)):
        for text in given:
            language, sign, words = text.partition("=")
            if not sign or not language.strip() or not words.strip():
                raise typer.BadParameter(
                    f"{text!r} has no language; write en='…'", param_hint=f"--{form}"
                )
            found.setdefault(language.strip(), {"short": ""})[form] = words.strip()
    return found


# ---------------------------------------------------------------- what is shown


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with its lists and texts as such."""
    import json

    opened = {name: json.loads(row[name]) for name in ("topics", "brands", "words")}
    return {**row, **opened, "public": bool(row["public"])}


def _state(row: Mapping[str, Any], now: float) -> str:
    if row["over_at"] is not None or row["ends_at"] <= now:
        return "over"
    return "to come" if row["starts_at"] > now else "in force"


def _print(found: Mapping[str, Any]) -> None:
    say(f"{found['id']}  {found['state']}")
    say(f"about     {', '.join(found['topics'])}")
    say(f"brands    {', '.join(found['brands']) or 'all'}{', public' if found['public'] else ''}")
    say(f"from      {moment(found['starts_at'])}, by {found['created_by']}")
    by = f", ended by {found['ended_by']}" if found["ended_by"] else ""
    say(f"until     {moment(found['over_at'] or found['ends_at'])}{by}")
    for language, words in found["words"].items():
        for form, text in words.items():
            if text:
                say(f"{language:9} {form}: {text}")
    counts = ", ".join(f"{n} {name}" for name, n in found["outcomes"].items())
    say(f"touched   {counts or 'no inquiry'}")
    if found["touched"]:
        table(
            ("number", "channel", "state", "with", "got it", "outcome"),
            (
                (
                    row["number"], row["channel"], row["state"], row["assigned_to"],
                    moment(row["linked_at"]), row["outcome"] or "open",
                )
                for row in found["touched"]
            ),
            empty="",
        )  # fmt: skip
