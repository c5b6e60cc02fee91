"""The contract suite finds the faults it is there for: each is planted once."""

import json
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from channels.http import GenericHttp, HttpSettings
from gateway.domain.channel import Capabilities, HttpReply, Parsed, Sent, Verified
from gateway.domain.errors import DeliveryError, Failure, HttpFailure
from gateway.testing import channel_contract as suite
from gateway.testing.channel_contract import ChannelContract, ContractBroken

ROOT = Path(__file__).parents[2]
PAYLOADS = ROOT / "tests/channels/payloads/http"
PAGE = ROOT / "docs/channels/http.md"


def contract(channel, **changes):
    return replace(ChannelContract.load(channel, PAYLOADS, PAGE), **changes)


async def broken(check, channel, **changes):
    with pytest.raises(ContractBroken) as caught:
        await check(contract(channel, **changes))
    return str(caught.value)


class Believer(GenericHttp):
    def verify(self, request):
        return Verified("none")


class Reparser(GenericHttp):
    """Checks what the JSON says instead of the bytes it came as."""

    def verify(self, request):
        body = request.body
        for junk in (b"&x=y", b"\t"):
            body = body.replace(junk, b"")
        return super().verify(replace(request, body=body))


class Forgetful(GenericHttp):
    seen = 0

    def parse(self, request):
        type(self).seen += 1
        parsed = super().parse(request)
        return Parsed(parsed.events, HttpReply(200, str(self.seen).encode()))


class Careless(GenericHttp):
    def parse(self, request):
        json.loads(request.body)["id"]
        return super().parse(request)


class Optimist(GenericHttp):
    """Takes silence for consent."""

    async def send(self, outbound):
        try:
            return await super().send(outbound)
        except DeliveryError as error:
            if error.failure is Failure.UNKNOWN:
                return Sent("x")
            raise


class Gossip(GenericHttp):
    async def send(self, outbound):
        self._world.log.info("sending", to=outbound.to, with_=self._settings.callback_secret)
        return await super().send(outbound)


class Impatient(GenericHttp):
    async def send(self, outbound):
        try:
            return await super().send(outbound)
        except DeliveryError:
            return await super().send(outbound)


class Cutter(GenericHttp):
    async def send(self, outbound):
        return await super().send(replace(outbound, text=outbound.text[:100]))


class Leaky(GenericHttp):
    async def send(self, outbound):
        await self._world.http.request("POST", self._settings.callback_url)
        raise HttpFailure("raw", sent=True)


@dataclass(frozen=True)
class Undocumented(HttpSettings):
    reply_token: str = field(default="", metadata={"help": "x", "example": "y"})


class Hasty(GenericHttp):
    Settings = Undocumented


@dataclass(frozen=True)
class Talkative(HttpSettings):
    secret: str = field(metadata={"help": "x", "example": "y", "secret": True})


class Undeclared(GenericHttp):
    capabilities = Capabilities(address_space="http", text_limit=9, secrets=("secret",))


async def test_accepting_anything_is_found():
    assert "accepted" in await broken(suite.refuses_bad_missing_and_empty_signatures, Believer)
    assert "accepted" in await broken(suite.signature_covers_the_raw_bytes, Believer)


async def test_a_signature_over_less_than_the_raw_bytes_is_found():
    assert "other length" in await broken(suite.signature_covers_the_raw_bytes, Reparser)


async def test_a_parse_with_a_memory_is_found():
    assert "something else" in await broken(suite.parses_the_same_twice, Forgetful)


async def test_another_result_than_the_recorded_one_is_found_and_shown():
    assert "one_message became" in await broken(
        suite.parses_every_payload_as_expected,
        GenericHttp,
        recorded=tuple(
            replace(call, expect={"events": [], "reply": {}})
            for call in contract(GenericHttp).recorded
            if call.name == "one_message"
        ),
    )


async def test_a_parse_error_that_does_not_come_is_found():
    recorded = [replace(call, expect={"error": "x"}) for call in contract(GenericHttp).recorded]
    readable = tuple(call for call in recorded if call.name == "one_message")
    said = await broken(suite.parses_every_payload_as_expected, GenericHttp, recorded=readable)
    assert "no ParseError" in said


