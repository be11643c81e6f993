"""Events in a person's words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy.orm import Session

from audit.vocabulary import EventType, Outcome
from idp.authentication.activity import Activity
from idp.tokens.acted_for import list_acted_for
from idp.web.connected import name_of_client
from web.moments import TIMEZONE, moment_text


@dataclass(frozen=True)
class Words:
    """An event as the account page tells it. ``state``: ``warn`` where one should look twice."""

    title: str
    state: str
    note: str


_TITLES = {
    EventType.ACCOUNT_CREATED: _l("Se creó su cuenta"),
    EventType.ACCOUNT_UPDATED: _l("Cambió un dato de su cuenta"),
    EventType.CONTACT_VERIFIED: _l("Confirmó un correo"),
    EventType.PASSWORD_SET: _l("Cambió la contraseña"),
    EventType.USSD_PIN_SET: _l("Activó la aprobación desde el teclado del celular"),
    EventType.USSD_PIN_REMOVED: _l("Desactivó la aprobación desde el teclado del celular"),
    EventType.PHONE_RECOVERY_OPENED: _l("Pidió una contraseña nueva solo con el celular: empezó una espera"),
    EventType.PASSWORD_RESET_REQUESTED: _l("Pidió crear una contraseña nueva"),
    EventType.TOTP_ENROLLED: _l("Agregó un celular de códigos"),
    EventType.TOTP_REMOVED: _l("Quitó el celular de códigos"),
    EventType.PASSKEY_REGISTERED: _l("Agregó una llave de acceso"),
    EventType.PASSKEY_REMOVED: _l("Quitó una llave de acceso"),
    EventType.PASSWORD_REMOVED: _l("Quitó su contraseña"),
    EventType.KNOWN_DEVICE_FORGOTTEN: _l("Olvidó un equipo conocido"),
    EventType.LOGIN_UNLIKELY: _l("Un ingreso vino de muy lejos del anterior, en muy poco tiempo"),
    EventType.UPSTREAM_LINKED: _l("Unió su cuenta con la de una institución"),
    EventType.UPSTREAM_UNLINKED: _l("Separó su cuenta de la de una institución"),
    EventType.LDAP_PERSON_LINKED: _l("Ingresó por primera vez con la contraseña de su institución"),
    EventType.LDAP_PERSON_LEFT: _l("Su institución dijo que ya no trabaja en ella"),
    EventType.SMS_CODE_ENROLLED: _l("Agregó códigos por mensaje de texto"),
    EventType.SMS_CODE_REMOVED: _l("Quitó los códigos por mensaje de texto"),
    EventType.EMAIL_CODE_ENROLLED: _l("Pidió un código por correo en equipos nuevos"),
    EventType.EMAIL_CODE_REMOVED: _l("Quitó el código por correo en equipos nuevos"),
    EventType.GRID_CARD_ENROLLED: _l("Agregó una tarjeta de números"),
    EventType.GRID_CARD_REMOVED: _l("Quitó su tarjeta de números"),
    EventType.CERTIFICATE_WITHDRAWN: _l("Su certificado dejó de servir para ingresar"),
    EventType.RECOVERY_CODES_ISSUED: _l("Recibió códigos de respaldo nuevos"),
    EventType.RECOVERY_CODE_VERIFIED: _l("Usó un código de respaldo"),
    EventType.SESSION_STARTED: _l("Ingresó a su cuenta"),
    EventType.SESSION_ENDED: _l("Se cerró una sesión"),
    EventType.ACCOUNT_IDENTITY_VERIFIED: _l("Comprobaron su identidad"),
    EventType.LEVEL_LOWERED: _l("Bajó su nivel de identidad"),
    EventType.LEVEL_CHECK_REFUSED: _l("Respondió preguntas del Registro Civil"),
    EventType.IDENTITY_CHECK_PROPOSED: _l("Comprobaron su documento en una ventanilla; falta otra persona"),
    EventType.REPORT_RECHECKED: _l("Revisó todo lo que abre su cuenta"),
    EventType.RECTIFICATION_ASKED: _l("Pidió corregir un dato"),
    EventType.RECTIFICATION_DECIDED: _l("Se respondió su pedido de corrección"),
    EventType.RECTIFICATION_WITHDRAWN: _l("Retiró su pedido de corrección"),
    EventType.REPORT_CLOSED: _l("El equipo de seguridad cerró su reporte"),
    EventType.DESK_RECOVERY_OPENED: _l("En una ventanilla pidieron recuperar su cuenta"),
    EventType.DESK_RECOVERY_APPROVED: _l("Otra persona de la ventanilla aprobó recuperar su cuenta"),
    EventType.DESK_RECOVERY_STOPPED: _l("Se detuvo la recuperación de su cuenta"),
    EventType.DESK_RECOVERY_ENTERED: _l("Escribieron el código de la ventanilla para recuperar su cuenta"),
    EventType.DESK_RECOVERY_FINISHED: _l("Se recuperó su cuenta con el código de la ventanilla"),
    EventType.DESK_RECOVERY_EXPIRED: _l("La recuperación de su cuenta terminó sin usarse"),
    EventType.PERSON_OPENED: _l("Una persona de atención abrió su ficha, con un motivo que quedó registrado"),
    EventType.ACTIVITY_DISOWNED: _l("Dijo «no fui yo» y protegimos su cuenta"),
    EventType.CERTIFICATE_SUSPENDED: _l("Suspendió su certificado para ingresar"),
    EventType.CERTIFICATE_RELEASED: _l("Reactivó su certificado para ingresar"),
    EventType.DATA_COPY_REQUESTED: _l("Pidió sus datos en PDF"),
    EventType.DATA_COPY_TAKEN: _l("Descargó todo lo que guardamos sobre usted"),
    EventType.DELETION_REQUESTED: _l("Pidió borrar su cuenta"),
    EventType.DELETION_CANCELLED: _l("Canceló el borrado de su cuenta"),
    EventType.PERSON_LOOKED_UP: _l("Un funcionario buscó su cuenta y dejó escrito por qué"),
    EventType.AUDIT_SEARCHED: _l("Un auditor leyó un registro sobre usted y dejó escrito por qué"),
}
_FAILED = {
    EventType.PASSWORD_VERIFIED: _l("Alguien probó una contraseña equivocada"),
    EventType.CERTIFICATE_VERIFIED: _l("No aceptamos su certificado para ingresar"),
    EventType.TOTP_VERIFIED: _l("Alguien probó un código equivocado"),
    EventType.PASSKEY_VERIFIED: _l("No aceptamos una llave de acceso"),
    EventType.PASSKEY_REGISTERED: _l("No se pudo agregar una llave de acceso"),
    EventType.PASSKEY_FLAGGED: _l("Dejamos de aceptar una llave de acceso: puede haber una copia"),
    EventType.RECOVERY_CODE_VERIFIED: _l("Alguien probó un código de respaldo equivocado"),
    EventType.SMS_CODE_VERIFIED: _l("Alguien probó un código de mensaje equivocado"),
    EventType.EMAIL_CODE_VERIFIED: _l("Alguien probó un código de correo equivocado"),
    EventType.GRID_CARD_VERIFIED: _l("Alguien probó números equivocados de su tarjeta"),
    EventType.TOTP_ENROLLED: _l("Escribió mal el código al agregar un celular"),
    EventType.LOGIN_THROTTLED: _l("Detuvimos demasiados intentos seguidos"),
}


def words_of(session: Session, event: Activity) -> Words:
    """Return ``event`` in the reader's language."""
    if event.outcome is not Outcome.SUCCESS and event.type in _FAILED:
        return Words(str(_FAILED[event.type]), "warn", _("No logró entrar"))
    client = name_of_client(session, event.client_id)
    if event.type is EventType.AUTHORIZATION_GRANTED:
        return Words(_("Entró a %(service)s", service=client), "", "")
    if event.type is EventType.BACKCHANNEL_REQUESTED:
        return Words(_("%(service)s le pidió aprobar una solicitud", service=client), "", "")
    if event.type is EventType.BACKCHANNEL_ALLOWED:
        return Words(_("Aprobó una solicitud de %(service)s", service=client), "", "")
    if event.type is EventType.BACKCHANNEL_DENIED:
        return Words(_("No aprobó una solicitud de %(service)s", service=client), "", "")
    if event.type is EventType.BACKCHANNEL_DISOWNED:
        return Words(_("Dijo que no pidió una solicitud de %(service)s", service=client), "warn", "")
    if event.type is EventType.DEVICE_ALLOWED:
        return Words(_("Entró a %(service)s en otro equipo", service=client), "", "")
    if event.type is EventType.DEVICE_DENIED:
        return Words(_("No permitió entrar a %(service)s en otro equipo", service=client), "", "")
    if event.type is EventType.CONSENT_GRANTED:
        return Words(_("Permitió a %(service)s ver sus datos", service=client), "", "")
    if event.type is EventType.CONSENT_WITHDRAWN:
        return Words(_("Retiró el permiso de %(service)s", service=client), "", "")
    title = _TITLES.get(event.type)
    return Words(str(title) if title is not None else _("Hubo un cambio en su cuenta"), "", "")


@dataclass(frozen=True)
class ActedLine:
    """A service that acted for the person, in words."""

    title: str
    note: str


def services_that_acted(session: Session, *, person_id: str, now: datetime) -> list[ActedLine]:
    """Return who acted for the person lately, a line a day and service."""
    lines = []
    for acted in list_acted_for(session, person_id=person_id, timezone=ZoneInfo(TIMEZONE), now=now):
        day = moment_text(acted.last_at, "date")
        times = ngettext("%(num)s vez", "%(num)s veces", acted.times)
        allowed = name_of_client(session, acted.allowed_client_id)
        by = _("por lo que usted permitió a %(service)s", service=allowed) if allowed else ""
        title = name_of_client(session, acted.client_id)
        lines.append(ActedLine(title, " · ".join(filter(None, (day, times, by)))))
    return lines
