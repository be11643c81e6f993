"""Public servants log in with their institution's password: who is let in, as whom, and what others notice of it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from audit.vocabulary import EventType, Outcome
from composition import Composition
from idp.accounts.life import disable_person, erase_person
from idp.accounts.person import Person, add_person, find_person_by_cedula
from idp.authentication.browser_session import BrowserSession, find_browser_session
from idp.directories.account_state import AccountState
from idp.directories.departure import check_people
from idp.directories.directory import Directory
from idp.directories.errors import DirectoryAccountError, DirectoryError, DirectoryReason
from idp.directories.health import list_health, look_at_directory
from idp.directories.links import groups_of_login
from idp.directories.model import DirectoryLinkRow
from idp.directories.register import map_group, set_directory_active
from idp.rights.belonging import begin_belonging
from kernel.clock import ManualClock
from tests.idp.directories.fake import PASSWORD, FakeDirectories, add_salud, entry
from tests.idp.web_people.conftest import PASSWORD as OWN_PASSWORD
from tests.idp.web_people.conftest import Walker

CEDULA = "0912345675"
NAME = "rchimbo@salud.gob.ec"
EVERY = timedelta(hours=12)


@pytest.fixture
def fake(composition: Composition) -> FakeDirectories:
    """Directories that answer as the test wants."""
    made = FakeDirectories()
    composition.idp.__dict__["directories"] = made
    return made


@pytest.fixture
def salud(composition: Composition, fake: FakeDirectories) -> Directory:
    """The ministry's directory, which makes people and vouches for level 2."""
    return add_salud(composition)


@pytest.fixture
def session_of(composition: Composition) -> Callable[[Walker], BrowserSession | None]:
    """The live session of a browser."""

    def find(walker: Walker) -> BrowserSession | None:
        with composition.database.reading() as session:
            return find_browser_session(session, secret=walker.cookie("sau_session"), now=composition.clock.now())

    return find


def log_in(walker: Walker, username: str = NAME, password: str = PASSWORD) -> TestResponse:
    """Do the password step."""
    return walker.log_in(username, password)


def person_at(composition: Composition, cedula: str = CEDULA) -> Person | None:
    """Who has the cédula."""
    with composition.database.reading() as session:
        return find_person_by_cedula(session, cedula)


