"""What was planned with one version of the knowledge base is not written under another."""

import pytest

from gateway.domain.errors import Conflict
from gateway.domain.plan import Plan
from gateway.succession import only_of


@pytest.fixture
def applied():
    return []


@pytest.mark.parametrize(
    ("in_force", "planned", "written"),
    [
        ("v2.e", "v2.e", True),
        ("v2.e", "v1.e", False),
        ("v2.e", "v2.other", False),
        ("v2.e", "", True),
        ("", "v1.e", True),
    ],
)
def test_an_answer_of_another_version_is_planned_anew(applied, in_force, planned, written):
    apply = only_of(lambda: in_force, lambda _tx, plan, _now: applied.append(plan))
    plan = Plan(event_id="e1", knowledge=planned)
    if written:
        apply(None, plan, 1.0)
    else:
        with pytest.raises(Conflict, match="another version"):
            apply(None, plan, 1.0)
    assert applied == ([plan] if written else [])
