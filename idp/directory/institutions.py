"""Institutions: who answers for an application or a certificate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from audit.event import Event
from audit.journal import Journal
from audit.vocabulary import EventType
from idp.accounts.identity import parse_email
from idp.directory.domain import normalize_domain
from idp.directory.model import InstitutionRow
from idp.directory.network import normalize_network
from idp.directory.ruc import normalize_ruc
from kernel.errors import Conflict, NotFound, Rejected
from kernel.identifiers import new_id
from kernel.prefetch import PlainRows
from kernel.prepared import Prepared

NAME_LIMIT = 200
_PLAIN = PlainRows(InstitutionRow)
_BY_RUC = Prepared(lambda _: select(*_PLAIN.columns).where(InstitutionRow.ruc == bindparam("ruc")))


@dataclass(frozen=True)
class Institution:
    """An institution.

    :ivar ruc: 13 digits.
    :ivar domains: DNS domains that it holds, lower-case A-labels.
    :ivar networks: of addresses that it holds, in CIDR form.
    :ivar contact_email: who is written to about its certificates; empty: nobody.
    :ivar active: an inactive one gets no new client and no new certificate.
    """

    id: str
    ruc: str
    name: str
    domains: tuple[str, ...]
    active: bool
    contact_email: str = ""
    networks: tuple[str, ...] = ()


def add_institution(
    session: Session,
    *,
    journal: Journal,
    ruc: str,
    name: str,
    domains: Sequence[str] = (),
    actor: str | None = None,
    now: datetime,
) -> Institution:
    """Add an institution and return it.

    :param ruc: as typed; see :func:`idp.directory.ruc.normalize_ruc`.
    :param domains: as typed; see :func:`idp.directory.domain.normalize_domain`.
    :raises Rejected: ``bad_ruc``, ``bad_domain``, ``bad_institution_name``.
    :raises Conflict: (``institution_exists``) if the RUC is registered.
    """
    row = InstitutionRow(
        id=new_id(),
        ruc=normalize_ruc(ruc),
        name=_valid_name(name),
        domains=sorted({normalize_domain(domain) for domain in domains}),
        networks=[],
        active=True,
        created_at=now,
    )
    if session.scalar(select(InstitutionRow.id).where(InstitutionRow.ruc == row.ruc)):
        raise Conflict("An institution with this RUC is registered.", code="institution_exists")
    session.add(row)
    try:
        session.flush()
    except IntegrityError as error:  # another transaction added it meanwhile
        raise Conflict("An institution with this RUC is registered.", code="institution_exists") from error
    event = Event(
        type=EventType.INSTITUTION_ADDED,
        actor=actor,
        object_id=row.id,
        details={"ruc": row.ruc, "name": row.name, "domains": list(row.domains)},
    )
    journal.record(session, event, now=now)
    return _value(row)


def set_institution_name(
    session: Session,
    *,
    journal: Journal,
    institution_id: str,
    name: str,
    actor: str | None = None,
    now: datetime,
) -> Institution:
    """Call the institution otherwise; return it.

    :raises NotFound: ``unknown_institution``. :raises Rejected: ``bad_institution_name``.
    """
    return _change(session, journal, institution_id, {"name": _valid_name(name)}, actor=actor, now=now)


def set_institution_domains(
    session: Session,
    *,
    journal: Journal,
    institution_id: str,
    domains: Sequence[str],
    actor: str | None = None,
    now: datetime,
) -> Institution:
    """Replace the institution's domains and return it. :raises NotFound: ``unknown_institution``."""
    wanted = sorted({normalize_domain(domain) for domain in domains})
    return _change(session, journal, institution_id, {"domains": wanted}, actor=actor, now=now)


def set_institution_networks(
    session: Session,
    *,
    journal: Journal,
    institution_id: str,
    networks: Sequence[str],
    actor: str | None = None,
    now: datetime,
) -> Institution:
    """Replace the networks in which certificates of the institution may name addresses; return it.

    :raises NotFound: ``unknown_institution``. :raises Rejected: ``bad_network``.
    """
    wanted = sorted({normalize_network(network) for network in networks})
    return _change(session, journal, institution_id, {"networks": wanted}, actor=actor, now=now)


