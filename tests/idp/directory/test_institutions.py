"""Institutions: what may be registered, and that it is on record."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from audit.model import AuditEvent
from composition import Composition
from idp.commands import commands
from idp.directory.commands import institution_commands
from idp.directory.domain import normalize_domain
from idp.directory.institutions import (
    Institution,
    add_institution,
    find_institution_by_ruc,
    list_institutions,
    set_institution_active,
    set_institution_domains,
)
from idp.directory.network import normalize_network
from idp.directory.ruc import has_check_digit, normalize_ruc
from kernel.errors import Conflict, NotFound, Rejected

SRI = "1760013210001"


def _add(composition: Composition, **changes: object) -> Institution:
    values: dict[str, object] = {"ruc": SRI, "name": "Servicio de Rentas Internas", "domains": ["sri.gob.ec"]}
    with composition.database.transaction() as session:
        return add_institution(
            session,
            journal=composition.journal,
            now=composition.clock.now(),
            **(values | changes),  # type: ignore[arg-type]
        )


def test_an_added_institution_is_found_by_its_ruc_and_on_record(composition: Composition) -> None:
    """The event stands in the same transaction as the row."""
    added = _add(composition)
    with composition.database.reading() as session:
        assert find_institution_by_ruc(session, "1760013210-001") == added
        assert list_institutions(session) == [added]
        event = session.scalars(select(AuditEvent)).one()
        assert (event.type, event.object_id) == ("idp:institution:added", added.id)


def test_a_ruc_is_registered_once(composition: Composition) -> None:
    """A RUC names one institution."""
    _add(composition)
    with pytest.raises(Conflict) as refusal:
        _add(composition, name="Otra")
    assert refusal.value.code == "institution_exists"


@pytest.mark.parametrize(
    "typed", ["", "176001321000", "17600132100011", "9960013210001", "1760013210000", "17600132１0001"]
)
def test_refuses_what_has_not_the_shape_of_a_ruc(typed: str) -> None:
    """13 ASCII digits, a province, an establishment of 001 or more."""
    with pytest.raises(Rejected):
        normalize_ruc(typed)


def test_a_ruc_whose_check_digit_does_not_fit_is_a_warning_only() -> None:
    """Numbers handed out in recent years do not all satisfy the modulus."""
    assert normalize_ruc("1793000000001") == "1793000000001"
    assert has_check_digit(SRI)
    assert not has_check_digit("1790013210001")


@pytest.mark.parametrize("typed", ["gob.ec", "ec", "*.sri.gob.ec", "10.0.0.1", "-a.gob.ec", "a..ec", "sri gob.ec", ""])
def test_refuses_what_is_no_domain_of_ones_own(typed: str) -> None:
    """A public suffix, a wildcard, an address: nobody holds those."""
    with pytest.raises(Rejected):
        normalize_domain(typed)


def test_domains_are_kept_as_lower_case_a_labels() -> None:
    """RFC 5890 §2.3.2.1."""
    assert normalize_domain(" Cañar.GOB.ec. ") == "xn--caar-hqa.gob.ec"


def test_the_authority_sees_active_institutions_only(composition: Composition) -> None:
    """A closed institution gets no certificate."""
    added = _add(composition)
    with composition.database.reading() as session:
        assert composition.ca.institutions.find(session, SRI).domains == ("sri.gob.ec",)
    with composition.database.transaction() as session:
        now = composition.clock.now()
        changed = set_institution_domains(
            session, journal=composition.journal, institution_id=added.id, domains=["SRI.ec"], now=now
        )
        assert changed.domains == ("sri.ec",)
        set_institution_active(session, journal=composition.journal, institution_id=added.id, active=False, now=now)
    with composition.database.reading() as session, pytest.raises(NotFound):
        composition.ca.institutions.find(session, SRI)


def test_the_command_adds_lists_and_shows(composition: Composition) -> None:
    """``sau institution add | list | show``, with ``--json``."""
    (group,) = [item for item in commands(lambda: composition.idp) if item.name == "institution"]
    run = CliRunner()
    added = run.invoke(group, ["add", "--ruc", SRI, "--name", "SRI", "--domain", "sri.gob.ec", "--json"])
    assert json.loads(added.stdout)["ruc"] == SRI
    assert [item["ruc"] for item in json.loads(run.invoke(group, ["list", "--json"]).stdout)] == [SRI]
    assert "sri.gob.ec" in run.invoke(group, ["show", SRI]).stdout


@pytest.mark.parametrize(
    "typed",
    ["10.0.0.0/8", "192.168.1.1", "127.0.0.1", "186.46.1.1/16", "0.0.0.0/0", "224.0.0.1", "fd00::/8", "::/0", "x", ""],
)
def test_networks_that_nobody_holds_are_refused(typed: str) -> None:
    """BR §4.2.2, §7.1.2.7.12: public, with a prefix that fits, and no larger than a registry hands out."""
    with pytest.raises(Rejected) as caught:
        normalize_network(typed)
    assert caught.value.code == "bad_network"


def test_networks_are_replaced_with_their_event(composition: Composition) -> None:
    """`sau institution networks RUC CIDR…`: the whole list each time; without any, no address is certified."""
    run = CliRunner().invoke
    group = institution_commands(lambda: composition.idp)
    assert run(group, ["add", "--ruc", "1768152560001", "--name", "Ministerio", "--json"]).exit_code == 0
    done = run(group, ["networks", "1768152560001", "186.46.0.0/16", "2800:370::/32", "186.46.0.0/16", "--json"])
    assert json.loads(done.stdout)["networks"] == ["186.46.0.0/16", "2800:370::/32"]
    assert json.loads(run(group, ["show", "1768152560001", "--json"]).stdout)["networks"] == [
        "186.46.0.0/16",
        "2800:370::/32",
    ]
    with composition.database.reading() as session:
        event = session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc()).limit(1)).one()
        assert event.type == "idp:institution:updated"
    assert json.loads(run(group, ["networks", "1768152560001", "--json"]).stdout)["networks"] == []
