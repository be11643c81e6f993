"""Applications with roles of the console: for the API alone, one hand with whoever registered them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from admin.permissions import Role
from audit.model import AuditEvent
from composition import Composition
from idp.clients.own_apis import ADMINISTRATION
from idp.clients.register import register_client
from idp.clients.registration.client_registration import ClientRegistration
from idp.directory.institutions import Institution
from tests.admin.api.conftest import EVERYTHING, RUC, MakePerson, Person
from tests.admin.conftest import make_csr
from tests.idp.relying_party import METADATA, RelyingParty, Visitor

MakeService = Callable[[str | None], Person]


@pytest.fixture
def make_service(app: Flask, composition: Composition) -> MakeService:
    """An application that acts for itself, registered by somebody."""

    def make(registered_by: str | None) -> Person:
        metadata: dict[str, Any] = METADATA | {
            "client_name": "Vigilante",
            "policy": "service",
            "grant_types": ["client_credentials"],
            "redirect_uris": [],
            "scope": EVERYTHING,
            "optional_scope": "",
            "resources": [ADMINISTRATION],
        }
        with composition.database.transaction() as session:
            made = register_client(
                session,
                journal=composition.journal,
                registration=ClientRegistration.parse(
                    {name: value for name, value in metadata.items() if name != "post_logout_redirect_uris"}
                ),
                sealing_secret=composition.sealing_secret,
                actor=registered_by,
                now=composition.clock.now(),
            )
        assert made.secret
        http = app.test_client()
        party = RelyingParty(composition, made.client.client_id, made.secret.reveal())
        return Person(party, http, Visitor(composition, http, ""))

    return make


def own_token(service: Person) -> str:
    """A token of the application for itself."""
    form = {"grant_type": "client_credentials", "scope": EVERYTHING, "resource": ADMINISTRATION}
    answer = service.http.post("/token", data=form, headers=service.party.basic())
    assert answer.status_code == 200, answer.text
    return str(answer.get_json()["access_token"])


def test_a_service_acts_by_a_role_that_a_superadministrator_gave(
    make_person: MakePerson, make_service: MakeService, institution: Institution, composition: Composition, app: Flask
) -> None:
    """Nothing without it, nothing of deciding with it; each step on record under its own name; no page opens."""
    chief, admin = make_person(Role.SUPERADMINISTRATOR), make_person(Role.ADMINISTRATOR)
    service = make_service(None)
    before = service.get("/institutions", token=own_token(service))
    assert (before.status_code, before.get_json()["code"]) == (401, "invalid_token")
    body = {"client_id": service.party.client_id, "role": "auditor"}
    lower = admin.send("POST", "/service-roles", body, token=admin.token())
    assert (lower.status_code, lower.get_json()["code"]) == (403, "role_above")
    token = chief.token()
    for role in ("pki_approver", "superadministrator", "support"):
        wrong = chief.send("POST", "/service-roles", {**body, "role": role}, token=token)
        assert (wrong.status_code, wrong.get_json()["code"]) == (422, "role_not_for_services")
    person = {**body, "client_id": chief.party.client_id}
    assert chief.send("POST", "/service-roles", person, token=token).get_json()["code"] == "not_a_service"
    given = chief.send("POST", "/service-roles", body, token=token)
    assert (given.status_code, given.get_json()["actor"]) == (201, f"service:{service.party.client_id}"), given.text
    assert service.get("/institutions", token=own_token(service)).status_code == 200
    assert service.get("/events?limit=1", token=own_token(service)).status_code == 200
    with composition.database.reading() as session:
        query = select(AuditEvent.actor).where(AuditEvent.type == "admin:audit:searched").order_by(AuditEvent.id)
        assert session.scalars(query).all() == [f"service:{service.party.client_id}"]
    bearer = {"Authorization": f"Bearer {own_token(service)}"}
    assert app.test_client(use_cookies=False).get("/admin/institutions", headers=bearer).status_code == 303
    path = f"/service-roles/{given.get_json()['id']}"
    taken = chief.send("DELETE", path, token=token, If_Match=given.headers["ETag"])
    assert taken.status_code == 200, taken.text
    assert service.get("/institutions", token=own_token(service)).status_code == 401


def test_a_service_and_who_registered_it_are_one_hand(
    make_person: MakePerson, make_service: MakeService, institution: Institution, authority: None
) -> None:
    """Whoever registered it neither gives it a role nor approves what it asks for; another person does."""
    chief, maker = make_person(Role.SUPERADMINISTRATOR), make_person(Role.SUPERADMINISTRATOR, Role.PKI_APPROVER)
    other = make_person(Role.PKI_APPROVER)
    service = make_service(maker.visitor.person_id)
    body = {"client_id": service.party.client_id, "role": "pki_officer", "institution_ruc": RUC}
    own = maker.send("POST", "/service-roles", body, token=maker.token())
    assert (own.status_code, own.get_json()["code"]) == (403, "own_service")
    assert chief.send("POST", "/service-roles", body, token=chief.token()).status_code == 201
    wanted = {"profile": "tls-server", "csr": make_csr("www.ministerio.gob.ec").pem, "institution_ruc": RUC}
    asked = service.send("POST", "/requests", wanted, token=own_token(service))
    assert asked.status_code == 201, asked.text
    path, seen = f"/requests/{asked.get_json()['id']}/approve", {"tbs_sha256": asked.get_json()["tbs_sha256"]}
    itself = service.send("POST", path, seen, token=own_token(service))
    assert (itself.status_code, itself.get_json()["code"]) == (403, "missing_permission")
    one_hand = maker.send("POST", path, seen, token=maker.token())
    assert (one_hand.status_code, one_hand.get_json()["code"]) == (403, "own_service")
    done = other.send("POST", path, seen, token=other.token())
    assert (done.status_code, done.get_json()["status"]) == (200, "issued"), done.text


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_service_is_in_the_hands_of_whoever_gave_it_a_secret(
    make_person: MakePerson, make_service: MakeService, institution: Institution, authority: None
) -> None:
    """A new secret is told to whoever makes it: what the service asks for then is not his to approve."""
    chief, other = make_person(Role.SUPERADMINISTRATOR), make_person(Role.PKI_APPROVER)
    runner = make_person(Role.PROVIDER_ADMINISTRATOR, Role.PKI_APPROVER, Role.SUPERADMINISTRATOR)
    service = make_service(None)
    token = runner.token()
    made = runner.send("POST", f"/applications/{service.party.client_id}/secrets", {}, token=token)
    assert made.status_code == 201, made.text
    service.party.secret = made.get_json()["client_secret"]
    body = {"client_id": service.party.client_id, "role": "pki_officer", "institution_ruc": RUC}
    own = runner.send("POST", "/service-roles", body, token=token)
    assert (own.status_code, own.get_json()["code"]) == (403, "own_service")
    assert chief.send("POST", "/service-roles", body, token=chief.token()).status_code == 201
    wanted = {"profile": "tls-server", "csr": make_csr("www.ministerio.gob.ec").pem, "institution_ruc": RUC}
    asked = service.send("POST", "/requests", wanted, token=own_token(service))
    path, seen = f"/requests/{asked.get_json()['id']}/approve", {"tbs_sha256": asked.get_json()["tbs_sha256"]}
    one_hand = runner.send("POST", path, seen, token=token)
    assert (one_hand.status_code, one_hand.get_json()["code"]) == (403, "own_service")
    assert other.send("POST", path, seen, token=other.token()).status_code == 200


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_service_does_not_agree_to_what_a_person_asked_for(
    make_person: MakePerson,
    make_service: MakeService,
    institution: Institution,
    authority: None,
    composition: Composition,
) -> None:
    """Its role opens asking for revocations; agreeing to them is a person's, his who registered it least of all."""
    chief, officer = make_person(Role.SUPERADMINISTRATOR), make_person(Role.PKI_OFFICER, Role.PKI_APPROVER)
    approver = make_person(Role.PKI_APPROVER)
    service = make_service(officer.visitor.person_id)
    body = {"client_id": service.party.client_id, "role": "pki_officer", "institution_ruc": RUC}
    assert chief.send("POST", "/service-roles", body, token=chief.token()).status_code == 201
    token = officer.token()
    wanted = {"profile": "tls-server", "csr": make_csr("www.ministerio.gob.ec").pem, "institution_ruc": RUC}
    asked = officer.send("POST", "/requests", wanted, token=token).get_json()
    seen = {"tbs_sha256": asked["tbs_sha256"]}
    done = approver.send("POST", f"/requests/{asked['id']}/approve", seen, token=approver.token())
    assert done.get_json()["status"] == "issued", done.text
    composition.settings.__dict__["mass_revocation_people"] = 2
    many = {"institution_ruc": RUC, "reason": "superseded"}
    proposed = officer.send("POST", "/mass-revocations", many, token=token)
    assert (proposed.status_code, proposed.get_json()["state"]) == (201, "waiting"), proposed.text
    path = f"/mass-revocations/{proposed.get_json()['id']}/approve"
    itself = service.send("POST", path, token=own_token(service))
    assert (itself.status_code, itself.get_json()["code"]) == (403, "service_decides")
    assert approver.send("POST", path, token=approver.token()).status_code == 200
