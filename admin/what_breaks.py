"""What will break if nobody acts, as codes and moments: the one source of the front page, the API and the command."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from admin.certificate_search import expiring_certificates
from admin.hierarchy import AuthorityNode
from admin.permissions import Permission
from admin.roles import Powers
from audit.tree_store import latest_checkpoint
from ca.issuance.model import Certificate
from idp.broker.health import provider_health
from idp.broker.model import UpstreamProviderRow
from idp.directories.model import DirectoryHealthRow, DirectoryRow
from idp.directory.institutions import list_institutions
from kernel.outbox import OutboxTask

_P = Permission
MOST_CERTIFICATES = 100
#: A list that ends sooner is told of.
LIST_WARNING = timedelta(hours=12)
_STALE_CHECKPOINT = timedelta(minutes=10)
_LATE = timedelta(minutes=5)
_YEAR = timedelta(days=365)


@dataclass(frozen=True)
class Breaking:
    """Something that will break, or is broken.

    :ivar about: what it is about, as programs name it. :ivar title: as people do.
    :ivar at: when it stops counting; None: it is broken now.
    :ivar since: how long it has been broken; None: not known, or not yet.
    :ivar id: of a directory or a provider. :ivar reason: why one is silent.
    :ivar certificate: the one that expires.
    """

    code: str
    about: str
    at: datetime | None = None
    title: str = ""
    since: datetime | None = None
    id: str = ""
    reason: str | None = None
    certificate: Certificate | None = None


def what_breaks(
    session: Session,
    *,
    powers: Powers,
    tree: Sequence[AuthorityNode],
    certificates: int = MOST_CERTIFICATES,
    now: datetime,
) -> list[Breaking]:
    """Return what will break, of what the roles reach: what is broken already first.

    :param tree: the authorities, if they may be seen. :param certificates: how many are told of, at most.
    """
    found = [*_silent(session, powers, now=now)]
    if powers.allow(_P.AUDIT_SEARCH):
        checkpoint = latest_checkpoint(session)
        if checkpoint is None or checkpoint.signed_at < now - _STALE_CHECKPOINT:
            found.append(Breaking("seal_stale", "audit"))
    if powers.allow(_P.AUTHORITIES_READ):
        found += [each for node in tree for each in _of_authority(node, now=now)]
    if powers.allow(_P.CERTIFICATES_READ):
        reach = powers.institutions(_P.CERTIFICATES_READ)
        found += [
            Breaking("certificate_expires", each.serial, each.not_after, certificate=each)
            for each in expiring_certificates(session, institutions=reach, now=now, limit=certificates)
        ]
    return found


def _silent(session: Session, powers: Powers, *, now: datetime) -> Iterator[Breaking]:
    """What does not work at this moment: queues that stand, institutions that do not answer."""
    if powers.allow(_P.DELIVERIES_READ):
        late, oldest = session.execute(
            select(func.count(), func.min(OutboxTask.due_at)).where(
                OutboxTask.due_at < now - _LATE, OutboxTask.given_up_at.is_(None)
            )
        ).one()
        if late:
            yield Breaking("tasks_late", str(late), since=oldest)
    if powers.allow(_P.DIRECTORIES_READ):
        own = _institutions(session, powers, _P.DIRECTORIES_READ)
        rows = session.execute(
            select(DirectoryRow, DirectoryHealthRow)
            .join(DirectoryHealthRow, DirectoryHealthRow.directory_id == DirectoryRow.id)
            .where(DirectoryRow.active, DirectoryHealthRow.failing_since.is_not(None))
            .order_by(DirectoryRow.name)
        )
        for row, health in rows:
            if own is None or row.institution_id in own:
                yield Breaking(
                    "directory_silent",
                    row.name,
                    title=row.name,
                    since=health.failing_since,
                    id=row.id,
                    reason=health.reason,
                )
    if powers.allow(_P.PROVIDERS_READ):
        own = _institutions(session, powers, _P.PROVIDERS_READ)
        for provider_id, told in sorted(provider_health(session).items()):
            if told.failing_since is None:
                continue
            provider = session.get(UpstreamProviderRow, provider_id)
            if provider is not None and provider.active and (own is None or provider.institution_id in own):
                yield Breaking(
                    "provider_silent",
                    provider.name,
                    title=provider.title,
                    since=told.failing_since,
                    id=provider_id,
                    reason=told.reason,
                )


def _institutions(session: Session, powers: Powers, permission: Permission) -> set[str] | None:
    reach = powers.institutions(permission)
    return None if reach is None else {each.id for each in list_institutions(session) if each.ruc in reach}


def _of_authority(node: AuthorityNode, *, now: datetime) -> Iterator[Breaking]:
    state = node.revocation_list
    if state is not None and state.next_update < now + LIST_WARNING:
        yield Breaking("list_expires", node.name, state.next_update, node.title)
    if state is None and not node.is_root and now < node.not_after:
        yield Breaking("list_missing", node.name, title=node.title)
    if node.ocsp_until is not None and node.ocsp_until < now + LIST_WARNING and now < node.not_after:
        yield Breaking("ocsp_expires", node.name, node.ocsp_until, node.title)
    if now < node.not_after < now + _YEAR:
        yield Breaking("authority_expires", node.name, node.not_after, node.title)
    for child in node.children:
        yield from _of_authority(child, now=now)
