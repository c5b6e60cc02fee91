"""What follows from an announcement: who was told is remembered, and told once when it is over.

Its timer ends it, and hands on those it touched a few at a time, as events of the gateway's own in the
lanes of the customers; each is then planned like anything else that happens to an inquiry.
"""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gateway.domain.announcement import (
    ANNOUNCEMENT_TIMER,
    OVER,
    Announcement,
    AnnouncementOver,
    ToTell,
    from_row,
)
from gateway.domain.codec import encode
from gateway.domain.decision import Question
from gateway.domain.model import InquiryState
from gateway.domain.plan import (
    CLOSE_TIMER,
    ChangeInquiry,
    LinkAnnouncement,
    Log,
    LogEvent,
    Plan,
    SetTimer,
    SettleAnnouncement,
    derived_id,
)
from gateway.domain.reply import Reply, outgoing
from gateway.domain.snapshot import InquiryView, Snapshot
from gateway.domain.states import move
from gateway.domain.store import Reader, Row, Tx
from gateway.intake.reading import storable
from gateway.workers.draft import Draft

if TYPE_CHECKING:  # commands that only look need not load an engine
    from gateway.answers.answerer import Answerer

#: Inquiries handed on at once, and seconds between two such batches: ten thousand are told within
#: four minutes, and whoever writes meanwhile waits behind fifty at most.
BATCH = 50
PAUSE = 1.0
#: In the dialogue, while the question is open: the announcement whose end the customer was told.
ENDED = "announcement_over"
#: Mergers that are followed from one inquiry.
_LONGEST_CHAIN = 10
#: Where no person is at work on it or about to be: what the customer says next decides.
_UNATTENDED = frozenset(
    {InquiryState.ANSWERED, InquiryState.WAITING_CUSTOMER, InquiryState.RESOLVED}
)


# ---------------------------------------------------------------- while it is in force


def announcements_in_force(reader: Reader, now: float) -> tuple[Announcement, ...]:
    """Those that are said now, the oldest first."""
    return tuple(from_row(row) for row in reader.all("announcements.in_force", now=now))


def news_for(
    reader: Reader, announcements: tuple[Announcement, ...], inquiry: InquiryView | None
) -> tuple[Announcement, ...]:
    """Without those that this inquiry was told before."""
    if inquiry is None or not announcements:
        return announcements
    linked = reader.all("announcements.of_inquiry", inquiry_id=inquiry.id)
    told = {row["announcement_id"] for row in linked}
    return tuple(one for one in announcements if one.id not in told)


def link(draft: Draft, announced: Sequence[str], message_id: str) -> None:
    """The message of this plan carries announcements."""
    if not announced:
        return
    draft.add(*(LinkAnnouncement(one, draft.inquiry_id, message_id) for one in announced))
    draft.log("announcement.spliced", announcements=list(announced), message=message_id)


# ---------------------------------------------------------------- when it is over


def hand_on(tx: Tx, row: Row, event_id: str, now: float) -> Plan | None:
    """What the timer of an announcement does: end it, and then, firing again, hand on those it touched
    until none is left.

    Ending is a unit of its own: only once it is committed nobody can be told of it any more, and a look
    at those it touched has seen them all.
    """
    name = row["subject"]
    again = SetTimer(ANNOUNCEMENT_TIMER, name, now)
    if tx.run("announcements.finish", id=name, at=now, ended_by=""):
        return Plan(event_id, (again, Log(ended(event_id, name, "", now))))
    rows = tx.all("announcements.unhanded", announcement_id=name, n=BATCH)
    if not rows:
        return None
    keys = [{"announcement_id": name, "inquiry_id": one["inquiry_id"], "at": now} for one in rows]
    tx.run_many("announcements.hand_on", keys)
    tx.run_many(
        "intake.accept",
        [_event(derived_id(event_id, f"o{n}"), name, one, now) for n, one in enumerate(rows)],
    )
    return Plan(event_id, (SetTimer(ANNOUNCEMENT_TIMER, name, now + PAUSE),))


def ended(event_id: str, name: str, agent: str, now: float) -> LogEvent:
    """The line of the log; `agent` is '' where its time was up."""
    return LogEvent(event_id, "announcement.ended", now, data={"announcement": name, "by": agent})


