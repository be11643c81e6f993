"""Revoking a certificate: certificate authority 18, RFC 5280 §5.3.1."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import select

from audit.model import AuditEvent
from audit.vocabulary import EventType
from ca.issuance.model import Certificate
from ca.revocation.compromised_key import is_compromised
from ca.revocation.revoke import CERTIFICATE_REVOKED, LIST_DUE, Revocation, preview_revocation, revoke_certificate
from ca.services import CaServices
from kernel.clock import ManualClock
from kernel.errors import Conflict, Denied, NotFound, Rejected, ServiceError
from kernel.outbox import OutboxTask
from tests.ca.hierarchy import Hierarchy, serial_of


@pytest.fixture
def leaf(hierarchy: Hierarchy, ca: CaServices, clock: ManualClock) -> x509.Certificate:
    with ca.database.transaction() as session:
        return hierarchy.issue(session, now=clock.now())


def revoke(
    ca: CaServices, serial: str, reason: str = "superseded", *, compromised_at: datetime | None = None
) -> Revocation:
    with ca.database.transaction() as session:
        return revoke_certificate(
            session,
            services=ca,
            serial=serial,
            reason=reason,
            compromised_at=compromised_at,
            actor="operator-7",
            now=ca.clock.now(),
        )


def row_of(ca: CaServices, serial: str) -> Certificate:
    with ca.database.reading() as session:
        row = session.get_one(Certificate, serial)
        session.expunge(row)
        return row


def events(ca: CaServices, kind: EventType) -> list[AuditEvent]:
    with ca.database.reading() as session:
        found = list(session.scalars(select(AuditEvent).where(AuditEvent.type == kind.value).order_by(AuditEvent.id)))
        session.expunge_all()
        return found


def test_revocation_event_and_tasks_are_one_transaction(ca: CaServices, leaf: x509.Certificate) -> None:
    """Architecture, rule of durability: state, event and outbox commit together."""
    result = revoke(ca, serial_of(leaf))
    assert result.revoked_at == ca.clock.now()
    row = row_of(ca, serial_of(leaf))
    assert (row.revoked_at, row.revocation_reason) == (ca.clock.now(), "superseded")
    [event] = events(ca, EventType.CERTIFICATE_REVOKED)
    assert (event.object_id, event.actor, event.outcome) == (serial_of(leaf), "operator-7", "success")
    with ca.database.reading() as session:
        kinds = set(session.scalars(select(OutboxTask.kind)))
    assert kinds == {CERTIFICATE_REVOKED, LIST_DUE}


def test_a_rolled_back_revocation_leaves_nothing(ca: CaServices, leaf: x509.Certificate) -> None:
    """Architecture, rule of durability: neither state nor event remains."""
    with pytest.raises(RuntimeError), ca.database.transaction() as session:
        revoke_certificate(
            session, services=ca, serial=serial_of(leaf), reason="superseded", actor="x", now=ca.clock.now()
        )
        raise RuntimeError
    assert row_of(ca, serial_of(leaf)).revoked_at is None
    assert not events(ca, EventType.CERTIFICATE_REVOKED)


@pytest.mark.parametrize("reason", ["certificateHold", "removeFromCRL", "aACompromise", "because", ""])
def test_refuses_reasons_that_are_not_listed_and_records_it(
    ca: CaServices, leaf: x509.Certificate, reason: str
) -> None:
    """Certificate authority 18 (reasons listed); RFC 5280 §5.3.1. A refusal is an event."""
    with pytest.raises(Rejected) as caught:
        revoke(ca, serial_of(leaf), reason)
    assert caught.value.code == "unknown_revocation_reason"
    assert row_of(ca, serial_of(leaf)).revoked_at is None
    [event] = events(ca, EventType.CERTIFICATE_REVOCATION_REFUSED)
    assert (event.reason, event.outcome) == ("unknown_revocation_reason", "refused")


def test_ca_compromise_is_for_authorities_and_key_compromise_for_the_others(
    ca: CaServices, hierarchy: Hierarchy, leaf: x509.Certificate
) -> None:
    """RFC 5280 §5.3.1: cACompromise revokes CA certificates."""
    with pytest.raises(Rejected, match="reason_for_authorities_only"):
        revoke(ca, serial_of(leaf), "cACompromise")
    with pytest.raises(Rejected, match="reason_not_for_authorities"):
        revoke(ca, serial_of(hierarchy.issuing_certificate), "keyCompromise")
    result = revoke(ca, serial_of(hierarchy.issuing_certificate), "cACompromise")
    assert result.list_by_command  # the root's list is signed from the command line only
    with ca.database.reading() as session:
        assert LIST_DUE not in set(session.scalars(select(OutboxTask.kind)))


def test_a_root_is_not_revoked(ca: CaServices, hierarchy: Hierarchy) -> None:
    """RFC 5280 §6.1: a trust anchor stands outside the path; no list of its own can withdraw it."""
    with pytest.raises(Denied, match="root_is_withdrawn_by_hand"):
        revoke(ca, serial_of(hierarchy.root_certificate), "cACompromise")


def test_an_unknown_serial_is_refused(ca: CaServices, hierarchy: Hierarchy) -> None:
    """Certificate authority 26: every refusal is an event."""
    with pytest.raises(NotFound, match="unknown_certificate"):
        revoke(ca, "00ff")
    assert len(events(ca, EventType.CERTIFICATE_REVOCATION_REFUSED)) == 1


def test_an_expired_certificate_is_refused_but_its_compromised_key_is_blocked(
    ca: CaServices, clock: ManualClock, leaf: x509.Certificate
) -> None:
    """Certificate authority 18: expired is refused with the reason; keyCompromise blocks the key."""
    clock.advance(timedelta(days=91))
    with pytest.raises(Rejected, match="certificate_expired"):
        revoke(ca, serial_of(leaf), "keyCompromise")
    row = row_of(ca, serial_of(leaf))
    assert row.revoked_at is None
    with ca.database.reading() as session:
        assert is_compromised(session, row.spki_sha256)


def test_key_compromise_blocks_the_key_and_finds_its_siblings(
    ca: CaServices, hierarchy: Hierarchy, clock: ManualClock
) -> None:
    """Certificate authority 18: the key is blocked, live certificates with it are named, dead ones are not."""
    key = ec.generate_private_key(ec.SECP256R1())
    with ca.database.transaction() as session:
        first = hierarchy.issue(session, now=clock.now(), private_key=key)
        second = hierarchy.issue(session, now=clock.now(), private_key=key)
        hierarchy.issue(session, now=clock.now() - timedelta(days=99), private_key=key)  # expired
        other = hierarchy.issue(session, now=clock.now())
        preview = preview_revocation(session, serial=serial_of(first), reason="keyCompromise", now=clock.now())
    assert preview.blocks_key
    assert [sibling.serial for sibling in preview.siblings] == [serial_of(second)]
    result = revoke(ca, serial_of(first), "keyCompromise", compromised_at=clock.now() - timedelta(days=2))
    assert [sibling.serial for sibling in result.siblings] == [serial_of(second)]
    with ca.database.reading() as session:
        assert is_compromised(session, row_of(ca, serial_of(first)).spki_sha256)
        assert not is_compromised(session, row_of(ca, serial_of(other)).spki_sha256)


def test_other_reasons_do_not_block_the_key(ca: CaServices, leaf: x509.Certificate) -> None:
    """Certificate authority 18: only a compromise blocks."""
    revoke(ca, serial_of(leaf), "superseded")
    with ca.database.reading() as session:
        assert not is_compromised(session, row_of(ca, serial_of(leaf)).spki_sha256)


def test_a_second_revocation_changes_only_to_key_compromise_and_never_the_date(
    ca: CaServices, clock: ManualClock, leaf: x509.Certificate
) -> None:
    """Certificate authority 18: a re-revocation changes only to keyCompromise and never the date."""
    first = revoke(ca, serial_of(leaf), "superseded").revoked_at
    clock.advance(timedelta(hours=3))
    with pytest.raises(Conflict, match="already_revoked"):
        revoke(ca, serial_of(leaf), "privilegeWithdrawn")
    changed = revoke(ca, serial_of(leaf), "keyCompromise", compromised_at=first - timedelta(days=1))
    row = row_of(ca, serial_of(leaf))
    assert changed.revoked_at == row.revoked_at == first
    assert (row.revocation_reason, row.compromised_at) == ("keyCompromise", first - timedelta(days=1))
    with pytest.raises(Conflict, match="already_revoked"):
        revoke(ca, serial_of(leaf), "superseded")
    with pytest.raises(Conflict, match="already_revoked"):
        revoke(ca, serial_of(leaf), "keyCompromise")
    assert row_of(ca, serial_of(leaf)).revocation_reason == "keyCompromise"


def test_a_date_of_compromise_needs_a_compromise_and_lies_in_the_past(ca: CaServices, leaf: x509.Certificate) -> None:
    """RFC 5280 §5.3.2: invalidityDate is when the key was known or suspected to be compromised."""
    with pytest.raises(Rejected, match="compromise_date_without_compromise"):
        revoke(ca, serial_of(leaf), "superseded", compromised_at=ca.clock.now())
    with pytest.raises(Rejected, match="compromise_in_future"):
        revoke(ca, serial_of(leaf), "keyCompromise", compromised_at=ca.clock.now() + timedelta(hours=1))


def test_preview_of_an_authority_counts_what_hangs_on_it(
    ca: CaServices, hierarchy: Hierarchy, leaf: x509.Certificate
) -> None:
    """Look, "Never": no destructive action without saying what changes."""
    with ca.database.reading() as session:
        preview = preview_revocation(
            session, serial=serial_of(hierarchy.issuing_certificate), reason="superseded", now=ca.clock.now()
        )
    assert preview.live_below == 1
    assert preview.names == ()


def test_twenty_at_once_revoke_once(ca: CaServices, leaf: x509.Certificate) -> None:
    """Style, "consume in one statement": one winner, one event; nineteen recorded refusals."""

    def attempt(_: int) -> str:
        try:
            revoke(ca, serial_of(leaf), "keyCompromise")
        except ServiceError as error:
            return error.code
        return "revoked"

    with ThreadPoolExecutor(20) as pool:
        outcomes = sorted(pool.map(attempt, range(20)))
    assert outcomes == ["already_revoked"] * 19 + ["revoked"]
    assert len(events(ca, EventType.CERTIFICATE_REVOKED)) == 1
    assert len(events(ca, EventType.CERTIFICATE_REVOCATION_REFUSED)) == 19
