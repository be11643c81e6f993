"""Table of keys on their way to their holders."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from kernel.database import Base


class KeyHandover(Base):
    """One key, from its making to its destruction here. ``status`` is a :class:`ca.handover.view.HandoverStatus`.

    :ivar request_id: of the certificate that it is for, or of its batch; ``spki_sha256`` finds the certificate, however
        often its request was built anew.
    :ivar holder_id: the person, if it has an account: then being logged in is the proof, else cédula and code.
    :ivar sealed_key: the private key, PKCS#8, sealed; gone when the password was shown.
    :ivar sealed_file: the PKCS#12 file, encrypted under the holder's password and sealed; gone when it was collected.
    :ivar link_sha256: ``code_sha256`` and ``download_sha256``: digests of what the holder is given; never the values.
    """

    __tablename__ = "ca_handover"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    status: Mapped[str] = mapped_column(String(10), index=True)
    request_id: Mapped[str] = mapped_column(String(26), index=True)
    spki_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    profile: Mapped[str] = mapped_column(String(64))
    serial: Mapped[str | None] = mapped_column(String(40), index=True)
    holder_id: Mapped[str | None] = mapped_column(String(26), index=True)
    cedula: Mapped[str] = mapped_column(String(10))
    email: Mapped[str | None] = mapped_column(String(254))
    prepared_by: Mapped[str] = mapped_column(String(64))
    sealed_key: Mapped[bytes | None]
    sealed_file: Mapped[bytes | None]
    link_sha256: Mapped[str | None] = mapped_column(String(64), unique=True)
    code_sha256: Mapped[str | None] = mapped_column(String(64))
    download_sha256: Mapped[str | None] = mapped_column(String(64))
    tries: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(index=True)
    offered_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None] = mapped_column(index=True)
    opened_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None] = mapped_column(String(32))
