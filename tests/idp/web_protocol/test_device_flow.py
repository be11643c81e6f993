"""Device authorization through its endpoints and pages (RFC 8628)."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from audit.model import AuditEvent
from composition import Composition
from idp.authentication.assurance import ACR_1FA, ACR_2FA
from idp.authentication.model import InteractionRow
from idp.clients.policy import DEVICE_CODE
from idp.clients.register import disable_client
from idp.consent.connected_services import withdraw_consent
from idp.decoupled.model import DecoupledRequestRow
from idp.decoupled.request import purge_requests
from idp.protocol.user_code import ALPHABET
from idp.web.device import WRONG_CODES_OF_A_NETWORK
from kernel.clock import ManualClock
from tests.idp.device import Television, add_television, form_of, press, send_code, text_of, type_code
from tests.idp.relying_party import Visitor, add_visitor, at, events, register


@pytest.fixture
def television(composition: Composition, app: Flask, http: FlaskClient) -> Television:
    """A television."""
    return add_television(composition, http)


def _allow(television: Television, visitor: Visitor, **changes: str) -> dict[str, Any]:
    asked = television.ask(**changes)
    press(visitor, type_code(visitor, asked["user_code"]), "allow")
    return asked


def _count_events(composition: Composition) -> int:
    with composition.database.reading() as session:
        return session.scalar(select(func.count()).select_from(AuditEvent)) or 0


def test_a_television_gets_tokens_after_a_person_allows_it(
    composition: Composition, television: Television, visitor: Visitor, clock: ManualClock
) -> None:
    """RFC 8628 §3: request, code, login, decision, tokens; the ID token tells when and how the person logged in."""
    logged_in_at = clock.now()
    asked = television.ask()
    assert asked["verification_uri"] == "http://localhost:8000/device"
    assert asked["verification_uri_complete"] == f"http://localhost:8000/device?user_code={asked['user_code']}"
    assert (asked["expires_in"], asked["interval"]) == (600, 5)
    assert set(asked["user_code"]) <= {*ALPHABET, "-"}
    assert television.error(asked["device_code"]) == "authorization_pending"
    clock.advance(timedelta(seconds=5))
    page = type_code(visitor, asked["user_code"].lower().replace("-", " "))
    words = text_of(page)
    assert "Televisión Educativa" in words and asked["user_code"] in words
    assert "¿Está usted frente a este equipo?" in words
    done = press(visitor, page, "allow")
    assert "Listo: siga en el otro equipo" in text_of(done)
    response = television.poll(asked["device_code"])
    tokens = response.get_json()
    assert response.status_code == 200, tokens
    assert response.headers["Cache-Control"] == "no-store"
    claims = television.party.claims(tokens["id_token"])
    assert claims["sub"] == visitor.person_id
    assert (claims["auth_time"], claims["acr"], claims["amr"]) == (at(logged_in_at), ACR_2FA, ["otp", "pwd"])
    assert "sid" not in claims and "nonce" not in claims
    assert tokens["scope"] == "openid profile"
    header = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert television.http.get("/userinfo", headers=header).get_json()["given_name"] == "Manuela"


def test_requests_decisions_and_redemptions_are_on_record_and_polls_are_not(
    composition: Composition, television: Television, visitor: Visitor, clock: ManualClock
) -> None:
    """A television asks every five seconds: a pending poll changes the interval and leaves no event."""
    asked = television.ask()
    before = _count_events(composition)
    for _ in range(3):
        assert television.error(asked["device_code"]) in ("authorization_pending", "slow_down")
    assert _count_events(composition) == before
    press(visitor, type_code(visitor, asked["user_code"]), "allow")
    assert television.poll(asked["device_code"]).status_code == 200
    client = television.party.client_id
    assert events(composition, "idp:device:requested") == [("success", None, client)]
    assert events(composition, "idp:device:allowed") == [("success", None, client)]
    assert events(composition, "idp:token:issued") == [("success", None, client)]


def test_no_code_stands_in_the_database_in_clear(
    composition: Composition, television: Television, visitor: Visitor
) -> None:
    """Device code and user code are credentials: digests, that of the short one keyed; the page's copy is sealed."""
    asked = television.ask()
    type_code(visitor, asked["user_code"])
    with composition.database.reading() as session:
        row = session.scalars(select(DecoupledRequestRow)).one()
        kept = " ".join(str(getattr(row, column.key)) for column in DecoupledRequestRow.__table__.columns)
        kept += str(session.scalars(select(InteractionRow.parameters)).one())
        leaves = b" ".join(session.scalars(select(AuditEvent.leaf)))
    for code in (asked["device_code"], asked["user_code"], asked["user_code"].replace("-", "")):
        assert code not in kept and code.encode() not in leaves


