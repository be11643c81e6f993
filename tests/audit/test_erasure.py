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
def test_a_destroyed_key_is_in_no_free_page_of_the_file(audit: AuditServices) -> None:
    """A deleted key that stays in the file is no erasure."""
    keys = audit.journal.holder_keys
    holders = [f"p{number}" for number in range(200)]
    with audit.database.transaction() as session:
        for holder in holders:
            keys.obtain(session, holder, now=audit.clock.now())
    with audit.database.reading() as session:
        sealed = [octets for octets in session.scalars(select(HolderKey.sealed_key)) if octets]
    path = Path(str(audit.database.url.database))

    def found() -> int:
        audit.database.dispose()  # the last connection moves the write-ahead log into the file
        octets = b"".join(each.read_bytes() for each in path.parent.glob(f"{path.name}*"))
        return sum(each in octets for each in sealed)

    assert found() == 200
    with audit.database.transaction() as session:
        for holder in holders:
            keys.destroy(session, holder, now=audit.clock.now())
    assert found() == 0
