"""The front page by role: what waits, what breaks, what is counted; plots with their numbers and CSV."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from math import inf

import pytest
from sqlalchemy import event

from admin.ages import ages_of
from admin.certificate_figures import expiries_by_week, issuance_by_week, revocations_by_reason
from admin.hierarchy import authority_tree
from admin.hour_counts import count_hours, counted_hours, login_figures
from admin.latencies import latencies, percentile
from admin.level_counts import count_levels, level_figures
from admin.model import HourCount
from admin.overview import issuance_today, issued_today, logins_by_hour, revoked_today, start_of_day, told_today
from admin.permissions import Role
from audit.event import Event
from audit.vocabulary import EventType
from ca.issuance.model import Authority, Certificate
from composition import Composition
from idp.accounts.model import PersonRow
from idp.authentication.browser_session import start_browser_session
from idp.directories.errors import DirectoryError, DirectoryReason
from idp.directories.health import look_at_directory
from idp.directory.institutions import Institution
from kernel.clock import ManualClock
from kernel.outbox import enqueue
from tests.admin.conftest import MakeOperator, MakePerson
from tests.idp.directories.fake import FakeDirectories, add_salud


def _log_in(composition: Composition, make_person: MakePerson, *amr: str) -> None:
    person = make_person()
    with composition.database.transaction() as session:
        start_browser_session(
            session, journal=composition.journal, person_id=person.id, amr=amr, now=composition.clock.now()
        )


def _count(composition: Composition) -> int:
    with composition.database.transaction() as session:
        return count_hours(session, now=composition.clock.now())


def test_an_hour_that_is_over_is_counted_once_and_the_rest_is_read_from_the_log(
    composition: Composition, clock: ManualClock, make_person: MakePerson
) -> None:
    """Both together are what the log says; who commits some minutes late is counted."""
    _log_in(composition, make_person, "pwd", "otp")
    before = start_of_day(clock.now())
    with composition.database.reading() as session:
        by_log = logins_by_hour(session, now=clock.now())
    while _count(composition):
        pass
    clock.advance(timedelta(hours=1, minutes=10))
    _log_in(composition, make_person, "pwd")
    assert _count(composition) == 1, "the one that is over; before the log begins there is nothing to count"
    assert _count(composition) == 0, "never twice"
    with composition.database.reading() as session:
        hours = logins_by_hour(session, now=clock.now())
        figures = login_figures(session, since=before)
        assert len(counted_hours(session, since=before, names=())) == 1
    assert sum(hour.started for hour in hours) == 2
    assert [hour.started for hour in hours[: len(by_log)]] == [hour.started for hour in by_log]
    assert dict(figures.factors) == {"otp": 1, "pwd": 1}
    assert dict(figures.strengths) == {"2fa": 1}


def _certificate(composition: Composition, number: int, **values: object) -> None:
    now = composition.clock.now()
    usual = {
        "serial": f"{number:040x}",
        "profile": "tls-server",
        "profile_version": 1,
        "subject": "CN=x",
        "names": [],
        "institution_ruc": "1760001550001",
        "request_id": "r",
        "spki_sha256": f"{number:064x}",
        "not_before": now,
        "not_after": now + timedelta(days=400),
        "issued_at": now,
        "tbs_der": b"",
    }
    with composition.database.transaction() as session:
        authority = session.query(Authority.id).limit(1).scalar()
        session.add(Certificate(**{**usual, "authority_id": authority, **values}))


def test_certificates_are_counted_by_week_institution_and_reason_within_the_readers_reach(
    composition: Composition, clock: ManualClock, authority: None, institution: Institution
) -> None:
    """What was revoked runs out nowhere; what is another institution's is not counted."""
    now = clock.now()
    _certificate(composition, 1, not_after=now + timedelta(days=8))
    _certificate(composition, 2, not_after=now + timedelta(days=8), institution_ruc="1760013210001")
    _certificate(composition, 3, not_after=now + timedelta(days=8), revoked_at=now, revocation_reason="keyCompromise")
    own = frozenset({institution.ruc})
    with composition.database.reading() as session:
        everything = expiries_by_week(session, institutions=None, now=now)
        reached = expiries_by_week(session, institutions=own, now=now)
        issued = issuance_by_week(session, institutions=own, now=now)
        reasons = revocations_by_reason(session, institutions=own, now=now)
    assert [week.total for week in everything][:3] == [0, 2, 0]
    assert reached[1].by_institution == ((institution.ruc, 1),)
    assert (issued[-1].issued, issued[-1].revoked) == (2, 1)
    assert reasons == [("keyCompromise", 1)]


