"""Advice: who has an inquiry asks a colleague, or those of a queue, and keeps it. Each is one unit of work.

Nothing is offered or assigned by it. Question and answer are notes of the inquiry; who asked, and whether it is
answered, stands beside it. It ends by an answer, when it is withdrawn, and when who asked has the inquiry no
more (`gateway.desk.settling`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.desk.commands import find, remark
from gateway.desk.floor import ROUTING, Floor, NobodyKnown
from gateway.desk.settling import end_advice
from gateway.desk.standing import Standing
from gateway.domain.errors import NotAllowed, NotFound
from gateway.domain.model import JSON, InquiryState
from gateway.domain.plan import Log, LogEvent, Op, Plan, derived_id
from gateway.domain.store import Reader, Row, Tx
from gateway.problems import nearest
from gateway.routing.model import Agent, Presence


@dataclass(frozen=True, slots=True)
class Consulting:
    """The commands."""

    floor: Floor
    weight: int = 0
    """What it takes of a colleague's capacity to be asked; of those of a queue it takes nothing."""

    async def ask(
        self, reference: str, agent: str, question: str, *, colleague: str = "", queue: str = ""
    ) -> str:
        """Ask for advice about an inquiry that one has. Returns its number.

        Args:
            reference: number or id of the inquiry.
            agent: who asks.
            question: kept as a note of the inquiry.
            colleague: who is asked, or
            queue: whose agents are.

        Raises:
            NobodyKnown: there is no such colleague.
            NotFound: there is no such inquiry or queue.
            NotAllowed: the agent does not have it, the colleague is offline or asked already, nobody takes
                from the queue, or the question is empty.
        """
        if bool(colleague) == bool(queue):
            raise NotAllowed("ask one colleague or one queue")
        _some(question, "question")
        self._known(agent, colleague, queue)

        def steps(tx: Tx, inquiry: Row, command: str, now: float) -> list[Op]:
            in_hand = (InquiryState.ASSIGNED, InquiryState.WRAPPING, InquiryState.WAITING_CUSTOMER)
            if inquiry["assigned_to"] != agent or inquiry["state"] not in in_hand:
                raise NotAllowed(f"{agent} does not have inquiry {inquiry['number']}")
            if colleague:
                there = Standing(tx, self.floor.agents, now).agent(colleague)
                if there is None or there.presence is Presence.OFFLINE:
                    raise NotAllowed(f"{colleague} is offline; ask somebody who is there")
            # What an earlier agent of it had asked would stand in the way.
            end_advice(tx, self.floor.agents, self.floor.queues, command, now)
            for row in tx.all("consults.standing"):
                if (row["inquiry_id"], row["agent"], row["queue"]) == (
                    inquiry["id"], colleague, queue,
                ):  # fmt: skip
                    raise NotAllowed(f"{colleague or queue} was asked about it already")
            consult, note = derived_id(command, "a"), derived_id(command, "note")
            self._write(tx, command, now, remark(inquiry, note, agent, question))
            tx.run(
                "consults.ask", id=consult, inquiry_id=inquiry["id"], asked_by=agent,
                agent=colleague, queue=queue, weight=self.weight if colleague else 0,
                question=note, at=now,
            )  # fmt: skip
            return [
                _said(command, "asked", inquiry, now, agent=agent, to=colleague or queue, note=note)
            ]

        return await self._do(reference, steps)

    async def answer(self, reference: str, agent: str, text: str) -> str:
        """Give the advice that one was asked for, as a note. Of several whom a queue's question reached the
        first answers it. Returns the inquiry's number. Raises `NotAllowed` when nobody waits for it, and says
        why."""
        _some(text, "answer")
        queues = known.queues if (known := self.floor.agents.get(agent)) else {}

        def steps(tx: Tx, inquiry: Row, command: str, now: float) -> list[Op]:
            asked = [
                row
                for row in tx.all("consults.standing")
                if row["inquiry_id"] == inquiry["id"] and _is_for(row, agent, queues)
            ]
            if not asked:
                raise NotAllowed(_why_over(tx, inquiry, agent))
            # By name first: the others of a queue may still know more.
            row = min(asked, key=lambda one: one["agent"] != agent)
            note = derived_id(command, "note")
            self._write(tx, command, now, remark(inquiry, note, agent, text))
            self._end(tx, row, "answered", agent, now, note)
            if agent in self.floor.agents:
                tx.run("routing.seen", id=agent, at=now)
            by: dict[str, JSON] = {"agent": agent, "to": row["asked_by"], "note": note}
            return [_said(command, "answered", inquiry, now, **by)]

        return await self._do(reference, steps)

    async def withdraw(self, reference: str, agent: str, *, asked: str = "") -> str:
        """Wait for advice no more: of one colleague or queue, or of all who were asked about the inquiry.
        Returns its number. Raises `NotAllowed` when the agent waits for none."""

        def steps(tx: Tx, inquiry: Row, command: str, now: float) -> list[Op]:
            ended: list[Op] = []
            for row in tx.all("consults.standing"):
                to = row["agent"] or row["queue"]
                about = (row["inquiry_id"], row["asked_by"]) == (inquiry["id"], agent)
                if about and asked in ("", to):
                    self._end(tx, row, "withdrawn", agent, now)
                    ended.append(
                        _said(f"{command}.{to}", "withdrawn", inquiry, now, agent=agent, to=to)
                    )
            if not ended:
                whom = f" of {asked}" if asked else ""
                raise NotAllowed(f"{agent} waits for no advice{whom} about it")
            return ended

        return await self._do(reference, steps)

    # ------------------------------------------------------------ parts

    def _known(self, agent: str, colleague: str, queue: str) -> None:
        agents = self.floor.agents
        if colleague == agent:
            raise NotAllowed("you would ask yourself")
        if colleague and colleague not in agents:
            near = nearest(colleague, agents)
            hint = f" (did you mean {near!r}?)" if near else ""
            raise NobodyKnown(f"there is no agent {colleague!r} in the settings{hint}")
        if queue and queue not in self.floor.queues:
            near = nearest(queue, self.floor.queues)
            hint = f" (did you mean {near!r}?)" if near else ""
            raise NotFound(f"there is no queue {queue!r}{hint}")
        if queue and not any(queue in one.queues for one in agents.values() if one.id != agent):
            raise NotAllowed(f"nobody else takes from {queue}")

    def _end(self, tx: Tx, row: Row, state: str, agent: str, now: float, note: str = "") -> None:
        if not tx.run("consults.end", id=row["id"], state=state, by=agent, answer=note, at=now):
            raise NotAllowed("somebody was faster at this very moment")

    def _write(self, tx: Tx, command: str, now: float, *ops: Op) -> None:
        self.floor.write(tx, Plan(command, ops), now)

    async def _do(self, reference: str, steps: Callable[[Tx, Row, str, float], list[Op]]) -> str:
        command, now = self.floor.ids.new(), self.floor.clock.now()

        def unit(tx: Tx) -> str:
            tx.one("routing.lock")
            inquiry = find(tx, reference)
            self._write(tx, command, now, *steps(tx, inquiry, command, now))
            return str(inquiry["number"])

        number = await self.floor.store.write(unit)
        # Who was asked may have less room, or more again.
        self.floor.store.tell(ROUTING)
        return number


