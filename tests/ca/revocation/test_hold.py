"""Suspending a certificate (certificateHold): RFC 5280 §5.3.1 and §5.2.4, certificate authority 18 to 20 and 25."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from sqlalchemy import select

from audit.model import AuditEvent
from audit.vocabulary import EventType
from ca.issuance.model import Certificate
from ca.profiles.profile import Profile
from ca.register.standing import CertificateRegister
from ca.revocation.compromised_key import block_key
from ca.revocation.hold import HeldAs, Released, find_hold, hold_certificate, release_certificate
from ca.revocation.model import CertificateHold
from ca.revocation.ocsp import OcspResponder
from ca.revocation.ocsp_signer import renew_ocsp_signers
from ca.revocation.publish import PublishedList, current_delta
from ca.revocation.reason import parse_reason
from ca.revocation.revoke import revoke_certificate
from ca.services import CaServices
from kernel.clock import ManualClock
from kernel.errors import Conflict, Denied, NotFound, Rejected, ServiceError
from tests.ca.hierarchy import Hierarchy, serial_of
from tests.ca.revocation.steps import arrange, issue, parse, publish, serials
from tests.servers.process import find_program

PERSONAL = "person-authentication"
Flags = x509.ReasonFlags


@pytest.fixture
def clock() -> ManualClock:
    """The time that other programs know, a while ago: nothing that is made is of tomorrow."""
    return ManualClock(datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=10))


def hold(services: CaServices, serial: str, *, actor: str = "officer-1", held_as: HeldAs = HeldAs.AUTHORITY) -> None:
    with services.database.transaction() as session:
        hold_certificate(
            session, services=services, serial=serial, actor=actor, held_as=held_as, now=services.clock.now()
        )


def release(
    services: CaServices, serial: str, *, actor: str = "officer-2", released_as: HeldAs = HeldAs.AUTHORITY
) -> Released:
    with services.database.transaction() as session:
        return release_certificate(
            session, services=services, serial=serial, actor=actor, released_as=released_as, now=services.clock.now()
        )


def revoke(services: CaServices, serial: str, reason: str) -> datetime:
    with services.database.transaction() as session:
        return revoke_certificate(
            session, services=services, serial=serial, reason=reason, actor="officer-1", now=services.clock.now()
        ).revoked_at


def reasons(published: PublishedList) -> dict[int, x509.ReasonFlags]:
    return {
        entry.serial_number: entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
        for entry in parse(published)
    }


def delta_of(hierarchy: Hierarchy) -> PublishedList:
    with hierarchy.services.database.reading() as session:
        return current_delta(session, authority_name="issuing-1", shard=0, now=hierarchy.services.clock.now())


def answer(responder: OcspResponder, hierarchy: Hierarchy, leaf: x509.Certificate) -> bytes:
    builder = ocsp.OCSPRequestBuilder().add_certificate(leaf, hierarchy.issuing_certificate, hashes.SHA1())
    request = builder.build().public_bytes(Encoding.DER)
    return responder.answer(request, now=hierarchy.services.clock.now()).der


def said(der: bytes) -> tuple[str, x509.ReasonFlags | None]:
    response = ocsp.load_der_ocsp_response(der)
    return response.certificate_status.name, response.revocation_reason


def test_a_hold_shows_everywhere_at_once_and_goes_away_again(
    hierarchy: Hierarchy, clock: ManualClock, tmp_path: Path
) -> None:
    """OCSP and list say certificateHold, and good and nothing after the release; OpenSSL and GnuTLS read them so."""
    services = hierarchy.services
    renew_ocsp_signers(services, now=clock.now())
    responder = OcspResponder(services, look_every=0)
    leaf = issue(hierarchy, profile=PERSONAL)
    serial = serial_of(leaf)
    assert said(answer(responder, hierarchy, leaf)) == ("GOOD", None)
    held_at = clock.now()
    hold(services, serial)
    clock.advance(timedelta(seconds=1))
    held_answer, held_list = answer(responder, hierarchy, leaf), publish(hierarchy, scheduled=False)
    assert said(held_answer) == ("REVOKED", Flags.certificate_hold)
    assert ocsp.load_der_ocsp_response(held_answer).revocation_time_utc == held_at
    assert reasons(held_list) == {leaf.serial_number: Flags.certificate_hold}
    clock.advance(timedelta(seconds=1))
    assert release(services, serial) is Released.RELEASED
    good_answer, good_list = answer(responder, hierarchy, leaf), publish(hierarchy, scheduled=False)
    assert said(good_answer) == ("GOOD", None)
    assert ocsp.load_der_ocsp_response(good_answer).this_update_utc == clock.now()
    assert serials(good_list) == set()

    openssl, certtool = find_program("openssl", package="openssl"), find_program("certtool", package="gnutls-bin")
    ocsptool = find_program("ocsptool", package="gnutls-bin")
    for name, certificate in (("leaf", leaf), ("issuing", hierarchy.issuing_certificate)):
        (tmp_path / f"{name}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    for state, response, published in (("held", held_answer, held_list), ("good", good_answer, good_list)):
        (tmp_path / f"{state}.ocsp").write_bytes(response)
        (tmp_path / f"{state}.crl").write_bytes(parse(published).public_bytes(Encoding.PEM))

    def run(*command: str) -> str:
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    trust = ("-partial_chain", "-CAfile", "issuing.pem")
    for state, status, reason in (("held", "revoked", "certificateHold"), ("good", "good", "")):
        asked = ("-issuer", "issuing.pem", "-cert", "leaf.pem", "-respin", f"{state}.ocsp", "-no_nonce")
        text = run(openssl, "ocsp", *asked, *trust)
        assert "Response verify OK" in text
        assert f"leaf.pem: {status}" in text
        assert reason in text
        text = run(ocsptool, "--response-info", "--inder", "--infile", f"{state}.ocsp")
        assert f"Certificate Status: {status}" in text
        read = (openssl, "crl", "-in", f"{state}.crl", "-noout")
        assert "verify OK" in run(*read, "-CAfile", "issuing.pem", "-verify")
        assert ("Certificate Hold" in run(*read, "-text")) is bool(reason)
        verdict = run(openssl, "verify", *trust, "-crl_check", "-CRLfile", f"{state}.crl", "leaf.pem")
        assert ("revoked" if reason else "leaf.pem: OK") in verdict
        listed = run(certtool, "--crl-info", "--infile", f"{state}.crl")
        assert ("Revoked certificates (1)" in listed) is bool(reason)


def test_a_delta_tells_of_hold_and_release(hierarchy: Hierarchy, clock: ManualClock) -> None:
    """RFC 5280 §5.2.4: removeFromCRL while the base, or a delta since, may have told of the hold; then no more."""
    services = hierarchy.services
    arrange(hierarchy, delta=True)
    before, after, ended = (issue(hierarchy, profile=PERSONAL) for _ in range(3))
    hold(services, serial_of(before))
    base = publish(hierarchy)
    for leaf in (after, ended):
        hold(services, serial_of(leaf))
    publish(hierarchy, scheduled=False)
    held = {leaf.serial_number: Flags.certificate_hold for leaf in (after, ended)}
    assert reasons(delta_of(hierarchy)) == held
    for leaf in (before, after):
        release(services, serial_of(leaf))
    revoke(services, serial_of(ended), "superseded")
    complete = publish(hierarchy, scheduled=False)
    removed = {leaf.serial_number: Flags.remove_from_crl for leaf in (before, after)}
    assert reasons(complete) == {ended.serial_number: Flags.superseded}
    assert reasons(delta_of(hierarchy)) == removed | {ended.serial_number: Flags.superseded}
    hold(services, serial_of(after))
    publish(hierarchy, scheduled=False)
    assert reasons(delta_of(hierarchy))[after.serial_number] is Flags.certificate_hold
    clock.advance(base.next_update - clock.now())
    publish(hierarchy)
    publish(hierarchy)
    assert before.serial_number not in serials(delta_of(hierarchy))


def test_a_revocation_after_a_hold_keeps_its_date(hierarchy: Hierarchy, clock: ManualClock) -> None:
    """The certificate counted for nothing since the hold; no release after it, whatever the reason; all on record."""
    services = hierarchy.services
    for reason in ("superseded", "keyCompromise"):
        serial = serial_of(issue(hierarchy, profile=PERSONAL))
        held_at = clock.now()
        hold(services, serial)
        clock.advance(timedelta(hours=3))
        assert revoke(services, serial, reason) == held_at
        with services.database.reading() as session:
            row = session.get_one(Certificate, serial)
            assert (row.revoked_at, row.revocation_reason) == (held_at, reason)
            assert find_hold(session, serial) is None
            ending = session.scalar(select(CertificateHold.ending).where(CertificateHold.serial == serial))
        assert ending == "revoked"
        with pytest.raises(Conflict, match="not_on_hold"):
            release(services, serial)
        with pytest.raises(Conflict, match="already_revoked"):
            hold(services, serial)
    with pytest.raises(Rejected, match="unknown_revocation_reason"):
        parse_reason("certificateHold")


def test_what_may_not_be_held_is_not(hierarchy: Hierarchy, clock: ManualClock) -> None:
    """Never an authority's; no server's (BR §4.9.13: its profile says no); none that expired; not twice; on record."""
    services = hierarchy.services
    leaf, server = issue(hierarchy, profile=PERSONAL), issue(hierarchy)
    hold(services, serial_of(leaf))
    short = issue(hierarchy, profile=PERSONAL, lifetime=timedelta(hours=1))
    clock.advance(timedelta(hours=2))
    refused: list[tuple[str, type[ServiceError], str]] = [
        (serial_of(hierarchy.issuing_certificate), Denied, "authority_not_held"),
        (serial_of(server), Denied, "profile_forbids_hold"),
        (serial_of(short), Rejected, "certificate_expired"),
        (serial_of(leaf), Conflict, "already_on_hold"),
        ("0b" * 10, NotFound, "unknown_certificate"),
    ]
    for serial, kind, code in refused:
        with pytest.raises(kind, match=code):
            hold(services, serial)
    with services.database.reading() as session:
        kinds = EventType.CERTIFICATE_HOLD_REFUSED.value
        codes = session.scalars(select(AuditEvent.reason).where(AuditEvent.type == kinds).order_by(AuditEvent.id)).all()
    assert codes == [code for _, _, code in refused]


def test_only_profiles_that_somebody_looks_up_allow_a_hold(ca: CaServices) -> None:
    """A server's profile cannot even say so, nor one whose certificates point at no status."""
    allowed = {profile.name for profile in ca.profiles.list() if profile.may_be_held}
    assert {"person-authentication", "natural-person-signature", "institution-seal"} <= allowed
    assert not allowed & {"tls-server", "tls-server-acme", "tls-server-short", "ocsp-responder", "time-stamping"}
    with pytest.raises(ValueError, match="never for servers"):
        Profile(**(vars(ca.profiles.get("tls-server")) | {"may_be_held": True}))


