"""Revocation lists: certificate authority 19, RFC 5280 §5, and OpenSSL's and GnuTLS's word on them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import pairwise

import pytest
from cryptography import x509
from sqlalchemy import select

from audit.model import AuditEvent
from audit.vocabulary import EventType
from ca.jobs import handlers
from ca.revocation.model import RevocationList
from ca.revocation.publish import current_list
from ca.revocation.revoke import LIST_DUE
from ca.revocation.upkeep import drop_old_lists, publish_if_behind, publish_overdue_lists
from kernel.clock import ManualClock
from kernel.errors import Denied, NotFound, Unavailable
from kernel.outbox import run_due
from tests.ca.hierarchy import Hierarchy, serial_of
from tests.ca.revocation.steps import issue, parse, publish, revoke, serials


def test_a_list_carries_what_the_profile_says(hierarchy: Hierarchy) -> None:
    """RFC 5280 §5.2: AKI of the issuer, CRL number, critical IDP equal to the certificate's CDP; 10 days at most."""
    leaf = issue(hierarchy)
    published = publish(hierarchy)
    crl = parse(published)
    issuer = hierarchy.issuing_certificate
    assert crl.issuer == issuer.subject
    assert crl.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]
    assert crl.signature_hash_algorithm is not None
    assert crl.signature_hash_algorithm.name == "sha256"
    aki = crl.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    ski = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    assert (aki.critical, aki.value.key_identifier, aki.value.authority_cert_issuer) == (False, ski.value.digest, None)
    number = crl.extensions.get_extension_for_class(x509.CRLNumber)
    assert (number.critical, number.value.crl_number) == (False, 1)
    idp = crl.extensions.get_extension_for_class(x509.IssuingDistributionPoint)
    [point] = leaf.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    assert idp.critical
    assert idp.value.full_name == point.full_name
    assert crl.next_update_utc is not None
    assert crl.last_update_utc == hierarchy.services.clock.now()
    assert crl.next_update_utc - crl.last_update_utc <= timedelta(days=10)
    assert len(crl) == 0


def test_entries_say_reason_and_date_of_compromise_and_leave_unspecified_out(
    hierarchy: Hierarchy, clock: ManualClock
) -> None:
    """RFC 5280 §5.3.1 (reasonCode absent rather than unspecified), §5.3.2 (invalidityDate); both not critical."""
    plain, stolen = issue(hierarchy), issue(hierarchy)
    revoke(hierarchy, plain, "unspecified")
    stolen_at = clock.now() - timedelta(days=3)
    revoke(hierarchy, stolen, "keyCompromise", stolen_at)
    crl = parse(publish(hierarchy))
    quiet = crl.get_revoked_certificate_by_serial_number(plain.serial_number)
    loud = crl.get_revoked_certificate_by_serial_number(stolen.serial_number)
    assert quiet is not None
    assert loud is not None
    assert len(quiet.extensions) == 0
    assert quiet.revocation_date_utc == clock.now()
    reason = loud.extensions.get_extension_for_class(x509.CRLReason)
    assert (reason.critical, reason.value.reason) == (False, x509.ReasonFlags.key_compromise)
    since = loud.extensions.get_extension_for_class(x509.InvalidityDate)
    assert (since.critical, since.value.invalidity_date_utc) == (False, stolen_at)


def test_list_and_event_commit_together(hierarchy: Hierarchy) -> None:
    """Certificate authority 26: every CRL is an event."""
    published = publish(hierarchy)
    with hierarchy.services.database.reading() as session:
        [leaf] = session.scalars(select(AuditEvent.leaf).where(AuditEvent.type == EventType.CRL_PUBLISHED.value))
    assert published.sha256.encode() in leaf


