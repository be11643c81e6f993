"""Search: who may, what may be done, where it may be done (Authorization API 1.0 §8).

What is found would be allowed if it were asked; nothing else is.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from idp.clients.client import Client
from idp.consent.model import ConsentRow
from idp.rights.decisions.known_subject import find_subject
from idp.rights.decisions.question import USER, Window, permission_name, split_permission
from idp.rights.holdings import Holding, counting_holdings, holdings_of, read_holdings
from idp.rights.model import AssignmentRow
from idp.services import IdpServices
from idp.tokens.subject import subject_for


def search_subjects(
    session: Session, *, services: IdpServices, client: Client, asked: Mapping[str, Any], now: datetime
) -> list[dict[str, Any]]:
    """Return the people who may, by the names under which the application knows them; who never used it is not one."""
    if asked["subject"]["type"] != USER:
        return []
    known = select(ConsentRow.person_id).where(
        ConsentRow.client_id == client.client_id, ConsentRow.withdrawn_at.is_(None)
    )
    wanted = counting_holdings(now).where(
        AssignmentRow.client_id == client.client_id, AssignmentRow.person_id.in_(known)
    )
    permission = permission_name(asked["resource"]["type"], asked["action"]["name"])
    people = {
        each.person_id for each in read_holdings(session, wanted) if _fits(each, permission, asked["institution"])
    }
    names = sorted(subject_for(services, client, person_id) for person_id in people)
    return [{"type": USER, "id": name} for name in names]


def search_resources(
    session: Session, *, services: IdpServices, client: Client, asked: Mapping[str, Any], now: datetime
) -> list[dict[str, Any]]:
    """Return where the person may do it: the resources of that type of each institution, named by its RUC."""
    kind = asked["resource"]["type"]
    permission = permission_name(kind, asked["action"]["name"])
    held = _holdings(session, services, client, asked["subject"], now=now)
    rucs = sorted({each.institution_ruc for each in held if _fits(each, permission, asked["institution"])})
    return [{"type": kind, "id": ruc, "properties": {"institution": ruc}} for ruc in rucs]


def search_actions(
    session: Session, *, services: IdpServices, client: Client, asked: Mapping[str, Any], now: datetime
) -> list[dict[str, Any]]:
    """Return what the person may do with the resource."""
    held = _holdings(session, services, client, asked["subject"], now=now)
    names = {
        split_permission(name)[1]
        for each in held
        if asked["institution"] in (None, each.institution_ruc)
        for name in each.permissions
        if split_permission(name)[0] == asked["resource"]["type"]
    }
    return [{"name": name} for name in sorted(names)]


def page_of(results: list[dict[str, Any]], window: Window) -> dict[str, Any]:
    """Return the answer with its part of the results (§8.2.2); an empty ``next_token``: there are no more."""
    part = results[window.start : window.start + window.size]
    end = window.start + len(part)
    token = str(end) if end < len(results) else ""
    return {"page": {"next_token": token, "count": len(part), "total": len(results)}, "results": part}


def _holdings(
    session: Session, services: IdpServices, client: Client, subject: Mapping[str, str], *, now: datetime
) -> list[Holding]:
    person_id = find_subject(session, services, client, subject["id"]) if subject["type"] == USER else None
    if person_id is None:
        return []
    return holdings_of(session, person_id=person_id, client_id=client.client_id, now=now)


def _fits(holding: Holding, permission: str, institution_ruc: str | None) -> bool:
    return permission in holding.permissions and institution_ruc in (None, holding.institution_ruc)
