"""What will break if nobody acts: certificates, lists, authorities, the seal of the evidence, queues, institutions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import url_for
from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from admin.certificate_search import expiring_certificates
from admin.hierarchy import AuthorityNode
from admin.permissions import Permission
from admin.web.authorities import LIST_WARNING, time_left
from admin.web.certificates import display_name
from admin.web.federation.place import institutions_reached, reason_said
from admin.web.gate import operator
from audit.tree_store import latest_checkpoint
from idp.broker.health import provider_health
from idp.broker.model import UpstreamProviderRow
from idp.directories.model import DirectoryHealthRow, DirectoryRow
from kernel.outbox import OutboxTask

_STALE_CHECKPOINT = timedelta(minutes=10)
_LATE = timedelta(minutes=5)
_SOON = timedelta(days=7)
MOST_WORRIES = 8


@dataclass(frozen=True)
class Worry:
    """Something that will break: what, what follows, how soon (state and text), and where to look."""

    what: str
    follows: str
    state: str
    when: str
    href: str


def worries_known(session: Session, *, tree: list[AuthorityNode], now: datetime) -> list[Worry]:
    """Return what will break, of what the operator's roles reach: what is broken already first.

    :param tree: the authorities, if he may see them.
    """
    powers = operator().powers
    worries: list[Worry] = []
    for node in tree:
        worries += _authority_worries(node, now=now)
    if powers.allow(Permission.CERTIFICATES_READ):
        reach = powers.institutions(Permission.CERTIFICATES_READ)
        for certificate in expiring_certificates(session, institutions=reach, now=now, limit=MOST_WORRIES):
            soon = certificate.not_after < now + _SOON
            worries.append(
                Worry(
                    what=_("Certificado de %(name)s", name=display_name(certificate)),
                    follows=_("Nadie ha pedido renovarlo: dejará de aceptarse"),
                    state="bad" if soon else "warn",
                    when=_("En %(time)s", time=time_left(certificate.not_after, now=now)),
                    href=url_for("admin_certificates.show", serial=certificate.serial),
                )
            )
    if powers.allow(Permission.AUDIT_SEARCH):
        checkpoint = latest_checkpoint(session)
        if checkpoint is None or checkpoint.signed_at < now - _STALE_CHECKPOINT:
            worries.insert(
                0,
                Worry(
                    what=_("Sello de la auditoría"),
                    follows=_("Lo nuevo queda guardado, pero sin sello: revise el proceso de fondo"),
                    state="bad",
                    when=_("Ahora"),
                    href=url_for("admin_audit.search"),
                ),
            )
    worries = _broken(session, now=now) + worries
    return worries[:MOST_WORRIES]


def _broken(session: Session, *, now: datetime) -> list[Worry]:
    """What does not work at this moment: queues that stand, institutions that do not answer."""
    powers, worries = operator().powers, []
    if powers.allow(Permission.DELIVERIES_READ):
        late, oldest = session.execute(
            select(func.count(), func.min(OutboxTask.due_at)).where(
                OutboxTask.due_at < now - _LATE, OutboxTask.given_up_at.is_(None)
            )
        ).one()
        if late:
            worries.append(
                Worry(
                    what=_("Trabajos atrasados: %(count)s", count=late),
                    follows=_("Correos, avisos y listas salen tarde: revise el proceso de fondo"),
                    state="bad",
                    when=_("Hace %(time)s", time=time_left(now, now=oldest)),
                    href=url_for("admin_deliveries.show_all"),
                )
            )
    if powers.allow(Permission.DIRECTORIES_READ):
        own = {each.id for each in institutions_reached(session, Permission.DIRECTORIES_READ)}
        rows = session.execute(
            select(DirectoryRow, DirectoryHealthRow)
            .join(DirectoryHealthRow, DirectoryHealthRow.directory_id == DirectoryRow.id)
            .where(DirectoryRow.active, DirectoryHealthRow.failing_since.is_not(None))
            .order_by(DirectoryRow.name)
        )
        for row, health in rows:
            if row.institution_id in own:
                href = url_for("admin_directories.show", directory_id=row.id)
                what = _("Directorio %(name)s", name=row.name)
                worries.append(_silent(what, health.reason, health.failing_since or now, href, now=now))
    if powers.allow(Permission.PROVIDERS_READ):
        own = {each.id for each in institutions_reached(session, Permission.PROVIDERS_READ)}
        for provider_id, told in provider_health(session).items():
            provider = session.get(UpstreamProviderRow, provider_id)
            if told.failing_since and provider is not None and provider.active and provider.institution_id in own:
                href = url_for("admin_providers.show", provider_id=provider_id)
                what = _("Proveedor %(name)s", name=provider.title)
                worries.append(_silent(what, told.reason, told.failing_since, href, now=now))
    return worries


def _silent(what: str, reason: str | None, since: datetime, href: str, *, now: datetime) -> Worry:
    follows = _("Su gente no puede ingresar. %(why)s", why=reason_said(reason))
    return Worry(
        what=what, follows=follows, state="bad", when=_("Hace %(time)s", time=time_left(now, now=since)), href=href
    )


def _authority_worries(node: AuthorityNode, *, now: datetime) -> list[Worry]:
    worries = []
    href = url_for("admin_authorities.show_all")
    state = node.revocation_list
    if state is not None and state.next_update < now + LIST_WARNING:
        over = state.next_update <= now
        worries.append(
            Worry(
                what=_("Lista de revocación de %(name)s", name=node.title),
                follows=_("Quien la comprueba deja de aceptar sus certificados"),
                state="bad",
                when=_("Ya venció") if over else _("En %(time)s", time=time_left(state.next_update, now=now)),
                href=href,
            )
        )
    if state is None and not node.is_root and now < node.not_after:
        worries.append(
            Worry(
                what=_("Lista de revocación de %(name)s", name=node.title),
                follows=_("Nunca se publicó: nadie puede comprobar sus certificados"),
                state="bad",
                when=_("Ahora"),
                href=href,
            )
        )
    if node.ocsp_until is not None and node.ocsp_until < now + LIST_WARNING and now < node.not_after:
        over = node.ocsp_until <= now
        worries.append(
            Worry(
                what=_("OCSP de %(name)s", name=node.title),
                follows=_("Deja de responder por el estado de sus certificados: revise el proceso de fondo"),
                state="bad",
                when=_("Ya venció") if over else _("En %(time)s", time=time_left(node.ocsp_until, now=now)),
                href=href,
            )
        )
    if now < node.not_after < now + timedelta(days=365):
        worries.append(
            Worry(
                what=_("Autoridad %(name)s", name=node.title),
                follows=_("Ya no puede firmar certificados de un año"),
                state="warn",
                when=_("En %(time)s", time=time_left(node.not_after, now=now)),
                href=href,
            )
        )
    for child in node.children:
        worries += _authority_worries(child, now=now)
    return worries
