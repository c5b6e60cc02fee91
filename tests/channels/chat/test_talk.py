"""What customers write: once however often it is sent, bounded in size and number, from pages of ours."""

import asyncio
import json
import random
from typing import Any

import aiohttp
import pytest

from channels._chat_files import UPLOADS_AT_ONCE, safe_name, sniffed
from channels._chat_rates import Rate
from gateway.domain.errors import DeliveryError, Failure, Overloaded, ParseError, StoreError
from gateway.domain.model import Attachment, DeliveryState
from gateway.testing.builders import outbound
from tests.channels.chat.house import House, bearer, opened

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40


async def test_a_message_is_taken_with_what_intake_needs(house: House) -> None:
    user = await house.user("u-1")
    status, answer, _ = await house.say(user["token"], "我的充值没有到账", "a-1")
    assert (status, answer) == (202, {"client_msg_id": "a-1", "status": "accepted"})
    (event,) = house.sink.messages
    assert (event.text, event.sender, event.external_id) == ("我的充值没有到账", "u-1", "u-1/a-1")
    assert event.at == house.clock.now()


async def test_a_hundred_deliveries_in_any_order_are_one_message_with_one_answer() -> None:
    async with opened(messages_per_minute=1000.0) as house:
        user = await house.user()
        wanted = [str(n % 4) for n in range(100)]
        random.Random(7).shuffle(wanted)
        found = await asyncio.gather(*(house.say(user["token"], f"t{n}", n) for n in wanted))
        assert {(s, a["client_msg_id"], a["status"]) for s, a, _ in found} == {
            (202, n, "accepted") for n in "0123"
        }
        assert sorted(event.text for event in house.sink.messages) == ["t0", "t1", "t2", "t3"]


async def test_the_same_id_of_two_customers_is_two_messages(house: House) -> None:
    for name in ("a", "b"):
        await house.say((await house.user(name))["token"], f"from {name}", "1")
    assert [event.text for event in house.sink.messages] == ["from a", "from b"]


async def test_an_id_may_stand_in_the_header_for_retries(house: House) -> None:
    user = await house.user()
    headers = bearer(user["token"]) | {"Idempotency-Key": "k-1"}
    status, answer, _ = await house.call("POST", "/messages", json={"text": "x"}, headers=headers)
    assert (status, answer["client_msg_id"]) == (202, "k-1")


BROKEN: list[tuple[Any, int, str]] = [
    ({"text": "x"}, 400, "bad_id"),
    ({"client_msg_id": "", "text": "x"}, 400, "bad_id"),
    ({"client_msg_id": "a b", "text": "x"}, 400, "bad_id"),
    ({"client_msg_id": "a" * 65, "text": "x"}, 400, "bad_id"),
    ({"client_msg_id": 5, "text": "x"}, 400, "bad_id"),
    ({"client_msg_id": "a"}, 400, "no_text"),
    ({"client_msg_id": "a", "text": " \n"}, 400, "no_text"),
    ({"client_msg_id": "a", "text": ["x"]}, 400, "no_text"),
    ({"client_msg_id": "a", "text": "x" * 10_001}, 413, "too_long"),
    ({"client_msg_id": "a", "text": "x", "reply_to": "nobody's"}, 400, "bad_reply_to"),
    ([], 400, "bad_json"),
]


@pytest.mark.parametrize(("body", "status", "error"), BROKEN)
async def test_what_is_wrong_is_named_and_nothing_is_taken(
    house: House, body: Any, status: int, error: str
) -> None:
    headers = bearer((await house.user())["token"])
    found, answer, _ = await house.call("POST", "/messages", json=body, headers=headers)
    assert (found, answer["error"]) == (status, error)
    assert not house.sink.events


async def test_whatever_the_bytes_are_there_is_an_answer(house: House) -> None:
    token = (await house.user())["token"]
    whole = json.dumps({"client_msg_id": "a", "text": "hello"}).encode()
    bodies = [whole[:n] for n in range(len(whole))]
    bodies += [b"null", b"\xff\xfe", b"[" * 60_000, b'{"a":' * 10_000, b"9" * 5000, whole + b"\0"]
    headers = bearer(token) | {"Content-Type": "application/json"}
    for body in bodies:
        house.clock.advance(1)
        status, answer, _ = await house.call("POST", "/messages", data=body, headers=headers)
        assert (status, answer["error"]) == (400, "bad_json"), body[:20]
    assert not house.sink.events


