"""A security module in software: SoftHSM2 with tokens of the tests' own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.servers.process import find_program

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
        subprocess.run(command, check=True, capture_output=True, timeout=30)
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
