"""Whose scripts may read answers: one look-up, true after every change of a registration."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event

from composition import Composition
from idp.clients.client import Client
from idp.clients.origins import is_origin_of_public_client
from idp.clients.register import disable_client, move_client, register_client
from idp.clients.registration.client_registration import ClientRegistration
from idp.clients.registration.uris import origin_of

ORIGIN = "https://spa.example"


def _registration(**more: Any) -> ClientRegistration:
    return ClientRegistration.parse(
        {"client_name": "Portal", "redirect_uris": [f"{ORIGIN}/cb"], "token_endpoint_auth_method": "none", **more}
    )


def _register(composition: Composition, **more: Any) -> Client:
    with composition.database.transaction() as session:
        return register_client(
            session,
            journal=composition.journal,
            registration=_registration(**more),
            now=composition.clock.now(),
        ).client


def _is_open(composition: Composition, origin: str) -> bool:
    with composition.database.reading() as session:
        return is_origin_of_public_client(session, origin)


def test_only_public_clients_open_their_origin(composition: Composition) -> None:
    """A confidential client's secret has no place in a script."""
    _register(composition, token_endpoint_auth_method="client_secret_basic")
    assert not _is_open(composition, ORIGIN)
    _register(composition)
    assert _is_open(composition, ORIGIN)


@pytest.mark.parametrize(
    "origin", ["", "null", "https://spa.example/", "https://SPA.example", "http://spa.example", "x" * 400, "a\0b"]
)
def test_an_origin_is_compared_as_browsers_write_it(composition: Composition, origin: str) -> None:
    """RFC 6454 §5: scheme, host and port, all three, and nothing that is not text."""
    _register(composition)
    assert not _is_open(composition, origin)


def test_the_usual_port_is_not_written() -> None:
    """RFC 6454 §6.2: browsers leave it out."""
    assert origin_of("https://spa.example:443/cb") == "https://spa.example"
    assert origin_of("http://localhost:80/cb") == "http://localhost"
    assert origin_of("https://spa.example:80/cb") == "https://spa.example:80"
    assert origin_of("ec.gob.app:/cb") == ""


def test_moving_closes_the_old_origin_and_opens_the_new(composition: Composition) -> None:
    """What is no longer registered is no longer served."""
    client = _register(composition)
    with composition.database.transaction() as session:
        move_client(
            session,
            journal=composition.journal,
            client_id=client.client_id,
            registration=_registration(redirect_uris=["https://new.example/cb", "https://new.example/other"]),
            now=composition.clock.now(),
        )
    assert not _is_open(composition, ORIGIN)
    assert _is_open(composition, "https://new.example")


def test_a_closed_client_closes_its_origin_unless_another_stands_there(composition: Composition) -> None:
    """At once, in every process."""
    first, second = _register(composition), _register(composition)
    for client, open_after in ((first, True), (second, False)):
        with composition.database.transaction() as session:
            disable_client(
                session, journal=composition.journal, client_id=client.client_id, now=composition.clock.now()
            )
        assert _is_open(composition, ORIGIN) is open_after


def test_the_check_is_one_statement(composition: Composition) -> None:
    """The check stands before every answer to a script: it reads no list of them."""
    _register(composition)
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(composition.database.engine, "before_cursor_execute", note)
    assert _is_open(composition, ORIGIN)
    assert len([statement for statement in statements if "idp_client" in statement]) == 1
