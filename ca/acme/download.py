"""Downloading a certificate with its chain (RFC 8555 §7.4.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from ssl import DER_cert_to_PEM_cert
from typing import NamedTuple, cast

from sqlalchemy import Table, select
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
from ca.transparency.promise import require_logged, wants_placed
from kernel.errors import NotFound, Unavailable
from kernel.late_rows import update_later
from kernel.prefetch import UNKNOWN, Reading, Want, among, find_row, keep, kept, prefetch
from kernel.prepared import Ask, Prepared


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
    row = _ordered(session, serial)
    if row is None or row.account_id != account.id:
        raise AcmeProblem(Kind.NOT_FOUND, "This account has no such certificate.")
    if row.certificate_der is None:
        raise Unavailable("The certificate is recorded and waits for its signature.", code="not_signed_yet")
    require_logged(session, serial)
    if row.delivered_at is None:
        _note_delivery(session, services, row, serial=serial, account=account, now=now)
    leaf = _pem(row.certificate_der)
    return [leaf + above for above in above_of(session, services, row.authority_id, now=now).chains]


def wants_download(serial: str) -> list[Want]:
    """Return what :func:`take_certificate` is going to look up."""
    return [Want(_read_ordered, serial), wants_placed(serial)]


class _Ordered(NamedTuple):
    serial: str
    id: str
    account_id: str
    delivered_at: datetime | None
    certificate_der: bytes | None
    authority_id: str


#: The order's row is locked: whoever hands the certificate over first writes that down.
_ORDERED = Prepared(
    lambda dialect: (
        select(
            Order.serial,
            Order.id,
            Order.account_id,
            Order.delivered_at,
            Certificate.certificate_der,
            Certificate.authority_id,
        )
        .join(Certificate, Certificate.serial == Order.serial)
        .where(among(dialect, Order.serial))
        .order_by(Order.id)
        .with_for_update(of=Order)
    )
)


def _read_ordered(session: Session, serials: Sequence[str]) -> Reading:
    found = {row[0]: _Ordered(*row) for row in (yield Ask(_ORDERED, {"keys": serials}))}
    for serial in serials:
        keep(session, _Ordered, serial, found.get(serial))


def _ordered(session: Session, serial: str) -> _Ordered | None:
    if kept(session, _Ordered, serial) is UNKNOWN:
        prefetch(session, [Want(_read_ordered, serial)])
    found: _Ordered | None = kept(session, _Ordered, serial)
    return found


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
    session: Session, services: CaServices, row: _Ordered, *, serial: str, account: Account, now: datetime
) -> None:
    update_later(session, cast(Table, Order.__table__), {"id": row.id, "delivered_at": now})
    keep(session, _Ordered, serial, row._replace(delivered_at=now))
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
    return DER_cert_to_PEM_cert(der)
