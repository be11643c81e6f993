"""Faults on purpose: each is one that a careful library refuses, and none ever gets to production."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from joserfc.errors import JoseError
from sqlalchemy import select
from werkzeug.test import TestResponse

import idp.web.token
from composition import Composition
from idp.accounts.model import PersonRow
from idp.clients.client import find_client
from idp.clients.environment import Environment
from idp.clients.model import ClientRow
from idp.protocol.token_hash import left_half_hash
from idp.simulation.faults import (
    NOBODY,
    NOWHERE,
    OF_THE_SIGNED_RESPONSE,
    OF_THE_SIGNED_USERINFO,
    SLOW_SECONDS,
    SOMEBODY_ELSE,
    Fault,
    claims_in,
)
from idp.simulation.model import SimulationRow
from idp.simulation.run import list_simulations, start_simulation, stop_simulation
from kernel.errors import Conflict, Rejected
from kernel.identifiers import b64url_decode
from tests.idp import call_centre, device
from tests.idp.call_centre import add_call_centre
from tests.idp.device import add_television
from tests.idp.relying_party import RelyingParty, Visitor, answer_of, change, events

_PLAIN = [fault for fault in Fault if fault not in OF_THE_SIGNED_RESPONSE | OF_THE_SIGNED_USERINFO | {Fault.C_HASH}]
_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def sandboxed(composition: Composition, visitor: Visitor, party: RelyingParty) -> RelyingParty:
    """The application in a sandbox, its visitor a test citizen who has consented once."""
    _place(composition, party, Environment.SANDBOX)
    with composition.database.transaction() as session:
        session.get_one(PersonRow, visitor.person_id).is_test = True
    visitor.log_in()
    visitor.authorize(party)
    return party


def _place(composition: Composition, party: RelyingParty, environment: Environment) -> None:
    with composition.database.transaction() as session:
        row = session.get_one(ClientRow, party.client_id)
        row.environment, row.version = environment.value, row.version + 1


def _start(composition: Composition, party: RelyingParty, fault: str, logins: int = 1, minutes: int = 5) -> None:
    with composition.database.transaction() as session:
        start_simulation(
            session,
            services=composition.idp,
            client=find_client(session, party.client_id),
            fault=fault,
            logins=logins,
            minutes=minutes,
            actor="ana",
            now=composition.clock.now(),
        )


def _verdict(composition: Composition, party: RelyingParty) -> str:
    with composition.database.reading() as session:
        return list_simulations(session, party.client_id, now=composition.clock.now())[0].verdict


def test_each_fault_reaches_its_login_and_no_other(
    composition: Composition,
    visitor: Visitor,
    sandboxed: RelyingParty,
    http: FlaskClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One login is wrong, the next is right; what was touched says so, and is on record."""
    held: list[float] = []
    monkeypatch.setattr(idp.web.token, "hold_answer", lambda _environ, seconds: held.append(seconds))
    for fault in _PLAIN:
        _start(composition, sandboxed, fault.value)
        answer = answer_of(visitor.http.get(sandboxed.authorization_url()))
        given = sandboxed.exchange(http, answer["code"])
        _require_wrong(composition, sandboxed, fault, answer, given.status_code, given.json, http)
        if fault not in (Fault.NO_STATE, Fault.ALG_NONE, Fault.TOKEN_ERROR):
            continue
        again = sandboxed.exchange(http, visitor.authorize(sandboxed))
        assert sandboxed.claims(again.json["id_token"])["nonce"] == "n-0"
        assert "sau_simulation" not in again.json
        info = http.get("/userinfo", headers={"Authorization": f"Bearer {again.json['access_token']}"})
        assert "sau_simulation" not in info.json
    assert held == [SLOW_SECONDS]
    recorded = events(composition, "idp:simulation:fault_injected")
    assert len(recorded) == len(_PLAIN)
    assert {client for _, _, client in recorded} == {sandboxed.client_id}


