"""Searches of the evidence kept under a name: whose, for whom, with a reason each time, and gone with the person."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from admin.model import SavedSearch
from admin.permissions import Role
from admin.saved_searches import LONGEST_NAME, MOST, save_search
from audit.vocabulary import EventType
from composition import Composition
from idp.accounts.life import erase_person
from kernel.clock import ManualClock
from kernel.errors import Rejected
from tests.admin.conftest import Events, MakeOperator, MakePerson

REASON = "Investigación 2026-014 de la Contraloría"


def saved(composition: Composition) -> list[SavedSearch]:
    """All that are kept, oldest first."""
    with composition.database.reading() as session:
        return list(session.scalars(select(SavedSearch).order_by(SavedSearch.id)))


def test_a_search_is_kept_shared_within_a_role_and_removed(
    make_operator: MakeOperator, composition: Composition, events: Events
) -> None:
    """Others with the role use it and cannot remove it; who has none does not see it; each change is on record."""
    owner, other = make_operator(Role.AUDITOR, name="Ana"), make_operator(Role.AUDITOR, name="Eva")
    stranger = make_operator(Role.SUPERADMINISTRATOR, name="Luis")
    page = "/admin/audit?outcome=refused&type=ca:*"
    assert "/admin/audit/saved/new?" in owner.get(page).text
    assert 'id="save"' not in owner.get("/admin/audit").text  # without filters there is nothing to keep
    form = "/admin/audit/saved/new?outcome=refused&type=ca:*"
    values = {"type": "ca:*", "outcome": "refused", "name": "Negativas de la autoridad"}
    assert owner.post("/admin/audit/saved", values, page=form).status_code == 303
    mine = saved(composition)[0]
    assert mine.filters == {"outcome": "refused", "type": "ca:*"}
    assert "Negativas de la autoridad" in owner.get("/admin/audit").text
    assert "Negativas de la autoridad" not in other.get("/admin/audit").text
    assert other.get(f"/admin/audit/saved/{mine.id}").status_code == 404
    owner.post("/admin/audit/saved", {**values, "name": "De todos", "role": "auditor"}, page=form)
    shared = saved(composition)[1]
    assert "De todos" in other.get("/admin/audit").text
    assert "De todos" not in stranger.get("/admin/audit").text
    opened = other.get(f"/admin/audit/saved/{shared.id}")
    assert opened.headers["Location"].endswith("/admin/audit?outcome=refused&type=ca%3A%2A")
    assert other.post(f"/admin/audit/saved/{shared.id}/remove", page=form).status_code == 404
    assert owner.post(f"/admin/audit/saved/{shared.id}/remove", page=form).status_code == 303
    assert [row.id for row in saved(composition)] == [mine.id]
    kinds = [event.type for event in events() if event.type.startswith("admin:audit_search")]
    assert kinds == [
        EventType.AUDIT_SEARCH_SAVED.value,
        EventType.AUDIT_SEARCH_SAVED.value,
        EventType.AUDIT_SEARCH_REMOVED.value,
    ]


def test_a_search_about_a_person_asks_why_each_time_and_goes_with_him(
    make_operator: MakeOperator,
    make_person: MakePerson,
    composition: Composition,
    clock: ManualClock,
    events: Events,
) -> None:
    """Keeping it needs a reason that stands; opening it needs another one, on record; his erasure destroys it."""
    auditor, person = make_operator(Role.AUDITOR), make_person("Rosa")
    form = f"/admin/audit/saved/new?person={person.id}"
    values = {"person": person.id, "name": "El caso 14"}
    assert auditor.post("/admin/audit/saved", values, page=form).headers["Location"].endswith("/admin/audit/person")
    assert saved(composition) == []
    auditor.post("/admin/audit/person", {"cedula": person.document, "reason": REASON})
    assert auditor.post("/admin/audit/saved", values, page=form).status_code == 303
    (kept,) = saved(composition)
    address = f"/admin/audit/saved/{kept.id}"
    asked = auditor.get(address)
    assert asked.status_code == 200
    assert "Rosa" in asked.text
    assert auditor.post(address, {"reason": "corto"}).status_code == 422
    looks = len([event for event in events() if event.type == EventType.PERSON_LOOKED_UP.value])
    for _ in range(2):  # each time
        assert auditor.post(address, {"reason": REASON}).status_code == 303
    found = [event for event in events() if event.type == EventType.PERSON_LOOKED_UP.value]
    assert len(found) == looks + 2
    assert (found[-1].subject, found[-1].object_id) == (person.id, kept.id)
    with composition.database.transaction() as session:
        erase_person(session, services=composition.idp, person_id=person.id, actor="command", now=clock.now())
    assert saved(composition) == []


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"name": "  "}, "search_name_missing"),
        ({"name": "x" * (LONGEST_NAME + 1)}, "search_name_long"),
        ({"filters": {"type": ""}}, "search_empty"),
        ({"role": "superadministrator"}, "search_role"),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_cannot_be_kept(
    composition: Composition, clock: ManualClock, values: dict[str, object], code: str
) -> None:
    """A name, a filter, and a role of one's own."""
    asked = {"name": "Algo", "filters": {"type": "ca:*"}, "role": "", **values}
    with pytest.raises(Rejected) as caught, composition.database.transaction() as session:
        save_search(
            session, journal=composition.journal, actor="a" * 26, roles=[Role.AUDITOR], now=clock.now(), **asked
        )
    assert caught.value.code == code


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_nobody_keeps_searches_without_end(composition: Composition, clock: ManualClock) -> None:
    """The list stays one that can be read."""
    with pytest.raises(Rejected) as caught, composition.database.transaction() as session:
        for number in range(MOST + 1):
            save_search(
                session,
                journal=composition.journal,
                name=f"Búsqueda {number}",
                filters={"type": "ca:*"},
                role="",
                actor="a" * 26,
                roles=[],
                now=clock.now(),
            )
    assert caught.value.code == "searches_too_many"
