"""The OCSP responder: a question in, a signed answer out, and a memory of the answers that it need not sign again."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from ca.issuance.model import Authority
from ca.revocation.ahead.shelf import Shelf
from ca.revocation.answer_memory import LONGEST_REQUEST, AnswerMemory, KeptAnswer
from ca.revocation.cert_id import IssuerId
from ca.revocation.ocsp_answer import (
    CertificateStatus,
    OcspAnswer,
    answer_signed_ahead,
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


class OcspResponder:
    """Answers for every issuing authority of ours. One per process; safe among threads.

    What the worker has signed ahead is read page by page (:mod:`ca.revocation.ahead`); the rest is signed when it is
    asked for. Either is kept and given again, signature and all, for the first half of its life; before that is done,
    a look at the database a moment ago has told what was revoked since. See :mod:`ca.revocation.status_watch`.
    """

    def __init__(self, services: CaServices, *, look_every: float = LOOK_EVERY) -> None:
        self._services = services
        self._issuers: dict[IssuerId, str] = {}
        self._keys = SigningKeys(services.keystore)
        self._memory = AnswerMemory()
        self._shelf = Shelf(services.database, self._keys, epoch=lambda: self._memory.epoch)
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
            self._shelf.clear()
        else:
            self._memory.forget(frozenset(serial_number(serial) for serial in changes.serials))
            self._shelf.strike(changes.serials)

    def _answer(self, question: StatusRequest, *, now: datetime) -> KeptAnswer:
        if question.nonce is None and (kept := self._memory.find(question, now=now)) is not None:
            return kept
        epoch = self._memory.epoch
        answer = self._from_page(question, now=now) or self._from_row(question, now=now)
        if not answer.reusable:
            return KeptAnswer(answer, now)
        return self._memory.keep(question, answer, epoch=epoch)

    def _from_page(self, question: StatusRequest, *, now: datetime) -> OcspAnswer | None:
        """The answer that the worker signed; to a question that it could not know, one signed here for what it says."""
        authority_id = self._issuers.get(question.issuer)
        if authority_id is None or (found := self._shelf.find(authority_id, question.serial, now=now)) is None:
            return None
        ahead, signed_by = found
        if question.nonce is None and question.issuer.hash_name == "sha1":
            return answer_signed_ahead(question, this_update=ahead.signed_at, signature=ahead.signature, key=signed_by)
        key = self._keys.known(authority_id, now=now)
        if key is None:
            return None
        key.prepare_to_sign()
        return build_answer(question, CertificateStatus(known=True), key=key, now=now)

    def _from_row(self, question: StatusRequest, *, now: datetime) -> OcspAnswer:
        with self._services.database.reading() as session:
            if question.issuer not in self._issuers:
                # Authorities are few and appear by ceremony: whoever asks after a strange one makes us look again.
                self._issuers = _read_issuers(session)
            authority_id = self._issuers.get(question.issuer)
            if authority_id is None:
                return unauthorized()
            status = read_status(session, authority_id=authority_id, serial=serial_text(question.serial))
            key = self._keys.choose(session, authority_id=authority_id, now=now)
        return build_answer(question, status, key=key, now=now)


def _read_issuers(session: Session) -> dict[IssuerId, str]:
    """Issuing authorities by both hashes that CertIDs use. The root is absent: it has no responder, its list says."""
    issuers = {}
    rows = session.execute(select(Authority.id, Authority.certificate_der).where(Authority.issuer_id.is_not(None)))
    for authority_id, certificate_der in rows:
        for hash_name in ("sha1", "sha256"):
            issuers[IssuerId.of(certificate_der, hash_name)] = authority_id
    return issuers
