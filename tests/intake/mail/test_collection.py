"""Every mail of the collection gives its text, visible reply, files and class."""

from collections import Counter

import pytest

from gateway.domain.channel import RawMail
from gateway.intake.mail import read_mail
from tests.intake.mail.collected import Collected, collection
from tests.intake.mail.letters import MARK, OWN

COLLECTION = collection()


@pytest.mark.parametrize("mail", COLLECTION, ids=lambda mail: mail.name)
def test_a_mail_of_the_collection_is_read_as_written_beside_it(mail: Collected) -> None:
    raw = RawMail(mail.raw, mail.envelope, ("support@pay.example",), 0.0)
    read = read_mail(raw, own_addresses=OWN, loop_marks=frozenset({MARK}))
    assert read.text == mail.text
    assert read.visible == mail.visible
    files = tuple(f"{f.name} | {f.content_type} | {f.size}" for f in read.attachments)
    assert files == mail.files
    assert all(f.data is not None and len(f.data) == f.size for f in read.attachments)
    assert read.mail_class == mail.kind
    if mail.reason:
        assert read.class_reason == mail.reason
    if mail.kind == "person":
        assert not read.class_reason
    report = read.bounce or read.receipt
    found = {
        "subject": read.subject,
        "sender": read.sender,
        "sender_name": read.name,
        "recipients": list(report.recipients) if report else None,
        "status": report.status if report else None,
        "permanent": report.permanent if report else None,
        "about": report.message_id if report else None,
        "action": report.action if report else None,
    }
    assert {key: found[key] for key in mail.other} == mail.other


def test_the_collection_is_large_and_no_name_stands_twice() -> None:
    assert len(COLLECTION) >= 60
    assert max(Counter(mail.name for mail in COLLECTION).values()) == 1
