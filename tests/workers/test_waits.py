"""What one who waits is told: from what is known, and nothing where nothing is known."""

import pickle
from dataclasses import replace
from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.calendar import ALWAYS, Calendar, Hours
from gateway.domain.channel import Inbound
from gateway.domain.decision import OpenCase, Verb
from gateway.domain.model import InquiryState, Visibility
from gateway.domain.plan import Log, RequestCallback, Send
from gateway.domain.snapshot import AccountView, Snapshot
from gateway.domain.waiting import LaneView, LineView, Notice
from gateway.routing.overflow import Cause
from gateway.routing.placement import Target
from gateway.routing.rules import Filter, Rules
from gateway.routing.waiting import Limits, Rates
from gateway.routing.wishes import Reach
from gateway.workers.planner import Planner
from gateway.workers.waits import FRESH, Telling, Waits
from tests.workers.plans import S, inquiry, kinds, message, ops, saying, seen
from tests.workers.rig import ACCOUNTS, PLACES, SETTINGS, ScriptedAnswerer

#: A Wednesday at noon in Shanghai.
NOW = datetime(2026, 11, 25, 12, tzinfo=ZoneInfo("Asia/Shanghai")).timestamp()
OFFICE = Calendar("Asia/Shanghai")
LANE = "pay|1|"
STAFFED = LaneView(3, free=False, ordered=True)
PHONE = "+8613800138000"


def measured(every: float = 60.0, many: int = 60) -> Rates:
    """So many left, one after the other, with others waiting all the time."""
    rates = Rates()
    for number in range(many):
        at = NOW - (many - 1 - number) * every
        rates = rates.left(at - 300, at, ALWAYS)
    return rates


def line(waiting: int = 4, view: LaneView = STAFFED, **changes: Any) -> LineView:
    ranks = tuple(NOW - 10.0 * (waiting - n) for n in range(waiting))
    known: dict[str, Any] = {
        "oldest": ranks[0] if ranks else None, "ranks": ranks,
        "last": max(ranks, default=float("-inf")), "lanes": {LANE: view}, **changes,
    }  # fmt: skip
    return LineView(NOW, waiting, **known)


def waits(**changes: Any) -> Waits:
    known: dict[str, Any] = {
        "hours": {"demo": OFFICE}, "stated": frozenset({"demo"}), "timed": frozenset({"demo"}),
        "chats": frozenset({"demo"}), "reach": Reach(), **changes,
    }  # fmt: skip
    telling = known.pop("telling", Telling())
    return Waits({"pay": telling}, **known)


VOICE = AccountView("line", "voice", "demo", "phone", "voice")


def tell(known: LineView | None, told: Waits | None = None, **changes: Any) -> Notice:
    account = changes.pop("account", ACCOUNTS["app"])
    sender = changes.pop("sender", PHONE)
    snapshot = Snapshot(NOW, account, lines={"pay": known} if known else {})
    snapshot = replace(snapshot, **changes)
    return (told or waits()).joining(
        Inbound("x", sender, "hello"), snapshot, "demo", "pay", LANE, 0.0
    )


NIGHT = NOW + 8 * 3600
LOOSE = replace(STAFFED, ordered=False)


@pytest.mark.parametrize(
    ("known", "given_", "says"),
    [
        # (what is known of the line, what else is so, kind and place)
        (None, {}, ("none", 0)),
        (line(), {}, ("position", 5)),
        (line(0, replace(STAFFED, free=True)), {}, ("none", 0)),
        (line(0), {}, ("position", 1)),
        (line(view=replace(STAFFED, staff=0)), {}, ("busy", 5)),
        (line(view=LOOSE), {}, ("none", 0)),
        (line(25, LOOSE), {}, ("busy", 0)),
        (line(25), {}, ("busy", 26)),
        (line(25, LaneView()), {}, ("busy", 0)),  # no agents in the settings: nobody has a place
        (line(4, LaneView()), {}, ("none", 0)),
        (line(lanes={}), {}, ("none", 0)),
        (line(), {"beside": 1}, ("none", 0)),
        (line(25), {"beside": 1}, ("busy", 0)),
        (line(rates=measured().buckets), {}, ("wait", 5)),
        (line(rates=measured().buckets), {"beside": 2}, ("wait", 0)),
        (line(rates=measured(many=5).buckets), {}, ("position", 5)),
        (line(rates=measured().buckets, view=LOOSE), {}, ("none", 0)),
        (line(), {"now": NOW + FRESH + 1}, ("none", 0)),
        (line(), {"now": NIGHT}, ("closed", 0)),
        (None, {"now": NIGHT}, ("closed", 0)),
    ],
)  # fmt: skip
def test_what_is_told_follows_from_what_is_known(
    known: LineView | None, given_: dict[str, Any], says: tuple[str, int]
) -> None:
    told = tell(known, **given_)
    assert (told.kind, told.position) == says
    assert (told.opens_at is not None) is (told.kind == "closed")
    assert (told.form is not None) is (told.kind == "wait")


