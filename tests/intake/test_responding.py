"""Replies that carry the answer: in time in the reply, late as a message, never both, and the same again
for a call that is repeated."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import aiohttp
import pytest
from aiohttp import web

from gateway.delivery.deliver import LEASE_SECONDS
from gateway.delivery.in_place import InPlace
from gateway.domain.allowlist import Allowed
from gateway.domain.channel import (
    HttpReply,
    HttpRequest,
    Inbound,
    Outbound,
    Parsed,
    Verified,
)
from gateway.domain.decision import Verb
from gateway.intake.webhook import Door, WebhookRoute
from tests.delivery.scripted import Scripted
from tests.store.engines import one, select
from tests.workers.rig import ACCOUNTS, Rig, decision

WITHIN = 2.0


class Talker(Scripted):
    """Its calls are questions as JSON, its replies what the gateway says to them."""

    kind: ClassVar[str] = "talker"

    def __init__(self) -> None:
        super().__init__(answers_within=WITHIN)
        self.fault: Exception | None = None

    def verify(self, request: HttpRequest) -> Verified:
        return Verified("none")

    def parse(self, request: HttpRequest) -> Parsed:
        said = json.loads(request.body)
        if "wait" in said:
            return Parsed((), awaits=(said["wait"],))
        if "id" not in said:
            return Parsed((), HttpReply(200, b"welcome"))
        return Parsed((Inbound(said["id"], said.get("from", "user-1"), said["text"]),))

    async def respond(
        self, request: HttpRequest, outcome: Sequence[Outbound], deadline: float
    ) -> HttpReply:
        if self.fault is not None:
            raise self.fault
        words = [f"{said.state}: {said.text}" for said in outcome]
        return HttpReply(200, "\n".join(words or ["one moment"]).encode())


@dataclass
class Site:
    """A web server with one account of a `Talker`, and what is behind it."""

    url: str
    rig: Rig
    talker: Talker
    client: aiohttp.ClientSession
    answers: InPlace

    async def ask(self, **said: Any) -> str:
        async with self.client.post(f"{self.url}/in/talker/talk", json=said) as answer:
            return f"{answer.status} {await answer.text()}"

    async def outbox(self) -> list[tuple[str, str]]:
        """State and provider's id of each row; a reply is recorded behind its last byte, so what is
        only begun is waited for."""
        async with asyncio.timeout(10):
            while "begun" in {state for state, _ in await self.rows()}:
                await asyncio.sleep(0.005)
        return await self.rows()

    async def delivered(self, state: str) -> None:
        """Let the delivery work until all is in this state."""
        task = asyncio.create_task(self.rig.delivery({"talk": self.talker}).run())
        async with asyncio.timeout(10):
            while {state} != {found for found, _ in await self.rows()}:
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])

    async def rows(self) -> list[tuple[str, str]]:
        rows = await select(self.rig.store, "SELECT state, external_id FROM outbox ORDER BY id")
        return [(row["state"], row["external_id"]) for row in rows]


@pytest.fixture
async def site(rig: Rig) -> AsyncIterator[Site]:
    talk = replace(ACCOUNTS["app"], id="talk", kind="talker", space="talk", hold=WITHIN + 1)
    rig.accounts = {**rig.accounts, "talk": talk}
    rig.answerer.usual = decision(Verb.ANSWER, reply="It arrives within a day.")
    talker = Talker()
    answers = InPlace(rig.store, rig.clock, rig.ids, rig.log, "w1", {"talk": Allowed()})
    door = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{door.getsockname()[1]}"
    route = WebhookRoute(
        {"talk": Door.of("talker", "talk", talker)}, rig.intake(), rig.clock, rig.log,
        public_url=url, body_limit=65536, in_flight=8, answers=answers,
    )  # fmt: skip
    application = web.Application()
    application.add_routes(route.routes())
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.SockSite(runner, door).start()
    async with aiohttp.ClientSession() as client:
        yield Site(url, rig, talker, client, answers)
    await runner.cleanup()


@asynccontextmanager
async def planning(rig: Rig) -> AsyncIterator[None]:
    """A pipeline at work beside the test."""
    task = asyncio.create_task(rig.pipeline(poll=0.005).run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


def said(answer: str) -> str:
    return answer.partition(": ")[2]


@pytest.mark.usefixtures("same_brain")
async def test_the_answer_is_in_the_reply_and_nowhere_else(site: Site) -> None:
    async with planning(site.rig):
        answer = await site.ask(id="q1", text="my top-up is missing")
    assert answer.startswith("200 ")
    assert "It arrives within a day." in answer
    event = await one(site.rig.store, "SELECT id FROM raw_events")
    assert await site.outbox() == [("sent", f"here:{event['id']}")]
    site.rig.clock.advance(WITHIN + 10)
    delivery = site.rig.delivery({"talk": site.talker})
    await delivery.recover(alone=True)
    assert site.talker.given == []
    delivered = await one(site.rig.store, "SELECT delivery FROM messages WHERE direction = 'out'")
    assert delivered["delivery"] == "sent"
    assert "message.sent" in await site.rig.log_kinds()


@pytest.mark.usefixtures("same_brain")
async def test_a_repeated_call_gets_the_same_reply_and_makes_nothing_new(site: Site) -> None:
    async with planning(site.rig):
        answers = [await site.ask(id="q1", text="my top-up is missing") for _ in range(3)]
        assert len({said(answer) for answer in answers}) == 1
        together = await asyncio.gather(
            *(site.ask(id="q2", text="and my refund?") for _ in range(4))
        )
    assert len({said(answer) for answer in together}) == 1
    assert "It arrives" in together[0]
    assert [state for state, _ in await site.outbox()] == ["sent", "sent"]
    assert (await site.rig.log_kinds()).count("message.sent") == 2


@pytest.mark.usefixtures("same_brain")
async def test_what_is_late_is_sent_and_a_repeated_call_does_not_say_it_again(site: Site) -> None:
    asking = asyncio.create_task(site.ask(id="q1", text="my top-up is missing"))
    async with asyncio.timeout(10):
        while not await select(site.rig.store, "SELECT id FROM raw_events"):
            await asyncio.sleep(0.01)
    site.rig.clock.advance(WITHIN + 0.1)
    assert await asking == "200 one moment"
    await site.rig.drain()
    site.rig.clock.advance(WITHIN + 2)
    await site.delivered("sent")
    assert len(site.talker.given) == 1
    assert await site.ask(id="q1", text="my top-up is missing") == "200 one moment"
    assert len(await site.outbox()) == 1


@pytest.mark.usefixtures("same_brain")
async def test_delivery_leaves_alone_what_may_still_go_into_the_reply(site: Site) -> None:
    await site.rig.message("my top-up is missing", account="talk", external_id="q1")
    await site.rig.drain()
    rows = await site.rig.store.read(
        lambda r: r.value("outbox.any_due", account="talk", now=site.rig.clock.now() + WITHIN)
    )
    assert rows is None
    assert "It arrives" in await site.ask(wait="q1")


@pytest.mark.usefixtures("same_brain")
async def test_a_crash_between_begun_and_the_record_is_settled_by_the_repeated_call(
    site: Site,
) -> None:
    await site.rig.message("my top-up is missing", account="talk", external_id="q1")
    await site.rig.drain()
    found = await site.answers.outcome("talk", ["m:q1"], site.rig.clock.now() + 1)
    assert len(found.messages) == 1
    assert [state for state, _ in await site.rows()] == ["begun"]
    # The process dies here. Another one finds the row when its lease has run out: it may be out.
    site.rig.clock.advance(LEASE_SECONDS + 1)
    delivery = site.rig.delivery({"talk": site.talker}, owner="d2")
    await delivery.recover(alone=False)
    ((state, mark),) = await site.outbox()
    assert (state, mark.startswith("here:"), site.talker.given) == ("parked", True, [])
    # The provider asks again, so it has no answer: now it surely is not out.
    assert "It arrives" in await site.ask(id="q1", text="my top-up is missing")
    assert [state for state, _ in await site.outbox()] == ["sent"]


@pytest.mark.usefixtures("same_brain")
async def test_a_fault_of_the_channel_lets_the_message_go_the_ordinary_way(site: Site) -> None:
    site.talker.fault = RuntimeError("a fault")
    async with planning(site.rig):
        assert (await site.ask(id="q1", text="my top-up is missing")).startswith("500")
    assert await site.outbox() == [("ready", "")]


@pytest.mark.usefixtures("same_brain")
async def test_an_agents_message_on_its_way_is_not_overtaken(site: Site) -> None:
    rig = site.rig
    await rig.say("first", account="talk", external_id="q0")
    rig.clock.advance(WITHIN + 2)
    async with planning(rig):
        assert await site.ask(id="q1", text="second") == "200 one moment"
    assert [state for state, _ in await site.outbox()] == ["ready", "ready"]


@pytest.mark.usefixtures("same_brain")
async def test_a_call_without_a_message_is_answered_at_once(site: Site) -> None:
    assert await site.ask(hello=1) == "200 welcome"
    assert await site.rig.store.read(lambda r: r.value("intake.waiting")) == 0


@pytest.mark.usefixtures("same_brain")
async def test_a_number_that_is_not_the_brands_is_not_said_here_either(site: Site) -> None:
    site.rig.answerer.usual = decision(Verb.ANSWER, reply="Call +44 20 7946 0958 please.")
    async with planning(site.rig):
        assert await site.ask(id="q1", text="my top-up is missing") == "200 one moment"
    assert await site.outbox() == [("ready", "")]
    site.rig.clock.advance(WITHIN + 2)
    await site.delivered("parked")
    assert site.talker.given == []
