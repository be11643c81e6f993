"""PostgreSQL on three machines, as an operator sets it up: the configuration of ``deploy/cluster/`` runs here."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from tests.servers.namespaces import Machine, run_network
from tests.servers.process import ServerProcess, find_program, free_port

SHIPPED = Path(__file__).resolve().parents[2] / "deploy" / "cluster"
_DATABASES = {"db1": "192.0.2.11/24", "db2": "192.0.2.12/24", "db3": "192.0.2.13/24"}
_BALANCER = {"app1": "192.0.2.21/24"}
_PATIENCE = 120.0
_PREFIX = "sau-cluster"
_NAME = "db.sau.internal"  # of whichever is primary, in the certificates of all
_CERTIFICATES = "/etc/sau-cluster/"
_DOOR = """defaults
    mode tcp
    timeout connect 2s
    timeout client 12h
    timeout server 12h
listen door
    bind 127.0.0.1:{port}
    server inside unix@{socket}
"""


class PatroniCluster:
    """Three database machines and HAProxy on the machine of the application.

    SAU runs outside of the namespaces, and reaches HAProxy by a port of its own machine that leads to a Unix socket: no
    network is between the two in production either. What passes is encrypted up to PostgreSQL.

    :ivar machines: by name: ``db1``, ``db2``, ``db3``, ``app1``.
    :ivar tls: how ``app1`` speaks to the others. :ivar anonymous: the same without a certificate of its own.
    """

    def __init__(self, folder: Path, machines: dict[str, Machine], *, pgbouncer: bool) -> None:
        self.folder = folder
        self.machines = machines
        self._with_pgbouncer = pgbouncer
        self._port = free_port()
        self._door: ServerProcess | None = None
        self.tls = self.anonymous = ssl.create_default_context()
        names = ("@REPLICATION_PASSWORD@", "@SUPERUSER_PASSWORD@", "@REWIND_PASSWORD@", "sau")
        self._passwords = {name: secrets.token_urlsafe(12) for name in names}
        self._bin = Path(find_program("/usr/lib/postgresql/*/bin/postgres", package="postgresql")).parent
        self._programs = {
            "etcd": find_program("etcd", package="etcd-server"),
            "patroni": find_program("patroni", package="patroni"),
            "haproxy": find_program("haproxy", package="haproxy"),
        }
        if pgbouncer:
            self._programs["pgbouncer"] = find_program("pgbouncer", package="pgbouncer")

    @property
    def url(self) -> str:
        """The SQLAlchemy address under which SAU reaches whoever is primary."""
        password = self._passwords["sau"]
        if self._with_pgbouncer:  # on this machine; from there on it is PgBouncer that verifies whom it speaks to
            return f"postgresql+psycopg://sau:{password}@/sau?host={self.folder}&port=6432"
        verified = "&".join(f"{name}={value}" for name, value in self._verified.items())
        return f"postgresql+psycopg://sau:{password}@{_NAME}:{self._port}/sau?{verified}"

    @property
    def _verified(self) -> dict[str, str]:
        ours = self.folder / "certificates"
        return {"hostaddr": "127.0.0.1", "sslmode": "verify-full", "sslrootcert": str(ours / "authority.pem")}

    def start(self) -> None:
        """Start everything, and make the role and the database of SAU."""
        self._make_certificates()
        for name in _DATABASES:
            self._configure(name)
            self.start_machine(name)
        self._start_haproxy()
        self.wait_until(lambda: self.primary() is not None, "there is a primary")
        # Roles that replicate and rewind are Patroni's; ours is made by hand, as the operator makes it.
        self.wait_until(self._make_database, "the database is made")
        if self._with_pgbouncer:
            self._start_pgbouncer()
        self.wait_until(self.is_whole, "two standbys are synchronous")

    def close(self) -> None:
        """End what runs on no machine of the cluster."""
        if self._door is not None:
            self._door.stop()

    def start_machine(self, name: str) -> None:
        """Start etcd and Patroni on a machine."""
        machine, folder = self.machines[name], self.folder / name
        machine.start("etcd", [self._programs["etcd"], "--config-file", folder / "etcd.yml"], log=folder / "etcd.log")
        environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8"}
        patroni = [self._programs["patroni"], folder / "patroni.yml"]
        machine.start("Patroni", patroni, log=folder / "patroni.log", environ=environ)

    def primary(self, *, but: str = "") -> str | None:
        """Return which machine is the primary and may write, None while there is none.

        :param but: one that is not asked.
        """
        for name in _DATABASES:
            if name != but and self.status(name, "primary")[0] == 200:
                return name
        return None

    def synchronous(self) -> list[str]:
        """Return which machines are synchronous standbys."""
        return [name for name in _DATABASES if self.status(name, "synchronous")[0] == 200]

    def is_whole(self) -> bool:
        """Tell whether the primary has two standbys that confirm its commits, and Patroni knows of both."""
        known = sorted(state for state in self.members().values())
        if known != ["leader running", "sync_standby running", "sync_standby running"]:
            return False
        try:
            with self.connect() as connection:
                found = connection.execute("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'")
                return found.fetchone() == (2,)
        except psycopg.Error:
            return False

    def connect(self) -> psycopg.Connection[tuple[object, ...]]:
        """Connect to the primary, by HAProxy, as superuser."""
        ours = self.folder / "certificates" / "app1"
        return psycopg.connect(
            host=_NAME,
            port=self._port,
            **self._verified,
            sslcert=str(ours / "machine.pem"),
            sslkey=str(ours / "machine.key"),
            user="postgres",
            dbname="postgres",
            password=self._passwords["@SUPERUSER_PASSWORD@"],
            autocommit=True,
            connect_timeout=5,
        )

    def status(self, name: str, what: str) -> tuple[int, bytes]:
        """Ask a machine's Patroni, from the machine of the application, as HAProxy does."""
        url = f"https://{self.machines[name].address}:8008/{what}"
        return self.machines["app1"].fetch(url, tls=self.tls)

    def members(self) -> dict[str, str]:
        """Return the state of each machine, as Patroni has it."""
        for name in _DATABASES:
            status, body = self.status(name, "cluster")
            if status == 200:
                return {member["name"]: f"{member['role']} {member['state']}" for member in json.loads(body)["members"]}
        return {}

    def kill_postgresql(self, name: str) -> None:
        """Kill PostgreSQL's main process on a machine; Patroni there goes on."""
        pid = int((self.folder / name / "data" / "postmaster.pid").read_text().split("\n", 1)[0])
        os.kill(pid, 9)

    def wait_until(self, true: Callable[[], bool], what: str, *, seconds: float = _PATIENCE) -> float:
        """Wait for something, and return the seconds that it took. :raises AssertionError: with what Patroni says."""
        began = time.monotonic()
        while not true():
            if time.monotonic() - began > seconds:
                logs = "".join(self._log_end(name) for name in _DATABASES)
                raise AssertionError(f"{what}: not in {seconds:.0f} s; {self.members()}\n{logs}")
            time.sleep(0.1)
        return time.monotonic() - began

    def _log_end(self, name: str) -> str:
        return f"--- {name}\n{(self.folder / name / 'patroni.log').read_text()[-1500:]}\n"

    def _make_certificates(self) -> None:
        """As the operator makes them."""
        folder = self.folder / "certificates"
        machines = [f"{name}={machine.address}" for name, machine in self.machines.items()]
        subprocess.run([SHIPPED / "certificates", folder, *machines], check=True, capture_output=True)
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, "nobody", "nogroup")
        self.tls, self.anonymous = (ssl.create_default_context(cafile=str(folder / "authority.pem")) for _ in range(2))
        self.tls.load_cert_chain(folder / "app1" / "machine-and-key.pem")

    def _configure(self, name: str) -> None:
        folder, data = self.folder / name, self.folder / name / "data"
        folder.mkdir()
        shutil.chown(folder, "nobody", "nogroup")
        own = {"@NAME@": name, "@ADDRESS@": self.machines[name].address, **self._passwords}
        own.pop("sau")
        own[_CERTIFICATES] = f"{self.folder / 'certificates' / name}/"
        etcd = _adapted("etcd.yml", own | {"/var/lib/etcd/sau": str(folder / "etcd")})
        (folder / "etcd.yml").write_text(etcd)
        places = {
            "/var/lib/postgresql/15/sau": str(data),
            "/usr/lib/postgresql/15/bin": str(self._bin),
            "/var/lib/postgresql/sau.pgpass": str(folder / "pgpass"),
            "/var/run/postgresql": str(folder),
            # Here the system's user is not PostgreSQL's.
            "peer": "trust",
        }
        (folder / "patroni.yml").write_text(_adapted("patroni.yml", own | places))

    def _start_haproxy(self) -> None:
        socket = self._socket(5000)
        both = f"bind 127.0.0.1:5000\n    bind unix@{socket} mode 666"
        own = {"bind 127.0.0.1:5000": both, _CERTIFICATES: f"{self.folder / 'certificates' / 'app1'}/"}
        (self.folder / "haproxy.cfg").write_text(_adapted("haproxy.cfg", own))
        self._start_on_balancer("haproxy", ["-db", "-f", self.folder / "haproxy.cfg"], socket)
        # libpq encrypts nothing that goes through a Unix socket.
        (self.folder / "door.cfg").write_text(_DOOR.format(port=self._port, socket=socket))
        self._door = ServerProcess(
            "haproxy", [self._programs["haproxy"], "-db", "-f", self.folder / "door.cfg"], log=self.folder / "door.log"
        )

    def _start_pgbouncer(self) -> None:
        here = {
            _CERTIFICATES: f"{self.folder / 'certificates' / 'app1'}/",
            "listen_addr = 127.0.0.1": f"unix_socket_dir = {self.folder}",
            "/etc/pgbouncer/userlist.txt": str(self.folder / "userlist.txt"),
        }
        (self.folder / "userlist.txt").write_text(f'"sau" "{self._passwords["sau"]}"\n')
        self.machines["app1"].name_hosts(f"127.0.0.1 localhost {_NAME}\n")
        (self.folder / "pgbouncer.ini").write_text(_adapted("pgbouncer.ini", here))
        self._start_on_balancer("pgbouncer", [self.folder / "pgbouncer.ini"], self._socket(6432))

    def _start_on_balancer(self, program: str, arguments: list[str | Path], socket: Path) -> ServerProcess:
        log = self.folder / f"{program}.log"
        server = self.machines["app1"].start(program, [self._programs[program], *arguments], log=log)
        server.wait_until(socket.exists)
        return server

    def _socket(self, port: int) -> Path:
        """Where libpq looks for a server on this machine."""
        return self.folder / f".s.PGSQL.{port}"

    def _make_database(self) -> bool:
        with suppress(psycopg.OperationalError, psycopg.errors.ReadOnlySqlTransaction), self.connect() as connection:
            with suppress(psycopg.errors.DuplicateObject):
                connection.execute(f"CREATE ROLE sau LOGIN PASSWORD '{self._passwords['sau']}'")  # type: ignore[arg-type]
            connection.execute("CREATE DATABASE sau OWNER sau")
            return True
        return False


