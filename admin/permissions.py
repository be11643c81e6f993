"""What can be done in the console, and which role may do it.

A permission is named ``noun:verb``; a view declares exactly one. A role is a fixed set of permissions: duties that
must not meet in one hand (asking for a certificate and approving it, granting roles and reading the evidence) are in
different roles, and where one person holds two of them the use case itself refuses (``ca.requests``).
"""

from __future__ import annotations

from enum import StrEnum


class Permission(StrEnum):
    """One thing that a view does."""

    CONSOLE_OPEN = "console:open"
    FIGURES_READ = "figures:read"
    REQUESTS_READ = "requests:read"
    CERTIFICATES_READ = "certificates:read"
    CERTIFICATES_REQUEST = "certificates:request"
    CERTIFICATES_APPROVE = "certificates:approve"
    CERTIFICATES_REVOKE = "certificates:revoke"
    CERTIFICATES_HOLD = "certificates:hold"
    PROFILES_READ = "profiles:read"
    CREDENTIALS_READ = "credentials:read"
    CREDENTIALS_ISSUE = "credentials:issue"
    AUTHORITIES_READ = "authorities:read"
    CLIENTS_READ = "clients:read"
    APPLICATIONS_WRITE = "applications:write"
    APPLICATIONS_APPROVE = "applications:approve"
    DELIVERIES_READ = "deliveries:read"
    DELIVERIES_REPEAT = "deliveries:repeat"
    INSTITUTIONS_READ = "institutions:read"
    INSTITUTIONS_ADD = "institutions:add"
    INSTITUTIONS_CHANGE = "institutions:change"
    ROLES_READ = "roles:read"
    ROLES_GRANT = "roles:grant"
    RIGHTS_READ = "rights:read"
    RIGHTS_ASSIGN = "rights:assign"
    RIGHTS_DECIDE = "rights:decide"
    DIRECTORIES_READ = "directories:read"
    DIRECTORIES_CHANGE = "directories:change"
    PROVIDERS_READ = "providers:read"
    PROVIDERS_CHANGE = "providers:change"
    DECLARATIONS_READ = "declarations:read"
    DECLARATIONS_CHANGE = "declarations:change"
    DELEGATIONS_READ = "delegations:read"
    DELEGATIONS_CHANGE = "delegations:change"
    AUDIT_SEARCH = "audit:search"
    AUDIT_EXPORT = "audit:export"
    PEOPLE_OPEN = "people:open"
    IDENTITIES_VERIFY = "identities:verify"
    RECTIFICATIONS_DECIDE = "rectifications:decide"
    RECOVERIES_READ = "recoveries:read"
    RECOVERIES_OPEN = "recoveries:open"
    RECOVERIES_STOP = "recoveries:stop"
    REPORTS_READ = "reports:read"
    REPORTS_CLOSE = "reports:close"


class Role(StrEnum):
    """A duty that a person is given."""

    SUPERADMINISTRATOR = "superadministrator"
    ADMINISTRATOR = "administrator"
    PROVIDER_ADMINISTRATOR = "provider_administrator"
    INSTITUTION_ADMINISTRATOR = "institution_administrator"
    APPLICATION_DEVELOPER = "application_developer"
    PKI_OFFICER = "pki_officer"
    PKI_APPROVER = "pki_approver"
    AUDITOR = "auditor"
    REGISTRATION_OFFICER = "registration_officer"
    SUPPORT = "support"
    SECURITY_OFFICER = "security_officer"


_P = Permission
_CERTIFICATES = frozenset(
    {
        _P.CONSOLE_OPEN,
        _P.REQUESTS_READ,
        _P.CERTIFICATES_READ,
        _P.PROFILES_READ,
        _P.CREDENTIALS_READ,
        _P.AUTHORITIES_READ,
    }
)

