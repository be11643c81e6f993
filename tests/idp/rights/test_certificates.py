"""Who leaves an institution loses the certificates that name both, and no other."""

from __future__ import annotations

from sqlalchemy import select

from ca.issuance.model import Certificate
from idp.accounts.model import PersonRow
from tests.idp.certificates import _issue, personal_certificate
from tests.idp.rights.conftest import Office


def test_leaving_revokes_the_certificates_of_that_institution_alone(office: Office) -> None:
    """RFC 5280 §5.3.1 affiliationChanged; the one to log in with and the other institution's stay."""
    servant = office.person(0)
    with office.composition.database.transaction() as session:
        row = session.get_one(PersonRow, servant.id)
        row.given_names, row.surnames = "Ana María", "Vega Ruiz"
    here = office.hire(servant)
    office.hire(servant, office.agency)
    inputs = {
        "cedula": servant.cedula,
        "given_names": "Ana María",
        "first_surname": "Vega",
        "second_surname": "Ruiz",
        "position": "Analista",
    }
    own = personal_certificate(office.composition, servant.id, now=office.now)
    held = {
        institution.ruc: _issue(office.composition, "public-servant-signature", inputs, institution.ruc, now=office.now)
        for institution in (office.ministry, office.agency)
    }
    assert office.leave(here).certificates == 1
    with office.composition.database.reading() as session:
        found = dict(
            session.execute(
                select(Certificate.serial, Certificate.revocation_reason).where(
                    Certificate.serial.in_([own.serial, *(each.serial for each in held.values())])
                )
            ).all()
        )
    assert found == {
        own.serial: None,
        held[office.ministry.ruc].serial: "affiliationChanged",
        held[office.agency.ruc].serial: None,
    }
