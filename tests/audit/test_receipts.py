"""A receipt proves that an event was recorded, to its holder only, and shows nothing of the record."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from audit.checkpoint import LogKey
from audit.event import Event
from audit.merkle import ProofError
from audit.proofs import prove_receipt, verify_receipt_proof
from audit.receipt import Receipt
from audit.sequencer import Sequencer
from audit.services import AuditServices
from audit.vocabulary import EventType
from kernel.errors import NotFound, Rejected
from tests.audit.conftest import Write

VERIFIER = Path(__file__).parents[2] / "examples" / "verify_log.py"


@pytest.fixture
def receipt(audit: AuditServices, write: Write) -> str:
    """Of one event among others."""
    write(3)
    event = Event(type=EventType.TOKEN_ISSUED, subject="p1", client_id="portal")
    with audit.database.transaction() as session:
        given = audit.journal.record_with_receipt(session, event, now=audit.clock.now())
    write(2)
    return given


def test_a_receipt_becomes_a_proof_that_does_not_show_the_record(
    audit: AuditServices, receipt: str, tmp_path: Path
) -> None:
    """Decision 5: records are not public; the independent verifier agrees, and refuses another's proof."""
    key = audit.log_key(audit.origin)
    with audit.database.reading() as session, pytest.raises(NotFound, match="not in the log yet"):
        prove_receipt(session, receipt, log_key=key)
    Sequencer(audit).run()
    with audit.database.reading() as session:
        document = prove_receipt(session, receipt, log_key=key).as_document()
    assert set(document) == {"format", "receipt", "index", "hashes", "checkpoint", "log_key"}
    verify_receipt_proof(document, expected_receipt=receipt, expected_key=key)
    path = tmp_path / "proof.json"
    path.write_text(json.dumps(document))
    arguments = ["--proof", str(path), "--key", str(key), "--txn"]
    other = receipt[:-1] + ("A" if receipt[-1] != "A" else "E")
    for txn, expected in ((receipt, 0), (other, 1)):
        outcome = subprocess.run(
            [sys.executable, "-I", str(VERIFIER), *arguments, txn], capture_output=True, timeout=60, check=False
        )
        assert outcome.returncode == expected, outcome.stderr
    with pytest.raises(ProofError):
        verify_receipt_proof(document, expected_receipt=other, expected_key=key)
    with pytest.raises(ProofError):
        verify_receipt_proof({**document, "index": 0}, expected_receipt=receipt, expected_key=key)


def test_nobody_walks_others_records(audit: AuditServices, receipt: str) -> None:
    """An event's name without its hash, or with another's, finds nothing: the same answer as for what never was."""
    Sequencer(audit).run()
    held = Receipt.parse(receipt)
    key: LogKey = audit.log_key(audit.origin)
    with audit.database.reading() as session:
        for wrong in (Receipt(held.event_id, b"\0" * 32), Receipt("0" * 26, held.leaf_hash)):
            with pytest.raises(NotFound) as refused:
                prove_receipt(session, str(wrong), log_key=key)
            assert refused.value.code == "event_not_found"
        for text in (held.event_id, held.event_id + ".", receipt + "=", receipt.upper(), "", "é." + "A" * 43):
            with pytest.raises(Rejected) as malformed:
                prove_receipt(session, text, log_key=key)
            assert malformed.value.code == "bad_receipt"
