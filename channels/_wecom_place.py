"""How far the messages of a WeCom account are read, and which customers the app has vouched for.

It is the poll's cursor: committed with the messages, so that none is read twice or not at all, and an
identity is known as surely as the message it belongs to.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Self

from channels._signing import LiveSecrets, as_bytes, digest
from channels._wecom_messages import Entered
from gateway.domain.channel import Inbound
from gateway.domain.model import JSON

#: Seconds a session lasts (developer.work.weixin.qq.com/document/path/94698).
SESSION = 48 * 3600.0
#: Bytes of a scene_param (…/document/path/94665).
_SCENE_LIMIT = 128
#: Of the HMAC, in hexadecimal: half of it, which leaves room for the user's id.
_MAC_CHARS = 32
_SIGNED = re.compile(r"([!-~]{1,80})\.([0-9]{1,12})\.([0-9a-f]{32})").fullmatch
#: Customers who are remembered; each is about a hundred bytes of the cursor.
_SESSIONS = 1000


def sign_user(user: str, expires: int, secret: str) -> str:
    """The scene_param with which the app says who opens the chat.

    Args:
        user: the app's id of the user, printable ASCII without blanks.
        expires: seconds since 1970 until when the chat may be opened with it.
        secret: `identity_secret`.
    """
    text = f"{user}.{expires}"
    return f"{text}.{digest(secret.encode(), text.encode()).hex()[:_MAC_CHARS]}"


@dataclass(frozen=True, slots=True)
class Session:
    """A customer the app has vouched for."""

    user: str
    proof: str
    """The signature that did it."""
    at: float


@dataclass(slots=True)
class Place:
    """The cursor of an account.

    Args:
        cursors: by customer service account, where the next page begins; '' at the very start.
        since: by customer service account, from when on its messages are taken.
        unread: customer service accounts with more pages; asked alone until there are none.
        sessions: by customer.
    """

    cursors: dict[str, str] = field(default_factory=dict)
    since: dict[str, float] = field(default_factory=dict)
    unread: tuple[str, ...] = ()
    sessions: dict[str, Session] = field(default_factory=dict)

    @classmethod
    def of(cls, cursor: JSON) -> Self:
        """From what was committed. Only what this class wrote comes back, so its form is not doubted."""
        if not isinstance(cursor, dict):
            return cls()
        kept: Any = cursor
        return cls(
            cursors=dict(kept["cursors"]),
            since=dict(kept["since"]),
            unread=tuple(kept["unread"]),
            sessions={who: Session(*values) for who, values in kept["sessions"].items()},
        )

    def as_json(self) -> JSON:
        """For the commit."""
        return {
            "cursors": dict(self.cursors),
            "since": dict(self.since),
            "unread": list(self.unread),
            "sessions": {who: [s.user, s.proof, s.at] for who, s in self.sessions.items()},
        }

    def begin(self, open_kfid: str, since: float) -> str:
        """The cursor of a customer service account; at its very first page, messages before `since`
        are given up: somebody else has answered them."""
        self.since.setdefault(open_kfid, since)
        return self.cursors.get(open_kfid, "")

    def enter(self, entered: Entered, secrets: LiveSecrets) -> None:
        """Take note of who opened the chat, when the app vouches for it.

        A proof is good for the first customer who comes with it: a link that is passed on proves
        nothing.
        """
        session = _proved(entered, secrets)
        if session is None:
            return
        for who, other in self.sessions.items():
            if other.proof == session.proof and who != entered.sender:
                return
        self.sessions.pop(entered.sender, None)
        self.sessions[entered.sender] = session

    def known(self, message: Inbound) -> Inbound:
        """The message, with the app's user where the session is proved."""
        session = self.sessions.get(message.sender)
        if session is None or not session.at <= (message.at or 0.0) <= session.at + SESSION:
            return message
        return replace(message, verified=True, facts={**message.facts, "user": session.user})

    def forget(self, now: float) -> None:
        """Drop sessions that have ended, and the oldest beyond the limit."""
        live = [(who, s) for who, s in self.sessions.items() if s.at + SESSION >= now]
        self.sessions = dict(live[-_SESSIONS:])


def _proved(entered: Entered, secrets: LiveSecrets) -> Session | None:
    word = entered.scene_param
    parts = _SIGNED(word) if len(word.encode()) <= _SCENE_LIMIT else None
    if parts is None or entered.at > int(parts[2]):
        return None
    text = f"{parts[1]}.{parts[2]}".encode()

    def sign(key: bytes) -> Iterable[bytes]:
        return [digest(key, text).hex()[:_MAC_CHARS].encode()]

    if not secrets.matching([as_bytes(parts[3])], sign):
        return None
    return Session(parts[1], parts[3], entered.at)
