"""nginx before the service, ending TLS as in production."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.process import ServerProcess, accepts_connections, find_program, free_port

_MAIN = """
pid {folder}/nginx.pid;
error_log stderr warn;
daemon off;
worker_processes 1;
{user}
events {{ worker_connections 2048; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  include {folder}/sau.conf;
}}
"""
#: The name of the mutual-TLS host in tests, on the same port.
MTLS_HOST = "mtls.localhost"
SHIPPED = Path(__file__).resolve().parents[2] / "deploy" / "nginx" / "sau.conf"


def _adapted(
    *,
    upstream: int,
    certificate: Path,
    key: Path,
    port: int,
    http_port: int,
    mtls_port: int,
    host: str,
    mtls_host: str,
    second: int | None,
) -> str:
    """Return the configuration that we ship with this machine's ports and names; nothing else is changed."""
    before, mark, after = SHIPPED.read_text().partition("# The mutual-TLS host:")
    text = before + mark + after.replace("listen 443 ssl", f"listen 127.0.0.1:{mtls_port} ssl")
    for shipped, here in (
        ("server 127.0.0.1:8000", f"server 127.0.0.1:{upstream}"),
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("    listen [::]:443 ssl http2;\n", ""),
        ("listen 80;", f"listen 127.0.0.1:{http_port};"),
        ("    listen [::]:80;\n", ""),
        ("mtls.sau.gob.example", mtls_host),
        ("sau.gob.example", host),
        ("/etc/sau/tls/fullchain.pem", str(certificate)),
        ("/etc/sau/tls/key.pem", str(key)),
    ):
        assert shipped in text, f"{SHIPPED.name} no longer says {shipped!r}"
        text = text.replace(shipped, here)
    if second is not None:
        shipped = "# A second node (docs/cluster.md): server 192.0.2.22:8000"
        assert shipped in text
        text = text.replace(shipped, f"server 127.0.0.1:{second}")
    return text


@contextmanager
def run_nginx(
    folder: Path,
    *,
    upstream: int,
    certificate: Path,
    key: Path,
    port: int | None = None,
    http_port: int | None = None,
    mtls_port: int | None = None,
    host: str = "localhost",
    mtls_host: str = MTLS_HOST,
    second: int | None = None,
) -> Iterator[ServerProcess]:
    """Serve ``https://localhost:PORT`` by the configuration that we ship, in front of the local port ``upstream``.

    Client certificates are asked for at ``https://mtls.localhost:PORT``, a name that browsers resolve and other
    programs do not: give a ``mtls_port`` for those, and they are asked for at ``https://localhost:MTLS_PORT`` as well.


    :param host: another name than ``localhost``. ``second``: the local port of a second node.
    :param http_port: where certificate status is served without TLS.
    """
    program = find_program("nginx", package="nginx")
    port = port or free_port()
    configuration = folder / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    configuration.write_text(_MAIN.format(folder=folder, user=user))
    (folder / "sau.conf").write_text(
        _adapted(
            upstream=upstream,
            certificate=certificate,
            key=key,
            port=port,
            http_port=http_port or free_port(),
            mtls_port=mtls_port or port,
            host=host,
            mtls_host=mtls_host,
            second=second,
        )
    )
    server = ServerProcess("nginx", [program, "-c", configuration, "-p", folder], log=folder / "nginx.log")
    server.wait_until(lambda: accepts_connections(port))
    try:
        yield server
    finally:
        server.stop()
