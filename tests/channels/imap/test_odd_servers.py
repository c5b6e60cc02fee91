"""What Dovecot never does and other servers do: a scripted one says it."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from typing import Any, Self

import pytest

from channels.imap import ImapMailbox, ImapSettings
from channels.imap import channel as imap_channel
from channels.imap.client import ImapClient
from channels.imap.wire import Fetched, ImapError, Refused, Reply, fetched, mailbox
from gateway.domain.errors import ParseError
from gateway.testing.world import build_world
from tests.channels.imap.conftest import Inbox

MAIL = b"Subject: odd\r\n\r\ntext\r\n"


class Scripted:
    """Answers each command by the first rule whose pattern it fits; says OK to everything else."""

    def __init__(self, *rules: tuple[str, bytes]) -> None:
        self.rules = list(rules)
        self.greeting = b"* OK hello\r\n"
        self.port = 0
        self.said: list[str] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            writer.write(self.greeting)
            while line := await reader.readline():
                tag, _, command = line.decode().strip().partition(" ")
                self.said.append(command)
                writer.write(self._answer(tag.encode(), command))
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()
            self._tasks.discard(task)

    def _answer(self, tag: bytes, command: str) -> bytes:
        for pattern, answer in self.rules:
            if re.match(pattern, command):
                return answer.replace(b"TAG", tag)
        return tag + b" OK done\r\n"

    async def client(self) -> ImapClient:
        return await ImapClient.connect("127.0.0.1", self.port, "none", None, 2.0)


CAPABILITY = ("CAPABILITY", b"* CAPABILITY IMAP4rev1\r\nTAG OK\r\n")
OPEN = (
    "EXAMINE",
    b"* 2 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 3] y\r\nTAG OK [READ-ONLY]\r\n",
)


@pytest.fixture
async def following(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    monkeypatch.setattr(imap_channel, "_FIRST_PAUSE", 0.01)
    monkeypatch.setattr(imap_channel, "_LONGEST_PAUSE", 0.01)
    tasks = []

    def follow(server: Scripted, **changes: Any) -> tuple[Inbox, Any]:
        settings = ImapSettings(
            address="support@pay.example",
            host="127.0.0.1",
            port=server.port,
            security="none",
            password="p",
            take_existing=True,
            poll_seconds=0.05,
            timeout=2.0,
            **changes,
        )
        inbox, world = Inbox(), build_world("box")
        channel = ImapMailbox.from_account(settings, world)
        tasks.append(asyncio.create_task(channel.serve(inbox, lambda _: None)))
        return inbox, world

    yield follow
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def test_one_mail_that_the_server_cannot_give_holds_up_the_others_only_for_a_while(following):
    bodies = b"* 2 FETCH (UID 2 BODY[] {%d}\r\n%s)\r\nTAG OK\r\n" % (len(MAIL), MAIL)
    async with Scripted(
        CAPABILITY,
        OPEN,
        ("UID SEARCH UID 1:\\*", b"* SEARCH 1 2\r\nTAG OK\r\n"),
        ("UID SEARCH UID (3|1:2)", b"* SEARCH\r\nTAG OK\r\n"),
        ("UID FETCH 1,2 .UID RFC822.SIZE", b"* 1 FETCH (RFC822.SIZE 9 UID 1)\r\nTAG OK\r\n"),
        ("UID FETCH 1(,2)? ", b"TAG NO broken message\r\n"),
        ("UID FETCH 2 ", bodies),
    ) as server:
        inbox, world = following(server)
        assert await inbox.subjects(1) == ["odd"]
        assert server.said.count("UID FETCH 1 (UID BODY.PEEK[])") == 3
    assert any("imap.mail_passed_over" in line and "uid=1" in line for line in world.log.lines)
    assert world.memos["imap:INBOX"]["uid"] == 2


async def test_only_what_is_stored_is_moved_away(following):
    bodies = b"".join(
        b"* %d FETCH (UID %d BODY[] {%d}\r\n%s)\r\n" % (uid, uid, len(MAIL), MAIL) for uid in (1, 2)
    )
    async with Scripted(
        ("CAPABILITY", b"* CAPABILITY IMAP4rev1 MOVE\r\nTAG OK\r\n"),
        ("SELECT", OPEN[1].replace(b"READ-ONLY", b"READ-WRITE")),
        ("UID SEARCH UID 1:\\*", b"* SEARCH 1 2\r\nTAG OK\r\n"),
        ("UID SEARCH", b"* SEARCH\r\nTAG OK\r\n"),
        ("UID FETCH 1,2 .UID BODY", bodies + b"TAG OK\r\n"),
    ) as server:
        inbox, world = following(server, move_to="Done")
        inbox.failures.append(ParseError("not one of ours"))
        assert await inbox.subjects(1) == ["odd"]
        async with asyncio.timeout(5):
            while not any(said.startswith("UID MOVE") for said in server.said):
                await asyncio.sleep(0.01)
        assert [said for said in server.said if said.startswith("UID MOVE")] == [
            'UID MOVE 2 "Done"'
        ]
    assert any("imap.mail_unreadable" in line for line in world.log.lines)
    assert world.memos["imap:INBOX"]["uid"] == 2


async def test_a_mail_that_is_gone_between_two_questions_is_no_trouble(following):
    async with Scripted(
        CAPABILITY,
        OPEN,
        ("UID SEARCH UID 1:\\*", b"* SEARCH 1 2\r\nTAG OK\r\n"),
        ("UID SEARCH", b"* SEARCH\r\nTAG OK\r\n"),
        ("UID FETCH 1,2 .UID RFC", b"* 2 FETCH (UID 2 RFC822.SIZE 21)\r\nTAG OK\r\n"),
        (
            "UID FETCH 1,2 ",
            b'* 2 FETCH (BODY[] "Subject: odd\\"" UID 2)\r\nTAG OK\r\n',
        ),
    ) as server:
        inbox, world = following(server)
        assert await inbox.subjects(1) == ['odd"']
    assert not [line for line in world.log.lines if line.startswith("error")]


async def test_a_server_without_uidnext_and_idle_is_read_all_the_same(following):
    bodies = b"* 1 FETCH (UID 4 BODY[] {%d}\r\n%s)\r\nTAG OK\r\n" % (len(MAIL), MAIL)
    async with Scripted(
        CAPABILITY,
        ("EXAMINE", b"* 1 EXISTS\r\n* OK [UIDVALIDITY 7]\r\nTAG OK\r\n"),
        ("UID SEARCH UID 1:\\*", b"* SEARCH 4\r\nTAG OK\r\n"),
        # `5:*` names the last mail, though its UID is below 5 (RFC 3501 §6.4.8).
        ("UID SEARCH", b"* SEARCH 4\r\nTAG OK\r\n"),
        ("UID FETCH 4 .UID RFC", b"* 1 FETCH (UID 4 RFC822.SIZE 21)\r\nTAG OK\r\n"),
        ("UID FETCH 4 ", bodies),
    ) as server:
        inbox, _ = following(server)
        await inbox.subjects(1)
        async with asyncio.timeout(5):
            while server.said.count("NOOP") < 3:
                await asyncio.sleep(0.01)
        assert len(inbox.mails) == 1


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"* 1 FETCH (UID 1 BODY[] {99999999}\r\nxx", "more than was asked for"),
        (b"* 1 FETCH (UID 1 BODY[] {10}\r\nxx", "no answer within 2 s"),
        (b"* BYE too many connections\r\n", "hung up: BYE too many"),
        (b"+ go on\r\n", "wants more than there is"),
        (b"what?\r\n", "out of step"),
        (b"G99 OK not yours\r\n", "out of step"),
        (b"TAG NO [UNAVAILABLE] later\r\n", "UID FETCH was refused"),
        (b"TAG BAD what\r\n", "UID FETCH was refused"),
    ],
)
async def test_a_server_that_misbehaves_is_left(answer, why):
    async with Scripted(CAPABILITY, ("UID FETCH", answer)) as server:
        client = await server.client()
        try:
            with pytest.raises(ImapError, match=why):
                await client.bodies([1], 1000)
        finally:
            client.drop()


async def test_a_greeting_that_is_none_is_told():
    async with Scripted() as server:
        server.greeting = b"* BYE not today\r\n"
        with pytest.raises(Refused, match="not today"):
            await server.client()


async def test_a_line_without_end_is_left(monkeypatch):
    monkeypatch.setattr("channels.imap.client._LINE", 1000)
    async with Scripted(CAPABILITY, ("UID SEARCH", b"* SEARCH" + b" 1" * 5000)) as server:
        client = await server.client()
        with pytest.raises(ImapError, match="a line without end"):
            await client.search("ALL")
        client.drop()


async def test_a_password_is_not_sent_where_the_server_forbids_it():
    async with Scripted(
        ("CAPABILITY", b"* CAPABILITY IMAP4rev1 LOGINDISABLED\r\nTAG OK\r\n")
    ) as server:
        client = await server.client()
        with pytest.raises(Refused, match="no password"):
            await client.login("user", "password")
        client.drop()
        assert server.said == ["CAPABILITY"]


async def test_without_sasl_the_password_is_quoted_and_cannot_be_a_command():
    async with Scripted(CAPABILITY) as server:
        client = await server.client()
        await client.login("user", 'a"b\\c')
        assert 'LOGIN "user" "a\\"b\\\\c"' in server.said
        with pytest.raises(Refused, match="ASCII only"):
            await client.login("user", "x\r\nG9 DELETE INBOX")
        client.drop()
        assert not [line for line in server.said if "DELETE" in line]


async def test_what_was_injected_before_the_encryption_is_not_believed():
    """The server's key is not even asked for here: what matters is what is read afterwards."""
    async with Scripted(
        CAPABILITY, ("STARTTLS", b"TAG OK go\r\n* CAPABILITY AUTH=PLAIN\r\nG2 OK injected\r\n")
    ) as server:
        context = ssl.create_default_context()
        with pytest.raises((OSError, ImapError, TimeoutError)):
            await ImapClient.connect("127.0.0.1", server.port, "starttls", context, 2.0)
        assert "CAPABILITY" not in server.said


