"""Words for what people's pages refuse: by a field, and as a page of its own."""

from __future__ import annotations

import math

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from idp.accounts.mail_code import MailCodeMismatchError
from idp.authentication.password_try import WrongCredentialsError
from idp.authentication.second_factor import SecondFactorMismatchError
from idp.levels.check import RegistryMismatchError
from kernel.errors import ServiceError, Throttled
from web.error_texts import ErrorText

_BY_FIELD = {
    "cedula_missing": _l("Escriba su número de cédula"),
    "cedula_invalid": _l("Ese número de cédula no existe. Revise que esté bien copiado"),
    "username_missing": _l("Escriba su número de cédula, o el país y el número de su pasaporte"),
    "passport_unclear": _l("Si es un pasaporte, escriba el país, un guion y el número. Por ejemplo: COL-AB123456"),
    "passport_state_missing": _l("Elija el país que dio el pasaporte"),
    "passport_state_unknown": _l(
        "Ningún país tiene esas tres letras. Cópielas de la primera página del pasaporte. Por ejemplo: COL-AB123456"
    ),
    "passport_own_state": _l("Con pasaporte ecuatoriano, escriba su número de cédula"),
    "passport_missing": _l("Escriba el número de su pasaporte"),
    "passport_invalid": _l("El número de un pasaporte tiene de 5 a 9 letras y dígitos. Cópielo sin el país"),
    "passport_taken": _l("Ese pasaporte ya tiene una cuenta. Ingrese con él"),
    "birth_date_missing": _l("Escriba su fecha de nacimiento"),
    "birth_date_invalid": _l("Escriba el día, el mes y el año. Por ejemplo: 17/03/1984"),
    "fingerprint_code_missing": _l("Escriba su código dactilar"),
    "fingerprint_code_invalid": _l("El código dactilar tiene 10 letras y números. Está al reverso de su cédula"),
    "registry_unavailable": _l(
        "El Registro Civil no responde ahora. No se perdió nada y este intento no cuenta: pruebe más tarde"
    ),
    "name_missing": _l("Escriba sus nombres y sus apellidos como están en su documento"),
    "name_long": _l("Escriba 100 letras como máximo"),
    "datum_missing": _l("Elija qué dato está mal"),
    "value_missing": _l("Escriba cómo debe decir"),
    "value_long": _l("Escriba hasta 200 letras"),
    "birth_date_unclear": _l("Escriba la fecha así: 1990-12-31"),
    "nothing_to_correct": _l("Eso es lo que ya dice"),
    "rectification_open": _l("Ya tiene un pedido en revisión"),
    "why_missing": _l("Escriba por qué, con 10 letras o más"),
    "name_characters": _l("Escriba solo letras, espacios, guiones y apóstrofos"),
    "already_asked": _l("Ya lo pidió y espera una decisión. No hace falta pedirlo otra vez"),
    "csr_empty": _l("Pegue su solicitud o elija el archivo"),
    "unknown_profile": _l("Elija qué certificado quiere"),
    "unknown_revocation_reason": _l("Elija por qué lo revoca"),
    "person_not_verified": _l("Hay que comprobar antes su identidad. Acérquese con su cédula a una ventanilla"),
    "holder_unknown": _l("Con pasaporte, el certificado se pide en una ventanilla"),
    "email_missing": _l("Escriba su correo electrónico"),
    "email_invalid": _l("Ese correo no está completo. Por ejemplo: maria@correo.ec"),
    "email_same": _l("Ese ya es su correo, y está confirmado. Escriba otro"),
    "nothing_to_confirm": _l("Pasó más de una hora. Pida otro código desde su cuenta"),
    "password_missing": _l("Escriba su contraseña"),
    "wrong_password": _l("Esa no es su contraseña de ahora. Escríbala otra vez"),
    "password_short": _l("La contraseña debe tener 10 letras o más. Una frase de cuatro palabras sirve"),
    "password_long": _l("La contraseña puede tener 128 letras como máximo"),
    "password_personal": _l("La contraseña no debe contener su nombre, su documento, su correo ni su celular"),
    "password_weak": _l("Esa contraseña es fácil de adivinar. Pruebe con una frase de cuatro palabras poco comunes"),
    "password_common": _l("Mucha gente usa esa contraseña y es la primera que probaría un extraño. Elija otra"),
    "password_leaked": _l("Esa contraseña se filtró de algún sitio y está en las listas de los ladrones. Elija otra"),
    "password_repeat": _l("Las dos contraseñas no son iguales. Escríbalas otra vez"),
    "code_missing": _l("Escriba el código"),
    "recovery_code_wrong": _l("Ese código no es de ese documento, o ya no sirve. Cópielo otra vez del papel"),
    "stop_unknown": _l("Ese código no existe. Cópielo otra vez del mensaje"),
    "used_code": _l("Ese código ya se usó. Espere a que cambie y escriba el nuevo"),
    "phone_same": _l("Ese ya es su celular, y está confirmado. Escriba otro"),
    "pin_digits": _l("El PIN tiene 6 dígitos"),
    "pin_easy": _l("Ese PIN es fácil de adivinar. Elija otro, que no sea parte de sus datos"),
    "dead_code": _l("Ese código ya no sirve. Pida otro"),
    "no_contact": _l("No hay un contacto confirmado al que enviar el código. Use otra forma"),
    "phone_missing": _l("Escriba su número de celular"),
    "phone_invalid": _l("Ese número no existe. Por ejemplo: 099 123 4567"),
    "phone_not_mobile": _l("Ese número no es de un celular, y los mensajes solo llegan a celulares"),
    "phone_country": _l("No enviamos mensajes a ese país. Escriba un celular del Ecuador"),
    "mail_code_dead": _l("Ese código ya no sirve. Pida otro"),
    "resend_limit": _l("Ya enviamos 5 códigos. Empiece de nuevo más tarde"),
    "institutional_name_invalid": _l("Escríbalo completo. Por ejemplo: mquispe@institucion.gob.ec"),
    "directory_unavailable": _l(
        "El directorio de su institución no responde, y sin él no podemos comprobar su contraseña. No es culpa suya. "
        "Espere unos minutos y vuelva a intentar"
    ),
    "directory_account_disabled": _l("Su institución desactivó su cuenta. Hable con su área de sistemas"),
    "directory_account_expired": _l("Su cuenta en la institución venció. Hable con su área de sistemas"),
    "directory_account_locked": _l(
        "Su institución bloqueó su cuenta por un tiempo. Espere, o hable con su área de sistemas"
    ),
    "directory_password_expired": _l(
        "Su institución pide que cambie su contraseña. Cámbiela en un equipo de su institución y vuelva a intentar"
    ),
    "directory_not_now": _l("Su institución no le permite ingresar a esta hora. Hable con su área de sistemas"),
    "cedula_taken": _l("Esa cédula ya tiene una cuenta. Ingrese con ella"),
    "session_ended": _l("Su sesión terminó. Ingrese otra vez para seguir"),
    "wrong_step": _l("Falta terminar un paso anterior. Abra la página otra vez"),
    "user_code_missing": _l("Escriba el código que muestra la pantalla"),
    "user_code_malformed": _l("El código tiene 8 letras, sin números. Cópielo como está en la pantalla"),
    "user_code_unknown": _l(
        "Ningún equipo espera con ese código. Revíselo; si pasaron 10 minutos, pida otro en el equipo"
    ),
    "passkey_refused": _l("Esa llave de acceso no sirvió. Inténtelo otra vez, o ingrese de otra forma"),
    "passkey_missing": _l("Su dispositivo no creó ninguna llave. Pulse el botón y siga lo que le pida"),
    "passkey_name": _l("Escriba 60 letras como máximo"),
    "passkey_name_missing": _l("Escriba un nombre para esta llave"),
    "passkeys_full": _l("Ya tiene 20 llaves de acceso. Quite una que no use"),
    "last_way_in": _l("Es su única forma de ingresar. Antes cree una contraseña o agregue otra llave"),
    "nothing_pending": _l("Pasó mucho tiempo. Escanee el código nuevo y escriba lo que muestra"),
}

