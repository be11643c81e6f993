"""What an ID token binds to itself (OpenID Connect Core §3.1.3.6)."""

from __future__ import annotations

import hashlib

import pytest

from idp.protocol.algorithms import TOKEN_ALGORITHMS
from idp.protocol.token_hash import left_half_hash
from kernel.identifiers import b64url


def test_the_example_of_the_specification_comes_out() -> None:
    """OpenID Connect Core §A.4 and §A.6: access token and code of its examples, RS256."""
    assert left_half_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y", algorithm="RS256") == "77QmUPtjPfzWtF2AnpK9RQ"
    assert left_half_hash("Qcb0Orv1zh30vL1MPRsbm-diHiMwcLyZvn1arpZv-Jxf_11jnpEX3Tgfvk", algorithm="RS256") == (
        "LDktKdoQak3Pk0cnXxCltA"
    )


@pytest.mark.parametrize(
    ("algorithm", "name"),
    [("ES256", "sha256"), ("RS256", "sha256"), ("PS256", "sha256"), ("ES384", "sha384"), ("EdDSA", "sha512")],
)
def test_the_hash_is_the_one_of_the_signature(algorithm: str, name: str) -> None:
    """§3.1.3.6; Ed25519 uses SHA-512 (RFC 8032 §5.1)."""
    digest = hashlib.new(name, b"abc").digest()
    assert left_half_hash("abc", algorithm=algorithm) == b64url(digest[: len(digest) // 2])
    assert algorithm in TOKEN_ALGORITHMS
