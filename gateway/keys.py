"""The installation key and everything that is encrypted, signed or hashed with it.

One random key of 32 bytes per installation. Each use has its own subkey (HKDF), so that nothing
made for one purpose is good for another. Losing the key loses what is sealed: back it up with the
data directory, but not in the same place.
"""

import base64
import binascii
import hmac
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.domain.errors import SettingsError

KEY_FILE = "installation.key"
KEY_VARIABLE = "GATEWAY_INSTALLATION_KEY"
_KEY_BYTES = 32
_NONCE_BYTES = 12
_SEAL_VERSION = b"\x01"
_SIGNATURE_CHARS = 20  # 100 bits: short enough for a mail address, far beyond guessing


class WrongKey(SettingsError):
    """Sealed with another installation key, or damaged."""


class Keys:
    """Seals, signs and hashes for one installation. Safe to share between threads."""

    def __init__(self, master: bytes) -> None:
        """Raises ValueError unless `master` has 32 bytes."""
        if len(master) != _KEY_BYTES:
            raise ValueError(f"the installation key has {len(master)} bytes, not {_KEY_BYTES}")
        self._master = master
        self._subkeys: dict[str, bytes] = {}
        self._cipher = AESGCM(self._subkey("seal"))

    def __repr__(self) -> str:
        return f"Keys({self.fingerprint})"

    # ------------------------------------------------------------ where it comes from

    @classmethod
    def create(cls, data_dir: Path) -> Self:
        """Make a new key and return once it is durable in `data_dir`.

        Raises:
            SettingsError: there is one already (it is never overwritten), or it cannot be written.
        """
        master = secrets.token_bytes(_KEY_BYTES)
        file = data_dir / KEY_FILE
        try:
            _write_new(file, base64.b64encode(master) + b"\n")
        except FileExistsError as error:
            raise SettingsError(f"{file} is there already and is left as it is") from error
        except OSError as error:
            raise SettingsError(f"{file} cannot be written: {error.strerror}") from error
        return cls(master)

    @classmethod
    def load(cls, data_dir: Path, environ: Mapping[str, str] | None = None) -> Self:
        """Take the key from the environment, else from `data_dir`.

        Raises:
            SettingsError: there is none, or it is not 32 bytes in base64 or hex.
        """
        environ = os.environ if environ is None else environ
        if text := environ.get(KEY_VARIABLE, ""):
            return cls(_decoded(text, KEY_VARIABLE))
        file = data_dir / KEY_FILE
        try:
            return cls(_decoded(file.read_text("ascii"), str(file)))
        except FileNotFoundError as error:
            raise SettingsError(
                f"there is no installation key in {data_dir}: `gateway init` makes one, "
                f"or set {KEY_VARIABLE}"
            ) from error
        except UnicodeDecodeError as error:
            raise SettingsError(f"{file} is not a key in base64 or hex") from error
        except OSError as error:
            raise SettingsError(f"{file} cannot be read: {error.strerror}") from error

    # ------------------------------------------------------------ what it does

    @property
    def fingerprint(self) -> str:
        """16 hex digits that tell two keys apart and say nothing about either."""
        return self.digest("fingerprint", b"")[:16]

    def seal(self, data: bytes) -> bytes:
        """Encrypt and authenticate: version byte, nonce, AES-256-GCM. Never twice the same.

        Random nonces of 96 bits are good for 2**32 seals under one key.
        """
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _SEAL_VERSION + nonce + self._cipher.encrypt(nonce, data, _SEAL_VERSION)

    def open(self, sealed: bytes) -> bytes:
        """What was sealed. Raises `WrongKey`."""
        version, rest = sealed[:1], sealed[1:]
        if version != _SEAL_VERSION:
            raise WrongKey("this was not sealed by a gateway of this version")
        nonce, encrypted = rest[:_NONCE_BYTES], rest[_NONCE_BYTES:]
        try:
            return self._cipher.decrypt(nonce, encrypted, version)
        except (InvalidTag, ValueError) as error:
            raise WrongKey(
                f"cannot be opened with installation key {self.fingerprint}: it was sealed with "
                "another one, or is damaged; put the key of this data directory back"
            ) from error

    def digest(self, purpose: str, data: bytes) -> str:
        """HMAC-SHA256 in hex: equal for equal data, and no use to whoever lacks the key."""
        return hmac.digest(self._subkey(f"digest/{purpose}"), data, "sha256").hex()

    def sign(self, purpose: str, text: str) -> str:
        """20 characters [a-z2-7]. Compare with `hmac.compare_digest`."""
        mac = hmac.digest(self._subkey(f"sign/{purpose}"), text.encode(), "sha256")
        return base64.b32encode(mac).decode().lower()[:_SIGNATURE_CHARS]

    def _subkey(self, use: str) -> bytes:
        if use not in self._subkeys:
            derive = HKDF(SHA256(), _KEY_BYTES, salt=None, info=b"gateway/1/" + use.encode())
            self._subkeys[use] = derive.derive(self._master)
        return self._subkeys[use]


def _decoded(text: str, source: str) -> bytes:
    """Hex or base64 (also its address-safe form) of exactly 32 bytes."""
    text = text.strip()
    try:
        if re.fullmatch(r"[0-9a-fA-F]{64}", text):
            return bytes.fromhex(text)
        key = base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise SettingsError(f"{source} is not a key in base64 or hex") from error
    if not key:
        raise SettingsError(f"{source} is empty: if `gateway init` was interrupted, remove it")
    if len(key) != _KEY_BYTES:
        raise SettingsError(f"{source} holds {len(key)} bytes, a key has {_KEY_BYTES}")
    return key


def _write_new(file: Path, content: bytes) -> None:
    """Write a file that must not exist, readable by its owner only; durable on return.

    It appears under its name whole or not at all: half a key would stop every later start.
    """
    partial = file.with_name(f"{file.name}.{secrets.token_hex(6)}.partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        os.link(partial, file)  # unlike a rename, refuses to replace
    finally:
        partial.unlink(missing_ok=True)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