class TestFirstLogin:
    """The first time somebody comes from a directory."""

    def test_somebody_new_is_made_and_let_in(
        self,
        walker: Walker,
        salud: Directory,
        composition: Composition,
        session_of: Callable[[Walker], BrowserSession | None],
        events: Callable[..., list[Any]],
        mails: Callable[[], list[Any]],
    ) -> None:
        """With the level that the operator declared, the mailbox of the institution, and a letter about it."""
        assert log_in(walker).status_code == 303
        person = person_at(composition)
        assert person is not None
        assert (person.name, person.level, person.email) == ("Rosa Elena Chimbo Andi", 2, NAME)
        opened = session_of(walker)
        assert opened is not None
        assert (opened.person_id, opened.amr) == (person.id, ("pwd",))
        (verified,) = events(EventType.PASSWORD_VERIFIED)
        assert verified.subject == person.id
        assert [each.subject for each in events(EventType.LDAP_PERSON_LINKED)] == [person.id]
        assert "Ministerio de Salud" in mails()[0].body

    def test_the_cedula_is_enough_afterwards(
        self, walker: Walker, app: Flask, salud: Directory, session_of: Callable[[Walker], BrowserSession | None]
    ) -> None:
        """And before, where the operator has cédulas asked for."""
        other = Walker(app)
        assert log_in(other, CEDULA).status_code == 422
        log_in(walker)
        assert log_in(other, CEDULA).status_code == 303
        assert session_of(other) is not None

    def test_cedulas_are_asked_for_where_the_operator_says_so(
        self, walker: Walker, composition: Composition, fake: FakeDirectories
    ) -> None:
        """Of a cédula that nobody here has."""
        add_salud(composition, asked_by_cedula=True)
        assert log_in(walker, CEDULA).status_code == 303
        assert fake.asked == 1

    def test_who_has_an_account_is_linked_by_cedula_alone(
        self, walker: Walker, salud: Directory, fake: FakeDirectories, make_person: Callable[..., Person]
    ) -> None:
        """Never by mail or name: the entry's cédula is somebody else's, so nobody is linked with María."""
        maria = make_person("1710034065")
        fake.people["rchimbo"] = entry(mail=maria.email)
        assert log_in(walker).status_code == 303
        fake.people["mquispe"] = entry(maria.cedula, key="22")
        assert log_in(Walker(walker.app), "mquispe@salud.gob.ec").status_code == 303

    @pytest.mark.parametrize(
        ("changed", "words"),
        [
            ({"cedula": ""}, "no nos dijo quién es usted"),
            ({"key": ""}, "no nos dijo quién es usted"),
            ({"given_names": ""}, "no nos dijo quién es usted"),
        ],
        ids=["cedula", "key", "name"],
    )
    def test_an_entry_that_names_nobody(
        self, walker: Walker, salud: Directory, fake: FakeDirectories, changed: dict[str, str], words: str
    ) -> None:
        """Its own page; nobody is let in."""
        fake.people["rchimbo"] = entry(**{"cedula": CEDULA, **changed})  # type: ignore[arg-type]
        answer = log_in(walker)
        assert answer.status_code == 403
        assert words in answer.text

    def test_nobody_is_made_where_the_operator_does_not_want_it(
        self, walker: Walker, composition: Composition, fake: FakeDirectories, events: Callable[..., list[Any]]
    ) -> None:
        """The page says to sign up first; the refusal is on record."""
        add_salud(composition, creates_people=False)
        assert "Todavía no tiene una cuenta" in log_in(walker).text
        assert person_at(composition) is None
        (refused,) = events(EventType.PASSWORD_VERIFIED)
        assert refused.reason == "directory_person_unknown"

    def test_a_directory_reaches_no_account_that_was_checked_better(
        self, walker: Walker, composition: Composition, fake: FakeDirectories, make_person: Callable[..., Person]
    ) -> None:
        """What it vouches for is bounded by what the operator declared."""
        from idp.accounts.life import verify_identity

        add_salud(composition, level=1)
        maria = make_person("1710034065")
        with composition.database.transaction() as session:
            verify_identity(
                session,
                services=composition.idp,
                person_id=maria.id,
                level=2,
                actor="command",
                now=composition.clock.now(),
            )
        fake.people["rchimbo"] = entry(maria.cedula)
        assert "Ingrese con su propia contraseña" in log_in(walker).text

    def test_an_entry_that_became_another_persons(
        self, walker: Walker, salud: Directory, fake: FakeDirectories
    ) -> None:
        """A name that is given to the next one does not open the last one's account."""
        log_in(walker)
        fake.people["rchimbo"] = entry("1710034065")
        assert "es de otra persona" in log_in(Walker(walker.app)).text


