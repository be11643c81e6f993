"""Names of the tests' own domain, which are this machine for every program that a test starts."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.servers.process import skip_without

#: Certificates are refused for names of no public suffix, so the tests have a domain that looks like a real one.
DOMAIN = "pruebas.gob.ec"
HOST, MTLS_HOST = f"sau.{DOMAIN}", f"mtls.sau.{DOMAIN}"
_WRAPPER = "libnss_wrapper.so"
_FOLDERS = ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib")


def can_resolve() -> bool:
    """Tell whether other programs can be made to find our names."""
    return any((Path(place) / _WRAPPER).exists() for place in _FOLDERS)


def resolving_environ(folder: Path, *names: str) -> dict[str, str]:
    """Return an environment in which a program finds ``names`` at 127.0.0.1.

    libnss-wrapper answers instead of the system's files: nobody needs to be root, and nothing else changes.
    """
    if not can_resolve():
        skip_without("libnss_wrapper", package="libnss-wrapper")
    hosts = folder / "hosts"
    # One line: an address that stands in several is told several times, and servers bind to it as often.
    hosts.write_text(f"127.0.0.1 {' '.join(('localhost', HOST, MTLS_HOST, *names))}\n")
    return {**os.environ, "LD_PRELOAD": _WRAPPER, "NSS_WRAPPER_HOSTS": str(hosts)}


@contextmanager
def resolved_here() -> Iterator[None]:
    """Let this process find every name of :data:`DOMAIN` at 127.0.0.1."""
    asked = socket.getaddrinfo

    def answer(host: Any, *arguments: Any, **keywords: Any) -> Any:
        return asked("127.0.0.1" if str(host).endswith(f".{DOMAIN}") else host, *arguments, **keywords)

    socket.getaddrinfo = answer
    try:
        yield
    finally:
        socket.getaddrinfo = asked
