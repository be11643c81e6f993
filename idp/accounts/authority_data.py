"""What the authority, and the console, hold about a person, for that person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from idp.accounts.my_data import Entry, Section
from idp.authentication.certificate_suspension import list_suspended
from idp.services import IdpServices


def read_certificates(session: Session, *, services: IdpServices, person_id: str, now: datetime) -> Sequence[Entry]:
    """Return the person's certificates, ended ones too."""
    suspended = list_suspended(session, person_id)
    return [
        {
            "serial": item.serial,
            "kind": item.kind,
            "subject": item.subject_dn,
            "institution_ruc": item.institution_ruc,
            "state": item.standing,
            "created_at": item.not_before,
            "expires_at": item.not_after,
            "suspended_at": suspended.get(item.serial),
            "revoked_at": item.revoked_at,
            "reason": item.revocation_reason,
        }
        for item in services.personal_certificates.list_of(session, person_id, now=now)
    ]


def read_requests(session: Session, *, services: IdpServices, person_id: str, now: datetime) -> Sequence[Entry]:
    """Return what was asked for in the person's name."""
    return [
        {
            "id": item.id,
            "kind": item.kind,
            "state": item.state,
            "key": item.key_state,
            "own": item.own,
            "created_at": item.created_at,
            "decided_at": item.decided_at,
            "answer": item.answer,
        }
        for item in services.personal_certificates.requests_of(session, person_id)
    ]


def read_duties(session: Session, *, services: IdpServices, person_id: str, now: datetime) -> Sequence[Entry]:
    """Return what the person does for the service."""
    return [{"name": duty} for duty in services.duties.of(session, person_id)]


CERTIFICATES = Section(
    name="certificates", read=read_certificates, tables=("ca_certificate", "idp_suspended_certificate")
)
CERTIFICATE_REQUESTS = Section(name="certificate_requests", read=read_requests, tables=("ca_request", "ca_handover"))
DUTIES = Section(name="duties", read=read_duties, tables=("admin_role_assignment",))
