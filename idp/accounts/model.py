"""Tables of people, their passwords, and the journeys by which they come and come back."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from kernel.database import Base


class PersonRow(Base):
    """A person. An erased one keeps only the id, which the evidence refers to.

    Neither e-mail nor telephone is unique: families share them, and the name to log in with is the document.
    ``phone``: E.164, ``+593…``.
    ``passport``: of a person without a cédula, in the normal form of :mod:`idp.accounts.document`.
    """

    __tablename__ = "idp_person"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    cedula: Mapped[str | None] = mapped_column(String(10), unique=True)
    passport: Mapped[str | None] = mapped_column(String(13), unique=True)
    given_names: Mapped[str] = mapped_column(String(100))
    surnames: Mapped[str] = mapped_column(String(100))
    email: Mapped[str | None] = mapped_column(String(254), index=True)
    email_verified_at: Mapped[datetime | None]
    phone: Mapped[str | None] = mapped_column(String(16), index=True)
    phone_verified_at: Mapped[datetime | None]
    #: ISO 8601, as the civil registry or a desk said it; a person's own word is not kept.
    birth_date: Mapped[str | None] = mapped_column(String(10))
    locale: Mapped[str] = mapped_column(String(8))
    status: Mapped[str] = mapped_column(String(8), index=True)
    level: Mapped[int]
    #: A test citizen, made for an institution's developers: enters sandbox applications and nothing else.
    is_test: Mapped[bool] = mapped_column(Boolean, default=False, server_default=text("false"))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class PasswordRow(Base):
    """A person's password as an Argon2id string (PHC form)."""

    __tablename__ = "idp_password"

    person_id: Mapped[str] = mapped_column(String(26), primary_key=True)
    phc: Mapped[str] = mapped_column(String(255))
    set_at: Mapped[datetime]


class SignUpRow(Base):
    """A sign-up under way, bound to the browser that began it.

    ``person_id`` is promised from the start, so that the evidence of the journey is under the person's own key; if the
    journey is abandoned, the key is destroyed with the row. ``decoy``: the document already has an account, of
    ``person_id``. The journey then looks the same, but nobody is sent the code that fits. ``cedula`` is empty where a
    ``passport`` is given, ``email`` where a ``phone`` (E.164) is: one of them is the contact that the code goes to.
    """

    __tablename__ = "idp_sign_up"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    browser_sha256: Mapped[str] = mapped_column(String(64))
    cedula: Mapped[str] = mapped_column(String(10), index=True)
    passport: Mapped[str | None] = mapped_column(String(13), index=True)
    given_names: Mapped[str] = mapped_column(String(100))
    surnames: Mapped[str] = mapped_column(String(100))
    email: Mapped[str] = mapped_column(String(254))
    phone: Mapped[str | None] = mapped_column(String(16))
    locale: Mapped[str] = mapped_column(String(8))
    interaction_id: Mapped[str | None] = mapped_column(String(26))
    decoy: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    contact_verified_at: Mapped[datetime | None] = mapped_column("email_verified_at")
    person_id: Mapped[str] = mapped_column(String(26))
    finished_at: Mapped[datetime | None]


class PasswordResetRow(Base):
    """A password reset under way, bound to the browser that began it. ``person_id`` is null when nobody fits.

    ``account_hmac``: keyed digest of the document; a newer reset for it removes this one, whether or not anyone has it.
    ``channel``: what the code goes by, ``email`` or ``phone``; ``known_device``: the code by ``phone`` was typed on a
    device of the person's; ``wait_id``: the :class:`PhoneRecoveryRow` that has to be over first.
    """

    __tablename__ = "idp_password_reset"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    browser_sha256: Mapped[str] = mapped_column(String(64))
    person_id: Mapped[str | None] = mapped_column(String(26), index=True)
    account_hmac: Mapped[str] = mapped_column(String(64), index=True)
    interaction_id: Mapped[str | None] = mapped_column(String(26))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    channel: Mapped[str] = mapped_column(String(8), server_default="email")
    known_device: Mapped[bool | None] = mapped_column(Boolean)
    wait_id: Mapped[str | None] = mapped_column(String(26))
    code_verified_at: Mapped[datetime | None] = mapped_column("mail_code_verified_at")
    second_factor_verified_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class PhoneRecoveryRow(Base):
    """Who reads a person's short messages, and has proved nothing else, waits until he may set another password.

    It outlives the reset that began it: another one, by the same telephone, finds it.
    """

    __tablename__ = "idp_phone_recovery"

    person_id: Mapped[str] = mapped_column(String(26), primary_key=True)
    id: Mapped[str] = mapped_column(String(26), unique=True)
    opened_at: Mapped[datetime]
    ready_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class MailCodeRow(Base):
    """The one valid code of a journey: a newer one takes the row, so the older dies. Only a keyed digest is stored."""

    __tablename__ = "idp_mail_code"

    journey_id: Mapped[str] = mapped_column(String(26), primary_key=True)
    code_hmac: Mapped[str] = mapped_column(String(64))
    sent_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    times_sent: Mapped[int]
    tries: Mapped[int]
    used_at: Mapped[datetime | None]


