"""The preview of tokens: as the real ones, good for nothing, kept nowhere, and on record."""

from __future__ import annotations

import json
import re
from html import unescape

import pytest
from sqlalchemy import func, select

from admin.permissions import Role
from audit.model import AuditEvent
from composition import Composition
from idp.accounts.model import PersonRow
from idp.clients.client import find_client
from idp.developer.inspection import inspect_token
from idp.developer.preview import Described, Wanted, bindings_for, preview_tokens
from idp.rights.catalog import declare_rights
from idp.rights.declaration import parse_declaration
from idp.rights.model import AssignmentRow, BelongingRow
from idp.tokens.model import OpaqueTokenRow, RefreshTokenRow, TokenFamilyRow
from kernel.errors import Rejected
from tests.admin.as_code.conftest import RIGHTS
from tests.admin.conftest import MakeOperator
from tests.admin.test_inspector import _application
from tests.idp.signing import make_signing_keys

_PERSON = {"level": "2", "login": "two", "given_names": "Luz", "email": "luz@correo.example"}


def _shown(text: str, id: str) -> dict[str, object]:
    found = re.search(rf'id="{id}-text">(.*?)</pre>', text, re.DOTALL)
    assert found, text[:2000]
    document: dict[str, object] = json.loads("{" + unescape(found[1]).split("\n{", 1)[-1].lstrip("{"))
    return document


def test_a_developer_sees_what_his_application_would_get(
    composition: Composition, make_operator: MakeOperator, institution, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Claims by scope and by name; nothing stands in a table; that one looked does."""
    make_signing_keys(composition, monkeypatch)
    client_id = _application(composition, institution.id, scope="openid email")
    operator = make_operator(Role.APPLICATION_DEVELOPER, institution_ruc=institution.ruc)
    page = f"/admin/developer/{client_id}/preview"
    assert page in operator.get(f"/admin/applications/{client_id}").text
    tables = (PersonRow, TokenFamilyRow, RefreshTokenRow, OpaqueTokenRow)
    before = _counts(composition, tables)
    form = _PERSON | {"scope": ["openid", "email"], "acr": "urn:sau:acr:level2", "nonce": "n-1"}
    shown = operator.post(page, form)
    assert shown.status_code == 200
    claims = _shown(shown.text, "id-token")
    assert (claims["acr"], claims["aud"], claims["nonce"]) == ("urn:sau:acr:level2", client_id, "n-1")
    assert "email" not in claims
    assert _shown(shown.text, "userinfo")["email"] == "luz@correo.example"
    assert _shown(shown.text, "introspection")["scope"] == "openid email"
    by_name = operator.post(page, form | {"claims": '{"id_token": {"email": null}}'})
    assert _shown(by_name.text, "id-token")["email"] == "luz@correo.example"
    weak = operator.post(page, form | {"login": "password"})
    assert "unmet_authentication_requirements" in weak.text
    for wrong in ({"claims": "[]"}, {"login": "x"}, {"level": "4"}, {"resource": "https://x.example"}):
        assert operator.post(page, form | wrong).status_code == 422
    assert _counts(composition, tables) == before
    with composition.database.reading() as session:
        last = session.scalars(
            select(AuditEvent).where(AuditEvent.client_id == client_id).order_by(AuditEvent.id.desc())
        ).first()
        assert last is not None
        assert last.type == "admin:tokens:previewed"
        assert b"luz@correo" not in last.leaf
    assert operator.get(page.replace(client_id, _application(composition, None))).status_code == 404


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_roles_and_the_key_that_tokens_are_bound_to_are_told_as_they_would_be(
    composition: Composition, make_operator: MakeOperator, institution, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RFC 9449 §6.1, RFC 9068 §2.2.3.1: by the code that tells them; nobody holds anything after it."""
    make_signing_keys(composition, monkeypatch)
    client_id = _application(composition, institution.id, scope="openid roles permissions institution")
    declared = {**RIGHTS, "application": client_id, "institutions": [institution.ruc]}
    with composition.database.transaction() as session:
        declare_rights(
            session,
            journal=composition.journal,
            declaration=parse_declaration(declared),
            actor="test",
            now=composition.clock.now(),
        )
    operator = make_operator(Role.APPLICATION_DEVELOPER, institution_ruc=institution.ruc)
    page = f"/admin/developer/{client_id}/preview"
    assert "Sus roles en la aplicación" in operator.get(page).text
    form = _PERSON | {"scope": ["openid", "roles", "permissions", "institution"], "role": "reader", "bound": "dpop"}
    shown = operator.post(page, form).text
    told = {"roles": ["reader"], "permissions": ["record:read"]}
    works = {"ruc": institution.ruc, "name": institution.name}
    for id in ("access-token", "userinfo"):
        claims = _shown(shown, id)
        assert {name: claims[name] for name in told} == told
        assert claims["institution"] == works
    assert set(_shown(shown, "access-token")["cnf"]) == {"jkt"}  # type: ignore[call-overload]
    assert _shown(shown, "introspection")["cnf"] == _shown(shown, "access-token")["cnf"]
    assert '"token_type": "DPoP"' in unescape(shown)
    nobody = operator.post(page, form | {"role": [], "bound": ""}).text
    assert _shown(nobody, "userinfo")["roles"] == []
    assert "institution" not in _shown(nobody, "userinfo") and "cnf" not in _shown(nobody, "access-token")
    clerk = operator.post(page, form | {"role": [], "works": "1", "bound": ""}).text
    assert _shown(clerk, "userinfo")["institution"] == works
    for wrong in ({"role": "x"}, {"bound": "certificate"}, {"bound": "x"}):
        assert operator.post(page, form | wrong).status_code == 422
    assert _counts(composition, (AssignmentRow, BelongingRow))[0] == 0


@pytest.mark.parametrize(
    ("metadata", "bindings"),
    [
        ({}, ("", "dpop")),
        ({"dpop_bound_access_tokens": True}, ("dpop",)),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_token_that_must_be_bound_is_shown_bound(
    composition: Composition, metadata: dict[str, object], bindings: tuple[str, ...]
) -> None:
    """As the token endpoint asks of the application."""
    client_id = _application(composition, None, **metadata)
    with composition.database.reading() as session:
        assert bindings_for(find_client(session, client_id)) == bindings


def test_what_is_shown_is_good_for_nothing(composition: Composition, monkeypatch: pytest.MonkeyPatch) -> None:
    """No key of ours signed it, and our own inspector says so of either token."""
    make_signing_keys(composition, monkeypatch)
    client_id = _application(composition, None)
    with composition.database.reading() as session:
        client = find_client(session, client_id)
    now = composition.clock.now()
    seen = preview_tokens(composition.idp, client=client, person=Described(level=3), wanted=Wanted(), now=now)
    for token in (seen.id_token, seen.access_token):
        assert token is not None
        inspected = inspect_token(composition.idp, client=client, text=token.text, now=now)
        assert not inspected.good
        assert [check.why for check in inspected.checks if check.name == "signature"] == ["unknown_key"]
        assert inspected.standing in (None, "invalid_key_id")
    with pytest.raises(Rejected):
        preview_tokens(composition.idp, client=client, person=Described(), wanted=Wanted(scopes=("x",)), now=now)


def _counts(composition: Composition, tables: tuple[type, ...]) -> list[int]:
    with composition.database.reading() as session:
        return [session.scalar(select(func.count()).select_from(each)) or 0 for each in tables]
