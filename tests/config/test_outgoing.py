"""Outgoing HTTP against real servers: what was sent, what was not, and where it may go."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from gateway.domain.errors import HttpFailure, TooLarge
from gateway.outgoing import AiohttpHttp, Exchange, is_private

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield site.name
    finally:
        await runner.cleanup()


@asynccontextmanager
async def raw_server(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[str]:
    async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(closing, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.fixture
async def http() -> AsyncIterator[AiohttpHttp]:
    async with AiohttpHttp(allow_private=True, limit=1000) as client:
        yield client


async def test_request_and_response_pass_unchanged_and_are_counted():
    async def echo(request: web.Request) -> web.Response:
        assert request.headers["X-Key"] == "k"
        assert request.headers["User-Agent"].startswith("contact-routing-gateway/")
        body = request.method.encode() + b" " + await request.read()
        return web.Response(status=201, body=body, headers={"Retry-After": "3"})

    seen: list[Exchange] = []
    async with (
        AiohttpHttp(allow_private=True, observe=seen.append) as client,
        serving(echo) as url,
    ):
        got = await client.request("POST", f"{url}/a?b=1", headers={"X-Key": "k"}, body=b"hi")
    assert (got.status, got.body, got.headers["retry-after"]) == (201, b"POST hi", "3")
    assert [(one.host, one.outcome) for one in seen] == [("127.0.0.1", "2xx")]


async def test_a_redirect_is_handed_back_and_not_followed(http):
    async def away(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "/other"})

    async with serving(away) as url:
        got = await http.request("GET", url)
    assert (got.status, got.headers["location"]) == (302, "/other")


async def test_cookies_are_not_kept(http):
    seen = []

    async def bake(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Cookie"))
        return web.Response(headers={"Set-Cookie": "a=b"})

    async with serving(bake) as url:
        await http.request("GET", url)
        await http.request("GET", url)
    assert seen == [None, None]


@pytest.mark.parametrize(
    "url", ["http://no-such-host.invalid/", "http://127.0.0.1:1/", "not an address", "http://[::1"]
)
async def test_what_never_connected_was_surely_not_sent(http, url):
    with pytest.raises(HttpFailure) as caught:
        await http.request("POST", url, body=b"x")
    assert caught.value.sent is False


async def test_a_header_that_cannot_be_sent_was_not_sent(http):
    async def never(request: web.Request) -> web.Response:
        raise AssertionError

    async with serving(never) as url:
        with pytest.raises(HttpFailure) as caught:
            await http.request("POST", url, headers={"X": "a\r\nb: c"}, body=b"x")
    assert caught.value.sent is False


async def test_a_server_that_accepts_and_never_answers_may_have_got_it(http):
    got_it = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        got_it.set()
        await reader.read()

    async with raw_server(silent) as url:
        with pytest.raises(HttpFailure, match="no answer in time") as caught:
            await http.request("POST", url, body=b"x", timeout=0.3)
    assert got_it.is_set()
    assert caught.value.sent is True


async def test_a_connection_that_cannot_be_made_in_time_was_not_sent(http):
    # A listener whose backlog is full does not answer the handshake any more.
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        with pytest.raises(HttpFailure) as caught:
            await http.request("POST", f"http://127.0.0.1:{full.getsockname()[1]}", timeout=0.3)
    assert caught.value.sent is False


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", b"nonsense\r\n\r\n"]
)
async def test_a_connection_that_breaks_or_talks_nonsense_may_have_got_it(http, answer):
    async def broken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()

    async with raw_server(broken) as url:
        with pytest.raises(HttpFailure) as caught:
            await http.request("POST", url, body=b"x")
    assert caught.value.sent is True
    assert "\n" not in str(caught.value)


async def test_an_endless_answer_is_cut_off(http):
    async def long(request: web.Request) -> web.Response:
        return web.Response(body=b"x" * 1001)

    async with serving(long) as url:
        with pytest.raises(HttpFailure, match="longer than 1000 bytes") as caught:
            await http.request("GET", url)
    assert caught.value.sent is True


async def test_a_small_answer_that_unpacks_to_a_large_one_is_cut_off(http):
    async def bomb(request: web.Request) -> web.Response:
        answer = web.Response(body=b"x" * 1_000_000)
        answer.enable_compression(web.ContentCoding.gzip)
        return answer

    async with serving(bomb) as url:
        with pytest.raises(HttpFailure, match="longer than"):
            await http.request("GET", url)


async def test_nothing_is_repeated_when_a_kept_connection_was_closed(http):
    calls = 0

    async def once_then_closed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        await reader.readuntil(b"\r\n\r\n")
        calls += 1
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        calls += 1

    async with raw_server(once_then_closed) as url:
        assert (await http.request("GET", url)).status == 200
        with pytest.raises(HttpFailure) as caught:
            await http.request("GET", url)
    assert caught.value.sent is True
    assert calls == 2


async def test_the_failure_names_no_query_parameter(http):
    with pytest.raises(HttpFailure) as caught:
        await http.request("GET", "http://127.0.0.1:1/?access_token=abc")
    assert "abc" not in str(caught.value)


# ---------------------------------------------------------------- the guard


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "2130706433"])
async def test_a_private_address_is_refused_before_anything_connects(host):
    reached = []

    async def handler(request: web.Request) -> web.Response:
        reached.append(1)
        return web.Response()

    async with serving(handler) as url, AiohttpHttp() as guarded:
        port = url.rpartition(":")[2]
        with pytest.raises(HttpFailure) as caught:
            await guarded.request("POST", f"http://{host}:{port}/", body=b"x")
    assert caught.value.sent is False
    assert reached == []
    if host != "2130706433":  # which is no address to the client, and no name to anybody
        assert "allow_private is off" in str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "127.8.8.8",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1%eth0",
        "fd00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
    ],
)
def test_addresses_that_the_internet_does_not_route_are_private(address):
    assert is_private(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_addresses_of_the_internet_are_not(address):
    assert not is_private(address)


async def test_a_client_that_was_not_opened_says_so():
    with pytest.raises(RuntimeError, match="has not been opened"):
        await AiohttpHttp().request("GET", "http://127.0.0.1:1/")


async def test_a_file_may_be_larger_than_other_answers_up_to_what_the_operator_allows():
    async def large(request: web.Request) -> web.Response:
        return web.Response(body=b"x" * int(request.query["n"]))

    async with (
        serving(large) as url,
        AiohttpHttp(allow_private=True, limit=1000, file_limit=3000) as http,
    ):
        assert len((await http.request("GET", f"{url}?n=2000", limit=2500)).body) == 2000
        for size, limit in ((2000, None), (2600, 2500), (3001, 9000)):
            with pytest.raises(TooLarge) as failed:
                await http.request("GET", f"{url}?n={size}", limit=limit)
            assert failed.value.sent
