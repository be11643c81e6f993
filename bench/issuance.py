"""``python -m bench.issuance``: bulk issuance beside django-ca in one run, and how it holds as certificates gather.

Ours is the command as operators run it, from start to end: ``sau ca bulk TABLE --processes 2``, every row judged,
linted, recorded with its event before the key signs, signed, stored with its second event and its entry for the
certificate log. django-ca (its own environment, made here) signs such requests with its database row, by two
processes as well, timed without its start. ``--flatness N`` instead fills the database up to N certificates and
measures ours at each step.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import func, select, text

from audit.model import AuditEvent
from ca.ceremony.hierarchy import create_hierarchy
from ca.issuance.model import Certificate
from ca.transparency.model import CertificateLogEntry
from composition import Composition
from idp.directory.institutions import add_institution
from kernel.database import Database
from kernel.settings import load_settings
from keys.file_store import FileKeyStore, read_passphrase
from operations import schema
from tests.servers.postgresql import PostgreSqlServer, run_postgresql

ROOT = Path(__file__).parents[1]
PEER = "django-ca==3.2.0"
PROCESSES = 2
RUC = "1768152560001"
_RESULTS = Path(__file__).with_name("results")


@dataclass(frozen=True)
class Point:
    """One measurement.

    :ivar before: certificates in the database when it began.
    :ivar processor_ms: of a certificate, all of ours and of PostgreSQL's processes: it says more than the rate where
        other work shares the cores.
    """

    side: str
    database: str
    before: int
    certificates: int
    seconds: float
    processor_ms: float = 0.0

    @property
    def rate(self) -> float:
        """Certificates a second."""
        return self.certificates / self.seconds


class Installation:
    """An installation of ours in a folder, with a root, an issuing authority and one institution."""

    def __init__(self, folder: Path, url: str, server: PostgreSqlServer | None = None) -> None:
        self.folder, home = folder, folder / "home"
        self._server = server
        passphrase = read_passphrase(home / "passphrase", create=True)
        home.chmod(0o700)
        FileKeyStore(home / "keys", passphrase).secret("sealing")
        self.environ = {"SAU_HOME": str(home), "SAU_DATABASE_URL": url, "SAU_ISSUER": "http://localhost:8000"}
        self.composition = Composition(load_settings(self.environ))
        self.kind = "SQLite" if self.composition.database.is_sqlite else "PostgreSQL"
        schema.upgrade(self.composition.database)
        now = self.composition.clock.now()
        create_hierarchy(self.composition.ca, now=now)
        with self.composition.database.transaction() as session:
            add_institution(
                session, journal=self.composition.journal, ruc=RUC, name="Ministerio de Pruebas", domains=(), now=now
            )

    def issue(self, requests: Sequence[str], *, name: str) -> Point:
        """Issue one certificate a request; :raises RuntimeError: if one is missing, or one of its records."""
        table = self.folder / f"{name}.csv"
        with table.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("csr", "application"))
            writer.writerows((request, f"Portal {name} {number}") for number, request in enumerate(requests))
        before = self.counts()
        command = [sys.executable, "sau.py", "ca", "bulk", str(table), "--profile", "tls-client"]
        command += ["--institution", RUC, "--processes", str(PROCESSES)]
        environ = {**os.environ, **self.environ}
        started, spent = time.perf_counter(), self._processor_seconds()
        done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True)
        seconds, spent = time.perf_counter() - started, self._processor_seconds() - spent
        after = self.counts()
        gained = [now - earlier for now, earlier in zip(after, before, strict=True)]
        if done.returncode or gained != [len(requests), len(requests), 2 * len(requests), len(requests)]:
            raise RuntimeError(f"not every certificate is there with its records: {gained}\n{done.stderr[-2000:]}")
        return Point("SAU", self.kind, before[0], len(requests), seconds, spent / len(requests) * 1000)

    def _processor_seconds(self) -> float:
        """What processes that have ended took, and the database server's, whose processes begin and end with ours."""
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        total = ended.ru_utime + ended.ru_stime
        if self._server is not None:
            fields = Path(f"/proc/{self._server.process.pid}/stat").read_text().rpartition(")")[2].split()
            total += sum(int(each) for each in fields[11:15]) / os.sysconf("SC_CLK_TCK")
        return total

    def counts(self) -> tuple[int, int, int, int]:
        """Certificates, signed ones, their events, their log entries."""
        issued = ("ca:certificate:issued", "ca:certificate:signed")
        with self.composition.database.reading() as session:
            return (
                session.scalar(select(func.count()).select_from(Certificate)) or 0,
                session.scalar(select(func.count(Certificate.certificate_sha256))) or 0,
                session.scalar(select(func.count()).where(AuditEvent.type.in_(issued))) or 0,
                session.scalar(select(func.count()).select_from(CertificateLogEntry)) or 0,
            )

    def fill(self, number: int) -> None:
        """Bring the database to ``number`` certificates, each with its two events and its log entry.

        Copies of one that was issued, under random numbers, keys and digests: what indexes see is as in earnest.
        """
        with self.composition.database.reading() as session:
            there = session.scalar(select(func.count()).select_from(Certificate)) or 0
        while there < number:
            some = min(50_000, number - there)
            with self.composition.database.transaction() as session:
                for statement in _filling(self.composition.database):
                    session.execute(text(statement), {"some": some, "there": there})
            there += some
        with self.composition.database.transaction() as session:
            session.execute(text("ANALYZE"))