def test_who_suspended_releases_and_the_authority_always(hierarchy: Hierarchy) -> None:
    """What an officer suspended its holder cannot take up again; a key that is blocked stays on hold."""
    services = hierarchy.services
    serial = serial_of(issue(hierarchy, profile=PERSONAL))
    hold(services, serial)
    for capacity in (HeldAs.HOLDER, HeldAs.INSTITUTION):
        with pytest.raises(Denied, match="hold_of_others"):
            release(services, serial, released_as=capacity)
    assert release(services, serial) is Released.RELEASED
    with pytest.raises(Conflict, match="not_on_hold"):
        release(services, serial)
    hold(services, serial, actor="holder", held_as=HeldAs.HOLDER)
    assert release(services, serial, actor="holder", released_as=HeldAs.HOLDER) is Released.RELEASED
    hold(services, serial, actor="holder", held_as=HeldAs.HOLDER)
    with services.database.transaction() as session:
        spki = session.get_one(Certificate, serial).spki_sha256
        block_key(session, spki_sha256=spki, serial=serial, compromised_at=None, now=services.clock.now())
    with pytest.raises(Denied, match="held_key_compromised"):
        release(services, serial, actor="holder", released_as=HeldAs.HOLDER)


def test_two_people_release_where_the_settings_want_it(hierarchy: Hierarchy) -> None:
    """The first asks, another one does it; a holder needs nobody for his own."""
    settings = hierarchy.services.settings.model_copy(update={"hold_release_people": 2})
    services = replace(hierarchy.services, settings=settings)
    serial = serial_of(issue(hierarchy, profile=PERSONAL))
    hold(services, serial)
    assert release(services, serial, actor="officer-1") is Released.ASKED
    with pytest.raises(Denied, match="same_person"):
        release(services, serial, actor="officer-1")
    assert release(services, serial, actor="officer-2") is Released.RELEASED
    hold(services, serial, actor="holder", held_as=HeldAs.HOLDER)
    assert release(services, serial, actor="holder", released_as=HeldAs.HOLDER) is Released.RELEASED


def test_a_held_certificate_authenticates_nobody(hierarchy: Hierarchy, clock: ManualClock) -> None:
    """Who asks the register hears that it is suspended; what ends for good ends those on hold, too."""
    services = hierarchy.services
    leaf = issue(hierarchy, profile=PERSONAL)
    register = CertificateRegister()
    digest = leaf.fingerprint(hashes.SHA256()).hex()

    def stands() -> bool:
        with services.database.reading() as session:
            try:
                register.require_standing(session, sha256=digest, now=clock.now())
            except Denied as error:
                assert error.code == "certificate_suspended"
                return False
        return True

    assert stands()
    hold(services, serial_of(leaf))
    assert not stands()
    release(services, serial_of(leaf))
    assert stands()
