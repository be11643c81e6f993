"""``python -m bench.acme``: whole issuance over ACME, ours beside Caddy's server, one client, alternating rounds.

A unit is one certificate: order, authorization, http-01 answered on port 80, proof looked at, CSR, download. Ours runs
as ``sau serve`` runs: two web workers, the background worker beside them, PostgreSQL underneath, each step an event;
Caddy's keeps its state in files of its own. Both answer by TLS and look names up at the same name server. All of it
runs in a network namespace, where ports 53 and 80 are free, so it needs root, or a kernel that lets users have them.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.pool import Pool
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from joserfc import jws
from joserfc.jwk import ECKey, OctKey

from bench import acme_network
from bench.servers import WORKERS, processor_seconds
from kernel.identifiers import b64url
from tests.servers.postgresql import PostgreSqlServer, run_postgresql
from tests.servers.process import ServerProcess, accepts_connections, find_program, free_port
from tests.servers.service import LiveService

_INSIDE = "--inside"
RUC, ZONE = "1768152560001", "banco.gob.ec"
_PAUSE = 0.03  # seconds between two looks of the client
_ROOT = Path(__file__).resolve().parents[1]
Steps = dict[str, float]  # seconds


@dataclass
class Side:
    """A server under measurement. :ivar binding: key id and HMAC key, where it wants them."""

    name: str
    directory: str
    process: ServerProcess
    binding: tuple[str, str] | None = None


def main() -> int:
    """Measure and print."""
    arguments = _arguments()
    if not arguments.inside:
        return _enter_namespace()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    try:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sau-bench-")))
            folder.chmod(0o711)
            stack.enter_context(_name_server_of_the_system(folder))
            stack.enter_context(_answering(arguments.connections))
            postgresql = stack.enter_context(run_postgresql(within=folder, more={"autovacuum": "on"}))
            certificate, private = _tls(folder)
            sides = [stack.enter_context(_run_sau(postgresql, folder, certificate, private, arguments.connections))]
            if not arguments.alone:
                sides.append(stack.enter_context(_run_caddy(folder)))
            pool = stack.enter_context(multiprocessing.get_context("spawn").Pool(arguments.clients))
            pool.map(abs, range(arguments.clients), chunksize=1)  # imported before the first round
            result = _measure(pool, sides, arguments)
    except (RuntimeError, pytest.skip.Exception) as error:
        print(f"Not measured: {error}", file=sys.stderr)
        return 2
    print(json.dumps(result, indent=1))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.acme", description=__doc__)
    parser.add_argument("--seconds", type=float, default=8, help="of a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--clients", type=int, default=2, help="processes of the client")
    parser.add_argument("--alone", action="store_true", help="without Caddy")
    parser.add_argument(_INSIDE, action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def _enter_namespace() -> int:
    unshare = ["unshare", "--net", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    return subprocess.run([*unshare, sys.executable, "-m", "bench.acme", _INSIDE, *sys.argv[1:]], cwd=_ROOT).returncode


def _measure(pool: Pool, sides: list[Side], arguments: argparse.Namespace) -> dict[str, Any]:
    rounds: dict[str, list[float]] = {side.name: [] for side in sides}
    costs: dict[str, list[float]] = {side.name: [] for side in sides}
    waits: dict[str, list[float]] = {side.name: [] for side in sides}
    steps: dict[str, list[Steps]] = {side.name: [] for side in sides}
    accounts = {
        side.name: [Client(side.directory, each).register(side.binding) for each in range(arguments.connections)]
        for side in sides
    }
    for number in range(arguments.rounds + 1):
        for side in sides if number % 2 else reversed(sides):
            seconds = arguments.seconds if number else 2.0  # the first one warms up
            before = processor_seconds(side.process)
            issued = _load(pool, side, accounts[side.name], seconds, arguments)
            cost = processor_seconds(side.process) - before
            taken = [sum(each.values()) for each in issued]
            if number and taken:
                rounds[side.name].append(len(taken) / seconds)
                costs[side.name].append(cost / len(taken) * 1000)
                waits[side.name].append(statistics.median(taken) * 1000)
                steps[side.name] += issued
            print(f"{side.name:6} round {number}: {len(taken) / seconds:7.1f}/s", file=sys.stderr)
    measured = {
        name: {
            "per_second": [round(each, 1) for each in rounds[name]],
            "median_per_second": round(statistics.median(rounds[name]), 1),
            "server_processor_ms": round(statistics.median(costs[name]), 2),
            "p50_ms": round(statistics.median(waits[name])),
            "mean_ms_by_step": _by_step(steps[name], statistics.fmean),
            "median_ms_by_step": _by_step(steps[name], statistics.median),
        }
        for name in rounds
        if rounds[name]
    }
    medians = [side["median_per_second"] for side in measured.values()]
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 2),
        "connections": arguments.connections,
        "sides": measured,
        "ratio": round(medians[0] / medians[1], 2) if len(medians) == 2 else None,
    }


def _by_step(issued: list[Steps], middle: Callable[[list[float]], float]) -> dict[str, float]:
    names = sorted({name for each in issued for name in each})
    return {name: round(middle([each.get(name, 0.0) for each in issued]) * 1000, 1) for name in names}


def _load(pool: Pool, side: Side, accounts: list[str], seconds: float, arguments: argparse.Namespace) -> list[Steps]:
    until = time.time() + seconds + 1
    shares = [list(enumerate(accounts))[each :: arguments.clients] for each in range(arguments.clients)]
    work = [(side.directory, share, until - seconds, until) for share in shares]
    return [each for part in pool.starmap(_run_client, work, chunksize=1) for each in part]


def _run_client(directory: str, accounts: list[tuple[int, str]], begin: float, until: float) -> list[Steps]:
    def issue_on(numbered: tuple[int, str]) -> list[Steps]:
        client, taken = Client(directory, *numbered), []
        time.sleep(max(0.0, begin - time.time()))
        while time.time() < until:
            steps = client.issue()
            if time.time() < until:
                taken.append(steps)
        return taken

    with ThreadPoolExecutor(len(accounts)) as pool:
        return [each for part in pool.map(issue_on, accounts) for each in part]


class Client:
    """An ACME client with the account of this number, on one connection that stays open."""

    def __init__(self, directory: str, number: int, account: str = "") -> None:
        parts = urlsplit(directory)
        self._http = acme_network.Connection(parts.hostname or "", parts.port or 443)
        self._number, self._key, self._account, self._nonce = number, _key(number), account, ""
        self._directory = self._ask("GET", directory)[1]
        self._nonce = self._ask("HEAD", self._directory["newNonce"])[2]

    def register(self, binding: tuple[str, str] | None) -> str:
        """Open an account; return its address."""
        payload: dict[str, Any] = {"termsOfServiceAgreed": True}
        if binding is not None:
            mac = OctKey.import_key({"kty": "oct", "k": binding[1]})
            header = {"alg": "HS256", "kid": binding[0], "url": self._directory["newAccount"]}
            registry = jws.JWSRegistry(algorithms=["HS256"], strict_check_header=False)
            compact = jws.serialize_compact(header, json.dumps(_jwk(self._key)).encode(), mac, registry=registry)
            payload["externalAccountBinding"] = dict(
                zip(("protected", "payload", "signature"), compact.split("."), strict=True)
            )
        return self._post(self._directory["newAccount"], payload)[3]

    def issue(self) -> Steps:
        """Get one certificate; return how long each step took."""
        steps: Steps = {}
        began = time.perf_counter()

        def over(step: str) -> None:
            nonlocal began
            ended = time.perf_counter()
            steps[step], began = ended - began, ended

        name = f"n{os.urandom(8).hex()}-{self._number}.{ZONE}"
        _, order, _, location = self._post(
            self._directory["newOrder"], {"identifiers": [{"type": "dns", "value": name}]}
        )
        over("1 newOrder")
        [authorization] = order["authorizations"]
        challenges = self._post(authorization, None)[1]["challenges"]
        over("2 authorization")
        self._post(next(each["url"] for each in challenges if each["type"] == "http-01"), {})
        over("3 challenge")
        self._wait(authorization, "valid")
        over("4 authorization until it is valid")
        order = self._post(order["finalize"], {"csr": _csr(name)})[1]
        over("5 finalize")
        if order["status"] != "valid":
            order = self._wait(location, "valid")
            over("6 order until it is valid")
        self._post(order["certificate"], None)
        over("7 certificate")
        return steps

    def _wait(self, url: str, status: str) -> dict[str, Any]:
        while True:
            document = self._post(url, None)[1]
            if document["status"] == status:
                return document
            if document["status"] not in ("pending", "processing", "ready"):
                raise RuntimeError(f"{url}: {document}")
            time.sleep(_PAUSE)

    def _post(self, url: str, payload: Any) -> tuple[int, Any, str, str]:
        who = {"kid": self._account} if self._account else {"jwk": _jwk(self._key)}
        header = json.dumps({"alg": "ES256", "nonce": self._nonce, "url": url} | who).encode()
        body = b"" if payload is None else json.dumps(payload).encode()
        protected, content = b64url(header), b64url(body)
        signature = self._key.sign(f"{protected}.{content}".encode(), ec.ECDSA(hashes.SHA256()))
        r, s = decode_dss_signature(signature)
        octets = b64url(r.to_bytes(32) + s.to_bytes(32))
        message = json.dumps({"protected": protected, "payload": content, "signature": octets})
        answer = self._ask("POST", url, message)
        self._nonce = answer[2]
        if answer[0] >= 400:
            raise RuntimeError(f"{url}: {answer[0]} {answer[1]}")
        return answer

    def _ask(self, method: str, url: str, body: str = "") -> tuple[int, Any, str, str]:
        reply = self._http.ask(method, urlsplit(url).path, body.encode())
        return (
            reply.status,
            reply.document,
            reply.headers.get("replay-nonce", ""),
            reply.headers.get("location", ""),
        )


def _key(number: int) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(1_000_003 + number, ec.SECP256R1())  # known to whoever answers, too


def _jwk(key: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
    return dict(ECKey.import_key(key).as_dict(private=False))


def _thumbprint(key: ec.EllipticCurvePrivateKey) -> str:
    return ECKey.import_key(key).thumbprint()


def _csr(name: str) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([x509.DNSName(name)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).add_extension(names, critical=False)
    return b64url(builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER))


@contextmanager
def _name_server_of_the_system(folder: Path) -> Iterator[None]:
    """Let every program here ask the name server below: the mount is seen in this namespace only."""
    file = folder / "resolv.conf"
    file.write_text("nameserver 127.0.0.1\n")
    file.chmod(0o644)
    subprocess.run(["mount", "--bind", str(file), "/etc/resolv.conf"], check=True)
    yield
    subprocess.run(["umount", "/etc/resolv.conf"], check=True)


@contextmanager
def _answering(accounts: int) -> Iterator[None]:
    """Run the name server and the web server that show the proofs, in processes of their own."""
    processes = [
        multiprocessing.get_context("spawn").Process(target=target, args=(accounts,), daemon=True)
        for target in (serve_names, serve_proofs)
    ]
    for process in processes:
        process.start()
    deadline = time.monotonic() + 90
    while not accepts_connections(80):
        if time.monotonic() > deadline:
            raise RuntimeError("the web server of the proofs does not answer")
        time.sleep(0.05)
    yield
    for process in processes:
        process.terminate()


def serve_names(_accounts: int) -> None:
    """Answer questions: each name under the zone is this machine, and the zone lets ours issue."""
    acme_network.serve_names(b"\x05banco\x03gob\x02ec\0", b"localhost")


def serve_proofs(accounts: int) -> None:
    """Answer http-01 for any token, by the key of the account whose number the name says."""
    thumbprints = [_thumbprint(_key(number)) for number in range(accounts)]

    def proof(host: str, path: str) -> str:
        number = int(host.split(".")[0].rpartition("-")[2])
        return f"{path.rpartition('/')[2]}.{thumbprints[number]}"

    acme_network.serve_files(proof)


@contextmanager
def _run_sau(postgresql: PostgreSqlServer, folder: Path, certificate: Path, key: Path, accounts: int) -> Iterator[Side]:
    port, database = free_port(), postgresql.create_database(with_schema=False)
    url = f"https://localhost:{port}"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("SAU_")} | {
        "SAU_HOME": str(folder / "home"),
        "SAU_ISSUER": url,
        "SAU_BIND": f"127.0.0.1:{port}",
        "SAU_WORKERS": str(WORKERS),
        "SAU_DATABASE_URL": postgresql.url(database),
        "SAU_OUTGOING_NETWORKS": "127.0.0.0/8",
        "SAU_ACME_RESOLVERS": "127.0.0.1",
        "SAU_RATE_LIMITS": "off",
        "SAU_LOG_LEVEL": "warning",
    }
    service = LiveService(url, port, folder / "home", environ)
    service.command("init")
    service.command("institution", "add", "--ruc", RUC, "--name", "Institución de Prueba", "--domain", ZONE)
    credential = service.json("acme", "credential", "add", "--institution", RUC, "--accounts", str(accounts))
    serve = [sys.executable, "-m", "sau", "serve", "--tls-cert", certificate, "--tls-key", key]
    process = ServerProcess("sau serve", serve, log=folder / "sau.log", environ=environ, cwd=_ROOT)
    try:
        process.wait_until(lambda: accepts_connections(port), seconds=60)
        time.sleep(2)
        yield Side("SAU", f"{url}/acme/directory", process, (credential["key_id"], credential["hmac_key"]))
    finally:
        process.stop()


@contextmanager
def _run_caddy(folder: Path) -> Iterator[Side]:
    program, port, home = find_program("caddy", package="caddy"), free_port(), folder / "caddy"
    home.mkdir()
    configuration = home / "caddy.json"
    server = {
        "listen": [f"127.0.0.1:{port}"],
        "automatic_https": {"disable_redirects": True},
        "routes": [{"match": [{"host": ["localhost"]}], "handle": [{"handler": "acme_server"}]}],
    }
    policy = {"subjects": ["localhost"], "issuers": [{"module": "internal"}]}
    configuration.write_text(
        json.dumps(
            {
                "admin": {"disabled": True},
                "logging": {"logs": {"default": {"level": "ERROR"}}},
                "storage": {"module": "file_system", "root": str(home)},
                "apps": {
                    "http": {"servers": {"acme": server}},
                    "pki": {"certificate_authorities": {"local": {"install_trust": False}}},
                    "tls": {"automation": {"policies": [policy]}},
                },
            }
        )
    )
    environ = {**os.environ, "HOME": str(home), "XDG_DATA_HOME": str(home), "XDG_CONFIG_HOME": str(home)}
    process = ServerProcess(
        "caddy", [program, "run", "--config", configuration], log=folder / "caddy.log", environ=environ, cwd=home
    )
    try:
        process.wait_until(lambda: accepts_connections(port), seconds=30)
        time.sleep(2)
        yield Side("Caddy", f"https://localhost:{port}/acme/local/directory", process)
    finally:
        process.stop()


def _tls(folder: Path) -> tuple[Path, Path]:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    chain, private = folder / "tls.pem", folder / "tls.key"
    chain.write_bytes(certificate.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return chain, private


if __name__ == "__main__":
    threading.stack_size(512 * 1024)
    sys.exit(main())
