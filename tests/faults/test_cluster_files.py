"""The files of ``deploy/cluster/`` hold what the promise rests on; what they do is shown by ``make faults``."""

from __future__ import annotations

import subprocess
from pathlib import Path

import yaml

from tests.servers.patroni import SHIPPED
from tests.servers.process import find_program


def test_nothing_is_acknowledged_by_one_machine_alone() -> None:
    """Both standbys confirm, and only who confirmed is promoted."""
    dcs = yaml.safe_load((SHIPPED / "patroni.yml").read_text().replace("@", ""))["bootstrap"]["dcs"]
    assert dcs["synchronous_mode"] is True
    assert dcs["synchronous_mode_strict"] is True
    assert dcs["synchronous_node_count"] == 2
    assert dcs["maximum_lag_on_failover"] == 0
    parameters = dcs["postgresql"]["parameters"]
    assert [parameters[name] for name in ("fsync", "full_page_writes", "synchronous_commit")] == ["on"] * 3


def test_a_primary_gives_up_before_another_takes_its_place() -> None:
    """``loop_wait + 2 * retry_timeout`` within ``ttl``: who was cut off has stopped by then."""
    dcs = yaml.safe_load((SHIPPED / "patroni.yml").read_text().replace("@", ""))["bootstrap"]["dcs"]
    assert dcs["loop_wait"] + 2 * dcs["retry_timeout"] <= dcs["ttl"]


def test_haproxy_takes_its_file(tmp_path: Path) -> None:
    """``haproxy -c``, without a warning."""
    program, ours = find_program("haproxy", package="haproxy"), tmp_path / "private"
    subprocess.run([SHIPPED / "certificates", ours, "app1=192.0.2.21"], check=True, capture_output=True)
    text = (SHIPPED / "haproxy.cfg").read_text().replace("/etc/sau-cluster", str(ours / "app1"))
    (tmp_path / "haproxy.cfg").write_text(text)
    done = subprocess.run(
        [program, "-c", "-f", "haproxy.cfg"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stdout + done.stderr


def test_nothing_between_machines_is_without_tls() -> None:
    """No address without TLS, no line of ``pg_hba`` for a network but ``hostssl``, and each side verifies the other."""
    for name in ("etcd.yml", "patroni.yml"):
        assert "http://" not in (SHIPPED / name).read_text()
    patroni = yaml.safe_load((SHIPPED / "patroni.yml").read_text().replace("@", ""))
    lines = [line.split() for line in patroni["postgresql"]["pg_hba"]]
    assert [line for line in lines if line[0] not in ("local", "hostssl")] == []
    assert [line[2] for line in lines if line[0] == "hostssl" and "clientcert=verify-ca" not in line] == ["sau"]
    assert {role["sslmode"] for role in patroni["postgresql"]["authentication"].values()} == {"verify-full"}
    assert patroni["restapi"]["verify_client"] == "required"
    etcd = yaml.safe_load((SHIPPED / "etcd.yml").read_text().replace("@", ""))
    for part in ("client-transport-security", "peer-transport-security"):
        assert etcd[part]["client-cert-auth"] is True
    assert "server_tls_sslmode = verify-full" in (SHIPPED / "pgbouncer.ini").read_text()
    assert (SHIPPED / "haproxy.cfg").read_text().count("verifyhost") == 3


def test_certificates_of_the_machines_are_made_and_kept(tmp_path: Path) -> None:
    """Each is server and client under its name and address; made once; the authority's key is nobody else's."""
    program, folder = SHIPPED / "certificates", tmp_path / "private"
    subprocess.run([program, folder, "db1=192.0.2.11", "app1=192.0.2.21"], check=True, capture_output=True)
    made = (folder / "db1" / "machine.pem").read_bytes()
    subprocess.run([program, folder, "db1=192.0.2.11", "db2=192.0.2.12"], check=True, capture_output=True)
    assert (folder / "db1" / "machine.pem").read_bytes() == made
    for name, address in (("db1", "192.0.2.11"), ("db2", "192.0.2.12"), ("app1", "192.0.2.21")):
        for purpose in ("sslserver", "sslclient"):
            of_name = ["-verify_hostname", name, "-verify_ip", address, "-purpose", purpose]
            verify = ["openssl", "verify", "-x509_strict", "-CAfile", folder / "authority.pem", *of_name]
            subprocess.run([*verify, folder / name / "machine.pem"], check=True, capture_output=True)
    assert [path for path in folder.rglob("*") if path.is_file() and path.stat().st_mode & 0o077] == []
    wrong = subprocess.run([program, folder, "../db4=192.0.2.14"], capture_output=True, text=True)
    assert wrong.returncode == 2
    assert "no name of a machine" in wrong.stderr
