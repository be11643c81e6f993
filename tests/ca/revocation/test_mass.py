"""Mass revocation: previewed, decided by as many as the settings want, done in batches that survive a crash.

Certificate authority, lines 18 and 26; a key compromise of an institution, of a profile, of a list.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import event, func, select

from audit.model import AuditEvent
from audit.vocabulary import EventType
from ca.issuance.model import Certificate
from ca.jobs import handlers
from ca.revocation.compromised_key import is_compromised
from ca.revocation.mass import run as run_module
from ca.revocation.mass.decide import (
    MassState,
    MassView,
    approve_mass_revocation,
    propose_mass_revocation,
    refuse_mass_revocation,
)
from ca.revocation.mass.preview import preview_mass_revocation
from ca.revocation.mass.run import run_batch
from ca.revocation.mass.selection import Selection, parse_serials
from ca.revocation.mass_commands import revoke_many_command
from ca.revocation.publish import current_list
from ca.services import CaServices
from kernel.clock import ManualClock
from kernel.errors import Conflict, Denied, Rejected
from kernel.outbox import run_due
from tests.ca.hierarchy import Hierarchy, serial_of
from tests.ca.revocation.steps import issue, publish, revoke, serials

RUC, OTHER_RUC = "1768153530001", "1760013210001"
THEIRS = Selection(institution_ruc=RUC)


def propose(
    services: CaServices, selection: Selection = THEIRS, reason: str = "cessationOfOperation", actor: str = "ana"
) -> MassView:
    with services.database.transaction() as session:
        return propose_mass_revocation(
            session, services=services, selection=selection, reason=reason, actor=actor, now=services.clock.now()
        )


def with_two_people(services: CaServices) -> CaServices:
    return replace(services, settings=services.settings.model_copy(update={"mass_revocation_people": 2}))


def finish(services: CaServices, view: MassView, **options: int) -> MassView:
    while view.state is MassState.RUNNING:
        view = run_batch(services, view.id, **options)
    return view


def revoked(services: CaServices) -> set[str]:
    with services.database.reading() as session:
        return set(session.scalars(select(Certificate.serial).where(Certificate.revoked_at.is_not(None))))


def count(services: CaServices, kind: EventType) -> int:
    with services.database.reading() as session:
        return session.scalars(select(func.count()).where(AuditEvent.type == kind.value)).one()


@contextmanager
def statements_of(services: CaServices) -> Iterator[list[str]]:
    """The texts of the statements that are sent meanwhile."""
    said: list[str] = []

    def hear(_connection: object, _cursor: object, text: str, *_rest: object) -> None:
        said.append(text)

    event.listen(services.database.engine, "before_cursor_execute", hear)
    try:
        yield said
    finally:
        event.remove(services.database.engine, "before_cursor_execute", hear)


class Resting:
    """A provider on which something rests for each certificate."""

    def count_resting(self, session: object, *, certificate_sha256s: list[str]) -> dict[str, int]:
        return {"sessions": len(certificate_sha256s), "tokens": 2 * len(certificate_sha256s)}


def test_the_preview_says_what_would_stop_and_changes_nothing(hierarchy: Hierarchy, clock: ManualClock) -> None:
    """How many, of which kind, whose, which lists, and what ends at the provider."""
    services = replace(hierarchy.services, dependents=(Resting(),))
    hierarchy.shards = 2
    mine = [issue(hierarchy, name=f"n{number}.ejemplo.gob.ec") for number in range(3)]
    issue(hierarchy, institution_ruc=OTHER_RUC)
    revoke(hierarchy, mine[0])
    with services.database.reading() as session:
        preview = preview_mass_revocation(
            session, services=services, selection=THEIRS, reason="superseded", now=clock.now()
        )
    assert (preview.total, preview.by_profile, preview.institutions) == (2, {"tls-server": 2}, {RUC: 2})
    assert {item.serial for item in preview.examples} == {serial_of(leaf) for leaf in mine[1:]}
    assert preview.lists == ("issuing-1-0.crl", "issuing-1-1.crl")
    assert (preview.ends, preview.counted_all) == ({"sessions": 2, "tokens": 4}, True)
    assert revoked(services) == {serial_of(mine[0])}


def test_an_institution_s_certificates_go_with_one_event_each_and_nobody_else_s(hierarchy: Hierarchy) -> None:
    """Certificate authority, line 26; what is issued afterwards stays."""
    services = hierarchy.services
    theirs = {serial_of(issue(hierarchy)) for _ in range(5)}
    issue(hierarchy, institution_ruc=OTHER_RUC)
    view = propose(services)
    done = finish(services, view, size=2)
    assert (done.state, done.total, done.revoked, done.passed_over) == (MassState.DONE, 5, 5, 0)
    assert revoked(services) == theirs
    assert count(services, EventType.CERTIFICATE_REVOKED) == 5
    assert count(services, EventType.MASS_REVOCATION_PROPOSED) == count(services, EventType.MASS_REVOCATION_DONE) == 1


def test_what_was_issued_after_the_proposal_stays(hierarchy: Hierarchy, clock: ManualClock) -> None:
    """A replacement is not struck by the revocation of what it replaces."""
    services = hierarchy.services
    old = issue(hierarchy)
    view = propose(services)
    clock.advance(timedelta(minutes=5))
    issue(hierarchy)
    assert finish(services, view).revoked == 1
    assert revoked(services) == {serial_of(old)}


def test_a_key_compromise_takes_every_certificate_with_the_key(hierarchy: Hierarchy, clock: ManualClock) -> None:
    """Certificate authority, line 18: siblings by key, also another institution's; the key is blocked for good."""
    services = hierarchy.services
    key = ec.generate_private_key(ec.SECP256R1())
    theirs, sibling = issue(hierarchy, private_key=key), issue(hierarchy, private_key=key, institution_ruc=OTHER_RUC)
    issue(hierarchy, institution_ruc=OTHER_RUC)
    with services.database.reading() as session:
        preview = preview_mass_revocation(
            session, services=services, selection=THEIRS, reason="keyCompromise", now=clock.now()
        )
    assert (preview.total, preview.by_key) == (2, 1)
    assert finish(services, propose(services, reason="keyCompromise")).revoked == 2
    assert revoked(services) == {serial_of(theirs), serial_of(sibling)}
    with services.database.reading() as session:
        spki = session.get_one(Certificate, serial_of(theirs)).spki_sha256
        assert is_compromised(session, spki)


