"""A person says that a datum about him is wrong (LOPDP Art. 14), and an officer answers within 15 days.

Names and birth date of who has a cédula come from the civil registry, where there is one: what the registry says now is
what can become true here. Everything else an officer decides, with reasons that the person reads.
"""

from __future__ import annotations

import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NoReturn

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.accounts.identity import parse_name
from idp.accounts.model import PersonRow, RectificationRow
from idp.accounts.one_hand import accounts_in_one_hand
from idp.accounts.person import Person, find_person
from idp.levels.registry import CivilRecord
from idp.notices.mail import notify
from idp.services import IdpServices
from kernel.errors import Conflict, Denied, Fault, NotFound, Rejected, ServiceError
from kernel.identifiers import new_id

ANSWERED_WITHIN = timedelta(days=15)
OPEN, ACCEPTED, REFUSED, WITHDRAWN = "open", "accepted", "refused", "withdrawn"
WORDS = range(10, 501)
_LONGEST_VALUE, _TRIES = 200, 8
_EARLIEST_BIRTH = date(1900, 1, 1)


class Datum(StrEnum):
    """What can be said to be wrong. Contacts are changed by the person himself."""

    GIVEN_NAMES = "given_names"
    SURNAMES = "surnames"
    BIRTH_DATE = "birth_date"
    OTHER = "other"  # told in words; an officer sees to it


FROM_REGISTRY = frozenset({Datum.GIVEN_NAMES, Datum.SURNAMES, Datum.BIRTH_DATE})


@dataclass(frozen=True)
class Rectification:
    """A request. :ivar before: what the account says of the datum now; empty for what has no field."""

    id: str
    number: str
    person_id: str
    datum: Datum
    before: str
    value: str
    why: str
    state: str
    created_at: datetime
    due_at: datetime
    decided_at: datetime | None
    decided_by: str | None
    answer: str

    def is_overdue(self, now: datetime) -> bool:
        """Tell whether the law's days have passed without an answer."""
        return self.state == OPEN and now > self.due_at


def parse_value(datum: Datum, typed: str, *, today: date) -> str:
    """Return what the datum should be, in the form that the account keeps it in.

    :raises Rejected: ``value_missing``, ``value_long``, ``birth_date_unclear``, and as :func:`parse_name`.
    """
    text = " ".join(unicodedata.normalize("NFC", typed).split())
    if not text:
        raise Rejected("Say what it should be.", code="value_missing")
    if len(text) > _LONGEST_VALUE:
        raise Rejected("Write less.", code="value_long")
    if datum in (Datum.GIVEN_NAMES, Datum.SURNAMES):
        return parse_name(text)
    if datum is Datum.BIRTH_DATE:
        try:
            born = date.fromisoformat(text)
        except ValueError as error:
            raise Rejected("This is no date.", code="birth_date_unclear") from error
        if not _EARLIEST_BIRTH <= born <= today:
            raise Rejected("Nobody was born then.", code="birth_date_unclear")
        return born.isoformat()
    return text


def ask_rectification(
    session: Session, *, services: IdpServices, person: Person, datum: str, value: str, why: str, now: datetime
) -> Rectification:
    """Put the request on record; officers see it, and the person gets its number by mail.

    :raises Rejected: ``datum_missing``, ``nothing_to_correct``, ``why_missing``, ``words_long``, and as
        :func:`parse_value`. :raises Conflict: (``rectification_open``) while another one waits.
    """
    if datum not in set(Datum):
        raise Rejected("Say which datum is wrong.", code="datum_missing")
    chosen, reason = Datum(datum), " ".join(why.split())
    should_be = parse_value(chosen, value, today=now.date())
    if len(reason) < WORDS.start:
        raise Rejected("Say why, in a few words.", code="why_missing")
    if len(reason) >= WORDS.stop:
        raise Rejected("Write less.", code="words_long")
    row = session.get_one(PersonRow, person.id)
    if _now_is(row, chosen) == should_be:
        raise Rejected("That is what it says.", code="nothing_to_correct")
    request = RectificationRow(
        id=new_id(),
        person_id=person.id,
        datum=chosen.value,
        value=should_be,
        given_names=should_be if chosen is Datum.GIVEN_NAMES else row.given_names,
        surnames=should_be if chosen is Datum.SURNAMES else row.surnames,
        why=reason,
        state=OPEN,
        created_at=now,
        due_at=now + ANSWERED_WITHIN,
        answer="",
    )
    _store(session, request)
    private = {"value": should_be, "why": reason}
    _record(session, services, EventType.RECTIFICATION_ASKED, request, actor=person.id, private=private, now=now)
    _tell(session, services, request, "rectification_asked", now=now)
    return _value(request, row)


