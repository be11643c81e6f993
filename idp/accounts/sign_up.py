"""Sign-up by cédula or passport: data, code by mail, password; a row that survives reload, back and double submit.

Whether the document already has an account is told to its owner by mail, and to nobody else.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.accounts.mail_code import MailCodeMismatchError, make_mail_code, require_mail_code
from idp.accounts.model import SignUpRow
from idp.accounts.person import LOCALES, Person, add_person, find_person_by_document
from idp.authentication.mail_limits import count_mail
from idp.authentication.password import store_password
from idp.notices.mail import notify, send_mail, send_to_nobody
from idp.services import IdpServices
from kernel.errors import AlreadyConsumed, Conflict, Denied, NotFound
from kernel.identifiers import new_id, sha256_hex

SIGN_UP_LIFETIME = timedelta(hours=1)
_REPEATED_WITHIN = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What a person says about himself, made valid by :mod:`idp.accounts.identity` and :mod:`idp.accounts.document`.

    :ivar cedula: empty where a ``passport`` is given.
    """

    cedula: str
    given_names: str
    surnames: str
    email: str
    passport: str = ""

    @property
    def document(self) -> str:
        """What the person will log in with."""
        return self.cedula or self.passport


@dataclass(frozen=True, kw_only=True)
class SignUp:
    """A sign-up under way. :ivar interaction_id: the login that waits for it, if any."""

    id: str
    identity: Identity
    locale: str
    interaction_id: str | None
    email_verified: bool


def start_sign_up(
    session: Session,
    *,
    services: IdpServices,
    browser_secret: str,
    identity: Identity,
    locale: str,
    interaction_id: str | None,
    now: datetime,
) -> SignUp:
    """Begin a sign-up and send the code; the same data from the same browser within a minute is the same sign-up.

    :raises Throttled: (``too_many_tries``) too many mails from this address, or to this mailbox.
    """
    repeated = session.scalars(
        select(SignUpRow).where(
            SignUpRow.browser_sha256 == sha256_hex(browser_secret),
            (SignUpRow.passport if identity.passport else SignUpRow.cedula) == identity.document,
            SignUpRow.email == identity.email,
            SignUpRow.created_at > now - _REPEATED_WITHIN,
            SignUpRow.finished_at.is_(None),
        )
    ).first()
    if repeated is not None:
        return _as_sign_up(repeated)
    count_mail(session, services, identity.email, now=now)
    owner = find_person_by_document(session, identity.document)
    row = SignUpRow(
        id=new_id(),
        browser_sha256=sha256_hex(browser_secret),
        cedula=identity.cedula,
        passport=identity.passport or None,
        given_names=identity.given_names,
        surnames=identity.surnames,
        email=identity.email,
        locale=locale if locale in LOCALES else "es",
        interaction_id=interaction_id,
        decoy=owner is not None,
        person_id=owner.id if owner else new_id(),
        created_at=now,
        expires_at=now + SIGN_UP_LIFETIME,
    )
    session.add(row)
    session.flush()
    services.journal.record(
        session,
        Event(
            type=EventType.ACCOUNT_SIGN_UP_STARTED,
            subject=row.person_id,
            object_id=row.id,
            details={"account_exists": owner is not None},
            private={
                "passport" if identity.passport else "cedula": identity.document,
                "email": identity.email,
            },
        ),
        now=now,
    )
    if row.decoy:
        # A newcomer's evidence gets a key of its own: the time of making it must not tell who is none.
        services.journal.holder_keys.obtain(session, row.id, now=now)
    _send_code(session, services, row, owner, now=now)
    return _as_sign_up(row)


def load_sign_up(session: Session, *, sign_up_id: str, browser_secret: str | None, now: datetime) -> SignUp:
    """Return the sign-up if it belongs to the browser and is still open.

    :raises NotFound: (``sign_up_unknown``), :raises Denied: (``sign_up_foreign``),
    :raises Conflict: (``sign_up_expired``), :raises AlreadyConsumed: (``sign_up_finished``).
    """
    return _as_sign_up(_load(session, sign_up_id, browser_secret, now=now))


def resend_sign_up_code(
    session: Session, *, services: IdpServices, sign_up_id: str, browser_secret: str | None, now: datetime
) -> None:
    """Send a new code; the older one dies. :raises Throttled: within a minute; :raises Conflict: after five."""
    row = _load(session, sign_up_id, browser_secret, now=now)
    count_mail(session, services, row.email, now=now)
    owner = find_person_by_document(session, _document(row))
    _send_code(session, services, row, owner, now=now)


