"""The first scene and the last: what the gateway may do, and whether its books are right."""

from collections import Counter

from gateway.demo.stage import Stage
from gateway.domain.store import Reader
from gateway.store.sealer import verify

#: What the story has to show at least.
LEAST_INQUIRIES = 8


async def permission(stage: Stage) -> None:
    """No certificate, no automatic answer."""
    await stage.tell(
        "自动回复要先有证书：用带正确答案的问题，证明错答率在上限之内。",
        "Automatic answers need a certificate: questions with known answers prove that few would be wrong.",
    )
    found = {certificate.scope: certificate for certificate in await stage.certified()}
    for scope, zh, en in (
        ("*/zh-CN/normal", "中文", "Chinese"),
        ("*/en/normal", "英文", "English"),
    ):
        one = found.get(scope)
        facts = f"{one.answered}/{one.wrong}, ≥ {one.threshold:.2f}" if one else "-"
        stage.show(one, f"{zh}证书（答/错 {facts}）", f"{en} certified (answered/wrong {facts})")
    stage.show(
        all(certificate.origin == "bootstrap" for certificate in found.values()),
        "标为起步用，不是本单位自己的案例",
        "marked bootstrap: not an installation's own cases",
    )


async def balance(stage: Stage) -> None:
    """Nothing lost, nothing doubled, nothing changed afterwards."""
    await stage.tell("最后对账。", "At last, the books.", 1.0)
    rows = await stage.read(lambda r: r.all("inquiries.listed", state="", queue="", n=1000))
    languages = list(dict.fromkeys(str(row["language"]) for row in rows[::-1]))
    stage.show(
        len(rows) >= LEAST_INQUIRIES and {"zh-CN", "en"} <= set(languages),
        f"{len(rows)} 个咨询（{', '.join(languages)}）",
        f"{len(rows)} inquiries in {', '.join(languages)}",
    )
    done = await stage.until(_done, "事件全部处理，没有隔离", "all events done, none in quarantine")
    stage.show(
        done,
        f"{done} 个事件全部处理，没有隔离",
        f"{done} events, all done, none in quarantine",
    )
    outbox = await stage.until(_settled, "发件箱清空", "the outbox is empty")
    accepted = Counter(
        [
            *(message.message_id for message in stage.mail.received),
            *(message.sid for message in stage.sms.messages),
            *(f"{answer['to']}:{answer['id']}" for answer in stage.app.answers),
        ]
    )
    stage.show(
        max(accepted.values()) == 1 and len(accepted) == outbox and not stage.app.repeated,
        f"发出 {outbox} 条，对方各收到一次",
        f"{outbox} messages sent, each received once",
    )
    events = await stage.read(verify)
    stage.show(events, f"{events} 条日志，链条完整", f"{events} log events, the chain is unbroken")


def _done(reader: Reader) -> int:
    """How many events were worked off; 0 while any waits or could not be read."""
    counts = {row["state"]: int(row["n"]) for row in reader.all("intake.counts")}
    if set(counts) != {"done"} or reader.value("intake.quarantine_count"):
        return 0
    return counts["done"]


def _settled(reader: Reader) -> int:
    """How many messages went out; 0 while any is under way or parked."""
    states = {row["state"] for row in reader.all("outbox.counts")}
    if states - {"sent"}:
        return 0
    return sum(row["n"] for row in reader.all("outbox.counts"))