def _filling(database: Database) -> list[str]:
    if database.is_sqlite:
        rows = (
            "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :some) "
            "SELECT i, '1' || lower(hex(randomblob(19))) || '0' AS serial, lower(hex(randomblob(32))) AS digest FROM n)"
        )
        random_key, name = "lower(hex(randomblob(32)))", "'CN=relleno ' || f.serial || ',O=Ministerio,C=EC'"
        event_id = "lower(hex(randomblob(13)))"
    else:
        hex64 = "md5(random()::text) || md5(random()::text)"
        rows = (
            "(SELECT i, '1' || substr(md5(random()::text) || md5(random()::text), 1, 39) AS serial, "
            f"{hex64} AS digest FROM generate_series(1, :some) AS n(i))"
        )
        random_key, name = f"({hex64})", "'CN=relleno ' || f.serial || ',O=Ministerio,C=EC'"
        event_id = "substr(md5(random()::text), 1, 26)"
    own = {"serial": "f.serial", "spki_sha256": random_key, "certificate_sha256": "f.digest", "subject": name}
    columns = [column.name for column in Certificate.__table__.columns]
    sources = ", ".join(own.get(column, f"c.{column}") for column in columns)
    one = "(SELECT * FROM ca_certificate WHERE profile = 'tls-client' ORDER BY issued_at LIMIT 1)"
    events = [column.name for column in AuditEvent.__table__.columns]

    def event(kind: str, place: str) -> str:
        values = {"id": event_id, "object_id": "x.serial", "log_index": place}
        chosen = ", ".join(values.get(column, f"e.{column}") for column in events)
        return (
            f"INSERT INTO audit_event ({', '.join(events)}) SELECT {chosen} FROM bench_filled AS x, "
            f"(SELECT * FROM audit_event WHERE type = '{kind}' LIMIT 1) AS e"
        )

    entries = [column.name for column in CertificateLogEntry.__table__.columns]
    logged = {"id": "x.serial", "commitment": "x.digest", "log_index": "-(x.i + :there)"}
    entry = ", ".join(logged.get(column, f"l.{column}") for column in entries)
    logged_one = "(SELECT * FROM ca_log_entry LIMIT 1) AS l"
    return [
        "DROP TABLE IF EXISTS bench_filled",
        f"CREATE TEMPORARY TABLE bench_filled AS SELECT * FROM {rows} AS made",
        f"INSERT INTO ca_certificate ({', '.join(columns)}) SELECT {sources} FROM bench_filled AS f, {one} AS c",
        event("ca:certificate:issued", "-2 * (x.i + :there)"),
        event("ca:certificate:signed", "-2 * (x.i + :there) - 1"),
        f"INSERT INTO ca_log_entry ({', '.join(entries)}) SELECT {entry} FROM bench_filled AS x, {logged_one}",
    ]


