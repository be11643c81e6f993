"""Who may give which role to whom, for how long, and what ends it (attacks and faults, 12 and 13)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from idp.accounts.life import disable_person, erase_person
from idp.accounts.model import PersonRow
from idp.directory.institutions import set_institution_active
from idp.rights.catalog import declare_rights
from idp.rights.declaration import parse_declaration
from idp.rights.delegation import delegated_institutions, withdraw_delegation
from idp.rights.leaving import leave_institution
from idp.rights.model import AssignmentRow, BelongingRow
from idp.rights.reports import report_holders
from kernel.clock import ManualClock
from kernel.errors import Conflict, Denied, NotFound, Rejected, ServiceError
from tests.idp.rights.conftest import Office, declared


def _refused(work: Callable[[], object]) -> str:
    with pytest.raises(ServiceError) as refusal:
        work()
    return refusal.value.code


def test_a_declaration_again_changes_nothing_and_another_shows_its_difference(office: Office) -> None:
    """Idempotent; what is gone is retired, and whoever held it holds nothing."""
    assert office.declare() == ()
    servant = office.person(0)
    office.hire(servant)
    office.assign(servant, "reader")
    assert office.roles(servant) == ["reader"]
    only = [declared("x")["roles"][2] | {"excludes": []}]
    assert "- role reader" in office.declare(roles=only)
    assert office.roles(servant) == []
    assert "+ role reader: invoice:read" in office.declare()
    assert office.roles(servant) == [], "another role of the same name"
    assert office.events("idp:rights:declared") == [("success", None)] * 3


@pytest.mark.parametrize(
    "changes",
    [
        {"roles": [{"name": "Reader", "es": "x", "en": "x"}]},
        {"roles": [{"name": "reader", "es": "x", "en": "x", "permissions": ["nothing"]}]},
        {"roles": [{"name": "reader", "es": "x"}]},
        {"roles": [{"name": "reader", "es": "x", "en": "x", "excludes": ["reader"]}]},
        {"roles": [{"name": "reader", "es": "x", "en": "x", "max_days": 0}]},
        {"roles": [{"name": "reader", "es": "x", "en": "x", "owner": "me"}]},
        {"roles": [{"name": "a", "es": "x", "en": "x"}] * 2},
        {"permissions": [{"name": "a:b:c", "es": "x", "en": "x"}]},
        {"permissions": {"name": "a"}},
        {"institutions": "some"},
        {"admin": True},
    ],
    ids=range(11),
)
def test_refuses_a_declaration_that_is_not_one(changes: dict[str, Any]) -> None:
    """Unknown members too: a flag that is misspelt must not be dropped."""
    with pytest.raises(Rejected) as refusal:
        parse_declaration(declared("client", **changes))
    assert refusal.value.code == "bad_declaration"


def test_exclusion_is_mutual_and_holds_across_institutions(office: Office) -> None:
    """Two duties that must not meet do not meet because two institutions gave them."""
    servant = office.person(0)
    office.hire(servant)
    office.hire(servant, office.agency)
    office.assign(servant, "auditor")
    assert _refused(lambda: office.assign(servant, "voider", office.agency)) == "roles_exclude_each_other"


def test_only_people_of_the_institution_get_its_roles_and_only_roles_that_it_may_use(office: Office) -> None:
    """An institution that the application is not offered to cannot give its roles."""
    servant = office.person(0)
    assert _refused(lambda: office.assign(servant, "reader")) == "unknown_belonging"
    office.hire(servant)
    office.declare(institutions=["1760013210001"])
    assert _refused(lambda: office.assign(servant, "reader")) == "role_not_offered"


def test_nobody_gives_a_role_to_himself_nor_with_a_second_account(office: Office) -> None:
    """Raising one's own rights is refused and on record, whatever was delegated."""
    chief = office.person(0)
    office.hire(chief)
    office.delegate(chief, "reader")
    assert _refused(lambda: office.assign(chief, "reader", actor=chief.id)) == "own_role"
    second = office.person(1)
    with office.composition.database.transaction() as session:
        session.get_one(PersonRow, second.id).email = chief.email
    office.hire(second)
    assert _refused(lambda: office.assign(second, "reader", actor=chief.id)) == "own_role"
    assert office.roles(chief) == office.roles(second) == []
    assert office.events("idp:assignment:denied") == [("refused", "own_role")] * 2
    assert _refused(lambda: office.delegate(chief, "voider", actor=chief.id)) == "own_delegation"


