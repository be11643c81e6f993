"""A batch that is killed, by the kernel and at any moment, goes on: no row twice, none lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

from sqlalchemy import select

from audit.model import AuditEvent
from ca.bulk.model import BatchRow
from ca.ceremony.hierarchy import create_hierarchy
from ca.issuance.model import Certificate
from composition import Composition
from idp.directory.institutions import add_institution
from kernel.clock import SystemClock
from tests.ca.bulk.tables import write_table
from tests.ca.csr import ec_key, make_csr
from tests.ca.ground import RUC

ROOT = Path(__file__).parents[3]
ROWS = 800


def test_a_killed_run_goes_on_where_it_was(composition: Composition, tmp_path: Path) -> None:
    """Certificate authority, line 17, with two processes side by side: after SIGKILL the same command finishes."""
    ca, now = composition.ca, SystemClock().now()  # the command's clock is the machine's
    create_hierarchy(ca, now=now)
    with ca.database.transaction() as session:
        add_institution(
            session, journal=ca.journal, ruc=RUC, name="Ministerio de Pruebas", domains=["pruebas.gob.ec"],
            actor="ana", now=now,
        )  # fmt: skip
    rows = [[make_csr(ec_key(), common_name=None, dns=()), f"Portal {number}"] for number in range(ROWS)]
    table = write_table(tmp_path / "t.csv", [["csr", "application"], *rows])
    command = [sys.executable, "sau.py", "ca", "bulk", str(table), "--profile", "tls-client"]
    command += ["--institution", RUC, "--processes", "2", "--json"]
    environ = {
        "PATH": os.environ["PATH"],
        "SAU_HOME": str(ca.settings.home),
        "SAU_DATABASE_URL": ca.settings.effective_database_url,
        "SAU_ISSUER": ca.settings.issuer,
    }
    process = subprocess.Popen(
        command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    told = [process.stdout.readline() for _ in range(250)]
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1])["result"]["signed"] == ROWS
    with ca.database.reading() as session:
        issued = session.execute(select(BatchRow.line, BatchRow.serial).where(BatchRow.state == "issued")).all()
        signed = set(session.scalars(select(Certificate.serial).where(Certificate.certificate_sha256.is_not(None))))
        clients = session.scalars(select(Certificate.serial).where(Certificate.profile == "tls-client")).all()
        events = Counter(
            session.execute(
                select(AuditEvent.type, AuditEvent.object_id).where(AuditEvent.type.like("ca:certificate:%"))
            )
        )
    serials = {row.serial for row in issued}
    assert len(issued) == len(serials) == len(clients) == ROWS
    assert serials == set(clients) <= signed
    told_serials = {json.loads(line)["serial"] for line in told if line.strip()}
    assert told_serials <= serials, "what was said to be issued is issued"
    for kind in ("issued", "signed"):
        assert all(events[(f"ca:certificate:{kind}", serial)] == 1 for serial in serials)
