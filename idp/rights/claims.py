"""What an application is told of a person's rights in it: the claims ``roles``, ``permissions`` and ``institution``."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from idp.directory.institutions import Institution
from idp.rights.belonging import institutions_of
from idp.rights.holdings import holdings_of, note_use

ROLES, PERMISSIONS, INSTITUTION = "roles", "permissions", "institution"
#: Each is a scope and the claim that it opens.
RIGHTS: tuple[str, ...] = (ROLES, PERMISSIONS, INSTITUTION)


def rights_claims(
    session: Session,
    *,
    person_id: str,
    client_id: str,
    chosen: str | None,
    names: Collection[str],
    used: bool = False,
    now: datetime,
) -> dict[str, Any]:
    """Return those of the three claims that ``names`` has; nothing is read where it has none.

    Roles and permissions are those in this application that the institution gave with which the person goes in: never
    another application's, never another institution's.

    :param chosen: id of that institution; where none was chosen, the only one that there is.
    :param used: put down that they were told today, for reports.
    """
    wanted = [name for name in RIGHTS if name in names]
    if not wanted:
        return {}
    institution = institution_to_go_with(session, person_id=person_id, client_id=client_id, chosen=chosen, now=now)
    held = (
        holdings_of(session, person_id=person_id, client_id=client_id, institution_id=institution.id, now=now)
        if institution
        else []
    )
    if used and held:
        note_use(session, held, now=now)
    values: dict[str, Any] = {
        ROLES: sorted({each.role for each in held}),
        PERMISSIONS: sorted({name for each in held for name in each.permissions}),
        INSTITUTION: {"ruc": institution.ruc, "name": institution.name} if institution else None,
    }
    return {name: values[name] for name in wanted if values[name] is not None}


def institution_to_go_with(
    session: Session, *, person_id: str, client_id: str, chosen: str | None, now: datetime
) -> Institution | None:
    """Return with which institution the person goes in: the chosen one while he works there, or the only one."""
    choices = institution_choices(session, person_id=person_id, client_id=client_id, now=now)
    if chosen is not None:
        everywhere = institutions_of(session, person_id, now=now)
        return next((each for each in everywhere if each.id == chosen), None)
    return choices[0] if len(choices) == 1 else None


def institution_choices(session: Session, *, person_id: str, client_id: str, now: datetime) -> list[Institution]:
    """Return between which institutions the person has to choose, by name.

    Those that gave him a role in the application; if none did, all where he works.
    """
    belongs = institutions_of(session, person_id, now=now)
    giving = {each.institution_id for each in holdings_of(session, person_id=person_id, client_id=client_id, now=now)}
    return [each for each in belongs if each.id in giving] or belongs
