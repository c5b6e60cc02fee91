"""What was planned with one version of the knowledge base is not written under another, and workers
answer from nothing that this release has not read."""

import pytest

from gateway import __version__
from gateway.answers.versions import Versions, content
from gateway.compute.worker import WorkerDied
from gateway.config import Config
from gateway.domain.errors import Conflict
from gateway.domain.plan import Plan
from gateway.office import versions_dir
from gateway.roles import Role
from gateway.succession import hired, only_of
from gateway.workers import brain
from tests.answers.small import small_base
from tests.workers.rig import SETTINGS


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


@pytest.fixture
def config(tmp_path):
    return Config.model_validate(
        {
            "data_dir": tmp_path / "data",
            "templates": small_base(tmp_path / "templates"),
            "answers": {"engine": "lexical"},
            "workers": {"processes": 1},
            "brands": {"demo": {"name": "Demo"}},
        }
    )


def changed(config, line, release):
    """A version with another line in an answer, as this release or another has copied it."""
    answer = config.templates / "topics" / "bind_card" / "long.en.md.j2"
    answer.write_text(answer.read_text("utf-8") + line, "utf-8")
    kept = Versions(versions_dir(config))
    return kept.keep(config.templates, "changed", release, content(config.templates))


async def test_a_version_that_another_release_has_copied_is_read_with_care_by_the_workers(config):
    relay, first = hired(config, SETTINGS, {Role.WORKER})
    assert first.is_dir()
    folder = changed(config, "Call 400-123-4567.\n", "0.0.1")
    with pytest.raises(WorkerDied, match="contains a number"):
        await relay.prepared(folder)


@pytest.mark.parametrize("release", ["0.0.1", __version__])
async def test_a_version_without_a_fault_answers_whoever_has_copied_it(config, release):
    relay, _ = hired(config, SETTINGS, {Role.WORKER})
    pool = await relay.prepared(changed(config, "Come again.\n", release))
    try:
        assert await pool.run(brain.version, timeout=5.0)
    finally:
        await pool.close()
