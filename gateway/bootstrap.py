"""Lets a new installation answer from its first minute: certificates from the questions that come
with the knowledge base, until there are reviewed cases of its own traffic."""

import asyncio
from typing import TYPE_CHECKING

import structlog

from gateway.answers.live import overlapping
from gateway.domain.decision import Certificate
from gateway.domain.errors import GatewayError
from gateway.office import models_dir
from gateway.workers import brain

if TYPE_CHECKING:
    from gateway.app import Gateway

#: Seconds a worker may take for all questions, on a machine that is busy.
PATIENCE = 300.0
#: Seconds until it is tried again when workers or database were not to be had.
AGAIN = 10.0


class Bootstrap:
    """A part of the gateway that has one thing to do for each version that answers."""

    def __init__(self, gateway: "Gateway") -> None:
        self._gateway = gateway

    async def run(self) -> None:
        """Put the certificates in force whenever another version answers, until cancelled."""
        while True:
            self._gateway.renewed.clear()
            try:
                await permitted(self._gateway)
            except GatewayError as error:
                structlog.get_logger("gateway").warning("no certificates yet", why=str(error))
                await asyncio.sleep(AGAIN)
            else:
                await self._gateway.renewed.wait()


async def permitted(gateway: "Gateway") -> list[Certificate]:
    """Put in force what the shipped questions permit of this knowledge; the certificates.

    Nothing is made where a certificate of this knowledge was made before: one of the installation's
    own cases says more, and one that was revoked stays so. And nothing is made where live answers
    have refuted a certificate, whatever the knowledge is now: there only own cases can tell.
    """
    version = gateway.knowledge
    if await gateway.store.read(lambda r: r.value("certificates.made_of", knowledge=version)):
        return []
    answers = gateway.config.answers
    made = await gateway.compute.run(
        brain.bootstrap,
        gateway.templates,
        answers.alpha,
        answers.delta,
        models_dir(gateway.config),
        timeout=PATIENCE,
    )
    stopped = await gateway.store.read(lambda r: r.all("certificates.stopped"))
    made = [one for one in made if not any(overlapping(one.scope, old["scope"]) for old in stopped)]
    if made:
        await gateway.certify(*made)
    structlog.get_logger("gateway").info(
        "answers rest on the shipped questions, not on this installation's own",
        certificates=[certificate.scope for certificate in made],
        stopped=sorted({old["scope"] for old in stopped}),
        alpha=answers.alpha,
    )
    return made
