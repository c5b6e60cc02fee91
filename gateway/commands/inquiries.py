"""What an agent does on the command line: look, claim, reply, note, resolve."""
# ruff: noqa: PLC0415 - heavy parts are imported by the command that needs them: --help stays fast

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.commands.messages import lines_of, messages_of
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
from gateway.commands.reviews import Topic, known_topic
from gateway.commands.screen import as_json, moment, printable, say, span, table, warn
from gateway.commands.sla import in_a_line, targets_of
from gateway.domain.errors import SettingsError
from gateway.domain.model import InquiryState, Note

if TYPE_CHECKING:
    from gateway.domain.snapshot import AccountView
    from gateway.domain.store import Reader, Row
    from gateway.office import Office

LIST_EXAMPLE = example("gateway inquiries list --state queued --queue payments")
SHOW_EXAMPLE = example("gateway inquiries show 260131-004217", "gateway inquiries show … --json")
QUEUES_EXAMPLE = example("gateway queues --json")
CLAIM_EXAMPLE = example(
    "gateway claim 260131-004217 --agent lin", "gateway claim --queue payments --agent lin"
)
REPLY_EXAMPLE = example(
    "gateway reply 260131-004217 'The refund is on its way.' --agent lin",
    "gateway reply 260131-004217 --agent lin < answer.txt",
    "gateway reply 260131-004217 --suggestion --agent lin",
)
NOTE_EXAMPLE = example("gateway note 260131-004217 'called the bank' --agent lin")
RESOLVE_EXAMPLE = example("gateway resolve 260131-004217 --agent lin --disposition refunded")

Reference = Annotated[str, typer.Argument(metavar="NUMBER", help="The inquiry's number or id.")]
Words = Annotated[
    str | None, typer.Argument(metavar="TEXT", help="Standard input when it is left out.")
]


