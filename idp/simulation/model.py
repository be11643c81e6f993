"""Tables of simulations: what was chosen for an application, and what became of each login."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from kernel.database import Base


class SimulationRow(Base):
    """One fault for the next logins of an application.

    :ivar logins_left: how many more answers to the browser it touches; ``sent`` how many it touched.
    :ivar redeemed: how many of those came to the token endpoint with their code.
    """

    __tablename__ = "idp_simulation"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    client_id: Mapped[str] = mapped_column(String(64), index=True)
    fault: Mapped[str] = mapped_column(String(20))
    logins_left: Mapped[int]
    sent: Mapped[int]
    redeemed: Mapped[int]
    started_by: Mapped[str] = mapped_column(String(64))
    started_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    stopped_at: Mapped[datetime | None]


class SimulatedLoginRow(Base):
    """The tokens of one login that was touched. :ivar used_at: when UserInfo was asked with them first."""

    __tablename__ = "idp_simulated_login"

    family_id: Mapped[str] = mapped_column(String(26), primary_key=True)
    simulation_id: Mapped[str] = mapped_column(ForeignKey("idp_simulation.id"), index=True)
    used_at: Mapped[datetime | None]
