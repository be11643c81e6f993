"""The subject of a certificate, filled in from its profile's templates (RFC 5280 §4.1.2.6, appendix A.1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from string import Formatter

from cryptography import x509
from cryptography.x509.oid import NameOID

from ca.profiles.profile import Profile
from kernel.errors import Rejected

OIDS = {
    "countryName": NameOID.COUNTRY_NAME,
    "stateOrProvinceName": NameOID.STATE_OR_PROVINCE_NAME,
    "organizationName": NameOID.ORGANIZATION_NAME,
    "organizationIdentifier": NameOID.ORGANIZATION_IDENTIFIER,
    "title": NameOID.TITLE,
    "serialNumber": NameOID.SERIAL_NUMBER,
    "surname": NameOID.SURNAME,
    "givenName": NameOID.GIVEN_NAME,
    "commonName": NameOID.COMMON_NAME,
}
# Upper bounds in characters, not octets: ñ counts once.
LIMITS = {
    "countryName": 2,
    "stateOrProvinceName": 128,
    "organizationName": 64,
    "organizationIdentifier": 64,
    "title": 64,
    "serialNumber": 64,
    "surname": 64,
    "givenName": 64,
    "commonName": 64,
}


def fill_template(template: str, values: Mapping[str, str]) -> str | None:
    """Return ``template`` with its ``{parts}`` filled in; None if a part is unknown or empty."""
    if not all(values.get(part) for part in _parts(template)):
        return None
    return template.format_map(values)


@lru_cache(maxsize=256)  # templates of profiles
def _parts(template: str) -> tuple[str, ...]:
    return tuple(part for _, part, _, _ in Formatter().parse(template) if part is not None)


def first_filled(templates: Iterable[str], values: Mapping[str, str], *, limit: int | None = None) -> str | None:
    """Return the first template that can be filled in, within ``limit`` characters; None if there is none."""
    filled = (fill_template(template, values) for template in templates)
    return next((text for text in filled if text is not None and (limit is None or len(text) <= limit)), None)


def subject_values(profile: Profile, values: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the subject's attributes in order: name and value.

    :raises Rejected: (``subject_incomplete``, ``name_too_long``) if a required attribute has no value that fits.
    """
    chosen: list[tuple[str, str]] = []
    for item in profile.subject:
        fitting = first_filled(item.values, values, limit=LIMITS[item.attribute])
        too_long = first_filled(reversed(item.values), values)
        if fitting:
            chosen.append((item.attribute, fitting))
        elif item.required and too_long:
            raise Rejected(
                f"{item.attribute} “{too_long}” has more than {LIMITS[item.attribute]} characters.",
                code="name_too_long",
            )
        elif item.required:
            raise Rejected(f"{item.attribute} cannot be filled in from what is known.", code="subject_incomplete")
    return chosen


def build_subject(attributes: list[tuple[str, str]]) -> x509.Name:
    """Return the distinguished name: one attribute per RDN; country and serialNumber PrintableString, others UTF-8."""
    return x509.Name([x509.NameAttribute(OIDS[name], value) for name, value in attributes])
