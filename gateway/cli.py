"""The command line: which command is which. What each does stands in `gateway.commands`."""

import sys
import traceback
from pathlib import Path
from typing import Annotated

import typer

from gateway import __version__
from gateway.commands import (
    agents,
    announcements,
    callbacks,
    certifying,
    checking,
    consulting,
    database,
    grouping,
    inquiries,
    kb,
    outbox,
    reviews,
    routing,
    serve,
    setup,
    sla,
    tokens,
    trying,
    versions,
)
from gateway.commands.options import example
from gateway.commands.screen import printable
from gateway.domain.errors import GatewayError, SettingsError

#: Exit codes: it did not work; the settings or the command line are wrong.
FAILED, WRONG_SETTINGS = 1, 2
INTERRUPTED = 130


def _group(help_text: str) -> typer.Typer:
    return typer.Typer(
        help=help_text,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,  # plain help: rich would take half of the time of `--help`
        pretty_exceptions_enable=False,
    )


app = _group(
    "Takes in mail, SMS and messages of other systems; answers what is safe, queues the rest."
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _gateway(
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it and stop.")
    ] = False,
) -> None:
    """Options before the command."""


def demo(
    headless: Annotated[
        bool, typer.Option("--headless", help="One line a scene, no live screen.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Exit code 1 unless every scene was seen.")
    ] = False,
    keep: Annotated[
        Path | None,
        typer.Option("--keep", metavar="DIR", help="Keep the data in this new folder."),
    ] = None,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Where its page is; another when used.")
    ] = 8080,
) -> None:
    """Watch a story played against simulators. Nothing leaves this machine."""
    from gateway.demo.story import run  # noqa: PLC0415 - it loads the whole gateway

    raise typer.Exit(run(headless=headless, check=check, keep=keep, port=port))


