"""Reading the pages of WeCom's `kf/sync_msg` (developer.work.weixin.qq.com/document/path/94670)."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from channels._signing import LiveSecrets
from channels._wechat_api import Api
from channels._wecom_messages import Entered, account_of, read_item
from channels._wecom_place import Place
from gateway.domain.channel import ChannelEvent, Inbound
from gateway.domain.errors import DeliveryError, ParseError

#: Items of one page; WeCom gives up to 1000, and half of them are sure to fit into one answer.
_PAGE = 500
#: The callback's token is too old, or another account's (…/document/path/90313).
_BAD_HINT = "95007"


@dataclass(frozen=True, slots=True)
class Page:
    """One answer."""

    items: list[Any]
    next_cursor: str
    more: bool


async def read_page(api: Api, open_kfid: str, cursor: str, word: str) -> Page:
    """The page of a customer service account that begins at `cursor`.

    Args:
        api: of the app.
        open_kfid: the customer service account.
        cursor: '' for the oldest that WeCom still has, of three days.
        word: the callback's token; without it WeCom lets the app ask seldom.

    Raises DeliveryError, ParseError.
    """
    wanted = {"cursor": cursor, "limit": _PAGE, "voice_format": 0, "open_kfid": open_kfid}
    try:
        answer = await api.ask(
            "POST", "/cgi-bin/kf/sync_msg", {**wanted, "token": word} if word else wanted
        )
    except DeliveryError as error:
        if not word or error.provider_code != _BAD_HINT:
            raise
        answer = await api.ask("POST", "/cgi-bin/kf/sync_msg", wanted)
    items, following = answer.get("msg_list", []), answer.get("next_cursor") or cursor
    if not isinstance(items, list) or not isinstance(following, str):
        raise ParseError("the page has no list of messages, or no cursor")
    # It decides, not the number of items: a page can be empty and not be the last.
    more = bool(answer.get("has_more"))
    if more and following == cursor:
        raise ParseError("there is more, and no new cursor to ask for it")
    return Page(items, following, more)


@dataclass(slots=True)
class Reading:
    """Turns the items of pages into events, and counts those that are none by the reason."""

    place: Place
    accounts: Collection[str]
    identity: LiveSecrets
    skipped: Counter[str] = field(default_factory=Counter)

    def events(self, items: list[Any]) -> list[ChannelEvent]:
        """The events of one page, in their order."""
        found: list[ChannelEvent] = []
        for item in items:
            if not isinstance(item, dict):
                self.skipped["unreadable"] += 1
            elif (account := account_of(item)) not in self.accounts:
                self.skipped["of_other_accounts"] += 1
            elif event := self._event(item, self.place.since.get(account, 0.0)):
                found.append(event)
        return found

    def _event(self, item: dict[str, Any], since: float) -> ChannelEvent | None:
        try:
            read = read_item(item)
        except ValueError:
            self.skipped["unreadable"] += 1
            return None
        match read:
            case Entered():
                self.place.enter(read, self.identity)
            case Inbound(at=float(at)) if at < since:
                self.skipped["from_before"] += 1
            case Inbound():
                return self.place.known(read)
            case None:
                self.skipped["no_news"] += 1
            case _:
                return read
        return None
