"""Scenes that are played by a system of one's own, over signed JSON."""

from gateway.demo.cast import APP_USER
from gateway.demo.stage import APP, Stage
from gateway.domain.store import Reader, Row

TOPIC = "payment_failed"
THANKS = "解决了，谢谢"


async def solved(stage: Stage) -> None:
    """The customer says that it helped: done, without a person."""
    webhook = stage.webhook(APP)
    await stage.quote(f"{APP_USER.name} 💬", APP_USER.text, 1.2)
    posted = await stage.app.post_message(
        webhook, APP_USER.text, sender=APP_USER.address, name=APP_USER.name
    )
    stage.show(posted.status == 200, "签名的 JSON 被接收", "signed JSON is taken")
    answer = await stage.answers_to(APP_USER.address)
    row = await stage.reached(APP, APP_USER.address, "answered")
    await stage.quote("Gateway", answer["text"], 2.0)
    stage.show(
        row["topic"] == TOPIC, f"回调收到回复，主题 {TOPIC}", f"answered by callback: {TOPIC}"
    )
    await stage.quote(f"{APP_USER.name} 💬", THANKS, 1.2)
    await stage.app.post_message(webhook, THANKS, sender=APP_USER.address)

    def resolved(reader: Reader) -> Row | None:
        found = reader.one("inquiries.by_id", id=row["id"])
        return found if found is not None and found["state"] == "resolved" else None

    done = await stage.until(
        resolved, "客户说“解决了”，咨询办结", "“solved”: the inquiry is resolved"
    )
    stage.show(
        done is not None and done["topic"] == TOPIC,
        f"客户说“解决了”，咨询办结，主题仍是 {TOPIC}",
        "“solved”: the inquiry is resolved and keeps its topic",
    )
