"""The ``sid`` by which an application knows a browser session: another one for each application.

One name for all would let two applications find out that their people, known to them by different subjects, are one
(OpenID Connect Core §8.1, §17.1). What follows from it (logout notices, events) speaks of a session as ID tokens do.
"""

from __future__ import annotations

from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from idp.services import IdpServices
from kernel.identifiers import b64url, b64url_decode
from keys.sealing import derive_once


def sid_for(services: IdpServices, client_id: str, sid: str) -> str:
    """Return the name of session ``sid`` for the application: always the same one."""
    return b64url(_cipher(services.sealing_secret).encrypt(sid.encode(), [client_id.encode()]))


def session_behind(services: IdpServices, client_id: str, name: str) -> str:
    """Return the ``sid`` of the session that :func:`sid_for` named so. :raises ValueError: if it named none so."""
    try:
        return _cipher(services.sealing_secret).decrypt(b64url_decode(name), [client_id.encode()]).decode()
    except InvalidTag as error:
        raise ValueError("no session of this application") from error


@lru_cache(maxsize=4)
def _cipher(sealing_secret: bytes) -> AESSIV:
    # RFC 5297: the same name for the same session is what is wanted, and all that it gives away.
    return AESSIV(derive_once(sealing_secret, "session-name"))
