"""Logging in with a certificate: what each host believes, and what a forwarded ticket is worth (nothing)."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from datetime import timedelta
from ipaddress import ip_network
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from audit.vocabulary import EventType
from composition import Composition
from idp.accounts.life import disable_person, verify_identity
from idp.accounts.person import Person, find_person
from idp.authentication.assurance import ACR_CERTIFICATE
from idp.authentication.browser_session import find_browser_session
from idp.authentication.interaction import begin_interaction
from idp.authorization.revoked_certificate import LetGoOfCertificate
from idp.levels.evidence import list_evidence, note_certificate
from idp.levels.jobs import lower_levels
from idp.web import mount
from kernel.clock import ManualClock
from kernel.identifiers import b64url_decode
from kernel.settings import Settings
from tests.idp.certificates import HeldCertificate, application_certificate, personal_certificate, revoke
from tests.idp.web_people.conftest import Walker
from tests.web.test_client_certificate import DER as FOREIGN
from web.application import create_app

MTLS = "https://mtls.sau.test"
PROXY = "10.0.0.1"


class TwoHosts(Walker):
    """A browser behind the proxy: cookies by host, and a certificate (or none) shown on the mutual-TLS host."""

    certificate: bytes | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.there = self.app.test_client()

    def at_mtls(self, path: str, data: dict[str, str] | None = None) -> TestResponse:
        """Open a page of the mutual-TLS host, or send its form."""
        headers = {}
        if self.certificate is not None:
            headers["Client-Cert"] = f":{base64.b64encode(self.certificate).decode()}:"
        options: dict[str, Any] = {"base_url": MTLS, "headers": headers, "environ_base": {"REMOTE_ADDR": PROXY}}
        if data is None:
            return self._remember(self.there.get(path, **options))
        return self._remember(self.there.post(path, data={"csrf_token": self.token, **data}, **options))

    def begin(self, login: str) -> str:
        """Press «Ingresar con certificado»; return the ticket."""
        self.get(login)
        answer = self.post(f"{login}/certificate")
        assert answer.status_code == 303, answer.text
        assert answer.location.startswith(f"{MTLS}/certificate?ticket=")
        return parse_qs(urlsplit(answer.location).query)["ticket"][0]

    def present(self, ticket: str) -> TestResponse:
        """Open the page that names the person."""
        return self.at_mtls(f"/certificate?ticket={ticket}")

    def confirm(self, ticket: str, shown: str) -> TestResponse:
        """Press its button."""
        return self.at_mtls("/certificate", {"ticket": ticket, "certificate": shown})

    def present_and_confirm(self, ticket: str, held: HeldCertificate) -> str:
        """Do both and return the path on the main host that follows."""
        self.certificate = held.der
        page = self.present(ticket)
        assert page.status_code == 200, page.text
        answer = self.confirm(ticket, held.x5t_s256)
        assert answer.status_code == 303, answer.text
        assert answer.location.startswith("https://sau.test/login/")
        return answer.location.removeprefix("https://sau.test")

    def get(self, path: str, **kwargs: Any) -> TestResponse:
        return super().get(path, base_url="https://sau.test", **kwargs)

    def post(self, path: str, data: dict[str, str] | None = None, **kwargs: Any) -> TestResponse:
        return super().post(path, data, base_url="https://sau.test", **kwargs)

    def session_secret(self) -> str | None:
        """The session cookie."""
        found = self.client.get_cookie("__Host-sau_session", domain="sau.test")
        return found.value if found else None


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A service with a mutual-TLS host."""
    return settings.model_copy(
        update={
            "issuer": "https://sau.test",
            "mtls_origin": MTLS,
            "trusted_proxies": (ip_network(f"{PROXY}/32"),),
        }
    )


@pytest.fixture
def browser_at(app: Flask) -> TwoHosts:
    """A browser that nobody knows."""
    return TwoHosts(app)


@pytest.fixture
def person(make_person: Callable[..., Person]) -> Person:
    """A person with a password."""
    return make_person()


