"""Desks: kept by command, read by everyone."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from idp.commands import commands
from idp.directory.institutions import add_institution, set_institution_active
from tests.idp.web_people.conftest import app, walker

__all__ = ["app", "walker"]
GIVEN = ("--institution", "1760001550001", "--name", "Agencia Norte", "--city", "Quito")
PLACE = ("--address", "Av. Amazonas N39-123", "--hours", "Lunes a viernes, 08:00 a 16:30")


@pytest.fixture
def run(composition):
    """Run ``sau desk …`` and return what it printed."""
    (group,) = [group for group in commands(lambda: composition.idp) if group.name == "desk"]

    def run(*words: str) -> object:
        result = CliRunner().invoke(group, [*words, "--json"], standalone_mode=False)
        if result.exception:
            raise result.exception
        return json.loads(result.stdout)

    return run


@pytest.fixture
def institution(composition, clock):
    """An institution."""
    with composition.database.transaction() as session:
        return add_institution(
            session, journal=composition.journal, ruc="1760001550001", name="Registro de Prueba", now=clock.now()
        )


def test_a_desk_is_added_listed_for_everyone_and_removed(run, institution, walker) -> None:
    """The public page shows institution, address and hours, without a login."""
    assert "Todavía no hay oficinas" in walker.get("/ayuda/oficinas").text
    added = run("add", *GIVEN, *PLACE)
    page = walker.get("/ayuda/oficinas").text
    for told in ("Quito", "Agencia Norte", "Registro de Prueba", "Av. Amazonas N39-123", "08:00 a 16:30"):
        assert told in page
    assert [desk["id"] for desk in run("list")] == [added["id"]]
    assert run("remove", added["id"], "--dry-run")["open"] is True
    assert run("remove", added["id"])["open"] is False
    assert run("list") == []
    assert "Agencia Norte" not in walker.get("/ayuda/oficinas").text


def test_what_is_no_desk_is_refused(run, institution, composition, clock) -> None:
    """Empty words, a strange institution, a closed one; a desk is removed once."""
    from kernel.errors import Conflict, NotFound, Rejected

    with pytest.raises(Rejected):
        run("add", *GIVEN, "--address", " ", "--hours", "siempre")
    with pytest.raises(NotFound):
        run("add", "--institution", "1760013210001", *GIVEN[2:], *PLACE)
    with pytest.raises(NotFound):
        run("remove", "0" * 26)
    with composition.database.transaction() as session:
        set_institution_active(
            session, journal=composition.journal, institution_id=institution.id, active=False, now=clock.now()
        )
    with pytest.raises(Conflict):
        run("add", *GIVEN, *PLACE)
