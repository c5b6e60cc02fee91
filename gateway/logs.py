"""Log lines: structured, and scrubbed of secrets and long numbers before anything is written."""

import logging
import re
import sys
from collections.abc import Callable, Iterable, MutableMapping
from typing import Any, TextIO

import structlog

# Cards have 12 to 19 digits, Chinese identity cards 18 or 17 and an X; also masked when written in
# groups. A provider's long numeric id goes the same way: a log line can do without it.
_LONG_NUMBER = re.compile(r"(?<![0-9A-Za-z])\d(?:[ -]?\d){11,18}[0-9Xx]?(?![0-9A-Za-z])")
#: Libraries that write what customers send at level info: aiosmtpd logs every SMTP command with its
#: addresses.
TALKATIVE = ("mail.log", "aiohttp.access")
#: A shorter secret would be found inside ordinary words and shred every line.
_SHORTEST_SECRET = 6


def masking(secrets: Iterable[str]) -> Callable[[str], str]:
    """A function that takes the given values and long numbers out of a text."""
    values = sorted({s for s in secrets if len(s) >= _SHORTEST_SECRET}, key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, values))) if values else None

    def scrub(text: str) -> str:
        if pattern is not None:
            text = pattern.sub("[secret]", text)
        return _LONG_NUMBER.sub("[number]", text)

    return scrub


def configure_logging(
    level: str = "info",
    *,
    json: bool = False,
    scrub: Callable[[str], str] | None = None,
    stream: TextIO | None = None,
) -> None:
    """Send every log line of this process, the libraries' too, through one scrubbed output.

    Args:
        level: the least important level that is written: debug, info, warning, error.
        json: one JSON object a line instead of columns for people.
        scrub: applied to every text of every line, tracebacks included; None: long numbers only.
        stream: where to; standard error when None.
    """
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        _Scrubber(scrub or masking(())),
    ]
    stream = stream or sys.stderr
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if json
        else structlog.dev.ConsoleRenderer(colors=stream.isatty())
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            # The libraries' lines: their arguments are put into the text before it is scrubbed.
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for talkative in TALKATIVE:
        logging.getLogger(talkative).setLevel(max(logging.WARNING, root.level))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,  # tests and the CLI configure more than once
    )


class _Scrubber:
    """The last processor before rendering that changes texts."""

    def __init__(self, scrub: Callable[[str], str]) -> None:
        self._scrub = scrub

    def __call__(
        self, _logger: object, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        for key, value in event.items():
            if not key.startswith("_") and key not in {"timestamp", "level", "logger"}:
                event[key] = self._clean(value)
        return event

    def _clean(self, value: Any) -> Any:
        match value:
            case None | bool() | float():
                return value
            case int():
                text = self._scrub(str(value))
                return value if text == str(value) else text
            case str():
                return self._scrub(value)
            case dict():
                return {key: self._clean(inner) for key, inner in value.items()}
            case list() | tuple() | set() | frozenset():
                return [self._clean(inner) for inner in value]
            case _:  # bytes, exceptions, objects: their text may hold anything
                return self._scrub(repr(value))
