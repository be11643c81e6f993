"""How a person's identity was verified, as OpenID Connect for Identity Assurance 1.0 tells it (§5.4)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from idp.accounts.person import Person
from idp.authentication.assurance import VERIFIED
from idp.levels.evidence import DESK, REGISTRY, LevelEvidence, list_evidence
from idp.protocol.verified_claims import Verification

_DOCUMENT_TYPES = {"cedula": "idcard", "passport": "passport"}


def verification_of(session: Session, person: Person, *, now: datetime) -> Verification | None:
    """Return how the person's identity was verified, or nothing below level 2."""
    if person.level < VERIFIED:
        return None
    checks = [item for item in list_evidence(session, person.id, now=now) if item.level >= VERIFIED]
    if not checks:
        return None
    told = [evidence for item in checks if (evidence := _told(item)) is not None]
    return Verification(
        assurance_level=f"level{person.level}", verified_at=checks[0].established_at, evidence=tuple(told)
    )


def _told(item: LevelEvidence) -> Mapping[str, Any] | None:
    checked_at = item.established_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    if item.method == REGISTRY:
        return {
            "type": "electronic_record",
            "check_details": [{"check_method": "kbv", "organization": "Registro Civil", "time": checked_at}],
            "record": {"type": "population_register", "source": {"name": "Registro Civil", "country_code": "ECU"}},
        }
    if item.method == DESK:
        kind = _DOCUMENT_TYPES.get(item.document or "")
        return {
            "type": "document",
            "check_details": [{"check_method": "vpip", "time": checked_at}],
            **({"document_details": {"type": kind}} if kind else {}),
        }
    return None
