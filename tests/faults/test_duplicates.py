"""The same event, however often and by whomever it is delivered, is one message."""

import asyncio
import json
from urllib.parse import urlencode

import aiohttp
import pytest

from channels._sim_letters import compose
from tests.crash.settings import MAIL_ADDRESS, SMS_ACCOUNT_SID, SMS_NUMBER

TIMES = 100


def _http(office):
    body = json.dumps({"id": "m-1", "sender": "user-1", "text": "转人工"}).encode()
    return office.url("http", "app"), body, office.app.sign(body)


def _sms(office):
    url = office.url("sms", "sms")
    form = {
        "MessageSid": "SM1", "AccountSid": SMS_ACCOUNT_SID, "From": "+14155550111",
        "To": SMS_NUMBER, "Body": "转人工", "NumMedia": "0",
    }  # fmt: skip
    return url, urlencode(form).encode(), office.sms.sign(url, form)


@pytest.mark.parametrize("call", [_http, _sms])
async def test_a_webhook_delivered_100_times_by_two_clients_is_one_message(furnish, call):
    office = furnish(processes=2)
    async with office.open():
        url, body, headers = call(office)

        async def client(times):
            async with aiohttp.ClientSession() as session:

                async def deliver():
                    async with session.post(url, data=body, headers=headers) as response:
                        return response.status

                return await asyncio.gather(*(deliver() for _ in range(times)))

        answers = await asyncio.gather(client(TIMES // 2), client(TIMES // 2))
        assert [status for half in answers for status in half] == [200] * TIMES
        await office.at_rest()
        assert office.rows("SELECT COUNT(*) FROM raw_events") == [(1,)]
        assert office.rows("SELECT direction, COUNT(*) FROM messages GROUP BY direction") == [
            ("in", 1),
            ("out", 1),
        ]
        assert office.rows("SELECT state FROM outbox") == [("sent",)]
        account = url.rpartition("/")[2]
        counted = await office.metrics()
        assert f'outcome="duplicate"}} {TIMES - 1}.0' in counted, counted
        assert f'account="{account}",outcome="accepted"}} 1.0' in counted
    assert len(office.app.answers) + len(office.sms.messages) == 1


async def test_a_mail_delivered_again_and_again_by_two_servers_is_one_message(furnish):
    office = furnish(processes=2)
    async with office.open():
        mail = compose(
            "anna@mail.example",
            MAIL_ADDRESS,
            "Frage",
            "转人工",
            files=[("a.bin", "application/octet-stream", bytes(range(256)) * 20)],
        )
        await asyncio.gather(*(office.write_mail(mail) for _ in range(10)))
        await asyncio.gather(*(office.write_mail(mail) for _ in range(10)))
        await office.at_rest()
        assert office.rows("SELECT COUNT(*) FROM raw_events") == [(1,)]
        assert office.rows("SELECT COUNT(*) FROM messages WHERE direction = 'in'") == [(1,)]
    assert len(office.mail.received) == 1