def test_polling_too_fast_slows_down_and_the_interval_grows(television: Television, clock: ManualClock) -> None:
    """RFC 8628 §3.5: slow_down adds five seconds for this and all later requests."""
    asked = television.ask()
    assert television.error(asked["device_code"]) == "authorization_pending"
    clock.advance(timedelta(seconds=2))
    assert television.error(asked["device_code"]) == "slow_down"
    clock.advance(timedelta(seconds=6))
    assert television.error(asked["device_code"]) == "slow_down"
    clock.advance(timedelta(seconds=15))
    assert television.error(asked["device_code"]) == "authorization_pending"
    clock.advance(timedelta(milliseconds=14_100))
    assert television.error(asked["device_code"]) == "authorization_pending"


def test_a_client_that_does_not_listen_waits_a_minute_at_most(composition: Composition, television: Television) -> None:
    """The interval grows to sixty seconds and no further."""
    asked = television.ask()
    for _ in range(20):
        television.poll(asked["device_code"])
    with composition.database.reading() as session:
        assert session.scalars(select(DecoupledRequestRow.poll_interval)).one() == 60


def test_a_denied_request_gives_access_denied(
    composition: Composition, television: Television, visitor: Visitor
) -> None:
    """RFC 8628 §3.5; the decision stands, and is told on record once."""
    asked = television.ask()
    done = press(visitor, type_code(visitor, asked["user_code"]), "deny")
    assert "No permitió la entrada" in text_of(done)
    assert [television.error(asked["device_code"]) for _ in range(3)] == ["access_denied"] * 3
    client = television.party.client_id
    assert events(composition, "idp:device:denied") == [("refused", "access_denied", client)]
    assert events(composition, "idp:token:refused") == [("refused", "access_denied", client)]
    assert "Ningún equipo espera con ese código" in text_of(type_code(visitor, asked["user_code"]))


def test_an_old_request_is_expired(
    composition: Composition, television: Television, visitor: Visitor, clock: ManualClock
) -> None:
    """RFC 8628 §3.5: the client is to begin anew; the code opens nothing any more."""
    asked = television.ask()
    page = type_code(visitor, asked["user_code"])
    clock.advance(timedelta(seconds=600))
    assert television.error(asked["device_code"]) == "expired_token"
    visitor.log_in()
    assert visitor.decide(page).status_code == 409
    assert type_code(visitor, asked["user_code"]).status_code == 422
    assert television.error(asked["device_code"]) == "expired_token"
    assert events(composition, "idp:token:refused") == [("refused", "expired_token", television.party.client_id)]


def test_a_permission_in_the_last_moment_can_still_be_collected(
    television: Television, visitor: Visitor, clock: ManualClock
) -> None:
    """Nobody reads «listo» here and «too late» there."""
    asked = television.ask()
    clock.advance(timedelta(seconds=599))
    press(visitor, type_code(visitor, asked["user_code"]), "allow")
    clock.advance(timedelta(seconds=20))
    assert television.poll(asked["device_code"]).status_code == 200


