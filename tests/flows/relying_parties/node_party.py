"""openid-client of Node.js as a relying application that a test leads step by step."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.flows.trusted_service import TrustedService
from tests.servers.names import resolving_environ
from tests.servers.node import install_node_program
from tests.servers.process import find_program


class PartyError(Exception):
    """openid-client, or the provider that it asked, said no.

    :ivar code: openid-client's own code. :ivar error: the provider's, if it answered with one.
    """

    def __init__(self, failed: Mapping[str, Any]) -> None:
        super().__init__(json.dumps(failed))
        self.code = failed.get("code")
        self.error = failed.get("error")


class NodeParty:
    """A running program. Each step of ``party.mjs`` is a call: ``party.step("refresh", token=…)``."""

    def __init__(self, trusted: TrustedService, folder: Path) -> None:
        program = install_node_program(Path(__file__).with_name("openid_client"))
        node = find_program("node", package="nodejs")
        self.issuer = trusted.issuer
        self._process = subprocess.Popen(
            [node, "party.mjs"],
            cwd=program,
            env=resolving_environ(folder) | {"NODE_EXTRA_CA_CERTS": str(trusted.trust)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def step(self, name: str, **given: Any) -> Any:
        """Do one step and return what it gave. :raises PartyError: if it failed."""
        self.begin(name, **given)
        return self.result()

    def begin(self, name: str, **given: Any) -> None:
        """Begin a step that waits for somebody else, such as polling; :meth:`result` ends it."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": name, **given}) + "\n")
        self._process.stdin.flush()

    def result(self) -> Any:
        """Return what the step that was begun gave. :raises PartyError: if it failed."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            assert self._process.stderr is not None
            raise AssertionError(f"openid-client ended:\n{self._process.stderr.read()}")
        said = json.loads(line)
        if "failed" in said:
            raise PartyError(said["failed"])
        return said["done"]

    def configure(self, registered: Mapping[str, Any], **given: Any) -> Any:
        """Discover the provider as the application that ``sau client add`` printed; return the provider's metadata."""
        auth = (
            {"method": "client_secret_basic", "secret": registered["client_secret"]}
            if "client_secret" in registered
            else {}
        )
        return self.step(
            "configure", **{"issuer": self.issuer, "client_id": registered["client_id"], "auth": auth} | given
        )

    def stop(self) -> None:
        """End the program."""
        self._process.kill()
        self._process.communicate()
