"""The console's sample for Spring Boot, built and started as its first lines say: ``make samples``.

It is left out of every run: Maven fetches some 60 MB, into ``.cache/maven``, and takes its time with them too.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.flows.relying_parties.test_samples import (
    in_and_out,
    nobody_passes_by_asking_for_less,
    registered_at,
    write_sample,
)
from tests.flows.trusted_service import TrustedService
from tests.servers.names import resolving_environ
from tests.servers.process import ServerProcess, accepts_connections, find_program, free_port
from tests.servers.service import ROOT

pytestmark = [pytest.mark.server, pytest.mark.faults]

_REPOSITORY = ROOT / ".cache" / "maven"
_PATIENCE = 420.0  # the first time all is fetched
LOGIN = "/oauth2/authorization/sau"
_OWN_TRUST, _WORD = Path("/etc/ssl/certs/java/cacerts"), "changeit"  # Debian's


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_springs_sample_lets_people_in_and_out(trusted: TrustedService, tmp_path: Path, method: str) -> None:
    """`mvn spring-boot:run` of nothing but the sample: login with the strength that it demands, logout, refusals."""
    port = free_port()
    registered = registered_at(trusted, tmp_path, port, token_endpoint_auth_method=method)
    with running_spring(trusted, tmp_path, port, registered):
        origin = f"http://localhost:{port}"
        in_and_out(trusted, origin, tmp_path / "log", login=LOGIN)
        weak = nobody_passes_by_asking_for_less(trusted, origin, tmp_path / "log", login=LOGIN)
        assert "No pudo ingresar" in weak.page.text


@contextmanager
def running_spring(trusted: TrustedService, tmp_path: Path, port: int, registered: Mapping[str, Any]) -> Iterator[None]:
    """Start the sample as its first lines say."""
    maven = find_program("mvn", package="maven")
    find_program("javac", package="default-jdk-headless")
    write_sample(trusted, tmp_path, "spring", registered["client_id"])
    code, resources = tmp_path / "src/main/java/ec/gob/example/portal", tmp_path / "src/main/resources"
    code.mkdir(parents=True)
    resources.mkdir(parents=True)
    for file in tmp_path.glob("*.java"):
        file.rename(code / file.name)
    (tmp_path / "application.yml").rename(resources / "application.yml")
    server = ServerProcess(
        "spring",
        [maven, "-B", "-ntp", f"-Dmaven.repo.local={_REPOSITORY}", "spring-boot:run"],
        log=tmp_path / "log",
        cwd=tmp_path,
        environ=resolving_environ(tmp_path)
        | {"CLIENT_SECRET": registered["client_secret"], "JAVA_TOOL_OPTIONS": _trusting(trusted, tmp_path)},
    )
    server.wait_until(lambda: accepts_connections(port), seconds=_PATIENCE)
    try:
        yield
    finally:
        server.stop()


def _trusting(trusted: TrustedService, folder: Path) -> str:
    """Return what lets Java trust the test's authority too: Maven still has to reach its own."""
    bundle = folder / "trust.p12"
    keytool = find_program("keytool", package="default-jdk-headless")
    to = ["-keystore", str(bundle), "-storetype", "PKCS12", "-storepass", _WORD]
    add = [keytool, "-importcert", "-noprompt", "-alias", "sau", "-file", str(trusted.trust), *to]
    bundle.write_bytes(_OWN_TRUST.read_bytes())
    subprocess.run(add, check=True, capture_output=True)
    return f"-Djavax.net.ssl.trustStore={bundle} -Djavax.net.ssl.trustStorePassword={_WORD}"
