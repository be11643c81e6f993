"""Revocation requests (RFC 4210 §5.3.9): a certificate by its own key, or by the credential that brought it."""

from __future__ import annotations

from datetime import datetime

from asn1crypto import core
from sqlalchemy.orm import Session

from ca.cmp.entry import NAME
from ca.cmp.failure import CmpError, Failure
from ca.cmp.message import Message
from ca.enrolment.party import Party, refuse_enrolment
from ca.issuance.model import Certificate
from ca.requests.crmf import children, content_of, context_parts
from ca.requests.model import CertificateRequest
from ca.revocation.revoke import revoke_certificate
from ca.serial import serial_text
from ca.services import CaServices
from kernel.errors import Denied

_SERIAL = 1
_REASON_CODE = "2.5.29.21"
# RFC 5280 §5.3.1; what an end entity may say of its own certificate.
_REASONS = {
    0: "unspecified",
    1: "keyCompromise",
    3: "affiliationChanged",
    4: "superseded",
    5: "cessationOfOperation",
    9: "privilegeWithdrawn",
}


def revoke(services: CaServices, message: Message, party: Party, *, now: datetime) -> None:
    """Revoke what the message names.

    :raises CmpError: ``badDataFormat``, ``badRequest``. :raises Denied: (``not_yours``), on record.
    :raises ServiceError: as :func:`ca.revocation.revoke.revoke_certificate`.
    """
    serial, reason = _read(message)
    with services.database.transaction() as session:
        if not _is_theirs(session, serial, party):
            error = Denied("You may revoke your own certificate, or one of your credential.", code="not_yours")
            refuse_enrolment(session, services, error, protocol=NAME, claimed=party.actor, now=now)
        revoke_certificate(session, services=services, serial=serial, reason=reason, actor=party.actor, now=now)


def _read(message: Message) -> tuple[str, str]:
    try:
        details, *more = children(message.body)
        template, *extensions = children(details)
        number = int.from_bytes(context_parts(children(template))[_SERIAL], "big", signed=True)
        reason = _reason(extensions)
    except (ValueError, KeyError, IndexError) as error:
        raise CmpError(Failure.BAD_DATA_FORMAT, "The request names no certificate by its serial number.") from error
    if more or number <= 0:
        raise CmpError(Failure.BAD_REQUEST, "One certificate is revoked at a time.")
    if reason not in _REASONS:
        raise CmpError(Failure.BAD_REQUEST, "This reason is not yours to give.")
    return serial_text(number), _REASONS[reason]


def _reason(extensions: list[bytes]) -> int:
    for extension in children(extensions[0]) if extensions else []:
        kind, *_critical, value = children(extension)
        if core.ObjectIdentifier.load(kind).dotted == _REASON_CODE:
            # ENUMERATED: its content is a number
            return int.from_bytes(content_of(core.OctetString.load(value, strict=True).native), "big", signed=True)
    return 0


def _is_theirs(session: Session, serial: str, party: Party) -> bool:
    row = session.get(Certificate, serial)
    if row is None or row.request_id is None:
        return False
    asked = session.get_one(CertificateRequest, row.request_id)
    own = party.renews is not None and serial_text(party.renews.serial_number) == serial
    return own or asked.requested_by == party.actor
