"""What rests on a certificate ends with it: at once where it is used, everywhere once the worker has passed it on."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from audit.model import AuditEvent
from ca.issuance.authority import load_authority
from ca.jobs import handlers
from ca.revocation.revoke import CERTIFICATE_REVOKED, revoke_certificate
from ca.serial import serial_text
from composition import Composition
from idp.accounts.person import add_person
from idp.authentication.browser_session import find_browser_session, start_browser_session
from idp.authentication.model import BrowserSessionRow
from idp.clients.client import Client, find_client
from idp.consent.consent import grant_consent
from idp.protocol.terms import Terms
from idp.tokens.confirmation import Confirmation
from idp.tokens.family import (
    DeadFamilyError,
    TokenFamily,
    find_family,
    require_living_family,
    start_family,
)
from kernel.clock import ManualClock
from kernel.identifiers import sha256_hex
from kernel.outbox import run_due
from tests.ca.csr import ec_key
from tests.idp.certificates import HeldCertificate, application_certificate, personal_certificate, revoke
from tests.idp.relying_party import register
from tests.web.test_client_certificate import self_signed

SCOPES = ("openid", "profile", "offline_access")


@pytest.fixture
def person_id(composition: Composition, clock: ManualClock) -> str:
    """A person."""
    with composition.database.transaction() as session:
        return add_person(
            session,
            journal=composition.journal,
            cedula="1710034065",
            given_names="Ana María",
            surnames="Quispe",
            email="ana@correo.test",
            now=clock.now(),
        ).id


@pytest.fixture
def client(composition: Composition) -> Client:
    """An application."""
    with composition.database.reading() as session:
        return find_client(session, register(composition).client_id)


def _family(
    composition: Composition,
    client: Client,
    person_id: str,
    *,
    sid: str | None = None,
    bound_to: HeldCertificate | None = None,
) -> TokenFamily:
    now = composition.clock.now()
    with composition.database.transaction() as session:
        grant_consent(
            session,
            journal=composition.journal,
            person_id=person_id,
            client=client,
            requested=SCOPES,
            chosen=(),
            session_id=sid or "",
            now=now,
        )
        return start_family(
            session,
            certificates=composition.idp.certificates,
            client=client,
            grant_type="authorization_code",
            origin_sha256=None,
            person_id=person_id,
            sid=sid,
            scopes=SCOPES,
            terms=Terms(),
            confirmation=Confirmation(x5t_s256=bound_to.x5t_s256) if bound_to else None,
            authenticated_at=now,
            acr="urn:sau:acr:1fa",
            amr=["pwd"],
            now=now,
        )


def _session(composition: Composition, person_id: str, held: HeldCertificate | None = None) -> tuple[str, str]:
    with composition.database.transaction() as session:
        started, secret = start_browser_session(
            session,
            journal=composition.journal,
            person_id=person_id,
            amr=["pop" if held else "pwd"],
            x5t_s256=held.x5t_s256 if held else None,
            now=composition.clock.now(),
        )
    return started.sid, secret


def _require(composition: Composition, client: Client, family: TokenFamily) -> None:
    with composition.database.reading() as session:
        found = find_family(session, family.id)
        assert found is not None
        require_living_family(
            session, found, certificates=composition.idp.certificates, client=client, now=composition.clock.now()
        )


def _is_revoked(composition: Composition, family: TokenFamily) -> bool:
    with composition.database.reading() as session:
        found = find_family(session, family.id)
        assert found is not None
        return found.revoked


def _work(composition: Composition) -> int:
    passing_on = {CERTIFICATE_REVOKED: handlers(composition.ca)[CERTIFICATE_REVOKED]}
    return run_due(composition.database, passing_on, now=composition.clock.now())


def test_a_bound_token_stops_at_once(composition: Composition, client: Client, person_id: str) -> None:
    """Before any worker has run: the certificate's standing is asked at each use."""
    held = application_certificate(composition, now=composition.clock.now())
    family = _family(composition, client, person_id, bound_to=held)
    _require(composition, client, family)
    revoke(composition, held, now=composition.clock.now())
    with pytest.raises(DeadFamilyError) as caught:
        _require(composition, client, family)
    assert caught.value.reason == "certificate_revoked"


def test_a_token_bound_to_someone_elses_certificate_is_not_ours_to_judge(
    composition: Composition, client: Client, person_id: str
) -> None:
    """RFC 8705 §2.2: applications may sign their certificates themselves."""
    application_certificate(composition, now=composition.clock.now())
    foreign = HeldCertificate(self_signed(), ec_key())
    _require(composition, client, _family(composition, client, person_id, bound_to=foreign))


def test_sessions_and_grants_end_with_the_certificate(composition: Composition, client: Client, person_id: str) -> None:
    """Session begun with it, offline access given in that session, family bound to it; nothing else."""
    now = composition.clock.now()
    mine, applications = (
        personal_certificate(composition, person_id, now=now),
        application_certificate(composition, now=now),
    )
    sid, secret = _session(composition, person_id, mine)
    other_sid, other_secret = _session(composition, person_id)
    given_there = _family(composition, client, person_id, sid=sid)
    given_elsewhere = _family(composition, client, person_id, sid=other_sid)
    bound = _family(composition, client, person_id, bound_to=applications)
    revoke(composition, mine, now=now)
    assert _work(composition) == 1
    with composition.database.reading() as session:
        assert find_browser_session(session, secret=secret, now=now) is None
        assert find_browser_session(session, secret=other_secret, now=now) is not None
        row = session.scalars(select(BrowserSessionRow).where(BrowserSessionRow.sid == sid)).one()
        assert row.end_reason == "certificate_revoked"
    assert _is_revoked(composition, given_there)
    assert not _is_revoked(composition, given_elsewhere)
    assert not _is_revoked(composition, bound)
    revoke(composition, applications, now=now)
    _work(composition)
    assert _is_revoked(composition, bound)


def test_passing_it_on_twice_changes_nothing_more(composition: Composition, client: Client, person_id: str) -> None:
    """The worker may die after the work and before it is noted: at least once, so idempotent."""
    now = composition.clock.now()
    held = personal_certificate(composition, person_id, now=now)
    sid, _ = _session(composition, person_id, held)
    _family(composition, client, person_id, sid=sid)
    revoke(composition, held, now=now)
    [listener] = composition.ca.revocation_listeners
    for _time in range(2):
        listener.certificate_revoked(
            serial=held.serial, certificate_sha256=sha256_hex(held.der), person_id=person_id, reason="superseded"
        )
    assert _work(composition) == 1
    with composition.database.reading() as session:
        kinds = session.scalars(select(AuditEvent.type)).all()
    assert kinds.count("idp:session:ended") == 1
    assert kinds.count("idp:token:revoked") == 1
    assert kinds.count("idp:certificate:withdrawn") == 1


def test_a_revoked_authority_takes_all_below_it_along(composition: Composition, person_id: str) -> None:
    """Whoever has the authority's key can make himself anybody's certificate."""
    now = composition.clock.now()
    held = personal_certificate(composition, person_id, now=now)
    _, secret = _session(composition, person_id, held)
    with composition.database.transaction() as session:
        authority = load_authority(session, "issuing-1")
        revoke_certificate(
            session,
            services=composition.ca,
            serial=serial_text(authority.certificate.serial_number),
            reason="cACompromise",
            actor="command:ana",
            now=now,
        )
    _work(composition)
    with composition.database.reading() as session:
        assert find_browser_session(session, secret=secret, now=now) is None
