"""A certificate that keeps its promise stays in force however often it is looked at; one that does not
is stopped soon."""

import math
import random
from bisect import bisect_left

import pytest

from gateway.answers.certify import lower_bound
from gateway.answers.live import Tally, evidence, exceeded, overlapping

ALPHA, DELTA = 0.05, 0.1
AUDIT, REPORTED = 0.1, 0.3


def stopped_after(rate: float, answers: int, chance: random.Random) -> Tally | None:
    """What is known when the certificate of a gateway with this true wrong rate ends; None when it
    stands after so many answers. A tenth is drawn and judged; of the other wrong ones three in ten
    are reported by somebody. It is looked at after every verdict 'wrong', as the desk does."""
    judged = judged_wrong = known = 0
    for sent in range(1, answers + 1):
        wrong, drawn = chance.random() < rate, chance.random() < AUDIT
        judged += drawn
        if wrong and (drawn or chance.random() < REPORTED):
            judged_wrong += drawn
            known += 1
            tally = Tally(sent, known, judged, judged_wrong)
            if exceeded(tally, ALPHA, DELTA):
                return tally
    return None


@pytest.mark.parametrize("rate", [ALPHA / 2, ALPHA])
def test_a_promise_that_is_kept_is_wrongly_ended_at_most_as_often_as_permitted(rate):
    chance = random.Random(20260101)
    gateways = 200
    ended = sum(stopped_after(rate, 4000, chance) is not None for _ in range(gateways))
    print(f"\ntrue rate {rate:.3f}: {ended} of {gateways} stopped within 4000 answers")
    assert ended <= DELTA * gateways


@pytest.mark.parametrize("times", [2, 3, 6])
def test_a_promise_that_is_broken_is_ended_soon(times):
    chance = random.Random(20260102)
    ends = [stopped_after(times * ALPHA, 20_000, chance) for _ in range(100)]
    assert None not in ends
    found = sorted((end.answers, end.judged) for end in ends if end)
    answers, judged = found[50]
    print(f"\ntrue rate {times} x alpha: median {answers} answers, {judged} of them judged")
    assert answers <= {2: 4000, 3: 1000, 6: 250}[times]


def test_one_bound_looked_at_again_and_again_would_break_its_word():
    """Why Clopper-Pearson is not asked after each verdict: it ends what is within the promise."""
    chance = random.Random(20260103)
    # For each number of wrong answers, up to how many judged ones the bound lies above alpha.
    enough = [
        bisect_left(range(30 * k), True, lo=k, key=lambda n, k=k: lower_bound(k, n, DELTA) <= ALPHA)
        for k in range(1, 15)
    ]

    def naive() -> bool:
        wrong = 0
        for judged in range(1, 300):
            if chance.random() < ALPHA:
                wrong += 1
                if wrong <= len(enough) and judged < enough[wrong - 1]:
                    return True
        return False

    assert sum(naive() for _ in range(200)) > 2 * DELTA * 200


def test_either_question_alone_ends_it_and_says_with_which_figures():
    assert exceeded(Tally(10_000, 9, 20, 9), ALPHA, DELTA) == (
        "9 of 20 answers drawn for review were wrong, more than 5.0% permits"
    )
    assert exceeded(Tally(100, 30, 0, 0), ALPHA, DELTA) == (
        "30 of all 100 answers are known to be wrong, more than 5.0% permits"
    )
    assert exceeded(Tally(10_000, 30, 300, 10), ALPHA, DELTA) == ""
    assert exceeded(Tally(0, 0, 0, 0), ALPHA, DELTA) == ""


def test_a_single_wrong_answer_ends_nothing():
    assert exceeded(Tally(1, 1, 1, 1), 0.05, 0.1) == ""
    assert exceeded(Tally(1, 1, 1, 1), 0.01, 0.1) == ""


def test_evidence_grows_with_wrong_answers_and_shrinks_with_right_ones():
    assert evidence(0, 0, ALPHA) == 0.0
    assert evidence(5, 50, ALPHA) > evidence(4, 50, ALPHA) > evidence(4, 60, ALPHA)
    assert evidence(100, 2000, ALPHA) < 0 < evidence(300, 2000, ALPHA)
    assert math.isfinite(evidence(5000, 5000, 0.9))
    with pytest.raises(ValueError, match="between 0 and 1"):
        evidence(1, 1, 1.0)


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ("*/en/normal", "wallet/en/normal", True),
        ("wallet/*/normal", "*/en/normal", True),
        ("wallet/en/normal", "bank/en/normal", False),
        ("*/en/normal", "*/zh-CN/normal", False),
    ],
)
def test_scopes_overlap_where_a_question_lies_in_both(one, other, meet):
    assert overlapping(one, other) is overlapping(other, one) is meet
