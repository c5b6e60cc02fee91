"""The suite every webhook channel must pass.

    contract = ChannelContract.load(MyChannel, Path("payloads/mine"), Path("docs/mine.md"))

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    async def test_contract(check):
        await check(contract)

A broken promise raises `ContractBroken`, an AssertionError that says what was promised. Anything
else that comes out of the channel (a KeyError for a missing field, say) comes out of the check too.
docs/develop/channels.md describes the folder of payloads.
"""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass, replace
from typing import Any

from gateway.domain.channel import HttpRequest, Inbound, Outbound, Sent
from gateway.domain.errors import BadSignature, DeliveryError, Failure, ParseError
from gateway.domain.splitting import split
from gateway.testing.builders import outbound
from gateway.testing.provider import Answer, FakeProvider, refused_url
from gateway.testing.recorded import ChannelContract, ContractBroken, as_json, promise
from gateway.testing.world import LogLines, LoopbackHttp, TestWorld

__all__ = ["CHECKS", "ChannelContract", "Check", "ContractBroken"]

_SOUNDS_SECRET = re.compile(r"secret|token|passw")
#: Twice what the gateway admits: enough to hurt a parser that copies or goes back and forth.
_GIANT = 2 * 1024 * 1024
_NOT_UTF8 = "é".encode("latin-1")
#: Seconds a check waits for a provider that never answers.
_PATIENCE = 0.3

#: The kinds of trouble that `sends.json` must have a case of.
_TROUBLE: Mapping[str, Callable[[Mapping[str, Any]], bool]] = {
    "success": lambda answer: 200 <= answer.get("status", 0) < 300,
    "4xx": lambda answer: 400 <= answer.get("status", 0) < 500 and answer["status"] != 429,
    "429": lambda answer: answer.get("status") == 429,
    "5xx": lambda answer: answer.get("status", 0) >= 500,
    "time-out": lambda answer: bool(answer.get("hold")),
    "dropped connection": lambda answer: bool(answer.get("disconnect")),
    "refused connection": lambda answer: bool(answer.get("refused")),
}


# ---------------------------------------------------------------- verify


async def accepts_every_recorded_signature(contract: ChannelContract) -> None:
    """The recorded calls are genuine, and the verdict says by which scheme."""
    channel = contract.build(contract.world())
    for call in contract.recorded:
        promise(bool(channel.verify(call.request).scheme), f"{call.name}: a scheme is named")


async def refuses_bad_missing_and_empty_signatures(contract: ChannelContract) -> None:
    """Without a valid signature there is no way in."""
    channel = contract.build(contract.world())
    for call in contract.recorded:
        present = [
            name.lower()
            for name in contract.account["signature_headers"]
            if name.lower() in call.request.headers
        ]
        promise(bool(present or call.signed_by), f"{call.name} has none of the signature headers")
        for value in map(str.encode, call.signed_by):
            promise(value in call.request.body, f"{call.name} does not hold what signs it")
            for changed in (b"", value[:-1] + (b"0" if value[-1:] != b"0" else b"1"), value * 2):
                body = call.request.body.replace(value, changed)
                _refused(channel, replace(call.request, body=body), f"{call.name}, forged field")
        for name in present:
            others = {key: text for key, text in call.request.headers.items() if key != name}
            given = call.request.headers[name]
            forged = given[:-2] + ("0" if given[-2] != "0" else "1") + given[-1]
            for what, headers in {
                "without": others,
                "with an empty": {**others, name: ""},
                "with a forged": {**others, name: forged},
                "with a repeated and forged": {**others, name: f"{forged}, {forged}"},
                "with an unreadable": {**others, name: "\udcff\x00é,,=="},
            }.items():
                request = replace(call.request, headers=headers)
                _refused(channel, request, f"{call.name} {what} {name}")


