"""Notices before a certificate ends: in time, once, to whom it concerns, and none after it was renewed."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import select

from audit.model import AuditEvent
from ca.commands import commands
from ca.expiry.announce import announce_expiring
from ca.expiry.model import ExpiryNotice
from ca.issuance.model import Certificate
from composition import Composition
from idp.accounts.person import add_person
from idp.commands import commands as idp_commands
from idp.directory.institutions import add_institution, find_institution_by_ruc, set_institution_contact
from idp.notices.mail import Mail, list_stored_mails
from kernel.clock import ManualClock
from tests.ca.hierarchy import Hierarchy, serial_of

RUC = "1768153530001"
LIFE = timedelta(days=180)


@pytest.fixture
def hierarchy(composition: Composition, hierarchy: Hierarchy) -> Hierarchy:
    """A hierarchy and an institution whose contact is known."""
    now = composition.clock.now()
    with composition.database.transaction() as session:
        added = add_institution(
            session,
            journal=composition.journal,
            ruc=RUC,
            name="Servicio de Ejemplo",
            domains=["ejemplo.gob.ec"],
            now=now,
        )
        set_institution_contact(
            session, journal=composition.journal, institution_id=added.id, email="Redes@Ejemplo.gob.ec", now=now
        )
    return hierarchy


def mails(composition: Composition) -> list[Mail]:
    """What was written, the oldest first."""
    with composition.database.reading() as session:
        return list_stored_mails(session, services=composition.idp)[::-1]


def issue(composition: Composition, hierarchy: Hierarchy, **keywords: object) -> x509.Certificate:
    """A server's certificate for 180 days."""
    with composition.database.transaction() as session:
        return hierarchy.issue(session, now=composition.clock.now(), **{"lifetime": LIFE, **keywords})  # type: ignore[arg-type]


def test_writes_at_each_step_and_once(composition: Composition, hierarchy: Hierarchy, clock: ManualClock) -> None:
    """60, 30, 14, 7 and 1 days before; two runs of the job, or two workers, write once."""
    certificate = issue(composition, hierarchy)
    announced = []
    for day in range(100, 185):
        clock.advance(certificate.not_valid_after_utc - LIFE + timedelta(days=day, hours=1) - clock.now())
        if announce_expiring(composition.ca) + announce_expiring(composition.ca):
            announced.append(180 - day)
    assert announced == [60, 30, 14, 7, 1]
    written = mails(composition)
    assert len(written) == 5
    assert {mail.to for mail in written} == {"redes@ejemplo.gob.ec"}
    assert "tramites.ejemplo.gob.ec" in written[0].subject
    assert serial_of(certificate).upper() in written[0].body
    assert "Hola, Servicio de Ejemplo:" in written[0].body
    with composition.database.reading() as session:
        events = session.scalars(
            select(AuditEvent.object_id).where(AuditEvent.type == "ca:certificate:expiry_announced")
        ).all()
    assert events == [serial_of(certificate)] * 5


def test_after_a_pause_only_the_nearest_step_is_written(
    composition: Composition, hierarchy: Hierarchy, clock: ManualClock
) -> None:
    issue(composition, hierarchy)
    clock.advance(LIFE - timedelta(days=6))
    assert announce_expiring(composition.ca) == 1
    with composition.database.reading() as session:
        assert session.scalars(select(ExpiryNotice.days)).all() == [7]


def test_a_renewed_certificate_is_not_announced(
    composition: Composition, hierarchy: Hierarchy, clock: ManualClock
) -> None:
    """A newer one for the same subject, profile and names took its place; then the newer one is announced in time."""
    issue(composition, hierarchy)
    clock.advance(LIFE - timedelta(days=40))
    newer = issue(composition, hierarchy)
    assert announce_expiring(composition.ca) == 0
    assert mails(composition) == []
    clock.advance(LIFE - timedelta(days=13))
    assert announce_expiring(composition.ca) == 1
    assert serial_of(newer).upper() in mails(composition)[0].body


