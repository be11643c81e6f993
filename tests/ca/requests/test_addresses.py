"""IP addresses in server certificates: only in networks that were registered for the institution."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from cryptography import x509

from ca.issuance.issue import issue_approved
from ca.requests.decide import approve_request
from ca.requests.submit import submit_request
from ca.services import CaServices
from kernel.errors import Rejected
from tests.ca.csr import SERVER, make_csr
from tests.ca.ground import RUC, FakeInstitutions

pytestmark = pytest.mark.usefixtures("hierarchy")


@pytest.fixture
def holder(services: CaServices, institutions: FakeInstitutions) -> CaServices:
    """The ministry holds two networks."""
    institutions.records[RUC] = replace(institutions.records[RUC], networks=("186.46.0.0/16", "2800:370::/32"))
    return services


def test_registered_addresses_stand_in_the_certificate(holder: CaServices, now: datetime) -> None:
    """RFC 5280 §4.2.1.6, BR §3.2.2.5; Certificate authority, lines 7 and 15: iPAddress names, no dNSName."""
    csr = make_csr(addresses=["186.46.1.2", "2800:370::1"])
    with holder.database.transaction() as session:
        view = submit_request(
            session,
            services=holder,
            profile="tls-server",
            csr=csr,
            institution_ruc=RUC,
            requested_by="ana",
            now=now,
        )
        assert not view.is_blocked
        approve_request(
            session, services=holder, request_id=view.id, approver="luis", tbs_sha256=view.tbs_sha256, now=now
        )
    leaf = x509.load_der_x509_certificate(issue_approved(holder, view.id, now=now).certificate_der)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(item) for item in names.get_values_for_type(x509.IPAddress)] == ["186.46.1.2", "2800:370::1"]
    assert names.get_values_for_type(x509.DNSName) == [SERVER]


@pytest.mark.parametrize(
    ("profile", "address", "code"),
    [
        ("tls-server", "186.47.0.1", "address_not_registered"),
        ("tls-server", "10.0.0.1", "address_reserved"),
        ("tls-server", "::1", "address_reserved"),
        ("tls-server-acme", "186.46.1.2", "name_kind_refused"),
        ("tls-client", "186.46.1.2", "name_kind_refused"),
    ],
)
def test_other_addresses_are_refused(holder: CaServices, now: datetime, profile: str, address: str, code: str) -> None:
    """Nobody else's, none that anyone could have, and none where the profile grants none."""
    with holder.database.transaction() as session, pytest.raises(Rejected) as caught:
        submit_request(
            session,
            services=holder,
            profile=profile,
            csr=make_csr(addresses=[address]),
            institution_ruc=RUC,
            requested_by="ana",
            proved_names=[SERVER],
            now=now,
        )
    assert caught.value.code == code