def test_keys_of_what_was_revoked_before_are_looked_for_as_well(hierarchy: Hierarchy) -> None:
    """Certificate authority, line 18: over certificates that are revoked and numbers that are nobody's."""
    services = hierarchy.services
    key, other = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    gone, sibling = issue(hierarchy, private_key=key), issue(hierarchy, private_key=key, institution_ruc=OTHER_RUC)
    live = issue(hierarchy, private_key=other)
    issue(hierarchy)
    revoke(hierarchy, gone)
    named = tuple(sorted((serial_of(gone), serial_of(live), "01", "7f" * 10)))
    done = finish(services, propose(services, Selection(serials=named), "keyCompromise"), size=1)
    assert (done.state, done.total, done.revoked) == (MassState.DONE, 2, 2)
    assert revoked(services) == {serial_of(gone), serial_of(sibling), serial_of(live)}


@pytest.mark.parametrize("reason", ["cessationOfOperation", "keyCompromise"])
@pytest.mark.parametrize("named", [False, True], ids=["institution", "list"])
def test_a_step_s_work_does_not_grow_with_what_there_is(hierarchy: Hierarchy, reason: str, named: bool) -> None:
    """A hundred thousand certificates take a thousand times the work of a hundred: as many statements a certificate
    at the end as at the beginning, none of them about what is behind."""
    services = hierarchy.services
    leaves = [issue(hierarchy, private_key=ec.generate_private_key(ec.SECP256R1())) for _ in range(6)]
    selection = Selection(serials=tuple(sorted(map(serial_of, leaves)))) if named else THEIRS
    view, steps = propose(services, selection, reason), []
    while view.state is MassState.RUNNING:
        with statements_of(services) as said:
            view = run_batch(services, view.id, size=2)
        steps.append(said)
    assert [len(step) for step in steps[:3]] == [len(steps[0])] * 3
    assert max(text.count("?") + text.count("%(") for step in steps for text in step if "SELECT" in text) < 20
    assert not any("spki_sha256 IN (SELECT" in " ".join(text.split()) for step in steps for text in step)
    assert (view.revoked, len(revoked(services))) == (6, 6)


