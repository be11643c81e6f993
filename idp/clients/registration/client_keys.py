"""How an application proves who it is, and where its keys are (RFC 7591 §2, RFC 8705 §2.1.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from idp.clients.auth_method import AuthMethod
from idp.clients.jwks import require_public_jwks
from idp.clients.policy import ClientPolicy
from idp.clients.registration.metadata import CERTIFICATE_NAMES
from idp.clients.registration.values import https_uri, maybe_one_of, refusal
from idp.protocol.certificate_subject import CertificateSubjectError, normal_subject
from idp.protocol.client_assertion import ALGORITHMS, SECRET_ALGORITHMS

_BY_KEY = (AuthMethod.PRIVATE_KEY_JWT, AuthMethod.SELF_SIGNED_TLS_CLIENT_AUTH)


def read_jwks(metadata: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the registered keys, if there are any. :raises Rejected: (``bad_jwks``)."""
    return None if metadata.get("jwks") is None else require_public_jwks(metadata["jwks"])


def key_metadata(metadata: Mapping[str, Any], *, method: AuthMethod, policy: ClientPolicy) -> dict[str, Any]:
    """Return the valid members about keys and authentication.

    :raises Rejected: (``bad_client_metadata``): keys twice or missing, an algorithm or a name that does not fit.
    """
    jwks_uri = https_uri(metadata, "jwks_uri")
    if metadata.get("jwks") is not None and jwks_uri is not None:
        raise refusal("jwks_uri: send either this or jwks")  # RFC 7591 §2
    if method in _BY_KEY and metadata.get("jwks") is None and jwks_uri is None:
        raise refusal(f"jwks: {method.value} needs the public key, there or at jwks_uri")
    served = SECRET_ALGORITHMS if method is AuthMethod.CLIENT_SECRET_JWT else ALGORITHMS
    allowed = [each for each in served if not policy.signature_algorithms or each in policy.signature_algorithms]
    names = _certificate_names(metadata)
    if (len(names) == 1) != (method is AuthMethod.TLS_CLIENT_AUTH):
        raise refusal("tls_client_auth goes with exactly one tls_client_auth_… name, which its certificate has")
    return {
        "jwks_uri": jwks_uri,
        "token_endpoint_auth_signing_alg": maybe_one_of(metadata, "token_endpoint_auth_signing_alg", allowed),
        **names,
    }


def _certificate_names(metadata: Mapping[str, Any]) -> dict[str, str]:
    """RFC 8705 §2.1.2: in one spelling, so that what is registered is what is compared."""
    named = {name: metadata[name] for name in CERTIFICATE_NAMES if metadata.get(name) is not None}
    try:
        return {name: normal_subject(name, value) for name, value in named.items()}
    except CertificateSubjectError as error:
        raise refusal(f"{', '.join(named)}: {error}") from error
