"""What people say about answers and suggestions is kept, and ends a certificate whose promise it refutes."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.bootstrap import permitted
from gateway.desk.certifying import put_in_force
from gateway.desk.reviewing import Judged, judge, wrong_answer
from gateway.domain.decision import Certificate, Verb
from gateway.domain.errors import NotAllowed, NotFound
from gateway.domain.reviews import NO_TOPIC, Verdict
from gateway.workers.alarm import Alarm
from tests.store.engines import one, select, value
from tests.workers.rig import SETTINGS, Rig, decision

PERMIT = Certificate("cert-1", "*/en/normal", 0.05, 0.1, 0.7, 100, 0, "k1")
SEEN = {"segment": 0, "knowledge": "k1", "brand": "demo"}
ANSWER = decision(Verb.ANSWER, "Do this.", evidence={**SEEN, "certificate": "cert-1"})
SUGGEST = decision(
    Verb.SUGGEST, suggestion="Please try it\nonce more.", dialogue={"topic": "topup"}, evidence=SEEN
)


async def certify(rig: Rig, *permits: Certificate) -> None:
    rows = [{**asdict(permit), "created_at": rig.clock.now()} for permit in permits]
    await rig.work(lambda tx: tx.run_many("certificates.add", rows))


@pytest.fixture
async def live(rig: Rig) -> Rig:
    """A gateway that answers under `PERMIT`, and has every question judged."""
    rig.settings = replace(SETTINGS, audit_share=1.0)
    rig.think()
    rig.answerer.usual = ANSWER
    await certify(rig, PERMIT)
    return rig


async def ask(rig: Rig, sender: str = "user-1", text: str = "my top-up is missing") -> str:
    """A customer writes; the inquiry's number."""
    await rig.say(text, sender=sender)
    number: str = await value(rig.store, "SELECT number FROM inquiries ORDER BY id DESC LIMIT 1")
    return number


async def reviews(rig: Rig) -> list[dict[str, Any]]:
    return await select(
        rig.store,
        "SELECT id, source, topic, certificate, verdict, right_topic, judged_by FROM reviews"
        " ORDER BY created_at, id",
    )


async def say(rig: Rig, review: str, verdict: Verdict, topic: str = "") -> Judged:
    return await judge(rig.store, rig.clock, rig.ids, review, verdict, topic, "ann")  # type: ignore[arg-type]


async def was_wrong(rig: Rig, number: str, topic: str = "") -> Judged:
    return await wrong_answer(rig.store, rig.clock, rig.ids, number, topic, "ann")  # type: ignore[arg-type]


# ---------------------------------------------------------------- verdicts


async def test_what_was_drawn_waits_until_somebody_judges_it(live: Rig) -> None:
    await ask(live)
    (row,) = await reviews(live)
    assert row == {
        "id": row["id"], "source": "audit", "topic": "topup", "certificate": "cert-1",
        "verdict": "pending", "right_topic": "", "judged_by": "",
    }  # fmt: skip
    (waits,) = await live.store.read(lambda r: r.all("reviews.pending", n=9))
    assert (waits["text"], waits["channel"]) == ("my top-up is missing", "http")
    await say(live, row["id"], Verdict.RIGHT)
    (row,) = await reviews(live)
    assert (row["verdict"], row["right_topic"], row["judged_by"]) == ("right", "topup", "ann")
    assert await live.store.read(lambda r: r.all("reviews.pending", n=9)) == []
    (event,) = await select(
        live.store,
        "SELECT c.data, e.inquiry_id FROM events e JOIN event_contents c ON c.event_id = e.id"
        " WHERE e.kind = 'review.judged'",
    )
    assert event["inquiry_id"] == await value(live.store, "SELECT id FROM inquiries")
    assert json.loads(event["data"]) == {
        "review": row["id"], "agent": "ann", "source": "audit", "topic": "topup",
        "verdict": "right", "right_topic": "topup",
    }  # fmt: skip


