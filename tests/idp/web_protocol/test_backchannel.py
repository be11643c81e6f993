"""Backchannel authentication through its endpoints and pages (OpenID CIBA Core)."""

from __future__ import annotations

import re
import threading
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy.event
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from audit.model import AuditEvent
from composition import Composition
from idp.authentication.assurance import ACR_2FA
from idp.clients.policy import CIBA
from idp.clients.registration.client_registration import ClientRegistration
from idp.decoupled.fatigue import BY_CLIENT_AND_HINT, PAUSE_AFTER_DENIAL, PAUSE_AFTER_DISOWNED, WAITING_AT_ONCE
from idp.decoupled.model import DecoupledRequestRow
from idp.notices.mail import list_stored_mails
from kernel.clock import ManualClock
from kernel.errors import Rejected
from tests.idp.call_centre import CEDULA, METADATA, CallCentre, add_call_centre, approvals_of, press
from tests.idp.device import form_of, text_of
from tests.idp.relying_party import Visitor, add_visitor, at, events, register


@pytest.fixture
def centre(composition: Composition, app: Flask, http: FlaskClient) -> CallCentre:
    """A call centre that polls."""
    return add_call_centre(composition, http)


def test_a_person_approves_in_the_account_and_the_client_gets_tokens(
    composition: Composition, centre: CallCentre, visitor: Visitor, clock: ManualClock
) -> None:
    """CIBA Core §5: request, notice, approval, poll; the ID token is a plain one, for auth_req_id belongs to push."""
    logged_in_at = clock.now()
    asked = centre.ask(binding_message="Trámite 55-A")
    assert set(asked) == {"auth_req_id", "expires_in", "interval"}
    assert (asked["expires_in"], asked["interval"]) == (300, 5)
    assert re.fullmatch(r"[A-Za-z0-9._-]{27,}", asked["auth_req_id"])
    assert centre.error(asked["auth_req_id"]) == "authorization_pending"
    assert "1 solicitud espera su respuesta." in text_of(visitor.http.get("/account"))
    (address,) = approvals_of(visitor)
    words = text_of(visitor.http.get(address))
    assert "Trámite 55-A" in words and "Centro de Llamadas" in words and "Manuela Sáenz Aizpuru" in words
    done = press(visitor, address, "allow")
    assert "Listo, aprobó la solicitud." in text_of(visitor.http.get(done.headers["Location"]))
    response = centre.poll(asked["auth_req_id"])
    tokens = response.get_json()
    assert response.status_code == 200, tokens
    claims = centre.party.claims(tokens["id_token"])
    assert (claims["sub"], claims["auth_time"], claims["acr"]) == (visitor.person_id, at(logged_in_at), ACR_2FA)
    assert claims["aud"] == centre.party.client_id and "at_hash" in claims
    assert "urn:openid:params:jwt:claim:auth_req_id" not in claims
    assert approvals_of(visitor) == []
    client = centre.party.client_id
    assert events(composition, "idp:backchannel:requested") == [("success", None, client)]
    assert events(composition, "idp:backchannel:allowed") == [("success", None, client)]
    assert events(composition, "idp:token:issued") == [("success", None, client)]


def test_the_person_hears_of_it_by_mail_without_the_clients_words(
    composition: Composition, centre: CallCentre, visitor: Visitor
) -> None:
    """The mail leads to the page; what an application writes does not travel under our name."""
    centre.ask(binding_message="Llame ya al 1800-ESTAFA")
    with composition.database.reading() as session:
        (mail,) = list_stored_mails(session, services=composition.idp)
    assert mail.to == "manuela@correo.example"
    assert "http://localhost:8000/account/solicitudes" in mail.body and "Centro de Llamadas" in mail.body
    assert "ESTAFA" not in mail.body + mail.subject


