"""What profiles are called, what they are for and what they ask for, in the words that they carry: to be translated.

A test holds it to the profiles as they are.
"""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from admin.web.words import Text

PROFILE_WORDS: tuple[Text, ...] = (
    _l("Respuestas CMP"),
    _l("Lo emite el propio servicio para firmar sus mensajes de CMP. No se puede pedir."),
    _l("Nombre de la unidad"),
    _l("Lo pone el servicio."),
    _l("Firma de código"),
    _l(
        "La institución firma con él los programas que entrega. Pida que la clave nazca y viva en un "
        "dispositivo que no la deje salir, y véalo antes de aprobar. Lo aprueban dos personas."
    ),
    _l("Sello de institución"),
    _l(
        "La institución sella documentos con él, sin nombrar a ninguna persona. Lleva el RUC y la razón "
        "social del registro. Lo aprueban dos personas."
    ),
    _l("Nombre del sello"),
    _l("Por ejemplo, la unidad que sella. Si lo deja vacío, el nombre de la institución."),
    _l("Firma de representante legal"),
    _l(
        "La persona que representa a la institución firma con él en nombre de ella. Verifique su cédula, y en "
        "el nombramiento inscrito que hoy la representa. Si deja de representarla, revóquelo. Lo aprueban dos "
        "personas."
    ),
    _l("Cédula"),
    _l("O el pasaporte. Compárela con el documento."),
    _l("Pasaporte"),
    _l("Solo si no tiene cédula."),
    _l("País del pasaporte"),
    _l("Dos letras, del país que lo dio."),
    _l("Nombres"),
    _l("Como constan en el documento, con tildes."),
    _l("Primer apellido"),
    _l("Como consta en el documento."),
    _l("Segundo apellido"),
    _l("Vacío si tiene uno solo."),
    _l("Cargo"),
    _l("Como consta en el nombramiento: gerente general, rector, alcaldesa."),
    _l("Dirección"),
    _l("De la institución. El certificado es público."),
    _l("Teléfono"),
    _l("De la institución."),
    _l("Ciudad"),
    _l("Firma de registros públicos"),
    _l(
        "Lo emite el propio servicio para la clave con que firma sus registros públicos (auditoría y "
        "certificados). No se puede pedir. La clave no cambia; el certificado se renueva."
    ),
    _l("Nombre del registro"),
    _l("Firma de persona natural"),
    _l(
        "Una persona firma con él por sí misma, en nombre de nadie más. Compruebe su identidad con ella "
        "presente y con su cédula o pasaporte. Lo aprueban dos personas."
    ),
    _l("RUC personal"),
    _l("Si lo tiene y lo quiere en el certificado."),
    _l("El certificado es público: déjela vacía si puede."),
    _l("El certificado es público: déjelo vacío si puede."),
    _l("Donde vive."),
    _l("Respondedor OCSP"),
    _l("Lo emite el propio servicio para firmar el estado de los certificados. No se puede pedir."),
    _l("Nombre del respondedor"),
    _l("Ingreso de persona"),
    _l(
        "Con él una persona ingresa a los servicios sin contraseña. La persona ya tiene cuenta, con identidad "
        "comprobada; sus nombres se toman de ahí. Compruebe que tiene delante a esa persona y que la clave es "
        "suya. Lo aprueban dos personas."
    ),
    _l("De una cuenta con identidad comprobada."),
    _l("Del registro de personas."),
    _l("Apellidos"),
    _l("Firma de servidor público"),
    _l(
        "Una persona firma con él los actos de su cargo. Verifique su cédula y su nombramiento antes de "
        "pedirlo. Lo aprueban dos personas."
    ),
    _l("Diez dígitos; compárela con el documento."),
    _l("Como constan en la cédula, con tildes."),
    _l("Como consta en la cédula."),
    _l("Como consta en el nombramiento."),
    _l("Donde trabaja."),
    _l("Sellado de tiempo"),
    _l(
        "Lo emite el propio servicio a su unidad de sellado de tiempo. No se puede pedir. Su clave firma un "
        "año; el certificado vale tres, para que los sellos se puedan comprobar."
    ),
    _l("Aplicación (cliente TLS)"),
    _l(
        "Con él una aplicación de la institución se identifica ante otros servicios, también ante este. Solo "
        "sirve dentro del Estado, así que basta una persona."
    ),
    _l("Nombre de la aplicación"),
    _l("Como la conoce la institución."),
    _l("Identificador de la aplicación en este servicio"),
    _l("Su client_id, si está registrada aquí. Distingue a dos aplicaciones del mismo nombre."),
    _l("Servidor TLS"),
    _l(
        "Para los servidores web de una institución. Los nombres deben estar bajo sus dominios registrados. "
        "Vale 199 días como máximo y lo aprueban dos personas."
    ),
    _l("Servidor TLS automático (ACME)"),
    _l(
        "Un servidor web lo pide y lo renueva solo, por ACME, tras probar que controla cada nombre. No se "
        "pide a mano. Vale 90 días como máximo; basta una persona: la que dio a la institución su cuenta de "
        "ACME."
    ),
    _l("Servidor TLS de corta vida"),
    _l(
        "Vale siete días y se renueva solo, por ACME, tras probar que controla cada nombre. No lleva "
        "direcciones de estado: vence antes de que sirva revocarlo. No se pide a mano."
    ),
)
