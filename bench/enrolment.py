"""``python -m bench.enrolment``: certificates by EST, the API and CMP, their rate and the processor time of each.

The service runs as ``sau serve`` does (two web workers, the background worker, PostgreSQL). A unit is one certificate
as its client sees it: EST ``simpleenroll`` with a credential, ``POST /pki/api/v1/requests`` with an access token, CMP
``ir`` by OpenSSL's program, certConf included. Each is in the certificate log and handed over. There is no peer here:
what is told is the load that the service bears. OpenSSL's program is a process for each certificate, so of CMP the
processor time tells, not the rate. Certificates are counted afterwards; one that is missing ends the run.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from threading import local
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import func, select

from audit.model import AuditEvent
from audit.vocabulary import EventType
from bench.servers import WORKERS, processor_seconds
from ca.api.caller import AUDIENCE, Scope
from composition import Composition
from idp.clients.model import ClientRow
from idp.directory.model import InstitutionRow
from tests.ca.csr import ec_key, make_csr
from tests.idp.relying_party import RelyingParty, register
from tests.servers.postgresql import PostgreSqlServer, run_postgresql
from tests.servers.process import ServerProcess, accepts_connections, free_port
from tests.servers.service import LiveService

_ROOT = Path(__file__).resolve().parents[1]
_RUC, _DOMAIN = "1768152560001", "pruebas.gob.ec"
_PROFILE = "tls-client"
Ask = Callable[[int], None]


class Callers:
    """Ask the service for certificates; a connection for each thread stays open.

    :ivar csrs: one for each certificate, made before the clock runs.
    """

    def __init__(self, service: LiveService, folder: Path) -> None:
        self._service, self._folder = service, folder
        self._local = local()
        self.csrs: list[str] = []

    def by_est(self, number: int) -> Ask:
        """Return what enrols by EST, ``number`` times at most."""
        who = self._credential("est", number)
        basic = base64.b64encode(f"{who[0]}:{who[1]}".encode()).decode()
        headers = {"Content-Type": "application/pkcs10", "Authorization": f"Basic {basic}"}

        def ask(each: int) -> None:
            body = "".join(self.csrs[each].strip().splitlines()[1:-1])
            self._post("/.well-known/est/simpleenroll", body, headers, expected=200)

        return ask

    def by_api(self, number: int) -> Ask:
        """Return what asks through the API."""
        with self._service.composition() as composition:
            party = _system(composition)
        form = f"grant_type=client_credentials&scope={Scope.REQUEST.value}"
        answer = self._post(
            "/token", form, party.basic() | {"Content-Type": "application/x-www-form-urlencoded"}, expected=200
        )
        token = json.loads(answer)["access_token"]
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}

        def ask(each: int) -> None:
            body = json.dumps({"profile": _PROFILE, "csr": self.csrs[each]})
            self._post("/pki/api/v1/requests", body, headers, expected=201)

        return ask

    def by_cmp(self, number: int) -> Ask:
        """Return what enrols by OpenSSL's CMP client."""
        reference, secret = self._credential("cmp", number)

        def ask(each: int) -> None:
            (self._folder / f"k{each}.pem").write_bytes(_key_pem())
            command = ["openssl", "cmp", "-config", "", "-server", f"127.0.0.1:{self._service.port}/cmp", "-cmd", "ir"]
            command += ["-ref", reference, "-secret", f"pass:{secret}", "-newkey", f"k{each}.pem"]
            command += ["-subject", f"/CN=Portal CMP {each}", "-certout", f"c{each}.pem"]
            done = subprocess.run(command, cwd=self._folder, capture_output=True, text=True, timeout=60)
            if done.returncode:
                raise RuntimeError(f"openssl cmp: {done.stderr[-500:]}")

        return ask

    def _credential(self, protocol: str, uses: int) -> tuple[str, str]:
        made = self._service.json(
            protocol, "credential", "add", "--institution", _RUC, "--profile", _PROFILE, "--uses", str(uses)
        )
        return made["id"], made["secret"]

    def _post(self, path: str, body: str, headers: dict[str, str], *, expected: int) -> bytes:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = HTTPConnection("127.0.0.1", self._service.port, timeout=60)
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        content: bytes = answer.read()
        if answer.status != expected:
            raise RuntimeError(f"{path}: {answer.status} {content[:500]!r}")
        return content


