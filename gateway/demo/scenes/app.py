"""Scenes that are played by a system of one's own, over signed JSON."""

from gateway.demo.cast import APP_USER
from gateway.demo.stage import APP, Stage


async def solved(stage: Stage) -> None:
    """The customer says that it helped: done, without a person."""
    webhook = stage.webhook(APP)
    await stage.quote(f"{APP_USER.name} 💬", APP_USER.text, 1.2)
    posted = await stage.app.post_message(
        webhook, APP_USER.text, sender=APP_USER.address, name=APP_USER.name
    )
    stage.show(posted.status == 200, "签名的 JSON 被接收", "signed JSON is taken")
    answer = await stage.answers_to(APP_USER.address)
    await stage.quote("Gateway", answer["text"], 2.0)
    row = await stage.reached(APP, APP_USER.address, "answered")
    stage.show(
        row["topic"] == "payment_failed", "回调收到回复，主题 payment_failed",
        "answered through the callback: payment_failed",
    )  # fmt: skip
    await stage.quote(f"{APP_USER.name} 💬", "解决了，谢谢", 1.2)
    await stage.app.post_message(webhook, "解决了，谢谢", sender=APP_USER.address)
    await stage.until(
        lambda r: (r.one("inquiries.by_id", id=row["id"]) or {"state": ""})["state"] == "resolved",
        "客户说“解决了”，咨询办结",
        "“solved”: the inquiry is resolved",
    )
    stage.show(True, "客户说“解决了”，咨询办结", "“solved”: the inquiry is resolved")
