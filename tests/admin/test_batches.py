"""Batches on the screen: a table is sent, judged and proposed; another person decides; the result is taken away."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta

import pytest
from cryptography import x509

from admin.permissions import Role
from ca.bulk.jobs import finish_batches
from ca.bulk.view import list_batches
from ca.ceremony.hierarchy import create_hierarchy
from composition import Composition
from kernel.clock import ManualClock
from tests.ca.csr import make_csr


@pytest.fixture
def table(composition: Composition, clock: ManualClock) -> bytes:
    """Two servers of the institution, and one of nobody."""
    create_hierarchy(composition.ca, now=clock.now())
    names = ("a.ministerio.gob.ec", "b.ministerio.gob.ec", "c.otra.gob.ec")
    rows = "".join(f'"{make_csr(common_name=name, dns=(name,))}"\n' for name in names)
    return f"csr\n{rows}".encode()


def _send(operator, table: bytes, **fields: str):  # type: ignore[no-untyped-def]
    data = {"profile": "tls-server", "institution": "1760001550001", **fields}
    return operator.post("/admin/batches", {**data, "table": (io.BytesIO(table), "lote.csv")})


def test_two_people_in_the_console(composition: Composition, make_operator, institution, table: bytes) -> None:  # type: ignore[no-untyped-def]
    """Certificate authority, line 16: who sent the table cannot approve it; the worker issues what another approved."""
    ana = make_operator(Role.PKI_OFFICER, Role.PKI_APPROVER, name="Ana")
    luis = make_operator(Role.PKI_APPROVER, name="Luis")
    sent = _send(ana, table)
    assert sent.status_code == 303
    path = sent.headers["Location"]
    page = ana.get(path).text
    assert "3: 2 se pueden emitir, 1 negadas, 0 firmadas" in page
    assert 'value="approve"' not in page
    with composition.database.reading() as session:
        (batch,) = list_batches(session, services=composition.ca)
    own = ana.post(path, {"decision": "approve", "proposal": batch.proposal_sha256})
    assert own.status_code == 422
    stale = luis.post(path, {"decision": "approve", "proposal": "0" * 64})
    assert stale.status_code == 422
    assert luis.post(path, {"decision": "approve", "proposal": batch.proposal_sha256}).status_code == 303
    finish_batches(composition.ca)
    result = luis.get(f"{path}/result.zip")
    assert result.mimetype == "application/zip"
    with zipfile.ZipFile(io.BytesIO(result.data)) as archive:
        leaves = [name for name in archive.namelist() if name.startswith("certificates/")]
        for name in leaves:
            x509.load_pem_x509_certificate(archive.read(name))
    assert len(leaves) == 2


def test_refuses_with_a_reason(make_operator, institution, table: bytes) -> None:  # type: ignore[no-untyped-def]
    ana, luis = make_operator(Role.PKI_OFFICER, name="Ana"), make_operator(Role.PKI_APPROVER, name="Luis")
    path = _send(ana, table).headers["Location"]
    assert luis.post(path, {"decision": "refuse", "reason": ""}).status_code == 422
    assert luis.post(path, {"decision": "refuse", "reason": "Faltan nombramientos"}).status_code == 303
    assert "Faltan nombramientos" in ana.get(path).text


def test_tables_that_do_not_fit_say_why(make_operator, institution, table: bytes) -> None:  # type: ignore[no-untyped-def]
    ana = make_operator(Role.PKI_OFFICER)
    assert _send(ana, b"color\nrojo\n").status_code == 422
    assert _send(ana, b"csr\n" + b"x\n" * 101).status_code == 422
    assert _send(ana, b"csr_file\n/etc/passwd\n").status_code == 303
    assert ana.post("/admin/batches", {"profile": "tls-server", "institution": institution.ruc}).status_code == 422


def test_who_is_bound_to_an_institution_sees_its_batches_alone(make_operator, institution, table: bytes) -> None:  # type: ignore[no-untyped-def]
    path = _send(make_operator(Role.PKI_OFFICER), table).headers["Location"]
    assert make_operator(Role.PKI_APPROVER, institution_ruc="1760001550001").get(path).status_code == 200
    other = make_operator(Role.PKI_APPROVER, institution_ruc="1768152560001")
    assert other.get(path).status_code == 404
    assert "lote.csv" not in other.get("/admin/batches").text
    assert make_operator(Role.ADMINISTRATOR).get("/admin/batches").status_code == 403


def test_a_table_is_tried_and_nothing_stored(
    composition: Composition, make_operator, institution, table: bytes
) -> None:  # type: ignore[no-untyped-def]
    """Bulk issuance with a dry run: every row with its reason; no batch, no request."""
    tried = _send(make_operator(Role.PKI_OFFICER), table, step="try")
    assert tried.status_code == 200
    assert "1 fila se negaría" in tried.text
    assert tried.text.count("Se emitiría") == 2
    assert "no está bajo los dominios registrados" in tried.text
    with composition.database.reading() as session:
        assert list_batches(session, services=composition.ca) == []


def test_where_one_decides_alone_a_table_takes_what_deciding_takes(
    composition: Composition,
    clock: ManualClock,
    make_operator,
    institution,
    table: bytes,  # type: ignore[no-untyped-def]
) -> None:
    """It is signed at once: by who may approve, on a fresh login; whoever only asks is told so."""
    refused = _send(make_operator(Role.PKI_OFFICER), table, profile="tls-client")
    assert refused.status_code == 422
    assert "hace falta el rol de aprobación" in refused.text
    both = make_operator(Role.PKI_OFFICER, Role.PKI_APPROVER, name="Eva")
    assert _send(both, b"csr,application\nx,y\n", profile="tls-client").status_code == 303
    clock.advance(timedelta(minutes=16))
    assert "/authorize?" in _send(both, table, profile="tls-client").headers["Location"]
    with composition.database.reading() as session:
        assert len(list_batches(session, services=composition.ca)) == 1
