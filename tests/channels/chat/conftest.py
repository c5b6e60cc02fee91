"""A chat to talk to."""

from collections.abc import AsyncIterator

import pytest

from tests.channels.chat.house import House, opened


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with opened() as found:
        yield found
