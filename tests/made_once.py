"""What every test would otherwise make anew, at the cost of seconds for ten tests: made once in a test process.

None of it is what a test is about; what it replaces has tests of its own, which do not go through here.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from werkzeug.routing import Rule

from keys.file_store import FileKeyStore, read_passphrase


def install() -> None:
    """Let key derivation and the code of URL rules be made once for equal inputs."""
    derive: Callable[[FileKeyStore, bytes], bytes] = FileKeyStore._derive
    derived: dict[tuple[str, bytes], bytes] = {}

    def derive_once(self: FileKeyStore, salt: bytes) -> bytes:
        asked = (self._passphrase.reveal(), salt)
        if asked not in derived:
            derived[asked] = derive(self, salt)
        return derived[asked]

    compile_builder: Callable[..., Any] = Rule._compile_builder
    builders: dict[tuple[object, ...], Any] = {}

    def compile_once(self: Rule, append_unknown: bool = True) -> Any:
        defaults = tuple(sorted((self.defaults or {}).items()))
        asked = (self.rule, self.subdomain, self.host, self.merge_slashes, defaults, append_unknown)
        if asked not in builders:
            builders[asked] = compile_builder(self, append_unknown)
        return builders[asked]

    FileKeyStore._derive = derive_once  # type: ignore[method-assign]
    Rule._compile_builder = compile_once  # type: ignore[method-assign]


def copy_home(home: Path, kept: Path) -> None:
    """Make ``home`` with a passphrase and the sealing secret, which are the same for all tests of a process.

    :param kept: where the first one stands.
    """
    _make_home(kept)
    shutil.copytree(kept, home)


@lru_cache(maxsize=4)
def _make_home(kept: Path) -> None:
    passphrase = read_passphrase(kept / "passphrase", create=True)
    kept.chmod(0o700)
    FileKeyStore(kept / "keys", passphrase).secret("sealing")


@lru_cache(maxsize=8)
def rsa_key(bits: int) -> rsa.RSAPrivateKey:
    """Return an RSA key of that size, the same one for all tests of a process."""
    return rsa.generate_private_key(65537, bits)