def _require_wrong(
    composition: Composition,
    party: RelyingParty,
    fault: Fault,
    answer: dict[str, str],
    status: int,
    given: dict[str, str],
    http: FlaskClient,
) -> None:
    if fault is Fault.TOKEN_ERROR:
        assert (status, given["error"]) == (500, "server_error")
        return
    assert given["sau_simulation"] == fault
    info = http.get("/userinfo", headers={"Authorization": f"Bearer {given['access_token']}"}).json
    issuer = composition.settings.issuer
    if fault is Fault.RESPONSE_ISS:
        assert answer["iss"] == NOWHERE
    elif fault is Fault.NO_STATE:
        assert "state" not in answer
    elif fault is Fault.USERINFO_SUB:
        assert info["sub"] == "somebody-else"
    elif fault in (Fault.SIGNATURE, Fault.UNKNOWN_KID, Fault.ALG_NONE):
        with pytest.raises((JoseError, ValueError)):
            party.claims(given["id_token"])
        header = json.loads(b64url_decode(given["id_token"].partition(".")[0]))
        assert (header["alg"] == "none") == (fault is Fault.ALG_NONE)
    else:
        claims = party.claims(given["id_token"])
        now = composition.clock.now().timestamp()
        wrong = {
            Fault.ISS: claims["iss"] == NOWHERE,
            Fault.AUD: claims["aud"] == NOBODY,
            Fault.NONCE: claims["nonce"] != "n-0",
            Fault.EXPIRED: claims["exp"] < now - 600,
        }
        assert wrong.get(fault, True)
        assert fault is Fault.ISS or claims["iss"] == issuer
    expected = "unseen" if fault in (Fault.USERINFO_SUB, Fault.TOKEN_SLOW) else "accepted"
    assert _verdict(composition, party) == expected


def test_what_the_application_did_is_told(
    composition: Composition, visitor: Visitor, sandboxed: RelyingParty, http: FlaskClient
) -> None:
    """A code that is never redeemed, and tokens that are never used, are a refusal as far as can be seen."""
    _start(composition, sandboxed, "no_state")
    assert _verdict(composition, sandboxed) == "waiting"
    visitor.authorize(sandboxed)
    assert _verdict(composition, sandboxed) == "rejected"
    _start(composition, sandboxed, "nonce", logins=2)
    sandboxed.exchange(http, visitor.authorize(sandboxed))
    assert _verdict(composition, sandboxed) == "rejected"
    with composition.database.transaction() as session:
        client = find_client(session, sandboxed.client_id)
        assert stop_simulation(
            session, services=composition.idp, client=client, actor="ana", now=composition.clock.now()
        )
    right = sandboxed.exchange(http, visitor.authorize(sandboxed)).json
    assert sandboxed.claims(right["id_token"])["nonce"] == "n-0"


def test_production_never_gets_a_fault(
    composition: Composition, visitor: Visitor, party: RelyingParty, http: FlaskClient
) -> None:
    """It cannot be begun there; and one that stands in the table all the same, by whatever way, does nothing."""
    with pytest.raises(Conflict):
        _start(composition, party, "nonce")
    now = composition.clock.now()
    with composition.database.transaction() as session:
        session.add(
            SimulationRow(
                id="1",
                client_id=party.client_id,
                fault="alg_none",
                logins_left=9,
                sent=5,
                redeemed=0,
                started_by="nobody",
                started_at=now,
                ends_at=now + timedelta(hours=1),
            )
        )
    visitor.log_in()
    visitor.authorize(party)
    answer = answer_of(visitor.http.get(party.authorization_url()))
    tokens = party.exchange(http, answer["code"]).json
    assert party.claims(tokens["id_token"])["nonce"] == "n-0"
    info = http.get("/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"}).json
    assert not {*answer, *tokens, *info} & {"sau_simulation"}
    with composition.database.reading() as session:
        row = session.scalars(select(SimulationRow)).one()
        assert (row.logins_left, row.sent, row.redeemed) == (9, 5, 0)
    assert not events(composition, "idp:simulation:fault_injected")


@_SQLITE
def test_a_signed_answer_is_wrong_inside(
    composition: Composition, visitor: Visitor, sandboxed: RelyingParty, http: FlaskClient
) -> None:
    """JARM §2.4: each is a reason to drop the code; what is not meant is right."""
    issuer, now = composition.settings.issuer, composition.clock.now().timestamp()
    for fault in (*sorted(OF_THE_SIGNED_RESPONSE), Fault.RESPONSE_ISS, Fault.NO_STATE):
        _start(composition, sandboxed, fault.value)
        told = answer_of(visitor.http.get(sandboxed.authorization_url(response_mode="jwt")))
        assert set(told) == {"response"}
        claims = claims_in(told["response"])
        assert claims["sau_simulation"] == fault
        if fault in (Fault.RESPONSE_SIGNATURE, Fault.RESPONSE_ALG_NONE):
            with pytest.raises((JoseError, ValueError)):
                sandboxed.claims(told["response"])
        else:
            assert sandboxed.claims(told["response"]) == claims
        assert (claims["iss"] == issuer) is (fault is not Fault.RESPONSE_ISS)
        assert (claims["aud"] == sandboxed.client_id) is (fault is not Fault.RESPONSE_AUD)
        assert (claims["exp"] > now) is (fault is not Fault.RESPONSE_EXPIRED)
        assert ("state" in claims) is (fault is not Fault.NO_STATE)
        assert _verdict(composition, sandboxed) == "rejected"
        sandboxed.exchange(http, claims["code"])
        assert _verdict(composition, sandboxed) == "accepted"
    # Of an answer that is not signed these do nothing, and the login is not counted.
    _start(composition, sandboxed, "response_aud")
    assert "sau_simulation" not in answer_of(visitor.http.get(sandboxed.authorization_url()))
    assert _verdict(composition, sandboxed) == "waiting"