async def test_a_verdict_can_be_mended_and_must_not_contradict_itself(live: Rig) -> None:
    await ask(live)
    review = (await reviews(live))[0]["id"]
    await say(live, review, Verdict.WRONG, "refund")
    await say(live, review, Verdict.WRONG, NO_TOPIC)
    assert (await reviews(live))[0]["right_topic"] == NO_TOPIC
    with pytest.raises(NotAllowed, match="cannot be wrong"):
        await say(live, review, Verdict.WRONG, "topup")
    with pytest.raises(NotAllowed, match="not both"):
        await say(live, review, Verdict.RIGHT, "refund")
    with pytest.raises(NotFound, match="reviews list"):
        await say(live, "nothing", Verdict.RIGHT)
    assert (await reviews(live))[0]["verdict"] == "wrong"


async def test_an_answer_that_nobody_drew_can_be_called_wrong_in_one_step(rig: Rig) -> None:
    await certify(rig, PERMIT)
    rig.answerer.usual = ANSWER
    number = await ask(rig)
    assert await reviews(rig) == []
    await was_wrong(rig, number, "refund")
    (row,) = await reviews(rig)
    assert (row["source"], row["verdict"], row["right_topic"]) == ("agent", "wrong", "refund")
    # Said twice it is one wrong answer.
    await was_wrong(rig, number, "refund")
    tally = await one(rig.store, "SELECT COUNT(DISTINCT message_id) AS n FROM reviews")
    assert tally["n"] == len(await reviews(rig)) == 1


async def test_what_was_not_answered_by_itself_cannot_be_a_wrong_answer(rig: Rig) -> None:
    rig.answerer.usual = SUGGEST
    with pytest.raises(NotFound, match="answered by a certificate"):
        await was_wrong(rig, await ask(rig))


# ---------------------------------------------------------------- the customer's word


async def test_solved_is_a_right_answer_and_not_solved_a_question_for_an_agent(live: Rig) -> None:
    live.settings = SETTINGS
    live.think()
    for sender in ("happy", "unhappy"):
        await ask(live, sender)
    live.answerer.usual = decision(Verb.ANSWER, "Glad.", evidence={**SEEN, "solved": True})
    await live.say("1", sender="happy")
    live.answerer.usual = decision(Verb.ROUTE, evidence={**SEEN, "solved": False})
    await live.say("2", sender="unhappy")
    happy, unhappy = await reviews(live)
    assert (happy["source"], happy["verdict"], happy["right_topic"]) == (
        "customer", "right", "topup",
    )  # fmt: skip
    assert (unhappy["source"], unhappy["verdict"], unhappy["judged_by"]) == (
        "customer", "pending", "",
    )  # fmt: skip
    assert {happy["certificate"], unhappy["certificate"]} == {"cert-1"}


async def test_a_word_about_no_answer_is_no_review(rig: Rig) -> None:
    rig.answerer.usual = decision(Verb.ROUTE, evidence={**SEEN, "solved": False})
    await rig.say("no", sender="stranger")
    assert await reviews(rig) == []


# ---------------------------------------------------------------- an agent's reply


@pytest.fixture
async def offered(live: Rig) -> tuple[Rig, str]:
    """A suggestion lies before an agent, and its question was drawn."""
    live.answerer.usual = SUGGEST
    return live, await ask(live)


async def test_a_suggestion_sent_as_it_is_was_right(offered: tuple[Rig, str]) -> None:
    rig, number = offered
    await rig.desk().reply(number, "ann", "  Please try it once more. ")
    (row,) = await reviews(rig)
    assert (row["source"], row["verdict"], row["judged_by"]) == ("audit", "right", "ann")


async def test_the_suggestion_itself_is_sent_when_no_text_is_given(
    offered: tuple[Rig, str],
) -> None:
    rig, number = offered
    await rig.desk().reply(number, "ann", "", suggestion=True)
    sent = await value(rig.store, "SELECT text FROM messages WHERE author = 'ann'")
    assert sent == "Please try it\nonce more."
    assert (await reviews(rig))[0]["verdict"] == "right"


async def test_of_an_edited_suggestion_nothing_is_concluded_unless_it_is_said(
    offered: tuple[Rig, str],
) -> None:
    rig, number = offered
    await rig.desk().reply(number, "ann", "It is on its way.")
    assert (await reviews(rig))[0]["verdict"] == "pending"
    await rig.desk().reply(number, "ann", "It came.", suggestion=True)
    assert (await reviews(rig))[0]["verdict"] == "right"


