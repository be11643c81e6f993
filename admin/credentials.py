"""Credentials of the protocols that servers and machines enrol by, in one form for all three of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy.orm import Session

from admin.permissions import Permission
from admin.roles import Powers
from ca.acme import credential as acme
from ca.acme.register import AccountRecord, list_accounts
from ca.enrolment import credential as enrolment
from ca.enrolment.use import Use, uses_of
from kernel.errors import NotFound


class Kind(StrEnum):
    """The protocol that a credential opens."""

    ACME = "acme"
    EST = "est"
    CMP = "cmp"


@dataclass(frozen=True)
class IssuedCredential:
    """A credential without its secret.

    :ivar profile: what it brings; "" for ACME, whose orders name it.
    :ivar names: the only ones that may be asked for; none: those registered for the institution.
    :ivar used: accounts opened with it (ACME), requests that came by it. :ivar left: how many may still.
    """

    id: str
    kind: Kind
    institution_ruc: str
    profile: str
    names: tuple[str, ...]
    inputs: dict[str, str]
    used: int
    left: int
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None

    def state(self, now: datetime) -> str:
        """Return ``withdrawn``, ``expired``, ``used_up`` or ``open``: whether it still brings something new."""
        if self.revoked_at is not None:
            return "withdrawn"
        if self.expires_at is not None and self.expires_at <= now:
            return "expired"
        return "open" if self.left else "used_up"


def read_issued(session: Session, kind: Kind, ids: Sequence[str]) -> list[IssuedCredential]:
    """Return these credentials of a protocol, in any order."""
    if kind is Kind.ACME:
        return [_of_acme(each) for each in acme.list_credentials(session, key_ids=ids)]
    found = enrolment.list_credentials(session, protocol=enrolment.Protocol(kind.value), ids=ids)
    uses = uses_of(session, found)
    return [_of_enrolment(each, uses.get(each.id)) for each in found]


def find_issued(
    session: Session, kind: Kind, credential_id: str, *, powers: Powers, permission: Permission
) -> IssuedCredential:
    """Return the credential, if ``permission`` reaches its institution.

    :raises NotFound: (``not_found``) there is none, or it is another institution's: that is not even said.
    """
    try:
        found = _find(session, kind, credential_id)
    except NotFound as error:
        raise NotFound("There is nothing here.", code="not_found") from error
    powers.require_institution(permission, found.institution_ruc)
    return found


def _find(session: Session, kind: Kind, credential_id: str) -> IssuedCredential:
    if kind is Kind.ACME:
        return _of_acme(acme.find_credential(session, credential_id))
    held = enrolment.get_credential(session, credential_id, protocol=enrolment.Protocol(kind.value))
    return _of_enrolment(held, uses_of(session, [held]).get(held.id))


def find_account(session: Session, account_id: str, *, powers: Powers, permission: Permission) -> AccountRecord:
    """Return the account, if ``permission`` reaches its institution. :raises NotFound: ``not_found``."""
    for found in list_accounts(session, account_id=account_id, limit=1):
        powers.require_institution(permission, found.institution_ruc)
        return found
    raise NotFound("There is nothing here.", code="not_found")


def _of_acme(found: acme.CredentialView) -> IssuedCredential:
    return IssuedCredential(
        id=found.key_id,
        kind=Kind.ACME,
        institution_ruc=found.institution_ruc,
        profile="",
        names=found.domains,
        inputs={},
        used=found.accounts,
        left=found.accounts_left,
        created_at=found.created_at,
        created_by=found.created_by,
        expires_at=found.expires_at,
        revoked_at=found.revoked_at,
        last_used_at=found.last_used_at,
    )


def _of_enrolment(found: enrolment.Credential, use: Use | None) -> IssuedCredential:
    return IssuedCredential(
        id=found.id,
        kind=Kind(found.protocol.value),
        institution_ruc=found.institution_ruc,
        profile=found.profile,
        names=found.names,
        inputs=found.inputs,
        used=use.requests if use else 0,
        left=found.uses_left,
        created_at=found.created_at,
        created_by=found.created_by,
        expires_at=found.expires_at,
        revoked_at=found.revoked_at,
        last_used_at=use.last_at if use else None,
    )
