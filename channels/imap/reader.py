"""Takes in one folder: opens it where it was left, hands every new mail over, waits for more."""

import random
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from channels._mail_account import delivered_mail
from channels.imap.client import Folder, ImapClient
from channels.imap.place import Place
from channels.imap.settings import ImapSettings
from channels.imap.wire import Fetched, Refused
from gateway.domain.channel import RawMail, Sink
from gateway.domain.errors import ParseError
from gateway.domain.world import World

#: Mails of one FETCH, and the bytes of all of them, unless a single one is larger.
_GROUP = 50
_GROUP_BYTES = 4 * 1024 * 1024
#: UIDs of one question for sizes: a command line stays far below what servers take (8,000 bytes).
_ASK = 400
#: Bytes of a mail larger than `max_size` that are taken: the text comes first.
_BEGINNING = 1024 * 1024
#: Times the server may refuse one mail before it is passed over.
_TRIES = 3
#: Dates of a search have no time and no zone, so a day more is looked through.
_DAY = 86_400.0
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class FolderReader:
    """One folder of one account, over as many connections as it takes.

    Args:
        connect: a signed-in connection.
        placed: adds to a mail what only the account knows of it.
    """

    def __init__(
        self,
        name: str,
        settings: ImapSettings,
        world: World,
        connect: Callable[[], Awaitable[ImapClient]],
        placed: Callable[[RawMail], RawMail],
    ) -> None:
        self.name = name
        self._settings = settings
        self._world = world
        self._connect = connect
        self._placed = placed
        self._refusals: dict[int, int] = {}
        self._recounted = False
        self.rounds = 0
        """Times all that was new had been taken."""
        self.trouble = ""
        """Why the folder is not being followed at the moment."""

    async def follow(self, sink: Sink) -> None:
        """Read until the connection or the store gives up. Raises ImapError, OSError, GatewayError."""
        client = await self._connect()
        try:
            while True:
                place = await self._opened(client)
                await self._take_all(client, place, sink)
                self.rounds, self.trouble = self.rounds + 1, ""
                # Servers renumber a folder behind our back only between two openings.
                await client.wait(self._settings.poll_seconds * random.uniform(0.9, 1.1))  # noqa: S311 - spreads load
        except BaseException:
            client.drop()
            raise

    async def place(self) -> Place | None:
        """Where we are; None before the first look."""
        return Place.read(await self._world.memo(f"imap:{self.name}"))

    async def _keep(self, place: Place) -> None:
        await self._world.remember(f"imap:{self.name}", place.as_memo())

    async def _opened(self, client: ImapClient) -> Place:
        """Open the folder and find our place in it."""
        found = await client.open(self.name, write=bool(self._settings.move_to))
        place = await self.place()
        if place is None:
            place = await self._first_place(client, found)
        elif place.validity != found.validity:
            self._world.log.warning("imap.renumbered", folder=self.name)
            next_uid = found.next_uid or await _next_uid(client)
            place = place.renumbered(found.validity, next_uid)
        elif await self._lacks(client, place):
            place = place.again()
        else:
            return place
        await self._keep(place)
        return place

    async def _first_place(self, client: ImapClient, found: Folder) -> Place:
        now = self._world.clock.now()
        if self._settings.take_existing:
            return Place(found.validity, uid=0, first=1, last_mail=now)
        next_uid = found.next_uid or await _next_uid(client)
        return Place(found.validity, next_uid - 1, next_uid, since=now, last_mail=now)

    async def _lacks(self, client: ImapClient, place: Place) -> bool:
        """Whether the server holds more mails than we stored. Mails can be deleted there, but none
        can come in below a UID that was given out; a server that does it all the same is read again.
        Looked at once per process."""
        if self._recounted or place.again_below or place.uid < place.first:
            return False
        self._recounted = True
        there = await client.search("UID", f"{place.first}:{place.uid}")
        if len(there) <= place.taken:
            return False
        self._world.log.warning(
            "imap.count_differs", folder=self.name, server=len(there), stored=place.taken
        )
        return True

    # ------------------------------------------------------------ mails

    async def _take_all(self, client: ImapClient, place: Place, sink: Sink) -> None:
        if place.again_below:
            uids = await self._seen_before(client, place)
            place = await self._take(client, uids, place, sink)
            place = place.caught_up()
            await self._keep(place)
        uids = await client.search("UID", f"{place.uid + 1}:*")
        # `n:*` names the last mail even when its UID is below n.
        await self._take(client, [uid for uid in uids if uid > place.uid], place, sink)

    async def _seen_before(self, client: ImapClient, place: Place) -> list[int]:
        """After a renumbering: everything since we know the folder. What was stored is known by its
        content; what lay there before our time stays untouched."""
        if place.uid + 1 >= place.again_below:
            return []
        criteria = ["UID", f"{place.uid + 1}:{place.again_below - 1}"]
        if place.since:
            day = datetime.fromtimestamp(place.since - _DAY, UTC)
            criteria += ["SINCE", f"{day.day:02d}-{_MONTHS[day.month - 1]}-{day.year}"]
        return await client.search(*criteria)

    async def _take(
        self, client: ImapClient, uids: Sequence[int], place: Place, sink: Sink
    ) -> Place:
        """Hand mails over in their order. The place moves on behind what is durable."""
        for start in range(0, len(uids), _ASK):
            asked = uids[start : start + _ASK]
            sizes = {mail.uid: mail.size or 0 for mail in await client.sizes(asked)}
            sized = [(uid, sizes.get(uid, 0)) for uid in asked]
            for group in _groups(sized, self._settings.max_size):
                stored: list[int] = []
                for mail in await self._bodies(client, group):
                    if mail.body is not None and await self._hand_over(mail.body, sink):
                        stored.append(mail.uid)
                    place = place.after(mail.uid, at=self._world.clock.now())
                await self._keep(place)
                if self._settings.move_to and stored:
                    await self._move(client, stored)
        return place

    async def _hand_over(self, data: bytes, sink: Sink) -> bool:
        """Whether it is stored."""
        raw = self._placed(delivered_mail(data, self._settings, self._world.clock.now()))
        try:
            await sink.accept(raw)
        except ParseError as error:
            # It stays where it is; the others must not wait for it.
            self._world.log.warning("imap.mail_unreadable", folder=self.name, why=str(error))
            return False
        return True

    async def _bodies(self, client: ImapClient, group: Mapping[int, int]) -> list[Fetched]:
        """The mails of a group (UID → size) that still exist, ascending. One that the server cannot
        give holds up the others only a few times; then it is there without a body."""
        limit = self._settings.max_size
        try:
            if max(group.values()) > limit:
                self._world.log.warning("imap.mail_cut", folder=self.name, **_one(group))
                found = await client.bodies(group, _BEGINNING, first=_BEGINNING)
            else:
                # RFC822.SIZE is a promise that some servers keep only roughly.
                found = await client.bodies(group, max(limit, _GROUP_BYTES) + _BEGINNING)
            mails = {
                mail.uid: mail for mail in found if mail.uid in group and mail.body is not None
            }
            await _gone(client, [uid for uid in group if uid not in mails])
        except Refused as error:
            if len(group) > 1:
                single = [{uid: size} for uid, size in group.items()]
                return [mail for one in single for mail in await self._bodies(client, one)]
            return self._passed_over(next(iter(group)), error)
        return [mails[uid] for uid in sorted(mails)]

    def _passed_over(self, uid: int, error: Refused) -> list[Fetched]:
        """The mail without a body, at the last try; before it the error, so that all is tried anew."""
        self._refusals[uid] = self._refusals.get(uid, 0) + 1
        if self._refusals[uid] < _TRIES:
            raise error
        self._world.log.error("imap.mail_passed_over", folder=self.name, uid=uid, why=str(error))
        return [Fetched(uid)]

    async def _move(self, client: ImapClient, uids: Sequence[int]) -> None:
        try:
            await client.move(uids, self._settings.move_to)
        except Refused as error:
            self._world.log.warning("imap.not_moved", folder=self.name, why=str(error))


async def _gone(client: ImapClient, missing: Sequence[int]) -> None:
    """Raises Refused when a mail that did not come is there all the same."""
    if missing and await client.search("UID", ",".join(map(str, missing))):
        raise Refused("UID FETCH", "a mail comes without its content")


async def _next_uid(client: ImapClient) -> int:
    """For a server that does not say UIDNEXT."""
    return max(await client.search("ALL"), default=0) + 1


def _groups(mails: Iterable[tuple[int, int]], max_size: int) -> Iterator[dict[int, int]]:
    """(UID, size) in order, bounded in number and bytes; one that is too large stands alone."""
    group: dict[int, int] = {}
    for uid, size in mails:
        alone = size > max_size or max(group.values(), default=0) > max_size
        full = len(group) >= _GROUP or sum(group.values()) + size > _GROUP_BYTES
        if group and (alone or full):
            yield group
            group = {}
        group[uid] = size
    if group:
        yield group


def _one(group: Mapping[int, int]) -> dict[str, int]:
    uid, size = next(iter(group.items()))
    return {"uid": uid, "bytes": size}
