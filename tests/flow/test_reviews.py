"""From a customer's question to the end of a certificate, on a whole gateway."""

import json
from typing import Any

import pytest

from gateway.desk.reviewing import wrong_answer
from gateway.domain.decision import Certificate
from tests.flow.play import Town
from tests.store.engines import one, select, value

pytestmark = pytest.mark.asyncio(loop_scope="module")

QUESTION = "I forgot my login password, how do I reset it?"


async def ask(town: Town, sender: str, text: str = QUESTION) -> dict[str, Any]:
    """A customer of the app writes; their inquiry."""
    await town.app.post_message(town.url("http/app"), text, sender=sender)
    await town.quiet()
    return await one(
        town.gateway.store,
        "SELECT i.* FROM inquiries i JOIN conversations v ON v.id = i.conversation_id"
        f" JOIN handles h ON h.id = v.handle_id WHERE h.address = '{sender}'",
    )


async def test_an_answer_is_counted_and_the_customers_word_is_kept(town: Town) -> None:
    inquiry = await ask(town, "review-solved")
    assert inquiry["state"] == "answered"
    await ask(town, "review-solved", "1")
    (row,) = await select(
        town.gateway.store,
        "SELECT r.source, r.verdict, r.certificate, m.text FROM reviews r"
        f" JOIN messages m ON m.id = r.message_id WHERE m.inquiry_id = '{inquiry['id']}'"
        " AND r.source = 'customer'",
    )
    assert (row["verdict"], row["text"]) == ("right", QUESTION)
    # In whichever order these tests run: one of the two that were in force.
    assert row["certificate"] in {"cert-1", "cert-again"}


async def test_wrong_answers_end_the_certificate_and_the_next_question_goes_to_a_person(
    town: Town,
) -> None:
    gateway = town.gateway
    by = gateway.store, gateway.clock, gateway.ids
    told = []
    for number in range(30):
        inquiry = await ask(town, f"review-{number}")
        told.append(await wrong_answer(*by, inquiry["number"], "", "ann"))
        if told[-1].stopped:
            break
    assert "are known to be wrong" in told[-1].stopped or "drawn" in told[-1].stopped
    client = town.app._client
    assert client is not None
    async with client.get(f"{gateway.addresses['web']}/healthz") as answer:
        assert (await answer.json())["answers_stopped"] == ["*/*/normal"]
    async with client.get(f"{gateway.addresses['web']}/metrics") as answer:
        assert 'gateway_certificates{state="stopped"} 1.0' in await answer.text()

    late = await ask(town, "review-late")
    assert late["state"] == "queued"
    offer = json.loads(late["dialogue"])
    assert offer["suggested"]["topics"][0][0] == "password_reset"
    assert offer["suggestion"]

    # A certificate of later cases opens the scope again.
    again = Certificate("cert-again", "*/*/normal", 0.05, 0.1, 0.5, 100, 0, gateway.knowledge)
    await gateway.certify(again)
    assert (await ask(town, "review-again"))["state"] == "answered"
    async with client.get(f"{gateway.addresses['web']}/healthz") as answer:
        assert "answers_stopped" not in await answer.json()
    stops = await value(
        gateway.store, "SELECT COUNT(*) FROM events WHERE kind = 'certificate.stopped'"
    )
    assert stops == 1
