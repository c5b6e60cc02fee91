"""What customers are shown: everything, once they are back, whatever was cut; and an end in time."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels import _chat_hub, _chat_streams
from gateway.domain.model import Attachment, DeliveryState
from gateway.testing.builders import outbound
from tests.channels.chat.house import House, bearer, first, opened, sse


async def fresh(house: House, token: str) -> dict[str, Any]:
    """Everything there is, by id, page by page."""
    found: dict[str, Any] = {}
    cursor, more = "", True
    while more:
        status, answer, _ = await house.call(
            "GET", f"/messages?after={cursor}", headers=bearer(token)
        )
        assert status == 200
        found |= {message["id"]: message for message in answer["messages"]}
        cursor, more = answer["cursor"], answer["more"]
    return found


# ---------------------------------------------------------------- what is shown


async def test_a_message_shows_what_a_customer_may_know(house: House) -> None:
    user = await house.user("u")
    house.timeline.put("u", "a", "mine", author="customer", external_id="u/7")
    file = Attachment("id.png", "image/png", 5, blob="secret-address")
    house.timeline.put("u", "b", "ours", attachments=(file,))
    found = await fresh(house, user["token"])
    assert found["a"] == {
        "id": "a", "author": "customer", "text": "mine", "at": found["a"]["at"], "client_msg_id": "7",
    }  # fmt: skip
    assert found["b"]["files"] == [{"name": "id.png", "type": "image/png", "size": 5}]
    assert found["b"]["delivery"] == "sent"
    assert "secret-address" not in json.dumps(found)


async def test_nobody_sees_what_was_said_to_somebody_else(house: House) -> None:
    house.timeline.put("v", "m", "for v only")
    assert await fresh(house, (await house.user("u"))["token"]) == {}


async def test_pages_follow_each_other_without_a_gap(house: House) -> None:
    for number in range(250):
        house.timeline.put("u", f"m{number}")
    user = await house.user("u")
    _, page, _ = await house.call("GET", "/messages", headers=bearer(user["token"]))
    assert (len(page["messages"]), page["more"]) == (100, True)
    assert len(await fresh(house, user["token"])) == 250


@pytest.mark.parametrize("cursor", ["-1", "x", "1.5", "9" * 16, "٣", "1 OR 1"])
async def test_what_is_no_cursor_is_refused(house: House, cursor: str) -> None:
    headers = bearer((await house.user())["token"])
    for path in ("/messages", "/events", "/socket"):
        status, answer, _ = await house.call("GET", path, params={"after": cursor}, headers=headers)
        assert (status, answer["error"]) == (400, "bad_cursor")


async def test_a_waiting_call_is_answered_as_soon_as_there_is_something(house: House) -> None:
    user = await house.user("u")
    path, headers = "/messages?after=&wait=20", bearer(user["token"])
    waiting = asyncio.create_task(house.call("GET", path, headers=headers))
    while not house.chat._hub.open:
        await asyncio.sleep(0)
    began = time.monotonic()
    house.timeline.put("u", "m")
    _, answer, _ = await waiting
    assert [message["id"] for message in answer["messages"]] == ["m"]
    assert time.monotonic() - began < 1.0
    _, answer, _ = await house.call(
        "GET", f"/messages?after={answer['cursor']}&wait=1", headers=headers
    )
    assert answer["messages"] == []


async def test_a_hint_that_is_lost_costs_a_second(house: House) -> None:
    house.timeline.deaf = True
    user = await house.user("u")
    async with house.http.get(f"{house.url}/events", headers=bearer(user["token"])) as response:
        await response.content.readuntil(b"\n\n")
        house.timeline.put("u", "m")
        began = time.monotonic()
        (event,) = await first(sse(response), 1)
    assert event["data"]["message"]["id"] == "m"
    assert time.monotonic() - began < _chat_hub.POLL_SECONDS + 1.0


async def test_sending_wakes_who_is_connected(house: House) -> None:
    house.timeline.deaf = True
    user = await house.user("u")
    async with house.http.get(f"{house.url}/events", headers=bearer(user["token"])) as response:
        await response.content.readuntil(b"\n\n")
        house.timeline.put("u", "m")
        began = time.monotonic()
        await house.chat.send(outbound(id="m", to="u"))
        await first(sse(response), 1)
    assert time.monotonic() - began < 0.7


# ---------------------------------------------------------------- Server-Sent Events


async def test_a_stream_goes_on_behind_the_last_event_that_arrived(house: House) -> None:
    user = await house.user("u")
    for number in range(4):
        house.timeline.put("u", f"m{number}")
    headers = bearer(user["token"])
    async with house.http.get(f"{house.url}/events", headers=headers) as response:
        assert response.headers["Content-Type"].startswith("text/event-stream")
        assert response.headers["X-Accel-Buffering"] == "no"
        events = await first(sse(response), 2)
    assert [event["event"] for event in events] == ["message", "message"]
    assert [event["id"] for event in events] == [event["data"]["cursor"] for event in events]
    again = headers | {"Last-Event-ID": events[-1]["id"]}
    async with house.http.get(f"{house.url}/events?after=0", headers=again) as response:
        events = await first(sse(response), 2)
    assert [event["data"]["message"]["id"] for event in events] == ["m2", "m3"]


async def test_a_text_cannot_break_out_of_its_event(house: House) -> None:
    user, text = await house.user("u"), "a\n\nid: 9\ndata: {}\r\n\u2028</script>"
    house.timeline.put("u", "m", text)
    async with house.http.get(f"{house.url}/events", headers=bearer(user["token"])) as response:
        (event,) = await first(sse(response), 1)
    assert event["data"]["message"]["text"] == text


async def test_a_silent_stream_shows_signs_of_life(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _chat_streams.HEARTBEAT == 15.0
    monkeypatch.setattr(_chat_streams, "HEARTBEAT", 0.05)
    user = await house.user("u")
    async with house.http.get(f"{house.url}/events", headers=bearer(user["token"])) as response:
        async with asyncio.timeout(5):
            comments = [event async for event in _some(sse(response), 2)]
    assert comments == [{"comment": "alive"}] * 2


async def _some(events: Any, number: int) -> Any:
    async for event in events:
        yield event
        number -= 1
        if not number:
            return


async def test_a_stream_ends_when_its_token_does(house: House) -> None:
    user = await house.user("u")
    headers = bearer(user["token"])
    async with (
        house.http.get(f"{house.url}/events", headers=headers) as response,
        house.http.ws_connect(f"{house.url}/socket", headers=headers) as socket,
    ):
        await response.content.readuntil(b"\n\n")
        house.clock.advance(4 * 3600)
        house.chat._hub.say("u", {"type": "typing"})  # a look at the clock
        events = [event async for event in sse(response)]
        assert [event["event"] for event in events] == ["typing", "expired"]
        frames = [json.loads(message.data) async for message in socket]
        assert [frame["type"] for frame in frames] == ["typing", "expired"]
        assert socket.close_code == _chat_streams.EXPIRED


async def test_connections_of_one_customer_and_of_all_are_bounded() -> None:
    async with opened(connections=12) as house:
        open_ones: list[aiohttp.ClientResponse] = []
        for name in ("a", "b"):
            headers = bearer((await house.user(name))["token"])
            wanted = _chat_hub.PER_HANDLE if name == "a" else 2
            open_ones += [
                await house.http.get(f"{house.url}/events", headers=headers) for _ in range(wanted)
            ]
            status, answer, given = await house.call("GET", "/events", headers=headers)
            assert (status, answer["error"], given["Retry-After"]) == (503, "busy", "5")
        for response in open_ones:
            response.close()


# ---------------------------------------------------------------- WebSocket


async def hello(house: House, token: str, after: str = "") -> aiohttp.ClientWebSocketResponse:
    socket = await house.http.ws_connect(f"{house.url}/socket")
    await socket.send_json({"type": "hello", "token": token, "after": after})
    return socket


async def test_a_socket_carries_both_ways(house: House) -> None:
    user = await house.user("u")
    house.timeline.put("u", "m1", "hi")
    socket = await hello(house, user["token"])
    assert (await socket.receive_json())["message"]["id"] == "m1"
    for sent, answer in (
        (
            {"type": "message", "client_msg_id": "1", "text": "thanks", "ref": 7},
            {"type": "accepted", "client_msg_id": "1", "status": "accepted", "ref": 7},
        ),
        (
            {"type": "receipts", "status": "read", "ids": ["m1"]},
            {"type": "accepted", "status": "accepted"},
        ),
        ({"type": "ping", "ref": "x"}, {"type": "pong", "ref": "x"}),
        ({"type": "typing"}, {"type": "accepted", "status": "accepted"}),
    ):
        await socket.send_json(sent)
        assert await socket.receive_json() == answer
    for bad in ({"type": "message", "text": "x", "ref": 1}, {"type": "none"}, []):
        await socket.send_json(bad)
        assert (await socket.receive_json())["type"] == "error"
    for text in ("{", "[" * 50_000, "null"):
        await socket.send_str(text)
        assert (await socket.receive_json())["error"] == "bad_frame"
    assert [event.text for event in house.sink.messages] == ["thanks"]
    assert [receipt.external_id for receipt in house.sink.receipts] == ["m1"]
    await socket.close()


async def test_a_socket_without_a_good_token_is_closed(house: House) -> None:
    for said in ({"type": "hello", "token": "x.y"}, {"type": "message"}, {"type": "hello"}):
        socket = await house.http.ws_connect(f"{house.url}/socket")
        await socket.send_json(said)
        assert (await socket.receive_json())["type"] == "error"
        assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE
        assert socket.close_code == _chat_streams.EXPIRED
    socket = await hello(house, (await house.user())["token"], after="x")
    assert (await socket.receive_json())["error"] == "bad_cursor"


async def test_who_connects_and_says_nothing_is_not_kept(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_chat_streams, "HELLO_SECONDS", 0.05)
    socket = await house.http.ws_connect(f"{house.url}/socket")
    assert (await socket.receive_json(timeout=5))["error"] == "no_token"


async def test_a_frame_that_is_too_large_ends_the_socket_and_nothing_else(house: House) -> None:
    user = await house.user("u")
    socket = await hello(house, user["token"])
    await socket.send_json({"type": "message", "client_msg_id": "1", "text": "x" * 70_000})
    message = await socket.receive()
    assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
    assert socket.close_code == aiohttp.WSCloseCode.MESSAGE_TOO_BIG
    assert not house.sink.events
    assert (await house.say(user["token"]))[0] == 202


async def test_typing_is_shown_to_the_others_and_kept_nowhere(house: House) -> None:
    user, other = await house.user("u"), await house.user("v")
    mine, tab, theirs = [await hello(house, one["token"]) for one in (user, user, other)]
    while house.chat._hub.open < 3:
        await asyncio.sleep(0)
    await mine.send_json({"type": "typing"})
    assert (await mine.receive_json())["type"] == "accepted"
    assert (await tab.receive_json())["author"] == "customer"
    house.chat.typing("v")
    assert await theirs.receive_json() == {"type": "typing", "author": "agent", "seconds": 6.0}
    assert not house.sink.events
    for socket in (mine, tab, theirs):
        await socket.close()


async def test_frames_are_counted_as_calls_are(house: House) -> None:
    socket = await hello(house, (await house.user())["token"])
    for _ in range(400):
        await socket.send_json({"type": "ping"})
    found = [await socket.receive_json(timeout=10) for _ in range(400)]
    assert [frame["type"] for frame in found].count("pong") == 299
    assert found[-1]["error"] == "too_many"
    await socket.close()


@pytest.mark.parametrize("path", ["events", "socket"])
async def test_who_does_not_read_keeps_no_place(
    house: House, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(_chat_streams, "WRITE_SECONDS", 0.2)
    user = await house.user("u")
    for number in range(300):
        house.timeline.put("u", f"m{number}", "x" * 100_000)
    host, port = house.runner.addresses[0][:2]
    _, writer = await asyncio.open_connection(host, port, limit=1024)
    upgrade = (
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    )
    writer.write(
        f"GET /chat/main/{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {user['token']}\r\n"
        f"{upgrade if path == 'socket' else ''}\r\n".encode()
    )
    while not house.chat._hub.open:
        await asyncio.sleep(0.01)
    async with asyncio.timeout(10):
        while house.chat._hub.open:
            await asyncio.sleep(0.02)
    writer.close()


# ---------------------------------------------------------------- cuts


async def _polled(house: House, token: str, state: dict[str, Any], cursor: str, n: int) -> str:
    _, answer, _ = await house.call("GET", f"/messages?after={cursor}", headers=bearer(token))
    state |= {message["id"]: message for message in answer["messages"]}
    return str(answer["cursor"]) if n else cursor  # the answer arrived, its cursor was not kept


async def _streamed(house: House, token: str, state: dict[str, Any], cursor: str, n: int) -> str:
    headers = bearer(token) | {"Last-Event-ID": cursor}
    async with house.http.get(f"{house.url}/events", headers=headers) as response:
        for event in await first(sse(response), n) if n else ():
            state[event["data"]["message"]["id"]] = event["data"]["message"]
            cursor = event["id"]
    return cursor


async def _socketed(house: House, token: str, state: dict[str, Any], cursor: str, n: int) -> str:
    socket = await hello(house, token, cursor)
    for _ in range(n):
        frame = await socket.receive_json(timeout=10)
        state[frame["message"]["id"]] = frame["message"]
        cursor = frame["cursor"]
    await socket.close()
    return cursor


Reader = Callable[[House, str, dict[str, Any], str, int], Awaitable[str]]
WAYS: list[Reader] = [_polled, _streamed, _socketed]
#: Changes of messages (which one, how), and in between how a customer reads and how far.
STEP = st.one_of(
    st.tuples(st.just("change"), st.integers(0, 9), st.sampled_from(["text", "read", "new"])),
    st.tuples(st.just("read"), st.integers(0, 2), st.integers(0, 5)),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(STEP, max_size=40))
def test_after_any_cuts_a_customer_has_what_a_fresh_look_shows(steps: list[Any]) -> None:
    asyncio.run(_cut(steps))


async def _cut(steps: list[Any]) -> None:
    async with opened() as house:
        token = (await house.user("u"))["token"]
        state: dict[str, Any] = {}
        cursor, changes = "", 0
        for kind, which, how in steps:
            if kind == "change":
                changes += 1
                changed = (
                    {"delivery": DeliveryState.READ} if how == "read" else {"text": str(changes)}
                )
                reference = f"m{which}" if how != "new" else f"n{changes}"
                house.timeline.put("u", reference, **changed)
                continue
            # No more than there is to read: nobody waits for what was not said.
            left = len(await house.timeline.since("u", int(cursor or 0), 100))
            house.clock.advance(5)
            cursor = await WAYS[which](house, token, state, cursor, min(how, left))
        cursor = await _polled(house, token, state, cursor, 1)
        assert state == await fresh(house, token)


# ---------------------------------------------------------------- the end


@pytest.mark.parametrize(("events", "sockets", "silent"), [(200, 0, 0), (0, 200, 0), (90, 90, 20)])
async def test_two_hundred_open_connections_end_within_two_seconds(
    events: int, sockets: int, silent: int
) -> None:
    async with opened() as house:
        tokens = []
        for number in range(40):
            house.clock.advance(10)
            tokens.append((await house.user(f"u{number}"))["token"])
        streams = [
            await house.http.get(f"{house.url}/events", headers=bearer(tokens[n % 20]))
            for n in range(events)
        ]
        ends = [await hello(house, tokens[20 + n % 20]) for n in range(sockets)]
        # Connected, and they never said who they are.
        ends += [await house.http.ws_connect(f"{house.url}/socket") for _ in range(silent)]
        while house.chat._hub.open < events + sockets:
            await asyncio.sleep(0.01)
        began = time.monotonic()
        await house.runner.cleanup()
        assert time.monotonic() - began < 2.0
        for response in streams:
            await response.read()  # ended, not broken off
        for socket in ends:
            async with asyncio.timeout(5):
                while not socket.closed:
                    await socket.receive()
        assert house.chat._hub.open == 0


async def test_while_the_server_stops_nobody_new_is_let_in(house: House) -> None:
    headers = bearer((await house.user())["token"])
    await house.chat.leave()
    for path in ("/events", "/messages?wait=20"):
        status, answer, _ = await house.call("GET", path, headers=headers)
        assert (status, answer["error"]) == (503, "stopping")
    assert not (await house.chat.health()).ok
