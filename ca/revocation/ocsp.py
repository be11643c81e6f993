"""The OCSP responder: a question in, a signed answer out, and a memory of the answers that it need not sign again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from asn1crypto.x509 import Certificate as ParsedCertificate
from sqlalchemy import select
from sqlalchemy.orm import Session

from ca.issuance.model import Authority
from ca.revocation.answer_memory import LONGEST_REQUEST, AnswerMemory, KeptAnswer
from ca.revocation.ocsp_answer import (
    OcspAnswer,
    build_answer,
    malformed_request,
    try_later,
    unauthorized,
)
from ca.revocation.ocsp_request import MalformedRequestError, StatusRequest, parse_request
from ca.revocation.signing_keys import SigningKeys
from ca.revocation.status_row import read_status
from ca.revocation.status_watch import LOOK_EVERY, Changes, StatusWatch
from ca.serial import serial_number, serial_text
from ca.services import CaServices
from kernel.errors import NotFound, Unavailable


@dataclass(frozen=True)
class _IssuerId:
    hash_name: str
    name_hash: bytes
    key_hash: bytes


class OcspResponder:
    """Answers for every issuing authority of ours. One per process; safe among threads.

    What was answered is kept and given again, signature and all, for the first half of its life; before that is done, a
    look at the database a moment ago has told what was revoked since. See :mod:`ca.revocation.status_watch`.
    """

    def __init__(self, services: CaServices, *, look_every: float = LOOK_EVERY) -> None:
        self._services = services
        self._issuers: dict[_IssuerId, str] = {}
        self._keys = SigningKeys(services.keystore)
        self._memory = AnswerMemory()
        self.watch = StatusWatch(services.database, self._forget, look_every=look_every)

    def at_hand(self, request: bytes | str, *, now: datetime) -> KeptAnswer | None:
        """Return the answer to a request that was answered before, None if it has to be read.

        :param request: the DER, or the text that :meth:`answer_kept` was given as ``known_as``.
        """
        return self._memory.at_hand(request, now=now) if self.watch.is_current() else None

    def answer(self, request_der: bytes, *, now: datetime) -> OcspAnswer:
        """Return the response to ``request_der``; never raises for what a client can send."""
        return self.answer_kept(request_der, now=now).answer

    def answer_kept(self, request_der: bytes, *, now: datetime, known_as: str | None = None) -> KeptAnswer:
        """Return the response as it is, or would be, kept.

        :param known_as: what else asks for the same: the path of a GET.
        """
        try:
            self._look()
            kept = self._memory.at_hand(request_der, now=now)
            if kept is None:
                question = parse_request(request_der)
                kept = self._answer(question, now=now)
                if kept.answer.reusable and len(request_der) <= LONGEST_REQUEST:
                    self._memory.remember_request(request_der, kept)
            if known_as is not None and kept.answer.reusable and len(request_der) <= LONGEST_REQUEST:
                self._memory.remember_request(known_as, kept)
            return kept
        except MalformedRequestError:
            return KeptAnswer(malformed_request(), now)
        except (Unavailable, NotFound):
            return KeptAnswer(try_later(), now)

    def _look(self) -> None:
        if not self.watch.is_current():
            self.watch.look()

    def _forget(self, changes: Changes) -> None:
        if changes.too_many or self._keys.have(changes.serials):
            self._keys.forget()
            self._memory.forget_all()
        else:
            self._memory.forget(frozenset(serial_number(serial) for serial in changes.serials))

    def _answer(self, question: StatusRequest, *, now: datetime) -> KeptAnswer:
        if question.nonce is None and (kept := self._memory.find(question, now=now)) is not None:
            return kept
        epoch = self._memory.epoch
        with self._services.database.reading() as session:
            authority_id = self._find_issuer(session, question)
            if authority_id is None:
                return KeptAnswer(unauthorized(), now)
            status = read_status(session, authority_id=authority_id, serial=serial_text(question.serial))
            key = self._keys.choose(session, authority_id=authority_id, now=now)
        answer = build_answer(question, status, key=key, now=now)
        if not answer.reusable:
            return KeptAnswer(answer, now)
        return self._memory.keep(question, answer, epoch=epoch)

    def _find_issuer(self, session: Session, question: StatusRequest) -> str | None:
        wanted = _IssuerId(question.hash_name, question.issuer_name_hash, question.issuer_key_hash)
        if wanted not in self._issuers:
            # Authorities are few and appear by ceremony: whoever asks after a strange one makes us look again.
            self._issuers = _read_issuers(session)
        return self._issuers.get(wanted)


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
