"""One request decided by many people at once (attacks and faults, lines 13 and 26): one decision, one certificate."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from admin.permissions import Role
from audit.model import AuditEvent
from audit.vocabulary import EventType, Outcome
from ca.issuance.model import Certificate
from composition import Composition
from idp.directory.institutions import Institution
from kernel.clock import ManualClock
from kernel.settings import Settings
from tests.admin.conftest import Operator, authority, institution, make_csr, make_operator, make_person
from tests.admin.test_certificates import _submit, _tbs
from tests.faults import turns
from tests.faults.racing import AT_ONCE, ROUNDS, Race, run_race
from tests.faults.rounds import Figure

__all__ = ["authority", "institution", "make_operator", "make_person"]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Nobody is asked to wait."""
    return settings.model_copy(update={"rate_limits": "off"})


@pytest.fixture
def race(composition: Composition, authority: None, clock: ManualClock) -> Iterator[Race]:
    """Two processes of the console."""
    with run_race(composition, clock, adopt=lambda each: None) as race:
        yield race


@pytest.fixture
def app(race: Race) -> Flask:
    """The first of the two, for what is done alone."""
    return race.apps[0]


def test_a_request_is_approved_once(
    race: Race,
    make_operator: Callable[..., Operator],
    institution: Institution,
    composition: Composition,
    clock: ManualClock,
    figure: Figure,
) -> None:
    """Each has seen the same bytes and confirms: one of them completes the quorum, the others hear that it is late."""
    officer = make_operator(Role.PKI_OFFICER, name="Olga")
    crowd = [make_operator(Role.PKI_APPROVER, name=f"Pablo {number}") for number in range(AT_ONCE)]
    for operator in crowd[1::2]:
        _move(operator, race.apps[1])
    number = 0
    for number in (turn + 1 for turn in turns("race, approval", ROUNDS)):
        page = _submit(officer, institution, make_csr(f"r{number}.ministerio.gob.ec").pem)
        digest = _tbs(crowd[0], page)
        tokens = [_csrf(operator, page) for operator in crowd]

        answers = _confirm(race, crowd, page, {"tbs_sha256": digest}, tokens)
        assert answers[303] == 1, answers
        with composition.database.reading() as session:
            made = session.scalar(select(func.count()).where(Certificate.profile == "tls-server"))
            approved = session.scalar(
                select(func.count()).where(
                    AuditEvent.type == EventType.CERTIFICATE_REQUEST_APPROVED.value,
                    AuditEvent.outcome == Outcome.SUCCESS.value,
                )
            )
        assert (made, approved) == (number, number)
        clock.advance(timedelta(seconds=1))
    figure(f"one winner of {AT_ONCE} at once, approval", number, "rounds")


def _confirm(race: Race, crowd: list[Operator], page: str, shown: dict[str, str], tokens: list[str]) -> Counter[int]:
    fields = {"decision": "approve", "step": "confirm", **shown}

    def confirm(_: FlaskClient, index: int) -> int:
        return crowd[index].browser.post(page, data=fields | {"csrf_token": tokens[index]}).status_code

    return race.run(confirm)


def _move(operator: Operator, app: Flask) -> None:
    """Let the other process serve this person from now on."""
    cookie = operator.browser.get_cookie("sau_console", domain="localhost")
    assert cookie is not None
    operator.browser = app.test_client()
    operator.browser.set_cookie("sau_console", cookie.value, domain="localhost")


def _csrf(operator: Operator, page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', operator.browser.get(page).get_data(as_text=True))
    assert found
    return found[1]
