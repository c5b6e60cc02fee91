"""Messages, postbacks, receipts and comments, field by field."""

import pytest

from channels.instagram import Instagram
from channels.messenger import Messenger
from gateway.domain.channel import Edited, Fetcher, Receipt, Unsent
from gateway.domain.errors import DeliveryError, Failure, ParseError
from gateway.domain.model import Attachment, DeliveryState, Visibility
from gateway.testing.provider import Answer, FakeProvider
from tests.channels.meta.accounts import ACCOUNT, IGSID, PAGE, PSID, account, call

WHEN = 1767225598


def event(**content):
    known = {"sender": {"id": PSID}, "recipient": {"id": PAGE}, "timestamp": WHEN * 1000}
    return known | content


def read(*events):
    return account(Messenger).parse(call("page", {"id": PAGE, "messaging": list(events)})).events


def feed(when=WHEN, **value):
    known = {
        "item": "comment", "verb": "add", "comment_id": "p_1", "post_id": "p", "parent_id": "p",
        "message": "hi", "from": {"id": PSID, "name": "W"}, "created_time": WHEN,
    }  # fmt: skip
    changes = [{"field": "feed", "value": known | value}]
    return (
        account(Messenger)
        .parse(call("page", {"id": PAGE, "time": when, "changes": changes}))
        .events
    )


def test_all_events_of_all_entries_are_taken_in_order():
    entries = [
        {
            "id": PAGE,
            "messaging": [event(message={"mid": f"m{n}{k}", "text": "x"}) for k in range(3)],
        }
        for n in range(3)
    ]
    found = account(Messenger).parse(call("page", *entries)).events
    assert [one.external_id for one in found] == [f"m{n}{k}" for n in range(3) for k in range(3)]


def test_an_echo_is_nobodys_message():
    assert read(event(message={"mid": "m", "text": "x", "is_echo": True})) == ()
    assert read(event(sender={"id": PAGE}, message={"mid": "m", "text": "x"})) == ()


def test_a_deleted_message_is_taken_back_and_no_new_one():
    (found,) = read(event(message={"mid": "m", "is_deleted": True}))
    assert found == Unsent("m", PSID, float(WHEN))


def test_each_edit_of_a_message_has_a_number_of_its_own():
    edits = [event(message_edit={"mid": "m", "text": f"t{n}", "num_edit": n}) for n in (1, 2)]
    found = read(*edits)
    assert [(one.external_id, one.text, one.revision) for one in found] == [
        ("m", "t1", 1),
        ("m", "t2", 2),
    ]
    assert all(isinstance(one, Edited) for one in found)


@pytest.mark.parametrize(
    "edit",
    [
        {"mid": "m", "num_edit": 0},
        {"mid": "m", "num_edit": 0, "text": "new"},
        {"mid": "m", "num_edit": None, "text": "new"},
        {"mid": "m", "num_edit": True, "text": "new"},
        {"mid": "m", "num_edit": 1, "text": ""},
    ],
)
def test_an_edit_that_changes_nothing_is_none(edit):
    assert read(event(message_edit=edit)) == ()
    assert read({"timestamp": WHEN * 1000, "message_edit": edit}) == ()
    assert read(event(sender={"id": PAGE}, message_edit=edit | {"num_edit": 1, "text": "x"})) == ()


@pytest.mark.parametrize("payload", [None, "text", [], {"url": 7}, {"template_type": "generic"}])
def test_an_attachment_of_any_shape_is_no_error(payload):
    (found,) = read(
        event(message={"mid": "m", "attachments": [{"type": "template", "payload": payload}]})
    )
    assert (found.text, found.attachments) == ("[template]", ())


def test_a_link_that_is_shown_with_a_picture_is_kept():
    link = {"type": "fallback", "payload": None, "title": "Pay", "url": "https://pay.example/a"}
    (found,) = read(event(message={"mid": "m", "attachments": [link]}))
    assert found.text == "https://pay.example/a"


def test_what_was_delivered_is_told_for_each_message_that_is_named():
    found = read(
        event(delivery={"mids": ["m_1", "m_2", ""], "watermark": WHEN * 1000}),
        event(delivery={"watermark": WHEN * 1000}),
        event(read={"watermark": WHEN * 1000}),
    )
    assert found == tuple(
        Receipt(mid, DeliveryState.DELIVERED, at=float(WHEN), recipient=PSID)
        for mid in ("m_1", "m_2")
    )


def test_mids_that_are_none_are_a_parse_error():
    with pytest.raises(ParseError, match=r"delivery\.mids"):
        read(event(delivery={"mids": [1], "watermark": 1}))


