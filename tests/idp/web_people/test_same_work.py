"""Enumeration by time: whether a cédula has an account changes no amount of work that a stranger could measure.

Attacks and faults 3 (Keycloak 48888, 51887). Time itself is measured by the benchmarks; here stands why it is the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy.event
from flask import Flask

import idp.authentication.password as passwords
from composition import Composition
from idp.accounts.life import disable_person
from idp.accounts.person import Person
from kernel.clock import ManualClock
from tests.idp.web_people.conftest import Walker
from tests.idp.web_people.test_sign_up import FORM

EXISTING, DISABLED, ABSENT, FIRST = "1710034065", "0923456719", "0702468133", "1765432107"
Measure = Callable[[], Any]


class CountingHasher:
    """Counts what costs time."""

    def __init__(self, counts: Counter[str]) -> None:
        self._counts, self._hasher = counts, passwords._HASHER

    def verify(self, *arguments: Any) -> Any:
        self._counts["argon2 verification"] += 1
        return self._hasher.verify(*arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._hasher, name)


@pytest.fixture
def work(composition: Composition, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], Counter[str]]:
    """Run something and return the statements that write, by verb and table, and the password hashes it checked."""

    @contextmanager
    def counting() -> Iterator[Counter[str]]:
        counts: Counter[str] = Counter()

        def count(_conn: Any, _cursor: Any, statement: str, _values: Any, _context: Any, many: bool) -> None:
            words = statement.split()
            if words[0] in ("INSERT", "UPDATE", "DELETE"):
                counts[f"{words[0]} {words[1] if words[0] == 'UPDATE' else words[2]}{' many' * many}"] += 1

        monkeypatch.setattr(passwords, "_HASHER", CountingHasher(counts))
        sqlalchemy.event.listen(composition.database.engine, "before_cursor_execute", count)
        try:
            yield counts
        finally:
            sqlalchemy.event.remove(composition.database.engine, "before_cursor_execute", count)
            monkeypatch.undo()

    def measure(act: Callable[[], Any]) -> Counter[str]:
        with counting() as counts:
            act()
        return counts

    return measure


@pytest.fixture
def people(composition: Composition, make_person: Callable[..., Person], clock: ManualClock) -> None:
    """One with an account, one whose account is disabled."""
    make_person(EXISTING)
    person = make_person(DISABLED)
    with composition.database.transaction() as session:
        disable_person(session, services=composition.idp, person_id=person.id, actor="command", now=clock.now())


@pytest.mark.usefixtures("people")
def test_a_wrong_password_costs_the_same_for_every_cedula(app: Flask, work: Any) -> None:
    """One hash is checked, the same rows are written."""
    costs = {}
    for cedula in (FIRST, EXISTING, DISABLED, ABSENT):  # the first makes this month's key for nobody's events
        walker = Walker(app)
        path = walker.open_login()
        data = {"step": "password", "username": cedula, "password": "no es esta clave"}
        costs[cedula] = work(lambda walker=walker, path=path, data=data: walker.post(path, data))
    assert costs[EXISTING] == costs[DISABLED] == costs[ABSENT]
    assert costs[EXISTING]["argon2 verification"] == 1
    assert costs[EXISTING].total() > 3, "something is counted"


@pytest.mark.usefixtures("people")
def test_a_reset_costs_the_same_for_every_cedula(app: Flask, work: Any) -> None:
    """Asking for it, asking again, and a wrong code; also when nobody is written to."""
    costs: dict[str, list[Counter[str]]] = {}
    for cedula in (FIRST, EXISTING, DISABLED, ABSENT):
        walker = Walker(app, address=f"203.0.113.{len(costs) + 1}")
        walker.get("/recovery")
        start = work(lambda walker=walker, cedula=cedula: walker.post("/recovery", {"username": cedula}))
        step = walker.get("/recovery") and walker.post("/recovery", {"username": cedula}).location
        walker.get(step)
        wrong = work(lambda walker=walker, step=step: walker.post(step, {"step": "mail_code", "code": "00000000"}))
        costs[cedula] = [start, wrong]
    assert costs[EXISTING] == costs[DISABLED] == costs[ABSENT]


@pytest.mark.usefixtures("people")
def test_a_sign_up_costs_the_same_for_every_cedula(app: Flask, work: Any) -> None:
    """Its start and a wrong code, whoever is told of it."""
    costs: dict[str, list[Counter[str]]] = {}
    for cedula in (FIRST, EXISTING, DISABLED, ABSENT):
        walker = Walker(app, address=f"203.0.113.{len(costs) + 1}")
        walker.get("/signup")
        form = {**FORM, "cedula": cedula, "email": f"x{cedula}@correo.test"}
        start = work(lambda walker=walker, form=form: walker.post("/signup", form))
        walker.get("/signup")
        step = walker.post("/signup", form).location
        walker.get(step)
        wrong = work(lambda walker=walker, step=step: walker.post(step, {"step": "code", "code": "00000000"}))
        costs[cedula] = [start, wrong]
    assert costs[EXISTING] == costs[DISABLED] == costs[ABSENT]
