"""`/healthz` for supervisors and `/metrics` for Prometheus."""

import asyncio
from collections.abc import Callable, Iterable, Mapping

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from gateway.delivery.deliver import Delivery
from gateway.domain.errors import GatewayError
from gateway.domain.store import Reader, Row, Store
from gateway.intake.accept import Accept

#: How much is where now: the family, of what it tells, and the column of each label.
_NOW: tuple[tuple[str, str, Mapping[str, str]], ...] = (
    ("events", "Accepted events by state.", {"state": "state"}),
    ("inquiries", "Inquiries by state.", {"state": "state"}),
    ("certificates", "Certificates by state.", {"state": "state"}),
    (
        "outbox",
        "Outgoing messages by account and state.",
        {"account": "account", "state": "state"},
    ),
    ("reviews", "Reviews by source and verdict.", {"source": "source", "verdict": "verdict"}),
    (
        "sla",
        "Running targets by kind, state and queue.",
        {"target": "kind", "state": "state", "queue": "queue"},
    ),
    ("callbacks", "Callbacks by state.", {"state": "state"}),
)
#: Seconds until the database counts as away: before whoever asks gives up.
PATIENCE = 1.5


class HealthRoutes:
    """What a machine asks a running gateway."""

    def __init__(
        self,
        store: Store,
        intake: Accept,
        delivery: Delivery,
        refused: Callable[[], str] = lambda: "",
        failed: Callable[[], int] = lambda: 0,
    ) -> None:
        self._store = store
        self._intake = intake
        self._delivery = delivery
        self._refused = refused
        self._failed = failed

    def routes(self) -> list[web.RouteDef]:
        """For `Application.add_routes`."""
        return [web.get("/healthz", self.health), web.get("/metrics", self.metrics)]

    async def health(self, _request: web.Request) -> web.Response:
        """200 when the database answers, else 503. Scopes whose automatic answers were stopped by
        live verdicts, and a changed knowledge base that was refused, are named: no reason to take the
        gateway out of service."""
        try:
            async with asyncio.timeout(PATIENCE):
                waiting, silent = await self._store.read(_vital)
        except TimeoutError:
            why = f"the database does not answer within {PATIENCE} s"
            return web.json_response({"ok": False, "why": why}, status=503)
        except GatewayError as error:
            return web.json_response({"ok": False, "why": str(error)}, status=503)
        remarks: dict[str, object] = {"answers_stopped": silent} if silent else {}
        if why := self._refused():
            remarks["knowledge_refused"] = why
        return web.json_response({"ok": True, "events_waiting": waiting, **remarks})

    async def metrics(self, _request: web.Request) -> web.Response:
        """Counts since the start, and how much is where now."""
        try:
            rows = await self._store.read(_gauges)
        except GatewayError as error:
            return web.Response(text=f"{error}\n", status=503)
        registry = CollectorRegistry()
        registry.register(_Families(self._intake, self._delivery, self._failed(), rows))
        return web.Response(
            body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4}
        )


def _vital(reader: Reader) -> tuple[int, list[str]]:
    stopped = reader.all("certificates.silenced")
    return reader.value("intake.waiting"), sorted({row["scope"] for row in stopped})


def _gauges(reader: Reader) -> dict[str, list[Row]]:
    return {
        "events": reader.all("intake.counts"),
        "inquiries": reader.all("inquiries.state_counts"),
        "outbox": reader.all("outbox.counts"),
        "certificates": reader.all("certificates.state_counts"),
        "reviews": reader.all("reviews.counts"),
        "sla": reader.all("sla.state_counts"),
        "told": reader.all("sla.told"),
        "callbacks": reader.all("callbacks.state_counts"),
        "misses": reader.all("callbacks.misses"),
    }


class _Families:
    """One scrape."""

    def __init__(
        self, intake: Accept, delivery: Delivery, failed: int, rows: dict[str, list[Row]]
    ) -> None:
        self._intake = intake
        self._delivery = delivery
        self._failed = failed
        self._rows = rows

    def collect(self) -> Iterable[Metric]:
        """Families in the order of an inquiry's way."""
        taken = CounterMetricFamily(
            "gateway_intake", "Events and calls by outcome.", labels=["account", "outcome"]
        )
        for (account, outcome), number in sorted(self._intake.counts.items()):
            taken.add_metric([account, outcome], number)
        yield taken
        sent = CounterMetricFamily(
            "gateway_delivery", "Transmissions by outcome.", labels=["account", "outcome"]
        )
        for (account, outcome), number in sorted(self._delivery.counts.items()):
            sent.add_metric([account, outcome], number)
        yield sent
        yield CounterMetricFamily(
            "gateway_rule_failures",
            "Conditions of routing rules that could not be asked, and counted as not true.",
            value=self._failed,
        )
        for name, text, columns in _NOW:
            now = GaugeMetricFamily(f"gateway_{name}", text, labels=[*columns])
            yield _filled(now, columns.values(), self._rows[name])
        risks = CounterMetricFamily(
            "gateway_sla_at_risk", "Targets that came to be at risk.", labels=["target", "queue"]
        )
        breaches = CounterMetricFamily(
            "gateway_sla_breaches", "Targets that were missed.", labels=["target", "queue"]
        )
        for state, told in (("at_risk", risks), ("breached", breaches)):
            rows = (row for row in self._rows["told"] if row["state"] == state)
            yield _filled(told, ("kind", "queue"), rows)
        missed = CounterMetricFamily(
            "gateway_callbacks_missed", "Callbacks that reached nobody.", labels=["reason", "queue"]
        )
        yield _filled(missed, ("reason", "queue"), self._rows["misses"])


def _filled(
    family: GaugeMetricFamily | CounterMetricFamily, columns: Iterable[str], rows: Iterable[Row]
) -> Metric:
    """With a sample for each row: its columns are the labels, `n` is the value."""
    columns = tuple(columns)
    for row in rows:
        family.add_metric([row[column] for column in columns], row["n"])
    return family