# Who comes in, from where, and what applications declare: the running of the provider.
_PROVIDER = frozenset(
    {
        _P.CONSOLE_OPEN,
        _P.FIGURES_READ,
        _P.CLIENTS_READ,
        _P.APPLICATIONS_WRITE,
        _P.APPLICATIONS_APPROVE,
        _P.DELIVERIES_READ,
        _P.DELIVERIES_REPEAT,
        _P.INSTITUTIONS_READ,
        _P.INSTITUTIONS_ADD,
        _P.INSTITUTIONS_CHANGE,
        _P.RIGHTS_READ,
        _P.DIRECTORIES_READ,
        _P.DIRECTORIES_CHANGE,
        _P.PROVIDERS_READ,
        _P.PROVIDERS_CHANGE,
        _P.DECLARATIONS_READ,
        _P.DECLARATIONS_CHANGE,
        _P.DELEGATIONS_READ,
    }
)

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    # Appoints the others, administrators too, and reads how the service is set up. It runs nothing, issues nothing and
    # does not read the evidence: who appoints does not do, and does not check what was done.
    Role.SUPERADMINISTRATOR: frozenset(
        {
            _P.CONSOLE_OPEN,
            _P.FIGURES_READ,
            _P.AUTHORITIES_READ,
            _P.CLIENTS_READ,
            _P.INSTITUTIONS_READ,
            _P.ROLES_READ,
            _P.ROLES_GRANT,
            _P.RIGHTS_READ,
            _P.DIRECTORIES_READ,
            _P.PROVIDERS_READ,
            _P.DECLARATIONS_READ,
            _P.DELEGATIONS_READ,
        }
    ),
    # Runs the provider and appoints nobody.
    Role.PROVIDER_ADMINISTRATOR: _PROVIDER,
    # Sees what an institution has, looks after its applications, and says who gives rights there.
    Role.INSTITUTION_ADMINISTRATOR: _CERTIFICATES - {_P.AUTHORITIES_READ}
    | {
        _P.CLIENTS_READ,
        _P.APPLICATIONS_WRITE,
        _P.INSTITUTIONS_READ,
        _P.RIGHTS_READ,
        _P.DIRECTORIES_READ,
        _P.PROVIDERS_READ,
        _P.DECLARATIONS_READ,
        _P.DELEGATIONS_READ,
        _P.DELEGATIONS_CHANGE,
    },
    # Looks after an institution's applications and declares their roles; gives these to nobody.
    Role.APPLICATION_DEVELOPER: frozenset(
        {
            _P.CONSOLE_OPEN,
            _P.CLIENTS_READ,
            _P.APPLICATIONS_WRITE,
            _P.DECLARATIONS_READ,
            _P.DECLARATIONS_CHANGE,
        }
    ),
    Role.ADMINISTRATOR: frozenset(
        {
            _P.CONSOLE_OPEN,
            _P.FIGURES_READ,
            _P.AUTHORITIES_READ,
            _P.CLIENTS_READ,
            _P.APPLICATIONS_WRITE,
            _P.APPLICATIONS_APPROVE,
            _P.DELIVERIES_READ,
            _P.DELIVERIES_REPEAT,
            _P.INSTITUTIONS_READ,
            _P.INSTITUTIONS_ADD,
            _P.INSTITUTIONS_CHANGE,
            _P.ROLES_READ,
            _P.ROLES_GRANT,
            _P.RIGHTS_READ,
            _P.DIRECTORIES_READ,
            _P.DIRECTORIES_CHANGE,
            _P.PROVIDERS_READ,
            _P.PROVIDERS_CHANGE,
            _P.DECLARATIONS_READ,
            _P.DECLARATIONS_CHANGE,
            _P.DELEGATIONS_READ,
            _P.DELEGATIONS_CHANGE,
        }
    ),
    Role.PKI_OFFICER: _CERTIFICATES
    | {
        _P.CERTIFICATES_REQUEST,
        _P.CERTIFICATES_REVOKE,
        _P.CERTIFICATES_HOLD,
        _P.CREDENTIALS_ISSUE,
        _P.INSTITUTIONS_READ,
    },
    Role.PKI_APPROVER: _CERTIFICATES
    | {_P.CERTIFICATES_APPROVE, _P.CERTIFICATES_REVOKE, _P.CERTIFICATES_HOLD, _P.INSTITUTIONS_READ},
    Role.AUDITOR: _CERTIFICATES
    | {
        _P.FIGURES_READ,
        _P.CLIENTS_READ,
        _P.DELIVERIES_READ,
        _P.INSTITUTIONS_READ,
        _P.ROLES_READ,
        _P.RIGHTS_READ,
        _P.DIRECTORIES_READ,
        _P.PROVIDERS_READ,
        _P.DECLARATIONS_READ,
        _P.DELEGATIONS_READ,
        _P.AUDIT_SEARCH,
        _P.AUDIT_EXPORT,
    },
    Role.REGISTRATION_OFFICER: frozenset(
        {
            _P.CONSOLE_OPEN,
            _P.PEOPLE_OPEN,
            _P.IDENTITIES_VERIFY,
            _P.RECTIFICATIONS_DECIDE,
            _P.RECOVERIES_READ,
            _P.RECOVERIES_OPEN,
            _P.RECOVERIES_STOP,
        }
    ),
    Role.SUPPORT: frozenset({_P.CONSOLE_OPEN, _P.PEOPLE_OPEN}),
    Role.SECURITY_OFFICER: frozenset(
        {
            _P.CONSOLE_OPEN,
            _P.FIGURES_READ,
            _P.CERTIFICATES_READ,
            _P.CERTIFICATES_HOLD,
            _P.PEOPLE_OPEN,
            _P.RECOVERIES_READ,
            _P.RECOVERIES_STOP,
            _P.REPORTS_READ,
            _P.REPORTS_CLOSE,
        }
    ),
}

# What knows no institution: a role that is held for one alone does not carry it.
NATIONAL = frozenset({_P.RECTIFICATIONS_DECIDE})

# A role that may be held for one institution alone: what it opens then ends at that institution's requests and
# certificates, or at what was done at its desks. The others see the whole service, so binding them to an institution
# would promise what is not kept.
INSTITUTIONAL_ROLES = frozenset(
    {
        Role.PKI_OFFICER,
        Role.PKI_APPROVER,
        Role.REGISTRATION_OFFICER,
        Role.INSTITUTION_ADMINISTRATOR,
        Role.APPLICATION_DEVELOPER,
    }
)
# Roles that are always held for one institution.
BOUND_ROLES = frozenset({Role.INSTITUTION_ADMINISTRATOR, Role.APPLICATION_DEVELOPER})
# Whoever holds one of these appoints others: one of them stays. The first appoints the second; nobody else the first.
APPOINTING_ROLES = frozenset({Role.SUPERADMINISTRATOR, Role.ADMINISTRATOR})

# What somebody may do to whom roles of applications were delegated (``idp.rights.delegation``), in those institutions
# and nowhere else. It is no role of the console: it begins and ends with the delegation.
DELEGATED = frozenset({_P.CONSOLE_OPEN, _P.RIGHTS_READ, _P.RIGHTS_ASSIGN, _P.RIGHTS_DECIDE})
