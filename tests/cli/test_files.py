"""A running gateway fetches a file after the acknowledgement, also when it is killed over it; and of a message
that is erased beside it nothing is left on the disk."""

import asyncio
import json
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from gateway.keys import Keys
from tests.cli.processes import SETTINGS, Serving, beside, end, until

TOKEN = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(200))
SAID = "QZXunlikeAnythingElse8842QZX"


class BotApi:
    """One update with a picture; the first to ask for the picture waits for it in vain."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.downloads = 0
        self.over = asyncio.Event()

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post(f"/bot{TOKEN}/getUpdates", self.updates)
        app.router.add_post(f"/bot{TOKEN}/getFile", self.file)
        app.router.add_get(f"/file/bot{TOKEN}/photos/1.png", self.download)
        return app

    async def updates(self, request: web.Request) -> web.Response:
        if (await request.json()).get("offset"):
            await asyncio.wait([asyncio.ensure_future(self.over.wait())], timeout=1.0)
            return web.json_response({"ok": True, "result": []})
        person = {"id": 7, "is_bot": False, "first_name": "Anna"}
        message = {
            "message_id": 1,
            "date": 1767225600,
            "chat": {"id": 7, "type": "private"},
            "from": person,
            "caption": SAID,
            "photo": [{"file_id": "F1", "width": 9, "height": 9, "file_size": 1}],
        }
        return web.json_response({"ok": True, "result": [{"update_id": 5, "message": message}]})

    async def file(self, _request: web.Request) -> web.Response:
        return web.json_response({"ok": True, "result": {"file_path": "photos/1.png"}})

    async def download(self, _request: web.Request) -> web.Response:
        self.downloads += 1
        if self.downloads == 1:
            self.asked.set()
            await self.over.wait()
        return web.Response(body=PNG)


def rows(home: Path, sql: str) -> list[Any]:
    with closing(
        sqlite3.connect(f"file:{home / 'gateway.sqlite'}?mode=ro", uri=True)
    ) as connection:
        return connection.execute(sql).fetchall()


def fetched(home: Path) -> dict[str, Any]:
    found = rows(home, "SELECT meta FROM messages WHERE direction = 'in'")
    files = json.loads(found[0][0]).get("attachments", []) if found else []
    return files[0] if files and files[0]["blob"] else {}


def holding(home: Path, text: str) -> list[str]:
    """The files below the data directory in which the text stands."""
    files = [path for path in home.rglob("*") if path.is_file()]
    return [path.name for path in files if text.encode() in path.read_bytes()]


@pytest.mark.proof
@pytest.mark.timeout(180)
async def test_a_file_survives_a_kill_and_of_an_erased_message_nothing_is_left(
    tmp_path: Path,
) -> None:
    api = BotApi()
    runner = web.AppRunner(api.app(), shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    account = (
        f'[accounts.tg]\nkind = "telegram"\ntoken = "{TOKEN}"\nallow_private = true\n'
        f'base_url = "http://127.0.0.1:{port}"\n'
    )
    (tmp_path / "gateway.toml").write_text(f"{SETTINGS}\n{account}", "utf-8")
    words = ["--data-dir", tmp_path]
    first = Serving(words, tmp_path)
    try:
        await asyncio.to_thread(first.ready)
        async with asyncio.timeout(60):
            await api.asked.wait()
        first.stop(signal.SIGKILL)
    finally:
        end(first)
    assert rows(tmp_path, "SELECT attempts FROM fetches") == [(1,)]
    assert holding(tmp_path, SAID)  # the search is able to find
    second = Serving(words, tmp_path)
    try:
        await asyncio.to_thread(second.ready)
        file = await asyncio.to_thread(until, lambda: fetched(tmp_path))
        path = tmp_path / "blobs" / file["blob"][:2] / file["blob"][2:]
        assert Keys.load(tmp_path).open(path.read_bytes()) == PNG
        assert (api.downloads, file["type"], file["size"]) == (2, "image/png", len(PNG))
        (message,) = rows(tmp_path, "SELECT id FROM messages WHERE direction = 'in'")[0]
        await asyncio.to_thread(
            beside, tmp_path, lambda office: office.desk.erase_message(message, "lin")
        )
        await asyncio.to_thread(until, lambda: not holding(tmp_path, SAID), 60)
        assert rows(tmp_path, "SELECT COUNT(*) FROM blob_refs") == [(0,)]
        # The bytes are young, and go later.
        assert rows(tmp_path, "SELECT address FROM unnamed_blobs") == [(file["blob"],)]
    finally:
        api.over.set()
        end(second)
        await runner.cleanup()
