"""People and roles, institutions, jobs."""

from __future__ import annotations

import re
from datetime import timedelta

from sqlalchemy import select

from admin.jobs import periodic_jobs
from admin.model import ConsoleSession
from admin.permissions import Role
from admin.roles import grant_role, list_role_holdings
from audit.vocabulary import EventType
from idp.accounts.model import EnrollmentLinkRow
from idp.authentication.enrollment_link import create_enrollment_link


def test_a_role_is_given_and_taken_through_the_pages(make_operator, make_person, composition, events) -> None:
    """Found by cédula with a reason, granted, withdrawn after a page that says what follows."""
    administrator, person = make_operator(Role.ADMINISTRATOR), make_person("Berta")
    sent = administrator.post("/admin/people/search", {"cedula": person.cedula, "reason": "Memorando 2026-88"})
    assert sent.location == f"/admin/people/{person.id}"
    assert person.cedula not in administrator.get(sent.location).get_data(as_text=True)
    wrong = administrator.post(sent.location, {"role": "root"})
    assert wrong.status_code == 422
    assert administrator.post(sent.location, {"role": "pki_approver"}).status_code == 303
    assert administrator.post(sent.location, {"role": "pki_approver"}).status_code == 422
    assert "Aprobar certificados" in administrator.get(f"{sent.location}/withdraw/pki_approver").get_data(as_text=True)
    assert administrator.post(f"{sent.location}/withdraw/pki_approver").status_code == 303
    assert administrator.get(f"{sent.location}/withdraw/pki_approver").status_code == 404
    kinds = [event.type for event in events() if event.actor == administrator.person.id]
    for kind in (EventType.PERSON_LOOKED_UP, EventType.ROLE_GRANTED, EventType.ROLE_WITHDRAWN):
        assert kind.value in kinds


def test_an_administrator_gives_himself_nothing(make_operator, make_person, composition, events) -> None:
    """Console 13: the page says so, and forcing the form is refused on record."""
    administrator, other = make_operator(Role.ADMINISTRATOR), make_person()
    own = f"/admin/people/{administrator.person.id}"
    assert "Nadie se da un rol a sí mismo" in administrator.get(own).get_data(as_text=True)
    forced = administrator.post(own, {"role": "pki_approver"}, page=f"/admin/people/{other.id}")
    assert forced.status_code == 422
    with composition.database.reading() as session:
        assert [item.role for item in list_role_holdings(session)] == [Role.ADMINISTRATOR]
    assert [event.reason for event in events() if event.outcome == "refused"] == ["own_role"]


def test_who_was_invited_and_has_not_enrolled_is_told_as_such(make_operator, composition) -> None:
    """No bare id and no missing page: until when the link counts, the address once typed, and how to end it."""
    administrator, now = make_operator(Role.ADMINISTRATOR), composition.clock.now()
    with composition.database.transaction() as session:
        link = create_enrollment_link(session, journal=composition.journal, now=now)
        grant_role(
            session,
            journal=composition.journal,
            person_id=link.person_id,
            role=Role.ADMINISTRATOR,
            actor="command",
            now=now,
        )
    listed = administrator.get("/admin/people").text
    assert "Quien abra el enlace de la primera administración" in listed
    assert "su enlace vale hasta el" in listed
    assert f'href="/admin/people/{link.person_id}"' not in listed
    with composition.database.transaction() as session:
        row = session.scalars(select(EnrollmentLinkRow).where(EnrollmentLinkRow.person_id == link.person_id)).one()
        row.given_names, row.surnames, row.email = "Rosa", "Guamán", "rosa@ministerio.test"
    told = administrator.get("/admin/people").text
    assert "Rosa Guamán" in told
    assert "rosa@ministerio.test" in told
    end = f"/admin/people/{link.person_id}/withdraw/administrator"
    assert end in told
    assert "Rosa Guamán" in administrator.get(end).text
    assert administrator.post(end).location == "/admin/people"
    assert link.person_id not in administrator.get("/admin/people").text


def test_the_last_administrator_cannot_leave(make_operator) -> None:
    """Said on the page."""
    administrator = make_operator(Role.ADMINISTRATOR)
    page = f"/admin/people/{administrator.person.id}/withdraw/administrator"
    answer = administrator.post(page)
    assert answer.status_code == 422
    assert "última persona de administración" in answer.get_data(as_text=True)


