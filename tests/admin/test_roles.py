"""Who may grant what to whom (architecture: the console; attacks, "Console" 12 and 13)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from admin.permissions import PERMISSIONS, Permission, Role
from admin.roles import Powers, grant_role, list_role_holdings, powers_of, withdraw_role
from audit.model import AuditEvent
from composition import Composition
from kernel.clock import ManualClock
from kernel.errors import Conflict, Denied, NotFound, Rejected

ANA, LUIS = "ana", "luis"


def _grant(composition: Composition, clock: ManualClock, person: str, role: Role, actor: str = "command", **more):
    with composition.database.transaction() as session:
        return grant_role(
            session, journal=composition.journal, person_id=person, role=role, actor=actor, now=clock.now(), **more
        )


def _withdraw(composition: Composition, clock: ManualClock, person: str, role: Role, actor: str = "command"):
    with composition.database.transaction() as session:
        return withdraw_role(
            session, journal=composition.journal, person_id=person, role=role, actor=actor, now=clock.now()
        )


def _powers(composition: Composition, person: str) -> Powers:
    with composition.database.reading() as session:
        return powers_of(session, person, now=composition.clock.now())


def _events(composition: Composition) -> list[tuple[str, str, str | None]]:
    with composition.database.reading() as session:
        rows = session.scalars(select(AuditEvent).order_by(AuditEvent.occurred_at, AuditEvent.id)).all()
        return [(row.type, row.outcome, row.reason) for row in rows]


def test_a_granted_role_counts_at_the_next_request(composition, clock) -> None:
    """Powers are read from the database at every request, not kept in the session."""
    assert not _powers(composition, ANA).allow(Permission.CERTIFICATES_REQUEST)
    _grant(composition, clock, ANA, Role.PKI_OFFICER)
    assert _powers(composition, ANA).allow(Permission.CERTIFICATES_REQUEST)
    _withdraw(composition, clock, ANA, Role.PKI_OFFICER)
    assert not _powers(composition, ANA).allow(Permission.CERTIFICATES_REQUEST)
    assert _events(composition) == [
        ("idp:role:granted", "success", None),
        ("idp:role:withdrawn", "success", None),
    ]


def test_nobody_grants_a_role_to_himself_and_the_try_is_on_record(composition, clock) -> None:
    """Console 13: raising one's own privileges is refused."""
    _grant(composition, clock, ANA, Role.ADMINISTRATOR)
    with pytest.raises(Denied, match="own_role"):
        _grant(composition, clock, ANA, Role.PKI_APPROVER, actor=ANA)
    assert _powers(composition, ANA).roles == (Role.ADMINISTRATOR,)
    assert _events(composition)[-1] == ("idp:role:granted", "refused", "own_role")


def test_a_role_is_held_once(composition, clock) -> None:
    """Two grants of the same role leave one row."""
    _grant(composition, clock, ANA, Role.AUDITOR)
    with pytest.raises(Conflict, match="role_already_held"):
        _grant(composition, clock, ANA, Role.AUDITOR)
    with composition.database.reading() as session:
        assert len(list_role_holdings(session)) == 1


def test_a_role_withdrawn_can_be_granted_again(composition, clock) -> None:
    """History stays; the new grant is a new row."""
    _grant(composition, clock, ANA, Role.AUDITOR)
    _withdraw(composition, clock, ANA, Role.AUDITOR)
    _grant(composition, clock, ANA, Role.AUDITOR)
    assert _powers(composition, ANA).roles == (Role.AUDITOR,)


def test_a_role_not_held_cannot_be_withdrawn(composition, clock) -> None:
    """Nothing to take."""
    with pytest.raises(NotFound, match="role_not_held"):
        _withdraw(composition, clock, ANA, Role.AUDITOR)


def test_the_last_administrator_stays(composition, clock) -> None:
    """Or nobody could grant roles any more."""
    _grant(composition, clock, ANA, Role.ADMINISTRATOR)
    with pytest.raises(Conflict, match="last_administrator"):
        _withdraw(composition, clock, ANA, Role.ADMINISTRATOR)
    _grant(composition, clock, LUIS, Role.ADMINISTRATOR, actor=ANA)
    _withdraw(composition, clock, ANA, Role.ADMINISTRATOR, actor=LUIS)
    assert not _powers(composition, ANA).roles


def test_a_role_for_one_institution_reaches_no_other(composition, clock) -> None:
    """Console 12: another institution's ids answer as if there were nothing."""
    _grant(composition, clock, ANA, Role.PKI_OFFICER, institution_ruc="1760001550001")
    powers = _powers(composition, ANA)
    powers.require_institution(Permission.CERTIFICATES_READ, "1760001550001")
    for other in ("1760013210001", None):
        with pytest.raises(NotFound):
            powers.require_institution(Permission.CERTIFICATES_READ, other)


def test_the_wider_of_two_roles_counts(composition, clock) -> None:
    """An officer of one institution who audits everything reads everything and requests for one."""
    _grant(composition, clock, ANA, Role.PKI_OFFICER, institution_ruc="1760001550001")
    _grant(composition, clock, ANA, Role.AUDITOR)
    powers = _powers(composition, ANA)
    assert powers.institutions(Permission.CERTIFICATES_READ) is None
    assert powers.institutions(Permission.CERTIFICATES_REQUEST) == {"1760001550001"}


