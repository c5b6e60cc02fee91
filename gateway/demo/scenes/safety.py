"""Scenes in which a mistake would cost somebody money or privacy."""

import asyncio
import base64
import re
from functools import partial
from pathlib import Path

from gateway.demo.cast import (
    CARD_BY_MAIL,
    CARD_IN_APP,
    CARD_NUMBER,
    CLOSING,
    FRAUD,
)
from gateway.demo.scenes.letters import reasons, write
from gateway.demo.stage import APP, MAIL, Stage

NOTE = "安全提醒"


async def card_number(stage: Stage) -> None:
    """A secret that must never reach the disk, by two ways in."""
    await write(stage, CARD_BY_MAIL)
    await stage.quote(f"{CARD_IN_APP.name} 💬", CARD_IN_APP.text, 1.2)
    await stage.app.post_message(
        stage.webhook(APP), CARD_IN_APP.text, sender=CARD_IN_APP.address, name=CARD_IN_APP.name
    )
    by_mail = await stage.letters_to(CARD_BY_MAIL.address)
    in_app = await stage.answers_to(CARD_IN_APP.address)
    await stage.quote("Gateway", by_mail.text, 0.0)
    stage.show(
        NOTE in by_mail.text and NOTE in in_app["text"],
        "两条回复都提醒客户不要发送卡号",
        "both answers tell the customer not to send card numbers",
    )
    both = ((MAIL, CARD_BY_MAIL.address), (APP, CARD_IN_APP.address))
    rows = [await stage.read(partial(stage.inquiry, account=a, address=who)) for a, who in both]
    stored = [(await stage.messages(row))[0]["text"] for row in rows if row is not None]
    stage.show(
        all("[card ****1111]" in text for text in stored),
        "存下的是 [card ****1111]",
        "what is stored says [card ****1111]",
    )
    folder = stage.gateway.config.data_dir
    # The words around the number are there: proof that the search looks in the right place.
    around = await asyncio.to_thread(files_with, folder, [CARD_BY_MAIL.text[:6].encode()])
    stage.show(around, "数据库里有消息的其余文字", "the database holds the words around it")
    found = await asyncio.to_thread(files_with, folder, spellings(CARD_NUMBER))
    stage.show(
        not found,
        "数据库、WAL 和日志的字节里都没有卡号",
        "the number is nowhere in the bytes of database, WAL and log",
    )


async def fraud(stage: Stage) -> None:
    """Advice at once, and to the front of the security queue."""
    await write(stage, FRAUD)
    advice = await stage.letters_to(FRAUD.address)
    row = await stage.reached(MAIL, FRAUD.address, "queued")
    await stage.quote("Gateway", advice.text, 0.0)
    stage.show(
        row["topic"] == "unknown_transaction" and row["queue"] == "security" and row["urgent"],
        "紧急，进入队列 security",
        "urgent: to the queue security",
    )
    head = await stage.read(lambda r: r.one("inquiries.head", queue="security"))
    stage.show(
        head is not None and head["id"] == row["id"], "排在最前面", "at the front of the queue"
    )
    stage.show(
        "修改登录密码" in advice.text and "冻结账户" in advice.text,
        "立即给出保护资金的建议",
        "safety advice at once",
    )
    made = reasons(await stage.logged(row, "decision.made"))
    stage.show(
        made and not await stage.logged(row, "inquiry.answered"),
        f"没有自动办结（{made[0]}）",
        f"not closed by automation ({made[0]})",
    )


async def closing(stage: Stage) -> None:
    """Advice, but no automation closes an account because of a message."""
    await write(stage, CLOSING)
    advice = await stage.letters_to(CLOSING.address)
    row = await stage.reached(MAIL, CLOSING.address, "queued")
    await stage.quote("Gateway", advice.text, 0.0)
    stage.show(
        row["topic"] == "account_closing" and row["queue"] == "accounts",
        "进入队列 accounts",
        "to the queue accounts",
    )
    stage.show(
        "never close an account because of a message" in advice.text,
        "只给建议，由人工确认",
        "advice only; a person confirms",
    )
    stage.show(
        not await stage.logged(row, "inquiry.answered"), "没有自动办结", "not closed by automation"
    )


def spellings(number: str) -> list[bytes]:
    """How a card number may stand in a file: bare, in groups, and each of them in base64 at any of
    its three alignments (as a stored mail would have it)."""
    groups = re.findall(".{4}", number)
    plain = [separator.join(groups).encode() for separator in ("", " ", "-")]
    coded = []
    for text in plain:
        for shift in range(3):
            whole = base64.b64encode(b"\0" * shift + text)
            # The characters at both ends mix in bits of the neighbours.
            coded.append(whole[4 if shift else 0 : -4])
    return [*plain, *coded]


def files_with(folder: Path, needles: list[bytes]) -> list[str]:
    """The files below a folder in which one of the byte strings stands, broken into lines or not."""
    found = []
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = file.read_bytes()
        joined = content.replace(b"\r", b"").replace(b"\n", b"")
        if any(needle in content or needle in joined for needle in needles):
            found.append(file.name)
    return found
