"""What stands in the certificates of roots and of those under them (RFC 5280 §4.2; BR §7.1.2.1, 7.1.2.2, 7.1.2.6)."""

from __future__ import annotations

from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPublicKeyTypes
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from ca.ceremony.plan import AuthorityName, IssuingPlan, Names, RootPlan
from ca.issuance.assembly import to_be_signed
from ca.locations import authority_certificate_url, cps_url, crl_url
from keys.signer import Algorithm

ANY_POLICY = x509.ObjectIdentifier("2.5.29.32.0")
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


def distinguished_name(name: AuthorityName) -> x509.Name:
    """Return the distinguished name, one attribute per RDN."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, name.country),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, name.organization),
            x509.NameAttribute(NameOID.COMMON_NAME, name.common_name),
        ]
    )


def build_root_tbs(
    plan: RootPlan,
    public_key: CertificateIssuerPublicKeyTypes,
    algorithm: Algorithm,
    *,
    serial: int,
    now: datetime,
) -> bytes:
    """Return the to-be-signed bytes of a self-signed root: no EKU, no policies, no pointers to itself."""
    not_before = now.replace(microsecond=0) - _BACKDATING
    name = distinguished_name(plan.subject)
    return to_be_signed(
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .serial_number(serial)
        .public_key(public_key)
        .not_valid_before(not_before)
        .not_valid_after(not_before + plan.lifetime - _SECOND)
        .add_extension(x509.BasicConstraints(ca=True, path_length=plan.path_length), critical=True)
        .add_extension(_CERTIFICATION_KEY_USAGE, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False),
        algorithm,
    )


def build_issuing_tbs(
    plan: IssuingPlan,
    public_key: CertificateIssuerPublicKeyTypes,
    *,
    root: x509.Certificate,
    root_name: str,
    root_algorithm: Algorithm,
    issuer_origin: str,
    serial: int,
    now: datetime,
) -> bytes:
    """Return the to-be-signed bytes of an authority under the root.

    :param root_name: the root's short name, for its addresses.
    :param issuer_origin: the service's own origin.
    """
    builder = _under_root(
        distinguished_name(plan.subject),
        public_key,
        root=root,
        lifetime=plan.lifetime,
        path_length=plan.path_length,
        serial=serial,
        now=now,
    ).add_extension(
        x509.CertificatePolicies(
            [
                x509.PolicyInformation(
                    ANY_POLICY if policy == "any" else x509.ObjectIdentifier(policy),
                    [plan.cps or cps_url(issuer_origin)],
                )
                for policy in plan.policies
            ]
        ),
        critical=False,
    )
    permitted, excluded = _subtrees(plan.permitted), _subtrees(plan.excluded)
    if permitted or excluded:
        # RFC 5280 §4.2.1.10: it MUST be critical.
        builder = builder.add_extension(x509.NameConstraints(permitted or None, excluded or None), critical=True)
    return to_be_signed(_with_status(builder, root_name, issuer_origin), root_algorithm)


def build_cross_tbs(
    subject: x509.Certificate,
    *,
    root: x509.Certificate,
    root_name: str,
    root_algorithm: Algorithm,
    issuer_origin: str,
    serial: int,
    now: datetime,
) -> bytes:
    """Return the to-be-signed bytes by which ``root`` certifies another root's name and key (BR §7.1.2.2).

    Whoever trusts only the one can then follow a path to what the other has signed.
    """
    constraints = subject.extensions.get_extension_for_class(x509.BasicConstraints).value
    public_key: CertificateIssuerPublicKeyTypes = subject.public_key()  # type: ignore[assignment]
    builder = _under_root(
        subject.subject,
        public_key,
        root=root,
        lifetime=subject.not_valid_after_utc - now,
        path_length=constraints.path_length,
        serial=serial,
        now=now,
    ).add_extension(
        x509.CertificatePolicies([x509.PolicyInformation(ANY_POLICY, [cps_url(issuer_origin)])]), critical=False
    )
    return to_be_signed(_with_status(builder, root_name, issuer_origin), root_algorithm)


def _under_root(
    subject: x509.Name,
    public_key: CertificateIssuerPublicKeyTypes,
    *,
    root: x509.Certificate,
    lifetime: timedelta,
    path_length: int | None,
    serial: int,
    now: datetime,
) -> x509.CertificateBuilder:
    not_before = max(now.replace(microsecond=0) - _BACKDATING, root.not_valid_before_utc)
    # A certificate never outlives its issuer; notAfter is inclusive (RFC 5280 §4.1.2.5).
    not_after = min((not_before + lifetime).replace(microsecond=0) - _SECOND, root.not_valid_after_utc)
    root_key_id = root.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(root.subject)
        .serial_number(serial)
        .public_key(public_key)
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(_CERTIFICATION_KEY_USAGE, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier(root_key_id, None, None), critical=False)
    )


def _with_status(builder: x509.CertificateBuilder, root_name: str, issuer_origin: str) -> x509.CertificateBuilder:
    uri = x509.UniformResourceIdentifier
    return builder.add_extension(
        x509.CRLDistributionPoints(
            [x509.DistributionPoint([uri(crl_url(issuer_origin, root_name, 0))], None, None, None)]
        ),
        critical=False,
    ).add_extension(
        x509.AuthorityInformationAccess(
            [
                x509.AccessDescription(
                    AuthorityInformationAccessOID.CA_ISSUERS,
                    uri(authority_certificate_url(issuer_origin, root_name)),
                )
            ]
        ),
        critical=False,
    )


def _subtrees(names: Names) -> list[x509.GeneralName]:
    return [
        *(x509.DNSName(name) for name in names.dns),
        *(x509.IPAddress(network) for network in names.addresses),
        *(x509.RFC822Name(host) for host in names.emails),
    ]
