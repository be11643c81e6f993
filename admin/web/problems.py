"""What is said beside a field when a use case refuses what was typed into it."""

from __future__ import annotations

from collections.abc import Mapping

from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from admin.web.words import Text
from kernel.errors import ServiceError

PROBLEMS: Mapping[str, Text] = {
    "username_missing": _l("Escriba la cédula o el pasaporte"),
    "passport_unclear": _l("Escriba el país, un guion y el número. Por ejemplo: COL-AB123456"),
    "passport_state_unknown": _l("Ningún país tiene esas tres letras"),
    "passport_own_state": _l("Quien tiene pasaporte ecuatoriano tiene cédula: escriba la cédula"),
    "passport_missing": _l("Escriba también el número del pasaporte"),
    "passport_invalid": _l("El número de un pasaporte tiene de 5 a 9 letras y dígitos"),
    "cedula_missing": _l("Escriba la cédula"),
    "cedula_invalid": _l("Esa cédula no existe: revise los 10 dígitos"),
    "cedula_length": _l("La cédula debe tener 10 dígitos"),
    "unknown_person": _l("Nadie con ese documento tiene una cuenta. La búsqueda quedó registrada"),
    "reason_missing": _l("Escriba el motivo"),
    "reason_short": _l("El motivo es muy corto: escriba al menos 10 letras"),
    "reason_long": _l("El motivo es muy largo: hasta 300 letras"),
    "own_identity": _l(
        "Nadie comprueba su propia identidad: tiene que atenderlo otra persona. El intento quedó registrado"
    ),
    "own_recovery": _l("Nadie recupera su propia cuenta: lo atiende otra persona. El intento quedó registrado"),
    "words_missing": _l("Escriba qué encontró, en al menos 10 letras: la persona lo lee"),
    "words_long": _l("Escriba hasta 500 letras"),
    "own_report": _l("Es su propio reporte: lo cierra otra persona. El intento quedó registrado"),
    "report_closed": _l("Ya estaba cerrado"),
    "recovery_open": _l("Ya hay una recuperación abierta de esta persona: véala en «Recuperaciones»"),
    "recovery_decided": _l("Ya se decidió, o pasó el día: hay que abrirla de nuevo"),
    "stop_over": _l("Ya había terminado"),
    "stop_finished": _l("La cuenta ya se recuperó: no se puede detener. Si no fue la persona, abra otra"),
    "same_officer": _l("Usted lo propuso: tiene que aprobarlo otra persona. El intento quedó registrado"),
    "document_missing": _l("Elija el documento que le mostró"),
    "document_method_missing": _l("Elija cómo comprobó el documento"),
    "document_not_compared": _l("Compare nombre, número y foto, y márquelo"),
    "unknown_desk": _l("Elija una oficina de la lista"),
    "not_active": _l("La cuenta no está activa"),
    "check_waits": _l("Ya hay una comprobación que espera a otra persona de ventanilla"),
    "check_decided": _l("Ya se decidió, o pasó el día: hay que comprobarla de nuevo"),
    "own_role": _l("Nadie se da un rol a sí mismo. Pídalo a otra persona de administración"),
    "role_already_held": _l("La persona ya tiene este rol"),
    "role_not_institutional": _l("Ese rol alcanza a todo el servicio: elija «Todas»"),
    "last_administrator": _l("Es la última persona de administración: dé antes el rol a otra"),
    "unknown_institution": _l("Elija una institución de la lista"),
    "bad_ruc": _l("El RUC tiene 13 dígitos y termina en 001 o más"),
    "bad_institution_name": _l("Escriba el nombre oficial, hasta 200 letras"),
    "institution_exists": _l("Ya hay una institución con ese RUC"),
    "ruc_taken": _l("Ya hay una institución con ese RUC"),
    "domain_taken": _l("Uno de esos dominios ya es de otra institución"),
    "bad_domain": _l("Un dominio no está bien escrito o es de todos, como gob.ec"),
    "revocation_reason_missing": _l("Elija el motivo"),
    "unknown_revocation_reason": _l("Elija un motivo de la lista"),
    "reason_for_authorities_only": _l("Ese motivo es para autoridades: elija «Clave comprometida»"),
    "reason_not_for_authorities": _l("Para una autoridad elija «Autoridad comprometida»"),
    "compromise_date_without_compromise": _l("La fecha solo va con una clave comprometida: bórrela o cambie el motivo"),
    "compromise_in_future": _l("La fecha está en el futuro"),
    "bad_date_since": _l("Escriba una fecha"),
    "bad_date_until": _l("Escriba una fecha"),
    "bad_moment": _l("Escriba fecha y hora"),
    "certificate_expired": _l("Ya venció: un certificado vencido no se revoca"),
    "already_revoked": _l("Ya está revocado; solo puede cambiar a clave comprometida"),
    "root_is_withdrawn_by_hand": _l("Una raíz no se revoca: se retira de los almacenes de confianza"),
    "nothing_selected": _l("Elija al menos una institución, una autoridad, un perfil o números de serie"),
    "nothing_to_revoke": _l("Ningún certificado vigente cumple todo eso"),
    "bad_serial": _l("Un número de serie tiene de 1 a 40 cifras hexadecimales"),
    "too_many_serials": _l("Son demasiados números de serie: hasta 10 000"),
    "same_person": _l("Usted lo propuso: otra persona tiene que aprobarlo"),
    "mass_revocation_decided": _l("Ya se decidió"),
    "csr_empty": _l("Pegue la solicitud o elija un archivo"),
    "csr_too_large": _l("La solicitud pasa de 64 kB: no parece una solicitud de certificado"),
    "csr_private_key": _l("Eso es una clave privada: no la envíe a nadie. Haga otra clave y suba solo la solicitud"),
    "csr_wrong_pem": _l("Eso no es una solicitud de certificado: debe empezar con BEGIN CERTIFICATE REQUEST"),
    "csr_bad_pem": _l("El texto está dañado: cópielo entero, con la primera y la última línea"),
    "csr_malformed": _l("El archivo no tiene la forma de una solicitud de certificado (PKCS#10)"),
    "csr_bad_signature": _l("La firma de la solicitud no cuadra: la cambiaron o se hizo con otra clave"),
    "csr_weak_signature": _l("La solicitud está firmada con un método débil: use SHA-256"),
    "csr_unsupported_key": _l("Ese tipo o tamaño de clave no se acepta"),
    "key_type_refused": _l("El perfil no acepta ese tipo de clave"),
    "rsa_too_short": _l("La clave RSA es muy corta: use 3072 bits"),
    "rsa_odd_size": _l("El tamaño de la clave RSA no es un múltiplo de 8"),
    "rsa_bad_exponent": _l("El exponente de la clave RSA no se acepta"),
    "weak_key": _l("La clave es débil y otros podrían calcularla: haga otra"),
    "key_compromised": _l("Esa clave fue reportada como comprometida: haga otra"),
    "key_of_authority": _l("Esa clave es de una autoridad: haga otra"),
    "key_of_another_subject": _l("Otro titular ya usa esa clave: haga otra"),
    "key_in_other_profile": _l("Esa clave ya está certificada para otro uso: haga otra"),
    "authority_refused": _l("La solicitud pide ser una autoridad: ningún perfil lo da"),
    "usage_refused": _l("La solicitud pide un uso de la clave que el perfil no da"),
    "purpose_refused": _l("La solicitud pide un uso extendido que el perfil no da"),
    "name_kind_refused": _l("La solicitud pide una clase de nombre que el perfil no da"),
    "name_not_registered": _l("Un nombre no está bajo los dominios registrados de la institución"),
    "address_not_registered": _l("Una dirección IP no está en las redes registradas de la institución"),
    "address_reserved": _l("Una dirección IP es de uso reservado"),
    "bad_address": _l("Una dirección IP no está bien escrita"),
    "name_is_address": _l("Una dirección IP está puesta como nombre"),
    "name_public_suffix": _l("Un nombre es de todos, como gob.ec"),
    "name_not_qualified": _l("Un nombre no es completo: le falta el dominio"),
    "name_not_ascii": _l("Un nombre tiene tildes u otras letras: use su forma xn--"),
    "name_not_ldh": _l("Un nombre tiene un signo que los nombres de Internet no llevan"),
    "name_too_long": _l("Un nombre es demasiado largo"),
    "name_empty": _l("Un nombre está vacío"),
    "name_edge_space": _l("Un nombre empieza o termina con un espacio"),
    "name_control_character": _l("Un nombre tiene un carácter que no se ve"),
    "name_look_alike": _l("Un nombre se parece demasiado a otro: tiene letras que se confunden"),
    "name_mixed_script": _l("Un nombre mezcla alfabetos"),
    "wildcard_refused": _l("El comodín * no se acepta en ese lugar"),
    "duplicate_name": _l("Un nombre está dos veces"),
    "too_many_names": _l("La solicitud tiene demasiados nombres"),
    "no_names": _l("La solicitud no dice para qué servidor es: ponga su nombre en subjectAltName"),
    "common_name_not_listed": _l("El nombre común no está entre los otros nombres"),
    "several_common_names": _l("La solicitud tiene más de un nombre común"),
    "institution_missing": _l("Elija la institución"),
    "unknown_input": _l("Hay un dato que este perfil no usa"),
    "input_missing": _l("Llene este dato"),
    "too_many_inputs": _l("Llene la cédula o el pasaporte, no los dos"),
    "bad_passport": _l("Un pasaporte tiene de 5 a 20 letras y dígitos"),
    "bad_country": _l("Escriba el país con sus dos letras, por ejemplo EC"),
    "name_internal": _l("Un nombre es de redes internas: nadie lo tiene en Internet"),
    "bad_cedula": _l("Esa cédula no existe: revise los 10 dígitos"),
    "holder_unknown": _l("Nadie con ese documento tiene una cuenta aquí"),
    "person_not_verified": _l("La identidad de esa cuenta no está comprobada todavía"),
    "holder_changed": _l("Otra persona tiene ahora esa cédula: hay que pedirlo de nuevo"),
    "bad_phone": _l("Escriba el teléfono con dígitos, por ejemplo 02 398 0000"),
    "other_channel": _l("Se pidió desde la línea de comandos: apruébela también ahí otra persona"),
    "own_request": _l("Usted hizo esta solicitud: tiene que aprobarla otra persona"),
    "already_approved": _l("Usted ya la aprobó: falta la aprobación de otra persona"),
    "request_not_open": _l("La solicitud ya no espera una decisión: otra persona decidió antes"),
    "request_expired": _l("El plazo venció: quien la pidió debe volver a prepararla"),
    "request_not_expired": _l("La solicitud sigue en plazo"),
    "bytes_changed": _l("Lo que se firmaría cambió desde que usted lo vio: revíselo otra vez"),
    "profile_changed": _l("El perfil cambió desde que se pidió: hay que pedirlo de nuevo"),
    "too_much_backdating": _l("Las fechas son demasiado viejas para firmar: hay que prepararla de nuevo"),
    "lint_blocked": _l("La revisión automática encontró algo que impide emitir"),
}


def problem(error: ServiceError) -> str:
    """Return the sentence for ``error``."""
    if error.code in PROBLEMS:
        return str(PROBLEMS[error.code])
    text: str = gettext("No se pudo: %(detail)s", detail=error.public_detail or error.code)
    return text


def refusal_words(reason: str | None) -> str:
    """Return why a request was refused: the sentence of a person, or what a code of the authority means."""
    if not reason:
        return ""
    return str(PROBLEMS[reason]) if reason in PROBLEMS else reason
