"""What must be there before a process may take requests."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select

from composition import Composition
from kernel.errors import Unavailable
from operations import schema


def readiness_checks(composition: Composition) -> list[tuple[str, Callable[[], None]]]:
    """Return named checks; each raises when its part cannot work."""

    def database() -> None:
        with composition.database.reading() as session:
            session.execute(select(1))

    def current_schema() -> None:
        if not schema.fits(composition.database):
            raise Unavailable("The schema is not this release's.", code="schema_outdated")

    def keys() -> None:
        if not composition.keystore.names():
            raise Unavailable("The key store is empty.", code="no_keys")

    return [("database", database), ("schema", current_schema), ("keys", keys)]
