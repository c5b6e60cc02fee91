"""What WeChat and WeCom answer to a send for which a token is at hand: `answers.json` beside the
payloads, which the contract's own cases (they begin without a token) do not reach."""

import asyncio
import json
from contextlib import suppress
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import pytest

from gateway.domain.channel import Sent
from gateway.domain.errors import DeliveryError
from gateway.testing.builders import outbound
from gateway.testing.provider import Answer, FakeProvider, refused_url
from gateway.testing.recorded import ChannelContract
from gateway.testing.world import LogLines, LoopbackHttp

ROOT = Path(__file__).parents[3]
KINDS = ("wechat", "wecom")
TOKEN_ANSWER = Answer(body={"errcode": 0, "access_token": "AT-very-secret", "expires_in": 7200})
TEXT = "您的申请已受理，请留意通知。"


def load(kind):
    (point,) = (p for p in metadata.entry_points(group="gateway.channels") if p.name == kind)
    payloads = ROOT / "tests/channels/payloads" / kind
    return ChannelContract.load(point.load(), payloads, ROOT / f"docs/channels/{kind}.md")


CONTRACTS = {kind: load(kind) for kind in KINDS}
CASES = {
    kind: json.loads((ROOT / f"tests/channels/payloads/{kind}/answers.json").read_text("utf-8"))
    for kind in KINDS
}


async def with_token(contract, patience=None):
    """A channel whose account has fetched its token already, and its world."""
    log = LogLines()
    world = replace(contract.world(LoopbackHttp(log, patience=patience)), log=log)
    async with FakeProvider(TOKEN_ANSWER) as provider:
        with suppress(DeliveryError):
            await contract.build(world, provider.url).send(outbound(to="somebody"))
    assert world.memos["access_token"]["token"] == "AT-very-secret"
    log.lines.clear()
    return world


async def outcome(contract, answer):
    world = await with_token(contract, 0.3 if answer.get("hold") else None)
    message = outbound(to=contract.account["recipient"], text=TEXT)
    if answer.get("refused"):
        with refused_url() as nobody:
            return await result(contract.build(world, nobody), message), world, []
    async with FakeProvider(Answer(**answer)) as provider:
        found = await result(contract.build(world, provider.url), message)
        return found, world, provider.calls


async def result(channel, message):
    try:
        return await channel.send(message)
    except DeliveryError as error:
        return error


@pytest.mark.parametrize(
    ("kind", "case"),
    [(kind, case) for kind in KINDS for case in CASES[kind]],
    ids=lambda value: value if isinstance(value, str) else value["name"],
)
async def test_each_answer_leads_where_the_page_says(kind, case):
    found, world, calls = await outcome(CONTRACTS[kind], case["answer"])
    wanted = {"failure": None, **case["expect"]}
    if isinstance(found, Sent):
        seen = {"failure": None, "external_id": found.external_id}
    else:
        seen = {
            "failure": str(found.failure),
            "retry_after": found.retry_after,
            "code": found.provider_code,
        }
    assert {name: seen[name] for name in wanted} == wanted
    # Nothing is repeated. Only the state of a session is asked, where that decides.
    asked_more = 1 if wanted.get("code") == "95018" else 0
    assert len(calls) == (0 if case["answer"].get("refused") else 1 + asked_more)
    hidden = [
        *CONTRACTS[kind].secrets(),
        "AT-very-secret",
        TEXT,
        CONTRACTS[kind].account["recipient"],
    ]
    told = [*world.log.lines]
    while isinstance(found, BaseException):
        told.append(str(found))
        found = found.__cause__
    assert not [line for line in told for secret in hidden if secret in line]


@pytest.mark.parametrize("kind", KINDS)
async def test_garbage_is_a_delivery_error(kind):
    bodies = (b"<html>", b"\xff\xfe", b"[" * 100_000, b"[]", b"null", b'{"errcode":true}', b"")
    for status in (200, 201, 302, 400, 404, 500, 599):
        for body in bodies:
            found, _, _ = await outcome(CONTRACTS[kind], {"status": status, "body": body})
            assert isinstance(found, DeliveryError)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("code", [40001, 40014, 41001, 42001])
