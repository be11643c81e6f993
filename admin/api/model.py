"""Tables of the API."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from kernel.database import Base


class ApiAnswer(Base):
    """A key that a program gave to a change, so that a repetition is known as one and gets the first answer.

    It is claimed before the work begins and finished in the transaction of the work: whoever finds it claimed and not
    finished knows that nothing was done yet. The answer may hold a secret (a client's): it is sealed.
    """

    __tablename__ = "admin_api_answer"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)  # digest of who calls, by which application, and key
    call_sha256: Mapped[str] = mapped_column(String(64))  # operation, address and body
    claim: Mapped[str] = mapped_column(String(26))  # whose work counts, of those who took it up
    claimed_at: Mapped[datetime] = mapped_column(index=True)
    finished_at: Mapped[datetime | None]
    settled: Mapped[bool] = mapped_column(default=False)  # what follows the commit is done, too
    answer: Mapped[bytes | None]
