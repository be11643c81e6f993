"""Steps that the tests of status share."""

from __future__ import annotations

from datetime import datetime

from cryptography import x509

from ca.locations import FIRST_SHARD
from ca.revocation.arrangement import arrange_lists
from ca.revocation.publish import PublishedList, publish_list
from ca.revocation.revoke import revoke_certificate
from tests.ca.hierarchy import Hierarchy, serial_of


def publish(
    hierarchy: Hierarchy, *, root: bool = False, scheduled: bool = True, shard: int = FIRST_SHARD
) -> PublishedList:
    services = hierarchy.services
    authority = hierarchy.root if root else hierarchy.issuing
    signer = hierarchy.root_signer if root else services.keystore.open("issuing-1")
    return publish_list(services, authority_id=authority.id, signer=signer, shard=shard, scheduled=scheduled)


def issue(hierarchy: Hierarchy, **options: object) -> x509.Certificate:
    services = hierarchy.services
    with services.database.transaction() as session:
        return hierarchy.issue(session, now=services.clock.now(), **options)  # type: ignore[arg-type]


def revoke(
    hierarchy: Hierarchy,
    certificate: x509.Certificate,
    reason: str = "superseded",
    compromised_at: datetime | None = None,
) -> None:
    services = hierarchy.services
    with services.database.transaction() as session:
        revoke_certificate(
            session,
            services=services,
            serial=serial_of(certificate),
            reason=reason,
            compromised_at=compromised_at,
            actor="operator-7",
            now=services.clock.now(),
        )


def parse(published: PublishedList) -> x509.CertificateRevocationList:
    return x509.load_der_x509_crl(published.der)


def serials(published: PublishedList) -> set[int]:
    return {entry.serial_number for entry in parse(published)}


def arrange(hierarchy: Hierarchy, *, shards: int | None = None, delta: bool | None = None) -> None:
    services = hierarchy.services
    with services.database.transaction() as session:
        arrange_lists(
            session,
            services=services,
            authority="issuing-1",
            shards=shards,
            delta=delta,
            actor="operator-7",
            now=services.clock.now(),
        )
    hierarchy.shards = shards or hierarchy.shards
