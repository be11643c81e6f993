"""An institution's directory: OpenLDAP with people of ours, over TLS by an authority of its own.

Its schema is that of Debian's package, with those attributes of Active Directory that we read beside it, so that one
entry is a person of both kinds. (The package's own ``msuser.schema`` cannot be searched by any of them.)
"""

from __future__ import annotations

import subprocess
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from tests.servers.process import ServerProcess, accepts_connections, find_program, free_ports
from tests.servers.tls import write_localhost_certificate

DOMAIN = "salud.test"
BASE = "dc=salud,dc=test"
SEARCHER = f"cn=sau,{BASE}"
SEARCHER_PASSWORD = "laguna-cuaderno-58"
PASSWORD = "neblina-tambor-74"
_SCHEMAS = Path("/etc/ldap/schema")
_CONFIGURATION = """
include {schemas}/core.schema
include {schemas}/cosine.schema
include {schemas}/inetorgperson.schema
attributetype ( 1.2.840.113556.1.4.221 NAME 'sAMAccountName' EQUALITY caseIgnoreMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.656 NAME 'userPrincipalName' EQUALITY caseIgnoreMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.8 NAME 'userAccountControl' EQUALITY integerMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.159 NAME 'accountExpires' EQUALITY integerMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.2 NAME 'objectGUID' EQUALITY octetStringMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.35 NAME 'employeeID' EQUALITY caseIgnoreMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.782 NAME 'objectCategory' EQUALITY caseIgnoreMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
objectclass ( 1.2.840.113556.1.5.9 NAME 'user' SUP top AUXILIARY MAY ( sAMAccountName $ userPrincipalName $
  userAccountControl $ accountExpires $ objectGUID $ employeeID $ objectCategory ) )
pidfile {folder}/slapd.pid
modulepath /usr/lib/ldap
moduleload back_mdb.la
moduleload memberof.la
TLSCertificateFile {certificate}
TLSCertificateKeyFile {key}
security simple_bind=112
localSSF 128
sizelimit 50
database mdb
suffix "{base}"
rootdn "cn=root,{base}"
rootpw {root}
directory {folder}/data
index objectClass,uid,employeeID eq
overlay memberof
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{searcher}" read by users read by * none
"""


@dataclass(frozen=True)
class Slapd:
    """A running directory.

    :ivar port: StartTLS; ``tls_port``: TLS from the first octet. :ivar ca: the file of its authority.
    """

    port: int
    tls_port: int
    ca: Path
    folder: Path

    @property
    def url(self) -> str:
        """Its address with TLS from the first octet."""
        return f"ldaps://localhost:{self.tls_port}"

    @property
    def start_tls_url(self) -> str:
        """Its address that begins in clear."""
        return f"ldap://localhost:{self.port}"

    @property
    def local_url(self) -> str:
        """Its address for who is on this machine."""
        return f"ldapi://{quote(str(self.folder / 'ldapi'), safe='')}"

    def modify(self, ldif: str) -> None:
        """Change what it holds, as its administrator does."""
        program = find_program("ldapmodify", package="ldap-utils")
        subprocess.run(
            [program, "-H", self.local_url, "-D", f"cn=root,{BASE}", "-w", "root-of-tests", "-x"],
            input=ldif.encode(),
            check=True,
            capture_output=True,
            timeout=60,
        )

    def set(self, username: str, attribute: str, value: str | None) -> None:
        """Give an attribute of somebody another value, or none."""
        change = f"replace: {attribute}\n" + (f"{attribute}: {value}\n" if value is not None else "")
        self.modify(f"dn: uid={username},ou=gente,{BASE}\nchangetype: modify\n{change}\n")

    def add(self, username: str, *, cedula: str, names: str = "Rosa Elena", surnames: str = "Chimbo Andi") -> None:
        """Add somebody."""
        dn, rest = person(username, cedula, names, surnames).split("\n", 1)
        self.modify(f"{dn}\nchangetype: add\n{rest}")

    def remove(self, username: str) -> None:
        """Let somebody leave."""
        self.modify(f"dn: uid={username},ou=gente,{BASE}\nchangetype: delete\n")


def person(username: str, cedula: str, names: str, surnames: str) -> str:
    """Return the LDIF of a person who is one for both kinds of schema."""
    return f"""dn: uid={username},ou=gente,{BASE}
objectClass: inetOrgPerson
objectClass: user
objectCategory: person
uid: {username}
cn: {names} {surnames}
givenName: {names}
sn: {surnames}
mail: {username}@{DOMAIN}
sAMAccountName: {username}
userPrincipalName: {username}@{DOMAIN}
objectGUID:: {b64encode(sha256(username.encode()).digest()[:16]).decode()}
employeeID: {cedula}
employeeNumber: {cedula}
userAccountControl: 512
userPassword: {PASSWORD}

"""


def _people() -> str:
    return (
        f"""dn: {BASE}
objectClass: dcObject
objectClass: organization
o: Salud
dc: salud

dn: ou=gente,{BASE}
objectClass: organizationalUnit
ou: gente

dn: {SEARCHER}
objectClass: person
cn: sau
sn: sau
userPassword: {SEARCHER_PASSWORD}

"""
        + person("rchimbo", "0912345675", "Rosa Elena", "Chimbo Andi")
        + person("mquispe", "1710034065", "Ana María", "Quispe Toapanta")
    )


@contextmanager
def run_slapd(folder: Path) -> Iterator[Slapd]:
    """Serve the directory on two free ports of this machine."""
    program = find_program("slapd", package="slapd")
    certificate, key = write_localhost_certificate(folder)
    port = free_ports(2)
    (folder / "data").mkdir()
    configuration = folder / "slapd.conf"
    configuration.write_text(
        _CONFIGURATION.format(
            schemas=_SCHEMAS,
            folder=folder,
            certificate=certificate,
            key=key,
            base=BASE,
            root="root-of-tests",
            searcher=SEARCHER,
        )
    )
    people = folder / "people.ldif"
    people.write_text(_people())
    add = find_program("slapadd", package="slapd")
    done = subprocess.run([add, "-f", configuration, "-l", people], capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()
    slapd = Slapd(port, port + 1, certificate, folder)
    listen = f"ldap://127.0.0.1:{port} ldaps://127.0.0.1:{port + 1} {slapd.local_url}"
    server = ServerProcess("slapd", [program, "-d", "0", "-f", configuration, "-h", listen], log=folder / "slapd.log")
    server.wait_until(lambda: accepts_connections(port + 1))
    try:
        yield slapd
    finally:
        server.stop()
