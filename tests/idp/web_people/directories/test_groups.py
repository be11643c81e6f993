"""What the groups of a directory are worth: given at the login, kept by the next, taken away with the group."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from audit.vocabulary import EventType
from composition import Composition
from idp.directories.account_state import AccountState
from idp.directories.directory import Directory
from idp.directories.errors import DirectoryAccountError
from idp.directories.register import map_group
from idp.rights.approval import decide_assignment
from idp.rights.assignment import assign_role, end_assignment
from idp.rights.belonging import find_belonging_of
from idp.rights.catalog import declare_rights, find_role_by_name
from idp.rights.declaration import parse_declaration
from idp.rights.holdings import holdings_of
from idp.rights.leaving import leave_institution
from idp.rights.model import AssignmentRow
from kernel.clock import ManualClock
from kernel.errors import ServiceError
from tests.idp.directories.fake import RUC, FakeDirectories, entry
from tests.idp.relying_party import register
from tests.idp.rights.conftest import declared
from tests.idp.web_people.conftest import Walker
from tests.idp.web_people.directories.walking import EVERY, log_in, look, person_at

DESK = "cn=caja,ou=grupos,dc=salud"
CHIEFS = "cn=jefes,ou=grupos,dc=salud"
Events = Callable[..., list[Any]]


@dataclass
class Taxes:
    """The tax application, and what it says of Rosa."""

    composition: Composition
    directory: Directory
    client_id: str

    def map(self, group: str, role: str, **more: Any) -> None:
        """Say what a group is worth."""
        values = {"client_id": self.client_id, "mapped": True, **more}
        with self.composition.database.transaction() as session:
            now = self.composition.clock.now()
            map_group(session, services=self.composition.idp, name="salud", group=group, role=role, now=now, **values)

    def rows(self) -> list[tuple[str, str]]:
        """Status and reason of all of Rosa's, oldest first."""
        with self.composition.database.reading() as session:
            rows = session.query(AssignmentRow).order_by(AssignmentRow.id)
            return [(row.status, row.ended_reason or "") for row in rows]

    def roles(self) -> list[str]:
        """What counts now."""
        rosa = person_at(self.composition)
        assert rosa is not None
        with self.composition.database.reading() as session:
            now = self.composition.clock.now()
            return [each.role for each in holdings_of(session, person_id=rosa.id, client_id=self.client_id, now=now)]

    def by_hand(self, role: str, *, end: bool = False) -> None:
        """Give Rosa a role, or take it away, as an administrator does."""
        rosa, services, now = person_at(self.composition), self.composition.idp, self.composition.clock.now()
        assert rosa is not None
        with self.composition.database.transaction() as session:
            role_id = find_role_by_name(session, client_id=self.client_id, name=role).id
            common: dict[str, Any] = {"journal": services.journal, "actor": "command", "reason": "Así es", "now": now}
            if end:
                row = session.query(AssignmentRow).filter_by(role_id=role_id).order_by(AssignmentRow.id.desc()).first()
                assert row is not None
                end_assignment(session, assignment_id=row.id, institution_id=None, **common)
            else:
                institution = self.directory.institution_id
                assign_role(session, institution_id=institution, person_id=rosa.id, role_id=role_id, **common)


@pytest.fixture
def taxes(composition: Composition, salud: Directory) -> Taxes:
    """Declared for the ministry: *reader*, *auditor*, *chief* with a second person, *voider* that is sensitive."""
    client_id = register(composition).client_id
    wishes = declared(client_id, institutions=[RUC])
    chief = {"name": "chief", "es": "Jefatura", "en": "Chief", "permissions": ["audit"], "needs_approval": True}
    wishes["roles"] = [*wishes["roles"], chief]
    with composition.database.transaction() as session:
        declare_rights(
            session,
            journal=composition.idp.journal,
            declaration=parse_declaration(wishes),
            actor="command",
            now=composition.clock.now(),
        )
    return Taxes(composition, salud, client_id)


def test_a_group_gives_at_the_login_and_takes_at_the_next_look(
    walker: Walker, taxes: Taxes, fake: FakeDirectories, clock: ManualClock, events: Events
) -> None:
    """Letter case and blanks of a group's name do not count. Out of the group: taken away without a login."""
    taxes.map(DESK, "reader")
    taxes.map(CHIEFS, "auditor")
    come(walker)
    (begun,) = events(EventType.BELONGING_BEGUN)
    assert begun.actor == "directory:salud"
    (granted,) = events(EventType.ASSIGNMENT_GRANTED)
    assert granted.actor == "directory:salud"
    assert taxes.roles() == ["reader"]
    come(walker)
    assert len(events(EventType.ASSIGNMENT_GRANTED)) == 1, "it is kept, not given twice"
    fake.people["rchimbo"] = entry(groups=(CHIEFS.upper(),))
    look(taxes.composition, taxes.directory, clock, EVERY)
    assert taxes.rows() == [("ended", "group_left"), ("active", "")]
    assert taxes.roles() == ["auditor"]


def test_who_comes_no_more_keeps_nothing(
    walker: Walker, taxes: Taxes, clock: ManualClock, composition: Composition
) -> None:
    """Also while the directory still knows the account: looks prolong nothing, only logins do."""
    taxes.map(DESK, "reader")
    come(walker)
    clock.advance(timedelta(days=20))
    log_in(Walker(walker.app))
    clock.advance(timedelta(days=20))
    assert taxes.roles() == ["reader"]
    look(composition, taxes.directory, clock, timedelta(days=11))
    assert taxes.roles() == []
    log_in(Walker(walker.app))
    assert taxes.roles() == ["reader"]


