"""Who a customer is, by the parameter that the app put into the chat's link."""

import hashlib
import hmac
import json
import re
from pathlib import Path

import pytest

from channels._wecom_place import sign_user
from gateway.testing.world import build_world
from tests.channels.wecom.fake import CUSTOMER, NOW, FakeWeCom

PAGE = Path(__file__).parents[3] / "docs/channels/wecom.md"
OTHER = "wmAnother000000000000000000002"
HOURS_48 = 48 * 3600


@pytest.fixture
async def wecom():
    async with FakeWeCom() as server:
        yield server


def enters(wecom, scene_param, *, customer=CUSTOMER, at=NOW):
    wecom.event("enter_session", scene="help", scene_param=scene_param, customer=customer, at=at)


def account(wecom, world=None, **changes):
    return wecom.account(world, **({"identity_secret": "shared"} | changes))


async def proved(wecom, cursor=None, **changes):
    """Whether each message is verified, with the user it is said to be; and the cursor."""
    batch = await account(wecom, **changes).poll(cursor)
    found = [(event.verified, event.facts.get("user")) for event in batch.events]
    return found, json.loads(json.dumps(batch.next_cursor))


async def test_a_signed_parameter_proves_the_messages_of_the_session(wecom):
    enters(wecom, sign_user("wallet-7", NOW + 300, "shared"))
    wecom.writes("mine", at=NOW + 10)
    wecom.writes("not mine", customer=OTHER, at=NOW + 10)
    found, cursor = await proved(wecom)
    assert found == [(True, "wallet-7"), (False, None)]
    # In later polls as well, of a channel that was built anew.
    wecom.writes("later", at=NOW + HOURS_48)
    wecom.writes("too late", at=NOW + HOURS_48 + 1)
    found, _ = await proved(wecom, cursor)
    assert found == [(True, "wallet-7"), (False, None)]


async def test_the_example_of_the_page_makes_what_is_accepted(wecom):
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    names = {}
    exec(example, names)
    made = names["scene_param"]("user@wallet.example", NOW + 60, "shared")
    assert made == sign_user("user@wallet.example", NOW + 60, "shared")
    enters(wecom, made)
    wecom.writes(at=NOW + 1)
    assert (await proved(wecom))[0] == [(True, "user@wallet.example")]


GOOD = sign_user("wallet-7", NOW + 300, "shared")


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "a=1&b=2",
        sign_user("wallet-7", NOW + 300, "another secret"),
        sign_user("wallet-7", NOW - 1, "shared"),
        GOOD.replace("wallet-7", "wallet-8"),
        GOOD.replace(str(NOW + 300), str(NOW + 900)),
        GOOD[:-1],
        GOOD[:-1] + ("0" if GOOD[-1] != "0" else "1"),
        GOOD.upper(),
        GOOD + "\n",
        " " + GOOD,
        sign_user("w" * 81, NOW + 300, "shared"),
        sign_user("wallet 7", NOW + 300, "shared"),
        sign_user("用户", NOW + 300, "shared"),
        f"wallet-7.{'9' * 5000}.{'0' * 32}",
        f"wallet-7.{NOW + 300}.{'é' * 32}",
    ],
)
async def test_anything_else_proves_nothing(wecom, bad):
    enters(wecom, bad)
    wecom.writes("hello", at=NOW + 1)
    assert (await proved(wecom))[0] == [(False, None)]


async def test_without_a_secret_nobody_is_proved(wecom):
    enters(wecom, sign_user("wallet-7", NOW + 300, ""))
    wecom.writes("hello", at=NOW + 1)
    assert (await proved(wecom, identity_secret=""))[0] == [(False, None)]


async def test_the_secret_before_is_good_while_it_is_changed(wecom):
    enters(wecom, sign_user("wallet-7", NOW + 300, "old"))
    wecom.writes("hello", at=NOW + 1)
    found, _ = await proved(wecom, identity_secret="new", identity_secret_previous="old")
    assert found == [(True, "wallet-7")]


async def test_a_link_that_was_passed_on_proves_nothing(wecom):
    word = sign_user("wallet-7", NOW + 300, "shared")
    enters(wecom, word)
    enters(wecom, word, customer=OTHER)
    wecom.writes("thief", customer=OTHER, at=NOW + 2)
    wecom.writes("owner", at=NOW + 2)
    assert (await proved(wecom))[0] == [(False, None), (True, "wallet-7")]


async def test_a_message_from_before_the_session_is_not_proved_by_it(wecom):
    enters(wecom, sign_user("wallet-7", NOW + 300, "shared"))
    wecom.writes("earlier", at=NOW - 1)
    assert (await proved(wecom))[0] == [(False, None)]


async def test_who_opens_the_chat_as_another_user_is_that_one(wecom):
    enters(wecom, sign_user("wallet-7", NOW + 300, "shared"))
    enters(wecom, sign_user("wallet-8", NOW + 300, "shared"), at=NOW + 1)
    enters(wecom, "", at=NOW + 2)  # from the list of chats: the same person still
    wecom.writes("hello", at=NOW + 3)
    assert (await proved(wecom))[0] == [(True, "wallet-8")]


async def test_what_is_remembered_is_bounded_and_ends(wecom):
    for n in range(1100):
        word = sign_user(f"wallet-{n}", NOW + 300, "shared")
        enters(wecom, word, customer=f"wm{n}")
    batch = await account(wecom).poll(None)
    while batch.more:
        batch = await account(wecom).poll(batch.next_cursor)
    assert len(batch.next_cursor["sessions"]) == 1000
    assert "wm1099" in batch.next_cursor["sessions"]
    assert "wm0" not in batch.next_cursor["sessions"]
    world = build_world()
    world.clock.advance(HOURS_48 + 1)
    later = await account(wecom, world).poll(batch.next_cursor)
    assert later.next_cursor["sessions"] == {}


def test_the_signature_is_the_hmac_that_the_page_names():
    mac = hmac.new(b"shared", b"u.1", hashlib.sha256).hexdigest()
    assert sign_user("u", 1, "shared") == f"u.1.{mac[:32]}"
