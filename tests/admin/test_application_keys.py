"""Secrets, keys and certificates of applications, changed from the console: at once, on record, told by mail."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from admin.permissions import Role
from admin.web.applications.words import KEY_PROBLEMS
from composition import Composition
from idp.clients.client import Client, find_client
from idp.clients.client_secret import is_valid_secret, list_secrets
from idp.clients.environment import Environment
from idp.clients.jwks import KEYS_LIMIT, MINIMUM_RSA_BITS
from idp.clients.model import ClientRow
from idp.directory.institutions import Institution
from idp.notices.mail import list_stored_mails
from kernel.clock import ManualClock
from outgoing.answer import Answer
from outgoing.errors import OutgoingError, OutgoingReason
from tests.admin.conftest import Events, MakeOperator, Operator
from tests.admin.test_application_changes import live
from tests.ca.csr import ec_key, make_csr

_KEY = {
    "kty": "EC",
    "crv": "P-256",
    "kid": "uno",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
}


def test_every_reason_against_keys_has_words() -> None:
    """A reason that is added to the rule is said to people in words."""
    rule = Path("idp/clients/jwks.py").read_text("utf-8")
    said = {
        found.replace("{KEYS_LIMIT}", str(KEYS_LIMIT)).replace("{MINIMUM_RSA_BITS}", str(MINIMUM_RSA_BITS))
        for found in re.findall(r'_bad\(f?"([^"]+)"\)', rule)
    }
    assert said <= set(KEY_PROBLEMS)


def test_a_secret_is_rotated_with_two_side_by_side_and_one_is_withdrawn(
    make_operator: MakeOperator, institution: Institution, composition: Composition, clock: ManualClock, events: Events
) -> None:
    """The new one stands on one page; the old one ends when it was said; contacts are told; the last one stays."""
    developer = make_operator(Role.APPLICATION_DEVELOPER)
    client = live(composition, clock, institution)
    keys = f"/admin/applications/{client.client_id}/keys"
    first = _rotated(developer, keys, "7")
    clock.advance(timedelta(seconds=1))
    second = _rotated(developer, keys, "7")
    assert second not in developer.get(keys).text
    assert _valid(composition, client, first)
    assert _valid(composition, client, second)
    clock.advance(timedelta(seconds=1))
    with composition.database.reading() as session:
        known = list_secrets(session, client_id=client.client_id, now=clock.now())
    assert [each.expires_at is None for each in known] == [True, False]
    withdrawn = developer.post(f"{keys}/secret/withdraw", {"secret": known[1].id}, page=keys)
    assert withdrawn.status_code == 303
    assert (_valid(composition, client, first), _valid(composition, client, second)) == (False, True)
    last = developer.post(f"{keys}/secret/withdraw", {"secret": known[0].id}, page=keys)
    assert (last.status_code, "Es el último" in last.text) == (422, True)
    assert developer.post(f"{keys}/secret", {"overlap": "400"}, page=keys).status_code == 422
    third = _rotated(developer, keys, "0")  # it leaked: the one before ends now
    assert (_valid(composition, client, second), _valid(composition, client, third)) == (False, True)
    with composition.database.reading() as session:
        mails = list_stored_mails(session, services=composition.idp)
    told = [mail for mail in mails if "con qué se identifica" in mail.subject]
    assert {mail.to for mail in told} == {"turnos@ministerio.gob.ec"}
    assert len(told) == 4
    assert not any(secret in mail.body for mail in told for secret in (first, second, third))
    kinds = [event.type for event in events() if event.type.startswith("idp:client:secret")]
    assert sorted(kinds) == ["idp:client:secret_rotated"] * 3 + ["idp:client:secret_withdrawn"]


def test_public_keys_are_changed_and_what_stands_at_their_address_is_fetched_and_told(
    make_operator: MakeOperator,
    institution: Institution,
    composition: Composition,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Registered or published, not both, and never a private key; what a host answers is told in words."""
    developer = make_operator(Role.APPLICATION_DEVELOPER)
    client = live(composition, clock, institution)
    keys, public = (f"/admin/applications/{client.client_id}/{path}" for path in ("keys", "keys/public"))
    version = {"version": str(client.version)}
    burnt = developer.post(public, version | {"jwks": json.dumps(_KEY | {"d": "x"})}, page=keys)
    assert (burnt.status_code, "haga otra clave" in burnt.text) == (422, True)
    both = {"jwks": json.dumps({"keys": [_KEY]}), "jwks_uri": "https://turnos.ministerio.gob.ec/jwks"}
    assert "no las dos cosas" in developer.post(public, version | both, page=keys).text
    assert "no es JSON" in developer.post(public, version | {"jwks": "{"}, page=keys).text
    assert developer.post(public, version | {"jwks": json.dumps(_KEY)}, page=keys).status_code == 303
    assert "uno" in developer.get(keys).text
    late = developer.post(public, version | {"jwks_uri": both["jwks_uri"]}, page=keys)
    assert "Otra persona la cambió" in late.text
    version = {"version": str(client.version + 1)}
    assert developer.post(public, version | {"jwks_uri": both["jwks_uri"]}, page=keys).status_code == 303
    host = _Host()
    monkeypatch.setattr(composition.idp.remote_keys, "_outgoing", host)
    assert "no acepta la conexión" in developer.post(f"{keys}/fetch", page=keys).text
    host.keys = [_KEY]
    again = developer.post(f"{keys}/fetch", page=keys).text  # a moment later its host is not asked again
    assert (host.asked, "no acepta la conexión" in again) == (1, True)
    clock.advance(timedelta(seconds=31))
    assert "uno</code>" in developer.post(f"{keys}/fetch", page=keys).text


