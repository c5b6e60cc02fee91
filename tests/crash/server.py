"""The gateway that is killed: the product's own composition, which says when it is ready.

    python -m tests.crash.server gateway.toml [--settle SECONDS] [--fault NAME] [--permit]

The first line on standard output is `ready {"web": …, "mail": …}`. SIGTERM stops it in order. With
`--permit` it only puts a certificate in force, for processes that are started otherwise.
"""

import argparse
import asyncio
import json
import signal
from pathlib import Path

from gateway.app import Gateway, assemble, lock_data, running
from gateway.config import load
from gateway.domain.decision import Certificate
from gateway.logs import configure_logging
from gateway.workers import brain
from tests.crash.haste import hasten
from tests.crash.planted import plant

#: Low enough for the load's plain questions: what is tested is that an answer goes out once, not
#: that it is right.
THRESHOLD = 0.2


async def serve(config: Path, settle: float) -> None:
    """Work until SIGTERM."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    settings = load(config)
    if settings.shared:
        hasten()
    with lock_data(settings.data_dir, shared=settings.shared):
        async with assemble(settings) as gateway:
            gateway.delivery.settle = settle
            async with running(gateway):
                await permit(gateway)
                print("ready", json.dumps(gateway.addresses), flush=True)
                await stopped.wait()


async def permit_only(config: Path) -> None:
    """Put the certificate in force beside whatever runs."""
    settings = load(config)
    with lock_data(settings.data_dir, shared=settings.shared):
        async with assemble(settings) as gateway, gateway.compute:
            gateway.knowledge = await gateway.compute.run(brain.version, timeout=30.0)
            await permit(gateway)


async def permit(gateway: Gateway) -> None:
    """Put a certificate in force, once: only certified answers set timers."""
    certificate = Certificate("crash", "*/*/normal", 0.5, 0.5, THRESHOLD, 1, 0, gateway.knowledge)
    await gateway.certify(certificate)  # an earlier life may have done it


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("config", type=Path)
    options.add_argument("--settle", type=float, default=2.0)
    options.add_argument("--fault", default="")
    options.add_argument("--permit", action="store_true")
    given = options.parse_args()
    configure_logging("info", json=True)
    if given.fault:
        plant(given.fault)
    if given.permit:
        asyncio.run(permit_only(given.config))
        return
    asyncio.run(serve(given.config, given.settle))


if __name__ == "__main__":
    main()
