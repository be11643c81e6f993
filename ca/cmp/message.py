"""Reading a PKIMessage (RFC 4210 §5.1): bounded, whole, and with its octets as they came."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import Any

from asn1crypto import core
from pyasn1.codec.der import decoder
from pyasn1.error import PyAsn1Error

from ca.cmp.failure import CmpError, Failure
from ca.requests.crmf import children, content_of, context_parts, sequence

MAX_MESSAGE_SIZE = 128 * 1024
IMPLICIT_CONFIRM = "1.3.6.1.5.5.7.4.13"
_MAX_NONCE, _MAX_TRANSACTION_ID = 64, 64


@dataclass(frozen=True, kw_only=True)
class Message:
    """What came.

    :ivar sender: GeneralName (DER). :ivar body_type: as RFC 4210 §5.1.2 names it: ``ir``, ``certConf``, …
    :ivar body: the body's content (DER), without its tag.
    :ivar protected_part: header and body, over which the protection is made.
    :ivar algorithm: of the protection, dotted, with its parameters (DER or empty).
    :ivar extra_certificates: DER.
    """

    sender: bytes
    message_time: datetime | None
    algorithm: str
    parameters: bytes
    sender_kid: bytes
    transaction_id: bytes
    sender_nonce: bytes
    recipient_nonce: bytes
    implicit_confirm: bool
    body_type: str
    body: bytes
    protected_part: bytes
    protection: bytes
    extra_certificates: tuple[bytes, ...]


def parse_message(octets: bytes) -> Message:
    """Return the message. :raises CmpError: ``badDataFormat``, ``unsupportedVersion``, ``badRequest``."""
    if not octets or len(octets) > MAX_MESSAGE_SIZE:
        raise CmpError(Failure.BAD_DATA_FORMAT, "The message is empty or larger than 128 KiB.")
    try:
        decoded, rest = decoder.decode(octets, asn1Spec=_pki_message())
        header_der, body_der, *more = children(octets)
        message = _message(decoded, header_der, body_der, context_parts(more).get(1))
        version = int(decoded["header"]["pvno"])
    except (PyAsn1Error, ValueError, KeyError, IndexError, RecursionError, OverflowError) as error:
        raise CmpError(Failure.BAD_DATA_FORMAT, "This is no PKIMessage (RFC 4210).") from error
    if rest:
        raise CmpError(Failure.BAD_DATA_FORMAT, "Something follows the message.")
    if version not in (2, 3):
        raise CmpError(Failure.UNSUPPORTED_VERSION, "Versions 2 and 3 are answered here.")
    if not 1 <= len(message.transaction_id) <= _MAX_TRANSACTION_ID:
        raise CmpError(Failure.BAD_REQUEST, "A message has a transactionID of 64 octets at most.")
    if not 8 <= len(message.sender_nonce) <= _MAX_NONCE:
        raise CmpError(Failure.BAD_SENDER_NONCE, "A message has a senderNonce of 8 to 64 octets.")
    return message


def _message(decoded: Any, header_der: bytes, body_der: bytes, extra: bytes | None) -> Message:
    header = decoded["header"]

    def octets(name: str) -> bytes:
        value = header[name]
        return bytes(value) if value.hasValue() else b""

    time = header["messageTime"]
    algorithm, parameters = "", b""
    if header["protectionAlg"].hasValue():
        identifier = header["protectionAlg"]
        algorithm = str(identifier["algorithm"])
        parameters = bytes(identifier["parameters"]) if identifier["parameters"].hasValue() else b""
    info = header["generalInfo"]
    protection = decoded["protection"]
    return Message(
        sender=children(header_der)[1],
        message_time=time.asDateTime if time.hasValue() else None,
        algorithm=algorithm,
        parameters=parameters,
        sender_kid=octets("senderKID"),
        transaction_id=octets("transactionID"),
        sender_nonce=octets("senderNonce"),
        recipient_nonce=octets("recipNonce"),
        implicit_confirm=info.hasValue() and any(str(item["infoType"]) == IMPLICIT_CONFIRM for item in info),
        body_type=str(decoded["body"].getName()),
        body=content_of(body_der),
        protected_part=sequence(header_der, body_der),
        protection=protection.asOctets() if protection.hasValue() else b"",
        extra_certificates=tuple(children(extra)) if extra else (),
    )


def body_integer(der: bytes) -> int:
    """Return an INTEGER. :raises ValueError: if it is none."""
    number: int = core.Integer.load(der, strict=True).native
    return number


def _pki_message() -> Any:
    """Return what a PKIMessage is made of, loaded on first use.

    Its tables take half a second of processor time to import, which no command and no process should pay that nobody
    asks by CMP.
    """
    return import_module("pyasn1_alt_modules.rfc9480").PKIMessage()
