"""The real root and issuing authority with leaves made directly: ground for tests of status."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID
from sqlalchemy.orm import Session

from ca.ceremony.hierarchy import ISSUING, ROOT, create_hierarchy
from ca.ceremony.root_store import open_root_signer
from ca.issuance.authority import AuthorityRecord, load_authority
from ca.issuance.model import Certificate
from ca.locations import authority_certificate_url, crl_url, ocsp_url
from ca.serial import serial_text
from ca.services import CaServices
from ca.transparency.entry import LoggedCertificate
from ca.transparency.promise import sequence_now
from ca.transparency.record import log_certificate
from kernel.identifiers import sha256_hex
from keys.signer import Signer


@dataclass
class Hierarchy:
    """What was made. ``root_signer`` comes from the ceremony's store."""

    services: CaServices
    root_signer: Signer
    root: AuthorityRecord
    issuing: AuthorityRecord
    root_certificate: x509.Certificate
    issuing_certificate: x509.Certificate
    leaves: list[x509.Certificate] = field(default_factory=list)
    shards: int = 1  # over how many lists new leaves are spread

    def issue(
        self,
        session: Session,
        *,
        now: datetime,
        lifetime: timedelta = timedelta(days=90),
        name: str = "tramites.ejemplo.gob.ec",
        private_key: ec.EllipticCurvePrivateKey | None = None,
        institution_ruc: str | None = "1768153530001",
        holder_id: str | None = None,
        profile: str = "tls-server",
    ) -> x509.Certificate:
        """Sign a leaf for ``name`` and store its row."""
        public_key = (private_key or ec.generate_private_key(ec.SECP256R1())).public_key()
        origin = self.services.settings.issuer
        shard = len(self.leaves) % self.shards
        builder = (
            _builder(name, self.issuing_certificate.subject, public_key, now, lifetime)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(digital_signature=True), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(_authority_key_identifier(self.issuing_certificate), critical=False)
            .add_extension(_distribution_point(crl_url(origin, self.issuing.name, shard)), critical=False)
            .add_extension(
                x509.AuthorityInformationAccess(
                    [
                        _access(AuthorityInformationAccessOID.OCSP, ocsp_url(origin)),
                        _access(
                            AuthorityInformationAccessOID.CA_ISSUERS,
                            authority_certificate_url(origin, self.issuing.name),
                        ),
                    ]
                ),
                critical=False,
            )
        )
        signer = self.services.keystore.open(self.issuing.key_name)
        certificate = builder.sign(signer.private_key, signer.algorithm.hash)
        session.add(
            _row(
                certificate,
                self.issuing.id,
                profile=profile,
                names=[name],
                now=now,
                institution_ruc=institution_ruc,
                holder_id=holder_id,
                crl_shard=shard,
            )
        )
        session.flush()
        logged = LoggedCertificate(
            serial=serial_of(certificate),
            certificate_der=certificate.public_bytes(Encoding.DER),
            profile=profile,
            profile_version=1,
            institution_ruc=institution_ruc,
            holder_id=holder_id,
        )
        log_certificate(session, logged, now=now)
        sequence_now(session, log=self.services.certificate_log, now=now)
        self.leaves.append(certificate)
        return certificate


def make_hierarchy(services: CaServices, *, now: datetime) -> Hierarchy:
    """Hold the first ceremony and return what it made."""
    made = create_hierarchy(services, now=now)
    with services.database.reading() as session:
        root, issuing = load_authority(session, ROOT), load_authority(session, ISSUING)
    return Hierarchy(services, open_root_signer(services.settings), root, issuing, made.root, made.issuing)


def serial_of(certificate: x509.Certificate) -> str:
    """Return the certificate's serial as rows hold it."""
    return serial_text(certificate.serial_number)


def _builder(subject, issuer, public_key, now, lifetime):  # type: ignore[no-untyped-def]
    if isinstance(subject, str):
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + lifetime)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _key_usage(**chosen: bool) -> x509.KeyUsage:
    names = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{name: chosen.get(name, False) for name in names})


def _authority_key_identifier(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    ski = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ski)


def _distribution_point(url: str) -> x509.CRLDistributionPoints:
    point = x509.DistributionPoint([x509.UniformResourceIdentifier(url)], None, None, None)
    return x509.CRLDistributionPoints([point])


def _access(method: x509.ObjectIdentifier, url: str) -> x509.AccessDescription:
    return x509.AccessDescription(method, x509.UniformResourceIdentifier(url))


def _row(
    certificate: x509.Certificate,
    authority_id: str,
    *,
    profile: str,
    names: list[str],
    now: datetime,
    institution_ruc: str | None = None,
    holder_id: str | None = None,
    crl_shard: int = 0,
) -> Certificate:
    der = certificate.public_bytes(Encoding.DER)
    spki = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Certificate(
        serial=serial_text(certificate.serial_number),
        authority_id=authority_id,
        profile=profile,
        profile_version=1,
        subject=certificate.subject.rfc4514_string(),
        names=names,
        institution_ruc=institution_ruc,
        holder_id=holder_id,
        crl_shard=crl_shard,
        spki_sha256=sha256_hex(spki),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        issued_at=now,
        tbs_der=certificate.tbs_certificate_bytes,
        certificate_der=der,
        certificate_sha256=sha256_hex(der),
    )
