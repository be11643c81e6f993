"""Enrolment credentials: made by an operator, shown once, counted, revocable."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType
from ca.enrolment.model import EnrolmentCredential
from ca.requests.names import canonical_dns_name, require_registered
from ca.services import CaServices
from kernel.errors import Denied, NotFound, Rejected
from kernel.identifiers import new_id, new_secret, sha256_hex
from kernel.secret_text import SecretText
from keys.sealing import Sealer

USES_LIMIT = 1000
LONGEST_LIFETIME = timedelta(days=366)
_SEAL = "enrolment-credential"


class Protocol(StrEnum):
    """What a credential opens."""

    EST = "est"
    CMP = "cmp"


@dataclass(frozen=True)
class Credential:
    """What a credential allows, without its secret.

    :ivar id: public: the user name of EST, the reference of CMP.
    :ivar names: the only DNS names that it may ask for; none: every one of the institution.
    :ivar inputs: fields of the profile, decided by the operator.
    """

    id: str
    protocol: Protocol
    institution_ruc: str
    profile: str
    names: tuple[str, ...]
    uses_left: int
    created_by: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    inputs: dict[str, str] = field(default_factory=dict)

    def opens(self, now: datetime) -> bool:
        """Whether its holder is let in at ``now``; a used-up one brings nothing new, but what was asked for before."""
        return self.revoked_at is None and self.expires_at > now


def create_credential(
    session: Session,
    *,
    services: CaServices,
    protocol: Protocol,
    profile: str,
    institution_ruc: str,
    names: Sequence[str] = (),
    inputs: Mapping[str, str] | None = None,
    uses: int = 1,
    lifetime: timedelta = timedelta(days=30),
    actor: str,
    now: datetime,
) -> tuple[Credential, SecretText]:
    """Make a credential and return it with its secret, which is not shown again.

    :raises NotFound: ``unknown_profile``, ``unknown_institution``.
    :raises Rejected: ``profile_not_requestable``, ``bad_enrolment_credential``, ``unknown_input``, and what names
        raise.
    """
    chosen = services.profiles.get(profile)
    if not chosen.by_hand:
        raise Rejected(f"Profile {profile} is the service's own.", code="profile_not_requestable")
    if chosen.is_personal:
        raise Rejected(
            f"Profile {profile} is for people; a credential is for an institution's machines.",
            code="profile_not_requestable",
        )
    institution = services.institutions.find(session, institution_ruc)
    if not 1 <= uses <= USES_LIMIT or not timedelta(0) < lifetime <= LONGEST_LIFETIME:
        raise Rejected(
            f"1 to {USES_LIMIT} uses, within {LONGEST_LIFETIME.days} days at most.", code="bad_enrolment_credential"
        )
    allowed = tuple(canonical_dns_name(name, wildcards=chosen.names.wildcards) for name in names)
    for name in allowed:
        require_registered(name, institution=institution)
    unknown = set(inputs or {}) - {item.name for item in chosen.inputs}
    if unknown:
        raise Rejected(f"This profile has no field {', '.join(sorted(unknown))}.", code="unknown_input")
    secret, credential_id = new_secret(), new_id()
    row = EnrolmentCredential(
        id=credential_id,
        protocol=protocol.value,
        secret_sha256=sha256_hex(secret),
        secret_sealed=_sealer(services).seal(secret.encode(), bound_to=credential_id)
        if protocol is Protocol.CMP
        else None,
        institution_ruc=institution.ruc,
        profile=profile,
        names=list(allowed),
        inputs=dict(inputs or {}),
        uses_left=uses,
        created_by=actor,
        created_at=now,
        expires_at=now + lifetime,
    )
    session.add(row)
    session.flush()
    event = Event(
        type=EventType.ENROLMENT_CREDENTIAL_CREATED,
        actor=actor,
        object_id=row.id,
        details={
            "protocol": row.protocol,
            "institution_ruc": row.institution_ruc,
            "profile": profile,
            "names": row.names,
            "uses": uses,
            "expires_at": row.expires_at.isoformat(),
        },
    )
    services.journal.record(session, event, now=now)
    return _value(row), SecretText(secret)


def find_credential(session: Session, credential_id: str, *, protocol: Protocol, now: datetime) -> Credential:
    """Return the credential if it opens anything now; its secret is still to be checked.

    :raises Denied: (``bad_credential``) unknown, of another protocol, expired or revoked: one answer for all.
    """
    # Whoever calls may have typed anything, and PostgreSQL is not even asked for a text with NUL.
    row = session.get(EnrolmentCredential, credential_id[:26]) if credential_id.isprintable() else None
    if row is None or row.id != credential_id or row.protocol != protocol or not _value(row).opens(now):
        raise Denied("This credential is not accepted.", code="bad_credential")
    return _value(row)


def require_secret(session: Session, credential: Credential, secret: str) -> None:
    """Check the secret of EST. :raises Denied: (``bad_credential``)."""
    row = session.get_one(EnrolmentCredential, credential.id)
    # Digests are compared: how long that takes tells nothing about the secret.
    if row.secret_sha256 != sha256_hex(secret):
        raise Denied("This credential is not accepted.", code="bad_credential")


def shared_secret(session: Session, services: CaServices, credential: Credential) -> SecretText:
    """Return the secret of CMP, with which both sides compute a MAC.

    :raises Denied: (``bad_credential``) none is kept.
    """
    row = session.get_one(EnrolmentCredential, credential.id)
    if row.secret_sealed is None:
        raise Denied("This credential is not accepted.", code="bad_credential")
    return SecretText(_sealer(services).open(row.secret_sealed, bound_to=row.id).decode())


def use_credential(session: Session, credential_id: str, *, now: datetime) -> None:
    """Count one use. :raises Denied: (``credential_used_up``) of any number at once no more than allowed win."""
    row = EnrolmentCredential
    used = session.execute(
        update(row)
        .where(row.id == credential_id, row.uses_left > 0, row.expires_at > now, row.revoked_at.is_(None))
        .values(uses_left=row.uses_left - 1)
        .returning(row.id)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    if used is None:
        raise _used_up()


def require_use_left(session: Session, credential_id: str) -> None:
    """Check that the credential brings something new yet. :raises Denied: (``credential_used_up``)."""
    if session.get_one(EnrolmentCredential, credential_id).uses_left < 1:
        raise _used_up()


def list_credentials(session: Session, *, protocol: Protocol, ids: Collection[str] | None = None) -> list[Credential]:
    """Return the credentials of the protocol, newest first. :param ids: these alone."""
    query = select(EnrolmentCredential).where(EnrolmentCredential.protocol == protocol.value)
    if ids is not None:
        query = query.where(EnrolmentCredential.id.in_(ids))
    return [_value(row) for row in session.scalars(query.order_by(EnrolmentCredential.id.desc()))]


def get_credential(session: Session, credential_id: str, *, protocol: Protocol) -> Credential:
    """Return the credential, whatever became of it. :raises NotFound: ``unknown_enrolment_credential``."""
    row = session.get(EnrolmentCredential, credential_id)
    if row is None or row.protocol != protocol:
        raise NotFound("There is no such credential.", code="unknown_enrolment_credential")
    return _value(row)


def revoke_credential(
    session: Session, *, services: CaServices, credential_id: str, actor: str, now: datetime
) -> Credential:
    """End a credential; certificates stay. :raises NotFound: ``unknown_enrolment_credential``."""
    row = session.get(EnrolmentCredential, credential_id, with_for_update=True)
    if row is None:
        raise NotFound("There is no such credential.", code="unknown_enrolment_credential")
    if row.revoked_at is None:
        row.revoked_at = now
        row.secret_sealed = None
        event = Event(type=EventType.ENROLMENT_CREDENTIAL_REVOKED, actor=actor, object_id=row.id)
        services.journal.record(session, event, now=now)
    return _value(row)


def _used_up() -> Denied:
    return Denied("This credential has brought all its certificates; ask for another.", code="credential_used_up")


def _sealer(services: CaServices) -> Sealer:
    return Sealer(services.keystore.secret("sealing"), _SEAL)


def _value(row: EnrolmentCredential) -> Credential:
    return Credential(
        id=row.id,
        protocol=Protocol(row.protocol),
        institution_ruc=row.institution_ruc,
        profile=row.profile,
        names=tuple(row.names),
        uses_left=row.uses_left,
        created_by=row.created_by,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        inputs=dict(row.inputs),
    )
