"""The algorithms that this provider serves, each under its JOSE name (RFC 7518, RFC 8037)."""

from __future__ import annotations

# What we sign by; the first is the default. Symmetric ones are not served: secrets are kept as digests, so no MAC can
# be made with them; and `none` proves nothing.
TOKEN_ALGORITHMS = ("ES256", "RS256", "PS256", "ES384", "EdDSA")

# What access tokens are signed by. RFC 9068 §2.1: whoever takes them must know RS256, so nobody is given what it cannot
# verify; §4 leaves no choice to the token, for its first part is compared with those that our keys write.
ACCESS_TOKEN_ALGORITHMS = ("ES256", "RS256")

# How a content key reaches its reader, to us and from us. Not `dir` and the bare key wraps: they need a
# shared secret.
KEY_MANAGEMENT_ALGORITHMS = ("RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW")
# With SHA-1 inside (RFC 7518 §4.3): sound as a padding, served to applications whose library knows no other.
OLD_KEY_MANAGEMENT_ALGORITHMS = ("RSA-OAEP",)

# The first is what an application gets that names none (OpenID Connect Dynamic Client Registration §2).
CONTENT_ENCRYPTION_ALGORITHMS = ("A128CBC-HS256", "A256CBC-HS512", "A128GCM", "A256GCM")