async def test_other_exceptions_on_broken_bytes_come_out():
    with pytest.raises((KeyError, TypeError, ValueError)):
        await suite.broken_bodies_are_parse_errors(contract(Careless))


async def test_taking_silence_for_success_is_found():
    said = await broken(suite.answers_of_the_provider_map_to_declared_failures, Optimist)
    assert "no answer in time" in said


async def test_a_missing_kind_of_trouble_is_found():
    sends = tuple(c for c in contract(GenericHttp).sends if not c["answer"].get("hold"))
    said = await broken(
        suite.answers_of_the_provider_map_to_declared_failures, GenericHttp, sends=sends
    )
    assert said == "sends.json has no case of: time-out"


async def test_a_told_secret_is_found():
    assert "is told" in await broken(suite.secrets_and_texts_stay_out_of_logs_and_errors, Gossip)


async def test_a_repeated_request_is_found():
    said = await broken(suite.one_send_is_one_request_to_the_configured_address, Impatient)
    assert said == "one send made 2 requests"


async def test_a_cut_text_is_found():
    assert "over the limit" in await broken(suite.never_cuts_a_text, Cutter)


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"reply_budget": 0}, "a budget allows something"),
        ({"human_only_window": 9.0}, "longer than reply_window"),
        ({"reply_window": 9.0, "human_only_window": 9.0}, "longer than reply_window"),
        (
            {"reply_window": 1.0, "human_only_window": 9.0, "begins_itself": True},
            "not known to who begins",
        ),
    ],
)
async def test_limits_that_cannot_be_kept_to_are_found(limits: dict[str, Any], said: str):
    can = Capabilities("http", 100, **limits)
    odd = type("Odd", (GenericHttp,), {"capabilities": can})
    assert said in await broken(suite.limits_fit_together, odd)


async def test_a_raw_failure_of_the_client_comes_out():
    with pytest.raises(HttpFailure):
        await suite.garbage_from_the_provider_is_a_delivery_error(contract(Leaky))


async def test_an_unmarked_secret_an_undeclared_one_and_an_undocumented_setting_are_found():
    assert "reply_token is not marked" in await broken(suite.settings_explain_themselves, Hasty)
    assert "capabilities name" in await broken(suite.settings_explain_themselves, Undeclared)
    talkative = type("Odd", (GenericHttp,), {"Settings": Talkative})
    assert "shows in repr" in await broken(suite.settings_explain_themselves, talkative)
    assert "`reply_token`" in await broken(suite.has_a_page_that_names_every_setting, Hasty)


async def test_settings_must_be_frozen_and_explained():
    @dataclass
    class Thawed:
        secret: str = ""

    @dataclass(frozen=True)
    class Silent:
        secret: str = ""

    def with_settings(kind: type[Any]) -> type[Any]:
        return type("Odd", (GenericHttp,), {"Settings": kind})

    assert "frozen" in await broken(suite.settings_explain_themselves, with_settings(Thawed))
    assert "lacks help" in await broken(suite.settings_explain_themselves, with_settings(Silent))


async def test_a_missing_page_is_found():
    said = await broken(
        suite.has_a_page_that_names_every_setting, GenericHttp, page=ROOT / "docs/no-such.md"
    )
    assert "does not exist" in said


def test_a_folder_that_lacks_something_says_what(tmp_path):
    with pytest.raises(ContractBroken, match=r"account\.json does not exist"):
        ChannelContract.load(GenericHttp, tmp_path, PAGE)
    shutil.copy(PAYLOADS / "account.json", tmp_path)
    with pytest.raises(ContractBroken, match=r"no \*.request.json"):
        ChannelContract.load(GenericHttp, tmp_path, PAGE)
    shutil.copy(PAYLOADS / "one_message.request.json", tmp_path)
    with pytest.raises(ContractBroken, match=r"expect\.json does not exist"):
        ChannelContract.load(GenericHttp, tmp_path, PAGE)
