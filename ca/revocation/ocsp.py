"""The OCSP responder: a question in, a signed answer out, and a memory of the answers that it need not sign again."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from asn1crypto.x509 import Certificate as ParsedCertificate
from cryptography import x509
from sqlalchemy import select
from sqlalchemy.orm import Session

from ca.issuance.model import Authority, Certificate
from ca.revocation.model import OcspSigner
from ca.revocation.ocsp_answer import (
    CertificateStatus,
    OcspAnswer,
    OcspSigningKey,
    build_answer,
    malformed_request,
    try_later,
    unauthorized,
)
from ca.revocation.ocsp_request import MalformedRequestError, StatusRequest, parse_request
from ca.revocation.ocsp_signer import find_ocsp_signer
from ca.revocation.reason import RevocationReason
from ca.serial import serial_text
from ca.services import CaServices
from kernel.errors import NotFound, Unavailable

_KEPT_ANSWERS = 20_000


@dataclass(frozen=True)
class _IssuerId:
    hash_name: str
    name_hash: bytes
    key_hash: bytes


class OcspResponder:
    """Answers for every issuing authority of ours. One per process; safe among threads.

    The status is read from the database for each question, so a revocation shows with the next one; what is kept is
    the signature. An answer is kept under everything that it says, and until half of its life has passed.
    """

    def __init__(self, services: CaServices) -> None:
        self._services = services
        self._lock = Lock()
        self._issuers: dict[_IssuerId, str] = {}
        self._keys: dict[str, OcspSigningKey] = {}
        self._answers: OrderedDict[tuple[object, ...], OcspAnswer] = OrderedDict()

    def answer(self, request_der: bytes, *, now: datetime) -> OcspAnswer:
        """Return the response to ``request_der``; never raises for what a client can send."""
        try:
            question = parse_request(request_der)
        except MalformedRequestError:
            return malformed_request()
        try:
            return self._answer(question, now=now)
        except (Unavailable, NotFound):
            return try_later()

    def _answer(self, question: StatusRequest, *, now: datetime) -> OcspAnswer:
        with self._services.database.reading() as session:
            authority_id = self._find_issuer(session, question)
            if authority_id is None:
                return unauthorized()
            status = read_status(session, authority_id=authority_id, serial=serial_text(question.serial))
            key = self._key(find_ocsp_signer(session, authority_id=authority_id, now=now))
        if question.nonce is not None or not status.known:
            return build_answer(question, status, key=key, now=now)
        return self._kept_or_built(question, status, key, now=now)

    def _kept_or_built(
        self, question: StatusRequest, status: CertificateStatus, key: OcspSigningKey, *, now: datetime
    ) -> OcspAnswer:
        place = (question, status, key.serial)
        with self._lock:
            kept = self._answers.get(place)
            if kept is not None and kept.is_fresh(now):
                self._answers.move_to_end(place)
                return kept
        built = build_answer(question, status, key=key, now=now)
        with self._lock:
            self._answers[place] = built
            self._answers.move_to_end(place)
            while len(self._answers) > _KEPT_ANSWERS:
                self._answers.popitem(last=False)
        return built

    def _find_issuer(self, session: Session, question: StatusRequest) -> str | None:
        wanted = _IssuerId(question.hash_name, question.issuer_name_hash, question.issuer_key_hash)
        if wanted not in self._issuers:
            # Authorities are few and appear by ceremony: whoever asks after a strange one makes us look again.
            self._issuers = _read_issuers(session)
        return self._issuers.get(wanted)

    def _key(self, row: OcspSigner) -> OcspSigningKey:
        key = self._keys.get(row.serial)
        if key is None:
            assert row.certificate_der is not None
            key = OcspSigningKey(
                serial=row.serial,
                certificate=x509.load_der_x509_certificate(row.certificate_der),
                signer=self._services.keystore.open(row.key_name),
            )
            self._keys[row.serial] = key
        return key


def read_status(session: Session, *, authority_id: str, serial: str) -> CertificateStatus:
    """Return the status of ``serial`` under the authority.

    A number that is assigned but not signed yet is not known: nobody holds the certificate. If it is revoked, it says
    so in any case.
    """
    row = session.execute(
        select(
            Certificate.revoked_at, Certificate.revocation_reason, Certificate.certificate_sha256.is_not(None)
        ).where(Certificate.serial == serial, Certificate.authority_id == authority_id)
    ).one_or_none()
    if row is None:
        return CertificateStatus(known=False)
    revoked_at, reason, signed = row
    if revoked_at is None:
        return CertificateStatus(known=signed)
    return CertificateStatus(known=True, revoked_at=revoked_at, reason=RevocationReason(str(reason)))


def _read_issuers(session: Session) -> dict[_IssuerId, str]:
    """Issuing authorities by both hashes that CertIDs use. The root is absent: it has no responder, its list says."""
    issuers = {}
    rows = session.execute(select(Authority.id, Authority.certificate_der).where(Authority.issuer_id.is_not(None)))
    for authority_id, certificate_der in rows:
        parsed = ParsedCertificate.load(certificate_der)
        name, key = parsed.subject, parsed.public_key
        issuers[_IssuerId("sha1", name.sha1, key.sha1)] = authority_id
        issuers[_IssuerId("sha256", name.sha256, key.sha256)] = authority_id
    return issuers
