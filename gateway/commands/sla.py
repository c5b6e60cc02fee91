"""How much time is left for what customers wait for, on the command line."""
# ruff: noqa: PLC0415 - heavy parts are imported by the command that needs them: --help stays fast

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.commands.options import AsJson, ConfigFile, DataDir, example, in_office
from gateway.commands.screen import as_json, moment, span, table

if TYPE_CHECKING:
    from gateway.domain.store import Reader
    from gateway.office import Office

EXAMPLE = example("gateway sla --queue payments", "gateway sla --json")


def sla(
    queue: Annotated[str, typer.Option("--queue", help="Only of this queue.")] = "",
    limit: Annotated[
        int, typer.Option("--limit", min=1, help="At most so many, the first due first.")
    ] = 50,
    as_data: AsJson = False,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Show what has to be answered or resolved by when, the first due first."""

    async def work(office: "Office") -> list[dict[str, Any]]:
        now = office.clock.now()
        rows = await office.store.read(lambda r: r.all("sla.open", queue=queue, n=limit))
        return [
            {
                "number": row["number"],
                "queue": row["queue"],
                "inquiry_state": row["inquiry_state"],
                "assigned_to": row["assigned_to"],
                **_read(row["body"], now),
            }
            for row in rows
        ]

    rows = in_office(config, data_dir, work)
    if as_data:
        as_json(rows)
        return
    table(
        ("number", "queue", "with", "target", "state", "due", "left"),
        (
            (
                row["number"], row["queue"], row["assigned_to"], row["target"], row["state"],
                *_until(row),
            )
            for row in rows
        ),
        empty="nothing is measured",
    )  # fmt: skip


def targets_of(reader: "Reader", inquiry_id: str, now: float) -> list[dict[str, Any]]:
    """The targets of an inquiry, also those that were met."""
    rows = reader.all("sla.of_inquiry", inquiry_id=inquiry_id)
    return [_read(row["body"], now) for row in rows]


def in_a_line(target: dict[str, Any]) -> str:
    """'first_response at_risk, due 2026-03-02 10:00, left 12 min'."""
    due, left = _until(target)
    parts = [f"{target['target']} {target['state']}", due and f"due {due}", left and f"left {left}"]
    return ", ".join(part for part in parts if part)


def _read(body: str, now: float) -> dict[str, Any]:
    from gateway.routing.sla import Clock

    clock = Clock.from_json(json.loads(body)["clock"])
    return {
        "target": clock.kind.value,
        "seconds": clock.seconds,
        "state": clock.state(now).value,
        "due": clock.due if clock.running else None,
        "paused_since": clock.paused_since,
        "stopped": clock.stopped,
        "left_seconds": clock.due - now if clock.running else None,
    }


def _until(target: dict[str, Any]) -> tuple[str, str]:
    """When it is due, and how long that is from now; while it pauses or when it is over, neither."""
    left = target["left_seconds"]
    if left is None:
        return "", ""
    return moment(target["due"]), span(left) if left >= 0 else f"{span(-left)} too late"
