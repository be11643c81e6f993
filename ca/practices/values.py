"""What stands in the statement's texts and is decided elsewhere: settings, profiles, lifetimes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from cryptography.x509.oid import NameOID

from ca.issuance.authority import AuthorityRecord
from ca.locations import cps_url, ocsp_url
from ca.profiles.registry import ProfileRegistry
from ca.requests.submit import DECISION_LIFETIME
from ca.revocation.crl import LIST_LIFETIME, ROOT_LIST_LIFETIME
from ca.revocation.ocsp_answer import ANSWER_LIFETIME
from kernel.settings import Settings

_HOUR = timedelta(hours=1)


def issuing_organization(authorities: Iterable[AuthorityRecord]) -> str:
    """Return who issues, as the newest root's subject says: its organization, else its name; empty without a root."""
    roots = [record.certificate for record in authorities if record.is_root]
    if not roots:
        return ""
    subject = max(roots, key=lambda root: root.not_valid_before_utc).subject
    for kind in (NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME):
        if found := subject.get_attributes_for_oid(kind):
            return str(found[0].value)
    return ""


def statement_values(settings: Settings, profiles: ProfileRegistry, *, organization: str) -> dict[str, dict[str, str]]:
    """Return the values by language and name.

    :param organization: who issues, see :func:`issuing_organization`.
    """
    common = {
        "cps": cps_url(settings.issuer),
        "origin": settings.issuer,
        "ocsp": ocsp_url(settings.issuer),
        "arc": settings.pki_arc,
        "domicile": settings.pki_domicile,
        "organization": organization,
        "decision_hours": str(DECISION_LIFETIME // _HOUR),
        "answer_hours": str(ANSWER_LIFETIME // _HOUR),
        "list_days": str(LIST_LIFETIME.days),
        "root_list_days": str(ROOT_LIST_LIFETIME.days),
        "backdating_hours": str(settings.pki_backdating_hours),
        "notice_days": ", ".join(str(days) for days in settings.pki_notice_days) or "0",
    }
    asked = [profile for profile in profiles.list() if profile.requestable]
    return {
        language: common
        | {
            "profiles": "; ".join(profile.title for profile in asked),
            "lifetimes": "; ".join(f"{profile.name} {profile.lifetime_days} {days}" for profile in asked),
        }
        for language, days in (("es", "días"), ("en", "days"))
    }
