"""Renewal information (RFC 9773): when to renew, and which certificate an order replaces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ca.acme.identifier import base_name
from ca.acme.model import Order
from ca.acme.problem import AcmeProblem, Kind, malformed
from ca.acme.profiles import offered_profiles
from ca.acme.state import INVALID
from ca.acme.view import timestamp
from ca.issuance.model import Authority, Certificate
from ca.revocation.compromised_key import is_compromised
from ca.serial import serial_text
from ca.services import CaServices
from kernel.identifiers import b64url_decode

#: How long a client waits before it asks again; sooner where the time has come.
ASK_AGAIN = timedelta(hours=6)
_MOST_LENGTH = 120
_WINDOW_PART = 24  # of the lifetime: 90 days give a window of three days and three quarters


@dataclass(frozen=True)
class RenewalInfo:
    """When a certificate should be renewed: at a moment of the client's choice within the window."""

    start: datetime
    end: datetime
    explanation_url: str | None

    def to_json(self) -> dict[str, Any]:
        """Return the RenewalInfo object (§4.2)."""
        window = {"start": timestamp(self.start), "end": timestamp(self.end)}
        return {"suggestedWindow": window} | ({"explanationURL": self.explanation_url} if self.explanation_url else {})


def suggested_window(
    *, not_before: datetime, not_after: datetime, at_once: bool, now: datetime
) -> tuple[datetime, datetime]:
    """Return the window: when two thirds of the lifetime are over, or now, if the certificate counts no more.

    One that must be replaced at once has a window that lies in the past (§4.2).
    """
    if at_once:
        return now - timedelta(hours=1), now - timedelta(minutes=1)
    lifetime = not_after - not_before
    start = not_before + lifetime * 2 / 3
    return start, start + lifetime / _WINDOW_PART


def renewal_info(session: Session, *, services: CaServices, certificate_id: str, now: datetime) -> RenewalInfo:
    """Return when to renew a certificate of the kinds that are ordered here.

    :param certificate_id: see :func:`parse_certificate_id`.
    :raises AcmeProblem: ``malformed``, of what is not known likewise.
    """
    row, authority = _find(session, certificate_id)
    if row.profile not in (*offered_profiles(services), "tls-server"):
        raise _unknown()
    issuer = session.scalar(select(Certificate).where(Certificate.certificate_der == authority.certificate_der))
    at_once = (
        row.revoked_at is not None
        or is_compromised(session, row.spki_sha256)
        or (issuer is not None and issuer.revoked_at is not None)
    )
    start, end = suggested_window(not_before=row.not_before, not_after=row.not_after, at_once=at_once, now=now)
    explanation = f"{services.settings.issuer}/pki/certificates/{row.serial}" if at_once else None
    return RenewalInfo(start, end, explanation)


def require_replaceable(session: Session, *, member: object, account_id: str, names: Sequence[str]) -> str | None:
    """Return the identifier of the certificate that an order replaces, if it names one (§5).

    :raises AcmeProblem: ``malformed``; ``unauthorized`` for another account's certificate or one of other names;
        ``alreadyReplaced``.
    """
    if member is None:
        return None
    if not isinstance(member, str):
        raise malformed("replaces is a certificate's identifier (RFC 9773 §4.1).")
    row, _ = _find(session, member)
    ordered = session.scalar(select(Order).where(Order.serial == row.serial, Order.account_id == account_id))
    if ordered is None:
        raise AcmeProblem(Kind.UNAUTHORIZED, "The certificate to be replaced is not this account's.")
    if not {base_name(name) for name in names} & {base_name(name) for name in ordered.names}:
        raise malformed("The order shares no name with the certificate that it replaces.")
    if session.scalar(select(Order.id).where(Order.replaces == member, Order.status != INVALID).limit(1)) is not None:
        raise already_replaced()
    return member


def already_replaced() -> AcmeProblem:
    """Return the refusal of a second order that replaces the same certificate (§5)."""
    return AcmeProblem(Kind.ALREADY_REPLACED, "Another order replaces this certificate.")


def parse_certificate_id(text: str) -> tuple[bytes, str]:
    """Return the issuer's key identifier and the serial, as stored, of ``AKI.SERIAL`` in base64url (§4.1).

    :raises AcmeProblem: ``malformed``.
    """
    parts = text.split(".") if len(text) <= _MOST_LENGTH else []
    try:
        key_identifier, serial = (b64url_decode(part) for part in parts)
    except ValueError as error:
        raise malformed("A certificate's identifier is its AKI and serial number in base64url.") from error
    number = int.from_bytes(serial, signed=True)
    if not key_identifier or not serial or number <= 0:
        raise malformed("A certificate's identifier is its AKI and serial number in base64url.")
    return key_identifier, serial_text(number)


def _find(session: Session, certificate_id: str) -> tuple[Certificate, Authority]:
    key_identifier, serial = parse_certificate_id(certificate_id)
    found = session.execute(
        select(Certificate, Authority)
        .join(Authority, Authority.id == Certificate.authority_id)
        .where(Certificate.serial == serial, Authority.subject_key_identifier == key_identifier.hex())
    ).one_or_none()
    if found is None:
        raise _unknown()
    return found[0], found[1]


def _unknown() -> AcmeProblem:
    return AcmeProblem(Kind.NOT_FOUND, "There is no such certificate.")