# ---------------------------------------------------------------- bytes


@pytest.mark.parametrize(
    ("name", "wire"),
    [
        ("INBOX", '"INBOX"'),
        ("R&D", '"R&-D"'),
        ("其他文件夹/已处理", '"&UXZO1mWHTvZZOQ-/&XfJZBHQG-"'),
        ('a"b\\', '"a\\"b\\\\"'),
        ("~peter/mail/台北/日本語", '"~peter/mail/&U,BTFw-/&ZeVnLIqe-"'),  # RFC 3501 §5.1.3
    ],
)
def test_names_of_folders(name, wire):
    assert mailbox(name) == wire


@pytest.mark.parametrize(
    ("line", "literals", "found"),
    [
        (b"* 1 FETCH (UID 5 BODY[] {})", (b"x",), Fetched(5, None, b"x")),
        (b"* 1 FETCH (BODY[]<0> {} UID 5)", (b"x",), Fetched(5, None, b"x")),
        (b'* 1 fetch (body[] "" uid 5)', (), Fetched(5, None, b"")),
        (
            b'* 1 FETCH (BODY[] "UID 9 \\"RFC822.SIZE 3" UID 5)',
            (),
            Fetched(5, None, b'UID 9 "RFC822.SIZE 3'),
        ),
        (b"* 1 FETCH (UID 5 BODY[] NIL)", (), Fetched(5)),
        (b"* 1 FETCH (RFC822.SIZE 44 UID 5)", (), Fetched(5, 44)),
        (b"* 1 FETCH (FLAGS (\\Seen))", (), None),
        (b"* 3 EXISTS", (), None),
    ],
)
def test_what_a_fetch_says(line, literals, found):
    assert fetched(Reply(line, literals)) == found
