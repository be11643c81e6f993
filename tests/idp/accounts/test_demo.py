"""What the demonstration offers to newcomers."""

from __future__ import annotations

from composition import Composition
from idp.accounts.identity import parse_cedula
from idp.accounts.person import add_person
from idp.demo import list_spare_cedulas
from kernel.clock import ManualClock


def test_spare_cedulas_are_valid_and_nobody_has_them(composition: Composition, clock: ManualClock) -> None:
    """A newcomer has no cédula at hand: /demo names some, and others once they are taken."""
    with composition.database.transaction() as session:
        first, *others = list_spare_cedulas(session)
        assert [parse_cedula(cedula) for cedula in (first, *others)] == [first, *others]
        add_person(
            session,
            journal=composition.journal,
            cedula=first,
            given_names="Luz",
            surnames="Nueva",
            email="luz@correo.test",
            email_verified=True,
            now=clock.now(),
        )
        assert list_spare_cedulas(session)[:2] == others
