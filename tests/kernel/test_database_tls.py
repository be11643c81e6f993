"""The way to PostgreSQL over TLS: ``sslmode=verify-full`` in the address, and nobody but the server of that name."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from kernel.database import Database
from kernel.errors import Unavailable
from tests.servers.postgresql import PostgreSqlServer, run_postgresql
from tests.servers.tls import write_localhost_certificate

pytestmark = [pytest.mark.server]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[PostgreSqlServer, Path]]:
    """A server that takes TLS, and the file of what signed its certificate."""
    folder = tmp_path_factory.mktemp("tls", numbered=True)
    certificate, key = write_localhost_certificate(folder)
    if os.geteuid() == 0:  # the server runs as nobody, and takes a key that is its own alone
        for parent in (folder, *folder.parents[:3]):
            parent.chmod(parent.stat().st_mode | 0o011)
        shutil.chown(key, "nobody", "nogroup")
        certificate.chmod(0o644)
    key.chmod(0o600)
    more = {
        "ssl": "on",
        "ssl_cert_file": str(certificate),
        "ssl_key_file": str(key),
        "ssl_min_protocol_version": "TLSv1.2",
    }
    with run_postgresql(more=more) as server:
        yield server, certificate


def _url(server: PostgreSqlServer, host: str, ca: Path) -> str:
    name, verified = server.create_database(with_schema=False), f"sslmode=verify-full&sslrootcert={ca}"
    return f"postgresql+psycopg://postgres@{host}:{server.port}/{name}?hostaddr=127.0.0.1&{verified}"


def test_the_connection_is_encrypted_and_the_server_s_name_verified(server: tuple[PostgreSqlServer, Path]) -> None:
    """The server says so itself: version and cipher of this connection."""
    running, certificate = server
    database = Database(_url(running, "localhost", certificate))
    with database.reading() as session:
        found = session.execute(text("SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()")).one()
    database.dispose()
    assert found[0] is True
    assert found[1] in ("TLSv1.2", "TLSv1.3")


def test_a_server_that_another_authority_vouches_for_is_not_asked(
    server: tuple[PostgreSqlServer, Path], tmp_path: Path
) -> None:
    """Whoever answers in its place gets neither password nor query."""
    running, _ = server
    other, _key = write_localhost_certificate(tmp_path)
    database = Database(_url(running, "localhost", other))
    with pytest.raises(Unavailable), database.reading() as session:
        session.execute(text("SELECT 1"))
    database.dispose()
