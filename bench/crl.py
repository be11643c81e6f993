"""``python -m bench.crl``: a list of a hundred thousand entries beside ``openssl ca -gencrl``, a million in shards.

Ours is measured whole: number taken, entries read from the database, list built and signed, list and event committed.
OpenSSL reads its index, a text file, and writes a file.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import insert, select

from ca.ceremony.hierarchy import create_hierarchy
from ca.issuance.authority import load_authority
from ca.issuance.model import Certificate
from ca.issuance.serial import new_serial
from ca.revocation.arrangement import arrange_lists
from ca.revocation.publish import publish_list
from ca.revocation.revoke import revoke_certificate
from ca.revocation.upkeep import publish_if_behind, publish_overdue_lists
from ca.serial import serial_text
from composition import Composition
from kernel.settings import load_settings
from keys.file_store import read_passphrase
from operations.schema import upgrade
from tests.servers.postgresql import run_postgresql
from tests.servers.process import find_program

ENTRIES = 100_000
MILLION, SHARDS = 1_000_000, 64


def main() -> int:
    """Measure and print."""
    arguments = _arguments()
    try:
        with tempfile.TemporaryDirectory(prefix="sau-bench-") as name:
            folder = Path(name)
            folder.chmod(0o711)
            result: dict[str, Any] = {
                "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
                "cores": os.cpu_count(),
                "load_before": round(os.getloadavg()[0], 2),
                "entries": ENTRIES,
                "openssl ca -gencrl, seconds": _measure_openssl(folder, arguments.rounds),
                "SQLite": _measure(f"sqlite:///{folder / 'sau.sqlite'}", folder / "home-1", arguments),
            }
            with run_postgresql(within=folder, more={"autovacuum": "on"}) as server:
                url = server.url(server.create_database(with_schema=False))
                result["PostgreSQL"] = _measure(url, folder / "home-2", arguments)
    except (RuntimeError, pytest.skip.Exception) as error:
        print(f"Not measured: {error}", file=sys.stderr)
        return 2
    print(json.dumps(result, indent=1))
    return 0


def _measure(database_url: str, home: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    with _composed(database_url, home) as composition:
        services = composition.ca
        create_hierarchy(services, now=composition.clock.now())
        signer = services.keystore.open("issuing-1")
        with services.database.reading() as session:
            authority_id = load_authority(session, "issuing-1").id
        _revoke_rows(composition, authority_id, ENTRIES, shards=1)
        whole = _times(
            lambda: publish_list(services, authority_id=authority_id, signer=signer, scheduled=False), arguments.rounds
        )
        found: dict[str, Any] = {"one list of all, seconds": whole}
        if arguments.million:
            with services.database.transaction() as session:
                arrange_lists(
                    session,
                    services=services,
                    authority="issuing-1",
                    shards=SHARDS,
                    delta=False,
                    actor="bench",
                    now=composition.clock.now(),
                )
            _revoke_rows(composition, authority_id, MILLION - ENTRIES, shards=SHARDS)
            found["a million in 64 shards and the full list, seconds"] = _times(
                lambda: publish_overdue_lists(services), 1
            )
            found["after one more revocation, seconds"] = _after_one(composition, authority_id, arguments.rounds)
        return found


def _after_one(composition: Composition, authority_id: str, rounds: int) -> list[float]:
    """The list of the one shard that changed: nothing else is signed again."""
    taken, services = [], composition.ca
    for number in range(rounds):
        [(serial, shard)] = _rows(composition, authority_id, 1, shards=SHARDS, revoked=False, first=number + 1)
        with services.database.transaction() as session:
            revoke_certificate(
                session,
                services=services,
                serial=serial,
                reason="superseded",
                actor="bench",
                now=composition.clock.now(),
            )
        began = time.perf_counter()
        published = publish_if_behind(services, authority_id=authority_id, shard=shard)
        taken.append(round(time.perf_counter() - began, 4))
        if published is None:
            raise RuntimeError("the shard was not behind")
    return taken


def _revoke_rows(composition: Composition, authority_id: str, number: int, *, shards: int) -> None:
    for start in range(0, number, 20_000):
        _rows(composition, authority_id, min(20_000, number - start), shards=shards, revoked=True)


def _rows(
    composition: Composition, authority_id: str, number: int, *, shards: int, revoked: bool, first: int = 0
) -> Sequence[tuple[str, int]]:
    now = composition.clock.now()
    with composition.database.transaction() as session:
        # Any bytes that can be read do: lists are made from the index.
        tbs_der = session.scalars(select(Certificate.tbs_der).where(Certificate.profile == "issuing-ca")).first()
        rows = []
        for place in range(number):
            serial = new_serial()
            rows.append(
                {
                    "serial": serial_text(serial),
                    "authority_id": authority_id,
                    "profile": "tls-server",
                    "profile_version": 1,
                    "subject": "CN=n.banco.test",
                    "names": ["n.banco.test"],
                    "spki_sha256": f"{serial:064x}",
                    "crl_shard": serial % shards,
                    "not_before": now,
                    "not_after": now + timedelta(days=90),
                    "issued_at": now,
                    "tbs_der": tbs_der if not revoked else b"\x30\x00",
                    "revoked_at": now - timedelta(seconds=(place + first) % 86_400) if revoked else None,
                    "revocation_reason": "superseded" if revoked else None,
                    "crl_revision": 0 if revoked else None,
                }
            )
        session.execute(insert(Certificate), rows)
    return [(str(row["serial"]), int(str(row["crl_shard"]))) for row in rows]


def _measure_openssl(folder: Path, rounds: int) -> list[float]:
    """The same number of entries through OpenSSL's own authority."""
    openssl, place = find_program("openssl", package="openssl"), folder / "openssl"
    place.mkdir()
    with _composed(f"sqlite:///{place / 'sau.sqlite'}", place / "home") as composition:
        create_hierarchy(composition.ca, now=composition.clock.now())
        with composition.database.reading() as session:
            issuer = load_authority(session, "issuing-1").certificate
        key: Any = composition.keystore.open("issuing-1").private_key
        (place / "ca.pem").write_bytes(issuer.public_bytes(Encoding.PEM))
        (place / "ca.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    now = datetime.now(UTC)
    until, since = ((now + timedelta(days=days)).strftime("%y%m%d%H%M%SZ") for days in (90, 0))
    (place / "index.txt").write_text(
        "".join(
            f"R\t{until}\t{since},superseded\t{serial_text(new_serial()).upper()}\tunknown\t/CN=n{number}\n"
            for number in range(ENTRIES)
        )
    )
    (place / "crlnumber").write_text("01\n")
    (place / "ca.cnf").write_text(
        "[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\ncrlnumber=crlnumber\ncertificate=ca.pem\nprivate_key=ca.key\n"
        "default_md=sha256\ndefault_crl_days=7\n"
    )

    def make() -> None:
        subprocess.run([openssl, "ca", "-config", "ca.cnf", "-gencrl", "-out", "out.crl"], cwd=place, check=True)

    return _times(make, rounds)


def _times(work: Callable[[], object], rounds: int) -> list[float]:
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        taken.append(round(time.perf_counter() - began, 4))
    return [*taken, round(statistics.median(taken), 4)]


@contextmanager
def _composed(database_url: str, home: Path) -> Iterator[Composition]:
    settings = load_settings(
        {"SAU_HOME": str(home), "SAU_DATABASE_URL": database_url, "SAU_ISSUER": "http://localhost:8000"}
    )
    settings.home.mkdir(mode=0o700)
    read_passphrase(settings.passphrase_file, create=True)
    composition = Composition(settings)
    upgrade(composition.database)
    yield composition
    composition.database.dispose()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.crl", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often; the last number is the median")
    parser.add_argument("--million", action="store_true", help="a million entries in 64 shards as well; takes minutes")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
