"""Who is let in: tokens and identities, forged, expired, of another account, of another key."""

import base64
import hashlib
import hmac
import json
from typing import Any

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from channels.chat import Chat, ChatSettings
from gateway.domain.errors import SettingsError
from gateway.testing.world import build_world
from tests.channels.chat.house import SECRET, House, bearer, opened, signature

HOUR = 3600
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key: Any) -> str:
    encoded: bytes = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return encoded.decode()


async def refused(house: House, body: Any) -> str:
    status, answer, _ = await house.call("POST", "/session", json=body)
    assert status == 401, answer
    assert answer["error"] == "bad_identity"
    return str(answer["detail"])


# ---------------------------------------------------------------- tokens


async def test_a_visitor_gets_a_token_of_a_handle_of_his_own(house: House) -> None:
    one, other = await house.session(), await house.session()
    assert one["handle"].startswith("visitor:")
    assert one["handle"] != other["handle"]
    assert one["verified"] is False
    status, _, _ = await house.say(one["token"])
    assert status == 202
    (event,) = house.sink.messages
    assert (event.sender, event.verified) == (one["handle"], False)


async def test_a_changed_token_is_refused_wherever_it_was_changed(house: House) -> None:
    token = (await house.session())["token"]
    for place in range(len(token)):
        other = "A" if token[place] != "A" else "B"
        forged = token[:place] + other + token[place + 1 :]
        house.clock.advance(1)  # within the rate
        status, answer, _ = await house.call("GET", "/messages", headers=bearer(forged))
        assert (status, answer["error"]) == (401, "bad_token"), place


@pytest.mark.parametrize(
    "forged", ["", ".", "a.b", "é.é", "x" * 5000, "W10.", "eyJhIjoxfQ.aaaaaaaaaaaaaaaaaaaa"]
)
async def test_what_is_no_token_is_refused(house: House, forged: str) -> None:
    headers = {"Authorization": f"Bearer {forged}"}
    status, answer, _ = await house.call("GET", "/messages", headers=headers)
    assert status == 401
    assert answer["error"] in ("bad_token", "no_token")


async def test_a_token_of_another_account_is_refused(house: House) -> None:
    async with opened("other") as other:
        token = (await other.session())["token"]
        assert (await other.say(token))[0] == 202
    status, answer, _ = await house.say(token)
    assert (status, answer["error"]) == (401, "bad_token")


async def test_a_token_expires_and_is_renewed_before(house: House) -> None:
    first = await house.session()
    house.clock.advance(4 * HOUR - 1)
    second = await house.session(headers=bearer(first["token"]))
    assert second["handle"] == first["handle"]
    house.clock.advance(2)
    assert (await house.say(first["token"]))[0] == 401
    assert (await house.say(second["token"]))[0] == 202
    status, answer, _ = await house.call(
        "POST", "/session", json={}, headers=bearer(first["token"])
    )
    assert (status, answer["error"]) == (401, "bad_token")


async def test_a_users_token_is_not_renewed_for_ever_without_the_app() -> None:
    async with opened(user_hours=6.0) as house:
        user = await house.user()
        house.clock.advance(3 * HOUR)
        user = await house.session(headers=bearer(user["token"]))
        assert user["verified"] is True
        assert user["expires_at"] == user["renewable_until"]
        house.clock.advance(3 * HOUR)
        status, _, _ = await house.call("POST", "/session", json={}, headers=bearer(user["token"]))
        assert status == 401


async def test_without_visitors_only_identities_get_a_token() -> None:
    async with opened(anonymous=False) as house:
        status, answer, _ = await house.call("POST", "/session", json={})
        assert (status, answer["error"]) == (401, "no_identity")
        assert (await house.user())["verified"] is True


# ---------------------------------------------------------------- signed identities


async def test_a_signed_user_is_proved(house: House) -> None:
    user = await house.user("wallet-7")
    assert (user["handle"], user["verified"]) == ("wallet-7", True)
    await house.say(user["token"])
    (event,) = house.sink.messages
    assert (event.sender, event.verified) == ("wallet-7", True)


