"""Nothing that names a stranger's number or link leaves the outbox, whoever wrote it."""

from gateway.domain.allowlist import Allowed
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
