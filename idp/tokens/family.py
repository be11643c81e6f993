"""Token families: what one authorization gave, alive while everything that it rests on is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

from sqlalchemy import Select, Table, delete, select, update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.journal import Journal
from audit.vocabulary import EventType
from idp.accounts.model import PasswordRow
from idp.accounts.person import Person, find_person
from idp.authentication.assurance import level_in, level_reached
from idp.authentication.browser_session import find_session_by_sid
from idp.clients.client import Client
from idp.clients.environment import misplaced
from idp.consent.consent import find_consent
from idp.ports import Certificates
from idp.protocol.scope import OFFLINE_ACCESS
from idp.protocol.terms import Terms
from idp.tokens.confirmation import Confirmation
from idp.tokens.model import TokenFamilyRow
from kernel.errors import Denied, NotFound
from kernel.identifiers import new_id
from kernel.late_rows import insert_later
from kernel.prefetch import find_row, forget

_TABLE = cast(Table, TokenFamilyRow.__table__)
# A family ends after ninety days whatever happens.
OFFLINE_LIFETIME = timedelta(days=90)
# One without offline access ends with its browser session; where there is none (a television), after an hour.
ONLINE_LIFETIME = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class TokenFamily:
    """All tokens of one authorization; fields as in the table.

    :ivar sid: the browser session in which it was given, if it was given in one.
    :ivar session_x5t_s256: the certificate with which the person had logged in there, if with one.
    """

    id: str
    grant_type: str
    client_id: str
    person_id: str
    sid: str | None
    scopes: tuple[str, ...]
    terms: Terms
    confirmation: Confirmation | None
    session_x5t_s256: str | None
    authenticated_at: datetime
    acr: str
    amr: tuple[str, ...]
    offline: bool
    created_at: datetime
    expires_at: datetime
    revoked: bool


class DeadFamilyError(Denied):
    """What the tokens rest on is gone.

    :ivar reason: which part of it, for the record.
    """

    default_code = "invalid_grant"

    def __init__(self, reason: str) -> None:
        super().__init__("The authorization is no longer valid.")
        self.reason = reason


def start_family(
    session: Session,
    *,
    certificates: Certificates,
    client: Client,
    grant_type: str,
    origin_sha256: str | None,
    person_id: str,
    sid: str | None,
    scopes: Sequence[str],
    terms: Terms,
    confirmation: Confirmation | None,
    authenticated_at: datetime,
    acr: str,
    amr: Sequence[str],
    session_x5t_s256: str | None = None,
    now: datetime,
) -> TokenFamily:
    """Begin the family of an authorization that was just redeemed, after checking all that it rests on.

    :param origin_sha256: digest of what was redeemed, so that a second use of it finds the family.
    :param sid: the browser session in which the person decided; what is not offline access ends with it.
    :param session_x5t_s256: where there is no ``sid``: the certificate that the session of the decision rested on.
    :param confirmation: the key that all its tokens are bound to, refresh tokens of public clients too.
    :raises DeadFamilyError: with the reason; nothing is written then.
    """
    browser_session = find_session_by_sid(session, sid=sid, now=now) if sid is not None else None
    row: dict[str, Any] = {
        "id": new_id(),
        "code_sha256": origin_sha256,
        "grant_type": grant_type,
        "client_id": client.client_id,
        "person_id": person_id,
        "sid": sid,
        "scopes": list(scopes),
        "terms": terms.to_document(),
        "confirmation": confirmation.to_cnf() if confirmation else None,
        "x5t_s256": confirmation.x5t_s256 if confirmation else None,
        "session_x5t_s256": browser_session.x5t_s256 if browser_session else session_x5t_s256,
        "authenticated_at": authenticated_at,
        "acr": acr,
        "amr": list(amr),
        "offline": OFFLINE_ACCESS in scopes,
        "created_at": now,
        "expires_at": now + (OFFLINE_LIFETIME if sid or OFFLINE_ACCESS in scopes else ONLINE_LIFETIME),
        "revoked_at": None,
        "revoked_reason": None,
    }
    family = family_value(SimpleNamespace(**row))
    # A logout, a new password or a closed account between the decision and now hold here too.
    if sid is not None and browser_session is None:
        raise DeadFamilyError("session_ended")
    require_living_family(session, family, certificates=certificates, client=client, now=now)
    insert_later(session, _TABLE, row)
    return family


def find_family(session: Session, family_id: str) -> TokenFamily | None:
    """Return the family, revoked or not, or nothing."""
    row = find_row(session, TokenFamilyRow, family_id, anew=True)
    return family_value(row) if row else None


def require_living_family(
    session: Session, family: TokenFamily, *, certificates: Certificates, client: Client, now: datetime
) -> Person:
    """Return whose tokens these are, after checking all that they rest on.

    Asked at every refresh and at every use here, so that nothing has to be told about a closed account, a new password,
    a withdrawn consent, a logout, a smaller scope or a revoked certificate: it takes effect by itself.

    :raises DeadFamilyError: with the reason.
    """
    if family.revoked:
        raise DeadFamilyError("revoked")
    if family.expires_at <= now:
        raise DeadFamilyError("expired")
    if not client.active or client.client_id != family.client_id:
        raise DeadFamilyError("client_disabled")
    scopes = {*family.scopes, *family.terms.claimed_scopes}
    if not scopes <= set(client.scopes):
        raise DeadFamilyError("scope_removed")
    if not set(family.terms.resources) <= set(client.metadata.resources):
        raise DeadFamilyError("resource_removed")
    bound_to = family.confirmation.x5t_s256 if family.confirmation else None
    for thumbprint in {bound_to, family.session_x5t_s256} - {None}:
        require_standing_certificate(session, certificates, x5t_s256=thumbprint, now=now)
    person = _require_active_person(session, family)
    reason = misplaced(client.environment, is_test=person.is_test)
    if reason is not None:
        raise DeadFamilyError(reason)
    # What was stated of the person when the family began must still be so: a level that was taken back ends it.
    if level_in(family.acr) > level_reached(person.level, family.amr):
        raise DeadFamilyError("level_lowered")
    if family.sid and not family.offline and find_session_by_sid(session, sid=family.sid, now=now) is None:
        raise DeadFamilyError("session_ended")
    if not client.is_console:
        consent = find_consent(session, person_id=family.person_id, client_id=client.client_id)
        if consent is None or not {*scopes, *family.terms.resources} <= set(consent.scopes):
            raise DeadFamilyError("consent_withdrawn")
    return person


def require_standing_certificate(
    session: Session, certificates: Certificates, *, x5t_s256: str | None, now: datetime
) -> None:
    """Check that the certificate that a token rests on still counts, if it rests on one of our authority.

    :raises DeadFamilyError: with the reason, e.g. ``certificate_revoked``.
    """
    if x5t_s256 is None:
        return
    try:
        certificates.require_standing(session, x5t_s256=x5t_s256, now=now)
    except Denied as error:
        raise DeadFamilyError(error.code) from error


def revoke_family(
    session: Session, *, journal: Journal, family_id: str, reason: str, actor: str | None = None, now: datetime
) -> bool:
    """Revoke the family; tell whether this call did it. Revoking a revoked one is no error and no event."""
    revoked = session.execute(
        update(TokenFamilyRow)
        .where(TokenFamilyRow.id == family_id, TokenFamilyRow.revoked_at.is_(None))
        .values(revoked_at=now, revoked_reason=reason)
        .returning(TokenFamilyRow.person_id, TokenFamilyRow.client_id, TokenFamilyRow.sid)
    ).one_or_none()
    if revoked is None:
        return False
    forget(session, TokenFamilyRow, family_id)
    event = Event(
        type=EventType.TOKEN_REVOKED,
        subject=revoked.person_id,
        actor=actor,
        client_id=revoked.client_id,
        session_id=revoked.sid,
        object_id=family_id,
        details={"reason": reason},
    )
    journal.record(session, event, now=now)
    return True


def revoke_session_families(session: Session, *, journal: Journal, sid: str, reason: str, now: datetime) -> int:
    """Revoke what ends with the browser session; return how many families. Offline access stays."""
    chosen = select(TokenFamilyRow.id).where(TokenFamilyRow.sid == sid, TokenFamilyRow.offline.is_(False))
    return _revoke_all(session, journal, chosen.where(TokenFamilyRow.revoked_at.is_(None)), reason, now=now)


def revoke_families_on_certificate(
    session: Session, *, journal: Journal, x5t_s256: str, reason: str, now: datetime
) -> int:
    """Revoke what is bound to the certificate or was given in a session that began with it; return how many."""
    chosen = select(TokenFamilyRow.id).where(
        (TokenFamilyRow.x5t_s256 == x5t_s256) | (TokenFamilyRow.session_x5t_s256 == x5t_s256)
    )
    return _revoke_all(session, journal, chosen.where(TokenFamilyRow.revoked_at.is_(None)), reason, now=now)


def revoke_client_families(
    session: Session, *, journal: Journal, person_id: str, client_id: str, reason: str, now: datetime
) -> int:
    """Revoke all that the application holds of the person; return how many families."""
    chosen = select(TokenFamilyRow.id).where(
        TokenFamilyRow.person_id == person_id, TokenFamilyRow.client_id == client_id
    )
    return _revoke_all(session, journal, chosen.where(TokenFamilyRow.revoked_at.is_(None)), reason, now=now)


def purge_families(session: Session, *, now: datetime) -> int:
    """Delete families that ended by age; their refresh tokens go with them. Return how many."""
    gone = session.execute(delete(TokenFamilyRow).where(TokenFamilyRow.expires_at <= now).returning(TokenFamilyRow.id))
    return len(gone.all())


def family_value(row: Any) -> TokenFamily:
    """Return a row of the table, or what has its attributes, as a value."""
    return TokenFamily(
        id=row.id,
        grant_type=row.grant_type,
        client_id=row.client_id,
        person_id=row.person_id,
        sid=row.sid,
        scopes=tuple(row.scopes),
        terms=Terms.from_document(row.terms),
        confirmation=Confirmation.from_cnf(row.confirmation),
        session_x5t_s256=row.session_x5t_s256,
        authenticated_at=row.authenticated_at,
        acr=row.acr,
        amr=tuple(row.amr),
        offline=row.offline,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked=row.revoked_at is not None,
    )


def _require_active_person(session: Session, family: TokenFamily) -> Person:
    try:
        person = find_person(session, family.person_id)
    except NotFound as error:
        raise DeadFamilyError("unknown_person") from error
    if not person.is_active:
        raise DeadFamilyError("person_disabled")
    password = find_row(session, PasswordRow, person.id, anew=True)
    if password is not None and password.set_at > family.created_at:
        raise DeadFamilyError("password_changed")
    return person


def _revoke_all(session: Session, journal: Journal, chosen: Select[str], reason: str, *, now: datetime) -> int:
    # Sorted: two transactions that revoke the same families lock them in the same order.
    ids = sorted(session.scalars(chosen))
    return sum(revoke_family(session, journal=journal, family_id=family, reason=reason, now=now) for family in ids)
