"""No secret and no card number reaches a log line, whoever wrote it."""

import io
import json
import logging

import pytest
import structlog

from gateway.logs import configure_logging, masking


@pytest.fixture
def lines():
    """The output of this process's logging, put back as it was afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield io.StringIO()
    root.handlers[:], _ = handlers, root.setLevel(level)
    structlog.reset_defaults()


def test_secrets_and_long_numbers_are_masked_at_any_depth(lines):
    configure_logging("debug", json=True, scrub=masking(["s3cret-token", "", "ab"]), stream=lines)
    structlog.get_logger("x").info(
        "got s3cret-token",
        card="4111 1111 1111 1111",
        nested={"list": ["id 11010519491231002X", b"s3cret-token"]},
        number=6222021234567890123,
        count=12,
        ratio=0.5,
    )
    text = lines.getvalue()
    line = json.loads(text)
    assert line["event"] == "got [secret]"
    assert line["card"] == "[number]"
    assert line["nested"]["list"][0] == "id [number]"
    assert "s3cret-token" not in text
    assert (line["number"], line["count"], line["ratio"]) == ("[number]", 12, 0.5)
    assert line["level"] == "info"
    assert line["logger"] == "x"


def test_the_lines_of_libraries_and_their_tracebacks_go_the_same_way(lines):
    configure_logging("info", json=True, scrub=masking(["s3cret-token"]), stream=lines)
    try:
        int("s3cret-token")
    except ValueError:
        logging.getLogger("library").exception("call of %s failed", "s3cret-token")
        structlog.get_logger("x").exception("failed")
    written = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert [line["event"] for line in written] == ["call of [secret] failed", "failed"]
    assert all("[secret]" in line["exception"] for line in written)
    assert "s3cret-token" not in lines.getvalue()


@pytest.mark.parametrize("as_json", [True, False])
def test_lines_below_the_level_are_not_written(lines, as_json):
    configure_logging("warning", json=as_json, stream=lines)
    structlog.get_logger("x").info("quiet")
    structlog.get_logger("x").warning("loud", account="box")
    assert "quiet" not in lines.getvalue()
    assert "loud" in lines.getvalue()


def test_the_console_form_is_scrubbed_too(lines):
    configure_logging("info", scrub=masking(["s3cret-token"]), stream=lines)
    try:
        int("s3cret-token")
    except ValueError:
        structlog.get_logger("x").exception("failed with s3cret-token")
    assert "ValueError: invalid literal for int() with base 10: '[secret]'" in lines.getvalue()
    assert "s3cret-token" not in lines.getvalue()


@pytest.mark.parametrize(
    "harmless", ["2024-05-06 07:08", "0.123456789", "port 8080", "13800138000"]
)
def test_ordinary_numbers_stay(harmless):
    assert masking([])(harmless) == harmless