def withdraw_rectification(session: Session, *, services: IdpServices, person_id: str, now: datetime) -> None:
    """The person takes back what waits; a second time there is nothing."""
    waiting = select(RectificationRow.id).where(RectificationRow.person_id == person_id, RectificationRow.state == OPEN)
    if session.scalar(waiting) is None:
        return
    request_id = session.execute(
        update(RectificationRow)
        .where(RectificationRow.person_id == person_id, RectificationRow.state == OPEN)
        .values(state=WITHDRAWN, decided_at=now)
        .returning(RectificationRow.id)
    ).scalar_one_or_none()
    if request_id is not None:
        row = session.get_one(RectificationRow, request_id, populate_existing=True)
        _record(session, services, EventType.RECTIFICATION_WITHDRAWN, row, actor=person_id, now=now)


def registry_answer(services: IdpServices, found: Rectification, *, cedula: str) -> CivilRecord | None:
    """Ask the civil registry about the person, where the datum comes from there; outside of any transaction.

    :raises Rejected: (``registry_knows_nobody``). :raises kernel.errors.Unavailable: while it does not answer.
    """
    if services.civil_registry is None or found.datum not in FROM_REGISTRY or not cedula:
        return None
    record = services.civil_registry.find(cedula)
    if record is None:
        raise Rejected("The civil registry knows nobody by this cédula.", code="registry_knows_nobody")
    return record


def decide_rectification(
    session: Session,
    *,
    services: IdpServices,
    request_id: str,
    accept: bool,
    answer: str,
    record: CivilRecord | None,
    officer_id: str,
    now: datetime,
) -> Rectification:
    """Accept or refuse it, with words that the person reads; exactly once.

    :param record: what :func:`registry_answer` brought.
    :raises NotFound: ``unknown_rectification``. :raises Rejected: ``words_missing``, ``words_long``.
    :raises Denied: (``own_rectification``). :raises Conflict: ``rectification_decided``; ``registry_says_otherwise``:
        the correction begins at the registry. Refusals are on record.
    """
    words = " ".join(answer.split())
    if len(words) < WORDS.start:
        raise Rejected("Write why.", code="words_missing")
    if len(words) >= WORDS.stop:
        raise Rejected("Write less.", code="words_long")
    request = _row(session, request_id)
    datum = Datum(request.datum)
    try:
        if accounts_in_one_hand(session, officer_id, request.person_id):
            raise Denied("Somebody else decides it.", code="own_rectification")
        if accept and record is not None and not _agrees(record, datum, request.value):
            raise Conflict("The civil registry says something else.", code="registry_says_otherwise")
        won = session.execute(
            update(RectificationRow)
            .where(RectificationRow.id == request.id, RectificationRow.state == OPEN)
            .values(state=ACCEPTED if accept else REFUSED, decided_at=now, decided_by=officer_id, answer=words)
            .returning(RectificationRow.id)
        ).scalar_one_or_none()
        if won is None:
            raise Conflict("It was decided before.", code="rectification_decided")
    except ServiceError as error:
        _refuse(session, services, request, error, officer_id=officer_id, now=now)
    session.refresh(request)
    person = session.get_one(PersonRow, request.person_id, with_for_update=True, populate_existing=True)
    if accept:
        _correct(person, datum, request.value, now=now)
        if datum is not Datum.OTHER:
            changed = Event(
                type=EventType.ACCOUNT_UPDATED,
                subject=person.id,
                actor=officer_id,
                details={"changed": [datum.value]},
            )
            services.journal.record(session, changed, now=now)
    _record(
        session,
        services,
        EventType.RECTIFICATION_DECIDED,
        request,
        actor=officer_id,
        details={"decision": request.state, "registry": record is not None},
        private={"answer": words},
        now=now,
    )
    _tell(session, services, request, "rectification_decided", now=now)
    return _value(request, person)


def list_own_rectifications(session: Session, person_id: str) -> list[Rectification]:
    """Return the person's requests, newest first."""
    query = select(RectificationRow).where(RectificationRow.person_id == person_id)
    person = session.get_one(PersonRow, person_id)
    return [
        _value(row, person)
        for row in session.scalars(query.order_by(RectificationRow.created_at.desc(), RectificationRow.id.desc()))
    ]


