"""Tables of codes that are sent and of printed cards."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from kernel.database import Base


class SentCodeRow(Base):
    """The one valid code of a kind (``sms``, ``email``) in a journey: a newer one takes the row, so the older dies.

    Only a keyed digest is stored. ``journey_id``: a login, a reset, a link, a session in which a kind is enrolled.
    """

    __tablename__ = "idp_sent_code"

    journey_id: Mapped[str] = mapped_column(String(43), primary_key=True)
    kind: Mapped[str] = mapped_column(String(8), primary_key=True)
    person_id: Mapped[str] = mapped_column(String(26), index=True)
    code_hmac: Mapped[str] = mapped_column(String(64))
    sent_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    times_sent: Mapped[int]
    tries: Mapped[int]
    used_at: Mapped[datetime | None]


class CodeFactorRow(Base):
    """A person wants codes by ``sms`` as a second step, or by ``email`` where a login comes from a new device."""

    __tablename__ = "idp_code_factor"
    __table_args__ = (UniqueConstraint("person_id", "kind"),)

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    person_id: Mapped[str] = mapped_column(String(26))
    kind: Mapped[str] = mapped_column(String(8))
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]


class GridCardRow(Base):
    """A printed card. ``digests``: a keyed digest of person, card, position and value for each cell, in their order.

    ``sid``: the browser session it was shown to, until its holder has confirmed it; ``asked``: the positions that are
    asked until someone answers them, so that nobody can choose others by asking again.
    """

    __tablename__ = "idp_grid_card"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    person_id: Mapped[str] = mapped_column(String(26), index=True)
    sid: Mapped[str | None] = mapped_column(String(43))
    digests: Mapped[bytes]
    asked: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    uses: Mapped[int]


class GridSheetRow(Base):
    """The cells of a fresh card, sealed, while its holder prints it: deleted when he has it, or after some minutes."""

    __tablename__ = "idp_grid_sheet"

    card_id: Mapped[str] = mapped_column(String(26), primary_key=True)
    person_id: Mapped[str] = mapped_column(String(26), index=True)
    sealed_cells: Mapped[bytes]
    expires_at: Mapped[datetime] = mapped_column(index=True)
