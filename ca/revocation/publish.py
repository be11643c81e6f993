"""Publishing lists: a number, what was revoked, a signature, and one newest list that is never served stale."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session, aliased

from audit.event import Event
from audit.vocabulary import EventType
from ca.issuance.model import Authority, Certificate
from ca.locations import crl_url
from ca.revocation.crl import LIST_LIFETIME, ROOT_LIST_LIFETIME, RevokedEntry, build_list
from ca.revocation.model import CrlSeries, RevocationList
from ca.revocation.reason import RevocationReason
from ca.revocation.series import claim_publication, is_behind, take_turn
from ca.serial import serial_number
from ca.services import CaServices
from kernel.errors import Denied, NotFound, Unavailable
from kernel.identifiers import sha256_hex
from keys.signer import Signer

REFRESH_INTERVAL = timedelta(days=1)
FULL_LIST_SHARD = 0  # one full list now; a certificate's row says which list is its own

KEPT_AFTER_EXPIRY = timedelta(days=30)

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


def publish_overdue_lists(services: CaServices) -> list[PublishedList]:
    """Publish every issuing authority's list that is missing, behind, or a day old, and return the new ones.

    The root's is left alone: its key is not here.
    """
    now = services.clock.now()
    with services.database.reading() as session:
        authorities = session.execute(
            select(Authority.id, Authority.key_name).where(Authority.issuer_id.is_not(None), Authority.not_after > now)
        ).all()
        due = [
            (authority_id, key_name, shard)
            for authority_id, key_name in authorities
            for shard in _shards(session, authority_id)
            if _is_overdue(session, authority_id, shard, now=now)
        ]
    return [
        publish_list(
            services,
            authority_id=authority_id,
            shard=shard,
            signer=services.keystore.open(key_name),
            scheduled=True,
        )
        for authority_id, key_name, shard in due
    ]


def drop_old_lists(services: CaServices) -> int:
    """Delete lists a month past their nextUpdate, never an authority's newest regular one; return how many.

    Their events, with number and digest, stay in the log.
    """
    newest = aliased(RevocationList)
    newest_regular = (
        select(func.max(newest.number))
        .where(
            newest.authority_id == RevocationList.authority_id,
            newest.shard == RevocationList.shard,
            newest.scheduled.is_(True),
        )
        .scalar_subquery()
    )
    with services.database.transaction() as session:
        dropped = session.execute(
            delete(RevocationList)
            .where(
                RevocationList.next_update < services.clock.now() - KEPT_AFTER_EXPIRY,
                RevocationList.number < newest_regular,
            )
            .returning(RevocationList.number)
            .execution_options(synchronize_session=False)
        ).all()
    return len(dropped)


def publish_if_behind(services: CaServices, *, authority_id: str, shard: int) -> PublishedList | None:
    """Publish an issuing authority's list if a revocation is not on it yet; many revocations make one list.

    :raises Denied: (``root_signs_by_command``) for a root.
    """
    with services.database.reading() as session:
        authority = session.get_one(Authority, authority_id)
        if authority.issuer_id is None:
            raise Denied("The root signs from the command line only.", code="root_signs_by_command")
        if not is_behind(session, authority_id=authority_id, shard=shard):
            return None
        key_name = authority.key_name
    signer = services.keystore.open(key_name)
    return publish_list(services, authority_id=authority_id, shard=shard, signer=signer, scheduled=False)


def _shards(session: Session, authority_id: str) -> list[int]:
    known = session.scalars(select(CrlSeries.shard).where(CrlSeries.authority_id == authority_id))
    return sorted({FULL_LIST_SHARD, *known})


def _is_overdue(session: Session, authority_id: str, shard: int, *, now: datetime) -> bool:
    last = _last_scheduled_at(session, authority_id=authority_id, shard=shard)
    return last is None or last + REFRESH_INTERVAL <= now or is_behind(session, authority_id=authority_id, shard=shard)


def _last_scheduled_at(session: Session, *, authority_id: str, shard: int) -> datetime | None:
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
    last_regular = _last_scheduled_at(session, authority_id=authority_id, shard=shard)
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
