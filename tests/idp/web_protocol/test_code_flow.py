"""The code flow, end to end through the endpoints."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from audit.model import AuditEvent
from audit.proofs import verify_receipt_proof
from audit.public_log import mount as mount_log
from audit.receipt import event_of
from audit.sequencer import Sequencer
from audit.services import ensure_log_key
from composition import Composition
from idp.authentication.browser_session import end_browser_session
from idp.clients.register import disable_client
from idp.consent.connected_services import withdraw_consent
from kernel.clock import ManualClock
from kernel.identifiers import b64url, sha256
from tests.idp.relying_party import RelyingParty, Visitor, add_visitor, answer_of, at, change, events, register
from web.rate_limit import limit

COOKIES = ("sau_session", "sau_browser", "sau_form")


def test_a_person_consents_once_and_the_application_learns_who_it_is(
    composition: Composition, party: RelyingParty, visitor: Visitor, http: FlaskClient
) -> None:
    """OpenID Connect Core §3.1: request, consent with values, code, tokens, UserInfo."""
    first = visitor.http.get(party.authorization_url())
    assert first.status_code == 303
    page = visitor.http.get(first.headers["Location"])
    html = page.get_data(as_text=True)
    assert "Manuela Sáenz Aizpuru" in html
    assert 'id="allow"' in html
    assert 'id="deny"' in html
    assert "https://portal.example" in page.headers["Content-Security-Policy"]
    answer = answer_of(visitor.decide(page))
    assert answer["state"] == "a state & more"
    assert answer["iss"] == "http://localhost:8000"
    response = party.exchange(http, answer["code"])
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    tokens = response.get_json()
    assert (tokens["token_type"], tokens["scope"]) == ("Bearer", "openid profile")
    assert "refresh_token" not in tokens
    claims = party.claims(tokens["id_token"])
    now = at(composition.clock.now())
    assert claims["aud"] == party.client_id
    assert claims["sub"] == visitor.person_id
    assert claims["nonce"] == "n-0"
    assert (claims["auth_time"], claims["iat"]) == (now, now)
    assert claims["acr"] == "urn:sau:acr:2fa"
    assert claims["at_hash"] == b64url(sha256(tokens["access_token"])[:16])
    userinfo = http.get("/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert userinfo.get_json() == {
        "sub": visitor.person_id,
        "name": "Manuela Sáenz Aizpuru",
        "given_name": "Manuela",
        "family_name": "Sáenz Aizpuru",
        "locale": "es",
        "updated_at": now,
    }
    again = answer_of(visitor.http.get(party.authorization_url(prompt="none")))
    assert "code" in again


def test_txn_names_the_event_of_the_login_in_the_evidence(
    composition: Composition, party: RelyingParty, visitor: Visitor, http: FlaskClient
) -> None:
    """RFC 8417 §2.2: the application can quote the record."""
    tokens = party.exchange(http, visitor.authorize(party)).get_json()
    txn = party.claims(tokens["id_token"])["txn"]
    with composition.database.reading() as session:
        event = session.get(AuditEvent, event_of(txn))
        assert event is not None
        assert event.type == "idp:token:issued"


def test_the_txn_of_a_login_is_a_receipt_that_the_log_honours(
    composition: Composition, app: Flask, party: RelyingParty, visitor: Visitor, http: FlaskClient
) -> None:
    """Attacks and faults, "Evidence": the application can later demand proof that its login was recorded."""
    mount_log(app, composition.audit, limited=limit("3 per minute", methods=("GET",)))
    tokens = party.exchange(http, visitor.authorize(party)).get_json()
    txn = party.claims(tokens["id_token"])["txn"]
    ensure_log_key(composition.keystore)
    assert http.get(f"/audit/log/proof/{txn}").status_code == 404
    Sequencer(composition.audit).run()
    answer = http.get(f"/audit/log/proof/{txn}")
    assert answer.status_code == 200
    assert "leaf" not in answer.get_json()
    key = composition.audit.log_key(composition.audit.origin)
    verify_receipt_proof(answer.get_json(), expected_receipt=txn, expected_key=key)
    assert [http.get("/audit/log/proof/x").status_code for _ in range(2)] == [400, 429]


def test_without_a_session_the_browser_goes_to_log_in(party: RelyingParty, app: Flask) -> None:
    """The interaction is bound to the browser by a cookie."""
    response = app.test_client().get(party.authorization_url())
    assert response.status_code == 303
    assert response.headers["Location"].startswith("/login/")
    assert "sau_browser=" in response.headers["Set-Cookie"]


def test_denying_gives_access_denied_with_state_and_issuer(
    composition: Composition, party: RelyingParty, visitor: Visitor
) -> None:
    """RFC 6749 §4.1.2.1, RFC 9207 §2: errors carry iss too. It is on record, and no consent exists."""
    page = visitor.http.get(visitor.http.get(party.authorization_url()).headers["Location"])
    answer = answer_of(visitor.decide(page, "deny"))
    assert (answer["error"], answer["state"]) == ("access_denied", "a state & more")
    assert answer["iss"] == "http://localhost:8000"
    assert "code" not in answer
    assert events(composition, "idp:consent:refused")[0][0] == "refused"
    assert answer_of(visitor.http.get(party.authorization_url(prompt="none")))["error"] == "consent_required"


def test_an_optional_scope_is_given_only_when_ticked(party: RelyingParty, visitor: Visitor, http: FlaskClient) -> None:
    """What is left out is not asked again, and the page does not tick it beforehand."""
    page = visitor.http.get(visitor.http.get(party.authorization_url(scope="openid email")).headers["Location"])
    assert " checked" not in page.get_data(as_text=True)
    code = answer_of(visitor.decide(page))["code"]
    assert party.exchange(http, code).get_json()["scope"] == "openid"
    again = answer_of(visitor.http.get(party.authorization_url(scope="openid email", prompt="none")))
    assert "code" in again
    code = visitor.authorize(party, scope="openid email", prompt="consent", scopes=("email",))
    tokens = party.exchange(http, code).get_json()
    assert tokens["scope"] == "openid email"
    userinfo = http.post("/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"}).get_json()
    assert (userinfo["email"], userinfo["email_verified"]) == ("manuela@correo.example", True)


def test_form_post_carries_the_answer_in_a_plain_form(party: RelyingParty, visitor: Visitor) -> None:
    """OAuth 2.0 Form Post: a button instead of an inline script, which the policy forbids."""
    visitor.authorize(party)
    page = visitor.http.get(party.authorization_url(response_mode="form_post"))
    html = page.get_data(as_text=True)
    assert page.status_code == 200
    assert 'action="https://portal.example/cb"' in html
    assert 'name="code"' in html
    assert 'name="iss"' in html
    assert "onload" not in html
    assert "form-action 'self' https://portal.example" in page.headers["Content-Security-Policy"]
    error = visitor.http.get(party.authorization_url(response_mode="form_post", scope="email"))
    assert 'value="invalid_scope"' in error.get_data(as_text=True)


def test_the_registered_query_is_kept(party: RelyingParty, visitor: Visitor) -> None:
    """RFC 6749 §3.1.2."""
    visitor.authorize(party)
    response = visitor.http.get(party.authorization_url(redirect_uri="https://portal.example/cb?tenant=1"))
    assert response.headers["Location"].startswith("https://portal.example/cb?tenant=1&code=")


def test_the_request_may_come_by_post_from_the_application(party: RelyingParty, visitor: Visitor) -> None:
    """OpenID Connect Core §3.1.2.1; the answer is 303, never 307."""
    response = visitor.http.post("/authorize", data=party.parameters(), headers={"Sec-Fetch-Site": "cross-site"})
    assert response.status_code == 303


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"code_verifier": "x" * 43}, "wrong_verifier"),
        ({"code_verifier": None}, "bad_verifier"),
        ({"code_verifier": "short"}, "bad_verifier"),
        ({"redirect_uri": "https://portal.example/cb?tenant=1"}, "other_redirect_uri"),
        ({"redirect_uri": None}, "no_redirect_uri"),
        ({"code": "x" * 43}, "unknown_code"),
        ({"code": None}, "no_code"),
    ],
)
def test_refuses_a_code_without_all_that_it_is_bound_to(
    composition: Composition,
    party: RelyingParty,
    visitor: Visitor,
    http: FlaskClient,
    changes: dict[str, str | None],
    reason: str,
) -> None:
    """RFC 6749 §4.1.3, RFC 7636 §4.6; the reason is on record, not in the answer."""
    code = visitor.authorize(party)
    refused = party.exchange(http, code, **changes)
    assert refused.status_code == 400
    assert refused.get_json()["error"] in ("invalid_grant", "invalid_request")
    assert events(composition, "idp:token:refused") == [("refused", reason, party.client_id)]
    assert party.exchange(http, code).status_code == 200


def test_refuses_a_code_presented_by_another_client(
    composition: Composition, party: RelyingParty, visitor: Visitor, http: FlaskClient
) -> None:
    """RFC 6749 §4.1.3: it gets nothing, and does not use up what is another's."""
    other, code = register(composition), visitor.authorize(party)
    other.verifier = party.verifier
    assert other.exchange(http, code).get_json()["error"] == "invalid_grant"
    assert events(composition, "idp:token:refused") == [("refused", "other_client", other.client_id)]
    assert party.exchange(http, code).status_code == 200


