"""What happens on the floor, and what follows from it: the input and output of routing. Pure values."""

from dataclasses import dataclass
from enum import StrEnum

from gateway.routing.matching import Considered
from gateway.routing.model import Lane, Presence, Waiting


class Back(StrEnum):
    """Why an offer or an assignment ended and the inquiry waits again, at its old place."""

    DECLINED = "declined"
    EXPIRED = "expired"
    LEFT = "left"
    """The agent went away or offline."""
    VANISHED = "vanished"
    """Nothing was heard of the agent for longer than the lease."""
    HOURS = "hours"
    """The agent's working hours were over, and send them home."""
    REMOVED = "removed"
    """The agent is not in the settings any more."""
    HANDED_ON = "handed_on"


# ---------------------------------------------------------------- what happens


@dataclass(frozen=True, slots=True)
class Arrived:
    """An inquiry begins to wait; or one that waits moves to another lane, with what is asked of agents
    relaxed, or to another queue."""

    waiting: Waiting
    priority: int | None = None
    """Its priority from now on; None: as before."""
    left: str = ""
    """The queue it had to leave, which is not in the settings any more."""


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """An inquiry waits no more, for whatever reason lies outside: solved, merged, taken by hand."""

    inquiry: str
    why: str


@dataclass(frozen=True, slots=True)
class Came:
    """An agent says what they are: online, busy, away, offline."""

    agent: str
    presence: Presence


@dataclass(frozen=True, slots=True)
class Vanished:
    """An agent is there no more without having said so: not heard of, or what else `why` says."""

    agent: str
    why: Back = Back.VANISHED


@dataclass(frozen=True, slots=True)
class Accepted:
    """An agent takes what they were offered."""

    inquiry: str
    agent: str


@dataclass(frozen=True, slots=True)
class Taken:
    """An agent takes an inquiry by themselves, or is given it by a supervisor."""

    inquiry: str
    agent: str
    by: str = ""
    """The supervisor, who may take it from another agent."""


@dataclass(frozen=True, slots=True)
class Declined:
    """An agent does not take what they were offered."""

    inquiry: str
    agent: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Expired:
    """The time of an offer is over."""

    inquiry: str


@dataclass(frozen=True, slots=True)
class Finished:
    """An agent is done with an inquiry: resolved, or answered and waiting for the customer."""

    inquiry: str
    agent: str
    lane: Lane | None = None
    """Where it waited, for a state in which the agent has it no more."""


@dataclass(frozen=True, slots=True)
class HandedOn:
    """An agent gives what they have to another queue."""

    waiting: Waiting
    """As it waits there."""
    agent: str
    priority: int
    """What it has there."""


@dataclass(frozen=True, slots=True)
class WrappedUp:
    """The time an agent has to finish what was done is over."""

    agent: str


@dataclass(frozen=True, slots=True)
class Looked:
    """Nothing happened that is known of: see whether anything can be offered."""


Event = (
    Arrived
    | Withdrawn
    | Came
    | Vanished
    | Accepted
    | Taken
    | Declined
    | Expired
    | Finished
    | HandedOn
    | WrappedUp
    | Looked
)

# ---------------------------------------------------------------- what follows


@dataclass(frozen=True, slots=True)
class Enqueue:
    """It waits in its lane; at the place that its rank gives it."""

    waiting: Waiting
    priority: int | None = None
    """Its priority from now on; None: as before."""
    left: str = ""
    """As of `Arrived`."""


@dataclass(frozen=True, slots=True)
class Remove:
    """It waits no more, and is nobody's."""

    inquiry: str
    why: str


@dataclass(frozen=True, slots=True)
class Offer:
    """It is offered to an agent, with others where the queue rings all."""

    waiting: Waiting
    agent: str
    until: float
    considered: tuple[Considered, ...] = ()


@dataclass(frozen=True, slots=True)
class Assign:
    """It is the agent's."""

    waiting: Waiting
    agent: str
    by: str = ""
    """Who gave it to them; '' where they took it themselves."""


@dataclass(frozen=True, slots=True)
class Revoke:
    """An offer is taken back: another agent was faster."""

    inquiry: str
    agent: str


@dataclass(frozen=True, slots=True)
class Return:
    """What an agent was offered or had is theirs no more."""

    inquiry: str
    agent: str
    why: Back
    refused_until: float = 0.0
    """Until then the agent is not asked again; 0: at once."""
    waits: bool = True
    """It goes back to its place: nobody else has it offered."""
    reason: str = ""
    """What the agent said of it."""


@dataclass(frozen=True, slots=True)
class Release:
    """An agent is done with an inquiry."""

    inquiry: str
    agent: str


@dataclass(frozen=True, slots=True)
class Set:
    """What an agent is from now on."""

    agent: str
    presence: Presence
    until: float = 0.0
    """When it ends by itself; 0: never."""


Decision = Enqueue | Remove | Offer | Assign | Revoke | Return | Release | Set