@pytest.fixture
def held(composition: Composition, person: Person, clock: ManualClock) -> HeldCertificate:
    """The person's certificate."""
    return personal_certificate(composition, person.id, now=clock.now())


def _session_of(composition: Composition, browser: TwoHosts) -> Any:
    with composition.database.reading() as session:
        return find_browser_session(session, secret=browser.session_secret(), now=composition.clock.now())


def test_a_certificate_opens_the_strongest_session(
    composition: Composition, browser_at: TwoHosts, person: Person, held: HeldCertificate, events: Callable[..., Any]
) -> None:
    """The page there names service and person; the session has acr and amr of it and remembers the certificate."""
    login = browser_at.open_login()
    assert "Ingresar con certificado" in browser_at.get(login).text
    ticket = browser_at.begin(login)
    browser_at.certificate = held.der
    page = browser_at.present(ticket)
    assert person.name in page.text
    assert "su cuenta SAU" in page.text
    assert "form-action 'self' https://sau.test" in page.headers["Content-Security-Policy"]
    back = browser_at.present_and_confirm(ticket, held)
    answer = browser_at.get(back)
    assert answer.status_code == 303
    assert answer.location.endswith(login)
    opened = _session_of(composition, browser_at)
    assert (opened.person_id, opened.acr, opened.amr) == (person.id, ACR_CERTIFICATE, ("pop",))
    assert opened.x5t_s256 == held.x5t_s256
    assert browser_at.follow(browser_at.get(login)).status_code == 200
    [event] = events(EventType.CERTIFICATE_VERIFIED)
    assert (event.outcome, event.subject, event.object_id) == ("success", person.id, held.serial)


def test_a_certificate_makes_level_3_of_a_verified_identity_as_long_as_it_stands(
    composition: Composition, browser_at: TwoHosts, person: Person, held: HeldCertificate, clock: ManualClock
) -> None:
    """Once for each certificate; revoked or expired, its holder is back at level 2; one of level 1 is not lifted."""

    def log_in() -> int:
        fresh = TwoHosts(browser_at.app)
        fresh.get(fresh.present_and_confirm(fresh.begin(fresh.open_login()), held))
        with composition.database.reading() as session:
            return find_person(session, person.id).level

    assert [log_in(), log_in()] == [3, 3]
    with composition.database.reading() as session:
        told = [(item.method, item.level) for item in list_evidence(session, person.id, now=clock.now())]
    assert told == [("certificate", 3), ("operator", 2)]
    sha256 = b64url_decode(held.x5t_s256).hex()
    for _ in range(2):
        LetGoOfCertificate(composition.idp).certificate_revoked(
            serial=held.serial, certificate_sha256=sha256, person_id=person.id, reason="key_compromise"
        )
    with composition.database.reading() as session:
        assert find_person(session, person.id).level == 2
    assert log_in() == 3, "the authority says that it stands: only our listener was told otherwise"
    clock.advance(held.certificate.not_valid_after_utc - clock.now() + timedelta(seconds=1))
    lower_levels(composition.idp)
    with composition.database.transaction() as session:
        assert find_person(session, person.id).level == 2
        verify_identity(
            session, services=composition.idp, person_id=person.id, level=1, actor="command", now=clock.now()
        )
        note_certificate(
            session,
            services=composition.idp,
            person_id=person.id,
            serial=held.serial,
            x5t_s256=held.x5t_s256,
            not_after=None,
            now=clock.now(),
        )
        assert find_person(session, person.id).level == 1


def test_a_forwarded_ticket_is_worth_nothing(
    composition: Composition, app: Flask, person: Person, held: HeldCertificate, events: Callable[..., Any]
) -> None:
    """The attacker's ticket, the victim's certificate and yes: the result arrives in the wrong browser and is dead."""
    attacker, victim = TwoHosts(app, address="198.51.100.9"), TwoHosts(app)
    ticket = attacker.begin(attacker.open_login())
    victim.open_login()  # the victim has a binding of its own
    back = victim.present_and_confirm(ticket, held)
    refused = victim.get(back)
    assert refused.status_code == 403
    assert "empezó en otro navegador" in refused.text
    assert victim.session_secret() is None
    assert 'name="password"' in attacker.follow(attacker.get(back)).text
    assert attacker.session_secret() is None
    assert [event.reason for event in events(EventType.CERTIFICATE_VERIFIED)] == ["interaction_foreign"]