def test_refuses_a_code_after_a_minute(
    party: RelyingParty, visitor: Visitor, http: FlaskClient, clock: ManualClock
) -> None:
    """RFC 9700 §2.1.1: short."""
    code = visitor.authorize(party)
    clock.advance(timedelta(seconds=60))
    assert party.exchange(http, code).get_json()["error"] == "invalid_grant"


def test_a_code_does_not_survive_logout(
    composition: Composition, party: RelyingParty, visitor: Visitor, http: FlaskClient
) -> None:
    """A lock holds at every door, redemption of a code too."""
    code = visitor.authorize(party)
    session_row = visitor.log_in()
    assert session_row.sid
    with composition.database.transaction() as session:
        sid = session.scalars(select(AuditEvent.session_id).where(AuditEvent.type == "idp:authorization:granted")).one()
        assert sid is not None
        end_browser_session(session, journal=composition.journal, sid=sid, reason="logout", now=composition.clock.now())
    assert party.exchange(http, code).get_json()["error"] == "invalid_grant"


def test_a_code_does_not_survive_that_consent_is_taken_back(
    composition: Composition, party: RelyingParty, visitor: Visitor, http: FlaskClient
) -> None:
    """There is no family yet that could be revoked: what the code stands for is asked again where it is redeemed."""
    code = visitor.authorize(party)
    with composition.database.transaction() as session:
        withdraw_consent(
            session,
            journal=composition.journal,
            person_id=visitor.person_id,
            client_id=party.client_id,
            now=composition.clock.now(),
        )
    assert party.exchange(http, code).get_json()["error"] == "invalid_grant"
    assert events(composition, "idp:token:refused") == [("refused", "consent_withdrawn", party.client_id)]


