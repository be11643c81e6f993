"""Every operation of the API."""

from __future__ import annotations

from admin.api import (
    applications,
    bulk,
    certificates,
    changing_applications,
    citizens_of_tests,
    credentials,
    declarations,
    evidence,
    going_live,
    institutions,
    mass,
    overview,
    people,
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
    *roles.OPERATIONS,
    *service_roles.OPERATIONS,
    *applications.OPERATIONS,
    *changing_applications.OPERATIONS,
    *going_live.OPERATIONS,
    *citizens_of_tests.OPERATIONS,
    *certificates.OPERATIONS,
    *requests.OPERATIONS,
    *revoking.OPERATIONS,
    *credentials.OPERATIONS,
    *bulk.OPERATIONS,
    *mass.OPERATIONS,
    *rights.OPERATIONS,
    *declarations.OPERATIONS,
    *people.OPERATIONS,
    *evidence.OPERATIONS,
)
