"""One gateway on each engine for all flows: each flow has a customer of its own."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from channels._sim_email import MailPeer
from channels._sim_http import HttpPeer
from channels._sim_sms import SmsPeer
from gateway.app import assemble, running
from gateway.config import Config
from gateway.domain.decision import Certificate
from tests.flow.play import MAILBOX, Town
from tests.learnt import MODELS
from tests.postgres import drop_database


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    """The setting of that name."""
    if request.param == "sqlite":
        yield "sqlite:gateway.sqlite"
        return
    url = request.getfixturevalue("postgres").create_database()
    yield url
    drop_database(url)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(database: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    async with AsyncExitStack() as stack:
        app = await stack.enter_async_context(HttpPeer())
        sms = await stack.enter_async_context(SmsPeer())
        mail = await stack.enter_async_context(MailPeer())
        config = Config.model_validate(
            {
                "database": database,
                "data_dir": tmp_path_factory.mktemp("town"),
                "server": {"port": 0, "allow_private": True},
                "answers": {"bootstrap": False, "models": MODELS},
                "workers": {"processes": 1, "poll_seconds": 0.02},
                "accounts": {
                    "app": {"kind": "http", **app.account_settings()},
                    "sms": {"kind": "sms", **sms.account_settings()},
                    "box": {"kind": "email", **mail.account_settings(MAILBOX)},
                },
            }
        )
        gateway = await stack.enter_async_context(assemble(config))
        await stack.enter_async_context(running(gateway))
        permit = Certificate("cert-1", "*/*/normal", 0.05, 0.1, 0.5, 100, 0, gateway.knowledge)
        await gateway.certify(permit)
        yield Town(gateway, app, sms, mail)
