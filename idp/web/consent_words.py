"""Scopes and their values in the words of the consent page: never a raw scope name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import format_date, gettext

from idp.accounts.phone import shown_phone
from idp.clients.api import Permission
from idp.clients.registration.metadata import ClientMetadata


@dataclass(frozen=True)
class ConsentLine:
    """One line of the page.

    :ivar scope: what the checkbox sends.
    :ivar name: what it is.
    :ivar value: exactly what will be given.
    :ivar purpose: a remark.
    """

    scope: str
    name: str
    value: str
    purpose: str


def client_pages(metadata: ClientMetadata) -> list[tuple[str, str]]:
    """Return the application's own pages, each as words and address, for whoever wants to read before deciding.

    Links only: its logo would be fetched from a stranger's server by the browser of everyone who comes here, and tell
    that server who logs in where and when. A name and the institution that answers for it say more than a picture.
    """
    pages = (
        (gettext("Política de privacidad"), metadata.policy_uri),
        (gettext("Condiciones de uso"), metadata.tos_uri),
        (gettext("Página del servicio"), metadata.client_uri),
    )
    return [(words, address) for words, address in pages if address is not None]


def consent_lines(
    scopes: Sequence[str], claims: Mapping[str, Any], permissions: Mapping[str, Permission]
) -> list[ConsentLine]:
    """Return a line for each scope or API that gives or allows something.

    ``openid`` alone is the pseudonym that all get.
    """
    lines = []
    for scope in scopes:
        match scope:
            case "cedula":
                lines.append(_document_line(scope, claims))
            case "profile":
                purpose = gettext("Sus nombres, sus apellidos y el idioma que usa")
                lines.append(ConsentLine(scope, gettext("Nombres"), str(claims.get("name", "")), purpose))
            case "email":
                verified = claims.get("email_verified")
                purpose = gettext("Correo verificado") if verified else gettext("Correo sin verificar")
                lines.append(ConsentLine(scope, gettext("Correo"), str(claims.get("email", "")), purpose))
            case "phone":
                number = str(claims.get("phone_number", ""))
                verified = claims.get("phone_number_verified")
                purpose = gettext("Celular verificado") if verified else gettext("Celular sin verificar")
                shown = shown_phone(number) if number else gettext("Ninguno")
                lines.append(ConsentLine(scope, gettext("Celular"), shown, purpose if number else ""))
            case "birthdate":
                born = str(claims.get("birthdate", ""))
                shown = format_date(date.fromisoformat(born), "long") if born else gettext("No la tenemos")
                purpose = gettext("Como consta en el Registro Civil")
                lines.append(ConsentLine(scope, gettext("Fecha de nacimiento"), shown, purpose))
            case "roles" | "permissions":
                value = gettext("Los que tenga cuando ingrese")
                if scope in claims:
                    value = ", ".join(claims[scope]) or gettext("Ninguno")
                name = gettext("Sus roles aquí") if scope == "roles" else gettext("Sus permisos aquí")
                purpose = gettext("Los que su institución le dio en este servicio; en otros, no")
                lines.append(ConsentLine(scope, name, value, purpose))
            case "institution":
                value = (
                    claims["institution"]["name"] if "institution" in claims else gettext("La que elija al ingresar")
                )
                purpose = gettext("Para la que trabaja al usar este servicio")
                lines.append(ConsentLine(scope, gettext("Su institución"), value, purpose))
            case "offline_access":
                purpose = gettext("Podrá consultar estos datos hasta 90 días, aunque usted haya cerrado su sesión")
                lines.append(ConsentLine(scope, gettext("Acceso continuo"), gettext("Hasta 90 días"), purpose))
            case "openid" if list(scopes) == ["openid"]:
                purpose = gettext("Un código que no contiene datos suyos")
                lines.append(ConsentLine(scope, gettext("Identificador"), str(claims.get("sub", "")), purpose))
            case _ if scope in permissions:
                lines.append(_permission_line(scope, permissions[scope]))
    return lines


def _document_line(scope: str, claims: Mapping[str, Any]) -> ConsentLine:
    if claims.get("passport"):
        return ConsentLine(scope, gettext("Pasaporte"), str(claims["passport"]), gettext("El país y el número"))
    return ConsentLine(scope, gettext("Cédula"), str(claims.get("cedula", "")), gettext("Su número de cédula"))


def _permission_line(scope: str, permission: Permission) -> ConsentLine:
    if not permission.words:
        purpose = gettext("Este servicio podrá hacer allí, en su nombre, lo que usted permite en esta página")
        return ConsentLine(scope, gettext("Actuar por usted en"), permission.api_name, purpose)
    return ConsentLine(scope, permission.words, permission.api_name, gettext("En su nombre"))
