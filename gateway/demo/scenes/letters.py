"""Scenes that are played by mail."""

import asyncio
import json
import time
from typing import Any

from gateway.demo.cast import (
    AGENT,
    CARD_BINDING,
    GIFT,
    HOLIDAY,
    MAILBOX,
    OLD_MAILER,
    PASSWORD,
    Person,
)
from gateway.demo.stage import MAIL, Stage
from gateway.domain.store import Reader, Row

#: Seconds within which the first question has to be answered.
PROMPT = 1.0


async def write(stage: Stage, person: Person, **how: Any) -> Any:
    """The person writes to us; the mail as its writer's mailbox keeps it."""
    await stage.quote(f"{person.name} ✉", f"{person.subject} — {person.text}", 1.6)
    data = stage.letters.compose(
        person.address, MAILBOX, person.subject, person.text, name=person.name, **how
    )
    await stage.post(data)
    return stage.letters.read(data)


async def password(stage: Stage) -> None:
    """A Chinese question that is answered at once, in its thread."""
    await stage.tell("一封邮件到了监听端口。", "A mail reaches the listener.", 1.5)
    await stage.quote(f"{PASSWORD.name} ✉", PASSWORD.text, 1.5)
    started = time.perf_counter()
    data = stage.letters.compose(
        PASSWORD.address, MAILBOX, PASSWORD.subject, PASSWORD.text, name=PASSWORD.name
    )
    await stage.post(data)
    answer = await stage.letters_to(PASSWORD.address)
    took = time.perf_counter() - started
    question = stage.letters.read(data)
    await stage.quote("Gateway", answer.text, 0.0)
    stage.show(took < PROMPT, f"{took:.2f} 秒后收到回信", f"answered after {took:.2f} s")
    stage.show(
        answer.in_reply_to == question.message_id and question.message_id in answer.references,
        "回信与来信在同一会话",
        "in the customer's thread (In-Reply-To, References)",
    )
    stage.show(
        answer.headers.get("auto-submitted") == "auto-replied"
        and answer.text.startswith("这是自动回复")
        and "人工" in answer.text,
        "写明是自动回复，并给出找人工的办法",
        "says that it is automatic and how to reach a person",
    )
    row = await stage.reached(MAIL, PASSWORD.address, "answered")
    stage.show(row["topic"] == "password_reset", "主题 password_reset", "topic password_reset")


async def add_card(stage: Stage) -> None:
    """An English question, answered in English."""
    question = await write(stage, CARD_BINDING)
    answer = await stage.letters_to(CARD_BINDING.address)
    await stage.quote("Gateway", answer.text, 0.0)
    stage.show(
        answer.text.startswith("This is an automatic reply."), "用英文回复", "answered in English"
    )
    stage.show(
        answer.in_reply_to == question.message_id,
        "回信与来信在同一会话",
        "in the customer's thread",
    )
    row = await stage.reached(MAIL, CARD_BINDING.address, "answered")
    stage.show(row["topic"] == "bind_card", "主题 bind_card", "topic bind_card")


async def bounced(stage: Stage) -> None:
    """A person answers, and days later the mail comes back: somebody has to know."""
    await stage.tell(
        "没有模板能回答的问题，交给人工。",
        "A question that no template answers goes to a person.",
        1.2,
    )
    await write(stage, GIFT)
    row = await stage.reached(MAIL, GIFT.address, "queued")
    stage.show(
        row["queue"] == "general", "没有把握，进入队列 general", "unsure: to the queue general"
    )
    await stage.letters_to(GIFT.address)
    message = await stage.gateway.desk.reply(
        row["number"], AGENT, "Hello Ms Brown, we will send you an offer for forty vouchers."
    )
    ours = await stage.letters_to(GIFT.address, 2)
    await stage.until(
        lambda r: _delivery(r, message) == "sent", "回信已发出", "the answer is recorded as sent"
    )
    await stage.tell(
        "客服的回信被对方服务器接收，随后退回（DSN）。",
        "The agent's answer was accepted, and then comes back as a delivery report (RFC 3464).",
    )
    # Only to an envelope sender: a bounce of automatic mail would go nowhere, which is the point.
    await stage.post(
        stage.letters.bounce(ours), sender="", recipients=[ours.envelope_from or MAILBOX]
    )
    await stage.until(
        lambda r: _delivery(r, message) == "bounced",
        "回信显示为被退回",
        "the answer shows as bounced",
    )
    row = await stage.reached(MAIL, GIFT.address, "queued")
    handle = await stage.read(lambda r: stage.handle(r, MAIL, GIFT.address))
    stage.show(
        handle is not None and handle["flag"] == "bounced",
        "回信与地址都标为被退回",
        "answer and address are marked as bounced",
    )
    stage.show(
        await stage.logged(row, "message.bounced") and not row["assigned_to"],
        f"咨询 {row['number']} 回到队列，等人处理",
        f"inquiry {row['number']} is back in the queue for a person",
    )
    stage.show(
        len(stage.mail.mailboxes[GIFT.address]) == 2, "没有回复退信", "the bounce got no reply"
    )