def count_open_rectifications(session: Session) -> int:
    """Return how many wait for an answer."""
    query = select(func.count()).select_from(RectificationRow).where(RectificationRow.state == OPEN)
    return session.scalar(query) or 0


def find_rectification(session: Session, request_id: str) -> Rectification:
    """Return one. :raises NotFound: ``unknown_rectification``."""
    row = _row(session, request_id)
    return _value(row, session.get_one(PersonRow, row.person_id))


def _agrees(record: CivilRecord, datum: Datum, value: str) -> bool:
    if datum is Datum.BIRTH_DATE:
        return record.birth_date.isoformat() == value
    told = record.given_names if datum is Datum.GIVEN_NAMES else record.surnames
    return unicodedata.normalize("NFC", told).casefold() == unicodedata.normalize("NFC", value).casefold()


def _correct(person: PersonRow, datum: Datum, value: str, *, now: datetime) -> None:
    match datum:
        case Datum.GIVEN_NAMES:
            person.given_names = value
        case Datum.SURNAMES:
            person.surnames = value
        case Datum.BIRTH_DATE:
            person.birth_date = value
        case Datum.OTHER:
            return  # no field of ours: the officer did what was to do
    person.updated_at = now


def _now_is(person: PersonRow, datum: Datum) -> str:
    match datum:
        case Datum.GIVEN_NAMES:
            return person.given_names
        case Datum.SURNAMES:
            return person.surnames
        case Datum.BIRTH_DATE:
            return person.birth_date or ""
        case Datum.OTHER:
            return ""


def _store(session: Session, request: RectificationRow) -> None:
    waiting = select(RectificationRow.id).where(
        RectificationRow.person_id == request.person_id, RectificationRow.state == OPEN
    )
    for _ in range(_TRIES):
        if session.scalar(waiting) is not None:
            raise Conflict("Another request waits.", code="rectification_open")
        digits = f"{secrets.randbelow(10**8):08}"
        request.number = f"{digits[:4]}-{digits[4:]}"
        try:
            with session.begin_nested():
                session.add(request)
            return
        except IntegrityError:  # the number is taken, or two asked at once: look again
            continue
    raise Fault("No number is free.", code="no_rectification_number")


def _row(session: Session, request_id: str) -> RectificationRow:
    row = session.get(RectificationRow, request_id, populate_existing=True)
    if row is None:
        raise NotFound("There is no such request.", code="unknown_rectification")
    return row


def _value(row: RectificationRow, person: PersonRow) -> Rectification:
    datum = Datum(row.datum)
    return Rectification(
        id=row.id,
        number=row.number or "",
        person_id=row.person_id,
        datum=datum,
        before=_now_is(person, datum),
        value=row.value,
        why=row.why,
        state=row.state,
        created_at=row.created_at,
        due_at=row.due_at,
        decided_at=row.decided_at,
        decided_by=row.decided_by,
        answer=row.answer,
    )


def _tell(session: Session, services: IdpServices, request: RectificationRow, template: str, *, now: datetime) -> None:
    person = find_person(session, request.person_id)
    context = {"number": request.number or "", "decision": request.state, "due": f"{request.due_at:%Y-%m-%d}"}
    notify(session, services=services, person=person, template=template, context=context, now=now)


def _refuse(
    session: Session,
    services: IdpServices,
    request: RectificationRow,
    error: ServiceError,
    *,
    officer_id: str,
    now: datetime,
) -> NoReturn:
    event = Event(
        type=EventType.RECTIFICATION_DECIDED,
        outcome=Outcome.REFUSED,
        reason=error.code,
        subject=request.person_id,
        actor=officer_id,
        object_id=request.id,
    )
    services.journal.refuse(session, event, error, now=now)


def _record(
    session: Session,
    services: IdpServices,
    kind: EventType,
    request: RectificationRow,
    *,
    actor: str,
    details: Mapping[str, str | bool] | None = None,
    private: Mapping[str, str] | None = None,
    now: datetime,
) -> None:
    event = Event(
        type=kind,
        subject=request.person_id,
        actor=actor,
        object_id=request.id,
        details={"number": request.number, "datum": request.datum, **(details or {})},
        private={**(private or {})},
    )
    services.journal.record(session, event, now=now)
