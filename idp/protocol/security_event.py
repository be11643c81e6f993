"""Security event tokens: which events there are, and what a token says (RFC 8417, RFC 9493, CAEP 1.0, RISC 1.0)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kernel.clock import to_timestamp

TYPE = "secevent+jwt"
MEDIA_TYPE = "application/secevent+jwt"
PUSH = "urn:ietf:rfc:8935"
_CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
_RISC = "https://schemas.openid.net/secevent/risc/event-type/"
SESSION_REVOKED = f"{_CAEP}session-revoked"
TOKEN_CLAIMS_CHANGE = f"{_CAEP}token-claims-change"
CREDENTIAL_CHANGE = f"{_CAEP}credential-change"
ASSURANCE_LEVEL_CHANGE = f"{_CAEP}assurance-level-change"
ACCOUNT_DISABLED = f"{_RISC}account-disabled"
ACCOUNT_ENABLED = f"{_RISC}account-enabled"
ACCOUNT_PURGED = f"{_RISC}account-purged"
EVENT_TYPES = (
    SESSION_REVOKED,
    TOKEN_CLAIMS_CHANGE,
    CREDENTIAL_CHANGE,
    ASSURANCE_LEVEL_CHANGE,
    ACCOUNT_DISABLED,
    ACCOUNT_ENABLED,
    ACCOUNT_PURGED,
)
# CAEP §3.4: whose words the levels are.
LEVEL_NAMESPACE = "urn:sau:acr"

# CAEP §2: who brought it about, by the reason for which a session ended.
_INITIATED_BY_USER = frozenset({"logout", "closed_by_person", "replaced"})
_INITIATED_BY_ADMIN = frozenset({"disabled", "erased", "administrator"})


@dataclass(frozen=True)
class SecurityEvent:
    """What happened, in the members of its type.

    :ivar sid: the session that it is about; None: it is about the person as a whole.
    """

    type: str
    members: Mapping[str, Any]
    sid: str | None = None


def session_revoked(*, sid: str, reason: str, now: datetime) -> SecurityEvent:
    """Return the event of a session that ended before its time (CAEP §3.1).

    :param reason: as in the record of the session's end.
    """
    entity = "user" if reason in _INITIATED_BY_USER else "admin" if reason in _INITIATED_BY_ADMIN else "policy"
    members = {"event_timestamp": to_timestamp(now), "initiating_entity": entity, "reason_admin": {"en": reason}}
    return SecurityEvent(SESSION_REVOKED, members, sid)


def token_claims_change(*, names: Iterable[str], now: datetime) -> SecurityEvent:
    """Return the event of claims that say something else from now on (CAEP §3.2).

    :param names: of the claims; their values stay here, where they are asked for.
    """
    members = {
        "event_timestamp": to_timestamp(now),
        "initiating_entity": "admin",
        "claims": dict.fromkeys(names, "changed"),
    }
    return SecurityEvent(TOKEN_CLAIMS_CHANGE, members)


def credential_change(*, credential: str, change: str, now: datetime) -> SecurityEvent:
    """Return the event of a changed way to log in (CAEP §3.3).

    :param credential: ``password``, ``app`` (codes of a telephone), ``x509``.
    :param change: ``create``, ``update``, ``revoke`` or ``delete``.
    """
    members = {"event_timestamp": to_timestamp(now), "credential_type": credential, "change_type": change}
    return SecurityEvent(CREDENTIAL_CHANGE, members)


def assurance_level_change(*, before: int, after: int, now: datetime) -> SecurityEvent:
    """Return the event of a person whose level of identity rose or fell (CAEP §3.4)."""
    members = {
        "event_timestamp": to_timestamp(now),
        "namespace": LEVEL_NAMESPACE,
        "current_level": f"level{after}",
        "previous_level": f"level{before}",
        "change_direction": "increase" if after > before else "decrease",
    }
    return SecurityEvent(ASSURANCE_LEVEL_CHANGE, members)


def account_event(event_type: str) -> SecurityEvent:
    """Return the event of an account that was disabled, enabled or erased (RISC §2)."""
    return SecurityEvent(event_type, {})


def security_event_claims(
    event: SecurityEvent, *, issuer: str, audience: str, subject: str, jti: str, txn: str, now: datetime
) -> dict[str, Any]:
    """Return the claims of the token: neither ``sub`` nor ``exp``, so that it passes for no other (RFC 8417 §4.5).

    :param subject: the person as the receiver knows him; stands in ``sub_id`` as ``iss_sub`` (RFC 9493 §3.2.4),
        with the session beside it where the event is about one.
    :param txn: what stands for the event in our own records, for this receiver alone (RFC 8417 §2.2).
    """
    user = {"format": "iss_sub", "iss": issuer, "sub": subject}
    session = {"format": "opaque", "id": event.sid}
    return {
        "iss": issuer,
        "aud": audience,
        "iat": to_timestamp(now),
        "jti": jti,
        "txn": txn,
        "sub_id": user if event.sid is None else {"format": "complex", "user": user, "session": session},
        "events": {event.type: dict(event.members)},
    }
