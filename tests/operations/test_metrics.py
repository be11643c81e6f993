"""Numbers for each promise: what alerts and the dashboard ask for is what /metrics gives, and it is true."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from flask import Flask
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.parser import text_string_to_metric_families

from audit.event import Event
from audit.sequencer import Sequencer
from audit.vocabulary import EventType, Outcome
from composition import Composition
from kernel.clock import ManualClock
from kernel.compatibility import ONLY, SchemaCompatibility
from kernel.outbox import Task, enqueue
from kernel.settings import Settings
from kernel.worker import PeriodicJob
from operations.metrics import ServiceCollector, probe_commit
from tests.architecture.source import ROOT
from tests.servers.process import find_program
from wsgi import create_app

_MONITORING = ROOT / "deploy" / "monitoring"


@pytest.fixture
def app(composition: Composition) -> Flask:
    """The provider's pages are enough."""
    with composition.database.transaction() as session:
        session.add(SchemaCompatibility(id=ONLY, since="0001"))
    only = composition.settings.model_copy(update={"roles": ("pki",)})
    composition.settings = only
    return create_app(composition)


def _read(app: Flask) -> dict[str, dict[tuple[str, ...], float]]:
    families = text_string_to_metric_families(app.test_client().get("/metrics").text)
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in families:
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return found


def test_the_numbers_are_true(app: Flask, composition: Composition, clock: ManualClock) -> None:
    """Events by type and outcome, what waits, what is late, how long a commit takes."""
    with composition.database.transaction() as session:
        for outcome in (Outcome.SUCCESS, Outcome.REFUSED, Outcome.REFUSED):
            event = Event(type=EventType.PASSWORD_VERIFIED, outcome=outcome)
            composition.journal.record(session, event, now=clock.now())
        composition.journal.record(session, Event(type=EventType.BACKUP_MADE), now=clock.now())
        enqueue(session, "idp.mail", {}, now=clock.now())
    numbers = _read(app)
    assert numbers["sau_database_up"] == {(): 1}
    assert 0 < numbers["sau_commit_probe_seconds"][()] < 60
    assert numbers["sau_events_last_minute"]["refused", "idp:password:verified"] == 2
    assert numbers["sau_log_waiting"]["audit",] == 4
    assert numbers["sau_outbox_tasks"]["idp.mail", "waiting"] == 1
    assert numbers["sau_backup_age_seconds"] == {(): 0}


def test_they_are_read_once_in_ten_seconds(composition: Composition) -> None:
    """Whoever asks often costs little."""
    collector = ServiceCollector(composition)
    assert list(collector.collect()) is not None
    first = list(collector.collect())
    assert [one is other for one, other in zip(first, collector.collect(), strict=True)] == [True] * len(first)


def test_without_a_database_there_is_one_number(settings: Settings, clock: ManualClock, tmp_path: Path) -> None:
    """Nothing is made up, and the one that is there rings the bell."""
    gone = Composition(settings.model_copy(update={"database_url": f"sqlite:///{tmp_path}/empty.sqlite"}), clock=clock)
    [family] = ServiceCollector(gone).collect()
    assert isinstance(family, GaugeMetricFamily)
    assert (family.name, [sample.value for sample in family.samples]) == ("sau_database_up", [0])
    gone.database.dispose()


def test_a_probe_waits_for_the_disk_and_changes_nothing(composition: Composition) -> None:
    """It commits a row as it is."""
    with composition.database.transaction() as session:
        session.add(SchemaCompatibility(id=ONLY, since="0001"))
    assert probe_commit(composition) > 0
    with composition.database.reading() as session:
        assert session.get_one(SchemaCompatibility, ONLY).since == "0001"


def _asked_for() -> Iterator[tuple[str, str]]:
    dashboard = json.loads((_MONITORING / "grafana-dashboard.json").read_text("utf-8"))
    for panel in dashboard["panels"]:
        yield from ((panel["title"], target["expr"]) for target in panel["targets"])
    for line in (_MONITORING / "alerts.yml").read_text("utf-8").splitlines():
        if line.strip().startswith("expr:"):
            yield "alert", line


