"""Keys with known weaknesses, made here, each with a request that its own private half signed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import gmpy2
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.ca.csr import make_csr


def key_of(p: int, q: int, exponent: int = 65537) -> rsa.RSAPrivateKey:
    """The RSA key of two primes, however bad they are."""
    d = int(gmpy2.invert(exponent, (p - 1) * (q - 1)))
    numbers = rsa.RSAPrivateNumbers(
        p=p,
        q=q,
        d=d,
        dmp1=d % (p - 1),
        dmq1=d % (q - 1),
        iqmp=int(gmpy2.invert(q, p)),
        public_numbers=rsa.RSAPublicNumbers(exponent, p * q),
    )
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)


def prime_after(start: int) -> int:
    """The next probable prime with which 65537 can be an exponent."""
    found = int(gmpy2.next_prime(start))
    return found if (found - 1) % 65537 else prime_after(found)


def close_primes() -> rsa.RSAPrivateKey:
    """Two primes that follow each other: Fermat's method finds them at once (CVE-2022-26320)."""
    p = prime_after((3 << 1022) + 12345)
    return key_of(p, prime_after(p))


def roca_primes() -> Iterator[int]:
    """Primes k·M + (65537^a mod M), as the faulty library made them (CVE-2017-15361)."""
    primorial = int(gmpy2.primorial(701))
    for exponent in (20027, 31337):
        residue = int(gmpy2.powmod(65537, exponent, primorial))
        k = (3 << 1022) // primorial + exponent
        while not gmpy2.is_prime(k * primorial + residue):
            k += 1
        yield k * primorial + residue


def small_factor() -> rsa.RSAPrivateKey:
    """A modulus that 65521 divides."""
    q = prime_after((1 << 2032) + 99)
    while (q * 65521).bit_length() != 2048 or (q - 1) % 65537 == 0:
        q = prime_after(q + (1 << 2029))
    return key_of(65521, q)


def small_private_exponent() -> rsa.RSAPrivateKey:
    """d so small that Wiener's method finds it from e."""
    p, q = prime_after((3 << 1022) + 777), prime_after((3 << 1022) + (1 << 900))
    phi = (p - 1) * (q - 1)
    d = int(gmpy2.next_prime(1 << 200))
    while gmpy2.gcd(d, phi) != 1:
        d = int(gmpy2.next_prime(d))
    return key_of(p, q, int(gmpy2.invert(d, phi)))


@lru_cache(maxsize=1)
def weak_requests() -> dict[str, tuple[str, str]]:
    """Requests as PEM text with the code that refuses each, by what is wrong with the key."""
    roca = key_of(*roca_primes())
    assert roca.key_size == 2048
    return {
        "close primes (Fermat)": (make_csr(close_primes()), "weak_key"),
        "ROCA": (make_csr(roca), "weak_key"),
        "small factor": (make_csr(small_factor()), "weak_key"),
        "small private exponent (Wiener)": (make_csr(small_private_exponent()), "weak_key"),
        "1024 bits": (make_csr(rsa.generate_private_key(65537, 1024)), "rsa_too_short"),
        "exponent 3": (make_csr(rsa.generate_private_key(3, 2048)), "rsa_bad_exponent"),
    }
