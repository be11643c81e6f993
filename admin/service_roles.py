"""Roles of the console that applications hold: for the API alone; one hand with whoever registered them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NoReturn

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from admin.model import ServiceRole
from admin.permissions import Role
from admin.roles import Powers, RoleHolding, list_role_holdings
from audit.event import Event
from audit.journal import Journal
from audit.vocabulary import EventType, Outcome
from ca.requests.model import CertificateRequest
from idp.accounts.one_hand import accounts_in_one_hand
from idp.clients.client import Client, find_client, list_clients
from idp.clients.environment import Environment
from idp.clients.hands import hands_of
from idp.clients.history import REGISTERED, list_changes
from idp.clients.model import ClientRow
from idp.clients.own_apis import ADMINISTRATION
from idp.clients.policy import CLIENT_CREDENTIALS
from kernel.errors import Conflict, Denied, NotFound, Rejected
from kernel.identifiers import new_id

#: What a program may be: it watches, or asks for what people then decide. It decides nothing and appoints nobody.
SERVICE_ROLES = frozenset({Role.AUDITOR, Role.PKI_OFFICER})
_SERVICE = "service:"
_MOST_CHANGES = 10_000
_LONGEST = 56  # with the prefix it fits where the tables say who did something


def service_actor(client_id: str) -> str:
    """Return what use cases and events call an application that acts for itself."""
    return f"{_SERVICE}{client_id}"


def client_of(holding: RoleHolding) -> str:
    """Return the application that holds a role of :func:`list_service_roles`."""
    return holding.person_id.removeprefix(_SERVICE)


def may_hold_roles(client: Client) -> bool:
    """Tell whether it acts for itself at the console's API, in production."""
    return (
        CLIENT_CREDENTIALS in client.grant_types
        and ADMINISTRATION in client.metadata.resources
        and client.environment is Environment.PRODUCTION
        and len(client.client_id) <= _LONGEST
    )


def list_possible_services(session: Session) -> list[Client]:
    """Return the applications that may be given a role, by name."""
    return [each for each in list_clients(session) if each.active and may_hold_roles(each)]


def service_powers(session: Session, client_id: str) -> Powers:
    """Return what the application may do at this moment; read at every call."""
    return Powers(tuple(_holding(row) for row in _held(session, client_id)))


def list_service_roles(session: Session) -> list[RoleHolding]:
    """Return the roles that applications hold now; ``person_id`` is the application's actor."""
    rows = session.scalars(
        select(ServiceRole).where(ServiceRole.withdrawn_at.is_(None)).order_by(ServiceRole.client_id, ServiceRole.role)
    )
    return [_holding(row) for row in rows]


def find_service_role(session: Session, holding_id: str) -> RoleHolding:
    """Return one that is held now. :raises NotFound: ``role_not_held``."""
    for each in list_service_roles(session):
        if each.id == holding_id:
            return each
    raise NotFound("No application holds this role now.", code="role_not_held")


def grant_service_role(
    session: Session,
    *,
    journal: Journal,
    client_id: str,
    role: Role,
    institution_ruc: str | None,
    actor: str,
    now: datetime,
) -> RoleHolding:
    """Give an application a role; it counts from its next call.

    :param actor: id of the person who grants, or ``command``.
    :raises Denied: (``role_above``) only a superadministrator does; (``own_service``) whoever has it in hand does not,
        see :func:`require_another_hand`; both on record.
    :raises NotFound: ``unknown_client``. :raises Conflict: ``role_already_held``.
    :raises Rejected: ``role_not_for_services``, ``role_not_institutional``, ``not_a_service``.
    """
    client = find_client(session, client_id)
    changes = list_changes(session, client_id, limit=_MOST_CHANGES)
    registered_by = next((each.changed_by for each in changes if each.kind == REGISTERED), None)
    _require_superadministrator(session, journal, EventType.ROLE_GRANTED, client_id, role, actor=actor, now=now)
    # Whoever has the machine has everything.
    if actor.partition(":")[0] != "command" and _are_one_hand(session, actor, _hands_of(session, [client_id])):
        error = Denied("Another person gives it a role.", code="own_service")
        _refuse(session, journal, EventType.ROLE_GRANTED, client_id, role, error, actor=actor, now=now)
    if role not in SERVICE_ROLES:
        raise Rejected("An application does not hold this role.", code="role_not_for_services")
    if institution_ruc and role is Role.AUDITOR:
        raise Rejected("This role reaches the whole service.", code="role_not_institutional")
    if not may_hold_roles(client):
        raise Rejected("It is no service of this API, in production.", code="not_a_service")
    row = ServiceRole(
        id=new_id(),
        client_id=client_id,
        role=role.value,
        institution_ruc=institution_ruc,
        registered_by=registered_by,
        granted_by=actor,
        granted_at=now,
    )
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as held:
        raise Conflict("The application holds this role already.", code="role_already_held") from held
    details = {"role": role.value, "service": True} | ({"institution": institution_ruc} if institution_ruc else {})
    event = Event(type=EventType.ROLE_GRANTED, actor=actor, client_id=client_id, details=details)
    journal.record(session, event, now=now)
    return _holding(row)


