"""What codes are called on the screen."""

from __future__ import annotations

import re
from typing import TypeAlias

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from admin.permissions import Permission, Role
from admin.web.event_words import EVENTS as EVENTS
from admin.web.event_words import event_words as event_words
from audit.vocabulary import Outcome
from ca.lints.finding import Finding

Text: TypeAlias = LazyString

ROLES: dict[Role, Text] = {
    Role.SUPERADMINISTRATOR: _l("Superadministración"),
    Role.ADMINISTRATOR: _l("Administración"),
    Role.PROVIDER_ADMINISTRATOR: _l("Administración del proveedor"),
    Role.INSTITUTION_ADMINISTRATOR: _l("Administración de una institución"),
    Role.APPLICATION_DEVELOPER: _l("Desarrollo de aplicaciones"),
    Role.PKI_OFFICER: _l("Solicitud de certificados"),
    Role.PKI_APPROVER: _l("Aprobación de certificados"),
    Role.AUDITOR: _l("Auditoría"),
    Role.REGISTRATION_OFFICER: _l("Ventanilla de identidad"),
    Role.SUPPORT: _l("Atención a personas"),
    Role.SECURITY_OFFICER: _l("Seguridad"),
}
ROLE_DUTIES: dict[Role, Text] = {
    Role.SUPERADMINISTRATOR: _l(
        "Nombra a los demás, también a otra superadministración. No opera, no emite y no lee la auditoría."
    ),
    Role.PROVIDER_ADMINISTRATOR: _l(
        "Opera el ingreso: instituciones, directorios, proveedores, aplicaciones y lo que declaran. No nombra a nadie."
    ),
    Role.INSTITUTION_ADMINISTRATOR: _l(
        "Ve lo que tiene su institución, cuida sus aplicaciones y delega quién da roles en ella. No da ninguno."
    ),
    Role.APPLICATION_DEVELOPER: _l(
        "Registra y cuida las aplicaciones de su institución y declara sus roles. No los da a nadie."
    ),
    Role.ADMINISTRATOR: _l(
        "Da y quita roles, registra instituciones, directorios y proveedores, ve las aplicaciones. No emite ni aprueba."
    ),
    Role.PKI_OFFICER: _l("Sube solicitudes de las instituciones y revoca certificados. No aprueba."),
    Role.PKI_APPROVER: _l("Aprueba o niega lo que otra persona pidió, y revoca certificados."),
    Role.AUDITOR: _l("Lee todo, busca en la auditoría y comprueba su integridad. No cambia nada."),
    Role.REGISTRATION_OFFICER: _l(
        "Comprueba en una ventanilla quién es una persona y abre la recuperación de su cuenta."
    ),
    Role.SUPPORT: _l("Busca a una persona, con motivo, para decirle cómo está su cuenta. No cambia nada."),
    Role.SECURITY_OFFICER: _l("Atiende los reportes de «No fui yo» y detiene recuperaciones. No abre ninguna."),
}
PERMISSIONS: dict[Permission, Text] = {
    Permission.CONSOLE_OPEN: _l("Entrar a la consola"),
    Permission.FIGURES_READ: _l("Ver los ingresos en números"),
    Permission.REQUESTS_READ: _l("Ver solicitudes"),
    Permission.CERTIFICATES_READ: _l("Ver certificados"),
    Permission.CERTIFICATES_REQUEST: _l("Pedir certificados"),
    Permission.CERTIFICATES_APPROVE: _l("Aprobar certificados"),
    Permission.CERTIFICATES_REVOKE: _l("Revocar certificados"),
    Permission.PROFILES_READ: _l("Ver los perfiles de certificados y sus versiones"),
    Permission.CREDENTIALS_READ: _l("Ver las credenciales de servidores y equipos"),
    Permission.CREDENTIALS_ISSUE: _l("Entregar y retirar credenciales de servidores y equipos"),
    Permission.AUTHORITIES_READ: _l("Ver las autoridades"),
    Permission.CLIENTS_READ: _l("Ver aplicaciones"),
    Permission.APPLICATIONS_WRITE: _l("Registrar y cambiar aplicaciones"),
    Permission.APPLICATIONS_APPROVE: _l("Aprobar que una aplicación salga a producción"),
    Permission.DELIVERIES_READ: _l("Ver los envíos a aplicaciones"),
    Permission.DELIVERIES_REPEAT: _l("Repetir envíos a aplicaciones"),
    Permission.INSTITUTIONS_READ: _l("Ver instituciones"),
    Permission.INSTITUTIONS_ADD: _l("Registrar instituciones"),
    Permission.INSTITUTIONS_CHANGE: _l("Cambiar instituciones"),
    Permission.ROLES_READ: _l("Ver quién tiene cada rol"),
    Permission.ROLES_GRANT: _l("Dar y quitar roles"),
    Permission.RIGHTS_READ: _l("Ver quién tiene derechos en aplicaciones"),
    Permission.RIGHTS_ASSIGN: _l("Dar y quitar roles de aplicaciones en su institución"),
    Permission.RIGHTS_DECIDE: _l("Decidir sobre roles que propuso otra persona"),
    Permission.DIRECTORIES_READ: _l("Ver los directorios de instituciones"),
    Permission.DIRECTORIES_CHANGE: _l("Registrar y cambiar directorios de instituciones"),
    Permission.PROVIDERS_READ: _l("Ver los proveedores de instituciones"),
    Permission.PROVIDERS_CHANGE: _l("Registrar y cambiar proveedores de instituciones"),
    Permission.DECLARATIONS_READ: _l("Ver los roles que declaran las aplicaciones"),
    Permission.DECLARATIONS_CHANGE: _l("Cambiar los roles que declaran las aplicaciones"),
    Permission.DELEGATIONS_READ: _l("Ver quién puede dar roles de aplicaciones"),
    Permission.DELEGATIONS_CHANGE: _l("Delegar quién puede dar roles de aplicaciones"),
    Permission.AUDIT_SEARCH: _l("Buscar en la auditoría"),
    Permission.AUDIT_EXPORT: _l("Descargar la auditoría"),
    Permission.PEOPLE_OPEN: _l("Abrir la ficha de una persona, con motivo"),
    Permission.CERTIFICATES_HOLD: _l("Suspender y reactivar certificados"),
    Permission.IDENTITIES_VERIFY: _l("Comprobar la identidad de una persona"),
    Permission.RECTIFICATIONS_DECIDE: _l("Decidir correcciones de datos"),
    Permission.RECOVERIES_READ: _l("Ver recuperaciones de cuentas"),
    Permission.RECOVERIES_OPEN: _l("Abrir la recuperación de una cuenta"),
    Permission.RECOVERIES_STOP: _l("Detener la recuperación de una cuenta"),
    Permission.REPORTS_READ: _l("Ver los reportes de «No fui yo»"),
    Permission.REPORTS_CLOSE: _l("Cerrar los reportes de «No fui yo»"),
}
# How a check ended.
PASSED, FAILED, SKIPPED = _l("Bien"), _l("Mal"), _l("Sin comprobar")
# (class of the tag, shape, word)
OUTCOMES: dict[str, tuple[str, str, Text]] = {
    Outcome.SUCCESS.value: ("ok", "ok", _l("Hecho")),
    Outcome.FAILURE.value: ("bad", "bad", _l("Falló")),
    Outcome.REFUSED.value: ("warn", "warn", _l("Rechazado")),
}
REVOCATION_REASONS: dict[str, tuple[Text, Text]] = {
    "keyCompromise": (_l("Clave comprometida"), _l("Otra persona tiene o pudo tener la clave privada.")),
    "cACompromise": (_l("Autoridad comprometida"), _l("Otra persona tiene o pudo tener la clave de la autoridad.")),
    "affiliationChanged": (_l("Cambió la pertenencia"), _l("La persona o el sistema ya no es de la institución.")),
    "superseded": (_l("Reemplazado"), _l("Ya hay otro certificado en su lugar.")),
    "cessationOfOperation": (_l("Dejó de operar"), _l("El sistema o servicio se apagó.")),
    "privilegeWithdrawn": (_l("Permiso retirado"), _l("Ya no se cumple la condición por la que se emitió.")),
    "unspecified": (_l("Sin especificar"), _l("Ninguna de las anteriores.")),
}
ON_HOLD = _l("Suspendido: puede volver a valer")
CERTIFICATE_STATUSES: dict[str, tuple[str, str, Text]] = {
    "valid": ("ok", "ok", _l("Vigente")),
    "expiring": ("warn", "warn", _l("Por vencer")),
    "expired": ("none", "less", _l("Vencido")),
    "revoked": ("bad", "bad", _l("Revocado")),
    "held": ("warn", "warn", _l("Suspendido")),
    "signing": ("info", "wait", _l("Por firmar")),
}
REQUEST_STATUSES: dict[str, tuple[str, str, Text]] = {
    "submitted": ("warn", "wait", _l("Espera decisión")),
    "approved": ("info", "wait", _l("Aprobada, por firmar")),
    "issued": ("ok", "ok", _l("Emitida")),
    "refused": ("none", "less", _l("Negada")),
    "expired": ("none", "wait", _l("Venció el plazo")),
}
CHANGES: dict[str, Text] = {
    "igual": _l("Igual"),
    "se quita": _l("Se quita"),
    "se reduce": _l("Se reduce"),
    "se agrega": _l("Se agrega"),
    "se cambia": _l("Se cambia"),
}
SUBJECT_ATTRIBUTES: dict[str, Text] = {
    "C": _l("País"),
    "ST": _l("Provincia"),
    "L": _l("Ciudad"),
    "O": _l("Organización"),
    "OU": _l("Unidad"),
    "CN": _l("Nombre común"),
    "2.5.4.5": _l("Número de identidad"),
    "2.5.4.4": _l("Apellidos"),
    "2.5.4.42": _l("Nombres"),
    "2.5.4.12": _l("Cargo"),
    "2.5.4.97": _l("Identificador de la organización"),
}
EXTENDED_USES: dict[str, Text] = {
    "serverAuth": _l("Servidor TLS"),
    "clientAuth": _l("Cliente TLS"),
    "OCSPSigning": _l("Firma de OCSP"),
    "1.3.6.1.5.5.7.3.36": _l("Firma de documentos"),
}
#: How long what will be issued counts, as the authority stores it (``ca.requests.difference``).
_LIFE = re.compile(r"(\d+) días: (\S+ \S+) a (\S+ \S+) UTC")
# Words that the authority stores with a request, in the source language: here so that they are translated.
_STORED: tuple[Text, ...] = (
    _l("País"),
    _l("Provincia"),
    _l("Organización"),
    _l("Identificador de la organización"),
    _l("Cargo"),
    _l("Número de identidad"),
    _l("Apellidos"),
    _l("Nombres"),
    _l("Nombre común"),
    _l("Otros nombres"),
    _l("Uso de la clave"),
    _l("Uso extendido"),
    _l("Vigencia"),
    _l("Clave pública"),
    _l("Otras extensiones"),
    _l("Campos nacionales"),
    _l("Firma digital"),
    _l("No repudio"),
    _l("Cifrado de claves"),
    _l("Cifrado de datos"),
    _l("Acuerdo de claves"),
    _l("Servidor TLS"),
    _l("Cliente TLS"),
    _l("Firma de documentos"),
    _l("Firma de OCSP"),
    _l("Lo decide el perfil, con los datos del registro y de la solicitud."),
    _l("Lo decide el perfil."),
    _l("El perfil no lleva este atributo."),
    _l("El nombre común también va aquí."),
    _l("La clave solo firma: TLS moderno no cifra claves con ella."),
    _l("El perfil no las prevé; no se copian."),
    _l("Los pide el perfil para las herramientas del país."),
)


