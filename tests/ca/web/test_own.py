"""The holder's own page: certificate authority, line 18, "the holder can revoke his own at once"."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from audit.model import AuditEvent
from audit.vocabulary import EventType
from ca.issuance.model import Certificate
from composition import Composition
from idp.accounts.person import Person, add_person
from idp.authentication.browser_session import start_browser_session
from tests.ca.hierarchy import Hierarchy, serial_of
from tests.ca.revocation.steps import issue, revoke

PROFILE = "person-authentication"


@pytest.fixture
def person(composition: Composition) -> Person:
    """Somebody with an account."""
    with composition.database.transaction() as session:
        return add_person(
            session,
            journal=composition.journal,
            cedula="1710034065",
            given_names="María José",
            surnames="Ñaupari Güiza",
            email="mj@example.ec",
            level=2,
            now=composition.clock.now(),
        )


@pytest.fixture
def browser(app: Flask, composition: Composition, person: Person) -> FlaskClient:
    """The person's browser, logged in."""
    app.config["WTF_CSRF_ENABLED"] = False
    client = app.test_client()
    with composition.database.transaction() as session:
        _, secret = start_browser_session(
            session, journal=composition.journal, person_id=person.id, amr=("pwd", "otp"), now=composition.clock.now()
        )
    client.set_cookie(composition.ca.signed_in.cookie, secret)
    return client


def reason_of(hierarchy: Hierarchy, serial: str) -> str | None:
    with hierarchy.services.database.reading() as session:
        return session.get_one(Certificate, serial).revocation_reason


def test_a_holder_revokes_his_own_at_once(hierarchy: Hierarchy, browser: FlaskClient, person: Person) -> None:
    """Nobody else is asked; the event names the holder as who did it."""
    serial = serial_of(issue(hierarchy, holder_id=person.id, profile=PROFILE, institution_ruc=None))
    assert f"/pki/own/{serial}/revoke" in browser.get("/pki/own").text
    page = browser.get(f"/pki/own/{serial}/revoke")
    assert 'value="keyCompromise"' in page.text
    assert page.headers["Cache-Control"] == "no-store"
    done = browser.post(f"/pki/own/{serial}/revoke", data={"reason": "keyCompromise"})
    assert (done.status_code, done.headers["Location"]) == (303, "/pki/own?done=1")
    assert reason_of(hierarchy, serial) == "keyCompromise"
    assert serial not in browser.get("/pki/own?done=1").text
    with hierarchy.services.database.reading() as session:
        [actor] = session.scalars(
            select(AuditEvent.actor).where(AuditEvent.type == EventType.CERTIFICATE_REVOKED.value)
        )
    assert actor == person.id


def test_without_a_reason_he_is_asked_again(hierarchy: Hierarchy, browser: FlaskClient, person: Person) -> None:
    """The field says what is missing; nothing is revoked."""
    serial = serial_of(issue(hierarchy, holder_id=person.id, profile=PROFILE))
    for data in ({}, {"reason": "cACompromise"}):
        page = browser.post(f"/pki/own/{serial}/revoke", data=data)
        assert (page.status_code, "Elija un motivo" in page.text) == (422, True)
    assert reason_of(hierarchy, serial) is None


def test_nobody_revokes_another_one_s(hierarchy: Hierarchy, browser: FlaskClient) -> None:
    """Another person's and an institution's certificate look as if they were not there."""
    for holder in ("0" * 26, None):
        serial = serial_of(issue(hierarchy, holder_id=holder, profile=PROFILE))
        assert browser.get(f"/pki/own/{serial}/revoke").status_code == 303
        assert browser.post(f"/pki/own/{serial}/revoke", data={"reason": "superseded"}).status_code == 404
        assert reason_of(hierarchy, serial) is None
    with hierarchy.services.database.reading() as session:
        refused = session.scalars(
            select(AuditEvent.type).where(AuditEvent.type == EventType.CERTIFICATE_REVOCATION_REFUSED.value)
        ).all()
    assert len(refused) == 2


def test_without_a_login_there_is_nothing_to_see(hierarchy: Hierarchy, client: FlaskClient, person: Person) -> None:
    """Only the way to the login."""
    serial = serial_of(issue(hierarchy, holder_id=person.id, profile=PROFILE))
    page = client.get("/pki/own").text
    assert 'href="/login"' in page
    assert serial not in page
    assert client.get(f"/pki/own/{serial}/revoke").status_code == 303
    assert reason_of(hierarchy, serial) is None


def test_what_is_revoked_already_is_as_he_wanted(hierarchy: Hierarchy, browser: FlaskClient, person: Person) -> None:
    """A second press of the button is no error."""
    leaf = issue(hierarchy, holder_id=person.id, profile=PROFILE)
    revoke(hierarchy, leaf, "superseded")
    answer = browser.post(f"/pki/own/{serial_of(leaf)}/revoke", data={"reason": "superseded"})
    assert answer.status_code == 303
    assert reason_of(hierarchy, serial_of(leaf)) == "superseded"