class Peer:
    """django-ca in an environment of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "peer"
        self._folder.mkdir()
        environment = self._folder / "venv"
        subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
        self._python = environment / "bin" / "python"
        subprocess.run([str(self._python), "-m", "pip", "install", "-q", PEER], check=True)
        self._script = str(Path(__file__).with_name("peer") / "issue_with_django_ca.py")
        subprocess.run([str(self._python), self._script, str(self._folder), "prepare"], check=True)
        self._before = 0

    def issue(self, requests: Sequence[str]) -> Point:
        """Issue one certificate a request, the processes sharing them."""
        file = self._folder / "requests.json"
        file.write_text(json.dumps(requests))
        part = len(requests) // PROCESSES
        running = [
            subprocess.Popen(
                [str(self._python), self._script, str(self._folder), "issue", str(file),
                 str(number * part), str((number + 1) * part)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )
            for number in range(PROCESSES)
        ]  # fmt: skip
        for process in running:
            assert process.stdout is not None
            if process.stdout.readline().strip() != "ready":
                raise RuntimeError("django-ca did not start")
        started = time.perf_counter()
        outputs = [process.communicate("go\n")[0] for process in running]
        seconds = time.perf_counter() - started
        if sum(int(output) for output in outputs) != part * PROCESSES:
            raise RuntimeError("django-ca did not issue every certificate")
        before, self._before = self._before, self._before + part * PROCESSES
        return Point("django-ca", "SQLite", before, part * PROCESSES, seconds)


def make_requests(number: int) -> list[str]:
    """Return requests, each with a P-256 key of its own."""
    name = x509.Name([])
    return [
        x509.CertificateSigningRequestBuilder()
        .subject_name(name)
        .sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
        .public_bytes(Encoding.PEM)
        .decode()
        for _ in range(number)
    ]


def main() -> int:
    """Measure, check and print."""
    arguments = _arguments()
    points: list[Point] = []
    with tempfile.TemporaryDirectory(prefix="sau-bench-", dir=arguments.folder) as name:
        folder = Path(name)
        folder.chmod(0o711)  # the database server is another user; whatever is secret in it has a mode of its own
        with _installations(folder, arguments.database) as ours:
            if arguments.flatness:
                points = [point for each in ours for point in _flatness(each, arguments)]
            else:
                points = _beside(ours, None if arguments.alone else Peer(folder), arguments)
    _print(points)
    _RESULTS.mkdir(exist_ok=True)
    file = arguments.json or _RESULTS / f"issuance-{time.strftime('%Y-%m-%dT%H%M%S')}.json"
    file.write_text(json.dumps([asdict(point) | {"rate": round(point.rate)} for point in points], indent=1))
    if arguments.svg:
        arguments.svg.write_text(curve(points))
    return 0


def _beside(ours: Sequence[Installation], peer: Peer | None, arguments: argparse.Namespace) -> list[Point]:
    points: list[Point] = []
    for number in range(arguments.rounds):
        for each in ours:
            points.append(each.issue(make_requests(arguments.rows), name=f"r{number}"))
        if peer is not None:
            points.append(peer.issue(make_requests(max(PROCESSES, arguments.rows // 4))))
    return points


def _flatness(installation: Installation, arguments: argparse.Namespace) -> Iterator[Point]:
    installation.issue(make_requests(500), name="warm")
    steps = [0, *(arguments.flatness * part // 8 for part in (1, 2, 4, 8))]
    for step in steps:
        installation.fill(step)
        point = installation.issue(make_requests(arguments.rows), name=f"at{step}")
        told = f"{point.rate:>7,.0f}/s {point.processor_ms:>7.2f} ms of processor time"
        print(f"{point.database:>10} {point.before:>9,} {told}", flush=True)
        yield point


@contextmanager
def _installations(folder: Path, chosen: str) -> Iterator[list[Installation]]:
    made: list[Installation] = []
    if chosen in ("sqlite", "both"):
        (folder / "sqlite").mkdir()
        made.append(Installation(folder / "sqlite", f"sqlite:///{folder}/sqlite/sau.sqlite"))
    if chosen == "sqlite":
        yield made
        return
    with run_postgresql(within=folder, more={"autovacuum": "on"}) as server:
        (folder / "postgresql").mkdir()
        made.append(Installation(folder / "postgresql", server.url(server.create_database(with_schema=False)), server))
        yield made
        for each in made:
            each.composition.database.dispose()


def _print(points: Sequence[Point]) -> None:
    print(f"{'':12}{'database':12}{'in it before':>14}{'certificates':>14}{'seconds':>10}{'a second':>10}")
    for point in points:
        print(
            f"{point.side:12}{point.database:12}{point.before:>14,}{point.certificates:>14,}"
            f"{point.seconds:>10.1f}{point.rate:>10,.0f}"
        )
    for side, database in dict.fromkeys((point.side, point.database) for point in points):
        rates = [point.rate for point in points if (point.side, point.database) == (side, database)]
        print(f"{side} on {database}: median {statistics.median(rates):,.0f}/s, best {max(rates):,.0f}/s")


def curve(points: Sequence[Point]) -> str:
    """Return the processor time of a certificate by the number of those in the database as an SVG plot.

    Rates would tell of whatever else the machine does.
    """
    width, height, left, bottom = 640, 300, 60, 40
    most = max(point.before for point in points) or 1
    top = max(point.processor_ms for point in points) * 1.15

    def at(point: Point) -> str:
        x = left + (width - left - 20) * point.before / most
        y = height - bottom - (height - bottom - 20) * point.processor_ms / top
        return f"{x:.1f},{y:.1f}"

    lines = []
    for number, database in enumerate(dict.fromkeys(point.database for point in points)):
        mine = [point for point in points if point.database == database]
        dash = "" if number == 0 else ' stroke-dasharray="6 4"'
        path = " ".join(at(point) for point in mine)
        lines.append(f'<polyline points="{path}" fill="none" stroke="currentColor" stroke-width="2"{dash}/>')
        x, y = at(mine[-1]).split(",")
        lines.append(f'<text x="{float(x) - 8}" y="{float(y) - 8}" text-anchor="end">{database}</text>')
    marks = "".join(
        f'<text x="{left - 8}" y="{height - bottom - (height - bottom - 20) * each / top + 4:.1f}" '
        f'text-anchor="end">{each} ms</text>'
        for each in range(int(top) + 1)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="Processor time of a certificate by certificates in the database" '
        'font-family="sans-serif" font-size="12">'
        f'<path d="M{left} 10V{height - bottom}H{width - 20}" fill="none" stroke="currentColor"/>{marks}'
        f'<text x="{left}" y="{height - 15}">0</text><text x="{width - 20}" y="{height - 15}" text-anchor="end">'
        f"{most:,} certificates in the database</text>{''.join(lines)}</svg>\n"
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.issuance", description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000, help="certificates a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--alone", action="store_true", help="without the peer")
    parser.add_argument("--flatness", type=int, metavar="N", help="fill up to N certificates and measure on the way")
    parser.add_argument("--folder", type=Path, help="where the databases stand: a million certificates take some GB")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--svg", type=Path, help="file for the curve")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
