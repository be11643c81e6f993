"""Handing over a certificate with its chain."""

from __future__ import annotations

from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType
from ca.issuance.authority import authority_chain, chain_to_offer
from ca.issuance.model import Certificate
from ca.services import CaServices
from ca.transparency.promise import require_logged
from kernel.errors import NotFound, Unavailable


def certificate_chain_pem(session: Session, serial: str, *, now: datetime) -> str:
    """Return the certificate and the authorities above it, the root left out, as PEM text: what a server installs.

    :param serial: the stored form, see :func:`ca.serial.parse_serial`.
    :raises NotFound: ``unknown_certificate``. :raises Unavailable: (``not_signed_yet``, ``not_logged_yet``) if the
        signature or the entry in the certificate log is on its way.
    """
    row = session.get(Certificate, serial)
    if row is None:
        raise NotFound("There is no certificate with this serial number.", code="unknown_certificate")
    if row.certificate_der is None:
        raise Unavailable("The certificate is recorded and waits for its signature.", code="not_signed_yet")
    require_logged(session, serial)
    return "".join(_pem(der) for der in (row.certificate_der, *chain_to_offer(session, row.authority_id, now=now)))


def authority_chain_pem(session: Session, authority_id: str) -> str:
    """Return an authority's certificate and those above it, the root last, as PEM text: what a client trusts."""
    return "".join(_pem(record.certificate_der) for record in authority_chain(session, authority_id))


def deliver_certificate(session: Session, *, services: CaServices, serial: str, actor: str, now: datetime) -> str:
    """Return :func:`certificate_chain_pem` and put on record who took it."""
    pem = certificate_chain_pem(session, serial, now=now)
    event = Event(type=EventType.CERTIFICATE_DELIVERED, actor=actor, object_id=serial)
    services.journal.record(session, event, now=now)
    return pem


def _pem(der: bytes) -> str:
    return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM).decode("ascii")
