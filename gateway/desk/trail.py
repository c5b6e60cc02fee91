"""Why an inquiry is where it is: what routing did with it, from the event log, to be read by people."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.desk.commands import find
from gateway.domain.store import Reader, Row
from gateway.routing.matching import REFUSED
from gateway.routing.model import OFF_HOURS, Lane, Presence
from gateway.routing.placement import Tried, explain


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened."""

    at: float
    kind: str
    """Of the event."""
    text: str
    details: tuple[str, ...] = ()
    """The filters and targets that were tried, or the agents who were passed over and why."""
    data: Mapping[str, Any] | None = None
    """Of the event; None where its contents were erased."""

    def as_values(self) -> dict[str, Any]:
        """For programs."""
        return {
            "at": self.at,
            "kind": self.kind,
            "text": self.text,
            "details": list(self.details),
            "data": self.data,
        }


def trail(reader: Reader, reference: str, language: str = "en") -> tuple[Row, list[Entry]]:
    """The inquiry, and what routing did with it, in order.

    Args:
        reader: of the database.
        reference: number or id of the inquiry.
        language: 'zh…' for Chinese; English for every other one.

    Raises:
        NotFound: there is no such inquiry.
    """
    inquiry = find(reader, reference)
    tongue = "zh" if language.lower().startswith("zh") else "en"
    entries = [
        _entry(row, tongue) for row in reader.all("events.of_inquiry", inquiry_id=inquiry["id"])
    ]
    return inquiry, [entry for entry in entries if entry is not None]


def _entry(row: Row, tongue: str) -> Entry | None:
    kind: str = row["kind"]
    words = _WORDS[tongue]
    if kind not in words and not kind.startswith(_TOLD):
        return None
    if not row["data"]:
        return Entry(row["at"], kind, f"{kind}: {words['erased']}")
    data: dict[str, Any] = json.loads(row["data"])
    text = _text(kind, data, row["at"], tongue)
    return Entry(row["at"], kind, text, tuple(_details(kind, data, tongue)), data)


def _text(kind: str, data: Mapping[str, Any], at: float, tongue: str) -> str:
    words = _WORDS[tongue]
    if kind not in words:
        said = (
            f"{name} {value}"
            for name, value in data.items()
            if isinstance(value, str | int | float)
        )
        return f"{kind}  {', '.join(said)}".rstrip(" ")
    template = words[kind]
    if kind == "inquiry.returned":
        template = words.get(f"returned.{data.get('why')}", template)
    elif kind == "inquiry.assigned" and data.get("by"):
        template = words["given"]
    elif kind == "inquiry.moved" and data.get("left"):
        template = words["homeless"]
    elif kind == "consult.closed":
        template = words.get(f"consult.closed.{data.get('why')}", template)
    known = {**dict.fromkeys(_FIELDS, ""), **data}
    known["seconds"] = f"{data.get('until', at) - at:.0f}"
    known["lane"] = _lane(str(data.get("lane", "")), words)
    text = template.format_map(known)
    tail = data.get("reason") or _outcome(data, tongue)
    return f"{text}{words['colon']}{tail}" if tail else text


def _outcome(data: Mapping[str, Any], tongue: str) -> str:
    """What came of it, as people of that language read it, with the comment."""
    labels: Mapping[str, str] = data.get("labels", {})
    label = next((text for name, text in labels.items() if name.startswith(tongue)), "")
    said = label or data.get("disposition", "")
    comment = data.get("comment", "")
    return f"{said} ({comment})" if said and comment else said or comment


def _lane(key: str, words: Mapping[str, str]) -> str:
    """'payments (needs card 2; weight 3)'."""
    if not key:
        return ""
    lane = Lane.parse(key)
    parts = [words["needs"] + ", ".join(f"{name} {level}" for name, level in lane.needs)]
    parts = parts if lane.needs else []
    if lane.weight != 1:
        parts.append(f"{words['weight']}{lane.weight}")
    return f"{lane.queue} ({'; '.join(parts)})" if parts else lane.queue


def _details(kind: str, data: Mapping[str, Any], tongue: str) -> list[str]:
    if kind == "inquiry.offered":
        colon = _WORDS[tongue]["colon"]
        return [f"{name}{colon}{_why_not(why, tongue)}" for name, why in data.get("considered", ())]
    return explain([Tried.from_values(one) for one in data.get("trail", ())], tongue)


def _why_not(why: str, tongue: str) -> str:
    """A reason of `Agent.lacks` or of the matcher, in the reader's language."""
    if tongue == "en":
        return why
    for pattern, said in _REASONS:
        if found := pattern.fullmatch(why):
            return said.format(*found.groups())
    return why


