"""Sign-up by cédula or passport: data, code by mail or message, password; a row that survives reload and double submit.

Whether the document already has an account is told to its owner, and to nobody else. Whatever a code is sent by, one
mail and one short message are written, some of them to nobody: neither their number nor their kind tells who has one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.accounts.contact import Contact, ContactKind
from idp.accounts.mail_code import MailCodeMismatchError, make_mail_code, require_mail_code
from idp.accounts.model import SignUpRow
from idp.accounts.person import LOCALES, Person, add_person, contact_of, find_person_by_document
from idp.authentication import throttle
from idp.authentication.contact_limits import count_message
from idp.authentication.password import store_password
from idp.notices.contacts import NOBODY, send_to
from idp.services import IdpServices
from kernel.errors import AlreadyConsumed, Conflict, Denied, NotFound, Throttled
from kernel.identifiers import new_id, sha256_hex

SIGN_UP_LIFETIME = timedelta(hours=1)
_REPEATED_WITHIN = timedelta(minutes=1)
_TOLD_TO_OWNER = throttle.Limit("sign-up-told", 5, timedelta(hours=24))


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What a person says about himself, made valid by :mod:`idp.accounts.identity` and :mod:`idp.accounts.document`.

    :ivar cedula: empty where a ``passport`` is given.
    :ivar email: empty where the contact is a ``phone``.
    """

    cedula: str
    given_names: str
    surnames: str
    email: str = ""
    passport: str = ""
    phone: str = ""

    @property
    def document(self) -> str:
        """What the person will log in with."""
        return self.cedula or self.passport

    @property
    def contact(self) -> Contact:
        """What the person is to be reached by."""
        if self.phone:
            return Contact(ContactKind.PHONE, self.phone)
        return Contact(ContactKind.EMAIL, self.email)


@dataclass(frozen=True, kw_only=True)
class SignUp:
    """A sign-up under way. :ivar interaction_id: the login that waits for it, if any."""

    id: str
    identity: Identity
    locale: str
    interaction_id: str | None
    contact_verified: bool


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

    :raises Throttled: (``too_many_tries``, ``sms_day_used_up``) too many messages by this network, or to this contact.
    """
    contact = identity.contact
    repeated = session.scalars(
        select(SignUpRow).where(
            SignUpRow.browser_sha256 == sha256_hex(browser_secret),
            (SignUpRow.passport if identity.passport else SignUpRow.cedula) == identity.document,
            SignUpRow.email == identity.email,
            SignUpRow.phone == (identity.phone or None),
            SignUpRow.created_at > now - _REPEATED_WITHIN,
            SignUpRow.finished_at.is_(None),
        )
    ).first()
    if repeated is not None:
        return _as_sign_up(repeated)
    _count(session, services, contact, now=now)
    owner = find_person_by_document(session, identity.document)
    row = SignUpRow(
        id=new_id(),
        browser_sha256=sha256_hex(browser_secret),
        cedula=identity.cedula,
        passport=identity.passport or None,
        given_names=identity.given_names,
        surnames=identity.surnames,
        email=identity.email,
        phone=identity.phone or None,
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
            private={"passport" if identity.passport else "cedula": identity.document, **contact.told},
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
    _count(session, services, _identity(row).contact, now=now)
    owner = find_person_by_document(session, _document(row))
    _send_code(session, services, row, owner, now=now)


def confirm_sign_up_contact(
    session: Session, *, services: IdpServices, sign_up_id: str, browser_secret: str | None, code: str, now: datetime
) -> SignUp:
    """Check the code that was sent; a second time, after success, it is harmless.

    :raises MailCodeMismatchError: with its try counted; :raises Conflict: (``mail_code_dead``).
    """
    row = _load(session, sign_up_id, browser_secret, now=now)
    if row.contact_verified_at is not None:
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
    row.contact_verified_at = now
    services.journal.record(
        session,
        Event(
            type=EventType.CONTACT_VERIFIED,
            subject=row.person_id,
            object_id=row.id,
            private=_identity(row).contact.told,
        ),
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

    :raises Conflict: (``wrong_step``) before the contact is verified,
        (``cedula_taken``, ``passport_taken``) if another sign-up was first.
    :raises AlreadyConsumed: (``sign_up_finished``).
    """
    row = _load(session, sign_up_id, browser_secret, now=now)
    if row.contact_verified_at is None or row.decoy:
        raise Conflict("The contact is not verified yet.", code="wrong_step")
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
        email_verified=bool(row.email),
        phone=row.phone or "",
        phone_verified=bool(row.phone),
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
    contact, told = _identity(row).contact, None
    row.decoy = row.decoy or owner is not None
    may_be_told = _may_be_told(session, services, _document(row), now=now)  # counted whether or not there is an owner
    if owner is not None and owner.is_active and may_be_told:
        told = contact_of(owner)
    for kind in ContactKind:
        mine = contact.kind is kind and not row.decoy
        warned = told is not None and told.kind is kind
        send_to(
            session,
            services=services,
            contact=contact if mine else told if told is not None and warned else NOBODY[kind],
            locale=owner.locale if owner and warned else row.locale,
            template="sign_up_code" if mine else "sign_up_exists",
            context={"code": code} if mine else {"name": owner.given_names if owner and warned else ""},
            person_id=owner.id if owner and warned else None,
            now=now,
        )
    services.journal.record(
        session,
        Event(
            type=EventType.CONTACT_VERIFICATION_SENT,
            subject=row.person_id,
            object_id=row.id,
            details={"channel": contact.kind.value},
            private=contact.told,
        ),
        now=now,
    )


def _count(session: Session, services: IdpServices, contact: Contact, *, now: datetime) -> None:
    count_message(session, services, contact.kind, contact.address, unconfirmed=contact.address, now=now)


def _may_be_told(session: Session, services: IdpServices, document: str, *, now: datetime) -> bool:
    """Count what the owner of a document is told: who types it again and again disturbs nobody."""
    try:
        key = throttle.throttle_key(services, _TOLD_TO_OWNER, document)
        throttle.take_try(session, key=key, limit=_TOLD_TO_OWNER, now=now)
    except Throttled:
        return False
    return True


def _document(row: SignUpRow) -> str:
    return row.passport or row.cedula


def _identity(row: SignUpRow) -> Identity:
    return Identity(
        cedula=row.cedula,
        passport=row.passport or "",
        given_names=row.given_names,
        surnames=row.surnames,
        email=row.email,
        phone=row.phone or "",
    )


def _as_sign_up(row: SignUpRow) -> SignUp:
    return SignUp(
        id=row.id,
        identity=_identity(row),
        locale=row.locale,
        interaction_id=row.interaction_id,
        contact_verified=row.contact_verified_at is not None,
    )
