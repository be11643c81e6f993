"""Certificates of our authority in the hands of people and applications, for tests through the real records."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ca.ceremony.hierarchy import create_hierarchy
from ca.issuance.issue import issue_approved
from ca.requests.decide import approve_request
from ca.requests.submit import submit_request
from ca.revocation.revoke import revoke_certificate
from ca.serial import serial_text
from composition import Composition
from idp.accounts.life import verify_identity
from idp.accounts.person import find_person
from idp.directory.institutions import add_institution
from kernel.errors import Conflict
from kernel.identifiers import b64url, sha256
from tests.ca.csr import ec_key, make_csr

RUC = "1768152560001"


@dataclass(frozen=True)
class HeldCertificate:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def der(self) -> bytes:
        """The certificate."""
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def serial(self) -> str:
        """As the authority stores it."""
        return serial_text(self.certificate.serial_number)

    @property
    def x5t_s256(self) -> str:
        """The thumbprint that tokens carry."""
        return b64url(sha256(self.der))

    @property
    def key_pem(self) -> bytes:
        """The key, PKCS #8."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def write(self, path: Path) -> Path:
        """Write certificate and key as one PEM file."""
        path.write_bytes(self.certificate.public_bytes(Encoding.PEM) + self.key_pem)
        return path


def personal_certificate(composition: Composition, person_id: str, *, now: datetime) -> HeldCertificate:
    """Issue a certificate to log in with to the person, whose identity is verified first."""
    with composition.database.transaction() as session:
        verify_identity(session, services=composition.idp, person_id=person_id, level=2, actor="desk", now=now)
        cedula = find_person(session, person_id).cedula
    return _issue(composition, "person-authentication", {"cedula": cedula}, None, now=now)


def application_certificate(composition: Composition, *, now: datetime, name: str = "Portal") -> HeldCertificate:
    """Issue a certificate of an application of an institution of ours."""
    with composition.database.transaction() as session, suppress(Conflict):
        add_institution(session, journal=composition.journal, ruc=RUC, name="Ministerio de Pruebas", now=now)
    return _issue(composition, "tls-client", {"application": name}, RUC, now=now)


def revoke(composition: Composition, held: HeldCertificate, *, now: datetime, reason: str = "superseded") -> None:
    """Revoke it, as ``sau ca revoke`` does; the worker has yet to pass it on."""
    with composition.database.transaction() as session:
        revoke_certificate(
            session, services=composition.ca, serial=held.serial, reason=reason, actor="command:ana", now=now
        )


def _issue(
    composition: Composition, profile: str, inputs: dict[str, str], institution_ruc: str | None, *, now: datetime
) -> HeldCertificate:
    create_hierarchy(composition.ca, now=now)
    key = ec_key()
    with composition.database.transaction() as session:
        request = submit_request(
            session,
            services=composition.ca,
            profile=profile,
            csr=make_csr(key, common_name=None, dns=()),
            institution_ruc=institution_ruc,
            requested_by="ana",
            inputs=inputs,
            now=now,
        )
        approve_request(
            session,
            services=composition.ca,
            request_id=request.id,
            approver="luis",
            tbs_sha256=request.tbs_sha256,
            now=now,
        )
    issued = issue_approved(composition.ca, request.id, now=now)
    return HeldCertificate(x509.load_der_x509_certificate(issued.certificate_der), key)
