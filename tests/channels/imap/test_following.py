"""Mail comes out of a real IMAP server once, whatever happens on the way."""

import asyncio
import time

from channels.imap.client import ImapClient
from channels.imap.place import Place
from gateway.domain.errors import Overloaded, ParseError
from tests.channels.imap.conftest import Proxy, letter, subject

DAY = 86_400.0


async def test_a_new_mail_arrives_by_push(server, following):
    async with following() as box:
        await box.until_read()
        server.deliver(letter("first"))
        assert await box.inbox.subjects(1) == ["first"]
        server.deliver(letter("second"))
        server.deliver(letter("third"))
        assert sorted(await box.inbox.subjects(3)) == ["first", "second", "third"]


async def test_what_arrives_is_the_mail_as_it_lies_there(server, following):
    data = letter("bytes", size=300_000).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    async with following() as box:
        await box.until_read()
        server.deliver(data)
        await box.inbox.subjects(1)
        assert box.inbox.mails[0].data == data
        assert box.inbox.mails[0].recipients == ("support@pay.example",)
        assert box.inbox.mails[0].sender == "anna@mail.example"


async def test_nothing_is_flagged_as_seen(server, following):
    server.deliver(letter("old"))
    async with following(take_existing=True) as box:
        server.deliver(letter("new"))
        await box.inbox.subjects(2)
        await box.until_kept(2)
    assert len(server.flags()) == 2
    assert set(server.flags().values()) == {""}


async def test_a_mail_that_a_person_has_read_is_taken_all_the_same(server, following):
    async with following() as box:
        await box.until_read()
    server.deliver(letter("read on a phone"))
    for path in (server.inbox / "new").iterdir():
        path.rename(server.inbox / "cur" / f"{path.name}:2,S")
    async with following() as box:
        assert await box.inbox.subjects(1) == ["read on a phone"]


async def test_mails_from_before_the_first_start_are_left_unless_wanted(server, following, world):
    server.deliver(letter("years old"))
    async with following() as box:
        await box.until_read()
        server.deliver(letter("new"))
        assert await box.inbox.subjects(1) == ["new"]
    world.memos.clear()
    async with following(take_existing=True) as box:
        assert await box.inbox.subjects(2) == ["years old", "new"]


async def test_a_restart_goes_on_where_it_was(server, following):
    async with following() as box:
        await box.until_read()
        server.deliver(letter("one"))
        await box.inbox.subjects(1)
        await box.until_kept(1)
    server.deliver(letter("two"))
    async with following() as box:
        assert await box.inbox.subjects(1) == ["two"]
        await box.until_read()
        assert len(box.inbox.mails) == 1


async def test_the_place_moves_on_only_behind_what_is_stored(server, following):
    async with following() as box:
        await box.until_read()
    server.deliver(letter("one"))
    server.deliver(letter("two"))
    fault = [Overloaded("full"), Overloaded("full"), Overloaded("full")]
    async with following(failures=fault) as box:
        before = await box.channel.readers[0].place()
        assert await box.inbox.subjects(2) == ["one", "two"]
        await box.until_read()
        after = await box.channel.readers[0].place()
    assert (before.uid, before.taken) == (0, 0)
    assert (after.uid, after.taken) == (2, 2)


async def test_a_mail_that_is_refused_for_good_holds_up_nobody(server, following):
    async with following() as box:
        await box.until_read()
    server.deliver(letter("one"))
    server.deliver(letter("two"))
    async with following(failures=[ParseError("no mail")]) as box:
        assert await box.inbox.subjects(1) == ["two"]
        assert any("imap.mail_unreadable" in line for line in box.world.log.lines)


async def test_after_a_renumbering_nothing_is_lost_and_old_mail_stays_untouched(
    server, following, world
):
    server.deliver(letter("years old"), at=time.time() - 900 * DAY)
    async with following() as box:
        await box.until_read()
        server.deliver(letter("stored"))
        await box.inbox.subjects(1)
        await box.until_kept(1)
    first = Place.read(world.memos["imap:INBOX"])
    server.renumber()
    server.deliver(letter("came meanwhile"))
    async with following() as box:
        # The stored one comes again: the dedup key of its content makes it the same mail.
        assert sorted(await box.inbox.subjects(2)) == ["came meanwhile", "stored"]
        await box.until_read()
        server.deliver(letter("after"))
        assert (await box.inbox.subjects(3))[2] == "after"
        await box.until_kept(1)
        assert len(box.inbox.mails) == 3
    second = Place.read(world.memos["imap:INBOX"])
    assert second.validity != first.validity
    assert any("imap.renumbered" in line for line in world.log.lines)
    async with following() as box:
        await box.until_read()
        assert box.inbox.mails == []


