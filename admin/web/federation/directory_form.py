"""The form that describes a directory: read into what the register takes, filled from what it has."""

from __future__ import annotations

from dataclasses import fields

from flask import request

from admin.web.federation.place import words_of
from admin.web.forms import Typed
from idp.directories.directory import KINDS, Attributes, Directory
from idp.directories.register import Wanted
from kernel.errors import Rejected
from kernel.secret_text import SecretText

ATTRIBUTES = tuple(each.name for each in fields(Attributes))
_TEXTS = (
    "name",
    "ruc",
    "kind",
    "domains",
    "urls",
    "ca_pem",
    "search_base",
    "username_filter",
    "cedula_filter",
    "bind_dn",
    "bind_template",
    "level",
    "creates_people",
    "asked_by_cedula",
    "nested_groups",
    "unanswered",
    *(f"attribute_{each}" for each in ATTRIBUTES),
)
FIELDS = {
    "bad_directory_name": "name",
    "directory_exists": "name",
    "unknown_institution": "ruc",
    "bad_ruc": "ruc",
    "bad_domain": "domains",
    "foreign_domain": "domains",
    "domain_taken": "domains",
    "bad_directory_url": "urls",
    "bad_directory_ca": "ca_pem",
    "bad_distinguished_name": "search_base",
    "bad_directory_filter": "username_filter",
    "bad_bind": "bind_dn",
    "bad_bind_template": "bind_template",
    "password_missing": "password",
    "password_again": "password",
    "bad_attribute": "attribute_cedula",
    "bad_level": "level",
    "bad_nested_groups": "nested_groups",
    "cedulas_taken": "asked_by_cedula",
    "changed_meanwhile": "urls",
}
_LIMIT = 40_000  # the certificates of an authority, with room


def typed_directory() -> Typed:
    """Return what was typed, without the password."""
    return Typed({name: request.form.get(name, "").strip()[:_LIMIT] for name in _TEXTS})


def wanted_directory(typed: Typed) -> Wanted:
    """Return the directory that was typed. The password is read here and goes nowhere else.

    :raises Rejected: (``bad_level``) for what is no number.
    """
    if not typed["ruc"]:
        raise Rejected("Choose an institution.", code="unknown_institution")
    if typed["kind"] not in KINDS:
        raise Rejected("Choose the kind of directory.", code="bad_kind")
    if not typed["level"].isdecimal():
        raise Rejected("A directory vouches for level 1 or 2.", code="bad_level")
    if not typed["nested_groups"].isdecimal() and typed["nested_groups"]:
        raise Rejected("Floors of groups are a number.", code="bad_nested_groups")
    password = request.form.get("password", "")
    return Wanted(
        name=typed["name"],
        ruc=typed["ruc"],
        domains=words_of(typed["domains"]),
        urls=words_of(typed["urls"]),
        kind=typed["kind"],
        search_base=typed["search_base"],
        username_filter=typed["username_filter"],
        cedula_filter=typed["cedula_filter"],
        attributes={each: typed[f"attribute_{each}"] for each in ATTRIBUTES if typed[f"attribute_{each}"]},
        ca_pem=typed["ca_pem"],
        bind_dn=typed["bind_dn"],
        password=SecretText(password) if password else None,
        bind_template=typed["bind_template"],
        creates_people=bool(typed["creates_people"]),
        level=int(typed["level"]),
        asked_by_cedula=bool(typed["asked_by_cedula"]),
        nested_groups=int(typed["nested_groups"][:3] or "0"),
    )


def typed_from_directory(directory: Directory, *, ruc: str) -> Typed:
    """Return the form as it is filled for a directory that stands. The password is not among it."""
    return Typed(
        {
            "name": directory.name,
            "ruc": ruc,
            "kind": "ldap",
            "domains": "\n".join(directory.domains),
            "urls": "\n".join(map(str, directory.servers)),
            "ca_pem": directory.ca_pem,
            "search_base": directory.search_base,
            "username_filter": directory.username_filter,
            "cedula_filter": directory.cedula_filter,
            "bind_dn": directory.bind_dn,
            "bind_template": directory.bind_template,
            "level": str(directory.level),
            "creates_people": "1" if directory.creates_people else "",
            "asked_by_cedula": "1" if directory.asked_by_cedula else "",
            "nested_groups": str(directory.nested_groups),
            **{f"attribute_{each}": getattr(directory.attributes, each) for each in ATTRIBUTES},
        }
    )
