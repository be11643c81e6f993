"""A person as a value, and how one is found and added."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from audit.event import Event
from audit.journal import Journal
from audit.vocabulary import EventType
from idp.accounts.contact import Contact, ContactKind
from idp.accounts.document import is_passport
from idp.accounts.model import PersonRow
from idp.levels.model import LevelEvidenceRow
from kernel.errors import Conflict, NotFound
from kernel.identifiers import new_id
from kernel.prefetch import find_row

ACTIVE, DISABLED, ERASED = "active", "disabled", "erased"
#: The identity was checked against the registry or at a desk.
VERIFIED_LEVEL = 2
LOCALES = ("es", "en", "qu")


@dataclass(frozen=True, kw_only=True)
class Person:
    """A person as other rooms see one.

    :ivar cedula: 10 digits; empty for an erased person, and for one who came with a passport.
    :ivar passport: in the normal form of :mod:`idp.accounts.document`, empty without one.
    :ivar email: lower case; empty for who has none.
    :ivar phone: a mobile number in E.164 (``+593…``); empty for who has none.
    :ivar birth_date: ISO 8601, from the civil registry or a desk; empty where neither was asked.
    :ivar status: ``active``, ``disabled`` or ``erased``.
    :ivar is_test: whether it is a test citizen: nobody real, for sandbox applications alone.
    :ivar level: 1 contact verified, 2 checked against the registry or at a desk, 3 certificate.
    """

    id: str
    cedula: str
    given_names: str
    surnames: str
    email: str
    email_verified: bool
    locale: str
    status: str
    level: int
    created_at: datetime
    updated_at: datetime
    phone: str = ""
    phone_verified: bool = False
    passport: str = ""
    birth_date: str = ""
    is_test: bool = False

    @property
    def document(self) -> str:
        """What the person is known by: the cédula, else the passport; empty for an erased person."""
        return self.cedula or self.passport

    @property
    def name(self) -> str:
        """Given names, then surnames."""
        return f"{self.given_names} {self.surnames}".strip()

    @property
    def is_active(self) -> bool:
        """Whether the person may log in."""
        return self.status == ACTIVE


def find_person(session: Session, person_id: str) -> Person:
    """Return the person. :raises NotFound: (``unknown_person``)."""
    row = find_row(session, PersonRow, person_id)
    if row is None:
        raise NotFound("There is no such person.", code="unknown_person")
    return as_person(row)


def hold_person(session: Session, person_id: str) -> Person:
    """Return the person as he is now, and let nobody change him before this transaction ends.

    Opening a session and what ends sessions (a new password, a closed account) take turns by it: under READ COMMITTED
    a session opened at the same moment would otherwise be missed. :raises NotFound: (``unknown_person``).
    """
    row = session.scalars(
        select(PersonRow).where(PersonRow.id == person_id).with_for_update().execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        raise NotFound("There is no such person.", code="unknown_person")
    return as_person(row)


def find_person_by_cedula(session: Session, cedula: str) -> Person | None:
    """Return who has the (compact) ``cedula``, disabled people too, or nothing."""
    row = session.scalars(select(PersonRow).where(PersonRow.cedula == cedula)).one_or_none()
    return as_person(row) if row else None


def find_person_by_document(session: Session, document: str) -> Person | None:
    """Return who has the ``document`` (in the normal form of :mod:`idp.accounts.document`), or nothing."""
    row = session.scalars(select(PersonRow).where(has_document(document))).one_or_none()
    return as_person(row) if row else None


def contact_of(person: Person) -> Contact | None:
    """Return what one message to the person goes to: the address, else the confirmed telephone, if there is either."""
    if person.email:
        return Contact(ContactKind.EMAIL, person.email)
    return Contact(ContactKind.PHONE, person.phone) if person.phone_verified else None


def has_document(document: str) -> ColumnElement[bool]:
    """Return the condition that a person has the ``document``."""
    return (PersonRow.passport if is_passport(document) else PersonRow.cedula) == document


def list_people(session: Session, *, limit: int = 1000) -> list[Person]:
    """Return people, newest first, erased ones not."""
    rows = session.scalars(
        select(PersonRow).where(PersonRow.status != ERASED).order_by(PersonRow.id.desc()).limit(limit)
    )
    return [as_person(row) for row in rows]


def add_person(
    session: Session,
    *,
    journal: Journal,
    cedula: str | None,
    given_names: str,
    surnames: str,
    email: str,
    now: datetime,
    passport: str | None = None,
    email_verified: bool = False,
    phone: str = "",
    phone_verified: bool = False,
    locale: str = "es",
    level: int = 1,
    person_id: str | None = None,
    method: str = "operator",
    is_test: bool = False,
) -> Person:
    """Add a person from values that :mod:`idp.accounts.identity` and :mod:`idp.accounts.document` made valid.

    :param passport: of one who has no cédula.
    :param person_id: an id promised before (by an enrolment link), else a new one.
    :param method: how the person came: ``operator``, ``sign_up``, ``enrollment_link``, ``demo``, ``test``.
    :param is_test: whether it is a test citizen, for sandbox applications alone.
    :raises Conflict: (``cedula_taken``, ``passport_taken``) if someone has it: of two at once exactly one wins.
    """
    person_id = person_id or new_id()
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    added = session.execute(
        insert(PersonRow)
        .values(
            id=person_id,
            cedula=cedula or None,
            passport=passport or None,
            given_names=given_names,
            surnames=surnames,
            email=email or None,
            email_verified_at=now if email_verified else None,
            phone=phone or None,
            phone_verified_at=now if phone_verified else None,
            locale=locale if locale in LOCALES else "es",
            status=ACTIVE,
            level=level,
            is_test=is_test,
            created_at=now,
            updated_at=now,
        )
        .on_conflict_do_nothing()
        .returning(PersonRow.id)
    ).scalar_one_or_none()
    if added is None:
        raise Conflict("This document already has an account.", code="cedula_taken" if cedula else "passport_taken")
    if level > 1:
        session.add(
            LevelEvidenceRow(
                id=new_id(),
                person_id=person_id,
                level=level,
                method="operator",
                checked_by="command",
                established_at=now,
            )
        )
    journal.record(
        session,
        Event(
            type=EventType.ACCOUNT_CREATED,
            subject=person_id,
            actor=person_id if method in ("sign_up", "enrollment_link", "directory", "provider") else "command",
            details={
                "method": method,
                "level": level,
                "email_verified": email_verified,
                "phone_verified": phone_verified,
            },
            private={
                **_document_told(cedula, passport),
                "given_names": given_names,
                "surnames": surnames,
                **({"email": email} if email else {}),
                **({"phone": phone} if phone else {}),
            },
        ),
        now=now,
    )
    return find_person(session, person_id)


def _document_told(cedula: str | None, passport: str | None) -> dict[str, str]:
    return {name: value for name, value in (("cedula", cedula), ("passport", passport)) if value}


def as_person(row: PersonRow) -> Person:
    """Return a row as the frozen value."""
    return Person(
        id=row.id,
        cedula=row.cedula or "",
        passport=row.passport or "",
        birth_date=row.birth_date or "",
        given_names=row.given_names,
        surnames=row.surnames,
        email=row.email or "",
        email_verified=row.email_verified_at is not None,
        locale=row.locale,
        status=row.status,
        level=row.level,
        created_at=row.created_at,
        updated_at=row.updated_at,
        phone=row.phone or "",
        phone_verified=row.phone_verified_at is not None,
        is_test=row.is_test,
    )
