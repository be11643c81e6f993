"""How other providers are: the worker fetches their documents and keys now and then, and an operator when he asks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from time import monotonic

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.broker.model import UpstreamHealthRow, UpstreamProviderRow
from idp.broker.provider import Discovered, Provider
from idp.broker.register import discover, provider_value
from idp.clients.jwks import key_set
from idp.services import IdpServices
from kernel.errors import ServiceError


@dataclass(frozen=True, kw_only=True)
class ProviderHealth:
    """How a provider was at the last look. :ivar reason: why its documents could not be had, None if they could."""

    provider_id: str
    reason: str | None
    failing_since: datetime | None
    milliseconds: int
    checked_at: datetime


@dataclass(frozen=True, kw_only=True)
class ProviderReport:
    """What came of asking a provider now.

    :ivar differs: it says something else of itself than was written down when it was added or changed last.
    """

    reason: str | None
    seconds: float
    differs: bool


def examine_provider(services: IdpServices, provider: Provider) -> tuple[ProviderReport, Discovered | None]:
    """Fetch the provider's discovery document and keys, outside of any transaction; an error is an answer here."""
    began = monotonic()
    discovered, reason = None, None
    try:
        discovered = discover(services, provider.discovered.issuer)
        keys = json.loads(services.outgoing.fetch(discovered.endpoints.jwks).body)
        if not key_set(keys).keys:
            reason = "bad_keys"
    except ServiceError as error:
        reason = error.code
    except (ValueError, RecursionError, TypeError, AttributeError):
        reason = "bad_keys"
    differs = discovered is not None and discovered != provider.discovered
    return ProviderReport(reason=reason, seconds=monotonic() - began, differs=differs), discovered


def look_at_provider(services: IdpServices, *, provider_id: str, now: datetime) -> ProviderReport | None:
    """Ask an open provider and keep what came of it; that it fails, or works again, is an event. None: it is closed."""
    with services.database.reading() as session:
        row = session.get(UpstreamProviderRow, provider_id)
        provider = provider_value(services, row) if row is not None and row.active else None
    if provider is None:
        return None
    report, _ = examine_provider(services, provider)
    with services.database.transaction() as session:
        health = session.get(UpstreamHealthRow, provider_id, with_for_update=True)
        if health is None:
            health = UpstreamHealthRow(provider_id=provider_id, reason=None, failing_since=None)
            session.add(health)
        was_up, up = health.failing_since is None, report.reason is None
        health.reason = report.reason
        health.failing_since = None if up else health.failing_since or now
        health.milliseconds, health.checked_at = int(report.seconds * 1000), now
        if was_up != up:
            event = Event(
                type=EventType.UPSTREAM_PROVIDER_HEALTH_CHANGED,
                outcome=Outcome.SUCCESS if up else Outcome.FAILURE,
                reason=report.reason,
                actor="worker",
                object_id=provider_id,
                details={"provider": provider.name},
            )
            services.journal.record(session, event, now=now)
    return report


def provider_health(session: Session) -> dict[str, ProviderHealth]:
    """Return how providers were, by id; those that were never looked at are left out."""
    return {
        row.provider_id: ProviderHealth(
            provider_id=row.provider_id,
            reason=row.reason,
            failing_since=row.failing_since,
            milliseconds=row.milliseconds,
            checked_at=row.checked_at,
        )
        for row in session.scalars(select(UpstreamHealthRow).order_by(UpstreamHealthRow.provider_id))
    }