async def test_a_line_that_is_cut_within_a_mail_loses_and_doubles_nothing(server, following):
    async with Proxy(server.port) as proxy:
        async with following(port=proxy.port) as box:
            await box.until_read()
            for number in range(5):
                server.deliver(letter(f"small {number}"))
            await box.inbox.subjects(5)
            proxy.cut_after = 150_000
            large = letter("large", size=400_000)
            server.deliver(large)
            server.deliver(letter("behind it"))
            assert sorted((await box.inbox.subjects(7))[5:]) == ["behind it", "large"]
            await box.until_kept(7)
        bodies = {subject(mail.data): mail.data for mail in box.inbox.mails}
        assert proxy.connections == 2
        assert len(box.inbox.mails) == len(bodies) == 7
        assert len(bodies["large"]) > 400_000
        assert b"RFC822" in proxy.said


async def test_a_server_that_is_away_is_waited_for(server, following):
    async with Proxy(1) as proxy, following(port=proxy.port) as box:
        while proxy.connections < 3:
            await asyncio.sleep(0.01)
        assert "imap.interrupted" in box.world.log.lines[0]
        proxy._target = server.port
        await box.until_read()
        server.deliver(letter("there again"))
        assert await box.inbox.subjects(1) == ["there again"]


async def test_a_folder_that_lacks_stored_mails_is_read_again(server, following, world):
    async with following() as box:
        await box.until_read()
        server.deliver(letter("one"))
        server.deliver(letter("two"))
        await box.inbox.subjects(2)
        await box.until_kept(2)
    # As if the second had become visible below a number that was passed already.
    world.memos["imap:INBOX"]["taken"] = 1
    async with following() as box:
        assert sorted(await box.inbox.subjects(2)) == ["one", "two"]
        await box.until_read()
    assert any("imap.count_differs" in line for line in world.log.lines)
    assert world.memos["imap:INBOX"]["taken"] == 2


async def test_many_mails_come_in_groups_and_in_order(server, following):
    for number in range(130):
        server.deliver(letter(f"n{number:03d}"))
    async with Proxy(server.port) as proxy:
        async with following(port=proxy.port, take_existing=True) as box:
            subjects = await box.inbox.subjects(130)
        assert sorted(subjects) == [f"n{number:03d}" for number in range(130)]
        assert 3 <= proxy.said.count(b"BODY.PEEK[]") <= 5


async def test_a_mail_that_is_too_large_is_taken_by_its_beginning(server, following, monkeypatch):
    monkeypatch.setattr("channels.imap.reader._BEGINNING", 10_000)
    server.deliver(letter("huge", size=200_000))
    server.deliver(letter("small"))
    async with following(take_existing=True, max_size=100_000) as box:
        assert sorted(await box.inbox.subjects(2)) == ["huge", "small"]
        assert {subject(m.data): len(m.data) for m in box.inbox.mails}["huge"] == 10_000
        assert any("imap.mail_cut" in line for line in box.world.log.lines)


async def test_a_stored_mail_is_moved_where_that_is_wanted(server, following):
    async with following(move_to="已处理/网关") as box:
        await box.until_read()
        server.deliver(letter("one"))
        await box.inbox.subjects(1)
        async with asyncio.timeout(15):
            while server.flags():
                await asyncio.sleep(0.01)
    moved = [path for path in server.inbox.glob(".*/*/*") if path.is_file()]
    assert len([path for path in moved if b"Subject: one" in path.read_bytes()]) == 1


async def test_several_folders_are_followed_at_once(server, following):
    server.deliver(letter("not for us"), ".Junk")
    async with following(folders=("INBOX", "Junk")) as box:
        await box.until_read()
        server.deliver(letter("spam or not"), ".Junk")
        server.deliver(letter("plain"))
        assert sorted(await box.inbox.subjects(2)) == ["plain", "spam or not"]


async def test_without_push_the_folder_is_asked_now_and_then(server, following, monkeypatch):
    async def without(client):
        await asked(client)
        client.capabilities -= {"IDLE"}

    asked = ImapClient._ask_capabilities
    monkeypatch.setattr(ImapClient, "_ask_capabilities", without)
    async with Proxy(server.port) as proxy:
        async with following(port=proxy.port, poll_seconds=0.05) as box:
            await box.until_read()
            server.deliver(letter("asked for"))
            assert await box.inbox.subjects(1) == ["asked for"]
        assert b"IDLE" not in proxy.said
