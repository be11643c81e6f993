"""Authorization details as rules (RFC 9396)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.protocol.authorization_details import (
    COUNT_LIMIT,
    SIZE_LIMIT,
    DetailsField,
    DetailsType,
    InvalidDetailsError,
    narrowed_details,
    parse_authorization_details,
)

API = "https://pagos.example/"
PAYMENT = DetailsType(
    resource=API,
    api_name="Pagos",
    title="Hacer un pago",
    actions={"iniciar": "Iniciar", "consultar": "Consultar"},
    fields={
        "monto": DetailsField("Monto", "number", required=True),
        "beneficiario": DetailsField("Beneficiario", "object", required=False),
        "urgente": DetailsField("Urgente", "boolean", required=False),
    },
)
GOOD: dict[str, Any] = {
    "type": "pago",
    "actions": ["iniciar"],
    "locations": [f"{API}cuentas"],
    "identifier": "cuenta-1",
    "datatypes": ["saldo"],
    "monto": 12.5,
    "beneficiario": {"nombre": "Juan", "cuenta": ["1"]},
    "urgente": False,
}


def _parse(*details: Any) -> tuple[dict[str, Any], ...]:
    return parse_authorization_details(json.dumps(details), allowed=("pago",), types={"pago": PAYMENT})


def test_what_is_declared_is_taken_as_it_came() -> None:
    """RFC 9396 §2: several of one type are several."""
    assert _parse(GOOD, GOOD | {"monto": 1}) == (GOOD, GOOD | {"monto": 1})
    assert parse_authorization_details(None, allowed=(), types={}) == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "other"},
        {"type": 7},
        {"type": ["pago"]},
        {"actions": ["borrar"]},
        {"actions": []},
        {"actions": "iniciar"},
        {"actions": [["iniciar"]]},
        {"locations": ["https://other.example/"]},
        {"locations": ["https://pagos.example.evil.example/"]},
        {"privileges": ["admin"]},
        {"unknown": 1},
        {"monto": "12"},
        {"monto": True},
        {"monto": None},
        {"urgente": 1},
        {"identifier": "a\u202eb"},
        {"identifier": ""},
        {"identifier": "x" * 501},
        {"beneficiario": {"a": {"b": {"c": {"d": 1}}}}},
        {"beneficiario": {str(number): 1 for number in range(21)}},
        {"beneficiario": []},
    ],
)
def test_what_no_page_can_put_in_words_is_refused(changes: dict[str, Any]) -> None:
    """RFC 9396 §5: unknown types and members, wrong kinds, values beyond bounds."""
    with pytest.raises(InvalidDetailsError) as caught:
        _parse(GOOD | changes)
    assert str(caught.value).isascii()


def test_a_required_member_may_not_be_missing() -> None:
    """RFC 9396 §5."""
    with pytest.raises(InvalidDetailsError):
        _parse({name: value for name, value in GOOD.items() if name != "monto"})


@pytest.mark.parametrize(
    "text",
    ["", "x", "{}", "[]", "[1]", "null", "[" * 5000, "x" * (SIZE_LIMIT + 1), json.dumps([GOOD] * (COUNT_LIMIT + 1))],
)
def test_it_is_a_bounded_array_of_objects(text: str) -> None:
    """RFC 9396 §2."""
    with pytest.raises(InvalidDetailsError):
        parse_authorization_details(text, allowed=("pago",), types={"pago": PAYMENT})


def test_a_type_must_be_the_clients_and_declared() -> None:
    """RFC 9396 §10, authorization_details_types."""
    for allowed, types in (((), {"pago": PAYMENT}), (("pago",), {})):
        with pytest.raises(InvalidDetailsError):
            parse_authorization_details(json.dumps([GOOD]), allowed=allowed, types=types)


def test_a_token_request_gets_all_or_a_part_never_more() -> None:
    """RFC 9396 §6."""
    granted = (GOOD | {"actions": ["iniciar", "consultar"]}, {"type": "pago", "monto": 1})
    assert narrowed_details(None, granted=granted) == granted
    assert narrowed_details(json.dumps([GOOD]), granted=granted) == (GOOD,)
    for more in (
        [{"type": "pago", "monto": 2}],
        [{"type": "pago"}],
        [GOOD | {"actions": []}],
        [GOOD | {"locations": [API]}],
        [{"type": "pago", "monto": 1, "actions": ["iniciar"]}],
        [],
    ):
        with pytest.raises(InvalidDetailsError):
            narrowed_details(json.dumps(more), granted=granted)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.sampled_from([*GOOD, "x"]), part, max_size=3),
    max_leaves=8,
)


@given(_JSON)
def test_no_json_makes_a_rule_fail(value: Any) -> None:
    """Valid details or an error of the protocol, whatever comes."""
    for text in (json.dumps(value), json.dumps([GOOD | {"actions": value}]), json.dumps([GOOD | {"locations": value}])):
        for read in (
            lambda text: parse_authorization_details(text, allowed=("pago",), types={"pago": PAYMENT}),
            lambda text: narrowed_details(text, granted=(GOOD,)),
        ):
            try:
                read(text)
            except InvalidDetailsError:
                continue


def test_a_part_is_found_room_whatever_the_order() -> None:
    """RFC 9396 §6: each that was granted gives one part, in whichever order the parts are named."""
    wide, narrow = {"type": "a", "actions": ["x", "y"]}, {"type": "a", "actions": ["x"]}
    other = {"type": "a", "actions": ["y"]}
    for asked in ([narrow, other], [other, narrow], [narrow, narrow], [wide, narrow]):
        assert len(narrowed_details(json.dumps(asked), granted=(wide, narrow))) == (1 + 1)
    for refused in ([wide, wide], [other, other], [narrow, narrow, narrow]):
        with pytest.raises(InvalidDetailsError):
            narrowed_details(json.dumps(refused), granted=(wide, narrow))
    with pytest.raises(InvalidDetailsError):  # in Python, True is 1
        narrowed_details('[{"type": "a", "n": true}]', granted=({"type": "a", "n": 1},))
