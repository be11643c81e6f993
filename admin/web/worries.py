"""What will break if nobody acts, in words, with how soon and where to look; what it is: :mod:`admin.what_breaks`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from admin.hierarchy import AuthorityNode
from admin.web.authorities import time_left
from admin.web.certificates import display_name
from admin.web.federation.place import reason_said
from admin.web.gate import operator
from admin.what_breaks import Breaking, what_breaks

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
    found = what_breaks(session, powers=operator().powers, tree=tree, certificates=MOST_WORRIES, now=now)
    return [WORDS[each.code](each, now) for each in found[:MOST_WORRIES]]


def _certificate(each: Breaking, now: datetime) -> Worry:
    assert each.certificate is not None
    return Worry(
        what=_("Certificado de %(name)s", name=display_name(each.certificate)),
        follows=_("Nadie ha pedido renovarlo: dejará de aceptarse"),
        state="bad" if each.certificate.not_after < now + _SOON else "warn",
        when=_("En %(time)s", time=time_left(each.certificate.not_after, now=now)),
        href=url_for("admin_certificates.show", serial=each.about),
    )


def _seal(each: Breaking, now: datetime) -> Worry:
    return Worry(
        what=_("Sello de la auditoría"),
        follows=_("Lo nuevo queda guardado, pero sin sello: revise el proceso de fondo"),
        state="bad",
        when=_("Ahora"),
        href=url_for("admin_audit.search"),
    )


def _tasks(each: Breaking, now: datetime) -> Worry:
    return Worry(
        what=_("Trabajos atrasados: %(count)s", count=each.about),
        follows=_("Correos, avisos y listas salen tarde: revise el proceso de fondo"),
        state="bad",
        when=_ago(each, now),
        href=url_for("admin_deliveries.show_all"),
    )


def _directory(each: Breaking, now: datetime) -> Worry:
    return Worry(
        what=_("Directorio %(name)s", name=each.title),
        follows=_("Su gente no puede ingresar. %(why)s", why=reason_said(each.reason)),
        state="bad",
        when=_ago(each, now),
        href=url_for("admin_directories.show", directory_id=each.id),
    )


def _provider(each: Breaking, now: datetime) -> Worry:
    return Worry(
        what=_("Proveedor %(name)s", name=each.title),
        follows=_("Su gente no puede ingresar. %(why)s", why=reason_said(each.reason)),
        state="bad",
        when=_ago(each, now),
        href=url_for("admin_providers.show", provider_id=each.id),
    )


def _list_ends(each: Breaking, now: datetime) -> Worry:
    return Worry(
        what=_("Lista de revocación de %(name)s", name=each.title),
        follows=_("Quien la comprueba deja de aceptar sus certificados"),
        state="bad",
        when=_until(each, now),
        href=url_for("admin_authorities.show_all"),
    )


def _list_missing(each: Breaking, now: datetime) -> Worry:
    return Worry(
        what=_("Lista de revocación de %(name)s", name=each.title),
        follows=_("Nunca se publicó: nadie puede comprobar sus certificados"),
        state="bad",
        when=_("Ahora"),
        href=url_for("admin_authorities.show_all"),
    )


def _ocsp(each: Breaking, now: datetime) -> Worry:
    return Worry(
        what=_("OCSP de %(name)s", name=each.title),
        follows=_("Deja de responder por el estado de sus certificados: revise el proceso de fondo"),
        state="bad",
        when=_until(each, now),
        href=url_for("admin_authorities.show_all"),
    )


def _authority(each: Breaking, now: datetime) -> Worry:
    return Worry(
        what=_("Autoridad %(name)s", name=each.title),
        follows=_("Ya no puede firmar certificados de un año"),
        state="warn",
        when=_until(each, now),
        href=url_for("admin_authorities.show_all"),
    )


def _ago(each: Breaking, now: datetime) -> str:
    return str(_("Hace %(time)s", time=time_left(now, now=each.since or now)))


def _until(each: Breaking, now: datetime) -> str:
    if each.at is None or each.at <= now:
        return str(_("Ya venció"))
    return str(_("En %(time)s", time=time_left(each.at, now=now)))


#: Words for each code of :mod:`admin.what_breaks`.
WORDS: dict[str, Callable[[Breaking, datetime], Worry]] = {
    "authority_expires": _authority,
    "certificate_expires": _certificate,
    "directory_silent": _directory,
    "list_expires": _list_ends,
    "list_missing": _list_missing,
    "ocsp_expires": _ocsp,
    "provider_silent": _provider,
    "seal_stale": _seal,
    "tasks_late": _tasks,
}
