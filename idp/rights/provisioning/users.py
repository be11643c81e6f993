"""Users of a personnel system: belongings of its own institution, and nothing else about the people."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from idp.accounts.identity import parse_cedula
from idp.accounts.person import VERIFIED_LEVEL, find_person_by_cedula
from idp.directory.institutions import find_institution_by_ruc
from idp.rights.belonging import (
    Belonging,
    Source,
    begin_belonging,
    belonging_value,
    change_belonging,
    find_belonging,
)
from idp.rights.leaving import leave_institution
from idp.rights.model import BelongingRow
from idp.rights.provisioning.filter import parse_filter
from idp.services import IdpServices
from idp.tokens.own_api import CallingService
from kernel.errors import Conflict, NotFound, Rejected

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
#: Ours: whom the user is, by ``cedula``. Written when the user is made, and never read back.
PERSON = "urn:sau:params:scim:schemas:1.0:Person"
_FILTERED = {name.lower(): name for name in ("id", "externalId", "userName", "title", "active")}
_WRITABLE = ("externalId", "userName", "title", "active")
MOST_USERS = 200


def user_document(belonging: Belonging, *, base: str) -> dict[str, Any]:
    """Return the resource: what the system said itself, never what the person's account says."""
    document: dict[str, Any] = {
        "schemas": [USER],
        "id": belonging.id,
        "externalId": belonging.external_id,
        "userName": belonging.user_name or belonging.id,
        "title": belonging.post or None,
        "active": belonging.ended_at is None,
        "meta": {
            "resourceType": "User",
            "created": belonging.created_at.isoformat(),
            "lastModified": belonging.updated_at.isoformat(),
            "version": etag(belonging),
            "location": f"{base}/Users/{belonging.id}",
        },
    }
    return {name: value for name, value in document.items() if value is not None}


def etag(belonging: Belonging) -> str:
    """Return the version of the resource (RFC 7644 §3.14)."""
    return f'W/"{belonging.version}"'


def create_user(
    session: Session, *, services: IdpServices, caller: CallingService, body: Mapping[str, Any], now: datetime
) -> Belonging:
    """Link a person with a verified identity to the institution; no account is made, changed or read.

    :raises Rejected: ``invalid_value``: no such person (absent, not verified and closed look the same).
    :raises Conflict: ``belongs_already``.
    """
    told = body.get(PERSON)
    cedula = parse_cedula(str(told.get("cedula", ""))) if isinstance(told, dict) else ""
    person = find_person_by_cedula(session, cedula) if cedula else None
    if person is None or not person.is_active or person.level < VERIFIED_LEVEL:
        raise Rejected("Nobody with a verified identity has this cédula.", code="invalid_value")
    values = _texts(body)
    return begin_belonging(
        session,
        journal=services.journal,
        institution_id=institution_of(session, caller),
        person_id=person.id,
        post=values.get("title") or "",
        source=Source.SCIM,
        external_id=values.get("externalId"),
        user_name=values.get("userName"),
        actor=caller.client_id,
        now=now,
    )


def read_user(session: Session, *, caller: CallingService, user_id: str) -> Belonging:
    """Return one. :raises NotFound: (``unknown_belonging``) also for another institution's."""
    return find_belonging(session, user_id, institution_id=institution_of(session, caller))


def list_users(
    session: Session, *, caller: CallingService, text: str, start: int, count: int, base: str
) -> dict[str, Any]:
    """Return a part of the institution's users, those that the filter wants (§3.4.2)."""
    rows = session.scalars(
        select(BelongingRow)
        .where(BelongingRow.institution_id == institution_of(session, caller))
        .order_by(BelongingRow.id)
    )
    found = [user_document(belonging_value(row), base=base) for row in rows]
    if text:
        matches = parse_filter(text, attributes=_FILTERED)
        found = [each for each in found if matches(each)]
    part = found[start - 1 : start - 1 + count]
    return {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": len(found),
        "startIndex": start,
        "itemsPerPage": len(part),
        "Resources": part,
    }


def change_user(
    session: Session,
    *,
    services: IdpServices,
    caller: CallingService,
    user_id: str,
    values: Mapping[str, Any],
    if_match: str | None,
    now: datetime,
) -> Belonging:
    """Change what ``values`` names; ``active`` false is leaving.

    :raises NotFound: ``unknown_belonging``. :raises Conflict: ``changed_meanwhile`` (the version is another),
        ``belonging_ended``. :raises Rejected: ``invalid_value``.
    """
    belonging = read_user(session, caller=caller, user_id=user_id)
    if if_match not in (None, "*", etag(belonging)):
        raise Conflict("Somebody else changed this meanwhile.", code="changed_meanwhile")
    active = values.get("active", belonging.ended_at is None)
    active = {"true": True, "false": False}.get(active.lower(), active) if isinstance(active, str) else active
    if not isinstance(active, bool):
        raise Rejected("active is true or false.", code="invalid_value")
    if belonging.ended_at is not None:
        if active:
            raise Conflict("Who left is linked anew.", code="belonging_ended")
        return belonging
    texts = _texts(values)
    belonging = change_belonging(
        session,
        journal=services.journal,
        belonging=belonging,
        post=texts.get("title"),
        external_id=texts.get("externalId"),
        user_name=texts.get("userName"),
        actor=caller.client_id,
        now=now,
    )
    if not active:
        leave_institution(
            session,
            services=services,
            belonging_id=belonging.id,
            institution_id=belonging.institution_id,
            actor=caller.client_id,
            now=now,
        )
        belonging = read_user(session, caller=caller, user_id=user_id)
    return belonging


def patched_values(body: object) -> dict[str, Any]:
    """Return what a PATCH request sets (§3.5.2): ``add`` and ``replace`` of simple attributes.

    :raises Rejected: ``invalid_value``.
    """
    operations = body.get("Operations") if isinstance(body, dict) else None
    if not isinstance(operations, list) or not 0 < len(operations) <= 20:
        raise Rejected("Operations is a list of 20 at most.", code="invalid_value")
    values: dict[str, Any] = {}
    for each in operations:
        if not isinstance(each, dict) or str(each.get("op", "")).lower() not in ("add", "replace"):
            raise Rejected("op is add or replace.", code="invalid_value")
        path, value = each.get("path"), each.get("value")
        given = {path: value} if isinstance(path, str) else value
        if not isinstance(given, dict):
            raise Rejected("An operation names a path, or has an object as its value.", code="invalid_value")
        for name, inner in given.items():
            known = next((one for one in _WRITABLE if one.lower() == str(name).lower()), None)
            if known is None:
                raise Rejected("That attribute cannot be changed.", code="invalid_value")
            values[known] = inner
    return values


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    texts = {name: values[name] for name in ("externalId", "userName", "title") if values.get(name) is not None}
    if not all(isinstance(value, str) for value in texts.values()):
        raise Rejected("externalId, userName and title are texts.", code="invalid_value")
    return texts


def institution_of(session: Session, caller: CallingService) -> str:
    """Return the id of the institution whose personnel system calls. :raises NotFound: ``unknown_belonging``."""
    try:
        return find_institution_by_ruc(session, caller.institution_ruc).id
    except Rejected as error:
        raise NotFound("There is nothing here.", code="unknown_belonging") from error
