"""For those who run the service: does it live, is it ready, how is it doing.

``/health`` and ``/ready`` tell anyone a single word, so that load balancers can ask. Names of checks and ``/metrics``
are told only to callers on this machine that no proxy passed on, and to callers inside ``SAU_TRUSTED_PROXIES``
(put the monitoring host there); to all others ``/metrics`` does not exist. These paths answer under any ``Host``.

Where ``PROMETHEUS_MULTIPROC_DIR`` names a folder the counts of all processes are added up: ``sau serve`` sees to that.
A server of another kind needs it set, to an empty folder; without it each answer holds the counts of its process.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import structlog
from flask import Blueprint, Flask, Response, abort, current_app, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from kernel.origin import current_origin
from web.client_address import is_in
from web.state import web_state

Check = tuple[str, Callable[[], None]]

#: Paths that answer under any ``Host``: probes ask by address.
PATHS = frozenset({"/health", "/ready", "/metrics"})
_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_log = structlog.get_logger("web.operations")

blueprint = Blueprint("operations", __name__)


class Metrics:
    """Counts and times of requests of one application."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._collectors: list[Collector] = []
        labels = ("endpoint", "method", "status")
        self._requests = Counter("sau_http_requests", "Requests answered.", labels, registry=self.registry)
        self._seconds = Histogram(
            "sau_http_request_seconds",
            "Time from the request's arrival to the answer's start.",
            ("endpoint",),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._known: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def observe(self, *, endpoint: str, method: str, status: int, seconds: float) -> None:
        """Count one answered request. Labels are names of ours, never what the client sent."""
        known = method if method in _METHODS else "other"
        counts = self._known.get((endpoint, known, status))
        if counts is None:
            counts = self._requests.labels(endpoint, known, str(status)), self._seconds.labels(endpoint)
            self._known[endpoint, known, status] = counts
        counts[0].inc()
        counts[1].observe(seconds)

    def add(self, collector: Collector) -> None:
        """Have ``collector`` asked with each answer, by whichever process gives it."""
        self._collectors.append(collector)
        self.registry.register(collector)

    def count_with(self, counter: Counter) -> None:
        """Have a counter shown that a house keeps for its process; where processes share a folder it is there anyway.

        :param counter: made with ``registry=None``.
        """
        self.registry.register(counter)

    def seconds(self) -> dict[str, list[tuple[float, float]]]:
        """Return by endpoint how many requests took at most so many seconds: (bound, number) pairs, the last without
        a bound. Of all processes of this machine where they share a folder, else of this one since it began."""
        registry = self.registry
        if self.covers_machine:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        found: dict[str, list[tuple[float, float]]] = {}
        families = [self._seconds] if registry is self.registry else [registry]
        for family in (metric for source in families for metric in source.collect()):
            for sample in family.samples:
                if sample.name == "sau_http_request_seconds_bucket":
                    bucket = (float(sample.labels["le"]), sample.value)
                    found.setdefault(sample.labels["endpoint"], []).append(bucket)
        return {endpoint: sorted(buckets) for endpoint, buckets in found.items()}

    @property
    def covers_machine(self) -> bool:
        """Whether the processes of this machine count together."""
        folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
        return Path(folder).is_dir() if folder else False

    def text(self) -> bytes:
        """Return the metrics in Prometheus's text format, of all processes where they share a folder."""
        if self.covers_machine:
            together = CollectorRegistry()
            MultiProcessCollector(together)  # type: ignore[no-untyped-call]
            for collector in self._collectors:
                together.register(collector)
            return generate_latest(together)
        return generate_latest(self.registry)


def web_metrics() -> Metrics:
    """Return the metrics of the application in progress."""
    return cast(Metrics, current_app.extensions["metrics"])


def add_collector(app: Flask, collector: Collector) -> None:
    """Add numbers that are read when they are asked for."""
    cast(Metrics, app.extensions["metrics"]).add(collector)


def add_counter(app: Flask, counter: Counter) -> None:
    """Show a counter of the process (made with ``registry=None``) beside the application's own."""
    cast(Metrics, app.extensions["metrics"]).count_with(counter)


def add_readiness_checks(app: Flask, checks: Sequence[Check]) -> None:
    """Add ``checks`` to ``/ready``: each has a name and a callable that raises when its part cannot work."""
    app.extensions["readiness_checks"].extend(checks)


def init_operations(app: Flask) -> Metrics:
    """Mount the three endpoints and return the metrics, to be fed by the application."""
    metrics = Metrics()
    app.extensions["metrics"] = metrics
    app.extensions["readiness_checks"] = []
    app.register_blueprint(blueprint)
    return metrics


@blueprint.get("/health")
def health() -> Response:
    """Answer 200 as long as the process takes requests; looks at nothing else."""
    return Response("ok\n", mimetype="text/plain")


@blueprint.get("/ready")
def ready() -> tuple[dict[str, object], int]:
    """Answer 200 when every check passes, 503 when one does not; which one, only to operators."""
    results = {name: _passes(name, check) for name, check in current_app.extensions["readiness_checks"]}
    fine = all(results.values())
    answer: dict[str, object] = {"ready": fine}
    if is_operator():
        answer["checks"] = results
    return answer, 200 if fine else 503


@blueprint.get("/metrics")
def metrics() -> Response:
    """Answer with the metrics, to operators only."""
    if not is_operator():
        abort(404)
    return Response(web_metrics().text(), content_type=CONTENT_TYPE_LATEST)


def is_operator() -> bool:
    """Tell whether the caller stands on this machine itself or inside the trusted networks."""
    try:
        address = ipaddress.ip_address(current_origin().address)
    except ValueError:
        return False
    if is_in(address, web_state().settings.trusted_proxies):
        return True
    # A proxy on this machine that is not declared would make everyone look local.
    passed_on = any(name in request.headers for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"))
    return address.is_loopback and not passed_on


def _passes(name: str, check: Callable[[], None]) -> bool:
    try:
        check()
    except Exception as error:
        _log.warning("not_ready", check=name, error=type(error).__name__)
        return False
    return True