def test_a_comment_is_public_and_says_how_long_it_may_be_answered_in_private():
    (found,) = feed()
    assert (found.external_id, found.sender, found.name) == ("p_1", PSID, "W")
    assert found.visibility is Visibility.PUBLIC
    assert found.reply_to == {"comment": "p_1", "until": WHEN + 7 * 86400.0, "thread": "p_1"}
    assert found.thread.message_ids == ()


def test_a_comment_below_ours_belongs_to_it():
    (found,) = feed(parent_id="p_9")
    assert found.thread.message_ids == ("p_9",)


@pytest.mark.parametrize(
    "value",
    [
        {"verb": "hide"},
        {"verb": "unhide"},
        {"verb": "remove", "from": {"id": PAGE, "name": "Pay"}},
        {"verb": "edited", "from": {"id": PAGE, "name": "Pay"}},
        {"verb": "remove", "from": None},
        {"item": "status"},
        {"item": "reaction", "comment_id": None},
        {"from": {"id": PAGE, "name": "Pay"}},
        {"from": None},
    ],
)
def test_other_changes_of_the_feed_are_no_comments(value):
    assert feed(**value) == ()


def test_a_comment_that_is_changed_or_taken_back_is_no_second_one():
    assert feed(verb="edited", message="new") == (
        Edited("p_1", PSID, "new", revision=WHEN * 1000, at=float(WHEN)),
    )
    assert feed(verb="remove", message=None) == (Unsent("p_1", PSID, float(WHEN)),)
    (later,) = feed(verb="edited", message="newer", when=WHEN * 1000 + 1)
    assert later.revision == WHEN * 1000 + 1


def test_of_instagram_a_live_comment_and_the_accounts_own_are_passed_over():
    def change(field, writer, number):
        value = {"id": number, "text": "x", "from": {"id": writer, "username": "w"}}
        return {"field": field, "value": value}

    changes = [
        change("live_comments", IGSID, "1"),
        change("comments", ACCOUNT, "2"),
        change("mentions", IGSID, "3"),
        change("comments", IGSID, "4"),
    ]
    entry = {"id": ACCOUNT, "time": WHEN, "changes": changes}
    found = account(Instagram).parse(call("instagram", entry)).events
    assert [one.external_id for one in found] == ["4"]
    assert found[0].at == WHEN


def test_standby_is_the_other_apps_conversation():
    entry = {"id": PAGE, "standby": [event(message={"mid": "m", "text": "x"})]}
    assert account(Messenger).parse(call("page", entry)).events == ()


# ---------------------------------------------------------------- files


@pytest.mark.parametrize("channel", [Messenger, Instagram])
async def test_a_file_is_fetched_from_meta_without_the_token(channel):
    async with FakeProvider(Answer(200, b"\xff\xd8")) as provider:
        ours = account(channel, provider.url)
        assert isinstance(ours, Fetcher)
        file = Attachment("a.jpg", "image/jpeg", size=0, url=f"{provider.url}/v/a.jpg?oh=1")
        assert await ours.fetch(file) == b"\xff\xd8"
    (fetched,) = provider.calls
    assert (fetched.path, fetched.query) == ("/v/a.jpg", (("oh", "1"),))
    assert "authorization" not in fetched.headers


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (Answer(403), Failure.REJECTED),
        (Answer(404), Failure.REJECTED),
        (Answer(410), Failure.REJECTED),
        (Answer(500), Failure.RETRY),
        (Answer(429), Failure.THROTTLED),
        (Answer(disconnect="before"), Failure.RETRY),
    ],
)
async def test_a_link_that_is_dead_is_not_asked_again(answer, failure):
    async with FakeProvider(answer) as provider:
        file = Attachment("a.jpg", "image/jpeg", size=0, url=f"{provider.url}/v/a.jpg")
        with pytest.raises(DeliveryError) as failed:
            await account(Messenger, provider.url).fetch(file)
    assert failed.value.failure is failure


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/a.jpg",
        "https://fbcdn.net.evil.example/a.jpg",
        "https://evilfbcdn.net/a.jpg",
        "http://scontent.xx.fbcdn.net/a.jpg",
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
        "",
    ],
)
async def test_nothing_is_fetched_from_anybody_else(url):
    # The test's client would raise an AssertionError for any address but this machine's.
    with pytest.raises(DeliveryError) as failed:
        await account(Instagram).fetch(Attachment("a", "image/jpeg", size=0, url=url))
    assert failed.value.failure is Failure.REJECTED
