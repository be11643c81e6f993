"""A provider described anew. Name, issuer and institution stay: links of people hang on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.event import Details, Event, canonical_json
from audit.vocabulary import EventType
from idp.broker.model import UpstreamProviderRow
from idp.broker.provider import LEVELS, Discovered, Provider, parse_claim, parse_scope, parse_strengths
from idp.broker.register import WantedProvider, provider_value, sealed_secret
from idp.directory.domain import normalize_domain
from idp.services import IdpServices
from kernel.errors import Conflict, NotFound, Rejected
from kernel.identifiers import sha256_hex

_TOLD = (
    "title",
    "client_id",
    "scope",
    "domains",
    "cedula_claim",
    "strengths",
    "level",
    "creates_people",
    "groups_claim",
    "logs_out_there",
)


def find_provider_by_id(session: Session, *, services: IdpServices, provider_id: str) -> Provider:
    """Return the provider, open or closed. :raises NotFound: ``unknown_provider``."""
    row = session.get(UpstreamProviderRow, provider_id)
    if row is None:
        raise NotFound("There is no such provider.", code="unknown_provider")
    return provider_value(services, row)


def provider_digest(provider: Provider) -> str:
    """Return a digest of everything that a form shows of a provider, to tell later whether it is still the same."""
    shown = {name: getattr(provider, name) for name in _TOLD} | {
        "domains": list(provider.domains),
        "strengths": dict(provider.strengths),
        "active": provider.active,
        "discovered": asdict(provider.discovered) | {"algorithms": list(provider.discovered.algorithms)},
    }
    return sha256_hex(canonical_json(shown))


def change_provider(
    session: Session,
    *,
    services: IdpServices,
    provider_id: str,
    wanted: WantedProvider,
    by_key: bool,
    discovered: Discovered,
    seen_sha256: str,
    actor: str,
    now: datetime,
) -> tuple[str, ...]:
    """Write down what ``wanted`` says and what the provider says of itself now; return the names of what changed.

    :param by_key: whether our own signing key proves who we are; otherwise the secret that is given, or the old one.
    :param seen_sha256: :func:`provider_digest` of what the operator saw.
    :raises Rejected: with what is wrong. :raises NotFound: ``unknown_provider``.
    :raises Conflict: (``changed_meanwhile``) it is no longer what was seen.
    """
    row = session.scalars(
        select(UpstreamProviderRow).where(UpstreamProviderRow.id == provider_id).with_for_update()
    ).one_or_none()
    if row is None:
        raise NotFound("There is no such provider.", code="unknown_provider")
    before = provider_value(services, row)
    if provider_digest(before) != seen_sha256:
        raise Conflict("Somebody else changed it in the meantime.", code="changed_meanwhile")
    if discovered.issuer != before.discovered.issuer:
        raise Rejected("The issuer of a provider stays.", code="bad_discovery")
    if wanted.level not in LEVELS or not wanted.client_id or len(wanted.client_id) > 200:
        raise Rejected("Name our client_id there, and level 1 or 2.", code="bad_provider")
    if not by_key and wanted.secret is None and row.sealed_secret is None:
        raise Rejected("Give our secret there, or let our key prove us.", code="secret_missing")
    row.title = (wanted.title.strip() or before.title)[:200]
    row.client_id = wanted.client_id
    row.scope = parse_scope(wanted.scopes)
    row.domains = sorted({normalize_domain(each) for each in wanted.domains})
    row.cedula_claim = parse_claim(wanted.cedula_claim) or None
    row.strengths = parse_strengths(wanted.strengths)
    row.level = wanted.level
    row.creates_people = wanted.creates_people and bool(wanted.cedula_claim)
    row.endpoints, row.algorithms = asdict(discovered.endpoints), list(discovered.algorithms)
    row.names_itself = discovered.names_itself
    if by_key:
        row.sealed_secret = None
    elif wanted.secret is not None:
        row.sealed_secret = sealed_secret(services, wanted.secret, provider_id=row.id)
    session.flush()
    after = provider_value(services, row)
    changes = _changes(before, after)
    if changes:
        event = Event(
            type=EventType.UPSTREAM_PROVIDER_UPDATED, actor=actor, object_id=row.id, details={"changes": list(changes)}
        )
        services.journal.record(session, event, now=now)
    return changes


def renew_provider(
    session: Session,
    *,
    services: IdpServices,
    name: str,
    discovered: Discovered,
    groups_claim: str | None = None,
    logs_out_there: bool | None = None,
    strengths: Mapping[str, str] | None = None,
    actor: str = "command",
    now: datetime,
) -> Provider:
    """Take over what its discovery document says now, and change what is not None.

    :param discovered: of the same issuer. :param groups_claim: empty: none is read any more.
    :raises NotFound: ``unknown_provider``. :raises Rejected: ``bad_discovery``, ``bad_claim``, ``bad_strength``.
    """
    row = session.scalars(
        select(UpstreamProviderRow).where(UpstreamProviderRow.name == name).with_for_update()
    ).one_or_none()
    if row is None:
        raise NotFound("There is no provider of this name.", code="unknown_provider")
    if discovered.issuer != row.issuer:
        raise Rejected("The document is of another issuer.", code="bad_discovery")
    wanted: dict[str, Any] = {
        "endpoints": asdict(discovered.endpoints),
        "algorithms": list(discovered.algorithms),
        "names_itself": discovered.names_itself,
        "groups_claim": row.groups_claim if groups_claim is None else parse_claim(groups_claim) or None,
        "logs_out_there": row.logs_out_there if logs_out_there is None else logs_out_there,
        "strengths": dict(row.strengths) if strengths is None else parse_strengths(strengths),
    }
    changed = {each: value for each, value in wanted.items() if value != getattr(row, each)}
    for each, value in changed.items():
        setattr(row, each, value)
    told: Details = {
        "changed": sorted(changed),
        "groups_claim": row.groups_claim,
        "logs_out_there": row.logs_out_there,
        "strengths": sorted(f"{value}={worth}" for value, worth in row.strengths.items()),
    }
    event = Event(type=EventType.UPSTREAM_PROVIDER_UPDATED, actor=actor, object_id=row.id, details=told)
    services.journal.record(session, event, now=now)
    session.flush()
    return provider_value(services, row)


def _changes(before: Provider, after: Provider) -> tuple[str, ...]:
    changes = [
        f"{name}: {_text(getattr(before, name))} -> {_text(getattr(after, name))}"[:500]
        for name in _TOLD
        if getattr(before, name) != getattr(after, name)
    ]
    if before.discovered != after.discovered:
        changes.append("discovered")
    if before.secret.reveal() != after.secret.reveal():
        changes.append("secret")
    return tuple(changes)


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(value) or "-"
    if isinstance(value, dict):
        return ", ".join(f"{name}={worth}" for name, worth in sorted(value.items())) or "-"
    return str(value) or "-"