def _register() -> None:
    """In the order of the help."""
    top = app.command
    top(epilog=serve.EXAMPLE)(serve.serve)
    top(epilog=example("gateway demo", "gateway demo --headless --check"))(demo)
    top(epilog=setup.INIT_EXAMPLE)(setup.init)
    top(epilog=setup.CHECK_EXAMPLE)(setup.check)
    top(epilog=setup.HEALTH_EXAMPLE)(setup.health)
    group = _group("Look at the database, bring it up to date, move it to PostgreSQL.")
    group.command("status", epilog=database.STATUS_EXAMPLE)(database.status)
    group.command("migrate", epilog=database.MIGRATE_EXAMPLE)(database.migrate)
    group.command("copy", epilog=database.COPY_EXAMPLE)(database.copy)
    app.add_typer(group, name="db")

    group = _group("Look at inquiries, put them together, take them apart.")
    group.command("list", epilog=inquiries.LIST_EXAMPLE)(inquiries.list_inquiries)
    group.command("show", epilog=inquiries.SHOW_EXAMPLE)(inquiries.show_inquiry)
    group.command("merge", epilog=grouping.MERGE_EXAMPLE)(grouping.merge_inquiries)
    group.command("split", epilog=grouping.SPLIT_EXAMPLE)(grouping.split_inquiry)
    group.command("erase-message", epilog=grouping.ERASE_EXAMPLE)(grouping.erase_message)
    app.add_typer(group, name="inquiries")
    group = _group("Which addresses are one person's.")
    group.command("merge", epilog=grouping.CONTACTS_MERGE_EXAMPLE)(grouping.merge_contacts)
    group.command("split", epilog=grouping.CONTACTS_SPLIT_EXAMPLE)(grouping.split_contact)
    app.add_typer(group, name="contacts")
    top(epilog=inquiries.QUEUES_EXAMPLE)(inquiries.queues)
    top(epilog=sla.EXAMPLE)(sla.sla)
    top(epilog=inquiries.CLAIM_EXAMPLE)(inquiries.claim)
    top(epilog=inquiries.REPLY_EXAMPLE)(inquiries.reply)
    top(epilog=inquiries.NOTE_EXAMPLE)(inquiries.note)
    top(epilog=inquiries.RESOLVE_EXAMPLE)(inquiries.resolve)

    group = _group("Who is there, what they are offered, what they take and hand on.")
    group.command("list", epilog=agents.LIST_EXAMPLE)(agents.list_agents)
    group.command("stay", epilog=agents.STAY_EXAMPLE)(agents.stay)
    group.command("be", epilog=agents.BE_EXAMPLE)(agents.be)
    group.command("offers", epilog=agents.OFFERS_EXAMPLE)(agents.offers)
    group.command("accept", epilog=agents.ACCEPT_EXAMPLE)(agents.accept)
    group.command("decline", epilog=agents.DECLINE_EXAMPLE)(agents.decline)
    group.command("next", epilog=agents.NEXT_EXAMPLE)(agents.next_one)
    group.command("take", epilog=agents.TAKE_EXAMPLE)(agents.take)
    group.command("transfer", epilog=agents.TRANSFER_EXAMPLE)(agents.transfer)
    app.add_typer(group, name="agent")
    group = _group("Ask a colleague about an inquiry, and keep it.")
    group.command("ask", epilog=consulting.ASK_EXAMPLE)(consulting.ask)
    group.command("list", epilog=consulting.LIST_EXAMPLE)(consulting.list_consults)
    group.command("answer", epilog=consulting.ANSWER_EXAMPLE)(consulting.answer)
    group.command("withdraw", epilog=consulting.WITHDRAW_EXAMPLE)(consulting.withdraw)
    app.add_typer(group, name="consult")
    group = _group("Who may use the API, and as whom.")
    group.command("create", epilog=tokens.CREATE_EXAMPLE)(tokens.create)
    group.command("list", epilog=tokens.LIST_EXAMPLE)(tokens.list_tokens)
    group.command("revoke", epilog=tokens.REVOKE_EXAMPLE)(tokens.revoke)
    app.add_typer(group, name="token")
    group = _group("Which inquiry waits where, and why.")
    group.command("check", epilog=routing.CHECK_EXAMPLE)(routing.check)
    group.command("test", epilog=routing.TEST_EXAMPLE)(routing.run)
    group.command("explain", epilog=routing.EXPLAIN_EXAMPLE)(routing.explain)
    app.add_typer(group, name="rules")
    top(epilog=routing.SIMULATE_EXAMPLE)(routing.simulate)

    group = _group("Who wishes to be called, and what came of it.")
    group.command("list", epilog=callbacks.LIST_EXAMPLE)(callbacks.list_callbacks)
    group.command("request", epilog=callbacks.REQUEST_EXAMPLE)(callbacks.request)
    group.command("cancel", epilog=callbacks.CANCEL_EXAMPLE)(callbacks.cancel)
    group.command("dial", epilog=callbacks.DIAL_EXAMPLE)(callbacks.dial)
    group.command("outcome", epilog=callbacks.OUTCOME_EXAMPLE)(callbacks.outcome)
    group.command("see", epilog=callbacks.SEE_EXAMPLE)(callbacks.see)
    app.add_typer(group, name="callbacks")

    group = _group("What could not be read or planned.")
    group.command("list", epilog=outbox.QUARANTINE_LIST_EXAMPLE)(outbox.list_quarantine)
    group.command("show", epilog=outbox.SHOW_EXAMPLE)(outbox.show_quarantined)
    group.command("replay", epilog=outbox.REPLAY_EXAMPLE)(outbox.replay)
    app.add_typer(group, name="quarantine")
    group = _group("What goes out.")
    group.command("list", epilog=outbox.OUTBOX_LIST_EXAMPLE)(outbox.list_outbox)
    group.command("retry", epilog=outbox.RETRY_EXAMPLE)(outbox.retry)
    group.command("move", epilog=outbox.MOVE_EXAMPLE)(outbox.move)
    app.add_typer(group, name="outbox")
    group = _group("What may be answered without a person.")
    group.command("list", epilog=outbox.CERTIFICATES_LIST_EXAMPLE)(outbox.list_certificates)
    group.command("revoke", epilog=outbox.REVOKE_EXAMPLE)(outbox.revoke_certificate)
    app.add_typer(group, name="certificates")

    group = _group("What is said for a while to everybody who asks about certain topics.")
    group.command("add", epilog=announcements.ADD_EXAMPLE)(announcements.add)
    group.command("list", epilog=announcements.LIST_EXAMPLE)(announcements.list_announcements)
    group.command("show", epilog=announcements.SHOW_EXAMPLE)(announcements.show)
    group.command("end", epilog=announcements.END_EXAMPLE)(announcements.end)
    app.add_typer(group, name="announcements")

    group = _group("The knowledge base and the engine that answers from it.")
    group.command("check", epilog=checking.CHECK_EXAMPLE)(checking.check)
    group.command("eval", epilog=kb.EVAL_EXAMPLE)(kb.evaluate)
    group.command("certify", epilog=certifying.EXAMPLE)(certifying.certify)
    group.command("train", epilog=versions.TRAIN_EXAMPLE)(versions.train)
    group.command("status", epilog=versions.STATUS_EXAMPLE)(versions.status)
    group.command("rollback", epilog=versions.ROLLBACK_EXAMPLE)(versions.rollback)
    app.add_typer(group, name="kb")

    group = _group("Whether answers and suggestions were right.")
    group.command("list", epilog=reviews.LIST_EXAMPLE)(reviews.list_reviews)
    group.command("judge", epilog=reviews.JUDGE_EXAMPLE)(reviews.judge)
    group.command("wrong", epilog=reviews.WRONG_EXAMPLE)(reviews.wrong)
    group.command("export", epilog=reviews.EXPORT_EXAMPLE)(reviews.export)
    app.add_typer(group, name="reviews")

    group = _group("What would be made of an input, as JSON; stores nothing.")
    group.command("text", epilog=trying.TEXT_EXAMPLE)(trying.try_text)
    group.command("mail", epilog=trying.MAIL_EXAMPLE)(trying.try_mail)
    group.command("webhook", epilog=trying.WEBHOOK_EXAMPLE)(trying.try_webhook)
    app.add_typer(group, name="try")


_register()


def main() -> None:
    """Run the command line. A person gets one clear line and an exit code, never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show Chinese shows '?' instead of an error.
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # both are text files
    try:
        app()
    except GatewayError as error:
        _end(str(error), WRONG_SETTINGS if isinstance(error, SettingsError) else FAILED)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - the last line of defence: a fault of ours
        where = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(where.filename).name}:{where.lineno}"
        _end(f"a fault of the gateway's own: {type(error).__name__}: {error} ({place})", FAILED)


def _end(text: str, code: int) -> None:
    sys.stderr.write(f"gateway: {printable(text)}\n")
    sys.exit(code)


if __name__ == "__main__":
    main()
