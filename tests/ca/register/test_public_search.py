"""The public search: what words mean, how far a domain reaches, and that a million certificates change nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from ca.ceremony.hierarchy import Hierarchy
from ca.register.public_search import Found, Scope, search_certificates
from ca.services import CaServices
from ca.transparency.promise import ensure_logged
from kernel.database import Database
from tests.ca.transparency.made import make_logged, store

NAMES = {
    "exact": ["tramites.ejemplo.gob.ec"],
    "below": ["a.tramites.ejemplo.gob.ec", "b.tramites.ejemplo.gob.ec"],
    "wildcard": ["*.ejemplo.gob.ec"],
    "parent": ["ejemplo.gob.ec"],
    "hyphen": ["tramites-ejemplo.gob.ec", "tramites.ejemplo-otro.gob.ec", "xtramites.ejemplo.gob.ec"],
    "deep": ["a.b.otra.ec"],
    "ñ": ["xn--andu-fqa.gob.ec"],
}
RUC, OTHER = "1768152560001", "1760013210001"


@pytest.fixture
def register(services: CaServices, hierarchy: Hierarchy, now: datetime) -> dict[str, str]:
    """One certificate a kind of name; the serials by kind."""
    made = {kind: make_logged(*names, now=now) for kind, names in NAMES.items()}
    made["other"] = make_logged("otra.ec", now=now, ruc=OTHER, organization="Municipio de Santa Lucía")
    made["personal"] = make_logged("tramites.ejemplo.gob.ec", now=now, holder_id="01hxyz", organization="Secreto")
    with services.database.transaction() as session:
        store(session, *made.values(), now=now)
    ensure_logged(services.certificate_log, [each.serial for each in made.values()], now=now)
    return {kind: each.serial for kind, each in made.items()}


def kinds(services: CaServices, register: dict[str, str], words: str, scope: Scope = Scope.BELOW) -> list[str]:
    with services.database.reading() as session:
        found = search_certificates(session, words=words, scope=scope)
    by_serial = {serial: kind for kind, serial in register.items()}
    return [by_serial[each.serial] for each in found.certificates]


@pytest.mark.parametrize(
    ("words", "scope", "expected"),
    [
        ("tramites.ejemplo.gob.ec", Scope.BELOW, ["exact", "wildcard", "below"]),
        ("tramites.ejemplo.gob.ec", Scope.EXACT, ["exact"]),
        ("*.ejemplo.gob.ec", Scope.BELOW, ["wildcard"]),
        ("ejemplo.gob.ec", Scope.EXACT, ["parent"]),
        ("ejemplo.gob.ec", Scope.BELOW, ["parent", "wildcard", "exact", "below", "hyphen"]),
        ("otra.ec", Scope.BELOW, ["other", "deep"]),
        ("ñandu.gob.ec", Scope.BELOW, ["ñ"]),
        ("ejemplo.gob", Scope.BELOW, []),
        (OTHER, Scope.BELOW, ["other"]),
        ("santa lucia", Scope.BELOW, ["other"]),
        ("LUCÍA municipio", Scope.BELOW, ["other"]),
        ("secreto", Scope.BELOW, []),
    ],
)
def test_words_mean_a_domain_an_institution_or_a_number(
    services: CaServices, register: dict[str, str], words: str, scope: Scope, expected: list[str]
) -> None:
    """A domain reaches what is below it and the wildcards that cover it, and never its neighbours."""
    assert kinds(services, register, words, scope) == expected


def test_several_institutions_of_one_name_are_offered(services: CaServices, register: dict[str, str]) -> None:
    """Who typed ``de`` and a common word chooses, by name and RUC."""
    with services.database.reading() as session:
        found = search_certificates(session, words="i de")
    assert {(each.ruc, each.name) for each in found.institutions} == {
        (RUC, "Ministerio de Pruebas"),
        (OTHER, "Municipio de Santa Lucía"),
    }
    assert found.certificates == ()


def test_pages_hold_each_certificate_once(services: CaServices, hierarchy: Hierarchy, now: datetime) -> None:
    """A certificate with many names under a domain is one result; newest first of the same name."""
    many = [f"n{number:02}.ejemplo.gob.ec" for number in range(40)]
    made = [make_logged(*many, now=now + timedelta(minutes=minute)) for minute in range(25)]
    with services.database.transaction() as session:
        store(session, *made, now=now)
    ensure_logged(services.certificate_log, [each.serial for each in made], now=now)

    def page(number: int) -> Found:
        with services.database.reading() as session:
            return search_certificates(session, words="ejemplo.gob.ec", page=number)

    first, second, third = page(1), page(2), page(3)
    assert (len(first.certificates), first.has_more) == (20, True)
    assert (len(second.certificates), second.has_more) == (5, False)
    assert third == Found()
    newest_first = [each.serial for each in reversed(made)]
    assert [each.serial for each in (*first.certificates, *second.certificates)] == newest_first


@pytest.mark.parametrize(
    ("words", "tables"),
    [
        ("ejemplo.gob.ec", ["ca_public_name"]),
        ("gob.ec", ["ca_public_name"]),
        (RUC, ["ca_public_certificate"]),
        ("ab" * 32, ["ca_certificate"]),
    ],
)
def test_every_search_goes_by_an_index(
    services: CaServices, register: dict[str, str], words: str, tables: Sequence[str]
) -> None:
    """The plan of each statement, on both databases: no table is read whole and nothing is sorted."""
    statements: list[tuple[str, object]] = []
    database: Database = services.database

    def note(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        statements.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", note)
    with database.reading() as session:
        search_certificates(session, words=words)
    event.remove(database.engine, "before_cursor_execute", note)
    with database.reading() as session:
        plans = [_plan(session, database, statement, parameters) for statement, parameters in statements]
    assert any(table in plan for plan in plans for table in tables)
    for plan in plans:
        assert "SCAN ca_public" not in plan and "SCAN ca_certificate" not in plan, plan
        assert "Seq Scan on ca_public" not in plan and "Seq Scan on ca_certificate" not in plan, plan
        assert "TEMP B-TREE" not in plan and "Sort" not in plan, plan


def _plan(session: Session, database: Database, statement: str, parameters: object) -> str:
    if database.is_sqlite:
        rows = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)  # type: ignore[arg-type]
        return "\n".join(str(row[-1]) for row in rows)
    session.execute(text("SET LOCAL enable_seqscan = off"))  # a table of ten rows is read whole otherwise
    session.execute(text("SET LOCAL enable_bitmapscan = off"))
    rows = session.connection().exec_driver_sql(f"EXPLAIN {statement}", parameters)  # type: ignore[arg-type]
    return "\n".join(row[0] for row in rows)
