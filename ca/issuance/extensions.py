"""The extensions of an end entity's certificate, all decided by its profile (RFC 5280 §4.2, BR §7.1.2.7)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from asn1crypto import core
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from ca.issuance.authority import AuthorityRecord
from ca.issuance.subject import first_filled
from ca.locations import FIRST_SHARD, authority_certificate_url, cps_url, crl_url, delta_url, ocsp_url
from ca.profiles.profile import Policy, Profile, StatusPointers, Usage
from kernel.errors import Rejected
from kernel.settings import Settings

COUNTRY_FIELDS_ARC = "3"
MAX_NOTICE = 200  # ub of explicitText, RFC 5280 §4.2.1.4
NO_REVOCATION_AVAILABLE = x509.ObjectIdentifier("2.5.29.56")  # id-ce-noRevAvail, RFC 9608 §2
Placed = tuple[x509.ExtensionType, bool]
_URI = x509.UniformResourceIdentifier


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a certificate says about where it was issued.

    :ivar issuer_origin: the service's own origin, from which status addresses are derived.
    :ivar private_arc: of our own OIDs.
    :ivar backdating: how far notBefore lies before the moment of building.
    :ivar domicile: where the authority is legally at home (Law 67 Art. 22).
    """

    authority: AuthorityRecord
    issuer_origin: str
    private_arc: str
    domicile: str
    backdating: timedelta

    @classmethod
    def of(cls, authority: AuthorityRecord, settings: Settings) -> Surroundings:
        """Return those of an authority of this service."""
        return cls(
            authority=authority,
            issuer_origin=settings.issuer,
            private_arc=settings.pki_arc,
            domicile=settings.pki_domicile,
            backdating=timedelta(hours=settings.pki_backdating_hours),
        )

    @property
    def words(self) -> dict[str, str]:
        """The parts of a policy's notice."""
        found = self.authority.certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
        return {"issuer": str(found[0].value) if found else self.authority.name, "domicile": self.domicile}


def extensions_of(
    profile: Profile,
    *,
    public_key: CertificatePublicKeyTypes,
    dns_names: Sequence[str],
    addresses: Sequence[ipaddress.IPv4Address | ipaddress.IPv6Address],
    values: Mapping[str, str],
    around: Surroundings,
    not_before: datetime,
    crl_shard: int = FIRST_SHARD,
) -> Iterator[Placed]:
    """Yield each extension with its criticality: KeyUsage is critical, a time-stamping signer's purpose too, no other.

    National fields come last.

    :param crl_shard: which of the authority's lists the certificate would be on.
    :raises Rejected: (``subject_incomplete``) if a required national field has no value; (``notice_too_long``).
    """
    yield x509.AuthorityKeyIdentifier(around.authority.key_identifier, None, None), False
    if profile.subject_key_identifier:
        yield x509.SubjectKeyIdentifier.from_public_key(public_key), False
    yield _key_usage(profile.key_usage), True
    purposes = [x509.ObjectIdentifier(purpose.oid) for purpose in profile.extended_key_usage]
    yield x509.ExtendedKeyUsage(purposes), profile.critical_purposes
    if dns_names or addresses:
        names: list[x509.GeneralName] = [x509.DNSName(name) for name in dns_names]
        yield x509.SubjectAlternativeName(names + [x509.IPAddress(address) for address in addresses]), False
    if profile.policy is not None:
        yield _policies(profile.policy, around), False
    yield from _status_pointers(profile, around, crl_shard)
    if profile.no_revocation_available:
        yield x509.UnrecognizedExtension(NO_REVOCATION_AVAILABLE, core.Null().dump()), False
    if profile.private_key_days is not None:
        yield x509.PrivateKeyUsagePeriod(*private_key_period(profile, not_before)), False
    if profile.ocsp_no_check:
        yield x509.OCSPNoCheck(), False
    yield from _country_fields(profile, values, around.private_arc)


def _key_usage(granted: Sequence[Usage]) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=Usage.DIGITAL_SIGNATURE in granted,
        content_commitment=Usage.CONTENT_COMMITMENT in granted,
        key_encipherment=Usage.KEY_ENCIPHERMENT in granted,
        data_encipherment=Usage.DATA_ENCIPHERMENT in granted,
        key_agreement=Usage.KEY_AGREEMENT in granted,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _status_pointers(profile: Profile, around: Surroundings, crl_shard: int) -> Iterator[Placed]:
    status, name, origin = profile.status, around.authority.name, around.issuer_origin
    if status is StatusPointers.NONE:
        return
    access = [
        x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, _URI(authority_certificate_url(origin, name)))
    ]
    if status is StatusPointers.FULL:
        list_url = _URI(crl_url(origin, name, crl_shard))
        yield x509.CRLDistributionPoints([x509.DistributionPoint([list_url], None, None, None)]), False
        if profile.freshest_list and around.authority.delta_lists:
            delta = _URI(delta_url(origin, name, crl_shard))
            yield x509.FreshestCRL([x509.DistributionPoint([delta], None, None, None)]), False
        # OCSP first: software tries them in order.
        access.insert(0, x509.AccessDescription(AuthorityInformationAccessOID.OCSP, _URI(ocsp_url(origin))))
    yield x509.AuthorityInformationAccess(access), False


def _policies(policy: Policy, around: Surroundings) -> x509.CertificatePolicies:
    qualifiers: list[str | x509.UserNotice] = [cps_url(around.issuer_origin)]
    if policy.notice:
        qualifiers.append(x509.UserNotice(None, notice_text(policy, around)))
    own = x509.PolicyInformation(x509.ObjectIdentifier(f"{around.private_arc}.{policy.suffix}"), qualifiers)
    reserved = [x509.PolicyInformation(x509.ObjectIdentifier(oid), None) for oid in policy.reserved]
    return x509.CertificatePolicies([*reserved, own])


def notice_text(policy: Policy, around: Surroundings) -> str:
    """Return the user notice with its parts filled in.

    :raises Rejected: (``notice_too_long``) if it has more than 200 characters (RFC 5280 §4.2.1.4).
    """
    text = policy.notice.format_map(around.words)
    if len(text) > MAX_NOTICE:
        raise Rejected(
            f"The notice of policy {policy.suffix} is too long; shorten the domicile.", code="notice_too_long"
        )
    return text


def private_key_period(profile: Profile, not_before: datetime) -> tuple[datetime, datetime]:
    """Return from when until when the key of a certificate that begins at ``not_before`` signs."""
    return not_before, not_before + timedelta(days=profile.private_key_days or profile.lifetime_days)


def country_field_oid(private_arc: str, number: int) -> str:
    """Return the OID of a national field under the authority's own arc."""
    return f"{private_arc}.{COUNTRY_FIELDS_ARC}.{number}"


def _country_fields(profile: Profile, values: Mapping[str, str], private_arc: str) -> Iterator[Placed]:
    for field in profile.country_fields:
        text = first_filled(field.values, values)
        if text is None and field.required:
            raise Rejected(f"National field {field.number} has no value.", code="subject_incomplete")
        if text is not None:
            oid = x509.ObjectIdentifier(country_field_oid(private_arc, field.number))
            yield x509.UnrecognizedExtension(oid, core.UTF8String(text).dump()), False
