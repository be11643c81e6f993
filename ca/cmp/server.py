"""The CMP server: a message in, its answer out (RFC 4210 §5.3, RFC 9483 §4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from asn1crypto import core
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from sqlalchemy.exc import IntegrityError

from ca.cmp.answer import (
    ACCEPTED,
    RESPONSES,
    certificate_content,
    error_content,
    new_nonce,
    poll_content,
    status,
    waiting_content,
    write_answer,
)
from ca.cmp.entry import NAME, Entry, enter
from ca.cmp.failure import CmpError, Failure, failure_of
from ca.cmp.message import Message, body_integer, parse_message
from ca.cmp.revocation import revoke
from ca.cmp.transaction import begin, proceed, take_up
from ca.enrolment.ask import Asked, ask, look
from ca.est.label import read_label, require_label
from ca.issuance.authority import authority_chain, list_authorities
from ca.issuance.model import Certificate
from ca.register.standing import CertificateRegister
from ca.requests.crmf import children, sequence
from ca.requests.enroll import CompletedCertificate
from ca.revocation.revoke import revoke_certificate
from ca.services import CaServices
from kernel.errors import ServiceError

CHECK_AFTER_SECONDS = 60
_CA_CERTS = "1.3.6.1.5.5.7.4.17"
_CERT_REQ_ID_OF_P10CR = -1  # RFC 9480 §2.10: PKCS #10 has no number


@dataclass(frozen=True)
class CmpAnswer:
    """:ivar entered: whether the sender was known; if not, the caller counts it."""

    der: bytes
    entered: bool


@dataclass(frozen=True)
class _Reply:
    body_type: str
    content: bytes
    nonce: bytes
    more_certificates: tuple[bytes, ...] = ()
    implicit_confirm: bool = False


class CmpServer:
    """Answers CMP. One a process; keeps nothing between messages but what stands in the database."""

    def __init__(self, services: CaServices, register: CertificateRegister) -> None:
        self._services, self._register = services, register

    def answer(self, octets: bytes, *, label: str | None, now: datetime) -> CmpAnswer:
        """Return the answer to a message; never raises for what a client can send."""
        message: Message | None = None
        try:
            message = parse_message(octets)
            entry = enter(self._services, message, register=self._register, now=now)
        except CmpError as error:
            der = write_answer(
                "error", error_content(error), to=message, sender=None, nonce=new_nonce(), protector=None, now=now
            )
            return CmpAnswer(der, entered=False)
        try:
            reply = self._reply(message, entry, label=label, now=now)
        except CmpError as error:
            reply = _Reply("error", error_content(error), new_nonce())
        except ServiceError as error:
            reply = _Reply("error", error_content(failure_of(error)), new_nonce())
        der = write_answer(
            reply.body_type,
            reply.content,
            to=message,
            sender=entry.sender,
            nonce=reply.nonce,
            protector=entry.protector,
            more_certificates=reply.more_certificates,
            implicit_confirm=reply.implicit_confirm,
            now=now,
        )
        return CmpAnswer(der, entered=True)

    def _reply(self, message: Message, entry: Entry, *, label: str | None, now: datetime) -> _Reply:
        with self._services.database.reading() as session:
            require_label(read_label(session, self._services, label), entry.party, services=self._services)
        match message.body_type:
            case "ir" | "cr" | "kur" | "p10cr":
                return self._enrol(message, entry, now=now)
            case "certConf":
                return self._confirm(message, entry, now=now)
            case "pollReq":
                return self._poll(message, entry, now=now)
            case "rr":
                self._begin(message, entry, now=now)
                revoke(self._services, message, entry.party, now=now)
                return _Reply("rp", sequence(sequence(status(ACCEPTED))), new_nonce())
            case "genm":
                return self._inform(message)
        raise CmpError(Failure.BAD_REQUEST, f"{message.body_type} is not answered here.")

    def _begin(self, message: Message, entry: Entry, *, now: datetime) -> str:
        try:
            with self._services.database.transaction() as session:
                return begin(session, message, entry.party, now=now)
        except IntegrityError as error:  # two at once
            raise CmpError(Failure.TRANSACTION_ID_IN_USE, "This transaction exists; begin another.") from error

    def _enrol(self, message: Message, entry: Entry, *, now: datetime) -> _Reply:
        if message.body_type == "kur" and entry.party.renews is None:
            raise CmpError(Failure.NOT_AUTHORIZED, "A key update is signed by the certificate that it replaces.")
        transaction_id = self._begin(message, entry, now=now)
        csr, number = message.body, _CERT_REQ_ID_OF_P10CR
        if message.body_type != "p10cr":
            csr, number = _only_request(message)
        asked = ask(self._services, party=entry.party, csr=csr, protocol=NAME, now=now)
        return self._tell(message, entry, transaction_id, message.body_type, number, asked)

    def _tell(
        self, message: Message, entry: Entry, transaction_id: str, request_type: str, number: int, asked: Asked
    ) -> _Reply:
        response, nonce = RESPONSES[request_type], new_nonce()
        done = asked.certificate is not None and message.implicit_confirm
        state = "waiting" if asked.certificate is None else "done" if done else "sent"
        with self._services.database.transaction() as session:
            sent_at = self._services.clock.now() if state == "sent" else None
            proceed(session, transaction_id, state=state, nonce=nonce, request_id=asked.request_id, sent_at=sent_at)
        if asked.certificate is None:
            return _Reply(response, waiting_content(number), nonce)
        above, roots = self._authorities(asked.certificate)
        content = certificate_content(
            number, asked.certificate.certificate_der, authorities=roots if entry.by_secret else ()
        )
        return _Reply(response, content, nonce, above, implicit_confirm=done)

    def _authorities(self, certificate: CompletedCertificate) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
        with self._services.database.reading() as session:
            chain = authority_chain(session, session.get_one(Certificate, certificate.serial).authority_id)
        above = tuple(record.certificate_der for record in chain if not record.is_root)
        return above, tuple(record.certificate_der for record in chain if record.is_root)

    def _poll(self, message: Message, entry: Entry, *, now: datetime) -> _Reply:
        with self._services.database.transaction() as session:
            exchange = take_up(session, message, entry.party, state="waiting")
        number = _number(message)
        asked = look(self._services, exchange.request_id or "", actor=entry.party.actor, now=now)
        if asked.certificate is not None:
            return self._tell(message, entry, exchange.id, exchange.request_type, number, asked)
        nonce = new_nonce()
        with self._services.database.transaction() as session:
            proceed(session, exchange.id, state="waiting", nonce=nonce)
        return _Reply("pollRep", poll_content(number, seconds=CHECK_AFTER_SECONDS), nonce)

    def _confirm(self, message: Message, entry: Entry, *, now: datetime) -> _Reply:
        """RFC 4210 §5.3.18: the client has it, or does not want it; then it is revoked."""
        try:
            first, *more = children(message.body)  # an empty list refuses all
            parts = children(first)
            digest: bytes = core.OctetString.load(parts[0], strict=True).native
            refused = len(parts) > 2 and body_integer(children(parts[2])[0]) not in (0, 1)
        except ValueError:
            digest, more, refused = b"", [], True
        if more:
            raise CmpError(Failure.BAD_REQUEST, "One certificate is confirmed at a time.")
        with self._services.database.transaction() as session:
            exchange = take_up(session, message, entry.party, state="sent")
            asked_id = exchange.request_id
            row = session.query(Certificate).filter(Certificate.request_id == asked_id).one()
            if not refused and digest != _digest(row.certificate_der or b""):
                raise CmpError(Failure.BAD_CERT_ID, "The hash is not that of the certificate that was sent.")
            proceed(session, exchange.id, state="done", nonce=None)
            if refused:
                revoke_certificate(
                    session,
                    services=self._services,
                    serial=row.serial,
                    reason="cessationOfOperation",
                    actor=entry.party.actor,
                    now=now,
                )
        return _Reply("pkiConf", core.Null().dump(), new_nonce())

    def _inform(self, message: Message) -> _Reply:
        """RFC 9480 §2.14: the authorities' certificates; of other things we say nothing (RFC 4210 §5.3.19)."""
        told = []
        for item in children(message.body):
            kind = children(item)[0]
            value = b""
            if core.ObjectIdentifier.load(kind).dotted == _CA_CERTS:
                with self._services.database.reading() as session:
                    records = [record for record in list_authorities(session) if not record.is_root]
                value = sequence(*(record.certificate_der for record in records))
            told.append(sequence(kind, value))
        return _Reply("genp", sequence(*told), new_nonce())


def _only_request(message: Message) -> tuple[bytes, int]:
    try:
        first, *more = children(message.body)
        number = body_integer(children(children(first)[0])[0])
    except (ValueError, IndexError) as error:
        raise CmpError(Failure.BAD_DATA_FORMAT, "The request cannot be read.") from error
    if more:
        raise CmpError(Failure.BAD_REQUEST, "One certificate is asked for at a time.")
    return first, number


def _number(message: Message) -> int:
    try:
        return body_integer(children(children(message.body)[0])[0])
    except (ValueError, IndexError) as error:
        raise CmpError(Failure.BAD_DATA_FORMAT, "The question cannot be read.") from error


def _digest(certificate_der: bytes) -> bytes:
    """RFC 4210 §5.3.18: by the hash that the certificate's signature uses."""
    chosen = x509.load_der_x509_certificate(certificate_der).signature_hash_algorithm or hashes.SHA512()
    running = hashes.Hash(chosen)
    running.update(certificate_der)
    return running.finalize()
