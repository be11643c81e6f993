"""Directories and other providers at the console: tried before they are kept, secrets written and never shown."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from click.testing import CliRunner

from admin.permissions import Role
from audit.vocabulary import EventType
from composition import Composition
from idp.broker.commands import provider_commands
from idp.broker.health import look_at_provider
from idp.broker.register import list_providers
from idp.directories.errors import DirectoryError, DirectoryReason
from idp.directories.register import list_directories
from idp.directory.institutions import Institution
from outgoing.answer import Answer
from outgoing.errors import OutgoingError, OutgoingReason
from tests.admin.conftest import Events, MakeOperator
from tests.idp.directories.fake import FakeDirectories
from tests.idp.relying_party import register
from tests.idp.rights.conftest import Office

SECRET = "laguna-cuaderno-58"
ISSUER = "https://sso.ministerio.gob.ec"
KEY = {
    "kty": "EC",
    "crv": "P-256",
    "kid": "one",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
}


@pytest.fixture
def servers(composition: Composition) -> FakeDirectories:
    """Directories that answer as the test wants."""
    made = FakeDirectories()
    composition.idp.__dict__["directories"] = made
    return made


class Issuer:
    """Another provider's documents. :ivar error: raised instead; :ivar algorithms: what it signs with."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.algorithms = ["ES256"]

    def fetch(self, url: str, **_: Any) -> Answer:
        """Discovery and keys."""
        if self.error:
            raise self.error
        document: dict[str, Any] = {"keys": [KEY]}
        if not url.endswith("/jwks"):
            document = {
                "issuer": ISSUER,
                "authorization_endpoint": f"{ISSUER}/auth",
                "token_endpoint": f"{ISSUER}/token",
                "jwks_uri": f"{ISSUER}/jwks",
                "response_types_supported": ["code"],
                "id_token_signing_alg_values_supported": self.algorithms,
            }
        return Answer(200, {"content-type": "application/json"}, json.dumps(document).encode())

    def require_target(self, url: str) -> None:
        """Any."""


@pytest.fixture
def issuer(composition: Composition) -> Issuer:
    """The ministry's provider, in place of the network."""
    made = Issuer()
    composition.idp.__dict__["outgoing"] = made
    return made


def _directory(institution: Institution, **more: str) -> dict[str, object]:
    return {
        "name": "ministerio",
        "ruc": institution.ruc,
        "kind": "active-directory",
        "domains": "ministerio.gob.ec",
        "urls": "ldaps://ad1.ministerio.gob.ec",
        "search_base": "dc=ministerio,dc=gob,dc=ec",
        "bind_dn": "cn=sau,dc=ministerio,dc=gob,dc=ec",
        "password": SECRET,
        "level": "2",
        **more,
    }


def test_a_directory_is_tried_added_changed_and_closed(
    make_operator: MakeOperator,
    institution: Institution,
    servers: FakeDirectories,
    composition: Composition,
    events: Events,
) -> None:
    """From the empty list to a closed one; what changed is on the page and on record, the password nowhere."""
    admin = make_operator(Role.ADMINISTRATOR)
    assert "Todavía no hay ninguno" in admin.get("/admin/directories").text
    servers.error = DirectoryError(DirectoryReason.BAD_CERTIFICATE)
    refused = admin.post("/admin/directories/new", _directory(institution))
    assert refused.status_code == 422
    assert "Su certificado no es de confianza" in refused.text
    assert SECRET not in refused.text
    servers.error = None
    wrong = admin.post("/admin/directories/new", _directory(institution, domains="otro.gob.ec"))
    assert (wrong.status_code, "Ese dominio no es de la institución" in wrong.text) == (422, True)
    page = admin.post("/admin/directories/new", _directory(institution)).location
    shown = admin.get(page).text
    assert "Responde" in shown
    assert SECRET not in shown
    assert SECRET not in admin.get(f"{page}/change").text

    form = _directory(institution, level="1", password="", version="1", username_filter="(uid={username})")
    form["cedula_filter"] = "(employeeID={cedula})"
    changed = admin.post(f"{page}/change", form)
    assert changed.status_code == 200
    assert "<del>2</del>" in changed.text
    again = admin.post(f"{page}/change", form)
    assert "Otra persona lo cambió" in again.text, "the form of before, sent twice"

    assert "Nadie ingresa con la contraseña" in admin.get(f"{page}/active").text
    assert admin.post(f"{page}/active", {"active": "0"}).status_code == 303
    assert "Cerrado" in admin.get("/admin/directories?state=none").text
    assert "Ningún directorio coincide" in admin.get("/admin/directories?state=bad").text
    with composition.database.reading() as session:
        (kept,) = list_directories(session, services=composition.idp)
    assert (kept.level, kept.active, kept.password.reveal()) == (1, False, SECRET)
    told = [each for each in events() if each.object_id == kept.id and each.actor == admin.person.id]
    assert [each.type for each in told] == [
        EventType.LDAP_DIRECTORY_ADDED,
        EventType.LDAP_DIRECTORY_UPDATED,
        EventType.LDAP_DIRECTORY_UPDATED,
    ]
    assert b"level: 2 -> 1" in told[1].leaf
    assert all(SECRET.encode() not in each.leaf for each in told)


