"""The small page of the demo: the same table as on the screen, in a browser."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from gateway.demo.cast import Words
from gateway.demo.progress import Act, Progress
from gateway.demo.watch import Watch

#: Own files only; nothing is loaded from elsewhere, and nothing inline runs.
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_FILES = {
    "/demo": ("page.html", "text/html"),
    "/demo/page.css": ("page.css", "text/css"),
    "/demo/page.js": ("page.js", "text/javascript"),
}


class DemoPage:
    """The routes; reads what the watch has seen, never the database itself."""

    def __init__(self, progress: Progress, watch: Watch, folder: Path) -> None:
        """`folder` holds the page's files. Raises OSError when one is missing."""
        self._progress = progress
        self._watch = watch
        self._files = {
            path: ((folder / name).read_bytes(), kind) for path, (name, kind) in _FILES.items()
        }

    def routes(self) -> list[web.RouteDef]:
        """For `Application.add_routes`."""
        return [
            web.get("/", self._home),
            *(web.get(path, self._file(path)) for path in _FILES),
            web.get("/demo/state", self._state),
        ]

    async def _home(self, _request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("/demo")

    def _file(self, path: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        body, kind = self._files[path]

        async def serve(_request: web.Request) -> web.StreamResponse:
            return web.Response(body=body, content_type=kind, charset="utf-8", headers=_HEADERS)

        return serve

    async def _state(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response(self.state(), headers=_HEADERS)

    def state(self) -> dict[str, Any]:
        """Everything the page shows."""
        progress = self._progress
        return {
            "now": progress.now,
            "ended": progress.ended,
            "acts": [_act(act) for act in progress.acts],
            "lines": [{"speaker": line.speaker, **_words(line.words)} for line in progress.lines],
            "inquiries": [
                {
                    name: row[name]
                    for name in (
                        "number",
                        "channel",
                        "contact_name",
                        "subject",
                        "language",
                        "topic",
                        "state",
                        "queue",
                        "urgent",
                        "assigned_to",
                    )
                }
                for row in self._watch.inquiries
            ],
            "events": [
                {"seq": e.seq, "at": e.at, "kind": e.kind, "inquiry": e.inquiry, "detail": e.detail}
                for e in list(self._watch.events)[-20:]
            ],
        }


def _act(act: Act) -> dict[str, Any]:
    return {
        "title": _words(act.title),
        "state": act.state,
        "seen": [_words(words) for words in act.seen],
        "failure": _words(act.failure) if act.failure else None,
        "ms": round(1000 * act.seconds),
    }


def _words(words: Words) -> dict[str, str]:
    return {"zh": words.zh, "en": words.en}
