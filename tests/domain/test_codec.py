"""What is stored in place of an event is the event: nothing is lost, nothing is added."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.announcement import AnnouncementOver
from gateway.domain.channel import ChannelEvent, Edited, Inbound, Receipt, Unsent
from gateway.domain.codec import decode, decode_attachment, encode, encode_attachment, kind_of
from gateway.domain.elapsed import Elapsed, StoredEvent
from gateway.domain.model import Attachment, DeliveryState, ThreadRefs, Visibility

texts = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=12)
times = st.none() | st.floats(min_value=0, max_value=1e11)
jsons = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
attachments = st.builds(
    Attachment,
    name=texts,
    content_type=texts,
    size=st.integers(0),
    blob=texts,
    url=texts,
    inline=st.booleans(),
)
inbound = st.builds(
    Inbound,
    external_id=texts,
    sender=texts,
    text=texts,
    subject=texts,
    name=texts,
    at=times,
    attachments=st.lists(attachments, max_size=2).map(tuple),
    thread=st.builds(ThreadRefs, token=texts, message_ids=st.lists(texts, max_size=3).map(tuple)),
    visibility=st.sampled_from(Visibility),
    verified=st.booleans(),
    reply_to=st.dictionaries(texts, jsons, max_size=3),
    facts=st.dictionaries(texts, jsons, max_size=3),
)
receipts = st.builds(
    Receipt,
    external_id=texts,
    status=st.sampled_from(DeliveryState),
    at=times,
    code=texts,
    detail=texts,
    recipient=texts,
)


@given(event=inbound | receipts)
def test_an_event_comes_back_from_json_as_it_was(event: ChannelEvent) -> None:
    stored = json.dumps(encode(event), ensure_ascii=False)
    again = decode(kind_of(event), json.loads(stored))
    assert again == event
    assert not isinstance(again, AnnouncementOver)
    assert again.lane == event.lane
    assert json.dumps(encode(again), ensure_ascii=False) == stored


@pytest.mark.parametrize(
    "event", [AnnouncementOver("a1", "q1"), Elapsed("promise", "q1", "v1")], ids=["over", "elapsed"]
)
def test_the_gateways_own_events_come_back_as_well(event: StoredEvent) -> None:
    assert decode(kind_of(event), json.loads(json.dumps(encode(event)))) == event


@given(item=attachments, data=st.binary(min_size=4, max_size=8))
def test_an_attachment_comes_back_without_its_bytes(item: Attachment, data: bytes) -> None:
    encoded = encode_attachment(replace(item, data=data))
    json.dumps(encoded)
    assert decode_attachment(encoded) == item


def test_the_lane_of_a_receipt_holds_up_no_customer() -> None:
    assert Receipt("user-1", DeliveryState.SENT).lane != Inbound("x", "user-1", "hello").lane


def test_what_a_timer_brings_up_is_no_event_of_a_channel() -> None:
    body = {"kind": "promise", "inquiry_id": "q1", "conversation_id": "v1"}
    assert decode("timer", body) == Elapsed("promise", "q1", "v1")


def test_another_releases_kind_of_event_is_not_taken_for_a_message() -> None:
    with pytest.raises(ValueError, match="no kind of event: 'reaction'"):
        decode("reaction", encode(Inbound("x", "user-1", "hello")))


@pytest.mark.parametrize(
    "event", [Edited("m1", "u1", "new words", 7, 12.5), Unsent("m1", "u1", 3.0), Unsent("m1", "u1")]
)
def test_changes_come_back_as_they_were(event: Edited | Unsent) -> None:
    assert decode(kind_of(event), json.loads(json.dumps(encode(event)))) == event
