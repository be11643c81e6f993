"""The two servers under measurement, each with two workers, on one PostgreSQL server and a database of its own."""

from __future__ import annotations

import json
import os
import secrets
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from joserfc.jwk import ECKey, RSAKey

from bench import population
from bench.workload import OFFLINE, REDIRECT_URI, Client, Side, log_in
from idp.tokens.key_rotation import RSA_BITS
from tests.servers.node import install_node_program
from tests.servers.postgresql import PostgreSqlServer
from tests.servers.process import ServerProcess, find_program, free_port, living_members
from tests.servers.service import LiveService

WORKERS = 2
CONNECTIONS = 16
PEOPLE = 32
API = "urn:bench:api:"


@dataclass
class Running:
    """A running server and what it cost to start."""

    side: Side
    process: ServerProcess
    cold_start_seconds: float
    database: str

    def memory_mb(self) -> float:
        """Return the resident memory of all its processes, pages that they share counted once (PSS)."""
        return sum(_proportional_kb(pid) for pid in living_members(self.process.pid)) / 1024


def processor_seconds(process: ServerProcess) -> float:
    """Return the processor time that a server's processes have taken so far, those that ended not counted."""
    ticks = 0
    for pid in {*living_members(process.pid), *_children(process.pid)}:
        with suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


@contextmanager
def run_sau(postgresql: PostgreSqlServer, folder: Path) -> Iterator[Running]:
    """Run this service as an operator would: two web workers, the background worker with the sequencer beside them."""
    port, database = free_port(), postgresql.create_database(with_schema=False)
    url = f"http://127.0.0.1:{port}"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("SAU_")} | {
        "SAU_HOME": str(folder / "home"),
        "SAU_ISSUER": url,
        "SAU_BIND": f"127.0.0.1:{port}",
        "SAU_WORKERS": str(WORKERS),
        "SAU_DATABASE_URL": postgresql.url(database),
        # One address sends everything here; and the peer writes no line a request.
        "SAU_RATE_LIMITS": "off",
        "SAU_LOG_LEVEL": "warning",
    }
    service = LiveService(url, port, folder / "home", environ)
    service.command("init")
    with service.composition() as composition:
        populated = population.populate(composition, people=PEOPLE, redirect_uri=REDIRECT_URI, api=API)
    # The first start of a fresh checkout compiles; that is no cold start of a service.
    started = time.perf_counter()
    process = ServerProcess(
        "sau serve",
        [sys.executable, "-m", "sau", "serve"],
        log=folder / "sau.log",
        environ=environ,
        cwd=Path(__file__).resolve().parents[1],
    )
    try:
        process.wait_until(lambda: _answers(f"{url}/.well-known/openid-configuration"), seconds=60, pause=0.01)
        cold_start = time.perf_counter() - started
        side = Side(
            name="SAU",
            url=url,
            paths={
                "authorize": "/authorize",
                "token": "/token",
                "userinfo": "/userinfo",
                "introspection": "/introspect",
                "discovery": "/.well-known/openid-configuration",
                "jwks": "/jwks",
            },
            cookies=populated.cookies,
            portals=populated.portals,
            services=populated.services,
        )
        yield Running(side, process, cold_start, database)
    finally:
        process.stop()


