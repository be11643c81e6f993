"""The two ceremonies of Web Authentication Level 3, §7.1 and §7.2: what is asked of a browser, and its answer judged.

Attestation is not asked for: which make of authenticator someone bought is no reason to refuse a citizen, it would
tell makes apart, and the roots that it rests on would have to be kept. Pure: no database, no clock.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import (
    base64url_to_bytes,
    decode_credential_public_key,
    decoded_public_key_to_cryptography,
    options_to_json_dict,
    parse_attestation_object,
    parse_authentication_credential_json,
    parse_client_data_json,
    parse_registration_credential_json,
)
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    CredentialDeviceType,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from kernel.errors import Rejected

#: An answer is about 1 kB, with an RSA key about 2; what is longer is not looked at.
LONGEST_ANSWER = 8 * 1024
CEREMONY_SECONDS = 300
ALGORITHMS = [
    COSEAlgorithmIdentifier.ECDSA_SHA_256,
    COSEAlgorithmIdentifier.EDDSA,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,
]
_TRANSPORTS = {each.value for each in AuthenticatorTransport}
_MOST_TRANSPORTS = 6
_LEAST_ID, _MOST_ID = 16, 1023  # WebAuthn §4, "Credential ID"
_TEXT = re.compile(r"[A-Za-z0-9_-]{1,86}={0,2}")
_LEAST_RSA, _MOST_RSA = 2048, 4096


class PasskeyRefusedError(Rejected):
    """The answer of a browser is not what was asked for. :ivar why: the reason, for the record alone."""

    default_code = "passkey_refused"

    def __init__(self, why: str) -> None:
        super().__init__("The passkey does not fit.")
        self.why = why


@dataclass(frozen=True)
class RelyingParty:
    """Who asks. :ivar id: the issuer's host. :ivar origin: the one that pages of ours have."""

    id: str
    origin: str

    @classmethod
    def of(cls, issuer: str) -> RelyingParty:
        """Return what ``issuer`` is to authenticators."""
        parts = urlsplit(issuer)
        return cls(parts.hostname or "", f"{parts.scheme}://{parts.netloc}")


@dataclass(frozen=True, kw_only=True)
class NewPasskey:
    """A passkey as its registration showed it."""

    credential: bytes
    public_key: bytes
    sign_count: int
    aaguid: str
    transports: tuple[str, ...]
    backup_eligible: bool
    backed_up: bool


@dataclass(frozen=True, kw_only=True)
class Claim:
    """An answer that names a passkey and has yet to be proved. ``handle``: empty where the browser told none."""

    credential: bytes
    handle: str
    challenge: str
    answer: dict[str, Any]


@dataclass(frozen=True)
class Assertion:
    """What a proved answer said of its passkey."""

    sign_count: int
    backup_eligible: bool
    backed_up: bool


def registration_options(
    party: RelyingParty,
    *,
    challenge: str,
    handle: str,
    account: str,
    name: str,
    known: Sequence[tuple[bytes, Sequence[str]]],
) -> dict[str, Any]:
    """Return ``PublicKeyCredentialCreationOptionsJSON``.

    :param known: id and transports of the passkeys that the person has: none is made twice in one authenticator.
    """
    return options_to_json_dict(
        generate_registration_options(
            rp_id=party.id,
            rp_name="SAU",
            user_id=base64url_to_bytes(handle),
            user_name=account,
            user_display_name=name,
            challenge=base64url_to_bytes(challenge),
            timeout=CEREMONY_SECONDS * 1000,
            attestation=AttestationConveyancePreference.NONE,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
            ),
            exclude_credentials=_descriptors(known),
            supported_pub_key_algs=ALGORITHMS,
        )
    )


def authentication_options(
    party: RelyingParty, *, challenge: str, allowed: Sequence[tuple[bytes, Sequence[str]]] = ()
) -> dict[str, Any]:
    """Return ``PublicKeyCredentialRequestOptionsJSON``. :param allowed: none: whichever the authenticator has."""
    return options_to_json_dict(
        generate_authentication_options(
            rp_id=party.id,
            challenge=base64url_to_bytes(challenge),
            timeout=CEREMONY_SECONDS * 1000,
            allow_credentials=_descriptors(allowed),
            user_verification=UserVerificationRequirement.REQUIRED,
        )
    )


def challenge_of_registration(answer: str) -> str:
    """Return the challenge that the answer says it is to. :raises PasskeyRefusedError: for what is no answer."""
    try:
        parsed = parse_registration_credential_json(_object(answer))
        return _challenge(parsed.response.client_data_json)
    except PasskeyRefusedError:
        raise
    except Exception as error:
        raise PasskeyRefusedError("malformed") from error


