"""Mails by the thousand through parser, visible reply and filters, in a process of its own."""

import faulthandler
import json
import multiprocessing
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import Any

from gateway.domain.channel import Inbound, RawMail
from gateway.domain.errors import ParseError
from gateway.domain.model import MailClass
from gateway.domain.snapshot import AccountView, Snapshot
from gateway.intake.filters import judge
from gateway.intake.mail import read_mail, to_event, without_envelope
from tests.fuzz.mutate import Mutator
from tests.intake.mail.collected import collection
from tests.intake.mail.letters import BOUNCES, CHARSETS, CLASSES, STRUCTURE

#: Seconds of processor time that one mail may take, and MiB that the process may grow by.
SECONDS, GROWTH = 2.0, 400
#: Seconds after which a mail that hangs is shown with its stack, and the run ends.
_HANGS = 60.0

_ACCOUNT = AccountView("box", "email", "demo", "email", "long")
_SEEN = Snapshot(0.0, _ACCOUNT)


@dataclass
class Outcome:
    """What a run found."""

    mails: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    slowest_index: int = -1
    base_mib: float = 0.0
    peak_mib: float = 0.0
    outcomes: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not self.failures and self.slowest <= SECONDS and self.growth <= GROWTH

    @property
    def growth(self) -> float:
        return self.peak_mib - self.base_mib


def samples() -> list[bytes]:
    """The mails that are damaged: all that the tests know."""
    letters = [letter.raw for letter in (*CHARSETS, *STRUCTURE, *CLASSES, *BOUNCES)]
    return [*(mail.raw for mail in collection()), *letters]


def run(count: int, seed: int, only: int | None = None) -> Outcome:
    """Read `count` mails of `seed` in a process of its own; `only`: the one with this index."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    now = context.Value("i", -1)
    worker = context.Process(target=_work, args=(count, seed, only, now, theirs), daemon=True)
    worker.start()
    theirs.close()
    try:
        outcome = Outcome(**ours.recv())
    except EOFError:
        worker.join(5)
        outcome = Outcome(
            failures=[f"mail {now.value} of seed {seed} ended the process, see above"]
        )
    worker.join(30)
    return outcome


def _work(count: int, seed: int, only: int | None, now: Any, answer: Any) -> None:
    mutator = Mutator(samples(), seed)
    must_hold(mutator.mail(-1))  # what is loaded on first use is no growth
    outcome, outcomes = Outcome(base_mib=_peak_mib()), Counter[str]()
    started = time.perf_counter()
    for index in range(count) if only is None else [only]:
        raw = mutator.mail(index)
        now.value = index
        faulthandler.dump_traceback_later(_HANGS, exit=True, file=sys.stderr)
        before = time.process_time()
        try:
            outcomes[must_hold(raw)] += 1
        except Exception as error:  # noqa: BLE001 - each is a finding, and the run goes on
            outcomes["failed"] += 1
            outcome.failures.append(f"mail {index} of seed {seed}: {type(error).__name__}: {error}")
        took = time.process_time() - before
        faulthandler.cancel_dump_traceback_later()
        outcome.mails += 1
        if took > outcome.slowest:
            outcome.slowest, outcome.slowest_index = took, index
    outcome.seconds = time.perf_counter() - started
    outcome.peak_mib, outcome.outcomes = _peak_mib(), dict(outcomes.most_common())
    outcome.failures = outcome.failures[:20]
    answer.send(asdict(outcome))


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def must_hold(raw: bytes) -> str:
    """What is true of any mail. Returns its class, or 'refused'. Raises AssertionError, or whatever
    the reader wrongly raises."""
    envelope = RawMail(raw, "a@b.example", ("support@pay.example",), 0.0)
    try:
        mail = read_mail(envelope, own_addresses=frozenset({"support@pay.example"}))
        without_envelope(raw)
        event = to_event(mail, envelope)
    except ParseError:
        return "refused"
    for text in strings([mail, event]):
        text.encode()  # raises for a lone surrogate
        assert "\0" not in text
        assert "\r" not in text
    assert not {"\ue0f1", "\ue0f2", "\ue0f3"} & {*mail.text, *mail.visible}, "a mark was left"
    assert bool(mail.visible.strip()) == bool(mail.text.strip()), "visible reply lost or made up"
    assert len(mail.visible) <= len(mail.text) + 1
    for file in mail.attachments:
        assert file.data is not None
        assert len(file.data) == file.size
        assert file.name.strip()
        assert not {"/", "\\", "\n"} & {*file.name}
        assert len(file.name) <= 200
    assert mail.mail_class in MailClass
    if isinstance(event, Inbound):
        json.dumps([dict(event.facts), dict(event.reply_to)])
        assert judge(event, _SEEN).reason
    if len(mail.html_source) < 100_000:
        assert "<script" not in mail.html_body.lower()
    return str(mail.mail_class)


def strings(value: Any) -> Iterator[str]:
    """Every string in a result, however deep."""
    if isinstance(value, str):
        yield value
    elif is_dataclass(value):
        for one in fields(value):
            yield from strings(getattr(value, one.name))
    elif isinstance(value, dict):
        yield from strings(list(value))
        yield from strings(list(value.values()))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from strings(item)
