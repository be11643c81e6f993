"""``sau role``."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from admin.commands import role_commands, waiting_command
from idp.desk.report import open_report
from kernel.errors import NotFound


@pytest.fixture
def sau(composition):
    """Run ``sau role …`` and return what it prints as JSON."""

    def run(*arguments: str) -> object:
        result = CliRunner().invoke(
            role_commands(lambda: composition.admin), [*arguments, "--json"], catch_exceptions=False
        )
        assert result.exit_code == 0, result.output
        return json.loads(result.output)

    return run


def test_a_role_is_granted_by_cedula_or_id_and_listed_without_the_full_cedula(sau, make_person) -> None:
    """``sau role grant PERSON ROLE``."""
    ana, luis = make_person("Ana"), make_person("Luis")
    sau("grant", ana.cedula, "administrator")
    sau("grant", luis.id, "auditor")
    listed = sau("list")
    assert [(item["name"], item["role"]) for item in listed] == [
        (ana.name, "administrator"),
        (luis.name, "auditor"),
    ]
    assert ana.cedula not in json.dumps(listed)
    sau("withdraw", luis.cedula, "auditor")
    assert len(sau("list")) == 1


def test_a_role_can_end_at_one_institution(sau, make_person, institution) -> None:
    """``--institution RUC``."""
    assert (
        sau("grant", make_person().id, "pki_officer", "--institution", institution.ruc)["institution"]
        == institution.ruc
    )


def test_an_unknown_person_gets_no_role(sau) -> None:
    """Neither an id nor a cédula of ours."""
    for person in ("nobody", "1710034065"):
        with pytest.raises(NotFound, match="unknown_person"):
            sau("grant", person, "auditor")


def test_what_waits_is_told_in_a_shell_as_on_the_front_page(composition, make_person, clock) -> None:
    """``sau waiting``: the same codes, counted for everybody."""
    person = make_person()
    with composition.database.transaction() as session:
        open_report(
            session,
            services=composition.idp,
            person_id=person.id,
            kind="activity",
            event_id=None,
            now=clock.now(),
        )
    told = CliRunner().invoke(waiting_command(lambda: composition.admin), ["--json"], catch_exceptions=False)
    lines = {(each["kind"], each["code"]): each["count"] for each in json.loads(told.output)}
    assert lines["waits", "reports"] == 1
    assert ("breaks", "seal_stale") in lines