def test_a_delegated_administrator_gives_what_was_delegated_where_it_was(office: Office) -> None:
    """Another role, another institution: refused."""
    chief, servant = office.person(0), office.person(1)
    office.hire(chief)
    office.delegate(chief, "reader")
    office.hire(servant)
    office.hire(servant, office.agency)
    assert office.assign(servant, "reader", actor=chief.id).status == "active"
    assert _refused(lambda: office.assign(servant, "auditor", actor=chief.id)) == "role_not_delegated"
    assert _refused(lambda: office.assign(servant, "reader", office.agency, actor=chief.id)) == "role_not_delegated"
    given = office.assign(servant, "reader", office.agency)
    assert (
        _refused(lambda: office.end(given, actor=chief.id, institution_id=office.ministry.id)) == "unknown_assignment"
    )
    assert _refused(lambda: office.end(given, actor=chief.id)) == "role_not_delegated"


def test_a_delegation_ends_with_the_belonging(office: Office, clock: ManualClock) -> None:
    """By date as well as by leaving."""
    chief, servant = office.person(0), office.person(1)
    office.hire(servant)
    assert _refused(lambda: office.delegate(chief, "reader")) == "not_of_institution"
    office.hire(chief, until=office.now + timedelta(days=10))
    office.delegate(chief, "reader")
    clock.advance(timedelta(days=10))
    with office.composition.database.reading() as session:
        assert delegated_institutions(session, chief.id, now=office.now) == []
    assert _refused(lambda: office.assign(servant, "reader", actor=chief.id)) == "role_not_delegated"


def test_what_is_approved_is_what_was_proposed_by_somebody_else(office: Office) -> None:
    """Own proposal, an edit after it, a replay, a role that grew meanwhile: refused."""
    chief, second, servant = office.person(0), office.person(1), office.person(2)
    for each in (chief, second, servant):
        office.hire(each)
    office.delegate(chief, "voider", may_approve=True)
    office.delegate(second, "voider", may_assign=False, may_approve=True)
    proposed = office.assign(servant, "voider", actor=chief.id)
    assert proposed.status == "pending"
    assert office.roles(servant) == []
    assert _refused(lambda: office.decide(proposed, chief.id)) == "own_proposal"
    office.delegate(servant, "voider", may_approve=True)
    assert _refused(lambda: office.decide(proposed, servant.id)) == "own_role"
    assert _refused(lambda: office.decide(proposed, second.id, institution_id=office.agency.id)) == "unknown_assignment"
    assert _refused(lambda: office.decide(proposed, second.id, seen_sha256="0" * 64)) == "proposal_changed"
    with office.composition.database.transaction() as session:
        session.get_one(AssignmentRow, proposed.id).valid_until = office.now + timedelta(days=9_000)
    assert _refused(lambda: office.decide(proposed, second.id)) == "proposal_changed"
    with office.composition.database.transaction() as session:
        session.get_one(AssignmentRow, proposed.id).valid_until = None
    voider = declared("x")["roles"][1]
    office.declare(roles=[voider | {"permissions": ["invoice:read", "invoice:void", "audit"]}])
    assert _refused(lambda: office.decide(proposed, second.id)) == "proposal_changed"
    office.declare(roles=[voider])
    assert office.decide(proposed, second.id).status == "active"
    assert office.roles(servant) == ["voider"]
    assert _refused(lambda: office.decide(proposed, second.id)) == "proposal_decided"