def test_an_application_in_production_gets_a_certificate_of_ours_from_a_csr(
    make_operator: MakeOperator, institution: Institution, composition: Composition, clock: ManualClock, authority: None
) -> None:
    """It names the application, by a name that somebody approved: in a sandbox none is offered."""
    developer = make_operator(Role.APPLICATION_DEVELOPER)
    client = live(composition, clock, institution)
    keys = f"/admin/applications/{client.client_id}/keys"
    wrong = developer.post(f"{keys}/certificate", {"csr": "x"}, page=keys)
    assert (wrong.status_code, _now(composition, client).auth_method.value) == (422, "client_secret_basic")
    made = developer.post(f"{keys}/certificate", {"csr": make_csr(ec_key(), dns=())}, page=keys)
    assert made.status_code == 200, made.text
    assert made.text.count("BEGIN CERTIFICATE") >= 2
    stands = _now(composition, client)
    assert stands.auth_method.value == "tls_client_auth"
    assert client.client_id in (stands.metadata.tls_client_auth_subject_dn or "")
    other = live(composition, clock, institution, environment=Environment.SANDBOX)
    keys = f"/admin/applications/{other.client_id}/keys"
    assert "alguien tiene que haberlo aprobado" in developer.get(keys).text
    assert developer.post(f"{keys}/certificate", {"csr": make_csr(ec_key(), dns=())}, page=keys).status_code == 422


class _Host:
    """What stands for the application's server."""

    def __init__(self) -> None:
        self.keys: list[dict[str, Any]] = []
        self.asked = 0

    def fetch(self, _url: str, **_bounds: object) -> Answer:
        self.asked += 1
        if not self.keys:
            raise OutgoingError(OutgoingReason.UNREACHABLE)
        return Answer(200, {}, json.dumps({"keys": self.keys}).encode())


def _rotated(developer: Operator, keys: str, overlap: str) -> str:
    made = developer.post(f"{keys}/secret", {"overlap": overlap}, page=keys)
    found = re.search(r'id="client-secret">([^<]+)<', made.text)
    assert found, made.text
    return found[1]


def _valid(composition: Composition, client: Client, secret: str) -> bool:
    with composition.database.reading() as session:
        return is_valid_secret(session, client_id=client.client_id, presented=secret, now=composition.clock.now())


def _now(composition: Composition, client: Client) -> Client:
    with composition.database.reading() as session:
        assert session.get_one(ClientRow, client.client_id)
        return find_client(session, client.client_id)