async def signature_covers_the_raw_bytes(contract: ChannelContract) -> None:
    """A body that differs in one byte is refused, wherever it is (64 places of each body), unless
    `account.json` says that the provider signs no body: then the channel's page says so too."""
    if not contract.account.get("signature_covers_body", True):
        told = contract.page.read_text("utf-8") if contract.page.is_file() else ""
        promise("not cover" in told, f"{contract.page.name} does not say what is not signed")
        return
    channel = contract.build(contract.world())
    for call in contract.recorded:
        body = call.request.body
        for place in range(0, len(body), max(1, len(body) // 64)):
            changed = bytes([*body[:place], body[place] ^ 1, *body[place + 1 :]])
            _refused(channel, replace(call.request, body=changed), f"{call.name}, byte {place}")
        for changed in (b"", body[:-1], body + b"&x=y"):
            _refused(channel, replace(call.request, body=changed), f"{call.name}, other length")


# ---------------------------------------------------------------- parse


async def parses_every_payload_as_expected(contract: ChannelContract) -> None:
    """`parse` yields exactly what stands beside the payload."""
    channel = contract.build(contract.world())
    for call in contract.recorded:
        if call.readable:
            found = as_json(channel.parse(call.request))
            promise(found == call.expect, f"{call.name} became\n{_pretty(found)}")
            continue
        try:
            channel.parse(call.request)
        except ParseError as error:
            promise(call.expect["error"] in str(error), f"{call.name}: the error says {error}")
        else:
            raise ContractBroken(f"{call.name}: no ParseError")


async def parses_the_same_twice(contract: ChannelContract) -> None:
    """`parse` is pure, and the ids within one call differ."""
    for call in filter(lambda call: call.readable, contract.recorded):
        one, other = contract.build(contract.world()), contract.build(contract.world())
        first = one.parse(call.request)
        promise(
            first == one.parse(call.request) == other.parse(call.request),
            f"{call.name}: parsed anew it is something else",
        )
        ids = [event.external_id for event in first.events if isinstance(event, Inbound)]
        promise(len(ids) == len(set(ids)), f"{call.name}: two messages have one id")


async def broken_bodies_are_parse_errors(contract: ChannelContract) -> None:
    """Whatever the bytes: events or `ParseError`, never another exception."""
    channel = contract.build(contract.world())
    for call in filter(lambda call: call.readable, contract.recorded):
        body = call.request.body
        broken = [body[:place] for place in range(0, len(body), max(1, len(body) // 100))]
        broken += [
            body.replace(b"e", _NOT_UTF8) + _NOT_UTF8,
            body.replace(b"e", b"%E9"),
            body.decode("utf-8", "replace").encode("utf-16"),
            body + b"\0",
            body + b"a" * _GIANT,
            body + b"&a" * (_GIANT // 2),
            b"[" * 100_000,
            b'{"messages":' * 100_000,
            b"9" * 10_000,
            b"null",
        ]
        for data in broken:
            with suppress(ParseError):
                channel.parse(replace(call.request, body=data))
        with suppress(ParseError):
            channel.parse(replace(call.request, path="no/such/path"))


# ---------------------------------------------------------------- send


async def answers_of_the_provider_map_to_declared_failures(contract: ChannelContract) -> None:
    """Every scripted answer leads to the declared result, and every kind of trouble is scripted."""
    for kind, belongs in _TROUBLE.items() if contract.sends_by_http else ():
        covered = any(belongs(case["answer"]) for case in contract.sends)
        promise(covered, f"sends.json has no case of: {kind}")
    for case in contract.sends:
        result, _ = await _send(contract, case["answer"])
        found = _outcome(result)
        wanted = {"failure": None, **case["expect"]}
        differs = {name: found[name] for name in wanted if found[name] != wanted[name]}
        promise(not differs, f"send, {case['name']}: got {differs}")


async def garbage_from_the_provider_is_a_delivery_error(contract: ChannelContract) -> None:
    """A load balancer's page instead of an answer: `Sent` or `DeliveryError`, nothing else."""
    if not contract.sends_by_http:
        return
    bodies = (b"<html>", b"\xff\xfe", b"[" * 100_000, b"[]", b"null", b'{"code":[],"sid":1}', b"")
    for status in (200, 201, 302, 400, 404, 500, 599):
        for body in bodies:
            await _send(contract, {"status": status, "body": body})


async def never_cuts_a_text(contract: ChannelContract) -> None:
    """A text over the limit is refused here; splitting is decided before a channel is asked."""
    if not contract.sends_by_http:
        return
    async with FakeProvider() as provider:
        channel = contract.build(contract.world(), provider.url)
        too_long = "x" * (channel.capabilities.text_limit + 1)
        try:
            await channel.send(_message(contract, text=too_long))
        except DeliveryError as error:
            promise(error.failure is Failure.REJECTED, f"a text too long is {error.failure}")
        promise(not provider.calls, "a text over the limit went out")


async def limits_fit_together(contract: ChannelContract) -> None:
    """What the capabilities say of texts, windows and budgets can be kept to."""
    can = contract.channel.capabilities
    parts = split("x" * (can.text_limit + 1), can.text)
    promise(all(map(can.text.fits, parts)), "the limit leaves no room for parts of a text")
    promise(can.reply_budget is None or can.reply_budget > 0, "a budget allows something")
    if can.human_only_window is not None:
        longer = can.reply_window is not None and can.human_only_window > can.reply_window
        promise(longer, "human_only_window is longer than reply_window")
        promise(not can.begins_itself, "beyond_window is not known to who begins by itself")


async def one_send_is_one_request_to_the_configured_address(contract: ChannelContract) -> None:
    """The provider's address is a setting (the test's client refuses any other), and a channel
    repeats nothing by itself."""
    if not contract.sends_by_http:
        return
    for answer in (Answer(), Answer(500), Answer(429)):
        async with FakeProvider(default=answer) as provider:
            channel = contract.build(contract.world(), provider.url)
            with suppress(DeliveryError):
                await channel.send(_message(contract))
            promise(len(provider.calls) == 1, f"one send made {len(provider.calls)} requests")


async def secrets_and_texts_stay_out_of_logs_and_errors(contract: ChannelContract) -> None:
    """No secret, no customer's text and no address in a log line or an error."""
    promise(bool(contract.secrets()), "account.json sets at least one secret")
    message = _message(contract)
    hidden = [*contract.secrets(), message.text, message.to]
    for case in contract.sends:
        result, world = await _send(contract, case["answer"])
        told = [*world.log.lines, *_words(result)]
        promise(
            not any(secret in line for line in told for secret in hidden),
            f"send, {case['name']}: a secret, a text or an address is told",
        )
    channel = contract.build(contract.world())
    for call in contract.recorded:
        try:
            channel.verify(replace(call.request, body=b"changed"))
        except BadSignature as error:
            promise(
                not any(secret in word for word in _words(error) for secret in contract.secrets()),
                f"{call.name}: the refusal tells a secret",
            )


# ---------------------------------------------------------------- documentation


async def settings_explain_themselves(contract: ChannelContract) -> None:
    """Each field has help and an example; what is secret is marked, and out of the repr."""
    settings = contract.channel.Settings
    frozen = is_dataclass(settings) and getattr(settings, "__dataclass_params__").frozen  # noqa: B009 - typeshed hides the attribute
    promise(frozen, "Settings is a frozen dataclass")
    for field in fields(settings):
        for wanted in ("help", "example"):
            promise(wanted in field.metadata, f"setting {field.name} lacks {wanted}")
        if _SOUNDS_SECRET.search(field.name):
            promise(bool(field.metadata.get("secret")), f"setting {field.name} is not marked")
    shown = repr(contract.settings())
    promise(
        not any(secret in shown for secret in contract.secrets()),
        "a secret shows in repr(settings)",
    )
    marked = {field.name for field in fields(settings) if field.metadata.get("secret")}
    declared = set(contract.channel.capabilities.secrets)
    promise(marked == declared, f"capabilities name {declared}, settings mark {marked}")


async def has_a_page_that_names_every_setting(contract: ChannelContract) -> None:
    """The page of documentation, with each setting in backticks."""
    promise(contract.page.is_file(), f"{contract.page} does not exist")
    text = contract.page.read_text("utf-8")
    for field in fields(contract.channel.Settings):
        promise(f"`{field.name}`" in text, f"{contract.page.name} does not name `{field.name}`")


Check = Callable[[ChannelContract], Awaitable[None]]
CHECKS: tuple[Check, ...] = (
    accepts_every_recorded_signature,
    refuses_bad_missing_and_empty_signatures,
    signature_covers_the_raw_bytes,
    parses_every_payload_as_expected,
    parses_the_same_twice,
    broken_bodies_are_parse_errors,
    answers_of_the_provider_map_to_declared_failures,
    garbage_from_the_provider_is_a_delivery_error,
    never_cuts_a_text,
    limits_fit_together,
    one_send_is_one_request_to_the_configured_address,
    secrets_and_texts_stay_out_of_logs_and_errors,
    settings_explain_themselves,
    has_a_page_that_names_every_setting,
)


# ---------------------------------------------------------------- how a check asks


def _refused(channel: Any, request: HttpRequest, what: str) -> None:
    try:
        channel.verify(request)
    except BadSignature:
        return
    raise ContractBroken(f"{what}: accepted")


def _message(contract: ChannelContract, **changes: Any) -> Outbound:
    recipient = contract.account.get("recipient", "+8613800138000")
    return outbound(**({"to": recipient, "text": "您的申请已受理，请留意通知。"} | changes))


async def _send(
    contract: ChannelContract, answer: Mapping[str, Any]
) -> tuple[Sent | DeliveryError, TestWorld]:
    """One send to a provider that answers so."""
    log = LogLines()
    http = LoopbackHttp(log, patience=_PATIENCE if answer.get("hold") else None)
    world = replace(contract.world(http), log=log)
    if answer.get("refused"):
        with refused_url() as nobody:
            return await _result(contract.build(world, nobody), _message(contract)), world
    async with FakeProvider(Answer(**answer)) as provider:
        return await _result(contract.build(world, provider.url), _message(contract)), world


async def _result(channel: Any, message: Outbound) -> Sent | DeliveryError:
    try:
        sent = await channel.send(message)
    except DeliveryError as error:
        return error
    promise(isinstance(sent, Sent), f"send returned {type(sent).__name__}")
    promise(bool(sent.external_id), "Sent without an external id")
    return sent  # type: ignore[no-any-return]  # just proved


def _outcome(result: Sent | DeliveryError) -> dict[str, Any]:
    if isinstance(result, Sent):
        return {"failure": None, "external_id": result.external_id, "parts": result.parts}
    return {
        "failure": str(result.failure),
        "retry_after": result.retry_after,
        "code": result.provider_code,
    }


def _words(result: BaseException | Sent | None) -> list[str]:
    """What an error and its causes say."""
    words = []
    while isinstance(result, BaseException):
        words.append(str(result))
        result = result.__cause__
    return words


def _pretty(found: Any) -> str:
    return json.dumps(found, ensure_ascii=False, indent=2)
