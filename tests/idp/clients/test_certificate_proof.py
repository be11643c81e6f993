"""tls_client_auth by certificates of our authority: whose they are is asked of its records at each authentication."""

from __future__ import annotations

import pytest

from composition import Composition
from idp.accounts.person import add_person
from idp.clients.certificate_proof import require_certificate
from idp.clients.client import Client, find_client
from idp.protocol.errors import InvalidClientError
from kernel.clock import ManualClock
from tests.idp.certificates import HeldCertificate, application_certificate, personal_certificate, revoke
from tests.idp.relying_party import register


def _client_named_by(composition: Composition, held: HeldCertificate) -> Client:
    party = register(
        composition,
        token_endpoint_auth_method="tls_client_auth",
        tls_client_auth_subject_dn=held.certificate.subject.rfc4514_string(),
    )
    with composition.database.reading() as session:
        return find_client(session, party.client_id)


def _authenticate(composition: Composition, client: Client, held: HeldCertificate) -> None:
    with composition.database.reading() as session:
        require_certificate(session, composition.idp, client, held.der, now=composition.clock.now())


def test_a_revoked_certificate_authenticates_no_application_any_more(composition: Composition) -> None:
    """At once, before any worker has passed it on: the record is asked."""
    held = application_certificate(composition, now=composition.clock.now())
    client = _client_named_by(composition, held)
    _authenticate(composition, client, held)
    revoke(composition, held, now=composition.clock.now())
    with pytest.raises(InvalidClientError) as caught:
        _authenticate(composition, client, held)
    assert caught.value.reason == "certificate_revoked"


def test_a_persons_certificate_authenticates_no_application(composition: Composition, clock: ManualClock) -> None:
    """It is for logging in, whatever name the application registered."""
    with composition.database.transaction() as session:
        person = add_person(
            session,
            journal=composition.journal,
            cedula="1710034065",
            given_names="Ana María",
            surnames="Quispe",
            email="ana@correo.test",
            now=clock.now(),
        )
    held = personal_certificate(composition, person.id, now=clock.now())
    client = _client_named_by(composition, held)
    with pytest.raises(InvalidClientError) as caught:
        _authenticate(composition, client, held)
    assert caught.value.reason == "certificate_of_a_person"
