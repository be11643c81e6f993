"""What a value of a setting must look like: each returns it, or raises ``ValueError`` with what it must be."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from kernel.errors import Rejected

_HOST_NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*")


def origin_without_slash(value: str) -> str:
    """Return an origin without a slash at its end. :raises ValueError:"""
    if not value:
        return value
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be an http or https address without query or fragment")
    if parts.username is not None or not _has_valid_port(parts):
        raise ValueError("must name a host and at most a port, without a user")
    if parts.path not in ("", "/"):
        raise ValueError("must be an origin: scheme, host and port, without a path")
    return value.rstrip("/")


def names(value: tuple[str, ...]) -> tuple[str, ...]:
    """Return host names in lower case. :raises ValueError:"""
    if not all(_HOST_NAME.fullmatch(name.lower()) for name in value):
        raise ValueError("must be host names in A-label form")
    return tuple(name.lower() for name in value)


def witnesses(value: tuple[str, ...]) -> tuple[str, ...]:
    """Return witnesses as they are. :raises ValueError:"""
    names = set()
    for entry in value:
        key, _, url = entry.partition(" ")
        if key.count("+") < 2 or not url.strip().startswith(("https://", "http://")):
            raise ValueError("must be KEY URL, with a space between")
        names.add(key.partition("+")[0])
    if len(names) < len(value):
        raise ValueError("must name each witness once")
    return value


def known_keystore(value: str) -> str:
    """Return where keys are kept, as it is. :raises ValueError:"""
    if value and not value.startswith(("file:", "pkcs11:")):
        raise ValueError("must be file:FOLDER or pkcs11:token=LABEL?module-path=FILE&pin-source=FILE")
    return value


def known_root_keystore(value: str) -> str:
    """Return where the root's key is kept, as it is. :raises ValueError:"""
    if value and not value.startswith("pkcs11:"):
        raise ValueError("must be pkcs11:token=LABEL?module-path=FILE&pin-source=FILE")
    return value


def known_gateway(value: str) -> str:
    """Return the address of a gateway for short messages, as it is. :raises ValueError:"""
    if not value:
        return value
    parts = urlsplit(value)
    if parts.scheme not in ("https", "http", "smpps", "smpp") or not parts.hostname or not _has_valid_port(parts):
        raise ValueError("must be https://USER:PASSWORD@HOST/PATH or smpps://USER:PASSWORD@HOST:PORT")
    return value


def known_database(value: str) -> str:
    """Return a database's address, as it is. :raises ValueError:"""
    if value and not value.startswith(("sqlite:///", "postgresql:", "postgresql+psycopg:")):
        raise ValueError("must be sqlite:///PATH or postgresql+psycopg://USER@HOST/NAME")
    return value


def read_file(path: Path) -> dict[str, str]:
    """Return the keys and values of a file of ``SAU_KEY=value`` lines. :raises Rejected: (``bad_settings``)."""
    values: dict[str, str] = {}
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise Rejected(f"SAU_CONFIG: cannot read {path}: {error.strerror}", code="bad_settings") from error
    except UnicodeDecodeError as error:
        raise Rejected(f"SAU_CONFIG: {path} is not UTF-8 text", code="bad_settings") from error
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        key, separator, value = line.partition("=")
        if not separator or not key.strip().startswith("SAU_"):
            raise Rejected(f"{path}:{number}: expected SAU_KEY=value", code="bad_settings")
        values[key.strip()] = value.strip().strip('"')
    return values


def _has_valid_port(parts: SplitResult) -> bool:
    try:
        return parts.port is None or parts.port > 0
    except ValueError:
        return False
