"""A security module in software: SoftHSM2 with tokens of the tests' own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.servers.process import ServerProcess, find_program

_MODULES = (Path("/usr/lib/softhsm/libsofthsm2.so"), Path("/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"))


@dataclass(frozen=True)
class SoftHsm:
    """The module and its folder.

    :ivar tokens: where it keeps tokens; renamed, they are as good as pulled out.
    """

    module: Path
    folder: Path
    tokens: Path

    def new_token(self, label: str, pin: str = "5291-6038") -> str:
        """Make a token and return its address."""
        program = find_program("softhsm2-util", package="softhsm2")
        command = [program, "--init-token", "--free", "--label", label, "--so-pin", "0000-1111", "--pin", pin]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        pin_file = self.folder / f"{label}.pin"
        pin_file.write_text(pin)
        pin_file.chmod(0o600)
        return f"pkcs11:token={label}?module-path={self.module}&pin-source=file:{pin_file}"


@contextmanager
def run_softhsm(folder: Path) -> Iterator[SoftHsm]:
    """Let this process, and those that it starts, find tokens under ``folder`` alone."""
    find_program("softhsm2-util", package="softhsm2")
    module = next((path for path in _MODULES if path.exists()), None)
    if module is None:
        pytest.skip("libsofthsm2.so is not installed (Debian: softhsm2)")
    tokens = folder / "tokens"
    tokens.mkdir()
    configuration = folder / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n")
    before = os.environ.get("SOFTHSM2_CONF")
    os.environ["SOFTHSM2_CONF"] = str(configuration)
    try:
        yield SoftHsm(module, folder, tokens)
    finally:
        if before is None:
            del os.environ["SOFTHSM2_CONF"]
        else:
            os.environ["SOFTHSM2_CONF"] = before


@dataclass
class DistantModule:
    """A security module at the other end of a socket, as those on a network are.

    :ivar module: what programs load to reach it; they need :attr:`environ`.
    """

    module: Path
    address: Path
    there: SoftHsm
    process: ServerProcess | None = None

    @property
    def environ(self) -> dict[str, str]:
        """What programs that use it need in their environment."""
        return {"P11_KIT_SERVER_ADDRESS": f"unix:path={self.address}"}

    def start(self) -> None:
        """Plug it in."""
        program = find_program("p11-kit", package="p11-kit")
        self.address.unlink(missing_ok=True)
        serve = ["server", "--foreground", "--name", self.address, "--provider", self.there.module, "pkcs11:"]
        self.process = ServerProcess("p11-kit", [program, *serve], log=self.there.folder / "p11-kit.log")
        self.process.wait_until(self.address.exists)

    def stop(self) -> None:
        """Pull the plug: every connection to it ends."""
        if self.process is not None:
            self.process.kill()
            self.process = None


@contextmanager
def run_distant_module(softhsm: SoftHsm) -> Iterator[DistantModule]:
    """Reach the module's tokens through a socket, until the block ends."""
    module = find_program("/usr/lib/*/pkcs11/p11-kit-client.so", package="p11-kit-modules")
    distant = DistantModule(Path(module), softhsm.folder / "p11-kit.socket", softhsm)
    distant.start()
    try:
        yield distant
    finally:
        distant.stop()
