"""Two accounts of one person, as far as what we know of them says it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from idp.accounts.one_hand import are_one_hand
from idp.accounts.person import Person

NOW = datetime(2026, 11, 20, tzinfo=UTC)
ROSA = {"cedula": "1710034065", "given_names": "Rosa Elena", "surnames": "Guamán Sinchi", "birth_date": "1980-02-01"}
FOREIGN = {"cedula": "", "passport": "COL-AB123456"}


def _person(number: str, **data: str) -> Person:
    known = {"cedula": "", "given_names": "", "surnames": "", "email": ""} | data
    return Person(
        id=number, email_verified=True, locale="es", status="active", level=2, created_at=NOW, updated_at=NOW, **known
    )


@pytest.mark.parametrize(
    ("other", "one"),
    [
        ({"cedula": "0104567896", "given_names": "Rosa Elena", "surnames": "Guamán Sinchi"}, False),
        ({"cedula": "0104567896", "email": "rosa@correo.test"}, True),
        ({"cedula": "0104567896", "phone": "+593991234567"}, True),
        (FOREIGN | {"given_names": "ROSA ELENA", "surnames": "GUAMAN SINCHI"}, True),
        (FOREIGN | {"given_names": "Rosa", "surnames": "Guaman"}, True),
        ({"given_names": "Guamán", "surnames": "Rosa"}, True),
        (FOREIGN | {"given_names": "Rosa", "surnames": ""}, False),
        (FOREIGN | {"given_names": "Rosa", "surnames": "Guamán", "birth_date": "1991-07-30"}, False),
        (FOREIGN | {"given_names": "Rosa", "surnames": "Chimbo"}, False),
        (FOREIGN, False),
    ],
)
def test_accounts_of_one_person_are_one_hand(other: dict[str, str], one: bool) -> None:
    """Two cédulas are two people unless one contact opens both; without a cédula the names are compared."""
    rosa = _person("1", **ROSA, email="rosa@correo.test", phone="+593991234567")
    assert are_one_hand(rosa, _person("2", **other)) is are_one_hand(_person("2", **other), rosa) is one


def test_nothing_known_is_nothing_in_common() -> None:
    """Accounts without mailbox, telephone and names are not one for that."""
    assert not are_one_hand(_person("1"), _person("2"))
    assert are_one_hand(_person("1"), _person("1"))
