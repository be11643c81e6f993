"""Batches: every row judged by the rules of a request made by hand, issued once, agreed to as one proposal."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from cryptography import x509
from sqlalchemy import func, select, update

from audit.model import AuditEvent
from ca.bulk import chunks, view
from ca.bulk.batch import approve_batch, expire_stale_batches, open_batch
from ca.bulk.jobs import finish_batches
from ca.bulk.model import BatchRow, CertificateBatch
from ca.bulk.result import write_result
from ca.bulk.run import run_batch, run_table
from ca.bulk.table_file import open_table
from ca.bulk.view import BatchStatus, BatchView, find_batch, list_rows
from ca.ceremony.hierarchy import Hierarchy
from ca.command_line import requests as request_commands
from ca.commands import commands
from ca.issuance import many
from ca.issuance.model import Certificate
from ca.lints.case import error
from ca.requests.csr import parse_csr
from ca.revocation.compromised_key import block_key
from ca.services import CaServices
from ca.transparency.model import CertificateLogEntry
from kernel.clock import ManualClock
from kernel.errors import Conflict, Denied, Fault, ServiceError
from tests.ca.bulk.tables import applications, ready_requests, servers, write_table
from tests.ca.csr import ec_key, make_csr
from tests.ca.ground import OTHER_RUC, RUC, FakeInstitutions

CLIENTS, SERVERS = "tls-client", "tls-server"


def opened(services: CaServices, path: Path, profile: str, *, by: str = "ana", ruc: str | None = RUC) -> BatchView:
    """Open the file's batch."""
    table = open_table(path, profile=services.profiles.get(profile))
    with services.database.transaction() as session:
        return open_batch(
            session,
            services=services,
            table=table,
            profile=profile,
            institution_ruc=ruc,
            requested_by=by,
            now=services.clock.now(),
        )


def run(services: CaServices, path: Path, profile: str, *, ruc: str | None = RUC, processes: int = 1) -> BatchView:
    """Run the file as the command does."""
    batch = opened(services, path, profile, ruc=ruc)
    return run_table(services, open_table(path, profile=services.profiles.get(profile)), batch, processes=processes)


def approve(services: CaServices, batch: BatchView, *, by: str = "luis", proposal: str | None = None) -> BatchView:
    """Approve what is proposed."""
    with services.database.transaction() as session:
        return approve_batch(
            session,
            services=services,
            batch_id=batch.id,
            approver=by,
            proposal=proposal or batch.proposal_sha256 or "",
            now=services.clock.now(),
        )


def events(services: CaServices, kind: str) -> list[AuditEvent]:
    """The events of one type."""
    with services.database.reading() as session:
        return list(session.scalars(select(AuditEvent).where(AuditEvent.type == kind).order_by(AuditEvent.id)))


def count(services: CaServices) -> int:
    """How many certificates of applications and servers there are."""
    with services.database.reading() as session:
        rows = select(func.count()).where(Certificate.profile.in_((CLIENTS, SERVERS)))
        return session.scalar(rows) or 0


def refusals(services: CaServices, batch: BatchView) -> dict[int, str | None]:
    """The codes of refused rows, by line."""
    with services.database.reading() as session:
        return {row.line: row.code for row in list_rows(session, batch_id=batch.id, state="refused")}


def test_issues_every_row_with_its_row_and_its_events(
    services: CaServices, hierarchy: Hierarchy, tmp_path: Path
) -> None:
    """Certificate authority, line 26: every certificate of a batch has its events, as one asked for by hand."""
    batch = run(services, applications(tmp_path / "t.csv", 5), CLIENTS)
    assert (batch.status, batch.signed, batch.refused) == (BatchStatus.ISSUED, 5, 0)
    with services.database.reading() as session:
        rows = session.scalars(select(Certificate).where(Certificate.profile == CLIENTS)).all()
    for row in rows:
        assert row.certificate_der is not None
        certificate = x509.load_der_x509_certificate(row.certificate_der)
        certificate.verify_directly_issued_by(hierarchy.issuing)
        assert certificate.tbs_certificate_bytes == row.tbs_der
        assert row.institution_ruc == RUC
    assert len({row.serial for row in rows}) == 5
    for kind in ("issued", "signed"):
        found = [event.object_id for event in events(services, f"ca:certificate:{kind}")]
        assert sorted(item for item in found if item in {row.serial for row in rows}) == sorted(
            row.serial for row in rows
        )
    for kind in ("opened", "completed"):
        assert [event.object_id for event in events(services, f"ca:batch:{kind}")] == [batch.id]


