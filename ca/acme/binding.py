"""The external account binding (RFC 8555 §7.3.4): the holder of a credential says which key is his."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NoReturn

from joserfc.jwk import OctKey
from sqlalchemy import update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from ca.acme.account_key import AccountKey, read_jwk
from ca.acme.credential import open_mac_key
from ca.acme.jws import SignedMessage, is_signed_by, parse_message
from ca.acme.model import Credential
from ca.acme.problem import AcmeProblem, Kind, malformed
from ca.services import CaServices

MAC_ALGORITHMS = ("HS256",)


def parse_binding(member: object, *, expected_url: str, account_key: AccountKey) -> SignedMessage:
    """Return the binding that a newAccount request holds, its MAC yet to be checked.

    :param expected_url: of newAccount: what it must be made for.
    :raises AcmeProblem: ``externalAccountRequired``, ``malformed``, ``badSignatureAlgorithm``, ``unauthorized``.
    """
    if member is None:
        raise AcmeProblem(
            Kind.EXTERNAL_ACCOUNT_REQUIRED,
            "Accounts are opened with a credential (key id and HMAC key) that the authority gives to institutions.",
        )
    if not isinstance(member, dict):
        raise malformed("externalAccountBinding is a JWS.")
    message = parse_message(member, expected_url=expected_url, algorithms=MAC_ALGORITHMS)
    if message.kid is None or message.nonce is not None:
        raise malformed("The binding's header has alg, kid and url, and no nonce.")
    if read_jwk(message.document()).thumbprint != account_key.thumbprint:
        raise malformed("The binding is for another account key than the one that signed the request.")
    return message


def use_credential(session: Session, message: SignedMessage, *, services: CaServices, now: datetime) -> Credential:
    """Check the binding's MAC and use up one of its credential's accounts; return the credential.

    Of requests at once, no more succeed than accounts are left. A refusal is on record.

    :raises AcmeProblem: ``unauthorized``: one text for a key that is unknown and for a MAC that is wrong.
    """
    row = session.get(Credential, message.kid or "")

    def refuse(reason: str, detail: str) -> NoReturn:
        details: dict[str, Any] = {"institution_ruc": row.institution_ruc} if row else {}
        event = Event(
            type=EventType.ACME_CREDENTIAL_REFUSED,
            outcome=Outcome.REFUSED,
            reason=reason,
            object_id=(message.kid or "")[:64],
            details=details,
        )
        services.journal.refuse(session, event, AcmeProblem(Kind.UNAUTHORIZED, detail, code=reason), now=now)

    if row is None:
        refuse("acme_unknown_credential", "The credential is not known, or its HMAC key is another one.")
    if not is_signed_by(message, OctKey.import_key({"kty": "oct", "k": open_mac_key(services, row)})):
        refuse("acme_wrong_mac", "The credential is not known, or its HMAC key is another one.")
    if row.revoked_at is not None:
        refuse("acme_credential_revoked", "The credential was withdrawn; ask the authority for a new one.")
    if row.expires_at is not None and row.expires_at <= now:
        refuse("acme_credential_expired", "The credential has expired; ask the authority for a new one.")
    taken = session.execute(
        update(Credential)
        .where(Credential.id == row.id, Credential.accounts_left > 0, Credential.revoked_at.is_(None))
        .values(accounts_left=Credential.accounts_left - 1)
        .returning(Credential.id)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    if taken is None:
        refuse("acme_credential_used", "The credential has been used; ask the authority for a new one.")
    return row
