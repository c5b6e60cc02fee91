"""What a caller of the chat is told when it gets nothing: a status, a word for programs, a line for people."""

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web


class Refusal(Exception):
    """A call that is not done.

    Args:
        status: of HTTP.
        error: the word, part of the protocol (docs/channels/chat.md lists them).
        detail: a line that says what to do; no secret and nothing the customer wrote.
        retry_after: seconds to wait.
    """

    def __init__(
        self, status: int, error: str, detail: str, *, retry_after: float | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.error = error
        self.detail = detail
        self.retry_after = retry_after

    @property
    def frame(self) -> dict[str, Any]:
        """The same on a WebSocket."""
        return {"type": "error", "error": self.error, "detail": self.detail}

    def response(self) -> web.Response:
        """The same over HTTP."""
        answer = answered({"error": self.error, "detail": self.detail}, self.status)
        if self.retry_after is not None:
            answer.headers["Retry-After"] = str(max(1, round(self.retry_after)))
        return answer


def answered(values: Mapping[str, Any], status: int = 200) -> web.Response:
    """A JSON answer, which nobody may keep."""
    return web.Response(
        text=json.dumps(values, ensure_ascii=False, separators=(",", ":")),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