def test_what_the_command_line_proposes_another_approves(office: Office) -> None:
    """And what was refused can be proposed again."""
    second, servant = office.person(0), office.person(1)
    office.hire(second)
    office.hire(servant)
    office.delegate(second, "voider", may_approve=True)
    proposed = office.assign(servant, "voider")
    assert _refused(lambda: office.decide(proposed)) == "own_proposal"
    assert office.decide(proposed, second.id, approved=False, reason="No").status == "refused"
    assert office.roles(servant) == []
    assert office.decide(office.assign(servant, "voider"), second.id).status == "active"


def test_of_approvals_and_assignments_at_once_exactly_one_wins(office: Office) -> None:
    """Two approvers, and five administrators who give the same role."""
    approvers, servant = [office.person(0), office.person(1)], office.person(2)
    for each in (*approvers, servant):
        office.hire(each)
    for each in approvers:
        office.delegate(each, "voider", may_approve=True)
    proposed = office.assign(servant, "voider")

    def outcome(work: Callable[[], object]) -> str:
        try:
            work()
        except ServiceError as error:
            return error.code
        return "won"

    with ThreadPoolExecutor(5) as pool:
        decided = list(pool.map(lambda each: outcome(lambda: office.decide(proposed, each.id)), approvers * 2))
        given = list(pool.map(lambda _: outcome(lambda: office.assign(servant, "reader")), range(5)))
    assert sorted(decided) == ["proposal_decided"] * 3 + ["won"]
    assert sorted(given) == ["role_held_already"] * 4 + ["won"]


def test_roles_that_exclude_each_other_do_not_meet_in_a_race(office: Office) -> None:
    """Whoever changes what a person holds takes turns."""
    servant = office.person(0)
    office.hire(servant)
    office.hire(servant, office.agency)

    def give(turn: tuple[str, Any]) -> str:
        try:
            return office.assign(servant, turn[0], turn[1]).status
        except Conflict as error:
            return error.code

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(give, [("auditor", office.ministry), ("voider", office.agency)]))
    assert outcomes.count("roles_exclude_each_other") == 1


def test_time_is_asked_at_use(office: Office, clock: ManualClock) -> None:
    """Beginning and end of assignment and belonging; no job has to run."""
    servant = office.person(0)
    office.hire(servant, until=office.now + timedelta(days=20))
    given = office.assign(servant, "reader", valid_from=office.now + timedelta(days=5))
    assert given.valid_until == office.now + timedelta(days=20), "not longer than the person works there"
    assert office.roles(servant) == []
    clock.advance(timedelta(days=5))
    assert office.roles(servant) == ["reader"]
    clock.advance(timedelta(days=15))
    assert office.roles(servant) == []


def test_an_assignment_lasts_no_longer_than_its_role_allows(office: Office, clock: ManualClock) -> None:
    """And can be given again when its time is over."""
    servant = office.person(0)
    office.hire(servant)
    assert (
        _refused(lambda: office.assign(servant, "reader", valid_until=office.now + timedelta(days=366))) == "too_long"
    )
    assert office.assign(servant, "reader").valid_until == office.now + timedelta(days=365)
    assert _refused(lambda: office.assign(servant, "reader")) == "role_held_already"
    clock.advance(timedelta(days=365))
    assert office.assign(servant, "reader").status == "active"
    assert office.roles(servant) == ["reader"]


def test_a_closed_institution_and_a_disabled_account_give_and_hold_nothing(office: Office) -> None:
    """At once, and again when they are back."""
    servant = office.person(0)
    office.hire(servant)
    office.assign(servant, "reader")
    journal, now = office.composition.journal, office.now
    for active in (False, True):
        with office.composition.database.transaction() as session:
            set_institution_active(session, journal=journal, institution_id=office.ministry.id, active=active, now=now)
        assert office.roles(servant) == (["reader"] if active else [])
    with office.composition.database.transaction() as session:
        disable_person(session, services=office.composition.idp, person_id=servant.id, actor="command", now=now)
    assert office.roles(servant) == []