def asked_of(reader: Reader, agent: Agent) -> list[dict[str, Any]]:
    """What somebody is asked now, by name or with others of a queue, the oldest first; as `asked_by`."""
    rows = reader.all("consults.standing")
    return [dict(row) for row in rows if _is_for(row, agent.id, agent.queues)]


def asked_by(reader: Reader, agent: str = "") -> list[dict[str, Any]]:
    """What somebody waits for; everybody where nobody is named. Each with `id`, `number`, `inquiry_id`,
    `asked_by`, `agent` ('' where a queue was asked) or `queue`, `weight`, `asked_at` in seconds since 1970,
    and `question`."""
    rows = reader.all("consults.standing")
    return [dict(row) for row in rows if agent in ("", row["asked_by"])]


def _is_for(row: Row, agent: str, queues: Mapping[str, int]) -> bool:
    if row["agent"]:
        return bool(row["agent"] == agent)
    return row["queue"] in queues and row["asked_by"] != agent


def _why_over(reader: Reader, inquiry: Row, agent: str) -> str:
    last = reader.one("consults.latest", inquiry_id=inquiry["id"], agent=agent)
    number = inquiry["number"]
    match last and last["state"]:
        case "answered":
            return f"{last['ended_by']} has answered it already" if last else ""
        case "withdrawn":
            return f"nobody waits for advice about {number} any more: it was withdrawn"
        case None:
            return f"nobody asked {agent} about {number}"
        case _:
            return f"nobody waits for advice of {agent} about {number}"


def _some(text: str, what: str) -> None:
    if not text.strip():
        raise NotAllowed(f"the {what} is empty")


def _said(command: str, what: str, inquiry: Row, now: float, **data: JSON) -> Op:
    event = LogEvent(derived_id(command, "e"), f"consult.{what}", now, inquiry["id"], data)
    return Log(event)