def test_when_others_are_decided_on_at_the_moment_the_time_allows_for_them() -> None:
    alone = tell(line(rates=measured().buckets))
    beside = tell(line(rates=measured().buckets), beside=8)
    assert alone.high is not None
    assert beside.high is not None
    assert beside.low == alone.low
    assert beside.high > alone.high


def test_closed_says_when_it_opens_where_somebody_has_said_so() -> None:
    assert tell(None, now=NIGHT).opens_at == NOW + 21 * 3600
    assert tell(line(), waits(stated=frozenset()), now=NIGHT).kind == "none"
    early = Calendar("Asia/Shanghai", hours=(Hours(time(8), time(12)),))
    own = waits(stated=frozenset(), telling=Telling(calendar=early))
    assert tell(line(), own).opens_at == NOW + 20 * 3600


def test_a_wait_past_closing_is_not_told_by_hours_that_nobody_has_set() -> None:
    late = NOW + 5.9 * 3600
    shifted = measured(300.0).buckets
    known = replace(line(), at=late, rates={number + 71: one for number, one in shifted.items()})
    with_hours = tell(known, now=late)
    assert with_hours.kind in ("wait", "busy")
    assert with_hours.opens_at == NOW + 21 * 3600
    without = tell(known, waits(stated=frozenset()), now=late)
    assert (without.kind, without.position, without.form) == ("position", 5, None)


def test_where_departures_are_counted_by_other_hours_no_time_is_told() -> None:
    known = line(rates=measured().buckets)
    assert tell(known, waits(timed=frozenset())).kind == "position"
    assert tell(known, waits(timed=frozenset(), telling=Telling(calendar=OFFICE))).kind == "wait"


def test_what_goes_elsewhere_by_itself_is_told_nothing_of_this_queue() -> None:
    spills = waits(telling=Telling(leaves=frozenset({Cause.CLOSED, Cause.STAFF})))
    assert tell(line(), spills, now=NIGHT).kind == "none"
    assert tell(line(view=replace(STAFFED, staff=0)), spills).kind == "none"
    assert tell(line(), spills).kind == "position"


def test_a_queue_may_be_silent_or_have_limits_of_its_own() -> None:
    assert tell(line(), Waits({}, {"demo": OFFICE}, frozenset({"demo"}))).kind == "none"
    few = waits(telling=Telling(Limits(busy_waiting=4)))
    assert tell(line(), few).kind == "busy"


@pytest.mark.parametrize(
    ("account", "sender", "offers", "given_"),
    [
        (VOICE, PHONE, ("callback", "chat"), {}),
        (VOICE, "anonymous", ("chat",), {}),
        (VOICE, "+12025550123", ("chat",), {}),  # a country that is not called
        (ACCOUNTS["sms"], PHONE, ("callback",), {}),
        (ACCOUNTS["sms"], "10690000", (), {}),
        (ACCOUNTS["app"], PHONE, (), {}),
        (ACCOUNTS["box"], "li@example.com", (), {}),
        (VOICE, PHONE, ("callback",), {"now": NIGHT}),  # nobody would chat either
    ],
)
def test_something_else_is_offered_where_it_can_be_taken(
    account: AccountView, sender: str, offers: tuple[str, ...], given_: dict[str, Any]
) -> None:
    assert tell(line(), account=account, sender=sender, **given_).offers == offers
    only = waits(telling=Telling(offers=()))
    assert tell(line(), only, account=account, sender=sender, **given_).offers == ()


def test_a_chat_is_offered_only_by_a_brand_that_has_one() -> None:
    assert tell(line(), waits(chats=frozenset()), account=VOICE).offers == ("callback",)


def test_who_waits_already_has_the_place_of_their_rank() -> None:
    snapshot = Snapshot(NOW, ACCOUNTS["sms"], lines={"pay": line()}, beside=3)
    case = OpenCase("n", InquiryState.QUEUED, "pay", LANE, NOW - 30.0)
    event = Inbound("x", PHONE, "?")
    told = waits().standing(event, snapshot, "demo", case)
    # Who comes now comes behind: nothing of it is in doubt.
    assert (told.kind, told.position, told.offers) == ("position", 2, ("callback",))
    called = replace(case, called=True)
    assert waits().standing(event, snapshot, "demo", called).offers == ()


