"""The life of an inquiry: the table is the law, and every law in it makes sense."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import NotAllowed
from gateway.domain.model import DeliveryState, InquiryState
from gateway.domain.states import OPEN, TRANSITIONS, WITH_PEOPLE, move, verbs

VERBS = sorted({verb for _, verb in TRANSITIONS})
states = st.sampled_from(list(InquiryState))


@given(state=states, verb=st.sampled_from([*VERBS, "nonsense", ""]))
def test_a_move_is_in_the_table_or_refused_with_what_is_allowed(
    state: InquiryState, verb: str
) -> None:
    if (state, verb) in TRANSITIONS:
        assert move(state, verb) is TRANSITIONS[state, verb]
        assert verb in verbs(state)
        return
    with pytest.raises(NotAllowed) as refused:
        move(state, verb)
    assert verb not in verbs(state)
    for allowed in verbs(state):
        assert allowed in str(refused.value)


@given(start=states, wanted=st.lists(st.sampled_from(VERBS), max_size=30))
def test_no_walk_leaves_the_table_and_closed_is_the_end(
    start: InquiryState, wanted: list[str]
) -> None:
    state = start
    for verb in wanted:
        if verb in verbs(state):
            assert state is not InquiryState.CLOSED
            state = move(state, verb)
    assert isinstance(state, InquiryState)


def reachable(start: InquiryState) -> set[InquiryState]:
    found, edge = {start}, [start]
    while edge:
        state = edge.pop()
        fresh = {move(state, verb) for verb in verbs(state)} - found
        found |= fresh
        edge += fresh
    return found


def test_every_state_can_be_reached_from_new_or_is_entered_by_a_named_verb() -> None:
    assert reachable(InquiryState.NEW) == set(InquiryState)


def test_from_every_open_state_a_person_can_be_reached_and_an_end() -> None:
    for state in set(InquiryState) - {InquiryState.CLOSED}:
        assert InquiryState.QUEUED in reachable(state)
        assert InquiryState.CLOSED in reachable(state)
    assert verbs(InquiryState.CLOSED) == []


def test_work_of_people_can_always_be_given_back_to_the_queue() -> None:
    for state in WITH_PEOPLE:
        assert move(state, "queue") is InquiryState.QUEUED


def test_automation_can_neither_answer_nor_ask_where_people_work() -> None:
    for state in WITH_PEOPLE:
        assert not {"answer", "ask"} & set(verbs(state))


def test_open_and_with_people_are_what_they_say() -> None:
    assert set(InquiryState) - {InquiryState.RESOLVED, InquiryState.CLOSED} == OPEN
    assert WITH_PEOPLE < OPEN
    assert InquiryState.ANSWERED not in WITH_PEOPLE


@given(states=st.permutations(list(DeliveryState)))
def test_the_ranks_of_delivery_are_a_strict_order(states: list[DeliveryState]) -> None:
    ranked = sorted(states, key=lambda state: state.rank)
    assert [state.rank for state in ranked] == [*range(len(DeliveryState))]
    assert ranked[0] is DeliveryState.QUEUED
    assert ranked[-1] is DeliveryState.BOUNCED, "a bounce may follow a 'delivered'"
