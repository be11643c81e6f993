"""Directories and other providers by the API: tried before they are kept, what is secret written and never told."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import func, select

from admin.permissions import Role
from audit.model import AuditEvent
from composition import Composition
from idp.broker.register import list_providers
from idp.directories.errors import DirectoryError, DirectoryReason
from idp.directories.register import list_directories
from idp.directory.institutions import Institution
from tests.admin.api.conftest import RUC, MakePerson
from tests.admin.test_federation import ISSUER, SECRET, Issuer, issuer, servers
from tests.idp.directories.fake import FakeDirectories
from tests.idp.relying_party import register
from tests.idp.rights.conftest import Office

__all__ = ["issuer", "servers"]
AT_ONCE = 6


def test_a_directory_is_tried_added_described_anew_and_closed(
    make_person: MakePerson,
    institution: Institution,
    other_institution: Institution,
    servers: FakeDirectories,
    composition: Composition,
) -> None:
    """No server that answers, no directory; the password goes with its servers and stands in no answer."""
    admin = make_person(Role.PROVIDER_ADMINISTRATOR)
    token = admin.token()
    body = {
        "name": "ministerio",
        "institution_ruc": RUC,
        "kind": "active-directory",
        "domains": ["ministerio.gob.ec"],
        "urls": ["ldaps://ad1.ministerio.gob.ec"],
        "search_base": "dc=ministerio,dc=gob,dc=ec",
        "bind_dn": "cn=sau,dc=ministerio,dc=gob,dc=ec",
        "password": SECRET,
        "level": 2,
    }
    unknown = admin.send("POST", "/directories", {**body, "institution_ruc": "1" * 13}, token=token)
    assert (unknown.status_code, unknown.get_json()["code"]) == (404, "unknown_institution")
    servers.error = DirectoryError(DirectoryReason.BAD_CERTIFICATE)
    silent = admin.send("POST", "/directories", body, token=token)
    assert (silent.status_code, silent.get_json()["errors"][0]["pointer"]) == (422, "#/urls")
    servers.error = None
    made = admin.send("POST", "/directories", body, token=token, Idempotency_Key="d")
    assert (made.status_code, made.get_json()["checked_at"] is not None) == (201, True), made.text
    assert admin.send("POST", "/directories", body, token=token, Idempotency_Key="d").data == made.data
    at = f"/directories/{made.get_json()['id']}"
    seen = admin.get(f"{at}/settings", token=token)
    assert SECRET not in seen.text + made.text
    standing = {name: value for name, value in seen.get_json().items() if name != "version"}
    assert admin.send("PUT", f"{at}/settings", standing, token=token).status_code == 428
    tag = seen.headers["ETag"]
    moved = {**standing, "urls": ["ldaps://otra.ministerio.gob.ec"]}
    elsewhere = admin.send("PUT", f"{at}/settings", moved, token=token, If_Match=tag)
    assert (elsewhere.status_code, elsewhere.get_json()["code"]) == (422, "password_again"), "CVE-2024-5967 of Keycloak"
    changed = admin.send("PUT", f"{at}/settings", {**standing, "level": 1}, token=token, If_Match=tag)
    assert changed.status_code == 200, changed.text
    late = admin.send("PUT", f"{at}/settings", {**standing, "level": 2}, token=token, If_Match=tag)
    assert late.status_code == 412
    with composition.database.reading() as session:
        (kept,) = list_directories(session, services=composition.idp)
    assert (kept.level, kept.password.reveal()) == (1, SECRET)

    office = Office(composition, register(composition), institution, other_institution)
    office.declare()
    group = {"group": "CN=Caja, OU=Grupos,dc=ministerio", "role_id": office.role_id("reader")}
    sensitive = admin.send("POST", f"{at}/groups", {**group, "role_id": office.role_id("voider")}, token=token)
    assert (sensitive.status_code, sensitive.get_json()["errors"][0]["pointer"]) == (422, "#/role_id")
    mapped = admin.send("POST", f"{at}/groups", group, token=token)
    assert (mapped.status_code, mapped.get_json()["role"]) == (200, "reader"), mapped.text
    (line,) = admin.get(f"{at}/groups", token=token).get_json()["items"]
    assert line == mapped.get_json()
    assert admin.send("POST", f"{at}/groups", {**group, "mapped": False}, token=token).status_code == 200
    assert admin.get(f"{at}/groups", token=token).get_json()["items"] == []

    assert admin.send("POST", f"{at}/close", token=token).get_json()["active"] is False
    assert admin.send("POST", f"{at}/open", token=token).get_json()["active"] is True
    own = make_person(Role.INSTITUTION_ADMINISTRATOR)
    assert own.get(f"{at}/settings", token=own.token()).status_code == 403
    with composition.database.reading() as session:
        told = session.scalars(
            select(AuditEvent.type).where(AuditEvent.object_id == kept.id, AuditEvent.actor == admin.visitor.person_id)
        ).all()
    assert sorted(told) == ["idp:ldap_directory:added"] + ["idp:ldap_directory:updated"] * 5


def test_a_provider_is_asked_added_described_anew_and_closed(
    make_person: MakePerson, institution: Institution, issuer: Issuer, composition: Composition
) -> None:
    """The same; nobody is asked for what would be out of reach or wrong."""
    admin = make_person(Role.PROVIDER_ADMINISTRATOR)
    token = admin.token()
    body = {
        "name": "ministerio",
        "title": "Ministerio",
        "institution_ruc": RUC,
        "issuer": ISSUER,
        "client_id": "sau",
        "secret": SECRET,
        "strengths": {"mfa": "2fa"},
    }
    bare = admin.send("POST", "/providers", {**body, "secret": None}, token=token)
    assert (bare.status_code, bare.get_json()["errors"][0]["pointer"]) == (422, "#/secret")
    unknown = admin.send("POST", "/providers", {**body, "institution_ruc": "1" * 13}, token=token)
    assert (unknown.status_code, unknown.get_json()["code"]) == (404, "unknown_institution")
    made = admin.send("POST", "/providers", body, token=token, Idempotency_Key="p")
    assert (made.status_code, made.get_json()["issuer"]) == (201, ISSUER), made.text
    at = f"/providers/{made.get_json()['id']}"
    seen = admin.get(f"{at}/settings", token=token)
    assert SECRET not in seen.text + made.text
    standing = {name: value for name, value in seen.get_json().items() if name != "active"}
    tag = seen.headers["ETag"]
    renamed = admin.send("PUT", f"{at}/settings", {**standing, "title": "Otro"}, token=token, If_Match=tag)
    assert (renamed.status_code, renamed.get_json()["title"]) == (200, "Otro"), renamed.text
    late = admin.send("PUT", f"{at}/settings", {**standing, "title": "Tarde"}, token=token, If_Match=tag)
    assert late.status_code == 412
    assert admin.send("POST", f"{at}/close", token=token).get_json()["active"] is False
    with composition.database.reading() as session:
        (kept,) = list_providers(session, services=composition.idp, open_only=False)
    assert (kept.title, kept.secret.reveal(), kept.active) == ("Otro", SECRET, False)
    assert admin.get(f"{at}/groups", token=token).get_json()["items"] == []


@pytest.mark.parametrize("what", ["directories", "providers"])
def test_of_many_who_describe_one_anew_at_once_one_wins(
    make_person: MakePerson,
    institution: Institution,
    servers: FakeDirectories,
    issuer: Issuer,
    composition: Composition,
    what: str,
) -> None:
    """All have seen the same; the others are told that it changed, and the record has one change."""
    admin = make_person(Role.PROVIDER_ADMINISTRATOR)
    token = admin.token()
    bodies: dict[str, dict[str, object]] = {
        "directories": {
            "name": "ministerio",
            "institution_ruc": RUC,
            "kind": "active-directory",
            "domains": ["ministerio.gob.ec"],
            "urls": ["ldaps://ad1.ministerio.gob.ec"],
            "search_base": "dc=ministerio,dc=gob,dc=ec",
            "bind_template": "{username}@{domain}",
        },
        "providers": {
            "name": "ministerio",
            "institution_ruc": RUC,
            "issuer": ISSUER,
            "client_id": "sau",
            "proof": "key",
            "cedula_claim": "cedula",
        },
    }
    made = admin.send("POST", f"/{what}", bodies[what], token=token)
    assert made.status_code == 201, made.text
    at = f"/{what}/{made.get_json()['id']}"
    seen = admin.get(f"{at}/settings", token=token)
    standing = {name: value for name, value in seen.get_json().items() if name not in ("active", "version")}
    begin = Barrier(AT_ONCE)

    def change(number: int) -> int:
        domains = [f"{'x' * number}ministerio.gob.ec"] if what == "providers" else ["ministerio.gob.ec"]
        body = {**standing, "domains": domains, "level": 2, "creates_people": True}
        begin.wait(timeout=60)
        return admin.send("PUT", f"{at}/settings", body, token=token, If_Match=seen.headers["ETag"]).status_code

    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert Counter(pool.map(change, range(AT_ONCE))) == {200: 1, 412: AT_ONCE - 1}
    with composition.database.reading() as session:
        updated = f"idp:{'ldap_directory' if what == 'directories' else 'upstream_provider'}:updated"
        told = session.scalar(select(func.count()).select_from(AuditEvent).where(AuditEvent.type == updated))
    assert told == 1
