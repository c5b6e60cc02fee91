"""The settings of queues and of those who take from them."""

import re
from datetime import time
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from gateway.calendars import CalendarSettings

#: The name of a brand, queue, agent or account: stands in addresses, variables and log lines.
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
#: The name of a skill: 'card', 'lang.zh'.
SkillName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_.-]{0,39}$")]
Level = Annotated[int, Field(ge=1, le=9)]


def _levels(value: Any) -> Any:
    """A list of names is a table of them, each at level 1."""
    return dict.fromkeys(value, 1) if isinstance(value, list | tuple) else value


def _quiet(value: str) -> str:
    if value and not re.fullmatch(r"(?:[01]\d|2[0-3]):[0-5]\d-(?:[01]\d|2[0-3]):[0-5]\d", value):
        raise ValueError("expects two times, as 21:00-09:00, or nothing")
    return value


def _country(value: str) -> str:
    from phonenumbers import SUPPORTED_REGIONS  # noqa: PLC0415 - only who changes it waits for the table

    if value not in SUPPORTED_REGIONS:
        raise ValueError("expects a country with telephone numbers, as CN or HK")
    return value


class Section(BaseModel):
    """Unknown keys are mistakes, and nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class OverflowSettings(Section):
    """When what waits in a queue goes to another one."""

    when: Literal["closed", "staff", "length", "waited"]
    to: Name | None = None
    """The queue; none: it stays, and no further rule is asked."""
    beyond: float = Field(0, ge=0)
    """`staff`: no more agents are there than so many. `length`: more wait than so many."""
    minutes: float | None = Field(None, gt=0)
    """`waited`: it has waited for so long."""

    @model_validator(mode="after")
    def _measured(self) -> Self:
        if (self.when == "waited") != (self.minutes is not None):
            raise ValueError("'waited', and nothing else, says minutes = 30")
        if self.beyond and self.when not in ("staff", "length"):
            raise ValueError(f"beyond is for 'staff' and 'length', not for {self.when!r}")
        return self


class WaitingSettings(Section):
    """What customers are told of their wait."""

    tell: bool = Field(
        default=True, description="Tell who waits what is known of it; never a number without data."
    )
    worth_saying_seconds: float = Field(
        30, ge=0, description="A wait that is probably shorter is not told."
    )
    worth_offering_seconds: float = Field(
        120, ge=0, description="Something else is offered where the wait may be as long."
    )
    busy_minutes: float = Field(
        15, gt=0, description="From this wait on it is said that it takes longer than usual."
    )
    busy_waiting: int = Field(
        20, ge=1, description="The same where so many wait, whatever was measured."
    )
    offers: tuple[Literal["callback", "chat"], ...] = Field(
        ("callback", "chat"),
        description="What is offered instead: a call to who writes from a telephone, a chat to who waits "
        "on the line, where the brand has one.",
    )


class QueueSettings(Section):
    """One queue in which inquiries wait for a person."""

    title: str = Field(description="What agents read.")
    priority: int = Field(5, ge=0, le=9, description="0 is taken first, 9 last.")
    skills: Annotated[dict[SkillName, Level], BeforeValidator(_levels)] = Field(
        default_factory=dict,
        description="What an agent must know to take from it: { card = 2 } with least levels from 1 "
        'to 9, or ["card"].',
    )
    strategy: Literal["longest_idle", "least_busy", "round_robin", "sticky", "ring_all"] = Field(
        "longest_idle", description="Who of several free agents is offered the first inquiry."
    )
    ageing_minutes: float | None = Field(
        None,
        gt=0,
        description="Minutes of waiting that make up for one step of priority; none: no time does.",
    )
    offer_seconds: float = Field(60, gt=0, description="How long an offer to an agent stands.")
    refusal_seconds: float = Field(
        300, ge=0, description="How long an agent who did not take an inquiry is not asked again."
    )
    wrap_up_seconds: float = Field(
        0, ge=0, description="What an agent has to finish after an inquiry, before the next offer."
    )
    calendar: CalendarSettings | None = Field(
        None,
        description="Its own working days and opening hours, with the keys of a brand's; none: those of "
        "the brand.",
    )
    callback_first: Literal["agent", "customer"] = Field(
        "agent",
        description="Who is called first for its callbacks: an agent, who then hears it ring; or the "
        "customer, who gets the next agent.",
    )
    overflow: tuple[OverflowSettings, ...] = Field(
        (),
        description="When what waits goes to another queue; the first rule that applies decides.",
    )
    waiting: WaitingSettings = Field(
        default_factory=WaitingSettings, description="What customers are told of their wait."
    )


class AgentSettings(Section):
    """One agent: whose inquiries they take, and how many at a time."""

    name: str = Field("", description="What colleagues read; the id where it is empty.")
    queues: Annotated[dict[Name, Level], BeforeValidator(_levels)] = Field(
        description='Queues they take from: ["payments", "cards"], or with levels { payments = 1, '
        "general = 2 }: what is of level 2 comes when nothing of level 1 waits."
    )
    skills: Annotated[dict[SkillName, Level], BeforeValidator(_levels)] = Field(
        default_factory=dict, description='What they know: { card = 2, "lang.en" = 3 } or ["card"].'
    )
    capacity: int = Field(
        3, ge=1, le=100, description="The weight of what they have in hand at a time."
    )
    shift: str = Field(
        "", description="Their working hours, one of `[shifts]`; empty: whenever they are there."
    )


class ShiftSettings(CalendarSettings):
    """Working hours that agents have in common: outside of them they are offered nothing."""

    sends_home: bool = Field(
        default=False,
        description="At their end agents count as offline, and what they have goes to others; else they "
        "keep it.",
    )


class DispositionSettings(Section):
    """One thing that can come of a matter."""

    labels: dict[str, str] = Field(
        default_factory=dict,
        description='What people read, by language: { en = "Refunded", "zh-CN" = "已退款" }.',
    )
    queues: tuple[Name, ...] = Field(
        (), description="Queues whose inquiries it can be said of; none: all."
    )
    comment: bool = Field(default=False, description="It needs a comment.")


class CallbackSettings(Section):
    """When customers are called back, and on which numbers."""

    attempts: int = Field(3, ge=1, le=20, description="How often one is dialled.")
    pause_minutes: float = Field(
        15, gt=0, description="Minutes between two tries, and between two looks at what is due."
    )
    ring_seconds: float = Field(
        90,
        ge=10,
        description="After which a try that nobody reported on is lost; longer than the telephone rings.",
    )
    quiet_hours: Annotated[str, AfterValidator(_quiet)] = Field(
        "21:00-09:00",
        description="When nobody is called, by the customer's clock; may go over midnight. Empty: none.",
    )
    countries: tuple[Annotated[str, AfterValidator(_country)], ...] = Field(
        ("CN",), description="Whose numbers are called: CN, HK, US …"
    )
    region: Annotated[str, AfterValidator(_country)] = Field(
        "CN", description="The country of a number without a country code."
    )
    regions: dict[Name, Annotated[str, AfterValidator(_country)]] = Field(
        default_factory=dict, description='The same for single brands: { wallet = "SG" }.'
    )

    @property
    def quiet(self) -> tuple[time, time]:
        """Beginning and end of the quiet hours; equal ones: there are none."""
        begin, _, end = (self.quiet_hours or "00:00-00:00").partition("-")
        return time.fromisoformat(begin), time.fromisoformat(end)


class RoutingSettings(Section):
    """How inquiries are given to agents."""

    rules: str = Field(
        "",
        description="File of routing rules, relative to this one; none: the queue of the topic, else of "
        "the account, else `default_queue`.",
    )
    lease_seconds: float = Field(
        60,
        ge=5,
        description="An agent who is not heard of for so long is gone: what they had goes to others.",
    )
    weights: dict[Name, Annotated[int, Field(ge=1, le=100)]] = Field(
        default_factory=dict,
        description="What an inquiry takes of an agent's capacity, by kind of channel; 1 where "
        "nothing is said. { voice = 3 } leaves an agent of capacity 3 nothing beside a call.",
    )
    consult_weight: int = Field(
        0,
        ge=0,
        le=100,
        description="What it takes of a colleague's capacity to be asked for advice, until they give it.",
    )
    disposition_required: bool = Field(
        default=False,
        description="Where there are `[dispositions]` for a queue, none of its inquiries is resolved "
        "without one.",
    )