def test_tokens_are_given_once(
    composition: Composition, television: Television, visitor: Visitor, clock: ManualClock
) -> None:
    """RFC 8628 §3.5 as RFC 6749 §4.1.2: a later second use takes back what the first gave."""
    asked = _allow(television, visitor)
    tokens = television.poll(asked["device_code"]).get_json()
    header = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert television.error(asked["device_code"]) == "invalid_grant"
    assert television.http.get("/userinfo", headers=header).status_code == 200
    clock.advance(timedelta(seconds=30))
    assert television.error(asked["device_code"]) == "invalid_grant"
    assert television.http.get("/userinfo", headers=header).status_code == 401
    assert [reason for _, reason, _ in events(composition, "idp:token:reused")] == ["code_reused"] * 2


def test_of_fifty_polls_at_once_one_gets_the_tokens(app: Flask, television: Television, visitor: Visitor) -> None:
    """One winner by one conditional UPDATE; no other poll takes his tokens back."""
    asked = _allow(television, visitor)
    answers: list[tuple[int, Any]] = []
    start = threading.Barrier(50)

    def poll() -> None:
        mine = Television(television.party, app.test_client(use_cookies=False))
        start.wait()
        response = mine.poll(asked["device_code"])
        answers.append((response.status_code, response.get_json()))

    threads = [threading.Thread(target=poll) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    won = [document for status, document in answers if status == 200]
    assert len(won) == 1
    assert {document["error"] for status, document in answers if status != 200} == {"invalid_grant"}
    header = {"Authorization": f"Bearer {won[0]['access_token']}"}
    assert television.http.get("/userinfo", headers=header).status_code == 200


def test_of_two_people_who_type_one_code_the_first_to_decide_counts(
    composition: Composition, app: Flask, television: Television, visitor: Visitor
) -> None:
    """The code is used up by the decision, whoever has it on a page elsewhere."""
    other = add_visitor(composition, app, "1104680135")
    other.log_in()
    asked = television.ask()
    pages = [type_code(person, asked["user_code"]) for person in (visitor, other)]
    press(visitor, pages[0], "deny")
    late = other.decide(pages[1])
    assert late.status_code == 409
    assert "ya se decidió" in text_of(late)
    assert television.error(asked["device_code"]) == "access_denied"
    assert events(composition, "idp:consent:granted") == []


def test_a_button_pressed_twice_shows_the_same_page(television: Television, visitor: Visitor) -> None:
    """The second press finds the decision made."""
    asked = television.ask()
    page = type_code(visitor, asked["user_code"])
    for _ in range(2):
        assert "Listo: siga en el otro equipo" in text_of(press(visitor, page, "allow"))


def test_the_address_with_the_code_approves_nothing(
    composition: Composition, television: Television, visitor: Visitor
) -> None:
    """RFC 8628 §3.3.1: it shows the code to be compared and asks; whoever sends such a link gets nothing by it."""
    asked = television.ask()
    page = visitor.http.get(asked["verification_uri_complete"])
    words = text_of(page)
    assert "¿Es este el código de su pantalla?" in words and asked["user_code"] in words
    assert television.error(asked["device_code"]) == "authorization_pending"
    assert visitor.http.get("/device?user_code=%3Cscript%3E").status_code == 200


def test_who_is_not_logged_in_logs_in_and_comes_back(
    composition: Composition, app: Flask, television: Television
) -> None:
    """The login's own way back; going away there denies nothing."""
    stranger = add_visitor(composition, app)
    asked = television.ask()
    response = send_code(stranger, asked["user_code"])
    resume = response.headers["Location"]
    login = stranger.http.get(resume).headers["Location"]
    assert login.startswith("/login/")
    assert "Televisión Educativa" in text_of(stranger.http.get(login))
    stranger.log_in()
    assert "¿Está usted frente a este equipo?" in text_of(stranger.http.get(resume))
    away = stranger.http.get(f"{resume}?cancelled=1")
    assert away.headers["Location"] == "/device"
    assert television.error(asked["device_code"]) == "authorization_pending"


def test_the_decision_belongs_to_the_browser_that_typed_the_code(
    composition: Composition, app: Flask, television: Television, visitor: Visitor
) -> None:
    """A prepared address opens nothing in another browser."""
    other = add_visitor(composition, app, "1104680135")
    other.log_in()
    asked = television.ask()
    resume = send_code(visitor, asked["user_code"]).headers["Location"]
    assert other.http.get(resume).status_code == 403


def test_a_stronger_login_is_asked_for_where_the_client_needs_one(
    composition: Composition, app: Flask, http: FlaskClient
) -> None:
    """``acr_values``, or the least strength that the client registered (never silently lower)."""
    television = add_television(composition, http)
    weak = add_visitor(composition, app)
    weak.log_in(("pwd",))
    asked = television.ask(acr_values=ACR_2FA)
    response = send_code(weak, asked["user_code"])
    assert weak.http.get(response.headers["Location"]).headers["Location"].startswith("/login/")
    asked = television.ask()
    press(weak, type_code(weak, asked["user_code"]), "allow")
    tokens = television.poll(asked["device_code"]).get_json()
    assert television.party.claims(tokens["id_token"])["acr"] == ACR_1FA


def test_guessing_codes_ends_in_a_pause(composition: Composition, app: Flask, television: Television) -> None:
    """RFC 8628 §5.1: wrong codes are counted by network, and the refusals are on record."""
    guesser = add_visitor(composition, app)
    right = television.ask()["user_code"]
    for _ in range(WRONG_CODES_OF_A_NETWORK.amount):
        assert type_code(guesser, "BBBB-BBBB").status_code == 422
    assert type_code(guesser, right).status_code == 429
    refused = events(composition, "idp:device:refused")
    assert ("refused", "user_code_unknown", None) in refused


def test_optional_scopes_are_the_persons_choice(
    composition: Composition, app: Flask, http: FlaskClient, visitor: Visitor
) -> None:
    """As on the consent page; what was allowed before is said and not taken back by haste."""
    television = add_television(composition, http, optional_scope="email")
    asked = television.ask(scope="openid profile email")
    press(visitor, type_code(visitor, asked["user_code"]), "allow")
    assert television.poll(asked["device_code"]).get_json()["scope"] == "openid profile"
    asked = television.ask(scope="openid profile email")
    press(visitor, type_code(visitor, asked["user_code"]), "allow", ("email",))
    assert television.poll(asked["device_code"]).get_json()["scope"] == "openid profile email"
    asked = television.ask(scope="openid profile email")
    page = type_code(visitor, asked["user_code"])
    assert "Lo que usted ya le permitió antes" in text_of(page)
    press(visitor, page, "allow")
    assert television.poll(asked["device_code"]).get_json()["scope"] == "openid profile email"


def test_offline_access_refreshes_and_ends_with_the_consent(
    composition: Composition, television: Television, visitor: Visitor
) -> None:
    """Connected services show the grant; taking it back ends its tokens."""
    asked = _allow(television, visitor, scope="openid profile offline_access")
    tokens = television.poll(asked["device_code"]).get_json()
    form = television.form(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    refreshed = television.http.post("/token", data=form)
    assert refreshed.status_code == 200
    assert "Televisión Educativa" in text_of(visitor.http.get("/account/services"))
    with composition.database.transaction() as session:
        withdraw_consent(
            session,
            journal=composition.journal,
            person_id=visitor.person_id,
            client_id=television.party.client_id,
            now=composition.clock.now(),
        )
    form["refresh_token"] = refreshed.get_json()["refresh_token"]
    assert television.http.post("/token", data=form).get_json()["error"] == "invalid_grant"


def test_a_logout_in_the_browser_leaves_the_television_on(
    composition: Composition, television: Television, visitor: Visitor
) -> None:
    """The tokens rest on the decision, not on the session of the telephone; without offline access for an hour."""
    asked = _allow(television, visitor)
    tokens = television.poll(asked["device_code"]).get_json()
    form = form_of(visitor.http.get("/account/sessions/close?which=all"))
    assert visitor.http.post("/account/sessions/close", data=form | {"which": "all"}).status_code == 303
    header = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert television.http.get("/userinfo", headers=header).status_code == 200


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"scope": "profile"}, "invalid_scope"),
        ({"scope": ""}, "invalid_scope"),
        ({"resource": "https://api.example/other"}, "invalid_target"),
        ({"authorization_details": '[{"type": "pago"}]'}, "invalid_authorization_details"),
        ({"claims": '{"userinfo": {"cedula": null}}'}, "invalid_request"),
    ],
)
def test_a_wrong_request_is_refused(
    composition: Composition, television: Television, changes: dict[str, str], error: str
) -> None:
    """RFC 8628 §3.2 answers errors as RFC 6749 §5.2 does; on record."""
    response = television.http.post("/device_authorization", data=television.form(scope="openid") | changes)
    assert (response.status_code, response.get_json()["error"]) == (400, error)
    assert events(composition, "idp:device:refused") == [("refused", error, television.party.client_id)]


