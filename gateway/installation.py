"""Which installation key belongs to which database: one without the other is a mistake.

What was sealed with a lost key can never be opened, and two machines with different keys on one
database could not open each other's files. So the database remembers the fingerprint of its key.
"""

import os

from gateway.config import Config
from gateway.domain.errors import SettingsError
from gateway.domain.store import Store
from gateway.keys import KEY_FILE, KEY_VARIABLE, Keys

#: Where the database keeps the fingerprint of its key.
_FINGERPRINT = "installation_key"


def key_at_hand(config: Config) -> Keys | None:
    """The key of the data directory or the environment. A first SQLite database gets its key before
    it is made itself; None where a server holds the database: `own_key` asks it first.

    Raises:
        SettingsError: there is none beside a database that is there already, or it cannot be read.
    """
    try:
        return Keys.load(config.data_dir)
    except SettingsError:
        if os.environ.get(KEY_VARIABLE) or (config.data_dir / KEY_FILE).exists():
            raise
        if (file := config.database_path) is None:
            return None
        if file.exists():
            raise
        return Keys.create(config.data_dir)


async def own_key(config: Config, store: Store, keys: Keys | None) -> Keys:
    """The key that belongs to an open database, which remembers it from now on.

    Args:
        config: where the key file lies, and how the database is called in messages.
        store: the open database.
        keys: as `key_at_hand` gave it; None: the first process makes one.

    Raises:
        SettingsError: the database has another one.
    """
    known = await store.read(lambda reader: reader.value("meta.known", key=_FINGERPRINT))
    if keys is None:
        keys = _made(config) if known is None else _made_meanwhile(config, known)
    ours = keys.fingerprint
    if known is None:
        await store.write(lambda tx: tx.run("meta.know", key=_FINGERPRINT, value=ours))
        # Another process may have been faster.
        known = await store.read(lambda reader: reader.value("meta.known", key=_FINGERPRINT))
    if known != ours:
        raise _foreign(config, str(known), f"the key here is {ours}")
    return keys


def _made(config: Config) -> Keys:
    try:
        return Keys.create(config.data_dir)
    except SettingsError:
        if not (config.data_dir / KEY_FILE).exists():
            raise  # it cannot be written there
        # Several processes start on one new data directory: the first one's key is everybody's.
        return Keys.load(config.data_dir)


def _made_meanwhile(config: Config, known: str) -> Keys:
    """Of a process that started at the same moment: its key lay there before the database knew it."""
    try:
        return Keys.load(config.data_dir)
    except SettingsError as error:
        raise _foreign(config, known, "there is none here") from error


def _foreign(config: Config, known: str, here: str) -> SettingsError:
    return SettingsError(
        f"{config.database_shown} belongs to installation key {known}, and {here}: copy "
        f"{KEY_FILE} of its first machine into {config.data_dir}, or set {KEY_VARIABLE}"
    )
