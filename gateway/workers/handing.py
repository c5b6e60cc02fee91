"""Hands an inquiry that waits on to another queue, where something else than a person wants it there."""

from collections.abc import Mapping

from gateway.domain.model import JSON, InquiryState, Queue
from gateway.domain.plan import STEP_TIMER, CancelTimer, ChangeInquiry, Op
from gateway.domain.states import move
from gateway.domain.store import Row
from gateway.routing.model import Lane, rank


def handed_over(
    inquiry: Row, queue: Queue, priority: int, routing: Mapping[str, JSON]
) -> tuple[Op, ...]:
    """It waits in `queue` at the place of its age, never behind where its priority was; what its routing
    rule had planned for it ends.

    Args:
        inquiry: its row; it waits or is offered.
        queue: where it goes.
        priority: what it has by now.
        routing: what stands with it from now on.
    """
    best = min(priority, queue.priority)
    weight = Lane.parse(inquiry["lane"] or "|1|").weight
    return (
        ChangeInquiry(
            inquiry["id"],
            inquiry["version"],
            move(InquiryState(inquiry["state"]), "queue"),
            queue=queue.id,
            priority=best,
            lane=Lane.of(queue.id, queue.skills, weight).key,
            handicap=rank(0.0, best, queue.ageing, urgent=bool(inquiry["urgent"])),
            assigned_to="",
            routing=routing,
        ),
        CancelTimer(STEP_TIMER, inquiry["id"]),
    )
