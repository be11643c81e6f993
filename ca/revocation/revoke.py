"""Revoking a certificate: one winner, one event, and everyone who must hear of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn

from asn1crypto.x509 import TbsCertificate
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from ca.issuance.model import Authority, Certificate
from ca.revocation.compromised_key import block_key
from ca.revocation.model import CertificateHold
from ca.revocation.reason import RevocationReason, parse_reason, require_fitting_reason
from ca.revocation.series import advance_revision
from ca.revocation.standing import HOLD, is_held, not_for_good
from ca.services import CaServices
from kernel.errors import Conflict, Denied, NotFound, Rejected, ServiceError
from kernel.outbox import enqueue

CERTIFICATE_REVOKED = "ca.certificate_revoked"  # outbox: who rests on the certificate must let go
LIST_DUE = "ca.list_due"  # outbox: the authority's list is behind

_CLOCK_TOLERANCE = timedelta(minutes=5)
_COMPROMISE = (RevocationReason.KEY_COMPROMISE.value, RevocationReason.CA_COMPROMISE.value)


@dataclass(frozen=True)
class AffectedCertificate:
    """A certificate that a revocation is about, or that holds the same key."""

    serial: str
    subject: str
    profile: str
    not_after: datetime


@dataclass(frozen=True)
class Revocation:
    """What was done.

    :ivar revoked_at: the date on lists and answers; a later change of reason keeps it.
    :ivar siblings: other live certificates with the same key; after a key compromise each of them must go too.
    :ivar list_by_command: whether the list that will say so is the root's, which only the command line signs.
    """

    serial: str
    subject: str
    reason: RevocationReason
    revoked_at: datetime
    compromised_at: datetime | None
    siblings: tuple[AffectedCertificate, ...]
    authority_id: str
    crl_shard: int
    list_by_command: bool


@dataclass(frozen=True)
class RevocationPreview:
    """What a revocation would mean, to be read before it is confirmed.

    :ivar names: names under which the certificate serves.
    :ivar live_below: for an authority: certificates issued by it that would stop being trusted with it.
    :ivar already_revoked_at: set if it is revoked already; only a change to key compromise is possible then.
    :ivar blocks_key: whether the key could never be certified again.
    """

    serial: str
    subject: str
    profile: str
    names: tuple[str, ...]
    institution_ruc: str | None
    not_after: datetime
    already_revoked_at: datetime | None
    siblings: tuple[AffectedCertificate, ...]
    live_below: int
    blocks_key: bool


def preview_revocation(session: Session, *, serial: str, reason: str, now: datetime) -> RevocationPreview:
    """Return what will stop working. :raises NotFound: (``unknown_certificate``). :raises Rejected: as for revoking."""
    certificate = _find(session, serial)
    chosen = parse_reason(reason)
    require_fitting_reason(chosen, is_authority=is_authority_certificate(certificate))
    return RevocationPreview(
        serial=certificate.serial,
        subject=certificate.subject,
        profile=certificate.profile,
        names=tuple(certificate.names),
        institution_ruc=certificate.institution_ruc,
        not_after=certificate.not_after,
        already_revoked_at=None if is_held(certificate) else certificate.revoked_at,
        siblings=_siblings(session, certificate, now=now),
        live_below=_count_live_below(session, certificate, now=now),
        blocks_key=chosen.is_compromise,
    )


def revoke_certificate(
    session: Session,
    *,
    services: CaServices,
    serial: str,
    reason: str,
    compromised_at: datetime | None = None,
    actor: str,
    now: datetime,
    one_of_many: bool = False,
) -> Revocation:
    """Revoke a certificate for good, in the caller's transaction, with its event and the tasks that spread the word.

    A revoked certificate changes only to key compromise, one on hold to any reason; the date stays. An expired one
    is not revoked: lists drop it and nobody would see it; a compromised key is blocked all the same.

    :param serial: the stored form, see :func:`ca.serial.parse_serial`.
    :param reason: a name of RFC 5280 §5.3.1, see :class:`RevocationReason`.
    :param compromised_at: since when the key is in foreign hands, as far as known (invalidityDate, §5.3.2).
    :param one_of_many: the caller has the lists published when it is through with all of them.
    :raises NotFound: ``unknown_certificate``.
    :raises Rejected: ``unknown_revocation_reason``, ``reason_for_authorities_only``, ``reason_not_for_authorities``,
        ``compromise_date_without_compromise``, ``compromise_in_future``, ``certificate_expired``.
    :raises Conflict: ``already_revoked``. :raises Denied: ``root_is_withdrawn_by_hand``.
    """
    try:
        certificate = _find(session, serial)
        chosen = parse_reason(reason)
        is_authority = is_authority_certificate(certificate)
        require_fitting_reason(chosen, is_authority=is_authority)
        require_plausible_compromise(chosen, compromised_at, now=now)
        authority = session.get_one(Authority, certificate.authority_id)
        if is_authority and authority.issuer_id is None and certificate.certificate_der == authority.certificate_der:
            raise Denied("A root is withdrawn from trust stores; no list can say so.", code="root_is_withdrawn_by_hand")
        if chosen.is_compromise:
            block_key(
                session,
                spki_sha256=certificate.spki_sha256,
                serial=certificate.serial,
                compromised_at=compromised_at,
                now=now,
            )
        if certificate.not_after < now:
            raise Rejected("The certificate has expired; an expired one is not revoked.", code="certificate_expired")
        revoked_at = _write(session, certificate, chosen, compromised_at, actor=actor, now=now)
    except ServiceError as error:
        _refuse(session, services, error, serial=serial, reason=reason, actor=actor, now=now)
    siblings = _siblings(session, certificate, now=now)
    services.journal.record(
        session,
        Event(
            type=EventType.CERTIFICATE_REVOKED,
            subject=certificate.holder_id,
            actor=actor,
            object_id=certificate.serial,
            details={
                "authority": authority.name,
                "revocation_reason": chosen.value,
                "revoked_at": revoked_at.isoformat(),
                "compromised_at": compromised_at.isoformat() if compromised_at else None,
                "reason_changed": revoked_at != now,
                "same_key": [sibling.serial for sibling in siblings],
            },
        ),
        now=now,
    )
    list_by_command = authority.issuer_id is None
    if not list_by_command and not one_of_many:
        enqueue(session, LIST_DUE, {"authority_id": authority.id, "shard": certificate.crl_shard}, now=now)
    enqueue(session, CERTIFICATE_REVOKED, {"serial": certificate.serial, "reason": chosen.value}, now=now)
    return Revocation(
        serial=certificate.serial,
        subject=certificate.subject,
        reason=chosen,
        revoked_at=revoked_at,
        compromised_at=compromised_at,
        siblings=siblings,
        authority_id=authority.id,
        crl_shard=certificate.crl_shard,
        list_by_command=list_by_command,
    )


def is_authority_certificate(certificate: Certificate) -> bool:
    """Tell whether the certificate is an authority's: BasicConstraints with cA true (RFC 5280 §4.2.1.9)."""
    for extension in TbsCertificate.load(certificate.tbs_der)["extensions"]:
        if extension["extn_id"].native == "basic_constraints":
            return bool(extension["extn_value"].parsed["ca"].native)
    return False


