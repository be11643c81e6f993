"""Tables that may change without an event, each with the reason. Everything else that changes is on record."""

from __future__ import annotations

#: By table. A change of these alone is no act of anyone: what it belongs to has its event before or after.
BOOKKEEPING = {
    "admin_console_session": "when a session of the console was used last; its beginning and end are events",
    "admin_sign_in_attempt": "a login of the console on its way; it ends in an event or is dropped",
    "audit_": "the log itself",
    "ca_log_": "the certificate's entry in the public log, after its own events",
    "ca_public_": "what the public search reads, a copy",
    "ca_acme_authorization": "the state of a proof; its end is an event",
    "ca_acme_nonce_spent": "a nonce that may not come again",
    "ca_acme_order": "an order's state on its way, and old ones that are forgotten",
    "ca_api_idempotency": "the answer to a request that is repeated",
    "ca_batch_chunk": "how far a batch has come",
    "ca_batch_row": "rows of a batch before it is proposed",
    "ca_cmp_transaction": "a protocol's conversation",
    "ca_crl": "a list that is signed is on record; old ones are forgotten",
    "ca_crl_series": "a number that is taken before its list is signed",
    "idp_browser_session": "when a session was used last",
    "idp_certificate_ticket": "a login by certificate on its way between two hosts",
    "idp_client": "when a registration was read last",
    "idp_client_assertion_used": "a credential that may not come again",
    "idp_client_secret": "secrets whose time was over, forgotten",
    "idp_decoupled_request": "how often a device asked",
    "idp_data_copy": "a copy of one's data on its way; that it was asked for and taken are events",
    "idp_deletion": "that somebody was reminded; asking, cancelling and erasing are events",
    "idp_desk_recovery": "steps of a recovery that has not ended",
    "idp_dpop_proof_used": "a proof that may not come again",
    "idp_encryption_key": "keys that were retired long ago, forgotten",
    "idp_signing_key": "keys that were retired long ago, forgotten",
    "idp_enrollment_link": "steps of an enrolment that has not ended",
    "idp_interaction": "a login on its way; it ends in an event or is dropped",
    "idp_known_device": "when a device was seen last",
    "idp_upstream_session": "which session rested on one elsewhere, forgotten when both are long over",
    "idp_upstream_request": "a sign-in on its way to another provider; what comes of it is an event",
    "idp_ldap_health": "how a directory was at the last look; a change is an event",
    "idp_ldap_link": "when a directory was last asked for a person; coming and going are events",
    "idp_recovery_sheet": "codes that were shown and are not yet in force",
    "idp_totp": "a factor that was shown and is not yet in force",
    "idp_throttle": "a try counted before it is judged; the judgement is the event",
    "idp_authorization_code": "what has expired, forgotten",
    "idp_opaque_access_token": "what has expired, forgotten",
    "idp_pushed_request": "what has expired, forgotten",
    "idp_revoked_access_token": "what has expired, forgotten",
    "idp_token_family": "what has expired, forgotten",
    "idp_login_place": "where the last login came from; the login is the event",
    "idp_passkey": "which number an authenticator counted last",
    "idp_passkey_challenge": "a question to a browser that waits for its answer",
    "idp_passkey_holder": "who a person is to authenticators, made before the first is asked",
    "idp_password_reset": "steps of a recovery that has not ended",
    "idp_sign_up": "steps of a registration that has not ended",
    "idp_email_confirmation": "steps of a change that has not ended",
    "schema_compatibility": "the same value written again, to measure a commit; a changed schema is on record",
    "outbox_task": "work that waits or was done; what came of it is the event",
}


def is_bookkeeping(table: str) -> bool:
    """Tell whether the table may change without an event."""
    return any(table == each or (each.endswith("_") and table.startswith(each)) for each in BOOKKEEPING)