def test_a_role_that_sees_everything_is_not_bound_to_an_institution(composition, clock) -> None:
    """A promise that the screens would not keep is not made."""
    with pytest.raises(Rejected, match="role_not_institutional"):
        _grant(composition, clock, ANA, Role.AUDITOR, institution_ruc="1760001550001")


def test_no_role_joins_duties_that_must_be_apart() -> None:
    """Asking and approving, granting and reading the evidence: never in one role."""
    for permissions in PERMISSIONS.values():
        assert not {Permission.CERTIFICATES_REQUEST, Permission.CERTIFICATES_APPROVE} <= permissions
        assert not {Permission.ROLES_GRANT, Permission.AUDIT_SEARCH} <= permissions
        assert not {Permission.ROLES_GRANT, Permission.CERTIFICATES_APPROVE} <= permissions


def test_two_administrators_who_withdraw_each_other_at_once_leave_one(composition, clock) -> None:
    """READ COMMITTED: whether one is the last is asked with the others held."""
    for _ in range(5):
        for person in (ANA, LUIS):
            if not _powers(composition, person).roles:
                _grant(composition, clock, person, Role.ADMINISTRATOR)

        def withdraw(person: str) -> str:
            try:
                _withdraw(composition, clock, person, Role.ADMINISTRATOR)
            except (Conflict, NotFound) as error:
                return error.code
            return "withdrawn"

        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(withdraw, (ANA, LUIS))) == ["last_administrator", "withdrawn"]


def test_only_a_superadministrator_touches_that_role(composition, clock) -> None:
    """Console 13: an administrator does not lift a friend above himself; who appoints administrators stays one."""
    _grant(composition, clock, ANA, Role.SUPERADMINISTRATOR)
    _grant(composition, clock, LUIS, Role.ADMINISTRATOR, actor=ANA)
    with pytest.raises(Denied, match="superadministrator"):
        _grant(composition, clock, "eva", Role.SUPERADMINISTRATOR, actor=LUIS)
    with pytest.raises(Denied, match="superadministrator"):
        _withdraw(composition, clock, ANA, Role.SUPERADMINISTRATOR, actor=LUIS)
    refused = [event for event in _events(composition) if event[1] == "refused"]
    assert refused == [
        ("idp:role:granted", "refused", "role_above"),
        ("idp:role:withdrawn", "refused", "role_above"),
    ]
    _grant(composition, clock, "eva", Role.SUPERADMINISTRATOR, actor=ANA)
    _withdraw(composition, clock, LUIS, Role.ADMINISTRATOR, actor=ANA)
    _withdraw(composition, clock, ANA, Role.SUPERADMINISTRATOR, actor="eva")
    with pytest.raises(Conflict, match="last_administrator"):
        _withdraw(composition, clock, "eva", Role.SUPERADMINISTRATOR)


@pytest.mark.parametrize(
    "role", [Role.INSTITUTION_ADMINISTRATOR, Role.APPLICATION_DEVELOPER], ids=lambda role: role.value
)
def test_a_role_of_one_institution_is_not_held_for_all(composition, clock, role: Role) -> None:
    """What an institution's own people do ends there."""
    with pytest.raises(Rejected, match="role_of_one_institution"):
        _grant(composition, clock, ANA, role)
    _grant(composition, clock, ANA, role, institution_ruc="1760001550001")
    powers = _powers(composition, ANA)
    assert {powers.institutions(each) for each in PERMISSIONS[role]} == {frozenset({"1760001550001"})}


def test_what_knows_no_institution_is_not_reached_from_one(composition, clock) -> None:
    """A correction is of a citizen, whom no institution has: who verifies at one institution's desks decides none."""
    _grant(composition, clock, ANA, Role.REGISTRATION_OFFICER, institution_ruc="1760001550001")
    bound = _powers(composition, ANA)
    assert not bound.allow(Permission.RECTIFICATIONS_DECIDE)
    assert bound.institutions(Permission.RECTIFICATIONS_DECIDE) == frozenset()
    with pytest.raises(Denied, match="missing_permission"):
        bound.require(Permission.RECTIFICATIONS_DECIDE)
    assert bound.allow(Permission.IDENTITIES_VERIFY)
    _grant(composition, clock, LUIS, Role.REGISTRATION_OFFICER)
    assert _powers(composition, LUIS).institutions(Permission.RECTIFICATIONS_DECIDE) is None


def test_duties_that_must_not_meet_are_in_different_roles() -> None:
    """Who appoints runs nothing and reads no evidence; who asks does not approve; who delegates rights gives none."""
    together = [
        {Permission.CERTIFICATES_REQUEST, Permission.CERTIFICATES_APPROVE},
        {Permission.ROLES_GRANT, Permission.AUDIT_SEARCH},
        {Permission.ROLES_GRANT, Permission.CERTIFICATES_APPROVE},
        {Permission.ROLES_GRANT, Permission.CERTIFICATES_REQUEST},
        {Permission.ROLES_GRANT, Permission.IDENTITIES_VERIFY},
        {Permission.AUDIT_SEARCH, Permission.DIRECTORIES_CHANGE},
        {Permission.DELEGATIONS_CHANGE, Permission.RIGHTS_ASSIGN},
        {Permission.DECLARATIONS_CHANGE, Permission.RIGHTS_ASSIGN},
    ]
    assert [(role, pair) for role, held in PERMISSIONS.items() for pair in together if pair <= held] == []
    assert not PERMISSIONS[Role.SUPERADMINISTRATOR] & {each for each in Permission if each.endswith(":change")}