class TestRefusals:
    """What does not let in."""

    @pytest.mark.parametrize("password", ["", " ", "\u200b", "\x00"], ids=["empty", "blank", "invisible", "nul"])
    def test_no_bind_for_a_password_that_is_none(
        self, walker: Walker, salud: Directory, fake: FakeDirectories, password: str
    ) -> None:
        """Login 10: no bind is sent."""
        assert log_in(walker, password=password).status_code in (400, 422)
        assert fake.asked == 0

    def test_no_bind_for_a_name_that_is_none(self, walker: Walker, salud: Directory, fake: FakeDirectories) -> None:
        """Login 10: ``*)(uid=*``."""
        assert log_in(walker, "*)(uid=*@salud.gob.ec").status_code == 422
        assert fake.asked == 0

    def test_the_same_octets_for_wrong_absent_and_unknown(
        self, app: Flask, salud: Directory, make_person: Callable[..., Person]
    ) -> None:
        """A wrong password, a name that the directory lacks, a domain that nobody has, a cédula of nobody."""
        pages = []
        for username in (NAME, "nadie@salud.gob.ec", "nadie@otro.gob.ec", CEDULA):
            answer = log_in(Walker(app, address=f"203.0.113.{len(pages)}"), username, "otra-cosa-larga")
            assert answer.status_code == 422, username
            text = re.sub(r"[0-9a-z]{26}|value=\"[^\"]*\"", "X", answer.text.replace(username, "X"))
            pages.append(text.splitlines())
        for page in pages[1:]:
            assert page == pages[0]

    def test_tries_are_counted_before_the_directory_is_asked(
        self, walker: Walker, app: Flask, salud: Directory, fake: FakeDirectories
    ) -> None:
        """Five; the sixth asks nobody. The person's own device has a counter of its own."""
        log_in(walker)
        known = walker.cookie("sau_device")
        stranger = Walker(app, address="198.51.100.1")
        before = fake.asked
        told = [log_in(stranger, password="otra-cosa").status_code for _ in range(7)]
        assert told == [422] * 5 + [429] * 2
        assert fake.asked - before == 5
        assert log_in(Walker(app, address="198.51.100.2"), CEDULA).status_code == 429  # one counter for both names
        assert known
        assert log_in(walker).status_code == 303

    @pytest.mark.parametrize("state", list(AccountState))
    def test_closed_there_is_told_in_plain_words(
        self,
        walker: Walker,
        salud: Directory,
        fake: FakeDirectories,
        events: Callable[..., list[Any]],
        state: AccountState,
    ) -> None:
        """And on record with the reason."""
        fake.error = DirectoryAccountError(state)
        answer = log_in(walker)
        assert answer.status_code == 422
        assert "Su institución" in answer.text or "Su cuenta en la institución" in answer.text
        (refused,) = events(EventType.PASSWORD_VERIFIED)
        assert (refused.outcome, refused.reason) == (Outcome.REFUSED.value, state.value)

    def test_no_old_password_stands_in_for_a_directory(
        self,
        walker: Walker,
        app: Flask,
        salud: Directory,
        fake: FakeDirectories,
        make_person: Callable[..., Person],
        events: Callable[..., list[Any]],
    ) -> None:
        """Login 10: it is down, the person has a password of his own, and it does not fit while he works there."""
        maria = make_person("1710034065")
        fake.people["mquispe"] = entry(maria.cedula)
        log_in(walker, "mquispe@salud.gob.ec")
        fake.error = DirectoryError(DirectoryReason.TIMED_OUT)
        answer = log_in(Walker(app), maria.cedula, OWN_PASSWORD)
        assert answer.status_code == 503
        assert "no responde" in answer.text
        refused = events(EventType.PASSWORD_VERIFIED)[-1]
        assert (refused.reason, refused.subject) == ("directory_unavailable", maria.id)
        fake.error = None
        assert log_in(Walker(app), maria.cedula, OWN_PASSWORD).status_code == 422

    def test_a_try_that_the_directory_did_not_look_at_does_not_count(
        self, walker: Walker, salud: Directory, fake: FakeDirectories
    ) -> None:
        """Whoever tries ten times while it is down gets in when it is back."""
        fake.error = DirectoryError(DirectoryReason.UNREACHABLE)
        assert {log_in(walker).status_code for _ in range(8)} == {503}
        fake.error = None
        assert log_in(walker).status_code == 303

    def test_an_account_that_is_closed_here(
        self, walker: Walker, app: Flask, salud: Directory, composition: Composition
    ) -> None:
        """The directory's yes opens nothing, and says nothing."""
        log_in(walker)
        person = person_at(composition)
        assert person
        with composition.database.transaction() as session:
            disable_person(
                session, services=composition.idp, person_id=person.id, actor="command", now=composition.clock.now()
            )
        answer = log_in(Walker(app))
        assert answer.status_code == 422
        assert "no coinciden" in answer.text

    def test_the_second_factor_stays_ours(
        self,
        walker: Walker,
        salud: Directory,
        fake: FakeDirectories,
        make_person: Callable[..., Person],
        code: Callable[[], str],
        session_of: Callable[[Walker], BrowserSession | None],
    ) -> None:
        """Who has one is asked for it."""
        maria = make_person("1710034065", totp=True)
        fake.people["mquispe"] = entry(maria.cedula)
        answer = log_in(walker, "mquispe@salud.gob.ec")
        assert session_of(walker) is None
        walker.follow(answer)
        walker.post(answer.location, {"step": "second_factor", "method": "totp", "code": code()})
        opened = session_of(walker)
        assert opened is not None
        assert opened.acr == "urn:sau:acr:2fa"


