"""Orders, authorizations and challenges as clients see them (RFC 8555 §7.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from ca.acme.addresses import Addresses
from ca.acme.challenge import offered_types
from ca.acme.model import Authorization
from ca.acme.state import EXPIRED, INVALID, PENDING, PROCESSING, READY, VALID


@dataclass(frozen=True)
class OrderView:
    """An order. :ivar status: as of the moment that it was read at."""

    id: str
    account_id: str
    status: str
    profile: str | None
    names: tuple[str, ...]
    replaces: str | None
    problem: Mapping[str, Any] | None
    serial: str | None
    expires_at: datetime
    authorizations: tuple[str, ...]

    def to_json(self, addresses: Addresses) -> dict[str, Any]:
        """Return the order object (§7.1.3; ``replaces``: RFC 9773 §5)."""
        document: dict[str, Any] = {
            "status": self.status,
            "expires": timestamp(self.expires_at),
            "identifiers": [{"type": "dns", "value": name} for name in self.names],
            "authorizations": [addresses.authorization(each) for each in self.authorizations],
            "finalize": addresses.finalize(self.id),
        }
        if self.problem is not None:
            document["error"] = dict(self.problem)
        if self.status == VALID and self.serial is not None:
            document["certificate"] = addresses.certificate(self.serial)
        if self.replaces is not None:
            document["replaces"] = self.replaces
        if self.profile is not None:
            document["profile"] = self.profile
        return document


@dataclass(frozen=True)
class ChallengeView:
    """One way to prove control of an authorization's name."""

    authorization_id: str
    type: str
    status: str
    token: str
    validated_at: datetime | None
    problem: Mapping[str, Any] | None

    def to_json(self, addresses: Addresses) -> dict[str, Any]:
        """Return the challenge object (§7.1.5, §8)."""
        document: dict[str, Any] = {
            "type": self.type,
            "url": addresses.challenge(self.authorization_id, self.type),
            "status": self.status,
            "token": self.token,
        }
        if self.validated_at is not None:
            document["validated"] = timestamp(self.validated_at)
        if self.problem is not None:
            document["error"] = dict(self.problem)
        return document


@dataclass(frozen=True)
class AuthorizationView:
    """An authorization. :ivar in_progress: whether a chosen challenge is being looked at."""

    id: str
    status: str
    name: str
    wildcard: bool
    expires_at: datetime
    challenges: tuple[ChallengeView, ...]
    in_progress: bool

    def to_json(self, addresses: Addresses) -> dict[str, Any]:
        """Return the authorization object (§7.1.4)."""
        document: dict[str, Any] = {
            "status": self.status,
            "expires": timestamp(self.expires_at),
            "identifier": {"type": "dns", "value": self.name},
            "challenges": [challenge.to_json(addresses) for challenge in self.challenges],
        }
        return document | ({"wildcard": True} if self.wildcard else {})


class OrderRow(Protocol):
    """An order's columns, of a stored row or one that is being written."""

    id: Any
    account_id: Any
    status: Any
    profile: Any
    profile_named: Any
    names: Any
    replaces: Any
    problem: Any
    serial: Any
    expires_at: Any


def view_order(row: OrderRow, authorizations: Sequence[str], *, now: datetime) -> OrderView:
    """Return the order as it stands at ``now``."""
    overdue = row.status in (PENDING, READY) and row.expires_at <= now
    return OrderView(
        id=row.id,
        account_id=row.account_id,
        status=INVALID if overdue else row.status,
        profile=row.profile if row.profile_named else None,
        names=tuple(row.names),
        replaces=row.replaces,
        problem=row.problem,
        serial=row.serial,
        expires_at=row.expires_at,
        authorizations=tuple(authorizations),
    )


def view_authorization(row: Authorization, *, now: datetime) -> AuthorizationView:
    """Return the authorization as it stands at ``now``, with the challenges that still say something (§7.1.6)."""
    status = EXPIRED if row.status in (PENDING, VALID) and row.expires_at <= now else row.status
    types = offered_types(wildcard=row.wildcard)
    if row.tried is not None and row.status != PENDING:
        types = (row.tried,)
    return AuthorizationView(
        id=row.id,
        status=status,
        name=row.name,
        wildcard=row.wildcard,
        expires_at=row.expires_at,
        challenges=tuple(view_challenge(row, each) for each in types),
        in_progress=row.status == PENDING and row.tried is not None,
    )


def view_challenge(row: Authorization, challenge_type: str) -> ChallengeView:
    """Return the challenge of that type."""
    chosen = row.tried == challenge_type
    status = PENDING
    if chosen:
        status = {PENDING: PROCESSING, VALID: VALID}.get(row.status, INVALID)
    return ChallengeView(
        authorization_id=row.id,
        type=challenge_type,
        status=status,
        token=row.challenge,
        validated_at=row.validated_at if chosen else None,
        problem=row.problem if chosen else None,
    )


def timestamp(moment: datetime) -> str:
    """Return a moment as RFC 3339 text, whole seconds, in UTC."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