def test_a_client_that_did_not_register_for_it_is_refused(
    composition: Composition, app: Flask, http: FlaskClient, television: Television
) -> None:
    """RFC 6749 §5.2: unauthorized_client, at both endpoints."""
    party = register(composition)
    response = http.post("/device_authorization", data={"scope": "openid"}, headers=party.basic())
    assert (response.status_code, response.get_json()["error"]) == (400, "unauthorized_client")
    form = {"grant_type": DEVICE_CODE, "device_code": television.ask()["device_code"]}
    assert http.post("/token", data=form, headers=party.basic()).get_json()["error"] == "unauthorized_client"


def test_confidential_clients_authenticate_as_at_the_token_endpoint(
    composition: Composition, app: Flask, http: FlaskClient, visitor: Visitor
) -> None:
    """RFC 8628 §3.1: a kiosk's server proves who it is at both endpoints."""
    party = register(
        composition,
        grant_types=[DEVICE_CODE],
        redirect_uris=[],
        post_logout_redirect_uris=[],
        scope="openid",
        optional_scope="",
    )
    assert http.post("/device_authorization", data={"client_id": party.client_id}).status_code == 401
    asked = http.post("/device_authorization", data={"scope": "openid"}, headers=party.basic()).get_json()
    press(visitor, type_code(visitor, asked["user_code"]), "allow")
    form = {"grant_type": DEVICE_CODE, "device_code": asked["device_code"]}
    assert http.post("/token", data=form | {"client_id": party.client_id}).status_code == 401
    assert http.post("/token", data=form, headers=party.basic()).status_code == 200


