"""An agent is told at once what may not go out, and why."""

from dataclasses import replace

import pytest

from gateway.domain.allowlist import Allowed
from gateway.domain.errors import NotAllowed
from tests.store.engines import value
from tests.store.rows import arrival, moved, put
from tests.workers.rig import Rig

NUMBER = "260101-000001"
OURS = {"app": Allowed.of(["400-820-1234", "https://www.wallet.example/help"])}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("请拨打 400-999-8888", "the number '400-999-8888' is not among the brand's"),
        ("open wa11et.example/help", "the link 'wa11et.example' is not among the brand's"),
        ("write to me@mail.example", "the address 'me@mail.example' is not among the brand's"),
    ],
)
async def test_a_reply_that_names_a_strangers_is_refused_and_nothing_is_written(
    rig: Rig, text: str, why: str
) -> None:
    await put(rig.store, arrival(), moved())
    desk = replace(rig.desk(), allowed=OURS)
    with pytest.raises(NotAllowed, match=why):
        await desk.reply(NUMBER, "ann", text)
    assert await value(rig.store, "SELECT COUNT(*) FROM outbox") == 0
    assert await value(rig.store, "SELECT assigned_to FROM inquiries") == ""


async def test_the_brands_own_and_the_customers_own_may_be_named(rig: Rig) -> None:
    await put(rig.store, arrival(sender="+8613812345678"), moved())
    desk = replace(rig.desk(), allowed=OURS)
    text = "我们会拨打 138 1234 5678，您也可以拨打 400 820 1234，或看 wallet.example/help/1"
    await desk.reply(NUMBER, "ann", text)
    assert await value(rig.store, "SELECT COUNT(*) FROM outbox") == 1