def test_neither_identifier_nor_token_is_kept_in_clear(composition: Composition, app: Flask, http: FlaskClient) -> None:
    """auth_req_id as a digest, the notification token sealed; no event holds either."""
    add_visitor(composition, app)
    centre = add_call_centre(
        composition,
        http,
        backchannel_token_delivery_mode="ping",
        backchannel_client_notification_endpoint="https://centre.example/ping",
    )
    asked = centre.ask(client_notification_token="8d67dc78-7faa-4d41-aabd-67707b374255")
    with composition.database.reading() as session:
        row = session.scalars(select(DecoupledRequestRow)).one()
        kept = " ".join(str(getattr(row, column.key)) for column in DecoupledRequestRow.__table__.columns)
        leaves = b" ".join(session.scalars(select(AuditEvent.leaf)))
    for secret in (asked["auth_req_id"], "8d67dc78-7faa-4d41-aabd-67707b374255"):
        assert secret not in kept and secret.encode() not in leaves


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"scope": "profile"}, "invalid_scope"),
        ({"login_hint": None}, "invalid_request"),
        ({"id_token_hint": "x"}, "invalid_request"),
        ({"login_hint": None, "id_token_hint": "x"}, "invalid_request"),
        ({"login_hint": None, "login_hint_token": "x"}, "invalid_request"),
        ({"binding_message": "1234 👍🏿 品川"}, "invalid_binding_message"),
        ({"requested_expiry": "0"}, "invalid_request"),
        ({"request_uri": "https://centre.example/r"}, "invalid_request"),
        ({"request": "x"}, "invalid_request"),
        ({"resource": "https://api.example"}, "invalid_target"),
        ({"authorization_details": '[{"type": "pago"}]'}, "invalid_authorization_details"),
        ({"claims": '{"userinfo": {"cedula": null}}'}, "invalid_request"),
    ],
)
def test_a_wrong_request_is_refused(
    composition: Composition, centre: CallCentre, changes: dict[str, str | None], error: str
) -> None:
    """CIBA Core §13, as JSON with status 400; on record."""
    assert centre.refused(**changes) == error
    assert events(composition, "idp:backchannel:refused") == [("refused", error, centre.party.client_id)]


def test_only_registered_clients_that_prove_who_they_are_may_ask(
    composition: Composition, app: Flask, http: FlaskClient, centre: CallCentre
) -> None:
    """CIBA Core §7.1; a public client cannot even register."""
    assert http.post("/ciba", data={"client_id": centre.party.client_id, "scope": "openid"}).status_code == 401
    party = register(composition)
    response = http.post("/ciba", data={"scope": "openid", "login_hint": CEDULA}, headers=party.basic())
    assert (response.status_code, response.get_json()["error"]) == (400, "unauthorized_client")
    for changes in (
        {"token_endpoint_auth_method": "none", "policy": "classic"},
        {"backchannel_token_delivery_mode": "push"},
        {"backchannel_token_delivery_mode": None},
        {"backchannel_token_delivery_mode": "ping"},
        {
            "backchannel_token_delivery_mode": "ping",
            "backchannel_client_notification_endpoint": "http://centre.example/ping",
        },
        {"backchannel_authentication_request_signing_alg": "none"},
        {"backchannel_authentication_request_signing_alg": "HS256"},
        {"backchannel_user_code_parameter": True},
    ):
        with pytest.raises(Rejected, match="bad_client_metadata"):
            ClientRegistration.parse(METADATA | changes)


def test_nobody_is_told_whether_a_person_exists(
    composition: Composition, centre: CallCentre, visitor: Visitor, clock: ManualClock
) -> None:
    """An unknown cédula, a closed account and a shared mailbox look like a person who does not answer."""
    shapes = []
    for hint in (CEDULA, "1104680135", "nobody@correo.example", "0", "not a cédula"):
        asked = centre.ask(login_hint=hint)
        shapes.append((sorted(asked), asked["expires_in"], asked["interval"]))
        assert centre.error(asked["auth_req_id"]) == "authorization_pending"
        clock.advance(timedelta(seconds=301))
        assert centre.error(asked["auth_req_id"]) == "expired_token"
    assert len({str(shape) for shape in shapes}) == 1
    reasons = [reason for _, reason, _ in events(composition, "idp:backchannel:muted")]
    assert reasons == ["nobody"] * 4