def test_the_front_page_shows_each_role_what_is_its_own(
    composition: Composition,
    clock: ManualClock,
    authority: None,
    institution: Institution,
    make_operator: MakeOperator,
    make_person: MakePerson,
) -> None:
    """A directory that fails and a queue that stands are told to whom they concern; the plots have tables and CSV."""
    servers = FakeDirectories(error=DirectoryError(DirectoryReason.TIMED_OUT))
    composition.idp.__dict__["directories"] = servers
    directory = add_salud(composition)
    look_at_directory(composition.idp, directory_id=directory.id, now=clock.now())
    with composition.database.transaction() as session:
        enqueue(session, "idp.mail", {}, now=clock.now() - timedelta(hours=1))
    _certificate(composition, 1, not_after=clock.now() + timedelta(days=8))
    _log_in(composition, make_person, "pwd")
    clock.advance(timedelta(hours=1, minutes=6))
    while _count(composition):
        pass
    admin = make_operator(Role.ADMINISTRATOR).get("/admin").text
    assert "Directorio salud" in admin
    assert "Tardó demasiado" in admin
    assert "Trabajos atrasados: 1" in admin
    assert "Lo más usado: Contraseña, 1 de 1." in admin
    bound = make_operator(Role.INSTITUTION_ADMINISTRATOR)
    shown = bound.get("/admin").text
    assert "Directorio salud" not in shown, "another institution's"
    assert "Ingresos por hora" not in shown
    assert "Vencen en 13 semanas" in shown
    assert institution.name in shown
    rows = list(csv.reader(io.StringIO(bound.get("/admin/figures/certificates/expiries.csv").text.lstrip("\ufeff"))))
    assert [row[1:] for row in rows[1:]] == [[institution.ruc, "1"]]
    auditor = make_operator(Role.AUDITOR)
    for path in (
        "logins/hours",
        "logins/factors",
        "logins/strengths",
        "certificates/issuance",
        "certificates/revocations",
    ):
        answer = auditor.get(f"/admin/figures/{path}.csv")
        assert answer.mimetype == "text/csv", path
    assert bound.get("/admin/figures/logins/hours.csv").status_code == 403
    assert '"pwd","1"' in auditor.get("/admin/figures/logins/factors.csv").text


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_institutions_administrator_reaches_nothing_of_another(
    institution: Institution, other_institution: Institution, make_operator: MakeOperator
) -> None:
    """Attacks 12, for the roles that are held for one institution."""
    bound = make_operator(Role.INSTITUTION_ADMINISTRATOR)
    assert other_institution.name not in bound.get("/admin/institutions").text
    assert bound.get(f"/admin/rights/delegations?institution={institution.ruc}").status_code == 200
    assert bound.get(f"/admin/rights/delegations?institution={other_institution.ruc}").status_code == 404
    assert bound.get(f"/admin/rights/delegations/new?institution={other_institution.ruc}").status_code == 404
    developer = make_operator(Role.APPLICATION_DEVELOPER)
    assert "Ninguna aplicación está a su alcance" in developer.get("/admin/rights/declarations").text
    assert developer.get("/admin/rights").status_code == 403


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_is_counted_is_found_by_the_time(composition: Composition, clock: ManualClock) -> None:
    """The log may hold a hundred million events: no question is answered by reading all of one type."""
    asked: list[tuple[str, object]] = []

    def hear(connection: object, cursor: object, statement: str, parameters: object, *_: object) -> None:
        if statement.startswith("SELECT") and ("FROM audit_event" in statement or "FROM ca_certificate" in statement):
            asked.append((statement, parameters))

    with composition.database.transaction() as session:
        listened = session.get_bind().engine
        event.listen(listened, "before_cursor_execute", hear)
        try:
            now = clock.now()
            expiries_by_week(session, institutions=None, now=now)
            issuance_by_week(session, institutions=None, now=now)
            revocations_by_reason(session, institutions=None, now=now)
            logins_by_hour(session, now=now)
            issuance_today(session, now=now)
            count_hours(session, now=now)
        finally:
            event.remove(listened, "before_cursor_execute", hear)
        plans = {
            row[-1]
            for statement, parameters in asked
            for row in session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        }
    read = [plan for plan in plans if "audit_event" in plan or "ca_certificate" in plan]
    assert read
    assert [
        plan
        for plan in read
        if not re.search(r"_(occurred|issued|revoked)_at |not_after |^SEARCH .* ix_audit_event_occurred_at$", plan)
    ] == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_levels_of_identity_are_counted_once_a_day_and_drawn_for_who_cares(
    composition: Composition, clock: ManualClock, make_operator: MakeOperator, make_person: MakePerson
) -> None:
    """Accounts in use; whoever requests certificates sees no plot and an empty table."""
    auditor, officer = make_operator(Role.AUDITOR), make_operator(Role.PKI_OFFICER, name="Otto")
    assert "Todavía no se han contado: el proceso de fondo lo hace una vez al día" in auditor.get("/admin").text
    for level in (1, 2, 2):
        person = make_person()
        with composition.database.transaction() as session:
            session.get_one(PersonRow, person.id).level = level
    assert count_levels(composition.database, now=clock.now())
    make_person()
    clock.advance(timedelta(minutes=5))
    assert not count_levels(composition.database, now=clock.now()), "not before tomorrow"
    with composition.database.reading() as session:
        counted = dict(level_figures(session).accounts)
    assert counted[2] == 2
    assert f"2 de {sum(counted.values())} cuentas" in auditor.get("/admin").text
    assert '"2","2"' in auditor.get("/admin/figures/levels.csv").text
    assert "Niveles de identidad" not in officer.get("/admin").text
    assert '"2","2"' not in officer.get("/admin/figures/levels.csv").text


