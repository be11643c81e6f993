"""``sau ca revoke`` and ``sau ca publish``."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from ca.ceremony.root_store import root_folder
from ca.revocation.commands import publish_command, revoke_command
from ca.revocation.publish import current_list
from kernel.clock import ManualClock
from kernel.errors import Conflict, NotFound, Rejected
from tests.ca.hierarchy import Hierarchy, serial_of
from tests.ca.revocation.steps import issue, publish, serials


@pytest.fixture
def program(hierarchy: Hierarchy) -> click.Group:
    return click.Group(
        commands={
            "revoke": revoke_command(lambda: hierarchy.services),
            "publish": publish_command(lambda: hierarchy.services),
        }
    )


def run(program: click.Group, *arguments: str) -> Result:
    result = CliRunner().invoke(program, [*arguments, "--json"])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def parsed(result: Result) -> Any:
    return json.loads(result.stdout)


def test_revoke_takes_a_serial_as_people_copy_it_and_publishes_at_once(
    hierarchy: Hierarchy, program: click.Group, clock: ManualClock
) -> None:
    """Interface: ``sau ca revoke SERIAL --reason R``; the list follows without waiting for a worker."""
    leaf = issue(hierarchy)
    serial = serial_of(leaf)
    typed = ":".join(serial[i : i + 2] for i in range(0, len(serial), 2)).upper()
    record = parsed(run(program, "revoke", typed, "--reason", "keycompromise", "--compromised-at", "2026-11-20"))
    assert (record["serial"], record["reason"]) == (serial, "keyCompromise")
    assert record["compromised_at"].startswith("2026-11-20T00:00:00")
    with hierarchy.services.database.reading() as session:
        newest = current_list(session, authority_name="issuing-1", shard=0, now=clock.now())
    assert serials(newest) == {leaf.serial_number}
    with pytest.raises(Conflict):
        run(program, "revoke", typed, "--reason", "superseded")


def test_dry_run_says_what_would_stop_and_changes_nothing(hierarchy: Hierarchy, program: click.Group) -> None:
    """Interface: changes take ``--dry-run``."""
    leaf = issue(hierarchy)
    record = parsed(run(program, "revoke", serial_of(leaf), "--reason", "superseded", "--dry-run"))
    assert record["names"] == ["tramites.ejemplo.gob.ec"]
    assert record["already_revoked_at"] is None
    again = parsed(run(program, "revoke", serial_of(leaf), "--reason", "superseded", "--dry-run"))
    assert again == record


def test_bad_input_is_refused_with_what_to_write(hierarchy: Hierarchy, program: click.Group) -> None:
    """Errors say how to do it right."""
    leaf = serial_of(issue(hierarchy))
    with pytest.raises(Rejected, match="keyCompromise"):
        run(program, "revoke", leaf, "--reason", "stolen")
    with pytest.raises(Rejected, match="bad_time"):
        run(program, "revoke", leaf, "--reason", "keyCompromise", "--compromised-at", "yesterday")
    with pytest.raises(Rejected, match="bad_serial"):
        run(program, "revoke", "not-a-serial", "--reason", "superseded")


def test_publish_gives_every_issuing_authority_a_new_list(hierarchy: Hierarchy, program: click.Group) -> None:
    """Interface: ``sau ca publish``."""
    publish(hierarchy)
    record, full = parsed(run(program, "publish"))
    assert (full["shard"], full["number"]) == ("full", 1)
    assert (record["authority"], record["number"]) == ("issuing-1", 2)


def test_publish_root_needs_the_root_s_key_and_says_so(hierarchy: Hierarchy, program: click.Group) -> None:
    """Certificate authority 21: from the command line, with the key brought to the machine."""
    [record] = parsed(run(program, "publish", "--root"))
    assert record["authority"] == "root"
    folder = root_folder(hierarchy.services.settings)
    folder.rename(folder.with_name("in-the-safe"))
    with pytest.raises(NotFound, match="root_key_away"):
        run(program, "publish", "--root")


def test_revoking_an_authority_points_at_the_root_s_list(
    hierarchy: Hierarchy, program: click.Group, clock: ManualClock
) -> None:
    """The worker cannot sign the root's list; the operator is told what is left to do."""
    clock.advance(timedelta(days=1))
    result = run(program, "revoke", serial_of(hierarchy.issuing_certificate), "--reason", "cACompromise")
    assert "sau ca publish --root" in result.stderr
    run(program, "publish", "--root")
    with hierarchy.services.database.reading() as session:
        newest = current_list(session, authority_name="root", shard=0, now=clock.now())
    assert serials(newest) == {hierarchy.issuing_certificate.serial_number}