_OTHER_CERTIFICATE = _l(
    "Para elegir otro certificado, cierre todas las ventanas del navegador y empiece de nuevo. O ingrese de otra forma."
)
_ASK_OFFICE = _l("Pida uno nuevo en la oficina que se lo entregó. Mientras tanto, ingrese de otra forma.")

PAGE_TEXTS = {
    "certificate_missing": ErrorText(
        title=_l("Su navegador no mostró ningún certificado"),
        happened=_l(
            "No hay ninguno instalado, el token no está conectado, o se eligió «Cancelar». No se entregó ningún dato."
        ),
        to_do=_l(
            "Conecte el token, cierre todas las ventanas del navegador y empiece de nuevo. O ingrese de otra forma."
        ),
    ),
    "certificate_unknown": ErrorText(
        title=_l("Ese certificado no es de SAU"),
        happened=_l("Solo sirven los certificados que emite esta autoridad. No se entregó ningún dato."),
        to_do=_OTHER_CERTIFICATE,
    ),
    "certificate_not_for_clients": ErrorText(
        title=_l("Ese certificado no es para ingresar"),
        happened=_l("Es de SAU, pero para otra cosa: firmar, o identificar a un servidor. No se entregó ningún dato."),
        to_do=_OTHER_CERTIFICATE,
    ),
    "certificate_without_person": ErrorText(
        title=_l("Ese certificado no es de una persona"),
        happened=_l("Es de una aplicación o de una institución. No se entregó ningún dato."),
        to_do=_OTHER_CERTIFICATE,
    ),
    "certificate_not_yet_valid": ErrorText(
        title=_l("Su certificado todavía no vale"),
        happened=_l("Su fecha de inicio no ha llegado. No se entregó ningún dato."),
        to_do=_l("Espere a esa fecha. Mientras tanto, ingrese de otra forma."),
    ),
    "certificate_expired": ErrorText(
        title=_l("Su certificado venció"),
        happened=_l("Pasó su fecha de fin y ya no sirve para ingresar. No se entregó ningún dato."),
        to_do=_ASK_OFFICE,
    ),
    "certificate_revoked": ErrorText(
        title=_l("Su certificado fue revocado"),
        happened=_l(
            "Usted, o quien lo emitió, lo anuló antes de tiempo. Ya no sirve para ingresar. No se entregó ningún dato."
        ),
        to_do=_ASK_OFFICE,
    ),
    "certificate_suspended": ErrorText(
        title=_l("Su certificado está suspendido"),
        happened=_l("Usted o un funcionario lo suspendió, así que no sirve para ingresar. No se entregó ningún dato."),
        to_do=_l("Ingrese de otra forma y reactívelo en su cuenta, en «Certificados»."),
    ),
    "certificate_person_inactive": ErrorText(
        title=_l("La cuenta de ese certificado está cerrada"),
        happened=_l("No se entregó ningún dato."),
        to_do=_l("Si cree que es un error, acérquese con su cédula a una oficina de atención."),
    ),
    "ticket_unknown": ErrorText(
        title=_l("Este ingreso ya no existe"),
        happened=_l("La dirección está incompleta o es de hace tiempo. No se entregó ningún dato."),
        to_do=_l("Vuelva al servicio al que quería entrar y empiece desde allí."),
    ),
    "ticket_used": ErrorText(
        title=_l("Este paso ya se hizo"),
        happened=_l("Sirve una sola vez. Si se perdió a medio camino, no pasó nada malo."),
        to_do=_l("Empiece otra vez el ingreso con certificado."),
    ),
    "ticket_expired": ErrorText(
        title=_l("Pasaron más de 5 minutos"),
        happened=_l("Por seguridad este paso venció. No se entregó ningún dato."),
        to_do=_l("Empiece otra vez el ingreso con certificado."),
    ),
    "result_expired": ErrorText(
        title=_l("El certificado se mostró hace demasiado tiempo"),
        happened=_l("Por seguridad este paso vale un minuto y una sola vez. No se entregó ningún dato."),
        to_do=_l("Empiece otra vez el ingreso con certificado."),
    ),
    "interaction_unknown": ErrorText(
        title=_l("Este ingreso ya no existe"),
        happened=_l("La dirección está incompleta o es de hace tiempo. No se entregó ningún dato."),
        to_do=_l("Vuelva al servicio al que quería entrar y empiece desde allí."),
    ),
    "interaction_foreign": ErrorText(
        title=_l("Este ingreso empezó en otro navegador"),
        happened=_l(
            "Por seguridad solo se puede terminar donde empezó. Si alguien le envió este enlace, no siga. "
            "También pasa si su navegador no guarda «cookies»."
        ),
        to_do=_l("Vuelva al servicio al que quería entrar y empiece desde allí."),
    ),
    "interaction_finished": ErrorText(
        title=_l("Este ingreso ya terminó"),
        happened=_l("Usted ya ingresó con esta página, o la abrió otra vez con el botón Atrás. No pasó nada malo."),
        to_do=_l("Vuelva al servicio, o vaya a su cuenta."),
    ),
    "interaction_expired": ErrorText(
        title=_l("Pasaron más de 30 minutos"),
        happened=_l("Por seguridad el ingreso venció. No se entregó ningún dato."),
        to_do=_l("Vuelva al servicio al que quería entrar y empiece de nuevo."),
    ),
    "sign_up_unknown": ErrorText(
        title=_l("Este registro ya no existe"),
        happened=_l("La dirección está incompleta o es de hace tiempo."),
        to_do=_l("Empiece de nuevo a crear su cuenta."),
    ),
    "sign_up_foreign": ErrorText(
        title=_l("Este registro empezó en otro navegador"),
        happened=_l("Por seguridad solo se puede terminar donde empezó."),
        to_do=_l("Siga en el navegador donde empezó, o empiece de nuevo aquí."),
    ),
    "sign_up_finished": ErrorText(
        title=_l("Su cuenta ya está creada"),
        happened=_l("Este registro ya terminó."),
        to_do=_l("Ingrese con su cédula y su contraseña."),
    ),
    "sign_up_expired": ErrorText(
        title=_l("Pasó más de una hora"),
        happened=_l("Por seguridad el registro venció y borramos lo que escribió."),
        to_do=_l("Empiece de nuevo a crear su cuenta."),
    ),
    "reset_unknown": ErrorText(
        title=_l("Este pedido ya no sirve"),
        happened=_l("La dirección está incompleta, o se pidió otra contraseña después."),
        to_do=_l("Pida de nuevo una contraseña."),
    ),
    "reset_foreign": ErrorText(
        title=_l("Este pedido empezó en otro navegador"),
        happened=_l("Por seguridad solo se puede terminar donde empezó."),
        to_do=_l("Siga en el navegador donde empezó, o empiece de nuevo aquí."),
    ),
    "reset_finished": ErrorText(
        title=_l("Su contraseña ya cambió"),
        happened=_l("Este pedido ya terminó."),
        to_do=_l("Ingrese con su contraseña nueva."),
    ),
    "reset_expired": ErrorText(
        title=_l("Pasaron más de 30 minutos"),
        happened=_l("Por seguridad el pedido venció. Su contraseña no cambió."),
        to_do=_l("Pida de nuevo una contraseña."),
    ),
    "link_unknown": ErrorText(
        title=_l("Este enlace no es válido"),
        happened=_l("La dirección está incompleta o cambió al copiarla."),
        to_do=_l("Copie el enlace completo, o pida otro a quien se lo dio."),
    ),
    "link_used": ErrorText(
        title=_l("Este enlace ya se usó"),
        happened=_l("Sirve una sola vez. Si no fue usted, avise enseguida a quien se lo dio."),
        to_do=_l("Si ya creó su contraseña, ingrese con su cédula."),
    ),
    "link_superseded": ErrorText(
        title=_l("Hay un enlace más nuevo"),
        happened=_l("Después de este se hizo otro, y solo sirve el último."),
        to_do=_l("Use el último enlace que recibió."),
    ),
    "link_expired": ErrorText(
        title=_l("Este enlace venció"),
        happened=_l("Los enlaces sirven por 72 horas."),
        to_do=_l("Pida otro a quien se lo dio."),
    ),
    "recovery_unknown": ErrorText(
        title=_l("Esta recuperación ya no existe"),
        happened=_l("La dirección está incompleta o es de hace tiempo."),
        to_do=_l("Escriba otra vez el código del papel."),
    ),
    "recovery_foreign": ErrorText(
        title=_l("El código se escribió en otro navegador"),
        happened=_l("Por seguridad solo se sigue donde se escribió por última vez."),
        to_do=_l("Escriba otra vez el código del papel aquí."),
    ),
    "recovery_finished": ErrorText(
        title=_l("Su cuenta ya se recuperó"),
        happened=_l("El papel sirve una sola vez. Si no fue usted, acérquese hoy a una oficina con su documento."),
        to_do=_l("Ingrese con su cédula y su contraseña nueva."),
    ),
    "recovery_over": ErrorText(
        title=_l("Esta recuperación terminó"),
        happened=_l("Alguien la detuvo, o pasaron más de siete días. Su cuenta sigue como estaba."),
        to_do=_l("Si todavía la necesita, vuelva a la oficina con su documento."),
    ),
    "stop_unknown": ErrorText(
        title=_l("Este enlace no es válido"),
        happened=_l("La dirección está incompleta o cambió al copiarla."),
        to_do=_l("Copie el enlace completo del aviso."),
    ),
    "stop_over": ErrorText(
        title=_l("Ya no hay nada que detener"),
        happened=_l("Esa recuperación se detuvo antes, o venció sin usarse. Su cuenta sigue como estaba."),
        to_do=_l("Si algo le preocupa, ingrese y revise su actividad."),
    ),
    "stop_finished": ErrorText(
        title=_l("Llegó tarde: la cuenta ya se recuperó"),
        happened=_l("El plazo pasó y alguien usó el papel de la oficina."),
        to_do=_l("Si no fue usted, acérquese hoy mismo con su documento a una oficina de atención."),
    ),
    "request_expired": ErrorText(
        title=_l("El pedido venció"),
        happened=_l("Pasó demasiado tiempo desde que el equipo o la institución lo pidió. No se entregó ningún dato."),
        to_do=_l("Pida de nuevo entrar, y decida mientras el pedido esté vigente."),
    ),
    "unknown_request": ErrorText(
        title=_l("Esa solicitud no existe"),
        happened=_l("La dirección está incompleta, o la solicitud es de otra persona."),
        to_do=_l("Mire en su cuenta las solicitudes que esperan su respuesta."),
    ),
    "request_decided": ErrorText(
        title=_l("Este pedido ya se decidió"),
        happened=_l("Alguien lo permitió o lo negó antes. Cada pedido se decide una sola vez."),
        to_do=_l("Si no fue usted, mire la actividad de su cuenta."),
    ),
    "too_many_tries": ErrorText(
        title=_l("Espere un momento"),
        happened=_l("Hubo demasiados intentos seguidos. La pausa cuida su cuenta de quien quiera adivinar."),
        to_do=_l("Después de la pausa podrá seguir."),
    ),
}