async def test_a_giant_body_is_refused_before_its_end(house: House) -> None:
    token, sent = (await house.user())["token"], 0

    async def giant() -> Any:
        nonlocal sent
        for _ in range(10_000):
            sent += 1
            yield b"x" * 65_536

    headers = bearer(token) | {"Content-Type": "application/json"}
    try:
        status, answer, _ = await house.call("POST", "/messages", data=giant(), headers=headers)
        assert (status, answer["error"]) == (413, "too_large")
    except aiohttp.ClientConnectionError:
        pass  # the server hung up while we were still writing
    assert sent < 1000
    assert not house.sink.events


async def test_a_body_that_breaks_off_takes_nothing(house: House) -> None:
    token = (await house.user())["token"]
    host, port = house.runner.addresses[0][:2]
    _, writer = await asyncio.open_connection(host, port)
    head = (
        f"POST /chat/main/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: application/json\r\nContent-Length: 500\r\n\r\n"
    )
    writer.write(head.encode() + b'{"client_msg_id":"a","text":"half')
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert (await house.say(token, "whole", "b"))[0] == 202
    assert [event.text for event in house.sink.messages] == ["whole"]


async def test_half_a_character_is_stored_as_a_question_mark(house: House) -> None:
    token = (await house.user())["token"]
    assert (await house.say(token, "a\ud800b"))[0] == 202
    assert house.sink.messages[0].text == "a?b"


@pytest.mark.parametrize(
    ("error", "status", "word"),
    [
        (Overloaded("full"), 503, "busy"),
        (StoreError("away"), 503, "busy"),
        (ParseError("odd"), 400, "unreadable"),
    ],
)
async def test_what_cannot_be_stored_is_said_so(
    house: House, error: Exception, status: int, word: str
) -> None:
    house.sink.error = error
    found, answer, headers = await house.say((await house.user())["token"])
    assert (found, answer["error"]) == (status, word)
    assert ("Retry-After" in headers) == (status == 503)


# ---------------------------------------------------------------- how often


async def test_too_many_messages_are_told_when_to_go_on() -> None:
    async with opened(messages_per_minute=3.0) as house:
        user, other = await house.user("a"), await house.user("b")
        for number in "123":
            assert (await house.say(user["token"], number=number))[0] == 202
        status, answer, headers = await house.say(user["token"], number="4")
        assert (status, answer["error"], headers["Retry-After"]) == (429, "too_many", "20")
        assert (await house.say(other["token"]))[0] == 202
        house.clock.advance(20)
        assert (await house.say(user["token"], number="4"))[0] == 202


async def test_new_sessions_are_counted_by_address(house: House) -> None:
    found = [(await house.call("POST", "/session", json={}))[0] for _ in range(61)]
    assert found == [200] * 60 + [429]


async def test_behind_a_proxy_its_word_counts_and_no_other() -> None:
    async with opened(proxies=1) as house:

        async def asked(forwarded: str) -> int:
            headers = {"X-Forwarded-For": forwarded}
            return (await house.call("POST", "/session", json={}, headers=headers))[0]

        found = [await asked(f"203.0.113.{n}, 198.51.100.7") for n in range(61)]
        assert found == [200] * 60 + [429]
        assert await asked("198.51.100.8") == 200


def test_the_callers_that_are_remembered_are_bounded() -> None:
    rate = Rate(60.0, size=100)
    for number in range(10_000):
        rate.take(str(number), 0.0)
    assert len(rate) == 100


# ---------------------------------------------------------------- from where


async def test_pages_of_other_origins_are_refused_everywhere() -> None:
    async with opened(origins=("https://app.pay.example",)) as house:
        token = (await house.session())["token"]
        for method, path in (
            ("POST", "/session"), ("GET", "/messages"), ("POST", "/messages"), ("GET", "/events"),
            ("GET", "/socket"), ("OPTIONS", "/messages"), ("POST", "/typing"),
        ):  # fmt: skip
            for origin in ("https://evil.example", "null", "https://app.pay.example.evil"):
                headers = bearer(token) | {"Origin": origin}
                status, answer, given = await house.call(method, path, headers=headers)
                assert (status, answer["error"]) == (403, "origin"), (path, origin)
                assert "Access-Control-Allow-Origin" not in given


async def test_a_page_of_ours_may_ask_and_read() -> None:
    ours = "https://app.pay.example"
    async with opened(origins=(ours,)) as house:
        for origin in (ours, "https://gateway.example"):
            status, _, given = await house.call(
                "OPTIONS", "/messages",
                headers={"Origin": origin, "Access-Control-Request-Method": "POST"},
            )  # fmt: skip
            assert status == 204
            assert "Authorization" in given["Access-Control-Allow-Headers"]
            status, _, given = await house.call("GET", "/messages", headers={"Origin": origin})
            assert (status, given["Access-Control-Allow-Origin"]) == (401, origin)
            assert given["Vary"] == "Origin"


