"""What must be true of what stands before a ceremony can make anything: asked before the rehearsal already."""

from __future__ import annotations

from datetime import datetime

from cryptography import x509
from sqlalchemy.orm import Session

from ca.ceremony.certificates import distinguished_name
from ca.ceremony.plan import CeremonyPlan
from ca.issuance.authority import AuthorityRecord, list_authorities, load_authority
from kernel.errors import Conflict, Rejected


def require_possible(session: Session, plan: CeremonyPlan, *, now: datetime) -> None:
    """Check the file against what stands.

    :raises kernel.errors.NotFound: (``unknown_authority``) for a root that it needs and that is not there.
    :raises Rejected: (``not_a_root``, ``authority_expired``) for one that cannot sign authorities,
        (``path_too_short``) if its path length leaves no room for what would be under it.
    :raises Conflict: (``authority_name_taken``) if another authority has the subject of one of the file's: verifiers
        tell issuers apart by it (RFC 5280 §4.1.2.4).
    """
    needed = plan.root.cross if plan.root else (plan.root_name,)
    roots = [_require_root(load_authority(session, name), now=now) for name in needed]
    for root in roots:
        length = root.certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length
        # A crossed root stands between: its authorities are one deeper.
        deeper = 1 if plan.root else 0
        depth = max((issuing.path_length for issuing in plan.issuing), default=0) + 1 + deeper
        if length is not None and depth > length:
            raise Rejected(
                f"{root.name} allows {length} authorities below it, and {depth} would stand there.",
                code="path_too_short",
            )
    planned = [*plan.issuing, *((plan.root,) if plan.root else ())]
    for record in list_authorities(session):
        for one in planned:
            if record.certificate.subject == distinguished_name(one.subject) and record.name != one.name:
                raise Conflict(
                    f"{record.name} has the subject that {one.name} would have: choose another common_name.",
                    code="authority_name_taken",
                )


def _require_root(record: AuthorityRecord, *, now: datetime) -> AuthorityRecord:
    if not record.is_root:
        raise Rejected(f"{record.name} is no root: it certifies no authority.", code="not_a_root")
    if record.certificate.not_valid_after_utc <= now:
        raise Rejected(f"{record.name} has expired.", code="authority_expired")
    return record