@pytest.mark.parametrize(("topic", "verdict"), [("topup", "right"), ("refund", "wrong")])
async def test_the_topic_of_a_reply_judges_what_was_found(
    offered: tuple[Rig, str], topic: str, verdict: str
) -> None:
    rig, number = offered
    await rig.desk().reply(number, "ann", "It is on its way.", topic=topic)
    (row,) = await reviews(rig)
    assert (row["verdict"], row["right_topic"]) == (verdict, topic)


async def test_without_a_draw_the_verdict_is_the_agents_own(rig: Rig) -> None:
    rig.answerer.usual = SUGGEST
    number = await ask(rig)
    await rig.desk().reply(number, "ann", "", suggestion=True)
    (row,) = await reviews(rig)
    assert (row["source"], row["topic"], row["verdict"]) == ("agent", "topup", "right")
    assert row["certificate"] == ""


async def test_the_topic_of_a_reply_settles_what_the_customer_left_open(live: Rig) -> None:
    number = await ask(live)
    live.answerer.usual = decision(Verb.ROUTE, evidence={**SEEN, "solved": False})
    await live.say("no")
    await live.desk().reply(number, "ann", "It was another matter.", topic="refund")
    drawn, customer = await reviews(live)
    assert (customer["source"], customer["verdict"], customer["right_topic"]) == (
        "customer", "wrong", "refund",
    )  # fmt: skip
    assert drawn["verdict"] == "pending", "the lot's row waits for its own verdict"


async def test_a_reply_that_is_refused_says_nothing_of_the_suggestion(
    offered: tuple[Rig, str],
) -> None:
    rig, number = offered
    with pytest.raises(NotAllowed):
        await rig.desk().reply(number, "ann", "call 400-999-8888", topic="refund")
    assert (await reviews(rig))[0]["verdict"] == "pending"


async def test_without_a_suggestion_none_can_be_sent(live: Rig) -> None:
    live.answerer.usual = decision(Verb.ROUTE)
    number = await ask(live)
    with pytest.raises(NotAllowed, match="no suggestion"):
        await live.desk().reply(number, "ann", "", suggestion=True)
    with pytest.raises(NotAllowed, match="empty"):
        await live.desk().reply(number, "ann", "")


# ---------------------------------------------------------------- the live stop


async def answered(rig: Rig, number: int) -> None:
    for customer in range(number):
        await rig.say("my top-up is missing", sender=f"customer-{customer}")


async def test_too_many_wrong_answers_end_the_certificate_in_the_same_transaction(
    live: Rig,
) -> None:
    await answered(live, 8)
    for row in (await reviews(live))[:2]:
        await say(live, row["id"], Verdict.RIGHT)
    verdicts = [await say(live, row["id"], Verdict.WRONG) for row in (await reviews(live))[2:8]]
    stopped = [judged.stopped for judged in verdicts if judged.stopped]
    assert stopped == [
        "*/en/normal (cert-1): 4 of 6 answers drawn for review were wrong, more than 5.0% permits"
    ]
    ended = await one(live.store, "SELECT revoked_at, ended, ended_because FROM certificates")
    assert (ended["revoked_at"], ended["ended"]) == (live.clock.now(), "stopped")
    assert ended["ended_because"].startswith("4 of 6 answers")
    assert (await live.log_kinds()).count("certificate.stopped") == 1
    # What was planned under it is not written any more.
    live.answerer.answers["again"] = ANSWER
    await live.say("again", sender="late")
    late = "SELECT COUNT(*) FROM messages WHERE direction = 'out'"
    assert await value(live.store, late) == 8


async def test_right_answers_keep_it_in_force(live: Rig) -> None:
    await answered(live, 40)
    for number, row in enumerate(await reviews(live)):
        judged = await say(live, row["id"], Verdict.WRONG if number == 20 else Verdict.RIGHT)
        assert judged.stopped == ""
    assert await value(live.store, "SELECT revoked_at FROM certificates") is None


