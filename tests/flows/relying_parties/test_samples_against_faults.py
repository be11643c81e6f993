"""The console's samples against its own simulator of faults: none lets anybody in. By ``make samples``."""

from __future__ import annotations

from pathlib import Path

import pytest

from idp.accounts.model import PersonRow
from idp.clients.client import find_client
from idp.clients.environment import Environment
from idp.clients.model import ClientRow
from idp.simulation.faults import OF_THE_ID_TOKEN, Fault
from idp.simulation.run import start_simulation
from tests.flows.citizens import citizen_of
from tests.flows.form_browser import FormBrowser
from tests.flows.relying_parties.test_samples import registered_at, running, write_sample
from tests.flows.relying_parties.test_spring_sample import LOGIN, running_spring
from tests.flows.trusted_service import TrustedService
from tests.servers.apache import run_apache
from tests.servers.process import free_port

#: Those that an answer in the address and UserInfo in plain JSON can have.
FAULTS = sorted(OF_THE_ID_TOKEN | {Fault.RESPONSE_ISS, Fault.NO_STATE, Fault.USERINFO_SUB, Fault.TOKEN_ERROR})
pytestmark = [pytest.mark.server, pytest.mark.faults]


@pytest.mark.parametrize("name", ["flask", "django", "express"])
def test_a_sample_lets_nobody_in_with_a_fault(trusted: TrustedService, tmp_path: Path, name: str) -> None:
    """Every fault that its login can meet, after a login without one."""
    port = free_port()
    registered = registered_at(trusted, tmp_path, port)
    write_sample(trusted, tmp_path, name, registered["client_id"])
    with running(name, tmp_path, port, trusted, {"CLIENT_SECRET": registered["client_secret"]}):
        taken = taken_in(trusted, registered["client_id"], f"http://localhost:{port}/login", welcome="Hola, ")
    assert not taken, (tmp_path / "log").read_text()[-3000:]


def test_springs_sample_lets_nobody_in_with_a_fault(trusted: TrustedService, tmp_path: Path) -> None:
    """The same of Spring Security."""
    port = free_port()
    registered = registered_at(trusted, tmp_path, port)
    with running_spring(trusted, tmp_path, port, registered):
        login = f"http://localhost:{port}{LOGIN}"
        assert not taken_in(trusted, registered["client_id"], login, welcome="Hola, ")


def test_apaches_sample_lets_nobody_in_with_a_fault(trusted: TrustedService, tmp_path: Path) -> None:
    """The same of mod_auth_openidc as the sample configures it."""
    port = free_port()
    registered = registered_at(trusted, tmp_path, port)
    write_sample(trusted, tmp_path, "apache", registered["client_id"])
    folder = tmp_path / "apache"
    folder.mkdir()
    with run_apache(
        folder,
        port=port,
        issuer=trusted.issuer,
        trust=trusted.trust,
        client_id=registered["client_id"],
        client_secret=registered["client_secret"],
        party=(tmp_path / "sau.conf").read_text().replace("/etc/apache2/error.html", f"{tmp_path}/error.html"),
    ) as apache:
        page = f"{apache.url}/protected/index.html"
        taken = taken_in(trusted, registered["client_id"], page, welcome="OIDC_CLAIM_sub")
    # Of UserInfo that speaks of somebody else it takes nothing, and goes on with what the ID token says.
    assert set(taken) == {Fault.USERINFO_SUB}
    assert "OIDC_CLAIM_name" not in taken[Fault.USERINFO_SUB]


def taken_in(trusted: TrustedService, client_id: str, login: str, *, welcome: str) -> dict[Fault, str]:
    """Return the faults with which the application let its person in, each with the page that it showed.

    :param welcome: stands on the page of whoever is in.
    """
    service, browser = trusted.service, FormBrowser(trust=trusted.trust)
    citizen = citizen_of(service)
    with service.composition() as composed, composed.database.transaction() as session:
        session.get_one(PersonRow, citizen.id).is_test = True
        row = session.get_one(ClientRow, client_id)
        row.environment, row.version = Environment.SANDBOX.value, row.version + 1
    browser.open(login)
    browser.log_in(citizen)
    assert welcome in browser.page.text
    taken = {}
    for fault in FAULTS:
        _forget_the_application(browser)
        with service.composition() as composed, composed.database.transaction() as session:
            start_simulation(
                session,
                services=composed.idp,
                client=find_client(session, client_id),
                fault=fault,
                logins=1,
                minutes=5,
                actor="test",
                now=composed.clock.now(),
            )
        browser.open(login)
        if welcome in browser.page.text:
            taken[fault] = browser.page.text
    return taken


def _forget_the_application(browser: FormBrowser) -> None:
    for cookie in list(browser.session.cookies):
        if cookie.domain.startswith("localhost"):
            browser.session.cookies.clear(cookie.domain, cookie.path, cookie.name)
