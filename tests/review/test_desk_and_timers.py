"""What is written beside the messages: an agent's words, and timers nobody knows."""

from gateway.domain.model import InquiryState
from gateway.domain.plan import Plan, SetTimer
from gateway.testing.clock import NEW_YEAR
from gateway.workers.timers import AGAIN
from tests.store.engines import Engine, select, value
from tests.store.rows import arrival, moved, put
from tests.workers.rig import Rig


async def test_a_disposition_is_redacted_like_everything_a_person_writes(
    rig: Rig, engine: Engine
) -> None:
    await put(rig.store, arrival(), moved())
    await rig.desk().resolve("260101-000001", "ann", "refunded to 4111 1111 1111 1111")
    assert b"refunded to" in engine.written_bytes()
    assert b"4111 1111" not in engine.written_bytes()


async def test_a_timer_that_cannot_fire_holds_up_no_other(rig: Rig) -> None:
    """A newer release may have set it, before this one was put back."""
    close = SetTimer("close", "ev1.q", NEW_YEAR - 1)
    await put(
        rig.store, arrival(), moved(state=InquiryState.ANSWERED),
        Plan("t", (SetTimer("unheard of", "x", NEW_YEAR - 2, {"a": 1}), close)),
    )  # fmt: skip
    timers = rig.timers()
    await timers.once()
    assert await value(rig.store, "SELECT state FROM inquiries") == "resolved"
    (kept,) = await select(rig.store, "SELECT * FROM timers WHERE kind = 'unheard of'")
    assert (kept["due_at"], kept["payload"]) == (rig.clock.now() + AGAIN, '{"a":1}')
    assert timers.counts["failed"] == 1
    assert await timers.once() == 0