def test_every_metric_of_dashboard_and_alerts_exists(app: Flask) -> None:
    """A panel that asks for a name that is gone stays empty, and an alert on it never rings."""
    text = app.test_client().get("/metrics").text
    app.test_client().get("/pki")
    given = set(re.findall(r"^# TYPE (\w+)", text, re.M))
    given |= {f"{name}_bucket" for name in given} | {"sau_replicas", "sau_replica_lag_seconds"}
    asked = {name for _, expression in _asked_for() for name in re.findall(r"\bsau_[a-z_]+", expression)}
    assert len(asked) > 15
    assert sorted(asked - given) == []


def test_every_number_of_ours_is_shown() -> None:
    """Whoever adds one puts it on the dashboard."""
    shown = " ".join(expression for _, expression in _asked_for())
    made = set(re.findall(r'"(sau_[a-z_]+)"', (ROOT / "operations" / "metrics.py").read_text("utf-8")))
    assert len(made) > 10
    assert sorted(name for name in made if name not in shown) == []


def test_prometheus_takes_the_alert_rules() -> None:
    """Prometheus's own checker."""
    promtool = find_program("promtool", package="prometheus")
    done = subprocess.run([promtool, "check", "rules", _MONITORING / "alerts.yml"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_leads_to_a_page_that_exists() -> None:
    """At three in the morning a link is followed, and its heading is there."""
    for target in re.findall(r"runbook: (\S+)", (_MONITORING / "alerts.yml").read_text("utf-8")):
        path, _, anchor = target.partition("#")
        text = (ROOT / path).read_text("utf-8")
        headings = {
            re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in re.findall(r"^#+ (.+)$", text, re.M)
        }
        assert not anchor or anchor in headings, target


class _Collector(BaseHTTPRequestHandler):
    received: list[ExportTraceServiceRequest]

    def do_POST(self) -> None:
        request = ExportTraceServiceRequest()
        request.ParseFromString(self.rfile.read(int(self.headers["Content-Length"])))
        self.received.append(request)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[HTTPServer]:
    """An OpenTelemetry collector: OTLP over HTTP."""
    _Collector.received = []
    server = HTTPServer(("127.0.0.1", 0), _Collector)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_traces_leave_by_otlp_and_name_nobody(composition: Composition, collector: HTTPServer) -> None:
    """A span a request with its statements below, by names of ours; no path, query, address or value."""
    url = f"http://127.0.0.1:{collector.server_port}"
    composition.settings = composition.settings.model_copy(
        update={"traces_url": url, "traces_share": 1.0, "roles": ("pki",)}
    )
    app = create_app(composition)
    app.test_client().get("/ready?name=secreto.gob.ec", headers={"User-Agent": "confidential"})
    tracing = app.extensions["tracing"]
    tracing.around_job(PeriodicJob("audit.sequence", timedelta(seconds=1), Sequencer(composition.audit).run)).run()
    tracing.around_handler("idp.mail", lambda task: None)(Task("1", "idp.mail", {"to": "secreto"}, 1))
    environ = {"REQUEST_METHOD": "POST", "sau.started": time.perf_counter() - 0.5}
    app.note(environ, endpoint="on.the.loop", status=200)  # type: ignore[attr-defined]
    tracing.provider.force_flush()
    spans = [
        span
        for request in _Collector.received
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    names = {span.name for span in spans}
    assert {"operations.ready", "db SELECT", "job audit.sequence", "task idp.mail"} <= names
    [short] = [span for span in spans if span.name == "on.the.loop"]
    assert short.end_time_unix_nano - short.start_time_unix_nano >= 500_000_000
    [whole] = [span for span in spans if span.name == "operations.ready"]
    assert any(span.parent_span_id == whole.span_id for span in spans)
    octets = b"".join(request.SerializeToString() for request in _Collector.received)
    assert not [word for word in (b"secreto", b"confidential", b"127.0.0.1") if word in octets]


def test_without_a_collector_nothing_of_tracing_is_there(composition: Composition) -> None:
    """Off is the default, and costs nothing: the application and the engine are the plain ones."""
    composition.settings = composition.settings.model_copy(update={"roles": ("pki",)})
    app = create_app(composition)
    assert "wsgi_app" not in vars(app)
    assert "tracing" not in app.extensions
