"""What an answer of another provider is worth: a login, or an account that is linked; never more than was declared.

Who comes is known by the link with the provider's ``sub``. A link is made in two ways alone: the provider's claim with
the cédula, if the operator declared it verified there; or the person himself, who is logged in here. Equal mail
addresses link nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NoReturn

from joserfc.jwk import KeySet
from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.accounts.identity import parse_cedula, parse_name
from idp.accounts.person import VERIFIED_LEVEL, Person, add_person, find_person_by_cedula, hold_person
from idp.authentication.assurance import ACR_2FA, AMR_FEDERATED, AMR_MULTIPLE
from idp.authentication.browser_session import find_browser_session
from idp.authentication.interaction import load_interaction, note_password_verified
from idp.authentication.login import OpenedSession, open_session
from idp.authentication.second_factor_kinds import has_second_factor
from idp.broker.id_token import verify_upstream_id_token
from idp.broker.keys import verify_by_published_keys
from idp.broker.model import UpstreamLinkRow
from idp.broker.provider import Provider, strength_of
from idp.broker.request import UsedRequest, redeem, use_request
from idp.broker.unavailable import UpstreamUnavailableError
from idp.broker.upstream_session import rest_on_upstream
from idp.broker.userinfo import groups_in, with_userinfo
from idp.protocol.jose import JwtError
from idp.rights.groups.arrival import arrive
from idp.rights.groups.follow import follow_groups
from idp.services import IdpServices
from kernel.errors import Conflict, Denied, Rejected, ServiceError
from kernel.identifiers import new_id


@dataclass(frozen=True)
class SignedIn:
    """What came of an answer. :ivar interaction_id: the login to go on with, None when an account was linked."""

    interaction_id: str | None
    opened: OpenedSession | None


def take_answer(
    services: IdpServices,
    *,
    provider: Provider,
    parameters: Mapping[str, str],
    browser_secret: str | None,
    session_secret: str | None,
    device_secret: str | None,
    now: datetime,
) -> SignedIn:
    """Take what the browser brought back from the provider. Every refusal is on record.

    :raises ServiceError: as :func:`idp.broker.request.use_request`; ``upstream_refused`` (it said no),
        ``upstream_unavailable``, ``upstream_answer_wrong``, and those of the link.
    """
    with services.database.transaction() as session:
        try:
            used = use_request(
                session,
                services=services,
                provider=provider,
                state=parameters.get("state", ""),
                issuer=parameters.get("iss"),
                browser_secret=browser_secret,
                now=now,
            )
            if "error" in parameters or not parameters.get("code"):
                raise Denied("The institution let nobody in.", code="upstream_refused")
        except ServiceError as error:
            _refuse(session, services, provider, error, now=now)
    try:
        with services.upstream_bounds.asking(provider.id, now=now):
            claims, id_token = _claims(services, provider, used, code=parameters["code"], now=now)
    except (JwtError, UpstreamUnavailableError) as error:
        told = error if isinstance(error, UpstreamUnavailableError) else _wrong(error)
        with services.database.transaction() as session:
            _refuse(session, services, provider, told, why=error.reason, now=now)
    with services.database.transaction() as session:
        try:
            if used.person_id is not None:
                _link_own(session, services, provider, used.person_id, claims, session_secret=session_secret, now=now)
                return SignedIn(None, None)
            person_id = _person_of(session, services, provider, claims, now=now)
            if not hold_person(session, person_id).is_active:
                raise Denied("The account is closed.", code="upstream_person_unknown")
            _note_work(session, services, provider, person_id, claims, now=now)
            assert used.interaction_id is not None
            return _log_in(
                session,
                services,
                provider,
                person_id,
                claims,
                id_token=id_token,
                interaction_id=used.interaction_id,
                browser_secret=browser_secret,
                session_secret=session_secret,
                device_secret=device_secret,
                now=now,
            )
        except ServiceError as error:
            _refuse(session, services, provider, error, now=now)


def _claims(
    services: IdpServices, provider: Provider, used: UsedRequest, *, code: str, now: datetime
) -> tuple[Mapping[str, Any], str]:
    """Return what the provider says of the person, and its ID token."""
    id_token, access_token = redeem(services, provider, code=code, verifier=used.verifier, now=now)

    def verify(keys: KeySet) -> Mapping[str, Any]:
        return verify_upstream_id_token(
            id_token, keys=keys, provider=provider, nonce=used.nonce, access_token=access_token, now=now
        )

    claims = verify_by_published_keys(services, provider, verify)
    if claims is None:
        raise UpstreamUnavailableError("no_keys")
    return with_userinfo(services, provider, claims, access_token=access_token), id_token


def _log_in(
    session: Session,
    services: IdpServices,
    provider: Provider,
    person_id: str,
    claims: Mapping[str, Any],
    *,
    id_token: str,
    interaction_id: str,
    browser_secret: str | None,
    session_secret: str | None,
    device_secret: str | None,
    now: datetime,
) -> SignedIn:
    interaction = load_interaction(session, interaction_id=interaction_id, browser_secret=browser_secret, now=now)
    strong = strength_of(provider, claims) == ACR_2FA
    _record(session, services, EventType.UPSTREAM_VERIFIED, provider, person_id, now=now)
    if not strong and has_second_factor(session, person_id):
        note_password_verified(session, interaction_id=interaction.id, person_id=person_id, now=now)
        rest_on_upstream(
            session,
            services=services,
            sid=interaction.id,
            provider=provider,
            person_id=person_id,
            claims=claims,
            id_token=id_token,
            now=now,
        )
        return SignedIn(interaction.id, None)
    opened = open_session(
        session,
        services=services,
        person_id=person_id,
        amr=[AMR_FEDERATED, AMR_MULTIPLE] if strong else [AMR_FEDERATED],
        session_secret=session_secret,
        device_secret=device_secret,
        interaction=interaction,
        now=now,
    )
    rest_on_upstream(
        session,
        services=services,
        sid=opened.session.sid,
        provider=provider,
        person_id=person_id,
        claims=claims,
        id_token=id_token,
        now=now,
    )
    return SignedIn(interaction.id, opened)


def _note_work(
    session: Session,
    services: IdpServices,
    provider: Provider,
    person_id: str,
    claims: Mapping[str, Any],
    *,
    now: datetime,
) -> None:
    """Who signs in through an institution's provider works there, with what the provider's groups are worth."""
    lifetime = timedelta(days=services.settings.provider_belonging_days)
    arrive(session, services=services, source=provider.source, person_id=person_id, lifetime=lifetime, now=now)
    follow_groups(
        session,
        services=services,
        source=provider.source,
        person_id=person_id,
        groups=groups_in(provider, claims) if provider.groups_claim else (),
        logged_in_at=now,
        now=now,
    )


def _person_of(
    session: Session, services: IdpServices, provider: Provider, claims: Mapping[str, Any], *, now: datetime
) -> str:
    link = _link_of_subject(session, provider, claims["sub"])
    cedula = _cedula(provider, claims)
    if link is not None:
        if cedula and hold_person(session, link.person_id).cedula != cedula:
            raise Denied("The provider gave the account to another person.", code="upstream_cedula_differs")
        link.last_login_at = now
        return link.person_id
    if not cedula:
        raise Denied("Nobody here is linked with this account.", code="upstream_not_linked")
    person = find_person_by_cedula(session, cedula)
    if person is None:
        person = _new_person(session, services, provider, cedula, claims, now=now)
    elif min(person.level, VERIFIED_LEVEL) > provider.level:
        raise Denied("This account's identity was checked better than there.", code="upstream_not_linked")
    _add_link(session, services, provider, person.id, claims["sub"], now=now)
    return person.id


def _link_own(
    session: Session,
    services: IdpServices,
    provider: Provider,
    person_id: str,
    claims: Mapping[str, Any],
    *,
    session_secret: str | None,
    now: datetime,
) -> None:
    current = find_browser_session(session, secret=session_secret, now=now)
    if current is None or current.person_id != person_id:
        raise Denied("Somebody else is logged in by now.", code="upstream_foreign")
    cedula = _cedula(provider, claims)
    if cedula and hold_person(session, person_id).cedula != cedula:
        raise Denied("The account there is another person's.", code="upstream_cedula_differs")
    link = _link_of_subject(session, provider, claims["sub"])
    if link is None:
        _add_link(session, services, provider, person_id, claims["sub"], now=now)
    elif link.person_id != person_id:
        raise Conflict("Another person is linked with this account.", code="upstream_linked_elsewhere")


def _add_link(
    session: Session, services: IdpServices, provider: Provider, person_id: str, subject: str, *, now: datetime
) -> None:
    taken = select(UpstreamLinkRow.id).where(
        UpstreamLinkRow.provider_id == provider.id, UpstreamLinkRow.person_id == person_id
    )
    if session.scalar(taken) is not None:
        raise Conflict("This person has another account there.", code="upstream_linked_elsewhere")
    session.add(
        UpstreamLinkRow(
            id=new_id(),
            provider_id=provider.id,
            person_id=person_id,
            upstream_subject=subject,
            linked_at=now,
            last_login_at=now,
        )
    )
    _record(session, services, EventType.UPSTREAM_LINKED, provider, person_id, now=now)


def _new_person(
    session: Session,
    services: IdpServices,
    provider: Provider,
    cedula: str,
    claims: Mapping[str, Any],
    *,
    now: datetime,
) -> Person:
    if not provider.creates_people:
        raise Denied("Nobody with this cédula has an account here.", code="upstream_person_unknown")
    try:
        given_names = parse_name(str(claims.get("given_name", "")))
        surnames = parse_name(str(claims.get("family_name", "")))
    except Rejected as error:
        raise Denied("The provider names nobody.", code="upstream_person_unknown") from error
    return add_person(
        session,
        journal=services.journal,
        cedula=cedula,
        given_names=given_names,
        surnames=surnames,
        email="",
        level=provider.level,
        method="provider",
        now=now,
    )


def _link_of_subject(session: Session, provider: Provider, subject: str) -> UpstreamLinkRow | None:
    return session.scalars(
        select(UpstreamLinkRow).where(
            UpstreamLinkRow.provider_id == provider.id, UpstreamLinkRow.upstream_subject == subject
        )
    ).one_or_none()


def _cedula(provider: Provider, claims: Mapping[str, Any]) -> str:
    value = claims.get(provider.cedula_claim) if provider.cedula_claim else None
    try:
        return parse_cedula(value) if isinstance(value, str) else ""
    except Rejected:
        return ""


def _wrong(error: JwtError) -> Denied:
    return Denied("The institution's answer proves nothing.", code="upstream_answer_wrong")


def _record(
    session: Session, services: IdpServices, kind: EventType, provider: Provider, person_id: str, *, now: datetime
) -> None:
    event = Event(type=kind, subject=person_id, object_id=provider.id, details={"provider": provider.name})
    services.journal.record(session, event, now=now)


def _refuse(
    session: Session, services: IdpServices, provider: Provider, error: ServiceError, *, why: str = "", now: datetime
) -> NoReturn:
    event = Event(
        type=EventType.UPSTREAM_VERIFIED,
        outcome=Outcome.REFUSED,
        reason=error.code,
        object_id=provider.id,
        details={"provider": provider.name, "why": why or None},
    )
    services.journal.refuse(session, event, error, now=now)
