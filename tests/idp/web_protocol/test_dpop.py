"""Tokens bound to the key of DPoP proofs (RFC 9449), through the endpoints."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

from composition import Composition
from idp.authorization.model import AuthorizationCodeRow
from idp.tokens.jobs import periodic_jobs
from idp.tokens.model import UsedProofRow
from kernel.clock import ManualClock
from tests.idp.dpop import Holder
from tests.idp.relying_party import RelyingParty, Visitor, change, events, register

SCOPE = "openid profile offline_access"


@pytest.fixture
def holder(composition: Composition) -> Holder:
    """A sender with a key."""
    return Holder(composition)


@pytest.fixture
def spa(composition: Composition, app: Flask) -> RelyingParty:
    """A public application."""
    return register(composition, token_endpoint_auth_method="none", redirect_uris=["https://portal.example/cb"])


def _bind_code(composition: Composition, jkt: str) -> None:
    """As an authorization request with ``dpop_jkt`` does."""
    with composition.database.transaction() as session:
        session.execute(update(AuthorizationCodeRow).values(jkt=jkt))


def _tokens(party: RelyingParty, visitor: Visitor, http: FlaskClient, holder: Holder) -> dict[str, Any]:
    answer = party.exchange(http, visitor.authorize(party, scope=SCOPE), party.basic() | holder.headers())
    assert answer.status_code == 200, answer.get_json()
    document: dict[str, Any] = answer.get_json()
    return document


def test_tokens_are_bound_to_the_key_of_the_proof(
    party: RelyingParty, visitor: Visitor, http: FlaskClient, holder: Holder
) -> None:
    """§5, §6.1: ``token_type`` DPoP, ``cnf.jkt``; UserInfo opens to the key and says so to introspection."""
    tokens = _tokens(party, visitor, http, holder)
    assert tokens["token_type"] == "DPoP"
    assert party.claims(tokens["access_token"])["cnf"] == {"jkt": holder.jkt}
    opened = http.get("/userinfo", headers=holder.showing(tokens["access_token"]))
    assert (opened.status_code, opened.get_json()["sub"]) == (200, visitor.person_id)
    said = http.post("/introspect", data={"token": tokens["access_token"]}, headers=party.basic()).get_json()
    assert (said["token_type"], said["cnf"]) == ("DPoP", {"jkt": holder.jkt})


def test_the_scheme_is_not_case_sensitive(
    party: RelyingParty, visitor: Visitor, http: FlaskClient, holder: Holder
) -> None:
    """RFC 9110 §11.1, as FAPI 2.0's certification asks."""
    token = _tokens(party, visitor, http, holder)["access_token"]
    for scheme in ("DPoP", "dpop", "DPOP", "dPoP"):
        headers = holder.showing(token) | {"Authorization": f"{scheme} {token}"}
        assert http.get("/userinfo", headers=headers).status_code == 200


def test_a_bound_token_is_no_bearer_token_and_none_becomes_bound(
    composition: Composition, party: RelyingParty, visitor: Visitor, http: FlaskClient, holder: Holder
) -> None:
    """§7.2: a thief does not get around the key by another scheme."""
    bound = _tokens(party, visitor, http, holder)["access_token"]
    for headers in ({"Authorization": f"Bearer {bound}"}, holder.showing(bound) | {"Authorization": f"Bearer {bound}"}):
        refused = http.get("/userinfo", headers=headers)
        assert (refused.status_code, refused.get_json()["error"]) == (401, "invalid_token")
    proof = {"DPoP": holder.showing(bound, method="POST")["DPoP"]}
    refused = http.post("/userinfo", data={"access_token": bound}, headers=proof)
    assert (refused.status_code, refused.get_json()["error"]) == (401, "invalid_token")
    bearer = party.exchange(http, visitor.authorize(party)).get_json()["access_token"]
    refused = http.get("/userinfo", headers=holder.showing(bearer))
    assert (refused.status_code, refused.get_json()["error"]) == (401, "invalid_token")
    reasons = [event[1] for event in events(composition, "idp:userinfo:refused")]
    assert reasons == ["bound_token_as_bearer"] * 3 + ["bearer_token_as_bound"]


