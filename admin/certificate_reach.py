"""Whose certificates and mass revocations an operator reaches: the one place where that is asked."""

from __future__ import annotations

from sqlalchemy.orm import Session

from admin.permissions import Permission
from admin.roles import Powers
from ca.bulk.view import BatchView, find_batch
from ca.issuance.model import Certificate
from ca.revocation.mass.decide import MassView, load_mass_revocation, view_of
from ca.serial import parse_serial
from ca.services import CaServices
from kernel.errors import NotFound, Rejected


def certificate_reached(session: Session, powers: Powers, permission: Permission, serial: str) -> Certificate:
    """Return the certificate. :param serial: as typed.

    :raises NotFound: ``unknown_certificate``; ``not_found`` for another institution's.
    """
    try:
        certificate = session.get(Certificate, parse_serial(serial))
    except Rejected:
        certificate = None
    if certificate is None:
        raise NotFound("There is no certificate with this serial number.", code="unknown_certificate")
    powers.require_institution(permission, certificate.institution_ruc)
    return certificate


def batch_reached(
    session: Session, powers: Powers, permission: Permission, batch_id: str, *, services: CaServices
) -> BatchView:
    """Return the batch. One for no one institution is everybody's: only who reaches all institutions sees it.

    :raises NotFound: ``unknown_batch``; ``not_found`` for another institution's.
    """
    found = find_batch(session, services=services, batch_id=batch_id)
    powers.require_institution(permission, found.institution_ruc)
    return found


def reaches_mass_revocation(powers: Powers, view: MassView) -> bool:
    """Tell whether the operator may see and decide it."""
    reach = powers.institutions(Permission.CERTIFICATES_REVOKE)
    return reach is None or view.selection.institution_ruc in reach


def mass_revocation_reached(session: Session, powers: Powers, mass_id: str) -> MassView:
    """Return the mass revocation. :raises NotFound: (``unknown_mass_revocation``) for another institution's too."""
    view = view_of(load_mass_revocation(session, mass_id))
    if not reaches_mass_revocation(powers, view):
        raise NotFound("There is no such mass revocation.", code="unknown_mass_revocation")
    return view
