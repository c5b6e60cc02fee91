"""The checks of the story can fail: each scene against a gateway with one fault planted."""

import base64
from dataclasses import replace
from itertools import count

import pytest

from gateway.demo.cast import CARD_NUMBER, MAILBOX
from gateway.demo.scenes import safety
from gateway.demo.stage import Stage
from gateway.domain.channel import Inbound
from gateway.intake import accept as accept_module
from gateway.intake.accept import Accept
from gateway.registry import Registry

CARD = "A card number in a message"
REPEATED = "The same webhook, five times"
PROLOGUE = "Prologue: permission to answer"
SOLVED = "From the app: solved"


async def test_without_a_fault_the_same_scenes_are_seen(on_stage, act):
    async with on_stage() as stage:
        for title in (PROLOGUE, REPEATED, CARD, SOLVED):
            played = await act(stage, title)
            assert played.state == "seen", played.summary("en")


async def test_a_gateway_that_does_not_redact_is_found_out(on_stage, act, monkeypatch):
    def clean(event, *rest):
        # As the real one leaves it for the planner, but with the secret still inside.
        return (
            replace(event, facts={**event.facts, "redactions": ["card"], "language": "zh-CN"})
            if isinstance(event, Inbound)
            else event
        )

    monkeypatch.setattr(accept_module, "clean", clean)
    async with on_stage() as stage:
        await act(stage, PROLOGUE)
        played = await act(stage, CARD)
    assert played.state == "failed"
    assert "[card ****1111]" in played.failure.en


async def test_a_number_that_is_in_a_file_but_in_no_message_is_found_out(on_stage, act):
    async with on_stage() as stage:
        await act(stage, PROLOGUE)
        (stage.gateway.config.data_dir / "trace.txt").write_text(f"body={CARD_NUMBER}")
        played = await act(stage, CARD)
    assert played.state == "failed"
    assert "nowhere in the bytes" in played.failure.en


async def test_a_gateway_that_takes_a_repeated_webhook_twice_is_found_out(
    on_stage, act, monkeypatch
):
    fresh = count()
    monkeypatch.setattr(Accept, "dedup_key", lambda self, event: f"m:{next(fresh)}")
    async with on_stage() as stage:
        await act(stage, PROLOGUE)
        played = await act(stage, REPEATED)
    assert played.state == "failed"
    assert played.failure.en == "one message, one answer"


def nothing_permitted(*_):
    """In place of what the shipped questions permit."""
    return []


async def test_without_a_certificate_nothing_is_answered(on_stage, act, monkeypatch):
    monkeypatch.setattr("gateway.demo.stage.PATIENCE", 1.0)
    monkeypatch.setattr(Stage.until, "__kwdefaults__", {"seconds": 1.0})
    monkeypatch.setattr("gateway.bootstrap.brain.bootstrap", nothing_permitted)
    async with on_stage() as stage:
        played = await act(stage, SOLVED)
    assert played.state == "failed"
    assert played.failure.en == "the inquiry is answered"


@pytest.mark.parametrize("spelling", [CARD_NUMBER, "4111 1111 1111 1111", "4111-1111-1111-1111"])
@pytest.mark.parametrize("before", ["", "x", "卡号", "我的卡号是 ", "a long line before it " * 3])
@pytest.mark.parametrize("coded", [False, True])
def test_the_search_finds_every_spelling_in_a_stored_mail(tmp_path, spelling, before, coded):
    body = f"{before}{spelling}, please".encode()
    (tmp_path / "stored").write_bytes(base64.encodebytes(body) if coded else body)
    assert safety.files_with(tmp_path, safety.spellings(CARD_NUMBER)) == ["stored"]


def test_the_search_finds_nothing_in_what_may_be_stored(tmp_path):
    (tmp_path / "stored").write_text("我的卡号是 [card ****1111], 1280 元, 2026-01-01 11:11:11")
    assert safety.files_with(tmp_path, safety.spellings(CARD_NUMBER)) == []


def test_the_mail_of_the_card_scene_would_betray_itself(tmp_path):
    # The very bytes that reach the listener: were they kept anywhere, the search would find them.
    letters = __import__(Registry.installed().simulator("email").__module__, fromlist=["compose"])
    person = safety.CARD_BY_MAIL
    data = letters.compose(person.address, MAILBOX, person.subject, person.text)
    (tmp_path / "kept.eml").write_bytes(data)
    assert safety.files_with(tmp_path, safety.spellings(CARD_NUMBER)) == ["kept.eml"]
