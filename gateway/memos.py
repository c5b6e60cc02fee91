"""What a channel remembers of an account across restarts: tokens, cursors of its own."""

import json

from gateway.domain.model import JSON
from gateway.domain.store import Reader, Store, Tx


async def load_memo(store: Store, account: str, key: str) -> JSON:
    def query(reader: Reader) -> JSON:
        text = reader.value("meta.memo", account=account, key=key)
        value: JSON = json.loads(text) if text is not None else None
        return value

    return await store.read(query)


async def save_memo(store: Store, account: str, key: str, value: JSON) -> None:
    def work(tx: Tx) -> int:
        return tx.run("meta.remember", account=account, key=key, value=json.dumps(value))

    await store.write(work)