@contextmanager
def run_patroni(*, pgbouncer: bool = False) -> Iterator[PatroniCluster]:
    """Start the cluster and end it, with everything that it made."""
    find_program("patroni", package="patroni")
    find_program("etcd", package="etcd-server")
    find_program("haproxy", package="haproxy")
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > 2 * 1024**3
    within = memory if roomy else Path(tempfile.gettempdir())
    _remove_left_behind(within)
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}-{os.getpid()}-", dir=within))
    folder.chmod(0o755)
    shutil.chown(folder, "nobody", "nogroup")
    try:
        with run_network(_DATABASES | _BALANCER) as machines:
            cluster = PatroniCluster(folder, machines, pgbouncer=pgbouncer)
            try:
                cluster.start()
                yield cluster
            finally:
                cluster.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_left_behind(within: Path) -> None:
    """Remove the folders of clusters whose process was killed; those of living ones are another run's."""
    for folder in within.glob(f"{_PREFIX}-*"):
        owner = folder.name.removeprefix(f"{_PREFIX}-").split("-")[0]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists():
            shutil.rmtree(folder, ignore_errors=True)


def _adapted(name: str, changes: Mapping[str, str]) -> str:
    """Return a file of ``deploy/cluster/`` with this machine's places; nothing else is changed."""
    text = (SHIPPED / name).read_text()
    for shipped, here in changes.items():
        text = text.replace(shipped, here)
    return text
