"""Applications at the console: registered into a sandbox, entered by test citizens, let into production by another."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from admin.applications.changing import change_in_sandbox
from admin.applications.go_live import _is_public
from admin.applications.kinds import KINDS
from admin.model import ContactCheck, GoLiveRequest
from admin.permissions import Role
from admin.web.applications.words import ADDRESS_PROBLEMS, CHECKS, KIND_WORDS
from audit.event import Event
from audit.vocabulary import EventType
from composition import Composition
from idp.accounts.model import PersonRow
from idp.clients.client import find_client
from idp.clients.model import ClientRow
from idp.directory.institutions import Institution
from idp.notices.mail import list_stored_mails
from kernel.clock import ManualClock
from kernel.errors import Conflict
from kernel.identifiers import new_id
from tests.admin.conftest import Events, MakeOperator, Operator

NEW = "/admin/applications/new"
_FORM = {
    "kind": "web",
    "name": "Turnos",
    "redirect_uris": "https://turnos.ministerio.gob.ec/vuelta",
    "post_logout_redirect_uris": "https://turnos.ministerio.gob.ec/",
    "scope": ["profile", "cedula"],
    "contacts": "turnos@ministerio.gob.ec",
    "policy_uri": "https://turnos.ministerio.gob.ec/datos",
}


def test_the_words_cover_every_kind_and_every_reason() -> None:
    """A kind or a reason that is added to the rules has words for people."""
    assert list(KIND_WORDS) == list(KINDS)
    rule = Path("idp/clients/registration/uris.py").read_text("utf-8")
    assert set(re.findall(r'_bad\(uri, "([^"]+)"\)', rule)) == set(ADDRESS_PROBLEMS)


def test_a_developer_registers_and_sees_the_secret_once(
    make_operator: MakeOperator, institution: Institution, composition: Composition
) -> None:
    """Of his institution, in a sandbox; what he typed wrong is said beside its field, each address with its reason."""
    developer = make_operator(Role.APPLICATION_DEVELOPER)
    form = _FORM | {"institution": institution.id}
    wrong = developer.post(NEW, form | {"redirect_uris": "http://turnos.gob.ec/a\nhttps://turnos.gob.ec/#b"})
    assert wrong.status_code == 422
    assert "debe empezar con https://" in wrong.text
    assert "tiene un #" in wrong.text
    assert developer.post(NEW, form | {"name": ""}).status_code == 422
    assert developer.post(NEW, form | {"institution": ""}).status_code == 422
    assert developer.post(NEW, form | {"kind": "page", "method": "client_secret_basic"}).status_code == 422
    made = developer.post(NEW, form)
    secret = re.search(r'id="client-secret">([^<]+)<', made.text)
    assert made.status_code == 200
    assert secret
    client_id = _client_id(made.text)
    page = developer.get(f"/admin/applications/{client_id}")
    assert "De prueba" in page.text
    assert secret[1] not in page.text
    with composition.database.reading() as session:
        row = session.get_one(ClientRow, client_id)
        assert (row.environment, row.institution_id, row.policy) == ("sandbox", institution.id, "web")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("service", "high")])
def test_each_kind_registers(make_operator: MakeOperator, institution: Institution, kind: str) -> None:
    """With nothing chosen but what it is."""
    developer = make_operator(Role.APPLICATION_DEVELOPER)
    made = developer.post(NEW, _FORM | {"institution": institution.id, "kind": kind})
    assert made.status_code == 200
    assert ("client-secret" in made.text) == (kind not in ("page", "native"))


def test_a_service_of_a_sandbox_calls_its_institutions_sandbox_alone(
    make_operator: MakeOperator, institution: Institution, composition: Composition
) -> None:
    """Nobody has approved it: an API in production, or one that is not registered here, is refused beside its field."""
    developer = make_operator(Role.APPLICATION_DEVELOPER)
    form = {"kind": "service", "name": "Cruce", "institution": institution.id, "api_scopes": "leer"}
    form["resources"] = "https://api.otra.gob.ec"
    refused = developer.post(NEW, form)
    assert refused.status_code == 422
    assert "solo a las API de prueba" in refused.text
    api = developer.post(NEW, _FORM | {"institution": institution.id, "name": "API"})
    with composition.database.transaction() as session:
        session.get_one(ClientRow, _client_id(api.text)).resource = form["resources"]
    assert developer.post(NEW, form).status_code == 200


@pytest.mark.parametrize(
    ("uri", "public"),
    [
        ("https://turnos.gob.ec/vuelta", True),
        ("https://localhost?a", False),
        ("https://10.1.2.3/vuelta", False),
        ("https://[::1]/vuelta", False),
        ("https://portal.test/vuelta", False),
    ],
)
def test_an_address_of_production_is_on_the_internet(uri: str, public: bool) -> None:
    """No name or number that means another machine elsewhere."""
    assert _is_public(uri, native=False) is public


def test_what_has_gone_live_meanwhile_is_not_changed(
    make_operator: MakeOperator, institution: Institution, composition: Composition
) -> None:
    """The row is asked again, and held: not the value that was read before somebody let it into production."""
    developer = make_operator(Role.APPLICATION_DEVELOPER)
    client_id = _client_id(developer.post(NEW, _FORM | {"institution": institution.id}).text)
    with composition.database.reading() as session:
        seen = find_client(session, client_id)
    with composition.database.transaction() as session:
        session.get_one(ClientRow, client_id).environment = "production"
    now = composition.clock.now()
    with composition.database.transaction() as session, pytest.raises(Conflict) as refused:
        change_in_sandbox(
            session, services=composition.idp, client=seen, changes={}, seen_version=seen.version, actor="a", now=now
        )
    assert refused.value.code == "application_live"


def test_nobody_registers_for_another_institution(
    make_operator: MakeOperator, institution: Institution, other_institution: Institution
) -> None:
    """It is not even offered, and no application of another is shown."""
    developer = make_operator(Role.APPLICATION_DEVELOPER)
    assert other_institution.name not in developer.get(NEW).text
    assert developer.post(NEW, _FORM | {"institution": other_institution.id}).status_code == 422
    people = "/admin/applications/test-people"
    assert developer.post(people, {"institution": other_institution.id, "level": "1"}).status_code == 422
    client_id = _registered(make_operator(Role.APPLICATION_DEVELOPER), institution)
    stranger = make_operator(Role.APPLICATION_DEVELOPER, institution_ruc=other_institution.ruc)
    for path in ("", "/go-live"):
        assert stranger.get(f"/admin/applications/{client_id}{path}").status_code == 404


def test_a_test_citizen_is_marked_and_his_password_is_shown_once(
    make_operator: MakeOperator, institution: Institution, composition: Composition
) -> None:
    """Of level 1, 2 or 3; his identifier says what he is wherever it is written."""
    developer, people = make_operator(Role.APPLICATION_DEVELOPER), "/admin/applications/test-people"
    assert developer.post(people, {"institution": institution.id, "level": "4"}).status_code == 422
    made = developer.post(people, {"institution": institution.id, "level": "2"})
    passport = re.search(r'id="person-username">([^<]+)<', made.text)
    password = re.search(r'id="person-password">([^<]+)<', made.text)
    assert made.status_code == 200
    assert passport
    assert password
    assert "person-totp" in made.text
    page = developer.get(people).text
    assert passport[1] in page
    assert password[1] not in page
    with composition.database.reading() as session:
        row = session.query(PersonRow).filter_by(passport=passport[1]).one()
        assert (row.is_test, row.level, row.id[:4]) == (True, 2, "test")


def test_one_asks_and_another_lets_it_into_production(
    make_operator: MakeOperator,
    institution: Institution,
    composition: Composition,
    clock: ManualClock,
    events: Events,
) -> None:
    """Not before the list is done; never by who asked; refused with a reason, asked again, approved once."""
    asker = make_operator(Role.APPLICATION_DEVELOPER, Role.PROVIDER_ADMINISTRATOR)
    approver = make_operator(Role.PROVIDER_ADMINISTRATOR, name="Berta")
    client_id = _registered(asker, institution)
    path = f"/admin/applications/{client_id}/go-live"
    affirmed = {"affirmed": ["minimum", "secrets", "support"]}
    assert asker.post(path, affirmed).status_code == 422  # nobody logged in there
    enter(composition, clock, client_id)
    assert asker.post(path, {"affirmed": ["minimum"]}).status_code == 422
    assert asker.post(path, affirmed).status_code == 303
    shown = approver.get(path).text
    seen = re.search(r'name="seen" value="([^"]+)"', shown)
    assert seen
    assert 'id="approve"' not in asker.get(path).text
    own = asker.post(f"{path}/decide", {"decision": "approve", "seen": seen[1]}, page=NEW)
    assert "Usted lo pidió" in own.text
    assert approver.post(f"{path}/decide", {"decision": "refuse"}, page=path).status_code == 422
    refused = {"decision": "refuse", "reason": "Falta el logotipo", "seen": seen[1]}
    assert approver.post(f"{path}/decide", refused, page=path).status_code == 303
    assert "Falta el logotipo" in asker.get(path).text
    assert asker.post(path, affirmed).status_code == 303
    stale = {"decision": "approve", "seen": "0" * 64}
    assert "cambió desde" in approver.post(f"{path}/decide", stale, page=path).text
    assert approver.post(f"{path}/decide", {"decision": "approve", "seen": seen[1]}, page=path).status_code == 303
    with composition.database.reading() as session:
        assert session.get_one(ClientRow, client_id).environment == "production"
        assert [row.approved for row in session.query(GoLiveRequest).order_by(GoLiveRequest.id)] == [False, True]
    kinds = [(event.type, event.outcome) for event in events() if event.type.startswith("admin:application:")]
    assert sorted(kinds) == [
        ("admin:application:go_live_asked", "success"),
        ("admin:application:go_live_asked", "success"),
        ("admin:application:go_live_refused", "refused"),
        ("admin:application:go_live_refused", "success"),
        ("admin:application:went_live", "success"),
    ]


def test_addresses_of_ones_own_computer_do_not_go_live(make_operator: MakeOperator, institution: Institution) -> None:
    """They serve while testing; the list names what is missing, each line with what to do."""
    developer = make_operator(Role.APPLICATION_DEVELOPER)
    here = {"redirect_uris": "http://localhost:8080/cb", "post_logout_redirect_uris": "", "contacts": ""}
    client_id = _registered(developer, institution, **here)
    page = developer.get(f"/admin/applications/{client_id}/go-live").text
    for code in ("addresses", "leaving", "contacts", "tried", "left"):
        assert str(CHECKS[code][1]) in page
    assert str(CHECKS["policy"][1]) not in page
    assert str(CHECKS["renewed"][1]) not in page  # it does not ask for access without the person


def test_an_application_in_its_sandbox_is_changed_at_once(
    make_operator: MakeOperator, institution: Institution, composition: Composition
) -> None:
    """What another changed meanwhile is not lost; in production nothing is changed so."""
    developer = make_operator(Role.APPLICATION_DEVELOPER)
    client_id = _registered(developer, institution, contacts="", policy_uri="")
    path = f"/admin/applications/{client_id}/change"
    wanted = {name: _FORM[name] for name in ("name", "redirect_uris", "post_logout_redirect_uris", "contacts")}
    bad = developer.post(path, wanted | {"version": "1", "redirect_uris": "https://*.gob.ec/"})
    assert (bad.status_code, "tiene un *" in bad.text) == (422, True)
    assert developer.post(path, wanted | {"version": "1"}).status_code == 303
    assert "mientras tanto" in developer.post(path, wanted | {"version": "1", "name": "Otro"}).text
    with composition.database.transaction() as session:
        row = session.get_one(ClientRow, client_id)
        assert (row.name, row.metadata_["contacts"], row.environment) == ("Turnos", [_FORM["contacts"]], "sandbox")
        row.environment = "production"
    assert "producción" in developer.post(path, wanted | {"version": "2", "name": "Otro"}).text
    with composition.database.reading() as session:
        assert session.get_one(ClientRow, client_id).name == "Turnos"


def test_a_contact_is_confirmed_by_the_code_that_came_there(
    make_operator: MakeOperator,
    institution: Institution,
    composition: Composition,
    clock: ManualClock,
    events: Events,
) -> None:
    """A wrong code counts and is on record; no mail goes to who is no contact, nor twice within a minute."""
    developer = make_operator(Role.APPLICATION_DEVELOPER)
    client_id = _registered(developer, institution)
    page = f"/admin/applications/{client_id}/go-live"
    send = {"act": "send", "address": _FORM["contacts"]}
    stranger = developer.post(f"{page}/contact", send | {"address": "otra@gente.ec"}, page=page)
    assert "no es un contacto" in stranger.text
    early = developer.post(f"{page}/contact", send | {"act": "confirm", "code": "12345678"}, page=page)
    assert "ya no sirve" in early.text
    assert developer.post(f"{page}/contact", send, page=page).status_code == 303
    assert "espere un minuto" in developer.post(f"{page}/contact", send, page=page).text
    with composition.database.reading() as session:
        (mail,) = list_stored_mails(session, services=composition.idp)
    code = re.search(r"\b\d{8}\b", mail.body)
    assert code
    assert mail.to == _FORM["contacts"]
    other = f"{(int(code[0]) + 1) % 10**8:08}"
    assert (
        "No es el código" in developer.post(f"{page}/contact", send | {"act": "confirm", "code": other}, page=page).text
    )
    assert str(CHECKS["contacts"][1]) in developer.get(page).text
    right = developer.post(f"{page}/contact", send | {"act": "confirm", "code": code[0]}, page=page)
    assert right.status_code == 303
    assert str(CHECKS["contacts"][1]) not in developer.get(page).text
    told = sorted((each.type, each.outcome) for each in events() if "contact_" in each.type)
    assert told == [
        ("admin:application:contact_asked", "success"),
        ("admin:application:contact_confirmed", "failure"),
        ("admin:application:contact_confirmed", "success"),
    ]


def _registered(operator: Operator, institution: Institution, **changes: object) -> str:
    return _client_id(operator.post(NEW, _FORM | {"institution": institution.id} | changes).text)


def _client_id(html: str) -> str:
    found = re.search(r'id="client-id">([^<]+)<', html)
    assert found, html
    return found[1]


def enter(composition: Composition, clock: ManualClock, client_id: str) -> None:
    """Write down that a login came through, that the person left, and that somebody reads the contact's mail."""
    with composition.database.transaction() as session:
        for address in find_client(session, client_id).metadata.contacts:
            row = ContactCheck(client_id=client_id, address=address, id=new_id(), asked_at=clock.now())
            row.confirmed_at = clock.now()
            session.add(row)
    for kind in (EventType.TOKEN_ISSUED, EventType.LOGOUT_REQUESTED):
        clock.advance(timedelta(seconds=1))
        with composition.database.transaction() as session:
            composition.journal.record(session, Event(type=kind, client_id=client_id), now=clock.now())
