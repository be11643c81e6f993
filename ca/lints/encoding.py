"""Lints on how the bytes are written: DER forms that a parser forgives and relying software may not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from ca.der import children, content
from ca.lints.case import LintCase, error
from ca.lints.finding import Finding

_SERIAL, _VALIDITY, _EXTENSIONS_PLACE = 1, 4, 7
_UTC_TIME, _GENERALIZED_TIME = 0x17, 0x18
_EXTENSIONS_TAG = 0xA3
_FIELDS = 8
_MAX_SERIAL_OCTETS = 20


def unreadable(case: LintCase, *, extensions_read: bool = False) -> Finding | None:
    """Return the one finding about bytes that no certificate can be read from; None if it can be read whole.

    :param extensions_read: the same octets of extensions were read before, see :mod:`ca.lints.clean_extensions`.
    """
    try:
        if not extensions_read:
            len(case.certificate.extensions)
        case.public_key  # noqa: B018 - reading it is the check
        len(list(case.name))
    except (ValueError, TypeError, x509.DuplicateExtension, UnsupportedAlgorithm):
        return error("unreadable", "RFC 5280 §4.1", "Los bytes no se leen como un certificado.")
    return None


def dates_are_written_as_they_must(case: LintCase) -> Iterator[Finding]:
    """RFC 5280 §4.1.2.5: UTCTime through 2049, GeneralizedTime from then on; whole seconds, in UTC, Z at the end."""
    certificate = case.certificate
    moments = (certificate.not_valid_before_utc, certificate.not_valid_after_utc)
    for der, moment in zip(children(case.parts[_VALIDITY]), moments, strict=True):
        if content(der) != _written(moment) or der[0] != (_UTC_TIME if moment.year < 2050 else _GENERALIZED_TIME):
            yield error("date_malformed", "RFC 5280 §4.1.2.5", "Una fecha no está escrita como debe.")


def no_unique_identifiers(case: LintCase) -> Iterator[Finding]:
    """RFC 5280 §4.1.2.8: issuerUniqueID and subjectUniqueID are not used; after the key come the extensions alone."""
    if len(case.parts) != _FIELDS or case.parts[_EXTENSIONS_PLACE][0] != _EXTENSIONS_TAG:
        yield error("unexpected_field", "RFC 5280 §4.1.2.8", "Lleva un campo que no debe, o le faltan las extensiones.")


def no_extension_twice(case: LintCase) -> Iterator[Finding]:
    """RFC 5280 §4.2: a certificate has one instance of an extension at most."""
    oids = [oid for oid, *_ in case.extension_parts]
    if len(set(oids)) != len(oids):
        yield error("extension_twice", "RFC 5280 §4.2", "Una extensión está dos veces.")


def serial_takes_twenty_octets_at_most(case: LintCase) -> Iterator[Finding]:
    """RFC 5280 §4.1.2.2: counted in the encoding, sign octet included."""
    if len(content(case.parts[_SERIAL])) > _MAX_SERIAL_OCTETS:
        yield error("serial_too_long", "RFC 5280 §4.1.2.2", "El número de serie pasa de 20 octetos.")


@lru_cache(maxsize=64)  # certificates of one moment share their dates
def _written(moment: datetime) -> bytes:
    return moment.strftime("%y%m%d%H%M%SZ" if moment.year < 2050 else "%Y%m%d%H%M%SZ").encode("ascii")


LINTS = (
    dates_are_written_as_they_must,
    no_unique_identifiers,
    no_extension_twice,
    serial_takes_twenty_octets_at_most,
)
