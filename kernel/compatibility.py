"""Which release may run on a database whose schema is newer than its own: written by whoever brought it up."""

from __future__ import annotations

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from kernel.database import Base

ONLY = 1  # the id of the one row


class SchemaCompatibility(Base):
    """One row.

    :ivar since: the oldest revision whose release gets along with the schema as it is: what came after only added.
    """

    __tablename__ = "schema_compatibility"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    since: Mapped[str] = mapped_column(String(32))
