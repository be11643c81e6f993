"""Requests for certificates as an operator makes and decides them: within his reach, by the rules of the authority.

What the console's pages and its API do alike; what may be signed, and who agrees to it, is ``ca.requests``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from admin.permissions import Permission
from admin.roles import Powers
from admin.service_roles import require_another_hand
from audit.vocabulary import EventType
from ca.issuance.issue import issue_approved
from ca.profiles.profile import Profile
from ca.requests.decide import approve_request, lock_request, refuse_request
from ca.requests.submit import rebuild_request, submit_request
from ca.requests.view import RequestView, Status, find_request
from ca.services import CaServices
from kernel.errors import Conflict, NotFound, Rejected, Unavailable

REFUSAL_REASON = range(10, 501)


def profile_by_hand(services: CaServices, name: str) -> Profile:
    """Return a kind of certificate that operators ask for. :raises NotFound: (``unknown_profile``)."""
    profile = services.profiles.get(name)
    if not profile.by_hand:
        raise NotFound("There is no such profile.", code="unknown_profile")
    return profile


def request_reached(
    session: Session, powers: Powers, permission: Permission, request_id: str, *, services: CaServices
) -> RequestView:
    """Return the request. :raises NotFound: ``unknown_request``; ``not_found`` for another institution's."""
    found = find_request(session, services=services, request_id=request_id)
    powers.require_institution(permission, found.institution_ruc)
    return found


def ask_for_certificate(
    session: Session,
    *,
    services: CaServices,
    powers: Powers,
    profile: Profile,
    csr: bytes | str,
    institution_ruc: str | None,
    inputs: Mapping[str, str],
    actor: str,
    now: datetime,
) -> RequestView:
    """Ask for a certificate of an institution within reach, or of a person where the profile needs no institution.

    :raises Rejected: (``institution_missing``, ``csr_empty``). :raises NotFound: for an institution out of reach.
    :raises ServiceError: as :func:`ca.requests.submit.submit_request`.
    """
    if profile.needs_institution and not institution_ruc:
        raise Rejected("Say for which institution.", code="institution_missing")
    if not csr:
        raise Rejected("Send the certificate signing request.", code="csr_empty")
    # A person belongs to no institution's operator alone.
    if institution_ruc or not profile.needs_institution:
        powers.require_institution(Permission.CERTIFICATES_REQUEST, institution_ruc)
    return submit_request(
        session,
        services=services,
        profile=profile.name,
        csr=csr,
        institution_ruc=institution_ruc,
        requested_by=actor,
        inputs=inputs,
        now=now,
    )


def approve(
    session: Session,
    *,
    services: CaServices,
    powers: Powers,
    request_id: str,
    tbs_sha256: str,
    actor: str,
    now: datetime,
) -> RequestView:
    """Approve the bytes that were seen. After the commit: :func:`issue_if_approved`.

    :raises ServiceError: as :func:`request_reached`, :func:`require_another_hand` and
        :func:`ca.requests.decide.approve_request`.
    """
    request_reached(session, powers, Permission.CERTIFICATES_APPROVE, request_id, services=services)
    # A quorum is of people, not of accounts: in turn, each is compared with who came before.
    lock_request(session, request_id)
    found = find_request(session, services=services, request_id=request_id)
    require_another_hand(
        session,
        journal=services.journal,
        kind=EventType.CERTIFICATE_REQUEST_APPROVED,
        actor=actor,
        proposers=(found.requested_by, found.prepared_by, *(each.approver for each in found.approvals)),
        about=found.id,
        now=now,
    )
    return approve_request(
        session, services=services, request_id=found.id, approver=actor, tbs_sha256=tbs_sha256, now=now
    )


def issue_if_approved(services: CaServices, request_id: str, *, actor: str, now: datetime) -> str | None:
    """Have what is approved signed, and return its serial; None where that waits. Safe to repeat.

    Approved and on record it is: where the key does not answer, the worker goes on.
    """
    with services.database.reading() as session:
        if find_request(session, services=services, request_id=request_id).status is not Status.APPROVED:
            return None
    try:
        return issue_approved(services, request_id, now=now, actor=actor).serial
    except (Unavailable, Rejected, Conflict):
        return None


def require_refusal_reason(reason: str) -> str:
    """Return why, trimmed. :raises Rejected: ``reason_missing``, ``reason_short``."""
    reason = " ".join(reason.split())
    if len(reason) not in REFUSAL_REASON:
        code = "reason_short" if reason else "reason_missing"
        raise Rejected(f"Say why in {REFUSAL_REASON.start} to {REFUSAL_REASON.stop - 1} characters.", code=code)
    return reason


def refuse(
    session: Session, *, services: CaServices, powers: Powers, request_id: str, reason: str, actor: str, now: datetime
) -> RequestView:
    """Refuse it, with a reason that the requester reads.

    :raises ServiceError: as :func:`require_refusal_reason`, :func:`request_reached`, ``request_not_open``.
    """
    found = request_reached(session, powers, Permission.CERTIFICATES_APPROVE, request_id, services=services)
    return refuse_request(
        session,
        services=services,
        request_id=found.id,
        actor=actor,
        reason=require_refusal_reason(reason),
        now=now,
    )


def own_open_request(
    session: Session, powers: Powers, request_id: str, *, services: CaServices, actor: str
) -> RequestView:
    """Return the operator's own request that can still be withdrawn. :raises NotFound: ``nothing_to_withdraw``."""
    found = request_reached(session, powers, Permission.CERTIFICATES_REQUEST, request_id, services=services)
    if found.requested_by != actor or found.status not in (Status.SUBMITTED, Status.EXPIRED):
        raise NotFound("There is nothing to withdraw here.", code="nothing_to_withdraw")
    return found


def withdraw(
    session: Session, *, services: CaServices, powers: Powers, request_id: str, words: str, actor: str, now: datetime
) -> RequestView:
    """Withdraw one's own request. :param words: for whoever reads it later. :raises NotFound: see above."""
    found = own_open_request(session, powers, request_id, services=services, actor=actor)
    return refuse_request(session, services=services, request_id=found.id, actor=actor, reason=words, now=now)


def rebuild(
    session: Session, *, services: CaServices, powers: Powers, request_id: str, actor: str, now: datetime
) -> RequestView:
    """Have an expired request built anew, with new dates and no approvals. Errors as :func:`rebuild_request`."""
    found = request_reached(session, powers, Permission.CERTIFICATES_REQUEST, request_id, services=services)
    return rebuild_request(session, services=services, request_id=found.id, actor=actor, now=now)
