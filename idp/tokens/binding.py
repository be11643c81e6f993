"""The key behind a request: tokens are bound to it when they are given, and it is proven again where they are shown.

Sources: RFC 9449 (DPoP), RFC 8705 (certificates), FAPI 2.0 Security Profile §5.3.2.1.
"""

from __future__ import annotations

from datetime import datetime
from hmac import compare_digest

from sqlalchemy import delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.clients.client import Client
from idp.protocol.dpop import DPOP_ALGORITHMS, DpopError, UseDpopNonceError, is_thumbprint, read_dpop_proof
from idp.protocol.dpop_nonce import is_live_nonce, nonce_at
from idp.protocol.errors import BearerTokenError, TokenError
from idp.protocol.sender import Sender
from idp.services import IdpServices
from idp.tokens.access_token import AccessToken
from idp.tokens.confirmation import Confirmation
from idp.tokens.family import DeadFamilyError, TokenFamily
from idp.tokens.model import UsedProofRow
from kernel.identifiers import b64url, sha256, sha256_hex
from keys.sealing import derive_once

BEARER, DPOP = "bearer", "dpop"


def current_nonce(services: IdpServices, *, now: datetime) -> str:
    """Return the nonce that the next proof is to repeat (RFC 9449 §8)."""
    return nonce_at(_nonce_secret(services), now)


def prove_key(
    session: Session,
    services: IdpServices,
    *,
    client: Client,
    sender: Sender,
    access_token: str | None = None,
    now: datetime,
) -> str:
    """Verify the request's DPoP proof, use it up and return the thumbprint of its key.

    :param access_token: the token that it stands beside, or None where tokens are asked for.
    :raises DpopError: ``invalid_dpop_proof``, with the reason.
    :raises UseDpopNonceError: ``use_dpop_nonce``: nothing is wrong but that it repeats no live nonce of ours.
    """
    allowed = client.policy.signature_algorithms
    proof = read_dpop_proof(
        sender.dpop,
        expected_method=sender.method,
        expected_url=sender.url,
        access_token=access_token,
        algorithms=[item for item in DPOP_ALGORITHMS if item in allowed] if allowed else DPOP_ALGORITHMS,
        now=now,
    )
    if proof.nonce is None:
        if client.policy.dpop_nonce:
            raise UseDpopNonceError("no_nonce")
    elif not is_live_nonce(_nonce_secret(services), proof.nonce, now=now):
        raise UseDpopNonceError("dead_nonce")
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    # §11.1: of any number at once exactly one inserts; the key counts, so nobody can use up another's `jti`.
    used = (
        insert(UsedProofRow)
        .values(proof_sha256=sha256_hex(f"{proof.jkt} {proof.jti}"), expires_at=proof.expires_at)
        .on_conflict_do_nothing()
        .returning(UsedProofRow.proof_sha256)
    )
    if session.execute(used).scalar_one_or_none() is None:
        raise DpopError("replayed")
    return proof.jkt


def require_binding(
    session: Session, *, services: IdpServices, client: Client, sender: Sender, grant_type: str, now: datetime
) -> Confirmation | None:
    """Return the key that this request proves, for tokens to be bound to; None for bearer tokens.

    A DPoP proof wins over a certificate: who sends one asks for it. To be called before a grant is used up, so that a
    client that is told a nonce can come again.

    :param grant_type: for the record.
    :raises TokenError: ``invalid_dpop_proof``, ``use_dpop_nonce``; ``invalid_request`` where the client registered, or
        its policy says, that its tokens are bound, and there is nothing to bind them to. On record.
    """
    try:
        return _binding(session, services, client, sender, now=now)
    except (DpopError, TokenError) as refused:
        error = TokenError(refused.code, refused.public_detail)
        reason = refused.reason if isinstance(refused, DpopError) else "not_bound"
        _refuse(session, services, client, f"proof_{reason}", error, grant_type, now=now)
        raise  # unreachable: the record raises


def require_same_sender(family: TokenFamily, *, client: Client, confirmation: Confirmation | None) -> None:
    """Check that the key of this request may renew tokens of ``family``.

    A public client shows that it is the same one by the same key (RFC 9449 §5, RFC 8705 §4). A confidential one has
    just authenticated and may have a new key, but bound tokens never become bearer tokens.

    :raises DeadFamilyError: with the reason.
    """
    if family.confirmation is None:
        return
    if confirmation is None:
        raise DeadFamilyError("key_not_proven")
    if client.is_public and confirmation != family.confirmation:
        raise DeadFamilyError("other_key")


