"""What an agent sees of an inquiry says why nobody was answered, and how a message came to it."""

from typing import Any

import pytest

from gateway.commands.inquiries import _print, _whole
from tests.store.engines import sealed, value
from tests.workers.rig import Rig


async def shown(rig: Rig, capsys: pytest.CaptureFixture[str]) -> str:
    number = await value(rig.store, "SELECT number FROM inquiries")
    await sealed(rig.store)
    _print(
        await rig.store.read(lambda reader: _whole(reader, number, rig.clock.now(), rig.accounts))
    )
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        (
            {"mail_class": "list", "class_reason": "mailing_list:list_id"},
            "list (mailing_list:list_id)",
        ),
        ({"auto": True, "addressed": False}, "our address is not in To or Cc"),
        ({"authentication": "dmarc=fail"}, "the sender is forged: DMARC failed"),
    ],
)
async def test_why_no_automatic_reply_went_out(
    rig: Rig, capsys: pytest.CaptureFixture[str], facts: dict[str, Any], why: str
) -> None:
    rig.think()
    await rig.say("hello", account="box", facts=facts)
    assert f"decision.made  no automatic reply: {why}" in await shown(rig, capsys)


async def test_a_machines_letter_and_how_a_message_joined(
    rig: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    rig.think()
    await rig.say("hello", account="box", external_id="<first@mail.example>", verified=True)
    number = await value(rig.store, "SELECT number FROM inquiries")
    holiday = {"mail_class": "auto_reply", "class_reason": "auto_reply:auto_submitted"}
    await rig.say("away", account="box", subject=f"Re: [#{number}]", facts=holiday)
    await rig.say("one more thing", account="box")
    seen = await shown(rig, capsys)
    assert "message.suppressed  no automatic reply: auto_reply:auto_submitted" in seen
    assert "message.received  joined by: open" in seen
    assert seen.count("(sender proved)") == 1
    assert "<user-1> verified" in seen
