"""A dialogue: who dials sees what waits for him, key by key, and allows it with his PIN.

Each request of the gateway is one transaction. It says which number dials; nobody else is believed to. Of several
answers at once one counts, as anywhere (:func:`idp.decoupled.request.decide`).
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from idp.accounts.person import Person, find_person
from idp.authentication.assurance import ACR_1FA, AMR_PIN, AMR_USSD, satisfies
from idp.decoupled.approval import WaitingApproval, decide_approval, find_approval, list_waiting
from idp.decoupled.question import Question
from idp.decoupled.request import Decision
from idp.services import IdpServices
from idp.ussd.model import UssdDialogueRow
from idp.ussd.pin import WrongPinError, people_behind, require_pin
from idp.ussd.screens import Screen, data_words, screen
from kernel.errors import ServiceError
from keys.sealing import derive_secret

#: Network operators end a dialogue after three minutes at most.
DIALOGUE_LIFETIME = timedelta(minutes=3)
#: Whatever is known of the person: who approves by this way is of no higher level than one whose contact is verified.
_LEVEL = 1
_ASKED, _PIN = "asked", "pin"


@dataclass(frozen=True)
class Dialled:
    """What the gateway says. :ivar phone: E.164. :ivar text: all that was typed in this dialogue, or the last of it."""

    session: str
    phone: str
    text: str

    @property
    def key(self) -> str:
        """What was typed last: gateways send it alone, or the whole dialogue with ``*`` between."""
        return self.text.rpartition("*")[2].strip()


@dataclass(frozen=True)
class ApprovedByTelephone:
    """Who approved, and what that is worth: a number and a PIN, one factor."""

    person_id: str
    authenticated_at: datetime
    sid: str | None = None
    acr: str = ACR_1FA
    amr: tuple[str, ...] = (AMR_PIN, AMR_USSD)
    level: int = _LEVEL
    x5t_s256: str | None = None


def go_on(session: Session, *, services: IdpServices, dialled: Dialled, now: datetime) -> Screen:
    """Return the next screen.

    :raises WrongPinError: :raises Throttled: with their event and what :func:`after_wrong_pin` shows.
    """
    key = _digest(services, dialled)
    row = session.get(UssdDialogueRow, key, with_for_update=True)
    if row is None or row.expires_at <= now or not dialled.text:
        return _begin(session, services, dialled, key, now=now)
    person = find_person(session, row.person_id)
    try:
        question = find_approval(session, request_id=row.request_id, person_id=person.id, now=now)
    except ServiceError:  # decided, expired, or the application was closed
        session.delete(row)
        return screen("over", locale=person.locale)
    if row.step == _ASKED and dialled.key == "1":
        row.step, row.expires_at = _PIN, now + DIALOGUE_LIFETIME
        told = data_words(question.request.scopes, locale=person.locale) or ""
        return screen("data", locale=person.locale, ends=False, data=told)
    if row.step == _PIN and dialled.key not in ("", "0"):
        require_pin(session, services=services, person=person, pin=dialled.key, now=now)
        return _decide(session, services, row, person, question, Decision.ALLOWED, now=now)
    if row.step == _ASKED and dialled.key not in ("2", "3"):
        return _ask(person, question)
    decision = Decision.DISOWNED if row.step == _ASKED and dialled.key == "3" else Decision.DENIED
    return _decide(session, services, row, person, question, decision, now=now)


def after_wrong_pin(session: Session, *, services: IdpServices, dialled: Dialled, error: ServiceError) -> Screen:
    """Return what is shown after a PIN that did not fit, or when there are no more tries."""
    row = session.get(UssdDialogueRow, _digest(services, dialled))
    locale = find_person(session, row.person_id).locale if row is not None else "es"
    if isinstance(error, WrongPinError) and error.tries_left > 0:
        return screen("wrong_pin", locale=locale, ends=False, left=error.tries_left)
    return screen("locked", locale=locale)


def remove_old_dialogues(session: Session, *, now: datetime) -> None:
    """Delete dialogues that nobody goes on with."""
    session.execute(delete(UssdDialogueRow).where(UssdDialogueRow.expires_at <= now))


def _begin(session: Session, services: IdpServices, dialled: Dialled, key: str, *, now: datetime) -> Screen:
    waiting = _oldest(session, people_behind(session, dialled.phone), now=now)
    if waiting is None:
        return screen("nothing", locale="es")
    person, approval = waiting
    question = find_approval(session, request_id=approval.request.id, person_id=person.id, now=now)
    request = question.request
    if not satisfies(ACR_1FA, request.required_acr, level=_LEVEL):
        return screen("stronger", locale=person.locale, client=question.client.name)
    told = None if request.terms.resources or request.terms.claims else data_words(request.scopes, locale=person.locale)
    if told is None or not request.binding_message or len(question.institutions) > 1:
        return screen("elsewhere", locale=person.locale, client=question.client.name)
    session.merge(
        UssdDialogueRow(
            id=key, person_id=person.id, request_id=request.id, step=_ASKED, expires_at=now + DIALOGUE_LIFETIME
        )
    )
    session.flush()
    return _ask(person, question)


def _ask(person: Person, question: Question) -> Screen:
    return screen(
        "asks",
        locale=person.locale,
        ends=False,
        who=person.given_names.split(" ")[0],
        client=question.client.name,
        binding=question.request.binding_message or "",
    )


def _decide(
    session: Session,
    services: IdpServices,
    row: UssdDialogueRow,
    person: Person,
    question: Question,
    decision: Decision,
    *,
    now: datetime,
) -> Screen:
    session.delete(row)
    decide_approval(
        session,
        services=services,
        request_id=question.request.id,
        browser_session=ApprovedByTelephone(person.id, now),
        decision=decision,
        chosen=(),
        channel="ussd",
        now=now,
    )
    return screen(decision.value, locale=person.locale, client=question.client.name)


def _oldest(session: Session, people: list[Person], *, now: datetime) -> tuple[Person, WaitingApproval] | None:
    """Return what has waited longest for one of those who share the telephone, what can be answered here first."""
    found = [(person, item) for person in people for item in list_waiting(session, person_id=person.id, now=now)]
    found.sort(
        key=lambda pair: (
            not satisfies(ACR_1FA, pair[1].request.required_acr, level=_LEVEL),
            pair[1].request.created_at,
            pair[1].request.id,
        )
    )
    return found[0] if found else None


def _digest(services: IdpServices, dialled: Dialled) -> str:
    secret = derive_secret(services.sealing_secret, "ussd-session")
    return hmac.digest(secret, f"{dialled.session}\0{dialled.phone}".encode(), "sha256").hex()
