"""What came of a matter is said by a list, where the settings have one."""

from typing import Any

import pytest

from gateway.desk.dispositions import Disposition, Dispositions
from gateway.desk.trail import trail
from gateway.domain.errors import NotAllowed
from tests.store.engines import sealed, value
from tests.store.rows import arrival, moved, put
from tests.workers.rig import Rig

NUMBER = "260101-000001"
REFUNDED = Disposition("refunded", {"en": "Refunded", "zh-CN": "已退款"})
ADVISED = Disposition("advised")
BLOCKED = Disposition("card_blocked", {"en": "Card blocked"}, ("cards",))
OTHER = Disposition("other", {"en": "Something else", "zh-CN": "其他"}, comment=True)
LIST = Dispositions((REFUNDED, ADVISED, BLOCKED, OTHER))


async def resolved(rig: Rig, known: Dispositions, *words: str) -> dict[str, Any]:
    """The event's data."""
    await put(rig.store, arrival(), moved())
    await rig.desk(dispositions=known).resolve(NUMBER, "ann", *words)
    (data,) = await rig.events("inquiry.resolved")
    return data


@pytest.mark.parametrize("word", ["refunded", " Refunded", "已退款", "REFUNDED"])
async def test_one_of_the_list_is_named_by_its_id_or_a_label(rig: Rig, word: str) -> None:
    assert await resolved(rig, LIST, word) == {
        "agent": "ann", "queue": "general", "topic": "", "disposition": "refunded",
        "labels": {"en": "Refunded", "zh-CN": "已退款"},
    }  # fmt: skip


async def test_one_that_is_not_in_the_list_is_refused_with_the_nearest(rig: Rig) -> None:
    with pytest.raises(NotAllowed) as refused:
        await resolved(rig, LIST, "refundet")
    assert str(refused.value) == (
        "there is no disposition 'refundet' (did you mean 'refunded'?); there are "
        "refunded (Refunded / 已退款), advised, other (Something else / 其他)"
    )
    assert await value(rig.store, "SELECT state FROM inquiries") == "queued"


def test_each_queue_has_its_own_and_those_of_all() -> None:
    assert LIST.said("cards", "card blocked")["disposition"] == "card_blocked"
    with pytest.raises(NotAllowed, match="no disposition 'card_blocked'; there are refunded"):
        LIST.said("pay", "card_blocked")


async def test_some_need_a_comment_which_is_redacted(rig: Rig) -> None:
    with pytest.raises(NotAllowed, match="'other' needs a comment"):
        LIST.said("general", "其他", "  ")
    said = await resolved(rig, LIST, "other", "sent card 6222021234567890128 back")
    assert said["comment"] == "sent card [card ****0128] back"
    told = {}
    await sealed(rig.store)
    for language in ("en", "zh-CN"):
        _, entries = await rig.store.read(lambda reader, to=language: trail(reader, NUMBER, to))
        told[language] = entries[-1].text
    assert told == {
        "en": "is resolved: Something else (sent card [card ****0128] back)",
        "zh-CN": "已办结：其他 (sent card [card ****0128] back)",
    }


@pytest.mark.parametrize("known", [Dispositions(), Dispositions((BLOCKED,), required=True)])
async def test_where_a_queue_has_no_list_any_text_is_kept(rig: Rig, known: Dispositions) -> None:
    said = await resolved(rig, known, "called back, all fine")
    assert said["disposition"] == "called back, all fine"
    assert "labels" not in said
    assert known.said("general", "")["disposition"] == ""


def test_nothing_said_is_refused_where_something_is_required() -> None:
    assert LIST.said("general", "") == {"disposition": ""}
    with pytest.raises(NotAllowed, match="say what came of it: refunded"):
        Dispositions(LIST.known, required=True).said("general", " ")