def test_a_stolen_token_is_worth_nothing_without_the_key(
    composition: Composition, party: RelyingParty, visitor: Visitor, http: FlaskClient, holder: Holder
) -> None:
    """§7.1: another key, no proof, a proof for another token, address or method."""
    token = _tokens(party, visitor, http, holder)["access_token"]
    thief = Holder(composition)
    tried = [
        (thief.showing(token), "invalid_token"),
        ({"Authorization": f"DPoP {token}"}, "invalid_dpop_proof"),
        (holder.showing(token, ath="x" * 43), "invalid_dpop_proof"),
        (holder.showing(token, ath=None), "invalid_dpop_proof"),
        (holder.showing(token, path="/token"), "invalid_dpop_proof"),
        (holder.showing(token, method="POST"), "invalid_dpop_proof"),
    ]
    for headers, code in tried:
        refused = http.get("/userinfo", headers=headers)
        assert (refused.status_code, refused.get_json()["error"]) == (401, code)
        challenge, other = refused.headers.getlist("WWW-Authenticate")
        assert challenge.startswith("DPoP ")
        assert f'error="{code}"' in challenge
        assert 'algs="ES256 PS256 ES384 EdDSA Ed25519"' in challenge
        assert other.startswith("Bearer ")


def test_a_proof_works_once(
    composition: Composition, party: RelyingParty, visitor: Visitor, http: FlaskClient, holder: Holder
) -> None:
    """OpenID Provider, rule 11: the ``jti`` is single use, here and at the token endpoint."""
    code = visitor.authorize(party, scope=SCOPE)
    headers = party.basic() | holder.headers()
    token = party.exchange(http, code, headers).get_json()["access_token"]
    again = party.exchange(http, visitor.authorize(party), headers)
    assert (again.status_code, again.get_json()["error"]) == (400, "invalid_dpop_proof")
    shown = holder.showing(token)
    assert http.get("/userinfo", headers=shown).status_code == 200
    assert http.get("/userinfo", headers=shown).get_json()["error"] == "invalid_dpop_proof"
    assert events(composition, "idp:userinfo:refused")[-1][1] == "proof_replayed"
    # Another key may use the same jti: nobody uses up another's.
    other = Holder(composition)
    jti = {"jti": "the-same"}
    for each in (holder, other):
        issued = party.exchange(http, visitor.authorize(party), party.basic() | each.headers(**jti))
        assert issued.status_code == 200


def test_of_twenty_at_once_one_proof_is_accepted(
    app: Flask, party: RelyingParty, visitor: Visitor, http: FlaskClient, holder: Holder
) -> None:
    """OpenID Provider, rule 11: exactly one winner."""
    token = _tokens(party, visitor, http, holder)["access_token"]
    shown, statuses, start = holder.showing(token), list[int](), threading.Barrier(20)

    def show() -> None:
        with app.test_client(use_cookies=False) as client:
            start.wait()
            statuses.append(client.get("/userinfo", headers=shown).status_code)

    threads = [threading.Thread(target=show) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] + [401] * 19


def test_a_clock_that_leads_by_eight_seconds_is_forgiven_one_of_sixty_is_not(
    party: RelyingParty, visitor: Visitor, http: FlaskClient, holder: Holder, clock: ManualClock
) -> None:
    """OpenID Provider, rule 11. A refused proof costs no code."""
    code, at = visitor.authorize(party), int(clock.now().timestamp())
    late = party.exchange(http, code, party.basic() | holder.headers(iat=at + 60))
    assert late.get_json()["error"] == "invalid_dpop_proof"
    assert party.exchange(http, code, party.basic() | holder.headers(iat=at + 8)).status_code == 200


def test_several_proofs_are_refused(party: RelyingParty, visitor: Visitor, http: FlaskClient, holder: Holder) -> None:
    """§4.3 item 1: two readers might each believe another one."""
    headers = [*party.basic().items(), ("DPoP", holder.proof()), ("DPoP", holder.proof())]
    form = {"grant_type": "authorization_code", "code": visitor.authorize(party), "redirect_uri": party.redirect_uri}
    refused = http.post("/token", data=form | {"code_verifier": party.verifier}, headers=headers)
    assert refused.get_json()["error"] == "invalid_dpop_proof"


