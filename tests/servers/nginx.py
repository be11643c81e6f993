"""nginx before the service, ending TLS as in production."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.process import ServerProcess, accepts_connections, find_program, free_port

_CONFIGURATION = """
pid {folder}/nginx.pid;
error_log stderr warn;
daemon off;
worker_processes 1;
{user}
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} ssl;
    server_name localhost;
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    location / {{
      proxy_pass http://127.0.0.1:{upstream};
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto https;
    }}
  }}
}}
"""


@contextmanager
def run_nginx(
    folder: Path, *, upstream: int, certificate: Path, key: Path, port: int | None = None
) -> Iterator[ServerProcess]:
    """Serve ``https://localhost:PORT`` in front of the local port ``upstream`` until the block ends."""
    program = find_program("nginx", package="nginx")
    port = port or free_port()
    configuration = folder / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    configuration.write_text(
        _CONFIGURATION.format(folder=folder, user=user, port=port, upstream=upstream, certificate=certificate, key=key)
    )
    server = ServerProcess("nginx", [program, "-c", configuration, "-p", folder], log=folder / "nginx.log")
    server.wait_until(lambda: accepts_connections(port))
    try:
        yield server
    finally:
        server.stop()