def _find(session: Session, serial: str) -> Certificate:
    certificate = session.get(Certificate, serial, populate_existing=True)
    if certificate is None:
        raise NotFound("There is no certificate with this serial number.", code="unknown_certificate")
    return certificate


def require_plausible_compromise(reason: RevocationReason, compromised_at: datetime | None, *, now: datetime) -> None:
    """:raises Rejected: ``compromise_date_without_compromise``, ``compromise_in_future``."""
    if compromised_at is None:
        return
    if not reason.is_compromise:
        raise Rejected(
            "A date of compromise goes with a key compromise only.", code="compromise_date_without_compromise"
        )
    if compromised_at > now + _CLOCK_TOLERANCE:
        raise Rejected("The date of compromise lies in the future.", code="compromise_in_future")


def _write(
    session: Session,
    certificate: Certificate,
    reason: RevocationReason,
    compromised_at: datetime | None,
    *,
    actor: str,
    now: datetime,
) -> datetime:
    # The series first, everywhere: two that revoke in the same shard wait for each other here and nowhere else.
    revision = advance_revision(session, authority_id=certificate.authority_id, shard=certificate.crl_shard)
    first = session.execute(
        update(Certificate)
        .where(Certificate.serial == certificate.serial, Certificate.revoked_at.is_(None))
        .values(revoked_at=now, revocation_reason=reason.value, compromised_at=compromised_at, crl_revision=revision)
        .returning(Certificate.revoked_at)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    if first is not None:
        return first
    held_since = _revoke_held(session, certificate, reason, compromised_at, revision=revision, actor=actor, now=now)
    if held_since is not None:
        return held_since
    if reason.is_compromise:
        kept = session.execute(
            update(Certificate)
            .where(Certificate.serial == certificate.serial, Certificate.revocation_reason.not_in(_COMPROMISE))
            .values(revocation_reason=reason.value, compromised_at=compromised_at, crl_revision=revision)
            .returning(Certificate.revoked_at)
            .execution_options(synchronize_session=False)
        ).scalar_one_or_none()
        if kept is not None:
            return kept
    raise Conflict(
        "The certificate is revoked already; its reason changes only to key compromise.", code="already_revoked"
    )


def _revoke_held(
    session: Session,
    certificate: Certificate,
    reason: RevocationReason,
    compromised_at: datetime | None,
    *,
    revision: int,
    actor: str,
    now: datetime,
) -> datetime | None:
    """A certificate on hold is revoked for any reason, with the date of the hold: it did not count since then."""
    revoked = session.execute(
        update(Certificate)
        .where(Certificate.serial == certificate.serial, Certificate.revocation_reason == HOLD)
        .values(revocation_reason=reason.value, compromised_at=compromised_at, crl_revision=revision)
        .returning(Certificate.revoked_at)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    if revoked is not None:
        session.execute(
            update(CertificateHold)
            .where(CertificateHold.serial == certificate.serial, CertificateHold.ended_at.is_(None))
            .values(ended_at=now, ended_by=actor, ending="revoked")
            .execution_options(synchronize_session=False)
        )
    return revoked


def _siblings(session: Session, certificate: Certificate, *, now: datetime) -> tuple[AffectedCertificate, ...]:
    rows = session.execute(
        select(Certificate.serial, Certificate.subject, Certificate.profile, Certificate.not_after)
        .where(
            Certificate.spki_sha256 == certificate.spki_sha256,
            Certificate.serial != certificate.serial,
            not_for_good(),
            Certificate.not_after >= now,
        )
        .order_by(Certificate.issued_at)
    )
    return tuple(AffectedCertificate(*row) for row in rows)


def _count_live_below(session: Session, certificate: Certificate, *, now: datetime) -> int:
    if not is_authority_certificate(certificate):
        return 0
    return len(
        session.scalars(
            select(Certificate.serial)
            .join(Authority, Authority.id == Certificate.authority_id)
            .where(
                Authority.certificate_der == certificate.certificate_der,
                Certificate.serial != certificate.serial,
                Certificate.revoked_at.is_(None),
                Certificate.not_after >= now,
            )
        ).all()
    )


def _refuse(
    session: Session, services: CaServices, error: ServiceError, *, serial: str, reason: str, actor: str, now: datetime
) -> NoReturn:
    event = Event(
        type=EventType.CERTIFICATE_REVOCATION_REFUSED,
        outcome=Outcome.REFUSED,
        reason=error.code,
        actor=actor,
        object_id=serial[:40],
        details={"revocation_reason": reason[:40]},
    )
    services.journal.refuse(session, event, error, now=now)
