"""Back-Channel Logout 1.0: every end of a session reaches every application that took part in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from ipaddress import ip_network
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwe, jws
from joserfc.jwk import ECKey

import idp.jobs
from composition import Composition
from idp.accounts.life import disable_person, erase_person
from idp.authentication.browser_session import end_browser_session, end_expired_sessions, end_sessions_of
from idp.clients.register import disable_client
from idp.tokens.session_name import session_behind
from kernel.clock import ManualClock
from kernel.outbox import run_due
from kernel.settings import Settings
from tests.idp.relying_party import RelyingParty, Visitor, add_visitor, events, register
from tests.outgoing.host import Host, answering, ok, run_host

EVENT = "http://schemas.openid.net/event/backchannel-logout"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The applications of these tests listen on loopback, which the operator lists."""
    return settings.model_copy(update={"outgoing_networks": (ip_network("127.0.0.0/8"),)})


@pytest.fixture
def receiver() -> Iterator[Host]:
    """An application's server that takes what comes."""
    with run_host(ok(b"")) as host:
        yield host


def _listening(composition: Composition, host: Host, **metadata: Any) -> RelyingParty:
    return register(composition, backchannel_logout_uri=f"http://127.0.0.1:{host.port}/out?tenant=1", **metadata)


def _log_in(party: RelyingParty, visitor: Visitor, http: FlaskClient) -> dict[str, Any]:
    answer = party.exchange(http, visitor.authorize(party)).get_json()
    return party.claims(answer["id_token"]) | {"token": answer["id_token"]}


def _deliver(composition: Composition) -> int:
    return run_due(composition.database, idp.jobs.deliveries(composition.idp), now=composition.clock.now())


def _token(host: Host) -> str:
    (request,) = host.requests
    header, _, body = request.decode().partition("\r\n\r\n")
    assert header.startswith("POST /out?tenant=1 HTTP/1.1\r\n")
    assert "Content-Type: application/x-www-form-urlencoded" in header
    (token,) = parse_qs(body, strict_parsing=True).pop("logout_token")
    return token


def _header(token: str) -> dict[str, Any]:
    return dict(jws.extract_compact(token.encode()).headers())


def test_the_logout_token_is_what_the_specification_says(
    composition: Composition, receiver: Host, visitor: Visitor, http: FlaskClient, clock: ManualClock
) -> None:
    """OpenID Provider, rule 17; §2.4: the same sub and sid as the ID token, an event, a jti, a type, no nonce."""
    party = _listening(composition, receiver)
    logged_in = _log_in(party, visitor, http)
    visitor.http.get("/logout?" + urlencode({"id_token_hint": logged_in["token"]}))
    assert receiver.requests == []  # not while the person waits
    assert _deliver(composition) == 1
    token = _token(receiver)
    claims = party.claims(token)
    assert _header(token)["typ"] == "logout+jwt"
    assert _header(token)["alg"] == "ES256"
    assert claims.pop("jti")
    assert claims == {
        "iss": "http://localhost:8000",
        "aud": party.client_id,
        "iat": int(clock.now().timestamp()),
        "exp": int(clock.now().timestamp()) + 120,
        "sub": logged_in["sub"],
        "sid": logged_in["sid"],
        "events": {EVENT: {}},
    }
    assert events(composition, "idp:delivery:delivered") == [("success", None, party.client_id)]
    assert _deliver(composition) == 0


def test_it_is_signed_by_the_algorithm_of_the_clients_id_tokens(
    composition: Composition, receiver: Host, visitor: Visitor, http: FlaskClient
) -> None:
    """§2.4."""
    party = _listening(composition, receiver, id_token_signed_response_alg="RS256")
    logged_in = _log_in(party, visitor, http)
    visitor.http.get("/logout?" + urlencode({"id_token_hint": logged_in["token"]}))
    _deliver(composition)
    assert _header(_token(receiver))["alg"] == "RS256"


