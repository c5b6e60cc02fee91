"""Ways to sign in to a real server, and what is said when it does not work."""

import asyncio
from urllib.parse import parse_qs

import pytest

from channels._sim_email import MailPeer
from channels.imap import ImapMailbox, ImapSettings
from channels.imap.token import AccessToken
from gateway.domain.errors import SettingsError
from gateway.testing.provider import Answer, FakeProvider
from tests.channels.imap.conftest import Proxy, letter
from tests.channels.imap.dovecot import AWKWARD, AWKWARD_PASSWORD, PASSWORD

OAUTH = {"password": ""}


async def _reads(server, box):
    await box.until_read()
    server.deliver(letter("through"))
    assert await box.inbox.subjects(1) == ["through"]


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_an_encrypted_connection(server, following, security):
    port = server.tls_port if security == "tls" else server.port
    ca = str(server.certificate)
    async with following(security=security, port=port, ca_file=ca) as box:
        await _reads(server, box)


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_a_certificate_nobody_vouches_for_is_refused(server, settings, world, security):
    port = server.tls_port if security == "tls" else server.port
    changes = {"security": security, "port": port}
    found = await ImapMailbox.from_account(ImapSettings(**settings | changes), world).health()
    assert not found.ok
    assert "no secure connection" in found.detail


async def test_after_starttls_nothing_is_said_in_the_clear(server, following):
    async with Proxy(server.port) as proxy:
        ca = str(server.certificate)
        async with following(security="starttls", port=proxy.port, ca_file=ca) as box:
            await _reads(server, box)
        assert b"STARTTLS" in proxy.said
        assert b"AUTHENTICATE" not in proxy.said
        assert b"EXAMINE" not in proxy.said


async def test_a_password_with_quotes_and_chinese(server, following):
    server.furnish_mailbox(AWKWARD)
    async with following(user=AWKWARD, password=AWKWARD_PASSWORD) as box:
        await _reads(server, box)


async def test_a_server_that_wants_to_know_us_is_told_before_a_folder_is_opened(server, following):
    async with Proxy(server.port) as proxy:
        async with following(port=proxy.port) as box:
            await _reads(server, box)
        said = proxy.said.decode("ascii", "replace")
    assert '"name" "contact-routing-gateway"' in said
    assert said.index("AUTHENTICATE") < said.index(" ID (") < said.index("EXAMINE")


async def test_a_token_from_the_settings(server, following):
    async with Proxy(server.port) as proxy:
        async with following(port=proxy.port, access_token=server.token(), **OAUTH) as box:
            await _reads(server, box)
        assert b"AUTHENTICATE XOAUTH2" in proxy.said


async def test_a_token_from_the_endpoint_is_kept_while_it_is_good(server, following):
    answer = {"access_token": server.token(), "expires_in": 3600, "token_type": "Bearer"}
    async with FakeProvider(default=Answer(200, answer)) as endpoint:
        changes = {
            "refresh_token": "refresh-1",
            "token_url": f"{endpoint.url}/token",
            "client_id": "gw",
            "client_secret": "client-secret",
        }
        async with following(**changes, **OAUTH) as box:
            await _reads(server, box)
            await box.channel.health()
            assert len(endpoint.calls) == 1
            box.world.clock.advance(3600)
            await box.channel.health()
        form = parse_qs(endpoint.calls[1].body.decode())
    assert form["grant_type"] == ["refresh_token"]
    assert (form["refresh_token"], form["client_id"]) == (["refresh-1"], ["gw"])
    assert len(endpoint.calls) == 2


async def test_folders_that_sign_in_at_once_ask_for_one_token(world):
    answer = Answer(200, {"access_token": "t", "expires_in": 3600, "refresh_token": "r2"})
    async with FakeProvider(default=answer) as endpoint:
        settings = ImapSettings(
            address="a@b.example", host="127.0.0.1", refresh_token="r1", token_url=endpoint.url
        )
        token = AccessToken(settings, world)
        assert await asyncio.gather(*(token.get() for _ in range(3))) == ["t"] * 3
        assert len(endpoint.calls) == 1


async def test_a_token_the_server_refuses_is_replaced_by_a_new_one(server, following):
    stale = Answer(200, {"access_token": server.token(lifetime=-60), "expires_in": 3600})
    fresh = Answer(200, {"access_token": server.token(), "expires_in": 3600})
    async with FakeProvider(stale, default=fresh) as endpoint:
        changes = {"refresh_token": "r", "token_url": endpoint.url, "client_id": "gw"}
        async with following(**changes, **OAUTH) as box:
            await _reads(server, box)
            assert any("AUTHENTICATE was refused" in line for line in box.world.log.lines)


