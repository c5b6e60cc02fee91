"""Machines that answer machines: every conversation ends after one automatic reply.

Two whole gateways stand opposite each other, each the mail server of the other; then one of them has
holiday programs, dead addresses and machines that say nothing of being one opposite it. The mail is
real SMTP on this machine, and whoever gets one answers at once and always.
"""

import asyncio
import email
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from channels._sim_email import MailPeer, Received, bounce, compose, out_of_office
from gateway.app import Gateway, assemble, running
from gateway.config import Config
from gateway.domain.decision import Certificate
from tests.flow.play import _BUSY
from tests.learnt import MODELS
from tests.store.engines import select, value

pytestmark = pytest.mark.asyncio(loop_scope="module")

OURS, THEIRS = "support@pay.example", "help@bank.example"
QUESTION = "Hello, I forgot my password. How do I reset it?"
#: Outgoing letters of the whole database by author, and what became of each letter that came.
_SENT = "SELECT recipient FROM outbox WHERE state = 'sent' ORDER BY id"
_TOLD = (
    "SELECT e.kind, c.data FROM events e JOIN event_contents c ON c.event_id = e.id"
    " WHERE e.kind IN ('message.suppressed', 'message.bounced', 'message.failed') ORDER BY e.seq"
)


@asynccontextmanager
async def a_gateway(folder: Path, **mailbox: Any) -> AsyncIterator[Gateway]:
    """One that may answer what it is sure of, with one mailbox."""
    folder.mkdir(exist_ok=True)
    config = Config.model_validate(
        {
            "data_dir": folder,
            "server": {"port": 0, "allow_private": True},
            "answers": {"bootstrap": False, "models": MODELS},
            "workers": {"processes": 1, "poll_seconds": 0.02},
            "accounts": {"box": {"kind": "email", **mailbox}},
        }
    )
    async with assemble(config) as gateway, running(gateway):
        permit = Certificate("cert-1", "*/*/normal", 0.05, 0.1, 0.5, 100, 0, gateway.knowledge)
        await gateway.certify(permit)
        yield gateway


async def quiet(*gateways: Gateway, still: Callable[[], bool] = lambda: True) -> None:
    """Wait until none of them has anything under way. A mail counts as under way at its sender until
    its receiver has stored it, so looking at all of them twice without a change sees everything."""
    seen: list[int] = []
    async with asyncio.timeout(20):
        while True:
            busy = [await value(g.store, _BUSY) for g in gateways]
            stored = [await value(g.store, "SELECT COUNT(*) FROM raw_events") for g in gateways]
            if not any(busy) and still() and stored == seen:
                return
            seen = stored
            await asyncio.sleep(0.02)


async def write_to(gateway: Gateway, sender: str, to: str, text: str = QUESTION) -> None:
    host, _, port = gateway.addresses["box"].rpartition(":")
    data = compose(sender, to, "A question", text)
    await MailPeer().send(host.rpartition("/")[2], int(port), data)


async def told(gateway: Gateway) -> list[str]:
    return [row["kind"] for row in await select(gateway.store, _TOLD)]


# ---------------------------------------------------------------- two gateways


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest_asyncio.fixture(loop_scope="module")
async def opposite(tmp_path: Path) -> AsyncIterator[tuple[Gateway, Gateway]]:
    """Each one's answers go to the other's listener."""
    ports = free_port(), free_port()
    async with AsyncExitStack() as stack:
        gateways = [
            await stack.enter_async_context(
                a_gateway(
                    tmp_path / str(n),
                    address=address,
                    plus_addresses=True,
                    listen=f"127.0.0.1:{ports[n]}",
                    smtp_host="127.0.0.1",
                    smtp_port=ports[1 - n],
                )
            )
            for n, address in enumerate((OURS, THEIRS))
        ]
        yield gateways[0], gateways[1]


async def test_two_gateways_that_answer_each_other_stop_after_one_reply(
    opposite: tuple[Gateway, Gateway],
) -> None:
    """A letter in the name of the other one's mailbox: the answer to it is the last one."""
    one, other = opposite
    for first, second, ours, theirs in ((one, other, OURS, THEIRS), (other, one, THEIRS, OURS)):
        sent = [len(await select(g.store, _SENT)) for g in (first, second)]
        await write_to(first, theirs, ours)
        await quiet(one, other)
        answers = (await select(first.store, _SENT))[sent[0] :]
        assert [row["recipient"] for row in answers] == [theirs]
        assert len(await select(second.store, _SENT)) == sent[1], "nothing came back"
    for gateway in opposite:
        assert await told(gateway) == ["message.suppressed"]
        (row,) = await select(gateway.store, _TOLD)
        assert "auto_submitted" in row["data"], "and it says why"


async def test_an_agents_letter_to_the_other_gateway_is_answered_once(
    opposite: tuple[Gateway, Gateway],
) -> None:
    """A person's words may be answered by a machine; that answer by nobody."""
    one, other = opposite
    await write_to(one, THEIRS, OURS, "Do you sell gift vouchers for a bakery?")
    await quiet(one, other)
    (inquiry,) = await select(one.store, "SELECT number, state FROM inquiries")
    assert inquiry["state"] == "queued"
    await one.desk.reply(inquiry["number"], "ann", QUESTION)
    await quiet(one, other)
    assert len(await select(one.store, _SENT)) == 2, "the acknowledgement and the agent's"
    assert len(await select(other.store, _SENT)) == 1, "one automatic answer to the agent"
    assert await told(one) == ["message.suppressed"]


