"""Whose personal certificate it will be: taken from the register of people, never typed."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.orm import Session
from stdnum.ec import ci

from ca.ports import PersonRecord
from ca.profiles.profile import Profile
from ca.services import CaServices
from kernel.errors import Rejected

CEDULA = "cedula"


def fill_in_holder(
    session: Session, *, services: CaServices, profile: Profile, inputs: Mapping[str, str]
) -> tuple[dict[str, str], str | None]:
    """Return the inputs with what the register knows of the person, and the person's id.

    A profile that is not about a person with an account keeps its inputs as they are.

    :raises Rejected: ``input_missing``, ``input_from_register``, ``person_not_verified``.
    :raises kernel.errors.NotFound: ``holder_unknown``.
    """
    if not profile.needs_person:
        return dict(inputs), None
    person = _person(session, services, inputs)
    known = {"given_names": person.given_names, "surnames": person.surnames}
    for field in profile.inputs:
        if field.from_register and inputs.get(field.name, known[field.name]) not in ("", known[field.name]):
            raise Rejected(f"{field.name} comes from the register of people.", code="input_from_register")
    return {**inputs, **known, CEDULA: person.cedula}, person.id


def account_of(session: Session, *, services: CaServices, inputs: Mapping[str, str]) -> str:
    """Return the id of the person whose cédula the inputs name.

    :raises Rejected: ``input_missing``, ``person_not_verified``. :raises kernel.errors.NotFound: ``holder_unknown``.
    """
    return _person(session, services, inputs).id


def _person(session: Session, services: CaServices, inputs: Mapping[str, str]) -> PersonRecord:
    cedula = ci.compact(inputs.get(CEDULA, "").strip())
    if not cedula:
        raise Rejected("Say whose it is by cédula (cedula).", code="input_missing")
    return services.people.find_verified(session, cedula)
