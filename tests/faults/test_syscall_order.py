"""What is acknowledged is on the disk first: asserted from the system calls of a running gateway.

`kill -9` does not show a missing fsync, since the kernel still has every write; only the order of
the calls does. For a mail with an attachment, and for a webhook:

    fsync of the blob's file → rename → fsync of its directory → write to the WAL → fsync of the WAL
    → the response's bytes
"""

import asyncio
import signal
from itertools import pairwise

import psutil

from channels._sim_letters import compose
from tests.crash.settings import MAIL_ADDRESS
from tests.faults.trace import CALLS, only, read

SYNC = ("fsync", "fdatasync")
ANSWER = ("sendto", "sendmsg", "write")


async def test_nothing_is_answered_before_it_is_on_the_disk(furnish, needs_tool, tmp_path):
    strace = needs_tool("strace")
    office = furnish()
    trace = tmp_path / "trace.txt"
    options = (strace, "-f", "-y", "-ttt", "-s", "64", "-e", f"trace={CALLS}", "-o", str(trace))
    async with office.open(prefix=options) as process:
        try:
            attachment = ("a.bin", "application/octet-stream", bytes(range(256)) * 64)
            await office.write_mail(
                compose("anna@mail.example", MAIL_ADDRESS, "Frage", "转人工", files=[attachment])
            )
            await office.at_rest()
            posted = await office.app.post_message(
                office.url("http", "app"), "转人工", sender="user-1"
            )
            assert posted.status == 200
            await office.at_rest()
        finally:
            await _stop_traced(process)
    calls = read(trace)
    _mail_in_order(calls)
    _webhook_in_order(calls)


async def _stop_traced(process):
    """Stop the gateway; strace ends with it. (Killed first, strace would leave it running.)"""
    for child in psutil.Process(process.process.pid).children():
        child.send_signal(signal.SIGTERM)
    if not await process.died(15):
        for child in psutil.Process(process.process.pid).children():
            child.kill()
        await process.died(5)


def _mail_in_order(calls):
    [answer] = only(calls, *ANSWER, holding=r'"250 2\.0\.0 OK')
    [file] = only(calls, *SYNC, holding=r"/blobs/../[0-9a-f]+\.[0-9a-f]+\.partial>")
    [rename] = only(calls, "rename", "renameat", "renameat2", holding=r"/blobs/.*\.partial")
    directories = [
        call
        for call in only(calls, *SYNC, holding=r"/blobs/..>\)")
        if rename.ended <= call.begun <= answer.begun
    ]
    assert directories, "the blob's directory is not synced after the rename"
    # The directory is new itself, so its own name must be safe as well.
    parents = list(only(calls, *SYNC, holding=r"/data/blobs>\)"))
    assert parents, "the directory above the blob's is not synced"
    assert parents[0].ended < file.begun
    write, log = _commit_before(calls, answer, since=directories[-1].ended)
    _in_order(file, rename, directories[0], write, log, answer)


def _webhook_in_order(calls):
    [answer] = only(calls, *ANSWER, holding=r'"HTTP/1\.1 200 OK')
    mail_answer = next(only(calls, *ANSWER, holding=r'"250 2\.0\.0 OK'))
    write, log = _commit_before(calls, answer, since=mail_answer.ended)
    _in_order(write, log, answer)


def _commit_before(calls, answer, since):
    """The last write to the WAL before an answer, and the sync behind it."""
    writes = [
        call
        for call in only(calls, "pwrite64", "pwritev", "write", holding=r"gateway\.sqlite-wal>")
        if since <= call.begun < answer.begun
    ]
    assert writes, "nothing was written to the WAL before the answer"
    syncs = [
        call
        for call in only(calls, *SYNC, holding=r"gateway\.sqlite-wal>")
        if writes[-1].ended <= call.begun < answer.begun
    ]
    assert syncs, "the WAL is not synced between its last write and the answer"
    return writes[-1], syncs[-1]


def _in_order(*steps):
    for before, after in pairwise(steps):
        assert before.ended < after.begun, f"{before} is not over before {after}"


async def test_the_reader_of_traces_sees_a_sync_that_ends_too_late(tmp_path):
    """The assertion above can fail: here the answer goes out while the WAL is still being synced."""
    trace = tmp_path / "trace.txt"
    trace.write_text(
        "1 1.0 pwrite64(5</d/gateway.sqlite-wal>, ..., 4096, 0) = 4096\n"
        "1 1.1 fdatasync(5</d/gateway.sqlite-wal> <unfinished ...>\n"
        '2 1.2 sendto(9<socket:[1]>, "250 2.0.0 OK\\r\\n", 14, 0, NULL, 0) = 14\n'
        "1 1.3 <... fdatasync resumed>) = 0\n"
    )
    calls = await asyncio.to_thread(read, trace)
    [answer] = only(calls, *ANSWER, holding="250")
    write, log = _commit_before(calls, answer, since=0)
    assert write.ended < log.begun
    assert not log.ended < answer.begun
