"""Ordered named filters over an incoming message: what may be done with it at all. Pure.

The first filter with an opinion wins. A verdict never drops a message: it only says who may speak.
"""

from collections.abc import Callable
from enum import Enum

from gateway.domain.channel import Inbound
from gateway.domain.model import MailClass
from gateway.domain.snapshot import Snapshot
from gateway.intake.opting import opting


class Verdict(Enum):
    """What follows, and under which name it is recorded."""

    GO = "person"
    SILENT = "silent"
    """For a person to read; no automatic text."""
    STORE_ONLY = "store_only"
    """Machines talking: kept with its inquiry if there is one, no inquiry made."""
    OPT_OUT = "opt_out"
    OPT_IN = "opt_in"

    @property
    def reason(self) -> str:
        """The recorded name."""
        return self.value


#: RFC 3834 §2: never answer automatic mail. List and bulk mail is still for people to see, and so
#: is a complaint report.
_STORE_ONLY = frozenset({MailClass.LOOP, MailClass.BOUNCE, MailClass.AUTO_REPLY, MailClass.RECEIPT})
_SILENT = frozenset({MailClass.LIST, MailClass.COMPLAINT})


def opt_word(event: Inbound, seen: Snapshot) -> Verdict | None:
    """STOP, 退订 and their opposites: as the channel recognised them, or said by a person anywhere."""
    said = str(event.facts.get("opt", ""))
    if not said and event.facts.get("mail_class", "person") == "person":
        said = opting(event.text)
        # Only who has left can come back; to anybody else such a word is a message like any other.
        if said == "in" and not (seen.handle and seen.handle.flag == "opted_out"):
            said = ""
    return {"out": Verdict.OPT_OUT, "in": Verdict.OPT_IN}.get(said)


def automatic_mail(event: Inbound, seen: Snapshot) -> Verdict | None:  # noqa: ARG001 - one signature for all
    """Loops, bounces, out-of-office and read receipts."""
    return Verdict.STORE_ONLY if str(event.facts.get("mail_class")) in _STORE_ONLY else None


def bulk_mail(event: Inbound, seen: Snapshot) -> Verdict | None:  # noqa: ARG001 - one signature for all
    """List mail and complaint reports; also mail that does not name us (a blind copy)."""
    if str(event.facts.get("mail_class")) in _SILENT or event.facts.get("auto"):
        return Verdict.SILENT
    return None


def unreachable(event: Inbound, seen: Snapshot) -> Verdict | None:  # noqa: ARG001 - one signature for all
    """A handle that opted out gets no automatic text."""
    return Verdict.SILENT if seen.handle and seen.handle.flag == "opted_out" else None


FILTERS: tuple[Callable[[Inbound, Snapshot], Verdict | None], ...] = (
    opt_word,
    automatic_mail,
    bulk_mail,
    unreachable,
)


def judged_by(event: Inbound, seen: Snapshot) -> tuple[Verdict, str]:
    """The first verdict and the name of the filter that gave it; `GO` and '' when none did."""
    for look in FILTERS:
        if (verdict := look(event, seen)) is not None:
            return verdict, look.__name__
    return Verdict.GO, ""


def judge(event: Inbound, seen: Snapshot) -> Verdict:
    """The first verdict, else `GO`."""
    return judged_by(event, seen)[0]