def test_a_result_is_for_its_own_login(app: Flask, composition: Composition, held: HeldCertificate) -> None:
    """Nobody is logged in by an address that somebody else prepared (login CSRF)."""
    attacker, victim = TwoHosts(app), TwoHosts(app)
    back = attacker.present_and_confirm(attacker.begin(attacker.open_login()), held)
    victims_login = victim.open_login()
    answer = victim.get(f"{victims_login}/certificate?{urlsplit(back).query}")
    assert answer.status_code == 409
    assert victim.session_secret() is None


@pytest.mark.parametrize("repeat", ["confirm", "finish"])
def test_ticket_and_result_serve_once(browser_at: TwoHosts, held: HeldCertificate, repeat: str) -> None:
    """A second confirmation is refused; a page loaded again in the same browser goes on and opens nothing."""
    login = browser_at.open_login()
    ticket = browser_at.begin(login)
    back = browser_at.present_and_confirm(ticket, held)
    if repeat == "confirm":
        assert browser_at.confirm(ticket, held.x5t_s256).status_code == 409
        return
    browser_at.get(back)
    secret = browser_at.session_secret()
    assert browser_at.get(back).status_code == 303
    assert browser_at.session_secret() == secret


def test_ticket_and_result_are_short_lived(browser_at: TwoHosts, held: HeldCertificate, clock: ManualClock) -> None:
    """Five minutes to find the token; one to come back."""
    login = browser_at.open_login()
    ticket = browser_at.begin(login)
    browser_at.certificate = held.der
    clock.advance(timedelta(minutes=5))
    assert browser_at.present(ticket).status_code == 409
    back = browser_at.present_and_confirm(browser_at.begin(login), held)
    clock.advance(timedelta(minutes=1))
    assert browser_at.get(back).status_code == 409
    assert browser_at.session_secret() is None


def _certificates(composition: Composition, held: HeldCertificate) -> Iterator[tuple[str, bytes | None]]:
    yield "certificate_missing", None
    yield "certificate_unknown", FOREIGN
    yield "certificate_without_person", application_certificate(composition, now=composition.clock.now()).der
    revoke(composition, held, now=composition.clock.now())
    yield "certificate_revoked", held.der


def test_every_wrong_certificate_is_explained_with_another_way(
    composition: Composition, browser_at: TwoHosts, held: HeldCertificate, events: Callable[..., Any]
) -> None:
    """None, a stranger's, an application's, a revoked one: plain words, a way back to the login, an event."""
    login = browser_at.open_login()
    ticket = browser_at.begin(login)
    browser_at.certificate = held.der
    browser_at.present(ticket)
    for code, certificate in _certificates(composition, held):
        browser_at.certificate = certificate
        page = browser_at.present(ticket)
        assert page.status_code == 403, code
        assert f"<code>{code}</code>" in page.text
        assert f'href="https://sau.test{login}"' in page.text
        assert browser_at.confirm(ticket, held.x5t_s256).status_code == 403
        assert {event.reason for event in events(EventType.CERTIFICATE_VERIFIED)} >= {code}


def test_an_expired_certificate_is_explained(
    composition: Composition, browser_at: TwoHosts, held: HeldCertificate, clock: ManualClock
) -> None:
    """nginx passes it on (error_page 495); the service says what is wrong."""
    clock.advance(timedelta(days=731))
    ticket = browser_at.begin(browser_at.open_login())
    browser_at.certificate = held.der
    page = browser_at.present(ticket)
    assert page.status_code == 403
    assert "venció" in page.text


