"""Profiles at the console: who issues each, its versions and what changed, and how many certificates each has."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from admin.certificate_counts import count_certificates, counted_certificates, counted_until, key_in_words
from admin.model import HourCount
from admin.permissions import Role
from admin.web.profile_words import PROFILE_WORDS
from ca.issuance.model import Certificate
from ca.profiles.registry import packaged_profiles
from composition import Composition
from idp.directory.institutions import Institution
from kernel.clock import ManualClock
from tests.admin.conftest import MakeOperator

ALL = "/admin/profiles"


def test_profiles_are_told_in_the_readers_language(make_operator: MakeOperator, authority: None) -> None:
    """What each is called, is for and asks for is in the catalogue; the pages say it so."""
    told = {str(each) for each in PROFILE_WORDS}
    carried = {
        text
        for profile in packaged_profiles().list()
        for text in (
            profile.title,
            profile.explanation,
            *(text for field in profile.inputs for text in (field.label, field.hint)),
        )
        if text
    }
    assert told == carried, "write them in admin/web/profile_words.py as the profiles have them"
    officer = make_operator(Role.PKI_OFFICER)
    assert "Signature of a natural person" in officer.get(f"{ALL}?lang=en").text
    form = officer.get("/admin/requests/new/natural-person-signature").text
    assert "First surname" in form
    assert "Primer apellido" not in form


def test_a_profile_and_its_versions_are_explained(make_operator: MakeOperator, authority: None) -> None:
    """Who issues it, what each version brought, and two of them side by side in words."""
    officer = make_operator(Role.PKI_OFFICER)
    assert "issuing-1" in officer.get(ALL).text
    page = officer.get(f"{ALL}/person-authentication").text
    assert "Se puede suspender y reactivar" in page
    assert "de antes de la primera entrega: no se guardó" in page
    side = officer.get(f"{ALL}/person-authentication/compare?from=2&to=4").text
    assert "partes cambiaron" in side
    assert "<del>No</del>" in side
    assert "<ins>Sí</ins>" in side
    last = officer.get(f"{ALL}/person-authentication/compare").text
    assert "1 parte cambió" in last
    assert "Elija dos versiones distintas" in officer.get(f"{ALL}/tls-server/compare?from=9").text
    assert officer.get(f"{ALL}/none-such").status_code == 404


def test_certificates_are_counted_once_by_version_and_key(
    make_operator: MakeOperator, authority: None, institution: Institution, composition: Composition, clock: ManualClock
) -> None:
    """Hours that are over; a page reads the counts and not the register, and whoever sees one institution none."""
    database = composition.database
    assert count_certificates(database, now=clock.now()) == 0
    clock.advance(timedelta(hours=2))
    with database.reading() as session:
        rows = session.execute(select(Certificate.profile, Certificate.tbs_der)).all()
    assert count_certificates(database, now=clock.now()) == len(rows) > 0
    assert count_certificates(database, now=clock.now()) == 0
    with database.reading() as session:
        counted = counted_certificates(session, now=clock.now())
        assert sum(each.issued for each in counted) == sum(each.in_force for each in counted) == len(rows)
        assert sorted({each.key for each in counted}) == sorted({key_in_words(tbs) for _profile, tbs in rows})
        until = counted_until(session)
        assert until is not None
        assert until <= clock.now()
        later = counted_certificates(session, now=clock.now() + timedelta(days=36_500))
        assert {each.in_force for each in later} == {0}
        assert counted_certificates(session, now=clock.now(), profiles=["tls-server"]) == []
        assert session.scalars(select(HourCount.name)).all() == ["certificates"]
    assert "Contados hasta" in make_operator(Role.AUDITOR).get(ALL).text
    bound = make_operator(Role.PKI_OFFICER, name="Luis", institution_ruc=institution.ruc).get(ALL).text
    assert "Contados hasta" not in bound
    assert key_in_words(b"\x30\x00") == "?"
