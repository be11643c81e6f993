"""Every kind of event that the service records: ``house:subject:action``."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """How it ended."""

    SUCCESS = "success"
    FAILURE = "failure"  # tried and did not fit: a wrong password
    REFUSED = "refused"  # not allowed to try, or against a rule


class EventType(StrEnum):
    """The vocabulary. A name is never reused with another meaning; the docs' reference is made from this."""

    # people: accounts
    ACCOUNT_SIGN_UP_STARTED = "idp:account:sign_up_started"
    ACCOUNT_SIGN_UP_REFUSED = "idp:account:sign_up_refused"
    ACCOUNT_CREATED = "idp:account:created"
    ACCOUNT_DISABLED = "idp:account:disabled"
    ACCOUNT_ENABLED = "idp:account:enabled"
    ACCOUNT_ERASED = "idp:account:erased"
    ACCOUNT_UPDATED = "idp:account:updated"
    ACCOUNT_IDENTITY_VERIFIED = "idp:account:identity_verified"
    ACCOUNT_CHANGE_REFUSED = "idp:account:change_refused"
    DATA_COPY_REQUESTED = "idp:my_data:requested"  # the person asked for what is kept about him, as PDF
    DATA_COPY_TAKEN = "idp:my_data:taken"
    DELETION_REQUESTED = "idp:deletion:requested"  # the person asked for the account to be erased
    DELETION_REFUSED = "idp:deletion:refused"
    DELETION_CANCELLED = "idp:deletion:cancelled"
    LEVEL_LOWERED = "idp:level:lowered"
    LEVEL_CHECK_REFUSED = "idp:level:check_refused"  # what the person answered is not what the civil registry knows
    CONTACT_VERIFICATION_SENT = "idp:contact:verification_sent"
    CONTACT_VERIFIED = "idp:contact:verified"
    PASSWORD_SET = "idp:password:set"
    PASSWORD_REMOVED = "idp:password:removed"
    PASSWORD_RESET_REQUESTED = "idp:password:reset_requested"
    PHONE_RECOVERY_OPENED = "idp:phone_recovery:opened"  # a new password by a telephone alone: it waits
    PASSWORD_RESET_REFUSED = "idp:password:reset_refused"
    ENROLLMENT_LINK_ISSUED = "idp:enrollment_link:issued"
    ENROLLMENT_LINK_REDEEMED = "idp:enrollment_link:redeemed"
    ENROLLMENT_LINK_REFUSED = "idp:enrollment_link:refused"

    # people: authentication
    PASSWORD_VERIFIED = "idp:password:verified"
    TOTP_ENROLLED = "idp:totp:enrolled"
    TOTP_REMOVED = "idp:totp:removed"
    TOTP_VERIFIED = "idp:totp:verified"
    PASSKEY_REGISTERED = "idp:passkey:registered"
    PASSKEY_RENAMED = "idp:passkey:renamed"
    PASSKEY_REMOVED = "idp:passkey:removed"
    PASSKEY_VERIFIED = "idp:passkey:verified"
    PASSKEY_FLAGGED = "idp:passkey:flagged"  # its counter went back: there may be a copy of it
    CERTIFICATE_SUSPENDED = "idp:certificate:suspended"  # put aside by its holder: it logs nobody in meanwhile
    CERTIFICATE_RELEASED = "idp:certificate:released"
    LOGIN_CODE_SENT = "idp:login_code:sent"
    USSD_PIN_SET = "idp:ussd_pin:set"  # the person approves by telephone with keys
    USSD_PIN_REMOVED = "idp:ussd_pin:removed"
    USSD_PIN_VERIFIED = "idp:ussd_pin:verified"
    USSD_REFUSED = "idp:ussd:refused"  # what came was not the gateway's
    SMS_CODE_ENROLLED = "idp:sms_code:enrolled"
    SMS_CODE_REMOVED = "idp:sms_code:removed"
    SMS_CODE_VERIFIED = "idp:sms_code:verified"
    EMAIL_CODE_ENROLLED = "idp:email_code:enrolled"  # asked at a login from a new device
    EMAIL_CODE_REMOVED = "idp:email_code:removed"
    EMAIL_CODE_VERIFIED = "idp:email_code:verified"
    GRID_CARD_ENROLLED = "idp:grid_card:enrolled"
    GRID_CARD_REMOVED = "idp:grid_card:removed"
    GRID_CARD_VERIFIED = "idp:grid_card:verified"
    RECOVERY_CODES_ISSUED = "idp:recovery_codes:issued"
    RECOVERY_CODE_VERIFIED = "idp:recovery_code:verified"
    CERTIFICATE_VERIFIED = "idp:certificate:verified"
    CERTIFICATE_WITHDRAWN = "idp:certificate:withdrawn"  # revoked: it logs its person in no more
    LOGIN_THROTTLED = "idp:login:throttled"
    KNOWN_DEVICE_FORGOTTEN = "idp:known_device:forgotten"
    LOGIN_UNLIKELY = "idp:login:unlikely"  # too far from the last one in too little time; it was let in
    INTERACTION_STARTED = "idp:interaction:started"
    INTERACTION_ACCOUNT_CHOSEN = "idp:interaction:account_chosen"
    INTERACTION_INSTITUTION_CHOSEN = "idp:interaction:institution_chosen"
    INTERACTION_REFUSED = "idp:interaction:refused"
    SESSION_STARTED = "idp:session:started"
    SESSION_STEPPED_UP = "idp:session:stepped_up"
    SESSION_ENDED = "idp:session:ended"
    ACTIVITY_DISOWNED = "idp:activity:disowned"

    # relying applications
    AUTHORIZATION_GRANTED = "idp:authorization:granted"
    AUTHORIZATION_PUSHED = "idp:authorization:pushed"
    AUTHORIZATION_REFUSED = "idp:authorization:refused"
    CONSENT_GRANTED = "idp:consent:granted"
    CONSENT_REFUSED = "idp:consent:refused"
    CONSENT_WITHDRAWN = "idp:consent:withdrawn"
    CLIENT_AUTHENTICATED = "idp:client:authenticated"
    CLIENT_REGISTERED = "idp:client:registered"
    CLIENT_UPDATED = "idp:client:updated"
    CLIENT_DISABLED = "idp:client:disabled"
    CLIENT_ENABLED = "idp:client:enabled"
    CLIENT_DELETED = "idp:client:deleted"
    CLIENT_SECRET_ROTATED = "idp:client:secret_rotated"
    CLIENT_SECRET_WITHDRAWN = "idp:client:secret_withdrawn"
    CLIENT_REGISTRATION_REFUSED = "idp:client:registration_refused"
    INITIAL_ACCESS_TOKEN_ISSUED = "idp:initial_access_token:issued"
    INITIAL_ACCESS_TOKEN_REVOKED = "idp:initial_access_token:revoked"
    TOKEN_ISSUED = "idp:token:issued"
    TOKEN_REFRESHED = "idp:token:refreshed"
    TOKEN_EXCHANGED = "idp:token:exchanged"  # nosec B105 - a name
    TOKEN_REFUSED = "idp:token:refused"
    TOKEN_REUSED = "idp:token:reused"
    TOKEN_REVOKED = "idp:token:revoked"
    TOKEN_INTROSPECTED = "idp:token:introspected"
    USERINFO_RELEASED = "idp:userinfo:released"
    USERINFO_REFUSED = "idp:userinfo:refused"
    DEVICE_REQUESTED = "idp:device:requested"
    DEVICE_REFUSED = "idp:device:refused"
    DEVICE_ALLOWED = "idp:device:allowed"
    DEVICE_DENIED = "idp:device:denied"
    BACKCHANNEL_REQUESTED = "idp:backchannel:requested"
    BACKCHANNEL_REFUSED = "idp:backchannel:refused"
    BACKCHANNEL_MUTED = "idp:backchannel:muted"
    BACKCHANNEL_ALLOWED = "idp:backchannel:allowed"
    BACKCHANNEL_DENIED = "idp:backchannel:denied"
    BACKCHANNEL_DISOWNED = "idp:backchannel:disowned"
    LOGOUT_REQUESTED = "idp:logout:requested"
    LOGOUT_REFUSED = "idp:logout:refused"
    DELIVERY_MADE = "idp:delivery:delivered"
    DELIVERY_GIVEN_UP = "idp:delivery:undeliverable"
    DELIVERY_REPEATED = "idp:delivery:repeated"  # by the administrator's word

    # people: helped in person
    DESK_ADDED = "idp:desk:added"
    DESK_REMOVED = "idp:desk:removed"
    IDENTITY_CHECK_PROPOSED = "idp:identity_check:proposed"  # a second officer is due
    IDENTITY_CHECK_REFUSED = "idp:identity_check:refused"
    DESK_RECOVERY_OPENED = "idp:desk_recovery:opened"
    DESK_RECOVERY_APPROVED = "idp:desk_recovery:approved"  # by a second officer
    DESK_RECOVERY_REFUSED = "idp:desk_recovery:refused"
    DESK_RECOVERY_STOPPED = "idp:desk_recovery:stopped"
    DESK_RECOVERY_ENTERED = "idp:desk_recovery:entered"  # the code was typed in a browser
    DESK_RECOVERY_FINISHED = "idp:desk_recovery:finished"
    DESK_RECOVERY_EXPIRED = "idp:desk_recovery:expired"
    RECTIFICATION_ASKED = "idp:rectification:asked"  # a person says that a datum about him is wrong
    RECTIFICATION_DECIDED = "idp:rectification:decided"
    RECTIFICATION_WITHDRAWN = "idp:rectification:withdrawn"
    REPORT_OPENED = "idp:report:opened"  # of what somebody says he did not do
    REPORT_RECHECKED = "idp:report:rechecked"  # he went through all that opens his account
    REPORT_SEEN = "idp:report:seen"
    REPORT_CLOSED = "idp:report:closed"

    # institutions, roles
    INSTITUTION_ADDED = "idp:institution:added"
    INSTITUTION_UPDATED = "idp:institution:updated"
    ROLE_GRANTED = "idp:role:granted"
    ROLE_WITHDRAWN = "idp:role:withdrawn"

    # rights in applications
    RIGHTS_DECLARED = "idp:rights:declared"
    BELONGING_BEGUN = "idp:belonging:begun"
    BELONGING_CHANGED = "idp:belonging:changed"
    BELONGING_ENDED = "idp:belonging:ended"
    ASSIGNMENT_PROPOSED = "idp:assignment:proposed"
    ASSIGNMENT_GRANTED = "idp:assignment:granted"
    ASSIGNMENT_REFUSED = "idp:assignment:refused"  # by the second person
    ASSIGNMENT_ENDED = "idp:assignment:ended"
    ASSIGNMENT_DENIED = "idp:assignment:denied"  # a try against the rules
    DELEGATION_GRANTED = "idp:delegation:granted"
    DELEGATION_WITHDRAWN = "idp:delegation:withdrawn"
    ACCESS_EVALUATED = "idp:access:evaluated"  # each denial; of what is allowed, each right once an hour
    ACCESS_SEARCHED = "idp:access:searched"
    ACCESS_REFUSED = "idp:access:refused"  # who asks may not

    # sign-in through other providers
    UPSTREAM_PROVIDER_ADDED = "idp:upstream_provider:added"
    UPSTREAM_PROVIDER_UPDATED = "idp:upstream_provider:updated"
    UPSTREAM_PROVIDER_HEALTH_CHANGED = "idp:upstream_provider:health_changed"
    UPSTREAM_VERIFIED = "idp:upstream:verified"  # an answer of another provider was taken, or refused
    UPSTREAM_LINKED = "idp:upstream:linked"
    UPSTREAM_UNLINKED = "idp:upstream:unlinked"
    UPSTREAM_LOGOUT_ASKED = "idp:upstream:logout_asked"  # a logout here goes on to the provider
    UPSTREAM_LOGGED_OUT = "idp:upstream:logged_out"  # a session ended there, and so here

    # directories of institutions (LDAP)
    LDAP_DIRECTORY_ADDED = "idp:ldap_directory:added"
    LDAP_DIRECTORY_UPDATED = "idp:ldap_directory:updated"
    LDAP_DIRECTORY_HEALTH_CHANGED = "idp:ldap_directory:health_changed"
    LDAP_PERSON_LINKED = "idp:ldap_person:linked"
    LDAP_PERSON_LEFT = "idp:ldap_person:left"  # twice in a row not found there: sessions end, rights are withdrawn
    LDAP_CHECK_STOPPED = "idp:ldap_check:stopped"  # so many were missing that nobody has left

    # keys
    SIGNING_KEY_CREATED = "keys:signing_key:created"
    SIGNING_KEY_ACTIVATED = "keys:signing_key:activated"
    SIGNING_KEY_RETIRED = "keys:signing_key:retired"
    SIGNING_KEY_REVOKED = "keys:signing_key:revoked"
    ENCRYPTION_KEY_CREATED = "keys:encryption_key:created"
    ENCRYPTION_KEY_RETIRED = "keys:encryption_key:retired"
    ENCRYPTION_KEY_REVOKED = "keys:encryption_key:revoked"

    # certificate authority
    AUTHORITY_CREATED = "ca:authority:created"
    ROOT_KEY_OPENED = "ca:root_key:opened"  # on record before it signs; a try that failed, too
    ROOT_KEY_RESHARED = "ca:root_key:reshared"  # encrypted anew, and its passphrase in new shares
    ROOT_KEY_RESHARE_REHEARSED = "ca:root_key:reshare_rehearsed"
    CEREMONY_REHEARSED = "ca:ceremony:rehearsed"
    CEREMONY_HELD = "ca:ceremony:held"
    PROFILE_MOVED = "ca:profile:moved"
    PROFILE_CHANGED = "ca:profile:changed"  # with the release, since the worker of this machine started last
    CERTIFICATE_REQUESTED = "ca:request:submitted"
    CERTIFICATE_REQUEST_REFUSED = "ca:request:refused"
    CERTIFICATE_REQUEST_APPROVED = "ca:request:approved"
    CERTIFICATE_REQUEST_EXPIRED = "ca:request:expired"
    CERTIFICATE_REQUEST_REBUILT = "ca:request:rebuilt"
    CERTIFICATE_ISSUED = "ca:certificate:issued"  # on record before the key signs
    CERTIFICATE_SIGNED = "ca:certificate:signed"
    CERTIFICATE_ISSUANCE_REFUSED = "ca:certificate:issuance_refused"
    CERTIFICATE_DELIVERED = "ca:certificate:delivered"
    KEY_LIST_REPLACED = "ca:key_list:replaced"
    BATCH_OPENED = "ca:batch:opened"
    BATCH_PROPOSED = "ca:batch:proposed"  # every row judged, one hash over all that would be signed
    BATCH_APPROVED = "ca:batch:approved"
    BATCH_REFUSED = "ca:batch:refused"
    BATCH_EXPIRED = "ca:batch:expired"
    BATCH_COMPLETED = "ca:batch:completed"
    BATCH_DELIVERED = "ca:batch:delivered"
    EXPIRY_ANNOUNCED = "ca:certificate:expiry_announced"
    HANDOVER_PREPARED = "ca:handover:prepared"  # a key was made here for a person
    HANDOVER_OFFERED = "ca:handover:offered"  # its certificate is there, the link went out
    HANDOVER_OPENED = "ca:handover:opened"  # the holder was shown the password
    HANDOVER_COLLECTED = "ca:handover:collected"  # the file was handed over and destroyed
    HANDOVER_REFUSED = "ca:handover:refused"
    HANDOVER_ENDED = "ca:handover:ended"  # destroyed without being collected
    CERTIFICATES_LOGGED_LATE = "ca:certificate:logged_late"
    CERTIFICATE_REVOKED = "ca:certificate:revoked"
    CERTIFICATE_REVOCATION_REFUSED = "ca:certificate:revocation_refused"
    CERTIFICATE_HELD = "ca:certificate:held"  # suspended, RFC 5280 certificateHold
    CERTIFICATE_HOLD_REFUSED = "ca:certificate:hold_refused"
    CERTIFICATE_RELEASE_ASKED = "ca:certificate:release_asked"  # another person has to agree
    CERTIFICATE_HOLD_RELEASED = "ca:certificate:hold_released"
    CERTIFICATE_RELEASE_REFUSED = "ca:certificate:release_refused"
    MASS_REVOCATION_PROPOSED = "ca:mass_revocation:proposed"
    MASS_REVOCATION_APPROVED = "ca:mass_revocation:approved"
    MASS_REVOCATION_REFUSED = "ca:mass_revocation:refused"
    MASS_REVOCATION_DONE = "ca:mass_revocation:done"
    AUTHORITY_LISTS_CHANGED = "ca:authority:lists_changed"
    CRL_PUBLISHED = "ca:crl:published"
    OCSP_SIGNER_RENEWED = "ca:ocsp_signer:renewed"
    TIME_STAMP_ISSUED = "ca:time_stamp:issued"  # on record before the key signs
    UNIT_SIGNER_RENEWED = "ca:unit_signer:renewed"
    ENROLMENT_CREDENTIAL_CREATED = "ca:enrolment_credential:created"
    ENROLMENT_CREDENTIAL_REVOKED = "ca:enrolment_credential:revoked"
    ENROLMENT_REFUSED = "ca:enrolment:refused"  # by a protocol: not let in, or not theirs to ask for

    # certificate authority: automatic issuance (ACME)
    ACME_CREDENTIAL_ISSUED = "ca:acme_credential:issued"
    ACME_CREDENTIAL_REVOKED = "ca:acme_credential:revoked"
    ACME_CREDENTIAL_REFUSED = "ca:acme_credential:refused"
    ACME_ACCOUNT_OPENED = "ca:acme_account:opened"
    ACME_ACCOUNT_UPDATED = "ca:acme_account:updated"
    ACME_ACCOUNT_KEY_CHANGED = "ca:acme_account:key_changed"
    ACME_ACCOUNT_CLOSED = "ca:acme_account:closed"
    ACME_ACCOUNT_REFUSED = "ca:acme_account:refused"
    ACME_ORDER_PLACED = "ca:acme_order:placed"
    ACME_ORDER_REFUSED = "ca:acme_order:refused"
    ACME_ORDER_FULFILLED = "ca:acme_order:fulfilled"
    ACME_ORDER_FAILED = "ca:acme_order:failed"
    ACME_ORDER_EXPIRED = "ca:acme_order:expired"
    ACME_CONTROL_PROVED = "ca:acme_control:proved"
    ACME_CONTROL_NOT_PROVED = "ca:acme_control:not_proved"
    ACME_CONTROL_GIVEN_UP = "ca:acme_control:given_up"  # the account itself deactivated an authorization

    # console
    CONSOLE_OPENED = "admin:console:opened"
    CONSOLE_ACCESS_REFUSED = "admin:console:access_refused"
    CONSOLE_CLOSED = "admin:console:closed"
    AUDIT_SEARCHED = "admin:audit:searched"
    AUDIT_EXPORTED = "admin:audit:exported"
    AUDIT_CHECKED = "admin:audit:checked"
    AUDIT_SEARCH_SAVED = "admin:audit_search:saved"
    AUDIT_SEARCH_REMOVED = "admin:audit_search:removed"
    CONFIGURATION_APPLIED = "admin:configuration:applied"  # a file; what it changed has records of its own
    PERSON_LOOKED_UP = "admin:person:looked_up"
    PERSON_OPENED = "admin:person:opened"
    TEST_PERSON_MADE = "admin:test_person:made"
    TOKENS_PREVIEWED = "admin:tokens:previewed"  # a developer saw what his application would be told of somebody
    APPLICATION_EXAMINED = "admin:application:examined"  # looked at from outside
    SIMULATION_STARTED = "admin:simulation:started"  # faults on purpose, in a sandbox
    SIMULATION_STOPPED = "admin:simulation:stopped"
    SIMULATED_CERTIFICATE_SHOWN = "idp:simulated_certificate:shown"  # by a test citizen, in a sandbox
    FAULT_INJECTED = "idp:simulation:fault_injected"
    GO_LIVE_ASKED = "admin:application:go_live_asked"
    GO_LIVE_REFUSED = "admin:application:go_live_refused"
    GO_LIVE_WITHDRAWN = "admin:application:go_live_withdrawn"
    APPLICATION_WENT_LIVE = "admin:application:went_live"
    APPLICATION_CONTACT_ASKED = "admin:application:contact_asked"
    APPLICATION_CONTACT_CONFIRMED = "admin:application:contact_confirmed"
    APPLICATION_CHANGE_ASKED = "admin:application:change_asked"
    APPLICATION_CHANGE_APPROVED = "admin:application:change_approved"
    APPLICATION_CHANGE_REFUSED = "admin:application:change_refused"
    APPLICATION_CHANGE_WITHDRAWN = "admin:application:change_withdrawn"

    # the logs: retention, witnesses
    YEAR_ARCHIVED = "audit:year:archived"
    YEAR_PRUNED = "audit:year:pruned"  # the archived records of the year leave the database
    WITNESS_COSIGNED = "audit:witness:cosigned"  # after it had not: the single cosignatures stand with the checkpoints
    WITNESS_MISSING = "audit:witness:missing"
    WITNESS_ACCUSED = "audit:witness:accused"  # it saw a larger tree than ours, or another

    # the service itself
    SERVICE_INITIALIZED = "service:installation:initialized"
    SERVICE_STARTED = "service:process:started"
    SETTINGS_CHANGED = "service:settings:changed"  # since the process of this name and machine started last
    SCHEMA_UPGRADED = "service:schema:upgraded"
    BACKUP_MADE = "service:backup:made"
    BACKUP_RESTORED = "service:backup:restored"
    LOG_LOSS_ACCEPTED = "service:log:loss_accepted"  # after a restore: signed records are gone, and someone said so
    UNATTRIBUTED_DATA_DESTROYED = "service:unattributed_data:destroyed"  # addresses of past months, their key
    MAIL_SENT = "service:mail:sent"
    MAIL_FAILED = "service:mail:failed"
    SMS_SENT = "service:sms:sent"
    SMS_FAILED = "service:sms:failed"
    REQUEST_REFUSED = "web:request:refused"  # CSRF, bad host, oversized: before any house saw it
