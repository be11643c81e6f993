"""Publishing lists: a number, what was revoked, a signature, and one newest list that is never served stale."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType
from ca.issuance.model import Authority, Certificate
from ca.locations import crl_url
from ca.revocation.crl import LIST_LIFETIME, ROOT_LIST_LIFETIME, RevokedEntry, build_list
from ca.revocation.model import RevocationList
from ca.revocation.reason import RevocationReason
from ca.revocation.series import claim_publication, take_turn
from ca.serial import serial_number
from ca.services import CaServices
from kernel.errors import NotFound, Unavailable
from kernel.identifiers import sha256_hex
from keys.signer import Signer

FULL_LIST_SHARD = 0  # one full list now; a certificate's row says which list is its own

_LATE_COMMIT = timedelta(hours=1)  # a revocation may commit this long after its own clock reading


@dataclass(frozen=True)
class PublishedList:
    """A list as it is served.

    :ivar der: the CertificateList. :ivar sha256: of ``der``, lower-case hex.
    """

    authority: str
    shard: int
    number: int
    this_update: datetime
    next_update: datetime
    entries: int
    sha256: str
    der: bytes


def publish_list(
    services: CaServices, *, authority_id: str, signer: Signer, shard: int = FULL_LIST_SHARD, scheduled: bool
) -> PublishedList:
    """Build, sign and publish the authority's list of one shard; return the newest, which is this one or a later one.

    Two transactions: the first takes the number and reads what is revoked, the second publishes list and event
    together. The signature is made in between, so that nobody waits for a key. A publisher that was overtaken keeps
    its list to itself: the later number read later, and says at least as much.

    :param signer: the authority's key; for a root, from the ceremony's store.
    :param scheduled: a regular list, as against one that a revocation brought about.
    """
    now = services.clock.now()
    with services.database.transaction() as session:
        authority = session.get_one(Authority, authority_id)
        turn = take_turn(session, authority_id=authority_id, shard=shard)
        entries = _entries(session, authority_id=authority_id, shard=shard)
    is_root = authority.issuer_id is None
    built = build_list(
        authority=x509.load_der_x509_certificate(authority.certificate_der),
        signer=signer,
        entries=entries,
        number=turn.number,
        distribution_point=None if is_root else crl_url(services.settings.issuer, authority.name, shard),
        this_update=now,
        lifetime=ROOT_LIST_LIFETIME if is_root else LIST_LIFETIME,
    )
    der = built.public_bytes(Encoding.DER)
    next_update = built.next_update_utc
    assert next_update is not None
    with services.database.transaction() as session:
        if not claim_publication(session, authority_id=authority_id, shard=shard, number=turn.number):
            return current_list(session, authority_name=authority.name, shard=shard, now=now)
        row = RevocationList(
            authority_id=authority_id,
            shard=shard,
            number=turn.number,
            revision=turn.revision,
            scheduled=scheduled,
            this_update=built.last_update_utc,
            next_update=next_update,
            entries=len(entries),
            sha256=sha256_hex(der),
            der=der,
        )
        session.add(row)
        services.journal.record(
            session,
            Event(
                type=EventType.CRL_PUBLISHED,
                object_id=f"{authority.name}-{shard}",
                details={
                    "authority": authority.name,
                    "shard": shard,
                    "number": turn.number,
                    "entries": len(entries),
                    "this_update": row.this_update.isoformat(),
                    "next_update": row.next_update.isoformat(),
                    "sha256": row.sha256,
                    "scheduled": scheduled,
                },
            ),
            now=now,
        )
        return _published(authority.name, row)


def current_list(session: Session, *, authority_name: str, shard: int, now: datetime) -> PublishedList:
    """Return the newest list.

    :raises NotFound: (``unknown_list``) if there is none.
    :raises Unavailable: (``list_expired``) if its nextUpdate has passed: a stale list is never served.
    """
    row = session.execute(
        select(RevocationList)
        .join(Authority, Authority.id == RevocationList.authority_id)
        .where(Authority.name == authority_name, RevocationList.shard == shard)
        .order_by(RevocationList.number.desc())
        .limit(1)
    ).scalar_one_or_none()
    if row is None:
        raise NotFound("There is no such revocation list.", code="unknown_list")
    if row.next_update <= now:
        raise Unavailable("The revocation list is past its next update; a new one is due.", code="list_expired")
    return _published(authority_name, row)


def last_regular_at(session: Session, *, authority_id: str, shard: int) -> datetime | None:
    """Return thisUpdate of the newest regular list, None before the first."""
    return session.scalar(
        select(RevocationList.this_update)
        .where(
            RevocationList.authority_id == authority_id,
            RevocationList.shard == shard,
            RevocationList.scheduled.is_(True),
        )
        .order_by(RevocationList.number.desc())
        .limit(1)
    )


def _entries(session: Session, *, authority_id: str, shard: int) -> list[RevokedEntry]:
    """What is revoked and must still be told, by date.

    RFC 5280 §3.3: an entry stays until it stood on one regular list issued after the certificate's validity; so only
    what had expired before the last regular list may go, for that list still had it.
    """
    query = select(
        Certificate.serial, Certificate.revoked_at, Certificate.revocation_reason, Certificate.compromised_at
    ).where(
        Certificate.authority_id == authority_id,
        Certificate.crl_shard == shard,
        Certificate.revoked_at.is_not(None),
    )
    last_regular = last_regular_at(session, authority_id=authority_id, shard=shard)
    if last_regular is not None:
        query = query.where(
            or_(Certificate.not_after >= last_regular, Certificate.revoked_at >= last_regular - _LATE_COMMIT)
        )
    rows = session.execute(query.order_by(Certificate.revoked_at, Certificate.serial)).all()
    return [
        RevokedEntry(
            serial=serial_number(row.serial),
            revoked_at=row.revoked_at,
            reason=RevocationReason(row.revocation_reason),
            compromised_at=row.compromised_at,
        )
        for row in rows
    ]


def _published(authority_name: str, row: RevocationList) -> PublishedList:
    return PublishedList(
        authority=authority_name,
        shard=row.shard,
        number=row.number,
        this_update=row.this_update,
        next_update=row.next_update,
        entries=row.entries,
        sha256=row.sha256,
        der=row.der,
    )
