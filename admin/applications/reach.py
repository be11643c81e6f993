"""Whose applications an operator reaches: the one place where that is asked."""

from __future__ import annotations

from sqlalchemy.orm import Session

from admin.permissions import Permission
from admin.roles import Powers
from idp.clients.client import Client, find_client, list_clients
from idp.directory.institutions import Institution, find_institution, list_institutions
from kernel.errors import NotFound


def application_reached(session: Session, powers: Powers, permission: Permission, client_id: str) -> Client:
    """Return the application, if ``permission`` reaches its institution.

    :raises NotFound: ``unknown_client``, or ``not_found`` for one of another institution: it is not even named.
    """
    client = find_client(session, client_id)
    owner = owner_of(session, client)
    powers.require_institution(permission, owner.ruc if owner else None)
    return client


def applications_reached(session: Session, powers: Powers, permission: Permission) -> list[Client]:
    """Return the applications that ``permission`` reaches, by name; those that are gone for good are not among them."""
    reach = powers.institutions(permission)
    standing = [each for each in list_clients(session) if not each.deleted]
    if reach is None:
        return standing
    ids = {each.id for each in list_institutions(session) if each.ruc in reach}
    return [each for each in standing if each.institution_id in ids]


def institutions_reached(session: Session, powers: Powers, permission: Permission) -> list[Institution]:
    """Return the institutions that ``permission`` reaches, by name."""
    reach = powers.institutions(permission)
    return [each for each in list_institutions(session) if reach is None or each.ruc in reach]


def owner_of(session: Session, client: Client) -> Institution | None:
    """Return the institution whose application it is, if there is one."""
    if client.institution_id is None:
        return None
    try:
        return find_institution(session, client.institution_id)
    except NotFound:
        return None
