"""Dates and serial numbers: backdated as set, and no number twice in the whole house."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import mldsa
from pydantic import ValidationError
from sqlalchemy import select

from ca.ceremony.hierarchy import Hierarchy
from ca.issuance.assembly import read_unsigned
from ca.issuance.model import Authority, Certificate
from ca.issuance.record import Intent, record_intent
from ca.issuance.tbs import MAX_BACKDATING
from ca.lints.finding import blocking
from ca.requests.prepare import preview_request
from ca.requests.submit import DECISION_LIFETIME
from ca.services import CaServices
from kernel.errors import Conflict
from kernel.settings import Settings
from tests.ca.csr import make_csr
from tests.ca.ground import RUC


def preview(services: CaServices, now: datetime, csr: str, profile: str = "tls-server"):  # type: ignore[no-untyped-def]
    """What a request of the ministry would become."""
    inputs = {"application": "Portal"} if profile == "tls-client" else {}
    with services.database.reading() as session:
        return preview_request(
            session, services=services, profile=profile, csr=csr, institution_ruc=RUC, inputs=inputs, now=now
        )


@pytest.mark.parametrize("hours", [0, 1, 23])
def test_not_before_is_backdated_as_set(services: CaServices, hierarchy: Hierarchy, now: datetime, hours: int) -> None:
    """Certificate authority, line 2: by SAU_PKI_BACKDATING_HOURS, and never before the authority itself is valid."""
    later = now + timedelta(days=30)
    changed = replace(services, settings=services.settings.model_copy(update={"pki_backdating_hours": hours}))
    leaf = preview(changed, later, make_csr()).certificate
    assert later.replace(microsecond=0) - leaf.not_valid_before_utc == timedelta(hours=hours)
    lifetime = leaf.not_valid_after_utc - leaf.not_valid_before_utc + timedelta(seconds=1)
    assert lifetime == timedelta(days=199)


def test_backdating_and_the_time_to_decide_stay_within_48_hours() -> None:
    """BR §7.1.2.7: notBefore lies within 48 hours of the signature, however late the second person agrees."""
    with pytest.raises(ValidationError):
        Settings(pki_backdating_hours=24)
    assert DECISION_LIFETIME + timedelta(hours=23) < MAX_BACKDATING


def test_a_serial_is_given_once_whichever_authority_signs(
    services: CaServices, hierarchy: Hierarchy, now: datetime
) -> None:
    """Certificate authority, line 1: never repeated, also across authorities of ours."""
    first = preview(services, now, make_csr())
    with services.database.transaction() as session:
        other = session.scalars(select(Authority.id).where(Authority.name == "root")).one()
        intent = Intent(tbs_der=first.tbs_der, authority_id=other, profile="tls-server", profile_version=1)
        record_intent(session, intent, journal=services.journal, actor="ana", now=now)
    with services.database.transaction() as session:
        again = replace(intent, authority_id=first.authority.id)
        with pytest.raises(Conflict) as caught:
            record_intent(session, again, journal=services.journal, actor="ana", now=now)
        assert caught.value.code == "serial_taken"
        assert Certificate.__table__.primary_key.columns.keys() == ["serial"]


def test_a_key_of_ml_dsa_is_certified_where_the_profile_allows(
    services: CaServices, hierarchy: Hierarchy, now: datetime
) -> None:
    """RFC 9881; Certificate authority, line 12: the request is verified with it, and pkilint finds nothing to block."""
    key = mldsa.MLDSA65PrivateKey.generate()
    made = preview(services, now, make_csr(key, common_name="Portal", dns=()), "tls-client")
    assert blocking(made.findings) == ()
    assert read_unsigned(made.tbs_der).public_key() == key.public_key()
    assert any(row.granted == ("ML-DSA-65",) for row in made.differences if row.field == "Clave pública")
