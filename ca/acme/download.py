"""Downloading a certificate with its chain (RFC 8555 §7.4.2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType
from ca.acme.account import actor_of
from ca.acme.model import Account, Credential, Order
from ca.acme.problem import AcmeProblem, Kind
from ca.issuance.authority import authority_chain, cross_certificates
from ca.issuance.model import Certificate
from ca.requests.prepare import institution_as_it_is
from ca.services import CaServices
from ca.transparency.listing import list_institution
from ca.transparency.promise import require_logged
from kernel.errors import NotFound, Unavailable
from kernel.prefetch import find_row
from kernel.prepared import Prepared


@dataclass(frozen=True)
class Above:
    """What goes behind a certificate: one chain (PEM) for each way that leads to a root."""

    chains: tuple[str, ...]


def take_certificate(
    session: Session, *, services: CaServices, account: Account, serial: str, now: datetime
) -> list[str]:
    """Return the chains (PEM) of a certificate that the account ordered, the first one preferred.

    Each leads one way, the root itself left out: where other roots certify ours, to each of them, the oldest first,
    which most verifiers have; and always to our own. The first time is on record as the hand-over.

    :raises AcmeProblem: ``malformed`` (not found), another account's likewise.
    :raises Unavailable: (``not_logged_yet``) if its place in the certificate log is still to come.
    """
    found = _ORDERED.fetch(session, {"serial": serial, "account": account.id})
    if not found:
        raise AcmeProblem(Kind.NOT_FOUND, "This account has no such certificate.")
    row = _Ordered(*found[0])
    if row.certificate_der is None:
        raise Unavailable("The certificate is recorded and waits for its signature.", code="not_signed_yet")
    require_logged(session, serial)
    if row.delivered_at is None:
        _note_delivery(session, services, row.id, serial=serial, account=account, now=now)
    leaf = _pem(row.certificate_der)
    return [leaf + above for above in above_of(session, services, row.authority_id, now=now).chains]


class _Ordered(NamedTuple):
    id: str
    delivered_at: datetime | None
    certificate_der: bytes | None
    authority_id: str


_ORDERED = Prepared(
    lambda _: (
        select(Order.id, Order.delivered_at, Certificate.certificate_der, Certificate.authority_id)
        .join(Certificate, Certificate.serial == Order.serial)
        .where(Order.serial == bindparam("serial"), Order.account_id == bindparam("account"))
    )
)
_DELIVERED = Prepared(
    lambda _: (
        update(Order)
        .where(Order.id == bindparam("order"), Order.delivered_at.is_(None))
        .values(delivered_at=bindparam("moment"))
        .returning(Order.id)
        .execution_options(synchronize_session=False)
    )
)


def above_of(session: Session, services: CaServices, authority_id: str, *, now: datetime) -> Above:
    """Return what stands above an authority's certificates; asked of the database once in a few seconds."""
    known: Above | None = services.chains.find(authority_id)
    if known is None:
        authorities = authority_chain(session, authority_id)
        path = "".join(_pem(each.certificate_der) for each in authorities if not each.is_root)
        crosses = cross_certificates(session, authorities[-1], valid_at=now)
        crossed = [path + _pem(found.certificate_der) for found in crosses]
        known = Above((*crossed, path))
        services.chains.note(authority_id, known)
    return known


def _note_delivery(
    session: Session, services: CaServices, order_id: str, *, serial: str, account: Account, now: datetime
) -> None:
    if _DELIVERED.fetch(session, {"order": order_id, "moment": now}):
        event = Event(type=EventType.CERTIFICATE_DELIVERED, actor=actor_of(account.id), object_id=serial)
        services.journal.record(session, event, now=now)
        _list_institution(session, services, account)


def _list_institution(session: Session, services: CaServices, account: Account) -> None:
    """The certificate names servers; who looks for the institution finds it by its name all the same."""
    credential = find_row(session, Credential, account.credential_id)
    if credential is None or services.listed.find(credential.institution_ruc):
        return
    try:
        institution = institution_as_it_is(session, services, credential.institution_ruc)
    except NotFound:
        return  # it was closed since; the certificate is its own all the same
    list_institution(session, ruc=institution.ruc, name=institution.name)
    services.listed.note(institution.ruc, True)


def _pem(der: bytes) -> str:
    return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM).decode("ascii")