def _key_pem() -> bytes:
    return ec_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _system(composition: Composition) -> RelyingParty:
    """Register a system of the institution that may ask for certificates."""
    words = {scope.value: f"Certificados: {scope.value}" for scope in Scope}
    register(composition, client_name="Autoridad", resource=AUDIENCE, resource_scopes=words)
    party = register(
        composition,
        client_name="Sistema de pruebas",
        redirect_uris=[],
        post_logout_redirect_uris=[],
        grant_types=["client_credentials"],
        scope=" ".join(Scope),
        optional_scope="",
        resources=[AUDIENCE],
    )
    with composition.database.transaction() as session:
        institution = session.scalars(select(InstitutionRow).where(InstitutionRow.ruc == _RUC)).one()
        session.get_one(ClientRow, party.client_id).institution_id = institution.id
    return party


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.enrolment", description=__doc__)
    parser.add_argument("--number", type=int, default=300, help="certificates of a round, 2,000 at most")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--connections", type=int, default=16, help="at the same time, 64 at most")
    parser.add_argument("--only", nargs="+", choices=["est", "api", "cmp"], default=["est", "api", "cmp"])
    arguments = parser.parse_args()
    number, connections = min(arguments.number, 2000), min(arguments.connections, 64)
    with tempfile.TemporaryDirectory(prefix="sau-bench-") as name, run_postgresql() as postgresql:
        folder = Path(name)
        service = _initialized(postgresql, folder)
        process = ServerProcess(
            "sau serve",
            [sys.executable, "-m", "sau", "serve"],
            log=folder / "sau.log",
            environ=service.environ,
            cwd=_ROOT,
        )
        try:
            process.wait_until(lambda: accepts_connections(service.port), seconds=60)
            time.sleep(2)
            rounds = arguments.rounds + 1
            result = {
                protocol: _measure(service, process, folder, protocol, number, rounds, connections)
                for protocol in arguments.only
            }
        finally:
            process.stop()
    told = {"cores": os.cpu_count(), "load": round(os.getloadavg()[0], 2), "connections": connections, **result}
    print(json.dumps(told, indent=1))
    return 0


def _initialized(postgresql: PostgreSqlServer, folder: Path) -> LiveService:
    port, database = free_port(), postgresql.create_database(with_schema=False)
    url = f"http://127.0.0.1:{port}"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("SAU_")} | {
        "SAU_HOME": str(folder / "home"),
        "SAU_ISSUER": url,
        "SAU_BIND": f"127.0.0.1:{port}",
        "SAU_WORKERS": str(WORKERS),
        "SAU_DATABASE_URL": postgresql.url(database),
        "SAU_RATE_LIMITS": "off",
        "SAU_LOG_LEVEL": "warning",
    }
    service = LiveService(url, port, folder / "home", environ)
    service.command("init")
    service.command("institution", "add", "--ruc", _RUC, "--name", "Ministerio de Pruebas", "--domain", _DOMAIN)
    service.command("cmp", "init")
    return service


def _measure(
    service: LiveService,
    process: ServerProcess,
    folder: Path,
    protocol: str,
    number: int,
    rounds: int,
    connections: int,
) -> dict[str, Any]:
    callers = Callers(service, folder)
    warm = min(50, number)
    sizes = [warm, *[number] * (rounds - 1)]
    callers.csrs = [] if protocol == "cmp" else [make_csr(common_name=f"Portal {n}", dns=()) for n in range(sum(sizes))]
    ask = {"est": callers.by_est, "api": callers.by_api, "cmp": callers.by_cmp}[protocol](sum(sizes))
    rates, costs, waits, begun = list[float](), list[float](), list[float](), 0
    before = _handed_over(service)
    with ThreadPoolExecutor(connections) as pool:
        for round_, size in enumerate(sizes):
            spent, started = processor_seconds(process), time.perf_counter()
            taken = list(pool.map(lambda each: _timed(ask, each), range(begun, begun + size)))
            seconds, spent = time.perf_counter() - started, processor_seconds(process) - spent
            begun += size
            if round_:
                rates.append(size / seconds)
                costs.append(spent / size * 1000)
                waits.append(statistics.median(taken) * 1000)
            print(f"{protocol} round {round_}: {size / seconds:7.1f}/s", file=sys.stderr)
    made = _handed_over(service) - before
    if made != begun:
        raise RuntimeError(f"{begun} certificates by {protocol}, {made} handed over on record")
    return _summary(rates, costs, waits)


def _timed(ask: Ask, each: int) -> float:
    started = time.perf_counter()
    ask(each)
    return time.perf_counter() - started


def _handed_over(service: LiveService) -> int:
    with service.composition() as composition, composition.database.reading() as session:
        delivered = AuditEvent.type == EventType.CERTIFICATE_DELIVERED.value
        return session.scalar(select(func.count()).select_from(AuditEvent).where(delivered)) or 0


def _summary(rates: Sequence[float], costs: Sequence[float], waits: Sequence[float]) -> dict[str, Any]:
    return {
        "per_second": [round(each, 1) for each in rates],
        "server_processor_ms": round(statistics.median(costs), 2),
        "p50_ms": round(statistics.median(waits)),
    }


if __name__ == "__main__":
    sys.exit(main())
