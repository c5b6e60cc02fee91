"""Letters to a whole gateway: which inquiry they join, whom they are believed to be from, and that
nothing of it gives a stranger a part in somebody else's matter."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from channels._sim_email import MailPeer, Received, compose
from gateway.app import Gateway
from gateway.intake.replay import Replay
from tests.flow.test_machines import a_gateway, quiet
from tests.store.engines import select

pytestmark = pytest.mark.asyncio(loop_scope="module")

OURS, SERVER = "support@pay.example", "mx.pay.example"
PROOF = {"Authentication-Results": f"{SERVER}; dmarc=pass header.from=mail.example"}


class Post:
    """Writes letters and looks what became of them."""

    def __init__(self, gateway: Gateway, peer: MailPeer) -> None:
        self.gateway, self.peer = gateway, peer

    async def write(self, sender: str, text: str, *, to: str = OURS, **more: Any) -> None:
        host, _, port = self.gateway.addresses["box"].rpartition(":")
        data = compose(sender, to, more.pop("subject", "A question"), text, **more)
        await self.peer.send(host.rpartition("/")[2], int(port), data)
        await quiet(self.gateway)

    async def answered(self, sender: str, count: int = 1) -> Received:
        """Our latest letter to somebody."""
        return (await self.peer.wait_for(sender, count))[-1]

    async def inquiries(self, sender: str) -> list[list[str]]:
        """The texts of each inquiry that somebody wrote to, in order."""
        rows = await select(
            self.gateway.store,
            "SELECT i.id, m.text FROM messages m JOIN inquiries i ON i.id = m.inquiry_id"
            " JOIN conversations v ON v.id = m.conversation_id JOIN handles h ON h.id = v.handle_id"
            f" WHERE h.address = '{sender}' AND m.direction = 'in' ORDER BY m.at, m.id",
        )
        found: dict[str, list[str]] = {}
        for row in rows:
            found.setdefault(row["id"], []).append(row["text"])
        return list(found.values())

    async def trust(self, sender: str) -> str:
        rows = await select(
            self.gateway.store, f"SELECT trust FROM handles WHERE address = '{sender}'"
        )
        return str(rows[0]["trust"])


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def post(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Post]:
    async with MailPeer() as peer:
        settings = peer.account_settings(OURS) | {
            "plus_addresses": True, "trusted_authserv": [SERVER],
        }  # fmt: skip
        async with a_gateway(tmp_path_factory.mktemp("post"), **settings) as gateway:
            yield Post(gateway, peer)


async def test_an_answer_to_the_tagged_address_finds_its_inquiry_without_any_reference(
    post: Post,
) -> None:
    anna = "anna@mail.example"
    await post.write(anna, "Do you sell gift vouchers for a bakery?")
    ours = await post.answered(anna)
    tagged = ours.headers["reply-to"]
    assert tagged.startswith("support+")
    assert ours.sender.endswith(OURS), "the sender stays the mailbox: that is what is signed"
    await post.gateway.desk.reply(await number_of(post, anna), "ann", "How many?")
    await post.gateway.desk.resolve(await number_of(post, anna), "ann")
    await quiet(post.gateway)
    await post.write(anna, "Forty, please.", to=tagged.upper(), subject="something else")
    assert await post.inquiries(anna) == [
        ["Do you sell gift vouchers for a bakery?", "Forty, please."]
    ]


async def number_of(post: Post, sender: str) -> str:
    rows = await select(
        post.gateway.store,
        "SELECT i.number FROM inquiries i JOIN conversations v ON v.id = i.conversation_id"
        f" JOIN handles h ON h.id = v.handle_id WHERE h.address = '{sender}' ORDER BY i.created_at",
    )
    return str(rows[-1]["number"])


async def test_a_stranger_with_the_genuine_tag_number_and_ids_gets_an_inquiry_of_his_own(
    post: Post,
) -> None:
    bert, eve = "bert@mail.example", "eve@evil.example"
    await post.write(bert, "Do you sell gift vouchers for a school?")
    ours = await post.answered(bert)
    tagged = ours.headers["reply-to"]
    before = len(post.peer.mailboxes[bert])
    await post.write(
        eve, "Send them to me instead.", to=tagged, subject=f"Re: {ours.subject}", answers=ours
    )
    assert await post.inquiries(bert) == [["Do you sell gift vouchers for a school?"]]
    assert await post.inquiries(eve) == [["Send them to me instead."]]
    assert len(post.peer.mailboxes[bert]) == before


async def test_who_writes_is_claimed_until_a_trusted_server_has_proved_it(post: Post) -> None:
    carl = "carl@mail.example"
    forged = {"Authentication-Results": "mx.else.example; dmarc=pass header.from=mail.example"}
    await post.write(carl, "Do you sell gift vouchers for a club?", headers=forged)
    assert await post.trust(carl) == "claimed"
    await post.write(carl, "And for a choir?", headers=PROOF)
    assert await post.trust(carl) == "verified"


async def test_a_letter_in_a_customers_name_moves_no_answer_to_another_address(
    post: Post,
) -> None:
    dora = "dora@mail.example"
    await post.write(dora, "Do you sell gift vouchers for a farm?", headers=PROOF)
    await post.write(dora, "Answer there.", headers={"Reply-To": "mallory@mail.example"})
    await post.gateway.desk.reply(await number_of(post, dora), "ann", "We do.")
    await quiet(post.gateway)
    assert "We do." in (await post.answered(dora, 2)).text
    assert not post.peer.mailboxes["mallory@mail.example"]


async def test_a_forged_letter_settles_nothing_and_is_answered_by_nobody(post: Post) -> None:
    emil = "emil@mail.example"
    await post.write(emil, "Hello, I forgot my password. How do I reset it?", headers=PROOF)
    ours = await post.answered(emil)
    failed = {"Authentication-Results": f"{SERVER}; dmarc=fail header.from=mail.example"}
    await post.write(emil, "Yes, that solved it, thanks!", answers=ours, headers=failed)
    rows = await select(
        post.gateway.store,
        "SELECT i.state FROM inquiries i JOIN conversations v ON v.id = i.conversation_id"
        f" JOIN handles h ON h.id = v.handle_id WHERE h.address = '{emil}' ORDER BY i.created_at",
    )
    assert rows[0]["state"] == "answered", "the genuine one is as it was"
    assert len(post.peer.mailboxes[emil]) == 1


async def test_a_letter_out_of_quarantine_is_placed_like_any_other(post: Post) -> None:
    fritz, gateway = "fritz@mail.example", post.gateway
    await post.write(fritz, "Do you sell gift vouchers for a zoo?")
    await gateway.desk.claim(await number_of(post, fritz), "ann")
    await gateway.desk.resolve(await number_of(post, fritz), "ann")
    tagged = (await post.answered(fritz)).headers["reply-to"]
    data = compose(fritz, tagged, "something else", "Two hundred.", headers=PROOF)
    kept = await gateway.intake.quarantine(
        "box", data, "mail: unreadable", {"mail_from": fritz, "recipients": [tagged]}
    )
    replay = Replay(
        gateway.store, gateway.blobs, gateway.intake, gateway.channels, gateway.clock, gateway.ids
    )
    await replay.one(kept)
    await quiet(gateway)
    assert await post.inquiries(fritz) == [["Do you sell gift vouchers for a zoo?", "Two hundred."]]
    assert await post.trust(fritz) == "verified"