def test_a_group_gives_a_role_that_the_institution_may_use(
    make_operator: MakeOperator,
    institution: Institution,
    other_institution: Institution,
    servers: FakeDirectories,
    composition: Composition,
    events: Events,
) -> None:
    """Chosen from what it may use; a sensitive one is given by people alone; on record with who did it."""
    office = Office(composition, register(composition), institution, other_institution)
    office.declare()
    admin = make_operator(Role.ADMINISTRATOR)
    page = admin.post("/admin/directories/new", _directory(institution, nested_groups="2")).location
    shown = admin.get(page).text
    assert "Se miran 2 pisos" in shown
    assert "Lectura" in shown
    assert "Anulación" not in shown
    group = "cn=Caja,ou=Grupos,dc=ministerio,dc=gob,dc=ec"
    form = {"group": group, "role": office.role_id("reader"), "mapped": "1"}
    assert admin.post(f"{page}/groups", form | {"group": "Caja"}, page=page).status_code == 422
    forged = admin.post(f"{page}/groups", form | {"role": office.role_id("voider")}, page=page)
    assert "lo da una persona" in forged.text
    assert admin.post(f"{page}/groups", form, page=page).status_code == 303
    assert "caja" in admin.get(page).text.lower()
    asked = f"{page}/groups?{urlencode({'group': group, 'role': form['role']})}"
    assert "Quien lo tiene por este grupo lo pierde" in admin.get(asked).text
    assert admin.post(f"{page}/groups", form | {"mapped": "0"}, page=asked).status_code == 303
    assert "Ningún grupo da un rol" in admin.get(page).text
    told = [each for each in events() if each.type == EventType.LDAP_DIRECTORY_UPDATED]
    assert [each.actor for each in told] == [admin.person.id] * 2


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"urls": "ldaps://evil.example"},
        {"bind_dn": "cn=otro,dc=ministerio,dc=gob,dc=ec"},
        {"urls": "ldap://ad1.ministerio.gob.ec:1389"},
    ],
    ids=["server", "searcher", "port"],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_kept_password_is_not_sent_elsewhere(
    make_operator: MakeOperator,
    institution: Institution,
    servers: FakeDirectories,
    composition: Composition,
    elsewhere: dict[str, str],
) -> None:
    """CVE-2024-5967 (Keycloak): who may edit a directory reads the searcher's password by pointing it at himself."""
    admin = make_operator(Role.ADMINISTRATOR)
    page = admin.post("/admin/directories/new", _directory(institution)).location
    form = _directory(institution, password="", version="1", **elsewhere)
    form |= {"username_filter": "(uid={username})", "cedula_filter": "(employeeID={cedula})"}
    asked: list[object] = []
    servers.examine = lambda directory: asked.append(directory) or ()  # type: ignore[assignment,func-returns-value]
    refused = admin.post(f"{page}/change", form)
    assert refused.status_code == 422
    assert "iría a otro lugar" in refused.text
    assert asked == [], "not even tried"


