"""Writing answers (RFC 4210 §5.1, §5.3): header, body, protection."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime

from asn1crypto import core, x509

from ca.cmp.failure import CmpError
from ca.cmp.message import IMPLICIT_CONFIRM, Message
from ca.cmp.protection import Protector
from ca.requests.crmf import sequence, tagged

ACCEPTED, REJECTION, WAITING = 0, 2, 3
_NUMBERS = {"ip": 1, "cp": 3, "kup": 8, "rp": 12, "pkiConf": 19, "genp": 22, "error": 23, "pollRep": 26}
#: The answer to each kind of request.
RESPONSES = {"ir": "ip", "cr": "cp", "p10cr": "cp", "kur": "kup"}
_NULL_NAME = sequence()


def new_nonce() -> bytes:
    """Return a fresh senderNonce of 128 bits."""
    return secrets.token_bytes(16)


def write_answer(
    body_type: str,
    content: bytes,
    *,
    to: Message | None,
    sender: x509.Name | None,
    nonce: bytes,
    protector: Protector | None,
    more_certificates: Sequence[bytes] = (),
    implicit_confirm: bool = False,
    now: datetime,
) -> bytes:
    """Return a PKIMessage (DER).

    :param content: the body's (DER). :param to: the message that is answered, if it could be read.
    :param protector: None where the sender is not known: the answer is an error then.
    """
    parts = [
        core.Integer(2).dump(),
        tagged(4, sender.dump() if sender else _NULL_NAME),
        to.sender if to else tagged(4, _NULL_NAME),
        tagged(0, core.GeneralizedTime(now.replace(microsecond=0)).dump()),
    ]
    if protector:
        parts += [tagged(1, protector.algorithm), tagged(2, core.OctetString(protector.key_id).dump())]
    if to:
        parts.append(tagged(4, core.OctetString(to.transaction_id).dump()))
    parts.append(tagged(5, core.OctetString(nonce).dump()))
    if to:
        parts.append(tagged(6, core.OctetString(to.sender_nonce).dump()))
    if implicit_confirm:
        info = sequence(core.ObjectIdentifier(IMPLICIT_CONFIRM).dump(), core.Null().dump())
        parts.append(tagged(8, sequence(info)))
    header, body = sequence(*parts), tagged(_NUMBERS[body_type], content)
    if protector is None:
        return sequence(header, body)
    protection = core.OctetBitString(protector.protect(sequence(header, body))).dump()
    extra = list(dict.fromkeys((*protector.certificates, *more_certificates)))
    return sequence(header, body, tagged(0, protection), *([tagged(1, sequence(*extra))] if extra else []))


def certificate_content(cert_req_id: int, certificate_der: bytes, *, authorities: Sequence[bytes]) -> bytes:
    """Return CertRepMessage with the certificate. :param authorities: for caPubs."""
    pair = sequence(tagged(0, certificate_der))
    response = sequence(core.Integer(cert_req_id).dump(), status(ACCEPTED), pair)
    return sequence(*([tagged(1, sequence(*authorities))] if authorities else []), sequence(response))


def waiting_content(cert_req_id: int) -> bytes:
    """Return CertRepMessage that says: waiting."""
    return sequence(sequence(sequence(core.Integer(cert_req_id).dump(), status(WAITING, "Two people decide this."))))


def poll_content(cert_req_id: int, *, seconds: int) -> bytes:
    """Return PollRepContent: ask again after ``seconds``."""
    return sequence(sequence(core.Integer(cert_req_id).dump(), core.Integer(seconds).dump()))


def error_content(error: CmpError) -> bytes:
    """Return ErrorMsgContent."""
    bits = tuple(1 if number == error.failure else 0 for number in range(error.failure + 1))
    return sequence(sequence(*_status_parts(REJECTION, error.said), core.BitString(bits).dump()))


def status(value: int, said: str = "") -> bytes:
    """Return PKIStatusInfo."""
    return sequence(*_status_parts(value, said))


def _status_parts(value: int, said: str) -> list[bytes]:
    text = [sequence(core.UTF8String(said).dump())] if said else []
    return [core.Integer(value).dump(), *text]