def test_a_second_run_issues_no_row_twice(services: CaServices, hierarchy: Hierarchy, tmp_path: Path) -> None:
    path = applications(tmp_path / "t.csv", 3)
    first = run(services, path, CLIENTS)
    assert run(services, path, CLIENTS) == first
    assert count(services) == 3


def test_judges_rows_as_requests_made_by_hand(services: CaServices, hierarchy: Hierarchy, tmp_path: Path) -> None:
    """Each refused row says its line and its reason, and leaves its event; the others go on."""
    good, other, compromised, twice = ready_requests()[:4]
    with services.database.transaction() as session:
        spki = parse_csr(compromised).spki_sha256
        block_key(session, spki_sha256=spki, serial="ab", compromised_at=None, now=services.clock.now())
    bent = good.replace("A", "B", 3)
    rows = [
        ["csr", "application", "institution"],
        [good, "Uno", RUC],
        [bent, "Dos", RUC],
        [other, "", RUC],
        [compromised, "Cuatro", RUC],
        [twice, "Cinco", RUC],
        [twice, "Seis", RUC],
        [make_csr(common_name=None, dns=("a.otra.gob.ec",)), "Siete", RUC],
        ["", "Ocho", RUC],
        [make_csr(common_name=None, dns=()), "Nueve", OTHER_RUC],
        [make_csr(common_name=None, dns=()), "Diez", "9999999999999"],
    ]
    batch = run(services, write_table(tmp_path / "t.csv", rows), CLIENTS, ruc=None)
    assert batch.status is BatchStatus.ISSUED
    codes = list(refusals(services, batch).values())
    assert codes[0] in ("csr_bad_signature", "csr_malformed", "csr_bad_pem")
    assert codes[1:] == [
        "input_missing",
        "key_compromised",
        "key_twice",
        "name_not_registered",
        "csr_empty",
        "unknown_institution",
    ]
    assert batch.signed == 3
    refused = [event for event in events(services, "ca:request:submitted") if event.object_id == batch.id]
    assert len(refused) == 7


def test_a_key_of_another_open_table_is_refused(services: CaServices, hierarchy: Hierarchy, tmp_path: Path) -> None:
    """Whoever approves both would certify it twice."""
    name, other = "a.pruebas.gob.ec", "b.pruebas.gob.ec"
    key = ec_key()
    rows = [["csr", "institution"], [make_csr(key, common_name=name, dns=(name,)), RUC]]
    first = run(services, write_table(tmp_path / "1.csv", rows), SERVERS)
    assert first.status is BatchStatus.PROPOSED
    rows.append([make_csr(common_name=other, dns=(other,)), RUC])
    second = run(services, write_table(tmp_path / "2.csv", rows), SERVERS)
    assert list(refusals(services, second).values()) == ["key_in_other_batch"]


