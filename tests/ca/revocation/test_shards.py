"""Lists in shards, the full one beside them, and deltas: certificate authority 19, RFC 5280 §5.2.4 to §5.2.6."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography import x509
from sqlalchemy import select

from ca.issuance.authority import load_authority
from ca.issuance.model import Certificate
from ca.jobs import handlers
from ca.locations import FULL_LIST, crl_url, delta_url, shard_named_by
from ca.revocation.arrangement import arrange_lists, newest_lists
from ca.revocation.publish import PublishedList, current_delta, current_list
from ca.revocation.upkeep import publish_overdue_lists
from kernel.clock import ManualClock
from kernel.errors import Denied, NotFound, Rejected, Unavailable
from kernel.outbox import run_due
from tests.ca.hierarchy import Hierarchy
from tests.ca.revocation.steps import arrange, issue, parse, publish, revoke, serials


def lists(hierarchy: Hierarchy, shards: int) -> dict[int, PublishedList]:
    with hierarchy.services.database.reading() as session:
        return {
            shard: current_list(session, authority_name="issuing-1", shard=shard, now=hierarchy.services.clock.now())
            for shard in (*range(shards), FULL_LIST)
        }


def delta_of(hierarchy: Hierarchy, shard: int = 0) -> PublishedList:
    with hierarchy.services.database.reading() as session:
        return current_delta(session, authority_name="issuing-1", shard=shard, now=hierarchy.services.clock.now())


def test_the_union_of_the_shards_is_the_full_list(hierarchy: Hierarchy) -> None:
    """Certificate authority 19: each entry on its own list and on the full one, and on no other."""
    arrange(hierarchy, shards=4)
    leaves = [issue(hierarchy) for _ in range(12)]
    for leaf in leaves[::2]:
        revoke(hierarchy, leaf)
    publish_overdue_lists(hierarchy.services)
    published = lists(hierarchy, 4)
    parts = [serials(published[shard]) for shard in range(4)]
    assert sum(len(part) for part in parts) == 6
    assert set.union(*parts) == serials(published[FULL_LIST]) == {leaf.serial_number for leaf in leaves[::2]}


def test_each_shard_names_itself_as_its_certificates_do_and_the_full_list_names_nothing(hierarchy: Hierarchy) -> None:
    """RFC 5280 §5.2.5, §6.3.3 (b)(2)(i): a critical IDP equal to the CDP; without IDP a list covers everything."""
    arrange(hierarchy, shards=3)
    leaves = [issue(hierarchy) for _ in range(3)]
    publish_overdue_lists(hierarchy.services)
    published = lists(hierarchy, 3)
    for shard, leaf in enumerate(leaves):
        [point] = leaf.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
        idp = parse(published[shard]).extensions.get_extension_for_class(x509.IssuingDistributionPoint)
        assert (idp.critical, idp.value.full_name) == (True, point.full_name)
    with pytest.raises(x509.ExtensionNotFound):
        parse(published[FULL_LIST]).extensions.get_extension_for_class(x509.IssuingDistributionPoint)


def test_only_the_shard_that_changed_is_signed_again(hierarchy: Hierarchy, clock: ManualClock) -> None:
    """A revocation costs one short list, however many certificates there are."""
    arrange(hierarchy, shards=8)
    leaves = [issue(hierarchy) for _ in range(8)]
    publish_overdue_lists(hierarchy.services)
    revoke(hierarchy, leaves[5])
    run_due(hierarchy.services.database, handlers(hierarchy.services), now=clock.now())
    published = lists(hierarchy, 8)
    assert {shard: item.number for shard, item in published.items() if item.number != 1} == {5: 2}
    assert serials(published[5]) == {leaves[5].serial_number}


def test_fewer_shards_leave_the_old_ones_in_service(hierarchy: Hierarchy, clock: ManualClock) -> None:
    """A certificate stays on the list that it names, whatever the arrangement becomes."""
    arrange(hierarchy, shards=4)
    leaves = [issue(hierarchy) for _ in range(4)]
    publish_overdue_lists(hierarchy.services)
    arrange(hierarchy, shards=1)
    revoke(hierarchy, leaves[3])
    clock.advance(timedelta(days=1))
    assert {item.shard for item in publish_overdue_lists(hierarchy.services)} == {0, 1, 2, 3, FULL_LIST}
    assert serials(lists(hierarchy, 4)[3]) == {leaves[3].serial_number}


def test_the_arrangement_is_the_issuing_authority_s_alone_and_bounded(hierarchy: Hierarchy) -> None:
    """A root has one list, of what it signed."""
    with pytest.raises(Rejected, match="bad_shards"):
        arrange(hierarchy, shards=0)
    services = hierarchy.services
    with services.database.transaction() as session, pytest.raises(Denied, match="root_has_one_list"):
        arrange_lists(
            session, services=services, authority="root", shards=2, delta=None, actor="o", now=services.clock.now()
        )
    with services.database.reading() as session:
        assert load_authority(session, "issuing-1").crl_shards == 1


def test_the_summary_names_every_newest_list(hierarchy: Hierarchy) -> None:
    """What ``sau ca lists`` shows."""
    arrange(hierarchy, shards=2)
    publish_overdue_lists(hierarchy.services)
    publish(hierarchy)
    with hierarchy.services.database.reading() as session:
        found = [(item.shard, item.number, item.entries) for item in newest_lists(session)]
    assert found == [(0, 2, 0), (1, 1, 0), (FULL_LIST, 1, 0)]


def test_a_delta_goes_on_from_the_oldest_valid_regular_list(hierarchy: Hierarchy, clock: ManualClock) -> None:
    """RFC 5280 §5.2.4: critical indicator, a base that was issued as complete, one number with the complete list."""
    arrange(hierarchy, delta=True)
    leaves = [issue(hierarchy) for _ in range(3)]
    revoke(hierarchy, leaves[0])
    base = publish(hierarchy)
    with pytest.raises(NotFound):
        delta_of(hierarchy)
    revoke(hierarchy, leaves[1])
    complete, delta = publish(hierarchy, scheduled=False), delta_of(hierarchy)
    crl = parse(delta)
    indicator = crl.extensions.get_extension_for_class(x509.DeltaCRLIndicator)
    assert (indicator.critical, indicator.value.crl_number) == (True, base.number)
    assert crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == complete.number == delta.number
    assert serials(delta) == {leaves[1].serial_number}
    assert serials(base) | serials(delta) == serials(complete)
    for kind in (x509.IssuingDistributionPoint, x509.AuthorityKeyIdentifier):
        assert crl.extensions.get_extension_for_class(kind) == parse(complete).extensions.get_extension_for_class(kind)
    clock.advance(timedelta(days=1))
    revoke(hierarchy, leaves[2])
    publish(hierarchy)
    assert serials(delta_of(hierarchy)) == {leaves[1].serial_number, leaves[2].serial_number}
    clock.advance(base.next_update - clock.now())
    newest = publish(hierarchy)
    assert newest.number == 4
    assert serials(delta_of(hierarchy)) == set()
    assert parse(delta_of(hierarchy)).extensions.get_extension_for_class(x509.DeltaCRLIndicator).value.crl_number == 3


def test_a_changed_reason_and_an_expired_entry_are_on_the_delta(hierarchy: Hierarchy, clock: ManualClock) -> None:
    """RFC 5280 §5.2.4, §5.3.1: base and delta together say what the complete list says; removeFromCRL for what left."""
    arrange(hierarchy, delta=True)
    short, long = issue(hierarchy, lifetime=timedelta(days=1)), issue(hierarchy)
    for leaf in (short, long):
        revoke(hierarchy, leaf)
    publish(hierarchy)
    for _ in range(2):
        clock.advance(timedelta(days=1, hours=1))
        publish(hierarchy)
    revoke(hierarchy, long, "keyCompromise")
    complete, delta = publish(hierarchy), parse(delta_of(hierarchy))
    assert serials(complete) == {long.serial_number}
    reasons = {
        entry.serial_number: entry.extensions.get_extension_for_class(x509.CRLReason).value.reason for entry in delta
    }
    assert reasons == {
        short.serial_number: x509.ReasonFlags.remove_from_crl,
        long.serial_number: x509.ReasonFlags.key_compromise,
    }


def test_a_complete_list_names_its_delta_and_a_delta_names_none(hierarchy: Hierarchy) -> None:
    """RFC 5280 §5.2.6: freshestCRL, not critical, never in a delta."""
    arrange(hierarchy, delta=True)
    publish(hierarchy)
    complete = parse(publish(hierarchy))
    freshest = complete.extensions.get_extension_for_class(x509.FreshestCRL)
    [point] = freshest.value
    address = delta_url(hierarchy.services.settings.issuer, "issuing-1", 0)
    assert (freshest.critical, [name.value for name in point.full_name or ()]) == (False, [address])
    with pytest.raises(x509.ExtensionNotFound):
        parse(delta_of(hierarchy)).extensions.get_extension_for_class(x509.FreshestCRL)


def test_no_delta_is_served_after_its_next_update(hierarchy: Hierarchy, clock: ManualClock) -> None:
    """Certificate authority 19."""
    arrange(hierarchy, delta=True)
    publish(hierarchy)
    publish(hierarchy)
    clock.advance(timedelta(days=2))
    with pytest.raises(Unavailable, match="list_expired"):
        delta_of(hierarchy)


def test_the_row_s_shard_is_the_one_that_its_bytes_name(hierarchy: Hierarchy) -> None:
    """A certificate that names one list and stands on another could never be seen as revoked."""
    issuer = hierarchy.services.settings.issuer
    assert [shard_named_by(crl_url(issuer, "issuing-1", shard)) for shard in (0, 7, 1023)] == [0, 7, 1023]
    arrange(hierarchy, shards=5)
    for _ in range(5):
        issue(hierarchy)
    with hierarchy.services.database.reading() as session:
        rows = session.scalars(select(Certificate).where(Certificate.profile == "tls-server")).all()
    for row in rows:
        assert row.certificate_der is not None
        loaded = x509.load_der_x509_certificate(row.certificate_der)
        [point] = loaded.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
        assert point.full_name is not None
        assert shard_named_by(point.full_name[0].value) == row.crl_shard
