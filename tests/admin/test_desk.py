"""People at a desk: looked up for a reason, masked until opened, verified by somebody else than themselves."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from admin.permissions import Role
from audit.search import find_event
from idp.accounts.life import erase_person
from idp.accounts.model import PersonRow
from idp.accounts.person import find_person
from idp.authentication.browser_session import reauthenticate
from idp.desk.desks import Desk, add_desk, remove_desk
from idp.desk.identity import list_checks_of
from idp.desk.recovery_record import list_recoveries
from idp.desk.report import open_report

RUC, OTHER_RUC = "1760001550001", "1760013210001"


@pytest.fixture
def make_desk(composition, clock, institution):
    """Add a desk of an institution."""

    def make(ruc: str = RUC, name: str = "Ventanilla 1") -> Desk:
        with composition.database.transaction() as session:
            return add_desk(
                session,
                journal=composition.journal,
                institution_ruc=ruc,
                name=name,
                city="Quito",
                address="Av. Amazonas N39-123",
                hours="Lunes a viernes, 08:00 a 16:30",
                now=clock.now(),
            )

    return make


def begin(operator, person, *, opened: bool = True) -> str:
    """Look a person up and open his page; return its path."""
    found = operator.post("/admin/desk", {"cedula": person.cedula, "reason": "Está en la ventanilla"})
    assert found.status_code == 303
    if opened:
        assert operator.post(found.location).status_code == 303
    return str(found.location)


def shown(at: Desk, **changes: str) -> dict[str, str]:
    """What an officer types into the form."""
    return {"document": "cedula", "how": "registry", "desk": at.id, "matches": "1"} | changes


def kinds(events, person) -> list[str]:
    return [event.type for event in events() if event.subject == person.id]


def test_a_person_is_masked_until_opened_and_both_are_on_record(make_operator, make_person, events) -> None:
    """Auditor: searching a person needs a reason and is itself an event; the citizen sees who looked."""
    officer, person = make_operator(Role.SUPPORT), make_person("Berta", "Cárdenas")
    missing = officer.post("/admin/desk", {"cedula": person.cedula, "reason": ""})
    assert missing.status_code == 422
    path = begin(officer, person, opened=False)
    masked = officer.get(path).get_data(as_text=True)
    assert "B… C…" in masked
    for told in (person.cedula, "Berta", person.email, person.id):
        assert told not in masked
    assert kinds(events, person)[-1] == "admin:person:looked_up"
    assert officer.post(path).status_code == 303
    page = officer.get(path).get_data(as_text=True)
    assert "Berta Cárdenas" in page
    for told in (person.cedula, person.email, person.id):
        assert told not in page
    officer.post(path, page="/admin/desk")
    assert kinds(events, person)[-2:] == ["admin:person:looked_up", "admin:person:opened"]
    assert "Comprobar su identidad" not in page  # support helps with words


def test_a_case_is_its_operators_for_half_an_hour(make_operator, make_person, clock) -> None:
    """Nobody walks from one person to another, nor on another's reason."""
    officer, other, person = make_operator(Role.REGISTRATION_OFFICER), make_operator(Role.SUPPORT), make_person()
    path = begin(officer, person)
    assert other.get(path).status_code == 404
    assert officer.get(f"/admin/desk/{person.id}").status_code == 404
    unopened = begin(officer, person, opened=False)
    assert officer.get(unopened.replace("/desk/", "/identity/person/")).status_code == 404
    clock.advance(timedelta(minutes=16))
    officer.get(path)
    clock.advance(timedelta(minutes=15))
    assert officer.get(path).status_code == 404


