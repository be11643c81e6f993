"""Enrolment by a protocol: one way to a certificate, with the checks of a request made by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID
from sqlalchemy import func, select

from audit.model import AuditEvent
from ca.issuance.model import Certificate
from ca.profiles.registry import ProfileRegistry
from ca.requests.enroll import EnrolledRequest, complete_enrolment, enroll
from ca.requests.model import CertificateRequest
from ca.requests.view import Status, find_request
from ca.services import CaServices
from kernel.errors import Denied, Rejected
from tests.ca.csr import SERVER, make_csr
from tests.ca.ground import RUC

pytestmark = pytest.mark.usefixtures("hierarchy")

PROVED = "www.ejemplo.com.ec"


@pytest.fixture
def alone(services: CaServices) -> CaServices:
    """The authority with a server profile that one person decides."""
    server = replace(services.profiles.get("tls-server"), name="tls-server-alone", people=1)
    return replace(services, profiles=ProfileRegistry((*services.profiles.list(), server)))


def ask(services: CaServices, now: datetime, **overrides: Any) -> EnrolledRequest:
    """An enrolment of the ministry."""
    arguments = {
        "profile": "tls-server-alone",
        "csr": make_csr(),
        "institution_ruc": RUC,
        "requested_by": "acme:1",
    } | overrides
    with services.database.transaction() as session:
        return enroll(session, services=services, now=now, **arguments)


def test_a_request_becomes_a_certificate_and_the_signature_can_be_repeated(alone: CaServices, now: datetime) -> None:
    """One certificate, whose serial and subject were known before it was signed."""
    enrolled = ask(alone, now)
    first = complete_enrolment(alone, enrolled.request_id, actor="acme:1", now=now)
    again = complete_enrolment(alone, enrolled.request_id, actor="acme:1", now=now)
    assert first == again
    assert (first.serial, first.subject) == (enrolled.serial, enrolled.subject)
    leaf, *above = x509.load_pem_x509_certificates(first.chain_pem.encode())
    assert leaf == x509.load_der_x509_certificate(first.certificate_der)
    assert len(above) == 1
    with alone.database.reading() as session:
        row = session.get_one(Certificate, enrolled.serial)
        assert (row.institution_ruc, row.names) == (RUC, [SERVER])
        delivered = select(AuditEvent).where(AuditEvent.type == "ca:certificate:delivered")
        assert {event.actor for event in session.scalars(delivered)} == {"acme:1"}


def test_what_two_people_decide_is_not_enrolled(services: CaServices, now: datetime) -> None:
    """Certificate authority, line 16: no protocol is the second person."""
    with pytest.raises(Denied) as caught:
        ask(services, now, profile="tls-server")
    assert caught.value.code == "two_people_needed"
    with services.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Certificate).where(Certificate.profile != "")) == 2


def test_a_name_that_was_proved_is_granted_for_itself(alone: CaServices, now: datetime) -> None:
    """BR §3.2.2.4: control of a name stands beside the register, also when the request is checked before signing."""
    enrolled = ask(alone, now, csr=make_csr(common_name=PROVED, dns=(PROVED, SERVER)), proved_names=[PROVED])
    done = complete_enrolment(alone, enrolled.request_id, actor="acme:1", now=now)
    with alone.database.reading() as session:
        assert session.get_one(Certificate, done.serial).names == [PROVED, SERVER]


@pytest.mark.parametrize(
    ("asked", "proved", "code"),
    [
        (PROVED, [], "name_not_registered"),
        (PROVED, ["ejemplo.com.ec"], "name_not_registered"),
        (f"a.{PROVED}", [PROVED], "name_not_registered"),
        (f"*.{PROVED}", [PROVED], "name_not_registered"),
        ("com.ec", ["com.ec"], "name_public_suffix"),
        ("*.gob.ec", ["*.gob.ec"], "name_public_suffix"),
        ("intranet", ["intranet"], "name_not_qualified"),
        ("a_b.ejemplo.com.ec", ["a_b.ejemplo.com.ec"], "name_not_ldh"),
        ("xn--pypal-4ve.com.ec", ["xn--pypal-4ve.com.ec"], "name_look_alike"),
        ("10.0.0.1", ["10.0.0.1"], "name_is_address"),
    ],
)
def test_a_proof_stands_for_one_name_and_for_no_other_check(
    alone: CaServices, now: datetime, asked: str, proved: list[str], code: str
) -> None:
    """A proof says who controls a name; that the name may be certified at all is another question."""
    with pytest.raises(Rejected) as caught:
        ask(alone, now, csr=make_csr(common_name=None, dns=(asked,)), proved_names=proved)
    assert caught.value.code == code
    with alone.database.reading() as session:
        event = session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc()).limit(1)).one()
    assert (event.type, event.outcome, event.reason) == ("ca:request:submitted", "refused", code)


def test_what_a_lint_blocks_is_kept_for_the_operator_and_not_signed(alone: CaServices, now: datetime) -> None:
    """Certificate authority, line 14: a finding blocks, whoever asks; the request shows why."""
    long_lived = replace(
        alone.profiles.get("tls-server-alone"), name="tls-server-long", lifetime_days=900, schedule="none"
    )
    services = replace(alone, profiles=ProfileRegistry((*alone.profiles.list(), long_lived)))
    with pytest.raises(Rejected) as caught:
        ask(services, now, profile="tls-server-long")
    assert caught.value.code == "lint_blocked"
    with services.database.reading() as session:
        (request_id,) = session.scalars(select(CertificateRequest.id))
        assert find_request(session, services=services, request_id=request_id).status is Status.SUBMITTED


def test_an_acme_certificate_rests_on_proofs_alone(services: CaServices, now: datetime) -> None:
    """BR §7.1.2.7.2: the subject names nothing that was not validated; a registered domain is no proof of control."""
    with pytest.raises(Rejected) as caught:
        ask(services, now, profile="tls-server-acme", proved_names=[PROVED])
    assert caught.value.code == "name_not_proved"
    enrolled = ask(services, now, profile="tls-server-acme", proved_names=[SERVER])
    done = complete_enrolment(services, enrolled.request_id, actor="acme:1", now=now)
    leaf = x509.load_der_x509_certificate(done.certificate_der)
    assert leaf.subject.rfc4514_string() == f"CN={SERVER},C=EC"
    assert lifetime_of(leaf) == timedelta(days=90)


def test_a_short_lived_certificate_needs_no_status(services: CaServices, now: datetime) -> None:
    """BR §1.6.1, §7.1.2.11.2, RFC 9608 §2: seven days at most, no list, no OCSP address, and it says so itself."""
    with pytest.raises(Rejected) as caught:  # nobody but software looks at it: control is proved, as for ninety days
        ask(services, now, profile="tls-server-short")
    assert caught.value.code == "name_not_proved"
    enrolled = ask(services, now, profile="tls-server-short", proved_names=[SERVER])
    done = complete_enrolment(services, enrolled.request_id, actor="est:1", now=now)
    leaf = x509.load_der_x509_certificate(done.certificate_der)
    assert lifetime_of(leaf) == timedelta(days=7)
    with pytest.raises(x509.ExtensionNotFound):
        leaf.extensions.get_extension_for_class(x509.CRLDistributionPoints)
    access = leaf.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    assert [item.access_method for item in access] == [AuthorityInformationAccessOID.CA_ISSUERS]
    said = leaf.extensions.get_extension_for_oid(x509.ObjectIdentifier("2.5.29.56"))
    assert (said.critical, said.value.public_bytes()) == (False, b"\x05\x00")


def lifetime_of(leaf: x509.Certificate) -> timedelta:
    """Both ends count (RFC 5280 §4.1.2.5)."""
    return leaf.not_valid_after_utc - leaf.not_valid_before_utc + timedelta(seconds=1)
