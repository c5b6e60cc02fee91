"""What follows from news of our own messages."""

from dataclasses import replace

import pytest

from gateway.domain.channel import Receipt
from gateway.domain.model import DeliveryState, InquiryState
from gateway.domain.plan import (
    ChangeInquiry,
    FlagHandle,
    MarkDelivery,
)
from gateway.workers.planner import RECEIPT_PATIENCE
from tests.workers.plans import HANDLE, NOW, TARGET, S, inquiry, kinds, ops, plan, seen


@pytest.mark.parametrize(("attempt", "wait"), [(1, 1.0), (3, 4.0), (20, 60.0)])
def test_a_receipt_before_its_send_is_recorded_waits_longer_each_time(
    attempt: int, wait: float
) -> None:
    made = plan(Receipt("SM1", DeliveryState.DELIVERED), seen(attempt=attempt))
    assert made.ops == ()
    assert made.postpone_until == NOW + wait


def test_a_receipt_of_a_message_that_is_not_ours_is_let_go_after_an_hour() -> None:
    receipt = Receipt("SM1", DeliveryState.DELIVERED)
    made = plan(receipt, seen(attempt=70), received_at=NOW - RECEIPT_PATIENCE - 1)
    assert made.postpone_until is None
    assert kinds(made) == ["receipt.orphaned"]


@pytest.mark.parametrize("present", list(DeliveryState))
@pytest.mark.parametrize("news", list(DeliveryState))
def test_a_receipt_moves_forward_or_changes_nothing(
    present: DeliveryState, news: DeliveryState
) -> None:
    made = plan(Receipt("SM1", news), seen(target=replace(TARGET, delivery=present)))
    assert made.postpone_until is None
    if news.rank <= present.rank:
        assert made.ops == ()
    else:
        assert ops(made, MarkDelivery) == [MarkDelivery("m1", news, "")]
        assert kinds(made)[0] == f"message.{news}"


@pytest.mark.parametrize("news", [DeliveryState.FAILED, DeliveryState.BOUNCED])
@pytest.mark.parametrize("state", [S.ANSWERED, S.WAITING_CUSTOMER, S.RESOLVED])
def test_what_did_not_reach_the_customer_brings_the_inquiry_to_a_person(
    news: DeliveryState, state: InquiryState
) -> None:
    receipt = Receipt("SM1", news, code="30003", detail="unreachable")
    made = plan(receipt, seen(inquiry(state), target=TARGET))
    assert ops(made, FlagHandle) == [FlagHandle("h1", news.value)]
    (change,) = ops(made, ChangeInquiry)
    assert (change.state, change.queue, change.topic) == (S.QUEUED, "payments", None)


def test_a_reply_of_an_agent_that_bounced_is_free_for_every_agent() -> None:
    """In the queue and still somebody's, nobody else could take it."""
    waiting = inquiry(S.WAITING_CUSTOMER, assigned_to="ann")
    made = plan(Receipt("SM1", DeliveryState.BOUNCED), seen(waiting, target=TARGET))
    (change,) = ops(made, ChangeInquiry)
    assert (change.state, change.assigned_to) == (S.QUEUED, "")


@pytest.mark.parametrize("state", [S.QUEUED, S.ASSIGNED, S.CLOSED])
def test_a_bounce_where_people_are_or_all_is_over_moves_nothing(state: InquiryState) -> None:
    made = plan(Receipt("SM1", DeliveryState.BOUNCED), seen(inquiry(state), target=TARGET))
    assert not ops(made, ChangeInquiry)
    assert ops(made, MarkDelivery)


def test_an_opt_out_outlasts_a_failed_delivery() -> None:
    quiet = replace(HANDLE, flag="opted_out")
    receipt = Receipt("SM1", DeliveryState.FAILED)
    made = plan(receipt, seen(inquiry(), target=TARGET, handle=quiet))
    assert not ops(made, FlagHandle)
