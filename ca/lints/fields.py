"""Lints on the basic fields: version, serial, algorithm, issuer, validity, key (RFC 5280 §4.1)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from cryptography import x509

from ca.lints.case import LintCase, error
from ca.lints.finding import Finding
from ca.profiles.schedule import longest_tls_lifetime
from keys.signer import Algorithm

_ISSUER = 3  # place in the TBSCertificate


def version_is_3(case: LintCase) -> Iterator[Finding]:
    """RFC 5280 §4.1.2.1: with extensions the version is 3."""
    if case.certificate.version is not x509.Version.v3:
        yield error("version_not_3", "RFC 5280 §4.1.2.1", "El certificado no es versión 3.")


def serial_is_positive_and_long(case: LintCase) -> Iterator[Finding]:
    """RFC 5280 §4.1.2.2, BR §7.1: positive, 20 octets at most, 64 random bits at least."""
    if not 2**64 <= case.certificate.serial_number < 2**159:
        yield error("serial_out_of_range", "RFC 5280 §4.1.2.2", "El número de serie no está entre 2^64 y 2^159.")


def algorithm_is_the_issuing_keys(case: LintCase) -> Iterator[Finding]:
    """RFC 5280 §4.1.1.2, BR §7.1.3.2: what is announced is what the key signs with; never SHA-1 or MD5."""
    chosen = case.certificate.signature_hash_algorithm
    expected = case.algorithm.hash
    if chosen is not None and chosen.name in ("sha1", "md5"):
        yield error("weak_hash", "BR §7.1.3.2", f"Se firmaría con {chosen.name.upper()}.")
    hashes_itself = case.algorithm in (Algorithm.EDDSA, Algorithm.ML_DSA_65)
    if not hashes_itself and (chosen is None or expected is None or chosen.name != expected.name):
        yield error("wrong_algorithm", "RFC 5280 §4.1.1.2", "El algoritmo anunciado no es el de la clave emisora.")


def issuer_is_byte_for_byte(case: LintCase) -> Iterator[Finding]:
    """RFC 5280 §4.1.2.4: names chain by their bytes."""
    if case.parts[_ISSUER] != case.issuer_facts.subject_der:
        yield error("issuer_differs", "RFC 5280 §4.1.2.4", "El nombre del emisor no es igual al de la autoridad.")


def validity_within_profile_and_issuer(case: LintCase) -> Iterator[Finding]:
    """RFC 5280 §4.1.2.5 (both ends count), BR §6.3.2: within profile, schedule and the issuer's own validity."""
    begins, ends = case.certificate.not_valid_before_utc, case.certificate.not_valid_after_utc
    lifetime = case.lifetime
    if lifetime <= timedelta(0):
        yield error("validity_empty", "RFC 5280 §4.1.2.5", "El certificado termina antes de empezar.")
    if lifetime > case.profile.lifetime:
        yield error("validity_beyond_profile", "perfil", "Vale más tiempo del que permite el perfil.")
    if case.profile.schedule == "cabf-tls" and lifetime > longest_tls_lifetime(begins):
        yield error("validity_beyond_schedule", "BR §6.3.2", "Vale más tiempo del permitido para servidores TLS.")
    if ends > case.issuer.not_valid_after_utc or begins < case.issuer.not_valid_before_utc:
        yield error("validity_beyond_issuer", "RFC 5280 §6.1", "Vale cuando la autoridad emisora ya no, o todavía no.")


LINTS = (
    version_is_3,
    serial_is_positive_and_long,
    algorithm_is_the_issuing_keys,
    issuer_is_byte_for_byte,
    validity_within_profile_and_issuer,
)
