"""Tables of PINs and of dialogues under way."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from kernel.database import Base


class UssdPinRow(Base):
    """A person approves by USSD: keyed digest of person, telephone and PIN. With another telephone it fits no more."""

    __tablename__ = "idp_ussd_pin"

    person_id: Mapped[str] = mapped_column(String(26), primary_key=True)
    pin_hmac: Mapped[str] = mapped_column(String(64))
    set_at: Mapped[datetime]


class UssdDialogueRow(Base):
    """A dialogue that waits for its next key. ``id``: keyed digest of the gateway's session and of the telephone."""

    __tablename__ = "idp_ussd_dialogue"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_id: Mapped[str] = mapped_column(String(26), index=True)
    request_id: Mapped[str] = mapped_column(String(26))
    step: Mapped[str] = mapped_column(String(8))
    expires_at: Mapped[datetime] = mapped_column(index=True)
