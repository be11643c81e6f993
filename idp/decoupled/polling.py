"""The token endpoint's side: a client asks whether a person has decided, and gets the tokens once.

On record stand the redemption, each refusal that ends a request (the first time the client hears of it), and what is
against a rule. A poll that finds nothing decided is one UPDATE and no event: a television asks every five seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NoReturn

from sqlalchemy import BigInteger, case, cast, literal, select, update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.clients.client import Client
from idp.clients.model import ClientRow
from idp.decoupled.model import DecoupledRequestRow
from idp.decoupled.request import Decision
from idp.protocol.errors import TokenError
from idp.protocol.polling import INTERVAL, LONGEST_INTERVAL, SLOWER_BY, TOLERANCE_MILLISECONDS
from idp.protocol.terms import Terms
from idp.services import IdpServices
from idp.simulation.injecting import inject_into_polled_tokens
from idp.tokens.confirmation import Confirmation
from idp.tokens.family import DeadFamilyError, revoke_family, start_family
from idp.tokens.model import TokenFamilyRow
from idp.tokens.target import target_for_person
from idp.tokens.token_set import TokenSet, issue_token_set
from kernel.clock import to_timestamp
from kernel.identifiers import sha256_hex

_PENDING = "The person has not decided yet."
_EARLY = f"Asked too early: wait {SLOWER_BY} seconds longer between two requests."


def poll_for_tokens(
    session: Session,
    *,
    services: IdpServices,
    client: Client,
    grant_type: str,
    secret: str | None,
    resources: Sequence[str],
    confirmation: Confirmation | None,
    now: datetime,
) -> TokenSet:
    """Return the tokens that the person allowed, and use the request up.

    :param client: authenticated; a request of another client is refused.
    :param secret: the device code or ``auth_req_id``.
    :param resources: the API that the access token is for; none: the first that was granted.
    :param confirmation: the key that the tokens are to be bound to.
    :raises TokenError: ``authorization_pending``, ``slow_down``, ``expired_token``, ``access_denied``,
        ``invalid_grant``, ``invalid_request``, ``invalid_target``, ``unauthorized_client``
        (RFC 8628 §3.5, CIBA Core §11).
    """
    refusals = _Refusals(session, services, client, grant_type, now)
    if grant_type not in client.grant_types:
        refusals.refuse("unauthorized_client", TokenError("unauthorized_client", "This client may not use this grant."))
    if secret is None:
        refusals.refuse("no_secret", TokenError("invalid_request", "The code of the request is missing."))
    digest = sha256_hex(secret)
    _answer_while_undecided(session, client, grant_type, digest, now=now)
    won = session.execute(
        update(DecoupledRequestRow)
        .where(
            DecoupledRequestRow.secret_sha256 == digest,
            DecoupledRequestRow.client_id == client.client_id,
            DecoupledRequestRow.grant_type == grant_type,
            DecoupledRequestRow.decision == Decision.ALLOWED.value,
            DecoupledRequestRow.redeemed_at.is_(None),
            DecoupledRequestRow.expires_at > now,
            DecoupledRequestRow.client_id.in_(select(ClientRow.client_id).where(ClientRow.status == "active")),
        )
        .values(redeemed_at=now, notification=None)
        .returning(DecoupledRequestRow.id)
    ).scalar_one_or_none()
    row = session.scalars(
        select(DecoupledRequestRow)
        .where(DecoupledRequestRow.secret_sha256 == digest)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if won is None or row is None:
        _explain(session, refusals, row)
    return _issue(session, refusals, row, resources, confirmation)


def _answer_while_undecided(session: Session, client: Client, grant_type: str, digest: str, *, now: datetime) -> None:
    """One statement finds the request, judges the interval and sets the next; it changes nothing that is decided."""
    now_ms = to_timestamp(now) * 1000 + now.microsecond // 1000
    early = DecoupledRequestRow.next_poll_at_ms > now_ms
    grows = early & (DecoupledRequestRow.poll_interval < LONGEST_INTERVAL)
    interval = case((grows, DecoupledRequestRow.poll_interval + SLOWER_BY), else_=DecoupledRequestRow.poll_interval)
    polled = session.execute(
        update(DecoupledRequestRow)
        .where(
            DecoupledRequestRow.secret_sha256 == digest,
            DecoupledRequestRow.client_id == client.client_id,
            DecoupledRequestRow.grant_type == grant_type,
            DecoupledRequestRow.decision.is_(None),
            DecoupledRequestRow.expires_at > now,
        )
        .values(
            early=early,
            poll_interval=interval,
            next_poll_at_ms=literal(now_ms - TOLERANCE_MILLISECONDS, BigInteger) + 1000 * cast(interval, BigInteger),
        )
        .execution_options(synchronize_session=False)
        .returning(DecoupledRequestRow.early)
    ).scalar_one_or_none()
    if polled is None:
        return
    error = TokenError("slow_down", _EARLY) if polled else TokenError("authorization_pending", _PENDING)
    # The interval, and the client's assertion as used, must stay.
    error.commits = True
    raise error


def _issue(
    session: Session,
    refusals: _Refusals,
    row: DecoupledRequestRow,
    resources: Sequence[str],
    confirmation: Confirmation | None,
) -> TokenSet:
    services, client, now = refusals.services, refusals.client, refusals.now
    assert row.person_id and row.authenticated_at and row.acr is not None and row.amr is not None
    try:
        family = start_family(
            session,
            certificates=services.certificates,
            client=client,
            grant_type=row.grant_type,
            origin_sha256=row.secret_sha256,
            person_id=row.person_id,
            # The session is another device's: a logout there does not turn the television off.
            sid=None,
            scopes=row.granted or (),
            terms=Terms.from_document(row.terms),
            confirmation=confirmation,
            authenticated_at=row.authenticated_at,
            acr=row.acr,
            amr=row.amr,
            session_x5t_s256=row.session_x5t_s256,
            now=now,
        )
    except DeadFamilyError as error:
        refusal = TokenError("invalid_grant", "The authorization is no longer valid.")
        refusals.refuse(error.reason, refusal, row=row)
    try:
        target = target_for_person(
            session, services, client=client, family=family, named=resources, scopes=family.scopes
        )
    except TokenError as error:
        # As with codes: the request is used up, and who asks for what was not granted begins anew.
        revoke_family(session, journal=services.journal, family_id=family.id, reason=error.code, now=now)
        refusals.refuse(error.code, error, row=row)
    event = Event(
        type=EventType.TOKEN_ISSUED,
        subject=family.person_id,
        actor=client.client_id,
        client_id=client.client_id,
        object_id=family.id,
        details={
            "grant_type": row.grant_type,
            "scopes": list(target.scopes),
            "audience": target.identifier,
            "acr": family.acr,
            "request": row.id,
        },
    )
    txn = services.journal.record_with_receipt(session, event, now=now)
    tokens = issue_token_set(
        session,
        services,
        client=client,
        family=family,
        target=target,
        nonce=None,
        txn=txn,
        now=now,
    )
    return inject_into_polled_tokens(session, services, client=client, family_id=family.id, tokens=tokens, now=now)


def _explain(session: Session, refusals: _Refusals, row: DecoupledRequestRow | None) -> NoReturn:
    unknown = TokenError("invalid_grant", "The code of the request is not valid.")
    if row is None or row.grant_type != refusals.grant_type:
        refusals.refuse("unknown_request", unknown)
    if row.client_id != refusals.client.client_id:
        refusals.refuse("other_client", unknown, row=row)
    if row.redeemed_at is not None:
        # As with codes (RFC 6749 §4.1.2): who comes a second time may not be who came first. Of two polls of a client
        # that were under way at once the second finds the tokens just given; only a later one takes them back.
        if (refusals.now - row.redeemed_at).total_seconds() > INTERVAL:
            family_id = session.scalar(select(TokenFamilyRow.id).where(TokenFamilyRow.code_sha256 == row.secret_sha256))
            if family_id is not None:
                journal = refusals.services.journal
                revoke_family(session, journal=journal, family_id=family_id, reason="code_reused", now=refusals.now)
        refusals.refuse("code_reused", unknown, row=row, kind=EventType.TOKEN_REUSED)
    if row.decision in (Decision.DENIED.value, Decision.DISOWNED.value):
        refusals.tell("access_denied", TokenError("access_denied", "The person did not allow it."), row)
    if row.expires_at <= refusals.now:
        refusals.tell("expired_token", TokenError("expired_token", "The request is too old; begin a new one."), row)
    refusals.refuse("client_disabled", unknown, row=row)


class _Refusals:
    """How this poll is refused, on record."""

    def __init__(self, session: Session, services: IdpServices, client: Client, grant_type: str, now: datetime) -> None:
        self.session, self.services, self.client, self.grant_type, self.now = session, services, client, grant_type, now

    def refuse(
        self,
        reason: str,
        error: TokenError,
        *,
        row: DecoupledRequestRow | None = None,
        kind: EventType = EventType.TOKEN_REFUSED,
    ) -> NoReturn:
        """Raise ``error`` with its event."""
        event = Event(
            type=kind,
            outcome=Outcome.REFUSED,
            reason=reason,
            subject=row.person_id if row else None,
            actor=self.client.client_id,
            client_id=self.client.client_id,
            details={"grant_type": self.grant_type, "request": row.id if row else None},
        )
        self.services.journal.refuse(self.session, event, error, now=self.now)

    def tell(self, reason: str, error: TokenError, row: DecoupledRequestRow) -> NoReturn:
        """Raise ``error``; the event is written the first time, however often the client asks."""
        first = self.session.execute(
            update(DecoupledRequestRow)
            .where(DecoupledRequestRow.id == row.id, DecoupledRequestRow.told_at.is_(None))
            .values(told_at=self.now, notification=None)
            .returning(DecoupledRequestRow.id)
        ).scalar_one_or_none()
        if first is not None:
            self.refuse(reason, error, row=row)
        error.commits = True
        raise error
