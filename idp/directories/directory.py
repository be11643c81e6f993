"""A directory of an institution as a value, and what an operator types about one made valid."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from urllib.parse import urlsplit

from idp.directories.names import require_attribute, require_dn, require_filter
from idp.rights.belonging import Source
from idp.rights.groups.source import GroupSource
from kernel.errors import Rejected
from kernel.secret_text import SecretText

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}|[0-9A-Fa-f:.]{2,45}")
MOST_SERVERS = 4
LEVELS = (1, 2)
MOST_FLOORS = 5


@dataclass(frozen=True)
class DirectoryServer:
    """One server of a directory. :ivar tls: from the first octet (LDAPS); else StartTLS before anything is said."""

    host: str
    port: int
    tls: bool

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'ldaps' if self.tls else 'ldap'}://{host}:{self.port}"


@dataclass(frozen=True, kw_only=True)
class Attributes:
    """Which attribute of an entry says what. An empty one is not read."""

    cedula: str = "employeeID"
    given_names: str = "givenName"
    surnames: str = "sn"
    mail: str = "mail"
    groups: str = "memberOf"
    key: str = "entryUUID"

    @property
    def names(self) -> tuple[str, ...]:
        """All of them."""
        return tuple(dict.fromkeys(value for each in fields(self) if (value := getattr(self, each.name))))


_PERSON = "(objectCategory=person)(objectClass=user)"
#: What the two common kinds of directory call things: a start, of which each part can be said otherwise.
KINDS: Mapping[str, tuple[Attributes, str, str]] = {
    "active-directory": (
        Attributes(key="objectGUID"),
        f"(&{_PERSON}(|(sAMAccountName={{username}})(userPrincipalName={{username}}@{{domain}})))",
        f"(&{_PERSON}(employeeID={{cedula}}))",
    ),
    "ldap": (
        Attributes(cedula="employeeNumber"),
        "(&(objectClass=inetOrgPerson)(uid={username}))",
        "(&(objectClass=inetOrgPerson)(employeeNumber={cedula}))",
    ),
}


@dataclass(frozen=True, kw_only=True)
class Directory:
    """A directory of an institution.

    :ivar name: short and unique, for commands and events.
    :ivar domains: what stands behind the at sign of its people's names.
    :ivar servers: asked in this order.
    :ivar ca_pem: the authorities that its servers' certificates must come from; empty: the system's own.
    :ivar bind_dn: and ``password``, or what stands in ``password_file``: what this service searches with; without it
        people are bound by ``bind_template``.
    :ivar bind_template: the name that a person is bound as; empty: the name of the entry that was found.
    :ivar creates_people: whoever has no account gets one at the first login.
    :ivar level: of identity, at most: what the institution has checked of the cédulas that it wrote into the directory.
    :ivar nested_groups: how many floors of groups within groups are looked at; 0: those of the entry alone.
    :ivar asked_by_cedula: whether it is asked for a cédula that nobody here has linked with a directory.
    :ivar version: another one with every change.
    """

    id: str
    name: str
    institution_id: str
    domains: tuple[str, ...]
    servers: tuple[DirectoryServer, ...]
    ca_pem: str = field(default="", repr=False)
    bind_dn: str = ""
    password: SecretText = field(default_factory=lambda: SecretText(""))
    password_file: Path | None = None
    bind_template: str = ""
    search_base: str
    username_filter: str
    cedula_filter: str
    attributes: Attributes
    creates_people: bool = False
    level: int = 1
    asked_by_cedula: bool = False
    nested_groups: int = 0
    active: bool = True
    version: int = 0

    @property
    def source(self) -> GroupSource:
        """As what it gives word of groups."""
        return GroupSource(kind=Source.DIRECTORY, id=self.id, name=self.name, institution_id=self.institution_id)

    @property
    def searches(self) -> bool:
        """Whether this service has a name of its own there."""
        return bool(self.bind_dn)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What a directory says about one person.

    :ivar key: what the directory knows the entry by for good, hex or text; never used again for another.
    :ivar attributes: texts by name in lower case.
    """

    dn: str
    key: str
    cedula: str
    given_names: str
    surnames: str
    mail: str
    groups: tuple[str, ...]
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)


def parse_directory_name(text: str) -> str:
    """Return the name of a directory. :raises Rejected: ``bad_directory_name``."""
    if not _NAME.fullmatch(text.strip()):
        raise Rejected("A name has lower-case letters, digits and hyphens.", code="bad_directory_name")
    return text.strip()


def parse_server(url: str) -> DirectoryServer:
    """Return the server of an ``ldap://`` or ``ldaps://`` address.

    :raises Rejected: ``bad_directory_url``.
    """
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise Rejected("Write it like ldaps://ad1.institucion.gob.ec.", code="bad_directory_url") from error
    extra = parts.username is not None or parts.path not in ("", "/") or parts.query or parts.fragment
    if parts.scheme not in ("ldap", "ldaps") or extra or not _HOST.fullmatch(host) or port == 0:
        raise Rejected("Write it like ldaps://ad1.institucion.gob.ec.", code="bad_directory_url")
    return DirectoryServer(host, port or (636 if parts.scheme == "ldaps" else 389), parts.scheme == "ldaps")


def parse_servers(urls: Sequence[str]) -> tuple[DirectoryServer, ...]:
    """Return the servers in order. :raises Rejected: ``bad_directory_url`` for none, or more than four."""
    servers = tuple(dict.fromkeys(parse_server(url) for url in urls))
    if not 1 <= len(servers) <= MOST_SERVERS:
        raise Rejected(f"Name one to {MOST_SERVERS} servers.", code="bad_directory_url")
    return servers


def parse_ca(pem: str) -> str:
    """Return the PEM text of certificates of authorities. :raises Rejected: ``bad_directory_ca``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cadata=pem)
    except (ssl.SSLError, ValueError) as error:
        raise Rejected("There is no certificate of an authority in the file.", code="bad_directory_ca") from error
    if not context.get_ca_certs():
        raise Rejected("There is no certificate of an authority in the file.", code="bad_directory_ca")
    return pem


def parse_attributes(kind: str, given: Mapping[str, str]) -> Attributes:
    """Return the mapping of attributes of ``kind``, with what is ``given`` instead.

    :param given: attributes by what they say (``cedula``, ``mail`` …); empty: not read.
    :raises Rejected: ``bad_attribute``; the cédula and the key cannot go without.
    """
    known = {each.name for each in fields(Attributes)}
    if set(given) - known:
        raise Rejected(f"What can be named: {', '.join(sorted(known))}.", code="bad_attribute")
    values = {each: getattr(KINDS[kind][0], each) for each in known}
    values |= {each: require_attribute(name) if name.strip() else "" for each, name in given.items()}
    if not values["cedula"] or not values["key"]:
        raise Rejected("Say in which attribute the cédula stands.", code="bad_attribute")
    return Attributes(**values)


def parse_search(base: str, username_filter: str, cedula_filter: str) -> tuple[str, str, str]:
    """Return base and filters of searches. :raises Rejected: ``bad_distinguished_name``, ``bad_directory_filter``."""
    return (
        require_dn(base),
        require_filter(username_filter, needs="username"),
        require_filter(cedula_filter, needs="cedula"),
    )
