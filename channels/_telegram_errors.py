"""What each answer of Telegram's Bot API means for a call.

Telegram documents the shape of an error (core.telegram.org/bots/api#making-requests: `error_code`,
`description`, `parameters`), not the list of them. The descriptions below are those of its open
source server (github.com/tdlib/telegram-bot-api) and of github.com/TelegramBotAPI/errors.
"""

from channels._answer import json_object, retry_after
from gateway.domain.errors import DeliveryError, Failure
from gateway.domain.world import HttpResponse

#: (HTTP status, words of the description in lower case) → what is next, and why.
_SAID: tuple[tuple[int, str, Failure, str], ...] = (
    (403, "blocked by the user", Failure.OPTED_OUT, "the customer has blocked the bot"),
    (403, "user is deactivated", Failure.REJECTED, "the customer's account is deleted"),
    (403, "can't initiate", Failure.REJECTED, "the customer has not written to the bot itself"),
    (403, "kicked", Failure.REJECTED, "the bot was removed from the group"),
    (403, "not a member", Failure.REJECTED, "the bot is not in the group"),
    (
        400,
        "business_peer_usage_missing",
        Failure.WINDOW_CLOSED,
        "the customer has not written to the business account of late",
    ),
    (400, "chat not found", Failure.REJECTED, "the chat is not known to the bot"),
    (400, "message is too long", Failure.REJECTED, "the text is too long"),
    (400, "not enough rights", Failure.REJECTED, "the bot may not write in this group"),
    (
        409,
        "webhook",
        Failure.MISCONFIGURED,
        "the bot has a webhook: delete it, or set webhook_secret",
    ),
    (409, "", Failure.MISCONFIGURED, "somebody else asks for this bot's updates"),
)

_STATUSES: dict[int, tuple[Failure, str]] = {
    401: (Failure.MISCONFIGURED, "the token is refused"),
    403: (Failure.REJECTED, "the bot may not write to this chat"),
    # A token that is none, or another server behind base_url.
    404: (Failure.MISCONFIGURED, "no such bot"),
    429: (Failure.THROTTLED, "too many requests"),
}
_FAMILIES: dict[int, tuple[Failure, str]] = {
    3: (Failure.MISCONFIGURED, "base_url leads elsewhere"),
    4: (Failure.REJECTED, "Telegram refuses the message"),
}


def failure_of(response: HttpResponse) -> DeliveryError:
    """The error for an answer that is no success."""
    answer = json_object(response)
    told = answer.get("error_code")
    status = told if isinstance(told, int) and response.status == 200 else response.status
    description = str(answer.get("description", "")).lower()
    failure, reason = next(
        (
            (failure, reason)
            for code, words, failure, reason in _SAID
            if status == code and words in description
        ),
        # A 5xx may come after the message was made, and Telegram has no list of what was sent.
        _STATUSES.get(status)
        or _FAMILIES.get(status // 100)
        or (Failure.UNKNOWN, "Telegram is in trouble"),
    )
    return DeliveryError(
        failure,
        f"{reason} (HTTP {status})",
        retry_after=_patience(answer.get("parameters")) or retry_after(response),
        provider_code=str(status),
    )


def moved_to(response: HttpResponse) -> int | None:
    """The chat that a group has become (core.telegram.org/bots/api#responseparameters), if it has."""
    parameters = json_object(response).get("parameters")
    found = parameters.get("migrate_to_chat_id") if isinstance(parameters, dict) else None
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def _patience(parameters: object) -> float | None:
    seconds = parameters.get("retry_after") if isinstance(parameters, dict) else None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds <= 0:
        return None
    return float(seconds)
