"""Printed cards: 8 by 8 cells of three digits, of which three are asked; for people without any telephone.

The positions are chosen by the service and stay until somebody answers them: asking again, or in another browser,
brings the same ones. Who steals the database learns nothing: the key of the digests is not in it.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType
from idp.authentication.totp import UsedCodeError, WrongCodeError, clean_code
from idp.codes.model import GridCardRow, GridSheetRow
from idp.services import IdpServices
from kernel.errors import Conflict
from kernel.identifiers import new_id
from keys.sealing import Sealer, derive_secret

COLUMNS, ROWS = "ABCDEFGH", range(1, 9)
POSITIONS = tuple(f"{column}{row}" for row in ROWS for column in COLUMNS)
CELL_DIGITS, ASKED = 3, 3
SHEET_LIFETIME = timedelta(minutes=30)
_DIGEST_OCTETS = 16


@dataclass(frozen=True)
class GridCard:
    """A fresh card. :ivar cells: what stands at each position, to be printed once. :ivar asked: to confirm it by."""

    id: str
    cells: Mapping[str, str] = field(repr=False)
    asked: tuple[str, ...]

    @property
    def serial(self) -> str:
        """What its holder knows the card by."""
        return serial_of(self.id)


@dataclass(frozen=True)
class HeldCard:
    """A card in use. :ivar uses: how often it was; each shows three of 64 cells to who looks on."""

    id: str
    created_at: datetime
    last_used_at: datetime | None
    uses: int


def serial_of(card_id: str) -> str:
    """Return the short name of a card, printed on it."""
    return card_id[-6:].upper()


def find_card(session: Session, person_id: str) -> HeldCard | None:
    """Return the person's card, if one is in use."""
    row = _confirmed(session, person_id)
    return HeldCard(row.id, row.created_at, row.last_used_at, row.uses) if row is not None else None


def has_card(session: Session, person_id: str, /) -> bool:
    """Tell whether the person has a card in use."""
    return _confirmed(session, person_id) is not None


def prepare_card(session: Session, *, services: IdpServices, person_id: str, sid: str, now: datetime) -> GridCard:
    """Return the card that the person is about to confirm: the same on reload, a new one after half an hour.

    It is shown to the browser session ``sid`` alone.
    """
    row = _pending(session, person_id=person_id, sid=sid, now=now)
    sheet = session.get(GridSheetRow, row.id) if row is not None else None
    if row is not None and sheet is not None:
        cells = json.loads(_sealer(services).open(sheet.sealed_cells, bound_to=row.id))
        return GridCard(row.id, cells, _split(row.asked))
    _drop(session, GridCardRow.person_id == person_id, GridCardRow.sid == sid, GridCardRow.confirmed_at.is_(None))
    row, cells = _make(session, services, person_id=person_id, now=now)
    row.sid = sid
    sealed = _sealer(services).seal(json.dumps(cells).encode(), bound_to=row.id)
    session.add(GridSheetRow(card_id=row.id, person_id=person_id, sealed_cells=sealed, expires_at=now + SHEET_LIFETIME))
    session.flush()
    return GridCard(row.id, cells, _split(row.asked))


def confirm_card(
    session: Session, *, services: IdpServices, person_id: str, sid: str, code: str, now: datetime
) -> None:
    """Put the card that waits in session ``sid`` into use, by its first three cells; an older card dies.

    From now on nobody can read its cells. :raises WrongCodeError: :raises Conflict: (``nothing_pending``).
    """
    row = _pending(session, person_id=person_id, sid=sid, now=now)
    if row is None:
        raise Conflict("No card waits to be confirmed.", code="nothing_pending")
    if not _fits(services, row, code):
        raise WrongCodeError("The code does not fit.")
    confirmed = session.execute(
        update(GridCardRow)
        .where(GridCardRow.id == row.id, GridCardRow.confirmed_at.is_(None))
        .values(confirmed_at=now, last_used_at=now, sid=None, asked=_choose(but=_split(row.asked)))
        .returning(GridCardRow.id)
    ).scalar_one_or_none()
    if confirmed is None:
        raise Conflict("No card waits to be confirmed.", code="nothing_pending")
    _put_into_use(session, services, person_id=person_id, card_id=row.id, actor=person_id, now=now)


def hand_out_card(session: Session, *, services: IdpServices, person_id: str, actor: str, now: datetime) -> GridCard:
    """Make a card for someone who stands at a desk, in use at once; an older one dies. Print it, then forget it.

    :param actor: the registration officer, who has checked who it is.
    """
    row, cells = _make(session, services, person_id=person_id, now=now)
    row.confirmed_at = now
    session.flush()
    _put_into_use(session, services, person_id=person_id, card_id=row.id, actor=actor, now=now)
    return GridCard(row.id, cells, _split(row.asked))


def ask_cells(
    session: Session,
    *,
    services: IdpServices,
    person_id: str,
    journey: str,
    device: str | None,
    again: bool,
    now: datetime,
) -> Mapping[str, object]:
    """Return what the form shows: ``positions`` and the card's ``serial``. Nothing changes before they are answered."""
    row = _confirmed(session, person_id)
    return {"positions": _split(row.asked), "serial": serial_of(row.id)} if row is not None else {"positions": ()}