def test_an_identity_is_verified_with_its_evidence(make_operator, make_person, make_desk, composition, events) -> None:
    """Which document, how it was checked, where, by whom; never its number."""
    officer, person, desk = make_operator(Role.REGISTRATION_OFFICER), make_person(), make_desk()
    form = begin(officer, person).replace("/desk/", "/identity/person/")
    for change in ({"document": ""}, {"how": "guess"}, {"matches": ""}, {"desk": "0" * 26}):
        answer = officer.post(form, shown(desk, **change))
        assert answer.status_code == 422, change
        assert 'role="alert"' in answer.get_data(as_text=True)
    assert officer.post(form, shown(desk)).status_code == 303
    with composition.database.reading() as session:
        assert find_person(session, person.id).level == 2
        (check,) = list_checks_of(session, person.id)
    (event,) = [event for event in events() if event.type == "idp:account:identity_verified"]
    assert event.actor == officer.person.id
    told = {"level": 2, "method": "desk", "check": check.id, "desk": desk.id, "document": "cedula", "how": "registry"}
    with composition.database.reading() as session:
        assert find_event(session, event.id).details == told
    assert "Consultado al Registro Civil" in officer.get(form.replace("/identity/person/", "/desk/")).text


def test_nobody_verifies_himself(make_operator, make_desk, composition, events) -> None:
    """The page does not offer it, and forcing the form is refused on record."""
    officer, desk = make_operator(Role.REGISTRATION_OFFICER), make_desk()
    path = begin(officer, officer.person)
    assert "Comprobar su identidad" not in officer.get(path).text
    assert officer.post(path.replace("/desk/", "/identity/person/"), shown(desk)).status_code == 422
    with composition.database.reading() as session:
        assert find_person(session, officer.person.id).level == 1
    assert [event.reason for event in events() if event.outcome == "refused"] == ["own_identity"]


def test_verifying_wants_a_fresh_login(make_operator, make_person, make_desk, composition, clock) -> None:
    """A desk left open verifies nobody."""
    officer, person, desk = make_operator(Role.REGISTRATION_OFFICER), make_person(), make_desk()
    form = begin(officer, person).replace("/desk/", "/identity/person/")
    clock.advance(timedelta(minutes=16))
    sent = officer.post(form, shown(desk))
    assert sent.location.startswith("http://localhost:8000/authorize?")
    with composition.database.reading() as session:
        assert find_person(session, person.id).level == 1


def test_with_two_people_a_second_officer_decides_once(
    make_operator, make_person, make_desk, composition, clock, events
) -> None:
    """By setting: neither the one who proposed, nor the person himself, nor a second time, nor a day later."""
    composition.settings.__dict__["desk_people"] = 2
    officer, second, person = (
        make_operator(Role.REGISTRATION_OFFICER, name="Uno"),
        make_operator(Role.REGISTRATION_OFFICER, name="Dos"),
        make_person("Tres"),
    )
    desk = make_desk()
    form = begin(officer, person).replace("/desk/", "/identity/person/")
    assert officer.post(form, shown(desk)).status_code == 303
    assert officer.post(form, shown(desk)).status_code == 422  # one waits
    with composition.database.reading() as session:
        assert find_person(session, person.id).level == 1
        (check,) = list_checks_of(session, person.id)
    decide, page = f"/admin/identity/{check.id}", "/admin/desk"
    own = officer.post(decide, {"decision": "approve"}, page=page)
    assert own.status_code == 422
    with composition.database.transaction() as session:
        session.get_one(PersonRow, second.person.id).email = officer.person.email
    assert second.post(decide, {"decision": "approve"}, page=page).status_code == 422, "another account of the first"
    with composition.database.transaction() as session:
        session.get_one(PersonRow, second.person.id).email = second.person.email
    assert second.post(decide, {"decision": "approve"}, page="/admin/identity").status_code == 303
    assert second.post(decide, {"decision": "refuse"}, page=page).status_code == 422
    with composition.database.reading() as session:
        assert find_person(session, person.id).level == 2
    late = make_person("Cuatro")
    officer.post(begin(officer, late).replace("/desk/", "/identity/person/"), shown(desk))
    clock.advance(timedelta(minutes=10))
    with composition.database.reading() as session:
        (waiting,) = list_checks_of(session, late.id)
    assert second.post(f"/admin/identity/{waiting.id}", {"decision": "no"}, page="/admin/identity").status_code == 303
    with composition.database.reading() as session:
        assert find_person(session, late.id).level == 1
    assert [event.reason for event in events()].count("same_officer") == 2


