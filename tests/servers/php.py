"""Debian's PHP behind Apache: php-fpm, as its packages put the two together."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.process import ServerProcess, find_program

#: What `a2enmod proxy_fcgi` and `a2enconf php-fpm` say to Apache.
PHP = """
LoadModule proxy_module /usr/lib/apache2/modules/mod_proxy.so
LoadModule proxy_fcgi_module /usr/lib/apache2/modules/mod_proxy_fcgi.so
<FilesMatch ".+\\.php$">
  SetHandler "proxy:unix:{socket}|fcgi://localhost"
</FilesMatch>
"""
_CONFIGURATION = """
[global]
error_log = /dev/stderr
[www]
listen = {socket}
pm = static
pm.max_children = 1
catch_workers_output = yes
"""


@contextmanager
def run_php(folder: Path, socket: Path) -> Iterator[ServerProcess]:
    """Run PHP's pool at ``socket``, as the user that the tests' Apache runs as."""
    program = find_program("/usr/sbin/php-fpm*", package="php-fpm")
    configuration, log = folder / "php-fpm.conf", folder / "php.log"
    configuration.write_text(_CONFIGURATION.format(socket=socket))
    log.touch()
    if os.geteuid() == 0:
        for path in (configuration, log):
            shutil.chown(path, "nobody", "nogroup")
    server = ServerProcess(
        "php-fpm", [program, "--nodaemonize", "--fpm-config", configuration], log=log, unprivileged=True
    )
    server.wait_until(socket.exists)
    try:
        yield server
    finally:
        server.stop()
