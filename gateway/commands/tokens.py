"""`gateway token`: who may use the API, and as whom."""
# ruff: noqa: PLC0415 - heavy parts are imported by the command that needs them: --help stays fast

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.commands.options import Agent, AsJson, ConfigFile, DataDir, example, in_office, who
from gateway.commands.screen import as_json, moment, say, table, warn

if TYPE_CHECKING:
    from gateway.office import Office

CREATE_EXAMPLE = example(
    "gateway token create --agent lin --label 'desk phone'",
    "gateway token create --agent board --read-only",
)
LIST_EXAMPLE = example("gateway token list", "gateway token list --json")
REVOKE_EXAMPLE = example("gateway token revoke 019a3f2c77d1a04b00c1e5f2")

Label = Annotated[str, typer.Option("--label", metavar="TEXT", help="What it is for.")]


def create(
    label: Label = "",
    read_only: Annotated[
        bool, typer.Option("--read-only", help="For looking; not for an agent's work.")
    ] = False,
    agent: Agent = "",
    as_data: AsJson = False,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Make a token with which a program uses the API as an agent. It is shown once."""
    name = who(agent)

    async def work(office: "Office") -> tuple[str, str]:
        from gateway.desk.tokens import Scope, Tokens

        tokens = Tokens(office.store, office.clock, office.ids)
        scopes = {Scope.READ} if read_only else {Scope.READ, Scope.AGENT}
        return await tokens.create(name, scopes, label)

    token, reference = in_office(config, data_dir, work)
    if as_data:
        as_json({"id": reference, "token": token, "agent": name})
        return
    say(token)
    warn(f"keep it now, nobody can show it again; `gateway token revoke {reference}` ends it")


def list_tokens(
    as_data: AsJson = False, config: ConfigFile = None, data_dir: DataDir = None
) -> None:
    """List the tokens: whose they are, what for, and whether they are in force."""

    async def work(office: "Office") -> list[dict[str, Any]]:
        from gateway.desk.tokens import listed

        return await office.store.read(listed)

    found = in_office(config, data_dir, work)
    if as_data:
        as_json(found)
        return
    table(
        ("id", "agent", "good for", "label", "made", "revoked"),
        (
            (
                row["id"], row["agent"], row["scopes"], row["label"], moment(row["created_at"]),
                "" if row["revoked_at"] is None else moment(row["revoked_at"]),
            )
            for row in found
        ),
        empty="there is none; `gateway token create` makes one",
    )  # fmt: skip


def revoke(
    reference: Annotated[str, typer.Argument(metavar="ID", help="As `gateway token list` has it.")],
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """End a token: from now on it opens nothing."""

    async def work(office: "Office") -> None:
        from gateway.desk.tokens import Tokens

        await Tokens(office.store, office.clock, office.ids).revoke(reference)

    in_office(config, data_dir, work)
    say(f"{reference} is revoked")
