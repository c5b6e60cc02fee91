"""The two servers that are compared: bare aiohttp with HMAC, and the gateway as it is.

`python -m benchmarks.servers bare` · `python -m benchmarks.servers gateway DIR [--pipeline]`: prints
`ready PORT` and serves until it is stopped.
"""

import argparse
import asyncio
import hashlib
import hmac
import signal
from pathlib import Path

from aiohttp import web
from aiosmtpd.smtp import SMTP

from benchmarks.databases import EMBEDDED
from benchmarks.load import SECRET
from gateway.app import assemble, running
from gateway.config import load
from gateway.roles import ALL, Role, roles_named

CONFIG = """
database = "{database}"
[server]
port = 0
[limits]
waiting_units = 100000
[workers]
processes = {processes}
[answers]
bootstrap = false
automatic_replies_per_day = 0
[log]
level = "error"
[accounts.load]
kind = "http"
secret = "{secret}"
callback_url = "http://127.0.0.1:9/unused"
callback_secret = "{secret}"
[accounts.mail]
kind = "email"
address = "help@wallet.example"
listen = "127.0.0.1:0"
smtp_host = "127.0.0.1"
smtp_port = 9
"""


def write_config(directory: Path, database: str = EMBEDDED, processes: int = 2) -> None:
    """Settings of the measured gateway. No automatic replies: nothing is sent out."""
    directory.mkdir(parents=True, exist_ok=True)
    text = CONFIG.format(secret=SECRET, database=database, processes=processes)
    (directory / "gateway.toml").write_text(text, encoding="utf-8")


async def bare() -> None:
    """The least a webhook can cost: read, check the signature, answer."""

    async def handle(request: web.Request) -> web.Response:
        body = await request.read()
        given = dict(p.split("=", 1) for p in request.headers["X-Gateway-Signature"].split(","))
        message = given["t"].encode() + b"." + body
        proof = hmac.new(SECRET.encode(), message, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(proof, given["v1"]):
            return web.Response(status=403)
        return web.Response(text="ok")

    application = web.Application()
    application.router.add_post("/in/{kind}/{account}", handle)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print("ready", runner.addresses[0][1], flush=True)
    await _stopped()
    await runner.cleanup()


async def sink() -> None:
    """The least a mail can cost: the SMTP dialogue, and the mail is thrown away."""

    class Handler:
        async def handle_DATA(self, server: object, session: object, envelope: object) -> str:  # noqa: N802, ARG002 - aiosmtpd's name and signature
            return "250 OK"

    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Handler(), loop=loop), "127.0.0.1", 0)
    print("ready", server.sockets[0].getsockname()[1], flush=True)
    await _stopped()
    server.close()


async def gateway(directory: Path, *, pipeline: bool, mail: bool, roles: frozenset[Role]) -> None:
    """The product's own composition; without the pipeline only the acknowledging half works."""
    async with assemble(load(data_dir=directory), roles=roles) as parts:
        if not pipeline and roles == ALL:
            parts.pipelines.clear()
        async with running(parts) as live:
            address = live.addresses.get("mail" if mail else "web", ":0")
            print("ready", address.rpartition(":")[2], flush=True)
            await _stopped()


async def _stopped() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("which", choices=["bare", "sink", "gateway"])
    parser.add_argument("directory", type=Path, nargs="?")
    parser.add_argument("--pipeline", action="store_true")
    parser.add_argument("--mail", action="store_true", help="print the port of the mail listener")
    parser.add_argument("--role", default="all", help="a part of the gateway only")
    args = parser.parse_args()
    match args.which:
        case "bare":
            asyncio.run(bare())
        case "sink":
            asyncio.run(sink())
        case _:
            asyncio.run(
                gateway(
                    args.directory,
                    pipeline=args.pipeline,
                    mail=args.mail,
                    roles=roles_named([args.role]),
                )
            )


if __name__ == "__main__":
    main()
