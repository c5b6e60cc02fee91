"""Scenes that are played by SMS, against a Twilio-compatible server over real HTTP."""

import asyncio

from gateway.demo.cast import AGENT, CODE, TOPUP
from gateway.demo.stage import SMS, Stage
from gateway.domain.store import Reader

#: How often the provider delivers one webhook when it did not like our answer.
DELIVERIES = 5


async def topup(stage: Stage) -> None:
    """Answered, not solved, handed over, answered by a person, delivered."""
    webhook = stage.webhook(SMS)
    await stage.quote(f"{TOPUP.name} 📱", TOPUP.text, 1.5)
    await stage.sms.send_sms(webhook, TOPUP.text, sender=TOPUP.address)
    first = await stage.texts_to(TOPUP.address)
    row = await stage.reached(SMS, TOPUP.address, "answered")
    await stage.quote("Gateway", first.body, 2.5)
    stage.show(
        row["topic"] == "topup_not_arrived", "自动回复“充值未到账”", "answered: topup_not_arrived"
    )
    await stage.quote(f"{TOPUP.name} 📱", "2", 1.0)
    await stage.sms.send_sms(webhook, "2", sender=TOPUP.address)
    further = await stage.texts_to(TOPUP.address, 2)
    await stage.quote("Gateway", further.body, 2.0)
    stage.show(
        further.body != first.body and "回2" in further.body,
        "客户回 2（没解决），发来其余步骤",
        "“2” (did not help): the steps that are left",
    )
    await stage.quote(f"{TOPUP.name} 📱", "2", 1.0)
    await stage.sms.send_sms(webhook, "2", sender=TOPUP.address)
    row = await stage.reached(SMS, TOPUP.address, "queued")
    second = await stage.texts_to(TOPUP.address, 3)
    await stage.quote("Gateway", second.body, 1.5)
    stage.show(
        row["queue"] == "payments" and not row["assigned_to"],
        "再回 2，步骤用完，进入队列 payments",
        "“2” again, no step is left: to the queue payments",
    )
    await stage.tell(f"客服 {AGENT} 领取并回复。", f"The agent {AGENT} claims it and replies.", 1.5)
    await stage.gateway.desk.claim(row["number"], AGENT)
    text = "您好，已查到您的200元充值，银行延迟入账，现已到账，请刷新余额。"
    message = await stage.gateway.desk.reply(row["number"], AGENT, text)
    third = await stage.texts_to(TOPUP.address, 4)
    await stage.quote(AGENT, third.body, 0.0)
    row = await stage.reached(SMS, TOPUP.address, "waiting_customer")
    stage.show(
        third.body == text and row["assigned_to"] == AGENT,
        f"{AGENT} 领取并回复",
        f"{AGENT} claims it and replies",
    )

    def delivered(reader: Reader) -> bool:
        found = reader.one("messages.by_id", id=message)
        return found is not None and found["delivery"] == "delivered"

    await stage.until(delivered, "收到送达回执", "the receipt says delivered")
    stage.show(True, "收到送达回执", "the receipt says delivered")


async def repeated(stage: Stage) -> None:
    """A provider that repeats itself is heard once."""
    webhook = stage.webhook(SMS)
    await stage.quote(f"{CODE.name} 📱", CODE.text, 1.2)
    first = await stage.sms.send_sms(webhook, CODE.text, sender=CODE.address)
    await stage.tell(
        f"供应商没等到应答，又把同一个回调同时送了 {DELIVERIES - 1} 次。",
        f"The provider delivers the same webhook {DELIVERIES - 1} times more, all at once.",
    )
    again = await asyncio.gather(
        *(
            stage.sms.send_sms(webhook, CODE.text, sender=CODE.address, sid=first.sid)
            for _ in range(DELIVERIES - 1)
        )
    )
    stage.show(
        [answer.status for answer in (first, *again)] == [200] * DELIVERIES,
        f"{DELIVERIES} 次都得到 200",
        f"{DELIVERIES} deliveries, each acknowledged",
    )
    # First everything is worked off: what the repeats did is there to be seen by then.
    await stage.until(
        lambda r: not r.value("intake.waiting"), "全部处理完", "everything is worked off"
    )
    row = await stage.read(lambda r: stage.inquiry(r, SMS, CODE.address))
    messages = await stage.messages(row) if row is not None else []
    stage.show(
        [m["direction"] for m in messages] == ["in", "out"],
        "只有一条消息",
        "one message, one answer",
    )
    await stage.reached(SMS, CODE.address, "answered")
    duplicates = stage.gateway.intake.counts[SMS, "duplicate"]
    stage.show(
        duplicates == DELIVERIES - 1,
        f"{duplicates} 次计为重复",
        f"{duplicates} counted as duplicates",
    )
    await stage.texts_to(CODE.address)
