"""Nothing that names a stranger's number or link leaves the outbox, whoever wrote it."""

import pytest

from gateway.delivery.vetting import vetted
from gateway.domain.allowlist import Allowed
from gateway.domain.channel import Outbound
from gateway.domain.model import Visibility
from tests.delivery.at_work import STATE, delivering, row
from tests.delivery.scripted import Scripted
from tests.store.engines import value
from tests.store.rows import arrival, outgoing, put
from tests.workers.rig import Rig

OURS = Allowed.of(["400-820-1234"])


async def test_a_text_with_a_strangers_number_is_parked_before_anything_is_sent(rig: Rig) -> None:
    channel = Scripted()
    await put(rig.store, arrival(), outgoing(text="请拨打 400-999-8888"))
    async with delivering(rig, {"app": channel}, allowed={"app": OURS}) as delivery:
        await rig.store.until(STATE, "parked")
        assert not delivery.counts["app", "sent"]
    assert channel.given == []
    left = await row(rig)
    assert left["begun_at"] is None
    assert "the number '400-999-8888' is not among the brand's" in left["detail"]
    assert await value(rig.store, "SELECT flag FROM handles") == "", "the address is not at fault"


async def test_the_brands_own_number_goes_out(rig: Rig) -> None:
    channel = Scripted()
    await put(rig.store, arrival(), outgoing(text="请拨打 400 820 1234"))
    async with delivering(rig, {"app": channel}, allowed={"app": OURS}):
        await rig.store.until(STATE, "sent")
    assert [given.text for given in channel.given] == ["请拨打 400 820 1234"]


async def test_an_account_without_a_brand_may_name_no_number(rig: Rig) -> None:
    channel = Scripted()
    await put(rig.store, arrival(), outgoing(text="see www.wallet.example/help"))
    async with delivering(rig, {"app": channel}):
        await rig.store.until(STATE, "parked")
    assert channel.given == []


# ---------------------------------------------------------------- subjects


def letter(subject: str, theirs: str = "", *, automatic: bool = True) -> Outbound:
    return Outbound(
        id="m", to="ann@mail.example", text="hello", visibility=Visibility.PRIVATE,
        automatic=automatic, subject=subject, reply_to={"subject": theirs, "message_id": "<1@a>"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("subject", "theirs"),
    [
        ("Call 400-999-8888 now", ""),
        ("", "您的账户异常，请访问www.evil.example"),
        ("hi", "bit.ly/3x"),
    ],
)
def test_an_automatic_reply_carries_no_strangers_number_in_its_subject(
    subject: str, theirs: str
) -> None:
    sent, why = vetted(letter(subject, theirs), OURS)
    assert (sent.subject, sent.reply_to, why) == ("", {"subject": "", "message_id": "<1@a>"}, "")


def test_an_ordinary_subject_is_repeated_and_a_persons_is_left_alone() -> None:
    plain = letter("Re: 充值没到账 [#261122-000123]", "充值没到账 2026-11-22")
    assert vetted(plain, OURS) == (plain, "")
    own = letter("Call 400-999-8888 now", automatic=False)
    assert vetted(own, OURS) == (own, "")
