"""The holder comes for the key: the password is shown once, then the file is taken once. Each has exactly one winner.

Who sees what: the operator sees the code that he gives in person and never the link, the password or the file; the
mail holds the link and nothing else; the password exists on one page, once; the database holds digests and what only
this service's sealing secret opens, and of the key nothing at all from the moment the password was shown.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NoReturn

from cryptography import x509
from sqlalchemy import select, update
from sqlalchemy.orm import Session
from stdnum.ec import ci

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from ca.handover.end import end_handover
from ca.handover.model import KeyHandover
from ca.handover.pkcs12_file import make_file, new_password
from ca.handover.prepare import FILE_SEAL, KEY_SEAL, code_digest
from ca.handover.view import HandoverStatus
from ca.issuance.authority import authority_chain
from ca.issuance.model import Certificate
from ca.services import CaServices
from kernel.errors import AlreadyConsumed, Denied, NotFound, Rejected, ServiceError
from kernel.identifiers import new_secret, sha256_hex
from kernel.secret_text import SecretText
from keys.sealing import Sealer

MAX_TRIES = 5
TIME_TO_DOWNLOAD = timedelta(minutes=30)


@dataclass(frozen=True)
class Offer:
    """What the page says before anything is proved: nothing about the person.

    :ivar has_account: whether the proof is being logged in, else cédula and code.
    :ivar is_opened: the password was shown; the file may still be there for who has that page open.
    """

    id: str
    kind: str
    has_account: bool
    is_opened: bool
    expires_at: datetime


@dataclass(frozen=True)
class Opened:
    """What the holder is shown once. :ivar download: lets the browser that saw the page take the file."""

    password: SecretText
    download: SecretText
    until: datetime


@dataclass(frozen=True)
class Proof:
    """What the holder brings. :ivar person_id: who is logged in in this browser."""

    person_id: str | None = None
    cedula: str = ""
    code: str = ""


def find_offer(session: Session, *, services: CaServices, link: str, now: datetime) -> Offer:
    """Return what waits behind a link. Opening the page changes nothing.

    :raises NotFound: (``unknown_handover``): never was, or expired: a stranger cannot tell which.
    :raises AlreadyConsumed: (``handover_collected``).
    """
    row = session.scalars(select(KeyHandover).where(KeyHandover.link_sha256 == sha256_hex(link))).one_or_none()
    if row is None:
        raise _unknown()
    if row.status == HandoverStatus.COLLECTED:
        raise AlreadyConsumed("This certificate was collected already.", code="handover_collected")
    if row.status == HandoverStatus.ENDED or row.expires_at is None or row.expires_at <= now:
        raise _unknown()
    return Offer(
        id=row.id,
        kind=services.profiles.get(row.profile).title,
        has_account=row.holder_id is not None,
        is_opened=row.status == HandoverStatus.OPENED,
        expires_at=row.expires_at,
    )


def open_handover(services: CaServices, *, link: str, proof: Proof, old_format: bool, now: datetime) -> Opened:
    """Check the proof, put the key into a file under a fresh password, and destroy the key.

    Of two at once exactly one gets a password. After :data:`MAX_TRIES` wrong proofs the key is destroyed.

    :raises NotFound: ``unknown_handover``. :raises AlreadyConsumed: ``handover_opened``, ``handover_collected``.
    :raises Denied: ``wrong_person``. :raises Rejected: ``wrong_code``.
    """
    with services.database.transaction() as session:
        find_offer(session, services=services, link=link, now=now)
        row = session.scalars(
            select(KeyHandover).where(KeyHandover.link_sha256 == sha256_hex(link)).with_for_update()
        ).one()
        _require_proof(session, services, row, proof, now=now)
        if row.status != HandoverStatus.OFFERED or row.sealed_key is None or row.serial is None:
            error = AlreadyConsumed("The password was shown already; it is shown once.", code="handover_opened")
            _refuse(session, services, row, error, now=now)
        handover_id, sealed_key, serial = row.id, row.sealed_key, row.serial
        certificate, above = _certificates(session, serial)
    # Outside of the transaction: deriving the file's key takes a moment.
    key_der = Sealer(services.sealing_secret, KEY_SEAL).open(sealed_key, bound_to=handover_id)
    password, download = new_password(), SecretText(new_secret())
    file = make_file(key_der, certificate, above, password=password, old=old_format)
    sealed_file = Sealer(services.sealing_secret, FILE_SEAL).seal(file, bound_to=handover_id)
    until = now + TIME_TO_DOWNLOAD
    with services.database.transaction() as session:
        won = session.execute(
            update(KeyHandover)
            .where(KeyHandover.id == handover_id, KeyHandover.status == HandoverStatus.OFFERED.value)
            .values(
                status=HandoverStatus.OPENED.value,
                sealed_key=None,
                sealed_file=sealed_file,
                download_sha256=sha256_hex(download.reveal()),
                opened_at=now,
                expires_at=until,
            )
            .returning(KeyHandover.holder_id)
            .execution_options(synchronize_session=False)
        ).one_or_none()
        if won is None:
            raise AlreadyConsumed("The password was shown already; it is shown once.", code="handover_opened")
        event = Event(
            type=EventType.HANDOVER_OPENED,
            subject=won.holder_id,
            actor=won.holder_id or "holder",
            object_id=handover_id,
            details={"serial": serial, "format": "3des" if old_format else "aes256"},
        )
        services.journal.record(session, event, now=now)
    return Opened(password, download, until)


def collect_file(session: Session, *, services: CaServices, link: str, download: str, now: datetime) -> bytes:
    """Return the file and destroy it here, in the caller's transaction. Exactly one caller gets it.

    :raises NotFound: ``unknown_handover``. :raises AlreadyConsumed: ``handover_collected``.
    """
    offer = find_offer(session, services=services, link=link, now=now)
    row = session.get_one(KeyHandover, offer.id)
    sealed_file = row.sealed_file
    if sealed_file is None or not hmac.compare_digest(row.download_sha256 or "", sha256_hex(download)):
        _refuse(session, services, row, _unknown(), now=now)
    won = session.execute(
        update(KeyHandover)
        .where(KeyHandover.id == offer.id, KeyHandover.status == HandoverStatus.OPENED.value)
        .values(status=HandoverStatus.COLLECTED.value, ended_at=now, **destroyed())
        .returning(KeyHandover.serial, KeyHandover.holder_id)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if won is None:
        raise AlreadyConsumed("This certificate was collected already.", code="handover_collected")
    event = Event(
        type=EventType.HANDOVER_COLLECTED,
        subject=won.holder_id,
        actor=won.holder_id or "holder",
        object_id=offer.id,
        details={"serial": won.serial},
    )
    services.journal.record(session, event, now=now)
    return Sealer(services.sealing_secret, FILE_SEAL).open(sealed_file, bound_to=offer.id)


def destroyed() -> dict[str, Any]:
    """Return the columns of a hand-over that is over: nothing of key, file, code and address stays."""
    return {"sealed_key": None, "sealed_file": None, "code_sha256": None, "download_sha256": None, "email": None}


def _require_proof(session: Session, services: CaServices, row: KeyHandover, proof: Proof, *, now: datetime) -> None:
    if row.holder_id is not None:
        if proof.person_id != row.holder_id:
            error = Denied("Log in as the person whose certificate it is.", code="wrong_person")
            _refuse(session, services, row, error, now=now)
        return
    typed = code_digest(row.id, "".join(proof.code.split()))
    right = hmac.compare_digest(typed, row.code_sha256 or "") and ci.compact(proof.cedula.strip()) == row.cedula
    if right:
        return
    row.tries += 1
    if row.tries >= MAX_TRIES:
        end_handover(session, row, services=services, reason="too_many_tries", actor="holder", now=now)
    _refuse(session, services, row, Rejected("Cédula or code are not right.", code="wrong_code"), now=now)


def _refuse(
    session: Session, services: CaServices, row: KeyHandover, error: ServiceError, *, now: datetime
) -> NoReturn:
    event = Event(
        type=EventType.HANDOVER_REFUSED,
        outcome=Outcome.REFUSED,
        reason=error.code,
        subject=row.holder_id,
        actor="holder",
        object_id=row.id,
    )
    services.journal.refuse(session, event, error, now=now)


def _certificates(session: Session, serial: str) -> tuple[x509.Certificate, list[x509.Certificate]]:
    row = session.get_one(Certificate, serial)
    assert row.certificate_der is not None
    above = [record.certificate for record in authority_chain(session, row.authority_id)]
    return x509.load_der_x509_certificate(row.certificate_der), above


def _unknown() -> NotFound:
    return NotFound("There is nothing to collect here: the link is wrong or has expired.", code="unknown_handover")