def read_claim(answer: str) -> Claim:
    """Return which passkey the answer claims, and to which challenge. :raises PasskeyRefusedError:"""
    try:
        body = _object(answer)
        parsed = parse_authentication_credential_json(body)
        handle = body["response"].get("userHandle") or ""
        challenge = _challenge(parsed.response.client_data_json)
        if not 1 <= len(parsed.raw_id) <= _MOST_ID or (handle and not _TEXT.fullmatch(handle)):
            raise PasskeyRefusedError("malformed")
        return Claim(credential=parsed.raw_id, handle=handle.rstrip("="), challenge=challenge, answer=body)
    except PasskeyRefusedError:
        raise
    except Exception as error:
        raise PasskeyRefusedError("malformed") from error


def require_registration(answer: str, *, party: RelyingParty, expected_challenge: str) -> NewPasskey:
    """Judge the answer to :func:`registration_options` (WebAuthn §7.1). :raises PasskeyRefusedError:"""
    try:
        parsed = parse_registration_credential_json(_object(answer))
        _require_own_page(parsed.response.client_data_json)
        attestation = parse_attestation_object(parsed.response.attestation_object)
        # Not asked for; only an authenticator's word on itself may still come (§5.1.3), and its parser is the smallest.
        if attestation.fmt not in ("none", "packed") or attestation.att_stmt.x5c:
            raise PasskeyRefusedError("attestation")
        verified = verify_registration_response(
            credential=parsed,
            expected_challenge=base64url_to_bytes(expected_challenge),
            expected_rp_id=party.id,
            expected_origin=party.origin,
            require_user_presence=True,
            require_user_verification=True,
            supported_pub_key_algs=ALGORITHMS,
        )
        if not _LEAST_ID <= len(verified.credential_id) <= _MOST_ID or verified.credential_id != parsed.raw_id:
            raise PasskeyRefusedError("credential_id")
        _require_sound_key(verified.credential_public_key)
        said = {each.value for each in parsed.response.transports or ()}
        return NewPasskey(
            credential=verified.credential_id,
            public_key=verified.credential_public_key,
            sign_count=verified.sign_count,
            aaguid=str(verified.aaguid),
            transports=tuple(sorted(said & _TRANSPORTS))[:_MOST_TRANSPORTS],
            backup_eligible=verified.credential_device_type is CredentialDeviceType.MULTI_DEVICE,
            backed_up=verified.credential_backed_up,
        )
    except PasskeyRefusedError:
        raise
    except Exception as error:  # the library's own errors, and what odd octets make of it
        raise PasskeyRefusedError("not_verified") from error


def require_assertion(
    claim: Claim, *, party: RelyingParty, expected_challenge: str, public_key: bytes, was_backup_eligible: bool
) -> Assertion:
    """Judge the answer to :func:`authentication_options` (WebAuthn §7.2), all but its counter.

    :raises PasskeyRefusedError:
    """
    try:
        parsed = parse_authentication_credential_json(claim.answer)
        _require_own_page(parsed.response.client_data_json)
        verified = verify_authentication_response(
            credential=parsed,
            expected_challenge=base64url_to_bytes(expected_challenge),
            expected_rp_id=party.id,
            expected_origin=party.origin,
            credential_public_key=public_key,
            credential_current_sign_count=0,  # whoever keeps it compares: a counter that went back is no mere misfit
            require_user_verification=True,
        )
    except PasskeyRefusedError:
        raise
    except Exception as error:
        raise PasskeyRefusedError("not_verified") from error
    eligible = verified.credential_device_type is CredentialDeviceType.MULTI_DEVICE
    if eligible is not was_backup_eligible:  # §7.2 step 18: it cannot change
        raise PasskeyRefusedError("backup_eligibility")
    return Assertion(verified.new_sign_count, eligible, verified.credential_backed_up)


def _object(answer: str) -> dict[str, Any]:
    if len(answer) > LONGEST_ANSWER:
        raise PasskeyRefusedError("too_long")
    body = json.loads(answer)
    if not isinstance(body, dict):
        raise PasskeyRefusedError("malformed")
    return body


def _challenge(client_data_json: bytes) -> str:
    challenge = json.loads(client_data_json)["challenge"]
    if not isinstance(challenge, str) or not _TEXT.fullmatch(challenge):
        raise PasskeyRefusedError("malformed")
    return challenge.rstrip("=")


def _require_own_page(client_data_json: bytes) -> None:
    """No page of ours stands in a frame: an answer made in one was made somewhere else."""
    if parse_client_data_json(client_data_json).cross_origin:
        raise PasskeyRefusedError("cross_origin")


def _require_sound_key(public_key: bytes) -> None:
    key = decoded_public_key_to_cryptography(decode_credential_public_key(public_key))
    if isinstance(key, ec.EllipticCurvePublicKey):
        sound = isinstance(key.curve, ec.SECP256R1)
    elif isinstance(key, rsa.RSAPublicKey):
        sound = _LEAST_RSA <= key.key_size <= _MOST_RSA
    else:
        sound = isinstance(key, ed25519.Ed25519PublicKey)
    if not sound:
        raise PasskeyRefusedError("key")


def _descriptors(known: Sequence[tuple[bytes, Sequence[str]]]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(id=credential, transports=[AuthenticatorTransport(each) for each in transports])
        for credential, transports in known
    ]
