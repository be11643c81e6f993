"""Faults on purpose: each is one that a careful library refuses, and none ever gets to production."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from joserfc.errors import JoseError
from sqlalchemy import select

from composition import Composition
from idp.accounts.model import PersonRow
from idp.clients.client import find_client
from idp.clients.environment import Environment
from idp.clients.model import ClientRow
from idp.simulation.faults import NOBODY, NOWHERE, Fault
from idp.simulation.model import SimulationRow
from idp.simulation.run import list_simulations, start_simulation, stop_simulation
from kernel.errors import Conflict, Rejected
from kernel.identifiers import b64url_decode
from tests.idp.relying_party import RelyingParty, Visitor, answer_of, events


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
    composition: Composition, visitor: Visitor, sandboxed: RelyingParty, http: FlaskClient
) -> None:
    """One login is wrong, the next is right; what was touched says so, and is on record."""
    for fault in Fault:
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
    recorded = events(composition, "idp:simulation:fault_injected")
    assert len(recorded) == len(Fault)
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
    expected = "unseen" if fault is Fault.USERINFO_SUB else "accepted"
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


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_simulation_has_bounds(composition: Composition, sandboxed: RelyingParty) -> None:
    """So many logins, for so long."""
    for fault, logins, minutes in (("x", 1, 5), ("nonce", 11, 5), ("nonce", 0, 5), ("nonce", 1, 61)):
        with pytest.raises(Rejected):
            _start(composition, sandboxed, fault, logins, minutes)
