"""The to-be-signed certificate: built once from profile, key and names, then only read, approved and signed."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from ca.issuance.assembly import to_be_signed
from ca.issuance.extensions import Surroundings, extensions_of
from ca.issuance.subject import build_subject, subject_values
from ca.profiles.profile import Profile
from ca.profiles.schedule import longest_tls_lifetime
from kernel.errors import Rejected
from keys.signer import Algorithm

BACKDATING = timedelta(hours=1)  # for clocks that are behind
MAX_BACKDATING = timedelta(hours=48)  # BR §7.1.2.7: notBefore within 48 hours of the signature
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, kw_only=True)
class Blueprint:
    """What varies from one certificate of a profile to the next.

    :ivar values: parts for the profile's templates.
    """

    profile: Profile
    public_key: CertificatePublicKeyTypes
    values: Mapping[str, str]
    dns_names: Sequence[str] = ()
    addresses: Sequence[ipaddress.IPv4Address | ipaddress.IPv6Address] = ()


def validity_of(
    profile: Profile, *, authority: x509.Certificate, now: datetime, backdating: timedelta = BACKDATING
) -> tuple[datetime, datetime]:
    """Return notBefore and notAfter for a certificate that is built now.

    :param backdating: how far notBefore lies before now, for clocks that are behind; the authority's own is a bound.
    :raises Rejected: (``authority_expired``) if the authority's own certificate is not valid now.
    """
    if not authority.not_valid_before_utc <= now <= authority.not_valid_after_utc:
        raise Rejected("The authority's certificate is not valid now.", code="authority_expired")
    not_before = max(now.replace(microsecond=0) - backdating, authority.not_valid_before_utc)
    lifetime = profile.lifetime
    if profile.schedule == "cabf-tls":
        # A day under the limit, as BR §6.3.2 advises.
        lifetime = min(lifetime, longest_tls_lifetime(now) - timedelta(days=1))
    # RFC 5280 §4.1.2.5: notAfter is inclusive, so N days end one second earlier. A leaf never outlives its issuer.
    return not_before, min(not_before + lifetime - _SECOND, authority.not_valid_after_utc)


def build_tbs(blueprint: Blueprint, *, around: Surroundings, algorithm: Algorithm, serial: int, now: datetime) -> bytes:
    """Return the final TBSCertificate (DER): byte for byte what will be shown, linted, approved and signed.

    :param algorithm: the issuing key's.
    :raises Rejected: if a required part of the subject or a national field is missing or too long, or the authority
        is not valid.
    """
    issuer = around.authority.certificate
    not_before, not_after = validity_of(blueprint.profile, authority=issuer, now=now, backdating=around.backdating)
    builder = (
        x509.CertificateBuilder()
        .serial_number(serial)
        .issuer_name(issuer.subject)
        .subject_name(build_subject(subject_values(blueprint.profile, blueprint.values)))
        .public_key(blueprint.public_key)
        .not_valid_before(not_before)
        .not_valid_after(not_after)
    )
    for extension, critical in extensions_of(
        blueprint.profile,
        public_key=blueprint.public_key,
        dns_names=blueprint.dns_names,
        addresses=blueprint.addresses,
        values=blueprint.values,
        around=around,
        not_before=not_before,
        # Serial numbers are random: so the lists of an authority grow alike.
        crl_shard=serial % around.authority.crl_shards,
    ):
        builder = builder.add_extension(extension, critical=critical)
    return to_be_signed(builder, algorithm)
