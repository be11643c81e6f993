"""The certificate log has the same witnesses as the evidence."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from werkzeug.test import Client

from audit.cosignature import read_cosignatures
from audit.cosigned import published_checkpoint
from audit.cosigning import ask_witnesses
from audit.findings import FindingKind, LogTamperedError
from audit.model import Cosigned
from audit.witness.server import witness_app
from audit.witness.witness import Witness
from ca.ceremony.hierarchy import Hierarchy
from ca.services import CaServices
from ca.transparency.model import LOG_TABLES
from ca.transparency.promise import sequence_waiting
from ca.transparency.verification import verify_stored_log


@dataclass
class _Answer:
    status: int
    body: bytes


@dataclass
class _Network:
    client: Client

    def send(self, url: str, *, body: bytes, media_type: str, headers: Any = None, seconds: float = 5.0) -> _Answer:
        response = self.client.post("/add-checkpoint", data=body)
        return _Answer(response.status_code, response.data)


def test_certificates_are_witnessed_too(
    services: CaServices, hierarchy: Hierarchy, now: datetime, tmp_path: Path
) -> None:
    """Cosigned, published, verified; a cosignature that was changed is found."""
    sequence_waiting(services.certificate_log, now=now)
    witness = Witness.create(tmp_path / "w", "w.test")
    settings = services.settings.model_copy(update={"audit_witnesses": (f"{witness.key} https://w.test",)})
    log = replace(services.certificate_log, settings=settings)
    witness.add_log(log.log_key(log.origin))
    network = _Network(Client(witness_app(witness, services.clock)))
    assert ask_witnesses(log, outgoing=network, journal=services.journal, now=now) == 1
    with log.database.reading() as session:
        published = published_checkpoint(session, origin=log.origin, tables=LOG_TABLES)
    assert [each.witness for each in read_cosignatures(published.note, witnesses=[witness.key])] == ["w.test"]
    report = verify_stored_log(log)
    assert (report.cosignatures, report.witnessed) == (1, report.size)
    with log.database.transaction() as session:
        line = read_cosignatures(published.note, witnesses=[witness.key])[0].line
        session.execute(update(Cosigned).values(line=line[:-12] + "AAAA" + line[-8:]))
    with pytest.raises(LogTamperedError) as found:
        verify_stored_log(log)
    assert FindingKind.COSIGNATURE_FORGED in {finding.kind for finding in found.value.report.findings}