@contextmanager
def run_peer(postgresql: PostgreSqlServer, folder: Path) -> Iterator[Running]:
    """Run oidc-provider with the adapter of ``bench/peer``: tokens, codes and sessions in PostgreSQL, no events."""
    program = install_node_program(Path(__file__).with_name("peer"))
    port, database = free_port(), postgresql.create_database(with_schema=False)
    url = f"http://127.0.0.1:{port}"
    people = [f"person-{number}" for number in range(PEOPLE)]
    portals = {
        name: Client(f"portal-{name.lower()}", secrets.token_urlsafe(32), algorithm)
        for name, algorithm in (("ES256", "ES256"), ("RS256", "RS256"), (OFFLINE, "ES256"))
    }
    services = {each: Client(f"service-{each.lower()}", secrets.token_urlsafe(32), each) for each in ("ES256", "RS256")}
    configuration = folder / "peer.json"
    configuration.write_text(
        json.dumps(_peer_configuration(url, port, postgresql.port, database, people, portals, services))
    )
    configuration.chmod(0o600)
    started = time.perf_counter()
    process = ServerProcess(
        "oidc-provider",
        [find_program("node", package="nodejs"), "server.mjs", configuration],
        log=folder / "peer.log",
        environ=dict(os.environ) | {"NODE_ENV": "production"},
        cwd=program,
    )
    try:
        process.wait_until(lambda: _answers(f"{url}/.well-known/openid-configuration"), seconds=60, pause=0.01)
        cold_start = time.perf_counter() - started
        side = Side(
            name="oidc-provider",
            url=url,
            paths={
                "authorize": "/auth",
                "token": "/token",
                "userinfo": "/me",
                "introspection": "/token/introspection",
                "discovery": "/.well-known/openid-configuration",
                "jwks": "/jwks",
            },
            cookies=log_in(url, "/auth", people=people, portals=list(portals.values())),
            portals=portals,
            services={
                each: (client, f"grant_type=client_credentials&scope=read&resource={API}{each}")
                for each, client in services.items()
            },
        )
        yield Running(side, process, cold_start, database)
    finally:
        process.stop()


def peer_version() -> str:
    """Return the version of oidc-provider that the lock file names."""
    lock = json.loads((Path(__file__).with_name("peer") / "package-lock.json").read_text())
    return str(lock["packages"]["node_modules/oidc-provider"]["version"])


def _peer_configuration(
    url: str,
    port: int,
    database_port: int,
    database: str,
    people: list[str],
    portals: dict[str, Client],
    services: dict[str, Client],
) -> dict[str, Any]:
    keys = [ECKey.generate_key("P-256"), RSAKey.generate_key(RSA_BITS)]  # as long as ours: the cost of RS256 is in it
    jwks = [
        key.as_dict(private=True) | {"use": "sig", "alg": algorithm, "kid": f"bench-{algorithm}"}
        for key, algorithm in zip(keys, ("ES256", "RS256"), strict=True)
    ]
    common = {"token_endpoint_auth_method": "client_secret_basic"}
    return {
        "issuer": url,
        "port": port,
        "offlineClient": portals[OFFLINE].client_id,
        "workers": WORKERS,
        "connections": CONNECTIONS,
        "database": f"postgresql://postgres@127.0.0.1:{database_port}/{database}",
        "jwks": {"keys": jwks},
        "cookieKeys": [secrets.token_urlsafe(32)],
        "accounts": [
            {"id": each, "given_name": "María Fernanda", "family_name": "Quishpe", "email": f"{each}@correo.test"}
            for each in people
        ],
        "resources": {f"{API}{each}": each for each in services},
        "clients": [
            {
                **common,
                "client_id": client.client_id,
                "client_secret": client.secret,
                "redirect_uris": [REDIRECT_URI],
                "response_types": ["code"],
                "grant_types": ["authorization_code", "refresh_token"],
                "id_token_signed_response_alg": client.algorithm,
                "scope": "openid profile email offline_access",
            }
            for client in portals.values()
        ]
        + [
            {
                **common,
                "client_id": client.client_id,
                "client_secret": client.secret,
                "redirect_uris": [],
                "response_types": [],
                "grant_types": ["client_credentials"],
            }
            for client in services.values()
        ],
    }


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _proportional_kb(pid: int) -> int:
    with suppress(OSError, StopIteration):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("Pss:")).split()[1])
    return 0


def _children(parent: int) -> list[int]:
    """Return the ids of the children of a process; PostgreSQL's lead sessions of their own."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(path.read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(path.parent.name))
    return found