def test_an_officer_of_an_institution_acts_at_its_desks_alone(
    make_operator, make_person, make_desk, composition, other_institution
) -> None:
    """Another institution's desk is no choice, and its proposals are not there."""
    composition.settings.__dict__["desk_people"] = 2
    own, others = make_desk(), make_desk(OTHER_RUC, "Ventanilla ajena")
    officer = make_operator(Role.REGISTRATION_OFFICER, institution_ruc=RUC)
    elsewhere = make_operator(Role.REGISTRATION_OFFICER, institution_ruc=OTHER_RUC)
    person = make_person()
    form = begin(officer, person).replace("/desk/", "/identity/person/")
    assert "Ventanilla ajena" not in officer.get(form).text
    assert officer.post(form, shown(others)).status_code == 422
    assert officer.post(form, shown(own)).status_code == 303
    with composition.database.reading() as session:
        (check,) = list_checks_of(session, person.id)
    assert "Nada espera" in elsewhere.get("/admin/identity").text
    assert elsewhere.post(f"/admin/identity/{check.id}", {"decision": "approve"}, page="/admin/desk").status_code == 404


def test_a_closed_desk_takes_nothing_and_an_erased_person_leaves_no_check(
    make_operator, make_person, make_desk, composition, clock
) -> None:
    """What is erased is gone here, too."""
    officer, person, desk, closed = (
        make_operator(Role.REGISTRATION_OFFICER),
        make_person(),
        make_desk(),
        make_desk(name="Cerrada"),
    )
    now = clock.now()
    with composition.database.transaction() as session:
        remove_desk(session, journal=composition.journal, desk_id=closed.id, now=now)
    form = begin(officer, person).replace("/desk/", "/identity/person/")
    assert officer.post(form, shown(closed)).status_code == 422
    officer.post(form, shown(desk))
    with composition.database.transaction() as session:
        erase_person(session, services=composition.idp, person_id=person.id, actor="command", now=now)
        assert list_checks_of(session, person.id) == []


def test_a_certificate_level_is_not_lowered_and_a_weaker_login_opens_nothing(
    make_operator, make_person, make_desk, composition, clock
) -> None:
    """Level 3 stays level 3; a console of one factor is closed."""
    from sqlalchemy import update

    officer, person, desk = make_operator(Role.REGISTRATION_OFFICER), make_person(), make_desk()
    with composition.database.transaction() as session:
        session.execute(update(PersonRow).where(PersonRow.id == person.id).values(level=3))
    form = begin(officer, person).replace("/desk/", "/identity/person/")
    officer.post(form, shown(desk))
    with composition.database.transaction() as session:
        assert find_person(session, person.id).level == 3
        reauthenticate(session, journal=composition.journal, sid=officer.sid, amr=["pwd"], now=clock.now())
    assert officer.get("/admin/desk").status_code == 303


def test_a_recovery_is_opened_on_a_sheet_and_followed_in_the_list(
    make_operator, make_person, make_desk, composition, clock, events
) -> None:
    """The code stands on the sheet alone; the security officer sees who opened it, what became of it; and stops it."""
    officer, security = make_operator(Role.REGISTRATION_OFFICER, name="Uno"), make_operator(Role.SECURITY_OFFICER)
    person, desk = make_person("Berta", "Cárdenas"), make_desk()
    path = begin(officer, person)
    form = path.replace("/desk/", "/recoveries/person/")
    assert form in officer.get(path).text
    assert officer.post(form, shown(desk, matches="")).status_code == 422
    sheet = officer.post(form, shown(desk, lost_phone="1"))
    assert sheet.status_code == 200
    code = re.search(r'id="code">([0-9A-Z-]{19})<', sheet.text)[1]
    assert sheet.headers["Cache-Control"] == "no-store"
    assert person.cedula not in sheet.text  # who finds the sheet lacks it
    assert officer.post(form, shown(desk)).status_code == 422
    listed = security.get("/admin/recoveries").text
    assert "Berta Cárdenas" in listed
    assert "Corre el plazo" in listed
    assert "Uno" in listed
    assert code not in listed
    stop = re.search(r'href="(/admin/recoveries/[^"]+/stop)"', listed)[1]
    assert security.post(stop).status_code == 303
    assert security.post(stop).status_code == 422
    assert "Detenida" in officer.get("/admin/recoveries").text
    (stopped,) = [event for event in events() if event.type == "idp:desk_recovery:stopped"]
    assert stopped.actor == security.person.id


