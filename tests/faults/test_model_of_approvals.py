"""Requests that several people decide, beside a model of them: whatever is tried in whatever order, both agree."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import func, select

from audit.model import AuditEvent
from audit.vocabulary import EventType, Outcome
from ca.ceremony.hierarchy import Hierarchy
from ca.issuance.issue import issue_approved
from ca.issuance.model import Certificate
from ca.requests.decide import approve_request, refuse_request
from ca.requests.submit import DECISION_LIFETIME, submit_request
from ca.requests.view import Status, find_request
from ca.services import CaServices
from kernel.clock import ManualClock
from kernel.errors import ServiceError
from tests.ca.csr import make_csr
from tests.ca.est.conftest import own_lints_only
from tests.ca.ground import RUC, hierarchy, institutions, now, services
from tests.ca.requests.test_flow import with_people
from tests.faults.modelling import state_settings
from tests.faults.rounds import Figure

__all__ = ["hierarchy", "institutions", "now", "own_lints_only", "services"]

PEOPLE = st.sampled_from(["ana", "luis", "rosa", "eva", "command:root"])


@dataclass
class Asked:
    """What the model knows of a request."""

    id: str
    digest: str
    by: str
    given: datetime
    people: int
    approved_by: set[str] = field(default_factory=set)
    status: Status = Status.SUBMITTED
    issued: bool = False

    def refusal(self, person: str, digest: str, now: datetime) -> str | None:
        """Why this person cannot approve these bytes now."""
        several = {self.by, *self.approved_by}
        if self.status is not Status.SUBMITTED:
            return "request_not_open"
        if now >= self.given + DECISION_LIFETIME:
            return "request_expired"
        if digest != self.digest:
            return "bytes_changed"
        if person == self.by:
            return "own_request"
        if len({each.startswith("command:") for each in (person, *several)}) > 1:
            return "other_channel"
        return "already_approved" if person in self.approved_by else None


@pytest.mark.parametrize("people", [2, 3])
def test_decisions_are_what_the_model_says(
    services: CaServices, hierarchy: Hierarchy, clock: ManualClock, figure: Figure, people: int
) -> None:
    """Nobody approves his own, nobody counts twice, nothing decided is decided again (attacks and faults, line 13)."""
    services = with_people(services, people)
    csr, steps = make_csr(), 0

    class Decisions(RuleBasedStateMachine):
        requests = Bundle("requests")

        def __init__(self) -> None:
            super().__init__()
            self.known: list[Asked] = []

        @rule(target=requests, person=PEOPLE)
        def submit(self, person: str) -> Asked:
            with services.database.transaction() as session:
                view = submit_request(
                    session,
                    services=services,
                    profile="tls-server",
                    csr=csr,
                    institution_ruc=RUC,
                    requested_by=person,
                    now=clock.now(),
                )
            self.known.append(Asked(view.id, view.tbs_sha256, person, clock.now(), people))
            return self.known[-1]

        @rule(asked=requests, person=PEOPLE, right=st.sampled_from([True, True, True, False]))
        def approve(self, asked: Asked, person: str, right: bool) -> None:
            digest = asked.digest if right else "0" * 64
            expected = asked.refusal(person, digest, clock.now())
            try:
                with services.database.transaction() as session:
                    approve_request(
                        session,
                        services=services,
                        request_id=asked.id,
                        approver=person,
                        tbs_sha256=digest,
                        now=clock.now(),
                    )
            except ServiceError as error:
                assert error.code == expected
                if expected == "request_expired":
                    asked.status = Status.EXPIRED
                return
            assert expected is None
            asked.approved_by.add(person)
            if len(asked.approved_by) >= people - 1:
                asked.status = Status.APPROVED

        @rule(asked=requests, person=PEOPLE)
        def refuse(self, asked: Asked, person: str) -> None:
            open_still = asked.status in (Status.SUBMITTED, Status.EXPIRED)
            try:
                with services.database.transaction() as session:
                    refuse_request(
                        session, services=services, request_id=asked.id, actor=person, reason="No.", now=clock.now()
                    )
            except ServiceError:
                assert not open_still
                return
            assert open_still
            asked.status = Status.REFUSED

        @rule(asked=requests)
        def issue(self, asked: Asked) -> None:
            """Only what enough people approved is signed, once however often it is asked for."""
            try:
                issue_approved(services, asked.id, now=clock.now())
            except ServiceError:
                assert asked.status not in (Status.APPROVED, Status.ISSUED) or _too_late(asked, clock)
                return
            assert asked.status in (Status.APPROVED, Status.ISSUED)
            asked.status, asked.issued = Status.ISSUED, True

        @rule(hours=st.sampled_from([1, 12, 25]))
        def wait(self, hours: int) -> None:
            clock.advance(timedelta(hours=hours))

        @invariant()
        def status_and_quorum_agree(self) -> None:
            nonlocal steps
            steps += 1
            with services.database.reading() as session:
                for asked in self.known:
                    found = find_request(session, services=services, request_id=asked.id)
                    assert found.tbs_sha256 == asked.digest
                    if found.status is not asked.status:
                        assert found.status is Status.EXPIRED and _too_late(asked, clock)
                    if asked.status in (Status.APPROVED, Status.ISSUED):
                        assert len(asked.approved_by - {asked.by}) >= people - 1

        @invariant()
        def each_approval_is_on_record_and_each_certificate_was_approved(self) -> None:
            ids = [asked.id for asked in self.known]
            with services.database.reading() as session:
                told = session.scalar(
                    select(func.count()).where(
                        AuditEvent.type == EventType.CERTIFICATE_REQUEST_APPROVED.value,
                        AuditEvent.outcome == Outcome.SUCCESS.value,
                        AuditEvent.object_id.in_(ids),
                    )
                )
                made = session.scalar(select(func.count()).where(Certificate.request_id.in_(ids)))
            assert told == sum(len(asked.approved_by) for asked in self.known)
            assert made == sum(asked.issued for asked in self.known)

    run_state_machine_as_test(Decisions, settings=state_settings(3, 200))
    figure(f"steps of decisions by {people} people beside their model", steps, "steps")


def _too_late(asked: Asked, clock: ManualClock) -> bool:
    return clock.now() >= asked.given + DECISION_LIFETIME