def test_a_second_use_fails_and_revokes_what_the_first_gave(
    composition: Composition, party: RelyingParty, visitor: Visitor, http: FlaskClient
) -> None:
    """RFC 6749 §4.1.2."""
    code = visitor.authorize(party, scope="openid offline_access")
    tokens = party.exchange(http, code).get_json()
    assert party.exchange(http, code).get_json()["error"] == "invalid_grant"
    assert events(composition, "idp:token:reused") == [("refused", "code_reused", party.client_id)]
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert http.get("/userinfo", headers=bearer).status_code == 401
    assert party.refresh(http, tokens["refresh_token"]).get_json()["error"] == "invalid_grant"


def test_fifty_at_once_redeem_a_code_once(
    app: Flask, composition: Composition, party: RelyingParty, visitor: Visitor
) -> None:
    """Exactly one winner, whatever the database."""
    code = visitor.authorize(party)
    statuses: list[int] = []
    start = threading.Barrier(50)

    def redeem() -> None:
        with app.test_client(use_cookies=False) as client:
            start.wait()
            statuses.append(party.exchange(client, code).status_code)

    threads = [threading.Thread(target=redeem) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] + [400] * 49
    assert len(events(composition, "idp:token:issued")) == 1


def test_a_closed_client_gets_no_login_and_no_token(
    composition: Composition, party: RelyingParty, visitor: Visitor, http: FlaskClient
) -> None:
    """Closing takes effect at once, also between code and token."""
    code = visitor.authorize(party)
    with composition.database.transaction() as session:
        disable_client(session, journal=composition.journal, client_id=party.client_id, now=composition.clock.now())
    assert party.exchange(http, code).get_json()["error"] == "invalid_client"
    refused = visitor.http.get(party.authorization_url())
    assert refused.status_code == 400
    assert "Location" not in refused.headers


def test_a_policy_that_changed_meanwhile_is_asked_before_anything_is_given(
    composition: Composition, party: RelyingParty, visitor: Visitor
) -> None:
    """The request was judged by rules that are no longer its application's: it begins anew at the application."""
    location = visitor.http.get(party.authorization_url()).headers["Location"]
    page = visitor.http.get(location)
    change(composition, party, policy="fapi2")
    refused = visitor.decide(page)
    assert (refused.status_code, "Location" in refused.headers) == (400, False)
    assert events(composition, "idp:consent:granted") == []


def test_an_interaction_of_another_browser_is_worth_nothing(
    composition: Composition, party: RelyingParty, visitor: Visitor, app: Flask
) -> None:
    """CVE-2026-7507: a login prepared by an attacker dies in the victim's browser."""
    attacker = add_visitor(composition, app, cedula="0926687856")
    attacker.log_in()
    prepared = attacker.http.get(party.authorization_url()).headers["Location"]
    visitor.http.get(party.authorization_url())
    assert visitor.http.get(prepared).status_code == 403


