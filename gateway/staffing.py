"""The settings of queues and of those who take from them."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

#: The name of a brand, queue, agent or account: stands in addresses, variables and log lines.
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
#: The name of a skill: 'card', 'lang.zh'.
SkillName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_.-]{0,39}$")]
Level = Annotated[int, Field(ge=1, le=9)]


def _levels(value: Any) -> Any:
    """A list of names is a table of them, each at level 1."""
    return dict.fromkeys(value, 1) if isinstance(value, list | tuple) else value


class Section(BaseModel):
    """Unknown keys are mistakes, and nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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


class RoutingSettings(Section):
    """How inquiries are given to agents."""

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
