"""The first ceremony: a root, and under it the authority that issues."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType
from ca.ceremony.certificates import AuthorityName, build_issuing_tbs, build_root_tbs
from ca.ceremony.root_store import ROOT_KEY_NAME, open_root_store
from ca.issuance.assembly import sign_to_be_signed
from ca.issuance.authority import AuthorityRecord, find_authority, load_authority
from ca.issuance.model import Authority, Certificate
from ca.issuance.record import Intent, record_intent, store_signed
from ca.issuance.serial import new_serial
from ca.services import CaServices
from kernel.errors import Fault, NotFound
from kernel.identifiers import new_id, sha256_hex
from keys.signer import Algorithm, Signer
from keys.store import KeyStore

ROOT = "root"
ISSUING = "issuing-1"
ROOT_PROFILE, ISSUING_PROFILE, PROFILE_VERSION = "root-ca", "issuing-ca", 1
DEFAULT_ROOT_NAME = AuthorityName("SAU CA Raíz")
DEFAULT_ISSUING_NAME = AuthorityName("SAU CA Emisora 1")


@dataclass(frozen=True)
class Hierarchy:
    """What stands after the ceremony.

    :ivar created: short names of the authorities that this run made; empty if all were there.
    """

    root: x509.Certificate
    issuing: x509.Certificate
    created: tuple[str, ...]


def create_hierarchy(
    services: CaServices,
    *,
    now: datetime,
    actor: str = "command",
    root_name: AuthorityName = DEFAULT_ROOT_NAME,
    issuing_name: AuthorityName = DEFAULT_ISSUING_NAME,
) -> Hierarchy:
    """Make the root (P-384) and ``issuing-1`` (P-256), or what of them is missing.

    Every step finds what an earlier, interrupted run left, so repeating is safe and changes nothing that is complete.
    Opens its own transactions.

    :raises Fault: (``root_key_mismatch``, ``authority_key_mismatch``) if a key on disk is not its certificate's.
    :raises NotFound: (``root_key_away``) if ``issuing-1`` is missing while the root's key is off this machine.
    """
    created = []
    with services.database.reading() as session:
        root, issuing = find_authority(session, ROOT), find_authority(session, ISSUING)
    if root is None:
        root = _create_root(services, root_name, actor=actor, now=now)
        created.append(ROOT)
    if issuing is None:
        issuing = _create_issuing(services, root, issuing_name, actor=actor, now=now)
        created.append(ISSUING)
    _require_same_key(services.keystore.open(issuing.key_name), issuing.certificate_der, "authority_key_mismatch")
    return Hierarchy(
        root=root.certificate,
        issuing=issuing.certificate,
        created=tuple(created),
    )


def _create_root(services: CaServices, name: AuthorityName, *, actor: str, now: datetime) -> AuthorityRecord:
    signer = _open_or_create(open_root_store(services.settings, create=True), ROOT_KEY_NAME, Algorithm.ES384)
    tbs_der = build_root_tbs(name, signer.public_key, signer.algorithm, serial=new_serial(), now=now)
    # A self-signed certificate that no row knows is nobody's anchor: it exists from the commit below, or never.
    certificate_der = sign_to_be_signed(tbs_der, signer=signer, issuer=None)
    with services.database.transaction() as session:
        existing = find_authority(session, ROOT)
        if existing is not None:
            _require_same_key(signer, existing.certificate_der, "root_key_mismatch")
            return existing
        row = _authority_row(ROOT, ROOT_KEY_NAME, None, certificate_der, now=now)
        session.add(row)
        session.flush()
        serial = record_intent(
            session, _intent(tbs_der, row.id, ROOT_PROFILE), journal=services.journal, actor=actor, now=now
        )
        store_signed(session, serial, certificate_der, journal=services.journal, actor=actor, now=now)
        session.flush()
        _record_creation(session, services, row, actor=actor, now=now)
        return load_authority(session, row.name)


def _create_issuing(
    services: CaServices, root: AuthorityRecord, name: AuthorityName, *, actor: str, now: datetime
) -> AuthorityRecord:
    root_signer = open_root_store(services.settings).open(ROOT_KEY_NAME)
    _require_same_key(root_signer, root.certificate_der, "root_key_mismatch")
    signer = _open_or_create(services.keystore, ISSUING, Algorithm.ES256)
    # The row first, in its own commit: a subordinate authority must never exist unknown to the database.
    with services.database.transaction() as session:
        pending = session.scalar(
            select(Certificate).where(
                Certificate.authority_id == root.id, Certificate.spki_sha256 == _spki_sha256(signer)
            )
        )
        if pending is None:
            tbs_der = build_issuing_tbs(
                name,
                signer.public_key,
                root=root.certificate,
                root_name=ROOT,
                root_algorithm=root_signer.algorithm,
                issuer_origin=services.settings.issuer,
                serial=new_serial(),
                now=now,
            )
            serial = record_intent(
                session, _intent(tbs_der, root.id, ISSUING_PROFILE), journal=services.journal, actor=actor, now=now
            )
        else:
            tbs_der, serial = pending.tbs_der, pending.serial
    certificate_der = sign_to_be_signed(tbs_der, signer=root_signer, issuer=root.certificate)
    with services.database.transaction() as session:
        existing = find_authority(session, ISSUING)
        if existing is not None:
            return existing
        stored = store_signed(session, serial, certificate_der, journal=services.journal, actor=actor, now=now)
        row = _authority_row(ISSUING, ISSUING, root.id, stored, now=now)
        session.add(row)
        session.flush()
        _record_creation(session, services, row, actor=actor, now=now)
        return load_authority(session, row.name)


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


def _record_creation(session: Session, services: CaServices, row: Authority, *, actor: str, now: datetime) -> None:
    certificate = x509.load_der_x509_certificate(row.certificate_der)
    event = Event(
        type=EventType.AUTHORITY_CREATED,
        actor=actor,
        object_id=row.id,
        details={
            "name": row.name,
            "subject_name": certificate.subject.rfc4514_string(),
            "certificate_sha256": sha256_hex(row.certificate_der),
            "not_after": row.not_after.isoformat(),
        },
    )
    services.journal.record(session, event, now=now)


def _open_or_create(store: KeyStore, name: str, algorithm: Algorithm) -> Signer:
    try:
        return store.open(name)
    except NotFound:
        return store.create(name, algorithm)


def _require_same_key(signer: Signer, certificate_der: bytes, code: str) -> None:
    if x509.load_der_x509_certificate(certificate_der).public_key() != signer.public_key:
        raise Fault(f"Key {signer.key_id} is not the key of its certificate.", code=code)


def _spki_sha256(signer: Signer) -> str:
    return sha256_hex(signer.public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
