"""Making authorities: a key, a certificate, a row and their events. Every step finds what an interrupted run left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType
from ca.ceremony.certificates import build_cross_tbs, build_issuing_tbs, build_root_tbs
from ca.ceremony.plan import IssuingPlan, RootPlan
from ca.ceremony.root_store import RootKeys
from ca.issuance.assembly import sign_to_be_signed
from ca.issuance.authority import CROSS_PROFILE, AuthorityRecord, find_authority, load_authority
from ca.issuance.model import Authority, Certificate
from ca.issuance.record import Intent, record_intent, store_signed
from ca.issuance.serial import new_serial
from ca.services import CaServices
from kernel.errors import Conflict, Fault, NotFound
from kernel.identifiers import new_id, sha256_hex
from keys.signer import Algorithm, Signer
from keys.store import KeyStore

ROOT_PROFILE, ISSUING_PROFILE, PROFILE_VERSION = "root-ca", "issuing-ca", 1


@dataclass(frozen=True, kw_only=True)
class Workbench:
    """What making an authority takes.

    :ivar roots: opens the roots' stores. :ivar actor: who the events name.
    """

    services: CaServices
    roots: RootKeys
    actor: str
    now: datetime


def make_root(bench: Workbench, plan: RootPlan) -> AuthorityRecord:
    """Make the root, or return it as it stands. Opens its own transactions.

    :raises Fault: (``root_key_mismatch``) if the key in its store is not its certificate's.
    """
    services, now = bench.services, bench.now
    with services.database.reading() as session:
        existing = find_authority(session, plan.name)
    if existing is not None:
        return existing
    store = bench.roots.store(plan.name, create=True)
    signer = _open_or_create(store, plan.name, plan.key.algorithm, plan.key.rsa_bits)
    tbs_der = build_root_tbs(plan, signer.public_key, signer.algorithm, serial=new_serial(), now=now)
    # A self-signed certificate that no row knows is nobody's anchor: it exists from the commit below, or never.
    certificate_der = sign_to_be_signed(tbs_der, signer=signer, issuer=None)
    with services.database.transaction() as session:
        existing = find_authority(session, plan.name)
        if existing is not None:
            require_same_key(signer, existing.certificate_der, "root_key_mismatch")
            return existing
        row = _authority_row(plan.name, plan.name, None, certificate_der, now=now)
        session.add(row)
        session.flush()
        serial = record_intent(
            session, _intent(tbs_der, row.id, ROOT_PROFILE), journal=services.journal, actor=bench.actor, now=now
        )
        store_signed(session, serial, certificate_der, journal=services.journal, actor=bench.actor, now=now)
        session.flush()
        _record_creation(session, bench, row)
        return load_authority(session, row.name)


def make_issuing(bench: Workbench, root: AuthorityRecord, plan: IssuingPlan) -> AuthorityRecord:
    """Make the authority under ``root``, or return it as it stands. Opens its own transactions.

    :raises NotFound: (``root_key_away``) if the root's key is not on this machine.
    :raises Fault: (``root_key_mismatch``) if it is not the root's.
    """
    with bench.services.database.reading() as session:
        existing = find_authority(session, plan.name)
    if existing is not None:
        return existing
    root_signer = _root_signer(bench, root)
    signer = _open_or_create(bench.services.keystore, plan.name, plan.key.algorithm, plan.key.rsa_bits)

    def build() -> bytes:
        return build_issuing_tbs(
            plan,
            signer.public_key,
            root=root.certificate,
            root_name=root.name,
            root_algorithm=root_signer.algorithm,
            issuer_origin=bench.services.settings.issuer,
            serial=new_serial(),
            now=bench.now,
        )

    serial, certificate_der = _certify(bench, root, root_signer, _spki_sha256(signer), ISSUING_PROFILE, build)
    with bench.services.database.transaction() as session:
        existing = find_authority(session, plan.name)
        if existing is not None:
            return existing
        journal = bench.services.journal
        stored = store_signed(session, serial, certificate_der, journal=journal, actor=bench.actor, now=bench.now)
        row = _authority_row(plan.name, plan.name, root.id, stored, now=bench.now)
        session.add(row)
        session.flush()
        _record_creation(session, bench, row)
        return load_authority(session, row.name)


def cross_certify(bench: Workbench, issuer: AuthorityRecord, subject: AuthorityRecord) -> x509.Certificate:
    """Have the root ``issuer`` certify the root ``subject``; return the certificate, the same at every run.

    :raises NotFound: (``root_key_away``).
    :raises Conflict: (``path_too_short``) if the issuer's path length leaves no room for another root below it.
    """
    length = issuer.certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length
    if length is not None and length < 2:
        raise Conflict(f"{issuer.name} may have no root below it (path length {length}).", code="path_too_short")
    signer = _root_signer(bench, issuer)
    spki = sha256_hex(subject.certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))

    def build() -> bytes:
        return build_cross_tbs(
            subject.certificate,
            root=issuer.certificate,
            root_name=issuer.name,
            root_algorithm=signer.algorithm,
            issuer_origin=bench.services.settings.issuer,
            serial=new_serial(),
            now=bench.now,
        )

    serial, certificate_der = _certify(bench, issuer, signer, spki, CROSS_PROFILE, build)
    with bench.services.database.transaction() as session:
        journal = bench.services.journal
        stored = store_signed(session, serial, certificate_der, journal=journal, actor=bench.actor, now=bench.now)
    return x509.load_der_x509_certificate(stored)


def _certify(
    bench: Workbench,
    root: AuthorityRecord,
    root_signer: Signer,
    spki: str,
    profile: str,
    build: Callable[[], bytes],
) -> tuple[str, bytes]:
    # The row first, in its own commit: a subordinate authority must never exist unknown to the database.
    journal = bench.services.journal
    with bench.services.database.transaction() as session:
        pending = session.scalar(
            select(Certificate).where(
                Certificate.authority_id == root.id, Certificate.spki_sha256 == spki, Certificate.profile == profile
            )
        )
        if pending is None:
            tbs_der = build()
            intent = _intent(tbs_der, root.id, profile)
            serial = record_intent(session, intent, journal=journal, actor=bench.actor, now=bench.now)
        else:
            tbs_der, serial = pending.tbs_der, pending.serial
    return serial, sign_to_be_signed(tbs_der, signer=root_signer, issuer=root.certificate)


def _root_signer(bench: Workbench, root: AuthorityRecord) -> Signer:
    signer = bench.roots.signer(root.key_name)
    require_same_key(signer, root.certificate_der, "root_key_mismatch")
    return signer


def require_same_key(signer: Signer, certificate_der: bytes, code: str) -> None:
    """Check that the key is the certificate's. :raises Fault: with ``code``."""
    if x509.load_der_x509_certificate(certificate_der).public_key() != signer.public_key:
        raise Fault(f"Key {signer.key_id} is not the key of its certificate.", code=code)


