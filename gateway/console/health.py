"""`/healthz` for supervisors and `/metrics` for Prometheus."""

import asyncio
from collections.abc import Callable, Iterable

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from gateway.delivery.deliver import Delivery
from gateway.domain.errors import GatewayError
from gateway.domain.store import Reader, Row, Store
from gateway.intake.accept import Accept

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
    ) -> None:
        self._store = store
        self._intake = intake
        self._delivery = delivery
        self._refused = refused

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
        registry.register(_Families(self._intake, self._delivery, rows))
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
        "breaches": reader.all("sla.breaches"),
    }


class _Families:
    """One scrape."""

    def __init__(self, intake: Accept, delivery: Delivery, rows: dict[str, list[Row]]) -> None:
        self._intake = intake
        self._delivery = delivery
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
        for name, text in (
            ("events", "Accepted events"),
            ("inquiries", "Inquiries"),
            ("certificates", "Certificates"),
        ):
            family = GaugeMetricFamily(f"gateway_{name}", f"{text} by state.", labels=["state"])
            for row in self._rows[name]:
                family.add_metric([row["state"]], row["n"])
            yield family
        outbox = GaugeMetricFamily(
            "gateway_outbox", "Outgoing messages by account and state.", labels=["account", "state"]
        )
        for row in self._rows["outbox"]:
            outbox.add_metric([row["account"], row["state"]], row["n"])
        yield outbox
        reviews = GaugeMetricFamily(
            "gateway_reviews", "Reviews by source and verdict.", labels=["source", "verdict"]
        )
        for row in self._rows["reviews"]:
            reviews.add_metric([row["source"], row["verdict"]], row["n"])
        yield reviews
        yield from self._targets()

    def _targets(self) -> Iterable[Metric]:
        clocks = GaugeMetricFamily(
            "gateway_sla", "Running targets by kind and state.", labels=["target", "state"]
        )
        for row in self._rows["sla"]:
            clocks.add_metric([row["kind"], row["state"]], row["n"])
        yield clocks
        breaches = CounterMetricFamily(
            "gateway_sla_breaches", "Targets that were missed.", labels=["target", "queue"]
        )
        for row in self._rows["breaches"]:
            breaches.add_metric([row["kind"], row["queue"]], row["n"])
        yield breaches