class TestLeaving:
    """Who is no longer in the directory."""

    def test_twice_not_found_ends_the_sessions(
        self,
        walker: Walker,
        salud: Directory,
        fake: FakeDirectories,
        composition: Composition,
        clock: ManualClock,
        session_of: Callable[[Walker], BrowserSession | None],
        events: Callable[..., list[Any]],
    ) -> None:
        """Not at the first look; the rights' room is told; the groups are gone."""
        log_in(walker)
        person = person_at(composition)
        assert person
        with composition.database.transaction() as session:
            begin_belonging(
                session,
                journal=composition.idp.journal,
                institution_id=salud.institution_id,
                person_id=person.id,
                actor="command",
                now=clock.now(),
            )
        fake.people.clear()
        self.look(composition, salud, clock, EVERY)
        assert events(EventType.LDAP_PERSON_LEFT) == []
        assert self.link(composition).missed_at is not None
        walker2 = Walker(walker.app)
        fake.people["rchimbo"] = entry()
        log_in(walker2)
        fake.people.clear()
        assert session_of(walker2) is not None
        self.look(composition, salud, clock, EVERY)
        self.look(composition, salud, clock, timedelta(minutes=11))
        assert len(events(EventType.LDAP_PERSON_LEFT)) == 1
        assert [each.object_id for each in events(EventType.BELONGING_ENDED)] == [salud.institution_id]
        assert session_of(walker2) is None
        with composition.database.reading() as session:
            assert groups_of_login(session, person.id) == []

    def test_a_directory_that_is_down_dismisses_nobody(
        self, walker: Walker, salud: Directory, fake: FakeDirectories, composition: Composition, clock: ManualClock
    ) -> None:
        """It says nothing about anybody."""
        log_in(walker)
        fake.error = DirectoryError(DirectoryReason.UNREACHABLE)
        with pytest.raises(DirectoryError):
            self.look(composition, salud, clock, EVERY)
        assert self.link(composition).missed_at is None

    def test_when_many_are_missing_nobody_has_left(
        self,
        salud: Directory,
        fake: FakeDirectories,
        composition: Composition,
        clock: ManualClock,
        events: Callable[..., list[Any]],
    ) -> None:
        """Somebody moved the tree: a person must look."""
        now = clock.now()
        with composition.database.transaction() as session:
            for number in range(8):
                person = add_person(
                    session,
                    journal=composition.idp.journal,
                    cedula=f"171003406{number}",
                    given_names="Rosa",
                    surnames="Chimbo",
                    email="",
                    now=now,
                )
                session.add(
                    DirectoryLinkRow(
                        id=f"0{number}",
                        directory_id=salud.id,
                        person_id=person.id,
                        entry_key=str(number),
                        username=f"u{number}",
                        groups=[],
                        linked_at=now,
                        last_login_at=now,
                        checked_at=now,
                    )
                )
        fake.people = {"u0": entry("1710034060", key="0")}
        self.look(composition, salud, clock, EVERY)
        (stopped,) = events(EventType.LDAP_CHECK_STOPPED)
        assert stopped.reason == "too_many_missing"
        with composition.database.reading() as session:
            assert session.query(DirectoryLinkRow).filter(DirectoryLinkRow.missed_at.is_not(None)).count() == 0

    def test_groups_become_roles_by_the_operators_table(
        self, walker: Walker, salud: Directory, composition: Composition
    ) -> None:
        """Letter case and blanks of a group's name do not count; a closed directory says nothing."""
        now = composition.clock.now()
        log_in(walker)
        person = person_at(composition)
        assert person
        with composition.database.transaction() as session:
            for role in ("caja", "bodega"):
                map_group(
                    session,
                    services=composition.idp,
                    name="salud",
                    group="cn=caja,ou=grupos,dc=salud",
                    role=role,
                    mapped=True,
                    now=now,
                )
            map_group(
                session,
                services=composition.idp,
                name="salud",
                group="cn=caja,ou=grupos,dc=salud",
                role="bodega",
                mapped=False,
                now=now,
            )
            (groups,) = groups_of_login(session, person.id)
            assert (groups.roles, groups.institution_id) == (("caja",), salud.institution_id)
            set_directory_active(session, services=composition.idp, name="salud", active=False, now=now)
            assert groups_of_login(session, person.id) == []

    def test_erasure_takes_the_links(self, walker: Walker, salud: Directory, composition: Composition) -> None:
        """What is kept about a person goes with him."""
        log_in(walker)
        person = person_at(composition)
        assert person
        with composition.database.transaction() as session:
            erase_person(
                session, services=composition.idp, person_id=person.id, actor="command", now=composition.clock.now()
            )
        with composition.database.reading() as session:
            assert session.query(DirectoryLinkRow).count() == 0

    @staticmethod
    def look(composition: Composition, directory: Directory, clock: ManualClock, after: timedelta) -> None:
        """Have the worker look, some time later."""
        clock.advance(after)
        check_people(composition.idp, directory_id=directory.id, every=EVERY, now=clock.now())

    @staticmethod
    def link(composition: Composition) -> DirectoryLinkRow:
        """The one link."""
        with composition.database.reading() as session:
            row = session.query(DirectoryLinkRow).one()
            session.expunge(row)
            return row


