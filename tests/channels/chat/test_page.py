"""The page for developers of apps: what it tells to type is typed, in order, and works."""

import asyncio
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from channels._chat_refusal import Refusal
from channels.chat import ChatSettings
from gateway.testing.clock import FakeClock
from gateway.world import SystemClock
from tests.channels.chat.house import SECRET, opened
from tests.missing import missing

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs/channels/chat.md"
EXAMPLES = re.findall(r"```sh\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


async def test_every_example_works_as_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for program in ("curl", "openssl", "bash"):
        if shutil.which(program) is None:
            missing(program)
    # The shell signs with the time of the day.
    monkeypatch.setattr(FakeClock, "now", lambda _: SystemClock().now())
    async with opened("web") as house:
        script = "set -eu\n" + "".join(EXAMPLES) + 'echo; echo "token=$TOKEN"\n'
        script = script.replace("https://gateway.example/chat/web", house.url)
        run = await asyncio.create_subprocess_exec(
            "bash", "-c", script,
            cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin", "CHAT_IDENTITY_SECRET": SECRET},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        house.timeline.put("user-42", "m1", "We look into it")
        out, err = (part.decode() for part in await run.communicate())
        assert run.returncode == 0, err
        first, second = house.sink.messages
    assert (first.text, first.sender, first.verified) == (
        "My top-up has not arrived", "user-42", True,
    )  # fmt: skip
    assert first.name == "Li Lei"
    (file,) = second.attachments
    assert (file.name, file.content_type) == ("statement.pdf", "application/pdf")
    assert out.count('{"client_msg_id":"b7f0-') == 2
    assert '"cursor":"2","more":false' in out
    assert 'event: message\ndata: {"type":"message","cursor":"2"' in out
    assert out.count('{"status":"accepted"}') == 2
    assert '"error"' not in out


def test_every_setting_and_every_refusal_is_on_the_page() -> None:
    text = PAGE.read_text("utf-8")
    fields: Any = ChatSettings.__dataclass_fields__
    assert [name for name in fields if f"`{name}`" not in text] == []
    code = "".join(path.read_text("utf-8") for path in (ROOT / "channels").glob("_chat_*.py"))
    words = re.findall(rf'{Refusal.__name__}\(\s*(\d+), "(\w+)"', code)
    assert len(words) > 20
    rows = dict(re.findall(r"(?m)^\| (\d{3}) \| (.*?) \|", text))
    # `bad_frame` is one of a WebSocket, where there is no status.
    assert [w for s, w in words if w != "bad_frame" and f"`{w}`" not in rows[s]] == []
