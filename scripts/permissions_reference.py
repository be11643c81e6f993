"""``docs/permissions.md``: roles of the console and what each may do."""

from __future__ import annotations

from collections.abc import Iterable

from admin.permissions import (
    APPOINTING_ROLES,
    BOUND_ROLES,
    DELEGATED,
    INSTITUTIONAL_ROLES,
    NATIONAL,
    PERMISSIONS,
    Permission,
    Role,
)

_HEAD = """\
# Roles and permissions of the console

Made from `admin/permissions.py` by `make docs`; a test holds this page to it. Every page of the console declares one
permission; what the roles are for is told in [console.md](console.md). Nobody grants a role to himself.

| role | permissions | for one institution | appoints |
|---|---|---|---|
"""


def permissions_page() -> str:
    """Return the page: roles, then each permission with who has it."""
    rows = [
        f"| `{role.value}` | {len(PERMISSIONS[role])} | {_bound(role)} | {_yes(role in APPOINTING_ROLES)} |"
        for role in Role
    ]
    page = _HEAD + "\n".join(rows) + "\n\n## Who has each permission\n\n"
    page += "*Delegated* are people to whom roles of applications were delegated ([rights.md](rights.md)): in those\n"
    page += "institutions, and nowhere else.\n\n"
    page += "| permission | roles |\n|---|---|\n"
    page += (
        "\n".join(f"| `{permission.value}` | {', '.join(_holders(permission))} |" for permission in Permission) + "\n"
    )
    page += "\n## What each role may\n\n| role | permissions |\n|---|---|\n"
    return page + "\n".join(f"| `{role.value}` | {_codes(PERMISSIONS[role])} |" for role in Role) + "\n"


def _holders(permission: Permission) -> list[str]:
    alone = " (not for one institution)" if permission in NATIONAL else ""
    holders = [f"`{role.value}`{alone}" for role in Role if permission in PERMISSIONS[role]]
    return holders + (["*delegated*"] if permission in DELEGATED else [])


def _codes(permissions: Iterable[Permission]) -> str:
    return ", ".join(f"`{each}`" for each in sorted(permission.value for permission in permissions))


def _bound(role: Role) -> str:
    return "always" if role in BOUND_ROLES else "possible" if role in INSTITUTIONAL_ROLES else "no"


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "no"