def test_health_is_kept_and_its_changes_are_events(
    salud: Directory, fake: FakeDirectories, composition: Composition, events: Callable[..., list[Any]]
) -> None:
    """Up, down, down, up: three changes that anybody asks about, and two that are events."""
    for error in (None, DirectoryReason.TIMED_OUT, DirectoryReason.TIMED_OUT, None):
        fake.error = DirectoryError(error) if error else None
        look_at_directory(composition.idp, directory_id=salud.id, now=composition.clock.now())
        with composition.database.reading() as session:
            (health,) = list_health(session)
        assert (health.up, health.reason) == (error is None, error.value if error else None)
    assert [each.outcome for each in events(EventType.LDAP_DIRECTORY_HEALTH_CHANGED)] == ["failure", "success"]


def test_others_are_not_slowed_by_a_directory_that_hangs(
    app: Flask, salud: Directory, composition: Composition, make_person: Callable[..., Person]
) -> None:
    """Login 10: its people wait in the dark, a citizen logs in meanwhile."""
    from concurrent.futures import ThreadPoolExecutor

    class Hung(FakeDirectories):
        def authenticate(self, *arguments: object, **keywords: object) -> Any:
            time.sleep(0.8)
            raise DirectoryError(DirectoryReason.TIMED_OUT)

    composition.idp.__dict__["directories"] = Hung()
    make_person()
    walkers = [Walker(app, address=f"198.51.100.{number}") for number in range(6)]
    with ThreadPoolExecutor(6) as threads:
        hung = [threads.submit(log_in, each, f"p{number}@salud.gob.ec") for number, each in enumerate(walkers)]
        assert Walker(app).log_in().status_code == 303
        assert not any(each.done() for each in hung)
        assert {each.result().status_code for each in hung} == {503}
