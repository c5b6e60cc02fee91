"""A mail load generator in a process of its own: sessions that stay open, one mail after another."""

import argparse
import asyncio
import json
import os
import time
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

RCPT = "help@wallet.example"


def mail(number: int, run: str) -> bytes:
    """About 5 kB, plain text and HTML, as customers' mail programs write it; dots are escaped."""
    story = f"Hello, my withdrawal {run}-{number} of last week has not arrived at my bank. " * 18
    body = MIMEMultipart("alternative")
    body["From"] = f"Customer <customer{number % 997}@example.org>"
    body["To"] = RCPT
    body["Subject"] = "Withdrawal not arrived"
    body["Message-ID"] = f"<{run}.{number}@example.org>"
    body["Date"] = "Sun, 22 Nov 2026 08:00:00 +0800"
    body.attach(MIMEText(story, "plain", "utf-8"))
    body.attach(MIMEText(f"<html><body><p>{story}</p></body></html>", "html", "utf-8"))
    return (
        body.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n").replace(b"\r\n.", b"\r\n..")
    )


async def session(port: int, todo: list[bytes], stop: float) -> int:
    """Send until the time is up; how many were accepted."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def say(line: bytes) -> bytes:
        writer.write(line)
        while (answer := await reader.readline())[3:4] == b"-":
            pass
        return answer

    await reader.readline()
    await say(b"EHLO load.example\r\n")
    accepted = 0
    while todo and time.perf_counter() < stop:
        data = todo.pop()
        await say(b"MAIL FROM:<customer@example.org>\r\n")
        await say(f"RCPT TO:<{RCPT}>\r\n".encode())
        await say(b"DATA\r\n")
        if (await say(data + b"\r\n.\r\n")).startswith(b"250"):
            accepted += 1
    writer.close()
    return accepted


async def run(port: int, sessions: int, seconds: float, most: int) -> dict[str, float]:
    stamp = f"{os.getpid()}-{time.time_ns():x}"
    todo = [mail(number, stamp) for number in range(most)]
    started = time.perf_counter()
    done = await asyncio.gather(*(session(port, todo, started + seconds) for _ in range(sessions)))
    return {"rate": sum(done) / (time.perf_counter() - started)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--connections", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--most", type=int, default=4000)
    args = parser.parse_args()
    print(json.dumps(asyncio.run(run(args.port, args.connections, args.seconds, args.most))))


if __name__ == "__main__":
    main()
