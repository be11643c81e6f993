"""Interactions: a login under way as a server-side row, bound to the browser that began it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.journal import Journal
from audit.vocabulary import EventType
from idp.authentication.model import InteractionRow
from kernel.errors import AlreadyConsumed, Conflict, Denied, NotFound
from kernel.identifiers import new_id, sha256_hex

# Kept in an interaction whose person wants to go on with another account.
ANOTHER_PERSON = "another_person"
INTERACTION_LIFETIME = timedelta(minutes=30)
# How long a verified password waits for its second factor before it must be typed again.
PASSWORD_STEP_LIFETIME = timedelta(minutes=10)
# A second press of the button comes within seconds.
REPEAT_GRACE = timedelta(seconds=60)


@dataclass(frozen=True, kw_only=True)
class Interaction:
    """A login under way.

    :ivar resume_path: where the browser goes on, at ``{resume_path}/{id}``, once its session satisfies the interaction.
    :ivar parameters: what the room that began it wants back; JSON.
    :ivar required_acr: the least strength of authentication.
    :ivar authenticated_after: the session must have been authenticated at this moment or later.
    :ivar person_id: whose password was verified in this interaction, while a second factor is due.
    :ivar refused_with: the error code with which it ended, if it gave nothing.
    """

    id: str
    resume_path: str
    parameters: Mapping[str, Any]
    client_id: str | None
    client_name: str | None
    client_institution: str | None
    client_origin: str | None
    required_acr: str | None
    authenticated_after: datetime | None
    login_hint: str | None
    locale: str | None
    person_id: str | None
    password_verified_at: datetime | None
    created_at: datetime
    expires_at: datetime
    finished_at: datetime | None
    refused_with: str | None

    @property
    def wants_another_person(self) -> bool:
        """Whether whoever is logged in has said that somebody else goes on."""
        return bool(self.parameters.get(ANOTHER_PERSON))

    @property
    def resume_address(self) -> str:
        """The local path at which the browser goes on."""
        return f"{self.resume_path}/{self.id}"


def begin_interaction(
    session: Session,
    *,
    journal: Journal,
    browser_secret: str,
    resume_path: str,
    parameters: dict[str, Any],
    client_id: str | None,
    client_name: str | None,
    client_origin: str | None,
    required_acr: str | None,
    authenticated_after: datetime | None,
    login_hint: str | None,
    locale: str | None,
    now: datetime,
    client_institution: str | None = None,
) -> Interaction:
    """Begin an interaction for the browser that holds ``browser_secret`` and put it on record."""
    row = InteractionRow(
        id=new_id(),
        browser_sha256=sha256_hex(browser_secret),
        resume_path=resume_path,
        parameters=parameters,
        client_id=client_id,
        client_name=client_name,
        client_institution=client_institution,
        client_origin=client_origin,
        required_acr=required_acr,
        authenticated_after=authenticated_after,
        login_hint=login_hint[:254] if login_hint else None,
        locale=locale,
        created_at=now,
        expires_at=now + INTERACTION_LIFETIME,
    )
    session.add(row)
    journal.record(
        session,
        Event(
            type=EventType.INTERACTION_STARTED,
            client_id=client_id,
            object_id=row.id,
            details={"required_acr": required_acr, "fresh": authenticated_after is not None},
        ),
        now=now,
    )
    return _as_interaction(row)


def load_interaction(
    session: Session,
    *,
    interaction_id: str,
    browser_secret: str | None,
    now: datetime,
    finished_after: datetime | None = None,
    lock: bool = False,
) -> Interaction:
    """Return the interaction if it belongs to the browser and is still open.

    :param finished_after: return also one that was finished at this moment or later: for a form sent twice.
    :param lock: let another transaction that locks it finish first, and see what it did.
    :raises NotFound: (``interaction_unknown``).
    :raises Denied: (``interaction_foreign``) when another browser began it: a prepared login is worth nothing.
    :raises AlreadyConsumed: (``interaction_finished``).
    :raises Conflict: (``interaction_expired``).
    """
    row = session.get(InteractionRow, interaction_id, with_for_update=lock or None)
    if row is None:
        raise NotFound("There is no such sign-in.", code="interaction_unknown")
    if not browser_secret or not compare_digest(row.browser_sha256, sha256_hex(browser_secret)):
        raise Denied("This sign-in was begun in another browser.", code="interaction_foreign")
    if row.finished_at is not None and (finished_after is None or row.finished_at < finished_after):
        raise AlreadyConsumed("This sign-in is finished.", code="interaction_finished")
    if row.expires_at <= now:
        raise Conflict("This sign-in took too long.", code="interaction_expired")
    return _as_interaction(row)


def find_open_interaction(session: Session, *, interaction_id: str, now: datetime) -> Interaction:
    """Return the interaction whatever browser asks: for a host that has no cookie of ours, and decides nothing by it.

    :raises NotFound: ``interaction_unknown``. :raises AlreadyConsumed: ``interaction_finished``.
    :raises Conflict: ``interaction_expired``.
    """
    row = session.get(InteractionRow, interaction_id)
    if row is None:
        raise NotFound("There is no such sign-in.", code="interaction_unknown")
    if row.finished_at is not None:
        raise AlreadyConsumed("This sign-in is finished.", code="interaction_finished")
    if row.expires_at <= now:
        raise Conflict("This sign-in took too long.", code="interaction_expired")
    return _as_interaction(row)


def load_for_decision(
    session: Session, *, interaction_id: str, browser_secret: str | None, resume_path: str, now: datetime
) -> Interaction:
    """Return the interaction of a form that decides it, also one that was finished a moment ago: the form comes twice.

    Locked: of two presses at the same moment the second waits, and then sees what the first decided.

    :param resume_path: of the room that asks; what another one began is not decided here.
    :raises ServiceError: as :func:`load_interaction` raises.
    """
    interaction = load_interaction(
        session,
        interaction_id=interaction_id,
        browser_secret=browser_secret,
        now=now,
        finished_after=now - REPEAT_GRACE,
        lock=True,
    )
    if interaction.resume_path != resume_path:
        raise AlreadyConsumed("This sign-in belongs elsewhere.", code="interaction_finished")
    return interaction


def finish_interaction(
    session: Session, *, interaction_id: str, refused_with: str | None = None, now: datetime
) -> None:
    """Close the interaction.

    :param refused_with: the error code, when it gives nothing: nor will it to a form that comes again.
    :raises AlreadyConsumed: unless this call is the one that closed it.
    """
    finished = session.execute(
        update(InteractionRow)
        .where(
            InteractionRow.id == interaction_id, InteractionRow.finished_at.is_(None), InteractionRow.expires_at > now
        )
        .values(finished_at=now, refused_with=refused_with)
        .returning(InteractionRow.id)
    ).scalar_one_or_none()
    if finished is None:
        raise AlreadyConsumed("This sign-in is finished.", code="interaction_finished")


def keep_in_interaction(
    session: Session,
    *,
    interaction: Interaction,
    parameters: Mapping[str, Any],
    authenticated_after: datetime | None = None,
) -> None:
    """Keep more of what the room that began it wants back.

    :param authenticated_after: a later moment before which a login is too old; None changes nothing.
    """
    values: dict[str, Any] = {"parameters": {**interaction.parameters, **parameters}}
    if authenticated_after is not None:
        values |= {"authenticated_after": authenticated_after, "person_id": None, "password_verified_at": None}
    session.execute(
        update(InteractionRow)
        .where(InteractionRow.id == interaction.id, InteractionRow.finished_at.is_(None))
        .values(values)
    )


def note_password_verified(session: Session, *, interaction_id: str, person_id: str, now: datetime) -> None:
    """Remember that the password step of this interaction is done and by whom; the second factor is due next."""
    session.execute(
        update(InteractionRow)
        .where(InteractionRow.id == interaction_id, InteractionRow.finished_at.is_(None))
        .values(person_id=person_id, password_verified_at=now)
    )


def forget_password_verified(session: Session, *, interaction_id: str) -> None:
    """Go back to the password step: its result was used for a session, or the person wants another account."""
    session.execute(
        update(InteractionRow)
        .where(InteractionRow.id == interaction_id)
        .values(person_id=None, password_verified_at=None)
    )


def forget_passwords_verified(session: Session, *, person_id: str) -> None:
    """Undo the password step of every login of the person that waits for a second factor."""
    session.execute(
        update(InteractionRow)
        .where(InteractionRow.person_id == person_id)
        .values(person_id=None, password_verified_at=None)
    )


def _as_interaction(row: InteractionRow) -> Interaction:
    return Interaction(
        id=row.id,
        resume_path=row.resume_path,
        parameters=dict(row.parameters),
        client_id=row.client_id,
        client_name=row.client_name,
        client_institution=row.client_institution,
        client_origin=row.client_origin,
        required_acr=row.required_acr,
        authenticated_after=row.authenticated_after,
        login_hint=row.login_hint,
        locale=row.locale,
        person_id=row.person_id,
        password_verified_at=row.password_verified_at,
        created_at=row.created_at,
        expires_at=row.expires_at,
        finished_at=row.finished_at,
        refused_with=row.refused_with,
    )
