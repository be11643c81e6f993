"""What an application declares: its permissions, its roles, and which institutions may use it. Pure values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from audit.event import canonical_json
from kernel.errors import Rejected
from kernel.identifiers import sha256_hex

_ROLE_NAME = re.compile(r"[a-z0-9](?:[a-z0-9_.-]{0,62}[a-z0-9])?")
_PERMISSION_NAME = re.compile(r"[a-z0-9](?:[a-z0-9_.-]{0,47})(?::[a-z0-9](?:[a-z0-9_.-]{0,47}))?")
_WORDS_LIMIT = 120
_MOST_ROLES, _MOST_PERMISSIONS, _MOST_DAYS = 100, 500, 3_660
ALL_INSTITUTIONS = "all"


@dataclass(frozen=True, kw_only=True)
class DeclaredPermission:
    """Something that can be done. :ivar name: ``type:action``, or a plain action on the application as such."""

    name: str
    words: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class DeclaredRole:
    """A named set of permissions.

    :ivar needs_approval: a second person decides before it counts.
    :ivar sensitive: shown as such, and never given by a personnel system on its own.
    :ivar max_days: how long one assignment may last; None: no end is asked for.
    :ivar excludes: roles that nobody holds beside this one.
    """

    name: str
    words: Mapping[str, str]
    permissions: tuple[str, ...]
    needs_approval: bool = False
    sensitive: bool = False
    max_days: int | None = None
    excludes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """All of it.

    :ivar institutions: RUCs as written, or None for every institution.
    """

    client_id: str
    permissions: tuple[DeclaredPermission, ...]
    roles: tuple[DeclaredRole, ...]
    institutions: tuple[str, ...] | None

    @property
    def sha256(self) -> str:
        """The digest by which the same declaration is known again."""
        return sha256_hex(canonical_json(self.to_document()))

    def to_document(self) -> dict[str, Any]:
        """Return it as JSON values, the form in which it is read too."""
        return {
            "application": self.client_id,
            "institutions": ALL_INSTITUTIONS if self.institutions is None else sorted(self.institutions),
            "permissions": [{"name": each.name, **each.words} for each in self.permissions],
            "roles": [
                {
                    "name": each.name,
                    **each.words,
                    "permissions": sorted(each.permissions),
                    "needs_approval": each.needs_approval,
                    "sensitive": each.sensitive,
                    "max_days": each.max_days,
                    "excludes": sorted(each.excludes),
                }
                for each in self.roles
            ],
        }


def parse_declaration(document: object, *, client_id: str | None = None) -> Declaration:
    """Return the declaration in ``document``, as YAML or JSON was read.

    :param client_id: the application that it is for, where the document does not say.
    :raises Rejected: (``bad_declaration``) with what is wrong, by name.
    """
    if not isinstance(document, dict):
        _wrong("it is a mapping with application, permissions and roles.")
    _only(document, {"application", "institutions", "permissions", "roles"}, "the declaration")
    named = document.get("application", client_id)
    if not isinstance(named, str) or not named or (client_id is not None and named != client_id):
        _wrong("application names the client_id.")
    permissions = tuple(map(_permission, _entries(document, "permissions", _MOST_PERMISSIONS)))
    roles = tuple(map(_role, _entries(document, "roles", _MOST_ROLES)))
    _no_doubles([each.name for each in permissions], "permission")
    _no_doubles([each.name for each in roles], "role")
    known, names = {each.name for each in permissions}, {each.name for each in roles}
    for role in roles:
        if missing := sorted(set(role.permissions) - known):
            _wrong(f"role {role.name} has a permission that is not declared: {missing[0]}.")
        if role.name in role.excludes or (missing := sorted(set(role.excludes) - names)):
            _wrong(f"role {role.name} excludes itself or a role that is not declared.")
    return Declaration(
        client_id=named,
        permissions=tuple(sorted(permissions, key=lambda each: each.name)),
        roles=_mutual(roles),
        institutions=_institutions(document.get("institutions", [])),
    )


def _mutual(roles: tuple[DeclaredRole, ...]) -> tuple[DeclaredRole, ...]:
    """Return the roles by name; one that another excludes excludes it as well."""
    excluded = {(role.name, other) for role in roles for other in role.excludes}
    both = excluded | {(other, name) for name, other in excluded}
    return tuple(
        DeclaredRole(
            name=role.name,
            words=role.words,
            permissions=role.permissions,
            needs_approval=role.needs_approval,
            sensitive=role.sensitive,
            max_days=role.max_days,
            excludes=tuple(sorted(other for name, other in both if name == role.name)),
        )
        for role in sorted(roles, key=lambda each: each.name)
    )


def _permission(entry: dict[str, Any]) -> DeclaredPermission:
    _only(entry, {"name", "es", "en"}, "a permission")
    return DeclaredPermission(name=_name(entry, _PERMISSION_NAME), words=_words(entry))


def _role(entry: dict[str, Any]) -> DeclaredRole:
    known = {"name", "es", "en", "permissions", "needs_approval", "sensitive", "max_days", "excludes"}
    _only(entry, known, "a role")
    name, max_days = _name(entry, _ROLE_NAME), entry.get("max_days")
    if max_days is not None and (not isinstance(max_days, int) or isinstance(max_days, bool)):
        _wrong(f"max_days of role {name} is a number of days.")
    if max_days is not None and not 1 <= max_days <= _MOST_DAYS:
        _wrong(f"max_days of role {name} is 1 to {_MOST_DAYS}.")
    for flag in ("needs_approval", "sensitive"):
        if not isinstance(entry.get(flag, False), bool):
            _wrong(f"{flag} of role {name} is true or false.")
    return DeclaredRole(
        name=name,
        words=_words(entry),
        permissions=_texts(entry, "permissions"),
        needs_approval=entry.get("needs_approval", False),
        sensitive=entry.get("sensitive", False),
        max_days=max_days,
        excludes=_texts(entry, "excludes"),
    )


def _entries(document: Mapping[str, Any], name: str, most: int) -> list[dict[str, Any]]:
    entries = document.get(name, [])
    if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
        _wrong(f"{name} is a list of mappings.")
    if len(entries) > most:
        _wrong(f"{name} has {most} entries at most.")
    return entries


def _name(entry: Mapping[str, Any], form: re.Pattern[str]) -> str:
    name = entry.get("name")
    if not isinstance(name, str) or not form.fullmatch(name):
        _wrong(f"a name is lower-case letters, digits, '_', '.' and '-', with one ':' in permissions: {name!r:.80}.")
    return name


def _words(entry: Mapping[str, Any]) -> dict[str, str]:
    words = {}
    for language in ("es", "en"):
        text = entry.get(language)
        if not isinstance(text, str) or not text.strip() or len(text) > _WORDS_LIMIT or not text.isprintable():
            _wrong(f"{entry.get('name')} has words in es and en, {_WORDS_LIMIT} characters each at most.")
        words[language] = text.strip()
    return words


def _texts(entry: Mapping[str, Any], name: str) -> tuple[str, ...]:
    texts = entry.get(name, [])
    if not isinstance(texts, list) or not all(isinstance(each, str) for each in texts):
        _wrong(f"{name} of {entry.get('name')} is a list of names.")
    return tuple(sorted(set(texts)))


def _institutions(value: object) -> tuple[str, ...] | None:
    if value == ALL_INSTITUTIONS:
        return None
    if not isinstance(value, list) or len(value) > 2_000:
        _wrong("institutions is 'all' or a list of RUCs.")
    return tuple(sorted({str(each) for each in value}))


def _only(entry: Mapping[Any, Any], known: set[str], what: str) -> None:
    if unknown := sorted(str(name) for name in entry if name not in known):
        _wrong(f"{what} has no member {unknown[0]!r:.80}.")


def _no_doubles(names: list[str], what: str) -> None:
    if len(set(names)) != len(names):
        _wrong(f"a {what} stands there twice.")


def _wrong(what: str) -> NoReturn:
    raise Rejected(f"This declaration cannot be taken: {what}", code="bad_declaration")