def words_for(error: ServiceError) -> str:
    """Return what to tell beside the field (or in the summary) that ``error`` is about, in the reader's language."""
    if isinstance(error, WrongCredentialsError):
        return str(_("El documento o la contraseña no coinciden.") + " " + tries_left(error.tries_left))
    if isinstance(error, SecondFactorMismatchError) and error.code == "wrong_code":
        return str(_("Ese código no es correcto.") + " " + tries_left(error.tries_left))
    if isinstance(error, MailCodeMismatchError):
        return str(_("Ese código no es el que enviamos.") + " " + tries_left(error.tries_left))
    if isinstance(error, RegistryMismatchError):
        return str(
            _("Sus respuestas no coinciden con lo que consta en el Registro Civil.")
            + " "
            + (tries_left(error.tries_left) if error.tries_left else _("No le quedan intentos por hoy."))
        )
    if error.code == "sms_day_used_up":
        return str(_("Hoy no se pueden enviar más mensajes de texto. Use otra forma, o intente mañana"))
    if error.code == "resend_too_soon":
        return str(_("Acabamos de enviar un código. Mire en «no deseados», o pida otro después de un minuto"))
    if isinstance(error, Throttled):
        return wait_words(error)
    if error.code == "wrong_code":
        return str(_("Ese código no es correcto. Escriba el que muestra ahora su aplicación"))
    if error.code == "cedula_length":
        return str(_("La cédula tiene %(count)s dígitos y deben ser 10", count=error.public_detail))
    known = _BY_FIELD.get(error.code)
    return str(known if known is not None else _("Revise este dato"))


def tries_left(count: int) -> str:
    """Return how many tries are left, in words."""
    if count == 0:
        return str(_("No le quedan intentos: espere 15 minutos."))
    return str(ngettext("Le queda %(num)d intento", "Le quedan %(num)d intentos", count))


def wait_words(error: Throttled) -> str:
    """Return how long to wait, in words."""
    minutes = math.ceil(error.retry_after.total_seconds() / 60)
    return str(
        ngettext(
            "Demasiados intentos seguidos. Espere %(num)d minuto y vuelva a intentar",
            "Demasiados intentos seguidos. Espere %(num)d minutos y vuelva a intentar",
            minutes,
        )
    )