def _intent(tbs_der: bytes, authority_id: str, profile: str) -> Intent:
    return Intent(tbs_der=tbs_der, authority_id=authority_id, profile=profile, profile_version=PROFILE_VERSION)


def _authority_row(
    name: str, key_name: str, issuer_id: str | None, certificate_der: bytes, *, now: datetime
) -> Authority:
    certificate = x509.load_der_x509_certificate(certificate_der)
    identifier = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    return Authority(
        id=new_id(),
        name=name,
        key_name=key_name,
        issuer_id=issuer_id,
        certificate_der=certificate_der,
        subject_key_identifier=identifier.hex(),
        not_after=certificate.not_valid_after_utc,
        created_at=now,
    )


def _record_creation(session: Session, bench: Workbench, row: Authority) -> None:
    certificate = x509.load_der_x509_certificate(row.certificate_der)
    event = Event(
        type=EventType.AUTHORITY_CREATED,
        actor=bench.actor,
        object_id=row.id,
        details={
            "name": row.name,
            "subject_name": certificate.subject.rfc4514_string(),
            "certificate_sha256": sha256_hex(row.certificate_der),
            "not_after": row.not_after.isoformat(),
        },
    )
    bench.services.journal.record(session, event, now=bench.now)


def _open_or_create(store: KeyStore, name: str, algorithm: Algorithm, rsa_bits: int) -> Signer:
    try:
        return store.open(name)
    except NotFound:
        return store.create(name, algorithm, rsa_bits=rsa_bits)


def _spki_sha256(signer: Signer) -> str:
    return sha256_hex(signer.public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