# ---------------------------------------------------------------- never a number without data


@given(
    st.builds(
        line,
        st.integers(0, 40),
        st.builds(
            LaneView,
            st.sampled_from([None, 0, 2]),
            st.booleans(),
            st.booleans(),
        ),
        rates=st.sampled_from([{}, measured(many=9).buckets, measured().buckets]),
    ),
    st.integers(0, 3),
    st.sampled_from([NOW, NOW + FRESH + 1, NIGHT]),
    st.booleans(),
)
def test_never_a_number_without_data(
    known: LineView, beside: int, now: float, stated: bool
) -> None:
    hours = waits() if stated else waits(stated=frozenset())
    told = tell(known, hours, beside=beside, now=now)
    view = known.lanes[LANE]
    if told.form is not None:
        assert (now, view.ordered) == (NOW, True)
        assert sum(count for count, _ in known.rates.values()) >= 10
        assert view.staff != 0
    if told.position and told.kind != "none":
        assert view.ordered
        assert (beside, now) == (0, NOW)
        assert told.position == known.waiting + 1
    if told.opens_at is not None:
        assert stated
    if told.kind == "position":
        assert told.position


# ---------------------------------------------------------------- in a plan

HANDED = saying(Verb.ROUTE, "A person takes over.", topic="topup", queue="payments")


def planner(answerer: ScriptedAnswerer, **changes: Any) -> Planner:
    known = {
        "hours": {"demo": ALWAYS}, "timed": frozenset({"demo"}), **changes,
    }  # fmt: skip
    told = Waits({"payments": Telling(), "general": Telling()}, **known)
    return Planner(answerer, replace(SETTINGS, waits=told))  # type: ignore[arg-type]


def standing(queue: str = "payments", waiting: int = 4, at: float = 0.0) -> dict[str, LineView]:
    lane = f"{queue}|1|"
    ranks = tuple(1.0 * n for n in range(waiting))
    view = LineView(at, waiting, 1.0, ranks, ranks[-1], {lane: STAFFED}, {})
    return {queue: view}


def planned(event: Inbound, snapshot: Snapshot, answerer: ScriptedAnswerer, **changes: Any) -> Any:
    return planner(answerer, **changes).plan("ev1", snapshot.now, event, snapshot)


def texts(plan: Any) -> list[str]:
    return [str(op.payload["text"]) for op in ops(plan, Send)]


def told_events(plan: Any) -> list[dict[str, Any]]:
    return [dict(op.event.data) for op in ops(plan, Log) if op.event.kind == "waiting.told"]


def waiting_snapshot(*args: Any, **changes: Any) -> Snapshot:
    snapshot = seen(*args, **changes)
    return replace(snapshot, lines=standing(at=snapshot.now))


def test_it_is_said_with_the_acknowledgement_and_stands_in_the_log() -> None:
    plan = planned(message(), waiting_snapshot(), HANDED)
    assert texts(plan) == ["A person takes over. [position 5]"]
    (event,) = told_events(plan)
    assert (event["what"], event["position"], event["form"]) == ("position", 5, None)


def test_a_replay_from_the_same_snapshot_says_the_same() -> None:
    snapshot = waiting_snapshot()
    first = planned(message(), snapshot, HANDED)
    again = planned(message(), pickle.loads(pickle.dumps(snapshot)), HANDED)
    assert again.ops == first.ops
    without = planned(message(), replace(snapshot, lines={}), HANDED)
    assert texts(without) == ["A person takes over."]


@pytest.mark.parametrize(
    ("event", "answerer", "changes"),
    [
        (message(), saying(Verb.ANSWER, evidence={"certificate": "c"}), {}),
        (message(), saying(Verb.ASK, "Which?"), {}),
        (message(), saying(Verb.ROUTE, "Thank you.", queue="payments", reason="handed over"), {}),
        (message(), saying(Verb.ROUTE, "Noted.", queue="payments", evidence={"rule": "callback"}), {}),
        (message(), saying(Verb.ESCALATE, "Help.", queue="payments", evidence={"rule": "danger"}), {}),
        (message(visibility=Visibility.PUBLIC), HANDED, {}),
        (message(), HANDED, {"automatic_today": 3}),
        (message(facts={"automatic": True, "mail_class": "auto_reply"}), HANDED, {}),
    ],
)  # fmt: skip
def test_who_waits_for_nothing_or_hears_nothing_is_told_nothing(
    event: Inbound, answerer: ScriptedAnswerer, changes: dict[str, Any]
) -> None:
    plan = planned(event, waiting_snapshot(**changes), answerer)
    assert not any("[" in text for text in texts(plan))
    assert told_events(plan) == []


