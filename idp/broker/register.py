"""The register of other providers: what operators add, list and close."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from audit.event import Details, Event
from audit.vocabulary import EventType
from idp.broker.model import UpstreamProviderRow
from idp.broker.provider import (
    LEVELS,
    Discovered,
    Endpoints,
    Provider,
    parse_claim,
    parse_discovery,
    parse_issuer,
    parse_provider_name,
    parse_scope,
    parse_strengths,
)
from idp.directory.domain import normalize_domain
from idp.directory.institutions import find_institution_by_ruc
from idp.rights.groups.mapping import GroupRole, map_group_to_role
from idp.services import IdpServices
from kernel.errors import Conflict, NotFound, Rejected
from kernel.identifiers import new_id
from kernel.secret_text import SecretText
from keys.sealing import Sealer

_PURPOSE = "upstream-secret"


@dataclass(frozen=True, kw_only=True)
class WantedProvider:
    """A provider as an operator describes it. :ivar secret: none where our own key proves who we are."""

    name: str
    title: str
    ruc: str
    issuer: str
    client_id: str
    secret: SecretText | None
    scopes: Sequence[str] = ()
    domains: Sequence[str] = ()
    cedula_claim: str = ""
    strengths: Mapping[str, str]
    level: int = 1
    creates_people: bool = False
    groups_claim: str = ""
    logs_out_there: bool = False


def discover(services: IdpServices, issuer: str) -> Discovered:
    """Ask the issuer for its document; outside of any transaction.

    :raises Rejected: as :func:`idp.broker.provider.parse_discovery`. :raises OutgoingError: if it cannot be had.
    """
    issuer = parse_issuer(issuer)
    answer = services.outgoing.fetch(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    discovered = parse_discovery(answer.body, issuer=issuer)
    for address in (discovered.endpoints.token, discovered.endpoints.jwks, discovered.endpoints.userinfo):
        if address:
            services.outgoing.require_target(address)
    return discovered


def add_provider(
    session: Session,
    *,
    services: IdpServices,
    wanted: WantedProvider,
    discovered: Discovered,
    actor: str = "command",
    now: datetime,
) -> Provider:
    """Add a provider and return it; the secret is sealed.

    :raises Rejected: with what is wrong. :raises Conflict: ``provider_exists``. :raises NotFound: the institution.
    """
    institution = find_institution_by_ruc(session, wanted.ruc)
    columns = described_columns(wanted, title_otherwise=institution.name)
    row_id, name = new_id(), parse_provider_name(wanted.name)
    taken = (UpstreamProviderRow.name == name) | (UpstreamProviderRow.issuer == discovered.issuer)
    if session.scalar(select(UpstreamProviderRow.id).where(taken)) is not None:
        raise Conflict("There is a provider of this name or issuer.", code="provider_exists")
    row = UpstreamProviderRow(
        id=row_id,
        name=name,
        institution_id=institution.id,
        issuer=discovered.issuer,
        **columns,
        sealed_secret=sealed_secret(services, wanted.secret, provider_id=row_id) if wanted.secret else None,
        endpoints=asdict(discovered.endpoints),
        algorithms=list(discovered.algorithms),
        names_itself=discovered.names_itself,
        active=True,
        created_at=now,
    )
    session.add(row)
    session.flush()
    event = Event(
        type=EventType.UPSTREAM_PROVIDER_ADDED,
        actor=actor,
        object_id=row_id,
        details={
            "name": name,
            "issuer": discovered.issuer,
            "institution": institution.id,
            "cedula_claim": row.cedula_claim,
            "level": row.level,
            "creates_people": row.creates_people,
            "groups_claim": row.groups_claim,
            "logs_out_there": row.logs_out_there,
        },
    )
    services.journal.record(session, event, now=now)
    return provider_value(services, row)


def described_columns(wanted: WantedProvider, *, title_otherwise: str) -> dict[str, Any]:
    """Return what an operator describes anew as columns: all but name, issuer, institution and secret.

    :param title_otherwise: where none is given. :raises Rejected: with what is wrong.
    """
    if wanted.level not in LEVELS or not wanted.client_id or len(wanted.client_id) > 200:
        raise Rejected("Name our client_id there, and level 1 or 2.", code="bad_provider")
    return {
        "title": (wanted.title.strip() or title_otherwise)[:200],
        "client_id": wanted.client_id,
        "scope": parse_scope(wanted.scopes),
        "domains": sorted({normalize_domain(each) for each in wanted.domains}),
        "cedula_claim": parse_claim(wanted.cedula_claim) or None,
        "strengths": parse_strengths(wanted.strengths),
        "level": wanted.level,
        "creates_people": wanted.creates_people and bool(wanted.cedula_claim),
        "groups_claim": parse_claim(wanted.groups_claim) or None,
        "logs_out_there": wanted.logs_out_there,
    }


def sealed_secret(services: IdpServices, secret: SecretText, *, provider_id: str) -> bytes:
    """Return our secret at a provider as it is stored."""
    return _sealer(services).seal(secret.reveal().encode(), bound_to=provider_id)


def set_provider_active(
    session: Session, *, services: IdpServices, name: str, active: bool, actor: str = "command", now: datetime
) -> Provider:
    """Close a provider, or open it again. :raises NotFound: ``unknown_provider``."""
    changed = session.execute(
        update(UpstreamProviderRow)
        .where(UpstreamProviderRow.name == name)
        .values(active=active)
        .returning(UpstreamProviderRow.id)
    ).scalar_one_or_none()
    if changed is None:
        raise NotFound("There is no provider of this name.", code="unknown_provider")
    event = Event(type=EventType.UPSTREAM_PROVIDER_UPDATED, actor=actor, object_id=changed, details={"active": active})
    services.journal.record(session, event, now=now)
    session.expire_all()
    return find_provider(session, services=services, name=name, open_only=False)


def map_claimed_group(
    session: Session,
    *,
    services: IdpServices,
    name: str,
    group: str,
    role: str,
    client_id: str = "",
    mapped: bool,
    actor: str = "command",
    now: datetime,
) -> GroupRole:
    """Say that whom the provider calls ``group`` has ``role``, or no longer; at each one's next login.

    :param group: as it stands in the claim, letter by letter.
    :raises NotFound: ``unknown_provider``, ``unknown_role``.
    :raises Rejected: as :func:`idp.rights.groups.mapping.map_group_to_role`.
    """
    provider = find_provider(session, services=services, name=name, open_only=False)
    line = map_group_to_role(
        session,
        source=provider.source,
        group=group,
        role=role,
        client_id=client_id,
        mapped=mapped,
        actor=actor,
        now=now,
    )
    details: Details = {"group": line.group, "role": line.role.name, "client": line.role.client_id, "mapped": mapped}
    event = Event(type=EventType.UPSTREAM_PROVIDER_UPDATED, actor=actor, object_id=provider.id, details=details)
    services.journal.record(session, event, now=now)
    return line


def find_provider(session: Session, *, services: IdpServices, name: str, open_only: bool = True) -> Provider:
    """Return the provider. :raises NotFound: (``unknown_provider``) also for one that is closed."""
    row = session.scalars(select(UpstreamProviderRow).where(UpstreamProviderRow.name == name)).one_or_none()
    if row is None or (open_only and not row.active):
        raise NotFound("There is no provider of this name.", code="unknown_provider")
    return provider_value(services, row)


def list_providers(session: Session, *, services: IdpServices, open_only: bool = True) -> list[Provider]:
    """Return providers by title."""
    statement = select(UpstreamProviderRow).order_by(UpstreamProviderRow.title, UpstreamProviderRow.id)
    if open_only:
        statement = statement.where(UpstreamProviderRow.active)
    return [provider_value(services, row) for row in session.scalars(statement)]


def has_providers(session: Session) -> bool:
    """Tell whether anybody can sign in through another provider."""
    return session.scalar(select(UpstreamProviderRow.id).where(UpstreamProviderRow.active).limit(1)) is not None


def search_providers(providers: Sequence[Provider], typed: str) -> list[Provider]:
    """Return those whose title has the words, or who hold the domain of the mail address that was typed."""
    typed = typed.strip().casefold()
    if "@" in typed:
        domain = typed.rpartition("@")[2]
        return [
            each for each in providers if any(domain == held or domain.endswith(f".{held}") for held in each.domains)
        ]
    return [each for each in providers if all(word in each.title.casefold() for word in typed.split())]


def provider_value(services: IdpServices, row: UpstreamProviderRow) -> Provider:
    """Return a row as the frozen value."""
    secret = ""
    if row.sealed_secret is not None:
        secret = _sealer(services).open(row.sealed_secret, bound_to=row.id).decode()
    return Provider(
        id=row.id,
        name=row.name,
        title=row.title,
        institution_id=row.institution_id,
        discovered=Discovered(
            issuer=row.issuer,
            endpoints=Endpoints(**row.endpoints),
            algorithms=tuple(row.algorithms),
            names_itself=row.names_itself,
        ),
        client_id=row.client_id,
        secret=SecretText(secret),
        scope=row.scope,
        domains=tuple(row.domains),
        cedula_claim=row.cedula_claim or "",
        strengths=dict(row.strengths),
        level=row.level,
        creates_people=row.creates_people,
        groups_claim=row.groups_claim or "",
        logs_out_there=row.logs_out_there,
        active=row.active,
    )


def _sealer(services: IdpServices) -> Sealer:
    return Sealer(services.sealing_secret, _PURPOSE)