def test_another_client_cannot_collect(
    composition: Composition, television: Television, visitor: Visitor, http: FlaskClient
) -> None:
    """A device code is bound to its client; the right one still gets its tokens."""
    asked = _allow(television, visitor)
    thief = add_television(composition, http)
    assert thief.error(asked["device_code"]) == "invalid_grant"
    assert television.poll(asked["device_code"]).status_code == 200


def test_a_closed_application_gets_nothing(composition: Composition, television: Television, visitor: Visitor) -> None:
    """Neither the decision nor the tokens."""
    asked = television.ask()
    page = type_code(visitor, asked["user_code"])
    with composition.database.transaction() as session:
        disable_client(
            session, journal=composition.journal, client_id=television.party.client_id, now=composition.clock.now()
        )
    assert visitor.decide(page).status_code in (400, 422)
    assert television.poll(asked["device_code"]).status_code == 401


def test_a_missing_or_unknown_device_code_is_refused(television: Television) -> None:
    """RFC 6749 §5.2."""
    response = television.http.post("/token", data=television.form(grant_type=DEVICE_CODE))
    assert response.get_json()["error"] == "invalid_request"
    assert television.error("unknown") == "invalid_grant"


def test_requests_that_are_over_are_forgotten(
    composition: Composition, television: Television, clock: ManualClock
) -> None:
    """After a day nothing of them is kept but the evidence."""
    television.ask()
    clock.advance(timedelta(days=1, minutes=11))
    with composition.database.transaction() as session:
        assert purge_requests(session, now=clock.now()) == 1