async def test_a_signature_holds_for_one_user_time_name_and_account(house: House) -> None:
    at = int(house.clock.now())
    good = {
        "user_id": "u", "at": at, "name": "Li", "signature": signature("u", at, name="Li"),
    }  # fmt: skip
    assert (await house.session(good))["verified"] is True
    for changed in (
        {"user_id": "v"},
        {"at": at + 1},
        {"name": "VIP"},
        {"signature": signature("u", at, name="Li", account="other")},
        {"signature": signature("u", at, name="Li", secret="another")},
        {"signature": ""},
        {"signature": "0" * 64},
        {"user_id": ""},
        {"user_id": "u", "name": "Li\nx"},
        {"at": "1e9"},
        {"at": "-5"},
        {"at": "9" * 40},
        {"user_id": "\ud800"},
        {"user_id": None},
    ):
        await refused(house, good | changed)


async def test_a_line_break_moves_nothing_from_one_field_to_another(house: House) -> None:
    at = int(house.clock.now())
    given = signature("u\nx", at)
    await refused(house, {"user_id": "u", "at": at, "name": "x\n", "signature": given})
    await refused(house, {"user_id": "u\nx", "at": at, "signature": given})


async def test_an_old_signature_is_refused_and_a_repeated_one_is_the_same_user(
    house: House,
) -> None:
    at = int(house.clock.now())
    body = {"user_id": "u", "at": at, "signature": signature("u", at)}
    first, second = await house.session(body), await house.session(body)
    assert first["handle"] == second["handle"]
    house.clock.advance(301)
    assert "300 s" in await refused(house, body)


async def test_both_live_secrets_count_and_an_empty_one_never_does() -> None:
    async with opened(secret="new", secret_previous="old") as house:
        at = int(house.clock.now())
        for secret in ("new", "old"):
            body = {"user_id": "u", "at": at, "signature": signature("u", at, secret=secret)}
            assert (await house.session(body))["verified"] is True
        await refused(house, {**body, "signature": signature("u", at, secret="older")})
    async with opened(secret="") as house:
        at = int(house.clock.now())
        await refused(house, {"user_id": "u", "at": at, "signature": signature("u", at, secret="")})


async def test_no_user_id_looks_like_a_visitor(house: House) -> None:
    visitor, at = await house.session(), int(house.clock.now())
    name = visitor["handle"]
    await refused(house, {"user_id": name, "at": at, "signature": signature(name, at)})


async def test_who_signs_in_later_keeps_both_handles_apart_and_says_which_he_had(
    house: House,
) -> None:
    visitor = await house.session()
    await house.say(visitor["token"])
    at = int(house.clock.now())
    body = {"user_id": "u", "at": at, "signature": signature("u", at)}
    user = await house.session(body, headers=bearer(visitor["token"]))
    await house.say(user["token"])
    before, after = house.sink.messages
    assert (before.sender, before.verified, dict(before.facts)) == (visitor["handle"], False, {})
    assert (after.sender, after.verified) == ("u", True)
    assert dict(after.facts) == {"visitor": visitor["handle"]}
    # A token that is over proves nothing, and keeps nobody out.
    house.clock.advance(5 * HOUR)
    at = int(house.clock.now())
    body = {"user_id": "u", "at": at, "signature": signature("u", at), "client": "2"}
    again = await house.session(body, headers=bearer(visitor["token"]))
    await house.say(again["token"], number="2")
    assert dict(house.sink.messages[-1].facts) == {}


# ---------------------------------------------------------------- JSON Web Tokens (PyJWT signs)


def claims(house: House, **changes: Any) -> dict[str, Any]:
    now = int(house.clock.now())
    values = {"sub": "u-9", "aud": "main", "exp": now + 300, "iat": now, "name": "Li Lei"} | changes
    return {name: value for name, value in values.items() if value is not None}


