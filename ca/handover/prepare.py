"""A key is made for a person, sealed, and its certificate asked for in the usual way."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import Table
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType
from ca.handover.model import KeyHandover
from ca.handover.view import HandoverStatus
from ca.profiles.profile import KeyType
from ca.requests.holder import CEDULA
from ca.requests.submit import submit_request
from ca.requests.view import RequestView
from ca.services import CaServices
from kernel.errors import Rejected
from kernel.identifiers import new_id, sha256_hex
from kernel.late_rows import insert_later
from kernel.secret_text import SecretText
from keys.sealing import Sealer

_TABLE = cast(Table, KeyHandover.__table__)
RSA_BITS = 3072
CODE_DIGITS = 8
_CURVES: dict[KeyType, ec.EllipticCurve] = {KeyType.P256: ec.SECP256R1(), KeyType.P384: ec.SECP384R1()}
KEY_SEAL, FILE_SEAL = "handover-key", "handover-file"


@dataclass(frozen=True)
class PreparedHandover:
    """What was asked for.

    :ivar code: to be given to the holder in person, shown this once; None for a holder with an account.
    """

    id: str
    request: RequestView
    code: SecretText | None


@dataclass(frozen=True)
class MadeKey:
    """A fresh key pair. :ivar csr: DER, signed by it; :ivar key_der: PKCS#8."""

    csr: bytes
    key_der: bytes

    def __repr__(self) -> str:
        return "MadeKey(…)"


def make_key(kind: KeyType) -> MadeKey:
    """Return a key for a person, outside of any transaction: an RSA key takes a moment.

    :raises Rejected: (``key_type_refused``) for kinds that no PKCS#12 reader knows.
    """
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    if kind is KeyType.RSA:
        key = rsa.generate_private_key(65537, RSA_BITS)
    elif kind in _CURVES:
        key = ec.generate_private_key(_CURVES[kind])
    else:
        raise Rejected(f"Keys of the kind {kind} are not made here.", code="key_type_refused")
    csr = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    return MadeKey(csr.public_bytes(Encoding.DER), key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))


def prepare_handover(
    session: Session,
    *,
    services: CaServices,
    profile: str,
    key: MadeKey,
    inputs: Mapping[str, str],
    institution_ruc: str | None,
    email: str | None,
    requested_by: str,
    holder_id: str | None = None,
    now: datetime,
) -> PreparedHandover:
    """Ask for the certificate and keep the key sealed until its holder comes for it.

    :param email: where the link goes, for a holder without an account; one with an account is written to there.
    :param holder_id: the person that it is for, where the profile does not find it itself.
    :raises Rejected: (``keys_not_made_here``) for profiles whose holders bring their keys, TLS servers always;
        ``email_missing``; and what :func:`ca.requests.submit.submit_request` raises.
    """
    chosen = services.profiles.get(profile)
    if not chosen.keys_made_here:
        raise Rejected("Holders of this kind of certificate bring their own key.", code="keys_not_made_here")
    if not (chosen.needs_person or holder_id or (email and "@" in email and len(email) <= 254)):
        raise Rejected("Say which e-mail address the link goes to.", code="email_missing")
    request = submit_request(
        session,
        services=services,
        profile=profile,
        csr=key.csr,
        institution_ruc=institution_ruc,
        requested_by=requested_by,
        inputs=inputs,
        holder_id=holder_id,
        now=now,
    )
    handover_id = new_id()
    holder_id = request.holder_id
    code = None if holder_id else SecretText("".join(secrets.choice("0123456789") for _ in range(CODE_DIGITS)))
    session.add(
        KeyHandover(
            id=handover_id,
            status=HandoverStatus.PREPARED.value,
            request_id=request.id,
            spki_sha256=request.spki_sha256,
            profile=profile,
            holder_id=holder_id,
            cedula=str(request.inputs.get(CEDULA, "")),
            email=None if holder_id else email,
            prepared_by=requested_by,
            sealed_key=Sealer(services.sealing_secret, KEY_SEAL).seal(key.key_der, bound_to=handover_id),
            code_sha256=code_digest(handover_id, code.reveal()) if code else None,
            created_at=now,
        )
    )
    session.flush()
    event = Event(
        type=EventType.HANDOVER_PREPARED,
        subject=holder_id,
        actor=requested_by,
        object_id=handover_id,
        details={"profile": profile, "certificate_request": request.id, "spki_sha256": request.spki_sha256},
    )
    services.journal.record(session, event, now=now)
    return PreparedHandover(handover_id, request, code)


def prepare_in_batch(
    session: Session,
    *,
    services: CaServices,
    batch_id: str,
    profile: str,
    key: MadeKey,
    spki_sha256: str,
    holder_id: str,
    cedula: str,
    requested_by: str,
    now: datetime,
) -> None:
    """Keep the key of one row of a batch sealed until its holder, who has an account, comes for it.

    Asks nothing of the database; its row is written just before the caller's commit, with the row of the batch.
    """
    handover_id = new_id()
    given = {
        "id": handover_id,
        "status": HandoverStatus.PREPARED.value,
        "request_id": batch_id,
        "spki_sha256": spki_sha256,
        "profile": profile,
        "holder_id": holder_id,
        "cedula": cedula,
        "prepared_by": requested_by,
        "sealed_key": Sealer(services.sealing_secret, KEY_SEAL).seal(key.key_der, bound_to=handover_id),
        "tries": 0,
        "created_at": now,
    }
    insert_later(session, _TABLE, dict.fromkeys(_TABLE.columns.keys()) | given)
    event = Event(
        type=EventType.HANDOVER_PREPARED,
        subject=holder_id,
        actor=requested_by,
        object_id=handover_id,
        details={"profile": profile, "batch_id": batch_id, "spki_sha256": spki_sha256},
    )
    services.journal.record(session, event, now=now)


def code_digest(handover_id: str, code: str) -> str:
    """Return how a code is stored: a code is short, so its digest is this hand-over's alone."""
    return sha256_hex(f"{handover_id} {code}")
