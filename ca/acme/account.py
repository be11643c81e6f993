"""Accounts (RFC 8555 §7.3): opened with a credential, found by their key, changed, given another key, closed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from ca.acme.account_key import AccountKey, read_account_key
from ca.acme.addresses import Addresses
from ca.acme.binding import parse_binding, use_credential
from ca.acme.contact import checked_contacts
from ca.acme.jws import SignedMessage, parse_message, require_signature
from ca.acme.model import Account, Order
from ca.acme.problem import AcmeProblem, Kind, malformed
from ca.acme.state import DEACTIVATED, INVALID, VALID
from ca.revocation.compromised_key import is_compromised
from ca.services import CaServices
from kernel.identifiers import new_id
from kernel.prefetch import find_row, forget


@dataclass(frozen=True)
class AccountView:
    """An account as it is shown to itself. :ivar created: whether this very request opened it."""

    id: str
    status: str
    contacts: tuple[str, ...]
    created: bool = False

    def to_json(self, addresses: Addresses) -> dict[str, Any]:
        """Return the account object (§7.1.2)."""
        return {
            "status": self.status,
            "contact": list(self.contacts),
            "termsOfServiceAgreed": True,
            "orders": addresses.orders(self.id),
        }


def open_account(
    session: Session,
    *,
    services: CaServices,
    addresses: Addresses,
    key: AccountKey,
    request: Mapping[str, Any],
    now: datetime,
) -> AccountView:
    """Return the account of ``key``, opened now if there is none (§7.3, §7.3.1).

    :param request: the payload of newAccount.
    :raises AcmeProblem: ``accountDoesNotExist``, ``externalAccountRequired``, ``unauthorized``, ``badPublicKey``,
        ``malformed``, and what contacts raise. Refused bindings are on record.
    """
    found = _account_of_key(session, key)
    if found is not None:
        return _view(found)
    if request.get("onlyReturnExisting"):
        raise AcmeProblem(Kind.ACCOUNT_DOES_NOT_EXIST, "There is no account for this key.")
    contacts = checked_contacts(request.get("contact"))
    if request.get("termsOfServiceAgreed") is not True:
        raise malformed("The terms of service must be agreed to: termsOfServiceAgreed.")
    binding = parse_binding(request.get("externalAccountBinding"), expected_url=addresses.new_account, account_key=key)
    _require_good_key(session, key)
    credential = use_credential(session, binding, services=services, now=now)
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    opened = session.execute(
        insert(Account)
        .values(
            id=new_id(),
            credential_id=credential.id,
            status=VALID,
            jwk=dict(key.jwk),
            thumbprint=key.thumbprint,
            spki_sha256=key.spki_sha256,
            contacts=contacts,
            created_at=now,
        )
        .on_conflict_do_nothing(index_elements=[Account.thumbprint])
        .returning(Account.id)
    ).scalar_one_or_none()
    if opened is None:
        # Another request with this key was first; what this one has taken of the credential goes back with it.
        raise AcmeProblem(Kind.UNAVAILABLE, "The account is being opened; ask again.")
    forget(session, Account, (key.spki_sha256, "key"))
    event = Event(
        type=EventType.ACME_ACCOUNT_OPENED,
        object_id=opened,
        details={
            "credential": credential.id,
            "institution_ruc": credential.institution_ruc,
            "thumbprint": key.thumbprint,
        },
        private={"contact": ", ".join(contacts)} if contacts else {},
    )
    services.journal.record(session, event, now=now)
    return AccountView(opened, VALID, tuple(contacts), created=True)


def find_account_of_key(session: Session, key: AccountKey) -> AccountView | None:
    """Return the account of ``key``. :raises AcmeProblem: ``unauthorized`` if it is closed."""
    row = _account_of_key(session, key)
    return _view(row) if row else None


def load_account(session: Session, account_id: str | None) -> Account:
    """Return the open account. :raises AcmeProblem: ``accountDoesNotExist``; ``unauthorized`` if it is closed."""
    row = find_row(session, Account, account_id) if account_id else None
    if row is None:
        raise AcmeProblem(Kind.ACCOUNT_DOES_NOT_EXIST, "There is no account with this address.")
    return _require_open(row)


def change_account(
    session: Session, *, services: CaServices, account: Account, request: Mapping[str, Any], now: datetime
) -> AccountView:
    """Change an account's contacts, or close it (§7.3.2, §7.3.6). Members that cannot be changed are ignored.

    :raises AcmeProblem: ``malformed``, and what contacts raise.
    """
    status = request.get("status", VALID)
    if status not in (VALID, DEACTIVATED):
        raise malformed("An account's status changes to deactivated only.")
    if status == DEACTIVATED:
        return close_account(session, services=services, account_id=account.id, status=DEACTIVATED, now=now)
    if "contact" not in request:
        return _view(account)
    contacts = checked_contacts(request["contact"])
    session.execute(update(Account).where(Account.id == account.id).values(contacts=contacts))
    forget(session, Account, account.id)
    event = Event(
        type=EventType.ACME_ACCOUNT_UPDATED,
        actor=actor_of(account.id),
        object_id=account.id,
        private={"contact": ", ".join(contacts)},
    )
    services.journal.record(session, event, now=now)
    return AccountView(account.id, account.status, tuple(contacts))


def close_account(
    session: Session, *, services: CaServices, account_id: str, status: str, actor: str | None = None, now: datetime
) -> AccountView:
    """Close an account for good: what it ordered and did not get is given up. Its certificates stay.

    :param status: ``deactivated`` if it asks itself, ``revoked`` if an operator does.
    :raises AcmeProblem: ``accountDoesNotExist``, ``unauthorized`` if it is closed already.
    """
    row = load_account(session, account_id)
    session.execute(update(Account).where(Account.id == row.id).values(status=status, closed_at=now))
    forget(session, Account, row.id)
    given_up = session.scalars(
        update(Order)
        .where(Order.account_id == row.id, Order.status.in_(("pending", "ready")))
        .values(status=INVALID)
        .returning(Order.id)
        .execution_options(synchronize_session=False)
    ).all()
    event = Event(
        type=EventType.ACME_ACCOUNT_CLOSED,
        actor=actor or actor_of(row.id),
        object_id=row.id,
        details={"status": status, "orders_given_up": len(given_up)},
    )
    services.journal.record(session, event, now=now)
    return AccountView(row.id, status, tuple(row.contacts))


def change_key(
    session: Session,
    *,
    services: CaServices,
    addresses: Addresses,
    account: Account,
    inner: Mapping[str, Any],
    now: datetime,
) -> AccountView:
    """Give an account another key: the old one signed around ``inner``, the new one signed within (§7.3.5).

    :raises AcmeProblem: ``malformed``, ``unauthorized``, ``badPublicKey``; ``malformed`` with the other account's
        address if the key has one.
    """
    message = _inner_message(inner, addresses)
    key = read_account_key(message.jwk)
    require_signature(message, key)
    said = message.document()
    old = read_account_key(dict(account.jwk))
    if said.get("account") != addresses.account(account.id):
        raise malformed("The inner message names another account.")
    if not isinstance(said.get("oldKey"), dict) or read_account_key(said["oldKey"]).thumbprint != old.thumbprint:
        raise malformed("The inner message's oldKey is not the account's.")
    holder = session.scalar(select(Account.id).where(Account.thumbprint == key.thumbprint))
    if holder is not None:
        error = AcmeProblem(Kind.KEY_IN_USE, "This key has an account.", location=addresses.account(holder))
        _refuse(services, session, account.id, error, now=now)
    _require_good_key(session, key)
    session.execute(
        update(Account)
        .where(Account.id == account.id)
        .values(jwk=dict(key.jwk), thumbprint=key.thumbprint, spki_sha256=key.spki_sha256)
    )
    forget(session, Account, account.id)
    forget(session, Account, (key.spki_sha256, "key"))
    event = Event(
        type=EventType.ACME_ACCOUNT_KEY_CHANGED,
        actor=actor_of(account.id),
        object_id=account.id,
        details={"old_thumbprint": old.thumbprint, "thumbprint": key.thumbprint},
    )
    services.journal.record(session, event, now=now)
    return _view(account)


def actor_of(account_id: str) -> str:
    """Return the name under which an account acts in requests and events."""
    return f"acme:{account_id}"


def _inner_message(inner: Mapping[str, Any], addresses: Addresses) -> SignedMessage:
    message = parse_message(inner, expected_url=addresses.key_change)
    if message.jwk is None or message.nonce is not None:
        raise malformed("The inner message brings the new key as jwk, and no nonce.")
    return message


def _account_of_key(session: Session, key: AccountKey) -> Account | None:
    row = session.scalar(select(Account).where(Account.thumbprint == key.thumbprint))
    return _require_open(row) if row else None


def _require_open(row: Account) -> Account:
    if row.status != VALID:
        raise AcmeProblem(Kind.ACCOUNT_CLOSED, "The account is closed.")
    return row


def _require_good_key(session: Session, key: AccountKey) -> None:
    if is_compromised(session, key.spki_sha256):
        raise AcmeProblem(Kind.BAD_PUBLIC_KEY, "This key was reported as compromised; make a new one.")


def _refuse(services: CaServices, session: Session, account_id: str, error: AcmeProblem, *, now: datetime) -> None:
    event = Event(
        type=EventType.ACME_ACCOUNT_REFUSED,
        outcome=Outcome.REFUSED,
        reason=error.code,
        actor=actor_of(account_id),
        object_id=account_id,
    )
    services.journal.refuse(session, event, error, now=now)


def _view(row: Account) -> AccountView:
    return AccountView(row.id, row.status, tuple(row.contacts))