def require_requested_key(
    session: Session, *, services: IdpServices, client: Client, sender: Sender, dpop_jkt: str | None, now: datetime
) -> str | None:
    """Return the key that an authorization request binds its code to (RFC 9449 §10).

    :param sender: of a pushed request, whose DPoP header counts like the parameter (§10.1).
    :param dpop_jkt: the parameter.
    :raises TokenError: ``invalid_request``: no thumbprint, or not that of the header's key; ``invalid_dpop_proof``,
        ``use_dpop_nonce``. Nothing is on record yet.
    """
    if dpop_jkt is not None and not is_thumbprint(dpop_jkt):
        raise TokenError("invalid_request", "dpop_jkt is the SHA-256 thumbprint of a key.")
    if not sender.dpop:
        return dpop_jkt
    try:
        proven = prove_key(session, services, client=client, sender=sender, now=now)
    except DpopError as error:
        raise TokenError(error.code, error.public_detail) from error
    if dpop_jkt is not None and dpop_jkt != proven:
        raise TokenError("invalid_request", "dpop_jkt is not the key of the DPoP proof.")
    return proven


def require_holder(
    session: Session,
    services: IdpServices,
    *,
    client: Client,
    access: AccessToken,
    token: str,
    scheme: str,
    sender: Sender,
    now: datetime,
) -> None:
    """Check that who shows an access token holds the key that it is bound to (RFC 9449 §7, RFC 8705 §3).

    :param client: the one that it was issued to.
    :param scheme: of the ``Authorization`` header, in lower case.
    :raises BearerTokenError: ``invalid_token``, ``invalid_dpop_proof``, ``use_dpop_nonce``.
    """
    bound = access.confirmation
    # RFC 9449 §7.2: without this, a stolen token would work again as a bearer token.
    if (scheme == DPOP) != (bound is not None and bound.jkt is not None):
        raise BearerTokenError("bound_token_as_bearer" if scheme == BEARER else "bearer_token_as_bound")
    if bound is None:
        return
    if bound.jkt is not None:
        try:
            proven = prove_key(session, services, client=client, sender=sender, access_token=token, now=now)
        except DpopError as error:
            raise BearerTokenError(
                f"proof_{error.reason}", code=error.code, public_detail=error.public_detail
            ) from error
        if not compare_digest(proven, bound.jkt):
            raise BearerTokenError("other_key")
    if bound.x5t_s256 is not None and (
        sender.certificate_der is None
        or not compare_digest(certificate_thumbprint(sender.certificate_der), bound.x5t_s256)
    ):
        raise BearerTokenError("other_certificate" if sender.certificate_der else "no_certificate")


def certificate_thumbprint(certificate_der: bytes) -> str:
    """Return ``x5t#S256`` (RFC 8705 §3.1)."""
    return b64url(sha256(certificate_der))


def purge_used_proofs(session: Session, *, now: datetime) -> int:
    """Forget proofs that would be refused by their age anyway; return how many."""
    gone = session.execute(
        delete(UsedProofRow).where(UsedProofRow.expires_at < now).returning(UsedProofRow.proof_sha256)
    )
    return len(gone.all())


def _binding(
    session: Session, services: IdpServices, client: Client, sender: Sender, *, now: datetime
) -> Confirmation | None:
    if sender.dpop:
        return Confirmation(jkt=prove_key(session, services, client=client, sender=sender, now=now))
    if client.metadata.dpop_bound_access_tokens:
        raise TokenError("invalid_request", "The tokens of this client are bound to a key: send a DPoP proof.")
    if client.metadata.tls_client_certificate_bound_access_tokens or client.policy.sender_constrained:
        if sender.certificate_der is None:
            raise TokenError(
                "invalid_request",
                "The tokens of this client are bound to a key: send a DPoP proof, or use your certificate at the "
                "mutual-TLS address.",
            )
        return Confirmation(x5t_s256=certificate_thumbprint(sender.certificate_der))
    return None


def _refuse(
    session: Session,
    services: IdpServices,
    client: Client,
    reason: str,
    error: TokenError,
    grant_type: str,
    *,
    now: datetime,
) -> None:
    event = Event(
        type=EventType.TOKEN_REFUSED,
        outcome=Outcome.REFUSED,
        reason=reason[:64],
        actor=client.client_id,
        client_id=client.client_id,
        details={"grant_type": grant_type},
    )
    services.journal.refuse(session, event, error, now=now)


def _nonce_secret(services: IdpServices) -> bytes:
    return derive_once(services.sealing_secret, "dpop-nonce")