async def test_the_alarm_tells_the_running_gateway_once(live: Rig) -> None:
    alarm = Alarm(live.store, live.log)
    await answered(live, 5)
    await alarm.once()
    assert live.log.lines == []
    for row in await reviews(live):
        await say(live, row["id"], Verdict.WRONG)
    await alarm.once()
    await alarm.once()
    assert [line.split()[0] for line in live.log.lines] == ["error"]
    assert "*/en/normal" in live.log.lines[0]


async def stop(rig: Rig) -> None:
    await answered(rig, 5)
    for row in await reviews(rig):
        await say(rig, row["id"], Verdict.WRONG)


async def test_whatever_would_go_on_answering_in_its_scope_ends_with_it(live: Rig) -> None:
    wider = replace(PERMIT, id="wider", scope="*/*/normal")
    other_language = replace(PERMIT, id="zh", scope="*/zh-CN/normal")
    newer = replace(PERMIT, id="newer", knowledge="k2")
    shipped = replace(PERMIT, id="shipped", knowledge="k2", origin="bootstrap")
    await certify(live, wider, other_language, newer, shipped)
    await stop(live)
    rows = await select(live.store, "SELECT id, ended FROM certificates ORDER BY id")
    assert {row["id"]: row["ended"] for row in rows} == {
        "cert-1": "stopped", "wider": "overlaps", "zh": "", "newer": "", "shipped": "overlaps",
    }  # fmt: skip


async def test_a_stopped_scope_is_not_certified_by_the_shipped_questions_again(live: Rig) -> None:
    """Neither at a restart nor after a change of the knowledge; other scopes are."""
    await stop(live)
    shipped = [
        replace(PERMIT, id=f"shipped-{scope}", scope=scope, knowledge="k2", origin="bootstrap")
        for scope in ("*/en/normal", "*/zh-CN/normal")
    ]

    async def measured(*_: Any, **__: Any) -> list[Certificate]:
        return shipped

    gateway: Any = SimpleNamespace(
        knowledge="k1", store=live.store, compute=SimpleNamespace(run=measured),
        templates=Path("templates"),
        config=SimpleNamespace(
            data_dir=Path("data"), answers=SimpleNamespace(alpha=0.05, delta=0.1, models="models")
        ),
        certify=lambda *made: certify(live, *made),
    )  # fmt: skip
    assert await permitted(gateway) == [], "the same knowledge had its certificate"
    gateway.knowledge = "k2"
    assert [one.scope for one in await permitted(gateway)] == ["*/zh-CN/normal"]
    in_force = await live.store.read(lambda r: r.all("certificates.in_force"))
    assert [row["scope"] for row in in_force] == ["*/zh-CN/normal"]


# ---------------------------------------------------------------- certificates of one's own


async def test_a_certificate_of_own_cases_replaces_the_one_of_its_scope(live: Rig) -> None:
    other = replace(PERMIT, id="zh", scope="*/zh-CN/normal")
    older = replace(PERMIT, id="older", knowledge="k0")
    await certify(live, other, older)
    own = replace(PERMIT, id="own", threshold=0.6)
    by = (live.store, live.clock, live.ids)
    assert await put_in_force(*by, [own], "ann") == ["cert-1"]  # type: ignore[arg-type]
    assert await put_in_force(*by, [own], "ann") == []  # type: ignore[arg-type]
    rows = await live.store.read(lambda r: r.all("certificates.in_force"))
    assert {row["id"] for row in rows} == {"own", "zh", "older"}
    assert (
        await value(live.store, "SELECT ended FROM certificates WHERE id = 'cert-1'") == "replaced"
    )


async def test_what_was_ended_on_the_same_cases_does_not_come_back(live: Rig) -> None:
    await stop(live)
    by = (live.store, live.clock, live.ids)
    own = replace(PERMIT, id="own")
    with pytest.raises(NotAllowed, match="more reviewed cases"):
        await put_in_force(*by, [own, PERMIT], "ann")  # type: ignore[arg-type]
    assert await live.store.read(lambda r: r.all("certificates.in_force")) == [], "all or none"
