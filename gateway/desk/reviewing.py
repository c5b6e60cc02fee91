"""What a person says of an answer or a suggestion outside a reply: each command is one unit of work."""

from dataclasses import dataclass

from gateway.desk.commands import find
from gateway.desk.verdicts import Judge
from gateway.domain.errors import NotAllowed, NotFound
from gateway.domain.reviews import Verdict
from gateway.domain.store import Store, Tx
from gateway.domain.world import Clock, Ids


@dataclass(frozen=True, slots=True)
class Judged:
    """What a verdict did."""

    reviews: tuple[str, ...]
    """Ids of those it was written to."""
    stopped: str = ""
    """Why automatic answers have stopped, with the certificate's id and scope; '' when they go on."""


async def judge(
    store: Store, clock: Clock, ids: Ids, review: str, verdict: Verdict, topic: str, agent: str
) -> Judged:
    """A person's verdict on one review; a second one replaces the first.

    Args:
        store: where it is kept.
        clock: for the time of the verdict.
        ids: for the log.
        review: its id.
        verdict: right or wrong.
        topic: what it was really about; `NO_TOPIC` when no topic answers it, '' when not said.
        agent: who says so.

    Raises:
        NotFound: there is no such review.
        NotAllowed: the topic contradicts the verdict.
    """
    command, now = ids.new(), clock.now()

    def work(tx: Tx) -> Judged:
        row = tx.one("reviews.by_id", id=review)
        if row is None:
            raise NotFound(f"no review {review!r}; `gateway reviews list` shows them")
        right = _right_topic(row["topic"], verdict, topic)
        return Judged((review,), Judge(tx, command, agent, now).write(row, verdict, right))

    return await store.write(work)


async def wrong_answer(
    store: Store, clock: Clock, ids: Ids, reference: str, topic: str, agent: str
) -> Judged:
    """The last automatic answer of an inquiry was wrong. Arguments as for `judge`.

    Raises:
        NotFound: no such inquiry, or nothing in it was answered under a certificate.
        NotAllowed: `topic` is what was answered.
    """
    command, now = ids.new(), clock.now()

    def work(tx: Tx) -> Judged:
        inquiry = find(tx, reference)
        answer = tx.one("reviews.last_answer", inquiry_id=inquiry["id"])
        if answer is None:
            raise NotFound(f"nothing in inquiry {inquiry['number']} was answered by a certificate")
        right = _right_topic(answer["topic"], Verdict.WRONG, topic)
        by, said = (
            Judge(tx, command, agent, now),
            tx.all("reviews.of_inquiry", inquiry_id=inquiry["id"]),
        )
        # What waits for a verdict on this answer has one; it is counted once, by its message.
        rows = [row for row in said if row["message_id"] == answer["message_id"]]
        if rows:
            stopped = [by.write(row, Verdict.WRONG, right) for row in rows]
            return Judged(tuple(row["id"] for row in rows), "".join(stopped))
        review, why = by.add(answer, inquiry["id"], Verdict.WRONG, right)
        return Judged((review,), why)

    return await store.write(work)


def _right_topic(found: str, verdict: Verdict, topic: str) -> str:
    if verdict is Verdict.RIGHT:
        if topic not in ("", found):
            raise NotAllowed(f"it was about {topic} or {found} was right, not both")
        return found
    if topic == found:
        raise NotAllowed(f"{found} is what was found: it cannot be wrong and about that")
    return topic
