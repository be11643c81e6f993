"""What the two portals say: their names, their services, their colours, and what claims are called in Spanish."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Service:
    """One thing that a citizen can do here."""

    title: str
    text: str
    state: str


@dataclass(frozen=True)
class Face:
    """How a portal presents itself.

    :ivar scope: what it asks the provider for, and no more than its services need.
    """

    theme: str
    owner: str
    title: str
    lead: str
    services_title: str
    services: tuple[Service, ...]
    scope: str


LABELS = {
    "name": "Nombre completo",
    "given_name": "Nombres",
    "family_name": "Apellidos",
    "cedula": "Cédula",
    "email": "Correo electrónico",
    "email_verified": "Correo comprobado",
    "phone_number": "Celular",
    "phone_number_verified": "Celular comprobado",
    "birthdate": "Fecha de nacimiento",
    "institution": "Institución",
    "locale": "Idioma",
    "acr": "Nivel del ingreso",
    "sub": "Identificador de la persona",
}

_FACES = (
    Face(
        theme="tributario",
        owner="Administración Tributaria",
        title="Sus impuestos, claros y a tiempo",
        lead="Declare, pague y revise su estado con la cuenta única del Estado.",
        services_title="Su año tributario",
        services=(
            Service("Impuesto a la renta 2025", "Declaración anual de personas naturales.", "Por declarar"),
            Service("Anexo de gastos personales", "Salud, educación, vivienda, alimentación.", "Borrador"),
            Service("Facturas recibidas", "Las que están a su nombre este mes.", "14 facturas"),
        ),
        scope="openid profile cedula",
    ),
    Face(
        theme="ventanilla",
        owner="Gobierno Electrónico",
        title="Todos sus trámites en una sola ventanilla",
        lead="Turnos, certificados y solicitudes de más de 300 instituciones, con un solo ingreso.",
        services_title="Trámites más pedidos",
        services=(
            Service("Turno para pasaporte", "Escoja la agencia, el día y la hora.", "En línea"),
            Service("Certificado de no adeudar", "Llega a su correo en unos minutos.", "En línea"),
            Service("Cambio de domicilio", "Avise una vez; lo saben todas las instituciones.", "En línea"),
        ),
        scope="openid profile email cedula",
    ),
)


def find_face(name: str) -> Face:
    """Return the face of the portal called ``name``; the first for a name that we do not know."""
    return next((face for face in _FACES if face.theme in name.lower()), _FACES[0])
