"""What the pages about directories and about providers share: whose they are, how they are, what is chosen from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from admin.permissions import Permission
from admin.web.gate import operator
from admin.web.words import Text
from idp.directory.institutions import Institution, find_institution, list_institutions
from kernel.errors import Rejected

REASONS: dict[str, Text] = {
    "unresolved": _l("Su nombre no tiene una dirección de red"),
    "unreachable": _l("No acepta la conexión"),
    "timed_out": _l("Tardó demasiado"),
    "bad_certificate": _l("Su certificado no es de confianza o no es de ese servidor"),
    "bad_tls": _l("No habla TLS como se le pide"),
    "bad_answer": _l("Su respuesta no es LDAP como debe ser"),
    "too_large": _l("Su respuesta es demasiado grande"),
    "ambiguous": _l("Tiene dos entradas con el mismo nombre"),
    "service_refused": _l("Rechaza el nombre o la contraseña con que este servicio busca"),
    "no_secret": _l("No se puede leer el archivo con la contraseña"),
    "busy": _l("Demasiadas personas lo esperan"),
    "resting": _l("Falló varias veces y se lo deja descansar"),
    "bad_discovery": _l("Su documento no es el de ese emisor, o le falta algo"),
    "bad_issuer": _l("Su emisor no está bien escrito"),
    "bad_keys": _l("Sus claves no se pueden leer"),
    "outgoing_unresolved": _l("Su nombre no tiene una dirección de red"),
    "outgoing_unreachable": _l("No acepta la conexión"),
    "outgoing_timed_out": _l("Tardó demasiado"),
    "outgoing_bad_certificate": _l("Su certificado no es de confianza o no es de ese servidor"),
    "outgoing_bad_tls": _l("No habla TLS como se le pide"),
    "outgoing_bad_status": _l("Contestó con un error"),
    "outgoing_refused_address": _l("Su dirección es interna: agréguela a SAU_OUTGOING_NETWORKS si es de su red"),
}
LEVEL_CHOICES = (("1", _l("Nivel 1: lo que la persona dice")), ("2", _l("Nivel 2: la institución comprobó la cédula")))


@dataclass(frozen=True)
class State:
    """How something is: the tag's class and words, since when, and why."""

    kind: str
    words: Text | str
    reason: Text | str = ""
    since: datetime | None = None


def state_of(*, active: bool, reason: str | None, failing_since: datetime | None, checked_at: datetime | None) -> State:
    """Return how a directory or a provider is, as its tag says it."""
    if not active:
        return State("none", _("Cerrado"))
    if checked_at is None:
        return State("info", _("Sin comprobar"))
    if failing_since is None:
        return State("ok", _("Responde"), since=checked_at)
    return State("bad", _("No responde"), reason_said(reason), failing_since)


def reason_said(reason: str | None) -> Text | str:
    """Return in words what stood in the way."""
    return REASONS.get(reason or "", reason or "")


def owner_reached(session: Session, permission: Permission, institution_id: str) -> Institution:
    """Return the institution, if the operator's permission reaches it.

    :raises NotFound: (``not_found``) for every other one.
    """
    institution = find_institution(session, institution_id)
    operator().powers.require_institution(permission, institution.ruc)
    return institution


def institutions_reached(session: Session, permission: Permission) -> list[Institution]:
    """Return the institutions that the operator's permission reaches, by name."""
    reach = operator().powers.institutions(permission)
    return [each for each in list_institutions(session) if reach is None or each.ruc in reach]


def words_of(text: str) -> list[str]:
    """Return what was written line by line, or with commas and blanks between."""
    return text.replace(",", " ").split()


def pairs_of(text: str, *, code: str) -> dict[str, str]:
    """Return the pairs of lines like ``name = value``. :raises Rejected: with ``code``."""
    pairs = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, separator, value = line.rpartition("=")
        if not separator or not name.strip():
            raise Rejected("Write one pair a line.", code=code)
        pairs[name.strip()] = value.strip()
    return pairs
