"""Many at once through the pages: counters are exact, and each secret opens one door."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from audit.vocabulary import EventType, Outcome
from composition import Composition
from idp.accounts.model import PersonRow
from idp.accounts.person import Person
from idp.authentication import password
from idp.authentication.model import BrowserSessionRow, ThrottleRow
from idp.authentication.recovery_codes import issue_recovery_codes, read_recovery_sheet
from idp.authentication.throttle import PASSWORD_BY_ACCOUNT
from kernel.clock import ManualClock
from kernel.turns import Turns
from tests.idp.web_people.conftest import CEDULA, PASSWORD, Walker, mail_code
from tests.idp.web_people.test_sign_up import FORM
from wsgi import create_app

pytestmark = pytest.mark.slow
AT_ONCE = 20


@pytest.fixture(autouse=True)
def turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever finds no turn to have a password hashed is told to come back; here everyone gets one."""
    monkeypatch.setattr(password, "_TURNS", Turns(at_once=2, waiting=200, patience=timedelta(minutes=5)))


@pytest.fixture
def app(composition: Composition) -> Flask:
    """The whole service, as a web process serves it."""
    return create_app(composition)


def walkers(app: Flask, number: int) -> list[Walker]:
    """Return browsers in networks of their own."""
    return [Walker(app, address=f"198.51.{index // 200}.{index % 200 + 1}") for index in range(number)]


def at_once(acts: list[Callable[[], Any]]) -> list[Any]:
    """Run all ``acts`` together, ``AT_ONCE`` threads at a time, and return what they returned."""
    starts = Barrier(AT_ONCE)

    def run(act: Callable[[], Any]) -> Any:
        starts.wait(timeout=60)
        return act()

    assert len(acts) % AT_ONCE == 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(run, acts))


def post_to_own_login(crowd: list[Walker], data: dict[str, str], paths: list[str]) -> list[int]:
    """Each browser posts ``data`` to its own login, together; return the statuses."""

    def act(walker: Walker, path: str) -> Callable[[], int]:
        return lambda: walker.post(path, data).status_code

    return at_once([act(walker, path) for walker, path in zip(crowd, paths, strict=True)])


def sessions(composition: Composition) -> int:
    """Return how many sessions there are."""
    with composition.database.reading() as session:
        return session.scalar(select(func.count()).select_from(BrowserSessionRow)) or 0


def test_200_parallel_wrong_passwords_are_counted_exactly(
    app: Flask,
    composition: Composition,
    make_person: Callable[..., Person],
    events: Callable[..., list[Any]],
) -> None:
    """One account from 200 addresses: five tries, all others wait; each is on record; the right password waits too."""
    person = make_person()
    crowd = walkers(app, 200)
    paths = [walker.open_login() for walker in crowd]
    wrong = {"step": "password", "username": CEDULA, "password": "no es esta clave"}
    answers = Counter(post_to_own_login(crowd, wrong, paths))
    assert answers == {422: PASSWORD_BY_ACCOUNT.tries, 429: 200 - PASSWORD_BY_ACCOUNT.tries}
    with composition.database.reading() as session:
        counters = session.scalars(select(ThrottleRow.tries).where(ThrottleRow.key.startswith("password:"))).all()
    assert counters == [PASSWORD_BY_ACCOUNT.tries]
    failed = [event for event in events(EventType.PASSWORD_VERIFIED) if event.subject == person.id]
    assert [event.outcome for event in failed] == [Outcome.FAILURE] * PASSWORD_BY_ACCOUNT.tries
    assert len(events(EventType.LOGIN_THROTTLED)) == 200 - PASSWORD_BY_ACCOUNT.tries
    assert Walker(app).log_in().status_code == 429
    assert sessions(composition) == 0


