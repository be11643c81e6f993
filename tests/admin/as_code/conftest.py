"""A register with something of everything in it."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from admin.permissions import Role
from admin.roles import grant_role
from composition import Composition
from idp.clients.environment import Environment
from idp.clients.register import register_client
from idp.clients.registration.client_registration import ClientRegistration
from idp.directory.institutions import add_institution, set_institution_contact, set_institution_networks
from idp.rights.catalog import declare_rights
from idp.rights.declaration import parse_declaration
from kernel.clock import ManualClock
from operations.configuration_commands import config
from tests.admin.conftest import MakePerson

RUC = "0160001550001"  # as a number with a leading zero it would be an octal one
Run = Callable[..., Result]
RIGHTS = {
    "application": "portal",
    "institutions": [RUC],
    "permissions": [
        {"name": "record:read", "es": "Leer fichas", "en": "Read records"},
        {"name": "record:write", "es": "Escribir fichas", "en": "Write records"},
    ],
    "roles": [
        {"name": "reader", "es": "Lectura", "en": "Reader", "permissions": ["record:read"]},
        {"name": "writer", "es": "Escritura", "en": "Writer", "permissions": ["record:write"], "excludes": ["reader"]},
    ],
}


@pytest.fixture
def run(composition: Composition) -> Run:
    """Run ``sau config …``."""

    def call(*arguments: str, status: int = 0, color: bool = False) -> Result:
        result = CliRunner().invoke(config, arguments, obj=lambda: composition, color=color)
        assert result.exit_code == status, (result.output, result.exception)
        return result

    return call


@pytest.fixture
def exported(run: Run) -> Callable[[], dict[str, object]]:
    """Return the configuration as values."""
    return lambda: json.loads(run("export", "--json").output)["configuration"]


@pytest.fixture
def filled(composition: Composition, clock: ManualClock, make_person: MakePerson) -> str:
    """Fill the register; return a secret of it."""
    people = [make_person("Ana"), make_person("Luis")]
    journal, now = composition.journal, clock.now()
    common = {"journal": journal, "now": now}
    with composition.database.transaction() as session:
        held = add_institution(session, ruc=RUC, name="Salud", domains=("salud.example",), **common)
        set_institution_networks(session, institution_id=held.id, networks=("186.46.0.0/24",), **common)
        set_institution_contact(session, institution_id=held.id, email="tic@salud.example", **common)
        secret = _register(session, composition, clock, held.id)
        declare_rights(session, declaration=parse_declaration(RIGHTS), actor="command", **common)
        for person, role, ruc in (
            (people[0], Role.SUPERADMINISTRATOR, None),
            (people[1], Role.AUDITOR, None),
            (people[1], Role.REGISTRATION_OFFICER, RUC),
        ):
            grant_role(session, person_id=person.id, role=role, institution_ruc=ruc, actor="command", **common)
    return secret


def _register(session, composition: Composition, clock: ManualClock, institution_id: str) -> str:
    common = {"journal": composition.journal, "sealing_secret": composition.sealing_secret, "now": clock.now()}
    api = {
        "client_name": "Fichas: «no» # 1",
        "grant_types": ["client_credentials"],
        "resources": ["urn:sau:scim:v1"],
        "resource": "https://fichas.salud.example",
        "resource_scopes": {"fichas": "Leer sus fichas"},
    }
    portal = {
        "client_name": "Portal",
        "redirect_uris": ["https://portal.salud.example/back", "https://portal.salud.example/other"],
        "scope": "openid profile fichas",
        "resources": ["https://fichas.salud.example"],
        "contacts": ["tic@salud.example"],
        "event_delivery_uri": "https://portal.salud.example/events",
        "event_delivery_authorization": "Bearer one-that-nobody-reads",
    }
    spa = {
        "client_name": "Sandbox",
        "redirect_uris": ["https://try.salud.example/back"],
        "token_endpoint_auth_method": "none",
    }
    register_client(session, registration=ClientRegistration.parse(api), client_id="fichas", **common)
    registered = register_client(
        session,
        registration=ClientRegistration.parse(portal),
        client_id="portal",
        institution_id=institution_id,
        **common,
    )
    register_client(
        session,
        registration=ClientRegistration.parse(spa),
        client_id="0123",
        environment=Environment.SANDBOX,
        **common,
    )
    assert registered.secret
    return registered.secret.reveal()
