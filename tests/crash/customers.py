"""What customers write: one message as the bytes that are delivered, again and again if need be."""

import base64
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from time import time
from urllib.parse import parse_qsl, urlencode

from twilio.request_validator import RequestValidator

from channels._sim_http import signature
from channels._sim_letters import compose
from tests.crash.settings import (
    HTTP_SECRET,
    MAIL_ADDRESS,
    SMS_ACCOUNT_SID,
    SMS_NUMBER,
    SMS_TOKEN,
)

#: Questions the certified classifier answers, so that timers run …
PLAIN = ("密码忘了怎么办", "I forgot my password, how can I reset it?", "忘记登录密码了，怎么重置")
#: … and ones that go to a queue with an acknowledgement.
PERSONAL = ("我要和人工客服说话", "Please let me talk to a person", "转人工")


@dataclass(slots=True)
class Message:
    """One event as a provider would deliver it."""

    account: str
    """'mail', 'sms' or 'app'."""
    id: str
    """The provider's id, as the gateway stores it."""
    sender: str
    number: int
    """Which message of its sender: the order in which the gateway must take them."""
    body: bytes
    """Of a mail: the whole; of a webhook: the request's body. The same at every delivery."""
    headers: dict[str, str] = field(default_factory=dict)
    files: tuple[bytes, ...] = ()
    """Contents of the attachments."""
    attempts: int = 0
    acknowledged: bool = False

    @property
    def key(self) -> tuple[str, str]:
        return self.account, self.id

    def signed(self, url: str) -> dict[str, str]:
        """The headers of a delivery now: a provider signs every try anew."""
        if self.account == "app":
            stamp = {"X-Gateway-Signature": signature(HTTP_SECRET, self.body, time())}
            return {**self.headers, **stamp, "Content-Type": "application/json"}
        return self.headers | {"X-Twilio-Signature": _twilio_signature(url, self.body)}


class Customer:
    """Writes a few messages one after the other, then somebody else takes the place."""

    def __init__(self, account: str, run: str, seat: int, rng: random.Random) -> None:
        self._account = account
        self._run = run
        self._seat = seat
        self._rng = rng
        self._people = count()

    def messages(self) -> Iterator[Message]:
        """Without end: person after person, message after message."""
        write = {"mail": self._mail, "sms": self._sms, "app": self._app}[self._account]
        for person in self._people:
            plain = self._rng.random() < 0.6
            texts = PLAIN if plain else PERSONAL
            # Who is answered and writes no more is left to the timer.
            for number in range(
                1 if plain and self._rng.random() < 0.6 else self._rng.randint(2, 5)
            ):
                yield write(f"{self._seat}-{person}", person, number, self._rng.choice(texts))

    def _mail(self, name: str, _person: int, number: int, text: str) -> Message:
        files: tuple[bytes, ...] = ()
        if self._rng.random() < 0.4:
            files = (f"{self._run} {name} {number} ".encode() + self._rng.randbytes(3000),)
        sender = f"anna.{name}.{self._run}@mail.example"
        message_id = f"<{self._run}.{name}.{number}@mail.example>"
        body = compose(
            sender,
            MAIL_ADDRESS,
            "Question",
            text,
            message_id=message_id,
            files=[(f"file{n}.bin", "application/octet-stream", f) for n, f in enumerate(files)],
        )
        return Message("mail", message_id, sender, number, body, files=files)

    def _sms(self, name: str, person: int, number: int, text: str) -> Message:
        sender = f"+1415{self._seat:03d}{person:04d}"
        sid = f"SM-{self._run}-{name}-{number}"
        form = {
            "MessageSid": sid, "AccountSid": SMS_ACCOUNT_SID, "From": sender, "To": SMS_NUMBER,
            "Body": text, "NumMedia": "0", "SmsStatus": "received", "ApiVersion": "2010-04-01",
        }  # fmt: skip
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
        return Message("sms", sid, sender, number, urlencode(form).encode(), headers)

    def _app(self, name: str, _person: int, number: int, text: str) -> Message:
        sender, identity = f"user-{self._run}-{name}", f"{self._run}-{name}-{number}"
        document: dict[str, object] = {"id": identity, "sender": sender, "text": text}
        files: tuple[bytes, ...] = ()
        if self._rng.random() < 0.2:
            files = (f"{self._run} {name} {number} ".encode() + self._rng.randbytes(2000),)
            document["attachments"] = [
                {
                    "name": "note.bin",
                    "content_type": "application/octet-stream",
                    "data_base64": base64.b64encode(file).decode(),
                }
                for file in files
            ]
        body = json.dumps(document, ensure_ascii=False).encode()
        return Message("app", identity, sender, number, body, files=files)


def _twilio_signature(url: str, body: bytes) -> str:
    form = dict(parse_qsl(body.decode(), keep_blank_values=True))
    signed: str = RequestValidator(SMS_TOKEN).compute_signature(url, form)
    return signed
