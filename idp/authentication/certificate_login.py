"""Logging in with a certificate: presented on the mutual-TLS host, counted on the main one.

The two hosts share no cookie, so two values of single use go between them, each known by its digest only:

1. *ticket*: the browser that began the login takes it to the mutual-TLS host. It says which login the certificate is
   for, and lets nobody do anything else.
2. *result*: that host gives it to whichever browser presented the certificate and confirmed. The main host takes it
   only from the browser that began the login.

So a ticket that is forwarded to somebody else leads to a result in the wrong browser, where it is refused and used up.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.accounts.person import Person, find_person, hold_person
from idp.authentication import throttle
from idp.authentication.assurance import AMR_CERTIFICATE
from idp.authentication.certificate_suspension import require_not_suspended
from idp.authentication.interaction import Interaction, find_open_interaction, load_interaction
from idp.authentication.login import OpenedSession, open_session
from idp.authentication.model import CertificateTicketRow
from idp.levels.evidence import note_certificate
from idp.ports import CertificateIdentity
from idp.services import IdpServices
from kernel.errors import AlreadyConsumed, Conflict, Denied, NotFound, ServiceError
from kernel.identifiers import b64url, new_id, new_secret, sha256, sha256_hex

TICKET_LIFETIME = timedelta(minutes=5)
RESULT_LIFETIME = timedelta(minutes=1)


@dataclass(frozen=True)
class PresentedCertificate:
    """A certificate that may be logged in with, for the login that it was presented for."""

    interaction: Interaction
    identity: CertificateIdentity
    person: Person


def issue_ticket(session: Session, *, interaction_id: str, browser_secret: str | None, now: datetime) -> str:
    """Return a ticket with which this login goes on at the mutual-TLS host.

    :raises ServiceError: as :func:`load_interaction`: only the browser that began the login gets one.
    """
    interaction = load_interaction(session, interaction_id=interaction_id, browser_secret=browser_secret, now=now)
    ticket = new_secret()
    session.add(
        CertificateTicketRow(
            id=new_id(),
            interaction_id=interaction.id,
            ticket_sha256=sha256_hex(ticket),
            created_at=now,
            expires_at=now + TICKET_LIFETIME,
        )
    )
    return ticket


def find_ticket(session: Session, *, ticket: str, now: datetime) -> Interaction:
    """Return the login that the ticket is for, without looking at any certificate.

    :raises NotFound: ``ticket_unknown``. :raises Conflict: ``ticket_expired``.
    :raises AlreadyConsumed: ``ticket_used``, ``interaction_finished``.
    """
    row = session.scalars(
        select(CertificateTicketRow).where(CertificateTicketRow.ticket_sha256 == sha256_hex(ticket))
    ).one_or_none()
    if row is None:
        raise NotFound("There is no such ticket.", code="ticket_unknown")
    if row.confirmed_at is not None:
        raise AlreadyConsumed("This ticket was used.", code="ticket_used")
    if row.expires_at <= now:
        raise Conflict("This ticket is too old.", code="ticket_expired")
    return find_open_interaction(session, interaction_id=row.interaction_id, now=now)


def look_at_certificate(
    session: Session, *, services: IdpServices, interaction: Interaction, certificate_der: bytes | None, now: datetime
) -> PresentedCertificate:
    """Return whose certificate was presented, to be shown before anything happens. A refusal is on record.

    :raises Denied: ``certificate_missing``, ``certificate_without_person``, ``certificate_person_inactive``, and what
        :meth:`idp.ports.Certificates.identify` raises.
    :raises kernel.errors.Throttled: (``too_many_tries``) after many refusals of one network.
    """
    counter = throttle.throttle_key(services, throttle.CERTIFICATE_BY_ADDRESS, throttle.network_of_caller())
    person_id: str | None = None
    serial: str | None = None
    if services.settings.rate_limits == "on":
        throttle.require_not_throttled(session, key=counter, limit=throttle.CERTIFICATE_BY_ADDRESS, now=now)
    try:
        if certificate_der is None:
            raise Denied("The browser presented no certificate.", code="certificate_missing")
        identity = services.certificates.identify(session, certificate_der, now=now)
        person_id, serial = identity.person_id, identity.serial
        require_not_suspended(session, serial=serial)
        if person_id is None:
            raise Denied("This is no person's certificate.", code="certificate_without_person")
        person = find_person(session, person_id)
        if not person.is_active:
            raise Denied("The account of this certificate is closed.", code="certificate_person_inactive")
    except ServiceError as error:
        throttle.count_failure(session, key=counter, limit=throttle.CERTIFICATE_BY_ADDRESS, now=now)
        thumbprint = b64url(sha256(certificate_der)) if certificate_der else None
        _refuse(
            session,
            services,
            error,
            interaction_id=interaction.id,
            client_id=interaction.client_id,
            person_id=person_id,
            serial=serial,
            x5t_s256=thumbprint,
            now=now,
        )
    return PresentedCertificate(interaction, identity, person)


def confirm_certificate(
    session: Session, *, services: IdpServices, ticket: str, certificate_der: bytes | None, shown: str, now: datetime
) -> tuple[Interaction, str]:
    """Take the holder's yes on the mutual-TLS host; return the login and the result to carry back to the main host.

    :param shown: thumbprint of the certificate that the page showed; another one now presented is shown first.
    :raises Conflict: (``certificate_changed``). :raises AlreadyConsumed: (``ticket_used``) for the second of two.
    :raises ServiceError: as :func:`find_ticket` and :func:`look_at_certificate`.
    """
    interaction = find_ticket(session, ticket=ticket, now=now)
    presented = look_at_certificate(
        session, services=services, interaction=interaction, certificate_der=certificate_der, now=now
    )
    if presented.identity.x5t_s256 != shown:
        raise Conflict("Another certificate was presented than the one shown.", code="certificate_changed")
    result = new_secret()
    won = session.execute(
        update(CertificateTicketRow)
        .where(
            CertificateTicketRow.ticket_sha256 == sha256_hex(ticket),
            CertificateTicketRow.confirmed_at.is_(None),
            CertificateTicketRow.expires_at > now,
        )
        .values(
            confirmed_at=now,
            expires_at=now + RESULT_LIFETIME,
            result_sha256=sha256_hex(result),
            person_id=presented.person.id,
            x5t_s256=presented.identity.x5t_s256,
            serial=presented.identity.serial,
            not_after=presented.identity.not_after,
        )
        .returning(CertificateTicketRow.id)
    ).scalar_one_or_none()
    if won is None:
        raise AlreadyConsumed("This ticket was used.", code="ticket_used")
    return interaction, result


def log_in_with_certificate(
    session: Session,
    *,
    services: IdpServices,
    interaction_id: str,
    result: str,
    browser_secret: str | None,
    session_secret: str | None,
    device_secret: str | None,
    now: datetime,
) -> OpenedSession | None:
    """Use the result up and open the session; ``None`` when this browser has done so before (a page loaded again).

    :raises Denied: ``interaction_foreign`` (the result is used up by it), ``certificate_revoked``, …
    :raises Conflict: (``result_expired``). :raises ServiceError: as :func:`load_interaction`.
    """
    row = session.execute(
        update(CertificateTicketRow)
        .where(
            CertificateTicketRow.result_sha256 == sha256_hex(result),
            CertificateTicketRow.interaction_id == interaction_id,
            CertificateTicketRow.redeemed_at.is_(None),
            CertificateTicketRow.expires_at > now,
        )
        .values(redeemed_at=now)
        .returning(
            CertificateTicketRow.person_id,
            CertificateTicketRow.x5t_s256,
            CertificateTicketRow.serial,
            CertificateTicketRow.not_after,
        )
    ).one_or_none()
    if row is None:
        interaction = load_interaction(session, interaction_id=interaction_id, browser_secret=browser_secret, now=now)
        if _was_redeemed(session, interaction, result):
            return None
        raise Conflict("The certificate was presented too long ago.", code="result_expired")
    assert row.person_id is not None
    assert row.x5t_s256 is not None
    try:
        interaction = load_interaction(session, interaction_id=interaction_id, browser_secret=browser_secret, now=now)
        services.certificates.require_standing(session, x5t_s256=row.x5t_s256, now=now)
        require_not_suspended(session, serial=row.serial)
        if not hold_person(session, row.person_id).is_active:
            raise Denied("The account of this certificate is closed.", code="certificate_person_inactive")
    except ServiceError as error:
        # Used up all the same: whoever got hold of it shall not try again.
        _refuse(
            session,
            services,
            error,
            interaction_id=interaction_id,
            person_id=row.person_id,
            serial=row.serial,
            x5t_s256=row.x5t_s256,
            now=now,
        )
    event = Event(
        type=EventType.CERTIFICATE_VERIFIED,
        subject=row.person_id,
        client_id=interaction.client_id,
        object_id=row.serial,
        details={"interaction": interaction.id, "x5t_s256": row.x5t_s256},
    )
    services.journal.record(session, event, now=now)
    note_certificate(
        session,
        services=services,
        person_id=row.person_id,
        serial=row.serial or "",
        x5t_s256=row.x5t_s256,
        not_after=row.not_after,
        now=now,
    )
    return open_session(
        session,
        services=services,
        person_id=row.person_id,
        amr=[AMR_CERTIFICATE],
        x5t_s256=row.x5t_s256,
        session_secret=session_secret,
        device_secret=device_secret,
        interaction=interaction,
        now=now,
    )


def _was_redeemed(session: Session, interaction: Interaction, result: str) -> bool:
    found = session.scalar(
        select(CertificateTicketRow.redeemed_at).where(
            CertificateTicketRow.result_sha256 == sha256_hex(result),
            CertificateTicketRow.interaction_id == interaction.id,
        )
    )
    return found is not None


def _refuse(
    session: Session,
    services: IdpServices,
    error: ServiceError,
    *,
    interaction_id: str,
    client_id: str | None = None,
    person_id: str | None,
    serial: str | None,
    x5t_s256: str | None,
    now: datetime,
) -> NoReturn:
    event = Event(
        type=EventType.CERTIFICATE_VERIFIED,
        outcome=Outcome.REFUSED,
        reason=error.code,
        subject=person_id,
        client_id=client_id,
        object_id=serial,
        details={"interaction": interaction_id, "x5t_s256": x5t_s256},
    )
    services.journal.refuse(session, event, error, now=now)
