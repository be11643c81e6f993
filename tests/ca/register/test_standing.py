"""Whose a certificate is and whether it counts, asked of the records: every reason to refuse one, and one query."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import event, update

from ca.ceremony.hierarchy import Hierarchy
from ca.issuance.model import Certificate
from ca.register.standing import CertificateRegister, KnownCertificate
from ca.requests.client_certificate import complete_client_certificate, request_client_certificate
from ca.revocation.compromised_key import block_key
from ca.revocation.revoke import revoke_certificate
from ca.serial import serial_text
from ca.services import CaServices
from kernel.errors import Denied, Rejected
from kernel.identifiers import sha256_hex
from tests.ca.csr import make_csr
from tests.ca.ground import PERSON, RUC
from tests.ca.issued import issue
from tests.web.test_client_certificate import self_signed


@pytest.fixture
def register(hierarchy: Hierarchy) -> CertificateRegister:
    """The register of a service with a hierarchy."""
    return CertificateRegister()


def _identify(
    register: CertificateRegister, services: CaServices, certificate: x509.Certificate, now: datetime
) -> KnownCertificate:
    with services.database.reading() as session:
        return register.identify(session, certificate.public_bytes(Encoding.DER), now=now)


def _refused(register: CertificateRegister, services: CaServices, certificate: x509.Certificate, now: datetime) -> str:
    with pytest.raises(Denied) as caught:
        _identify(register, services, certificate, now)
    return caught.value.code


def _revoke(services: CaServices, serial: int, now: datetime, reason: str = "superseded") -> None:
    with services.database.transaction() as session:
        revoke_certificate(session, services=services, serial=serial_text(serial), reason=reason, actor="ana", now=now)


def test_a_good_certificate_is_named_with_its_owner(
    register: CertificateRegister, services: CaServices, now: datetime
) -> None:
    """RFC 8705 §2.1.2: the names by which an application registers."""
    certificate = issue(services, "tls-client", now)
    known = _identify(register, services, certificate, now)
    assert known.serial == serial_text(certificate.serial_number)
    assert known.sha256 == sha256_hex(certificate.public_bytes(Encoding.DER))
    assert (known.profile, known.institution_ruc, known.holder_id) == ("tls-client", RUC, None)
    assert known.subject == certificate.subject.rfc4514_string()
    assert "CN=Portal de trámites" in known.subject


def test_a_personal_certificate_names_its_person(
    register: CertificateRegister, services: CaServices, now: datetime
) -> None:
    """The person of the account, by id; the cédula stands in the certificate as in that for signing."""
    certificate = issue(services, "person-authentication", now)
    known = _identify(register, services, certificate, now)
    assert known.holder_id == PERSON.id
    assert f"2.5.4.5=IDCEC-{PERSON.cedula}" in known.subject


def test_a_foreign_certificate_is_unknown(register: CertificateRegister, services: CaServices, now: datetime) -> None:
    """Whatever names it carries: only what this authority recorded is one of its certificates."""
    assert _refused(register, services, self_signed(), now) == "certificate_unknown"


def test_a_servers_certificate_is_not_for_logging_in(
    register: CertificateRegister, services: CaServices, now: datetime
) -> None:
    """RFC 5280 §4.2.1.12: clientAuth is demanded, since verifiers of clients let it be absent."""
    for profile in ("tls-server", "institution-seal", "public-servant-signature"):
        certificate = issue(services, profile, now)
        assert _refused(register, services, certificate, now) == "certificate_not_for_clients"


def test_dates_are_kept(register: CertificateRegister, services: CaServices, now: datetime) -> None:
    """RFC 5280 §4.1.2.5: both ends inclusive."""
    certificate = issue(services, "tls-client", now)
    first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    assert _identify(register, services, certificate, first)
    assert _identify(register, services, certificate, last)
    second = timedelta(seconds=1)
    assert _refused(register, services, certificate, first - second) == "certificate_not_yet_valid"
    assert _refused(register, services, certificate, last + second) == "certificate_expired"


def test_a_revoked_certificate_counts_no_more_at_once(
    register: CertificateRegister, services: CaServices, now: datetime
) -> None:
    """The record is asked, not a list: no window between revocation and publication."""
    certificate = issue(services, "tls-client", now)
    assert _identify(register, services, certificate, now)
    _revoke(services, certificate.serial_number, now)
    assert _refused(register, services, certificate, now) == "certificate_revoked"


def test_a_compromised_key_takes_every_certificate_of_it_along(
    register: CertificateRegister, services: CaServices, now: datetime
) -> None:
    """BR §4.9.1.1: whoever has the key could use any certificate of it."""
    certificate = issue(services, "tls-client", now)
    known = _identify(register, services, certificate, now)
    with services.database.transaction() as session:
        row = session.get_one(Certificate, known.serial)
        block_key(session, spki_sha256=row.spki_sha256, serial=known.serial, compromised_at=None, now=now)
    assert _refused(register, services, certificate, now) == "certificate_revoked"


def test_a_revoked_authority_takes_its_certificates_along(
    register: CertificateRegister, services: CaServices, hierarchy: Hierarchy, now: datetime
) -> None:
    """RFC 5280 §6.1: the whole path has to be good, not its last certificate alone."""
    certificate = issue(services, "tls-client", now)
    assert _identify(register, services, certificate, now)
    _revoke(services, hierarchy.issuing.serial_number, now, reason="cACompromise")
    assert _refused(register, services, certificate, now) == "certificate_revoked"
    assert _refused(CertificateRegister(), services, certificate, now) == "certificate_revoked"


def test_an_unsigned_certificate_is_nobodys(register: CertificateRegister, services: CaServices, now: datetime) -> None:
    """Recorded and not yet signed: nobody can hold it."""
    certificate = issue(services, "tls-client", now)
    with services.database.transaction() as session:
        session.execute(update(Certificate).values(certificate_der=None, certificate_sha256=None))
    assert _refused(register, services, certificate, now) == "certificate_unknown"


def test_what_is_bound_to_a_certificate_is_asked_by_thumbprint(
    register: CertificateRegister, services: CaServices, now: datetime
) -> None:
    """Introspection sees no certificate, only ``cnf``; one that is not ours is none of the authority's business."""
    certificate = issue(services, "tls-client", now)
    ours, foreign = (sha256_hex(item.public_bytes(Encoding.DER)) for item in (certificate, self_signed()))
    with services.database.reading() as session:
        register.require_standing(session, sha256=ours, now=now)
        register.require_standing(session, sha256=foreign, now=now)
    _revoke(services, certificate.serial_number, now)
    with services.database.reading() as session, pytest.raises(Denied):
        register.require_standing(session, sha256=ours, now=now)