def test_who_leaves_loses_what_that_institution_gave_and_nothing_else(office: Office) -> None:
    """Assignments, proposals and delegations of one institution, in one transaction."""
    servant = office.person(0)
    here = office.hire(servant)
    office.hire(servant, office.agency)
    office.assign(servant, "reader")
    office.assign(servant, "voider")
    office.delegate(servant, "auditor")
    office.assign(servant, "reader", office.agency)
    departure = office.leave(here)
    assert (departure.assignments, departure.delegations) == (2, 1)
    assert office.roles(servant) == ["reader"]
    assert office.roles(servant, office.ministry) == []
    assert _refused(lambda: office.leave(here)) == "belonging_ended"
    assert _refused(lambda: office.assign(servant, "reader")) == "unknown_belonging"
    again = office.hire(servant)
    assert again.id != here.id
    assert office.roles(servant, office.ministry) == []


def test_an_erased_person_leaves_everywhere_and_no_word_about_him_stays(office: Office) -> None:
    """Post, outer names and reasons are about him."""
    servant = office.person(0)
    here = office.hire(servant, post="Directora", external_id="E-7", user_name="directora")
    given = office.assign(servant, "reader")
    with office.composition.database.transaction() as session:
        erase_person(session, services=office.composition.idp, person_id=servant.id, actor="command", now=office.now)
    with office.composition.database.reading() as session:
        row = session.get_one(BelongingRow, here.id)
        assert (row.post, row.external_id, row.user_name) == ("", None, None)
        assert row.ended_at is not None
        assert session.get_one(AssignmentRow, given.id).reason == ""


def test_nobody_lets_a_role_grow_that_he_holds(office: Office) -> None:
    """Raising one's rights by editing the role is refused; somebody else may."""
    servant = office.person(0)
    office.hire(servant)
    office.assign(servant, "reader")
    roles = declared("x")["roles"]
    roles[0] = roles[0] | {"permissions": ["invoice:read", "audit"]}

    def declare(actor: str) -> None:
        with office.composition.database.transaction() as session:
            declare_rights(
                session,
                journal=office.composition.journal,
                declaration=parse_declaration(declared(office.app.client_id, roles=roles)),
                actor=actor,
                now=office.now,
            )

    assert _refused(lambda: declare(servant.id)) == "own_role"
    declare("command")


def test_a_delegation_that_was_withdrawn_gives_nothing_more(office: Office) -> None:
    """What was given by it stays."""
    chief, servant, other = office.person(0), office.person(1), office.person(2)
    for each in (chief, servant, other):
        office.hire(each)
    delegation = office.delegate(chief, "reader")
    office.assign(servant, "reader", actor=chief.id)
    with office.composition.database.transaction() as session:
        withdraw_delegation(
            session, journal=office.composition.journal, delegation_id=delegation.id, actor="command", now=office.now
        )
    with pytest.raises(Denied):
        office.assign(other, "reader", actor=chief.id)
    assert office.roles(servant) == ["reader"]


def test_reports_say_who_holds_what_by_whom_and_since_when(office: Office, clock: ManualClock) -> None:
    """By institution, and what is older than some days for recertification."""
    chief, servant = office.person(0), office.person(1)
    office.hire(chief)
    office.hire(servant, post="Analista")
    office.delegate(chief, "reader")
    office.assign(servant, "reader", actor=chief.id)
    with office.composition.database.reading() as session:
        (line,) = report_holders(session, now=office.now)
        assert (line.giver, line.role.name, line.post) == (chief.name, "reader", "Analista")
        assert line.granted_at == office.now
        assert report_holders(session, institution_rucs=frozenset({office.agency.ruc}), now=office.now) == []
        assert report_holders(session, older_than=timedelta(days=90), now=office.now) == []
    clock.advance(timedelta(days=90))
    with office.composition.database.reading() as session:
        assert len(report_holders(session, older_than=timedelta(days=90), now=office.now)) == 1


def test_another_institutions_ids_are_unknown(office: Office) -> None:
    """Attacks 12: 404, not 403."""
    here = office.hire(office.person(0))
    with pytest.raises(NotFound), office.composition.database.transaction() as session:
        leave_institution(
            session,
            services=office.composition.idp,
            belonging_id=here.id,
            institution_id=office.agency.id,
            actor="x",
            now=office.now,
        )