def _by_command(composition: Composition, *arguments: str) -> dict[str, Any]:
    """Run ``sau provider …`` and return what it prints."""
    result = CliRunner().invoke(
        provider_commands(lambda: composition.idp), [*arguments, "--json"], catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    told: dict[str, Any] = json.loads(result.output)
    return told


def test_a_provider_is_read_added_changed_and_closed(
    make_operator: MakeOperator, institution: Institution, issuer: Issuer, composition: Composition, events: Events
) -> None:
    """What has to be registered there is on the page; the secret is not; a document that changed is taken over."""
    admin = make_operator(Role.ADMINISTRATOR)
    form: dict[str, object] = {
        "name": "ministerio",
        "ruc": institution.ruc,
        "issuer": ISSUER,
        "client_id": "sau",
        "proof": "secret",
        "secret": SECRET,
        "cedula_claim": "cedula",
        "level": "2",
        "strengths": "mfa = 2fa\nhttps://refeds.org/profile/mfa = 2fa",
    }
    issuer.error = OutgoingError(OutgoingReason.TIMED_OUT)
    refused = admin.post("/admin/providers/new", form)
    assert (refused.status_code, "Tardó demasiado" in refused.text) == (422, True)
    issuer.error = None
    assert "Escriba el secreto" in admin.post("/admin/providers/new", form | {"secret": ""}).text
    assert "mfa = 2fa" in admin.post("/admin/providers/new", form | {"strengths": "mfa 2fa"}).text
    page = admin.post("/admin/providers/new", form).location
    shown = admin.get(page).text
    assert "http://localhost:8000/broker/ministerio/callback" in shown
    assert "dos factores" in shown
    assert SECRET not in shown

    issuer.algorithms = ["ES256", "RS256"]
    assert "ya no dice lo mismo" in admin.post(page).text
    seen = admin.get(f"{page}/change").text.split('name="seen" value="')[1][:64]
    kept = form | {"secret": "", "strengths": "", "title": "Ministerio", "seen": seen}
    kept |= {"groups_claim": "realm_access.roles", "logs_out_there": "1"}
    changed = admin.post(f"{page}/change", kept)
    assert "Guardado" in changed.text
    assert "realm_access.roles" in changed.text
    assert "/broker/ministerio/logged-out" in changed.text
    assert "Otra persona lo cambió" in admin.post(f"{page}/change", kept).text
    with composition.database.reading() as session:
        (found,) = list_providers(session, services=composition.idp)
    assert (found.title, found.secret.reveal(), dict(found.strengths)) == ("Ministerio", SECRET, {})
    assert found.discovered.algorithms == ("ES256", "RS256")
    assert (found.groups_claim, found.logs_out_there) == ("realm_access.roles", True)
    _by_command(composition, "change", "ministerio", "--groups-claim", "", "--level", "1", "--dry-run")
    told = _by_command(composition, "change", "ministerio", "--groups-claim", "", "--no-logout-there")
    assert (told["groups_claim"], told["logs_out_there"], told["level"], told["title"]) == ("", False, 2, "Ministerio")
    assert told["authentication"] == "client_secret_basic", "the secret stays"
    assert admin.post(f"{page}/active", {"active": "0"}).status_code == 303
    assert "Cerrado" in admin.get("/admin/providers").text
    told = [each for each in events() if each.object_id == found.id]
    assert [each.type for each in told] == [
        EventType.UPSTREAM_PROVIDER_ADDED,
        EventType.UPSTREAM_PROVIDER_UPDATED,
        EventType.UPSTREAM_PROVIDER_UPDATED,
        EventType.UPSTREAM_PROVIDER_UPDATED,
    ]
    assert all(SECRET.encode() not in each.leaf for each in told)


def test_a_group_of_a_provider_gives_a_role(
    make_operator: MakeOperator,
    institution: Institution,
    other_institution: Institution,
    issuer: Issuer,
    composition: Composition,
    events: Events,
) -> None:
    """As one of a directory does, letter by letter as the claim names it; without a claim nothing can be given."""
    office = Office(composition, register(composition), institution, other_institution)
    office.declare()
    admin = make_operator(Role.ADMINISTRATOR)
    form = {"name": "m", "ruc": institution.ruc, "issuer": ISSUER, "client_id": "sau", "proof": "key", "level": "1"}
    page = admin.post("/admin/providers/new", dict(form)).location
    assert "Dar el rol a este grupo" not in admin.get(page).text
    _by_command(composition, "change", "m", "--groups-claim", "groups")
    shown = admin.get(page).text
    assert "Lectura" in shown
    assert "Anulación" not in shown, "a sensitive one is given by people"
    given = {"group": "/ministerio/Caja", "role": office.role_id("reader"), "mapped": "1"}
    assert admin.post(f"{page}/groups", given | {"group": ""}, page=page).status_code == 422
    forged = admin.post(f"{page}/groups", given | {"role": office.role_id("voider")}, page=page)
    assert "lo da una persona" in forged.text
    assert admin.post(f"{page}/groups", given, page=page).status_code == 303
    assert "/ministerio/Caja" in admin.get(page).text
    asked = f"{page}/groups?{urlencode({'group': given['group'], 'role': given['role']})}"
    assert "Quien lo tiene por este grupo lo pierde" in admin.get(asked).text
    assert admin.post(f"{page}/groups", given | {"mapped": "0"}, page=asked).status_code == 303
    assert "Ningún grupo da un rol" in admin.get(page).text
    told = [each for each in events() if each.type == EventType.UPSTREAM_PROVIDER_UPDATED]
    assert [each.actor for each in told] == ["command", admin.person.id, admin.person.id]


def test_a_provider_that_fails_is_on_record_once_and_first_in_the_list(
    make_operator: MakeOperator, institution: Institution, issuer: Issuer, composition: Composition, events: Events
) -> None:
    """The worker looks every few minutes; that it fails, and that it works again, is an event each."""
    admin = make_operator(Role.ADMINISTRATOR)
    form = {"name": "m", "ruc": institution.ruc, "issuer": ISSUER, "client_id": "sau", "proof": "key", "level": "1"}
    page = admin.post("/admin/providers/new", dict(form)).location
    provider_id = page.rsplit("/", 1)[1]
    issuer.error = OutgoingError(OutgoingReason.UNREACHABLE)
    for _ in range(2):
        look_at_provider(composition.idp, provider_id=provider_id, now=composition.clock.now())
    assert "No acepta la conexión" in admin.get("/admin/providers?state=bad").text
    issuer.error = None
    assert "se leen bien" in admin.post(page).text
    told = [each for each in events() if each.type == EventType.UPSTREAM_PROVIDER_HEALTH_CHANGED]
    assert [(each.outcome, each.reason) for each in told] == [("failure", "outgoing_unreachable"), ("success", None)]