@_SQLITE
def test_an_id_token_in_the_redirect_is_wrong_too(
    composition: Composition, visitor: Visitor, sandboxed: RelyingParty, http: FlaskClient
) -> None:
    """OpenID Connect Core §3.3.2.11: hybrid and implicit flows get theirs from the browser."""
    with pytest.raises(Rejected):
        _start(composition, sandboxed, "c_hash")
    change(composition, sandboxed, policy="classic", response_types=["code", "code id_token", "id_token token"])

    def answered(fault: str, response_type: str) -> dict[str, str]:
        _start(composition, sandboxed, fault)
        return answer_of(visitor.http.get(sandboxed.authorization_url(response_type=response_type)))

    hybrid = answered("c_hash", "code id_token")
    claims = sandboxed.claims(hybrid["id_token"])
    assert claims["c_hash"] != left_half_hash(hybrid["code"], algorithm="ES256")
    assert _verdict(composition, sandboxed) == "rejected"
    assert sandboxed.claims(sandboxed.exchange(http, hybrid["code"]).json["id_token"])["nonce"] == "n-0"
    assert _verdict(composition, sandboxed) == "accepted"
    assert sandboxed.claims(answered("aud", "code id_token")["id_token"])["aud"] == NOBODY
    implicit = answered("nonce", "id_token token")
    assert sandboxed.claims(implicit["id_token"])["nonce"] != "n-0"
    assert _verdict(composition, sandboxed) == "rejected"
    http.get("/userinfo", headers={"Authorization": f"Bearer {implicit['access_token']}"})
    assert _verdict(composition, sandboxed) == "accepted"


@_SQLITE
def test_a_signed_userinfo_answer_is_wrong(
    composition: Composition, visitor: Visitor, sandboxed: RelyingParty, http: FlaskClient
) -> None:
    """OpenID Connect Core §5.3.4: signature, ``iss``, ``aud`` and ``sub``."""
    change(composition, sandboxed, userinfo_signed_response_alg="ES256")
    for fault in (*sorted(OF_THE_SIGNED_USERINFO), Fault.USERINFO_SUB):
        _start(composition, sandboxed, fault.value)
        tokens = sandboxed.exchange(http, visitor.authorize(sandboxed)).json
        told = http.get("/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"}).text
        if fault is Fault.USERINFO_SIGNATURE:
            with pytest.raises((JoseError, ValueError)):
                sandboxed.claims(told)
            continue
        claims = sandboxed.claims(told)
        assert (claims["iss"] == NOWHERE) is (fault is Fault.USERINFO_ISS)
        assert (claims["aud"] == NOBODY) is (fault is Fault.USERINFO_AUD)
        assert (claims["sub"] == SOMEBODY_ELSE) is (fault is Fault.USERINFO_SUB)


@_SQLITE
def test_tokens_without_a_redirect_are_wrong_too(composition: Composition, visitor: Visitor, http: FlaskClient) -> None:
    """RFC 8628 and CIBA: the application asks for its tokens itself. A fault of a redirect does nothing there."""
    television, centre = add_television(composition, http), add_call_centre(composition, http)
    with composition.database.transaction() as session:
        session.get_one(PersonRow, visitor.person_id).is_test = True
    visitor.log_in()

    def from_device() -> TestResponse:
        asked = television.ask()
        device.press(visitor, device.type_code(visitor, asked["user_code"]), "allow")
        return television.poll(asked["device_code"])

    def from_a_call() -> TestResponse:
        asked = centre.ask()
        call_centre.press(visitor, call_centre.approvals_of(visitor)[0], "allow")
        return centre.poll(asked["auth_req_id"])

    for party, collect in ((television.party, from_device), (centre.party, from_a_call)):
        _place(composition, party, Environment.SANDBOX)
        _start(composition, party, "aud")
        tokens = collect().json
        assert tokens["sau_simulation"] == "aud"
        assert party.claims(tokens["id_token"])["aud"] == NOBODY
        assert _verdict(composition, party) == "rejected"
        http.get("/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"})
        assert _verdict(composition, party) == "accepted"


@_SQLITE
def test_a_simulation_has_bounds(composition: Composition, sandboxed: RelyingParty) -> None:
    """So many logins, for so long."""
    for fault, logins, minutes in (("x", 1, 5), ("nonce", 11, 5), ("nonce", 0, 5), ("nonce", 1, 61)):
        with pytest.raises(Rejected):
            _start(composition, sandboxed, fault, logins, minutes)