def confirm_sign_up_email(
    session: Session, *, services: IdpServices, sign_up_id: str, browser_secret: str | None, code: str, now: datetime
) -> SignUp:
    """Check the code from the mail; a second time, after success, it is harmless.

    :raises MailCodeMismatchError: with its try counted; :raises Conflict: (``mail_code_dead``).
    """
    row = _load(session, sign_up_id, browser_secret, now=now)
    if row.email_verified_at is not None:
        return _as_sign_up(row)
    try:
        require_mail_code(session, services=services, journey_id=row.id, code=code, now=now)
        if row.decoy:  # cannot happen: nobody was sent this code
            raise MailCodeMismatchError(tries_left=0)
    except (MailCodeMismatchError, Conflict) as error:
        event = Event(
            type=EventType.CONTACT_VERIFIED,
            outcome=Outcome.FAILURE,
            reason=error.code,
            subject=row.person_id,
            object_id=row.id,
        )
        services.journal.refuse(session, event, error, now=now)
    row.email_verified_at = now
    services.journal.record(
        session,
        Event(type=EventType.CONTACT_VERIFIED, subject=row.person_id, object_id=row.id, private={"email": row.email}),
        now=now,
    )
    return _as_sign_up(row)


def finish_sign_up(
    session: Session,
    *,
    services: IdpServices,
    sign_up_id: str,
    browser_secret: str | None,
    phc: str,
    now: datetime,
) -> Person:
    """Make the person, with the password whose hash is ``phc``: of two submissions exactly one does.

    :raises Conflict: (``wrong_step``) before the e-mail is verified,
        (``cedula_taken``, ``passport_taken``) if another sign-up was first.
    :raises AlreadyConsumed: (``sign_up_finished``).
    """
    row = _load(session, sign_up_id, browser_secret, now=now)
    if row.email_verified_at is None or row.decoy:
        raise Conflict("The e-mail address is not verified yet.", code="wrong_step")
    won = session.execute(
        update(SignUpRow)
        .where(SignUpRow.id == row.id, SignUpRow.finished_at.is_(None))
        .values(finished_at=now)
        .returning(SignUpRow.id)
    ).scalar_one_or_none()
    if won is None:
        raise AlreadyConsumed("This sign-up is finished.", code="sign_up_finished")
    person = add_person(
        session,
        journal=services.journal,
        person_id=row.person_id,
        cedula=row.cedula,
        passport=row.passport,
        given_names=row.given_names,
        surnames=row.surnames,
        email=row.email,
        email_verified=True,
        locale=row.locale,
        method="sign_up",
        now=now,
    )
    store_password(session, journal=services.journal, person_id=person.id, phc=phc, reason="sign_up", now=now)
    return person


def _load(session: Session, sign_up_id: str, browser_secret: str | None, *, now: datetime) -> SignUpRow:
    row = session.get(SignUpRow, sign_up_id)
    if row is None:
        raise NotFound("There is no such sign-up.", code="sign_up_unknown")
    if not browser_secret or not compare_digest(row.browser_sha256, sha256_hex(browser_secret)):
        raise Denied("This sign-up was begun in another browser.", code="sign_up_foreign")
    if row.finished_at is not None:
        raise AlreadyConsumed("This sign-up is finished.", code="sign_up_finished")
    if row.expires_at <= now:
        raise Conflict("This sign-up took too long.", code="sign_up_expired")
    return row


def _send_code(session: Session, services: IdpServices, row: SignUpRow, owner: Person | None, *, now: datetime) -> None:
    code = make_mail_code(session, services=services, journey_id=row.id, now=now)
    if row.decoy or owner is not None:
        row.decoy = True
        if owner is not None and owner.is_active and owner.email:
            notify(session, services=services, person=owner, template="sign_up_exists", context={}, now=now)
        else:
            send_to_nobody(
                session, services=services, locale=row.locale, template="sign_up_exists", context={}, now=now
            )
    else:
        send_mail(
            session,
            services=services,
            to=row.email,
            locale=row.locale,
            template="sign_up_code",
            context={"code": code},
            person_id=None,
            now=now,
        )
    services.journal.record(
        session,
        Event(
            type=EventType.CONTACT_VERIFICATION_SENT,
            subject=row.person_id,
            object_id=row.id,
            private={"email": row.email},
        ),
        now=now,
    )


def _document(row: SignUpRow) -> str:
    return row.passport or row.cedula


def _as_sign_up(row: SignUpRow) -> SignUp:
    return SignUp(
        id=row.id,
        identity=Identity(
            cedula=row.cedula,
            passport=row.passport or "",
            given_names=row.given_names,
            surnames=row.surnames,
            email=row.email,
        ),
        locale=row.locale,
        interaction_id=row.interaction_id,
        email_verified=row.email_verified_at is not None,
    )