async def test_a_cookie_hides_the_token_and_counts_with_an_origin_only() -> None:
    origin = {"Origin": "https://gateway.example"}
    async with opened() as house:
        response = await house.http.post(
            f"{house.url}/session", json={"cookie": True}, headers=origin
        )
        cookie = response.cookies["chat_main"]
        assert "token" not in await response.json()
        assert (cookie["httponly"], cookie["secure"], cookie["samesite"]) == (True, True, "Lax")
        assert cookie["path"] == "/chat/main"
        sent = {"Cookie": f"chat_main={cookie.value}"}
        body = {"client_msg_id": "1", "text": "x"}
        status, answer, _ = await house.call("POST", "/messages", json=body, headers=sent)
        assert (status, answer["error"]) == (403, "origin")
        status, _, _ = await house.call("POST", "/messages", json=body, headers=sent | origin)
        assert status == 202
        # Nor may a form do it, which browsers send for any page without asking.
        status, answer, _ = await house.call(
            "POST", "/messages", data=json.dumps(body),
            headers=sent | origin | {"Content-Type": "text/plain"},
        )  # fmt: skip
        assert (status, answer["error"]) == (415, "content_type")


# ---------------------------------------------------------------- files


def form(*files: tuple[str, bytes, str], **fields: str) -> aiohttp.FormData:
    found = aiohttp.FormData(quote_fields=False)  # as browsers do
    for name, value in fields.items():
        found.add_field(name, value)
    for name, data, kind in files:
        found.add_field("file", data, filename=name, content_type=kind)
    return found


async def posted(house: House, data: Any) -> tuple[int, Any]:
    headers = bearer((await house.user())["token"])
    status, answer, _ = await house.call("POST", "/messages", data=data, headers=headers)
    return status, answer


async def test_a_file_comes_with_its_message_and_its_true_type(house: House) -> None:
    data = form(("截图.png", PNG, "text/html"), client_msg_id="1", text="see")
    assert (await posted(house, data))[0] == 202
    (event,) = house.sink.messages
    assert event.attachments == (Attachment("截图.png", "image/png", len(PNG), PNG),)
    assert event.text == "see"


@pytest.mark.parametrize(
    ("files", "status", "error"),
    [
        ([("a.png", b"<html><script>", "image/png")], 415, "file_type"),
        ([("a.exe", b"MZ\x90\0", "application/octet-stream")], 415, "file_type"),
        ([("a.svg", b"<svg onload=alert(1)>", "image/svg+xml")], 415, "file_type"),
        ([("a.png", b"", "image/png")], 415, "file_type"),
        ([("a.png", PNG + b"\0" * 5000, "image/png")], 413, "too_large"),
        ([(f"{n}.png", PNG, "image/png") for n in range(6)], 413, "too_many_files"),
        ([(f"{n}.png", PNG + b"\0" * 900, "image/png") for n in range(3)], 413, "too_large"),
    ],
)
async def test_a_file_that_is_not_wanted_is_refused_with_its_message(
    files: list[tuple[str, bytes, str]], status: int, error: str
) -> None:
    async with opened(file_bytes=1024) as house:
        found, answer = await posted(house, form(*files, client_msg_id="1"))
        assert (found, answer["error"]) == (status, error)
        assert not house.sink.events


async def test_a_form_that_is_none_is_refused(house: House) -> None:
    headers = bearer((await house.user())["token"])
    for kind, body in (
        ("multipart/form-data", b"no boundary"),
        ("multipart/form-data; boundary=x", b"nothing like it"),
        ("multipart/form-data; boundary=x", b"--x\r\n"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="a'),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\n\xff\xfe\r\n--x--\r\n"),
        ("multipart/form-data; boundary=" + "y" * 100, b"--y"),
    ):
        status, answer, _ = await house.call(
            "POST", "/messages", data=body, headers=headers | {"Content-Type": kind}
        )
        assert status == 400, (kind, body, answer)
    assert not house.sink.events