def test_asking_costs_the_same_whoever_the_hint_fits(
    composition: Composition, centre: CallCentre, visitor: Visitor
) -> None:
    """Attacks and faults 3: the statements that write are the same, so time tells nothing either."""
    work: list[Counter[str]] = []

    def count(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        words = statement.split()
        if words[0] in ("INSERT", "UPDATE", "DELETE"):
            work[-1][f"{words[0]} {words[1] if words[0] == 'UPDATE' else words[2]}"] += 1

    for hint in (CEDULA, "1104680135"):  # the first of the month makes the key of the month
        centre.ask(login_hint=hint)
    sqlalchemy.event.listen(composition.database.engine, "before_cursor_execute", count)
    for hint in (CEDULA, "1104680135"):
        work.append(Counter())
        centre.ask(login_hint=hint)
    sqlalchemy.event.remove(composition.database.engine, "before_cursor_execute", count)
    assert work[0] == work[1] and work[0]["INSERT idp_decoupled_request"] == 1


def test_a_confirmed_mailbox_of_one_person_names_him(
    composition: Composition, app: Flask, centre: CallCentre, visitor: Visitor
) -> None:
    """login_hint is a cédula or an e-mail; a mailbox that two people share names neither."""
    centre.ask(login_hint=" Manuela@Correo.example ")
    assert len(approvals_of(visitor)) == 1
    add_visitor(composition, app, "1104680135")
    centre.ask(login_hint="manuela@correo.example")
    assert len(approvals_of(visitor)) == 1


@pytest.mark.parametrize("subject_type", ["public", "pairwise"])
def test_an_id_token_of_before_names_the_person(
    composition: Composition, app: Flask, http: FlaskClient, visitor: Visitor, subject_type: str
) -> None:
    """CIBA Core §7.1 id_token_hint, expired or not; another client's is refused."""
    centre = add_call_centre(composition, http, subject_type=subject_type)
    asked = centre.ask()
    press(visitor, approvals_of(visitor)[0], "allow")
    id_token = centre.poll(asked["auth_req_id"]).get_json()["id_token"]
    centre.ask(login_hint=None, id_token_hint=id_token)
    assert len(approvals_of(visitor)) == 1
    other = add_call_centre(composition, http)
    assert other.refused(login_hint=None, id_token_hint=id_token) == "invalid_request"


@pytest.mark.parametrize(("button", "event"), [("deny", "denied"), ("disown", "disowned"), ("", "denied")])
def test_a_refusal_is_told(
    composition: Composition, centre: CallCentre, visitor: Visitor, button: str, event: str
) -> None:
    """CIBA Core §11 access_denied; «no fui yo» is on record as such."""
    asked = centre.ask()
    press(visitor, approvals_of(visitor)[0], button)
    assert [centre.error(asked["auth_req_id"]) for _ in range(2)] == ["access_denied"] * 2
    client = centre.party.client_id
    assert events(composition, f"idp:backchannel:{event}") == [("refused", "access_denied", client)]
    assert events(composition, "idp:token:refused") == [("refused", "access_denied", client)]
    assert events(composition, "idp:consent:granted") == []


def test_a_stronger_login_is_due_before_an_approval_and_not_before_a_refusal(
    composition: Composition, app: Flask, centre: CallCentre
) -> None:
    """acr_values: the login leads back to the question, and nothing is approved on the way."""
    person = add_visitor(composition, app)
    person.log_in(("pwd",))
    asked = centre.ask(acr_values=ACR_2FA)
    (address,) = approvals_of(person)
    response = press(person, address, "allow")
    assert response.headers["Location"].startswith("/login/")
    assert centre.error(asked["auth_req_id"]) == "authorization_pending"
    press(person, address, "deny")
    assert centre.error(asked["auth_req_id"]) == "access_denied"


def test_who_is_not_logged_in_logs_in_and_comes_back(composition: Composition, app: Flask, centre: CallCentre) -> None:
    """The page of a request is the person's own."""
    person, other = add_visitor(composition, app), add_visitor(composition, app, "1104680135")
    person.log_in()
    centre.ask()
    (address,) = approvals_of(person)
    stranger = app.test_client()
    assert stranger.get(address).headers["Location"].startswith("/login/")
    other.log_in()
    assert other.http.get(address).status_code == 404
    assert approvals_of(other) == []


def test_nobody_is_bombed_with_requests(
    composition: Composition, app: Flask, http: FlaskClient, visitor: Visitor, clock: ManualClock
) -> None:
    """Three wait at once; what comes beside them is muted, on record, and looks like silence to the client."""
    centres = [add_call_centre(composition, http) for _ in range(WAITING_AT_ONCE + 2)]
    asked = [centre.ask() for centre in centres]
    assert len(approvals_of(visitor)) == WAITING_AT_ONCE
    for centre, answer in zip(centres, asked, strict=True):
        assert centre.error(answer["auth_req_id"]) == "authorization_pending"
    assert [reason for _, reason, _ in events(composition, "idp:backchannel:muted")] == ["too_many_waiting"] * 2
    with composition.database.reading() as session:
        mails = list_stored_mails(session, services=composition.idp)
    assert len(mails) == WAITING_AT_ONCE


@pytest.mark.parametrize(("button", "pause"), [("deny", PAUSE_AFTER_DENIAL), ("disown", PAUSE_AFTER_DISOWNED)])
def test_after_a_no_the_client_is_not_heard_for_a_while(
    composition: Composition,
    http: FlaskClient,
    centre: CallCentre,
    visitor: Visitor,
    clock: ManualClock,
    button: str,
    pause: timedelta,
) -> None:
    """Five minutes after a denial, a day after «no fui yo»; other clients are heard."""
    centre.ask()
    press(visitor, approvals_of(visitor)[0], button)
    centre.ask()
    assert approvals_of(visitor) == []
    add_call_centre(composition, http).ask()
    assert len(approvals_of(visitor)) == 1
    clock.advance(pause + timedelta(minutes=6))
    visitor.log_in()
    centre.ask()
    assert len(approvals_of(visitor)) == 1


@pytest.mark.parametrize("hint", [CEDULA, "1104680135"])
def test_a_client_that_insists_is_told_to_wait_whoever_it_asks_for(
    composition: Composition, centre: CallCentre, visitor: Visitor, hint: str
) -> None:
    """429 after five requests with one hint: the same for people who exist and for others."""
    for _ in range(BY_CLIENT_AND_HINT.tries):
        centre.ask(login_hint=hint)
    response = centre.post(scope="openid", login_hint=f" {hint}")
    assert (response.status_code, response.get_json()["error"]) == (429, "too_many_tries")
    assert int(response.headers["Retry-After"]) <= 300
    centre.ask(login_hint="0912345675")


def test_polling_too_fast_slows_down(centre: CallCentre, visitor: Visitor, clock: ManualClock) -> None:
    """CIBA Core §11, and twenty calls in a row end in no other error."""
    asked = centre.ask()
    answers = [centre.error(asked["auth_req_id"]) for _ in range(20)]
    assert answers == ["authorization_pending"] + ["slow_down"] * 19


def test_of_fifty_polls_at_once_one_gets_the_tokens(app: Flask, centre: CallCentre, visitor: Visitor) -> None:
    """CIBA Core §10.1: an auth_req_id gives tokens once."""
    asked = centre.ask()
    press(visitor, approvals_of(visitor)[0], "allow")
    statuses: list[int] = []
    start = threading.Barrier(50)

    def poll() -> None:
        mine = CallCentre(centre.party, app.test_client(use_cookies=False))
        start.wait()
        statuses.append(mine.poll(asked["auth_req_id"]).status_code)

    threads = [threading.Thread(target=poll) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] + [400] * 49


def test_of_two_decisions_at_once_one_counts(
    app: Flask, composition: Composition, centre: CallCentre, visitor: Visitor
) -> None:
    """Approval on the telephone, refusal on the computer: the first one stands, and the client hears that one."""
    asked = centre.ask()
    (address,) = approvals_of(visitor)
    telephone = Visitor(composition, app.test_client(), visitor.person_id)
    telephone.log_in()
    sent = [
        (browser, form_of(browser.http.get(address)) | {"decision": button})
        for browser, button in ((visitor, "allow"), (telephone, "deny"))
    ]
    outcomes: list[tuple[str, int]] = []
    start = threading.Barrier(2)

    def decide(browser: Visitor, form: dict[str, str]) -> None:
        start.wait()
        outcomes.append((form["decision"], browser.http.post(address, data=form).status_code))

    threads = [threading.Thread(target=decide, args=each) for each in sent]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(status for _, status in outcomes) == [303, 409], outcomes
    winner = next(button for button, status in outcomes if status == 303)
    assert centre.poll(asked["auth_req_id"]).status_code == (200 if winner == "allow" else 400)


def test_another_client_cannot_collect(
    composition: Composition, http: FlaskClient, centre: CallCentre, visitor: Visitor
) -> None:
    """CIBA Core §11 invalid_grant: an unknown or another client's auth_req_id."""
    asked = centre.ask()
    press(visitor, approvals_of(visitor)[0], "allow")
    assert add_call_centre(composition, http).error(asked["auth_req_id"]) == "invalid_grant"
    assert centre.error("unknown") == "invalid_grant"
    assert centre.poll(asked["auth_req_id"]).status_code == 200


def test_a_device_code_is_no_auth_req_id(composition: Composition, http: FlaskClient, visitor: Visitor) -> None:
    """Each grant redeems its own."""
    device = "urn:ietf:params:oauth:grant-type:device_code"
    centre = add_call_centre(composition, http, grant_types=[CIBA, device, "refresh_token"])
    asked = centre.ask()
    press(visitor, approvals_of(visitor)[0], "allow")
    form = {"grant_type": device, "device_code": asked["auth_req_id"]}
    assert http.post("/token", data=form, headers=centre.party.basic()).get_json()["error"] == "invalid_grant"
    assert centre.poll(asked["auth_req_id"]).status_code == 200


def test_a_request_may_be_short(composition: Composition, centre: CallCentre, clock: ManualClock) -> None:
    """requested_expiry, as a string too: expires_in says what holds."""
    asked = centre.ask(requested_expiry="30")
    assert asked["expires_in"] == 30
    clock.advance(timedelta(seconds=31))
    assert centre.error(asked["auth_req_id"]) == "expired_token"


def test_pending_polls_leave_no_event(composition: Composition, centre: CallCentre, visitor: Visitor) -> None:
    """The request, the decision, the redemption and refusals are on record."""
    asked = centre.ask()

    def count() -> int:
        with composition.database.reading() as session:
            return session.scalar(select(func.count()).select_from(AuditEvent)) or 0

    before = count()
    centre.error(asked["auth_req_id"])
    centre.error(asked["auth_req_id"])
    assert count() == before


def test_the_account_tells_what_happened(centre: CallCentre, visitor: Visitor) -> None:
    """In the words of the activity page."""
    centre.ask()
    press(visitor, approvals_of(visitor)[0], "allow")
    words = text_of(visitor.http.get("/account/activity"))
    assert "Centro de Llamadas le pidió aprobar una solicitud" in words
    assert "Aprobó una solicitud de Centro de Llamadas" in words
    assert "Centro de Llamadas" in text_of(visitor.http.get("/account/services"))


def test_offline_access_refreshes(
    composition: Composition, centre: CallCentre, visitor: Visitor, http: FlaskClient
) -> None:
    """The rules of refresh tokens are the same for every grant."""
    asked = centre.ask(scope="openid profile offline_access")
    press(visitor, approvals_of(visitor)[0], "allow")
    tokens: dict[str, Any] = centre.poll(asked["auth_req_id"]).get_json()
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert http.post("/token", data=form, headers=centre.party.basic()).status_code == 200
