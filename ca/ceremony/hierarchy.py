"""What `sau init` makes where nobody holds a ceremony: a root, and under it the authority that issues."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from sqlalchemy import select

from ca.ceremony.making import Workbench, make_issuing, make_root, require_same_key
from ca.ceremony.plan import AuthorityName, IssuingPlan, KeyKind, RootPlan
from ca.ceremony.root_store import recorded_root_keys
from ca.issuance.authority import AuthorityRecord, find_authority, list_authorities
from ca.issuance.model import CeremonyRecord
from ca.services import CaServices
from kernel.errors import NotFound

ROOT = "root"
ISSUING = "issuing-1"
DEFAULT_ROOT_NAME = AuthorityName(common_name="SAU CA Raíz")
DEFAULT_ISSUING_NAME = AuthorityName(common_name="SAU CA Emisora 1")


@dataclass(frozen=True)
class Hierarchy:
    """What stands.

    :ivar created: short names of the authorities that this run made; empty if all were there.
    """

    root: x509.Certificate
    issuing: x509.Certificate
    created: tuple[str, ...]


def create_hierarchy(
    services: CaServices,
    *,
    now: datetime,
    actor: str = "command",
    root_name: AuthorityName = DEFAULT_ROOT_NAME,
    issuing_name: AuthorityName = DEFAULT_ISSUING_NAME,
) -> Hierarchy:
    """Make the root (P-384) and ``issuing-1`` (P-256), or what of them is missing; nothing after a ceremony.

    Repeating is safe and changes nothing that is complete. Opens its own transactions.

    :raises Fault: (``root_key_mismatch``, ``authority_key_mismatch``) if a key on disk is not its certificate's.
    :raises NotFound: (``root_key_away``) if ``issuing-1`` is missing while the root's key is off this machine.
    """
    by_ceremony = _from_ceremony(services)
    if by_ceremony is not None:
        return by_ceremony
    bench = Workbench(services=services, roots=recorded_root_keys(services, actor=actor), actor=actor, now=now)
    with services.database.reading() as session:
        standing = {name for name in (ROOT, ISSUING) if find_authority(session, name) is not None}
    root = make_root(bench, RootPlan(name=ROOT, subject=root_name))
    issuing = make_issuing(bench, root, IssuingPlan(name=ISSUING, subject=issuing_name, key=KeyKind.P256))
    require_same_key(services.keystore.open(issuing.key_name), issuing.certificate_der, "authority_key_mismatch")
    return Hierarchy(
        root=root.certificate,
        issuing=issuing.certificate,
        created=tuple(name for name in (ROOT, ISSUING) if name not in standing),
    )


def _from_ceremony(services: CaServices) -> Hierarchy | None:
    """The hierarchy as ceremonies made it: none of ours is added to it."""
    with services.database.reading() as session:
        held = session.scalar(select(CeremonyRecord.id).where(CeremonyRecord.rehearsal.is_(False)).limit(1))
        records = list_authorities(session)
    roots, issuing = [r for r in records if r.is_root], [r for r in records if not r.is_root]
    if held is None or not (roots and issuing):
        return None
    for record in issuing:
        _require_key(services, record)
    return Hierarchy(root=roots[0].certificate, issuing=issuing[0].certificate, created=())


def _require_key(services: CaServices, record: AuthorityRecord) -> None:
    try:
        signer = services.keystore.open(record.key_name)
    except NotFound:
        return  # retired by its operator; the doctor says so as long as it should sign
    require_same_key(signer, record.certificate_der, "authority_key_mismatch")
