"""Rows of certificates: written before the key signs, completed after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from asn1crypto import core
from asn1crypto.x509 import CRLDistributionPoints
from cryptography import x509
from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.event import Event, Scalar
from audit.journal import Journal
from audit.vocabulary import EventType
from ca.der import children, content, extension_parts
from ca.issuance.assembly import read_unsigned, sign_to_be_signed
from ca.issuance.model import Authority, Certificate
from ca.locations import FIRST_SHARD, shard_named_by
from ca.serial import serial_text
from ca.transparency.entry import LoggedCertificate
from ca.transparency.record import log_certificate
from kernel.database import Database
from kernel.errors import Conflict, NotFound
from kernel.identifiers import sha256_hex
from kernel.late_rows import change_row
from kernel.prefetch import PlainRows, Reading, Want, among, hold_row, keep
from kernel.prepared import Ask, Prepared
from keys.signer import Signer

_KEY = 6  # place in the TBSCertificate
_NAMES, _LISTS = (
    core.ObjectIdentifier(kind.oid.dotted_string).dump()
    for kind in (x509.SubjectAlternativeName, x509.CRLDistributionPoints)
)


@dataclass(frozen=True, kw_only=True)
class Intent:
    """A certificate that is about to be signed.

    :ivar tbs_der: the exact bytes that will be signed.
    :ivar holder_id: the person, for a personal certificate.
    :ivar client_id: the application, for one that registered with its request.
    :ivar batch_id: the batch that it was asked for in, instead of a request.
    """

    tbs_der: bytes
    authority_id: str
    profile: str
    profile_version: int
    request_id: str | None = None
    institution_ruc: str | None = None
    holder_id: str | None = None
    client_id: str | None = None
    batch_id: str | None = None
    is_personal: bool = False


def record_intent(session: Session, intent: Intent, *, journal: Journal, actor: str | None, now: datetime) -> str:
    """Write the row (no signature yet) and the event ``issued`` in the caller's transaction; return the serial.

    After this commit the certificate is known and revocable, whatever happens to the process that signs.

    :raises Conflict: (``serial_taken``) if a certificate of ours has this serial.
    """
    certificate = read_unsigned(intent.tbs_der)
    values = certificate_values(intent, certificate, now=now)
    serial: str = values["serial"]
    if session.get(Certificate, serial) is not None:
        raise Conflict("A certificate with this serial number exists.", code="serial_taken")
    session.add(Certificate(**values))
    session.flush()
    journal.record(session, issued_event(intent, values, actor=actor), now=now)
    return serial


def certificate_values(intent: Intent, certificate: x509.Certificate, *, now: datetime) -> dict[str, Any]:
    """Return the columns of the row that is written before the key signs.

    :param certificate: the intent's bytes, see :func:`ca.issuance.assembly.read_unsigned`.
    """
    parts = children(intent.tbs_der)
    extensions = {oid: value for oid, *_, value in extension_parts(parts)}
    return {
        "serial": serial_text(certificate.serial_number),
        "authority_id": intent.authority_id,
        "request_id": intent.request_id,
        "profile": intent.profile,
        "profile_version": intent.profile_version,
        "subject": subject_text(certificate),
        "names": alternative_names(certificate) if _NAMES in extensions else [],
        "institution_ruc": intent.institution_ruc,
        "holder_id": intent.holder_id,
        "client_id": intent.client_id,
        "spki_sha256": sha256_hex(parts[_KEY]),
        "crl_shard": _list_named_by(extensions.get(_LISTS)),
        "not_before": certificate.not_valid_before_utc,
        "not_after": certificate.not_valid_after_utc,
        "issued_at": now,
        "tbs_der": intent.tbs_der,
    }


def issued_event(intent: Intent, values: Mapping[str, Any], *, actor: str | None) -> Event:
    """Return the event that goes with the row of :func:`certificate_values`."""
    details: dict[str, Scalar | list[str]] = {
        "profile": intent.profile,
        "profile_version": intent.profile_version,
        "authority_id": intent.authority_id,
        "request_id": intent.request_id,
        "institution_ruc": intent.institution_ruc,
        "client_id": intent.client_id,
        "tbs_sha256": sha256_hex(intent.tbs_der),
        "spki_sha256": values["spki_sha256"],
        "not_before": values["not_before"].isoformat(),
        "not_after": values["not_after"].isoformat(),
    }
    if intent.batch_id is not None:
        details["batch_id"] = intent.batch_id
    if not intent.is_personal:
        details |= {"subject_name": values["subject"], "names": values["names"]}
    return Event(
        type=EventType.CERTIFICATE_ISSUED,
        subject=intent.holder_id,
        actor=actor,
        object_id=values["serial"],
        details=details,
        private={"subject_name": values["subject"]} if intent.is_personal else {},
    )


def complete_certificate(
    database: Database, serial: str, *, signer: Signer, journal: Journal, actor: str | None, now: datetime
) -> bytes:
    """Sign the recorded bytes of ``serial``, store the certificate with its event, and return it (DER).

    Whoever comes second gets what the first stored; its own signature is dropped. Safe to repeat after a crash.

    :raises NotFound: (``unknown_certificate``).
    :raises kernel.errors.Unavailable: if the key or the database does not answer; the row waits for the next try.
    """
    with database.reading() as session:
        row = session.get(Certificate, serial)
        if row is None:
            raise NotFound("There is no certificate with this serial number.", code="unknown_certificate")
        if row.certificate_der is not None:
            return row.certificate_der
        tbs_der, authority = row.tbs_der, session.get_one(Authority, row.authority_id)
        issuer = x509.load_der_x509_certificate(authority.certificate_der)
    certificate_der = sign_to_be_signed(tbs_der, signer=signer, issuer=issuer)
    with database.transaction() as session:
        return store_signed(session, serial, certificate_der, journal=journal, actor=actor, now=now)


def store_signed(
    session: Session, serial: str, certificate_der: bytes, *, journal: Journal, actor: str | None, now: datetime
) -> bytes:
    """Store the signed certificate unless another did, in the caller's transaction; return the stored one (DER).

    Its entry in the certificate log is written with it (:func:`ca.transparency.promise.ensure_logged` comes after).
    """
    row = hold_row(session, Certificate, serial)
    if row is None:
        raise NotFound("There is no certificate with this serial number.", code="unknown_certificate")
    if row.certificate_der is not None:
        stored: bytes = row.certificate_der
        return stored
    digest = sha256_hex(certificate_der)
    change_row(session, Certificate, row, certificate_der=certificate_der, certificate_sha256=digest)
    logged = LoggedCertificate(
        serial=serial,
        certificate_der=certificate_der,
        profile=row.profile,
        profile_version=row.profile_version,
        institution_ruc=row.institution_ruc,
        holder_id=row.holder_id,
    )
    log_certificate(session, logged, now=now)
    journal.record(session, signed_event(serial, digest, actor=actor), now=now)
    return certificate_der


def wants_certificate(serial: str) -> Want:
    """Return the wish to lock the row of a certificate that is going to be stored signed."""
    return Want(_lock_certificates, serial)


def _lock_certificates(session: Session, serials: Sequence[str]) -> Reading:
    rows = yield Ask(_LOCKED, {"keys": serials})
    found = {row.serial: row for values in rows for row in _PLAIN.split(values)}
    for serial in serials:
        keep(session, Certificate, serial, found.get(serial))


_PLAIN = PlainRows(Certificate)
_LOCKED = Prepared(
    lambda dialect: (
        select(*_PLAIN.columns).where(among(dialect, Certificate.serial)).order_by(Certificate.serial).with_for_update()
    )
)


def signed_event(serial: str, certificate_sha256: str, *, actor: str | None) -> Event:
    """Return the event that goes with the signature."""
    return Event(
        type=EventType.CERTIFICATE_SIGNED,
        actor=actor,
        object_id=serial,
        details={"certificate_sha256": certificate_sha256},
    )


@lru_cache(maxsize=512)  # of a chunk that is judged, then written down
def subject_text(certificate: x509.Certificate) -> str:
    """Return the subject as RFC 4514 text."""
    return certificate.subject.rfc4514_string()


def alternative_names(certificate: x509.Certificate) -> list[str]:
    """Return the dNSNames and addresses of the SAN as text, in order."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [str(name.value) for name in names if isinstance(name, x509.DNSName | x509.IPAddress)]


@lru_cache(maxsize=1024)  # an authority has few lists
def _list_named_by(extension: bytes | None) -> int:
    """Return which of its authority's lists the certificate names: its row says the same, so it is looked for there."""
    if extension is None:
        return FIRST_SHARD
    point = CRLDistributionPoints.load(content(extension))[0]
    return shard_named_by(point["distribution_point"].chosen[0].native)
