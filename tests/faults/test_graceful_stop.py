"""SIGTERM ends it within five seconds, whoever is still connected, and nothing is lost."""

import asyncio

from channels._sim_email import MailFault
from channels._sim_letters import compose
from tests.crash.settings import MAIL_ADDRESS

WITHIN = 5.0


async def _connect(host, port, *words):
    reader, writer = await asyncio.open_connection(host, port)
    for word in words:
        writer.write(word)
        await writer.drain()
    return reader, writer


async def test_it_stops_within_five_seconds_with_open_connections(furnish):
    office = furnish()
    acknowledged = []
    async with office.open() as process:
        web_port = int(office.addresses["web"].rpartition(":")[2])
        idle = await _connect("127.0.0.1", web_port, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        half = await _connect(
            "127.0.0.1", web_port,
            b"POST /in/http/app HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
        )  # fmt: skip
        silent = await _connect("127.0.0.1", office.mail_port)
        begun = await _connect(
            "127.0.0.1", office.mail_port,
            b"EHLO x\r\nMAIL FROM:<a@mail.example>\r\n",
            f"RCPT TO:<{MAIL_ADDRESS}>\r\nDATA\r\n".encode(), b"Subject: half\r\n\r\nunfini",
        )  # fmt: skip

        async def write(number):
            url = office.url("http", "app")
            while True:
                posted = await office.app.post_message(
                    url, "转人工", sender=f"user-{number}-{len(acknowledged)}"
                )
                assert posted.status == 200
                acknowledged.append(posted.id)

        writers = [asyncio.create_task(write(number)) for number in range(8)]
        while len(acknowledged) < 50:
            await asyncio.sleep(0.02)
        seconds = await process.stop(seconds=15)
        ends = await asyncio.gather(*writers, return_exceptions=True)
        assert not any(isinstance(end, AssertionError) for end in ends), ends
        assert process.process.returncode == 0
        assert seconds < WITHIN
        for _, writer in (idle, half, silent, begun):
            writer.close()
        stored = {row[0] for row in office.rows("SELECT substr(dedup_key, 3) FROM raw_events")}
        assert set(acknowledged) <= stored
    await _goes_on(office, acknowledged)


async def _goes_on(office, acknowledged):
    """After the next start everything is worked through, each once."""
    async with office.open():
        await office.at_rest()
        messages = [
            row[0] for row in office.rows("SELECT external_id FROM messages WHERE direction = 'in'")
        ]
        assert set(acknowledged) <= set(messages)
        assert len(messages) == len(set(messages))
        states = dict(office.rows("SELECT state, COUNT(*) FROM outbox GROUP BY state"))
        assert set(states) == {"sent"}
        assert len(office.app.answers) == states["sent"]


async def test_a_mail_that_was_under_way_at_the_stop_is_parked_and_not_sent_again(furnish):
    office = furnish()
    async with office.open() as process:
        office.mail.script(MailFault("end", delay=8.0))
        await office.write_mail(compose("anna@mail.example", MAIL_ADDRESS, "Frage", "转人工"))
        await office.mail.wait_for("anna@mail.example")
        assert await process.stop(seconds=15) < WITHIN
        assert process.process.returncode == 0
    async with office.open():
        await office.until("SELECT state FROM outbox", "parked")
        await office.write_mail(compose("ben@mail.example", MAIL_ADDRESS, "Frage", "转人工"))
        await office.mail.wait_for("ben@mail.example")
    assert len(office.mail.mailboxes["anna@mail.example"]) == 1


async def test_a_session_that_waits_for_the_commit_gets_its_answer(furnish):
    office = furnish()
    async with office.open() as process:
        mail = compose(
            "anna@mail.example",
            MAIL_ADDRESS,
            "Frage",
            "转人工",
            files=[("a.bin", "application/octet-stream", bytes(4 << 20))],
        )
        delivering = asyncio.create_task(office.write_mail(mail))
        await asyncio.sleep(0)
        stopping = asyncio.create_task(process.stop(seconds=15))
        outcome = (await asyncio.gather(delivering, return_exceptions=True))[0]
        assert await stopping < WITHIN
        # Whichever came first: an answer means it is there, none means the sender keeps it.
        stored = office.rows("SELECT COUNT(*) FROM raw_events")[0][0]
        assert stored == 1 or isinstance(outcome, Exception)
