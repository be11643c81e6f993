"""A person's passkeys: which there are, who holds them, and one that was used."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from idp.authentication.assurance import AMR_HARDWARE_KEY, AMR_SOFTWARE_KEY, AMR_USER_VERIFIED
from idp.passkeys.authenticator_names import authenticator_name
from idp.passkeys.ceremony import Claim, PasskeyRefusedError, RelyingParty, require_assertion
from idp.passkeys.model import PasskeyHolderRow, PasskeyRow
from kernel.identifiers import b64url, new_secret, sha256_hex


@dataclass(frozen=True, kw_only=True)
class Passkey:
    """A passkey as its person sees it.

    :ivar credential: its id, base64url.
    :ivar make: what the maker calls its authenticator; empty when unknown.
    :ivar in_many_devices: it can be in several devices of its person (WebAuthn §6.1.3, backup eligibility).
    """

    id: str
    person_id: str
    credential: str
    name: str
    make: str
    in_many_devices: bool
    created_at: datetime
    last_used_at: datetime | None
    flagged_at: datetime | None

    @property
    def methods(self) -> tuple[str, ...]:
        """What a login by it showed (``amr``): where the key lives, and that its person was verified."""
        return (AMR_SOFTWARE_KEY if self.in_many_devices else AMR_HARDWARE_KEY, AMR_USER_VERIFIED)


class CounterWentBackError(PasskeyRefusedError):
    """The authenticator has counted fewer uses than before: another one may hold a copy. :ivar passkey: which."""

    def __init__(self, passkey: Passkey) -> None:
        super().__init__("counter")
        self.passkey = passkey


def list_passkeys(session: Session, person_id: str) -> list[Passkey]:
    """Return the person's passkeys, oldest first, flagged ones too."""
    rows = session.scalars(select(PasskeyRow).where(PasskeyRow.person_id == person_id).order_by(PasskeyRow.id))
    return [as_passkey(row) for row in rows]


def has_passkey(session: Session, person_id: str) -> bool:
    """Tell whether the person has a passkey that opens something."""
    usable = select(PasskeyRow.id).where(PasskeyRow.person_id == person_id, PasskeyRow.flagged_at.is_(None))
    return session.scalar(usable.limit(1)) is not None


def known_credentials(session: Session, person_id: str, *, usable: bool) -> list[tuple[bytes, list[str]]]:
    """Return id and transports of the person's passkeys. :param usable: leave out what is flagged."""
    query = select(PasskeyRow.credential, PasskeyRow.transports).where(PasskeyRow.person_id == person_id)
    if usable:
        query = query.where(PasskeyRow.flagged_at.is_(None))
    return [(row.credential, row.transports) for row in session.execute(query.order_by(PasskeyRow.id))]


def handle_of(session: Session, person_id: str) -> str:
    """Return who the person is to authenticators (base64url of 32 octets); made at the first need."""
    row = session.get(PasskeyHolderRow, person_id)
    if row is None:
        row = PasskeyHolderRow(person_id=person_id, handle=new_secret())
        session.add(row)
        session.flush()
    return row.handle


def find_claimed(session: Session, claim: Claim, *, person_id: str | None) -> PasskeyRow:
    """Return the passkey that an answer claims.

    :param person_id: whose it must be; None: the answer says by its handle whose it is.
    :raises PasskeyRefusedError: ``unknown`` and ``another_person`` are told apart on record only.
    """
    row = session.scalars(
        select(PasskeyRow)
        .where(PasskeyRow.credential_sha256 == credential_sha256(claim.credential))
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        raise PasskeyRefusedError("unknown")
    holder = session.get(PasskeyHolderRow, row.person_id)
    told = bool(claim.handle) and holder is not None and compare_digest(holder.handle.encode(), claim.handle.encode())
    if person_id is None and not told:
        raise PasskeyRefusedError("handle")
    if person_id is not None and (row.person_id != person_id or (claim.handle and not told)):
        raise PasskeyRefusedError("another_person")
    return row


def require_use(session: Session, row: PasskeyRow, claim: Claim, *, party: RelyingParty, now: datetime) -> Passkey:
    """Judge the answer of the passkey, and count its use: exactly one of two that say the same number.

    :raises PasskeyRefusedError: :raises CounterWentBackError: of a clone, or of an answer that comes again.
    """
    if row.flagged_at is not None:
        raise PasskeyRefusedError("flagged")
    said = require_assertion(
        claim,
        party=party,
        expected_challenge=claim.challenge,
        public_key=row.public_key,
        was_backup_eligible=row.backup_eligible,
    )
    # WebAuthn §7.2 step 22: zero and zero is an authenticator that does not count.
    moved = PasskeyRow.sign_count < said.sign_count
    counted = session.execute(
        update(PasskeyRow)
        .where(PasskeyRow.id == row.id, moved if said.sign_count else PasskeyRow.sign_count == 0)
        .values(sign_count=said.sign_count, backed_up=said.backed_up, last_used_at=now)
        .returning(PasskeyRow.id)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    if counted is None:
        raise CounterWentBackError(as_passkey(row))
    session.refresh(row)
    return as_passkey(row)


def credential_sha256(credential: bytes) -> str:
    """Return what a passkey is found by."""
    return sha256_hex(credential)


def as_passkey(row: PasskeyRow) -> Passkey:
    """Return the row as a value."""
    return Passkey(
        id=row.id,
        person_id=row.person_id,
        credential=b64url(row.credential),
        name=row.name,
        make=authenticator_name(row.aaguid),
        in_many_devices=row.backup_eligible,
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        flagged_at=row.flagged_at,
    )
