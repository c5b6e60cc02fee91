"""From public comments on a page's posts, or on an Instagram account's media, to the gateway's events.

Fields: developers.facebook.com/docs/graph-api/webhooks/reference/page#feed and
developers.facebook.com/docs/graph-api/webhooks/reference/instagram#comments.
"""

from collections.abc import Mapping
from typing import Any

from channels._json_fields import inner, name, text, whole
from channels._meta_webhook import seconds
from gateway.domain.channel import Edited, Inbound, Unsent
from gateway.domain.model import JSON, Attachment, ThreadRefs, Visibility

#: One private reply to a comment, this long after it was written
#: (…/business-messaging/messenger-platform/discovery/private-replies; …/instagram-platform/private-replies).
PRIVATE_REPLY_SECONDS = 7 * 24 * 3600.0


def read_feed(
    value: Mapping[str, Any], page: str, told: float, at: str
) -> Inbound | Edited | Unsent | None:
    """A comment by somebody else on one of the page's posts, new, changed or taken back; None for every other
    change of its feed: posts, likes, shares, the page's own comments, and comments whose writer is not told.
    Raises `ParseError`.

    Args:
        value: of a change of the field `feed`.
        page: the page's id.
        told: when Meta says so, seconds since 1970.
        at: where it stands in the body, for errors.
    """
    writer, verb = inner(value, "from", at), value.get("verb")
    sender = text(writer, "id", f"{at}from.")
    if value.get("item") != "comment" or not sender or sender == page:
        return None
    if verb == "edited":
        number, words = name(value, "comment_id", at), text(value, "message", at)
        return Edited(number, sender, words, revision=int(told * 1000), at=told)
    if verb == "remove":
        return Unsent(name(value, "comment_id", at), sender, told)
    return _added(value, writer, page, at) if verb == "add" else None


def _added(
    value: Mapping[str, Any], writer: Mapping[str, Any], page: str, at: str
) -> Inbound | None:
    post = text(value, "post_id", at)
    parent = text(value, "parent_id", at)
    photo = text(value, "photo", at)
    return _comment(
        writer,
        ours=page,
        number=name(value, "comment_id", at),
        words=text(value, "message", at),
        called=text(writer, "name", f"{at}from."),
        when=seconds(whole(value, "created_time", at)),
        parent="" if parent == post else parent,
        files=(Attachment("photo.jpg", "image/jpeg", size=0, url=photo),) if photo else (),
        facts={"post": post} if post else {},
        at=at,
    )


def read_comment(value: Mapping[str, Any], account: str, when: float, at: str) -> Inbound | None:
    """A comment by somebody else on one of the account's media; None for the account's own. Raises
    `ParseError`.

    Args:
        value: of a change of the field `comments`.
        account: the professional account's id.
        when: of the entry, seconds since 1970: the comment has no time of its own.
        at: where it stands in the body, for errors.
    """
    writer = inner(value, "from", at)
    media = text(inner(value, "media", at), "id", f"{at}media.")
    return _comment(
        writer,
        ours=account,
        number=name(value, "id", at),
        words=text(value, "text", at),
        called=text(writer, "username", f"{at}from."),
        when=when,
        parent=text(value, "parent_id", at),
        facts={"media": media} if media else {},
        at=at,
    )


def _comment(
    writer: Mapping[str, Any],
    *,
    ours: str,
    number: str,
    words: str,
    called: str,
    when: float,
    parent: str,
    facts: dict[str, JSON],
    at: str,
    files: tuple[Attachment, ...] = (),
) -> Inbound | None:
    sender = text(writer, "id", f"{at}from.")
    if not sender or sender == ours:
        return None
    return Inbound(
        external_id=number,
        sender=sender,
        text=words or ("" if files else "[comment]"),
        name=called,
        at=when,
        attachments=files,
        # Where the comment answers one of ours.
        thread=ThreadRefs(message_ids=(parent,) if parent else ()),
        visibility=Visibility.PUBLIC,
        reply_to={
            "comment": number,
            "until": when + PRIVATE_REPLY_SECONDS,
            # The one under which answers stand.
            "thread": parent or number,
        },
        facts=facts,
    )