def test_the_account_of_who_holds_a_duty_needs_two_officers(make_operator, make_desk, composition) -> None:
    """An officer alone does not make himself administrator by way of the desk."""
    officer, administrator, desk = (
        make_operator(Role.REGISTRATION_OFFICER),
        make_operator(Role.ADMINISTRATOR),
        make_desk(),
    )
    form = begin(officer, administrator.person).replace("/desk/", "/recoveries/person/")
    assert "otra persona de la oficina" in officer.post(form, shown(desk)).text
    with composition.database.reading() as session:
        (recovery,) = list_recoveries(session, institutions=None, limit=5)
    assert recovery.ready_at is None


def test_an_officer_of_an_institution_sees_its_recoveries_alone(
    make_operator, make_person, make_desk, composition, other_institution
) -> None:
    """Another institution's is not even named; with two people the second one is of the same desks."""
    composition.settings.__dict__["desk_people"] = 2
    officer = make_operator(Role.REGISTRATION_OFFICER, institution_ruc=RUC)
    colleague = make_operator(Role.REGISTRATION_OFFICER, institution_ruc=RUC)
    elsewhere = make_operator(Role.REGISTRATION_OFFICER, institution_ruc=OTHER_RUC)
    person, desk = make_person("Berta", "Cárdenas"), make_desk()
    officer.post(begin(officer, person).replace("/desk/", "/recoveries/person/"), shown(desk))
    assert "Berta" not in elsewhere.get("/admin/recoveries").text
    agree = re.search(r'href="(/admin/recoveries/[^"]+/agree)"', colleague.get("/admin/recoveries").text)[1]
    assert agree not in officer.get("/admin/recoveries").text
    assert elsewhere.post(agree, page="/admin/desk").status_code == 404
    assert elsewhere.get(agree).status_code == 404
    assert elsewhere.get(agree.replace("/agree", "/stop")).status_code == 404
    assert "Empieza a correr el plazo" in colleague.get(agree).text
    assert officer.post(agree, page="/admin/desk").status_code == 422
    with composition.database.transaction() as session:
        session.get_one(PersonRow, colleague.person.id).email = officer.person.email
    assert colleague.post(agree, page="/admin/desk").status_code == 422, "another account of the first"
    with composition.database.transaction() as session:
        session.get_one(PersonRow, colleague.person.id).email = colleague.person.email
    assert colleague.post(agree).status_code == 303
    assert colleague.post(agree, page="/admin/desk").status_code == 422
    assert "Corre el plazo" in officer.get("/admin/recoveries").text


def test_the_security_officer_works_off_the_queue_of_reports(make_operator, make_person, composition, clock) -> None:
    """New on the front page, looked at, closed with words; others' roles do not see it."""
    security, person = make_operator(Role.SECURITY_OFFICER), make_person("Berta", "Cárdenas")
    with composition.database.transaction() as session:
        report = open_report(
            session, services=composition.idp, person_id=person.id, kind="activity", event_id=None, now=clock.now()
        )
    front = security.get("/admin").text
    assert "Reportes de «No fui yo»" in front
    assert '<b class="waits">1<' in front  # beside the section and its page, on every page
    listed = security.get("/admin/reports").text
    assert report.number in listed
    assert "Nuevo" in listed
    assert person.cedula not in listed
    page = f"/admin/reports/{report.id}"
    assert security.post(f"{page}/look", page=page).status_code == 303
    assert security.post(page, {"words": "corto"}).status_code == 422
    assert security.post(page, {"words": "Era un celular nuevo de la misma persona."}).status_code == 303
    assert "Era un celular nuevo" in security.get(page).text
    front = security.get("/admin").text
    assert "Nadie los ha mirado" not in front
    assert 'class="waits"' not in front
    assert make_operator(Role.REGISTRATION_OFFICER).get("/admin/reports").status_code == 403
