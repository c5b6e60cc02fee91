"""Whatever a caller presses, says or leaves unsaid, and whenever they hang up: nobody is lost."""

from hypothesis import given, settings
from hypothesis import strategies as st

from channels._voice_prompts import PROMPTS
from gateway.testing.phone import HangUp, Keys, Says, Silent
from tests.channels.voice.kit import CALLER, Bench, said

WORDS = [
    "top-up",
    "card",
    "中文",
    "English",
    "人工",
    "call me back",
    "leave a message",
    "yes",
    "?",
    "\0",
]
GONE = st.booleans()
ACTS = st.lists(
    st.one_of(
        st.builds(Keys, st.text("0123456789*#", min_size=1, max_size=12), GONE),
        st.builds(Says, st.sampled_from(WORDS), GONE, st.integers(1, 400)),
        st.just(Silent()),
        st.just(HangUp()),
    ),
    max_size=14,
)
#: What the gateway makes of a message, by chance: state, or nothing in time.
STATES = ["answered", "waiting_customer", "resolved", "queued", "assigned", "snoozed", ""]
#: The last state that may stand for somebody who is told that they are helped or waited for.
AT_EASE = {"answered", "resolved", "queued", "assigned", "snoozed"}


def standing(bench: Bench, outcomes: dict[str, str]) -> str:
    """Where the caller is when all is over."""
    events = list(bench.inbox.values())
    if any(event.attachments for event in events):
        return "message"
    if any("call me" in event.text or "回电" in event.text for event in events):
        return "callback"
    if any(event.facts.get("auto") for event in events):
        return "queue"
    # The first decision that was not overtaken.
    return outcomes.get(events[-1].external_id, "") if events else ""


@settings(max_examples=600, deadline=None)
@given(
    acts=ACTS,
    states=st.lists(st.sampled_from(STATES), min_size=1, max_size=8),
    language=st.sampled_from(["", "en", "zh-CN", "number"]),
    number=st.sampled_from([CALLER, CALLER, "+447400123456", "anonymous"]),
    broken=st.sets(st.sampled_from(["topic", "wait", "helped", "person", "late", "recorded"]), max_size=1),
    twice=st.booleans(),
)  # fmt: skip
async def test_nobody_is_lost(acts, states, language, number, broken, twice):
    outcomes: dict[str, str] = {}

    def decide(event):
        if event.external_id not in outcomes:
            silent = event.facts.get("auto")
            state = "queued" if silent else states[len(outcomes) % len(states)]
            outcomes[event.external_id] = state
        state = outcomes[event.external_id]
        return said(f"It is {state}.", state) if state and not event.facts.get("auto") else []

    bench = Bench(decide, {"language": language}, broken=broken, twice=twice)
    call = await bench.call(*acts, number=number)

    assert call.ended_by in ("caller", "hotline")
    assert {status for url, _, status in call.requests if not any(b in url for b in broken)} <= {
        200
    }
    assert all(event.text for event in bench.inbox.values())
    spoken = {text for prompts in PROMPTS.values() for text in prompts.values()}
    automatic = {PROMPTS["zh-CN"]["greeting"], PROMPTS["en"]["greeting"]}
    assert call.spoken[0] in automatic & spoken  # says first that it is automatic

    where = standing(bench, outcomes)
    withheld = number == "anonymous"
    if where in AT_EASE | {"message", "callback", "queue"}:
        return
    if where == "waiting_customer":
        # Asked back, and gone without an answer: the inquiry waits for them, on any channel.
        assert call.ended_by == "caller" or withheld
        return
    # No decision in time, or nothing was said: only who hung up meanwhile, or showed no number.
    said_something = bool(bench.inbox)
    assert said_something or withheld
    if said_something:
        assert call.ended_by == "caller" or withheld or broken
