"""The parts that have to do with customers' files and with what is erased: part of the composition root."""

from collections.abc import Mapping

from gateway.config import Config
from gateway.domain.channel import Channel, Fetcher
from gateway.domain.world import Clock, Log
from gateway.office import redaction_policy
from gateway.store.blobs import FileBlobs
from gateway.store.choose import Engine
from gateway.workers.fetching import Fetching, Workers
from gateway.workers.sweeping import Sweeping


def fetching_of(
    config: Config,
    channels: Mapping[str, Channel],
    store: Engine,
    blobs: FileBlobs,
    workers: Workers,
    clock: Clock,
    log: Log,
    owner: str,
) -> dict[str, Fetching]:
    """Who gets files from the provider, by account: those whose channel can."""
    return {
        name: Fetching(
            name, channel, store, blobs, workers, clock, log, owner,
            policy=redaction_policy(config),
            limit=config.limits.attachment_bytes,
            attempts=config.limits.attempts,
            poll=config.workers.poll_seconds,
        )
        for name, channel in channels.items()
        if isinstance(channel, Fetcher)
    }  # fmt: skip


def sweeping_of(store: Engine, blobs: FileBlobs, clock: Clock, log: Log) -> Sweeping:
    """Who takes away what erasing left."""
    return Sweeping(store, store, blobs, clock, log)