async def test_only_so_many_uploads_are_held_in_memory_at_once(house: House) -> None:
    token, gate, started = (await house.user())["token"], asyncio.Event(), 0

    async def slow() -> Any:
        nonlocal started
        started += 1
        yield b'--x\r\nContent-Disposition: form-data; name="client_msg_id"\r\n\r\n'
        await gate.wait()
        yield b'1\r\n--x\r\nContent-Disposition: form-data; name="text"\r\n\r\nhi\r\n--x--\r\n'

    headers = bearer(token) | {"Content-Type": "multipart/form-data; boundary=x"}

    async def upload() -> int:
        return (await house.call("POST", "/messages", data=slow(), headers=headers))[0]

    tasks = [asyncio.create_task(upload()) for _ in range(UPLOADS_AT_ONCE + 1)]
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED, timeout=10)
    assert [task.result() for task in done] == [503]
    gate.set()
    assert sorted(await asyncio.gather(*tasks)) == [202] * UPLOADS_AT_ONCE + [503]


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (PNG, "image/png"), (b"\xff\xd8\xff\xe0", "image/jpeg"), (b"GIF89a..", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"), (b"%PDF-1.7", "application/pdf"),
        (b"\0\0\0\x18ftypheic", "image/heic"), (b"\0\0\0\x18ftypisom", "video/mp4"),
        ("订单号 123\r\n".encode(), "text/plain"), (b"<!DOCTYPE html>", ""), (b"\x00\x01", ""),
        ("\ufeff <svg>".encode(), ""), (b"\xff\xfeh\x00", ""), (b"\0\0\0\x18ftypxxxx", ""),
    ],
)  # fmt: skip
def test_a_type_is_what_the_bytes_show(data: bytes, kind: str) -> None:
    assert sniffed(data) == kind


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("../../etc/passwd", "passwd"), ("C:\\x\\y.png", "y.png"), ("", "file.png"), ("..", "file.png"),
        ("a\r\nb.png", "a__b.png"), ("gnp.\u202eexe", "gnp._exe"), ("x" * 300 + ".png", "x" * 116 + ".png"),
    ],
)  # fmt: skip
def test_a_file_name_is_a_name_and_nothing_more(given: str, name: str) -> None:
    assert safe_name(given, "image/png") == name


# ---------------------------------------------------------------- receipts, typing, sending


async def test_receipts_move_our_own_messages_forward_only(house: House) -> None:
    user = await house.user("u")
    house.timeline.put("u", "m1", "hello")
    house.timeline.put("u", "m2", "seen", delivery=DeliveryState.READ)
    house.timeline.put("u", "mine", "from me", author="customer")
    house.timeline.put("v", "theirs", "not yours")
    headers = bearer(user["token"])
    for status in ("delivered", "read", "read"):
        body = {"status": status, "ids": ["m1", "m2", "mine", "theirs", "none", 7, "m1"]}
        assert (await house.call("POST", "/receipts", json=body, headers=headers))[0] == 202
    assert [(r.external_id, r.status.value) for r in house.sink.receipts] == [
        ("m1", "delivered"), ("m1", "read"),
    ]  # fmt: skip
    for body in (
        {}, {"status": "sent", "ids": ["m1"]}, {"status": "read", "ids": []},
        {"status": "read", "ids": "m1"}, {"status": [], "ids": ["m1"]},
        {"status": "read", "ids": ["x"] * 51},
    ):  # fmt: skip
        status, answer, _ = await house.call("POST", "/receipts", json=body, headers=headers)
        assert (status, answer["error"]) == (400, "bad_receipt"), body


async def test_an_answer_names_what_it_answers(house: House) -> None:
    user = await house.user("u")
    house.timeline.put("u", "m1", "which one?")
    house.timeline.put("u", "m0", "mine", author="customer", external_id="u/7")
    house.timeline.put("v", "m2", "not yours")
    headers = bearer(user["token"])
    for number, (reply_to, status) in enumerate((("m1", 202), ("m0", 202), ("m2", 400))):
        body = {"client_msg_id": str(number), "text": "this", "reply_to": reply_to}
        assert (await house.call("POST", "/messages", json=body, headers=headers))[0] == status
    assert [event.thread.message_ids for event in house.sink.messages] == [("m1",), ("u/7",)]


async def test_to_send_is_to_let_be_seen_and_never_cuts(house: House) -> None:
    message = outbound(id="out-1", text="x" * 10_000)
    first, again = await house.chat.send(message), await house.chat.send(message)
    assert first.external_id == again.external_id == "out-1"
    for bad in ({"text": "x" * 10_001}, {"attachments": (Attachment("a", "b", 1),)}):
        with pytest.raises(DeliveryError) as error:
            await house.chat.send(outbound(**bad))
        assert error.value.failure is Failure.REJECTED
    assert (await house.chat.health()).ok