@pytest.mark.parametrize("difference", ["name", "profile", "institution", "revoked", "unsigned"])
def test_what_does_not_take_its_place_stops_no_notice(
    composition: Composition, hierarchy: Hierarchy, clock: ManualClock, difference: str
) -> None:
    issue(composition, hierarchy)
    clock.advance(LIFE - timedelta(days=20))
    changed: dict[str, object] = {
        "name": {"name": "otro.ejemplo.gob.ec"},
        "profile": {"profile": "tls-client"},
        "institution": {"institution_ruc": "1760013210001"},
    }.get(difference, {})  # type: ignore[assignment]
    other = issue(composition, hierarchy, **changed)
    with composition.database.transaction() as session:
        row = session.get_one(Certificate, serial_of(other))
        if difference == "revoked":
            row.revoked_at = clock.now()
        if difference == "unsigned":
            row.certificate_der = None
    assert announce_expiring(composition.ca) == 1


def test_the_holder_of_a_personal_certificate_is_written_to(
    composition: Composition, hierarchy: Hierarchy, clock: ManualClock
) -> None:
    with composition.database.transaction() as session:
        person = add_person(
            session,
            journal=composition.journal,
            cedula="1710034065",
            given_names="María José",
            surnames="Ñaupari",
            email="mj@example.ec",
            level=2,
            now=clock.now(),
        )
    issue(composition, hierarchy, profile="person-authentication", holder_id=person.id, institution_ruc=None)
    clock.advance(LIFE - timedelta(days=10))
    assert announce_expiring(composition.ca) == 1
    assert mails(composition)[-1].to == person.email


def test_who_cannot_be_written_to_is_on_record(
    composition: Composition, hierarchy: Hierarchy, clock: ManualClock
) -> None:
    issue(composition, hierarchy, institution_ruc="1760013210001")
    clock.advance(LIFE - timedelta(days=10))
    assert announce_expiring(composition.ca) == 0
    assert announce_expiring(composition.ca) == 0
    with composition.database.reading() as session:
        assert session.scalars(select(ExpiryNotice.outcome)).all() == ["nobody"]
        found = session.scalars(
            select(AuditEvent.reason).where(AuditEvent.type == "ca:certificate:expiry_announced")
        ).all()
    assert found == ["no_address"]


def test_steps_beyond_half_of_a_life_are_left_out(
    composition: Composition, hierarchy: Hierarchy, clock: ManualClock
) -> None:
    """A seven-day certificate that a protocol renews is no news; revoked ones are none either."""
    issue(composition, hierarchy, profile="tls-server-short", lifetime=timedelta(days=6))
    gone = issue(composition, hierarchy, private_key=ec.generate_private_key(ec.SECP256R1()))
    with composition.database.transaction() as session:
        session.get_one(Certificate, serial_of(gone)).revoked_at = clock.now()
    clock.advance(LIFE - timedelta(days=1, hours=1))
    assert announce_expiring(composition.ca) == 0


def test_commands(composition: Composition, hierarchy: Hierarchy, clock: ManualClock) -> None:
    """`sau ca expiring` lists what nobody renewed; `sau institution contact` says who is written to."""
    certificate = issue(composition, hierarchy)
    clock.advance(LIFE - timedelta(days=20))
    announce_expiring(composition.ca)
    group = commands(lambda: composition.ca)[0]
    result = CliRunner().invoke(group, ["expiring", "--json"])
    assert result.exit_code == 0, result.exception
    records = json.loads(result.stdout)
    assert [(record["serial"], record["announced_at_days"]) for record in records] == [(serial_of(certificate), 30)]
    assert json.loads(CliRunner().invoke(group, ["expiring", "--days", "5", "--json"]).stdout) == []
    institution = next(item for item in idp_commands(lambda: composition.idp) if item.name == "institution")
    changed = CliRunner().invoke(institution, ["contact", RUC, "mesa@ejemplo.gob.ec", "--json"])
    assert changed.exit_code == 0, changed.exception
    assert json.loads(changed.stdout)["contact_email"] == "mesa@ejemplo.gob.ec"
    with composition.database.reading() as session:
        assert find_institution_by_ruc(session, RUC).contact_email == "mesa@ejemplo.gob.ec"
