"""A configuration as it was written: every name and kind of value known, secrets fetched. Nothing is looked up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path as File
from typing import Any

from admin.as_code import applications, console_roles, federation, institutions, rights
from admin.as_code.document import VERSION
from admin.as_code.secret_given import SecretWish, read_secret
from admin.as_code.yaml_text import Lines, Path, read_yaml

_SECTIONS: Mapping[str, Mapping[str, type]] = {
    **{each.SECTION: each.MEMBERS for each in (institutions, applications, rights, console_roles)},
    federation.DIRECTORIES: federation.DIRECTORY_MEMBERS,
    federation.PROVIDERS: federation.PROVIDER_MEMBERS,
}
_KINDS: Mapping[type, str] = {
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    list: "a list of texts",
    dict: "a mapping",
}
#: Members whose null says something: there is to be none.
_MAY_BE_NULL = frozenset({"contact_email", "institution"})
Section = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Configuration:
    """What a file says. :ivar sections: by name; one that is not there is not touched.

    :ivar secrets: by client_id and member; ``elsewhere``: by section and name, of directories and providers.
    """

    sections: Mapping[str, Section]
    secrets: Mapping[tuple[str, str], SecretWish]
    lines: Lines
    elsewhere: Mapping[tuple[str, str], SecretWish] = field(default_factory=dict)


def read_configuration(text: str, *, folder: File) -> Configuration:
    """Return the configuration in ``text``; files with secrets are looked for from ``folder``.

    :raises Rejected: (``bad_configuration``) with line and path.
    """
    document, lines = read_yaml(text)
    if not isinstance(document, dict):
        raise lines.wrong((), "a configuration begins with version: 1")
    for name in document:
        if name != "version" and name not in _SECTIONS:
            raise lines.wrong((name,), f"there is no such section; there are {', '.join(_SECTIONS)}")
    if document.get("version") != VERSION or isinstance(document.get("version"), bool):
        raise lines.wrong(("version",), f"this release reads version {VERSION}")
    sections = {name: _section(document[name] or {}, name, lines) for name in _SECTIONS if name in document}
    secrets = {
        (client_id, member): read_secret(entry[member], (applications.SECTION, client_id, member), lines, folder=folder)
        for client_id, entry in sections.get(applications.SECTION, {}).items()
        for member in applications.SECRETS
        if entry.get(member) is not None
    }
    elsewhere = {
        (section, name): read_secret(entry[member], (section, name, member), lines, folder=folder)
        for section, member in federation.SECRETS.items()
        for name, entry in sections.get(section, {}).items()
        if entry.get(member) is not None
    }
    return Configuration(sections, secrets, lines, elsewhere)


def _section(value: Any, name: str, lines: Lines) -> Section:
    if not isinstance(value, dict):
        raise lines.wrong((name,), "a mapping, by name")
    return {key: _entry(entry, (name, key), lines, _SECTIONS[name]) for key, entry in value.items()}


def _entry(value: Any, path: Path, lines: Lines, members: Mapping[str, type]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise lines.wrong(path, "a mapping, by name")
    for name in value:
        if name not in members:
            raise lines.wrong((*path, name), "there is nothing of this name")
    return {name: _typed(each, (*path, name), lines, members[name]) for name, each in value.items()}


def _typed(value: Any, path: Path, lines: Lines, kind: type) -> Any:
    if kind is object:
        return value
    if value is None and (path[0] == console_roles.SECTION or path[-1] in _MAY_BE_NULL):
        return None
    if kind is str and isinstance(value, int) and not isinstance(value, bool):
        return str(value)  # digits without quotes: a RUC
    if kind is list and isinstance(value, list) and all(isinstance(each, str) for each in value):
        return value
    if kind is dict and isinstance(value, dict):
        for name, each in value.items():
            if not isinstance(each, dict):
                raise lines.wrong((*path, name), "a mapping, by name")
        return value
    if kind is int and isinstance(value, int) and not isinstance(value, bool):
        return value
    if kind in (str, bool) and isinstance(value, kind):
        return value
    raise lines.wrong(path, _KINDS[kind])
