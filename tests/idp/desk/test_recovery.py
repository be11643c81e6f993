"""Lost everything: an account is given back at a desk, after a wait in which its owner can say no."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from audit.model import AuditEvent
from idp.accounts.life import disable_person, enable_person, erase_person
from idp.accounts.model import PersonRow
from idp.accounts.person import find_person
from idp.authentication.browser_session import list_browser_sessions
from idp.authentication.totp import current_code, list_totp
from idp.codes.code_factor import add_code_factor, find_code_factor
from idp.codes.sent_code import Channel
from idp.desk.model import DeskRecoveryRow
from idp.desk.recovery import approve_recovery
from idp.desk.recovery_end import close_expired, stop_recovery
from idp.desk.redemption import enter_code, finish_recovery, note_new_password
from idp.desk.waiting import delay_of
from kernel.errors import AlreadyConsumed, Conflict, Denied, Rejected, ServiceError
from tests.idp.desk.conftest import OFFICER, SECOND, mails
from tests.idp.web_people.conftest import CEDULA, KEY, PASSWORD, Walker

NEW_PASSWORD = "sombrero-laguna-papel-78"
DAY = timedelta(hours=24)


def enter(walker: Walker, code: str, cedula: str = CEDULA):
    """Type the code from the paper."""
    walker.get("/recovery/desk")
    return walker.post("/recovery/desk", {"username": cedula, "code": code})


def give_back(walker: Walker, code: str, clock) -> str:
    """Walk through all of it; return the new key."""
    path = enter(walker, code).location
    walker.get(path)
    walker.post(path, {"step": "password", "password": NEW_PASSWORD})
    page = walker.get(path).text
    key = re.sub(r"\s", "", re.search(r'id="totp-key">([^<]+)<', page)[1])
    done = walker.post(path, {"step": "second_factor", "code": current_code(key, now=clock.now())})
    assert done.status_code == 303, done.text
    return key


def set_level(composition, person, level: int = 2) -> None:
    with composition.database.transaction() as session:
        session.execute(update(PersonRow).where(PersonRow.id == person.id).values(level=level))


def kinds(composition, person, *, prefix: str = "idp:desk_recovery:") -> list[str]:
    """What is on record about the person, oldest first."""
    with composition.database.reading() as session:
        told = select(AuditEvent.type).where(AuditEvent.subject == person.id, AuditEvent.type.startswith(prefix))
        found = session.scalars(told.order_by(AuditEvent.occurred_at, AuditEvent.id))
        return [kind.removeprefix(prefix) for kind in found]


@pytest.mark.parametrize(("level", "hours", "wait"), [(1, 24, 2), (1, 1, 1), (2, 24, 24), (3, 24, 24), (2, 0, 0)])
def test_an_account_whose_owner_was_checked_waits_the_whole_time(level: int, hours: int, wait: int) -> None:
    """Delay in proportion to what is at stake."""
    assert delay_of(level, hours=hours) == timedelta(hours=wait)


def test_everything_lost_is_given_back_after_the_delay(make_person, open_one, app, walker, composition, clock) -> None:
    """Citizen: a delay and a notice to all contacts; history and id survive, what was lost opens nothing."""
    person = make_person(totp=True)
    set_level(composition, person)
    thief = Walker(app, address="203.0.113.66")
    thief.log_in()
    path = thief.get("/login").location
    thief.get(path)
    thief.post(path, {"step": "password", "username": CEDULA, "password": PASSWORD})
    thief.post(path, {"step": "second_factor", "code": current_code(KEY, now=clock.now())})
    with composition.database.reading() as session:
        assert list_browser_sessions(session, person_id=person.id, now=clock.now())
    opened = open_one(person)
    (notice,) = [mail for mail in mails(composition) if "/recovery/stop/" in mail.body]
    assert "Agencia Norte, Quito" in notice.body
    assert opened.code not in notice.body
    early = enter(walker, opened.code)
    assert early.status_code == 200
    assert "Todavía no" in early.text
    clock.advance(DAY - timedelta(seconds=1))
    assert "Todavía no" in enter(walker, opened.code).text
    clock.advance(timedelta(seconds=1))
    key = give_back(walker, opened.code.lower().replace("-", " "), clock)
    assert walker.get("/account").status_code == 200
    assert "Se recuperó su cuenta" in mails(composition)[0].subject + mails(composition)[1].subject
    with composition.database.reading() as session:
        assert find_person(session, person.id).level == 2
        assert len(list_totp(session, person.id)) == 1
        assert len(list_browser_sessions(session, person_id=person.id, now=clock.now())) == 1
    assert kinds(composition, person) == ["opened", "entered", "finished"]
    clock.advance(timedelta(minutes=1))
    old, new = Walker(app), Walker(app)
    assert old.log_in().status_code == 422  # the old password
    new.log_in(password=NEW_PASSWORD)
    path = new.open_login()
    new.post(path, {"step": "password", "username": CEDULA, "password": NEW_PASSWORD})
    assert new.post(path, {"step": "second_factor", "code": current_code(KEY, now=clock.now())}).status_code == 422
    assert new.post(path, {"step": "second_factor", "code": current_code(key, now=clock.now())}).status_code == 303
    # The paper is spent, in this browser and in any other.
    assert enter(Walker(app), opened.code).status_code == 422
    activity = new.get("/account/activity").text
    assert "Se recuperó su cuenta con el código de la ventanilla" in activity
    assert "Cambió la contraseña" in activity


def test_without_a_telephone_the_password_is_enough(make_person, open_one, walker, composition, clock) -> None:
    """Equality: nobody is worse off for lacking a smartphone; lost contacts leave with the end, after being told."""
    person = make_person(totp=True)
    with composition.database.transaction() as session:
        # What the thief of a printed card or of a telephone number has opens nothing afterwards, either.
        add_code_factor(session, person_id=person.id, channel=Channel.SMS, now=clock.now())
    opened = open_one(person, lost_email=True)
    clock.advance(timedelta(hours=2))
    path = enter(walker, opened.code).location
    walker.get(path)
    walker.post(path, {"step": "password", "password": NEW_PASSWORD})
    assert walker.post(path, {"step": "without"}).location == "/account"
    with composition.database.reading() as session:
        assert find_person(session, person.id).email == ""
        assert list_totp(session, person.id) == []
        assert find_code_factor(session, person.id, Channel.SMS) is None
    assert any("Se recuperó" in mail.subject for mail in mails(composition))


def test_the_owner_stops_it_from_the_notice_without_a_login(make_person, open_one, app, composition, clock) -> None:
    """Opening the link changes nothing; the form stops it, once; the paper is worth nothing, all are told."""
    person = make_person()
    opened, owner = open_one(person), Walker(app)
    address = f"/recovery/stop/{opened.stop}"
    assert "No fui yo" in owner.get(address).text
    owner.get(address)
    assert kinds(composition, person) == ["opened"]
    assert owner.client.post(address).status_code == 400  # no form, no stop
    assert owner.post(address).status_code == 200
    again = owner.get(address)
    assert again.status_code == 409
    assert "Ya no hay nada que detener" in again.text
    clock.advance(DAY)
    assert enter(Walker(app), opened.code).status_code == 422
    assert kinds(composition, person)[:2] == ["opened", "stopped"]
    (told,) = [mail for mail in mails(composition) if "Se detuvo" in mail.subject]
    assert "Su número de reporte es" in told.body
    assert owner.get("/recovery/stop/0000-0000-0000-0000").status_code == 404
    short = owner.get("/recovery/stop")
    assert short.status_code == 200
    assert owner.post("/recovery/stop", {"code": "nada"}).status_code == 422


def test_who_is_logged_in_sees_it_and_stops_it(make_person, open_one, walker, app, composition, clock) -> None:
    """On top of the account; a second press, or a press without one open, leads back."""
    person = make_person()
    walker.follow(walker.log_in())
    assert walker.get("/account/recovery/stop").location == "/account"
    opened = open_one(person)
    assert "En una ventanilla pidieron recuperar su cuenta" in walker.get("/account").text
    assert "No fui yo: detenerla" in walker.get("/account/recovery/stop").text
    assert walker.post("/account/recovery/stop").location.startswith("/account/reports/")
    assert walker.post("/account/recovery/stop").location == "/account"
    assert "pidieron recuperar su cuenta el" not in walker.get("/account").text
    clock.advance(timedelta(hours=2))
    assert enter(Walker(app), opened.code).status_code == 422


def test_a_stop_by_the_code_of_a_message(make_person, open_one, app) -> None:
    """Who has no mail types the code of the short message."""
    opened, owner = open_one(make_person()), Walker(app)
    owner.get("/recovery/stop")
    found = owner.post("/recovery/stop", {"code": opened.stop.lower().replace("-", "")})
    assert owner.get(found.location).status_code == 200
    assert owner.post(found.location).status_code == 200


def test_after_a_stop_the_next_one_needs_two_officers(make_person, open_one, walker, composition, clock) -> None:
    """An officer who colludes does not just try again."""
    person = make_person()
    open_one(person)
    with composition.database.transaction() as session:
        row = session.scalars(select(DeskRecoveryRow)).one()
        stop_recovery(
            session, services=composition.idp, recovery_id=row.id, actor="anonymous", by="contact", now=clock.now()
        )
    again = open_one(person)
    assert again.recovery.ready_at is None
    clock.advance(timedelta(hours=3))
    assert "Otra persona de la oficina" in enter(walker, again.code).text
    agree = {"services": composition.idp, "recovery_id": again.recovery.id, "institutions": None, "now": clock.now()}
    for officer in (OFFICER, person.id):
        with pytest.raises(Denied), composition.database.transaction() as session:
            approve_recovery(session, officer_id=officer, **agree)
    with composition.database.transaction() as session:
        approved = approve_recovery(session, officer_id=SECOND, **agree)
    assert approved.ready_at == clock.now() + timedelta(hours=2)
    with pytest.raises(Conflict), composition.database.transaction() as session:
        approve_recovery(session, officer_id="0" * 25 + "3", **agree)
    clock.advance(timedelta(hours=2))
    assert enter(walker, again.code).status_code == 303


def test_stopping_after_the_end_is_too_late_and_says_what_to_do(make_person, open_one, walker, app, clock) -> None:
    """Stop after finish."""
    opened = open_one(make_person())
    clock.advance(timedelta(hours=2))
    give_back(walker, opened.code, clock)
    late = Walker(app).get(f"/recovery/stop/{opened.stop}")
    assert late.status_code == 409
    assert "Llegó tarde" in late.text


def test_one_open_recovery_a_person_and_it_expires(make_person, open_one, walker, composition, clock) -> None:
    """Exactly one at a time; the code of an old one is worth nothing."""
    person = make_person()
    first = open_one(person)
    with pytest.raises(Conflict, match="open"):
        open_one(person)
    clock.advance(timedelta(hours=2) + timedelta(days=7))
    assert enter(walker, first.code).status_code == 422
    second = open_one(person)
    assert kinds(composition, person)[-2:] == ["expired", "opened"]
    clock.advance(timedelta(days=8))
    with composition.database.transaction() as session:
        assert close_expired(session, services=composition.idp, now=clock.now()) == 1
        assert close_expired(session, services=composition.idp, now=clock.now()) == 0
    assert enter(walker, second.code).status_code == 422


def test_a_found_paper_is_worth_nothing_without_its_person(make_person, open_one, app, walker, clock) -> None:
    """A stolen code: another cédula, no cédula, another code, all the same answer; and the browser is bound."""
    opened = open_one(make_person())
    make_person("1710034073", totp=False)
    clock.advance(timedelta(hours=2))
    answers = [
        enter(walker, opened.code, "1710034073"),
        enter(walker, "0000-0000-0000-0000"),
        enter(walker, opened.stop),
    ]
    assert {answer.status_code for answer in answers} == {422}
    assert len({re.sub(r'value="[^"]*"', "", answer.text) for answer in answers}) == 1
    path = enter(walker, opened.code).location
    other = Walker(app)
    other.get("/recovery/desk")
    assert other.get(path).status_code == 403
    walker.get(path)
    # Typed anew elsewhere: what the first browser had begun is over.
    walker.post(path, {"step": "password", "password": NEW_PASSWORD})
    assert enter(other, opened.code).status_code == 303
    assert walker.get(path).status_code == 403
    assert "Cree una contraseña nueva" in other.get(path).text


def test_no_step_is_skipped(make_person, open_one, walker, composition, clock) -> None:
    """Empty POST, skipped step, a step of another journey: never advances."""
    person = make_person(totp=True)
    opened = open_one(person)
    clock.advance(timedelta(hours=2))
    path = enter(walker, opened.code).location
    walker.get(path)
    for sent in ({}, {"step": "second_factor", "code": "000000"}, {"step": "without"}, {"step": "finish"}):
        assert walker.post(path, sent).status_code == 303
    assert walker.post(path, {"step": "password", "password": "corta"}).status_code == 422
    assert "Cree una contraseña nueva" in walker.get(path).text
    walker.post(path, {"step": "password", "password": NEW_PASSWORD})
    walker.get(path)
    wrong = walker.post(path, {"step": "second_factor", "code": "000000"})
    assert wrong.status_code == 422
    with composition.database.reading() as session:
        assert list_totp(session, person.id)[0].confirmed_at < clock.now()
    assert kinds(composition, person) == ["opened", "entered"]


def test_a_closed_account_is_not_given_back(make_person, open_one, walker, composition, clock) -> None:
    """Disabled: no opening, and what was open is over, also if it is enabled again. Erased: nothing is left."""
    person = make_person()
    opened = open_one(person)
    with composition.database.transaction() as session:
        disable_person(session, services=composition.idp, person_id=person.id, actor="command", now=clock.now())
    with pytest.raises(Conflict):
        open_one(person)
    with composition.database.transaction() as session:
        enable_person(session, services=composition.idp, person_id=person.id, actor="command", now=clock.now())
    clock.advance(timedelta(hours=2))
    assert enter(walker, opened.code).status_code == 422
    open_one(person)
    with composition.database.transaction() as session:
        erase_person(session, services=composition.idp, person_id=person.id, actor="command", now=clock.now())
        assert session.scalars(select(DeskRecoveryRow)).all() == []


def test_an_officer_neither_recovers_himself_nor_acts_elsewhere(make_person, open_one, composition) -> None:
    """On record."""
    person = make_person()
    with pytest.raises(Denied):
        open_one(person, officer=person.id)
    assert kinds(composition, person) == ["refused"]
    with pytest.raises(Rejected):
        open_one(person, institutions=frozenset({"1760013210001"}))


def test_of_a_stop_and_many_ends_at_once_exactly_one_counts(make_person, open_one, composition, clock) -> None:
    """Races: the code in one browser, sent ten times, against the owner's stop."""
    person = make_person()
    opened = open_one(person)
    clock.advance(timedelta(hours=2))
    services, browser, now = composition.idp, "b" * 43, clock.now()
    known = {"services": services, "recovery_id": opened.recovery.id, "now": now}
    with composition.database.transaction() as session:
        enter_code(session, services=services, document=CEDULA, code=opened.code, browser_secret=browser, now=now)
        note_new_password(session, browser_secret=browser, phc="$argon2id$x", **known)

    def finish(_: int) -> str:
        try:
            with composition.database.transaction() as session:
                finish_recovery(session, browser_secret=browser, code=None, **known)
        except (AlreadyConsumed, Conflict) as error:
            return error.code
        return "finished"

    def stop(_: int) -> str:
        try:
            with composition.database.transaction() as session:
                stop_recovery(session, actor="anonymous", by="contact", **known)
        except ServiceError as error:
            return error.code
        return "stopped"

    with ThreadPoolExecutor(8) as pool:
        ends = [*pool.map(lambda n: finish(n) if n % 2 else stop(n), range(10))]
    assert len([end for end in ends if end in ("finished", "stopped")]) == 1, ends


def test_of_two_officers_at_once_one_opens(make_person, open_one, composition) -> None:
    """Two at once: the second is told that one is open."""
    person = make_person()

    def open_(officer: str) -> str:
        try:
            open_one(person, officer=officer)
        except Conflict as error:
            return error.code
        return "opened"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(open_, (OFFICER, SECOND))) == ["opened", "recovery_open"]


def test_no_secret_of_a_recovery_is_kept_in_clear(make_person, open_one, composition, clock) -> None:
    """Who reads the database has neither code; the record holds no document number."""
    opened = open_one(make_person())
    with composition.database.reading() as session:
        row = session.scalars(select(DeskRecoveryRow)).one()
        kept = " ".join(str(getattr(row, column.key)) for column in DeskRecoveryRow.__table__.columns)
    for secret in (opened.code, opened.stop, opened.code.replace("-", ""), opened.stop.replace("-", "")):
        assert secret not in kept