def withdraw_service_role(
    session: Session, *, journal: Journal, holding_id: str, actor: str, now: datetime
) -> RoleHolding:
    """Take a role from an application; its next call feels it.

    :raises NotFound: ``role_not_held``. :raises Denied: (``role_above``) on record.
    """
    held = find_service_role(session, holding_id)
    client_id = client_of(held)
    _require_superadministrator(session, journal, EventType.ROLE_WITHDRAWN, client_id, held.role, actor=actor, now=now)
    taken = session.execute(
        update(ServiceRole)
        .where(ServiceRole.id == holding_id, ServiceRole.withdrawn_at.is_(None))
        .values(withdrawn_at=now, withdrawn_by=actor)
        .returning(ServiceRole.id)
    ).one_or_none()
    if taken is None:
        raise NotFound("No application holds this role now.", code="role_not_held")
    details = {"role": held.role.value, "service": True}
    event = Event(type=EventType.ROLE_WITHDRAWN, actor=actor, client_id=client_id, details=details)
    journal.record(session, event, now=now)
    return held


def require_another_hand(
    session: Session,
    *,
    journal: Journal,
    kind: EventType,
    actor: str,
    proposers: tuple[str, ...],
    about: str,
    now: datetime,
) -> None:
    """Refuse, on record, whoever decides what he asked for by another way: by a service that is his, or by another
    account of his (:mod:`idp.accounts.one_hand`). A service decides nothing that somebody asked for.

    A service is in the hands of who registered it and of whoever gave it a secret, keys or a certificate here: he may
    have kept it.

    :param kind: the event of the decision. :param proposers: whoever asked for it or agreed before; who he is himself
        is judged by the caller. :param about: what is decided.
    :raises Denied: ``own_service``, ``same_person``, ``service_decides``.
    """

    def refuse(code: str, words: str) -> NoReturn:
        event = Event(type=kind, outcome=Outcome.REFUSED, reason=code, actor=actor, object_id=about)
        journal.refuse(session, event, Denied(words, code=code), now=now)

    asked = [each for each in proposers if each]
    if asked and actor.startswith(_SERVICE):
        refuse("service_decides", "A person decides it.")
    if _are_one_hand(session, actor, [each for each in asked if each != actor]):
        refuse("same_person", "Somebody else decides it.")
    clients = [each.removeprefix(_SERVICE) for each in asked if each.startswith(_SERVICE)]
    if _are_one_hand(session, actor, _hands_of(session, clients)):
        refuse("own_service", "A service and who registered it are one hand.")


def _are_one_hand(session: Session, actor: str, others: Iterable[str]) -> bool:
    return any(accounts_in_one_hand(session, actor, each) for each in others)


def _hands_of(session: Session, clients: Sequence[str]) -> set[str]:
    """Return who may act as one of these applications, as far as it is on record here."""
    hands: set[str | None] = set()
    for client_id in clients:
        hands |= set(session.scalars(select(ServiceRole.registered_by).where(ServiceRole.client_id == client_id)))
        hands |= hands_of(session, client_id)
        certified = (
            select(CertificateRequest.requested_by)
            .join(ClientRow, ClientRow.certificate_request_id == CertificateRequest.id)
            .where(ClientRow.client_id == client_id)
        )
        hands |= set(session.scalars(certified))
    return {each for each in hands if each}


def _require_superadministrator(
    session: Session, journal: Journal, kind: EventType, client_id: str, role: Role, *, actor: str, now: datetime
) -> None:
    if actor.partition(":")[0] == "command":
        return
    if Role.SUPERADMINISTRATOR not in {each.role for each in list_role_holdings(session, person_id=actor)}:
        error = Denied("Only a superadministrator gives and takes roles of applications.", code="role_above")
        _refuse(session, journal, kind, client_id, role, error, actor=actor, now=now)


def _refuse(
    session: Session,
    journal: Journal,
    kind: EventType,
    client_id: str,
    role: Role,
    error: Denied,
    *,
    actor: str,
    now: datetime,
) -> None:
    event = Event(
        type=kind,
        outcome=Outcome.REFUSED,
        reason=error.code,
        actor=actor,
        client_id=client_id,
        details={"role": role.value, "service": True},
    )
    journal.refuse(session, event, error, now=now)


def _held(session: Session, client_id: str) -> list[ServiceRole]:
    return list(
        session.scalars(
            select(ServiceRole)
            .where(ServiceRole.client_id == client_id, ServiceRole.withdrawn_at.is_(None))
            .order_by(ServiceRole.id)
        )
    )


def _holding(row: ServiceRole) -> RoleHolding:
    return RoleHolding(
        id=row.id,
        person_id=service_actor(row.client_id),
        role=Role(row.role),
        institution_ruc=row.institution_ruc,
        granted_by=row.granted_by,
        granted_at=row.granted_at,
    )