# ---------------------------------------------------------------- one gateway and what is out there


class Machine:
    """Answers every letter to one address, for ever."""

    def __init__(
        self, peer: MailPeer, gateway: Gateway, address: str, answer: Callable[[Received], bytes]
    ) -> None:
        self._peer, self._gateway, self._address, self._answer = peer, gateway, address, answer
        self.answered = 0

    @property
    def still(self) -> bool:
        return self.answered == len(self._peer.mailboxes[self._address])

    async def run(self) -> None:
        host, _, port = self._gateway.addresses["box"].rpartition(":")
        while True:
            box = await self._peer.wait_for(self._address, self.answered + 1, timeout=60)
            ours = box[self.answered]
            data = self._answer(ours)
            parsed = email.message_from_bytes(data)
            report = parsed.get_content_type() == "multipart/report"
            await self._peer.send(
                host.rpartition("/")[2],
                int(port),
                data,
                sender="" if report else None,
                recipients=[ours.headers.get("reply-to", OURS)],
            )
            self.answered += 1


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def outside(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[Gateway, MailPeer]]:
    async with MailPeer() as peer:
        settings = {**peer.account_settings(OURS), "plus_addresses": True}
        async with a_gateway(tmp_path_factory.mktemp("one"), **settings) as gateway:
            yield gateway, peer


def bare(subject: str, text: str, **headers: str) -> Callable[[Received], bytes]:
    """A machine's answer with no header but these."""
    return lambda ours: compose(
        ours.recipients[0], OURS, subject.format(ours.subject), text, answers=ours, headers=headers
    )


MACHINES: dict[str, Callable[[Received], bytes]] = {
    "holiday-rfc3834": out_of_office,
    "holiday-chinese": lambda ours: out_of_office(ours, chinese=True),
    "holiday-qq": bare("自动回复：{}", "您好，我正在休假，下周一回来后尽快回复您。"),
    "holiday-netease-text": bare("Re: {}", "这是一封自动回复的邮件。您好，来信已收到，谢谢！"),
    "holiday-old-vacation": bare("away from my mail", "I will be back.", Precedence="auto_reply"),
    "holiday-exchange": bare("Out of Office: {}", "I am away."),
    "dead": bounce,
}


@pytest.mark.parametrize("name", MACHINES)
async def test_a_conversation_with_a_machine_ends_after_one_reply(
    outside: tuple[Gateway, MailPeer], name: str
) -> None:
    gateway, peer = outside
    address = f"{name}@mail.example"
    machine = Machine(peer, gateway, address, MACHINES[name])
    before = len(await told(gateway))
    work = asyncio.create_task(machine.run())
    try:
        await write_to(gateway, address, OURS)
        await peer.wait_for(address, 1)
        await quiet(gateway, still=lambda: machine.still)
    finally:
        work.cancel()
    (answer,) = peer.mailboxes[address]
    assert answer.headers["auto-submitted"] == "auto-replied"
    assert answer.envelope_from == "", "a report about it goes to nobody"
    assert machine.answered == 1
    assert (await told(gateway))[before:] == [
        "message.bounced" if name == "dead" else "message.suppressed"
    ]


async def test_an_address_that_is_refused_at_once_gets_no_second_reply(
    outside: tuple[Gateway, MailPeer],
) -> None:
    gateway, peer = outside
    address = "nobody@mail.example"
    peer.refuse(address)
    tried = peer.commands.count("RCPT")
    await write_to(gateway, address, OURS)
    await quiet(gateway)
    assert not peer.mailboxes[address]
    assert peer.commands.count("RCPT") <= tried + 1
    (row,) = await select(
        gateway.store,
        "SELECT i.state, h.flag FROM inquiries i JOIN conversations v ON v.id = i.conversation_id"
        f" JOIN handles h ON h.id = v.handle_id WHERE h.address = '{address}'",
    )
    assert (row["state"], row["flag"]) == ("queued", "failed"), "a person sees it"


async def test_a_machine_that_says_nothing_of_being_one_reaches_a_person_and_then_nobody(
    outside: tuple[Gateway, MailPeer],
) -> None:
    """No header, no word gives it away. It repeats itself, and that is not what a customer whom the
    answer helped would say."""
    gateway, peer = outside
    address = "silent@mail.example"
    machine = Machine(peer, gateway, address, bare("Re: {}", QUESTION))
    work = asyncio.create_task(machine.run())
    try:
        await write_to(gateway, address, OURS)
        await peer.wait_for(address, 1)
        await quiet(gateway, still=lambda: machine.still)
    finally:
        work.cancel()
    assert len(peer.mailboxes[address]) <= 2
    (row,) = await select(
        gateway.store,
        "SELECT COUNT(*) AS n, MIN(i.state) AS state FROM inquiries i"
        " JOIN conversations v ON v.id = i.conversation_id"
        f" JOIN handles h ON h.id = v.handle_id WHERE h.address = '{address}'",
    )
    assert (row["n"], row["state"]) == (1, "queued")