def set_institution_contact(
    session: Session,
    *,
    journal: Journal,
    institution_id: str,
    email: str,
    actor: str | None = None,
    now: datetime,
) -> Institution:
    """Set who is written to about the institution's certificates; empty: nobody.

    :raises NotFound: ``unknown_institution``. :raises Rejected: as :func:`idp.accounts.identity.parse_email`.
    """
    address = parse_email(email) if email.strip() else None
    return _change(
        session,
        journal,
        institution_id,
        {"contact_email": address},
        details={"contact": address is not None},
        actor=actor,
        now=now,
    )


def set_institution_active(
    session: Session,
    *,
    journal: Journal,
    institution_id: str,
    active: bool,
    actor: str | None = None,
    now: datetime,
) -> Institution:
    """Close or reopen the institution and return it. :raises NotFound: ``unknown_institution``."""
    return _change(session, journal, institution_id, {"active": active}, actor=actor, now=now)


def hold_institution(session: Session, institution_id: str) -> None:
    """Hold the institution's row until the transaction ends: who changes it meanwhile waits."""
    session.execute(select(InstitutionRow.id).where(InstitutionRow.id == institution_id).with_for_update())


def change_institution(
    session: Session,
    *,
    journal: Journal,
    institution_id: str,
    changes: Mapping[str, Any],
    actor: str | None = None,
    now: datetime,
) -> Institution:
    """Change several of its members at once, each with its own event, and return it.

    :param changes: of ``name``, ``domains``, ``networks``, ``contact_email``, ``active``; none: nothing happens.
    :raises NotFound: ``unknown_institution``. :raises Rejected: as the setter of each member does.
    """
    who: dict[str, Any] = {"journal": journal, "institution_id": institution_id, "actor": actor, "now": now}
    if "name" in changes:
        set_institution_name(session, name=changes["name"], **who)
    if "domains" in changes:
        set_institution_domains(session, domains=changes["domains"], **who)
    if "networks" in changes:
        set_institution_networks(session, networks=changes["networks"], **who)
    if "contact_email" in changes:
        set_institution_contact(session, email=changes["contact_email"], **who)
    if "active" in changes:
        set_institution_active(session, active=changes["active"], **who)
    return find_institution(session, institution_id)


def find_institution(session: Session, institution_id: str) -> Institution:
    """Return the institution, active or not. :raises NotFound: ``unknown_institution``."""
    row = session.get(InstitutionRow, institution_id)
    if row is None:
        raise NotFound("There is no such institution.", code="unknown_institution")
    return _value(row)


def find_institution_by_ruc(session: Session, ruc: str) -> Institution:
    """Return the institution of that RUC (as typed), active or not.

    :raises Rejected: ``bad_ruc``. :raises NotFound: ``unknown_institution``.
    """
    rows = _BY_RUC.fetch(session, {"ruc": normalize_ruc(ruc)})
    if not rows:
        raise NotFound("There is no institution with this RUC.", code="unknown_institution")
    return _value(_PLAIN.split(rows[0])[0])


def list_institutions(session: Session) -> list[Institution]:
    """Return all institutions by name."""
    return [_value(row) for row in session.scalars(select(InstitutionRow).order_by(InstitutionRow.name))]


def _change(
    session: Session,
    journal: Journal,
    institution_id: str,
    values: Mapping[str, list[str] | bool | str | None],
    *,
    details: Mapping[str, bool] | None = None,
    actor: str | None,
    now: datetime,
) -> Institution:
    changed = session.scalars(
        update(InstitutionRow).where(InstitutionRow.id == institution_id).values(**values).returning(InstitutionRow)
    ).one_or_none()
    if changed is None:
        raise NotFound("There is no such institution.", code="unknown_institution")
    session.refresh(changed)
    shown = values if details is None else details
    event = Event(type=EventType.INSTITUTION_UPDATED, actor=actor, object_id=institution_id, details={**shown})
    journal.record(session, event, now=now)
    return _value(changed)


def _valid_name(name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > NAME_LIMIT or not name.isprintable():
        raise Rejected(f"The name of an institution has 1 to {NAME_LIMIT} characters.", code="bad_institution_name")
    return name


def _value(row: InstitutionRow) -> Institution:
    return Institution(
        id=row.id,
        ruc=row.ruc,
        name=row.name,
        domains=tuple(row.domains),
        active=row.active,
        contact_email=row.contact_email or "",
        networks=tuple(row.networks),
    )
