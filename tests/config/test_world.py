"""Ids that ascend, and one account's view of the gateway."""

import re
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import structlog

from gateway.domain.model import JSON
from gateway.domain.world import Http, World
from gateway.world import AccountWorld, MonotonicIds, SystemClock


class Hands:
    """A clock that stands still until it is moved."""

    def __init__(self, at: float) -> None:
        self.at = at

    def now(self) -> float:
        return self.at


def test_ids_have_24_lower_case_characters_and_ascend_strictly():
    ids = MonotonicIds()
    made = [ids.new() for _ in range(5_000)]
    assert all(re.fullmatch(r"[0-9a-z]{24}", one) for one in made)
    assert made == sorted(set(made))


def test_ids_ascend_when_the_clock_stands_still_or_is_set_back():
    clock = Hands(1_700_000_000.0)
    ids = MonotonicIds(clock)
    made = [ids.new() for _ in range(100)]
    clock.at -= 3600
    made += [ids.new() for _ in range(100)]
    clock.at += 7200
    made += [ids.new() for _ in range(100)]
    assert made == sorted(set(made))


def test_ids_of_another_process_made_later_are_greater():
    early, late = MonotonicIds(Hands(1_700_000_000.0)), MonotonicIds(Hands(1_700_000_000.001))
    assert early.new() < late.new()


def test_ids_from_several_threads_are_all_different_and_ascend_within_each():
    ids = MonotonicIds()
    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda _: [ids.new() for _ in range(1_000)], range(4)))
    assert all(run == sorted(run) for run in runs)
    assert len({one for run in runs for one in run}) == 4_000


async def test_a_channel_sees_its_own_account_and_nothing_of_another():
    kept: dict[tuple[str, str], JSON] = {}

    async def load(account: str, key: str) -> JSON:
        return kept.get((account, key))

    async def save(account: str, key: str, value: JSON) -> None:
        kept[account, key] = value

    async def blob(address: str) -> bytes:
        return address.encode()

    def world(account: str) -> World:
        return AccountWorld(
            account_id=account,
            brand_id="demo",
            public_url="http://127.0.0.1:1",
            clock=SystemClock(),
            ids=MonotonicIds(),
            http=cast(Http, None),
            log=structlog.get_logger(),
            signer=lambda purpose, text: f"{purpose}|{text}",
            blob=blob,
            load_memo=load,
            save_memo=save,
        )

    first, second = world("a"), world("b")
    await first.remember("token", {"value": 1})
    assert await first.memo("token") == {"value": 1}
    assert await second.memo("token") is None
    assert await first.read_blob("x") == b"x"
    assert first.sign("reply", "A-1") == "reply|A-1"
