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
    program = find_program("haproxy", package="haproxy")
    done = subprocess.run(
        [program, "-c", "-f", SHIPPED / "haproxy.cfg"], cwd=tmp_path, capture_output=True, text=True, timeout=20
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stdout + done.stderr
