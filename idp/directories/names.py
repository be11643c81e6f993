"""What goes into a question to a directory: names that people type, filters and distinguished names made of them.

Nothing that was typed reaches a filter or a name without being escaped (RFC 4515 §3, RFC 4514 §2.4).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from ldap3.utils.conv import escape_filter_chars
from ldap3.utils.dn import escape_rdn, parse_dn

from idp.accounts.document import parse_document
from kernel.errors import Rejected
from kernel.secret_text import SecretText

# What stands before the at sign: sAMAccountName, uid and the left side of a userPrincipalName are made of these.
_USERNAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._'-]{0,62}[A-Za-z0-9])?")
_DOMAIN = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9-]{1,63}(?<!-))+")
_ATTRIBUTE = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}|\d+(?:\.\d+)+")
PLACES = ("username", "domain", "cedula")
_PLACE = re.compile(r"\{([^{}]*)\}")
MOST_PASSWORD = 512


@dataclass(frozen=True)
class InstitutionalName:
    """A name like ``mquispe@salud.gob.ec``. :ivar username: as typed. :ivar domain: lower case."""

    username: str
    domain: str

    def __str__(self) -> str:
        return f"{self.username}@{self.domain}"


def parse_institutional_name(text: str) -> InstitutionalName:
    """Return what was typed as a name of a person in an institution.

    :raises Rejected: (``institutional_name_invalid``) for anything else: stars, brackets, NUL, blanks.
    """
    username, at, domain = unicodedata.normalize("NFKC", text).strip().partition("@")
    domain = domain.lower()
    if not at or not _USERNAME.fullmatch(username) or not _DOMAIN.fullmatch(domain) or len(domain) > 253:
        raise Rejected("Write it like mquispe@institucion.gob.ec.", code="institutional_name_invalid")
    return InstitutionalName(username, domain)


def parse_login_name(text: str) -> str | InstitutionalName:
    """Return what was typed to log in with: a name of an institution, if there is an at sign, else a document.

    :raises Rejected: as :func:`parse_institutional_name` and :func:`idp.accounts.document.parse_document`.
    """
    if "@" in unicodedata.normalize("NFKC", text):
        return parse_institutional_name(text)
    return parse_document(text)


def require_password_to_send(password: SecretText) -> bytes:
    """Return the octets of a password that may be sent to a directory.

    An empty password makes of a bind an "unauthenticated" one, which succeeds for everybody (RFC 4513 §5.1.2).

    :raises Rejected: (``password_missing``) if it is empty, blank, holds NUL, or is longer than any password.
    """
    text = password.reveal()
    shown = any(unicodedata.category(letter)[0] not in "CZ" for letter in text)
    if not shown or "\x00" in text or len(text) > MOST_PASSWORD:
        raise Rejected("Type the password.", code="password_missing")
    try:
        return text.encode()
    except UnicodeEncodeError as error:  # half a character
        raise Rejected("Type the password.", code="password_missing") from error


def require_filter(template: str, *, needs: str) -> str:
    """Return ``template``, an LDAP filter with the place ``{needs}``.

    :raises Rejected: (``bad_directory_filter``).
    """
    template = template.strip()
    places = _PLACE.findall(template)
    shape = template.startswith("(") and template.endswith(")") and template.count("(") == template.count(")")
    if not shape or len(template) > 1000 or needs not in places or set(places) - set(PLACES):
        raise Rejected(f"A filter looks like (&(objectClass=person)(uid={{{needs}}})).", code="bad_directory_filter")
    return template


def require_bind_template(template: str) -> str:
    """Return the template of names to bind with: a distinguished name, or ``{username}@{domain}``.

    :raises Rejected: (``bad_bind_template``).
    """
    template = template.strip()
    places = _PLACE.findall(template)
    if "username" not in places or set(places) - set(PLACES) or len(template) > 500:
        raise Rejected("Write it like uid={username},ou=gente,dc=…", code="bad_bind_template")
    if "=" in template:
        require_dn(_PLACE.sub("x", template))
    return template


def require_dn(text: str) -> str:
    """Return a distinguished name as text (RFC 4514). :raises Rejected: ``bad_distinguished_name``."""
    text = text.strip()
    try:
        parts = parse_dn(text, escape=False, strip=True)
    except Exception as error:
        raise Rejected("This is no distinguished name.", code="bad_distinguished_name") from error
    if not parts or len(text) > 500 or not text.isprintable():
        raise Rejected("This is no distinguished name.", code="bad_distinguished_name")
    return text


def require_attribute(name: str) -> str:
    """Return the name of an attribute (RFC 4512 §2.5). :raises Rejected: ``bad_attribute``."""
    name = name.strip()
    if not _ATTRIBUTE.fullmatch(name):
        raise Rejected("This is no name of an attribute.", code="bad_attribute")
    return name


def fill_filter(template: str, **values: str) -> str:
    """Return ``template`` with ``values`` in their places, each escaped so that it is a value and nothing else."""
    return _PLACE.sub(lambda place: str(escape_filter_chars(values.get(place[1], ""))), template)


def fill_bind_name(template: str, **values: str) -> str:
    """Return the name to bind with."""
    if "=" not in template:
        return _PLACE.sub(lambda place: values.get(place[1], ""), template)
    return _PLACE.sub(lambda place: str(escape_rdn(values.get(place[1], ""))), template)