def test_a_role_for_an_institution_that_does_not_exist_is_refused(make_operator, make_person) -> None:
    """Nothing is written."""
    administrator, person = make_operator(Role.ADMINISTRATOR), make_person()
    answer = administrator.post(f"/admin/people/{person.id}", {"role": "pki_officer", "institution": "1790000000001"})
    assert answer.status_code == 422


def test_an_institution_is_added_and_bad_input_stays_on_the_form(make_operator, events) -> None:
    """Errors on the server, typed values back."""
    administrator = make_operator(Role.ADMINISTRATOR)
    page = "/admin/institutions/new"
    good = {"ruc": "1760001550001", "name": "Ministerio de Prueba", "domains": "ministerio.gob.ec, salud.gob.ec"}
    for changed in ({"ruc": "1"}, {"name": ""}, {"domains": "gob.ec"}, {"domains": "a b"}):
        answer = administrator.post(page, good | changed)
        assert answer.status_code == 422, changed
        assert 'role="alert"' in answer.get_data(as_text=True)
    assert administrator.post(page, good).status_code == 303
    assert administrator.post(page, good).status_code == 422
    assert "salud.gob.ec" in administrator.get("/admin/institutions").get_data(as_text=True)
    added = [event for event in events() if event.type == "idp:institution:added"]
    assert [event.actor for event in added] == [administrator.person.id]


def test_consoles_that_nobody_closed_are_closed_and_put_on_record(make_operator, composition, clock, events) -> None:
    """Idle ones by the background job."""
    operator = make_operator(Role.AUDITOR)
    job = next(each for each in periodic_jobs(composition.admin) if each.name == "console_sessions")
    job.run()
    assert not [event for event in events() if event.type == "admin:console:closed"]
    clock.advance(timedelta(minutes=21))
    job.run()
    job.run()
    (closed,) = [event for event in events() if event.type == "admin:console:closed"]
    assert closed.subject == operator.person.id
    with composition.database.reading() as session:
        assert session.scalars(select(ConsoleSession.ended_at)).one() is not None


def test_an_institution_is_changed_closed_and_opened_by_whoever_may(make_operator, institution, events) -> None:
    """Each member that is otherwise is an event; of two changes at once the second one sees the first."""
    provider, reader = make_operator(Role.PROVIDER_ADMINISTRATOR), make_operator(Role.PKI_OFFICER)
    page = f"/admin/institutions/{institution.ruc}"
    assert page in reader.get("/admin/institutions").text
    assert "ministerio.gob.ec" in reader.get(page).text
    assert f"{page}/change" not in reader.get(page).text
    assert reader.get(f"{page}/change").status_code == 403
    assert provider.get("/admin/institutions/1790000000001").status_code == 404
    assert provider.get("/admin/institutions/nadie").status_code == 404
    seen = re.search(r'name="seen" value="([^"]+)"', provider.get(f"{page}/change").text)[1]
    typed = {"name": "Ministerio Nuevo", "domains": "ministerio.gob.ec nuevo.gob.ec", "seen": seen}
    wrong = provider.post(f"{page}/change", typed | {"networks": "300.1.1.1/8"})
    assert wrong.status_code == 422
    assert "Ministerio Nuevo" in wrong.text
    assert provider.post(f"{page}/change", typed | {"contact_email": "pki@ministerio.test"}).location == page
    shown = provider.get(page).text
    for told in ("Ministerio Nuevo", "nuevo.gob.ec", "pki@ministerio.test"):
        assert told in shown
    changed = [event for event in events() if event.type == EventType.INSTITUTION_UPDATED.value]
    assert len(changed) == 3, "networks stayed"
    assert {event.actor for event in changed} == {provider.person.id}
    late = provider.post(f"{page}/change", typed | {"name": "Otro"})
    assert late.status_code == 422
    assert "Otra persona lo cambió mientras tanto" in late.text
    assert "¿Cerrar esta institución?" in provider.get(f"{page}/active").text
    assert provider.post(f"{page}/active", {"active": "0"}).location == page
    assert "Inactiva" in provider.get(page).text
    assert "¿Abrir esta institución?" in provider.get(f"{page}/active").text
    assert provider.post(f"{page}/active", {"active": "1"}).location == page
    bound = make_operator(Role.INSTITUTION_ADMINISTRATOR, institution_ruc="1760013210001")
    assert bound.get(page).status_code == 404, "another institution's is not even named"
