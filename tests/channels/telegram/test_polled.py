"""On a store: Telegram forgets an update only when it is committed, and each is one message."""

import json
import random
from typing import Any

import pytest

from channels.telegram import Telegram, TelegramSettings
from gateway.domain.errors import Overloaded
from gateway.pollers import REFUSED_PAUSE, Polling
from gateway.testing.builders import webhook
from gateway.testing.world import build_world
from tests.channels.telegram.bot_api import FakeBotApi
from tests.store.engines import select, value
from tests.workers.rig import Rig

TOKEN = "4839574812:AAFD39kkdpWt3ywyRZergyOLMaJhac60qcK"
COUNT = "SELECT COUNT(*) FROM raw_events"


def telegram(url: str, **settings: Any) -> Telegram:
    return Telegram.from_account(
        TelegramSettings(token=TOKEN, base_url=url, **settings), build_world()
    )


def written(number: int, text: str = "hi") -> dict[str, Any]:
    message = {
        "message_id": number,
        "date": 1767225600,
        "chat": {"id": 5938274610, "type": "private"},
        "from": {"id": 5938274610, "is_bot": False, "first_name": "Wang"},
        "text": text,
    }
    return {"update_id": 1000 + number, "message": message}


def polling(rig: Rig, channel: Telegram) -> Polling:
    return Polling("app", channel, rig.intake(), rig.store, rig.clock, rig.log, "a")


async def texts(rig: Rig) -> list[str]:
    rows = await select(rig.store, "SELECT body FROM raw_events ORDER BY id")
    return [json.loads(row["body"])["text"] for row in rows]


async def test_an_update_whose_commit_failed_is_still_with_telegram(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with FakeBotApi(TOKEN) as api:
        api.arrive(written(1, "one"), written(2, "two"))
        poller = polling(rig, telegram(api.url))
        whole = rig.store.write

        async def full(work: Any) -> Any:
            msg = "the disk is full"
            raise Overloaded(msg)

        with monkeypatch.context() as patch:
            patch.setattr(rig.store, "write", full)
            assert await poller.once()  # a pause
        assert rig.store.write == whole
        assert await value(rig.store, COUNT) == 0
        assert len(api.updates) == 2
        assert await poller.once() == 0.0
        assert await texts(rig) == ["one", "two"]
        # Telegram is told by the next question, which waits for news.
        api.arrive(written(3, "three"))
        await poller.once()
        assert [update["update_id"] for update in api.updates] == [1003]
    assert await texts(rig) == ["one", "two", "three"]


async def test_a_crash_between_commit_and_the_next_poll_brings_nothing_twice(rig: Rig) -> None:
    async with FakeBotApi(TOKEN) as api:
        api.arrive(written(1), written(2))
        await polling(rig, telegram(api.url)).once()
        # Another process, and the cursor of an hour ago: all comes again.
        await rig.meddle("DELETE FROM memos")
        await polling(rig, telegram(api.url)).once()
    assert await value(rig.store, COUNT) == 2


async def test_an_account_whose_bot_has_a_webhook_rests(rig: Rig) -> None:
    async with FakeBotApi(TOKEN) as api:
        api.webhook["url"] = "https://old.example/"
        assert await polling(rig, telegram(api.url)).once() == REFUSED_PAUSE


async def test_a_hundred_deliveries_in_any_order_are_one_message_each(rig: Rig) -> None:
    hooked, intake = telegram("https://api.telegram.org", webhook_secret="s"), rig.intake()
    calls = [json.dumps(written(number)).encode() for number in range(5)] * 100
    random.Random(7).shuffle(calls)
    for body in calls:
        parsed = hooked.parse(webhook(body))
        await intake.events("app", parsed.events, "telegram-secret-token:current")
    assert await value(rig.store, COUNT) == 5