def test_a_code_asked_for_with_a_key_needs_that_key(
    composition: Composition, party: RelyingParty, visitor: Visitor, http: FlaskClient, holder: Holder
) -> None:
    """OpenID Provider, rule 11: ``dpop_jkt`` must match at the token endpoint (§10). A wrong try costs no code."""
    code = visitor.authorize(party)
    _bind_code(composition, holder.jkt)
    for headers in (party.basic(), party.basic() | Holder(composition).headers()):
        assert party.exchange(http, code, headers).get_json()["error"] == "invalid_grant"
    assert [event[1] for event in events(composition, "idp:token:refused")] == ["other_key", "other_key"]
    assert party.exchange(http, code, party.basic() | holder.headers()).status_code == 200


def test_a_client_that_registered_it_gets_no_bearer_tokens(
    composition: Composition, party: RelyingParty, visitor: Visitor, http: FlaskClient, holder: Holder
) -> None:
    """§5.2: ``dpop_bound_access_tokens``."""
    change(composition, party, dpop_bound_access_tokens=True)
    code = visitor.authorize(party)
    refused = party.exchange(http, code)
    assert (refused.status_code, refused.get_json()["error"]) == (400, "invalid_request")
    assert "DPoP-Nonce" not in refused.headers
    assert party.exchange(http, code, party.basic() | holder.headers()).get_json()["token_type"] == "DPoP"


def test_a_nonce_is_offered_with_every_answer_and_checked_where_it_is_used(
    party: RelyingParty, visitor: Visitor, http: FlaskClient, holder: Holder, clock: ManualClock
) -> None:
    """§8: a dead nonce is told with a live one; §8.2: a new one comes with successes too."""
    code = visitor.authorize(party)
    told = party.exchange(http, code, party.basic() | holder.headers(nonce="dead"))
    assert (told.status_code, told.get_json()["error"]) == (400, "use_dpop_nonce")
    issued = party.exchange(http, code, party.basic() | holder.headers(nonce=told.headers["DPoP-Nonce"]))
    assert (issued.status_code, issued.headers["DPoP-Nonce"]) == (200, told.headers["DPoP-Nonce"])
    clock.advance(timedelta(minutes=4, seconds=1))
    token = issued.get_json()["access_token"]
    stale = http.get("/userinfo", headers=holder.showing(token, nonce=issued.headers["DPoP-Nonce"]))
    assert (stale.status_code, stale.get_json()["error"]) == (401, "use_dpop_nonce")
    assert 'error="use_dpop_nonce"' in stale.headers["WWW-Authenticate"]
    fresh = http.get("/userinfo", headers=holder.showing(token, nonce=stale.headers["DPoP-Nonce"]))
    assert (fresh.status_code, fresh.headers["DPoP-Nonce"]) == (200, stale.headers["DPoP-Nonce"])


def test_where_the_policy_says_so_a_nonce_is_needed(
    composition: Composition, party: RelyingParty, visitor: Visitor, http: FlaskClient, holder: Holder
) -> None:
    """FAPI 2.0 §5.3.2.1 item 10: proofs made ahead of time are worth nothing."""
    code = visitor.authorize(party)
    change(composition, party, policy="fapi2")
    told = party.exchange(http, code, party.basic() | holder.headers())
    assert (told.status_code, told.get_json()["error"]) == (400, "use_dpop_nonce")
    nonce = told.headers["DPoP-Nonce"]
    token = party.exchange(http, code, party.basic() | holder.headers(nonce=nonce)).get_json()["access_token"]
    told = http.get("/userinfo", headers=holder.showing(token))
    assert (told.status_code, told.get_json()["error"]) == (401, "use_dpop_nonce")
    assert http.get("/userinfo", headers=holder.showing(token, nonce=told.headers["DPoP-Nonce"])).status_code == 200