def list_inquiries(
    state: Annotated[InquiryState | None, typer.Option("--state", help="Only these.")] = None,
    queue: Annotated[str, typer.Option("--queue", help="Only of this queue.")] = "",
    limit: Limit = 50,
    as_data: AsJson = False,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """List inquiries, the newest first."""

    async def work(office: "Office") -> list[dict[str, Any]]:
        rows = await office.store.read(
            lambda r: r.all("inquiries.listed", state=state or "", queue=queue, n=limit)
        )
        return [dict(row) for row in rows]

    rows = in_office(config, data_dir, work)
    if as_data:
        as_json(rows)
        return
    table(
        ("number", "state", "queue", "topic", "channel", "from", "with", "since", "subject"),
        (
            (
                row["number"], f"{row['state']}{' !' if row['urgent'] else ''}", row["queue"],
                row["topic"], row["channel"], row["contact_name"], row["assigned_to"],
                moment(row["created_at"]), row["subject"],
            )
            for row in rows
        ),
        empty="no inquiries",
    )  # fmt: skip


def show_inquiry(
    reference: Reference,
    as_data: AsJson = False,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Show one inquiry: its messages, the draft for the agent, what happened to it."""

    async def work(office: "Office") -> dict[str, Any]:
        now, accounts = office.clock.now(), office.desk.accounts
        return await office.store.read(lambda reader: _whole(reader, reference, now, accounts))

    found = in_office(config, data_dir, work)
    if as_data:
        as_json(found)
    else:
        _print(found)


def _whole(
    reader: "Reader", reference: str, now: float, accounts: Mapping[str, "AccountView"]
) -> dict[str, Any]:
    from gateway.desk import ways
    from gateway.desk.commands import find

    inquiry = dict(find(reader, reference))
    inquiry["dialogue"] = json.loads(inquiry["dialogue"])
    handle = reader.one("contacts.handle_of_conversation", id=inquiry["conversation_id"])
    inquiry["from"] = (
        {key: handle[key] for key in ("name", "address", "trust", "flag")} if handle else None
    )
    into = reader.one("inquiries.by_id", id=inquiry["merged_into"])
    inquiry["merged_into_number"] = into["number"] if into else ""
    events = [dict(row) for row in reader.all("events.of_inquiry", inquiry_id=inquiry["id"])]
    for event in events:
        # Erased contents leave the event itself.
        event["data"] = json.loads(event["data"]) if event["data"] else None
    outbox = [dict(row) for row in reader.all("outbox.of_inquiry", inquiry_id=inquiry["id"])]
    call = reader.one("callbacks.latest_of", inquiry_id=inquiry["id"])
    return {
        **inquiry,
        "callback": json.loads(call["body"]) if call else None,
        "sla": targets_of(reader, inquiry["id"], now),
        "reply": ways.left(reader, inquiry, accounts, now),
        "messages": messages_of(reader, inquiry["id"]),
        "outbox": outbox,
        "events": events,
    }


def _print(found: Mapping[str, Any]) -> None:
    sender = found["from"] or {}
    urgent = "  urgent" if found["urgent"] else ""
    say(f"{found['number']}  {found['state']}{urgent}  version {found['version']}")
    for name, value in (
        (
            "from",
            " ".join(
                (
                    sender.get("name", ""),
                    f"<{sender.get('address', '')}>",
                    sender.get("trust", ""),
                    sender.get("flag", ""),
                )
            ),
        ),
        ("account", f"{found['account']} ({found['channel']}), brand {found['brand']}"),
        ("subject", found["subject"]),
        ("topic", f"{found['topic']} ({found['language']})"),
        ("queue", f"{found['queue']}, priority {found['priority']}" if found["queue"] else ""),
        ("with", found["assigned_to"]),
        ("merged", f"into {found['merged_into_number']}" if found["merged_into"] else ""),
        ("callback", _callback(found["callback"]) if found["callback"] else ""),
        ("reply", _left(found["reply"])),
        *(("target", in_a_line(target)) for target in found["sla"]),
    ):
        if str(value).strip():
            say(f"  {name:<8} {str(value).strip()}")
    rows = {row["id"]: row for row in found["outbox"]}
    for message in found["messages"]:
        for line in lines_of(message, rows.get(message["id"])):
            say(line)
    if note := found["dialogue"].get("note"):
        say("\nWhat to know")
        say("\n".join(f"  {line}" for line in printable(note).splitlines()))
    if draft := found["dialogue"].get("suggestion"):
        say("\nSuggested reply")
        say("\n".join(f"  {line}" for line in printable(draft).splitlines()))
    if offer := found["dialogue"].get("suggested"):
        topics = ", ".join(f"{topic} {score:.2f}" for topic, score in offer["topics"])
        say(f"\nLikeliest topics\n  {topics}")
    say("\nWhat happened")
    for event in found["events"]:
        say(f"  {moment(event['at'])}  {event['kind']}{_why(event['data'] or {})}")


def _left(reply: Mapping[str, Any]) -> str:
    """How long and how often may be written; '' where nothing is limited."""
    said = [f"closed: {reply['why_not']}"] if reply["why_not"] else []
    if (until := reply["window_until"]) is not None:
        said.append(f"until {moment(until)}")
        if reply["human_until"] > until:
            said.append(f"people until {moment(reply['human_until'])}")
    if reply["budget"] is not None:
        said.append(f"{reply['budget_left']} of {reply['budget']} messages left")
    if said and reply["other_ways"]:
        said.append(f"other ways: {', '.join(way['handle'] for way in reply['other_ways'])}")
    return "; ".join(said)


def _callback(call: Mapping[str, Any]) -> str:
    """Whether the customer wishes to be called, in a line."""
    waits = call["state"] in ("scheduled", "retry")
    when = f" from {moment(call['moment'])} on" if waits else ""
    why = f" ({call['reason']})" if call["reason"] else ""
    return f"{call['state']}{when}{why}, {call['number']}, tries: {len(call['attempts'])}"


def _why(data: Mapping[str, Any]) -> str:
    """What of an event a person looks for: why no automatic reply went out, what it was joined by."""
    if data.get("suppressed"):
        return f"  no automatic reply: {printable(data['suppressed'])}"
    if "joined_by" in data and data.get("reason"):
        return f"  no automatic reply: {printable(data['detail'] or data['reason'])}"
    if "act" in data and "target" in data:
        said = (data["target"], data["act"].replace("_", " "), data.get("to"), data.get("why_not"))
        return f"  {printable(', '.join(part for part in said if part))}"
    for name in ("into", "merged", "split_from", "joined_by", "why"):
        if data.get(name):
            return f"  {name.replace('_', ' ')}: {printable(str(data[name]))}"
    return ""


def queues(as_data: AsJson = False, config: ConfigFile = None, data_dir: DataDir = None) -> None:
    """Show how many wait in each queue, and for how long."""

    async def work(office: "Office") -> list[dict[str, Any]]:
        from gateway.staff import measuring_of

        measuring, now = measuring_of(office.config), office.clock.now()

        def look(reader: "Reader") -> tuple[dict[str, Any], dict[str, Any]]:
            counted = {row["queue"]: row for row in reader.all("inquiries.queue_counts")}
            waits = {}
            for name in known:
                n, oldest = _line(counted.get(name))
                waits[name] = measuring.expected(reader, name, n, oldest, now)
            return counted, waits

        known = office.config.domain_queues()
        waiting, waits = await office.store.read(look)
        return [
            {
                "queue": name,
                # A queue that was taken out of the settings may still hold inquiries.
                "title": known[name].title if name in known else "not in the settings any more",
                "priority": known[name].priority if name in known else None,
                "waiting": waiting[name]["waiting"] if name in waiting else 0,
                "oldest_seconds": now - waiting[name]["oldest"] if name in waiting else None,
                # Of four who come now, three or more wait between the two; none without enough data.
                "expected_seconds": [waits[name].low, waits[name].high]
                if waits.get(name)
                else None,
            }
            for name in dict.fromkeys([*known, *waiting])
        ]

    rows = in_office(config, data_dir, work)
    if as_data:
        as_json(rows)
        return
    table(
        ("queue", "title", "priority", "waiting", "oldest", "who comes now waits"),
        (
            (
                row["queue"], row["title"], row["priority"], row["waiting"],
                "" if row["oldest_seconds"] is None else span(row["oldest_seconds"]),
                _expected(row["expected_seconds"]),
            )
            for row in rows
        ),
        empty="no queues",
    )  # fmt: skip


def _line(row: "Row | None") -> tuple[int, float | None]:
    """How many wait, and since when the first one does."""
    return (row["waiting"], row["oldest"]) if row else (0, None)


def _expected(bounds: Sequence[float] | None) -> str:
    return f"{span(bounds[0])} to {span(bounds[1])}" if bounds else ""


def claim(
    reference: Annotated[
        str, typer.Argument(metavar="NUMBER", help="The inquiry's number or id.")
    ] = "",
    queue: Annotated[
        str, typer.Option("--queue", help="Instead of a number: the next that waits there.")
    ] = "",
    agent: Agent = "",
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Take a waiting inquiry, or the next of a queue. Nobody else can take it then."""
    if bool(reference) == bool(queue):
        raise SettingsError("name an inquiry, or a queue with --queue")
    name = who(agent)

    async def work(office: "Office") -> str | None:
        if reference:
            return await office.desk.claim(reference, name)
        if queue not in (known := office.config.domain_queues()):
            from gateway.problems import nearest

            raise SettingsError(f"there is no queue {queue!r}", nearest=nearest(queue, known))
        return await office.desk.claim_next(queue, name)

    number = in_office(config, data_dir, work)
    say(f"{number} is with {name}" if number else f"nobody waits in {queue}")


def reply(
    reference: Reference,
    text: Words = None,
    suggestion: Annotated[
        bool,
        typer.Option("--suggestion", help="Send the suggested reply; with a text: it came of it."),
    ] = False,
    topic: Topic = "",
    to: Annotated[
        str,
        typer.Option(
            "--to", metavar="HANDLE", help="Another proved address of the customer: email:…"
        ),
    ] = "",
    agent: Agent = "",
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Answer the customer on their own channel. Claims the inquiry when it waits."""
    name = who(agent)
    words = "" if suggestion and text is None else words_of(text)

    async def work(office: "Office") -> str:
        about = known_topic(office.config, topic)
        return await office.desk.reply(
            reference, name, words, topic=about, suggestion=suggestion, to=to
        )

    message = in_office(config, data_dir, work)
    say(f"message {message} goes out")


def note(
    reference: Reference,
    text: Words = None,
    agent: Agent = "",
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Keep a remark for colleagues. It is never sent."""
    remark = Note(reference, who(agent), words_of(text))
    message = in_office(config, data_dir, lambda office: office.desk.note(remark))
    say(f"note {message} is kept")


def resolve(
    reference: Reference,
    agent: Agent = "",
    disposition: Annotated[
        str, typer.Option("--disposition", help="What came of it: of the list, where there is one.")
    ] = "",
    comment: Annotated[str, typer.Option("--comment", help="The same in more words.")] = "",
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Say that the matter is done. An answer to it by the customer opens it again."""
    name = who(agent)
    number = in_office(
        config, data_dir,
        lambda office: office.desk.resolve(reference, name, disposition, comment),
    )  # fmt: skip
    say(f"{number} is resolved")


def words_of(text: str | None) -> str:
    """The text that was given, else what stands on standard input."""
    if text not in (None, "-"):
        return text
    if sys.stdin.isatty():
        warn("write the text, then Ctrl-D on a line of its own")
    return sys.stdin.read().strip()
