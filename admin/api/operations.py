"""Every operation of the API."""

from __future__ import annotations

from admin.api import (
    application_keys,
    application_life,
    applications,
    bulk,
    certificates,
    changing_applications,
    citizens_of_tests,
    credentials,
    declarations,
    directories,
    evidence,
    going_live,
    handovers,
    institutions,
    mass,
    overview,
    people,
    providers,
    requests,
    revoking,
    rights,
    roles,
    service_roles,
)
from admin.api.operation import Operation

PREFIX = "/admin/api/v1"
OPERATIONS: tuple[Operation, ...] = (
    *overview.OPERATIONS,
    *institutions.OPERATIONS,
    *directories.OPERATIONS,
    *providers.OPERATIONS,
    *roles.OPERATIONS,
    *service_roles.OPERATIONS,
    *applications.OPERATIONS,
    *changing_applications.OPERATIONS,
    *going_live.OPERATIONS,
    *application_keys.OPERATIONS,
    *application_life.OPERATIONS,
    *citizens_of_tests.OPERATIONS,
    *certificates.OPERATIONS,
    *requests.OPERATIONS,
    *revoking.OPERATIONS,
    *credentials.OPERATIONS,
    *handovers.OPERATIONS,
    *bulk.OPERATIONS,
    *mass.OPERATIONS,
    *rights.OPERATIONS,
    *declarations.OPERATIONS,
    *people.OPERATIONS,
    *evidence.OPERATIONS,
)
