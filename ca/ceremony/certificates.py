"""What stands in the certificates of the root and of those under it (RFC 5280 §4.2; BR §7.1.2.1, §7.1.2.6)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPublicKeyTypes
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from ca.issuance.assembly import to_be_signed
from ca.locations import authority_certificate_url, cps_url, crl_url
from keys.signer import Algorithm

ROOT_LIFETIME = timedelta(days=20 * 365 + 5)
ISSUING_LIFETIME = timedelta(days=10 * 365 + 2)
_BACKDATING = timedelta(hours=1)  # for clocks that are behind
_SECOND = timedelta(seconds=1)
_CERTIFICATION_KEY_USAGE = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


@dataclass(frozen=True)
class AuthorityName:
    """The subject of an authority.

    :ivar country: two letters (ISO 3166-1).
    """

    common_name: str
    organization: str = "Sistema de Autenticación Única"
    country: str = "EC"

    def to_x509(self) -> x509.Name:
        """Return the distinguished name, one attribute per RDN."""
        return x509.Name(
            [
                x509.NameAttribute(NameOID.COUNTRY_NAME, self.country),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, self.organization),
                x509.NameAttribute(NameOID.COMMON_NAME, self.common_name),
            ]
        )


def build_root_tbs(
    name: AuthorityName,
    public_key: CertificateIssuerPublicKeyTypes,
    algorithm: Algorithm,
    *,
    serial: int,
    now: datetime,
) -> bytes:
    """Return the to-be-signed bytes of a self-signed root: no EKU, no policies, no pointers to itself."""
    not_before = now.replace(microsecond=0) - _BACKDATING
    return to_be_signed(
        x509.CertificateBuilder()
        .subject_name(name.to_x509())
        .issuer_name(name.to_x509())
        .serial_number(serial)
        .public_key(public_key)
        .not_valid_before(not_before)
        .not_valid_after(not_before + ROOT_LIFETIME - _SECOND)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_CERTIFICATION_KEY_USAGE, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False),
        algorithm,
    )


def build_issuing_tbs(
    name: AuthorityName,
    public_key: CertificateIssuerPublicKeyTypes,
    *,
    root: x509.Certificate,
    root_name: str,
    root_algorithm: Algorithm,
    issuer_origin: str,
    serial: int,
    now: datetime,
) -> bytes:
    """Return the to-be-signed bytes of an authority that issues to end entities only (pathLen 0).

    :param root_name: the root's short name, for its addresses.
    :param issuer_origin: the service's own origin.
    """
    not_before = max(now.replace(microsecond=0) - _BACKDATING, root.not_valid_before_utc)
    # A certificate never outlives its issuer; notAfter is inclusive (RFC 5280 §4.1.2.5).
    not_after = min(not_before + ISSUING_LIFETIME - _SECOND, root.not_valid_after_utc)
    root_key_id = root.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    uri = x509.UniformResourceIdentifier
    return to_be_signed(
        x509.CertificateBuilder()
        .subject_name(name.to_x509())
        .issuer_name(root.subject)
        .serial_number(serial)
        .public_key(public_key)
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_CERTIFICATION_KEY_USAGE, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier(root_key_id, None, None), critical=False)
        .add_extension(
            x509.CertificatePolicies(
                [x509.PolicyInformation(x509.ObjectIdentifier("2.5.29.32.0"), [cps_url(issuer_origin)])]
            ),
            critical=False,
        )
        .add_extension(
            x509.CRLDistributionPoints(
                [x509.DistributionPoint([uri(crl_url(issuer_origin, root_name, 0))], None, None, None)]
            ),
            critical=False,
        )
        .add_extension(
            x509.AuthorityInformationAccess(
                [
                    x509.AccessDescription(
                        AuthorityInformationAccessOID.CA_ISSUERS,
                        uri(authority_certificate_url(issuer_origin, root_name)),
                    )
                ]
            ),
            critical=False,
        ),
        root_algorithm,
    )
