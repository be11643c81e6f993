"""The page with sample code, for whoever looks after the application."""

from __future__ import annotations

from admin.permissions import Role
from composition import Composition
from tests.admin.conftest import MakeOperator
from tests.admin.test_inspector import _application


def test_a_developer_reads_and_keeps_code_of_his_application(
    composition: Composition, make_operator: MakeOperator, institution
) -> None:
    """Filled in with its own values; each file as a download; nothing of an application that is not his."""
    client_id, foreign = _application(composition, institution.id), _application(composition, None)
    operator = make_operator(Role.APPLICATION_DEVELOPER, institution_ruc=institution.ruc)
    page = f"/admin/developer/{client_id}/samples"
    assert page in operator.get(f"/admin/applications/{client_id}").text
    shown = operator.get(f"{page}?stack=flask&acr=urn:sau:acr:2fa")
    assert shown.status_code == 200
    for said in (
        client_id,
        "https://portal.example/cb",
        "CLIENT_SECRET",
        "acr_too_low",
        "Nuestras pruebas lo ejecutan",
    ):
        assert said in shown.text
    assert "pruebas lo leen" in operator.get(f"{page}?stack=php-league").text
    kept = operator.get(f"{page}/express/app.mjs?acr=urn:sau:acr:level2")
    assert kept.headers["Content-Disposition"] == 'attachment; filename="app.mjs"'
    assert '["urn:sau:acr:level2", "urn:sau:acr:level3"]' in kept.text
    assert operator.get(f"{page}?redirect_uri=https://elsewhere.example/").status_code == 422
    assert operator.get(f"{page}?acr=x").status_code == 422
    for wrong in (f"{page}/express/none.mjs", f"{page}/curl/token.sh", f"{page.replace(client_id, foreign)}"):
        assert operator.get(wrong).status_code == 404