def test_an_entry_stays_until_one_regular_list_after_expiry(hierarchy: Hierarchy, clock: ManualClock) -> None:
    """RFC 5280 §3.3."""
    leaf = issue(hierarchy, lifetime=timedelta(days=2))
    revoke(hierarchy, leaf)
    assert leaf.serial_number in serials(publish(hierarchy))
    clock.advance(timedelta(days=3))
    assert leaf.serial_number in serials(publish(hierarchy, scheduled=False))
    assert leaf.serial_number in serials(publish(hierarchy, scheduled=False))
    assert leaf.serial_number in serials(publish(hierarchy, scheduled=True))
    clock.advance(timedelta(days=1))
    assert leaf.serial_number not in serials(publish(hierarchy, scheduled=True))


def test_numbers_rise_without_repeat_under_eight_publishers(hierarchy: Hierarchy) -> None:
    """RFC 5280 §5.2.3: monotonically increasing; the newest served never falls back."""
    with ThreadPoolExecutor(8) as pool:
        given = [published.number for published in pool.map(lambda _: publish(hierarchy), range(24))]
    with hierarchy.services.database.reading() as session:
        rows = session.execute(
            select(RevocationList.number, RevocationList.sha256).order_by(RevocationList.number)
        ).all()
        newest = current_list(session, authority_name="issuing-1", shard=0, now=hierarchy.services.clock.now()).number
    numbers = [row.number for row in rows]
    assert numbers == sorted(set(numbers))
    assert len({row.sha256 for row in rows}) == len(rows)
    assert newest == max(numbers) == 24
    assert set(given) <= set(numbers)


def test_a_later_number_covers_what_a_lower_one_says(hierarchy: Hierarchy) -> None:
    """RFC 5280 §5.2.3: of two lists the one with the higher number is the newer one, also while people revoke."""
    leaves = [issue(hierarchy) for _ in range(8)]

    def revoke_and_publish(leaf: x509.Certificate) -> None:
        revoke(hierarchy, leaf)
        publish_if_behind(hierarchy.services, authority_id=hierarchy.issuing.id, shard=0)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(revoke_and_publish, leaves))
    with hierarchy.services.database.reading() as session:
        ders = session.scalars(select(RevocationList.der).order_by(RevocationList.number)).all()
    sets = [{entry.serial_number for entry in x509.load_der_x509_crl(der)} for der in ders]
    assert all(earlier <= later for earlier, later in pairwise(sets))
    assert sets[-1] == {leaf.serial_number for leaf in leaves}


def test_the_worker_publishes_after_a_revocation_and_once_for_many(hierarchy: Hierarchy, clock: ManualClock) -> None:
    """Certificate authority 18, 19: a revocation is on the list as soon as the worker gets to it."""
    publish(hierarchy)
    leaves = [issue(hierarchy) for _ in range(3)]
    for leaf in leaves:
        revoke(hierarchy, leaf)
    services = hierarchy.services
    assert run_due(services.database, handlers(services), now=clock.now()) == 6
    with services.database.reading() as session:
        newest = current_list(session, authority_name="issuing-1", shard=0, now=clock.now())
    assert newest.number == 2
    assert serials(newest) == {leaf.serial_number for leaf in leaves}


def test_listeners_hear_of_a_revocation(hierarchy: Hierarchy, clock: ManualClock) -> None:
    """Architecture: revoking a certificate ends what rests on it; the worker tells whoever listens."""
    heard: list[tuple[str, str | None, str]] = []

    class Listener:
        def certificate_revoked(
            self, *, serial: str, certificate_sha256: str | None, person_id: str | None, reason: str
        ) -> None:
            assert person_id is None  # an institution's
            heard.append((serial, certificate_sha256, reason))

    leaf = issue(hierarchy)
    revoke(hierarchy, leaf, "privilegeWithdrawn")
    services = hierarchy.services
    object.__setattr__(services, "revocation_listeners", (Listener(),))
    run_due(services.database, handlers(services), now=clock.now())
    [(serial, fingerprint, reason)] = heard
    assert (serial, reason) == (serial_of(leaf), "privilegeWithdrawn")
    assert fingerprint is not None


