"""``sau est credential``: made once, shown once, listed without its secret, revoked."""

from __future__ import annotations

import json

import click
import pytest
from click.testing import CliRunner, Result

from ca.commands import commands
from ca.enrolment.model import EnrolmentCredential
from ca.services import CaServices
from kernel.errors import ServiceError
from tests.ca.ground import RUC

pytestmark = pytest.mark.usefixtures("hierarchy")


def run(services: CaServices, *arguments: str) -> Result:
    """Run ``sau est credential ARGUMENTS``."""
    group: click.Command = next(group for group in commands(lambda: services) if group.name == "est")
    return CliRunner().invoke(group, ["credential", *arguments])


def test_a_credential_is_made_listed_and_revoked(services: CaServices) -> None:
    """The secret is printed once, and never again."""
    add = ("add", "--institution", RUC, "--profile", "tls-client", "--names", "uno.pruebas.gob.ec", "--json")
    made = json.loads(run(services, *add).stdout)
    assert (made["names"], made["uses_left"]) == (["uno.pruebas.gob.ec"], 1)
    (listed,) = json.loads(run(services, "list", "--json").stdout)
    assert listed == {name: value for name, value in made.items() if name != "secret"}
    assert json.loads(run(services, "revoke", made["id"], "--json").stdout)["revoked_at"]
    assert isinstance(run(services, "revoke", "nada").exception, ServiceError)


def test_a_dry_run_checks_and_makes_nothing(services: CaServices) -> None:
    """What would be refused is refused; what would be made is shown without a secret."""
    done = run(services, "add", "--institution", RUC, "--profile", "tls-client", "--dry-run", "--json")
    assert "secret" not in json.loads(done.stdout)
    with services.database.reading() as session:
        assert session.query(EnrolmentCredential).count() == 0


@pytest.mark.parametrize(
    ("option", "value", "code"),
    [
        ("--names", "www.rentas.gob.ec", "name_not_registered"),
        ("--profile", "ocsp-responder", "profile_not_requestable"),
        ("--profile", "public-servant-signature", "profile_not_requestable"),
        ("--institution", "0990000000001", "unknown_institution"),
        ("--uses", "0", "bad_enrolment_credential"),
        ("--expires", "9999", "bad_enrolment_credential"),
        ("--field", "color=azul", "unknown_input"),
    ],
)
def test_what_no_credential_may_say_is_refused(services: CaServices, option: str, value: str, code: str) -> None:
    """A credential brings no more than its institution has."""
    arguments = {"--institution": RUC, "--profile": "tls-client"} | {option: value}
    done = run(services, "add", *(text for pair in arguments.items() for text in pair))
    assert isinstance(done.exception, ServiceError)
    assert done.exception.code == code
