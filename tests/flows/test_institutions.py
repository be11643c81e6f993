"""Public servants in a real browser: by their institution's directory, and by its own provider, a second one of ours.

The directory is OpenLDAP; the second provider answers over TLS under an authority that only the operator names.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from werkzeug.serving import make_server

from composition import Composition
from idp.accounts.person import add_person
from idp.authentication.password import hash_password, store_password
from idp.broker.register import WantedProvider, add_provider, discover
from idp.clients.register import register_client
from idp.clients.registration.client_registration import ClientRegistration
from idp.directories.register import Wanted, add_directory, directory_wanted
from idp.directory.institutions import add_institution
from idp.tokens.key_rotation import ensure_signing_keys
from kernel.secret_text import SecretText
from kernel.settings import Settings, load_settings
from tests import made_once
from tests.servers.process import free_ports
from tests.servers.slapd import BASE, SEARCHER, SEARCHER_PASSWORD, Slapd, run_slapd
from tests.servers.slapd import PASSWORD as INSTITUTIONS_PASSWORD
from tests.servers.sqlite import copy_template
from tests.servers.tls import write_localhost_certificate
from tests.web.inspection import problems_of
from wsgi import create_app

PASSWORD = "mandarina-tren-lluvia-31"
CEDULA = "1710034065"
RUC = "1760013210001"
pytestmark = [pytest.mark.browser, pytest.mark.server, pytest.mark.slow]


@dataclass(frozen=True)
class Place:
    """A service at a real address."""

    origin: str
    composition: Composition


@contextmanager
def served(settings: Settings, *, port: int, tls: tuple[Path, Path] | None = None) -> Iterator[Place]:
    """Serve a whole provider with one citizen."""
    composition = Composition(settings)
    services, now = composition.idp, datetime.now(UTC)
    phc = hash_password(SecretText(PASSWORD))
    with composition.database.transaction() as session:
        ensure_signing_keys(session, services, now=now)
        person = add_person(
            session,
            journal=services.journal,
            cedula=CEDULA,
            given_names="Ana María",
            surnames="Quispe Toapanta",
            email="ana@correo.test",
            email_verified=True,
            now=now,
        )
        store_password(session, journal=services.journal, person_id=person.id, phc=phc, reason="operator", now=now)
        add_institution(
            session,
            journal=services.journal,
            ruc=RUC,
            name="Ministerio de Salud Pública",
            domains=["salud.gob.ec"],
            now=now,
        )
    server = make_server(
        "127.0.0.1", port, create_app(composition), threaded=True, ssl_context=tls and tuple(map(str, tls))
    )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Place(settings.issuer, composition)
    finally:
        server.shutdown()
        thread.join()
        composition.database.dispose()


@pytest.fixture
def places(tmp_path: Path, sqlite_template: Path, kept_home: Path) -> Iterator[tuple[Place, Place, Slapd]]:
    """This service, the ministry's own provider, and the ministry's directory; each knows the others."""
    port = free_ports(2)
    certificate = write_localhost_certificate(tmp_path)
    with ExitStack() as stack:
        here, there = (
            stack.enter_context(
                served(
                    _settings(tmp_path / name, sqlite_template, kept_home, issuer=origin, ca=certificate[0]),
                    port=at,
                    tls=tls,
                )
            )
            for name, at, origin, tls in (
                ("here", port, f"http://localhost:{port}", None),
                ("there", port + 1, f"https://localhost:{port + 1}", certificate),
            )
        )
        folder = tmp_path / "slapd"
        folder.mkdir()
        slapd = stack.enter_context(run_slapd(folder))
        _introduce(here, there, slapd)
        yield here, there, slapd


def _settings(home: Path, template: Path, kept: Path, *, issuer: str, ca: Path) -> Settings:
    made_once.copy_home(home, kept)
    settings = load_settings(
        {
            "SAU_HOME": str(home),
            "SAU_DATABASE_URL": copy_template(template, home / "sau.sqlite"),
            "SAU_ISSUER": issuer,
            "SAU_OUTGOING_CA_FILE": str(ca),
        }
    )
    return settings.model_copy(update={"outgoing_networks": (ip_network("127.0.0.0/8"), ip_network("::1/128"))})


def _introduce(here: Place, there: Place, slapd: Slapd) -> None:
    now = datetime.now(UTC)
    with there.composition.database.transaction() as session:
        registered = register_client(
            session,
            journal=there.composition.journal,
            registration=ClientRegistration.parse(
                {
                    "client_name": "SAU",
                    "redirect_uris": [f"{here.origin}/broker/salud/callback"],
                    "post_logout_redirect_uris": [f"{here.origin}/broker/salud/logged-out"],
                    "scope": "openid profile email",
                }
            ),
            sealing_secret=there.composition.sealing_secret,
            now=now,
        )
    assert registered.secret
    services = here.composition.idp
    discovered = discover(services, there.origin)
    provider = WantedProvider(
        name="salud",
        title="Ministerio de Salud Pública",
        ruc=RUC,
        issuer=there.origin,
        client_id=registered.client.client_id,
        secret=registered.secret,
        domains=["salud.gob.ec"],
        strengths={},
        groups_claim="groups",  # which it tells nowhere: it is asked at UserInfo each time
        logs_out_there=True,
    )
    directory = Wanted(
        name="salud",
        ruc=RUC,
        domains=["salud.gob.ec"],
        urls=[slapd.start_tls_url],
        kind="ldap",
        search_base=BASE,
        attributes={},
        ca_pem=slapd.ca.read_text(),
        bind_dn=SEARCHER,
        password=SecretText(SEARCHER_PASSWORD),
        creates_people=True,
        level=2,
    )
    with here.composition.database.transaction() as session:
        add_provider(session, services=services, wanted=provider, discovered=discovered, now=now)
        made, _ = directory_wanted(services, session, directory)
        add_directory(session, services=services, directory=made, now=now)


@contextmanager
def _visitor(browser: Browser) -> Iterator[Page]:
    with browser.new_context(
        bypass_csp=True, locale="es-EC", reduced_motion="reduce", ignore_https_errors=True
    ) as context:
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.set_viewport_size({"width": 1280, "height": 900})
        yield page


def check(page: Page, name: str) -> None:
    """Nothing is wrong with the page: see :mod:`tests.web.inspection`."""
    assert problems_of(page, name) == []


def _type(page: Page, username: str, password: str) -> None:
    page.fill("#username", username)
    page.fill("#password", password)
    page.click("#submit")


def test_by_the_directory_and_by_the_provider(browser: Browser, places: tuple[Place, Place, Slapd]) -> None:
    """Both journeys, page by page; the people are two."""
    here, there, _ = places
    with _visitor(browser) as page:
        page.goto(f"{here.origin}/login")
        check(page, "institution-login")
        _type(page, "rchimbo@salud.gob.ec", "otra-cosa-larga")
        _type(page, "rchimbo@salud.gob.ec", INSTITUTIONS_PASSWORD)
        page.wait_for_url("**/account")
        assert "Rosa Elena" in page.content()
    with _visitor(browser) as page:
        page.goto(f"{here.origin}/login")
        _type(page, CEDULA, PASSWORD)
        page.wait_for_url("**/account")
        page.goto(f"{here.origin}/account/institutions")
        check(page, "institution-account")
        page.click("#link-salud")
        page.wait_for_url(f"{there.origin}/login/**")
        _type(page, CEDULA, PASSWORD)
        page.click("#allow")
        page.wait_for_url(f"{here.origin}/account/institutions?linked=1")
        page.context.clear_cookies(name="sau_session")
        page.goto(f"{here.origin}/login")
        page.click("#institution")
        check(page, "institution-choose")
        page.fill("#q", "zzz")
        page.click("#search")
        assert "No encontramos" in page.content()
        page.fill("#q", "ana@salud.gob.ec")
        page.click("#search")
        page.click("#to-salud")
        page.wait_for_url(f"{here.origin}/account")
        assert "Ana María" in page.content()
        page.goto(f"{here.origin}/logout")
        page.click("#logout-yes")
        page.wait_for_url(f"{here.origin}/logout/done")
        page.goto(f"{there.origin}/account")
        page.wait_for_url(f"{there.origin}/login/**")
    with _visitor(browser) as page:  # somebody who is known there and not here
        with here.composition.database.transaction() as session:
            from idp.broker.model import UpstreamLinkRow

            session.query(UpstreamLinkRow).delete()
        page.goto(f"{here.origin}/login")
        page.click("#institution")
        page.click("#to-salud")
        page.wait_for_url(f"{there.origin}/login/**")
        _type(page, CEDULA, PASSWORD)
        page.wait_for_url(f"{here.origin}/broker/**")
        assert "todavía no está unida" in page.content()
        check(page, "institution-not-linked")
