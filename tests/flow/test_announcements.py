"""An outage from its announcement to its end, on every channel at once, with whole gateways on both
engines and the providers' simulators at the other ends."""

import asyncio
from dataclasses import replace

import pytest

from gateway.desk import announcements
from gateway.domain.announcement import Announcement, Words
from gateway.domain.segments import segments
from gateway.store import sealer
from tests.flow.play import Play, Town
from tests.store.engines import select, value

pytestmark = pytest.mark.asyncio(loop_scope="module")

SHORT, LONG = (
    "充值到账有延迟，资金安全。",
    "您好，充值到账目前有延迟，您的资金是安全的，请勿重复充值。",
)
EN = "Top-ups are late now; your money is safe."
QUESTION = "我的充值没有到账，怎么办"
OUTAGE = Announcement(
    "", ("topup_not_arrived",), (), {"zh-CN": Words(SHORT, LONG, "充值已恢复正常。"), "en": Words(EN)}, 0.0, 0.0
)  # fmt: skip


async def announce(town: Town, seconds: float = 3600.0) -> str:
    gateway = town.gateway
    now = gateway.clock.now()
    one = replace(OUTAGE, id=gateway.ids.new(), starts_at=now, ends_at=now + seconds)
    await announcements.add(gateway.store, gateway.clock, gateway.ids, one, "lin", lambda _: [])
    return one.id


async def ended(town: Town, name: str) -> None:
    gateway = town.gateway
    await announcements.end(gateway.store, gateway.clock, gateway.ids, name, "lin")
    await settled(town, name)


async def settled(town: Town, name: str) -> None:
    """Wait until everybody has been told. Loops of the gateway do it, which share no event with us, so
    the database is asked."""
    left = (
        f"SELECT (SELECT COUNT(*) FROM timers WHERE subject = '{name}') + (SELECT COUNT(*)"
        f" FROM announcement_inquiries WHERE announcement_id = '{name}' AND outcome = '')"
    )
    async with asyncio.timeout(30.0):
        while await value(town.gateway.store, left):
            await asyncio.sleep(0.01)
    await town.quiet()


async def ask(play: Play, how: str, text: str = QUESTION) -> None:
    more = {"subject": "充值"} if how == "mail" and not play._reached()["box"] else {}
    if how == "mail" and not more:
        more = {"answers": -1}
    await getattr(play, f"_{how}")(text, **more)
    await play.town.quiet()


def heard(play: Play) -> list[str]:
    """The texts that reached this customer, on whichever channel."""
    found = play._reached()
    return [
        *(message["text"] for message in found["app"]),
        *(message.body for message in found["sms"]),
        *(message.text for message in found["box"]),
    ]


async def state(play: Play) -> str:
    return str((await play._inquiries())[-1]["state"])


@pytest.fixture
def customers(town: Town, request: pytest.FixtureRequest) -> dict[str, Play]:
    """Somebody on each channel, of this test alone."""
    mark = f"{abs(hash(request.node.name)) % 10**6:06}"
    return {
        "app": Play(town, f"outage-{mark}"),
        "sms": Play(town, f"+86138{mark}00"),
        "mail": Play(town, f"outage-{mark}@customer.example"),
    }


async def test_from_its_announcement_to_its_end_on_every_channel_at_once(
    town: Town, customers: dict[str, Play]
) -> None:
    name = await announce(town)
    for how, play in customers.items():
        await ask(play, how)
        (text,) = heard(play)
        said = SHORT if how == "sms" else LONG
        assert text.count(said) == 1, text
        assert text.index("这是自动回复") < text.index(said)
        assert await state(play) == "answered"
        if how == "sms":
            assert segments(text).parts <= 2
    await ended(town, name)
    for play in customers.values():
        first, second = heard(play)
        assert "充值已恢复正常。" in second
        assert "解决" in second
        assert SHORT not in second
        assert first != second
    assert await value(
        town.gateway.store,
        f"SELECT COUNT(*) FROM announcement_inquiries WHERE announcement_id = '{name}' AND outcome = 'told'",
    ) == len(customers)

    for how, play in customers.items():
        await ask(play, how, "2" if how == "sms" else "1")
    assert {how: await state(play) for how, play in customers.items()} == {
        "app": "resolved", "sms": "queued", "mail": "resolved",
    }  # fmt: skip
    letters = customers["mail"]._reached()["box"]
    assert all(letter.in_reply_to for letter in letters), (
        "each in the thread of the customer's mail"
    )
    assert await town.gateway.store.read(sealer.verify) > 0


async def test_afterwards_nobody_hears_of_it(town: Town, customers: dict[str, Play]) -> None:
    await ended(town, await announce(town))
    await ask(customers["app"], "app")
    (text,) = heard(customers["app"])
    assert LONG not in text


async def test_it_ends_by_itself(town: Town, customers: dict[str, Play]) -> None:
    name = await announce(town, seconds=3.0)
    await ask(customers["app"], "app")
    assert LONG in heard(customers["app"])[0]
    await settled(town, name)
    assert "充值已恢复正常。" in heard(customers["app"])[1]
    (row,) = await select(
        town.gateway.store,
        f"SELECT over_at, ends_at, ended_by FROM announcements WHERE id = '{name}'",
    )
    assert row["over_at"] >= row["ends_at"]
    assert row["ended_by"] == ""


async def test_who_said_stop_is_not_written_to(town: Town, customers: dict[str, Play]) -> None:
    name = await announce(town)
    play = customers["sms"]
    await ask(play, "sms")
    await ask(play, "sms", "STOP")
    before = heard(play)
    await ended(town, name)
    assert heard(play) == before
