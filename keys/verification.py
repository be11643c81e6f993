"""Checking a signature just made, before anyone sees it: a token or a bad memory may have erred."""

from __future__ import annotations

from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from kernel.errors import Fault
from keys.signer import Algorithm, Signer


def require_own_signature(signer: Signer, *, signature: bytes, data: bytes) -> None:
    """Check that ``signature`` is the signer's over ``data``, in the form of :meth:`Signer.sign`.

    :raises Fault: (``bad_own_signature``) if it is not.
    """
    key: Any = signer.public_key
    chosen = signer.algorithm.hash
    try:
        if isinstance(key, ec.EllipticCurvePublicKey) and chosen is not None:
            key.verify(signature, data, ec.ECDSA(chosen))
        elif isinstance(key, rsa.RSAPublicKey) and chosen is not None:
            pss = padding.PSS(mgf=padding.MGF1(chosen), salt_length=chosen.digest_size)
            scheme = pss if signer.algorithm is Algorithm.PS256 else padding.PKCS1v15()
            key.verify(signature, data, scheme, chosen)
        else:  # EdDSA and ML-DSA hash by themselves
            key.verify(signature, data)
    except InvalidSignature as error:
        raise Fault("The signature just made does not verify.", code="bad_own_signature") from error
