"""``python -m bench.ocsp``: our OCSP responder beside cfssl's and OpenSSL's, one run, alternating rounds.

All of them answer after the same certificates. cfssl (Debian's golang-cfssl) is given answers that were signed before
and holds them in memory; ``openssl ocsp -multi 2`` reads an index and signs each answer. Ours runs as ``sau serve``
runs: two web workers, the background worker beside them, PostgreSQL underneath.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import shutil
import signal
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from asn1crypto.x509 import Certificate as ParsedCertificate
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from sqlalchemy import func, insert, select

from bench.load import Round, find_wrk, run_round
from bench.servers import Running, processor_seconds, run_sau
from bench.workload import Side
from ca.issuance.model import Authority, Certificate
from ca.issuance.serial import new_serial
from ca.revocation.model import OcspPage
from ca.revocation.revoke import revoke_certificate
from ca.serial import serial_text
from composition import Composition
from kernel.settings import load_settings
from keys.signer import Algorithm, generate_private_key
from tests.servers.postgresql import run_postgresql
from tests.servers.process import ServerProcess, find_program, free_port

CERTIFICATES = 1_000
COLD_CERTIFICATES = 20_000
_PATIENCE = 300  # seconds that the worker has to sign all of them
_TYPE = {"Content-Type": "application/ocsp-request"}


@dataclass(frozen=True)
class Asked:
    """A responder, and the authority (DER) after whose certificates it is asked."""

    side: Side
    issuer: bytes


@dataclass(frozen=True)
class Ground:
    """What is asked after.

    :ivar issuer: certificate of the authority (DER).
    :ivar serials: of certificates that are asked after again and again.
    :ivar cold: of others, each asked after once.
    """

    issuer: bytes
    serials: Sequence[int]
    cold: Sequence[int]


def main() -> int:
    """Measure and print."""
    arguments = _arguments()
    try:
        find_wrk()
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sau-bench-")))
            folder.chmod(0o711)
            postgresql = stack.enter_context(run_postgresql(within=folder, more={"autovacuum": "on"}))
            ours = stack.enter_context(run_sau(postgresql, folder))
            environ = {"SAU_HOME": str(folder / "home"), "SAU_ISSUER": ours.side.url}
            composition = stack.enter_context(_composed(environ, postgresql.url(ours.database)))
            ground = _populate(composition)
            address = Side("SAU", ours.side.url, {"ocsp": "/pki/ocsp"}, (), {}, {})
            sides = [Asked(address, ground.issuer), *_peers(stack, folder, ground)]
            result = {
                "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
                "cores": os.cpu_count(),
                "load_before": round(os.getloadavg()[0], 2),
                "certificates": CERTIFICATES,
                "first answers, nothing signed ahead yet": _measure_cold(ours, ground, arguments),
                "signed_ahead_after_seconds": _wait_for_pages(composition),
                "post": _measure(sides, ground, "POST", arguments),
                "processor_microseconds_a_request": _measure_cost(ours, sides[0], ground, arguments),
                "get": _measure(sides[:1], ground, "GET", arguments),
                "nonce": _measure(sides[:1], ground, "nonce", arguments),
                "revocation_shows_after_seconds": _measure_freshness(ours, composition, ground),
                "memory_mb": round(ours.memory_mb()),
            }
    except (RuntimeError, pytest.skip.Exception) as error:
        print(f"Not measured: {error}", file=sys.stderr)
        return 2
    print(json.dumps(result, indent=1))
    return 0


@contextmanager
def _composed(environ: dict[str, str], database_url: str) -> Iterator[Composition]:
    composition = Composition(load_settings({**environ, "SAU_DATABASE_URL": database_url}))
    yield composition
    composition.database.dispose()


def _populate(composition: Composition) -> Ground:
    """Put rows of certificates into the database: the responder reads nothing else of them."""
    now = datetime.now(UTC)
    serials = [new_serial() for _ in range(CERTIFICATES + COLD_CERTIFICATES)]
    with composition.database.transaction() as session:
        authority = session.scalars(select(Authority).where(Authority.name == "issuing-1")).one()
        # Any bytes that can be read do: the responder does not look at them.
        tbs_der = session.scalars(select(Certificate.tbs_der).where(Certificate.profile == "ocsp-responder")).first()
        rows = [
            {
                "serial": serial_text(serial),
                "authority_id": authority.id,
                "profile": "tls-server",
                "profile_version": 1,
                "subject": f"CN=n{number}.banco.test",
                "names": [f"n{number}.banco.test"],
                "spki_sha256": f"{serial:064x}",
                "crl_shard": 0,
                "not_before": now,
                "not_after": now + timedelta(days=90),
                "issued_at": now,
                "tbs_der": tbs_der,
                "certificate_der": b"\x30\x00",
                "certificate_sha256": f"{serial:064x}",
            }
            for number, serial in enumerate(serials)
        ]
        session.execute(insert(Certificate), rows)
        return Ground(authority.certificate_der, serials[:CERTIFICATES], serials[CERTIFICATES:])


def question(issuer: bytes, serial: int, nonce: bytes | None = None) -> bytes:
    """Return a request as most software makes it: CertID by SHA-1."""
    parsed = ParsedCertificate.load(issuer)
    builder = ocsp.OCSPRequestBuilder().add_certificate_by_hash(
        parsed.subject.sha1,
        parsed.public_key.sha1,
        serial,
        hashes.SHA1(),  # nosec B303
    )
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


def _plan(asked: Asked, ground: Ground, kind: str) -> dict[str, object]:
    side, path = asked.side, asked.side.paths["ocsp"]
    wanted: list[list[object]] = []
    for serial in ground.serials:
        request = question(asked.issuer, serial, os.urandom(16) if kind == "nonce" else None)
        if kind == "GET":
            encoded = base64.b64encode(request).decode().replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
            wanted.append(["GET", f"{path.rstrip('/')}/{encoded}", {}, ""])
        else:
            wanted.append(["POST", path, _TYPE, request])
    method, address, headers, body = wanted[0]
    answer = requests.request(str(method), side.url + str(address), headers=dict(headers), data=body or None)  # type: ignore[call-overload]
    status = ocsp.load_der_ocsp_response(answer.content)
    if status.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL or status.serial_number != ground.serials[0]:
        raise RuntimeError(f"{side.name} {kind}: {answer.status_code} {status.response_status}")
    return {"kind": "single", "requests": wanted}


def _measure(
    responders: Sequence[Asked], ground: Ground, kind: str, arguments: argparse.Namespace
) -> dict[str, object]:
    sides = [each.side for each in responders]
    plans = {each.side.name: _plan(each, ground, kind) for each in responders}
    rounds: dict[str, list[Round]] = {side.name: [] for side in sides}
    for side in sides:
        run_round(side, plans[side.name], seconds=1, connections=arguments.connections)  # warm
    for number in range(arguments.rounds):
        for side in sides if number % 2 == 0 else reversed(sides):
            found = run_round(side, plans[side.name], seconds=arguments.seconds, connections=arguments.connections)
            if found.unexpected:
                raise RuntimeError(f"{side.name} {kind}: {found.unexpected} unexpected answers")
            rounds[side.name].append(found)
    # OpenSSL's responder closes each connection; a wrk that counts nothing there has measured nothing.
    return {
        name: "not measured: the load generator got no answer"
        if not any(each.units for each in found)
        else {
            "per_second": [round(each.per_second) for each in found],
            "median": round(statistics.median(each.per_second for each in found)),
            "p99_ms": round(statistics.median(each.p99_ms for each in found), 2),
        }
        for name, found in rounds.items()
    }


def _measure_cost(ours: Running, asked: Asked, ground: Ground, arguments: argparse.Namespace) -> dict[str, float]:
    """What a request costs all processes of ours: other load on the machine moves it little."""
    costs = {}
    for kind in ("POST", "GET"):
        before = processor_seconds(ours.process)
        found = run_round(
            asked.side, _plan(asked, ground, kind), seconds=arguments.seconds, connections=arguments.connections
        )
        costs[kind] = round((processor_seconds(ours.process) - before) / max(1, found.requests) * 1e6, 1)
    return costs


def _measure_cold(ours: Running, ground: Ground, arguments: argparse.Namespace) -> dict[str, object]:
    """Each certificate once, none of them asked after before: read, signed, kept."""
    wanted = [["POST", "/pki/ocsp", _TYPE, question(ground.issuer, serial)] for serial in ground.cold]
    # No longer than the supply lasts: what is asked twice is not cold.
    found = run_round(ours.side, {"kind": "single", "requests": wanted}, seconds=2, connections=arguments.connections)
    return {"per_second": round(found.per_second), "asked": found.units, "of": len(wanted)}


def _wait_for_pages(composition: Composition) -> float:
    """Return how long the worker beside the server takes to sign an answer for every certificate."""
    began = time.perf_counter()
    while time.perf_counter() - began < _PATIENCE:
        with composition.database.reading() as session:
            if (session.scalar(select(func.sum(OcspPage.answers))) or 0) >= CERTIFICATES + COLD_CERTIFICATES:
                return round(time.perf_counter() - began, 1)
        time.sleep(0.5)
    raise RuntimeError("the worker signed nothing ahead")


def _measure_freshness(ours: Running, composition: Composition, ground: Ground) -> list[float]:
    """From the commit of a revocation until every one of 64 answers in a row, over as many connections, says so."""
    taken = []
    for serial in ground.serials[:5]:
        request = question(ground.issuer, serial)

        def asks(_number: int, request: bytes = request) -> bool:
            answer = requests.post(f"{ours.side.url}/pki/ocsp", data=request, headers=_TYPE, timeout=5)
            return ocsp.load_der_ocsp_response(answer.content).certificate_status is ocsp.OCSPCertStatus.REVOKED

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(asks, range(64)))  # at hand in both processes
            with composition.database.transaction() as session:
                revoke_certificate(
                    session,
                    services=composition.ca,
                    serial=serial_text(serial),
                    reason="superseded",
                    actor="bench",
                    now=composition.clock.now(),
                )
            committed, last_good = time.perf_counter(), 0.0
            while time.perf_counter() - committed < 5:
                if all(pool.map(asks, range(64))):
                    break
                last_good = time.perf_counter() - committed
        taken.append(round(last_good, 3))
    return taken


def _peers(stack: ExitStack, folder: Path, ground: Ground) -> Iterator[Asked]:
    """Start those that are installed; both sign by a P-256 responder under a P-256 authority, as ours does."""
    key, name = generate_private_key(Algorithm.ES256), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Peer")])
    now = datetime.now(UTC).replace(microsecond=0)
    issuer = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .serial_number(1)
        .public_key(key.public_key())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), critical=False)
        .sign(key, hashes.SHA256())  # type: ignore[arg-type]
    )
    issuer_der = issuer.public_bytes(Encoding.DER)
    if shutil.which("cfssl"):
        responses = folder / "responses"
        responses.write_text("\n".join(_signed_before(ground, issuer, key, now)) + "\n")
        port = free_port()
        process = ServerProcess(
            "cfssl",
            ["cfssl", "ocspserve", "-address=127.0.0.1", f"-port={port}", f"-responses={responses}", "-loglevel=4"],
            log=folder / "cfssl.log",
            environ=dict(os.environ),
            cwd=folder,
        )
        stack.callback(process.stop)
        process.wait_until(lambda: _listens(port), seconds=20)
        yield _peer("cfssl, signed before", port, issuer_der)
    else:
        print("cfssl is not installed (apt install golang-cfssl): measured without it", file=sys.stderr)
    port = free_port()
    (folder / "peer.pem").write_bytes(issuer.public_bytes(Encoding.PEM))
    (folder / "peer.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    ends = (now + timedelta(days=90)).strftime("%y%m%d%H%M%SZ")
    lines = [f"V\t{ends}\t\t{serial_text(serial).upper()}\tunknown\t/CN={serial:x}\n" for serial in ground.serials]
    (folder / "index.txt").write_text("".join(lines))
    openssl = find_program("openssl", package="openssl")
    asked = (
        f"{openssl} ocsp -index index.txt -port {port} -rsigner peer.pem -rkey peer.key -CA peer.pem -multi 2 -nmin 60"
    )
    process = ServerProcess(
        "openssl ocsp",
        # It makes a process group of its own, which the leader of a session cannot.
        ["sh", "-c", f"{asked} & echo $! > openssl.pid; wait"],
        log=folder / "openssl.log",
        environ=dict(os.environ),
        cwd=folder,
    )
    stack.callback(process.stop)
    stack.callback(lambda: os.killpg(int((folder / "openssl.pid").read_text()), signal.SIGTERM))
    process.wait_until(lambda: _listens(port), seconds=20)
    yield _peer("openssl ocsp -multi 2", port, issuer_der)


def _signed_before(
    ground: Ground, issuer: x509.Certificate, key: CertificateIssuerPrivateKeyTypes, now: datetime
) -> Iterator[str]:
    parsed = ParsedCertificate.load(issuer.public_bytes(Encoding.DER))
    for serial in ground.serials:
        response = (
            ocsp.OCSPResponseBuilder()
            .add_response_by_hash(
                parsed.subject.sha1,
                parsed.public_key.sha1,
                serial,
                hashes.SHA1(),  # nosec B303
                ocsp.OCSPCertStatus.GOOD,
                now,
                now + timedelta(hours=12),
                None,
                None,
            )
            .responder_id(ocsp.OCSPResponderEncoding.HASH, issuer)
            .certificates([issuer])
            .sign(key, hashes.SHA256())
        )
        yield base64.b64encode(response.public_bytes(Encoding.DER)).decode()


def _peer(name: str, port: int, issuer: bytes) -> Asked:
    return Asked(Side(name, f"http://127.0.0.1:{port}", {"ocsp": "/"}, (), {}, {}), issuer)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.ocsp", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds a side")
    parser.add_argument("--seconds", type=float, default=4, help="length of a round")
    parser.add_argument("--connections", type=int, default=32, help="open connections")
    parser.add_argument("--quick", action="store_true", help="two short rounds: to look, not to cite")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rounds, arguments.seconds = 2, 2
    return arguments


if __name__ == "__main__":
    raise SystemExit(main())