def test_percentiles_are_told_within_the_bounds_of_the_counts() -> None:
    """Between two bounds in proportion; above the last one it is said that more is not known."""
    counts = [(0.01, 50.0), (0.1, 90.0), (1.0, 99.0), (inf, 100.0)]
    assert percentile(counts, 0.5) == pytest.approx(0.01)
    assert percentile(counts, 0.7) == pytest.approx(0.055)
    assert percentile(counts, 0.95) == pytest.approx(0.6)
    assert percentile(counts, 1.0) == inf
    found = latencies({"login.step": counts, "login.start": counts, "own.list": counts, "files": [(inf, 0.0)]})
    assert [(each.group, each.answers) for each in found] == [("login", 200), ("other", 100)]


def test_what_waits_is_counted_by_how_long() -> None:
    """Each column ends before the next one begins; the oldest is told."""
    now = datetime(2027, 3, 1, 12, tzinfo=UTC)
    hours = (0, 0.5, 1, 3.9, 4, 23, 24, 300)
    ages = ages_of("requests", [now - timedelta(hours=each) for each in hours], now=now)
    assert ages.columns == (2, 2, 1, 1, 2)
    assert ages.oldest == now - timedelta(hours=300)
    assert ages_of("batches", [], now=now).oldest is None


def test_the_service_behind_its_answers_is_told(
    make_operator: MakeOperator, composition: Composition, clock: ManualClock, authority: None
) -> None:
    """Tasks that are late, seals, latency and authorities with what is left of them; each as CSV too."""
    with composition.database.transaction() as session:
        enqueue(session, kind="idp.mail", payload={}, now=clock.now())
    clock.advance(timedelta(minutes=7))
    administrator = make_operator(Role.ADMINISTRATOR)
    administrator.get("/admin")
    page = administrator.get("/admin").text
    assert "1 atrasada" in page
    assert "Cuánto tardan las respuestas" in page
    assert "Del proceso que dio esta página" in page
    assert "SAU CA Emisora 1" in page
    rows = _rows(administrator.get("/admin/figures/service/queues.csv").text)
    assert ["tasks_late", "1"] in rows
    spent = _rows(administrator.get("/admin/figures/service/latency.csv").text)
    assert [row[0] for row in spent] == ["group", "console"]
    assert len(_rows(administrator.get("/admin/figures/service/devices.csv").text)) == 8
    officer = make_operator(Role.PKI_OFFICER, name="Luis")
    assert _rows(officer.get("/admin/figures/ages.csv").text)[1:] == [
        ["requests", "0", "0", "0", "0", "0", ""],
        ["batches", "0", "0", "0", "0", "0", ""],
    ]
    assert officer.get("/admin/figures/service/queues.csv").status_code == 403


