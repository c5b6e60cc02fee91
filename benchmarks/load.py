"""A load generator in a process of its own: signed webhooks over keep-alive connections.

Requests are made before the clock starts, so that the generator costs as little as possible beside
the server it measures. `python -m benchmarks.load --port 8080 --connections 64 --seconds 3`.
"""

import argparse
import asyncio
import hashlib
import hmac
import json
import os
import time
from collections import deque

SECRET = "benchmark-secret-of-the-load"
#: One body is 500 bytes, as the issue of a wallet app sends them.
BODY_BYTES = 500


def requests(number: int, path: str, run: str) -> deque[bytes]:
    """Whole HTTP requests, each with an id and a sender of its own."""
    stamp = str(int(time.time()))
    made: deque[bytes] = deque()
    for n in range(number):
        body = {"id": f"{run}-{n}", "sender": f"customer-{n % 997}", "text": ""}
        filler = "My top-up of yesterday has not arrived, what can I do? " * 10
        body["text"] = filler[: BODY_BYTES - len(json.dumps(body))]
        raw = json.dumps(body).encode()
        proof = hmac.new(SECRET.encode(), f"{stamp}.".encode() + raw, hashlib.sha256).hexdigest()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: benchmark\r\nContent-Type: application/json\r\n"
            f"X-Gateway-Signature: t={stamp},v1={proof}\r\nContent-Length: {len(raw)}\r\n\r\n"
        )
        made.append(head.encode() + raw)
    return made


class Connection(asyncio.Protocol):
    """Sends the next request as soon as the last one is answered."""

    def __init__(self, todo: deque[bytes], stop: float, latencies: list[float]) -> None:
        self.todo, self.stop, self.latencies = todo, stop, latencies
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.buffer = b""
        self.sent_at = 0.0
        self.refused = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]  # TCP gives a Transport
        self._next()

    def _next(self) -> None:
        self.sent_at = time.perf_counter()
        if self.sent_at >= self.stop or not self.todo:
            self.transport.close()
            self.done.set_result(None)
            return
        self.transport.write(self.todo.popleft())

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
        if len(rest) < length:
            return
        self.buffer = b""
        if b" 200 " in head[:20]:
            self.latencies.append(time.perf_counter() - self.sent_at)
        else:
            self.refused += 1
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        if not self.done.done():
            self.done.set_result(None)


async def run(
    port: int, path: str, connections: int, seconds: float, most: int
) -> dict[str, float]:
    """Load the server; what came of it."""
    todo = requests(most, path, f"{os.getpid()}-{time.time_ns():x}")
    latencies: list[float] = []
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    made = [
        (
            await loop.create_connection(
                lambda: Connection(todo, started + seconds, latencies), "127.0.0.1", port
            )
        )[1]
        for _ in range(connections)
    ]
    await asyncio.gather(*(each.done for each in made))
    took = time.perf_counter() - started
    latencies.sort()
    return {
        "rate": len(latencies) / took,
        "p50_ms": 1000 * latencies[len(latencies) // 2],
        "p99_ms": 1000 * latencies[int(len(latencies) * 0.99)],
        "refused": sum(each.refused for each in made),
        "used_up": float(not todo),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", default="/in/http/load")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--most", type=int, default=30_000)
    args = parser.parse_args()
    print(
        json.dumps(
            asyncio.run(run(args.port, args.path, args.connections, args.seconds, args.most))
        )
    )


if __name__ == "__main__":
    main()
