"""The channel behind the gateway's own poller: cursor and messages in one commit, once each."""

import json

from channels._wecom_place import sign_user
from gateway.pollers import Polling
from tests.channels.wecom.fake import CUSTOMER, KFID, FakeWeCom, callback
from tests.store.engines import select


def polling(rig, channel):
    return Polling("main", channel, rig.intake(), rig.store, rig.clock, rig.log, "a")


async def test_a_callback_leads_to_the_messages_and_each_is_taken_once(rig):
    async with FakeWeCom(page_size=2) as wecom:
        for n in range(5):
            wecom.writes(f"text {n}")
        channel = wecom.account()
        poller = polling(rig, channel)
        hint = channel.parse(callback()).poll
        await poller.hinted(hint)
        while await poller.once() == 0.0:
            pass
        # The same again from an older place, as after a crash before the commit.
        await polling(rig, wecom.account()).once()
        batch = await channel.poll(None)
        await rig.intake().events("main", batch.events, "poll", rig.clock.now())
        asked = [body.get("token") for path, body in wecom.calls if path == "kf/sync_msg"]
    rows = await select(rig.store, "SELECT body FROM raw_events ORDER BY id")
    assert [json.loads(row["body"])["text"] for row in rows] == [f"text {n}" for n in range(5)]
    assert asked[0] == hint.partition(":")[2]


async def test_a_customer_who_is_known_is_known_after_a_restart(rig):
    async with FakeWeCom() as wecom:
        now = int(rig.clock.now())
        wecom.event("enter_session", scene_param=sign_user("wallet-7", now + 60, "shared"), at=now)
        await polling(rig, wecom.account(identity_secret="shared")).once()
        wecom.writes("hello", at=now + 30)
        await polling(rig, wecom.account(identity_secret="shared")).once()
    (row,) = await select(rig.store, "SELECT body FROM raw_events")
    found = json.loads(row["body"])
    assert (found["sender"], found["verified"]) == (CUSTOMER, True)
    assert found["facts"] == {"user": "wallet-7"}
    assert found["reply_to"] == {"open_kfid": KFID}


async def test_a_message_that_did_not_arrive_is_news_of_the_one_we_sent(rig):
    async with FakeWeCom() as wecom:
        wecom.event("msg_send_fail", fail_msgid="id0000000000000000000001", fail_type=6)
        await polling(rig, wecom.account()).once()
    (row,) = await select(rig.store, "SELECT body FROM raw_events")
    found = json.loads(row["body"])
    assert (found["external_id"], found["status"]) == ("id0000000000000000000001", "failed")
