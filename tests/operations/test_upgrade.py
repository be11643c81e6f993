"""Upgrades keep the data: a database of each release, with rows in it, is brought to the newest schema."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import JSON, MetaData, inspect, select, text

from idp.clients.client import find_client, list_clients
from idp.tokens.family import find_family
from idp.tokens.model import RefreshTokenRow, SigningKeyRow
from kernel.database import Database
from operations import schema
from tests.servers.postgresql import PostgreSqlServer

NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgresql"])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database of the first release, with clients, secrets, keys and tokens."""
    name = None
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path}/old.sqlite")
    else:
        server: PostgreSqlServer = request.getfixturevalue("postgresql")
        name = server.create_database(with_schema=False)
        database = Database(server.url(name))
    schema.upgrade(database, "0001")
    _fill(database)
    yield database
    database.dispose()
    if name is not None:
        server.drop_database(name)


def _fill(database: Database) -> None:
    tables = MetaData()
    tables.reflect(database.engine)
    moment = NOW.replace(tzinfo=None) if database.is_sqlite else NOW

    def client(client_id: str, method: str, grants: list[str], audience: str | None) -> dict[str, Any]:
        return {
            "client_id": client_id,
            "name": client_id,
            "application_type": "web",
            "redirect_uris": ["https://portal.example/cb"],
            "post_logout_redirect_uris": [],
            "token_endpoint_auth_method": method,
            "id_token_signed_response_alg": "ES256",
            "grant_types": grants,
            "scopes": ["openid"],
            "optional_scopes": [],
            "service_audience": audience,
            "status": "active",
            "version": 1,
            "created_at": moment,
            "updated_at": moment,
        }

    family = {
        "id": "family",
        "code_sha256": "c" * 64,
        "client_id": "portal",
        "person_id": "person",
        "sid": "sid",
        "scopes": ["openid", "offline_access"],
        "authenticated_at": moment,
        "acr": "urn:sau:acr:2fa",
        "amr": ["pwd", "otp"],
        "offline": True,
        "created_at": moment,
        "expires_at": moment.replace(year=2099),
    }
    code_flow = ["authorization_code", "refresh_token"]
    rows: list[tuple[str, dict[str, Any]]] = [
        ("idp_client", client("portal", "client_secret_basic", code_flow, None)),
        ("idp_client", client("phone", "none", code_flow, None)),
        ("idp_client", client("batch", "private_key_jwt", ["client_credentials"], "https://api.example/")),
        ("idp_client_secret", {"id": "s", "client_id": "portal", "secret_sha256": "d" * 64, "created_at": moment}),
        ("idp_client_origin", {"origin": "https://portal.example", "client_id": "portal"}),
        ("idp_token_family", family),
        (
            "idp_refresh_token",
            {"token_sha256": "e" * 64, "family_id": "family", "created_at": moment, "expires_at": moment},
        ),
        ("idp_signing_key", {"kid": "k", "algorithm": "ES256", "state": "active", "created_at": moment}),
    ]
    with database.engine.begin() as connection:
        for name, row in rows:
            table = tables.tables[name]
            for column in ("redirect_uris", "scopes", "grant_types", "amr", "optional_scopes"):
                if column in table.c:
                    table.c[column].type = JSON()
            if "post_logout_redirect_uris" in table.c:
                table.c["post_logout_redirect_uris"].type = JSON()
            connection.execute(table.insert().values(**row))


def test_an_upgrade_loses_no_row_and_no_reference(old: Database) -> None:
    """Rebuilding a table on SQLite must not take with it what refers to it."""
    schema.upgrade(old)
    assert schema.drift(old) == []
    with old.reading() as session:
        assert [row.family_id for row in session.scalars(select(RefreshTokenRow))] == ["family"]
        assert session.execute(text("SELECT count(*) FROM idp_client_secret")).scalar_one() == 1
        assert session.execute(text("SELECT count(*) FROM idp_client_origin")).scalar_one() == 1
        assert session.get_one(SigningKeyRow, "k").state == "active"
        family = find_family(session, "family")
        assert family is not None
        assert (family.grant_type, family.terms.resources, family.confirmation) == ("authorization_code", (), None)


def test_clients_go_on_as_they_were(old: Database) -> None:
    """Each gets the policy that it lived by, and a service keeps the API of its tokens."""
    schema.upgrade(old)
    with old.reading() as session:
        assert {item.client_id: item.policy.name for item in list_clients(session)} == {
            "portal": "web",
            "phone": "public",
            "batch": "service",
        }
        assert find_client(session, "batch").metadata.resources == ("https://api.example/",)


def test_references_are_checked_again_after_an_upgrade(old: Database) -> None:
    """What the upgrade switches off for itself is on for everyone after it, and one active key a use stays the rule."""
    schema.upgrade(old)
    with pytest.raises(Exception, match=r"(?i)foreign key"), old.engine.begin() as connection:
        connection.execute(text("INSERT INTO idp_client_origin VALUES ('https://x.example', 'nobody')"))
    unique = [item for item in inspect(old.engine).get_indexes("idp_signing_key") if item["unique"]]
    assert unique
