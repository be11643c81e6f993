"""By which an application proves who it is, changed from the console: secrets, keys, and a certificate of ours.

No second person agrees, in production neither. Whoever holds a secret or a key *is* the application, so nobody but its
own people can know when one must change, and a leaked one must not live until somebody else is at his desk. A new key
lets nobody in where he could not be before: where people are sent back to, and what is asked of them, does change by
two (:mod:`admin.applications.changing`). What is asked instead: a fresh login, the record, a mail to every contact.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from idp.accounts.person import find_person
from idp.clients.auth_method import AuthMethod
from idp.clients.change import replace_registration
from idp.clients.client import Client, hold_client
from idp.clients.client_secret import rotate_secret, withdraw_secret
from idp.clients.environment import Environment
from idp.clients.model import ClientRow
from idp.clients.registration.client_registration import ClientRegistration
from idp.clients.registration.document import registration_document
from idp.directory.institutions import find_institution
from idp.notices.mail import send_mail
from idp.notices.texts import in_words
from idp.ports import IssuedClientCertificate
from idp.services import IdpServices
from kernel.errors import Conflict, Rejected
from kernel.secret_text import SecretText

#: For how many days the secret before may stay valid.
OVERLAPS = (0, 1, 7, 30)
USUAL_OVERLAP = 7
_NAMES = "tls_client_auth_"


def rotate(
    session: Session, *, services: IdpServices, client: Client, overlap_days: int, actor: str, now: datetime
) -> SecretText:
    """Make a new secret and return it, once; the newest before serves for ``overlap_days`` more. Its contacts are told.

    :raises Rejected: ``bad_overlap``; (``no_client_secret``) it does not authenticate with one.
    """
    if overlap_days not in OVERLAPS:
        raise Rejected("Choose for how long the old one stays.", code="bad_overlap")
    client = hold_client(session, client.client_id)
    overlap = timedelta(days=overlap_days)
    secret = rotate_secret(
        session,
        journal=services.journal,
        client=client,
        sealing_secret=services.sealing_secret,
        overlap=overlap,
        actor=actor,
        now=now,
    )
    until = in_words(now + overlap) if overlap_days else ""
    _tell(session, services, client, "secret", until=until, actor=actor, now=now)
    return secret


def withdraw(
    session: Session, *, services: IdpServices, client: Client, secret_id: str, actor: str, now: datetime
) -> None:
    """End one of its secrets now. Its contacts are told. :raises: as :func:`withdraw_secret`."""
    client = hold_client(session, client.client_id)
    withdraw_secret(
        session, journal=services.journal, client_id=client.client_id, secret_id=secret_id, actor=actor, now=now
    )
    _tell(session, services, client, "withdrawn", actor=actor, now=now)


def change_keys(
    session: Session,
    *,
    services: IdpServices,
    client: Client,
    jwks: Mapping[str, Any] | None,
    jwks_uri: str | None,
    seen_version: int,
    actor: str,
    now: datetime,
) -> Client:
    """Give the application these keys, registered or published at an address, in place of those it has.

    :param jwks: a JSON Web Key Set of public keys. :param seen_version: of what ``actor`` changed.
    :raises Conflict: ``application_version``.
    :raises Rejected: ``bad_jwks``, ``nothing_changed``; (``bad_client_metadata``) it needs one of the two, not both.
    """
    client = hold_client(session, client.client_id)
    if client.version != seen_version:
        raise Conflict("Somebody else changed it meanwhile.", code="application_version")
    registration = ClientRegistration.parse(
        {**registration_document(client), "jwks": jwks, "jwks_uri": jwks_uri or None}
    )
    if registration.jwks == client.jwks and registration.metadata.jwks_uri == client.metadata.jwks_uri:
        raise Rejected("Nothing would change.", code="nothing_changed")
    changed = replace_registration(
        session,
        journal=services.journal,
        client_id=client.client_id,
        registration=registration,
        sealing_secret=services.sealing_secret,
        actor=actor,
        now=now,
    )
    moved = registration.metadata.jwks_uri != client.metadata.jwks_uri and registration.metadata.jwks_uri is not None
    _tell(session, services, client, "address" if moved else "keys", actor=actor, now=now)
    return changed


def may_have_certificate(client: Client) -> bool:
    """Tell whether a certificate can be asked for here.

    In production alone: our authority states the application's name in it, and in a sandbox nobody has agreed to that.
    """
    return (
        client.environment is Environment.PRODUCTION
        and client.institution_id is not None
        and not client.is_public
        and AuthMethod.TLS_CLIENT_AUTH in client.policy.auth_methods
    )


def request_certificate(
    session: Session, *, services: IdpServices, client: Client, csr: str, actor: str, now: datetime
) -> str:
    """Have the certificate that a CSR asks for approved, and register its name; its contacts are told.

    It is of the application alone: whatever name another registers, this certificate is accepted for this one.

    :param csr: a PKCS #10 request in PEM. :return: what :func:`complete_certificate` signs after the commit.
    If it authenticated otherwise before, from now on it does so with the certificate alone.

    :raises Rejected: (``certificate_not_offered``); ``csr_…`` and the other refusals of the authority.
    """
    client = hold_client(session, client.client_id)
    if not may_have_certificate(client):
        raise Rejected("It does not authenticate with a certificate.", code="certificate_not_offered")
    requested = services.certificates.request_client_certificate(
        session,
        csr=csr,
        client_id=client.client_id,
        client_name=client.name,
        institution_ruc=find_institution(session, client.institution_id or "").ruc,
        requested_by=actor,
        now=now,
    )
    standing = registration_document(client)
    document = {name: value for name, value in standing.items() if not name.startswith(_NAMES)}
    document |= {
        "token_endpoint_auth_method": AuthMethod.TLS_CLIENT_AUTH.value,
        "tls_client_auth_subject_dn": requested.subject_dn,
    }
    replace_registration(
        session,
        journal=services.journal,
        client_id=client.client_id,
        registration=ClientRegistration.parse(document),
        sealing_secret=services.sealing_secret,
        actor=actor,
        now=now,
    )
    session.execute(
        update(ClientRow)
        .where(ClientRow.client_id == client.client_id)
        .values(certificate_request_id=requested.request_id)
    )
    _tell(session, services, client, "certificate", actor=actor, now=now)
    return requested.request_id


def complete_certificate(*, services: IdpServices, request_id: str, now: datetime) -> IssuedClientCertificate:
    """Sign what was approved; after the commit, repeatable. :raises Unavailable: the authority's key is away."""
    return services.certificates.complete_client_certificate(request_id, now=now)


def _tell(
    session: Session, services: IdpServices, client: Client, what: str, *, until: str = "", actor: str, now: datetime
) -> None:
    context = {
        "application": client.name,
        "client_id": client.client_id,
        "by": find_person(session, actor).name,
        "what": what,
        "until": until,
    }
    for address in client.metadata.contacts:
        send_mail(
            session,
            services=services,
            to=address,
            locale="es",
            template="application_keys_changed",
            context=context,
            person_id=None,
            now=now,
        )