async def test_a_refused_token_is_forgotten_and_the_next_try_has_a_new_one(kind, code):
    contract = CONTRACTS[kind]
    world = await with_token(contract)
    message = outbound(to=contract.account["recipient"])
    async with FakeProvider(Answer(body={"errcode": code})) as provider:
        channel = contract.build(world, provider.url)
        await result(channel, message)
        provider.play(
            Answer(body={"access_token": "AT-new", "expires_in": 7200}),
            Answer(body={"errcode": 0, "msgid": "m"}),
        )
        await channel.send(message)
    assert [dict(call.query).get("access_token") for call in provider.calls] == [
        "AT-very-secret",
        None,
        "AT-new",
    ]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_token_is_shared_until_it_ends(kind):
    contract = CONTRACTS[kind]
    world = await with_token(contract)
    good = Answer(body={"errcode": 0, "access_token": "AT-2", "expires_in": 600, "msgid": "m"})
    async with FakeProvider(default=good) as provider:
        for seconds in (7100, 39, 1, 500, 60):
            world.clock.advance(seconds)
            await contract.build(world, provider.url).send(outbound(to="somebody"))
    # After 7140 s the first one counts as spent, 540 s later the second.
    assert [call.path.rpartition("/")[2] for call in provider.calls].count(
        "stable_token" if kind == "wechat" else "gettoken"
    ) == 2


@pytest.mark.parametrize("kind", KINDS)
async def test_sends_that_begin_at_once_fetch_one_token(kind):
    contract = CONTRACTS[kind]
    good = Answer(body={"errcode": 0, "access_token": "AT", "expires_in": 7200, "msgid": "m"})
    async with FakeProvider(default=good) as provider:
        channel = contract.build(contract.world(), provider.url)
        await asyncio.gather(*(channel.send(outbound(to=f"c{n}")) for n in range(5)))
    assert sum("token" in call.path for call in provider.calls) == 1
    assert len(provider.calls) == 6


@pytest.mark.parametrize("kind", KINDS)
async def test_a_token_of_another_secret_is_not_used(kind):
    contract = CONTRACTS[kind]
    world = await with_token(contract)
    name = "app_secret" if kind == "wechat" else "secret"
    other = replace(contract.settings(), **{name: "another-secret"})
    async with FakeProvider(TOKEN_ANSWER, Answer(body={"errcode": 0})) as provider:
        channel = contract.channel.from_account(replace(other, base_url=provider.url), world)
        await channel.send(outbound(to="somebody"))
    assert len(provider.calls) == 2


@pytest.mark.parametrize("kind", KINDS)
async def test_a_newer_token_of_another_process_is_not_forgotten(kind):
    contract = CONTRACTS[kind]
    world = await with_token(contract)
    newer = {**world.memos["access_token"], "token": "AT-newer"}

    async with FakeProvider(Answer(body={"errcode": 42001}, delay=0.05)) as provider:
        sending = asyncio.ensure_future(
            result(contract.build(world, provider.url), outbound(to="somebody"))
        )
        await provider.wait_for_calls(1)
        world.memos["access_token"] = newer
        await sending
    assert world.memos["access_token"] == newer


@pytest.mark.parametrize("kind", KINDS)
async def test_a_text_fits_by_its_bytes(kind):
    contract = CONTRACTS[kind]
    fits = "汉" * 682 + "ab"
    world = await with_token(contract)
    async with FakeProvider(default=Answer(body={"errcode": 0, "msgid": "m"})) as provider:
        channel = contract.build(world, provider.url)
        await channel.send(outbound(to="somebody", text=fits))
        found = await result(channel, outbound(to="somebody", text=fits + "c"))
    assert (str(found.failure), found.provider_code) == ("rejected", "45002")
    (call,) = provider.calls
    assert call.json()["text"]["content"] == fits
    assert "汉".encode() in call.body, "not as \\u6c49, which the customer would see"