def test_a_crash_between_batches_loses_and_repeats_nothing(
    hierarchy: Hierarchy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Resumable: the cursor commits with the batch."""
    services = hierarchy.services
    for _ in range(5):
        issue(hierarchy)
    view = run_batch(services, propose(services).id, size=2)
    assert (view.revoked, len(revoked(services))) == (2, 2)
    revoke_one = run_module.revoke_certificate

    def power_cut(*arguments: object, **keywords: object) -> object:
        if len(calls) == 1:
            raise RuntimeError("power cut")
        calls.append(1)
        return revoke_one(*arguments, **keywords)  # type: ignore[arg-type]

    calls: list[int] = []
    with monkeypatch.context() as patched:
        patched.setattr(run_module, "revoke_certificate", power_cut)
        with pytest.raises(RuntimeError):
            run_batch(services, view.id, size=2)
    assert len(revoked(services)) == 2
    done = finish(services, run_batch(services, view.id, size=2), size=2)
    assert (done.revoked, count(services, EventType.CERTIFICATE_REVOKED)) == (5, 5)


def test_the_worker_goes_on_and_publishes_each_list_once_it_is_through(
    hierarchy: Hierarchy, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few batches a task, so that other work has its turn."""
    monkeypatch.setattr(run_module, "_BATCHES_A_TASK", 1)
    monkeypatch.setattr(run_module.run_batch, "__kwdefaults__", {"size": 2})
    services = hierarchy.services
    publish(hierarchy)
    leaves = [issue(hierarchy) for _ in range(5)]
    propose(services)
    clock.advance(timedelta(minutes=2))
    while run_due(services.database, handlers(services), now=clock.now()):
        pass
    with services.database.reading() as session:
        newest = current_list(session, authority_name="issuing-1", shard=0, now=clock.now())
    assert serials(newest) == {leaf.serial_number for leaf in leaves}


def test_where_two_must_agree_nobody_does_it_alone(hierarchy: Hierarchy, clock: ManualClock) -> None:
    """Two people where it is configured; each decision once, the refusal of one's own on record."""
    services = with_two_people(hierarchy.services)
    issue(hierarchy)
    view = propose(services)
    assert view.state is MassState.WAITING
    assert run_batch(services, view.id).revoked == 0

    def approve(actor: str) -> MassView:
        with services.database.transaction() as session:
            return approve_mass_revocation(session, services=services, mass_id=view.id, actor=actor, now=clock.now())

    with pytest.raises(Denied, match="same_person"):
        approve("ana")
    assert count(services, EventType.MASS_REVOCATION_APPROVED) == 1  # the refusal
    assert approve("luis").state is MassState.RUNNING
    with pytest.raises(Conflict, match="mass_revocation_decided"):
        approve("eva")
    assert finish(services, run_batch(services, view.id)).revoked == 1


def test_a_refused_one_never_begins(hierarchy: Hierarchy, clock: ManualClock) -> None:
    """Dropped before it began, with its event."""
    services = with_two_people(hierarchy.services)
    issue(hierarchy)
    view = propose(services)
    with services.database.transaction() as session:
        refuse_mass_revocation(session, services=services, mass_id=view.id, actor="luis", now=clock.now())
    assert run_batch(services, view.id).state is MassState.REFUSED
    assert revoked(services) == set()


@pytest.mark.parametrize(
    ("selection", "code"),
    [
        (Selection(), "nothing_selected"),
        (Selection(authority="root"), "root_is_withdrawn_by_hand"),
        (Selection(institution_ruc="1790012345001"), "nothing_to_revoke"),
    ],
    ids=["nothing", "root", "nobody"],
)
def test_what_selects_nothing_sound_is_refused(hierarchy: Hierarchy, selection: Selection, code: str) -> None:
    """Nobody revokes everything by forgetting to say what."""
    with pytest.raises((Rejected, Denied), match=code):
        propose(hierarchy.services, selection)


def test_the_service_s_own_certificates_are_struck_only_by_name(hierarchy: Hierarchy) -> None:
    """A compromise of an issuing authority's subscribers does not silence its OCSP."""
    services = hierarchy.services
    responder, leaf = issue(hierarchy, profile="ocsp-responder"), issue(hierarchy)
    assert finish(services, propose(services, Selection(authority="issuing-1"))).revoked == 1
    assert revoked(services) == {serial_of(leaf)}
    assert finish(services, propose(services, Selection(serials=(serial_of(responder),)))).revoked == 1


def test_a_list_of_serials_is_read_as_people_keep_one() -> None:
    """Colons, capitals, comments, empty lines, repetitions."""
    assert parse_serials(["0A:0B", "", "# lost laptops", "0a0b  # the same", "ff"]) == ("0a0b", "ff")
    with pytest.raises(Rejected, match="bad_serial"):
        parse_serials(["no serial"])


def test_the_command_previews_then_revokes_and_publishes(hierarchy: Hierarchy, tmp_path: Path) -> None:
    """``sau ca revoke-many``: --dry-run first; then all of it, the lists included."""
    services = hierarchy.services
    leaves = [issue(hierarchy) for _ in range(3)]
    named = tmp_path / "serials.txt"
    named.write_text("".join(f"{serial_of(leaf).upper()}\n" for leaf in leaves[:2]))
    program = click.Group(commands=[revoke_many_command(lambda: services)])

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(
            program, ["revoke-many", "--json", *arguments], catch_exceptions=False, standalone_mode=False
        )

    chosen = ("--serials", str(named), "--reason", "superseded")
    assert json.loads(run(*chosen, "--dry-run").stdout)["total"] == 2
    assert revoked(services) == set()
    record = json.loads(run(*chosen).stdout)
    assert (record["state"], record["revoked"], record["total"]) == ("done", 2, 2)
    with services.database.reading() as session:
        newest = current_list(session, authority_name="issuing-1", shard=0, now=services.clock.now())
    assert serials(newest) == {leaf.serial_number for leaf in leaves[:2]}
    assert [item["id"] for item in json.loads(run("--list").stdout)] == [record["id"]]


def test_one_that_cannot_be_revoked_is_passed_over_and_on_record(hierarchy: Hierarchy) -> None:
    """An authority's certificate in the list, for a reason that is not for authorities."""
    services = hierarchy.services
    named = (serial_of(issue(hierarchy)), serial_of(hierarchy.issuing_certificate))
    done = finish(services, propose(services, Selection(serials=tuple(sorted(named))), "keyCompromise"))
    assert (done.state, done.revoked, done.passed_over) == (MassState.DONE, 1, 1)
    assert count(services, EventType.CERTIFICATE_REVOCATION_REFUSED) == 1
