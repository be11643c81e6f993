"""Roles of the console that applications hold: the page and the command; what the API does with them is held there."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from admin.commands import role_commands
from admin.permissions import Role
from admin.service_roles import list_service_roles
from composition import Composition
from idp.clients.own_apis import ADMINISTRATION
from idp.clients.register import register_client
from idp.clients.registration.client_registration import ClientRegistration
from idp.directory.institutions import Institution
from kernel.clock import ManualClock
from tests.admin.conftest import Events, MakeOperator
from tests.idp.relying_party import METADATA

PAGE = "/admin/service-roles"


def _service(composition: Composition, clock: ManualClock, name: str, *, by: str = "command") -> str:
    described = {name: value for name, value in METADATA.items() if name != "post_logout_redirect_uris"}
    described |= {
        "client_name": name,
        "policy": "service",
        "grant_types": ["client_credentials"],
        "redirect_uris": [],
        "scope": "console:read",
        "optional_scope": "",
        "resources": [ADMINISTRATION],
    }
    with composition.database.transaction() as session:
        return register_client(
            session,
            journal=composition.journal,
            registration=ClientRegistration.parse(described),
            sealing_secret=composition.sealing_secret,
            actor=by,
            now=clock.now(),
        ).client.client_id


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_superadministrator_gives_an_application_a_role_and_takes_it(
    make_operator: MakeOperator, institution: Institution, composition: Composition, clock: ManualClock, events: Events
) -> None:
    """Never to one that he registered, with a fresh login, on record; the list says who gave what to which one."""
    chief, admin = make_operator(Role.SUPERADMINISTRATOR), make_operator(Role.ADMINISTRATOR, name="Berta")
    watcher, own = _service(composition, clock, "Vigilante"), _service(composition, clock, "Propia", by=chief.person.id)
    assert "Ninguna aplicación tiene un rol" in chief.get(PAGE).text
    form = {"client": watcher, "role": "auditor"}
    assert "superadministración" in admin.post(f"{PAGE}/new", form).text
    assert "Usted la registró" in chief.post(f"{PAGE}/new", form | {"client": own}).text
    assert chief.post(f"{PAGE}/new", form | {"role": "support"}).status_code == 422
    assert chief.post(f"{PAGE}/new", form | {"institution": institution.ruc}).status_code == 422
    assert chief.post(f"{PAGE}/new", form).status_code == 303
    assert "ya tiene este rol" in chief.post(f"{PAGE}/new", form).text
    listed = chief.get(f"{PAGE}?role=auditor&q=vigi").text
    assert watcher in listed
    assert chief.person.name in listed
    assert "Ninguna aplicación tiene un rol así" in chief.get(f"{PAGE}?role=pki_officer").text
    with composition.database.reading() as session:
        (held,) = list_service_roles(session)
    take = f"{PAGE}/{held.id}/withdraw"
    assert "Desde su siguiente llamada" in chief.get(take).text
    assert "superadministración" in admin.post(take).text
    assert chief.post(take).status_code == 303
    assert chief.get(take).status_code == 404
    told = [(each.type, each.outcome, each.reason) for each in events() if each.client_id in (watcher, own)]
    roles = [each for each in told if each[0].startswith("idp:role:")]
    assert sorted(roles, key=str) == sorted(
        [
            ("idp:role:granted", "refused", "role_above"),
            ("idp:role:granted", "refused", "own_service"),
            ("idp:role:granted", "success", None),
            ("idp:role:withdrawn", "refused", "role_above"),
            ("idp:role:withdrawn", "success", None),
        ],
        key=str,
    )


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_command_gives_lists_and_takes_one(composition: Composition, clock: ManualClock) -> None:
    """``sau role service``: when nobody holds the role that gives them yet."""

    def sau(*arguments: str) -> object:
        result = CliRunner().invoke(
            role_commands(lambda: composition.admin), ["service", *arguments, "--json"], catch_exceptions=False
        )
        assert result.exit_code == 0, result.output
        return json.loads(result.output)

    watcher = _service(composition, clock, "Vigilante")
    given = sau("grant", watcher, "auditor")
    assert sau("list") == [given]
    sau("withdraw", watcher, "auditor")
    assert sau("list") == []