def test_what_happened_today_is_told_by_role(
    make_operator: MakeOperator, composition: Composition, clock: ManualClock, institution: Institution
) -> None:
    """From the hours that were counted and the log for the rest; whoever sees one institution gets that one's."""
    with composition.database.transaction() as session:
        for kind in (EventType.REPORT_OPENED, EventType.CERTIFICATE_REQUESTED):
            composition.journal.record(session, Event(type=kind), now=clock.now())
    with composition.database.reading() as session:
        fresh = told_today(session, now=clock.now())
    assert fresh[EventType.REPORT_OPENED.value, True] == 1
    later = start_of_day(clock.now()) + timedelta(hours=23, minutes=30)
    clock.advance(later - clock.now())
    while _count(composition):
        pass
    with composition.database.reading() as session:
        assert told_today(session, now=clock.now()) == fresh
    security = make_operator(Role.SECURITY_OFFICER).get("/admin").text
    assert "Personas, hoy" in security
    bound = make_operator(Role.PKI_OFFICER, name="Luis", institution_ruc=institution.ruc).get("/admin").text
    assert "Certificados, hoy" in bound
    assert "Negados o fallidos" not in bound
    assert "Claves de los certificados en plazo" not in bound


def _rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_no_part_of_the_front_page_reads_the_register_or_the_log_as_a_whole(
    composition: Composition, clock: ManualClock
) -> None:
    """The plans of its questions: by an index on the time, or the short list of what is revoked."""
    with composition.database.transaction() as session:
        session.add(HourCount(hour=clock.now() - timedelta(hours=2), name="certificates", amount=1))
    asked: list[tuple[str, object]] = []
    engine = composition.database.engine

    def hear(_connection: object, _cursor: object, statement: str, parameters: object, *_more: object) -> None:
        asked.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", hear)
    try:
        with composition.database.reading() as session:
            authority_tree(session, now=clock.now())
            told_today(session, now=clock.now())
            issued_today(session, institutions=frozenset({"1760001550001"}), now=clock.now())
            revoked_today(session, institutions=frozenset({"1760001550001"}), now=clock.now())
    finally:
        event.remove(engine, "before_cursor_execute", hear)
    plans = [
        row[3]
        for statement, parameters in asked
        if statement.startswith("SELECT")
        for row in _plan(composition, statement, parameters)
    ]
    large = [plan for plan in plans if plan.startswith("SCAN") and ("ca_certificate" in plan or "audit_event" in plan)]
    assert [plan for plan in large if "ix_ca_certificate_listed" not in plan] == []
    assert any("ix_ca_certificate_issued_at" in plan for plan in plans)


def _plan(composition: Composition, statement: str, parameters: object) -> list[tuple[object, object, object, str]]:
    with composition.database.engine.connect() as connection:
        raw = connection.connection.dbapi_connection
        assert raw is not None
        return list(raw.cursor().execute(f"EXPLAIN QUERY PLAN {statement}", parameters))