def test_it_names_the_person_as_the_application_knows_him(
    composition: Composition, receiver: Host, visitor: Visitor, http: FlaskClient
) -> None:
    """§2.4, OpenID Connect Core §8.1: a pairwise subject here too."""
    party = _listening(composition, receiver, subject_type="pairwise")
    logged_in = _log_in(party, visitor, http)
    visitor.http.get("/logout?" + urlencode({"id_token_hint": logged_in["token"]}))
    _deliver(composition)
    assert party.claims(_token(receiver))["sub"] == logged_in["sub"] != visitor.person_id


def test_it_is_encrypted_where_id_tokens_are(
    composition: Composition, receiver: Host, visitor: Visitor, http: FlaskClient
) -> None:
    """§2.4: signed, then encrypted to the key that the application published."""
    key = ECKey.generate_key("P-256", parameters={"use": "enc", "alg": "ECDH-ES", "kid": "e"})
    party = _listening(
        composition,
        receiver,
        jwks={"keys": [key.as_dict(private=False)]},
        id_token_encrypted_response_alg="ECDH-ES",
    )
    visitor.authorize(party)
    http_answer = party.exchange(http, visitor.authorize(party))
    assert http_answer.status_code == 200
    visitor.http.post("/logout/confirm", data=_form(visitor, f"/logout?client_id={party.client_id}"))
    assert _deliver(composition) == 1
    token = _token(receiver)
    assert token.count(".") == 4
    inner = jwe.decrypt_compact(token.encode(), key, algorithms=["ECDH-ES", "A128CBC-HS256", "A256GCM"]).plaintext
    assert inner is not None
    assert party.claims(inner.decode())["events"] == {EVENT: {}}


def _form(visitor: Visitor, page: str) -> dict[str, str]:
    shown = visitor.http.get(page).get_data(as_text=True)
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', shown)) | {"decision": "yes"}


def _by_administrator(composition: Composition, person_id: str, sid: str) -> None:
    with composition.database.transaction() as session:
        end_browser_session(
            session, journal=composition.journal, sid=sid, reason="administrator", now=composition.clock.now()
        )


def _by_new_password(composition: Composition, person_id: str, sid: str) -> None:
    with composition.database.transaction() as session:
        end_sessions_of(
            session,
            journal=composition.journal,
            person_id=person_id,
            reason="password_changed",
            now=composition.clock.now(),
        )


def _by_expiry(composition: Composition, person_id: str, sid: str) -> None:
    composition.clock.advance(timedelta(hours=13))  # type: ignore[attr-defined]
    with composition.database.transaction() as session:
        assert end_expired_sessions(session, journal=composition.journal, now=composition.clock.now()) == 1


def _by_disabling(composition: Composition, person_id: str, sid: str) -> None:
    with composition.database.transaction() as session:
        disable_person(
            session, services=composition.idp, person_id=person_id, actor="command", now=composition.clock.now()
        )


def _by_erasure(composition: Composition, person_id: str, sid: str) -> None:
    with composition.database.transaction() as session:
        erase_person(
            session, services=composition.idp, person_id=person_id, actor="command", now=composition.clock.now()
        )


@pytest.mark.parametrize("end", [_by_administrator, _by_new_password, _by_expiry, _by_disabling, _by_erasure])
def test_whatever_ends_the_session_the_applications_hear_of_it(
    composition: Composition,
    receiver: Host,
    visitor: Visitor,
    http: FlaskClient,
    end: Callable[[Composition, str, str], None],
) -> None:
    """Surface, "leaving": logout also on expiry, the administrator's word, deletion. ``sub`` is the one they know."""
    party = _listening(composition, receiver)
    logged_in = _log_in(party, visitor, http)
    end(composition, visitor.person_id, session_behind(composition.idp, party.client_id, logged_in["sid"]))
    assert _deliver(composition) == 1
    claims = party.claims(_token(receiver))
    assert (claims["sub"], claims["sid"]) == (logged_in["sub"], logged_in["sid"])