def test_where_the_policy_says_so_tokens_are_never_bearer(
    composition: Composition, party: RelyingParty, visitor: Visitor, http: FlaskClient
) -> None:
    """OpenID Provider, rule 11: a FAPI client gets sender-constrained tokens only."""
    code = visitor.authorize(party)
    change(composition, party, policy="fapi2")
    refused = party.exchange(http, code)
    assert (refused.status_code, refused.get_json()["error"]) == (400, "invalid_request")
    assert events(composition, "idp:token:refused") == [("refused", "proof_not_bound", party.client_id)]


def test_a_public_client_refreshes_by_the_same_key_only(
    composition: Composition, spa: RelyingParty, visitor: Visitor, http: FlaskClient, holder: Holder
) -> None:
    """§5: its refresh token is bound, for nothing else tells it from a thief. A wrong key costs no token."""
    issued = spa.exchange(
        http, visitor.authorize(spa, scope=SCOPE), holder.headers(), client_id=spa.client_id
    ).get_json()
    form = {"grant_type": "refresh_token", "refresh_token": issued["refresh_token"], "client_id": spa.client_id}
    for headers in ({}, Holder(composition).headers()):
        assert http.post("/token", data=form, headers=headers).get_json()["error"] == "invalid_grant"
    renewed = http.post("/token", data=form, headers=holder.headers())
    assert (renewed.status_code, renewed.get_json()["token_type"]) == (200, "DPoP")
    assert [event[1] for event in events(composition, "idp:token:refused")] == ["key_not_proven", "other_key"]


def test_a_confidential_client_may_change_its_key_but_not_lose_it(
    composition: Composition, party: RelyingParty, visitor: Visitor, http: FlaskClient, holder: Holder
) -> None:
    """§5: its authentication is the binding; what was bound never becomes a bearer token."""
    first = _tokens(party, visitor, http, holder)
    assert party.refresh(http, first["refresh_token"]).get_json()["error"] == "invalid_grant"
    other = Holder(composition)
    form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    renewed = http.post("/token", data=form, headers=party.basic() | other.headers()).get_json()
    assert party.claims(renewed["access_token"])["cnf"] == {"jkt": other.jkt}
    assert http.get("/userinfo", headers=other.showing(renewed["access_token"])).status_code == 200


def test_scripts_of_other_origins_may_send_proofs_and_read_nonces(composition: Composition, http: FlaskClient) -> None:
    """§8.2: Fetch §3.2.5."""
    register(composition, token_endpoint_auth_method="none", redirect_uris=["https://spa.example/cb"])
    asked = http.options("/token", headers={"Origin": "https://spa.example", "Access-Control-Request-Method": "POST"})
    assert "DPoP" in asked.headers["Access-Control-Allow-Headers"]
    answer = http.post("/token", data={}, headers={"Origin": "https://spa.example", "DPoP": "x"})
    assert "DPoP-Nonce" in answer.headers["Access-Control-Expose-Headers"]
    assert answer.headers["DPoP-Nonce"]


def test_a_service_s_own_tokens_are_bound_too(
    composition: Composition, app: Flask, http: FlaskClient, holder: Holder
) -> None:
    """RFC 6749 §4.4 with RFC 9449 §5."""
    service = register(
        composition,
        redirect_uris=[],
        post_logout_redirect_uris=[],
        grant_types=["client_credentials"],
        scope="",
        optional_scope="",
        resources=["https://api.example/"],
    )
    form = {"grant_type": "client_credentials"}
    issued = http.post("/token", data=form, headers=service.basic() | holder.headers()).get_json()
    assert issued["token_type"] == "DPoP"
    assert service.claims(issued["access_token"])["cnf"] == {"jkt": holder.jkt}


def test_used_proofs_are_forgotten_when_they_are_too_old_anyway(
    composition: Composition,
    party: RelyingParty,
    visitor: Visitor,
    http: FlaskClient,
    holder: Holder,
    clock: ManualClock,
) -> None:
    """The table does not grow for ever; a proof of exactly the age limit is still remembered."""
    _tokens(party, visitor, http, holder)
    (clean,) = [job for job in periodic_jobs(composition.idp) if job.name == "idp.expired_tokens"]
    for step, left in ((60, 1), (1, 0)):
        clock.advance(timedelta(seconds=step))
        clean.run()
        with composition.database.reading() as session:
            assert session.scalar(select(func.count()).select_from(UsedProofRow)) == left
