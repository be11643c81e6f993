"""Which events the addresses of the console write, by the name of the endpoint; those without any are named too."""

from __future__ import annotations

from audit.declared.form import Declared
from audit.vocabulary import EventType

_E = EventType

#: Any page of the console: who may not see it, and whose session there ended.
EVERYWHERE = (_E.CONSOLE_ACCESS_REFUSED, _E.CONSOLE_CLOSED)

ENDPOINTS: Declared = {
    "admin_audit.check": (_E.AUDIT_CHECKED,),
    "admin_audit.export": (
        _E.AUDIT_EXPORTED,
        _E.PERSON_LOOKED_UP,
    ),
    "admin_audit.find_person_events": (_E.PERSON_LOOKED_UP,),
    "admin_audit.proof": (_E.AUDIT_SEARCHED,),
    "admin_audit.reveal": (_E.AUDIT_SEARCHED,),
    "admin_audit.search": (
        _E.AUDIT_SEARCHED,
        _E.PERSON_LOOKED_UP,
    ),
    "admin_audit.show": (_E.AUDIT_SEARCHED,),
    "admin_batches.decide": (
        _E.BATCH_APPROVED,
        _E.BATCH_EXPIRED,
        _E.BATCH_REFUSED,
    ),
    "admin_batches.result": (_E.BATCH_DELIVERED,),
    "admin_batches.submit": (
        _E.BATCH_COMPLETED,
        _E.BATCH_OPENED,
        _E.BATCH_PROPOSED,
        _E.CERTIFICATE_ISSUANCE_REFUSED,
        _E.CERTIFICATE_ISSUED,
        _E.CERTIFICATE_REQUESTED,
        _E.CERTIFICATE_SIGNED,
    ),
    "admin_certificates.download": (_E.CERTIFICATE_DELIVERED,),
    "admin_certificates.revoke": (
        _E.CERTIFICATE_REVOCATION_REFUSED,
        _E.CERTIFICATE_REVOKED,
    ),
    "admin_deliveries.repeat": (_E.DELIVERY_REPEATED,),
    "admin_institutions.add": (_E.INSTITUTION_ADDED,),
    "admin_desk.reveal": (_E.PERSON_OPENED,),
    "admin_desk.search": (_E.PERSON_LOOKED_UP,),
    "admin_identity.decide": (_E.ACCOUNT_IDENTITY_VERIFIED, _E.IDENTITY_CHECK_REFUSED),
    "admin_identity.verify": (
        _E.ACCOUNT_IDENTITY_VERIFIED,
        _E.IDENTITY_CHECK_PROPOSED,
        _E.IDENTITY_CHECK_REFUSED,
    ),
    "admin_mass_revocations.decide": (
        _E.MASS_REVOCATION_APPROVED,
        _E.MASS_REVOCATION_REFUSED,
    ),
    "admin_mass_revocations.propose": (_E.MASS_REVOCATION_PROPOSED,),
    "admin_recoveries.agree": (_E.DESK_RECOVERY_APPROVED, _E.DESK_RECOVERY_REFUSED),
    "admin_recoveries.open_": (_E.DESK_RECOVERY_EXPIRED, _E.DESK_RECOVERY_OPENED, _E.DESK_RECOVERY_REFUSED),
    "admin_recoveries.stop": (_E.DESK_RECOVERY_STOPPED,),
    "admin_reports.close": (_E.REPORT_CLOSED,),
    "admin_reports.look": (_E.REPORT_SEEN,),
    "admin_requests.decide": (
        _E.CERTIFICATE_ISSUANCE_REFUSED,
        _E.CERTIFICATE_ISSUED,
        _E.CERTIFICATE_REQUEST_APPROVED,
        _E.CERTIFICATE_REQUEST_EXPIRED,
        _E.CERTIFICATE_REQUEST_REFUSED,
        _E.CERTIFICATE_SIGNED,
    ),
    "admin_requests.rebuild": (_E.CERTIFICATE_REQUEST_REBUILT,),
    "admin_requests.submit": (_E.CERTIFICATE_REQUESTED,),
    "admin_requests.withdraw": (_E.CERTIFICATE_REQUEST_REFUSED,),
    "admin_rights.add_person": (_E.BELONGING_BEGUN, _E.PERSON_LOOKED_UP),
    "admin_rights.assign": (_E.ASSIGNMENT_DENIED, _E.ASSIGNMENT_ENDED, _E.ASSIGNMENT_GRANTED, _E.ASSIGNMENT_PROPOSED),
    "admin_rights.decide": (
        _E.ASSIGNMENT_DENIED,
        _E.ASSIGNMENT_ENDED,
        _E.ASSIGNMENT_GRANTED,
        _E.ASSIGNMENT_REFUSED,
    ),
    "admin_rights.leave": (
        _E.ASSIGNMENT_ENDED,
        _E.BELONGING_ENDED,
        _E.CERTIFICATE_REVOKED,
        _E.DELEGATION_WITHDRAWN,
        _E.SESSION_ENDED,
        _E.TOKEN_REVOKED,
    ),
    "admin_roles.grant": (_E.ROLE_GRANTED,),
    "admin_roles.search": (_E.PERSON_LOOKED_UP,),
    "admin_roles.withdraw": (_E.ROLE_WITHDRAWN,),
    "admin_session.callback": (
        _E.CONSOLE_OPENED,
        _E.TOKEN_ISSUED,
        _E.TOKEN_REFUSED,
        _E.TOKEN_REUSED,
        _E.TOKEN_REVOKED,
    ),
}

#: They authenticate nobody and change nothing.
QUIET = frozenset(
    (
        "admin_audit.check_form",
        "admin_audit.person_form",
        "admin_authorities.show_all",
        "admin_batches.show",
        "admin_batches.show_all",
        "admin_certificates.revoke_form",
        "admin_certificates.show",
        "admin_certificates.show_all",
        "admin_clients.show",
        "admin_clients.show_all",
        "admin_deliveries.show_all",
        "admin_desk.search_form",
        "admin_desk.show",
        "admin_home.show",
        "admin_identity.verify_form",
        "admin_identity.waiting",
        "admin_institutions.add_form",
        "admin_institutions.show_all",
        "admin_mass_revocations.choose",
        "admin_mass_revocations.show",
        "admin_mass_revocations.show_all",
        "admin_notices.show",
        "admin_notices.show_all",
        "admin_notices.show_html",
        "admin_recoveries.open_form",
        "admin_recoveries.show_all",
        "admin_recoveries.stop_form",
        "admin_reports.show",
        "admin_reports.show_all",
        "admin_requests.choose_profile",
        "admin_requests.confirm_withdrawal",
        "admin_requests.new",
        "admin_requests.show",
        "admin_requests.show_all",
        "admin_rights.ask_leaving",
        "admin_rights.assignment",
        "admin_rights.export",
        "admin_rights.people",
        "admin_rights.person",
        "admin_rights.show_all",
        "admin_roles.confirm_withdrawal",
        "admin_roles.search_form",
        "admin_roles.show_all",
        "admin_roles.show_person",
        "admin_session.leave",
    )
)
