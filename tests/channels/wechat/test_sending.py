"""The requests that leave, beside those of wechatpy's own client; the probe."""

import asyncio

from wechatpy import WeChatClient

from gateway.testing.builders import outbound
from gateway.testing.provider import Answer, FakeProvider, refused_url
from gateway.testing.world import build_world
from tests.channels.wechat.kit import APP_ID, OPENID, build

GOOD = Answer(body={"errcode": 0, "access_token": "AT", "expires_in": 7200})


class RedirectedClient(WeChatClient):
    """The library's client, talking to a server of ours."""

    def __init__(self, url):
        self.API_BASE_URL = f"{url}/cgi-bin/"
        super().__init__(APP_ID, "app-secret", access_token="AT")


async def test_our_request_is_the_one_wechatpy_makes():
    async with FakeProvider(default=GOOD) as provider:
        channel = build(build_world(), base_url=provider.url + "/")
        await channel.send(outbound(to=OPENID, text="您好 & “bye” 🙏\n"))

        def theirs():
            client = RedirectedClient(provider.url)
            client.message.send_text(OPENID, "您好 & “bye” 🙏\n")
            client._http.close()

        await asyncio.to_thread(theirs)
    _, ours, official = provider.calls
    assert (ours.method, ours.path, ours.query) == (official.method, official.path, official.query)
    assert ours.json() == official.json()
    assert ours.body == official.body


async def test_the_token_is_asked_for_as_the_page_says():
    async with FakeProvider(default=GOOD) as provider:
        await build(build_world(), base_url=provider.url).send(outbound(to=OPENID))
    call = provider.calls[0]
    assert (call.method, call.path, call.query) == ("POST", "/cgi-bin/stable_token", ())
    assert call.json() == {
        "grant_type": "client_credential",
        "appid": APP_ID,
        "secret": "app-secret",
    }


async def test_the_probe_says_what_is_wrong():
    async def probe(*answers):
        async with FakeProvider(*answers, default=Answer(500)) as provider:
            return await build(build_world(), base_url=provider.url).health()

    assert (await probe(GOOD, Answer(body={"ip_list": ["101.226.103.0"]}))).ok
    for answers, why in (
        ((Answer(body={"errcode": 40125}),), "secret is refused"),
        ((GOOD, Answer(body={"errcode": 42001})), "access token is refused"),
        ((GOOD, Answer(body=b"<html>")), "no answer of WeChat's"),
        ((GOOD,), "HTTP 500"),
    ):
        health = await probe(*answers)
        assert not health.ok
        assert why in health.detail
    with refused_url() as nobody:
        assert not (await build(build_world(), base_url=nobody).health()).ok
