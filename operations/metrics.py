"""What monitoring should ring a bell about, a number for each promise; read when it is asked for.

The numbers are the whole service's, whichever process gives them, so one machine's are enough. They are read at most
once in ten seconds.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from time import monotonic, perf_counter

import structlog
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import case, func, select, text, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from audit.model import AUDIT_TABLES, AuditEvent
from audit.status import log_status
from audit.vocabulary import EventType
from ca.issuance.model import Authority
from ca.revocation.model import OcspSigner, RevocationList
from ca.transparency.model import LOG_TABLES
from composition import Composition
from idp.directories.health import list_health
from kernel.compatibility import SchemaCompatibility
from kernel.errors import ServiceError
from kernel.outbox import MAX_ATTEMPTS, OutboxTask

_KEPT_SECONDS = 10.0
_LATE = timedelta(minutes=1)
_LOGS = {"audit": AUDIT_TABLES, "certificates": LOG_TABLES}
_MINUTE = timedelta(minutes=1)
_log = structlog.get_logger(__name__)

Gauges = Iterator[GaugeMetricFamily]


class ServiceCollector(Collector):
    """The numbers. Where the database does not answer there is ``sau_database_up 0`` alone."""

    def __init__(self, composition: Composition) -> None:
        self._composition = composition
        self._lock = threading.Lock()
        self._kept: tuple[float, list[GaugeMetricFamily]] = (0.0, [])

    def describe(self) -> list[GaugeMetricFamily]:
        """Return nothing: registering must not ask the database."""
        return []

    def collect(self) -> Gauges:
        """Yield the numbers."""
        with self._lock:  # several that ask at once make one read
            asked_at, gauges = self._kept
            if not gauges or monotonic() - asked_at > _KEPT_SECONDS:
                gauges = self._read()
                self._kept = monotonic(), gauges
        yield from gauges

    def _read(self) -> list[GaugeMetricFamily]:
        now, gauges = self._composition.clock.now(), []
        up = GaugeMetricFamily("sau_database_up", "Whether the database answered and took a write.", value=0)
        try:
            commit = probe_commit(self._composition)
            with self._composition.database.reading() as session:
                for part in PARTS:
                    gauges += list(part(session, now))
                if not self._composition.database.is_sqlite:
                    gauges += list(_replication(session))
        except (ServiceError, SQLAlchemyError) as error:
            _log.warning("metrics_not_read", error=type(error).__name__)
            return [up]
        up.samples.clear()
        up.add_metric([], 1)
        said = "How long a durable commit of one row took just now, standbys included."
        return [up, GaugeMetricFamily("sau_commit_probe_seconds", said, value=commit), *gauges]


def probe_commit(composition: Composition) -> float:
    """Commit one row that nobody waits for; return the seconds it took. :raises ServiceError: if it fails."""
    began = perf_counter()
    with composition.database.transaction() as session:
        session.execute(update(SchemaCompatibility).values(since=SchemaCompatibility.since))
    return perf_counter() - began


def _logs(session: Session, now: datetime) -> Gauges:
    entries = _gauge("sau_log_entries", "Records under a signed head.", "log")
    waiting = _gauge("sau_log_waiting", "Committed records without a place.", "log")
    behind = _gauge("sau_log_behind_seconds", "Age of the oldest of them.", "log")
    age = _gauge("sau_checkpoint_age_seconds", "Since the newest head was signed; grows while nothing happens.", "log")
    for log, tables in _LOGS.items():
        status = log_status(session, now=now, tables=tables)
        entries.add_metric([log], status.size)
        waiting.add_metric([log], status.waiting)
        behind.add_metric([log], status.behind.total_seconds())
        if status.signed_at is not None:
            age.add_metric([log], max(0.0, (now - status.signed_at).total_seconds()))
    yield from (entries, waiting, behind, age)


def _events(session: Session, now: datetime) -> Gauges:
    """Events of the last minute: logins, refusals, tokens, issuance, revocation, each by its type."""
    happened = _gauge("sau_events_last_minute", "Events of the last minute by type and outcome.", "type", "outcome")
    counted = session.execute(
        select(AuditEvent.type, AuditEvent.outcome, func.count())
        .where(AuditEvent.occurred_at > now - _MINUTE)
        .group_by(AuditEvent.type, AuditEvent.outcome)
    )
    for kind, outcome, number in counted:
        happened.add_metric([kind, outcome], number)
    yield happened


def _queue(session: Session, now: datetime) -> Gauges:
    tasks = _gauge("sau_outbox_tasks", "Background tasks: waiting, late by a minute, or given up.", "kind", "state")
    state = case(
        ((OutboxTask.attempts >= MAX_ATTEMPTS) | OutboxTask.given_up_at.is_not(None), "given_up"),
        (OutboxTask.due_at < now - _LATE, "late"),
        else_="waiting",
    )
    for kind, which, number in session.execute(
        select(OutboxTask.kind, state, func.count()).group_by(OutboxTask.kind, state)
    ):
        tasks.add_metric([kind, which], number)
    yield tasks


def _status(session: Session, now: datetime) -> Gauges:
    """Revocation lists and OCSP signers: what relying software stops at when it runs out."""
    left = _gauge("sau_crl_seconds_left", "Until the first of an authority's lists runs out.", "authority")
    age = _gauge("sau_crl_age_seconds", "Since the oldest of an authority's current lists was made.", "authority")
    signer = _gauge("sau_ocsp_signer_seconds_left", "Until an OCSP signer's certificate ends.", "authority")
    life = _gauge("sau_authority_seconds_left", "Until an authority's own certificate ends.", "authority")
    newest = (
        select(
            RevocationList.authority_id,
            func.max(RevocationList.next_update).label("ends"),
            func.max(RevocationList.this_update).label("made"),
        )
        .group_by(RevocationList.authority_id, RevocationList.shard)
        .subquery()
    )
    lists = session.execute(
        select(Authority.name, func.min(newest.c.ends), func.min(newest.c.made))
        .join(newest, newest.c.authority_id == Authority.id)
        .group_by(Authority.name)
    )
    for name, ends, made in lists:
        left.add_metric([name], (ends - now).total_seconds())
        age.add_metric([name], (now - made).total_seconds())
    signers = session.execute(
        select(Authority.name, func.max(OcspSigner.not_after))
        .join(OcspSigner, OcspSigner.authority_id == Authority.id)
        .where(OcspSigner.certificate_der.is_not(None))
        .group_by(Authority.name)
        .order_by(Authority.name)
    )
    for name, ends in signers:
        signer.add_metric([name], (ends - now).total_seconds())
    for name, ends in session.execute(select(Authority.name, Authority.not_after).order_by(Authority.name)):
        life.add_metric([name], (ends - now).total_seconds())
    yield from (left, age, signer, life)


def _backup(session: Session, now: datetime) -> Gauges:
    age = _gauge("sau_backup_age_seconds", "Since the last backup was made; absent if there was none.")
    made = session.scalar(
        select(AuditEvent.occurred_at)
        .where(AuditEvent.type == EventType.BACKUP_MADE.value)
        .order_by(AuditEvent.occurred_at.desc())
        .limit(1)
    )
    if made is not None:
        age.add_metric([], (now - made).total_seconds())
    yield age


def _replication(session: Session) -> Gauges:
    """What PostgreSQL tells of its standbys: all of it to a member of ``pg_monitor``, their number to anyone."""
    standbys = _gauge("sau_replicas", "Standbys that are connected, by kind of synchrony.", "sync")
    lag = _gauge("sau_replica_lag_seconds", "How far a standby is behind in applying.", "replica")
    counts: dict[str, int] = {}
    for name, sync, seconds in session.execute(
        text("SELECT application_name, sync_state, extract(epoch FROM replay_lag) FROM pg_stat_replication")
    ):
        counts[sync or "unknown"] = counts.get(sync or "unknown", 0) + 1
        if seconds is not None:
            lag.add_metric([name], float(seconds))
    for sync, number in sorted(counts.items()):
        standbys.add_metric([sync], number)
    yield from (standbys, lag)


def _gauge(name: str, said: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, said, labels=labels)


def _directories(session: Session, now: datetime) -> Gauges:
    """Directories of institutions, as the worker last found them."""
    up = _gauge("sau_directory_up", "Whether a server of an institution's directory answers.", "directory")
    took = _gauge("sau_directory_seconds", "How long it took at the last look.", "directory")
    age = _gauge("sau_directory_look_age_seconds", "Since it was last looked at.", "directory")
    for each in list_health(session):
        up.add_metric([each.name], float(each.up))
        took.add_metric([each.name], each.milliseconds / 1000)
        age.add_metric([each.name], (now - each.checked_at).total_seconds())
    yield from (up, took, age)


PARTS: tuple[Callable[[Session, datetime], Gauges], ...] = (_logs, _events, _queue, _status, _backup, _directories)
