"""Which ways there are to a level: only those that reach it from where the person stands."""

from __future__ import annotations

from enum import StrEnum

from idp.accounts.person import Person
from idp.authentication.assurance import VERIFIED, WITH_CERTIFICATE


class Way(StrEnum):
    """A way to a higher level."""

    CONTACT = "contact"
    REGISTRY = "registry"
    DESK = "desk"
    CERTIFICATE = "certificate"


def ways_to(level: int, *, person: Person, with_registry: bool, with_certificates: bool) -> tuple[Way, ...]:
    """Return the ways to ``level`` for the person, the quickest first; none where it is reached.

    To the third level a verified identity comes first: a certificate is given to nobody whose identity is not known.

    :param with_registry: whether a civil registry can be asked; it knows people by their cédula.
    :param with_certificates: whether people log in with certificates here.
    """
    ways: list[Way] = []
    if person.level < VERIFIED <= level:
        if with_registry and person.cedula:
            ways.append(Way.REGISTRY)
        ways.append(Way.DESK)
    if person.level < WITH_CERTIFICATE <= level and with_certificates:
        ways.append(Way.CERTIFICATE)
    return tuple(ways)