def test_the_same_key_in_two_chunks_is_certified_once(
    services: CaServices, hierarchy: Hierarchy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ca.bulk.run.CHUNK_ROWS", 2)
    requests = [*ready_requests()[:3], ready_requests()[0]]
    rows = [["csr", "application"], *[[csr, "Uno"] for csr in requests]]
    batch = run(services, write_table(tmp_path / "t.csv", rows), CLIENTS)
    assert list(refusals(services, batch).values()) == ["key_twice"]
    assert batch.signed == 3


def test_a_batch_for_one_institution_takes_no_row_of_another(
    services: CaServices, hierarchy: Hierarchy, tmp_path: Path
) -> None:
    rows = [["csr", "application", "institution"], [ready_requests()[0], "Uno", OTHER_RUC]]
    batch = run(services, write_table(tmp_path / "t.csv", rows), CLIENTS)
    assert list(refusals(services, batch).values()) == ["other_institution"]


def test_two_people_agree_to_all_octets_at_once(
    services: CaServices, hierarchy: Hierarchy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Certificate authority, line 16: requester ≠ approver, and the approval is bound to what will be signed."""
    monkeypatch.setattr("ca.bulk.run.CHUNK_ROWS", 2)
    path = servers(tmp_path / "t.csv", ["a.pruebas.gob.ec", "b.pruebas.gob.ec", "c.otra.gob.ec", "d.pruebas.gob.ec"])
    batch = run(services, path, SERVERS)
    assert (batch.status, batch.ready, batch.refused) == (BatchStatus.PROPOSED, 3, 1)
    assert count(services) == 0
    with pytest.raises(Denied, match="own_request"):
        approve(services, batch, by="ana")
    with pytest.raises(Denied, match="other_channel"):
        approve(services, batch, by="command:luis")
    with pytest.raises(Conflict, match="bytes_changed"):
        approve(services, batch, proposal="0" * 64)
    assert [event.reason for event in events(services, "ca:batch:approved")] == [
        "own_request",
        "other_channel",
        "bytes_changed",
    ]
    assert approve(services, batch).status is BatchStatus.APPROVED
    done = run_batch(services, batch.id)
    assert (done.status, done.signed, done.refused) == (BatchStatus.ISSUED, 3, 1)
    assert count(services) == 3


def test_octets_that_changed_after_the_approval_are_not_signed(
    services: CaServices, hierarchy: Hierarchy, tmp_path: Path
) -> None:
    """Certificate authority, line 16: whoever writes into the database gets no signature for it."""
    batch = run(services, servers(tmp_path / "t.csv", ["a.pruebas.gob.ec", "b.pruebas.gob.ec"]), SERVERS)
    approve(services, batch)
    with services.database.transaction() as session:
        rows = session.scalars(select(BatchRow).order_by(BatchRow.line)).all()
        rows[0].tbs_der, rows[1].tbs_der = rows[1].tbs_der, rows[0].tbs_der
    with pytest.raises(Fault, match="bytes_changed"):
        run_batch(services, batch.id)
    assert count(services) == 0


def test_an_approval_that_was_written_into_the_database_is_none(
    services: CaServices, hierarchy: Hierarchy, tmp_path: Path
) -> None:
    batch = run(services, servers(tmp_path / "t.csv", ["a.pruebas.gob.ec"]), SERVERS)
    with services.database.transaction() as session:
        session.execute(update(CertificateBatch).values(status="approved", decided_by="luis"))
    with pytest.raises(Fault, match="quorum_missing"):
        run_batch(services, batch.id)
    assert count(services) == 0


def test_what_changed_since_the_proposal_stops_the_rows_that_it_concerns(
    services: CaServices, hierarchy: Hierarchy, institutions: FakeInstitutions, tmp_path: Path
) -> None:
    """A domain that was taken away and a key that was reported meanwhile."""
    path = servers(tmp_path / "t.csv", ["a.pruebas.gob.ec", "b.nuevo.gob.ec", "c.pruebas.gob.ec"])
    record = institutions.records[RUC]
    institutions.records[RUC] = replace(record, domains=("pruebas.gob.ec", "nuevo.gob.ec"))
    batch = run(services, path, SERVERS)
    approve(services, batch)
    institutions.records[RUC] = record
    with services.database.transaction() as session:
        row = session.scalars(select(BatchRow).order_by(BatchRow.line.desc())).first()
        assert row is not None
        assert row.spki_sha256 is not None
        block_key(session, spki_sha256=row.spki_sha256, serial="a", compromised_at=None, now=services.clock.now())
    done = run_batch(services, batch.id)
    assert (done.status, done.signed, done.refused) == (BatchStatus.ISSUED, 1, 2)
    assert set(refusals(services, batch).values()) == {"name_not_registered", "key_compromised"}
    assert len(events(services, "ca:certificate:issuance_refused")) == 2


def test_nobody_decides_in_time(services: CaServices, hierarchy: Hierarchy, clock: ManualClock, tmp_path: Path) -> None:
    """Dates lie too far back then; the file is run again and becomes another batch."""
    path = servers(tmp_path / "t.csv", ["a.pruebas.gob.ec"])
    batch = run(services, path, SERVERS)
    clock.advance(timedelta(hours=25))
    with services.database.transaction() as session:
        assert expire_stale_batches(session, services=services, now=clock.now()) == 1
    with pytest.raises(Conflict, match="request_not_open"):
        approve(services, batch)
    with services.database.reading() as session:
        assert session.scalars(select(BatchRow.tbs_der)).all() == [None]
    assert run(services, path, SERVERS).id != batch.id


def test_dates_that_are_too_old_are_not_signed(
    services: CaServices, hierarchy: Hierarchy, clock: ManualClock, tmp_path: Path
) -> None:
    """BR §7.1.2.7: notBefore within 48 hours of the signature, whatever was agreed to."""
    batch = run(services, servers(tmp_path / "t.csv", ["a.pruebas.gob.ec"]), SERVERS)
    approve(services, batch)
    clock.advance(timedelta(hours=48))
    done = run_batch(services, batch.id)
    assert (done.status, done.signed) == (BatchStatus.ISSUED, 0)
    assert list(refusals(services, batch).values()) == ["too_much_backdating"]


def test_only_its_requester_goes_on_with_a_batch(services: CaServices, hierarchy: Hierarchy, tmp_path: Path) -> None:
    path = servers(tmp_path / "t.csv", ["a.pruebas.gob.ec"])
    opened(services, path, SERVERS)
    with pytest.raises(Denied, match="not_yours"):
        opened(services, path, SERVERS, by="eva")


def test_the_worker_finishes_what_was_agreed_to(services: CaServices, hierarchy: Hierarchy, tmp_path: Path) -> None:
    """An approval in the console needs nobody's terminal."""
    batch = run(services, servers(tmp_path / "t.csv", ["a.pruebas.gob.ec", "b.pruebas.gob.ec"]), SERVERS)
    approve(services, batch)
    finish_batches(services)
    with services.database.reading() as session:
        assert find_batch(session, services=services, batch_id=batch.id).status is BatchStatus.ISSUED
    assert count(services) == 2


@pytest.mark.parametrize("step", ["record", "sign", "store"])
def test_goes_on_after_a_crash_at_any_step(
    services: CaServices, hierarchy: Hierarchy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Certificate authority, line 17: the certificates that were recorded are known, and signed by the next run."""
    monkeypatch.setattr("ca.bulk.run.CHUNK_ROWS", 2)
    path = applications(tmp_path / "t.csv", 5)
    name = {"record": "record_intents", "sign": "sign_many", "store": "store_many_signed"}[step]
    whole, calls = getattr(chunks, name), []

    def crash_the_second_time(*arguments: object, **keywords: object) -> object:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return whole(*arguments, **keywords)

    monkeypatch.setattr(chunks, name, crash_the_second_time)
    with pytest.raises(KeyboardInterrupt):
        run(services, path, CLIENTS)
    monkeypatch.setattr(chunks, name, whole)
    before = count(services)
    assert before == (2 if step == "record" else 4)
    batch = run(services, path, CLIENTS)
    assert (batch.status, batch.signed) == (BatchStatus.ISSUED, 5)
    assert count(services) == 5


def test_what_another_run_stores_meanwhile_is_stored_once(
    services: CaServices, hierarchy: Hierarchy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between reading what waits and storing it there is no lock: what was stored then is found out and left alone."""
    whole, others = many._write_signed, []

    def one_is_stored_first(session, unsigned, signed, **told):  # type: ignore[no-untyped-def]
        if not others:
            others.append(unsigned[1].serial)
            some = {others[0]: signed[others[0]]}
            assert many.store_many_signed(services.database, some, **{**told, "actor": "another"}) == 1
        whole(session, unsigned, signed, **told)

    monkeypatch.setattr(many, "_write_signed", one_is_stored_first)
    assert run(services, applications(tmp_path / "t.csv", 3), CLIENTS).signed == 3
    with services.database.reading() as session:
        signed = select(AuditEvent.object_id, AuditEvent.actor).where(AuditEvent.type == "ca:certificate:signed")
        actors = {serial: actor for serial, actor in session.execute(signed)}  # noqa: C416
        assert session.scalar(select(func.count()).select_from(signed.subquery())) == len(actors)
        entries = set(session.scalars(select(CertificateLogEntry.id)))
        assert set(session.scalars(select(BatchRow.serial))) <= entries
    assert actors[others[0]] == "another"


def test_a_lint_stops_a_row_as_it_stops_a_request(
    services: CaServices, hierarchy: Hierarchy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Certificate authority, line 14: a finding blocks; own lints read every certificate."""
    seen = []

    def third_is_bad(case):  # type: ignore[no-untyped-def]
        seen.append(case.tbs_der)
        if len(seen) == 3:
            yield error("invented", "RFC 0", "No.")

    monkeypatch.setattr("ca.lints.gate.OWN_LINTS", (third_is_bad,))
    batch = run(services, applications(tmp_path / "t.csv", 4), CLIENTS)
    assert (batch.signed, batch.refused) == (3, 1)
    assert list(refusals(services, batch).values()) == ["lint_blocked"]
    with services.database.reading() as session:
        signed = set(session.scalars(select(Certificate.tbs_der).where(Certificate.profile == CLIENTS)))
    assert signed == {*seen} - {seen[2]}


class Terminal:
    """A terminal at which one person after another sits."""

    def __init__(self, services: CaServices, monkeypatch: pytest.MonkeyPatch) -> None:
        self.person = "ana"
        self._group: click.Command = commands(lambda: services)[0]
        monkeypatch.setattr(request_commands, "login_name", lambda: self.person)

    def run(self, *arguments: str) -> Result:
        """Run ``sau ca ARGUMENTS``."""
        return CliRunner().invoke(self._group, list(arguments))

    def lines(self, *arguments: str) -> list[dict[str, object]]:
        """Run with ``--json`` and return the lines that it printed."""
        result = self.run(*arguments, "--json")
        assert result.exit_code == 0, (result.output, result.exception)
        return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def terminal(services: CaServices, hierarchy: Hierarchy, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal of a machine with a hierarchy."""
    return Terminal(services, monkeypatch)


def test_a_dry_run_tells_every_row_and_stores_nothing(services: CaServices, terminal: Terminal, tmp_path: Path) -> None:
    rows = [["csr", "application"], [ready_requests()[0], "Uno"], ["", "Dos"]]
    path = str(write_table(tmp_path / "t.csv", rows))
    *lines, end = terminal.lines("bulk", path, "--profile", CLIENTS, "--institution", RUC, "--dry-run")
    assert [(line["state"], line["code"]) for line in lines] == [("ready", None), ("refused", "csr_empty")]
    assert lines[0]["line"] == 2
    assert end == {"result": {"dry_run": True, "ready": 1, "refused": 1}}
    with services.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(CertificateBatch)) == 0
    assert count(services) == 0


def test_two_people_at_the_command_line(services: CaServices, terminal: Terminal, tmp_path: Path) -> None:
    """The whole way: judged, proposed, approved by another login, taken away as a zip file."""
    path = str(servers(tmp_path / "t.csv", ["a.pruebas.gob.ec", "b.pruebas.gob.ec"]))
    *lines, end = terminal.lines("bulk", path, "--profile", SERVERS, "--institution", RUC, "--processes", "1")
    assert [line["state"] for line in lines] == ["ready", "ready"]
    proposed = end["result"]
    assert isinstance(proposed, dict)
    assert proposed["status"] == "proposed"
    own = terminal.run("batch", "approve", proposed["batch"], "--yes")
    assert isinstance(own.exception, ServiceError)
    terminal.person = "luis"
    out = tmp_path / "result.zip"
    *lines, end = terminal.lines("batch", "approve", proposed["batch"], "--yes", "--processes", "1", "--out", str(out))
    assert [line["state"] for line in lines] == ["issued", "issued"]
    assert isinstance(end["result"], dict)
    assert end["result"]["status"] == "issued"
    with zipfile.ZipFile(out) as archive:
        names = archive.namelist()
        leaf = x509.load_pem_x509_certificate(archive.read(names[-1]))
        chain = x509.load_pem_x509_certificate(archive.read("chain.pem"))
        table = archive.read("result.csv").decode()
    leaf.verify_directly_issued_by(chain)
    assert len(names) == 4
    assert table.splitlines()[1].startswith("2,signed,")
    assert out.stat().st_mode & 0o077 == 0
    assert [event.actor for event in events(services, "ca:batch:delivered")] == ["command:luis"]


def test_shows_and_refuses(terminal: Terminal, tmp_path: Path) -> None:
    path = str(servers(tmp_path / "t.csv", ["a.otra.gob.ec", "b.pruebas.gob.ec"]))
    end = terminal.lines("bulk", path, "--profile", SERVERS, "--institution", RUC, "--processes", "1")[-1]["result"]
    assert isinstance(end, dict)
    shown = terminal.run("batch", "show", end["batch"], "--rows", "refused").stdout
    assert "name_not_registered" in shown
    assert end["batch"] in terminal.run("batch", "list").stdout
    assert "refused" in terminal.run("batch", "refuse", end["batch"], "--reason", "Faltan nombramientos").stdout
    again = terminal.run("batch", "approve", end["batch"], "--yes")
    assert isinstance(again.exception, ServiceError)
    assert again.exception.code == "request_not_open"


def test_a_cell_that_a_spreadsheet_would_run_is_text(services: CaServices, terminal: Terminal, tmp_path: Path) -> None:
    """CSV injection: whatever begins like a formula, behind a blank too."""
    rows = [["csr", "application"], [make_csr(ec_key(), common_name=None, dns=()), "Uno"]]
    path = str(write_table(tmp_path / "t.csv", rows))
    terminal.lines("bulk", path, "--profile", CLIENTS, "--institution", RUC, "--processes", "1")
    with services.database.transaction() as session:
        session.execute(update(BatchRow).values(refused_for="=1+1", reason=" =1+1"))
        (batch_id,) = session.scalars(select(BatchRow.batch_id)).all()
    with (tmp_path / "r.zip").open("wb") as out:
        write_result(out, services=services, batch_id=batch_id, actor="ana", now=services.clock.now())
    with zipfile.ZipFile(tmp_path / "r.zip") as archive:
        assert archive.read("result.csv").decode().splitlines()[1].endswith(",'=1+1,' =1+1")


def test_view_counts_by_chunks() -> None:
    """The number of rows in a chunk bounds a transaction."""
    assert 100 <= view.CHUNK_ROWS <= 1000