def test_what_changes_between_the_two_hosts_still_counts(
    composition: Composition, browser_at: TwoHosts, person: Person, held: HeldCertificate, clock: ManualClock
) -> None:
    """Revoked, or the account closed, after the yes and before the session."""
    login = browser_at.open_login()
    back = browser_at.present_and_confirm(browser_at.begin(login), held)
    with composition.database.transaction() as session:
        disable_person(session, services=composition.idp, person_id=person.id, actor="desk", now=clock.now())
    assert browser_at.get(back).status_code == 403
    assert browser_at.session_secret() is None


def test_another_certificate_than_the_one_shown_is_shown_first(
    composition: Composition, browser_at: TwoHosts, held: HeldCertificate, make_person: Callable[..., Person]
) -> None:
    """The yes was said to the person on the page; a browser may choose anew on each connection."""
    other = make_person("0104567896")
    second = personal_certificate(composition, other.id, now=composition.clock.now())
    ticket = browser_at.begin(browser_at.open_login())
    browser_at.certificate = held.der
    browser_at.present(ticket)
    browser_at.certificate = second.der
    answer = browser_at.confirm(ticket, held.x5t_s256)
    assert answer.status_code == 200
    assert second.x5t_s256 in answer.text


def test_the_pages_stand_on_their_own_hosts(browser_at: TwoHosts, held: HeldCertificate) -> None:
    """On the main host nobody asks for a certificate; on the other nobody has a cookie."""
    login = browser_at.open_login()
    ticket = browser_at.begin(login)
    assert browser_at.get(f"/certificate?ticket={ticket}").status_code == 404
    assert browser_at.at_mtls(login).status_code == 421
    assert browser_at.at_mtls("/login").status_code == 421


def test_a_ticket_is_given_to_the_logins_own_browser(app: Flask, browser_at: TwoHosts) -> None:
    """Interactions are bound to the browser that began them."""
    login = browser_at.open_login()
    stranger = TwoHosts(app)
    stranger.open_login()
    assert stranger.post(f"{login}/certificate").status_code == 403


def test_step_up_to_a_certificate(
    composition: Composition, browser_at: TwoHosts, person: Person, held: HeldCertificate
) -> None:
    """RFC 9470 / OIDC ``acr_values``: a password session goes on by certificate only, and keeps its sid."""
    answer = browser_at.log_in()
    assert answer.status_code == 303
    before = _session_of(composition, browser_at)
    secret = browser_at.client.get_cookie("__Host-sau_browser", domain="sau.test").value
    with composition.database.transaction() as session:
        interaction = begin_interaction(
            session,
            journal=composition.journal,
            browser_secret=secret,
            resume_path="/account",
            parameters={"next": "/account"},
            client_id=None,
            client_name=None,
            client_origin=None,
            required_acr=ACR_CERTIFICATE,
            authenticated_after=None,
            login_hint=None,
            locale=None,
            now=composition.clock.now(),
        )
    login = f"/login/{interaction.id}"
    page = browser_at.get(login)
    assert "Una contraseña no alcanza" in page.text
    assert 'name="password"' not in page.text
    browser_at.get(browser_at.present_and_confirm(browser_at.begin(login), held))
    after = _session_of(composition, browser_at)
    assert (after.sid, after.acr) == (before.sid, ACR_CERTIFICATE)
    assert (
        browser_at.get(login).location.endswith(f"/account/{interaction.id}")
        or browser_at.get(login).status_code == 303
    )


def test_without_a_mutual_tls_host_nothing_is_offered(
    composition: Composition, make_person: Callable[..., Person]
) -> None:
    """No button, no endpoint, no acr value in the metadata."""
    settings = composition.settings.model_copy(
        update={"mtls_origin": "", "issuer": "http://localhost:8000", "trusted_proxies": ()}
    )
    plain = Composition(settings, clock=composition.clock)
    app = create_app(settings=settings, clock=plain.clock, secret_key=b"k" * 32)
    mount(app, plain.idp)
    walker = Walker(app)
    login = walker.open_login()
    assert "certificado" not in walker.get(login).text
    assert walker.post(f"{login}/certificate").status_code == 404
    acr = walker.get("/.well-known/openid-configuration").json["acr_values_supported"]
    assert ACR_CERTIFICATE not in acr
    plain.database.dispose()
