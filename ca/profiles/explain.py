"""A profile in words: what each part of its certificates says, why, and by which clause."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ca.profiles.profile import Profile, StatusPointers
from ca.profiles.sentences import ATTRIBUTES, NATIONAL_FIELDS, PARTS, PURPOSES, USAGES, Words


@dataclass(frozen=True)
class Explained:
    """One part of the certificate.

    :ivar part: its name in the standards. :ivar value: what stands there. :ivar clause: where that is ruled.
    :ivar critical: whether the extension is marked critical; None if it is no extension.
    """

    part: str
    value: str
    words: Words
    clause: str
    critical: bool | None = None


def explain(profile: Profile, *, private_arc: str) -> tuple[Explained, ...]:
    """Return every part in the order in which it stands in the certificate."""
    return (
        *_basic_fields(profile),
        *_subject(profile),
        *_extensions(profile),
        *_policy(profile, private_arc),
        *_status(profile),
        *_national_fields(profile, private_arc),
    )


def _part(name: str, value: str, *, critical: bool | None = None) -> Explained:
    clause, words = PARTS[name]
    return Explained(name, value, words, clause, critical)


def _basic_fields(profile: Profile) -> Iterator[Explained]:
    yield _part("version", "v3")
    yield _part("serialNumber", "158 random bits")
    yield _part("issuer", profile.authority)
    name = "validity by schedule" if profile.schedule == "cabf-tls" else "validity"
    clause, words = PARTS[name]
    yield Explained("validity", f"{profile.lifetime_days} d", words, clause)
    rsa = f" (RSA ≥ {profile.min_rsa_bits})" if "RSA" in profile.keys else ""
    yield _part("subjectPublicKeyInfo", ", ".join(profile.keys) + rsa)


def _subject(profile: Profile) -> Iterator[Explained]:
    for item in profile.subject:
        clause, words = ATTRIBUTES[item.attribute]
        value = " | ".join(item.values) + ("" if item.required else " (optional)")
        yield Explained(f"subject {item.attribute}", value, words, clause)


def _extensions(profile: Profile) -> Iterator[Explained]:
    yield _part("authorityKeyIdentifier", "keyIdentifier", critical=False)
    if profile.subject_key_identifier:
        yield _part("subjectKeyIdentifier", "SHA-1 (key)", critical=False)
    for usage in profile.key_usage:
        clause, words = USAGES[usage.value]
        yield Explained("keyUsage", usage.value, words, clause, critical=True)
    for purpose in profile.extended_key_usage:
        clause, words = PURPOSES[purpose.value]
        yield Explained("extKeyUsage", purpose.value, words, clause, critical=profile.critical_purposes)
    if profile.names.dns != "refused":
        kinds = ["dNSName"] + ["iPAddress"] * profile.names.addresses
        name = "subjectAltName by control" if profile.names.proof == "control" else "subjectAltName"
        clause, words = PARTS[name]
        yield Explained("subjectAltName", ", ".join(kinds), words, clause, critical=False)


def _policy(profile: Profile, private_arc: str) -> Iterator[Explained]:
    if profile.policy is None:
        return
    for oid in profile.policy.reserved:
        yield _part("reserved policy", oid, critical=False)
    yield _part("certificatePolicies", f"{private_arc}.{profile.policy.suffix}", critical=False)
    if profile.policy.notice:
        yield _part("userNotice", profile.policy.notice, critical=False)


def _status(profile: Profile) -> Iterator[Explained]:
    if profile.status is StatusPointers.FULL:
        yield _part("cRLDistributionPoints", "http://…/pki/crl/…", critical=False)
        yield _part("authorityInfoAccess", "OCSP, caIssuers", critical=False)
    elif profile.status is StatusPointers.ISSUER_ONLY:
        yield _part("authorityInfoAccess", "caIssuers", critical=False)
    if profile.freshest_list:
        yield _part("freshestCRL", "http://…/pki/crl/…", critical=False)
    if profile.no_revocation_available:
        yield _part("noRevAvail", "NULL", critical=False)
    if profile.private_key_days is not None:
        yield _part("privateKeyUsagePeriod", f"{profile.private_key_days} d", critical=False)
    if profile.ocsp_no_check:
        yield _part("id-pkix-ocsp-nocheck", "NULL", critical=False)


def _national_fields(profile: Profile, private_arc: str) -> Iterator[Explained]:
    clause, _ = PARTS["national field"]
    for field in profile.country_fields:
        value = " | ".join(field.values) + ("" if field.required else " (optional)")
        words = NATIONAL_FIELDS[field.number]
        yield Explained(f"{private_arc}.3.{field.number}", value, words, clause, critical=False)