def _event(event_id: str, name: str, row: Row, now: float) -> dict[str, object]:
    """In the lane of the customer, so that it comes behind what they have written already."""
    body = encode(AnnouncementOver(name, row["inquiry_id"]))
    return {
        "id": event_id,
        "account": row["account"],
        "dedup_key": f"{OVER}:{name}:{row['inquiry_id']}",
        "lane": storable(f"{row['account']}|{row['address']}"),
        "type": OVER,
        "received_at": now,
        "verified": "gateway",
        "body": json.dumps(body),
    }


def look_to_tell(
    reader: Reader, event: AnnouncementOver
) -> tuple[Row | None, ToTell | None, Row | None]:
    """The inquiry (the one it was merged into), what is to be told, and where that was said."""
    inquiry = reader.one("inquiries.by_id", id=event.inquiry_id)
    for _ in range(_LONGEST_CHAIN):
        if inquiry is None or not inquiry["merged_into"]:
            break
        inquiry = reader.one("inquiries.by_id", id=inquiry["merged_into"])
    row = reader.one("announcements.by_id", id=event.announcement_id)
    if inquiry is None or row is None:
        return None, None, None
    place = reader.one("announcements.to_tell", announcement_id=row["id"], inquiry_id=inquiry["id"])
    if place is None:
        return inquiry, None, None
    context = json.loads(place["reply_to"])
    told = ToTell(
        announcement=from_row(row),
        settled=bool(place["outcome"]),
        public=place["visibility"] == "public",
        recipient=str(context.get("reply_address") or place["address"]),
        context=context,
    )
    return inquiry, told, place


def tell(draft: Draft, seen: Snapshot, answerer: "Answerer", close_after: float) -> Plan:
    """Tell one inquiry that it is over, and ask whether it is over for this customer too; or settle
    that it is not told, and why."""
    about, inquiry = seen.to_tell, seen.inquiry
    if about is None or inquiry is None or about.settled:
        return draft.plan()
    draft.inquiry_id = inquiry.id
    name = about.announcement.id
    why = _why_not(seen, inquiry, about)
    draft.add(SettleAnnouncement(name, inquiry.id, why or "told"))
    if why:
        draft.log("announcement.over", announcement=name, untold=why, agent=inquiry.assigned_to)
        return draft.plan()
    text, language = answerer.over(_question(seen, inquiry), about.announcement)
    reply = Reply(
        id=draft.id("out"),
        conversation_id=seen.conversation_id,
        inquiry_id=inquiry.id,
        number=inquiry.number,
        recipient=about.recipient,
        text=text,
        author="gateway",
        automatic=True,
        language=language,
        subject=str(about.context.get("subject") or inquiry.subject),
        context=about.context,
        meta={"verb": "over", "announcement": name},
    )
    draft.add(_asked(inquiry, about.announcement), *outgoing(reply, seen.account, seen.now))
    if inquiry.state in _UNATTENDED:
        draft.add(SetTimer(CLOSE_TIMER, inquiry.id, seen.now + close_after))
    draft.log("announcement.over", announcement=name, message=reply.id)
    return draft.plan()


def _why_not(seen: Snapshot, inquiry: InquiryView, about: ToTell) -> str:
    """The outcome where nothing is sent; '' where it is."""
    if inquiry.state is InquiryState.CLOSED:
        return "closed"
    if inquiry.assigned_to or inquiry.state in {InquiryState.ASSIGNED, InquiryState.WRAPPING}:
        # They see it in the log of the inquiry; two voices at once would confuse the customer.
        return "with_agent"
    if seen.handle is None or not seen.account.kind:
        return "unreachable"
    if seen.handle.flag:
        return seen.handle.flag
    if about.public:
        return "public"
    return "window_closed" if seen.shut else ""


def _question(seen: Snapshot, inquiry: InquiryView) -> Question:
    return Question(
        text="",
        language=inquiry.language,
        brand=inquiry.brand,
        form=seen.account.form,
        first=not seen.greeted,
        dialogue=inquiry.dialogue,
        number=inquiry.number,
    )


def _asked(inquiry: InquiryView, about: Announcement) -> ChangeInquiry:
    """The pending question is now whether it is solved. What waits for a person keeps its place."""
    left = {k: v for k, v in inquiry.dialogue.items() if k not in {"options", "confidence"}}
    topic = left.get("topic") or inquiry.topic or about.topics[0]
    unattended = inquiry.state in _UNATTENDED
    return ChangeInquiry(
        inquiry.id,
        inquiry.version,
        move(inquiry.state, "answer") if unattended else inquiry.state,
        dialogue={**left, "topic": topic, "pending": "solved?", ENDED: about.id},
    )
