"""What monitoring should ring a bell about: numbers read from the database when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator

import structlog
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from ca.services import CaServices
from ca.transparency.status import certificate_log_status
from kernel.errors import ServiceError

_log = structlog.get_logger(__name__)


class CertificateLogCollector(Collector):
    """The certificate log's numbers. When the database does not answer there are none, rather than wrong ones."""

    def __init__(self, services: CaServices) -> None:
        self._services = services

    def describe(self) -> list[GaugeMetricFamily]:
        """Return nothing: registering must not ask the database."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the numbers."""
        try:
            with self._services.database.reading() as session:
                status = certificate_log_status(session, now=self._services.clock.now(), recent=True)
        except (ServiceError, SQLAlchemyError) as error:
            _log.warning("metrics_not_read", error=type(error).__name__)
            return
        yield GaugeMetricFamily("sau_certificate_log_entries", "Certificates in the log.", value=status.log.size)
        yield GaugeMetricFamily(
            "sau_certificate_log_behind_seconds",
            "Age of the oldest entry that waits for its place.",
            value=status.log.behind.total_seconds(),
        )
        yield GaugeMetricFamily(
            "sau_certificates_unlogged",
            "Certificates of the last day that are not in the log: more than 0 is an alarm.",
            value=status.unlogged,
        )
