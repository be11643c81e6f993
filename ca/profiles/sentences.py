"""The sentences that explain profiles, in both languages of the operators, each with its clause."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """One explanation. :ivar es: in Spanish. :ivar en: in English."""

    es: str
    en: str


def _w(es: str, en: str) -> Words:
    return Words(es, en)


PARTS: dict[str, tuple[str, Words]] = {
    "version": (
        "RFC 5280 §4.1.2.1",
        _w("Lleva extensiones, así que es la versión 3.", "It has extensions, so it is version 3."),
    ),
    "serialNumber": (
        "RFC 5280 §4.1.2.2; BR §7.1",
        _w(
            "Un número al azar que no se repite en ninguna autoridad de la casa.",
            "A random number that no authority of the house gives twice.",
        ),
    ),
    "issuer": (
        "RFC 5280 §4.1.2.4",
        _w("La autoridad que firma, con su nombre byte por byte.", "The authority that signs, its name byte for byte."),
    ),
    "validity": (
        "RFC 5280 §4.1.2.5",
        _w(
            "Cuánto vale como máximo; los dos extremos cuentan y nunca pasa del fin de la autoridad.",
            "The longest validity; both ends count, and it never outlives its authority.",
        ),
    ),
    "validity by schedule": (
        "BR §6.3.2",
        _w(
            "Cuánto vale como máximo; el calendario público lo acorta solo desde 2027 y 2029.",
            "The longest validity; the public schedule shortens it by itself from 2027 and 2029 on.",
        ),
    ),
    "subjectPublicKeyInfo": (
        "BR §6.1.5, §6.1.6, §6.1.1.3",
        _w(
            "Las clases de clave que se aceptan; las débiles, conocidas o ajenas se rechazan.",
            "The kinds of keys that are taken; weak, publicly known and other people's keys are refused.",
        ),
    ),
    "authorityKeyIdentifier": (
        "RFC 5280 §4.2.1.1; BR §7.1.2.11.1",
        _w(
            "Con qué clave se firmó: así se encuentra el certificado emisor.",
            "Which key signed it: that is how the issuer's certificate is found.",
        ),
    ),
    "subjectKeyIdentifier": (
        "RFC 5280 §4.2.1.2",
        _w(
            "Un nombre corto de esta clave, para encontrar el certificado por ella.",
            "A short name of this key, to find the certificate by it.",
        ),
    ),
    "subjectAltName": (
        "RFC 5280 §4.2.1.6; BR §3.2.2.4, §7.1.2.7.12",
        _w(
            "Los nombres que sirve, cada uno bajo un dominio registrado de la institución o con control probado.",
            "The names that it serves, each under a registered domain of the institution or with proved control.",
        ),
    ),
    "subjectAltName by control": (
        "RFC 5280 §4.2.1.6; BR §3.2.2.4, §7.1.2.7.12",
        _w(
            "Los nombres que sirve; el control de cada uno se probó al pedirlo.",
            "The names that it serves; control of each was proved when it was asked for.",
        ),
    ),
    "reserved policy": (
        "BR §7.1.6.1",
        _w(
            "La política pública que cumple: cómo se validó a quien lo tiene.",
            "The public policy that it is issued under: how its holder was validated.",
        ),
    ),
    "certificatePolicies": (
        "RFC 5280 §4.2.1.4",
        _w(
            "La política propia de este perfil, con la dirección de la declaración de prácticas.",
            "This profile's own policy, with the address of the practice statement.",
        ),
    ),
    "userNotice": (
        "RFC 5280 §4.2.1.4; Law 67 Art. 22",
        _w(
            "Quién emite y su domicilio legal, cómo se verificó al titular, y para qué sirve.",
            "Who issues and its legal domicile, how the holder was verified, and the limits of use.",
        ),
    ),
    "cRLDistributionPoints": (
        "RFC 5280 §4.2.1.13",
        _w("Dónde está la lista de revocados que le toca.", "Where the list is on which it would stand if revoked."),
    ),
    "authorityInfoAccess": (
        "RFC 5280 §4.2.2.1; BR §7.1.2.7.7",
        _w(
            "Dónde preguntar por su estado (OCSP primero) y dónde bajar el certificado emisor.",
            "Where to ask for its status (OCSP first) and where to fetch the issuer's certificate.",
        ),
    ),
    "freshestCRL": (
        "RFC 5280 §4.2.1.15",
        _w("Dónde está la lista corta de lo que cambió.", "Where the short list of recent changes is."),
    ),
    "noRevAvail": (
        "RFC 9608 §2; BR §7.1.2.11.2",
        _w(
            "Dice que no se busque su estado: vence antes de que sirva revocarlo.",
            "Says that no status is to be looked for: it ends before a revocation would be of use.",
        ),
    ),
    "privateKeyUsagePeriod": (
        "ETSI EN 319 422 §6",
        _w(
            "Hasta cuándo firma la clave; el certificado vale más, para comprobar lo que firmó.",
            "Until when the key signs; the certificate lives longer, so that what it signed can be checked.",
        ),
    ),
    "id-pkix-ocsp-nocheck": (
        "RFC 6960 §4.2.2.2.1",
        _w(
            "De quien responde por el estado no se pregunta el estado.",
            "Nobody asks for the status of who answers for status.",
        ),
    ),
    "national field": ("Certificate authority, line 10", _w("", "")),
}

ATTRIBUTES: dict[str, tuple[str, Words]] = {
    "countryName": (
        "RFC 5280 app. A.1",
        _w("El país del titular, en dos letras.", "The holder's country, in two letters."),
    ),
    "stateOrProvinceName": (
        "BR §7.1.2.7.4",
        _w("La provincia donde está la institución.", "The province where the institution is seated."),
    ),
    "organizationName": (
        "BR §7.1.2.7.4; ETSI EN 319 412-3 §4.2.1",
        _w(
            "La institución, como está en el registro; abreviada si pasa de 64 caracteres.",
            "The institution as registered; abbreviated if it has more than 64 characters.",
        ),
    ),
    "organizationIdentifier": (
        "ETSI EN 319 412-1 §5.1.4",
        _w("El RUC, con la forma que se entiende fuera del país.", "The RUC, in the form that is understood abroad."),
    ),
    "title": (
        "X.520 §6.4.3",
        _w("El cargo, como consta en el nombramiento.", "The position, as the appointment says it."),
    ),
    "serialNumber": (
        "ETSI EN 319 412-1 §5.1.3",
        _w(
            "Lo que distingue al titular de otro del mismo nombre: cédula, pasaporte o identificador.",
            "What tells the holder from another of the same name: cédula, passport or identifier.",
        ),
    ),
    "surname": ("ETSI EN 319 412-2 §4.2.4", _w("Los apellidos del documento.", "The surnames of the document.")),
    "givenName": ("ETSI EN 319 412-2 §4.2.4", _w("Los nombres del documento.", "The given names of the document.")),
    "commonName": (
        "ETSI EN 319 412-2 §4.2.4; BR §7.1.4.3",
        _w(
            "El nombre que muestran los programas; en un servidor repite uno de sus otros nombres.",
            "The name that programs show; of a server it repeats one of the alternative names.",
        ),
    ),
}

USAGES: dict[str, tuple[str, Words]] = {
    "digitalSignature": (
        "RFC 5280 §4.2.1.3",
        _w(
            "La clave firma: para identificarse o para firmar datos.",
            "The key signs: to authenticate, or to sign data.",
        ),
    ),
    "contentCommitment": (
        "RFC 5280 §4.2.1.3; ETSI EN 319 412-2 §4.3.2",
        _w(
            "Quien firma se compromete con lo firmado (no repudio).",
            "Who signs commits to what is signed (non-repudiation).",
        ),
    ),
    "keyEncipherment": ("RFC 5280 §4.2.1.3", _w("Se le cifran claves.", "Keys are encrypted to it.")),
    "dataEncipherment": ("RFC 5280 §4.2.1.3", _w("Se le cifran datos.", "Data are encrypted to it.")),
    "keyAgreement": ("RFC 5280 §4.2.1.3", _w("Con ella se acuerdan claves.", "Keys are agreed with it.")),
}

PURPOSES: dict[str, tuple[str, Words]] = {
    "serverAuth": ("RFC 5280 §4.2.1.12", _w("Es un servidor TLS.", "It is a TLS server.")),
    "clientAuth": ("RFC 5280 §4.2.1.12", _w("Se identifica ante servidores TLS.", "It authenticates to TLS servers.")),
    "codeSigning": ("RFC 5280 §4.2.1.12", _w("Firma programas.", "It signs programs.")),
    "timeStamping": (
        "RFC 3161 §2.3",
        _w("Firma sellos de tiempo, y nada más.", "It signs time-stamps, and nothing else."),
    ),
    "documentSigning": ("RFC 9336 §3", _w("Firma documentos.", "It signs documents.")),
    "cmcCA": (
        "RFC 9810 §4.5; RFC 6402 §2.10",
        _w("Firma mensajes de CMP de la autoridad.", "It signs the authority's messages of CMP."),
    ),
    "OCSPSigning": (
        "RFC 6960 §4.2.2.2",
        _w("Responde por el estado de los certificados.", "It answers for the status of certificates."),
    ),
}

NATIONAL_FIELDS: dict[int, Words] = {
    1: _w("Cédula o pasaporte.", "Cédula or passport."),
    2: _w("Nombres.", "Given names."),
    3: _w("Primer apellido.", "First surname."),
    4: _w("Segundo apellido.", "Second surname."),
    5: _w("Cargo.", "Position."),
    6: _w("Institución.", "Institution."),
    7: _w("Dirección.", "Address."),
    8: _w("Teléfono.", "Telephone."),
    9: _w("Ciudad.", "City."),
    10: _w("Razón social.", "Legal name."),
    11: _w("RUC.", "RUC."),
    12: _w("País.", "Country."),
}

# What a profile rules beside what stands in the certificate.
RULES: dict[str, Words] = {
    "title": _w("Nombre del perfil", "Name of the profile"),
    "explanation": _w("Lo que se explica a quien pide", "What whoever asks is told"),
    "people": _w("Personas que deben estar de acuerdo", "People who must agree"),
    "asked": _w("Cómo se pide", "How it is asked for"),
    "inputs": _w("Datos que se escriben al pedir", "What is filled in when it is asked for"),
    "names": _w("Nombres de servidores", "Names of servers"),
    "dropped": _w("Usos pedidos por costumbre, que se omiten", "Usages asked for by habit, that are left out"),
    "keys_made_here": _w("El servicio puede hacer la clave", "The service may make the key"),
    "may_be_held": _w("Se puede suspender", "It may be suspended"),
    "needs_person": _w(
        "El titular debe tener cuenta con identidad comprobada", "Its holder has an account with a verified identity"
    ),
    "lint": _w("Revisión externa", "Outside linter"),
    "accepted": _w("Avisos externos que se aceptan", "Outside findings that are accepted"),
}
VALUES: dict[str, Words] = {
    "yes": _w("Sí", "Yes"),
    "no": _w("No", "No"),
    "by_hand": _w("A mano o por un protocolo", "By hand or by a protocol"),
    "by_protocol": _w("Solo por un protocolo", "By a protocol only"),
    "own": _w("Es del propio servicio", "It is the service's own"),
    "dns_required": _w("Obligatorios", "Required"),
    "dns_allowed": _w("Permitidos", "Allowed"),
    "dns_refused": _w("Ninguno", "None"),
    "proof_register": _w(
        "Bajo un dominio registrado, o con control probado", "Under a registered domain, or with proved control"
    ),
    "proof_control": _w("Con control probado cada vez", "With control proved each time"),
    "wildcards": _w("También comodines (*.dominio)", "Wildcards, too (*.domain)"),
    "addresses": _w("También direcciones IP", "IP addresses, too"),
}
# What versions brought, as the files say it in English, in the other language of the operators.
CHANGES: dict[str, str] = {
    "The first form.": "La primera forma.",
    (
        "The notice names the issuing organization and its legal domicile as they are set, "
        "not as they were written here."
    ): ("El aviso nombra a la organización emisora y su domicilio legal como están configurados."),
    "It may be suspended and taken up again; nothing in the certificate itself changes.": (
        "Se puede suspender y reactivar; en el certificado mismo nada cambia."
    ),
    "A holder who brings no key may have one made here; it is handed over once.": (
        "A quien no trae clave se le puede hacer una aquí; se entrega una sola vez."
    ),
    "Where it points for its status is told in words; it is nowhere.": (
        "Se dice en palabras dónde se consulta su estado: en ninguna parte."
    ),
    "The application's identifier tells two applications of one name apart.": (
        "El identificador de la aplicación distingue a dos del mismo nombre."
    ),
    "ML-DSA-65 keys, for applications that keep secrets beyond quantum computers (RFC 9881).": (
        "Claves ML-DSA-65, para aplicaciones cuyos secretos deben resistir a computadores cuánticos (RFC 9881)."
    ),
}


def change_words(text: str) -> Words:
    """Return what a version brought in both languages; one that nobody translated stays English in both."""
    return Words(CHANGES.get(text, text), text)
