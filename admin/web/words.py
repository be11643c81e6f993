"""What codes are called on the screen."""

from __future__ import annotations

from typing import TypeAlias

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from admin.permissions import Permission, Role
from admin.web.desk_event_words import DESK_EVENTS
from admin.web.factor_words import FACTOR_EVENTS
from audit.vocabulary import EventType, Outcome
from ca.lints.finding import Finding

Text: TypeAlias = LazyString

ROLES: dict[Role, Text] = {
    Role.ADMINISTRATOR: _l("Administración"),
    Role.PKI_OFFICER: _l("Solicitud de certificados"),
    Role.PKI_APPROVER: _l("Aprobación de certificados"),
    Role.AUDITOR: _l("Auditoría"),
    Role.REGISTRATION_OFFICER: _l("Ventanilla de identidad"),
    Role.SUPPORT: _l("Atención a personas"),
    Role.SECURITY_OFFICER: _l("Seguridad"),
}
ROLE_DUTIES: dict[Role, Text] = {
    Role.ADMINISTRATOR: _l("Da y quita roles, registra instituciones, ve las aplicaciones. No emite ni aprueba."),
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
    Permission.REQUESTS_READ: _l("Ver solicitudes"),
    Permission.CERTIFICATES_READ: _l("Ver certificados"),
    Permission.CERTIFICATES_REQUEST: _l("Pedir certificados"),
    Permission.CERTIFICATES_APPROVE: _l("Aprobar certificados"),
    Permission.CERTIFICATES_REVOKE: _l("Revocar certificados"),
    Permission.AUTHORITIES_READ: _l("Ver las autoridades"),
    Permission.CLIENTS_READ: _l("Ver aplicaciones"),
    Permission.DELIVERIES_READ: _l("Ver los envíos a aplicaciones"),
    Permission.DELIVERIES_REPEAT: _l("Repetir envíos a aplicaciones"),
    Permission.INSTITUTIONS_READ: _l("Ver instituciones"),
    Permission.INSTITUTIONS_ADD: _l("Registrar instituciones"),
    Permission.ROLES_READ: _l("Ver quién tiene cada rol"),
    Permission.ROLES_GRANT: _l("Dar y quitar roles"),
    Permission.RIGHTS_READ: _l("Ver quién tiene derechos en aplicaciones"),
    Permission.RIGHTS_ASSIGN: _l("Dar y quitar roles de aplicaciones en su institución"),
    Permission.RIGHTS_DECIDE: _l("Decidir sobre roles que propuso otra persona"),
    Permission.AUDIT_SEARCH: _l("Buscar en la auditoría"),
    Permission.AUDIT_EXPORT: _l("Descargar la auditoría"),
    Permission.PEOPLE_OPEN: _l("Abrir la ficha de una persona, con motivo"),
    Permission.IDENTITIES_VERIFY: _l("Comprobar la identidad de una persona"),
    Permission.RECOVERIES_READ: _l("Ver recuperaciones de cuentas"),
    Permission.RECOVERIES_OPEN: _l("Abrir la recuperación de una cuenta"),
    Permission.RECOVERIES_STOP: _l("Detener la recuperación de una cuenta"),
    Permission.REPORTS_READ: _l("Ver los reportes de «No fui yo»"),
    Permission.REPORTS_CLOSE: _l("Cerrar los reportes de «No fui yo»"),
}
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
CERTIFICATE_STATUSES: dict[str, tuple[str, str, Text]] = {
    "valid": ("ok", "ok", _l("Vigente")),
    "expiring": ("warn", "warn", _l("Por vencer")),
    "expired": ("none", "less", _l("Vencido")),
    "revoked": ("bad", "bad", _l("Revocado")),
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
_E = EventType
EVENTS: dict[EventType, Text] = {
    **DESK_EVENTS,
    _E.ACCOUNT_SIGN_UP_STARTED: _l("Empezó a crear una cuenta"),
    _E.ACCOUNT_CREATED: _l("Creó una cuenta"),
    _E.ACCOUNT_DISABLED: _l("Desactivó una cuenta"),
    _E.ACCOUNT_ENABLED: _l("Activó una cuenta"),
    _E.ACCOUNT_ERASED: _l("Borró una cuenta"),
    _E.ACCOUNT_UPDATED: _l("Cambió datos de una cuenta"),
    _E.ACCOUNT_IDENTITY_VERIFIED: _l("Comprobó la identidad de una persona"),
    _E.DATA_COPY_REQUESTED: _l("Pidió sus datos en PDF"),
    _E.DATA_COPY_TAKEN: _l("Descargó sus datos"),
    _E.DELETION_REQUESTED: _l("Pidió borrar su cuenta"),
    _E.DELETION_REFUSED: _l("Pidió borrar su cuenta y tiene una función"),
    _E.DELETION_CANCELLED: _l("Canceló el borrado de su cuenta"),
    _E.CERTIFICATE_SUSPENDED: _l("Suspendió su certificado"),
    _E.CERTIFICATE_RELEASED: _l("Reactivó su certificado"),
    _E.LEVEL_LOWERED: _l("Bajó el nivel de identidad de una persona"),
    _E.LEVEL_CHECK_REFUSED: _l("No comprobó su identidad con el Registro Civil"),
    _E.CONTACT_VERIFICATION_SENT: _l("Envió un enlace para comprobar el correo"),
    _E.CONTACT_VERIFIED: _l("Comprobó su correo"),
    _E.PASSWORD_SET: _l("Puso una contraseña"),
    _E.PASSWORD_RESET_REQUESTED: _l("Pidió cambiar su contraseña"),
    _E.ENROLLMENT_LINK_ISSUED: _l("Emitió un enlace de inscripción"),
    _E.ENROLLMENT_LINK_REDEEMED: _l("Usó un enlace de inscripción"),
    _E.PASSWORD_VERIFIED: _l("Escribió su contraseña"),
    _E.TOTP_ENROLLED: _l("Agregó un segundo factor"),
    _E.TOTP_REMOVED: _l("Quitó un segundo factor"),
    _E.TOTP_VERIFIED: _l("Escribió el código de su aplicación"),
    _E.KNOWN_DEVICE_FORGOTTEN: _l("Olvidó un equipo conocido"),
    _E.LOGIN_UNLIKELY: _l("Ingreso improbable: muy lejos del anterior en muy poco tiempo"),
    _E.PASSKEY_REGISTERED: _l("Agregó una llave de acceso"),
    _E.PASSKEY_RENAMED: _l("Cambió el nombre de una llave de acceso"),
    _E.PASSKEY_REMOVED: _l("Quitó una llave de acceso"),
    _E.PASSKEY_VERIFIED: _l("Usó una llave de acceso"),
    _E.PASSKEY_FLAGGED: _l("El contador de una llave de acceso retrocedió"),
    _E.PASSWORD_REMOVED: _l("Quitó su contraseña"),
    **FACTOR_EVENTS,
    _E.RECOVERY_CODES_ISSUED: _l("Recibió códigos de recuperación"),
    _E.RECOVERY_CODE_VERIFIED: _l("Usó un código de recuperación"),
    _E.CERTIFICATE_VERIFIED: _l("Presentó un certificado para ingresar"),
    _E.CERTIFICATE_WITHDRAWN: _l("Su certificado dejó de servir para ingresar"),
    _E.UPSTREAM_PROVIDER_ADDED: _l("Agregó el ingreso por otro proveedor"),
    _E.UPSTREAM_PROVIDER_UPDATED: _l("Cambió el ingreso por otro proveedor"),
    _E.UPSTREAM_VERIFIED: _l("Llegó la respuesta de otro proveedor"),
    _E.UPSTREAM_LINKED: _l("Unió su cuenta con la de otro proveedor"),
    _E.UPSTREAM_UNLINKED: _l("Separó su cuenta de la de otro proveedor"),
    _E.UPSTREAM_LOGGED_OUT: _l("Otro proveedor avisó que una sesión terminó"),
    _E.LDAP_DIRECTORY_ADDED: _l("Agregó el directorio de una institución"),
    _E.LDAP_DIRECTORY_UPDATED: _l("Cambió el directorio de una institución"),
    _E.LDAP_DIRECTORY_HEALTH_CHANGED: _l("El directorio de una institución dejó de responder, o volvió"),
    _E.LDAP_PERSON_LINKED: _l("Ingresó por primera vez con la clave de su institución"),
    _E.LDAP_PERSON_LEFT: _l("Dejó de estar en el directorio de su institución"),
    _E.LDAP_CHECK_STOPPED: _l("En un directorio faltaban demasiadas personas: nadie fue dado de baja"),
    _E.LOGIN_THROTTLED: _l("Demasiados intentos de ingreso"),
    _E.INTERACTION_STARTED: _l("Empezó a ingresar"),
    _E.INTERACTION_ACCOUNT_CHOSEN: _l("Eligió con qué cuenta seguir"),
    _E.INTERACTION_INSTITUTION_CHOSEN: _l("Eligió con qué institución entra"),
    _E.INTERACTION_REFUSED: _l("No pudo seguir con el ingreso"),
    _E.SESSION_STARTED: _l("Ingresó"),
    _E.SESSION_STEPPED_UP: _l("Confirmó de nuevo quién es"),
    _E.SESSION_ENDED: _l("Terminó la sesión"),
    _E.ACTIVITY_DISOWNED: _l("Dijo «No fui yo»"),
    _E.AUTHORIZATION_GRANTED: _l("Entró a una aplicación"),
    _E.AUTHORIZATION_PUSHED: _l("Una aplicación anunció una solicitud de ingreso"),
    _E.AUTHORIZATION_REFUSED: _l("No entró a una aplicación"),
    _E.CONSENT_GRANTED: _l("Dio permiso a una aplicación"),
    _E.CONSENT_REFUSED: _l("Negó el permiso a una aplicación"),
    _E.CONSENT_WITHDRAWN: _l("Retiró el permiso a una aplicación"),
    _E.CLIENT_AUTHENTICATED: _l("Una aplicación se identificó"),
    _E.CLIENT_REGISTERED: _l("Registró una aplicación"),
    _E.CLIENT_UPDATED: _l("Cambió una aplicación"),
    _E.CLIENT_DISABLED: _l("Desactivó una aplicación"),
    _E.CLIENT_ENABLED: _l("Reabrió una aplicación"),
    _E.CLIENT_DELETED: _l("La aplicación borró su registro"),
    _E.CLIENT_REGISTRATION_REFUSED: _l("No se registró una aplicación"),
    _E.INITIAL_ACCESS_TOKEN_ISSUED: _l("Entregó un permiso para registrar aplicaciones"),
    _E.INITIAL_ACCESS_TOKEN_REVOKED: _l("Retiró un permiso para registrar aplicaciones"),
    _E.CLIENT_SECRET_ROTATED: _l("Cambió la clave de una aplicación"),
    _E.TOKEN_ISSUED: _l("Se emitieron fichas de acceso"),
    _E.TOKEN_EXCHANGED: _l("Un servicio pasó a otro lo que una persona permitió"),
    _E.TOKEN_REFRESHED: _l("Se renovaron fichas de acceso"),
    _E.TOKEN_REFUSED: _l("Se negó una ficha de acceso"),
    _E.TOKEN_REUSED: _l("Se usó otra vez una ficha ya usada"),
    _E.TOKEN_REVOKED: _l("Se anuló una ficha de acceso"),
    _E.TOKEN_INTROSPECTED: _l("Una aplicación comprobó una ficha"),
    _E.USERINFO_RELEASED: _l("Se entregaron datos a una aplicación"),
    _E.USERINFO_REFUSED: _l("Se negaron datos a una aplicación"),
    _E.DEVICE_REQUESTED: _l("Un equipo pidió un código para entrar"),
    _E.DEVICE_REFUSED: _l("Se rechazó un pedido desde otro equipo"),
    _E.DEVICE_ALLOWED: _l("Una persona permitió entrar en otro equipo"),
    _E.DEVICE_DENIED: _l("Una persona no permitió entrar en otro equipo"),
    _E.BACKCHANNEL_REQUESTED: _l("Una aplicación pidió la aprobación de una persona"),
    _E.BACKCHANNEL_REFUSED: _l("Se rechazó una solicitud de aprobación"),
    _E.BACKCHANNEL_MUTED: _l("Una solicitud de aprobación no se mostró a la persona"),
    _E.BACKCHANNEL_ALLOWED: _l("Una persona aprobó una solicitud"),
    _E.BACKCHANNEL_DENIED: _l("Una persona negó una solicitud"),
    _E.BACKCHANNEL_DISOWNED: _l("Una persona dijo que no pidió una solicitud"),
    _E.LOGOUT_REQUESTED: _l("Pidió salir"),
    _E.LOGOUT_REFUSED: _l("No se aceptó un pedido de salir"),
    _E.DELIVERY_MADE: _l("Un envío llegó a una aplicación"),
    _E.DELIVERY_GIVEN_UP: _l("Un envío a una aplicación no llegó"),
    _E.DELIVERY_REPEATED: _l("Repitió un envío a una aplicación"),
    _E.INSTITUTION_ADDED: _l("Registró una institución"),
    _E.INSTITUTION_UPDATED: _l("Cambió una institución"),
    _E.ROLE_GRANTED: _l("Dio un rol"),
    _E.ROLE_WITHDRAWN: _l("Quitó un rol"),
    _E.RIGHTS_DECLARED: _l("Declaró los roles de una aplicación"),
    _E.BELONGING_BEGUN: _l("Vinculó a una persona con una institución"),
    _E.BELONGING_CHANGED: _l("Cambió el vínculo de una persona con una institución"),
    _E.BELONGING_ENDED: _l("Desvinculó a una persona de una institución"),
    _E.ASSIGNMENT_PROPOSED: _l("Propuso dar un rol en una aplicación"),
    _E.ASSIGNMENT_GRANTED: _l("Dio un rol en una aplicación"),
    _E.ASSIGNMENT_REFUSED: _l("Negó un rol en una aplicación"),
    _E.ASSIGNMENT_ENDED: _l("Quitó un rol en una aplicación"),
    _E.ASSIGNMENT_DENIED: _l("Quiso dar un rol que no podía"),
    _E.DELEGATION_GRANTED: _l("Delegó la asignación de un rol"),
    _E.DELEGATION_WITHDRAWN: _l("Retiró una delegación"),
    _E.ACCESS_EVALUATED: _l("Una aplicación preguntó si alguien puede hacer algo"),
    _E.ACCESS_SEARCHED: _l("Una aplicación buscó quién puede hacer qué"),
    _E.ACCESS_REFUSED: _l("No se respondió a quien preguntó por permisos"),
    _E.SIGNING_KEY_CREATED: _l("Se creó una clave de firma"),
    _E.SIGNING_KEY_ACTIVATED: _l("Se empezó a usar una clave de firma"),
    _E.SIGNING_KEY_RETIRED: _l("Se retiró una clave de firma"),
    _E.SIGNING_KEY_REVOKED: _l("Se revocó una clave de firma"),
    _E.ENCRYPTION_KEY_CREATED: _l("Se creó una clave de cifrado"),
    _E.ENCRYPTION_KEY_RETIRED: _l("Se retiró una clave de cifrado"),
    _E.ENCRYPTION_KEY_REVOKED: _l("Se revocó una clave de cifrado"),
    _E.AUTHORITY_CREATED: _l("Se creó una autoridad"),
    _E.ROOT_KEY_OPENED: _l("Se abrió la clave de una autoridad raíz"),
    _E.CEREMONY_REHEARSED: _l("Se ensayó una ceremonia"),
    _E.CEREMONY_HELD: _l("Se celebró una ceremonia"),
    _E.PROFILE_MOVED: _l("Pasó un perfil a otra autoridad"),
    _E.CERTIFICATE_REQUESTED: _l("Pidió un certificado"),
    _E.CERTIFICATE_REQUEST_REFUSED: _l("Negó una solicitud de certificado"),
    _E.CERTIFICATE_REQUEST_APPROVED: _l("Aprobó una solicitud de certificado"),
    _E.CERTIFICATE_REQUEST_EXPIRED: _l("Venció una solicitud de certificado"),
    _E.CERTIFICATE_ISSUED: _l("Se emitió un certificado"),
    _E.CERTIFICATE_ISSUANCE_REFUSED: _l("No se emitió un certificado"),
    _E.CERTIFICATE_DELIVERED: _l("Descargó un certificado"),
    _E.KEY_LIST_REPLACED: _l("Cambió la lista de claves que se conocen públicamente"),
    _E.CERTIFICATES_LOGGED_LATE: _l("Puso en el registro público certificados que no estaban"),
    _E.CERTIFICATE_REQUEST_REBUILT: _l("Preparó de nuevo una solicitud"),
    _E.CERTIFICATE_SIGNED: _l("Se firmó un certificado"),
    _E.BATCH_OPENED: _l("Empezó un lote de certificados"),
    _E.BATCH_PROPOSED: _l("Propuso un lote de certificados"),
    _E.BATCH_APPROVED: _l("Aprobó un lote de certificados"),
    _E.BATCH_REFUSED: _l("Negó un lote de certificados"),
    _E.BATCH_EXPIRED: _l("Venció un lote de certificados"),
    _E.BATCH_COMPLETED: _l("Terminó un lote de certificados"),
    _E.BATCH_DELIVERED: _l("Descargó los certificados de un lote"),
    _E.EXPIRY_ANNOUNCED: _l("Se avisó que un certificado está por vencer"),
    _E.HANDOVER_PREPARED: _l("Se creó una clave para entregarla a su titular"),
    _E.HANDOVER_OFFERED: _l("Se ofreció un certificado con su clave a su titular"),
    _E.HANDOVER_OPENED: _l("Vio la contraseña de su certificado"),
    _E.HANDOVER_COLLECTED: _l("Recibió su certificado con su clave"),
    _E.HANDOVER_REFUSED: _l("No se le entregó un certificado con su clave"),
    _E.HANDOVER_ENDED: _l("Se destruyó una clave que no se entregó"),
    _E.CERTIFICATE_REVOKED: _l("Revocó un certificado"),
    _E.CERTIFICATE_REVOCATION_REFUSED: _l("No se revocó un certificado"),
    _E.MASS_REVOCATION_PROPOSED: _l("Propuso revocar muchos certificados"),
    _E.MASS_REVOCATION_APPROVED: _l("Aprobó revocar muchos certificados"),
    _E.MASS_REVOCATION_REFUSED: _l("Descartó revocar muchos certificados"),
    _E.MASS_REVOCATION_DONE: _l("Terminó de revocar muchos certificados"),
    _E.AUTHORITY_LISTS_CHANGED: _l("Se cambió el reparto de las listas de revocación de una autoridad"),
    _E.CRL_PUBLISHED: _l("Se publicó una lista de revocación"),
    _E.OCSP_SIGNER_RENEWED: _l("Se renovó la clave de respuestas OCSP"),
    _E.TIME_STAMP_ISSUED: _l("Se emitió un sello de tiempo"),
    _E.UNIT_SIGNER_RENEWED: _l("Se renovó una clave propia del servicio"),
    _E.ENROLMENT_CREDENTIAL_CREATED: _l("Creó una credencial de inscripción"),
    _E.ENROLMENT_CREDENTIAL_REVOKED: _l("Anuló una credencial de inscripción"),
    _E.ENROLMENT_REFUSED: _l("Se negó una inscripción automática"),
    _E.ACME_CREDENTIAL_ISSUED: _l("Entregó una credencial para certificados automáticos"),
    _E.ACME_CREDENTIAL_REVOKED: _l("Retiró una credencial para certificados automáticos"),
    _E.ACME_CREDENTIAL_REFUSED: _l("No se aceptó una credencial para certificados automáticos"),
    _E.ACME_ACCOUNT_OPENED: _l("Un servidor abrió una cuenta para certificados automáticos"),
    _E.ACME_ACCOUNT_UPDATED: _l("Cambió una cuenta para certificados automáticos"),
    _E.ACME_ACCOUNT_KEY_CHANGED: _l("Una cuenta para certificados automáticos cambió de clave"),
    _E.ACME_ACCOUNT_CLOSED: _l("Se cerró una cuenta para certificados automáticos"),
    _E.ACME_ACCOUNT_REFUSED: _l("No se abrió una cuenta para certificados automáticos"),
    _E.ACME_ORDER_PLACED: _l("Un servidor pidió un certificado automático"),
    _E.ACME_ORDER_REFUSED: _l("No se aceptó un pedido de certificado automático"),
    _E.ACME_ORDER_FULFILLED: _l("Se cumplió un pedido de certificado automático"),
    _E.ACME_ORDER_FAILED: _l("Fracasó un pedido de certificado automático"),
    _E.ACME_ORDER_EXPIRED: _l("Venció un pedido de certificado automático"),
    _E.ACME_CONTROL_PROVED: _l("Un servidor probó que controla un nombre"),
    _E.ACME_CONTROL_NOT_PROVED: _l("Un servidor no probó que controla un nombre"),
    _E.ACME_CONTROL_GIVEN_UP: _l("Un servidor renunció a un nombre"),
    _E.CONSOLE_OPENED: _l("Entró a la consola"),
    _E.CONSOLE_ACCESS_REFUSED: _l("Se le negó una página de la consola"),
    _E.CONSOLE_CLOSED: _l("Salió de la consola"),
    _E.AUDIT_SEARCHED: _l("Consultó la auditoría"),
    _E.AUDIT_EXPORTED: _l("Descargó la auditoría"),
    _E.AUDIT_CHECKED: _l("Comprobó la auditoría"),
    _E.PERSON_LOOKED_UP: _l("Buscó a una persona"),
    _E.SERVICE_INITIALIZED: _l("Se instaló el servicio"),
    _E.SERVICE_STARTED: _l("Arrancó un proceso del servicio"),
    _E.SETTINGS_CHANGED: _l("Cambió la configuración del servicio"),
    _E.SCHEMA_UPGRADED: _l("Cambió la estructura de la base de datos"),
    _E.BACKUP_MADE: _l("Se hizo una copia de respaldo"),
    _E.BACKUP_RESTORED: _l("Se restauró una copia de respaldo"),
    _E.LOG_LOSS_ACCEPTED: _l("Se aceptó la pérdida de registros firmados tras una restauración"),
    _E.UNATTRIBUTED_DATA_DESTROYED: _l("Se destruyeron datos antiguos que no eran de nadie conocido"),
    _E.MAIL_SENT: _l("Se envió un correo"),
    _E.MAIL_FAILED: _l("No se pudo enviar un correo"),
    _E.SMS_SENT: _l("Se envió un mensaje de texto"),
    _E.SMS_FAILED: _l("No se pudo enviar un mensaje de texto"),
    _E.REQUEST_REFUSED: _l("Se rechazó un envío antes de leerlo"),
}


def event_words(kind: str) -> Text | str:
    """Return what the event type is called; its own name for one without words."""
    try:
        return EVENTS.get(EventType(kind), kind)
    except ValueError:
        return kind


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
    return REVOCATION_REASONS[reason][0] if reason in REVOCATION_REASONS else (reason or "")


def translated(stored: str) -> str:
    """Return a word that is stored in Spanish in the reader's language; as it is when it is not one of ours."""
    return str(gettext(stored)) if stored else ""
