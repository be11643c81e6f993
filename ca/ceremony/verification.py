"""The last step of a ceremony: every chain is verified once more, by ``cryptography`` and by OpenSSL where it is."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import mldsa
from cryptography.hazmat.primitives.serialization import Encoding

from kernel.errors import Fault

_ML_DSA_SINCE = (3, 5)
_SECONDS = 20


@dataclass(frozen=True)
class Verified:
    """A chain that holds.

    :ivar name: what was verified. :ivar anchor: up to which root. :ivar openssl: version of the one that agreed, or
        why it was not asked.
    """

    name: str
    anchor: str
    openssl: str


def verify_chain(name: str, chain: Sequence[x509.Certificate], *, anchor_name: str, now: datetime) -> Verified:
    """Verify ``chain``, an authority's certificate first and the trust anchor last.

    :raises Fault: (``chain_invalid``) naming what does not hold: then nothing of the ceremony may be used.
    """
    for position, (certificate, issuer) in enumerate(zip(chain, [*chain[1:], chain[-1]], strict=True)):
        if problem := _problem(certificate, issuer, below=position, now=now):
            raise Fault(f"The chain of {name} does not hold: {problem}.", code="chain_invalid")
    return Verified(name, anchor_name, _ask_openssl(name, chain, now=now))


def _problem(certificate: x509.Certificate, issuer: x509.Certificate, *, below: int, now: datetime) -> str | None:
    subject = certificate.subject.rfc4514_string()
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError):
        return f"{subject} is not signed by {issuer.subject.rfc4514_string()}"
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        return f"{subject} is not valid now"
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
    if not (constraints.critical and constraints.value.ca and usage.critical and usage.value.key_cert_sign):
        return f"{subject} is no authority's certificate"
    length = constraints.value.path_length
    if length is not None and below > length:
        return f"{subject} may have {length} authorities below it, not {below}"
    return None


def openssl_version() -> tuple[int, ...] | None:
    """Return the version of the OpenSSL program, None if there is none."""
    program = shutil.which("openssl")
    if program is None:
        return None
    said = subprocess.run([program, "version"], capture_output=True, text=True, timeout=_SECONDS, check=False).stdout
    found = re.match(r"OpenSSL (\d+)\.(\d+)\.(\d+)", said)
    return tuple(int(part) for part in found.groups()) if found else None


def _ask_openssl(name: str, chain: Sequence[x509.Certificate], *, now: datetime) -> str:
    version = openssl_version()
    if version is None:
        return "not asked: it is not installed"
    if version < _ML_DSA_SINCE and any(isinstance(part.public_key(), mldsa.MLDSA65PublicKey) for part in chain):
        return f"not asked: {'.'.join(map(str, version))} does not know ML-DSA"
    with TemporaryDirectory() as folder:
        files = {"leaf": chain[:1], "above": chain[1:-1], "anchor": chain[-1:]}
        for part, certificates in files.items():
            pem = b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)
            (Path(folder) / f"{part}.pem").write_bytes(pem)
        command = ["openssl", "verify", "-x509_strict", "-attime", str(int(now.timestamp())), "-CAfile", "anchor.pem"]
        if files["above"]:
            command += ["-untrusted", "above.pem"]
        done = subprocess.run(
            [*command, "leaf.pem"], cwd=folder, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    if done.returncode != 0:
        reason = " ".join((done.stderr or done.stdout).split())[:300]
        raise Fault(f"OpenSSL does not accept the chain of {name}: {reason}", code="chain_invalid")
    return ".".join(map(str, version))
