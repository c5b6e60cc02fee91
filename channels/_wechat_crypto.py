"""What the webhooks of WeChat and of WeCom share: signature, AES envelope, and their flat XML.

The scheme is described at developer.work.weixin.qq.com/document/path/91144; the Official Account
has the same one with its AppID where WeCom has the CorpID.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from lxml import etree  # type: ignore[import-untyped]  # publishes no types

from channels._signing import LiveSecrets, as_bytes, digest, within
from gateway.domain.channel import HttpRequest
from gateway.domain.errors import BadSignature, ParseError, SettingsError

#: Seconds a signed time is good for, before and after. Both providers repeat a call within 15 s.
WINDOW = 300.0
#: The padding goes up to this many bytes (same page), not to AES's own 16.
_BLOCK = 32
_AES_BLOCK = 16
#: Random bytes before the text.
_SALT = 16
_LENGTH = 4
_KEY_CHARS = 43
#: What may not stand in XML 1.0, not even escaped (w3.org/TR/xml, production 2).
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Stamp:
    """Who signed a call, and the words that went into the signature with the secret."""

    key_id: str
    timestamp: str
    nonce: str


@dataclass(frozen=True, slots=True)
class Opened:
    """A decrypted text, and the key it was encrypted with: an answer has to use the same one."""

    text: bytes
    key: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """The secrets of one account.

    Args:
        tokens: what signatures are made with.
        keys: AES keys, the one in use first; none where calls come unencrypted.
        receive_id: whom an encrypted text is for: AppID or CorpID.
    """

    tokens: LiveSecrets
    keys: tuple[bytes, ...]
    receive_id: str

    @classmethod
    def of(cls, tokens: Iterable[str], keys: Mapping[str, str], receive_id: str) -> Self:
        """From settings.

        Args:
            tokens: the token, and the one before it.
            keys: EncodingAESKeys by the name of their setting; empty ones are left out.
            receive_id: AppID or CorpID.

        Raises SettingsError for a key that is none.
        """
        return cls(
            LiveSecrets.rotating(*tokens),
            tuple(_key(name, text) for name, text in keys.items() if text),
            receive_id,
        )

    def check(self, request: HttpRequest, parameter: str, *signed: str) -> Stamp:
        """Check the signature in the address over token, time, nonce and `signed`.

        Args:
            request: the call.
            parameter: where the signature is: 'signature' or 'msg_signature'.
            signed: what it covers besides, such as the encrypted text.

        Raises BadSignature.
        """
        query = request.query()
        given, timestamp, nonce = (_one(query, name) for name in (parameter, "timestamp", "nonce"))
        # Twelve digits reach past the year 30000 and keep int() cheap.
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
            raise BadSignature("timestamp is no time in seconds")
        name = self.tokens.matching(
            [as_bytes(given)],
            lambda token: [_signature(token, timestamp, nonce, *signed)],
        )
        if not name:
            raise BadSignature(f"{parameter} does not fit")
        if not within(int(timestamp), request.received_at, WINDOW):
            raise BadSignature(f"the signed time is more than {WINDOW:.0f} s away")
        return Stamp(name, timestamp, nonce)

    def open(self, encrypted: str) -> Opened:
        """Decrypt, with the key in use or the one before it. Raises BadSignature when the text is for
        none of them, or for somebody else."""
        try:
            data = base64.b64decode(encrypted, validate=True)
        except (binascii.Error, ValueError) as error:
            raise BadSignature("the encrypted text is not base64") from error
        if not data or len(data) % _AES_BLOCK:
            raise BadSignature("the encrypted text has no whole blocks")
        for key in self.keys:
            text, receiver = _unpack(_crypt(key, data, encrypt=False))
            if text is not None and hmac.compare_digest(receiver, self.receive_id.encode()):
                return Opened(text, key)
        raise BadSignature("the text is encrypted with another key, or for another account")

    def seal(self, text: str, opened: Opened, stamp: Stamp) -> bytes:
        """The encrypted and signed XML of an answer to the call of `opened` and `stamp`.

        The same answer to the same call is the same in every byte: what the scheme wants to be random
        is derived from key, call and text, so that nothing has to be remembered for a repeated call.
        """
        data = text.encode()
        salt = digest(opened.key, f"{stamp.timestamp}\n{stamp.nonce}\n".encode() + data)[:_SALT]
        packed = salt + len(data).to_bytes(_LENGTH, "big") + data + self.receive_id.encode()
        padding = _BLOCK - len(packed) % _BLOCK
        sealed = _crypt(opened.key, packed + bytes([padding]) * padding, encrypt=True)
        encrypted = base64.b64encode(sealed).decode()
        token = dict(self.tokens.keys)[stamp.key_id]
        signed = _signature(token, stamp.timestamp, stamp.nonce, encrypted).decode()
        return flat_xml(
            {
                "Encrypt": encrypted,
                "MsgSignature": signed,
                "TimeStamp": int(stamp.timestamp),
                "Nonce": stamp.nonce,
            }
        )


def read_xml(body: bytes) -> dict[str, str]:
    """The fields of a flat XML document by name; of a repeated one the first, of a nested one what
    stands before its first child. A document type is refused, so there are no entities to expand.

    Raises ParseError.
    """
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        huge_tree=False,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(body, parser)
    except (etree.LxmlError, ValueError) as error:
        raise ParseError("the body is not XML") from error
    if root is None or root.getroottree().docinfo.internalDTD is not None:
        raise ParseError("the body has a document type")
    fields: dict[str, str] = {}
    for child in root:
        fields.setdefault(str(child.tag), child.text or "")
    return fields


def flat_xml(fields: Mapping[str, str | int]) -> bytes:
    """The document `<xml>…</xml>`: texts in CDATA, as the providers write them, numbers plain."""
    return b"".join(
        (
            b"<xml>",
            *(
                f"<{name}>{value if isinstance(value, int) else _cdata(value)}</{name}>".encode()
                for name, value in fields.items()
            ),
            b"</xml>",
        )
    )


def _cdata(text: str) -> str:
    clean = _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
    return f"<![CDATA[{clean.replace(']]>', ']]]]><![CDATA[>')}]]>"


def _one(query: Iterable[tuple[str, str]], name: str) -> str:
    found = [value for key, value in query if key == name]
    if len(found) != 1 or not found[0]:
        raise BadSignature(f"{name} is missing" if not found else f"{name} is empty or repeated")
    return found[0]


def _signature(token: bytes, *words: str) -> bytes:
    """SHA-1 of the words in their order as bytes: the providers' scheme, not our choice."""
    parts = sorted([token, *map(as_bytes, words)])
    return hashlib.sha1(b"".join(parts), usedforsecurity=False).hexdigest().encode()


def _key(name: str, text: str) -> bytes:
    """EncodingAESKey is the base64 of 32 bytes without its last sign."""
    try:
        key = base64.b64decode(text + "=", validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(text) != _KEY_CHARS or len(key) != 32:
        raise SettingsError(f"is not the {_KEY_CHARS} characters of an EncodingAESKey", key=name)
    return key


def _crypt(key: bytes, data: bytes, *, encrypt: bool) -> bytes:
    cipher = Cipher(AES(key), CBC(key[:_AES_BLOCK]))
    work = cipher.encryptor() if encrypt else cipher.decryptor()
    return work.update(data) + work.finalize()


def _unpack(packed: bytes) -> tuple[bytes | None, bytes]:
    """The text and its receiver; None when this was not the key."""
    padding = packed[-1]
    if not 1 <= padding <= _BLOCK or packed[-padding:] != bytes([padding]) * padding:
        return None, b""
    content = packed[_SALT:-padding]
    length = int.from_bytes(content[:_LENGTH], "big")
    if len(content) < _LENGTH + length:
        return None, b""
    return content[_LENGTH : _LENGTH + length], content[_LENGTH + length :]