@contextmanager
def _counted(services: CaServices) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(_c: object, _k: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    event.listen(services.database.engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(services.database.engine, "before_cursor_execute", note)


def test_an_answer_is_one_query(register: CertificateRegister, services: CaServices, now: datetime) -> None:
    """It is asked on every use of a bound token."""
    certificate = issue(services, "tls-client", now)
    _identify(register, services, certificate, now)
    with _counted(services) as statements:
        _identify(register, services, certificate, now)
    assert len([statement for statement in statements if statement.lstrip().startswith("SELECT")]) == 1


def test_an_application_gets_its_certificate_with_its_registration(
    register: CertificateRegister, services: CaServices, now: datetime
) -> None:
    """Approved in the registration's transaction, signed after it, bound to that client_id and no other."""
    with services.database.transaction() as session:
        requested = request_client_certificate(
            session,
            services=services,
            csr=make_csr(common_name="Otro nombre", dns=()),
            client_id="0123456789abcdefghjkmnpqrs",
            client_name="Trámites  en línea",
            institution_ruc=RUC,
            requested_by="token:abc",
            now=now,
        )
    issued = complete_client_certificate(services, requested.request_id, now=now)
    assert complete_client_certificate(services, requested.request_id, now=now).serial == issued.serial
    assert (issued.serial, issued.subject) == (requested.serial, requested.subject)
    assert "CN=Trámites en línea" in issued.subject
    certificates = x509.load_pem_x509_certificates(issued.chain_pem.encode())
    assert len(certificates) == 2
    known = _identify(register, services, certificates[0], now)
    assert known.client_id == "0123456789abcdefghjkmnpqrs"
    assert known.client_id in known.subject


def test_a_registration_that_is_rolled_back_leaves_no_certificate(services: CaServices, hierarchy: Hierarchy) -> None:
    """Client and certificate exist together, or neither does."""
    now = services.clock.now()
    with pytest.raises(RuntimeError), services.database.transaction() as session:
        request_client_certificate(
            session,
            services=services,
            csr=make_csr(common_name=None, dns=()),
            client_id="c1",
            client_name="Trámites",
            institution_ruc=RUC,
            requested_by="token:abc",
            now=now,
        )
        raise RuntimeError
    with services.database.reading() as session:
        assert session.query(Certificate).filter(Certificate.client_id == "c1").count() == 0


def test_a_name_that_is_not_the_institutions_is_refused(
    hierarchy: Hierarchy, services: CaServices, now: datetime
) -> None:
    """Every check of a request made by hand runs for a registration as well."""
    with pytest.raises(Rejected) as caught, services.database.transaction() as session:
        request_client_certificate(
            session,
            services=services,
            csr=make_csr(common_name=None, dns=("tramites.ajena.gob.ec",)),
            client_id="c1",
            client_name="Trámites",
            institution_ruc=RUC,
            requested_by="token:abc",
            now=now,
        )
    assert caught.value.code == "name_not_registered"
