"""The units of ``deploy/systemd/`` under systemd itself: they start, stay closed, come back after a kill, and stop."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from tests.faults import Figure
from tests.servers.systemd import SystemdMachine, run_systemd

pytestmark = [pytest.mark.server, pytest.mark.faults]

_SETTINGS = """SAU_HOME=/var/lib/sau
SAU_ISSUER=http://localhost:8000
SAU_BIND=127.0.0.1:8000
SAU_WORKERS=1
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SystemdMachine]:
    """A machine with an installed service, not started."""
    with run_systemd(tmp_path_factory.mktemp("systemd")) as machine:
        write = f"umask 027; printf '%s' '{_SETTINGS}' > /etc/sau/sau.env; chgrp sau /etc/sau/sau.env"
        machine.run("bash", "-c", write)
        machine.sau("init", "--json")
        yield machine


def test_one_unit_is_a_whole_service(machine: SystemdMachine, figure: Figure) -> None:
    """It is ready; killed with all that belongs to it, it comes back; it stops politely; nothing ran as root."""
    began = time.monotonic()
    machine.run("systemctl", "start", "sau.service")
    _until(lambda: machine.status("/ready") == "200", machine)
    figure("under systemd: ready after", time.monotonic() - began, "s")
    first = machine.show("sau.service", "MainPID")
    owners = machine.run("ps", "-o", "user=", "-C", "python3.11,sau worker", check=False).split()
    assert set(owners) <= {"sau"}
    began = time.monotonic()
    machine.run("systemctl", "kill", "--signal", "SIGKILL", "sau.service")
    _until(lambda: machine.show("sau.service", "MainPID") not in ("0", first), machine)
    _until(lambda: machine.status("/ready") == "200", machine)
    figure("under systemd: ready again after kill -9 of all its processes", time.monotonic() - began, "s")
    _is_closed(machine, machine.show("sau.service", "MainPID"))
    machine.run("systemctl", "stop", "sau.service")
    assert machine.show("sau.service", "Result") == "success"
    assert machine.status("/health") == "000"


def test_web_and_worker_are_two_units(machine: SystemdMachine) -> None:
    """Either alone; the one unit and the two do not run together."""
    machine.run("systemctl", "start", "sau-web.service", "sau-worker.service")
    _until(lambda: machine.status("/ready") == "200", machine)
    assert machine.show("sau-worker.service", "ActiveState") == "active"
    machine.run("systemctl", "start", "sau.service")
    _until(lambda: machine.status("/ready") == "200", machine)
    assert machine.show("sau-web.service", "ActiveState") == "inactive"
    machine.run("systemctl", "stop", "sau.service")


def test_the_timer_s_unit_makes_a_backup(machine: SystemdMachine) -> None:
    """Sealed to a recovery key, in its folder, by nobody but the service's user."""
    machine.run("bash", "-c", "umask 077; echo clave-de-prueba-4711 > /run/passphrase")
    make = ".venv/bin/sau recovery-key /run/recovery.age --passphrase-file /run/passphrase"
    machine.run("bash", "-c", f"cd /opt/sau && {make} > /run/recovery.txt")
    machine.run(
        "bash", "-c", "grep -oE 'SAU_BACKUP_KEYS=[^[:space:]]+' /run/recovery.txt | head -1 >> /etc/sau/sau.env"
    )
    machine.run("systemctl", "start", "sau-backup.service")
    assert machine.show("sau-backup.service", "Result") == "success"
    assert machine.run("bash", "-c", "stat -c '%U %a' /var/backups/sau/sau-*.age").split() == ["sau", "600"]


def _is_closed(machine: SystemdMachine, process: str) -> None:
    """What the unit says is what the kernel holds it to."""
    status = dict(
        line.split(":\t", 1) for line in machine.run("cat", f"/proc/{process}/status").splitlines() if ":\t" in line
    )
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    mounts = machine.run("cat", f"/proc/{process}/mounts").splitlines()
    root = [line.split()[3].split(",") for line in mounts if line.split()[1] == "/"]
    assert "ro" in root[-1]


def _until(true: Callable[[], bool], machine: SystemdMachine) -> None:
    deadline = time.monotonic() + 180
    while not true():
        assert time.monotonic() < deadline, machine.log()
        time.sleep(0.2)
