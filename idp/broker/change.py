"""A provider described anew. Name, issuer and institution stay: links of people hang on them."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.event import Event, canonical_json
from audit.vocabulary import EventType
from idp.broker.model import UpstreamProviderRow
from idp.broker.provider import Discovered, Provider, extra_scopes, strength_words
from idp.broker.register import WantedProvider, described_columns, provider_value, sealed_secret
from idp.directory.institutions import find_institution
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


def hold_provider(session: Session, provider_id: str) -> None:
    """Hold its row, if there is one: of two changes at once the second one sees the first."""
    session.execute(select(UpstreamProviderRow.id).where(UpstreamProviderRow.id == provider_id).with_for_update())


def provider_digest(provider: Provider) -> str:
    """Return a digest of everything that a form shows of a provider, to tell later whether it is still the same."""
    shown = {name: getattr(provider, name) for name in _TOLD} | {
        "domains": list(provider.domains),
        "strengths": dict(provider.strengths),
        "active": provider.active,
        "discovered": asdict(provider.discovered) | {"algorithms": list(provider.discovered.algorithms)},
    }
    return sha256_hex(canonical_json(shown))


def described(session: Session, provider: Provider) -> WantedProvider:
    """Return the provider as an operator would describe it; the secret is not among it: it stays."""
    return WantedProvider(
        name=provider.name,
        title=provider.title,
        ruc=find_institution(session, provider.institution_id).ruc,
        issuer=provider.discovered.issuer,
        client_id=provider.client_id,
        secret=None,
        scopes=extra_scopes(provider.scope),
        domains=provider.domains,
        cedula_claim=provider.cedula_claim,
        strengths=strength_words(provider.strengths),
        level=provider.level,
        creates_people=provider.creates_people,
        groups_claim=provider.groups_claim,
        logs_out_there=provider.logs_out_there,
    )


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
    if not by_key and wanted.secret is None and row.sealed_secret is None:
        raise Rejected("Give our secret there, or let our key prove us.", code="secret_missing")
    for name, value in described_columns(wanted, title_otherwise=before.title).items():
        setattr(row, name, value)
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
