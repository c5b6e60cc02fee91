"""Do verdicts on live answers show that a certificate's promise does not hold? Asked after each one.

A bound that is right for one look is wrong for many: the lower Clopper-Pearson bound at 90 %, looked
at after every verdict, sooner or later passes a rate that is not exceeded. So the question is asked
with an amount of evidence that may be looked at as often as anybody likes: how much likelier the
verdicts are if the wrong rate is a multiple of alpha than if it is alpha, averaged over `MULTIPLES`.
While the rate is at most alpha this ratio is expected to fall with every answer, so it reaches
1 / delta with a probability of at most delta, over all time (Ville's inequality). In other words: an
interval for the wrong rate that holds at all times together lies above alpha as a whole.

The alternative, Clopper-Pearson at numbers that double, delta shared among the looks, was measured
beside it: with a true rate of three times alpha it takes twice as many cases (docs/decisions/0010-reviews.md).

Two questions are asked of each certificate, each at half of its delta:

- of the answers drawn by lot and judged, how many were wrong? This takes them to be judged without
  choosing: whoever judges only what is wrong has the certificate stopped too soon.
- of all answers under it, how many are known to be wrong? Whatever nobody has judged counts as right,
  so it holds however the wrong ones came to be known.
"""

import math
from dataclasses import dataclass

#: The wrong rates that alpha is weighed against, as multiples of it.
MULTIPLES = (1.5, 2.0, 3.0, 4.0)
#: The questions that share the delta of a certificate.
_QUESTIONS = 2


@dataclass(frozen=True, slots=True)
class Tally:
    """What is known of the answers under one certificate."""

    answers: int
    """All that were sent."""
    wrong: int
    """Those of them that are known to be wrong, from whomever."""
    judged: int
    """Those that were drawn by lot and judged."""
    judged_wrong: int
    """The wrong ones among these."""


def exceeded(tally: Tally, alpha: float, delta: float) -> str:
    """Why the certificate has to end, in words with the figures; '' when nothing shows that its wrong
    rate is above alpha. Raises ValueError for an alpha or delta outside (0, 1)."""
    limit = math.log(_QUESTIONS / delta)
    if evidence(tally.judged_wrong, tally.judged, alpha) >= limit:
        found = f"{tally.judged_wrong} of {tally.judged} answers drawn for review were wrong"
    elif evidence(tally.wrong, tally.answers, alpha) >= limit:
        found = f"{tally.wrong} of all {tally.answers} answers are known to be wrong"
    else:
        return ""
    return f"{found}, more than {alpha:.1%} permits"


def evidence(wrong: int, answers: int, alpha: float) -> float:
    """Logarithm of how much likelier `wrong` errors in `answers` are above alpha than at alpha; 0.0
    for none. Raises ValueError for an alpha outside (0, 1)."""
    if not 0.0 < alpha < 1.0:
        raise ValueError(f"alpha must lie between 0 and 1, not {alpha}")
    # Towards 1 where alpha is so large that its multiples are no rates.
    rates = [min(alpha * multiple, (1.0 + alpha) / 2) for multiple in MULTIPLES]
    terms = [
        wrong * math.log(rate / alpha)
        + (answers - wrong) * (math.log1p(-rate) - math.log1p(-alpha))
        for rate in rates
    ]
    largest = max(terms)
    total = math.fsum(math.exp(term - largest) for term in terms)
    return largest + math.log(total / len(terms))


def overlapping(scope: str, other: str) -> bool:
    """Whether some question lies in both scopes ('brand/language/risk', '*' for any)."""
    parts = zip(scope.split("/"), other.split("/"), strict=True)
    return all(one == two or "*" in (one, two) for one, two in parts)
