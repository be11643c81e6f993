"""Rights in applications at the console: within one's institution, by what was delegated, by two people."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest

from composition import Composition
from idp.accounts.model import PersonRow
from idp.directory.institutions import Institution
from idp.rights.belonging import find_belonging
from tests.admin.conftest import MakeOperator, Operator
from tests.idp.relying_party import register
from tests.idp.rights.conftest import Office


@pytest.fixture
def office(composition: Composition, institution: Institution, other_institution: Institution) -> Office:
    """The tax application, declared for both institutions."""
    made = Office(composition, register(composition), institution, other_institution)
    made.declare()
    return made


@pytest.fixture
def chief(office: Office, make_operator: MakeOperator) -> Operator:
    """Who gives roles at the ministry."""
    made = make_operator(name="Jefa")
    office.hire(made.person)
    for role in ("reader", "voider"):
        office.delegate(made.person, role, may_approve=True)
    return made


def _page(operator: Operator, path: str) -> str:
    answer = operator.get(path)
    assert answer.status_code == 200, (answer.status_code, path)
    return answer.get_data(as_text=True)


def _give(operator: Operator, office: Office, belonging_id: str, role: str, **more: str) -> Any:
    path = f"/admin/rights/institutions/{office.ministry.ruc}/people/{belonging_id}"
    return operator.post(path, {"role": office.role_id(role), "reason": "Para su trabajo", **more})


def test_a_delegated_administrator_links_gives_and_ends(office: Office, chief: Operator) -> None:
    """From the person's document to the role, and to the leaving."""
    servant = office.person(0)
    front = _page(chief, "/admin/rights")
    assert office.ministry.name in front
    assert office.agency.name not in front
    there = f"/admin/rights/institutions/{office.ministry.ruc}"
    found = chief.post(there, {"cedula": servant.cedula, "post": "Analista", "reason": "Ingresó hoy a la dirección"})
    person_page = found.headers["Location"]
    belonging_id = person_page.rsplit("/", 1)[1]
    assert _give(chief, office, belonging_id, "reader").status_code == 303
    assert office.roles(servant) == ["reader"]
    assert "Analista" in _page(chief, person_page)
    assert "role_held" not in _page(chief, person_page)
    assert _give(chief, office, belonging_id, "reader").status_code == 422
    assert _give(chief, office, belonging_id, "reader", reason="").status_code == 422
    assert "Lectura" in _page(chief, f"{person_page}/leave")
    assert chief.post(f"{person_page}/leave").status_code == 303
    assert office.roles(servant) == []
    assert chief.post(f"{person_page}/leave").status_code == 303, "pressed twice"


def test_what_needs_two_is_decided_by_another_than_the_proposer(
    office: Office, chief: Operator, make_operator: MakeOperator
) -> None:
    """The form carries what was seen; the proposer is refused, and the second press too."""
    servant, second = office.person(0), make_operator(name="Segundo")
    office.hire(second.person)
    office.delegate(second.person, "voider", may_assign=False, may_approve=True)
    belonging = office.hire(servant)
    assert _give(chief, office, belonging.id, "voider").status_code == 303
    (link,) = set(
        re.findall(r'href="(/admin/rights/institutions/\d+/assignments/[^"]+)"', _page(second, "/admin/rights"))
    )
    shown = _page(second, link)
    assert "invoice:void" in shown
    seen = re.search(r'name="seen" value="([0-9a-f]{64})"', shown)
    assert seen is not None
    form = {"decision": "approve", "seen": seen[1]}
    assert chief.post(link, form).status_code == 422
    assert second.post(link, form | {"seen": "0" * 64}).status_code == 422
    assert office.roles(servant) == []
    assert second.post(link, form).status_code == 303
    assert office.roles(servant) == ["voider"]
    assert second.post(link, form).status_code == 422
    assert second.post(link, {"decision": "end", "reason": "Rotación"}).status_code == 303
    assert office.roles(servant) == []


def test_another_institutions_ids_lead_nowhere(office: Office, chief: Operator) -> None:
    """Attacks 12: 404 by address, by id under one's own address, and in lists."""
    servant = office.person(0)
    foreign = office.hire(servant, office.agency)
    given = office.assign(servant, "reader", office.agency)
    mine, theirs = (f"/admin/rights/institutions/{each.ruc}" for each in (office.ministry, office.agency))
    for path in (
        theirs,
        f"{theirs}/people/{foreign.id}",
        f"{mine}/people/{foreign.id}",
        f"{mine}/people/{foreign.id}/leave",
        f"{theirs}/assignments/{given.id}",
        f"{mine}/assignments/{given.id}",
        f"/admin/rights?institution={office.agency.ruc}",
        f"/admin/rights/export.csv?institution={office.agency.ruc}",
    ):
        assert chief.get(path).status_code == 404, path
    form = {"decision": "end", "reason": "x"}
    assert chief.post(f"{mine}/assignments/{given.id}", form, page=mine).status_code == 404
    assert chief.post(f"{mine}/people/{foreign.id}/leave", page=mine).status_code == 404
    assert office.roles(servant) == ["reader"]
    assert servant.name not in _page(chief, "/admin/rights")


def test_nobody_gives_himself_a_role_and_who_left_sees_nothing(office: Office, chief: Operator) -> None:
    """The page offers no form; a forged one is refused; the console closes with the belonging."""
    people = _page(chief, f"/admin/rights/institutions/{office.ministry.ruc}")
    own = re.search(r"/people/([0-9a-z]{26})", people)
    assert own is not None
    assert "Nadie se da un rol a sí mismo" in _page(
        chief, f"/admin/rights/institutions/{office.ministry.ruc}/people/{own[1]}"
    )
    path = f"/admin/rights/institutions/{office.ministry.ruc}/people/{own[1]}"
    assert "Nadie se da un rol a sí mismo" in _page(chief, path)
    form = {"role": office.role_id("reader"), "reason": "x"}
    assert chief.post(path, form, page=path.rsplit("/people", 1)[0]).status_code == 422
    assert office.roles(chief.person) == []
    with office.composition.database.reading() as session:
        belonging = find_belonging(session, own[1], institution_id=office.ministry.id)
    office.leave(belonging)
    assert chief.get("/admin/rights").status_code == 403


def test_the_export_neutralises_cells(office: Office, chief: Operator) -> None:
    """Attacks 14: a name that begins with = is text."""
    servant = office.person(0)
    with office.composition.database.transaction() as session:
        session.get_one(PersonRow, servant.id).given_names = "=cmd()"
    office.hire(servant)
    office.assign(servant, "reader")
    rows = list(csv.reader(io.StringIO(chief.get("/admin/rights/export.csv").get_data(as_text=True).lstrip("\ufeff"))))
    assert rows[1][3] == "reader"
    assert rows[1][4].startswith("'=cmd()")
    assert servant.cedula not in rows[1][5]