def test_overdue_lists_are_those_missing_behind_or_a_day_old(hierarchy: Hierarchy, clock: ManualClock) -> None:
    """Certificate authority 19: refreshed daily, long before nextUpdate; the root's is left to commands."""
    services = hierarchy.services
    first = publish_overdue_lists(services)
    assert [(published.authority, published.shard) for published in first] == [("issuing-1", 0), ("issuing-1", -1)]
    assert publish_overdue_lists(services) == []
    clock.advance(timedelta(hours=25))
    assert [published.number for published in publish_overdue_lists(services)] == [2, 2]
    revoke(hierarchy, issue(hierarchy))
    assert [(published.shard, published.number) for published in publish_overdue_lists(services)] == [(0, 3)]
    clock.advance(timedelta(hours=1))
    assert [(published.shard, published.number) for published in publish_overdue_lists(services)] == [(-1, 3)]


def test_lists_of_a_clock_that_led_are_made_anew_when_it_is_right(hierarchy: Hierarchy, clock: ManualClock) -> None:
    """Attacks and faults, line 24: nobody believes a list that begins in the future (RFC 5280 §6.3.3)."""
    clock.advance(timedelta(hours=1))
    publish_overdue_lists(hierarchy.services)
    clock.advance(timedelta(hours=-1))
    assert [published.number for published in publish_overdue_lists(hierarchy.services)] == [2, 2]
    with hierarchy.services.database.reading() as session:
        served = current_list(session, authority_name="issuing-1", shard=0, now=clock.now())
    assert served.this_update <= clock.now()
    assert publish_overdue_lists(hierarchy.services) == []


def test_no_list_is_served_after_its_next_update(hierarchy: Hierarchy, clock: ManualClock) -> None:
    """Certificate authority 19."""
    published = publish(hierarchy)
    with hierarchy.services.database.reading() as session:
        with pytest.raises(NotFound):
            current_list(session, authority_name="root", shard=0, now=clock.now())
        last_moment = published.next_update - timedelta(seconds=1)
        assert current_list(session, authority_name="issuing-1", shard=0, now=last_moment).number == 1
        with pytest.raises(Unavailable, match="list_expired"):
            current_list(session, authority_name="issuing-1", shard=0, now=published.next_update)


def test_old_lists_go_and_the_newest_regular_one_stays(hierarchy: Hierarchy, clock: ManualClock) -> None:
    """Room on disk; RFC 5280 §3.3 still needs the last regular list's date, however old."""
    for _ in range(3):
        publish(hierarchy)
    publish(hierarchy, scheduled=False)
    assert drop_old_lists(hierarchy.services) == 0
    clock.advance(timedelta(days=60))
    assert drop_old_lists(hierarchy.services) == 2
    with hierarchy.services.database.reading() as session:
        assert session.scalars(select(RevocationList.number).order_by(RevocationList.number)).all() == [3, 4]
    assert publish(hierarchy).number == 5


def test_the_root_list_lasts_12_months_at_most_and_is_not_the_worker_s(
    hierarchy: Hierarchy, clock: ManualClock
) -> None:
    """Certificate authority 19, 21: the root signs from the command line only."""
    revoke(hierarchy, hierarchy.issuing_certificate, "cACompromise")
    with pytest.raises(Denied, match="root_signs_by_command"):
        publish_if_behind(hierarchy.services, authority_id=hierarchy.root.id, shard=0)
    published = publish(hierarchy, root=True)
    assert published.next_update - published.this_update <= timedelta(days=366)
    assert serials(published) == {hierarchy.issuing_certificate.serial_number}
    assert LIST_DUE in handlers(hierarchy.services)


def test_a_list_never_outlives_its_authority(hierarchy: Hierarchy, clock: ManualClock) -> None:
    """A signature beyond the authority's own notAfter would be believed by nobody."""
    clock.advance(hierarchy.issuing_certificate.not_valid_after_utc - clock.now() - timedelta(days=2))
    assert publish(hierarchy).next_update == hierarchy.issuing_certificate.not_valid_after_utc
