"""Which keys are refused, and for what."""

from __future__ import annotations

from datetime import datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ca.ceremony.hierarchy import Hierarchy
from ca.issuance.model import Certificate
from ca.profiles.profile import KeyType
from ca.requests.keys import describe_key, require_sound_key, require_unclaimed_key
from ca.revocation.compromised_key import block_key
from ca.services import CaServices
from kernel.errors import Rejected
from kernel.identifiers import sha256_hex

EVERY = tuple(KeyType)


def code_of(public_key: CertificatePublicKeyTypes, allowed: tuple[KeyType, ...] = EVERY) -> str:
    """The code that refuses the key."""
    with pytest.raises(Rejected) as caught:
        require_sound_key(public_key, allowed=allowed)
    return caught.value.code


def rsa_public(n: int, e: int = 65537) -> rsa.RSAPublicKey:
    """A public key of these numbers."""
    return rsa.RSAPublicNumbers(e, n).public_key()


def prime_after(start: int) -> int:
    """The next probable prime."""
    import gmpy2

    return int(gmpy2.next_prime(start))


@pytest.mark.parametrize(
    ("key", "kind", "text"),
    [
        (ec.generate_private_key(ec.SECP256R1()), KeyType.P256, "EC P-256"),
        (ec.generate_private_key(ec.SECP384R1()), KeyType.P384, "EC P-384"),
        (ec.generate_private_key(ec.SECP521R1()), KeyType.P521, "EC P-521"),
        (ed25519.Ed25519PrivateKey.generate(), KeyType.ED25519, "Ed25519"),
        (rsa.generate_private_key(65537, 2048), KeyType.RSA, "RSA 2048"),
        (rsa.generate_private_key(65537, 3072), KeyType.RSA, "RSA 3072"),
    ],
)
def test_sound_keys_pass(key: ec.EllipticCurvePrivateKey, kind: KeyType, text: str) -> None:
    """BR §6.1.5: RSA 2048 or more, the three NIST curves; Ed25519 where the profile says so."""
    assert require_sound_key(key.public_key(), allowed=EVERY) is kind
    assert describe_key(key.public_key()) == text


def test_kinds_that_the_profile_does_not_take_are_refused() -> None:
    """The profile decides: no Ed25519 for TLS servers, no secp256k1 at all."""
    ed = ed25519.Ed25519PrivateKey.generate().public_key()
    assert code_of(ed, (KeyType.RSA, KeyType.P256)) == "key_type_refused"
    assert code_of(ec.generate_private_key(ec.SECP256K1()).public_key()) == "key_type_refused"


def test_short_rsa_is_refused() -> None:
    """BR §6.1.5: 2048 bits at least."""
    assert code_of(rsa.generate_private_key(65537, 1024).public_key()) == "rsa_too_short"


def test_a_size_that_is_no_multiple_of_eight_is_refused() -> None:
    """BR §6.1.5."""
    key = rsa.generate_private_key(65537, 2056)
    p, q = key.private_numbers().p, key.private_numbers().q
    modulus = next(p * candidate for candidate in (q // 2, q // 4) if (p * candidate).bit_length() % 8)
    assert code_of(rsa_public(modulus | 1)) == "rsa_odd_size"


def test_small_exponent_is_refused() -> None:
    """BR §6.1.6: over 65536 and odd; 3 is neither here nor there."""
    assert code_of(rsa.generate_private_key(3, 2048).public_key()) == "rsa_bad_exponent"


def test_close_primes_are_refused() -> None:
    """BR §6.1.1.3: 100 rounds of Fermat's method find the factors."""
    p = prime_after(3 << 1022)
    assert code_of(rsa_public(p * prime_after(p + 2))) == "weak_key"


def test_small_factors_are_refused() -> None:
    """BR §6.1.6: no prime factor under 752."""
    modulus = (1 << 2047) + 1
    while modulus % 691:
        modulus += 2
    assert code_of(rsa_public(modulus)) == "weak_key"


def test_roca_is_refused() -> None:
    """CVE-2017-15361: primes of the form k·M + 65537^a mod M, as the faulty library made them."""
    import gmpy2

    primorial = int(gmpy2.primorial(701))
    found: list[int] = []
    for exponent in (20027, 31337):
        residue = pow(65537, exponent, primorial)
        k = (3 << 1022) // primorial + exponent
        while not gmpy2.is_prime(k * primorial + residue):
            k += 1
        found.append(k * primorial + residue)
    modulus = found[0] * found[1]
    assert modulus.bit_length() == 2048
    with pytest.raises(Rejected) as caught:
        require_sound_key(rsa_public(modulus), allowed=EVERY)
    assert caught.value.code == "weak_key" and "ROCA" in caught.value.public_detail


def test_a_key_with_a_repeated_pattern_is_refused() -> None:
    """Such a modulus came from a broken generator or a text editor."""
    assert code_of(rsa_public(int.from_bytes(b"\xc1" + b"\x55" * 253 + b"\x01\x01", "big"))) == "weak_key"


def test_keys_of_the_authority_itself_are_refused(services: CaServices, hierarchy: Hierarchy) -> None:
    """A request with the issuing authority's own public key is a trick."""
    with services.database.reading() as session, pytest.raises(Rejected) as caught:
        require_unclaimed_key(
            session,
            sha256_hex(hierarchy.issuing.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)),
            profile="tls-server",
            institution_ruc="1768152560001",
            holder=None,
        )
    assert caught.value.code == "key_of_authority"


def test_reported_keys_are_refused(services: CaServices, hierarchy: Hierarchy, now: datetime) -> None:
    """BR §4.9.12, §6.1.1.3: a key known to be compromised is never certified again."""
    with services.database.transaction() as session:
        block_key(session, spki_sha256="ab" * 32, serial="01", compromised_at=None, now=now)
        with pytest.raises(Rejected) as caught:
            require_unclaimed_key(
                session, "ab" * 32, profile="tls-server", institution_ruc="1768152560001", holder=None
            )
    assert caught.value.code == "key_compromised"


@pytest.mark.parametrize(
    ("profile", "ruc", "holder", "code"),
    [
        ("tls-client", "1768152560001", None, None),
        ("tls-client", "1760013210001", None, "key_of_another_subject"),
        ("tls-server", "1768152560001", None, "key_in_other_profile"),
        ("tls-client", "1768152560001", "1710034065", "key_of_another_subject"),
    ],
)
def test_a_key_stays_with_its_subject_and_use(
    services: CaServices,
    hierarchy: Hierarchy,
    now: datetime,
    profile: str,
    ruc: str,
    holder: str | None,
    code: str | None,
) -> None:
    """The same institution may renew with its key for the same use; nobody else, and for nothing else."""
    with services.database.transaction() as session:
        authority_id = session.get_one(Certificate, f"{hierarchy.issuing.serial_number:x}").authority_id
        session.add(
            Certificate(
                serial="ee",
                authority_id=authority_id,
                request_id="r1",
                profile="tls-client",
                profile_version=1,
                subject="CN=App",
                names=[],
                institution_ruc="1768152560001",
                spki_sha256="cd" * 32,
                not_before=now,
                not_after=now,
                issued_at=now,
                tbs_der=b"",
            )
        )
        session.flush()
        arguments = {"profile": profile, "institution_ruc": ruc, "holder": holder}
        if code is None:
            require_unclaimed_key(session, "cd" * 32, **arguments)  # type: ignore[arg-type]
            return
        with pytest.raises(Rejected) as caught:
            require_unclaimed_key(session, "cd" * 32, **arguments)  # type: ignore[arg-type]
    assert caught.value.code == code
