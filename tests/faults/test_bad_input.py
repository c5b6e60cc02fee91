"""Input that cannot be taken gets its clear error, and the next message works."""

import asyncio
import json
import socket

import aiosmtplib
import pytest

from channels._sim_letters import compose
from tests.crash.settings import MAIL_ADDRESS

MIB = 1 << 20
#: Stands in what strangers send; must not be found on the disk.
SECRET_WORDS = "words-of-a-stranger-7Q"


async def _next_message_works(office, number=1):
    await office.write_mail(compose("ben@mail.example", MAIL_ADDRESS, "Hallo", "转人工"))
    posted = await office.app.post_message(
        office.url("http", "app"), "转人工", sender=f"user-{number}"
    )
    assert posted.status == 200
    query = "SELECT COUNT(*) FROM messages WHERE direction = 'in' AND text LIKE '%转人工%'"
    await office.until(query, 2 * number)


async def test_a_mail_of_40_mib_is_refused_by_its_announced_size(furnish):
    office = furnish()
    async with office.open():
        large = b"Subject: large\r\n\r\n" + b"x" * 998 + b"\r\n" + b"y" * (40 * MIB)
        with pytest.raises(aiosmtplib.SMTPResponseException) as refused:
            await office.write_mail(large)
        assert refused.value.code == 552
        assert "size" in refused.value.message
        await _next_message_works(office)


async def test_a_mail_of_40_mib_that_announces_nothing_is_refused_at_its_end(furnish):
    office = furnish()
    async with office.open():
        answers = await asyncio.to_thread(_dialogue, office.mail_port, 40 * MIB)
        assert answers[-1].startswith("552 "), answers
        await _next_message_works(office)
        assert office.rows("SELECT COUNT(*) FROM raw_events WHERE account = 'mail'") == [(1,)]


def _dialogue(port, size):
    """Speak SMTP without SIZE; the answers."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        stream = connection.makefile("rwb")
        answers = [stream.readline().decode()]
        for line in (
            "HELO mail.example",
            "MAIL FROM:<a@mail.example>",
            f"RCPT TO:<{MAIL_ADDRESS}>",
            "DATA",
        ):
            stream.write(line.encode() + b"\r\n")
            stream.flush()
            answers.append(stream.readline().decode())
        block = (b"z" * 998 + b"\r\n") * 1049
        for _ in range(size // len(block) + 1):
            stream.write(block)
        stream.write(b".\r\n")
        stream.flush()
        answers.append(stream.readline().decode())
    return answers


async def test_a_mail_with_2000_nested_parts_goes_to_quarantine(furnish):
    office = furnish()
    async with office.open():
        nested = _nested(2000)
        await office.write_mail(nested)
        assert office.rows("SELECT account, stage, state FROM quarantine") == [
            ("mail", "read", "kept")
        ]
        [(reason,)] = office.rows("SELECT reason FROM quarantine")
        assert "nested deeper" in reason
        assert 'account="mail",outcome="quarantined"} 1.0' in await office.metrics()
        await office.write_mail(nested)  # and once more: still one
        assert office.rows("SELECT COUNT(*) FROM quarantine") == [(1,)]
        await _next_message_works(office)


def _nested(parts):
    lines = ["From: a@mail.example", f"To: {MAIL_ADDRESS}", "Subject: nested", "MIME-Version: 1.0"]
    for number in range(parts):
        lines += [f'Content-Type: multipart/mixed; boundary="b{number}"', "", f"--b{number}"]
    lines += ["Content-Type: text/plain", "", "deep down", ""]
    lines += [f"--b{number}--" for number in reversed(range(parts))]
    return "\r\n".join(lines).encode()


async def test_a_body_that_is_not_utf_8_is_answered_with_what_is_wrong(furnish):
    office = furnish()
    async with office.open():
        body = '{"id": "m-1", "sender": "user-1", "text": "密码"}'.encode("gb18030")
        url = office.url("http", "app")
        async with office.session.post(url, data=body, headers=office.app.sign(body)) as response:
            assert response.status == 400
            assert await response.text() == "cannot be read: the body is not UTF-8\n"
        # Genuine, so it is kept for a person: encrypted.
        assert office.rows("SELECT account, stage FROM quarantine") == [("app", "read")]
        await _next_message_works(office)


async def test_a_mail_in_bytes_of_no_charset_is_taken(furnish):
    office = furnish()
    async with office.open():
        head = f"From: a@mail.example\r\nTo: {MAIL_ADDRESS}\r\nMessage-ID: <raw@mail.example>\r\n"
        body = b'Content-Type: text/plain; charset="utf-8"\r\n\r\n\xff\xfe \x80 hello\r\n'
        await office.write_mail(head.encode() + body)
        await office.until("SELECT COUNT(*) FROM messages WHERE direction = 'in'", 1)
        [(text,)] = office.rows("SELECT text FROM messages WHERE direction = 'in'")
        assert "hello" in text
        await _next_message_works(office)


async def test_an_unknown_account_is_named_in_the_refusal(furnish):
    office = furnish()
    async with office.open():
        body = json.dumps({"id": "m-1", "sender": "user-1", "text": SECRET_WORDS}).encode()
        for kind, account in (("http", "nobody"), ("sms", "app")):
            url = office.url(kind, account)
            async with office.session.post(
                url, data=body, headers=office.app.sign(body)
            ) as response:
                assert response.status == 404
                assert f"no {kind} account '{account}'" in await response.text()
        with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as refused:
            await _write_to("nobody@pay.example", office)
        assert refused.value.recipients[0].code == 550
        assert 'outcome="unknown_account"} 2.0' in await office.metrics()
        await _next_message_works(office)


async def _write_to(address, office):
    client = aiosmtplib.SMTP(hostname="127.0.0.1", port=office.mail_port, start_tls=False)
    try:
        await client.connect()
        await client.sendmail("a@mail.example", [address], b"Subject: x\r\n\r\nx")
    finally:
        client.close()


@pytest.mark.parametrize("account", ["http/app", "sms/sms"])
async def test_a_call_without_signature_is_refused_counted_and_not_kept(furnish, account):
    office = furnish()
    async with office.open():
        body = json.dumps({"id": "m-1", "sender": "user-1", "text": SECRET_WORDS}).encode()
        async with office.session.post(office.url(*account.split("/")), data=body) as response:
            assert response.status == 403
            assert (await response.text()).startswith("refused: ")
        assert 'outcome="refused"} 1.0' in await office.metrics()
        await _next_message_works(office)
    found = [p for p in office.config.parent.rglob("*") if p.is_file() and _holds(p)]
    assert found == []


def _holds(path):
    return SECRET_WORDS.encode() in path.read_bytes()
