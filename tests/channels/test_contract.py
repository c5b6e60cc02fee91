"""Every registered webhook channel keeps the contract."""

import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from gateway.domain.channel import Webhook
from gateway.testing.channel_contract import CHECKS, ChannelContract, Check

ROOT = Path(__file__).parents[2]
GROUP = "gateway.channels"


def registered() -> list[metadata.EntryPoint]:
    """What is installed; in a checkout that is not installed, what its pyproject.toml declares."""
    if found := metadata.entry_points(group=GROUP):
        return sorted(found, key=lambda point: point.name)
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    points = declared["project"]["entry-points"][GROUP]
    return [metadata.EntryPoint(name, value, GROUP) for name, value in sorted(points.items())]


POINTS = {point.name: point for point in registered()}


def may_be_webhook(point: metadata.EntryPoint) -> bool:
    """A channel that cannot even be loaded stays in, so that its own tests fail and no others."""
    try:
        return issubclass(point.load(), Webhook)
    except (ImportError, AttributeError):
        return True


WEBHOOKS = [kind for kind, point in POINTS.items() if may_be_webhook(point)]


@pytest.mark.parametrize("kind", POINTS)
def test_entry_point_carries_the_channel_of_its_name(kind: str) -> None:
    assert POINTS[kind].load().kind == kind


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("kind", WEBHOOKS)
async def test_contract(kind: str, check: Check) -> None:
    contract = ChannelContract.load(
        POINTS[kind].load(),
        ROOT / "tests/channels/payloads" / kind,
        ROOT / "docs/channels" / f"{kind}.md",
    )
    await check(contract)