def test_double_submit_and_back_after_consent_are_harmless(
    composition: Composition, party: RelyingParty, visitor: Visitor, http: FlaskClient, clock: ManualClock
) -> None:
    """A second press replaces the first answer in the browser: it gives the code that lives; later the page is over."""
    location = visitor.http.get(party.authorization_url()).headers["Location"]
    page = visitor.http.get(location)
    first, second = answer_of(visitor.decide(page)), answer_of(visitor.decide(page))
    assert first["code"] != second["code"]
    assert party.exchange(http, first["code"]).get_json()["error"] == "invalid_grant"
    assert party.exchange(http, second["code"]).status_code == 200
    assert "code" in answer_of(visitor.http.get(location))
    assert len(events(composition, "idp:consent:granted")) == 1
    clock.advance(timedelta(seconds=61))
    assert visitor.http.get(location).status_code == 409
    assert "code" in answer_of(visitor.http.get(party.authorization_url()))


def test_a_second_press_after_denying_gives_nothing(party: RelyingParty, visitor: Visitor) -> None:
    """The first decision stands, also when the second press is the other button."""
    page = visitor.http.get(visitor.http.get(party.authorization_url()).headers["Location"])
    assert answer_of(visitor.decide(page, "deny"))["error"] == "access_denied"
    assert answer_of(visitor.decide(page, "allow"))["error"] == "access_denied"


def test_denying_after_allowing_leaves_the_decision_to_the_account(party: RelyingParty, visitor: Visitor) -> None:
    """The data may be given by now: the page says that this is over, and does not claim that nothing was given."""
    page = visitor.http.get(visitor.http.get(party.authorization_url()).headers["Location"])
    assert "code" in answer_of(visitor.decide(page))
    assert visitor.decide(page, "deny").status_code == 409


@pytest.mark.parametrize("decision", ["allow", "deny"])
def test_two_presses_at_the_same_moment_both_end_at_the_application(
    composition: Composition, party: RelyingParty, visitor: Visitor, app: Flask, http: FlaskClient, decision: str
) -> None:
    """Both lead back, the decision is on record once, and of one decision one code lives: the last."""
    page = visitor.http.get(visitor.http.get(party.authorization_url()).headers["Location"])
    cookies = "; ".join(f"{name}={visitor.http.get_cookie(name).value}" for name in COOKIES)  # type: ignore[union-attr]
    path, form = visitor.decision(page, decision)
    answers: list[dict[str, str]] = []
    start = threading.Barrier(8)

    def press() -> None:
        with app.test_client(use_cookies=False) as tab:
            start.wait()
            answers.append(answer_of(tab.post(path, data=form, headers={"Cookie": cookies})))

    threads = [threading.Thread(target=press) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8
    if decision == "allow":
        assert len({answer["code"] for answer in answers}) == 8
        redeemed = [party.exchange(http, answer["code"]).status_code for answer in answers]
        assert sorted(redeemed) == [200] + [400] * 7
        assert len(events(composition, "idp:consent:granted")) == 1
    else:
        assert {answer["error"] for answer in answers} == {"access_denied"}
        assert len(events(composition, "idp:consent:refused")) == 1


def test_denying_twice_gives_nothing_although_an_older_consent_stands(party: RelyingParty, visitor: Visitor) -> None:
    """prompt=consent asks anew: neither the second no nor a look at the page turns into a yes."""
    visitor.authorize(party)
    location = visitor.http.get(party.authorization_url(prompt="consent")).headers["Location"]
    page = visitor.http.get(location)
    assert answer_of(visitor.decide(page, "deny"))["error"] == "access_denied"
    assert answer_of(visitor.decide(page, "deny"))["error"] == "access_denied"
    assert answer_of(visitor.http.get(location))["error"] == "access_denied"


def test_consent_is_not_given_for_someone_else_than_the_page_showed(
    composition: Composition, party: RelyingParty, visitor: Visitor, app: Flask
) -> None:
    """Another person logged in meanwhile in the same browser: the values would be another's."""
    page = visitor.http.get(visitor.http.get(party.authorization_url()).headers["Location"])
    other = add_visitor(composition, app, cedula="0926687856")
    other.http = visitor.http
    other.log_in()
    response = visitor.decide(page)
    assert response.headers["Location"].startswith("/authorize/resume/")
    assert events(composition, "idp:consent:granted") == []
