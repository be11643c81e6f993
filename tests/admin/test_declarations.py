"""What applications declare and who may give it, at the console: before and after, within one's own reach."""

from __future__ import annotations

import html
import re

import pytest
import yaml

from admin.declaring import declare_at_console, parse_declared
from admin.permissions import Permission, Role
from admin.roles import Powers, RoleHolding
from audit.vocabulary import EventType
from composition import Composition
from idp.clients.model import ClientRow
from idp.directory.institutions import Institution
from idp.rights.catalog import declared_document
from idp.rights.declaration import parse_declaration
from idp.rights.delegation import list_delegations
from kernel.errors import Denied, NotFound, Rejected
from tests.admin.conftest import Events, MakeOperator, Operator
from tests.idp.relying_party import register
from tests.idp.rights.conftest import Office


@pytest.fixture
def office(composition: Composition, institution: Institution, other_institution: Institution) -> Office:
    """The tax application, declared for both institutions."""
    made = Office(composition, register(composition), institution, other_institution)
    made.declare()
    return made


def _text(operator: Operator, path: str) -> str:
    shown = operator.get(f"{path}/change").text
    area = re.search(r"<textarea[^>]*>\n?(.*?)</textarea>", shown, re.DOTALL)
    assert area, shown[:300]
    return html.unescape(area[1])


def test_a_declaration_is_shown_reviewed_and_changed(
    office: Office, make_operator: MakeOperator, events: Events
) -> None:
    """What is marked for approval is seen; whom a change touches is said before; what was reviewed is what counts."""
    admin = make_operator(Role.ADMINISTRATOR)
    servant = office.person(0)
    office.hire(servant)
    office.assign(servant, "reader")
    path = f"/admin/rights/declarations/{office.app.client_id}"
    assert path in admin.get("/admin/rights/declarations").text
    assert "Lo decide otra persona" in admin.get(path).text
    text = _text(admin, path)
    assert "no cambia nada" in admin.post(f"{path}/change", {"document": text}).text
    document = yaml.safe_load(text)
    document["roles"] = [role | {"needs_approval": False} for role in document["roles"] if role["name"] != "reader"]
    wanted = yaml.safe_dump(document, allow_unicode=True)
    for wrong in ("roles: [", "a: &x [1]\nb: *x", "permissions: 1", "[" * 3000):
        assert admin.post(f"{path}/change", {"document": wrong}).status_code == 422
    review = admin.post(f"{path}/change", {"document": wanted}).text
    assert "1 persona pierde el rol reader." in review
    assert "El rol voider lo dará una sola persona" in review
    assert office.roles(servant) == ["reader"], "nothing is written yet"
    seen = review.split('name="seen" value="')[1][:64]
    assert admin.post(path, {"document": wanted, "seen": "0" * 64}, page=f"{path}/change").status_code == 422
    assert admin.post(path, {"document": wanted, "seen": seen}, page=f"{path}/change").status_code == 303
    assert office.roles(servant) == []
    again = admin.post(path, {"document": text, "seen": seen}, page=f"{path}/change")
    assert "Otra persona lo cambió" in again.text
    (told,) = [each for each in events() if each.type == EventType.RIGHTS_DECLARED and each.actor == admin.person.id]
    assert b"- role reader" in told.leaf


def test_whoever_reaches_one_institution_declares_for_its_applications_and_offers_them_to_nobody(
    office: Office, events: Events
) -> None:
    """Its own applications only; which institutions may use one is the service's to say."""
    composition, client_id = office.composition, office.app.client_id

    def powers(institution: Institution) -> Powers:
        bound = RoleHolding("h", "ana", Role.ADMINISTRATOR, institution.ruc, "command", office.now)
        return Powers((bound,))

    def declare(reach: Powers, **changes: object) -> None:
        with composition.database.transaction() as session:
            before = declared_document(session, client_id)
            declare_at_console(
                session,
                journal=composition.journal,
                powers=reach,
                declaration=parse_declaration(before | changes),
                seen_sha256=parse_declaration(before).sha256,
                actor="ana",
                now=office.now,
            )

    with composition.database.transaction() as session:
        session.get_one(ClientRow, client_id).institution_id = office.ministry.id
    with pytest.raises(NotFound):
        declare(powers(office.agency), roles=[])
    with pytest.raises(Denied, match="not yours"):
        declare(powers(office.ministry), institutions="all")
    declare(powers(office.ministry), roles=[])
    told = [each for each in events() if each.type == EventType.RIGHTS_DECLARED and each.actor == "ana"]
    assert [(each.outcome, each.reason) for each in told] == [("refused", "offer_not_yours"), ("success", None)]
    with pytest.raises(Rejected):
        parse_declared("x" * 300_000, client_id=client_id)


def test_a_role_is_delegated_and_withdrawn(office: Office, make_operator: MakeOperator, events: Events) -> None:
    """By the document, on record; to somebody who works there; never to oneself; what was given by it stays."""
    admin = make_operator(Role.ADMINISTRATOR)
    servant = office.person(0)
    new = "/admin/rights/delegations/new"
    page = f"{new}?institution={office.ministry.ruc}"
    assert "Elija una" in admin.get(new).text
    form = {
        "institution": office.ministry.ruc,
        "cedula": servant.cedula,
        "role": office.role_id("voider"),
        "may": "approve",
        "reason": "Memorando 2026-14 de la dirección",
    }
    assert "no trabaja en la institución" in admin.post(new, form, page=page).text
    office.hire(servant)
    office.hire(admin.person)
    assert "Nadie se delega" in admin.post(new, form | {"cedula": admin.person.cedula}, page=page).text
    assert "motivo es muy corto" in admin.post(new, form | {"reason": "corto"}, page=page).text
    assert admin.post(new, form, page=page).status_code == 303
    assert "Ya tiene delegado" in admin.post(new, form, page=page).text
    shown = admin.get(f"/admin/rights/delegations?institution={office.ministry.ruc}&may=approve").text
    assert "Aprobarlo" in shown
    assert servant.cedula not in shown
    assert servant.name not in admin.get("/admin/rights/delegations?may=assign").text
    assert servant.name not in admin.get(f"/admin/rights/delegations?institution={office.agency.ruc}").text
    (link,) = re.findall(r'href="(/admin/rights/delegations/[^"]+/withdraw)"', shown)
    assert "siguen" in admin.get(link).text
    assert admin.post(link).status_code == 303
    assert admin.get(link).status_code == 404
    with office.composition.database.reading() as session:
        assert list_delegations(session) == []
    kinds = [each.type for each in events() if each.actor == admin.person.id and "delegation" in each.type]
    assert kinds[-2:] == [EventType.DELEGATION_GRANTED, EventType.DELEGATION_WITHDRAWN]


def test_a_delegation_of_another_institution_is_not_there(office: Office, make_operator: MakeOperator) -> None:
    """Attacks 12: by id, by filter and by form. Auditors read and change nothing."""
    auditor = make_operator(Role.AUDITOR)
    servant = office.person(0)
    office.hire(servant)
    given = office.delegate(servant, "reader")
    assert servant.name in auditor.get("/admin/rights/delegations").text
    assert auditor.get(f"/admin/rights/delegations/{given.id}/withdraw").status_code == 403
    bound = Powers((RoleHolding("h", "ana", Role.ADMINISTRATOR, office.agency.ruc, "command", office.now),))
    with pytest.raises(NotFound):
        bound.require_institution(Permission.DELEGATIONS_CHANGE, office.ministry.ruc)
