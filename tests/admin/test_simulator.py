"""The simulator's page."""

from __future__ import annotations

import pytest

from admin.permissions import Role
from composition import Composition
from idp.clients.model import ClientRow
from tests.admin.conftest import MakeOperator
from tests.admin.test_inspector import _application


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_developer_begins_and_ends_a_simulation(
    composition: Composition, make_operator: MakeOperator, institution
) -> None:
    """In a sandbox; in production the page says that there is none, and takes no form."""
    client_id = _application(composition, institution.id)
    operator = make_operator(Role.APPLICATION_DEVELOPER, institution_ruc=institution.ruc)
    page = f"/admin/developer/{client_id}/simulator"
    live = operator.get(page)
    assert "Esta aplicación está en producción" in live.text
    assert 'id="fault"' not in live.text
    with composition.database.transaction() as session:
        session.get_one(ClientRow, client_id).environment = "sandbox"
    wanted = {"fault": "aud", "logins": "2", "minutes": "10"}
    assert operator.post(page, wanted | {"logins": "99"}).status_code == 422
    assert operator.post(page, wanted | {"fault": "x"}).status_code == 422
    assert operator.post(page, wanted).status_code == 303
    shown = operator.get(page).text
    assert "fallan a propósito" in shown
    assert "Nadie ha ingresado todavía" in shown
    assert operator.post(f"{page}/stop", page=page).status_code == 303
    assert "fallan a propósito" not in operator.get(page).text
    reader = make_operator(Role.AUDITOR)
    assert reader.get(page).status_code == 403
