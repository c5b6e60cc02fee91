"""Names in the settings that point to nothing: a queue, a brand, an account that is not there."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from gateway.problems import Problem, nearest
from gateway.targets import dangling as of_targets

if TYPE_CHECKING:
    from gateway.config import Config


def dangling(config: "Config") -> list[Problem]:
    """All of them."""
    problems: list[Problem] = []

    def check(key: str, name: str, known: Iterable[str], what: str) -> None:
        if name not in known:
            problems.append(Problem(key, f"there is no {what} {name!r}", nearest(name, known)))

    if not config.brands:
        problems.append(Problem("brands", "needs at least one brand"))
    check("default_queue", config.default_queue, config.queues, "queue")
    for name, section in config.queues.items():
        for number, rule in enumerate(section.overflow):
            key = f"queues.{name}.overflow.{number}.to"
            if rule.to:
                check(key, rule.to, config.queues, "queue")
            if rule.to == name:
                problems.append(Problem(key, "leads back to the same queue"))
    for name, agent in config.agents.items():
        for queue in agent.queues:
            check(f"agents.{name}.queues", queue, config.queues, "queue")
        if agent.shift:
            check(f"agents.{name}.shift", agent.shift, config.shifts, "shift")
    for name, disposition in config.dispositions.items():
        for queue in disposition.queues:
            check(f"dispositions.{name}.queues", queue, config.queues, "queue")
    for name in config.callbacks.regions:
        check(f"callbacks.regions.{name}", name, config.brands, "brand")
    for name, account in config.accounts.items():
        key = f"accounts.{name}"
        if account.queue:
            check(f"{key}.queue", account.queue, config.queues, "queue")
        if account.brand:
            check(f"{key}.brand", account.brand, config.brands, "brand")
        elif len(config.brands) > 1:
            known = ", ".join(config.brands)
            problems.append(Problem(f"{key}.brand", f"is missing: there are several ({known})"))
    return [*problems, *of_targets(config.sla, config.queues, config.brands)]
