"""Verdicts on what the engine found, as an agent's reply or command gives them, and what follows at
once: a certificate whose promise they refute is ended in the transaction that writes the last of them.
"""

import json
from dataclasses import dataclass
from typing import Any

from gateway.answers.live import Tally, exceeded, overlapping
from gateway.domain.errors import NotAllowed
from gateway.domain.plan import LogEvent, derived_id
from gateway.domain.reviews import Source, Verdict
from gateway.domain.store import Row, Tx


@dataclass(frozen=True, slots=True)
class Judge:
    """One person's verdicts, written in one transaction under one command."""

    tx: Tx
    command: str
    agent: str
    now: float

    def by_topic(self, row: Row, topic: str) -> str:
        """The topic was `topic` (`NO_TOPIC`: none of ours): right if it is the one that was found."""
        return self.write(row, Verdict.RIGHT if topic == row["topic"] else Verdict.WRONG, topic)

    def write(self, row: Row, verdict: Verdict, right_topic: str) -> str:
        """Write a verdict; why a certificate was ended by it, '' when none was."""
        self.tx.run(
            "reviews.judge", id=row["id"], verdict=verdict.value, right_topic=right_topic,
            judged_by=self.agent, judged_at=self.now,
        )  # fmt: skip
        self._said(row["id"], row, verdict, right_topic)
        return self._look(row["certificate"]) if verdict is Verdict.WRONG else ""

    def add(
        self, found: Row | dict[str, Any], inquiry: str, verdict: Verdict, right_topic: str
    ) -> tuple[str, str]:
        """A verdict nobody had asked for: its id, and as `write`."""
        review = derived_id(self.command, "r")
        row = {**found, "id": review, "inquiry_id": inquiry, "source": Source.AGENT.value}
        self.tx.run(
            "reviews.add",
            **{key: value for key, value in row.items() if key != "inquiry_id"},
            verdict=verdict.value, right_topic=right_topic, judged_by=self.agent,
            judged_at=self.now, at=self.now,
        )  # fmt: skip
        self._said(review, row, verdict, right_topic)
        stopped = self._look(row["certificate"]) if verdict is Verdict.WRONG else ""
        return review, stopped

    def _said(self, review: str, row: Row, verdict: Verdict, right_topic: str) -> None:
        data = {
            "review": review, "agent": self.agent, "source": row["source"],
            "topic": row["topic"], "verdict": verdict.value, "right_topic": right_topic,
        }  # fmt: skip
        event = LogEvent(
            derived_id(self.command, f"j{review}"),
            "review.judged",
            self.now,
            row["inquiry_id"],
            data,
        )
        self.tx.log(event)

    def _look(self, certificate: str) -> str:
        """Whether the certificate still stands, now that one more answer is known to be wrong."""
        permit = self.tx.one("certificates.by_id", id=certificate)
        if permit is None or permit["revoked_at"] is not None:
            return ""
        counted: Any = self.tx.one("reviews.tally", certificate=certificate)
        because = exceeded(Tally(**counted), permit["alpha"], permit["delta"])
        if because:
            self._stop(permit, counted, because)
            return f"{permit['scope']} ({certificate}): {because}"
        return ""

    def _stop(self, permit: Row, counted: Row, because: str) -> None:
        """End it, and with it what would go on answering in its scope: other certificates of the same
        knowledge, and those of the shipped questions, which have been shown to be unlike the live
        ones."""
        for other in self.tx.all("certificates.in_force"):
            own = other["id"] == permit["id"]
            doubtful = own or (
                overlapping(other["scope"], permit["scope"])
                and (other["knowledge"] == permit["knowledge"] or other["origin"] == "bootstrap")
            )
            if not doubtful:
                continue
            ended, why = ("stopped", because) if own else ("overlaps", f"overlaps {permit['id']}")
            self.tx.run("certificates.end", id=other["id"], at=self.now, ended=ended, because=why)
            data = {
                "certificate": other["id"], "scope": other["scope"], "why": why,
                "agent": self.agent, **(counted if own else {}),
            }  # fmt: skip
            event = derived_id(self.command, f"s{other['id']}")
            self.tx.log(LogEvent(event, f"certificate.{ended}", self.now, data=data))


# ---------------------------------------------------------------- what a reply says


def replied(
    tx: Tx, inquiry: Row, command: str, now: float, agent: str, *, text: str, topic: str, used: bool
) -> str:
    """What an agent's reply says about the suggestion that lay before them; as `Judge.write`.

    The text is the draft, word for word, or `used` says that it came of the draft: the topic was
    right. Else `topic` says what it was about. Of a reply that says nothing nothing is concluded:
    an edited draft may have been right or wrong.
    """
    dialogue: dict[str, Any] = json.loads(inquiry["dialogue"])
    offer: dict[str, Any] = dialogue.get("suggested") or {}
    draft = str(dialogue.get("suggestion", ""))
    if not topic and draft and (used or _words(text) == _words(draft)):
        topic = str(offer.get("topic", ""))
    if not topic:
        return ""
    by, stopped = Judge(tx, command, agent, now), ""
    rows = [
        row
        for row in tx.all("reviews.of_inquiry", inquiry_id=inquiry["id"])
        if row["verdict"] == Verdict.PENDING
        and (row["source"] == Source.CUSTOMER or row["message_id"] == offer.get("message"))
    ]
    for row in rows:
        stopped = by.by_topic(row, topic) or stopped
    if rows or not offer or not offer["topics"]:
        return stopped
    name, confidence = offer["topics"][0]
    found = {
        "message_id": offer["message"], "certificate": "", "topic": name, "confidence": confidence,
        "brand": offer["brand"], "language": offer["language"], "knowledge": offer["knowledge"],
        "scored": 1, "opening": int(offer["opening"]),
    }  # fmt: skip
    verdict = Verdict.RIGHT if topic == name else Verdict.WRONG
    return by.add(found, inquiry["id"], verdict, topic)[1]


def suggestion(inquiry: Row) -> str:
    """The draft that lies with an inquiry. Raises `NotAllowed` when there is none."""
    draft = str(json.loads(inquiry["dialogue"]).get("suggestion", ""))
    if not draft:
        raise NotAllowed(f"inquiry {inquiry['number']} has no suggestion; write the reply")
    return draft


def _words(text: str) -> str:
    return " ".join(text.split())
