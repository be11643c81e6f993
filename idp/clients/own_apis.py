"""APIs of this service that applications call, by the resource that they register."""

from __future__ import annotations

from collections.abc import Mapping

DECISIONS = "urn:sau:authzen:v1"
PROVISIONING = "urn:sau:scim:v1"
ADMINISTRATION = "urn:sau:admin-api:v1"
ADMINISTRATION_NAME = "Consola de administración"
#: What an application may be allowed to do in the console's API, in the words that its people read.
ADMINISTRATION_SCOPES: Mapping[str, str] = {
    "console:read": "Ver lo que usted ve en la consola",
    "console:institutions": "Agregar y cambiar instituciones",
    "console:applications": "Administrar aplicaciones y repetir envíos",
    "console:certificates": "Pedir, suspender y revocar certificados",
    "console:approvals": "Aprobar y negar solicitudes de certificados",
    "console:roles": "Dar y quitar roles de la consola",
    "console:rights": "Administrar derechos en las aplicaciones",
    "console:federation": "Administrar directorios y otros proveedores",
    "console:people": "Atender a personas",
    "console:audit": "Buscar en la auditoría",
}
#: Scopes by resource. Of these, a token that stands for a person opens the console's API alone: nobody is asked about
#: the others.
OWN_APIS: dict[str, frozenset[str]] = {
    DECISIONS: frozenset({"authzen"}),
    PROVISIONING: frozenset({"scim"}),
    ADMINISTRATION: frozenset(ADMINISTRATION_SCOPES),
}