class EmailConfirmationRow(Base):
    """An address that a logged-in person has yet to confirm: his own, or the one he changes to. The newest counts."""

    __tablename__ = "idp_email_confirmation"

    person_id: Mapped[str] = mapped_column(String(26), primary_key=True)
    id: Mapped[str] = mapped_column(String(26), unique=True)
    email: Mapped[str] = mapped_column(String(254))
    expires_at: Mapped[datetime] = mapped_column(index=True)


class PhoneConfirmationRow(Base):
    """A telephone that a logged-in person has yet to confirm: a first one, or the one he changes to."""

    __tablename__ = "idp_phone_confirmation"

    person_id: Mapped[str] = mapped_column(String(26), primary_key=True)
    id: Mapped[str] = mapped_column(String(26), unique=True)
    phone: Mapped[str] = mapped_column(String(16))
    expires_at: Mapped[datetime] = mapped_column(index=True)


class EnrollmentLinkRow(Base):
    """A one-time link by which a person whom an operator added sets password and second factor.

    ``person_id`` is fixed when the link is made, also where the person's row comes to exist only at redemption.
    What its holder typed is kept here until the second factor is confirmed. ``redeemed_at``: that was done;
    ``superseded_at``: a newer link was made.
    """

    __tablename__ = "idp_enrollment_link"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    token_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    person_id: Mapped[str] = mapped_column(String(26), index=True)
    cedula: Mapped[str | None] = mapped_column(String(10))
    given_names: Mapped[str | None] = mapped_column(String(100))
    surnames: Mapped[str | None] = mapped_column(String(100))
    email: Mapped[str | None] = mapped_column(String(254))
    phc: Mapped[str | None] = mapped_column(String(255))
    sealed_key: Mapped[bytes | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    redeemed_at: Mapped[datetime | None]
    superseded_at: Mapped[datetime | None]


class DataCopyRow(Base):
    """A copy of a person's own data as PDF, on its way to its owner: taken once, gone within a day.

    ``sealed``: the page as HTML until ``ready_at``, then the file; null once ``taken_at``.
    """

    __tablename__ = "idp_data_copy"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    person_id: Mapped[str] = mapped_column(String(26), index=True)
    sealed: Mapped[bytes | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    ready_at: Mapped[datetime | None]
    taken_at: Mapped[datetime | None]


class DeletionRow(Base):
    """A person asked that the account be erased: until ``due_at`` he may think better of it."""

    __tablename__ = "idp_deletion"

    person_id: Mapped[str] = mapped_column(String(26), primary_key=True)
    requested_at: Mapped[datetime]
    due_at: Mapped[datetime] = mapped_column(index=True)
    reminded_at: Mapped[datetime | None]


class RectificationRow(Base):
    """A person says that what the register says of him is wrong (LOPDP Art. 14: answered within 15 days).

    ``datum``: what is wrong (:class:`idp.accounts.rectification.Datum`), ``value``: what it should be. ``number``: what
    the person is told to refer to. ``given_names`` and ``surnames``: as they would be. ``state``: ``open``,
    ``accepted``, ``refused`` or ``withdrawn``; one at most is open.
    """

    __tablename__ = "idp_rectification"
    __table_args__ = (
        Index(
            "uq_idp_rectification_open",
            "person_id",
            unique=True,
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
    )

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    number: Mapped[str | None] = mapped_column(String(9), unique=True)
    person_id: Mapped[str] = mapped_column(String(26), index=True)
    datum: Mapped[str] = mapped_column(String(16), server_default="given_names")
    value: Mapped[str] = mapped_column(String(200), server_default="")
    given_names: Mapped[str] = mapped_column(String(100))
    surnames: Mapped[str] = mapped_column(String(100))
    why: Mapped[str] = mapped_column(String(500))
    state: Mapped[str] = mapped_column(String(16), index=True)
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None] = mapped_column(String(64))
    answer: Mapped[str] = mapped_column(String(500))
