"""Hostile tokens cost nothing: the memory of a process stays flat (OpenID Provider, rule 13)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

# In a process of its own: what other tests hold does not count, and the peak is the peak of this alone.
_PROGRAM = """
import base64, json, sys, tracemalloc, warnings, zlib
warnings.simplefilter("ignore")
from joserfc import jwe
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey
from idp.protocol.jose import JwtError, verify_jwt
from idp.protocol.jwe import decrypt

def segment(document):
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()

MEGABYTES = 8
ec = ECKey.generate_key("P-256", {"kid": "one"})
keys = KeySet([ec])
long = "a" * (MEGABYTES * 1_000_000)
deep = base64.urlsafe_b64encode(b"[" * (MEGABYTES * 1_000_000)).decode()
bomb = zlib.compress(b"a" * (10 * MEGABYTES * 1_000_000), 9)[2:-4]
whole = jwe.JWERegistry(algorithms=["ECDH-ES", "A128GCM"])
compressed = jwe.encrypt_compact({"alg": "ECDH-ES", "enc": "A128GCM"}, bomb, ec, registry=whole)
header, rest = compressed.split(".", 1)
compressed = segment({**json.loads(base64.urlsafe_b64decode(header + "==")), "zip": "DEF"}) + "." + rest
small = segment({"alg": "ES256", "kid": "one"})
signed = [
    f"{segment({'alg': 'ES256', 'kid': 'one', 'x': long})}.e30.AAAA",
    f"{segment({'alg': 'ES256', 'kid': long})}.e30.AAAA",
    f"{segment({'alg': 'ES256', 'crit': [long]})}.e30.AAAA",
    f"{deep}.e30.AAAA",
    f"{small}.{long}.AAAA",
    f"{small}.e30.{long}",
    "." * len(long),
    long,
]
encrypted = [
    compressed,
    f"{segment({'alg': 'ECDH-ES', 'enc': 'A128GCM', 'x': long})}....",
    f"{segment({'alg': 'PBES2-HS512+A256KW', 'enc': 'A128GCM', 'p2s': long, 'p2c': 2**31})}....",
    f"{deep}....",
    f"{segment({'alg': 'ECDH-ES', 'enc': 'A128GCM', 'epk': {}})}..{long}.{long}.{long}",
    "." * len(long),
    long,
]
tracemalloc.start()
for _ in range(3):
    for token in signed:
        try:
            verify_jwt(token, keys=keys, algorithms=("ES256",))
        except JwtError:
            continue
        sys.exit("a token was accepted")
    for token in encrypted:
        try:
            decrypt(token, find_key=lambda alg, kid: ec)
        except JwtError:
            continue
        sys.exit("an encrypted token was accepted")
print(tracemalloc.get_traced_memory()[1])
"""


def test_tokens_of_many_megabytes_and_compressed_bombs_leave_no_trace_in_memory() -> None:
    """Headers, payloads, signatures, nesting, keys' iterations: refused before anything is copied or computed.

    RFC 8725 §3.6; the limit is a hundredth of what one of these tokens weighs.
    """
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout) < 1_000_000