def test_where_the_first_step_may_be_skipped_nobody_knows_the_queue_yet() -> None:
    skips = Target("payments", skip_if="queue.online == 0")
    rules = Rules((Filter("all", "true", (skips, Target("general"))),))
    made = Planner(
        HANDED,  # type: ignore[arg-type]
        replace(
            SETTINGS,
            places=replace(PLACES, rules=rules),
            waits=Waits({"payments": Telling()}, {"demo": ALWAYS}),
        ),
    )
    snapshot = waiting_snapshot()
    assert texts(made.plan("ev1", snapshot.now, message(), snapshot)) == ["A person takes over."]


STATUS = saying(Verb.ANSWER, "It waits.", topic="case_status", evidence={"rule": "status"})
OWN = OpenCase("260101-000001", S.QUEUED, "payments", "payments|1|", 1.0)


def test_who_asks_how_long_still_hears_the_place() -> None:
    view = inquiry(S.QUEUED)
    plan = planned(message("any news?"), waiting_snapshot(view, cases=(OWN,)), STATUS)
    assert texts(plan) == ["It waits. [position 2]"]
    assert told_events(plan)[0]["position"] == 2


def test_who_asks_in_a_new_message_hears_it_as_well() -> None:
    plan = planned(message(), waiting_snapshot(inquiry(S.RESOLVED), cases=(OWN,)), STATUS)
    assert texts(plan) == ["It waits. [position 2]"]


def test_of_several_matters_that_wait_none_is_given_a_place() -> None:
    other = replace(OWN, number="260101-000002", rank=2.0)
    snapshot = waiting_snapshot(inquiry(S.QUEUED), cases=(OWN, other))
    assert texts(planned(message("any news?"), snapshot, STATUS)) == ["It waits."]
    answered = replace(other, state=S.WAITING_CUSTOMER)
    snapshot = waiting_snapshot(inquiry(S.QUEUED), cases=(OWN, answered))
    assert texts(planned(message("any news?"), snapshot, STATUS)) == ["It waits. [position 2]"]


# ---------------------------------------------------------------- a call instead

WISH = saying(Verb.ROUTE, "Noted, we call you.", evidence={"rule": "callback"})


def wish(text: str = "call me", sender: str = PHONE, **changes: Any) -> Inbound:
    return Inbound("ext-1", sender, text, **changes)


@pytest.mark.parametrize("state", [S.QUEUED, S.OFFERED])
def test_who_waits_on_a_telephone_and_would_rather_be_called_is(state: S) -> None:
    plan = planned(wish(), waiting_snapshot(inquiry(state), account="sms"), WISH)
    (asked,) = ops(plan, RequestCallback)
    assert (asked.number, asked.inquiry_id) == (PHONE, "q1")
    assert texts(plan) == ["Noted, we call you."]
    assert "inquiry.queued" not in kinds(plan), "it stays where it waits"


@pytest.mark.parametrize(
    ("event", "state", "account", "answerer"),
    [
        (wish(), S.ASSIGNED, "sms", WISH),
        (wish(), S.QUEUED, "app", WISH),
        (wish(sender="+12025550123"), S.QUEUED, "sms", WISH),
        (wish("call the bank"), S.QUEUED, "sms", WISH),
        (wish(), S.QUEUED, "sms", saying(Verb.ESCALATE, "Freeze it.", evidence={"rule": "safety"})),
    ],
)
def test_otherwise_an_agent_reads_it(
    event: Inbound, state: S, account: str, answerer: ScriptedAnswerer
) -> None:
    plan = planned(event, waiting_snapshot(inquiry(state), account=account), answerer)
    assert ops(plan, RequestCallback) == []
    assert texts(plan) == []


def test_the_wish_counts_also_where_no_text_may_go_out_any_more() -> None:
    snapshot = waiting_snapshot(inquiry(S.QUEUED), account="sms", automatic_today=3)
    plan = planned(wish(), snapshot, WISH)
    assert len(ops(plan, RequestCallback)) == 1
    assert texts(plan) == []
