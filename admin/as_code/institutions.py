"""Institutions in a configuration: by RUC, with what certificates of theirs may name."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from admin.as_code.work import Work
from idp.accounts.identity import parse_email
from idp.directory.domain import normalize_domain
from idp.directory.institutions import (
    Institution,
    add_institution,
    list_institutions,
    set_institution_active,
    set_institution_contact,
    set_institution_domains,
    set_institution_name,
    set_institution_networks,
)
from idp.directory.network import normalize_network
from idp.directory.ruc import normalize_ruc

SECTION = "institutions"
MEMBERS: Mapping[str, type] = {"name": str, "active": bool, "contact_email": str, "domains": list, "networks": list}


def export_institutions(session: Session) -> dict[str, Any]:
    """Return every institution, by RUC."""
    return {
        each.ruc: {
            "name": each.name,
            "active": each.active,
            "contact_email": each.contact_email or None,
            "domains": sorted(each.domains),
            "networks": sorted(each.networks),
        }
        for each in sorted(list_institutions(session), key=lambda each: each.ruc)
    }


def apply_institutions(work: Work, entries: Mapping[str, Mapping[str, Any]]) -> None:
    """Make the institutions what ``entries`` say; those that close, close when everything else was done.

    :raises Rejected: with the place in the file.
    """
    standing = {each.ruc: each for each in list_institutions(work.session)}
    for key, entry in entries.items():
        with work.at(SECTION, key):
            ruc = normalize_ruc(key)
            if ruc != key:
                raise work.wrong(f"the RUC is written {ruc}")
            found = standing.pop(ruc, None) or _add(work, ruc, entry)
        _change(work, found, entry)
    for institution in standing.values() if work.prune else ():
        if institution.active:
            work.close_later((SECTION, institution.ruc), partial(_set_active, work, institution, active=False))


def _add(work: Work, ruc: str, entry: Mapping[str, Any]) -> Institution:
    if not entry.get("name"):
        raise work.wrong("a new institution has a name")
    return add_institution(
        work.session, journal=work.journal, ruc=ruc, name=entry["name"], actor=work.actor, now=work.now
    )


def _change(work: Work, found: Institution, entry: Mapping[str, Any]) -> None:
    at: dict[str, Any] = {"institution_id": found.id, "actor": work.actor, "now": work.now}
    session = work.session
    with work.at(SECTION, found.ruc, "name"):
        if (name := " ".join((entry.get("name") or found.name).split())) != found.name:
            set_institution_name(session, journal=work.journal, name=name, **at)
    with work.at(SECTION, found.ruc, "domains"):
        if "domains" in entry:
            domains = sorted({normalize_domain(each) for each in entry["domains"] or ()})
            if domains != sorted(found.domains):
                set_institution_domains(session, journal=work.journal, domains=domains, **at)
    with work.at(SECTION, found.ruc, "networks"):
        if "networks" in entry:
            networks = sorted({normalize_network(each) for each in entry["networks"] or ()})
            if networks != sorted(found.networks):
                set_institution_networks(session, journal=work.journal, networks=networks, **at)
    with work.at(SECTION, found.ruc, "contact_email"):
        if "contact_email" in entry:
            email = parse_email(entry["contact_email"]) if entry["contact_email"] else ""
            if email != found.contact_email:
                set_institution_contact(session, journal=work.journal, email=email, **at)
    if entry.get("active") is True and not found.active:
        _set_active(work, found, active=True)
    if entry.get("active") is False and found.active:
        work.close_later((SECTION, found.ruc), partial(_set_active, work, found, active=False))


def _set_active(work: Work, institution: Institution, *, active: bool) -> None:
    set_institution_active(
        work.session,
        journal=work.journal,
        institution_id=institution.id,
        active=active,
        actor=work.actor,
        now=work.now,
    )