def test_what_a_person_gave_or_took_is_not_touched(walker: Walker, taxes: Taxes, fake: FakeDirectories) -> None:
    """By hand stays by hand; what was taken away by hand no group gives again."""
    taxes.map(DESK, "reader")
    fake.people["rchimbo"] = entry(groups=())
    come(walker)
    taxes.by_hand("reader")
    fake.people["rchimbo"] = entry()
    come(walker)
    fake.people["rchimbo"] = entry(groups=())
    come(walker)
    assert taxes.roles() == ["reader"]
    taxes.by_hand("reader", end=True)
    fake.people["rchimbo"] = entry()
    come(walker)
    assert taxes.roles() == []


def test_a_role_with_a_second_person_is_asked_for_not_given(
    walker: Walker, taxes: Taxes, fake: FakeDirectories, composition: Composition, events: Events
) -> None:
    """Approved it counts, and goes with the group; refused it is not asked for again."""
    taxes.map(DESK, "chief")
    come(walker)
    come(walker)
    (proposed,) = events(EventType.ASSIGNMENT_PROPOSED)
    assert (proposed.actor, taxes.roles()) == ("directory:salud", [])
    decide(composition, approved=True)
    assert taxes.roles() == ["chief"]
    fake.people["rchimbo"] = entry(groups=())
    come(walker)
    assert taxes.roles() == []
    fake.people["rchimbo"] = entry()
    come(walker)
    decide(composition, approved=False)
    come(walker)
    assert [status for status, _ in taxes.rows()] == ["ended", "refused"]


def test_what_no_group_gives(walker: Walker, taxes: Taxes, events: Events) -> None:
    """A sensitive role, one of an application that the institution may not use, one that another excludes."""
    with pytest.raises(ServiceError, match="sensitive"):
        taxes.map(DESK, "voider")
    with pytest.raises(ServiceError) as caught:
        taxes.map(DESK, "director")
    assert caught.value.code == "unknown_role"
    taxes.map(DESK, "auditor", client_id="")
    taxes.map(DESK, "reader")
    taxes.map(DESK, "reader", mapped=False)
    come(walker)
    assert taxes.roles() == ["auditor"]


def test_roles_that_exclude_each_other_are_not_both_given(
    walker: Walker, taxes: Taxes, fake: FakeDirectories, events: Events
) -> None:
    """Two groups are no way round it; it is on record, and the login goes on."""
    fake.people["rchimbo"] = entry(groups=())
    come(walker)
    taxes.by_hand("voider")
    taxes.map(DESK, "auditor")
    fake.people["rchimbo"] = entry()
    assert come(walker).status_code == 303
    (denied,) = events(EventType.ASSIGNMENT_DENIED)
    assert (denied.reason, denied.actor) == ("roles_exclude_each_other", "directory:salud")
    assert taxes.roles() == []


def test_closed_there_is_the_end_here_at_once(
    walker: Walker, taxes: Taxes, fake: FakeDirectories, clock: ManualClock, events: Events
) -> None:
    """The directory said so to the right password. A locked account ends nothing; who is let in again begins again."""
    taxes.map(DESK, "reader")
    come(walker)
    fake.error = DirectoryAccountError(AccountState.LOCKED, entry_key=entry().key)
    log_in(Walker(walker.app))
    assert taxes.roles() == ["reader"]
    fake.error = DirectoryAccountError(AccountState.DISABLED, entry_key=entry().key)
    assert log_in(Walker(walker.app)).status_code == 422
    assert taxes.rows() == [("ended", "left_institution")]
    assert walker.get("/account").status_code in (302, 303), "her session is over"
    assert [each.actor for each in events(EventType.LDAP_PERSON_LEFT)] == ["directory:salud"]
    fake.error = None
    come(walker)
    assert taxes.roles() == ["reader"]


def test_who_was_let_go_by_hand_does_not_come_back_by_a_login(
    walker: Walker, taxes: Taxes, composition: Composition, clock: ManualClock
) -> None:
    """The institution said that she left: her account in the directory lets her in, and gives nothing."""
    taxes.map(DESK, "reader")
    come(walker)
    rosa, where = person_at(composition), taxes.directory.institution_id
    assert rosa is not None
    with composition.database.transaction() as session:
        belonging = find_belonging_of(session, institution_id=where, person_id=rosa.id)
        assert belonging is not None
        leave_institution(
            session,
            services=composition.idp,
            belonging_id=belonging.id,
            institution_id=where,
            actor="command",
            now=clock.now(),
        )
    assert come(walker).status_code == 303
    assert taxes.roles() == []


def come(walker: Walker) -> TestResponse:
    """Log Rosa in, in a browser of its own."""
    walker.client = walker.app.test_client()
    return log_in(walker)


def decide(composition: Composition, *, approved: bool) -> None:
    """Decide what waits, as the second person."""
    with composition.database.transaction() as session:
        row = session.query(AssignmentRow).filter_by(status="pending").one()
        decide_assignment(
            session,
            journal=composition.idp.journal,
            assignment_id=row.id,
            institution_id=None,
            approved=approved,
            seen_sha256=row.proposal_sha256,
            actor="command",
            now=composition.clock.now(),
        )
