"""Debian's Apache with mod_auth_openidc: a relying application that nobody here wrote."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers.names import resolving_environ
from tests.servers.process import ServerProcess, accepts_connections, find_program, skip_without

_MODULES = Path("/usr/lib/apache2/modules")
_LOADED = ("mpm_event", "authn_core", "authz_core", "authz_user", "mime", "dir", "include", "auth_openidc")

_CONFIGURATION = """
ServerRoot {folder}
DefaultRuntimeDir {folder}
PidFile {folder}/apache.pid
ServerName localhost
Listen 127.0.0.1:{port}
ErrorLog {folder}/error.log
LogLevel warn auth_openidc:info
{modules}
TypesConfig /dev/null
AddDefaultCharset utf-8
DocumentRoot {folder}/site
<Directory {folder}/site>
  Options +Includes
  AddOutputFilter INCLUDES .html
  AddType text/html .html
</Directory>

OIDCCABundlePath {trust}
{party}
"""
_PARTY = """
OIDCProviderMetadataURL {issuer}/.well-known/openid-configuration
OIDCClientID {client_id}
OIDCClientSecret {client_secret}
OIDCRedirectURI http://localhost:{port}/protected/callback
OIDCDefaultLoggedOutURL http://localhost:{port}/index.html
OIDCCryptoPassphrase a-passphrase-of-a-test-only
OIDCScope "{scope}"
OIDCPKCEMethod S256
OIDCResponseType code
OIDCProviderTokenEndpointAuth client_secret_basic
OIDCCookieSameSite On
OIDCRemoteUserClaim sub
OIDCPassClaimsAs environment

<Location /protected>
  AuthType openid-connect
  Require valid-user
</Location>
"""


@dataclass
class Apache:
    """A running Apache."""

    url: str
    process: ServerProcess


@contextmanager
def run_apache(
    folder: Path,
    *,
    port: int,
    issuer: str,
    trust: Path,
    client_id: str,
    client_secret: str,
    scope: str = "openid profile email",
    party: str = "",
) -> Iterator[Apache]:
    """Serve ``http://localhost:PORT``, ``/index.html`` for all, ``/protected/index.html`` with the claims.

    :param trust: PEM file of the one authority that it trusts.
    :param party: what says how it logs people in, in place of ours; the secret is in its environment.
    """
    program = find_program("apache2", "httpd", package="apache2")
    if not (_MODULES / "mod_auth_openidc.so").exists():
        skip_without("mod_auth_openidc", package="libapache2-mod-auth-openidc")
    protected = folder / "site" / "protected"
    protected.mkdir(parents=True)
    (folder / "site" / "index.html").write_text("<p id='public'>Public page</p>")
    (protected / "index.html").write_text("<pre id='claims'><!--#printenv --></pre>")
    (folder / "error.log").touch()
    configuration = folder / "apache.conf"
    environ = resolving_environ(folder) | {"CLIENT_SECRET": client_secret, "SESSION_KEY": "of a test only " * 3}
    shutil.copyfile(trust, folder / "trust.pem")
    configuration.write_text(
        _CONFIGURATION.format(
            folder=folder,
            port=port,
            trust=folder / "trust.pem",
            party=party
            or _PARTY.format(port=port, issuer=issuer, client_id=client_id, client_secret=client_secret, scope=scope),
            modules="\n".join(f"LoadModule {name}_module {_MODULES}/mod_{name}.so" for name in _LOADED),
        )
    )
    if os.geteuid() == 0:
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, "nobody", "nogroup")
        for path in folder.parents:
            if path.stat().st_uid == 0 and path.stat().st_mode & 0o077 == 0:
                path.chmod(path.stat().st_mode | 0o011)  # pytest's folders are closed to others
    server = ServerProcess(
        "Apache",
        [program, "-f", configuration, "-D", "FOREGROUND"],
        log=folder / "error.log",
        environ=environ,
        unprivileged=True,
    )
    server.wait_until(lambda: accepts_connections(port))
    try:
        yield Apache(f"http://localhost:{port}", server)
    finally:
        server.stop()
