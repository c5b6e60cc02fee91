"""What one process does, as the command line says it."""

import pytest

from gateway.domain.errors import SettingsError
from gateway.roles import ALL, Role, only_together, roles_named


@pytest.mark.parametrize(
    ("words", "roles"),
    [
        (["all"], ALL),
        (["web"], {Role.WEB}),
        (["worker", "timers"], {Role.WORKER, Role.TIMERS}),
        (["worker,timers", "web"], {Role.WORKER, Role.TIMERS, Role.WEB}),
        (["worker, timers"], {Role.WORKER, Role.TIMERS}),
        (["web", "all"], ALL),
        ([role.value for role in Role], ALL),
    ],
)
def test_roles_are_named_one_by_one_or_with_commas(words, roles):
    assert roles_named(words) == roles


@pytest.mark.parametrize("words", [["workers"], [""], ["web,"], ["web", "deliver"]])
def test_an_unknown_role_is_refused_with_all_that_there_are(words):
    with pytest.raises(SettingsError, match="all, web, worker, delivery, timers, console"):
        roles_named(words)


def test_only_a_database_on_a_server_lets_the_work_be_split():
    only_together(ALL, shared=False)
    only_together({Role.WEB}, shared=True)
    with pytest.raises(SettingsError, match='set database = "postgresql://…"'):
        only_together({Role.WEB}, shared=False)
