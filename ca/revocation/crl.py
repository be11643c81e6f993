"""Building a revocation list: RFC 5280 §5, nothing of the database."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509

from ca.revocation.reason import RevocationReason
from keys.signer import Signer

LIST_LIFETIME = timedelta(days=7)  # at most 10 days for an issuing authority
ROOT_LIST_LIFETIME = timedelta(days=180)  # at most 12 months for a root


@dataclass(frozen=True)
class RevokedEntry:
    """One line of the list."""

    serial: int
    revoked_at: datetime
    reason: RevocationReason
    compromised_at: datetime | None


def build_list(
    *,
    authority: x509.Certificate,
    signer: Signer,
    entries: Iterable[RevokedEntry],
    number: int,
    distribution_point: str | None,
    this_update: datetime,
    lifetime: timedelta,
) -> x509.CertificateRevocationList:
    """Return the signed list.

    :param authority: the authority's own certificate; its key is the signer's.
    :param number: the CRL number (§5.2.3), above every earlier one.
    :param distribution_point: the list's address, equal to the CDP in the certificates that it covers (§5.2.5). None
        for a list that covers all of an authority's certificates, the authority's own one without a CDP included: the
        root's, which a verifier that checks the whole path asks about the root itself.
    :param lifetime: time until nextUpdate; the list never outlives its authority.
    """
    this_update = this_update.replace(microsecond=0)
    next_update = min(this_update + lifetime, authority.not_valid_after_utc)
    # The constructor takes the whole list: adding one by one copies what is there each time, which is quadratic.
    builder = x509.CertificateRevocationListBuilder(
        issuer_name=authority.subject,
        revoked_certificates=[_revoked_certificate(entry) for entry in entries],
    )
    builder = (
        builder.last_update(this_update)
        .next_update(next_update)
        .add_extension(_authority_key_identifier(authority), critical=False)
        .add_extension(x509.CRLNumber(number), critical=False)
    )
    if distribution_point is not None:
        builder = builder.add_extension(_issuing_distribution_point(distribution_point), critical=True)
    return builder.sign(signer.private_key, signer.algorithm.hash)  # type: ignore[arg-type]


def _revoked_certificate(entry: RevokedEntry) -> x509.RevokedCertificate:
    builder = x509.RevokedCertificateBuilder(entry.serial, entry.revoked_at)
    if entry.reason.flag is not None:
        builder = builder.add_extension(x509.CRLReason(entry.reason.flag), critical=False)
    if entry.compromised_at is not None:
        builder = builder.add_extension(x509.InvalidityDate(entry.compromised_at), critical=False)
    return builder.build()


def _authority_key_identifier(authority: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    ski = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ski)


def _issuing_distribution_point(url: str) -> x509.IssuingDistributionPoint:
    return x509.IssuingDistributionPoint(
        full_name=[x509.UniformResourceIdentifier(url)],
        relative_name=None,
        only_contains_user_certs=False,
        only_contains_ca_certs=False,
        only_some_reasons=None,
        indirect_crl=False,
        only_contains_attribute_certs=False,
    )
