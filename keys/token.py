"""The way to a token, where the extra ``hsm`` is installed."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from kernel.errors import Unavailable
from keys.store import KeyStore
from keys.token_address import parse_token_address


def open_token_store(address: str, folder: Path) -> KeyStore:
    """Return the key store in the token that ``address`` names; nothing is opened before it is used.

    :param folder: for what the token cannot hold.
    :raises kernel.errors.Rejected: (``bad_token_address``).
    :raises Unavailable: (``no_pkcs11``) if python-pkcs11 is not installed.
    """
    parsed = parse_token_address(address)
    try:
        connection, store = import_module("keys.token_connection"), import_module("keys.pkcs11_store")
    except ImportError as error:
        raise Unavailable("Keys in a token need the extra `hsm` (python-pkcs11).", code="no_pkcs11") from error
    made: KeyStore = store.Pkcs11KeyStore(connection.TokenConnection(parsed), folder)
    return made
