"""Which events a background job, or a kind of task, writes. Those without any only tidy up."""

from __future__ import annotations

from audit.declared.form import Declared
from audit.vocabulary import EventType

_E = EventType

JOBS: Declared = {
    "ca.cmp_unconfirmed": (_E.CERTIFICATE_REVOKED, _E.CERTIFICATE_REVOCATION_REFUSED),
    "audit.cosign": (_E.WITNESS_ACCUSED, _E.WITNESS_COSIGNED, _E.WITNESS_MISSING),
    "audit.retention": (_E.UNATTRIBUTED_DATA_DESTROYED,),
    "ca.acme_expiry": (_E.ACME_ORDER_EXPIRED,),
    "ca.acme_prove_control": (_E.ACME_CONTROL_NOT_PROVED, _E.ACME_CONTROL_PROVED),
    "ca.batches": (
        _E.BATCH_COMPLETED,
        _E.BATCH_EXPIRED,
        _E.CERTIFICATE_ISSUANCE_REFUSED,
        _E.CERTIFICATE_ISSUED,
        _E.CERTIFICATE_REQUESTED,
        _E.CERTIFICATE_SIGNED,
    ),
    "ca.certificate_revoked": (_E.CERTIFICATE_WITHDRAWN, _E.LEVEL_LOWERED, _E.SESSION_ENDED, _E.TOKEN_REVOKED),
    "idp.levels": (_E.LEVEL_LOWERED,),
    "ca.expiry": (_E.EXPIRY_ANNOUNCED,),
    "ca.handover": (_E.HANDOVER_ENDED, _E.HANDOVER_OFFERED),
    "ca.issuance": (
        _E.CERTIFICATE_DELIVERED,
        _E.CERTIFICATE_ISSUANCE_REFUSED,
        _E.CERTIFICATE_REQUEST_EXPIRED,
        _E.CERTIFICATE_SIGNED,
    ),
    "ca.list_due": (_E.CRL_PUBLISHED,),
    "ca.lists": (_E.CRL_PUBLISHED,),
    "ca.log_backfill": (_E.CERTIFICATES_LOGGED_LATE,),
    "ca.mass_revocation": (_E.CERTIFICATE_REVOKED, _E.MASS_REVOCATION_DONE),
    "ca.ocsp_signers": (_E.CERTIFICATE_ISSUED, _E.CERTIFICATE_SIGNED, _E.OCSP_SIGNER_RENEWED),
    "ca.units": (_E.CERTIFICATE_ISSUED, _E.CERTIFICATE_SIGNED, _E.UNIT_SIGNER_RENEWED),
    "console_sessions": (_E.CONSOLE_CLOSED,),
    "idp.backchannel_logout": (_E.DELIVERY_GIVEN_UP, _E.DELIVERY_MADE),
    "idp.ciba_ping": (_E.DELIVERY_GIVEN_UP, _E.DELIVERY_MADE),
    "idp.deletions": (
        _E.ACCOUNT_ERASED,
        _E.CERTIFICATE_REQUEST_REFUSED,
        _E.CERTIFICATE_REVOKED,
        _E.DELETION_CANCELLED,
        _E.DESK_RECOVERY_EXPIRED,
        _E.HANDOVER_ENDED,
        _E.SESSION_ENDED,
        _E.TOKEN_REVOKED,
        _E.TOTP_REMOVED,
    ),
    "idp.desk_recoveries": (_E.DESK_RECOVERY_EXPIRED,),
    "idp.directory_look": (
        _E.ASSIGNMENT_DENIED,
        _E.ASSIGNMENT_ENDED,
        _E.ASSIGNMENT_GRANTED,
        _E.ASSIGNMENT_PROPOSED,
        _E.BELONGING_BEGUN,
        _E.BELONGING_ENDED,
        _E.CERTIFICATE_REVOKED,
        _E.DELEGATION_WITHDRAWN,
        _E.LDAP_CHECK_STOPPED,
        _E.LDAP_DIRECTORY_HEALTH_CHANGED,
        _E.LDAP_PERSON_LEFT,
        _E.SESSION_ENDED,
        _E.TOKEN_REVOKED,
    ),
    "idp.belongings": (
        _E.ASSIGNMENT_ENDED,
        _E.BELONGING_ENDED,
        _E.CERTIFICATE_REVOKED,
        _E.DELEGATION_WITHDRAWN,
        _E.SESSION_ENDED,
        _E.TOKEN_REVOKED,
    ),
    "idp.mail": (_E.MAIL_FAILED, _E.MAIL_SENT),
    "idp.provider_look": (_E.UPSTREAM_PROVIDER_HEALTH_CHANGED,),
    "idp.security_event": (_E.DELIVERY_GIVEN_UP, _E.DELIVERY_MADE),
    "idp.sms": (_E.SMS_FAILED, _E.SMS_SENT),
    "idp.sessions": (_E.SESSION_ENDED, _E.TOKEN_REVOKED),
    "idp.signing_keys": (
        _E.ENCRYPTION_KEY_CREATED,
        _E.ENCRYPTION_KEY_RETIRED,
        _E.SIGNING_KEY_ACTIVATED,
        _E.SIGNING_KEY_CREATED,
        _E.SIGNING_KEY_RETIRED,
    ),
}

QUIET_JOBS: frozenset[str] = frozenset(
    (
        "ca.ocsp_ahead",
        "audit.sequence",
        "ca.acme_purge",
        "ca.log",
        "ca.old_lists",
        "ca.protocols",
        "deliveries",
        "idp.cleaning",
        "idp.decoupled_requests",
        "idp.my_data",
        "console_figures",
        "idp.directories",
        "idp.providers",
        "idp.expired_tokens",
    )
)
