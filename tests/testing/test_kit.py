"""The public kit does what its users rely on."""

import asyncio

import pytest

from gateway.domain.errors import HttpFailure, NotFound
from gateway.domain.world import World
from gateway.testing.builders import outbound, webhook
from gateway.testing.clock import FakeClock
from gateway.testing.provider import Answer, FakeProvider, refused_url
from gateway.testing.world import LogLines, LoopbackHttp, build_world


async def failed(http, url, method="POST"):
    with pytest.raises(HttpFailure) as caught:
        await http.request(method, url, body=b"x")
    return caught.value


def test_the_clock_stands_until_it_is_moved():
    clock = FakeClock(100)
    assert clock.now() == clock.now() == 100
    assert clock.advance(1.5) == clock.now() == 101.5
    with pytest.raises(ValueError, match="back"):
        clock.advance(-1)


def test_ids_ascend_and_have_the_real_length():
    ids = build_world().ids
    first, second = ids.new(), ids.new()
    assert len(first) == len(second) == 24
    assert first < second


async def test_the_world_keeps_memos_blobs_and_signs():
    world: World = build_world("zh")
    assert world.account_id == "zh"
    assert await world.memo("token") is None
    await world.remember("token", {"a": 1})
    assert await world.memo("token") == {"a": 1}
    assert world.sign("a", "x") == world.sign("a", "x") != world.sign("b", "x")
    assert len(world.sign("a", "x")) == 20


async def test_blobs_are_addressed_by_content():
    world = build_world()
    address = await world.blobs.put(b"data")
    assert address == await world.blobs.put(b"data")
    assert await world.read_blob(address) == b"data"
    with pytest.raises(NotFound):
        await world.read_blob("nowhere")


async def test_a_provider_plays_its_script_then_the_default():
    async with FakeProvider(Answer(201, {"n": 1}), default=Answer(418)) as provider:
        http = LoopbackHttp()
        first = await http.request(
            "POST", f"{provider.url}/a/b?x=1&x=2", headers={"X-One": "1"}, body=b"k=v&e="
        )
        second = await http.request("GET", provider.url)
    assert (first.status, first.body) == (201, b'{"n": 1}')
    assert second.status == 418
    call = provider.calls[0]
    assert (call.method, call.path, call.query) == ("POST", "/a/b", (("x", "1"), ("x", "2")))
    assert call.headers["x-one"] == "1"
    assert call.form() == {"k": "v", "e": ""}
    assert provider.unused == []


async def test_answers_nobody_asked_for_are_shown():
    async with FakeProvider() as provider:
        provider.play(Answer(500))
        assert [answer.status for answer in provider.unused] == [500]


async def test_waiting_for_calls_ends_with_the_call_or_in_time():
    async with FakeProvider() as provider:
        waiting = asyncio.create_task(provider.wait_for_calls(1))
        await LoopbackHttp().request("GET", f"{provider.url}/here")
        assert [call.path for call in await waiting] == ["/here"]
        with pytest.raises(TimeoutError):
            await provider.wait_for_calls(2, timeout=0.01)


async def test_a_refused_connection_surely_sent_nothing():
    with refused_url() as url:
        assert (await failed(LoopbackHttp(), url)).sent is False


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("how", ["before", "within"])
async def test_a_broken_connection_may_have_sent_and_is_not_repeated(how, method):
    async with FakeProvider(Answer(200, b"half", disconnect=how)) as provider:
        assert (await failed(LoopbackHttp(), provider.url, method)).sent is True
        assert len(provider.calls) == 1


async def test_no_answer_in_time_may_have_sent():
    async with FakeProvider(Answer(hold=True)) as provider:
        error = await failed(LoopbackHttp(patience=0.1), provider.url)
        assert error.sent is True
        assert len(provider.calls) == 1


async def test_redirects_are_answers():
    async with FakeProvider(Answer(302, headers={"Location": "/elsewhere"})) as provider:
        assert (await LoopbackHttp().request("GET", provider.url)).status == 302
    assert len(provider.calls) == 1


@pytest.mark.parametrize("url", ["https://api.twilio.com/x", "http://10.0.0.1/", "http:///x"])
async def test_nothing_beyond_this_machine_is_reached(url):
    with pytest.raises(AssertionError, match="only this machine"):
        await LoopbackHttp().request("GET", url)


async def test_log_lines_have_what_a_reader_would_see_and_neither_path_nor_query():
    log = LogLines()
    async with FakeProvider() as provider:
        await LoopbackHttp(log).request("GET", f"{provider.url}/a?To=%2B86138")
    log.warning("sms.slow", seconds=3)
    log.debug("a")
    log.error("b", why="c")
    assert "host='127.0.0.1:" in log.lines[0]
    assert "/a" not in log.lines[0]
    assert "86138" not in log.lines[0]
    assert log.lines[1:] == ["warning sms.slow seconds=3", "debug a", "error b why='c'"]


def test_builders_take_changes():
    assert outbound(text="x").text == "x"
    assert webhook(b"", headers={"X-A": "1"}).headers == {"x-a": "1"}
