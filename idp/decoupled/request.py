"""A request that waits for a person on another device: written, found, decided on."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, Self

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from idp.authentication.device import describe_device
from idp.authentication.throttle import network_of_caller
from idp.decoupled.model import DecoupledRequestRow
from idp.protocol.polling import INTERVAL
from idp.protocol.terms import Terms
from idp.protocol.user_code import ALPHABET, LENGTH
from idp.services import IdpServices
from kernel.clock import to_timestamp
from kernel.errors import AlreadyConsumed
from kernel.identifiers import new_id, new_secret, sha256_hex
from kernel.origin import current_origin
from keys.sealing import Sealer, derive_secret

# Kept for a day after its end, so that a late poll hears what became of it.
KEPT_FOR = timedelta(days=1)
# Who allows it in the last moment is not told afterwards that it came too late.
TIME_TO_COLLECT = timedelta(seconds=30)


class Approver(Protocol):
    """Who decides, and what he has proved: a browser session, or a dialogue by telephone (``sid`` is None)."""

    @property
    def person_id(self) -> str: ...
    @property
    def sid(self) -> str | None: ...
    @property
    def acr(self) -> str: ...
    @property
    def amr(self) -> tuple[str, ...]: ...
    @property
    def level(self) -> int: ...
    @property
    def authenticated_at(self) -> datetime: ...
    @property
    def x5t_s256(self) -> str | None: ...


class Decision(StrEnum):
    """What the person said."""

    ALLOWED = "allowed"
    DENIED = "denied"
    DISOWNED = "disowned"  # denied, and it was not he who began it


@dataclass(frozen=True, kw_only=True)
class DecoupledRequest:
    """A request as other modules see it; fields as in the table."""

    id: str
    grant_type: str
    client_id: str
    person_id: str | None
    muted: bool
    scopes: tuple[str, ...]
    terms: Terms
    required_acr: str | None
    binding_message: str | None
    asked_network: str
    asked_device: str
    has_notification: bool
    created_at: datetime
    expires_at: datetime
    decision: Decision | None
    decided_at: datetime | None
    redeemed: bool

    @classmethod
    def of(cls, row: DecoupledRequestRow) -> Self:
        """Return a row as the frozen value."""
        return cls(
            id=row.id,
            grant_type=row.grant_type,
            client_id=row.client_id,
            person_id=row.person_id,
            muted=row.muted,
            scopes=tuple(row.scopes),
            terms=Terms.from_document(row.terms),
            required_acr=row.required_acr,
            binding_message=row.binding_message,
            asked_network=row.asked_network,
            asked_device=row.asked_device,
            has_notification=row.notification is not None,
            created_at=row.created_at,
            expires_at=row.expires_at,
            decision=Decision(row.decision) if row.decision else None,
            decided_at=row.decided_at,
            redeemed=row.redeemed_at is not None,
        )

    def is_waiting(self, now: datetime) -> bool:
        """Whether the person can still decide."""
        return self.decision is None and self.expires_at > now


@dataclass(frozen=True)
class WrittenRequest:
    """A new request, with what only the client (and, for a device, the person in front of it) may know."""

    id: str
    secret: str
    user_code: str | None
    expires_at: datetime

    def __repr__(self) -> str:
        return f"WrittenRequest({self.id!r})"


def write_request(
    session: Session,
    services: IdpServices,
    *,
    grant_type: str,
    client_id: str,
    person_id: str | None,
    scopes: Sequence[str],
    terms: Terms,
    required_acr: str | None,
    lifetime: timedelta,
    with_user_code: bool = False,
    binding_message: str | None = None,
    notification_token: str | None = None,
    muted: bool = False,
    now: datetime,
) -> WrittenRequest:
    """Write a request down and return it with its secret, whose digest alone is kept.

    :param notification_token: the client's, for a ping; sealed together with the secret, which the ping names.
    """
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    request_id, secret, written = new_id(), new_secret(), None
    user_code: str | None = None
    sealed = None
    if notification_token is not None:
        content = f"{notification_token}\n{secret}".encode()
        sealed = notification_sealer(services).seal(content, bound_to=request_id)
    # A code that another request has right now is drawn again; with the room there is, hardly ever.
    while written is None:
        user_code = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH)) if with_user_code else None
        written = session.execute(
            insert(DecoupledRequestRow)
            .values(
                id=request_id,
                grant_type=grant_type,
                secret_sha256=sha256_hex(secret),
                user_code_hmac=user_code_digest(services, user_code) if user_code else None,
                client_id=client_id,
                person_id=person_id,
                muted=muted,
                scopes=list(scopes),
                terms=terms.to_document(),
                required_acr=required_acr,
                binding_message=binding_message,
                asked_network=network_of_caller()[:64],
                asked_device=describe_device(current_origin().user_agent),
                notification=sealed,
                poll_interval=INTERVAL,
                next_poll_at_ms=to_timestamp(now) * 1000,
                early=False,
                created_at=now,
                expires_at=now + lifetime,
            )
            .on_conflict_do_nothing()
            .returning(DecoupledRequestRow.id)
        ).scalar_one_or_none()
    return WrittenRequest(request_id, secret, user_code, now + lifetime)


def find_request(session: Session, request_id: str) -> DecoupledRequest | None:
    """Return the request, whatever became of it, or nothing."""
    row = session.get(DecoupledRequestRow, request_id, populate_existing=True)
    return DecoupledRequest.of(row) if row else None


def find_by_user_code(
    session: Session, services: IdpServices, *, user_code: str, now: datetime
) -> DecoupledRequest | None:
    """Return the request that waits under the (normalised) code, or nothing."""
    row = session.scalars(
        select(DecoupledRequestRow).where(
            DecoupledRequestRow.user_code_hmac == user_code_digest(services, user_code),
            DecoupledRequestRow.decision.is_(None),
            DecoupledRequestRow.expires_at > now,
        )
    ).one_or_none()
    return DecoupledRequest.of(row) if row else None


def decide(
    session: Session,
    *,
    request: DecoupledRequest,
    person_id: str,
    decision: Decision,
    granted: Sequence[str] = (),
    terms: Terms,
    browser_session: Approver,
    acr: str,
    now: datetime,
) -> None:
    """Write the person's decision down: of any number at once one counts, and the user code is used up.

    :param acr: what to state of the login. :param terms: with the institution that the person goes in with.
    :raises AlreadyConsumed: (``request_decided``) if another decision was first, or the request has expired.
    """
    won = session.execute(
        update(DecoupledRequestRow)
        .where(
            DecoupledRequestRow.id == request.id,
            DecoupledRequestRow.decision.is_(None),
            DecoupledRequestRow.expires_at > now,
        )
        .values(
            decision=decision.value,
            decided_at=now,
            person_id=person_id,
            user_code_hmac=None,
            granted=list(granted),
            terms=terms.to_document(),
            expires_at=max(request.expires_at, now + TIME_TO_COLLECT),
            authenticated_at=browser_session.authenticated_at,
            acr=acr,
            amr=list(browser_session.amr),
            session_x5t_s256=browser_session.x5t_s256,
        )
        .returning(DecoupledRequestRow.id)
    ).scalar_one_or_none()
    if won is None:
        raise AlreadyConsumed("This request is decided, or too old.", code="request_decided")


def purge_requests(session: Session, *, now: datetime) -> int:
    """Delete requests that ended a day ago; return how many."""
    gone = session.execute(
        delete(DecoupledRequestRow)
        .where(DecoupledRequestRow.expires_at <= now - KEPT_FOR)
        .returning(DecoupledRequestRow.id)
    )
    return len(gone.all())


def user_code_digest(services: IdpServices, user_code: str) -> str:
    """Return the keyed digest under which a code is found: a plain one could be tried through in minutes."""
    return hmac.digest(derive_secret(services.sealing_secret, "user-code"), user_code.encode(), "sha256").hex()


def notification_sealer(services: IdpServices) -> Sealer:
    """Return what seals notification tokens; they are bound to the request's id."""
    return Sealer(services.sealing_secret, "ciba-notification")