def role_words(role: Role) -> Text:
    """Return what the role is called."""
    return ROLES[role]


# Findings of the outside linter that profiles accept: its codes in words.
_OUTSIDE_FINDINGS: dict[str, Text] = {
    "cabf.serverauth.ov.common_name_attribute_present": _l("Lleva el nombre también como nombre común"),
    "cabf.serverauth.certificate_policy_qualifier_present": _l("Lleva la dirección de las reglas de emisión"),
    "etsi.en_319_412_2.nat-4.3.2-1.mixed_key_usage_setting": _l("Sirve para firmar y para identificarse"),
}


def finding_words(finding: Finding) -> str:
    """Return what a finding says; one of the outside linter without words of its own is named by what it is."""
    if finding.code in _OUTSIDE_FINDINGS:
        return str(_OUTSIDE_FINDINGS[finding.code])
    return finding.message or str(gettext("Aviso de pkilint, que el perfil acepta"))


def reason_words(reason: str | None) -> Text | str:
    """Return what the reason of a revocation is called."""
    if reason == "certificateHold":
        return ON_HOLD
    return REVOCATION_REASONS[reason][0] if reason in REVOCATION_REASONS else (reason or "")


def translated(stored: str) -> str:
    """Return a word that is stored in Spanish in the reader's language; as it is when it is not one of ours."""
    if not stored:
        return ""
    life = _LIFE.fullmatch(stored)
    if life is not None:
        days, begins, ends = life.groups()
        return str(gettext("%(days)s días: %(begins)s a %(ends)s UTC", days=days, begins=begins, ends=ends))
    return str(gettext(stored))
