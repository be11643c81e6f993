"""Rows of a batch whose people bring no key: one is made here for each and handed over (Certificate authority, 13)."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import pkcs12
from sqlalchemy import func, select

from audit.model import AuditEvent
from ca.bulk import chunks, judge
from ca.bulk.batch import approve_batch, open_batch, refuse_batch
from ca.bulk.chunks import ChunkOutcome
from ca.bulk.model import BatchRow
from ca.bulk.run import rehearse_table, run_batch, run_table
from ca.bulk.table_file import open_table
from ca.bulk.view import BatchView, RowView, list_rows
from ca.ceremony.hierarchy import Hierarchy
from ca.handover.collect import Proof, collect_file, open_handover
from ca.handover.jobs import upkeep_handovers
from ca.handover.model import KeyHandover
from ca.handover.prepare import make_key
from ca.handover.view import institution_of, list_handovers, of_institutions
from ca.issuance.model import Certificate
from ca.profiles.profile import KeyType
from ca.services import CaServices
from ca.transparency.promise import sequence_waiting
from composition import Composition
from idp.accounts.person import Person, add_person
from tests.ca.bulk.tables import write_table
from tests.ca.csr import make_csr
from tests.ca.ground import OTHER_RUC, RUC
from tests.ca.handover.test_handover import CEDULA, SERVANT, link_in_mail

HEADER = ["csr", "cedula", "given_names", "first_surname", "position"]
STRANGER = "0102030400"


@pytest.fixture(autouse=True)
def small_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """An RSA key takes a moment."""
    monkeypatch.setattr(judge, "make_key", lambda _kind: make_key(KeyType.P256))


@pytest.fixture
def person(composition: Composition, now: datetime) -> Person:
    """A person with a verified account."""
    with composition.database.transaction() as session:
        return add_person(
            session,
            journal=composition.journal,
            cedula=CEDULA,
            given_names="María José",
            surnames="Ñaupari Güiza",
            email="mj@example.ec",
            level=2,
            now=now,
        )


def servants(folder: Path) -> Path:
    """One who brings no key, one who brings it, one who brings none and has no account."""
    names = ["María José", "Ñaupari", "Directora"]
    own = make_csr(common_name=None, dns=())
    rows = [["", CEDULA, *names], [own, CEDULA, *names], ["", STRANGER, "Luis", "Pérez", "Analista"]]
    return write_table(folder / "servants.csv", [HEADER, *rows])


def run(services: CaServices, path: Path, *, makes_keys: bool = True) -> BatchView:
    """Judge and propose the table, as the command does."""
    table = open_table(path, profile=services.profiles.get(SERVANT))
    with services.database.transaction() as session:
        batch = open_batch(
            session,
            services=services,
            table=table,
            profile=SERVANT,
            institution_ruc=RUC,
            requested_by="ana",
            now=services.clock.now(),
        )
    return run_table(services, table, batch, makes_keys=makes_keys)


def rows_of(services: CaServices, batch: BatchView) -> list[RowView]:
    """The rows as they are told."""
    with services.database.reading() as session:
        return list_rows(session, batch_id=batch.id)


def issue(services: CaServices, batch: BatchView) -> BatchView:
    """Another person agrees; the certificates get their places in the log, and the worker does its part."""
    now = services.clock.now()
    with services.database.transaction() as session:
        approve_batch(
            session,
            services=services,
            batch_id=batch.id,
            approver="luis",
            proposal=batch.proposal_sha256 or "",
            now=now,
        )
    done = run_batch(services, batch.id)
    sequence_waiting(services.certificate_log, now=now)
    upkeep_handovers(services)
    return done


def the_handover(services: CaServices) -> KeyHandover:
    """The only one that there is."""
    with services.database.reading() as session:
        return session.scalars(select(KeyHandover)).one()


def test_who_brings_no_key_takes_it_once_by_a_link(
    composition: Composition, services: CaServices, hierarchy: Hierarchy, person: Person, tmp_path: Path
) -> None:
    """Being logged in is the proof; who has no account is refused with the reason, and brought keys go as before."""
    batch = run(services, servants(tmp_path))
    told = [(row.state, row.key_made, row.code) for row in rows_of(services, batch)]
    assert told == [("ready", True, None), ("ready", False, None), ("refused", False, "holder_unknown")]
    with services.database.reading() as session:
        assert [(each.request_id, each.is_of_batch) for each in list_handovers(session)] == [(batch.id, True)]
        assert session.scalars(of_institutions([OTHER_RUC])).all() == []
        (within,) = session.scalars(of_institutions([RUC]))
        assert institution_of(session, within)[1] == RUC
    assert issue(services, batch).signed == 2
    link, now = link_in_mail(composition), services.clock.now()
    opened = open_handover(services, link=link, proof=Proof(person_id=person.id), old_format=False, now=now)
    with services.database.transaction() as session:
        file = collect_file(session, services=services, link=link, download=opened.download.reveal(), now=now)
    key, certificate, _ = pkcs12.load_key_and_certificates(file, opened.password.reveal().encode())
    assert key is not None and certificate is not None
    assert key.public_key() == certificate.public_key()
    row = the_handover(services)
    assert (row.status, row.sealed_key, row.sealed_file) == ("collected", None, None)
    with services.database.reading() as session:
        holders = session.scalars(select(Certificate.holder_id).where(Certificate.serial == row.serial)).all()
        events = Counter(session.scalars(select(AuditEvent.type).where(AuditEvent.type.like("ca:handover:%"))))
    assert holders == [person.id]
    assert events == {f"ca:handover:{what}": 1 for what in ("prepared", "offered", "opened", "collected")}


def test_a_dry_run_says_who_gets_a_key_and_keeps_none(
    services: CaServices, hierarchy: Hierarchy, person: Person, tmp_path: Path
) -> None:
    """Nothing is stored. In the console a person waits for the answer: there a row without a request is refused."""
    profile, seen = services.profiles.get(SERVANT), list[ChunkOutcome]()
    table = open_table(servants(tmp_path), profile=profile)
    rehearse_table(services, table, profile=profile, institution_ruc=RUC, makes_keys=True, report=seen.append)
    assert [(row.state, row.key_made) for row in seen[0].rows] == [
        ("ready", True),
        ("ready", False),
        ("refused", False),
    ]
    rehearse_table(services, table, profile=profile, institution_ruc=RUC, report=seen.append)
    assert [row.code for row in seen[1].rows] == ["csr_empty", None, "csr_empty"]
    with services.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(KeyHandover)) == 0


def test_a_run_that_is_broken_off_leaves_no_key_without_its_row(
    services: CaServices, hierarchy: Hierarchy, person: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Key and row are stored together: the next run makes another key, and there is one."""

    def breaks_off(*_given: object, **_named: object) -> bool:
        raise KeyboardInterrupt

    whole = chunks.ChunkWorker._win
    monkeypatch.setattr(chunks.ChunkWorker, "_win", breaks_off)
    with pytest.raises(KeyboardInterrupt):
        run(services, servants(tmp_path))
    monkeypatch.setattr(chunks.ChunkWorker, "_win", whole)
    batch = run(services, servants(tmp_path))
    row = the_handover(services)
    with services.database.reading() as session:
        first = session.scalars(select(BatchRow.spki_sha256).where(BatchRow.batch_id == batch.id, BatchRow.line == 2))
        assert first.one() == row.spki_sha256


@pytest.mark.parametrize("end", ["refused", "row"])
def test_a_key_whose_certificate_is_not_issued_is_destroyed(
    services: CaServices,
    hierarchy: Hierarchy,
    person: Person,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    end: str,
) -> None:
    """The batch was refused, or its row was stopped when it was to be issued."""
    batch = run(services, servants(tmp_path))
    if end == "refused":
        with services.database.transaction() as session:
            refuse_batch(
                session, services=services, batch_id=batch.id, actor="luis", reason="No.", now=services.clock.now()
            )
    else:
        closed = {RUC: services.institutions.records.pop(RUC)}  # type: ignore[attr-defined]
        assert issue(services, batch).signed == 0
        services.institutions.records.update(closed)  # type: ignore[attr-defined]
    upkeep_handovers(services)
    row = the_handover(services)
    assert (row.status, row.end_reason, row.sealed_key) == ("ended", "not_issued", None)
