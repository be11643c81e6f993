"""``sau user``, through click."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from audit.model import AuditEvent, HolderKey
from composition import Composition
from idp.accounts.commands import user_commands
from idp.accounts.person import find_person
from kernel.errors import Conflict, NotFound, Rejected


def _run(composition: Composition, *arguments: str, stdin: str | None = None) -> Any:
    result = CliRunner().invoke(
        user_commands(lambda: composition.idp), [*arguments, "--json"], input=stdin, catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


ADD = ("add", "--cedula", "171003406-5", "--email", "A@B.test", "--name", "Ana María Quispe Toapanta")


def test_user_add_list_show_disable_enable_link_erase(composition: Composition) -> None:
    """The whole life of a person from the command line."""
    added = _run(composition, *ADD, "--level", "2", "--password-stdin", stdin="mandarina-tren-lluvia-31\n")
    assert (added["cedula"], added["email"], added["name"]) == ("1710034065", "a@b.test", "Ana María Quispe Toapanta")
    assert "link" not in added
    assert [person["id"] for person in _run(composition, "list")] == [added["id"]]
    assert _run(composition, "show", "1710034065")["level"] == 2
    assert _run(composition, "disable", added["id"])["status"] == "disabled"
    with pytest.raises(Conflict):
        _run(composition, "disable", added["id"])
    assert _run(composition, "enable", added["id"])["status"] == "active"
    assert "/enroll/" in _run(composition, "link", added["id"])["link"]
    assert _run(composition, "erase", added["id"], "--dry-run")["status"] == "active"
    assert _run(composition, "erase", added["id"])["status"] == "erased"
    with pytest.raises(NotFound):
        _run(composition, "show", "1710034065")


def test_user_add_without_a_password_prints_a_link(composition: Composition) -> None:
    """No default password anywhere."""
    assert _run(composition, *ADD)["link"].startswith("http://localhost:8000/enroll/")


def test_user_add_refuses_a_bad_cedula_a_weak_password_and_a_second_account(composition: Composition) -> None:
    """Each with its own code; nothing is stored."""
    with pytest.raises(Rejected, match="cedula_invalid"):
        _run(composition, "add", "--cedula", "1710034066", "--email", "a@b.test", "--name", "Ana Quispe")
    with pytest.raises(Rejected, match="password_weak"):
        _run(composition, *ADD, "--password-stdin", stdin="contraseña1\n")
    _run(composition, *ADD)
    with pytest.raises(Conflict, match="cedula_taken"):
        _run(composition, *ADD)


def test_erasing_a_person_destroys_data_and_holder_key(composition: Composition) -> None:
    """Attacks 17: after erasure nobody can read who it was; the id stays for the evidence."""
    added = _run(composition, *ADD)
    _run(composition, "erase", added["id"])
    with composition.database.reading() as session:
        person = find_person(session, added["id"])
        assert (person.cedula, person.name, person.email, person.status) == ("", "", "", "erased")
        key = session.get(HolderKey, added["id"])
        assert key is None or key.sealed_key is None


def test_user_verify_notes_that_the_identity_was_checked(composition: Composition) -> None:
    """Only such an account can be named in a personal certificate; the event says by how much."""
    added = _run(composition, *ADD)
    assert added["level"] == 1
    assert _run(composition, "verify", added["id"])["level"] == 2
    with composition.database.reading() as session:
        kinds = session.scalars(select(AuditEvent.type).where(AuditEvent.subject == added["id"])).all()
    assert "idp:account:identity_verified" in kinds
    _run(composition, "disable", added["id"])
    with pytest.raises(Conflict, match="not_active"):
        _run(composition, "verify", added["id"])
