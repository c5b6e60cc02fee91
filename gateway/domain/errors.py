"""What can go wrong, as data.

GatewayError
├── SettingsError        a setting is wrong; names the key and the nearest valid one
├── BadSignature         a webhook that does not prove who sent it
├── ParseError           verified input that cannot be read: quarantined, never dropped
├── Overloaded           a bounded queue or the disk is full: answer 503 / 451 at once
├── StoreError           the database refused a unit of work
├── Conflict             the world changed since the snapshot: make the plan anew
├── NotFound             no such inquiry, queue, row
├── NotAllowed           the permission or the state machine says no
├── WorkLost             the worker process died under its task
├── HttpFailure          an outgoing HTTP call that brought no response
│   └── TooLarge         … or one that is longer than what is read
└── DeliveryError        a send that did not succeed; `failure` says what is next
"""

from enum import StrEnum


class GatewayError(Exception):
    """The root of everything the gateway raises on purpose."""


class SettingsError(GatewayError):
    """A setting is wrong. `key` is its full path, `nearest` the valid key that looks most like it."""

    def __init__(self, detail: str, *, key: str = "", nearest: str = "") -> None:
        self.key = key
        self.nearest = nearest
        text = f"{key}: {detail}" if key else detail
        super().__init__(f"{text} (did you mean {nearest!r}?)" if nearest else text)


class BadSignature(GatewayError):
    """The request does not prove who sent it: refused and counted; its body is not kept."""


class ParseError(GatewayError):
    """Verified input that the channel cannot read: kept encrypted in quarantine, can be replayed."""


class Overloaded(GatewayError):
    """No room now. The sender is told so at once and tries again; nothing was stored."""


class StoreError(GatewayError):
    """The database refused a unit of work; nothing of the unit is stored."""


class StoreFull(StoreError, Overloaded):
    """The disk is full; nothing of the unit is stored. Service resumes when there is space."""


class StoreAway(StoreError, Overloaded):
    """The database server cannot be reached or does not get to it; nothing of the unit is stored, or
    what became of it cannot be found out yet. Service resumes when the server answers."""


class Conflict(GatewayError):
    """Somebody else changed what the plan was made from; it is discarded and made anew."""


class NotFound(GatewayError):
    """There is nothing of that name or number."""


class NotAllowed(GatewayError):
    """The state of the inquiry or the permission of the caller forbids it."""


class Failure(StrEnum):
    """Why a send did not succeed, and so what is next."""

    RETRY = "retry"
    """It surely did not go out; try again later."""
    THROTTLED = "throttled"
    """The provider asks to slow down: pause this account for `retry_after` seconds."""
    REJECTED = "rejected"
    """It will never go out in this form: stop, tell the agent."""
    OPTED_OUT = "opted_out"
    """The person does not want messages here: stop and remember."""
    WINDOW_CLOSED = "window_closed"
    """The channel's reply window or budget is used up: park until the customer writes again."""
    MISCONFIGURED = "misconfigured"
    """The account's credentials or settings are wrong: pause the account, alarm."""
    UNKNOWN = "unknown"
    """It may have gone out. Never repeated without proof that it did not."""


class DeliveryError(GatewayError):
    """A send that did not succeed.

    Args:
        failure: what is next.
        detail: one line for a person; no secret, no customer text.
        retry_after: seconds to wait, where the provider said so.
        provider_code: the provider's own error code.
    """

    def __init__(
        self,
        failure: Failure,
        detail: str,
        *,
        retry_after: float | None = None,
        provider_code: str = "",
    ) -> None:
        super().__init__(f"{failure}: {detail}")
        self.failure = failure
        self.detail = detail
        self.retry_after = retry_after
        self.provider_code = provider_code


class WorkLost(GatewayError):
    """The worker process died under its task: by the task's fault, or killed from outside. Doing it
    once more tells which."""


class HttpFailure(GatewayError):
    """An outgoing HTTP call brought no response.

    Args:
        sent: True when any part of the request may have reached the other side. A channel maps
            False to `Failure.RETRY` and True to `Failure.UNKNOWN`.
    """

    def __init__(self, detail: str, *, sent: bool) -> None:
        super().__init__(detail)
        self.sent = sent


class TooLarge(HttpFailure):
    """The answer is longer than what is read; asking again changes nothing."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the answer is longer than {limit} bytes", sent=True)
