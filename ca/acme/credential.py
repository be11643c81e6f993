"""Credentials for external account binding: given out by an operator, shown once, withdrawn by an operator."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType
from ca.acme.model import Account, Credential, Order
from ca.acme.state import CLOSED_BY_OPERATOR, VALID
from ca.requests.names import canonical_dns_name
from ca.services import CaServices
from kernel.errors import Conflict, NotFound, Rejected
from kernel.identifiers import b64url, b64url_decode, new_id, new_secret
from keys.sealing import Sealer

_PURPOSE = "acme-credential"
_MOST_ACCOUNTS = 1000
_MOST_DOMAINS = 100


@dataclass(frozen=True)
class NewCredential:
    """A credential just made. ``mac_key`` (base64url, for HS256) is known to nobody but the reader from now on."""

    key_id: str
    mac_key: str = field(repr=False)
    institution_ruc: str
    domains: tuple[str, ...]


@dataclass(frozen=True)
class CredentialView:
    """A credential for lists.

    :ivar domains: what its accounts may ask for; empty: the institution's registered domains.
    :ivar accounts: how many were opened with it. :ivar accounts_left: how many may still be.
    :ivar last_used_at: when an account was opened with it, or one of its accounts ordered (orders that are kept).
    """

    key_id: str
    institution_ruc: str
    domains: tuple[str, ...]
    accounts: int
    accounts_left: int
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


def issue_credential(
    session: Session,
    *,
    services: CaServices,
    institution_ruc: str,
    domains: Sequence[str] = (),
    accounts: int = 1,
    expires_at: datetime | None = None,
    actor: str,
    now: datetime,
) -> NewCredential:
    """Make a credential for an institution.

    :param domains: the only ones that its accounts may ask for, registered for the institution or not: control is
        proved each time in any case. Empty: those registered, as they are on the day of each order.
    :param accounts: how many may be opened with it.
    :raises NotFound: ``unknown_institution``.
    :raises Rejected: ``bad_acme_credential``, and what a domain is refused for.
    """
    institution = services.institutions.find(session, institution_ruc)
    chosen = tuple(dict.fromkeys(canonical_dns_name(name, wildcards=False) for name in domains))
    if not chosen and not institution.domains:
        raise Rejected("The institution has no registered domain; name some with --domain.", code="bad_acme_credential")
    if not 1 <= accounts <= _MOST_ACCOUNTS or len(chosen) > _MOST_DOMAINS:
        raise Rejected(f"1 to {_MOST_ACCOUNTS} accounts, {_MOST_DOMAINS} domains.", code="bad_acme_credential")
    if expires_at is not None and expires_at <= now:
        raise Rejected("It would be expired from the start.", code="bad_acme_credential")
    key_id, mac_key = new_id(), new_secret()
    row = Credential(
        id=key_id,
        institution_ruc=institution.ruc,
        domains=list(chosen),
        key_sealed=_sealer(services).seal(b64url_decode(mac_key), bound_to=key_id),
        accounts_left=accounts,
        created_at=now,
        created_by=actor,
        expires_at=expires_at,
    )
    session.add(row)
    session.flush()
    event = Event(
        type=EventType.ACME_CREDENTIAL_ISSUED,
        actor=actor,
        object_id=key_id,
        details={
            "institution_ruc": institution.ruc,
            "domains": list(chosen),
            "accounts": accounts,
            "expires_at": expires_at.isoformat() if expires_at else None,
        },
    )
    services.journal.record(session, event, now=now)
    return NewCredential(key_id, mac_key, institution.ruc, chosen)


def list_credentials(
    session: Session,
    *,
    institution_ruc: str | None = None,
    key_ids: Collection[str] | None = None,
    limit: int = 500,
) -> list[CredentialView]:
    """Return the newest credentials. :param key_ids: these alone."""
    opened = select(func.count()).where(Account.credential_id == Credential.id).scalar_subquery()
    joined = select(func.max(Account.created_at)).where(Account.credential_id == Credential.id).scalar_subquery()
    ordered = (
        select(func.max(Order.created_at))
        .join(Account, Account.id == Order.account_id)
        .where(Account.credential_id == Credential.id)
        .scalar_subquery()
    )
    query = select(Credential, opened, joined, ordered).order_by(Credential.created_at.desc(), Credential.id.desc())
    if institution_ruc is not None:
        query = query.where(Credential.institution_ruc == institution_ruc)
    if key_ids is not None:
        query = query.where(Credential.id.in_(key_ids))
    return [
        CredentialView(
            key_id=row.id,
            institution_ruc=row.institution_ruc,
            domains=tuple(row.domains),
            accounts=accounts,
            accounts_left=row.accounts_left,
            created_at=row.created_at,
            created_by=row.created_by,
            expires_at=row.expires_at,
            revoked_at=row.revoked_at,
            last_used_at=max((at for at in (opened_at, ordered_at) if at), default=None),
        )
        for row, accounts, opened_at, ordered_at in session.execute(query.limit(limit))
    ]


def find_credential(session: Session, key_id: str) -> CredentialView:
    """Return the credential. :raises NotFound: ``unknown_acme_credential``."""
    for found in list_credentials(session, key_ids=(key_id,), limit=1):
        return found
    raise NotFound("There is no such credential.", code="unknown_acme_credential")


def revoke_credential(session: Session, *, services: CaServices, key_id: str, actor: str, now: datetime) -> int:
    """Withdraw a credential and close the accounts opened with it; return how many. Certificates stay as they are.

    :raises NotFound: ``unknown_acme_credential``. :raises Conflict: ``acme_credential_revoked``.
    """
    changed = session.execute(
        update(Credential)
        .where(Credential.id == key_id, Credential.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(Credential.institution_ruc)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    if changed is None:
        if session.get(Credential, key_id) is None:
            raise NotFound("There is no such credential.", code="unknown_acme_credential")
        raise Conflict("The credential was withdrawn before.", code="acme_credential_revoked")
    closed = session.scalars(
        update(Account)
        .where(Account.credential_id == key_id, Account.status == VALID)
        .values(status=CLOSED_BY_OPERATOR, closed_at=now)
        .returning(Account.id)
        .execution_options(synchronize_session=False)
    ).all()
    event = Event(
        type=EventType.ACME_CREDENTIAL_REVOKED,
        actor=actor,
        object_id=key_id,
        details={"institution_ruc": changed, "accounts_closed": list(closed)},
    )
    services.journal.record(session, event, now=now)
    return len(closed)


def open_mac_key(services: CaServices, row: Credential) -> str:
    """Return a credential's MAC key, base64url, for checking a binding."""
    return b64url(_sealer(services).open(row.key_sealed, bound_to=row.id))


def _sealer(services: CaServices) -> Sealer:
    return Sealer(services.sealing_secret, _PURPOSE)
