"""Reading what a provider's REST API answered."""

import json
from typing import Any

from gateway.domain.world import HttpResponse


def json_object(response: HttpResponse) -> dict[str, Any]:
    """The body as a JSON object; an empty one when it is anything else. Providers put HTML pages
    of their load balancers where JSON should be, so this never raises."""
    try:
        found = json.loads(response.body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def retry_after(response: HttpResponse) -> float | None:
    """Seconds from the Retry-After header; None without one or when it is a date."""
    text = response.headers.get("retry-after", "").strip()
    return float(text) if text.isascii() and text.isdigit() else None
