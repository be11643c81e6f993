"""DPoP proofs: the sender of a request signs it with a key that is his alone (RFC 9449 §4)."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key, RSAKey

from idp.protocol.client_assertion import CLOCK_TOLERANCE
from idp.protocol.jose import JwtError, text_claim, time_claim, verify_jwt
from kernel.clock import from_timestamp
from kernel.identifiers import b64url, b64url_decode, sha256

TYPE = "dpop+jwt"
# §4.2: asymmetric only. Nothing older than DPoP itself asks for PKCS#1 v1.5, so it is not served here.
DPOP_ALGORITHMS = ("ES256", "PS256", "ES384", "EdDSA", "Ed25519")
# §11.1: a proof is for now. Its `jti` is remembered for as long as it would be accepted.
AGE_LIMIT = timedelta(seconds=60)
SIZE_LIMIT = 8_000

_MEMBERS = {"EC": ("crv", "x", "y"), "OKP": ("crv", "x"), "RSA": ("n", "e")}
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_CURVES = {"ES256": "P-256", "ES384": "P-384", "EdDSA": "Ed25519", "Ed25519": "Ed25519"}
_KINDS = {"ES256": "EC", "ES384": "EC", "EdDSA": "OKP", "Ed25519": "OKP", "PS256": "RSA"}
_RSA_BITS = range(2048, 4096 + 1)
_DEFAULT_PORTS = {"https": 443, "http": 80}
_THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}")


class DpopError(JwtError):
    """A proof that proves nothing here. ``reason`` is for the record."""

    default_code = "invalid_dpop_proof"
    public_text = "The DPoP proof is not valid here."


class UseDpopNonceError(DpopError):
    """A proof that must come again with the nonce that goes with this answer (§8)."""

    default_code = "use_dpop_nonce"
    public_text = "The DPoP proof must repeat the nonce of the DPoP-Nonce header."


@dataclass(frozen=True)
class DpopProof:
    """A valid proof, except that its nonce and its single use are the caller's to check.

    :ivar jkt: SHA-256 thumbprint of the key, base64url (RFC 7638).
    :ivar jti: works once until ``expires_at``.
    :ivar nonce: the one of ours that it repeats, unverified, or None.
    """

    jkt: str
    jti: str
    expires_at: datetime
    nonce: str | None


def read_dpop_proof(
    headers: Sequence[str],
    *,
    expected_method: str,
    expected_url: str,
    access_token: str | None,
    algorithms: Collection[str],
    now: datetime,
) -> DpopProof:
    """Verify the proof of one request by the steps of §4.3.

    :param headers: every ``DPoP`` header of the request.
    :param expected_url: the address as the client wrote it; query and fragment do not count.
    :param access_token: the one that the proof goes with (``ath``), or None at the token endpoint.
    :param algorithms: those that the client may sign with.
    :raises DpopError: with the reason.
    """
    try:
        return _read(headers, expected_method, expected_url, access_token, algorithms, now)
    except JwtError as error:
        raise error if isinstance(error, DpopError) else DpopError(error.reason) from error


def is_thumbprint(text: str) -> bool:
    """Tell whether ``text`` can be a ``jkt`` (§10: the request parameter ``dpop_jkt``)."""
    return _THUMBPRINT.fullmatch(text) is not None


def _read(
    headers: Sequence[str],
    method: str,
    url: str,
    access_token: str | None,
    algorithms: Collection[str],
    now: datetime,
) -> DpopProof:
    # RFC 9110 §5.3: servers may join header lines by a comma.
    if len(headers) != 1 or "," in headers[0]:
        raise DpopError("several_proofs" if headers else "no_proof")
    (proof,) = headers
    if len(proof) > SIZE_LIMIT or proof.count(".") != 2:
        raise DpopError("malformed")
    algorithm, key = _key_of(_header_of(proof), algorithms)
    claims = verify_jwt(proof, keys=key, algorithms=(algorithm,), brought=("jwk",)).claims
    jti = text_claim(claims, "jti", limit=256)
    if text_claim(claims, "htm") != method:
        raise DpopError("wrong_htm")
    if _normal(text_claim(claims, "htu", limit=2_000)) != _normal(url):
        raise DpopError("wrong_htu")
    issued_at = _require_now(claims, now)
    if access_token is not None and not compare_digest(
        text_claim(claims, "ath").encode(), b64url(sha256(access_token)).encode()
    ):
        raise DpopError("wrong_ath")
    nonce = text_claim(claims, "nonce", limit=128) if "nonce" in claims else None
    return DpopProof(jkt=key.thumbprint(), jti=jti, expires_at=issued_at + AGE_LIMIT, nonce=nonce)


def _require_now(claims: Mapping[str, Any], now: datetime) -> datetime:
    issued_at = from_timestamp(time_claim(claims, "iat"))
    if issued_at > now + CLOCK_TOLERANCE:
        raise DpopError("iat_in_the_future")
    if issued_at < now - AGE_LIMIT:
        raise DpopError("iat_too_old")
    if "nbf" in claims and from_timestamp(time_claim(claims, "nbf")) > now + CLOCK_TOLERANCE:
        raise DpopError("nbf_in_the_future")
    if "exp" in claims and from_timestamp(time_claim(claims, "exp")) <= now:
        raise DpopError("expired")
    return issued_at


def _header_of(proof: str) -> Mapping[str, Any]:
    try:
        header = json.loads(b64url_decode(proof.split(".", 1)[0]))
    except (ValueError, RecursionError) as error:
        raise DpopError("malformed") from error
    if not isinstance(header, dict) or header.get("typ") != TYPE:
        raise DpopError("wrong_type")
    return header


def _key_of(header: Mapping[str, Any], algorithms: Collection[str]) -> tuple[str, Key]:
    """Return algorithm and key of the header; the key is only good to tell the same sender from another."""
    algorithm, jwk = header.get("alg"), header.get("jwk")
    if not isinstance(algorithm, str) or algorithm not in _KINDS or algorithm not in algorithms:
        raise DpopError("algorithm_not_allowed")
    if not isinstance(jwk, dict) or _PRIVATE_MEMBERS & set(jwk):
        raise DpopError("no_public_key")
    if jwk.get("kty") != _KINDS[algorithm] or jwk.get("crv") != _CURVES.get(algorithm):
        raise DpopError("key_does_not_fit")
    try:
        members = {name: jwk[name] for name in _MEMBERS[jwk["kty"]]}
        key = JWKRegistry.import_key({"kty": jwk["kty"], **members})
        raw = key.public_key if isinstance(key, RSAKey) else None
    except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise DpopError("unreadable_key") from error
    # Bounded: a modulus or exponent of a megabit would be our work, not the sender's.
    if isinstance(raw, RSAPublicKey) and (raw.key_size not in _RSA_BITS or raw.public_numbers().e.bit_length() > 32):
        raise DpopError("key_size")
    return algorithm, key


def _normal(url: str) -> str:
    """Return an address as §4.3 compares it: RFC 3986 §6.2.2 and §6.2.3, without query and fragment."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise DpopError("wrong_htu") from error
    scheme, host = parts.scheme.lower(), (parts.hostname or "").lower()
    if not host or "@" in parts.netloc or scheme not in _DEFAULT_PORTS:
        raise DpopError("wrong_htu")
    place = host if port in (None, _DEFAULT_PORTS[scheme]) else f"{host}:{port}"
    return f"{scheme}://{place}{quote(unquote(parts.path), safe='/~') or '/'}"