def require_cells(
    session: Session, *, services: IdpServices, person_id: str, code: str, journey: str, now: datetime
) -> None:
    """Check the cells that are asked and choose others: of any number at once exactly one succeeds.

    :raises WrongCodeError: if they do not fit; :class:`UsedCodeError` if another login answered them first.
    """
    row = _confirmed(session, person_id)
    if row is None or not _fits(services, row, code):
        raise WrongCodeError("The code does not fit.")
    won = session.execute(
        update(GridCardRow)
        .where(GridCardRow.id == row.id, GridCardRow.asked == row.asked)
        .values(asked=_choose(but=_split(row.asked)), last_used_at=now, uses=GridCardRow.uses + 1)
        .returning(GridCardRow.id)
    ).scalar_one_or_none()
    if won is None:
        raise UsedCodeError("These cells were used before.")


def remove_grid_cards(session: Session, *, person_id: str) -> list[str]:
    """Delete the person's cards and sheets; return the ids of those that were in use."""
    session.execute(delete(GridSheetRow).where(GridSheetRow.person_id == person_id))
    return _drop(session, GridCardRow.person_id == person_id)


def _make(
    session: Session, services: IdpServices, *, person_id: str, now: datetime
) -> tuple[GridCardRow, dict[str, str]]:
    card_id = new_id()
    cells = {position: f"{secrets.randbelow(10**CELL_DIGITS):0{CELL_DIGITS}}" for position in POSITIONS}
    key = derive_secret(services.sealing_secret, "grid-card")
    row = GridCardRow(
        id=card_id,
        person_id=person_id,
        digests=b"".join(_digest(key, person_id, card_id, position, cells[position]) for position in POSITIONS),
        asked=_choose(but=()),
        created_at=now,
        uses=0,
    )
    session.add(row)
    return row, cells


def _put_into_use(
    session: Session, services: IdpServices, *, person_id: str, card_id: str, actor: str, now: datetime
) -> None:
    """Other cards of the person die, this one's sheet is destroyed, and it is on record."""
    dropped = _drop(session, GridCardRow.person_id == person_id, GridCardRow.id != card_id)
    session.execute(delete(GridSheetRow).where(GridSheetRow.card_id == card_id))
    services.journal.record(
        session,
        Event(
            type=EventType.GRID_CARD_ENROLLED,
            subject=person_id,
            actor=actor,
            object_id=card_id,
            details={"replaced": bool(dropped), "at_desk": actor != person_id},
        ),
        now=now,
    )


def _drop(session: Session, *which: object) -> list[str]:
    rows = session.execute(
        delete(GridCardRow).where(*which).returning(GridCardRow.id, GridCardRow.confirmed_at)  # type: ignore[arg-type]
    ).all()
    session.execute(delete(GridSheetRow).where(GridSheetRow.card_id.in_([row.id for row in rows])))
    return [row.id for row in rows if row.confirmed_at is not None]


def _confirmed(session: Session, person_id: str) -> GridCardRow | None:
    return session.scalars(
        select(GridCardRow)
        .where(GridCardRow.person_id == person_id, GridCardRow.confirmed_at.is_not(None))
        .order_by(GridCardRow.id.desc())
        .execution_options(populate_existing=True)
    ).first()


def _pending(session: Session, *, person_id: str, sid: str, now: datetime) -> GridCardRow | None:
    return session.scalars(
        select(GridCardRow).where(
            GridCardRow.person_id == person_id,
            GridCardRow.sid == sid,
            GridCardRow.confirmed_at.is_(None),
            GridCardRow.created_at > now - SHEET_LIFETIME,
        )
    ).first()


def _fits(services: IdpServices, row: GridCardRow, code: str) -> bool:
    """Compare all cells, whichever of them is wrong."""
    typed, asked = clean_code(code), _split(row.asked)
    key = derive_secret(services.sealing_secret, "grid-card")
    right = len(typed) == CELL_DIGITS * len(asked)
    for number, position in enumerate(asked):
        value = typed[number * CELL_DIGITS : (number + 1) * CELL_DIGITS]
        start = POSITIONS.index(position) * _DIGEST_OCTETS
        stored = row.digests[start : start + _DIGEST_OCTETS]
        right &= hmac.compare_digest(stored, _digest(key, row.person_id, row.id, position, value))
    return right


def _choose(*, but: Sequence[str]) -> str:
    """Return three positions, none of those that somebody has just seen typed."""
    left = [position for position in POSITIONS if position not in but]
    return " ".join(secrets.SystemRandom().sample(left, ASKED))


def _split(asked: str) -> tuple[str, ...]:
    return tuple(asked.split())


def _digest(key: bytes, person_id: str, card_id: str, position: str, value: str) -> bytes:
    text = f"{person_id}:{card_id}:{position}:{value}".encode()
    return hmac.digest(key, text, "sha256")[:_DIGEST_OCTETS]


def _sealer(services: IdpServices) -> Sealer:
    return Sealer(services.sealing_secret, "grid-sheet")
