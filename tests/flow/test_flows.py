"""The flows beside this module, played on a whole gateway."""

from pathlib import Path

import pytest

from gateway.store import sealer
from tests.flow.play import Play, Town, flows, read

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("path", flows(), ids=lambda path: path.stem)
async def test_flow(town: Town, path: Path) -> None:
    flow = read(path)
    play = Play(town, flow["customer"])
    for step in flow["step"]:
        assert await play.run(step) == step["expect"], step.get("title", "")
    assert await town.gateway.store.read(sealer.verify) > 0


async def test_health_and_metrics_tell_what_happened(town: Town) -> None:
    await town.app.post_message(town.url("http/app"), "hello", sender="metrics-1")
    await town.app.post(town.url("http/nobody"), {})
    await town.quiet()
    address = town.gateway.addresses["web"]
    client = town.app._client
    assert client is not None
    async with client.get(f"{address}/healthz") as answer:
        assert answer.status == 200
        assert await answer.json() == {"ok": True, "events_waiting": 0}
    async with client.get(f"{address}/metrics") as answer:
        text = await answer.text()
    for line in (
        'gateway_intake_total{account="app",outcome="accepted"}',
        'gateway_intake_total{account="",outcome="unknown_account"}',
        'gateway_delivery_total{account="app",outcome="sent"}',
        'gateway_events{state="done"}',
        'gateway_outbox{account="app",state="sent"}',
    ):
        assert line in text, text