async def test_a_login_that_expired_is_told_without_the_secret(server, settings, world):
    async with FakeProvider(default=Answer(400, {"error": "invalid_grant"})) as endpoint:
        changes = {"refresh_token": "old-one", "token_url": endpoint.url, **OAUTH}
        channel = ImapMailbox.from_account(ImapSettings(**settings | changes), world)
        found = await channel.health()
    assert not found.ok
    assert "the refresh token was refused" in found.detail
    assert "invalid_grant" in found.detail
    assert "old-one" not in found.detail


async def test_a_wrong_password_is_tried_again_ever_more_slowly_and_never_told(
    server, settings, world, monkeypatch
):
    server.furnish_mailbox(AWKWARD)
    pauses = []

    async def no_pause(seconds):
        pauses.append(seconds)
        if len(pauses) == 3:
            raise asyncio.CancelledError
        await real(0)

    real = asyncio.sleep
    monkeypatch.setattr("channels.imap.channel.asyncio.sleep", no_pause)
    wrong = {"user": AWKWARD, "password": "not-the-password"}
    channel = ImapMailbox.from_account(ImapSettings(**settings | wrong), world)
    # Dovecot lets a static password pass for everybody, but not for who is in its list.
    with pytest.raises(asyncio.CancelledError):
        await channel.serve(None, lambda _: None)
    assert 0.5 <= pauses[0] <= 1.0 <= pauses[1] <= 2.0 <= pauses[2] <= 4.0
    told = "\n".join(world.log.lines)
    assert "AUTHENTICATE was refused: [AUTHENTICATIONFAILED]" in told
    assert "not-the-password" not in told


# ---------------------------------------------------------------- health


@pytest.fixture
async def outgoing():
    async with MailPeer() as peer:
        yield {"smtp_host": peer.host, "smtp_port": peer.port}


async def test_health_compares_the_server_with_what_is_stored(server, following, world, outgoing):
    async with following(quiet_hours=12.0, **outgoing) as box:
        await _reads(server, box)
        await box.until_kept(1)
        found = await box.channel.health()
        assert found.ok, found.detail
        assert "INBOX: 1 mails stored, none waits" in found.detail
        world.clock.advance(13 * 3600)
        assert "INBOX: no mail for 13 hours" in (await box.channel.health()).detail
    server.deliver(letter("waits"))
    found = await box.channel.health()
    assert not found.ok
    assert "INBOX: 1 mails wait at the server" in found.detail
    world.memos["imap:INBOX"] |= {"uid": 2}
    assert "2 mails at the server, 1 stored" in (await box.channel.health()).detail


async def test_health_tells_why_a_folder_is_not_followed(server, following, outgoing):
    async with following(folders=("INBOX", "Nowhere"), **outgoing) as box:
        async with asyncio.timeout(15):
            while not box.channel.readers[1].trouble:
                await asyncio.sleep(0.01)
        assert "Nowhere: not followed: EXAMINE was refused" in box.channel.readers[1].trouble or (
            "EXAMINE was refused" in box.channel.readers[1].trouble
        )
        found = await box.channel.health()
    assert not found.ok


async def test_health_of_a_way_out_that_is_closed(server, following):
    async with following(smtp_port=1, smtp_timeout=1.0) as box:
        await box.until_read()
        found = await box.channel.health()
    assert not found.ok
    assert "SMTP: no connection" in found.detail


# ---------------------------------------------------------------- settings


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"host": ""}, "host"),
        ({"host": "imap.pay.example"}, "security"),
        ({"port": 0}, "port"),
        ({"password": ""}, "password"),
        ({"access_token": "t"}, "password"),
        ({"password": "", "refresh_token": "r"}, "token_url"),
        ({"password": "", "refresh_token": "r", "token_url": "token"}, "token_url"),
        ({"folders": ()}, "folders"),
        ({"move_to": "INBOX"}, "move_to"),
        ({"poll_seconds": 0.0}, "poll_seconds"),
        ({"quiet_hours": -1.0}, "quiet_hours"),
        ({"address": "nobody"}, "address"),
        ({"smtp_port": 0}, "smtp_port"),
    ],
)
def test_settings_that_cannot_work_are_named(world, changes, key):
    values = {
        "address": "support@pay.example",
        "host": "127.0.0.1",
        "security": "none",
        "password": PASSWORD,
    }
    with pytest.raises(SettingsError) as raised:
        ImapMailbox.from_account(ImapSettings(**values | changes), world)
    assert raised.value.key == key


async def test_a_certificate_file_that_is_missing_is_named(server, settings, world, tmp_path):
    values = settings | {"security": "tls", "ca_file": str(tmp_path / "none.pem")}
    channel = ImapMailbox.from_account(ImapSettings(**values), world)
    with pytest.raises(SettingsError, match="ca_file"):
        await channel.serve(None, lambda _: None)


def test_no_secret_shows_in_the_settings():
    secrets = dict.fromkeys(ImapMailbox.capabilities.secrets, "s3cr3t")
    shown = repr(ImapSettings(address="a@b.example", host="h", **secrets))
    assert "s3cr3t" not in shown
