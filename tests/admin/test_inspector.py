"""The token inspector's page: for whoever looks after the application; what is pasted is shown nowhere else."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import select

from admin.permissions import Role
from audit.model import AuditEvent
from composition import Composition
from idp.clients.register import register_client
from idp.clients.registration.client_registration import ClientRegistration
from kernel.identifiers import b64url
from tests.admin.conftest import MakeOperator
from tests.idp.signing import make_signing_keys


def _application(composition: Composition, institution_id: str | None, **more: object) -> str:
    document = {"client_name": "Portal", "redirect_uris": ["https://portal.example/cb"], **more}
    with composition.database.transaction() as session:
        registered = register_client(
            session,
            journal=composition.journal,
            registration=ClientRegistration.parse(document),
            institution_id=institution_id,
            actor="test",
            now=composition.clock.now(),
        )
    return registered.client.client_id


def test_a_developer_has_a_token_explained(
    composition: Composition, make_operator: MakeOperator, institution, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each check with its result; the token itself is in no page, and in no event."""
    make_signing_keys(composition, monkeypatch)
    client_id = _application(composition, institution.id)
    operator = make_operator(Role.APPLICATION_DEVELOPER, institution_ruc=institution.ruc)
    page = f"/admin/developer/{client_id}/inspector"
    assert page in operator.get(f"/admin/applications/{client_id}").get_data(as_text=True)
    header, claims = (
        {"alg": "none"},
        {"iss": "https://elsewhere.example", "sub": "<b>x</b>", "aud": client_id, "exp": 1},
    )
    token = ".".join(b64url(json.dumps(part).encode()) for part in (header, claims)) + "."
    shown = operator.post(page, {"token": token, "nonce": "n"})
    text = shown.get_data(as_text=True)
    assert shown.status_code == 200
    for said in ("Su aplicación debe rechazar este token", "«none» no es una firma", "Venció", "&lt;b&gt;x&lt;/b&gt;"):
        assert said in text
    assert token not in text
    refused = operator.post(page, {"token": "a.b"})
    assert refused.status_code == 422
    assert "tres o cinco partes" in refused.get_data(as_text=True)
    english = operator.post(f"{page}?lang=en", {"token": token}, page=f"{page}?lang=en").get_data(as_text=True)
    assert "Your application must refuse this token" in english
    with composition.database.reading() as session:
        assert not any(token[:20].encode() in leaf for leaf in session.scalars(select(AuditEvent.leaf)))


def test_another_institutions_application_is_not_there(
    composition: Composition, make_operator: MakeOperator, institution
) -> None:
    """Attacks and faults, line 12."""
    client_id = _application(composition, None)
    operator = make_operator(Role.APPLICATION_DEVELOPER, institution_ruc=institution.ruc)
    assert operator.get(f"/admin/developer/{client_id}/inspector").status_code == 404
