"""It was not me: a number to read aloud, sessions and services ended, a security officer who looks, an end in words."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from audit.model import AuditEvent
from idp.accounts.life import erase_person
from idp.authentication.activity import list_activity
from idp.authentication.browser_session import list_browser_sessions
from idp.desk.model import ReportRow
from idp.desk.recovery_end import stop_recovery
from idp.desk.report import ACTIVITY, close_report, list_own_reports, look_at_report, open_report
from kernel.errors import Conflict, Denied, Rejected
from tests.idp.desk.conftest import OFFICER, SECOND, mails
from tests.idp.web_people.conftest import PASSWORD, Walker


def disown(walker: Walker, composition, person, **form: str):
    """Say of the newest event that it was not me."""
    with composition.database.reading() as session:
        (event,) = list_activity(session, services=composition.idp, person_id=person.id, limit=1).events
    walker.get(f"/account/activity/{event.id}/disown")
    return walker.post(f"/account/activity/{event.id}/disown", form)


def make_report(composition, person):
    with composition.database.transaction() as session:
        return open_report(
            session,
            services=composition.idp,
            person_id=person.id,
            kind=ACTIVITY,
            event_id=None,
            now=composition.clock.now(),
        )


def test_no_fui_yo_gives_a_number_and_ends_the_other_sessions(make_person, app, walker, composition, clock) -> None:
    """Citizen: report number, mail, sessions ended, factors to go through, a state to follow."""
    person = make_person()
    other = Walker(app, address="203.0.113.66")
    other.follow(other.log_in())
    walker.follow(walker.log_in())
    sent = disown(walker, composition, person, grants="1")
    number = sent.location.rpartition("/")[2]
    assert re.fullmatch(r"\d{4}-\d{4}", number)
    with composition.database.reading() as session:
        assert len(list_browser_sessions(session, person_id=person.id, now=clock.now())) == 1
    page = walker.get(sent.location).text
    for told in (number, "Recibido", "Revise todo lo que abre su cuenta", "Contraseña", person.email):
        assert told in page
    assert any(number in mail.subject for mail in mails(composition))
    assert "Siga con su reporte" in walker.get("/account").text
    walker.get(sent.location)
    assert walker.post(sent.location).location == "/account/password"  # the password is due first
    clock.advance(timedelta(seconds=1))
    walker.get("/account/password")
    changed = {"current_password": PASSWORD, "password": "sombrero-laguna-papel-78"}
    assert walker.post("/account/password", changed).status_code == 303
    walker.get(sent.location)
    assert walker.post(sent.location).location == sent.location
    assert "Ya revisó" in walker.get(sent.location).text
    assert "Siga con su reporte" not in walker.get("/account").text
    with composition.database.transaction() as session:
        (report,) = list_own_reports(session, person.id)
        known = {"services": composition.idp, "report_id": report.id, "officer_id": OFFICER, "now": clock.now()}
        assert look_at_report(session, **known).state == "seen"
    assert "Lo están mirando" in walker.get("/account/reports").text
    with composition.database.transaction() as session:
        close_report(session, words="Fue su propio celular, con otra red.", **known)
    closed = walker.get(sent.location).text
    assert "Fue su propio celular" in closed
    assert "Cerrado" in closed
    with composition.database.reading() as session:
        told = session.scalars(
            select(AuditEvent.type)
            .where(AuditEvent.subject == person.id, AuditEvent.type.startswith("idp:report:"))
            .order_by(AuditEvent.occurred_at, AuditEvent.id)
        )
        assert [kind.rpartition(":")[2] for kind in told] == ["opened", "rechecked", "seen", "closed"]


def test_a_report_is_its_persons_alone(make_person, app, walker, composition) -> None:
    """Another's number is not there; going through the factors wants a recent login, like any change of them."""
    person = make_person()
    report = make_report(composition, person)
    make_person("1710034073")
    other = Walker(app)
    other.follow(other.log_in("1710034073"))
    assert other.get(f"/account/reports/{report.number}").status_code == 404
    assert walker.get(f"/account/reports/{report.number}").status_code == 303


def test_a_report_is_closed_once_with_words_and_never_by_its_person(make_person, composition, clock) -> None:
    """Of two at once one closes; nobody closes his own, on record; a word is not enough."""
    person = make_person()
    report = make_report(composition, person)
    known = {"services": composition.idp, "report_id": report.id, "now": clock.now()}
    for words, officer, refusal in (
        ("corto", OFFICER, Rejected),
        ("x" * 501, OFFICER, Rejected),
        ("Lo revisé yo mismo.", person.id, Denied),
    ):
        with pytest.raises(refusal), composition.database.transaction() as session:
            close_report(session, words=words, officer_id=officer, **known)

    def close(officer: str) -> str:
        try:
            with composition.database.transaction() as session:
                close_report(session, words="Todo en orden, de verdad.", officer_id=officer, **known)
        except Conflict as error:
            return error.code
        return "closed"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(close, (OFFICER, SECOND))) == ["closed", "report_closed"]


def test_who_stops_a_recovery_has_reported_it(make_person, open_one, composition, clock) -> None:
    """The security officer sees each stop that came from the person's side; an erased person leaves no report."""
    person = make_person()
    opened = open_one(person)
    with composition.database.transaction() as session:
        stop_recovery(
            session,
            services=composition.idp,
            recovery_id=opened.recovery.id,
            actor="anonymous",
            by="contact",
            now=clock.now(),
        )
        (report,) = list_own_reports(session, person.id)
        assert report.kind == "recovery"
    with composition.database.transaction() as session:
        erase_person(session, services=composition.idp, person_id=person.id, actor="command", now=clock.now())
        assert session.scalars(select(ReportRow)).all() == []
