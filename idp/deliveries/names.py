"""What an application is told in place of our own names for an event or a notice: another one for each application.

One event is told to several applications, and our identifiers of one moment resemble each other. With either of them
two applications could find out that their people, known to them by different subjects, are one (OpenID Connect
Core §8.1). RFC 8417 §2.2 asks of ``txn`` and ``jti`` that they are unique and stay, no more. We can tell what each
stands for.
"""

from __future__ import annotations

from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from idp.services import IdpServices
from kernel.errors import NotFound
from kernel.identifiers import b64url, b64url_decode
from keys.sealing import derive_once


def told_name(services: IdpServices, client_id: str, identifier: str) -> str:
    """Return the name by which the application hears of ``identifier``: always the same one."""
    return b64url(_cipher(services.sealing_secret).encrypt(identifier.encode(), [client_id.encode()]))


def behind_told_name(services: IdpServices, client_id: str, name: str) -> str:
    """Return the identifier that :func:`told_name` gave the application as ``name``.

    :raises NotFound: (``not_told``) if it was not told this name.
    """
    try:
        return _cipher(services.sealing_secret).decrypt(b64url_decode(name), [client_id.encode()]).decode()
    except (InvalidTag, ValueError) as error:
        raise NotFound("This application was not told that name.", code="not_told") from error


@lru_cache(maxsize=4)
def _cipher(sealing_secret: bytes) -> AESSIV:
    # RFC 5297: the same name for the same identifier is what is wanted, and all that it gives away.
    return AESSIV(derive_once(sealing_secret, "told-name"))
