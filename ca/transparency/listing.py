"""The public list follows the log: what got its place there is found by name and institution, in one transaction."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import cast

from cryptography import x509
from cryptography.x509.oid import NameOID
from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from ca.transparency.entry import is_ruc_of_a_person, read_certificate
from ca.transparency.model import PublicInstitution, PublicListing, PublicName
from kernel.late_rows import insert_later

_NAME_LIMIT = 200
_LISTINGS, _NAMES = cast(Table, PublicListing.__table__), cast(Table, PublicName.__table__)


def list_publicly(session: Session, entries: Sequence[tuple[str, bytes]], *, first: int) -> None:
    """List the whole certificates among ``entries`` (serial, leaf), which stand in the log from ``first`` on."""
    listings: list[dict[str, object]] = []
    names: list[dict[str, object]] = []
    institutions: dict[tuple[str, str], dict[str, object]] = {}
    for place, (serial, leaf) in enumerate(entries, first):
        found = read_certificate(leaf)
        if found is None:
            continue
        certificate, ruc = x509.load_der_x509_certificate(found[0]), found[1]
        not_before = certificate.not_valid_before_utc
        listings.append({"serial": serial, "log_index": place, "ruc": ruc, "not_before": not_before})
        names += [
            {"name": name, "serial": serial, "not_before": not_before}
            for name in dict.fromkeys(searchable_names(certificate))
        ]
        name = _organization(certificate)
        if ruc is not None and name:
            institutions[ruc, fold(name)] = {"ruc": ruc, "folded": fold(name), "name": name}
    for listing in listings:
        insert_later(session, _LISTINGS, listing)
    for each in names:
        insert_later(session, _NAMES, each)
    if institutions:
        upsert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
        session.execute(upsert(PublicInstitution).on_conflict_do_nothing(), list(institutions.values()))


def list_institution(session: Session, *, ruc: str, name: str) -> None:
    """Have an institution found by its name whose certificates do not carry it: those of a protocol name servers only.

    In the log the entry names its RUC; of a person's the log says nothing, and neither does this.
    """
    if is_ruc_of_a_person(ruc) or not fold(name):
        return
    upsert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    row = {"ruc": ruc, "folded": fold(name), "name": name[:_NAME_LIMIT]}
    session.execute(upsert(PublicInstitution).on_conflict_do_nothing(), [row])


def searchable_names(certificate: x509.Certificate) -> list[str]:
    """Return the DNS names and addresses of a certificate in the form that the list keeps."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    found = [reversed_labels(each.value) for each in names if isinstance(each, x509.DNSName)]
    return found + [str(each.value) for each in names if isinstance(each, x509.IPAddress)]


def reversed_labels(name: str) -> str:
    """Return ``tramites.ejemplo.gob.ec`` as ``ec gob ejemplo tramites``, at most 255 characters."""
    return " ".join(reversed(name.lower().rstrip(".").split(".")))[:255]


def fold(text: str) -> str:
    """Return ``text`` in small letters, without accents, with single spaces."""
    plain = "".join(each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each))
    return " ".join(plain.casefold().split())[:_NAME_LIMIT]


def _organization(certificate: x509.Certificate) -> str:
    found = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return str(found[0].value)[:_NAME_LIMIT] if found else ""