def test_only_applications_of_the_session_are_told(
    composition: Composition, receiver: Host, visitor: Visitor, http: FlaskClient, app: Flask
) -> None:
    """Nobody learns of the person's other sessions, nor of other people's."""
    party, stranger = _listening(composition, receiver), _listening(composition, receiver)
    logged_in = _log_in(party, visitor, http)
    other = add_visitor(composition, app, cedula="0926687856")
    other.log_in()
    _log_in(stranger, other, http)
    visitor.http.get("/logout?" + urlencode({"id_token_hint": logged_in["token"]}))
    assert _deliver(composition) == 1
    assert party.claims(_token(receiver))["aud"] == party.client_id


def test_a_session_whose_tokens_were_revoked_is_still_one_that_was_shared(
    composition: Composition, receiver: Host, visitor: Visitor, http: FlaskClient
) -> None:
    """The application threw its tokens away, but its own session with the person goes on."""
    party = _listening(composition, receiver)
    answer = party.exchange(http, visitor.authorize(party)).get_json()
    assert http.post("/revoke", data={"token": answer["access_token"]}, headers=party.basic()).status_code == 200
    visitor.http.get("/logout?" + urlencode({"id_token_hint": answer["id_token"]}))
    assert _deliver(composition) == 1


def test_an_end_that_was_rolled_back_is_told_to_nobody(
    composition: Composition, receiver: Host, visitor: Visitor, http: FlaskClient
) -> None:
    """The notice commits with the end, or neither does."""
    party = _listening(composition, receiver)
    logged_in = _log_in(party, visitor, http)
    sid = session_behind(composition.idp, party.client_id, logged_in["sid"])
    with pytest.raises(ZeroDivisionError), composition.database.transaction() as session:
        end_browser_session(session, journal=composition.journal, sid=sid, reason="logout", now=composition.clock.now())
        _ = 1 / 0
    assert _deliver(composition) == 0


def test_one_that_is_down_is_told_later_with_a_fresh_token_of_the_same_name(
    composition: Composition, visitor: Visitor, http: FlaskClient, clock: ManualClock
) -> None:
    """Retried; ``jti`` stays, so that a receiver can tell a repetition; ``exp`` does not, or it would be refused."""
    with run_host(answering(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")) as host:
        party = _listening(composition, host)
        logged_in = _log_in(party, visitor, http)
        visitor.http.get("/logout?" + urlencode({"id_token_hint": logged_in["token"]}))
        assert _deliver(composition) == 0
        first = party.claims(_token(host))
        host.requests.clear()
        clock.advance(timedelta(minutes=3))
        assert _deliver(composition) == 0
        second = party.claims(_token(host))
    assert first["jti"] == second["jti"]
    assert second["exp"] > first["exp"] + 100


def test_one_that_refuses_is_not_asked_again(
    composition: Composition, visitor: Visitor, http: FlaskClient, clock: ManualClock
) -> None:
    """§2.8: 400 is its last word; on record, and the administrator sees it."""
    refusal = b'HTTP/1.1 400 Bad\r\nContent-Length: 27\r\n\r\n{"error":"invalid_request"}'
    with run_host(answering(refusal)) as host:
        party = _listening(composition, host)
        logged_in = _log_in(party, visitor, http)
        visitor.http.get("/logout?" + urlencode({"id_token_hint": logged_in["token"]}))
        _deliver(composition)
        clock.advance(timedelta(days=1))
        _deliver(composition)
    assert len(host.requests) == 1
    assert events(composition, "idp:delivery:undeliverable") == [("failure", "receiver_answered_400", party.client_id)]


def test_an_application_closed_meanwhile_is_told_nothing(
    composition: Composition, receiver: Host, visitor: Visitor, http: FlaskClient
) -> None:
    """Its address may be someone else's by now."""
    party = _listening(composition, receiver)
    logged_in = _log_in(party, visitor, http)
    visitor.http.get("/logout?" + urlencode({"id_token_hint": logged_in["token"]}))
    with composition.database.transaction() as session:
        disable_client(session, journal=composition.journal, client_id=party.client_id, now=composition.clock.now())
    assert _deliver(composition) == 1
    assert receiver.requests == []


def test_discovery_says_so(http: FlaskClient) -> None:
    """§2.1."""
    document = http.get("/.well-known/openid-configuration").get_json()
    assert document["backchannel_logout_supported"] is True
    assert document["backchannel_logout_session_supported"] is True