async def out_of_office(stage: Stage) -> None:
    """Machines must not talk to each other."""
    await write(stage, HOLIDAY)
    answer = await stage.letters_to(HOLIDAY.address)
    row = await stage.reached(MAIL, HOLIDAY.address, "answered")
    before = len(await stage.messages(row))
    await stage.tell(
        "客户的邮箱回了一封“我在休假”。",
        "The customer's mailbox answers: “I am on holiday”.",
    )
    await stage.post(stage.letters.out_of_office(answer, chinese=True))

    def suppressed(reader: Reader) -> Any:
        events = reader.all("events.of_inquiry", inquiry_id=row["id"])
        return [event for event in events if event["kind"] == "message.suppressed"]

    await stage.until(suppressed, "识别为自动回复", "recognised as automatic")
    messages = await stage.messages(row)
    stage.show(
        [m["direction"] for m in messages[before:]] == ["in"],
        "识别为自动回复并存档",
        "recognised as automatic, kept with its inquiry",
    )
    # Plan and outbox row are one transaction: what is not there now will never come.
    rows = await stage.read(lambda r: _outbox(r, row))
    stage.show(
        len(rows) == 1 and len(stage.mail.mailboxes[HOLIDAY.address]) == 1,
        "没有回复它",
        "it got no reply",
    )
    after = await stage.read(lambda r: r.one("inquiries.by_id", id=row["id"]))
    stage.show(
        after is not None and after["state"] == "answered",
        "咨询状态不变",
        "the inquiry is unchanged",
    )


async def gbk(stage: Stage) -> None:
    """What old Chinese mail programs send: GBK, declared as GB2312."""
    await stage.tell(
        "老邮件客户端：声明 gb2312，实际是 GBK。",
        "An old mail program: declared as GB2312, written in GBK.",
        1.2,
    )
    await write(stage, OLD_MAILER, charset="gbk", declared="gb2312")
    answer = await stage.letters_to(OLD_MAILER.address)
    row = await stage.reached(MAIL, OLD_MAILER.address, "answered")
    messages, rows = await asyncio.gather(
        stage.messages(row),
        stage.read(lambda r: r.all("inquiries.listed", state="", queue="", n=200)),
    )
    stage.show(
        messages[0]["text"] == OLD_MAILER.text and row["subject"] == OLD_MAILER.subject,
        "正文和标题一字不差",
        "text and subject are read to the letter",
    )
    name = next((each["contact_name"] for each in rows if each["id"] == row["id"]), "")
    stage.show(name == OLD_MAILER.name, f"姓名“{name}”正确", f"the name {name} too")
    await stage.quote("Gateway", answer.text, 0.0)
    stage.show(
        row["topic"] == "account_security" and answer.subject.count(OLD_MAILER.subject) == 1,
        "已回复，主题 account_security",
        "answered, topic account_security",
    )


def _delivery(reader: Reader, message: str) -> str:
    row = reader.one("messages.by_id", id=message)
    return str(row["delivery"]) if row is not None else ""


def _outbox(reader: Reader, inquiry: Row) -> list[Row]:
    rows = reader.all("outbox.listed", state="", n=1000)
    return [row for row in rows if row["inquiry_id"] == inquiry["id"]]


def reasons(events: list[Row]) -> list[str]:
    """Why decisions were as they were, from their events."""
    return [str(json.loads(event["data"])["reason"]) for event in events]
