"""A copy of a person's own data: at once as JSON; as PDF by the worker, taken once within a day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType
from idp.accounts.model import DataCopyRow
from idp.accounts.my_data import Entry, gather
from idp.accounts.my_data_sections import SECTIONS
from idp.accounts.person import Person
from idp.authentication.throttle import Limit, take_try, throttle_key
from idp.notices.mail import notify
from idp.services import IdpServices
from kernel.errors import AlreadyConsumed, NotFound, Unavailable
from kernel.identifiers import new_id
from kernel.outbox import GiveUp, Handler, Task, enqueue
from keys.sealing import Sealer

COPY_TASK = "idp.my_data"
COPY_LIFETIME = timedelta(days=1)
COPIES_BY_PERSON = Limit("my-data", 10, timedelta(hours=1))
_SEAL = "my-data"


@dataclass(frozen=True)
class DataCopy:
    """A PDF on its way. :ivar is_ready: it can be taken now."""

    id: str
    created_at: datetime
    expires_at: datetime
    is_ready: bool


def note_taking(session: Session, *, services: IdpServices, person: Person, form: str, now: datetime) -> None:
    """Count that the person takes what is kept about him, put it on record, and write to him.

    The caller has checked a recent step-up, and reads :func:`read_all` after this has committed: reading may take a
    while, and holds up nobody's writing.

    :param form: ``json``, or ``pdf`` for what :func:`request_copy` makes of it.
    :raises Throttled: (``too_many_tries``) after ten within an hour.
    """
    key = throttle_key(services, COPIES_BY_PERSON, person.id)
    take_try(session, key=key, limit=COPIES_BY_PERSON, now=now)
    kind = EventType.DATA_COPY_TAKEN if form == "json" else EventType.DATA_COPY_REQUESTED
    services.journal.record(session, Event(type=kind, subject=person.id, details={"form": form}), now=now)
    if form == "json":
        _tell(session, services, person, now=now)


def read_all(session: Session, *, services: IdpServices, person_id: str, now: datetime) -> Mapping[str, list[Entry]]:
    """Return all that is kept about the person, by sections."""
    return gather(session, services=services, person_id=person_id, sections=SECTIONS, now=now)


def request_copy(session: Session, *, services: IdpServices, person: Person, page: str, now: datetime) -> DataCopy:
    """Have ``page`` (HTML, from what :func:`read_all` returned) made into a PDF; an earlier copy is dropped."""
    session.execute(delete(DataCopyRow).where(DataCopyRow.person_id == person.id))
    row = DataCopyRow(
        id=new_id(),
        person_id=person.id,
        sealed=b"",
        created_at=now,
        expires_at=now + COPY_LIFETIME,
    )
    row.sealed = Sealer(services.sealing_secret, _SEAL).seal(page.encode(), bound_to=row.id)
    session.add(row)
    session.flush()
    enqueue(session, COPY_TASK, {"copy_id": row.id}, now=now)
    return _view(row)


def find_copy(session: Session, *, person_id: str, now: datetime) -> DataCopy | None:
    """Return the person's copy that was not taken yet, if there is one."""
    row = session.scalars(
        select(DataCopyRow).where(
            DataCopyRow.person_id == person_id, DataCopyRow.taken_at.is_(None), DataCopyRow.expires_at > now
        )
    ).one_or_none()
    return _view(row) if row is not None else None


def collect_copy(session: Session, *, services: IdpServices, person: Person, copy_id: str, now: datetime) -> bytes:
    """Return the PDF and forget it: exactly one caller gets it. The caller has checked a recent step-up.

    :raises NotFound: (``unknown_copy``) another's too, and one that expired. :raises AlreadyConsumed: (``copy_taken``).
    :raises Unavailable: (``copy_not_ready``).
    """
    row = session.get(DataCopyRow, copy_id)
    if row is None or row.person_id != person.id or row.expires_at <= now:
        raise NotFound("There is no such copy.", code="unknown_copy")
    if row.ready_at is None:
        raise Unavailable("The copy is being made.", code="copy_not_ready")
    sealed = row.sealed
    won = session.execute(
        update(DataCopyRow)
        .where(DataCopyRow.id == copy_id, DataCopyRow.taken_at.is_(None))
        .values(taken_at=now, sealed=None)
        .returning(DataCopyRow.id)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    if won is None or sealed is None:
        raise AlreadyConsumed("This copy was taken already.", code="copy_taken")
    event = Event(type=EventType.DATA_COPY_TAKEN, subject=person.id, object_id=copy_id, details={"form": "pdf"})
    services.journal.record(session, event, now=now)
    _tell(session, services, person, now=now)
    return Sealer(services.sealing_secret, _SEAL).open(sealed, bound_to=copy_id)


def handlers(services: IdpServices) -> dict[str, Handler]:
    """Return what does this room's outbox tasks."""

    def make(task: Task) -> None:
        _make_pdf(services, str(task.payload["copy_id"]))

    return {COPY_TASK: make}


def remove_old_copies(session: Session, *, now: datetime) -> None:
    """Delete copies that nobody took in time, and what is left of those that were."""
    session.execute(delete(DataCopyRow).where(DataCopyRow.expires_at <= now))


def pdf_of(page: str) -> bytes:
    """Return a page of HTML with nothing outside itself as tagged PDF/UA-1.

    :raises Unavailable: (``no_pdf``) if WeasyPrint (the extra ``pdf``) is not here.
    """
    try:
        printer = import_module("weasyprint")
    except (ImportError, OSError) as error:  # OSError: it is here and Pango is not
        raise Unavailable("PDF needs the extra `pdf` (WeasyPrint) and the system's Pango.", code="no_pdf") from error
    document: bytes = printer.HTML(string=page, url_fetcher=_nothing_outside).write_pdf(pdf_variant="pdf/ua-1")
    return document


def can_make_pdf() -> bool:
    """Tell whether this machine makes PDF."""
    try:
        import_module("weasyprint")
    except (ImportError, OSError):
        return False
    return True


def _make_pdf(services: IdpServices, copy_id: str) -> None:
    with services.database.reading() as session:
        row = session.get(DataCopyRow, copy_id)
        if row is None or row.ready_at is not None or row.sealed is None:
            return  # made by another worker, replaced by a newer one, or its owner is gone
        sealed = row.sealed
    sealer = Sealer(services.sealing_secret, _SEAL)
    try:
        file = pdf_of(sealer.open(sealed, bound_to=copy_id).decode())
    except Unavailable as error:
        raise GiveUp(error.code) from error
    with services.database.transaction() as session:
        session.execute(
            update(DataCopyRow)
            .where(DataCopyRow.id == copy_id, DataCopyRow.ready_at.is_(None))
            .values(sealed=sealer.seal(file, bound_to=copy_id), ready_at=services.clock.now())
        )


def _nothing_outside(url: str, *_: object, **__: object) -> dict[str, object]:
    raise ValueError(f"The page names something outside of itself: {url[:80]}")


def _tell(session: Session, services: IdpServices, person: Person, *, now: datetime) -> None:
    notify(session, services=services, person=person, template="my_data_taken", context={}, now=now)


def _view(row: DataCopyRow) -> DataCopy:
    return DataCopy(row.id, row.created_at, row.expires_at, row.ready_at is not None)