#: Events of these kinds are told although nothing here has words for them.
_TOLD = ("sla.", "callback.", "overflow.", "offer.", "consult.", "waiting.")
_FIELDS = ("agent", "queue", "priority", "by", "why", "step", "lane", "left", "to")
_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "colon": ": ",
        "needs": "needs ",
        "weight": "weight ",
        "erased": "its contents were erased",
        "given": "{agent} has it, given by {by}",
        "inquiry.created": "begins",
        "inquiry.queued": "waits in {lane}, priority {priority}, by {by}; why a person: {why}",
        "inquiry.step": "step {step} of the rule: queue {queue}",
        "inquiry.moved": "waits in {lane}",
        "homeless": "waits in {lane}: there is no queue {left} any more",
        "inquiry.offered": "is offered to {agent} for {seconds} s",
        "inquiry.assigned": "{agent} has it",
        "inquiry.claimed": "{agent} takes it",
        "inquiry.withdrawn": "waits no more: {why}",
        "inquiry.returned": "comes back from {agent}: {why}",
        "returned.declined": "{agent} declines, it waits again",
        "returned.expired": "the offer to {agent} runs out, it waits again",
        "returned.left": "{agent} leaves, it waits again",
        "returned.vanished": "{agent} is not heard of any more, it waits again",
        "returned.hours": "{agent}'s working hours are over, it waits again",
        "returned.removed": "{agent} is not in the settings any more, it waits again",
        "returned.handed_on": "{agent} hands it on",
        "offer.revoked": "the offer to {agent} is taken back",
        "inquiry.replied": "{agent} replies",
        "inquiry.customer_wrote": "the customer writes",
        "inquiry.resolved": "is resolved",
        "inquiry.closed": "is closed",
        "consult.asked": "{agent} asks {to} for advice",
        "consult.answered": "{agent} gives {to} advice",
        "consult.withdrawn": "{agent} needs no advice of {to} any more",
        "consult.closed": "the question of {agent} to {to} ends",
        "consult.closed.done": "the question of {agent} to {to} ends: the matter is done",
        "consult.closed.left": "the question of {agent} to {to} ends: {agent} has it no more",
        "consult.closed.removed": "the question of {agent} to {to} ends: not in the settings any more",
    },
    "zh": {
        "colon": "：",
        "needs": "需要 ",
        "weight": "占用 ",
        "erased": "内容已删除",
        "given": "由 {by} 分配给 {agent}",
        "inquiry.created": "建立",
        "inquiry.queued": "进入队列 {lane}，优先级 {priority}，依据 {by}；转人工原因：{why}",
        "inquiry.step": "规则第 {step} 步：队列 {queue}",
        "inquiry.moved": "在 {lane} 等候",
        "homeless": "队列 {left} 已不存在，改在 {lane} 等候",
        "inquiry.offered": "派给 {agent}，限 {seconds} 秒内接受",
        "inquiry.assigned": "由 {agent} 处理",
        "inquiry.claimed": "{agent} 自行领取",
        "inquiry.withdrawn": "不再等候：{why}",
        "inquiry.returned": "从 {agent} 处退回：{why}",
        "returned.declined": "{agent} 谢绝，继续等候",
        "returned.expired": "{agent} 未在时限内接受，继续等候",
        "returned.left": "{agent} 离开，继续等候",
        "returned.vanished": "{agent} 失去联系，继续等候",
        "returned.hours": "{agent} 下班，继续等候",
        "returned.removed": "{agent} 已不在配置中，继续等候",
        "returned.handed_on": "{agent} 转出",
        "offer.revoked": "撤回派给 {agent} 的邀请",
        "inquiry.replied": "{agent} 回复",
        "inquiry.customer_wrote": "客户来信",
        "inquiry.resolved": "已办结",
        "inquiry.closed": "已关闭",
        "consult.asked": "{agent} 向 {to} 请教",
        "consult.answered": "{agent} 答复 {to} 的请教",
        "consult.withdrawn": "{agent} 不再向 {to} 请教",
        "consult.closed": "{agent} 向 {to} 的请教结束",
        "consult.closed.done": "{agent} 向 {to} 的请教结束：事项已办结",
        "consult.closed.left": "{agent} 向 {to} 的请教结束：已不由 {agent} 处理",
        "consult.closed.removed": "{agent} 向 {to} 的请教结束：对方已不在配置中",
    },
}
_PRESENCE = {
    Presence.BUSY: "忙碌",
    Presence.AWAY: "暂离",
    Presence.WRAP_UP: "整理中",
    Presence.OFFLINE: "离线",
}
_REASONS = (
    *((re.compile(presence.value), said) for presence, said in _PRESENCE.items()),
    (re.compile(re.escape(REFUSED)), "刚才没有接受"),
    (re.compile(re.escape(OFF_HOURS)), "不在工作时间"),
    (re.compile("not in the queue"), "不在这个队列"),
    (re.compile(r"full: (\d+) \+ (\d+) > (\d+)"), "已满：{0} + {1} > {2}"),
    (re.compile(r"level (\d+) of their queues"), "这个队列排在其第 {0} 级"),
    (re.compile(r"(\w+): (.+) comes first"), "{1} 优先（{0}）"),
)