async def test_an_independent_library_signs_tokens_that_are_believed() -> None:
    async with opened() as house:
        token = pyjwt.encode(claims(house), SECRET, "HS256")
        user = await house.session({"jwt": token})
        assert (user["handle"], user["verified"]) == ("u-9", True)
        await house.say(user["token"])
        assert house.sink.messages[0].name == "Li Lei"
    async with opened(jwt_public_key=pem(OTHER_KEY), jwt_public_key_previous=pem(KEY)) as house:
        for key in (KEY, OTHER_KEY):
            token = pyjwt.encode(claims(house, aud=["x", "main"]), key, "RS256")
            assert (await house.session({"jwt": token}))["verified"] is True


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": None}, {"exp": "soon"}, {"exp": True}, {"sub": None}, {"sub": 7}, {"sub": ""},
        {"sub": "a b"}, {"aud": "other"}, {"aud": None}, {"aud": ["other"]}, {"aud": {"main": 1}},
        {"name": 5}, {"sub": "visitor:x"},
    ],
)  # fmt: skip
async def test_a_token_that_says_too_little_is_refused(
    house: House, changes: dict[str, Any]
) -> None:
    values = claims(house, **changes)
    # PyJWT would not write some of these.
    await refused(house, {"jwt": hand_made({"alg": "HS256", "typ": "JWT"}, values)})


def hand_made(header: Any, values: Any, secret: str = SECRET) -> str:
    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    signed = f"{part(header)}.{part(values)}"
    mac = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


async def test_times_of_a_token_count_with_a_minute_of_leeway(house: House) -> None:
    now = int(house.clock.now())
    for good in ({"exp": now - 59}, {"nbf": now + 59}, {"exp": now + 86_400}):
        token = pyjwt.encode(claims(house, **good), SECRET, "HS256")
        assert (await house.session({"jwt": token}))["verified"] is True
    for bad in ({"exp": now - 61}, {"nbf": now + 120}, {"exp": now + 90_000}):
        await refused(house, {"jwt": pyjwt.encode(claims(house, **bad), SECRET, "HS256")})


async def test_the_algorithm_follows_from_the_keys_and_never_from_the_token() -> None:
    async with opened(jwt_public_key=pem(KEY)) as house:
        # The classic: the public key as an HMAC secret.
        await refused(house, {"jwt": hand_made({"alg": "HS256"}, claims(house), secret=pem(KEY))})
        await refused(house, {"jwt": pyjwt.encode(claims(house), SECRET, "HS256")})
        await refused(house, {"jwt": pyjwt.encode(claims(house), OTHER_KEY, "RS256")})
        await refused(house, {"jwt": pyjwt.encode(claims(house), KEY, "RS512")})
    async with opened() as house:
        unsigned = pyjwt.encode(claims(house), None, "none")
        for token in (
            unsigned,
            unsigned + "x",
            pyjwt.encode(claims(house), KEY, "RS256"),
            pyjwt.encode(claims(house), SECRET, "HS512"),
            hand_made({"alg": "HS256", "crit": ["exp"]}, claims(house)),
            hand_made({"alg": "HS256"}, claims(house), secret="another"),
            hand_made([], claims(house)),
            hand_made({"alg": "HS256"}, []),
            "a.b.c", "..", "", "a" * 9000, "é.é.é",
        ):  # fmt: skip
            await refused(house, {"jwt": token})


def test_keys_that_are_too_weak_or_no_keys_are_settings_errors() -> None:
    small = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    for key in ("nonsense", pem(ec.generate_private_key(ec.SECP256R1())), pem(small)):
        with pytest.raises(SettingsError, match=r"accounts\.main\.jwt_public_key"):
            Chat.from_account(ChatSettings(jwt_public_key=key), build_world())


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"origins": ("https://a.example/",)}, "origins"),
        ({"origins": ("*",)}, "origins"),
        ({"anonymous": False}, "secret"),
        ({"token_hours": 0.0}, "token_hours"),
        ({"messages_per_minute": -1.0}, "messages_per_minute"),
    ],
)
def test_settings_that_make_no_sense_name_their_key(settings: dict[str, Any], key: str) -> None:
    with pytest.raises(SettingsError, match=rf"accounts\.main\.{key}"):
        Chat.from_account(ChatSettings(**settings), build_world())


async def test_no_secret_token_or_text_stands_in_a_log_line(house: House) -> None:
    at = int(house.clock.now())
    given = signature("u", at)
    user = await house.session({"user_id": "u", "at": at, "signature": given})
    await refused(house, {"user_id": "someone", "at": at, "signature": given})
    await refused(house, {"jwt": hand_made({"alg": "HS256"}, claims(house), secret="another")})
    await house.say(user["token"], "my private words")
    lines = "\n".join(house.world.log.lines)
    assert "chat identity refused" in lines
    for secret in (SECRET, given, user["token"], "my private words", "someone", "u-9"):
        assert secret not in lines