def test_one_totp_code_from_twenty_logins_opens_one_session(
    app: Flask, composition: Composition, make_person: Callable[..., Person], code: Callable[[], str]
) -> None:
    """RFC 6238 §5.2: the verifier must not accept the second attempt of the OTP."""
    make_person(totp=True)
    crowd = walkers(app, AT_ONCE)
    paths = [walker.log_in().location for walker in crowd]
    for walker, path in zip(crowd, paths, strict=True):
        assert walker.get(path).status_code == 200
    answers = Counter(post_to_own_login(crowd, {"step": "second_factor", "code": code()}, paths))
    assert answers[303] == 1, answers
    assert set(answers) <= {303, 422, 429}
    assert sessions(composition) == 1


def test_one_recovery_code_from_twenty_logins_opens_one_session(
    app: Flask, composition: Composition, make_person: Callable[..., Person], clock: ManualClock
) -> None:
    """A recovery code is used up by the statement that accepts it."""
    person = make_person(totp=True)
    with composition.database.transaction() as session:
        issue_recovery_codes(session, services=composition.idp, person_id=person.id, now=clock.now())
        sheet = read_recovery_sheet(session, services=composition.idp, person_id=person.id, now=clock.now())
    assert sheet
    crowd = walkers(app, AT_ONCE)
    paths = [walker.log_in().location for walker in crowd]
    for walker, path in zip(crowd, paths, strict=True):
        walker.get(path)
    data = {"step": "second_factor", "method": "recovery_code", "code": sheet[0]}
    answers = Counter(post_to_own_login(crowd, data, paths))
    assert answers[303] == 1, answers
    assert set(answers) <= {303, 422, 429}
    assert sessions(composition) == 1


def test_a_sign_up_sent_twenty_times_at_each_step_makes_one_account(
    app: Flask, composition: Composition, mails: Callable[[], list[Any]], events: Callable[..., list[Any]]
) -> None:
    """One mail's code and one password, from twenty tabs of one browser: one account, one session that counts."""
    first = Walker(app)
    first.get("/signup")
    step = first.post("/signup", FORM).location
    first.get(step)
    cookie = first.cookie("sau_browser")
    assert cookie
    tabs = [first] + [Walker(app) for _ in range(AT_ONCE - 1)]
    for tab in tabs[1:]:
        tab.client.set_cookie("sau_browser", cookie)
        tab.get(step)
    code = mail_code(mails()[0].body)

    def posting(tab: Walker, data: dict[str, str]) -> Callable[[], int]:
        return lambda: tab.post(step, data).status_code

    answers = Counter(at_once([posting(tab, {"step": "code", "code": code}) for tab in tabs]))
    assert answers[303] >= 1, answers
    assert set(answers) <= {303, 422}
    verified = [event for event in events(EventType.CONTACT_VERIFIED) if event.outcome == Outcome.SUCCESS]
    assert len(verified) == 1
    for tab in tabs:
        tab.get(step)
    answers = Counter(at_once([posting(tab, {"step": "password", "password": PASSWORD}) for tab in tabs]))
    assert set(answers) <= {303, 409}
    assert len(events(EventType.ACCOUNT_CREATED)) == 1
    assert sessions(composition) == 1
    with composition.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(PersonRow)) == 1


def test_two_browsers_signing_up_one_cedula_make_one_account(
    app: Flask, composition: Composition, mails: Callable[[], list[Any]], clock: ManualClock
) -> None:
    """Each holds a good code of a mailbox of his own; the cédula is given once, and the others are told so."""
    crowd, steps = walkers(app, AT_ONCE), []
    for index, walker in enumerate(crowd):
        walker.get("/signup")
        step = walker.post("/signup", {**FORM, "email": f"ana{index}@correo.test"}).location
        walker.get(step)
        walker.post(step, {"step": "code", "code": mail_code(mails()[0].body)})
        walker.get(step)
        steps.append(step)
    answers = Counter(post_to_own_login(crowd, {"step": "password", "password": PASSWORD}, steps))
    assert answers == {303: 1, 409: AT_ONCE - 1}
    assert sessions(composition) == 1
