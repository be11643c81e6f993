"""Attack 17: a person is erased, and the evidence stands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import select

from audit.inspection import verify_stored_log
from audit.model import AuditEvent, HolderKey
from audit.privacy import reveal
from audit.proofs import prove_event, verify_event_proof
from audit.sequencer import Sequencer
from audit.services import AuditServices
from kernel.errors import NotFound
from tests.audit.conftest import Write


def test_no_identifier_is_recoverable_and_all_proofs_verify(audit: AuditServices, write: Write) -> None:
    """Reveal fails for the erased and works for others; a proof given before and one given after both verify."""
    ids = write(4)
    Sequencer(audit).run()
    key = audit.log_key(audit.origin)
    keys = audit.journal.holder_keys
    with audit.database.reading() as session:
        before = prove_event(session, ids[1], log_key=key).as_document()
    with audit.database.transaction() as session:
        keys.destroy(session, "p1", now=audit.clock.now())
    with audit.database.reading() as session:
        after = prove_event(session, ids[1], log_key=key).as_document()
        with pytest.raises(NotFound) as caught:
            keys.find(session, "p1")
        assert caught.value.code == "holder_erased"
        other = session.scalars(select(AuditEvent.leaf).where(AuditEvent.id == ids[2])).one()
        shown = reveal(json.loads(other)["private"], key=keys.find(session, "p2"), event_id=ids[2])
    assert shown == {"email": "p2@example.test"}
    assert before == after
    verify_event_proof(after, expected_key=key)
    assert verify_stored_log(audit).first is None


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_destroyed_key_is_in_no_free_page_of_the_file(audit: AuditServices, write: Write) -> None:
    """A deleted row that stays in the file is no erasure."""
    write(4)
    with audit.database.reading() as session:
        sealed = session.scalars(select(HolderKey.sealed_key).where(HolderKey.holder == "p1")).one()
    assert sealed is not None
    path = Path(str(audit.database.url.database))

    def octets() -> bytes:
        audit.database.dispose()  # the last connection moves the write-ahead log into the file
        return b"".join(each.read_bytes() for each in path.parent.glob(f"{path.name}*"))

    assert sealed in octets()
    with audit.database.transaction() as session:
        audit.journal.holder_keys.destroy(session, "p1", now=audit.clock.now())
    assert sealed not in octets()
