"""A test citizen of level 3 in a sandbox: its certificate is simulated there, and nowhere else, and for nobody else."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from admin.applications.people import TestCredentials, make_test_person, new_test_credentials
from composition import Composition
from idp.accounts.model import PersonRow
from idp.authentication.model import BrowserSessionRow
from idp.clients.environment import Environment
from idp.clients.model import ClientRow
from idp.directory.institutions import add_institution
from kernel.settings import Settings
from tests.idp.relying_party import RelyingParty, Visitor, answer_of, events

_SHOWN = "idp:simulated_certificate:shown"
LEVEL_3 = "urn:sau:acr:level3"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A service with a host on which certificates are presented: without one nothing can demand them."""
    return settings.model_copy(update={"mtls_origin": "https://mtls.sau.test"})


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    """A developer's browser."""
    return app.test_client()


def _place(composition: Composition, party: RelyingParty, environment: Environment) -> None:
    with composition.database.transaction() as session:
        client = session.get_one(ClientRow, party.client_id)
        client.environment, client.version = environment.value, client.version + 1


def _citizen(composition: Composition, level: int) -> tuple[str, TestCredentials]:
    credentials, now = new_test_credentials(level), composition.clock.now()
    with composition.database.transaction() as session:
        ruc = f"176001321000{level}"
        institution = add_institution(session, journal=composition.journal, ruc=ruc, name=ruc, domains=[], now=now)
        person = make_test_person(
            session,
            services=composition.idp,
            institution=institution,
            credentials=credentials,
            actor="developer",
            now=now,
        )
    return person.id, credentials


def _begin(browser: FlaskClient, party: RelyingParty, acr: str) -> str:
    """Return the address of a login that asks for a certificate."""
    login = browser.get(party.authorization_url(acr_values=acr)).location
    assert "Ingrese con su certificado" in browser.get(login).text
    return str(login)


def _show(browser: FlaskClient, login: str, credentials: TestCredentials, **changes: str) -> TestResponse:
    token = re.search(r'name="csrf_token" value="([^"]+)"', browser.get(login).text)
    assert token is not None
    form = {"csrf_token": token[1], "username": credentials.passport, "password": credentials.password.reveal()}
    form |= changes
    return browser.post(f"{login}/simulated-certificate", data=form)


@pytest.mark.parametrize("acr", [LEVEL_3, "urn:sau:acr:certificate"])
def test_an_application_in_a_sandbox_is_told_what_it_would_be_told(
    composition: Composition, browser: FlaskClient, party: RelyingParty, acr: str
) -> None:
    """The same acr and amr as of a login with a certificate; on record as a simulation; forgotten in production."""
    _place(composition, party, Environment.SANDBOX)
    person_id, credentials = _citizen(composition, 3)
    login = _begin(browser, party, acr)
    assert "Mostrar el certificado de prueba" in browser.get(login).text
    wrong = _show(browser, login, credentials, password="wrong")
    assert wrong.status_code == 422
    assert _show(browser, login, credentials).location == login
    visitor = Visitor(composition, browser, person_id)
    page = browser.get(browser.get(login).location)
    code = answer_of(visitor.decide(page))["code"]
    tokens = party.exchange(browser, code).json
    assert tokens
    claims = party.claims(tokens["id_token"])
    assert (claims["acr"], claims["amr"]) == (acr, ["pop"])
    assert events(composition, _SHOWN) == [("success", None, party.client_id)]
    assert not events(composition, "idp:certificate:verified"), "nobody is told that there was one"

    _place(composition, party, Environment.PRODUCTION)
    refused = answer_of(browser.get(party.authorization_url(acr_values=acr, prompt="none")))
    assert refused["error"] == "login_required"


def test_no_application_of_production_offers_or_takes_it(
    composition: Composition, browser: FlaskClient, party: RelyingParty
) -> None:
    """The page does not show it, and a form that is sent all the same finds nothing; nor does one of our own pages."""
    _, credentials = _citizen(composition, 3)
    login = _begin(browser, party, LEVEL_3)
    assert "simulated-certificate" not in browser.get(login).text
    assert _show(browser, login, credentials).status_code == 404
    _place(composition, party, Environment.SANDBOX)
    sandbox = _begin(browser, party, LEVEL_3)
    _place(composition, party, Environment.PRODUCTION)  # while somebody is at the page
    assert _show(browser, sandbox, credentials).status_code == 404
    own = browser.get("/login").location
    assert _show(browser, own, credentials).location == own
    assert _sessions(composition) == 0
    assert not events(composition, _SHOWN)


@pytest.mark.parametrize("who", ["a real person of level 3", "a test citizen of level 2"])
def test_nobody_else_has_one(composition: Composition, browser: FlaskClient, party: RelyingParty, who: str) -> None:
    """With the right password too; on record, and no session."""
    _place(composition, party, Environment.SANDBOX)
    person_id, credentials = _citizen(composition, 2 if "test" in who else 3)
    if "real" in who:
        with composition.database.transaction() as session:
            session.get_one(PersonRow, person_id).is_test = False
    refused = _show(browser, _begin(browser, party, LEVEL_3), credentials)
    assert refused.status_code == 422
    assert re.search("personas de prueba de nivel 3", refused.text)
    assert events(composition, _SHOWN) == [("refused", "certificate_missing", party.client_id)]
    assert _sessions(composition) == 0


def _sessions(composition: Composition) -> int:
    with composition.database.reading() as session:
        return session.scalar(select(func.count()).select_from(BrowserSessionRow)) or 0
